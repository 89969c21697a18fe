/* SPDX-License-Identifier: Apache-2.0 */
/* naming.c - see naming.h. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "gatewayd/naming.h"
#include "gatewayd/provider.h"

#define NAME_MAX_ 63

static const char *const first_words[] = { "amber", "brave", "calm", "clever",
	"cosy", "deft", "eager", "fair", "fond", "gentle", "glad", "hardy",
	"humble", "keen", "kind", "lively", "lucid", "mellow", "merry",
	"nimble", "noble", "patient", "plain", "proud", "quick", "quiet",
	"sober", "steady", "sunny", "swift", "tidy", "wise" };
static const char *const second_words[] = { "badger", "beaver", "crane",
	"curlew", "dormouse", "egret", "falcon", "finch", "fox", "hare",
	"hedgehog", "heron", "ibex", "jackdaw", "kestrel", "lark", "lynx",
	"marten", "mole", "newt", "otter", "owl", "pika", "plover", "robin",
	"shrew", "sparrow", "stoat", "swallow", "tern", "vole", "wren" };

int
naming_check(const char *name, struct error *e)
{
	size_t n = strlen(name);

	if (n == 0 || n > NAME_MAX_)
		return error_set(e, ERR_INVALID,
		    "sandbox name '%.80s' must have 1 to %d characters",
		    log_safe(name), NAME_MAX_);
	if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] !=
		'\0' ||
	    name[0] == '-' || name[n - 1] == '-')
		return error_set(e, ERR_INVALID,
		    "sandbox name '%.80s' must be lower-case letters, digits "
		    "and inner hyphens",
		    log_safe(name));
	return 0;
}

static void
fill_random(void *p, size_t n)
{
	if (getrandom(p, n, 0) != (ssize_t)n)
		fatal("cannot get random bytes");
}

char *
naming_make(void)
{
	uint8_t r[2];

	fill_random(r, sizeof(r));
	return xasprintf("%s-%s",
	    first_words[r[0] % (sizeof(first_words) / sizeof(*first_words))],
	    second_words[r[1] %
			 (sizeof(second_words) / sizeof(*second_words))]);
}

void
naming_make_id(char ret[NAMING_ID_SIZE])
{
	uint8_t b[16];
	char *p = ret;

	fill_random(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		p += sprintf(p, "%02x", b[i]);
	}
}

static bool
is_reserved(const char *key)
{
	size_t digits = strspn(key + 1, "0123456789");
	size_t hex = strspn(key + 1, "0123456789abcdef");

	return (key[0] == 'v' && digits > 0 && key[1 + digits] == '_') ||
	       (key[0] == 's' && hex == PROVIDER_HANDLE_LEN &&
		   key[1 + hex] == '_');
}

int
naming_check_key(const char *key, struct error *e)
{
	const char *p = key;

	if (!isalpha((unsigned char)*p) && *p != '_')
		p = "-";
	while (isalnum((unsigned char)*p) || *p == '_')
		p++;
	if (*p != '\0')
		return error_set(e, ERR_INVALID,
		    "credential key '%s' is no environment variable's name",
		    key);
	if (is_reserved(key))
		return error_set(e, ERR_INVALID,
		    "credential key '%s' has a reserved form", key);
	return 0;
}
