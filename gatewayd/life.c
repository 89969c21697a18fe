/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.c - see life.h.
 *
 *	start: driver.create --> control --> attach --> Ready
 *	                \___________\__________\--> wind up
 *	wind up: stop --> gone --> driver.clean --> Stopped | Error | deleted
 *
 * Killed between any two steps, gatewayd finds in the store what was meant and
 * in the kernel what there is; life_resume() brings them together.
 */
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/log.h"
#include "common/policy/policy.h"
#include "common/varlink/client.h"
#include "common/varlink/codec.h"
#include "common/when.h"
#include "common/wire/limits.h"
#include "common/wire/proxy.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"
#include "gatewayd/attach.h"
#include "gatewayd/ca.h"
#include "gatewayd/driver.h"
#include "gatewayd/event_log.h"
#include "gatewayd/gateway.h"
#include "gatewayd/life.h"
#include "gatewayd/naming.h"
#include "gatewayd/link.h"
#include "gatewayd/revision.h"
#include "gatewayd/sandbox.h"
#include "gatewayd/seal.h"
#include "gatewayd/shown.h"
#include "gatewayd/store.h"

#define PIDS_DEFAULT 2048 /* enough for a build, far below a fork bomb */
#define NAME_TRIES 16

/* The driver has a shorter one; this is for proxyd's coming back, too. */
static const struct timeval start_deadline = { 60, 0 };

static const struct driver *const driver = &driver_native;

static void wind_up(struct sandbox *);

static void
set_phase(struct sandbox *s, enum phase phase, const char *reason)
{
	struct error e;

	/* The store's trouble doesn't keep a sandbox from its end. */
	if (sandbox_set_phase(s, phase, reason, &e) < 0)
		log_warnx(
		    "sandbox phase not written down id=%s: %s", s->id, e.text);
}

static void
forget_deadline(struct sandbox *s)
{
	if (s->deadline != NULL)
		event_free(s->deadline);
	s->deadline = NULL;
}

/* The end of a sandbox's run, or of the whole of it. */
static void
on_cleaned(void *arg, const struct error *e)
{
	struct sandbox *s = arg;
	struct error failed;

	s->winding_up = false;
	if (s->phase == PHASE_DELETING || s->fresh) {
		if (e == NULL &&
		    store_sandbox_delete(s->gw->store, s->id, &failed) < 0)
			e = &failed;
		if (e != NULL) {
			log_warnx(
			    "sandbox not deleted id=%s: %s", s->id, e->text);
			sandbox_answer_waiters(s, e);
			return;
		}
		inference_forget_sandbox(s->gw, s->id);
		sandbox_answer_waiters(s, s->fresh ? &s->failure : NULL);
		sandbox_unlist(s);
		return;
	}
	if (s->stopping) {
		s->stopping = false;
		set_phase(s, PHASE_STOPPED, NULL);
		sandbox_answer_waiters(s, NULL);
	} else {
		if (s->phase != PHASE_ERROR)
			set_phase(s, PHASE_ERROR, s->failure.text);
		sandbox_answer_waiters(s, &s->failure);
	}
}

/* What is dead is detached and cleaned up. */
static void
wind_up(struct sandbox *s)
{
	autofree char *socket = sandbox_socket_path(s);
	autofree char *state = sandbox_state_dir(s);

	if (s->winding_up)
		return; /* once is enough */
	s->winding_up = true;
	forget_deadline(s);
	/* Whatever we believe: a call that failed may have left it there. */
	attach_undo(s->gw, s->id);
	s->attached = false;
	driver->clean(s->gw->base, s->id, socket,
	    s->phase == PHASE_DELETING || s->fresh ? state : NULL, on_cleaned,
	    s);
}

static void
on_gone(void *arg)
{
	struct sandbox *s = arg;

	instance_free(steal_ptr(&s->instance));
	if (!s->stopping && s->phase != PHASE_DELETING &&
	    s->failure.code == ERR_NONE)
		(void)error_set(&s->failure, ERR_UNAVAILABLE,
		    "the sandbox's supervisor ended");
	wind_up(s);
}

/* Ends it, however far it came. */
static void
end(struct sandbox *s)
{
	if (s->instance != NULL)
		driver->stop(s->instance); /* on_gone follows */
	else if (!s->launching)
		wind_up(s);
	/* else on_started sees that it isn't wanted any more */
}

static void
start_failed(struct sandbox *s, const struct error *why)
{
	s->failure = *why;
	log_warnx("sandbox failed to start id=%s: %s", s->id, why->text);
	end(s);
}

static void
on_attached(struct sandbox *s, const struct error *e)
{
	if (!sandbox_is_up(s))
		return;
	/* proxyd went away meanwhile: it is attached when that is back. */
	if (e != NULL && e->code == ERR_UNAVAILABLE)
		return;
	if (e != NULL && s->phase == PHASE_PROVISIONING) {
		start_failed(s, e);
	} else if (e != NULL) {
		event_log_note(s->gw->events, s->id, "error", "lifecycle",
		    "ATTACH_FAILED", "reason", e->text, NULL);
		log_warnx("sandbox not attached id=%s: %s", s->id, e->text);
	} else if (s->phase == PHASE_PROVISIONING) {
		forget_deadline(s);
		s->fresh = false;
		set_phase(s, PHASE_READY, NULL);
		sandbox_answer_waiters(s, NULL);
	}
}

static void
try_attach(struct sandbox *s)
{
	if (s->control != NULL && s->instance != NULL && s->attaching == 0 &&
	    !s->attached && link_is_up(s->gw->proxy))
		attach_sandbox(s, on_attached);
}

static void
on_control_closed(void *arg)
{
	struct sandbox *s = arg;

	varlink_client_free(steal_ptr(&s->control));
}

static int
open_control(struct sandbox *s, struct error *e)
{
	int fd;

	if (instance_connect(s->instance, &fd, e) < 0)
		return -1;
	varlink_client_free(s->control);
	s->control = varlink_client_new(
	    s->gw->base, &supervisor_interface, fd, on_control_closed, s);
	return 0;
}

static void
keep_facts(struct sandbox *s, const struct objects *facts)
{
	const struct supervisor_fact *from = facts->v;
	struct supervisor_fact *to;

	arena_clear(&s->facts_arena);
	to = arena_alloc(&s->facts_arena, facts->n, sizeof(*to));
	for (size_t i = 0; i < facts->n; i++) {
		to[i].layer = arena_strdup(&s->facts_arena, from[i].layer);
		to[i].level = arena_strdup(&s->facts_arena, from[i].level);
		to[i].full = from[i].full;
	}
	s->facts = (struct objects){ to, facts->n };
}

static void
on_started(void *arg, struct instance *instance, const struct objects *facts,
    const struct error *e)
{
	struct sandbox *s = arg;
	struct error failed;

	s->launching = false;
	s->instance = instance;
	if (e != NULL) {
		if (s->failure.code == ERR_NONE)
			s->failure = *e;
		if (s->phase == PHASE_PROVISIONING)
			start_failed(s, &s->failure);
		else
			end(s);
		return;
	}
	keep_facts(s, facts);
	/* Unwanted meanwhile, by a deletion or the deadline. */
	if (s->phase != PHASE_PROVISIONING || s->failure.code != ERR_NONE)
		end(s);
	else if (open_control(s, &failed) < 0)
		start_failed(s, &failed);
	else
		try_attach(s);
}

static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	struct sandbox *s = arg;
	struct error e;

	(void)fd;
	(void)what;
	(void)error_set(&e, ERR_TIMEOUT, "sandbox '%s' did not start: %s",
	    s->name,
	    s->launching ? "supervisord is still busy"
			 : "proxyd is not available");
	start_failed(s, &e);
}

static int64_t
default_memory(void)
{
	int64_t pages = sysconf(_SC_PHYS_PAGES);

	return pages / 4 * 3 * sysconf(_SC_PAGESIZE);
}

static int
launch(struct sandbox *s, struct error *e)
{
	autofree char *socket = sandbox_socket_path(s);
	autofree char *home = sandbox_home_dir(s);
	autofree struct supervisor_bind *binds =
	    xcalloc(s->spec->shown.n + 1, sizeof(*binds));
	struct revision current = { 0 };

	if (revision_get_current(s, &current, e) < 0)
		return -1;
	struct supervisor_create spec = {
		.id = s->id,
		.name = s->name,
		.socket = socket,
		.home = home,
		.policy = current.policy,
		.ca_pem = s->ca_cert,
		.uid_base = geteuid() == 0 ? UID_BLOCK_FIRST +
						 s->uid_block * UID_BLOCK_SIZE
					   : 0,
		.memory_max = s->spec->memory_max > 0 ? s->spec->memory_max
						      : default_memory(),
		.pids_max =
		    s->spec->pids_max > 0 ? s->spec->pids_max : PIDS_DEFAULT,
		.binds = { binds, shown_binds(&s->spec->shown, binds) },
	};

	s->failure.code = ERR_NONE;
	s->launching = true;
	forget_deadline(s);
	s->deadline = evtimer_new(s->gw->base, on_deadline, s);
	if (s->deadline == NULL ||
	    evtimer_add(s->deadline, &start_deadline) < 0)
		fatalx("cannot set a timer");
	driver->create(s->gw->base, &spec, on_started, on_gone, s);
	revision_clear(&current);
	return 0;
}

static char *
encode_spec(const struct sandbox_spec *spec)
{
	struct buf json = BUF_INIT;
	struct passed none;

	if (codec_encode(&json, sandbox_spec_fields, spec, &none) < 0)
		return NULL;
	return buf_take_str(&json);
}

/* The directories of a new sandbox; its home belongs to its agent. */
static int
make_dirs(const struct sandbox *s, struct error *e)
{
	autofree char *home = sandbox_home_dir(s);
	uid_t agent = (uid_t)(UID_BLOCK_FIRST + s->uid_block * UID_BLOCK_SIZE +
			      AGENT_UID);

	if (dirs_make(home, e) < 0)
		return -1;
	if (geteuid() == 0 && chown(home, agent, agent) < 0)
		return error_errno(e, "cannot give '%s' to its agent", home);
	return 0;
}

static int
choose_name(
    struct gateway *gw, const struct life_wish *w, char **ret, struct error *e)
{
	const struct sandbox *s;
	bool taken;

	if (w->name != NULL) {
		*ret = xstrdup(w->name);
		return naming_check(w->name, e);
	}
	for (int i = 0; i < NAME_TRIES; i++) {
		*ret = naming_make();
		taken = false;
		TAILQ_FOREACH(s, &gw->sandboxes->list, next)
		taken = taken || strcmp(s->name, *ret) == 0;
		if (!taken)
			return 0;
		free(steal_ptr(ret));
	}
	return error_set(
	    e, ERR_EXISTS, "no free name found; give one with --name");
}

/* The certificate authority, sealed for the row; both owned. */
static int
make_ca(struct gateway *gw, const char *id, char **ret_cert,
    uint8_t **ret_sealed, size_t *ret_len, struct error *e)
{
	autofree char *label = xasprintf("sandbox/%s/ca-key", id);
	char *key;
	size_t n;

	if (ca_make(ret_cert, &key, e) < 0)
		return -1;
	n = strlen(key);
	*ret_len = n + SEAL_OVERHEAD;
	*ret_sealed = xmalloc(*ret_len);
	seal_lock(gw->seal, label, key, n, *ret_sealed);
	free_secret(key);
	return 0;
}

static int
write_down(struct gateway *gw, const struct life_wish *w, const char *name,
    struct store_sandbox *row, struct error *e)
{
	autofree char *policy = policy_to_json(w->policy);
	char hash[65];
	struct store_revision first = { .sandbox = row->id,
		.version = 1,
		.policy = policy,
		.hash = hash,
		.status = "pending",
		.created_at_ms = row->created_at_ms };

	if (strlen(policy) > WIRE_POLICY_MAX)
		return error_set(e, ERR_LIMIT,
		    "the policy's canonical form has more than %d bytes",
		    WIRE_POLICY_MAX);
	policy_hash(w->policy, hash);
	row->name = name;
	if (store_free_uid_block(gw->store, &row->uid_block, e) < 0)
		return -1;
	return store_sandbox_insert(gw->store, row, &first, e);
}

int
life_create(struct gateway *gw, const struct life_wish *w, struct sandbox **ret,
    struct error *e)
{
	autofree char *name = NULL, *spec = NULL, *cert = NULL;
	autofree uint8_t *sealed = NULL;
	char id[NAMING_ID_SIZE];
	struct store_sandbox row = { .id = id,
		.owner_uid = w->owner,
		.phase = phase_name(PHASE_PROVISIONING),
		.created_at_ms = when_now_ms(),
		.boot_id = gw->boot_id };
	struct sandbox *s;

	if (sandbox_count(gw, w->owner) >= SANDBOXES_PER_OWNER_MAX)
		return error_set(e, ERR_LIMIT,
		    "you have %d sandboxes, which is the most; delete one",
		    SANDBOXES_PER_OWNER_MAX);
	if (choose_name(gw, w, &name, e) < 0)
		return -1;
	spec = encode_spec(w->spec);
	if (spec == NULL)
		return error_set(e, ERR_LIMIT, "env and labels are too long");
	naming_make_id(id);
	if (make_ca(gw, id, &cert, &sealed, &row.ca_key_len, e) < 0)
		return -1;
	row.spec = spec;
	row.ca_cert = cert;
	row.ca_key = sealed;
	if (write_down(gw, w, name, &row, e) < 0)
		return -1;
	s = sandbox_new(gw, &row);
	if (s == NULL)
		return error_set(e, ERR_SYSTEM, "cannot read back the spec");
	s->fresh = true;
	event_log_note(gw->events, s->id, "info", "lifecycle", "CREATED",
	    "name", s->name, NULL);
	*ret = s;
	if (make_dirs(s, e) < 0 || launch(s, e) < 0)
		start_failed(s, e); /* tells whoever waits by then */
	return 0;
}

int
life_start(struct sandbox *s, struct error *e)
{
	if (s->phase != PHASE_STOPPED && s->phase != PHASE_ERROR)
		return error_set(e, ERR_PRECONDITION,
		    "sandbox '%s' is %s: only a stopped one can be started",
		    s->name, phase_name(s->phase));
	if (sandbox_set_phase(s, PHASE_PROVISIONING, NULL, e) < 0)
		return -1;
	return launch(s, e);
}

int
life_stop(struct sandbox *s, struct error *e)
{
	if (s->phase != PHASE_READY || s->instance == NULL)
		return error_set(e, ERR_PRECONDITION,
		    "sandbox '%s' is %s: only a ready one can be stopped",
		    s->name, phase_name(s->phase));
	s->stopping = true;
	end(s);
	return 0;
}

/* One that is alive though we don't hold it: it came up after we had given
 * up on it. */
static void
find_stray(struct sandbox *s)
{
	autofree char *socket = sandbox_socket_path(s);
	struct error e;

	if (s->instance == NULL && !s->launching)
		(void)driver->adopt(
		    s->gw->base, socket, on_gone, s, &s->instance, &e);
}

int
life_delete(struct sandbox *s, struct error *e)
{
	bool again = s->phase == PHASE_DELETING;

	if (!again && sandbox_set_phase(s, PHASE_DELETING, NULL, e) < 0)
		return -1;
	s->fresh = false;
	find_stray(s);
	end(s);
	return 0;
}

/* One of the store after our restart. */
static void
resume(struct sandbox *s, const char *last_boot_id)
{
	autofree char *socket = sandbox_socket_path(s);
	bool rebooted = strcmp(last_boot_id, s->gw->boot_id) != 0;
	struct revision loaded = { 0 };
	struct error e;

	if (revision_get(s, STORE_LOADED, &loaded, &e) == 0)
		s->loaded_version = loaded.version;
	revision_clear(&loaded);
	if (s->phase == PHASE_STOPPED || s->phase == PHASE_ERROR)
		return;
	if (!rebooted && driver->adopt(s->gw->base, socket, on_gone, s,
			     &s->instance, &e) == 0) {
		if (s->phase == PHASE_DELETING)
			end(s);
		else if (open_control(s, &e) < 0)
			start_failed(s, &e);
		else
			log_info("sandbox found again id=%s name=%s", s->id,
			    s->name);
		return;
	}
	if (s->phase == PHASE_READY && rebooted)
		s->stopping = true;
	else
		(void)error_set(&s->failure, ERR_UNAVAILABLE, "%s",
		    s->phase == PHASE_READY
			? "the sandbox's supervisor ended"
			: "the gateway was restarted while it started");
	wind_up(s);
}

static void
resume_row(void *arg, const struct store_sandbox *row)
{
	struct gateway *gw = arg;
	struct sandbox *s;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		if (strcmp(s->id, row->id) == 0) {
			resume(s, row->boot_id);
			return;
		}
	}
}

void
life_resume(struct gateway *gw)
{
	struct error e;

	if (store_sandbox_each(gw->store, resume_row, gw, &e) < 0)
		log_warnx("cannot resume: %s", e.text);
}

static bool
has_string(const struct strings *list, const char *s)
{
	for (size_t i = 0; i < list->n; i++)
		if (strcmp(list->v[i], s) == 0)
			return true;
	return false;
}

static bool
is_up(const struct gateway *gw, const char *id)
{
	const struct sandbox *s;

	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	if (strcmp(s->id, id) == 0)
		return sandbox_is_up(s);
	return false;
}

void
life_proxy_up(struct gateway *gw, const struct strings *attached)
{
	struct sandbox *s;

	for (size_t i = 0; i < attached->n; i++)
		if (!is_up(gw, attached->v[i]))
			attach_undo(gw, attached->v[i]);
	TAILQ_FOREACH(s, &gw->sandboxes->list, next)
	{
		/* One that isn't Ready yet may be half attached. */
		s->attached = s->phase == PHASE_READY &&
			      s->loaded_version > 0 &&
			      has_string(attached, s->id);
		if (s->attached)
			revision_push(s);
		else
			try_attach(s);
	}
}
