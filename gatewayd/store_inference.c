/* SPDX-License-Identifier: Apache-2.0 */
/* store_inference.c - inference routes and what was used; see store.h. */
#include "gatewayd/sql.h"
#include "gatewayd/store.h"

int
store_route_put(struct store *s, const struct store_route *r, struct error *e)
{
	return EXECUTE(s, e, "write an inference route",
	    "INSERT OR REPLACE INTO inference_route (owner_uid, sandbox, name,"
	    " spec, version) VALUES (?, ?, ?, ?, ?)",
	    "isssi", r->owner_uid, r->sandbox, r->name, r->spec, r->version);
}

int
store_route_delete(struct store *s, int64_t owner_uid, const char *sandbox,
    const char *name, struct error *e)
{
	return EXECUTE(s, e, "delete an inference route",
	    "DELETE FROM inference_route"
	    " WHERE owner_uid = ? AND sandbox = ? AND name = ?",
	    "iss", owner_uid, sandbox, name);
}

int
store_route_each(struct store *s,
    void (*row)(void *arg, const struct store_route *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT owner_uid, sandbox, name, spec, version"
		" FROM inference_route ORDER BY owner_uid, sandbox, name",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_route){
			     .owner_uid = sqlite3_column_int64(q, 0),
			     .sandbox = sql_text(q, 1),
			     .name = sql_text(q, 2),
			     .spec = sql_text(q, 3),
			     .version = sqlite3_column_int64(q, 4),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list inference routes", e);
}

int
store_usage_add(struct store *s, const struct store_usage *u, struct error *e)
{
	return EXECUTE(s, e, "count usage",
	    "INSERT INTO inference_usage (sandbox, route, provider, model,"
	    " requests, failures, input_tokens, output_tokens)"
	    " SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM sandbox WHERE id = ?1"
	    " ON CONFLICT DO UPDATE SET requests = requests + ?5,"
	    " failures = failures + ?6, input_tokens = input_tokens + ?7,"
	    " output_tokens = output_tokens + ?8",
	    "ssssiiii", u->sandbox, u->route, u->provider, u->model,
	    u->requests, u->failures, u->input_tokens, u->output_tokens);
}

int
store_usage_each(struct store *s, const char *sandbox,
    void (*row)(void *arg, const struct store_usage *), void *arg,
    struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT route, provider, model, requests, failures,"
		" input_tokens, output_tokens FROM inference_usage"
		" WHERE sandbox = ? ORDER BY route, provider, model",
		"s", sandbox) < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW)
		row(arg, &(struct store_usage){
			     .sandbox = sandbox,
			     .route = sql_text(q, 0),
			     .provider = sql_text(q, 1),
			     .model = sql_text(q, 2),
			     .requests = sqlite3_column_int64(q, 3),
			     .failures = sqlite3_column_int64(q, 4),
			     .input_tokens = sqlite3_column_int64(q, 5),
			     .output_tokens = sqlite3_column_int64(q, 6),
			 });
	return r == SQLITE_DONE ? 0 : sql_fail(s, "list usage", e);
}
