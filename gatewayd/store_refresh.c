/* SPDX-License-Identifier: Apache-2.0 */
/* store_refresh.c - how credentials are fetched anew; see store.h. */
#include "gatewayd/sql.h"
#include "gatewayd/store.h"

int
store_refresh_put(
    struct store *s, const struct store_refresh *r, struct error *e)
{
	if (EXECUTE(s, e, "write a refresh",
		"INSERT INTO refresh (provider, key, strategy,"
		" token_url, material, version, status, expires_at_ms, next_ms,"
		" last_ms, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
		" ON CONFLICT (provider, key) DO UPDATE SET"
		" strategy = excluded.strategy, token_url = excluded.token_url,"
		" material = excluded.material, version = excluded.version,"
		" status = excluded.status,"
		" expires_at_ms = excluded.expires_at_ms,"
		" next_ms = excluded.next_ms, last_ms = excluded.last_ms,"
		" error = excluded.error"
		" WHERE excluded.version >= version OR ?",
		"ssssbisiiisi", r->provider, r->key, r->strategy, r->token_url,
		r->material, r->material_len, r->version, r->status,
		r->expires_at_ms, r->next_ms, r->last_ms, r->error,
		(int64_t)r->anew) < 0)
		return -1;
	if (sqlite3_changes(s->db) == 0)
		return error_set(e, ERR_PRECONDITION,
		    "database: material of credential '%s' is newer there",
		    r->key);
	return 0;
}

int
store_refresh_delete(
    struct store *s, const char *provider, const char *key, struct error *e)
{
	return EXECUTE(s, e, "delete a refresh",
	    "DELETE FROM refresh WHERE provider = ? AND key = ?", "ss",
	    provider, key);
}

int
store_refresh_each(struct store *s,
    void (*row)(void *arg, const struct store_refresh *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT provider, key, strategy, token_url, material, version,"
		" status, expires_at_ms, next_ms, last_ms, error"
		" FROM refresh ORDER BY provider, key",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_refresh){
			     .provider = sql_text(q, 0),
			     .key = sql_text(q, 1),
			     .strategy = sql_text(q, 2),
			     .token_url = sql_text(q, 3),
			     .material = sqlite3_column_blob(q, 4),
			     .material_len = (size_t)sqlite3_column_bytes(q, 4),
			     .version = sqlite3_column_int64(q, 5),
			     .status = sql_text(q, 6),
			     .expires_at_ms = sqlite3_column_int64(q, 7),
			     .next_ms = sqlite3_column_int64(q, 8),
			     .last_ms = sqlite3_column_int64(q, 9),
			     .error = sql_text(q, 10),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list refreshes", e);
}
