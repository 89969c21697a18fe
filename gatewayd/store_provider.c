/* SPDX-License-Identifier: Apache-2.0 */
/* store_provider.c - providers and their credentials; see store.h. */
#include "gatewayd/sql.h"
#include "gatewayd/store.h"

static int
insert(struct store *s, const struct store_provider *p, struct error *e)
{
	if (EXECUTE(s, e, "insert a provider",
		"INSERT INTO provider (id, name, owner_uid, type, config,"
		" version, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?)",
		"ssissii", p->id, p->name, p->owner_uid, p->type, p->config,
		p->version, p->created_at_ms) == 0)
		return 0;
	if (e->code == ERR_EXISTS)
		(void)error_set(
		    e, ERR_EXISTS, "provider '%s' already exists", p->name);
	return -1;
}

static int
put_credential(
    struct store *s, const struct store_credential *c, struct error *e)
{
	return EXECUTE(s, e, "write a credential",
	    "INSERT OR REPLACE INTO credential (provider, key, value,"
	    " revision, epoch, handle, expires_at_ms)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	    "ssbiisi", c->provider, c->key, c->value, c->value_len, c->revision,
	    c->epoch, c->handle, c->expires_at_ms);
}

static int
put_credentials(
    struct store *s, const struct store_provider *p, struct error *e)
{
	if (EXECUTE(s, e, "replace credentials",
		"DELETE FROM credential WHERE provider = ?", "s", p->id) < 0)
		return -1;
	for (size_t i = 0; i < p->n_credentials; i++)
		if (put_credential(s, &p->credentials[i], e) < 0)
			return -1;
	return 0;
}

int
store_provider_create(
    struct store *s, const struct store_provider *p, struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0 || insert(s, p, e) < 0 ||
	    put_credentials(s, p, e) < 0)
		return -1;
	return sql_commit(s, e);
}

int
store_provider_update(
    struct store *s, const struct store_provider *p, struct error *e)
{
	TRANSACTION(s);

	if (sql_begin(s, e) < 0 ||
	    EXECUTE(s, e, "update a provider",
		"UPDATE provider SET config = ?, version = ? WHERE id = ?",
		"sis", p->config, p->version, p->id) < 0 ||
	    put_credentials(s, p, e) < 0 ||
	    (p->refresh != NULL && store_refresh_put(s, p->refresh, e) < 0))
		return -1;
	return sql_commit(s, e);
}

int
store_provider_delete(struct store *s, const char *id, struct error *e)
{
	return EXECUTE(s, e, "delete a provider",
	    "DELETE FROM provider WHERE id = ?", "s", id);
}

int
store_provider_each(struct store *s,
    void (*row)(void *arg, const struct store_provider *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT id, name, owner_uid, type, config, version,"
		" created_at_ms FROM provider ORDER BY created_at_ms, name",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_provider){
			     .id = sql_text(q, 0),
			     .name = sql_text(q, 1),
			     .owner_uid = sqlite3_column_int64(q, 2),
			     .type = sql_text(q, 3),
			     .config = sql_text(q, 4),
			     .version = sqlite3_column_int64(q, 5),
			     .created_at_ms = sqlite3_column_int64(q, 6),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list providers", e);
}

int
store_credential_each(struct store *s,
    void (*row)(void *arg, const struct store_credential *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT provider, key, value, revision, epoch, handle,"
		" expires_at_ms FROM credential ORDER BY provider, key",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_credential){
			     .provider = sql_text(q, 0),
			     .key = sql_text(q, 1),
			     .value = sqlite3_column_blob(q, 2),
			     .value_len = (size_t)sqlite3_column_bytes(q, 2),
			     .revision = sqlite3_column_int64(q, 3),
			     .epoch = sqlite3_column_int64(q, 4),
			     .handle = sql_text(q, 5),
			     .expires_at_ms = sqlite3_column_int64(q, 6),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list credentials", e);
}

int
store_attachment_add(
    struct store *s, const char *sandbox, const char *provider, struct error *e)
{
	return EXECUTE(s, e, "attach a provider",
	    "INSERT INTO attachment (sandbox, provider) VALUES (?, ?)", "ss",
	    sandbox, provider);
}

int
store_attachment_remove(
    struct store *s, const char *sandbox, const char *provider, struct error *e)
{
	return EXECUTE(s, e, "detach a provider",
	    "DELETE FROM attachment WHERE sandbox = ? AND provider = ?", "ss",
	    sandbox, provider);
}

int
store_attachment_each(struct store *s,
    void (*row)(void *arg, const char *sandbox, const char *provider),
    void *arg, struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT sandbox, provider FROM attachment ORDER BY rowid",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, sql_text(q, 0), sql_text(q, 1));
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list attachments", e);
}
