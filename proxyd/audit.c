/* SPDX-License-Identifier: Apache-2.0 */
/* audit.c - see audit.h. */
#include <stdio.h>
#include <string.h>

#include "common/credential/placeholder.h"
#include "common/field.h"
#include "proxyd/audit.h"
#include "common/credential/injected.h"
#include "common/wire/events.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

/* The fields of one event, and the texts that had to be made for it. */
struct line {
	struct pair pairs[EVENTS_FIELDS_MAX];
	size_t n;
	char port[8];
	char pid[12];
	char ancestors[EVENTS_TEXT_MAX + 1];
};

static void
add(struct line *l, const char *name, const char *value)
{
	l->pairs[l->n++] = (struct pair){ name, value };
}

static void
join_ancestors(struct line *l, const struct caller *caller)
{
	size_t used = 0;

	l->ancestors[0] = '\0';
	for (size_t i = 0; i < caller->n_ancestors; i++) {
		int n =
		    snprintf(l->ancestors + used, sizeof(l->ancestors) - used,
			"%s%s", i > 0 ? " -> " : "", caller->ancestors[i]);

		used += (size_t)n;
		if (used >= sizeof(l->ancestors))
			return; /* cut */
	}
}

static void
add_common(struct line *l, const struct conn *c, const char *action)
{
	const struct identity *who = c->who;

	(void)snprintf(l->port, sizeof(l->port), "%u", c->port);
	add(l, "action", action);
	add(l, "dst_host", c->host);
	add(l, "dst_port", l->port);
	if (who == NULL)
		return;
	(void)snprintf(l->pid, sizeof(l->pid), "%d", who->pid);
	join_ancestors(l, &who->caller);
	add(l, "binary", who->caller.exe);
	add(l, "binary_pid", l->pid);
	add(l, "ancestors", l->ancestors[0] != '\0' ? l->ancestors : NULL);
}

static const char *
connect_message(const struct conn *c, const char *engine)
{
	if (c->mode == MODE_FORWARD)
		return "FORWARD";
	if (strcmp(engine, "ssrf") == 0)
		return "CONNECT blocked";
	return c->inspection == INSPECT_REST && c->rules != NULL ? "CONNECT_L7"
								 : "CONNECT";
}

void
audit_connect(struct conn *c, bool is_denial, const char *engine,
    const char *policy, const char *reason)
{
	struct events *ev = c->worker->events;
	struct line l = { .n = 0 };

	if (!events_wants(ev, &c->sandbox->quota, is_denial))
		return;
	add_common(&l, c, is_denial ? "deny" : "allow");
	add(&l, "engine", engine);
	add(&l, "policy", policy != NULL ? policy : "-");
	add(&l, "reason", reason);
	add(&l, "transparent", c->mode == MODE_TRANSPARENT ? "true" : NULL);
	events_add(ev, is_denial, c->sandbox->id, connect_message(c, engine),
	    l.pairs, l.n);
}

/* What all events of a request have. */
static const char *
add_request(
    struct line *l, struct conn *c, const char *method, const char *path)
{
	add(l, "method", method);
	add(l, "path", path);
	if (c->inspection == INSPECT_REST) {
		add(l, "l7_protocol", "rest");
		add(l, "l7_action", method);
		add(l, "l7_target", path);
		return "L7_REQUEST";
	}
	return c->mode == MODE_FORWARD ? "FORWARD" : "HTTP_REQUEST";
}

void
audit_request(struct conn *c, const struct decision *d, const char *method,
    const char *path, const char *credentials)
{
	static const char *const words[] = {
		[VERDICT_DENY] = "deny",
		[VERDICT_ALLOW] = "allow",
		[VERDICT_AUDIT] = "audit",
	};
	struct events *ev = c->worker->events;
	bool is_denial = d->verdict == VERDICT_DENY;
	const char *reason = d->reason[0] != '\0' ? d->reason : NULL;
	const char *message;
	struct line l;

	if (!events_wants(ev, &c->sandbox->quota, is_denial))
		return;
	l.n = 0;
	add_common(&l, c, is_denial ? "deny" : "allow");
	add(&l, "engine", "l7");
	add(&l, "policy", d->policy != NULL ? d->policy : c->policy);
	add(&l, "reason", reason);
	message = add_request(&l, c, method, path);
	if (c->inspection == INSPECT_REST) {
		add(&l, "l7_decision", words[d->verdict]);
		add(&l, "l7_deny_reason", reason);
	}
	add(&l, "credentials", credentials);
	events_add(ev, is_denial, c->sandbox->id, message, l.pairs, l.n);
}

void
audit_credential(struct conn *c, const char *engine, const char *method,
    const char *path, const char *key, const char *reason)
{
	struct events *ev = c->worker->events;
	char shown[PLACEHOLDER_KEY_MAX + sizeof("=" INJECTED_SHOWN)];
	const char *message;
	struct line l;

	if (!events_wants(ev, &c->sandbox->quota, true))
		return;
	l.n = 0;
	add_common(&l, c, "deny");
	add(&l, "engine", engine);
	add(&l, "policy", c->policy);
	add(&l, "reason", reason);
	message = add_request(&l, c, method, path);
	if (key != NULL && key[0] != '\0') {
		(void)snprintf(shown, sizeof(shown), "%s=" INJECTED_SHOWN, key);
		add(&l, "credentials", shown);
	}
	events_add(ev, true, c->sandbox->id, message, l.pairs, l.n);
}
