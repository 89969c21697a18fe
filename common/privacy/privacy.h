/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privacy.h - finds sensitive text in what is asked of a model, before it
 * leaves the machine.
 *
 *	privacy:
 *	  detectors:
 *	    - { type: credential, action: redact }
 *	    - { type: private-key, action: block }
 *	    - { type: payment-card, action: redact, restore: true }
 *	    - { type: email, action: redact, restore: true }
 *	    - { type: phone, action: redact }
 *	    - { type: iban, action: redact }
 *	    - { type: national-id, action: redact, countries: [us, fr] }
 *	    - { type: pattern, name: project, action: redact,
 *	        regex: '\bPRJ-\d{4}\b' }
 *	    - { type: literal, name: customers, action: reroute,
 *	        words: [ACME Corp, Umbrella], ignore_case: true }
 *	  reroute: local-model
 *
 * An action is what happens to the request: `log` nothing, `redact` puts
 * [EMAIL_1A2B3C4D] in the text's place, `reroute` asks the route that is named
 * there instead, `block` refuses the request.  `restore: true` puts a redacted
 * text back where the answer has its placeholder.  countries: all that there
 * are, if none is given.  A word is found where it isn't part of a longer one.
 *
 *	text --privacy_parse--> struct privacy --privacy_compile--> matcher
 *	                              |                               |
 *	                       privacy_to_json                 privacy_apply
 *
 * Pure functions: no I/O, no clock, no log.  What they are given is hostile;
 * what can't be checked is an error, and the caller refuses the request.
 */
#ifndef COMMON_PRIVACY_PRIVACY_H
#define COMMON_PRIVACY_PRIVACY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define PRIVACY_TEXT_MAX 262144 /* of a configuration, in both forms */
#define PRIVACY_DETECTORS_MAX 64
#define PRIVACY_NAME_MAX 32
#define PRIVACY_REGEX_MAX 4096
#define PRIVACY_WORDS_MAX 10000 /* of all detectors */
#define PRIVACY_WORD_MAX 256

#define PRIVACY_BODY_MAX (16u << 20)
#define PRIVACY_SPANS_MAX 65536   /* found in one string of a body */
#define PRIVACY_VALUES_MAX 65536  /* different ones in one body */
#define PRIVACY_FINDINGS_MAX 1024 /* told; all are acted upon */
#define PRIVACY_PATH_MAX 160
#define PRIVACY_KEY_LEN 32

struct yaml_node;
struct privacy;         /* validated; immutable */
struct privacy_matcher; /* compiled; immutable */
struct privacy_map;     /* map.h */

enum privacy_type {
	PRIVACY_CREDENTIAL,
	PRIVACY_PRIVATE_KEY,
	PRIVACY_PAYMENT_CARD,
	PRIVACY_EMAIL,
	PRIVACY_PHONE,
	PRIVACY_IBAN,
	PRIVACY_NATIONAL_ID,
	PRIVACY_PATTERN,
	PRIVACY_LITERAL,
	PRIVACY_TYPE_MAX_
};

/* Later is stricter. */
enum privacy_action {
	PRIVACY_NONE,
	PRIVACY_LOG,
	PRIVACY_REDACT,
	PRIVACY_REROUTE,
	PRIVACY_BLOCK,
	PRIVACY_ACTION_MAX_
};

/* "payment-card", "redact": as configurations and events have them. */
const char *privacy_type_name(enum privacy_type);
const char *privacy_action_name(enum privacy_action);

/*
 * The section itself, or a document with `privacy` as its only key; YAML or
 * JSON, which is YAML.  ERR_INVALID or ERR_LIMIT: "line 4: detectors[1].regex:
 * missing closing parenthesis at offset 7".
 */
int privacy_parse(
    const char *text, size_t n, struct privacy **ret, struct error *);
/* The section as part of a document that the caller has read. */
int privacy_read(
    const struct yaml_node *, struct privacy **ret, struct error *);
void privacy_free(struct privacy *); /* NULL is fine */

/* The canonical form: keys sorted, defaults left out; owned by the caller. */
char *privacy_to_json(const struct privacy *);
/* The route that `reroute` asks; NULL if no detector does.  Borrowed. */
const char *privacy_reroute(const struct privacy *);

/* Keeps nothing of the configuration. */
int privacy_compile(
    const struct privacy *, struct privacy_matcher **ret, struct error *);
void privacy_matcher_free(struct privacy_matcher *); /* NULL is fine */

/* What was found, without the text itself. */
struct privacy_finding {
	enum privacy_type type;
	enum privacy_action action;
	const char *name;            /* "github-token", "us-ssn", or what the
				      * configuration calls it; the matcher's */
	char path[PRIVACY_PATH_MAX]; /* "messages[2].content[0].text"; members
				      * that no protocol has are '*' */
	size_t offset; /* in what the JSON string means, in bytes */
	size_t length;
};

/* Zero it; privacy_result_clear() leaves it zero, and wipes. */
struct privacy_result {
	enum privacy_action action; /* the strictest */
	struct privacy_finding *findings;
	size_t n_findings;
	bool has_more;   /* than are told */
	bool is_changed; /* body is what goes on, instead of the one given */
	struct buf body;
	struct privacy_map *map; /* for restore.h; NULL: nothing to put back */
};
void privacy_result_clear(struct privacy_result *);

/*
 * Looks at every string, member name and longer number of a JSON body, but for
 * what the protocols keep there for machines: model names, roles, ids, media.
 * A string that is JSON again (arguments of a tool, its answer) is looked
 * into.  Redacts; every other byte stays as it was.
 *
 * key: what placeholders are made of, one per sandbox: the same text has the
 * same placeholder in later requests, and nobody else's.
 *
 * -1: it could not be checked, and must not leave.
 */
int privacy_apply(const struct privacy_matcher *, const char *body, size_t n,
    const uint8_t key[PRIVACY_KEY_LEN], struct privacy_result *ret,
    struct error *);

/* The same for people who want to know: text that isn't JSON is taken as one
 * string, and there is neither body nor map. */
int privacy_check(const struct privacy_matcher *, const char *text, size_t n,
    struct privacy_result *ret, struct error *);

#endif
