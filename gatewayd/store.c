/* SPDX-License-Identifier: Apache-2.0 */
/*
 * store.c - see store.h.
 *
 * WAL with synchronous=FULL: a commit is on the disk before it is
 * acknowledged.  Migrations run forward, one transaction each; PRAGMA
 * user_version says how far they got.
 */
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/xalloc.h"
#include "gatewayd/sql.h"
#include "gatewayd/store.h"

#define BUSY_TIMEOUT_MS 5000 /* a person with sqlite3(1), at most */

/* Row n takes the schema from version n to n + 1. */
static const char *const migrations[] = {
	"CREATE TABLE sandbox ("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" owner_uid INTEGER NOT NULL,"
	" phase TEXT NOT NULL,"
	" reason TEXT,"
	" created_at_ms INTEGER NOT NULL,"
	" boot_id TEXT NOT NULL,"
	" spec TEXT NOT NULL,"
	" uid_block INTEGER NOT NULL UNIQUE,"
	" ca_cert TEXT NOT NULL,"
	" ca_key BLOB NOT NULL,"
	" UNIQUE (owner_uid, name)"
	") STRICT;"
	"CREATE TABLE policy_revision ("
	" sandbox TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,"
	" version INTEGER NOT NULL,"
	" policy TEXT NOT NULL,"
	" hash TEXT NOT NULL,"
	" status TEXT NOT NULL"
	"  CHECK (status IN ('pending', 'loaded', 'failed', 'superseded')),"
	" error TEXT,"
	" created_at_ms INTEGER NOT NULL,"
	" loaded_at_ms INTEGER NOT NULL DEFAULT 0,"
	" PRIMARY KEY (sandbox, version)"
	") STRICT;"
	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT,"
	" sandbox TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,"
	" time_ms INTEGER NOT NULL,"
	" json TEXT NOT NULL"
	") STRICT;"
	"CREATE INDEX event_of_sandbox ON event (sandbox, seq);",

	"CREATE TABLE provider ("
	" id TEXT PRIMARY KEY,"
	" name TEXT NOT NULL,"
	" owner_uid INTEGER NOT NULL,"
	" type TEXT NOT NULL,"
	" config TEXT NOT NULL,"
	" version INTEGER NOT NULL,"
	" created_at_ms INTEGER NOT NULL,"
	" UNIQUE (owner_uid, name)"
	") STRICT;"
	"CREATE TABLE credential ("
	" provider TEXT NOT NULL REFERENCES provider (id) ON DELETE CASCADE,"
	" key TEXT NOT NULL,"
	" value BLOB NOT NULL,"
	" revision INTEGER NOT NULL,"
	" handle TEXT NOT NULL,"
	" expires_at_ms INTEGER NOT NULL,"
	" PRIMARY KEY (provider, key)"
	") STRICT;"
	"CREATE TABLE attachment ("
	" sandbox TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,"
	" provider TEXT NOT NULL REFERENCES provider (id),"
	" PRIMARY KEY (sandbox, provider)"
	") STRICT;"
	"CREATE TABLE inference_route ("
	" owner_uid INTEGER NOT NULL,"
	" sandbox TEXT NOT NULL," /* id, or '' for all of the owner's */
	" name TEXT NOT NULL,"
	" spec TEXT NOT NULL,"
	" version INTEGER NOT NULL,"
	" PRIMARY KEY (owner_uid, sandbox, name)"
	") STRICT;"
	"CREATE TABLE inference_usage ("
	" sandbox TEXT NOT NULL REFERENCES sandbox (id) ON DELETE CASCADE,"
	" route TEXT NOT NULL,"
	" provider TEXT NOT NULL,"
	" model TEXT NOT NULL,"
	" requests INTEGER NOT NULL,"
	" failures INTEGER NOT NULL,"
	" input_tokens INTEGER NOT NULL,"
	" output_tokens INTEGER NOT NULL,"
	" PRIMARY KEY (sandbox, route, provider, model)"
	") STRICT;",

	/* epoch: the revision with which the credential's identity began. */
	"ALTER TABLE credential ADD COLUMN epoch INTEGER NOT NULL DEFAULT 1;"
	"CREATE TABLE refresh ("
	" provider TEXT NOT NULL REFERENCES provider (id) ON DELETE CASCADE,"
	" key TEXT NOT NULL,"
	" strategy TEXT NOT NULL,"
	" token_url TEXT NOT NULL,"
	" material BLOB NOT NULL,"
	" version INTEGER NOT NULL," /* counts materials, from 1 */
	" status TEXT NOT NULL CHECK (status IN"
	"  ('configured', 'refreshed', 'rotation_requested', 'error')),"
	" expires_at_ms INTEGER NOT NULL,"
	" next_ms INTEGER NOT NULL,"
	" last_ms INTEGER NOT NULL,"
	" error TEXT NOT NULL,"
	" PRIMARY KEY (provider, key)"
	") STRICT;",
};
#define SCHEMA_VERSION (int)(sizeof(migrations) / sizeof(migrations[0]))

static int
get_version(struct store *s, int *ret, struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;

	if (sql_prepare(s, &q, e, "PRAGMA user_version", "") < 0)
		return -1;
	if (sqlite3_step(q) != SQLITE_ROW)
		return sql_fail(s, "read the schema's version", e);
	*ret = sqlite3_column_int(q, 0);
	return 0;
}

static int
migrate(struct store *s, struct error *e)
{
	int version = 0;

	if (get_version(s, &version, e) < 0)
		return -1;
	if (version > SCHEMA_VERSION)
		return error_set(e, ERR_UNAVAILABLE,
		    "database: its schema %d is newer than this program's %d; "
		    "run the newer gatewayd",
		    version, SCHEMA_VERSION);
	for (; version < SCHEMA_VERSION; version++) {
		TRANSACTION(s);
		autofree char *sql = xasprintf("%s PRAGMA user_version = %d;",
		    migrations[version], version + 1);

		if (sql_begin(s, e) < 0 || sql_run(s, "migrate", sql, e) < 0 ||
		    sql_commit(s, e) < 0)
			return -1;
	}
	return 0;
}

int
store_open(const char *path, struct store **ret, struct error *e)
{
	struct store *s;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	/* Born with its mode: SQLite would take the umask's. */
	if (fd < 0)
		return error_errno(e, "cannot open database '%s'", path);
	(void)close(fd);

	s = xcalloc(1, sizeof(*s));
	if (sqlite3_open_v2(path, &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW,
		NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS) != SQLITE_OK) {
		(void)sql_fail(s, "open", e);
	} else if (sql_run(s, "set up",
		       "PRAGMA journal_mode = WAL;"
		       "PRAGMA synchronous = FULL;"
		       "PRAGMA foreign_keys = ON;"
		       "PRAGMA trusted_schema = OFF;",
		       e) == 0 &&
		   migrate(s, e) == 0) {
		*ret = s;
		return 0;
	}
	store_close(s);
	return error_prefix(e, "'%s'", path);
}

void
store_close(struct store *s)
{
	if (s == NULL)
		return;
	(void)sqlite3_close_v2(s->db);
	free(s);
}

static int
insert_revision(
    struct store *s, const struct store_revision *r, struct error *e)
{
	return EXECUTE(s, e, "insert a policy revision",
	    "INSERT INTO policy_revision (sandbox, version, policy, hash,"
	    " status, error, created_at_ms, loaded_at_ms)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	    "sissssii", r->sandbox, r->version, r->policy, r->hash, r->status,
	    r->error, r->created_at_ms, r->loaded_at_ms);
}

int
store_sandbox_insert(struct store *s, const struct store_sandbox *b,
    const struct store_revision *first, struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0)
		return -1;
	if (EXECUTE(s, e, "insert a sandbox",
		"INSERT INTO sandbox (id, name, owner_uid, phase, reason,"
		" created_at_ms, boot_id, spec, uid_block, ca_cert, ca_key)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
		"ssississisb", b->id, b->name, b->owner_uid, b->phase,
		b->reason, b->created_at_ms, b->boot_id, b->spec, b->uid_block,
		b->ca_cert, b->ca_key, b->ca_key_len) < 0) {
		if (e->code == ERR_EXISTS)
			(void)error_set(e, ERR_EXISTS,
			    "sandbox '%s' already exists", b->name);
		return -1;
	}
	if (insert_revision(s, first, e) < 0)
		return -1;
	return sql_commit(s, e);
}

int
store_sandbox_set_phase(struct store *s, const char *id, const char *phase,
    const char *reason, const char *boot_id, struct error *e)
{
	return EXECUTE(s, e, "set a sandbox's phase",
	    "UPDATE sandbox SET phase = ?, reason = ?, boot_id = ?"
	    " WHERE id = ?",
	    "ssss", phase, reason, boot_id, id);
}

int
store_sandbox_delete(struct store *s, const char *id, struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0 ||
	    EXECUTE(s, e, "delete a sandbox's inference routes",
		"DELETE FROM inference_route WHERE sandbox = ?", "s", id) < 0 ||
	    EXECUTE(s, e, "delete a sandbox",
		"DELETE FROM sandbox WHERE id = ?", "s", id) < 0)
		return -1;
	return sql_commit(s, e);
}

int
store_sandbox_each(struct store *s,
    void (*row)(void *arg, const struct store_sandbox *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT id, name, owner_uid, phase, reason, created_at_ms,"
		" boot_id, spec, uid_block, ca_cert, ca_key"
		" FROM sandbox ORDER BY created_at_ms, name",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_sandbox){
			     .id = sql_text(q, 0),
			     .name = sql_text(q, 1),
			     .owner_uid = sqlite3_column_int64(q, 2),
			     .phase = sql_text(q, 3),
			     .reason = sql_text(q, 4),
			     .created_at_ms = sqlite3_column_int64(q, 5),
			     .boot_id = sql_text(q, 6),
			     .spec = sql_text(q, 7),
			     .uid_block = sqlite3_column_int64(q, 8),
			     .ca_cert = sql_text(q, 9),
			     .ca_key = sqlite3_column_blob(q, 10),
			     .ca_key_len = (size_t)sqlite3_column_bytes(q, 10),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list sandboxes", e);
}

int
store_free_uid_block(struct store *s, int64_t *ret, struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int64_t block = 0;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT uid_block FROM sandbox ORDER BY uid_block", "") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW &&
	       sqlite3_column_int64(q, 0) == block)
		block++;
	if (r != SQLITE_ROW && r != SQLITE_DONE)
		return sql_fail(s, "find a free block of uids", e);
	*ret = block;
	return 0;
}

static int
trim_revisions(struct store *s, const struct store_revision *newest,
    const int64_t in_use[STORE_IN_USE_MAX], struct error *e)
{
	return EXECUTE(s, e, "trim policy revisions",
	    "DELETE FROM policy_revision WHERE sandbox = ? AND version <= ?"
	    " AND version NOT IN (1, ?, ?, ?) AND status <> 'loaded'",
	    "siiii", newest->sandbox, newest->version - STORE_REVISIONS_MAX,
	    in_use[0], in_use[1], in_use[2]);
}

int
store_revision_insert(struct store *s, const struct store_revision *r,
    const int64_t in_use[STORE_IN_USE_MAX], struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0)
		return -1;
	if (EXECUTE(s, e, "supersede policy revisions",
		"UPDATE policy_revision SET status = 'superseded'"
		" WHERE sandbox = ? AND status = 'pending'",
		"s", r->sandbox) < 0 ||
	    insert_revision(s, r, e) < 0 || trim_revisions(s, r, in_use, e) < 0)
		return -1;
	return sql_commit(s, e);
}

int
store_revision_decide(struct store *s, const char *sandbox, int64_t version,
    const char *status, const char *error, int64_t now_ms, struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0)
		return -1;
	if (strcmp(status, "loaded") == 0 &&
	    EXECUTE(s, e, "supersede policy revisions",
		"UPDATE policy_revision SET status = 'superseded'"
		" WHERE sandbox = ? AND status = 'loaded' AND version <> ?",
		"si", sandbox, version) < 0)
		return -1;
	if (EXECUTE(s, e, "decide a policy revision",
		"UPDATE policy_revision SET status = ?, error = ?,"
		" loaded_at_ms = CASE WHEN ? = 'loaded' THEN ?"
		" ELSE loaded_at_ms END"
		" WHERE sandbox = ? AND version = ?",
		"sssisi", status, error, status, now_ms, sandbox, version) < 0)
		return -1;
	return sql_commit(s, e);
}

static void
emit_revision(sqlite3_stmt *q, const char *sandbox,
    void (*row)(void *arg, const struct store_revision *), void *arg)
{
	row(arg, &(struct store_revision){
		     .sandbox = sandbox,
		     .version = sqlite3_column_int64(q, 0),
		     .hash = sql_text(q, 1),
		     .status = sql_text(q, 2),
		     .error = sql_text(q, 3),
		     .created_at_ms = sqlite3_column_int64(q, 4),
		     .loaded_at_ms = sqlite3_column_int64(q, 5),
		     .policy = sql_text(q, 6),
		 });
}

int
store_revision_get(struct store *s, const char *sandbox, int64_t version,
    void (*row)(void *arg, const struct store_revision *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	/* Version 0 and STORE_LOADED stand for the newest that fits. */
	if (sql_prepare(s, &q, e,
		"SELECT version, hash, status, error, created_at_ms,"
		" loaded_at_ms, policy FROM policy_revision"
		" WHERE sandbox = ?1 AND (?2 = 0 OR version = ?2"
		"  OR (?2 < 0 AND status = 'loaded'))"
		" ORDER BY version DESC LIMIT 1",
		"si", sandbox, version) < 0)
		return -1;
	r = sqlite3_step(q);
	if (r == SQLITE_DONE)
		return error_set(e, ERR_NOT_FOUND,
		    "policy version %lld does not exist", (long long)version);
	if (r != SQLITE_ROW)
		return sql_fail(s, "read a policy revision", e);
	emit_revision(q, sandbox, row, arg);
	return 0;
}

int
store_revision_each(struct store *s, const char *sandbox, int64_t limit,
    void (*row)(void *arg, const struct store_revision *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT version, hash, status, error, created_at_ms,"
		" loaded_at_ms, NULL FROM policy_revision"
		" WHERE sandbox = ? ORDER BY version DESC LIMIT ?",
		"si", sandbox, limit) < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		emit_revision(q, sandbox, row, arg);
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list policy revisions", e);
}

static int
append_event(struct store *s, const struct store_event *event, struct error *e)
{
	return EXECUTE(s, e, "append an event",
	    "INSERT INTO event (sandbox, time_ms, json)"
	    " SELECT id, ?, ? FROM sandbox WHERE id = ?",
	    "iss", event->time_ms, event->json, event->sandbox);
}

static int
trim_events(struct store *s, const char *sandbox, struct error *e)
{
	return EXECUTE(s, e, "trim events",
	    "DELETE FROM event WHERE sandbox = ?1 AND seq <="
	    " (SELECT seq FROM event WHERE sandbox = ?1"
	    "  ORDER BY seq DESC LIMIT 1 OFFSET ?2)",
	    "si", sandbox, (int64_t)STORE_EVENTS_MAX);
}

int
store_events_append(struct store *s, const struct store_event *events, size_t n,
    struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (append_event(s, &events[i], e) < 0)
			return -1;
		/* Once for each run of the same sandbox. */
		if ((i + 1 == n || strcmp(events[i].sandbox,
				       events[i + 1].sandbox) != 0) &&
		    trim_events(s, events[i].sandbox, e) < 0)
			return -1;
	}
	return sql_commit(s, e);
}

int
store_events_each(struct store *s, const char *sandbox, int64_t since_ms,
    void (*row)(void *arg, const struct store_event *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT time_ms, json FROM event"
		" WHERE sandbox = ? AND time_ms >= ? ORDER BY seq",
		"si", sandbox, since_ms) < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_event){ .sandbox = sandbox,
			     .time_ms = sqlite3_column_int64(q, 0),
			     .json = sql_text(q, 1) });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list events", e);
}
