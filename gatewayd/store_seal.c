/* SPDX-License-Identifier: Apache-2.0 */
/* store_seal.c - what is sealed in the database; see store.h. */
#include <string.h>

#include "common/xalloc.h"
#include "gatewayd/sql.h"
#include "gatewayd/store.h"

/*
 * Every column that holds sealed values.  A table that gets one is a row here:
 * else a change of the key would leave its values behind.
 */
static const struct column {
	const char *table;
	const char *column;
	const char *label; /* as SQL; what seals the value says the same */
} columns[] = {
	{ "sandbox", "ca_key", "'sandbox/' || id || '/ca-key'" },
	{ "credential", "value",
	    "'provider/' || provider || '/' || key || '/' || revision" },
	{ "refresh", "material",
	    "'refresh/' || provider || '/' || key || '/' || version" },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Those behind a row; one after the other, so that it may be changed. */
static int
find_next(struct store *s, const struct column *c, int64_t behind,
    sqlite3_stmt **ret, struct error *e)
{
	autofree char *sql = xasprintf(
	    "SELECT rowid, %s, %s FROM %s WHERE rowid > ? ORDER BY rowid"
	    " LIMIT 1",
	    c->label, c->column, c->table);

	return sql_prepare(s, ret, e, sql, "i", behind);
}

static int
visit(struct store *s, const struct column *c,
    void (*row)(void *arg, const char *label, const void *sealed, size_t len),
    void *arg, struct error *e)
{
	int64_t behind = INT64_MIN;
	int r;

	do {
		_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;

		if (find_next(s, c, behind, &q, e) < 0)
			return -1;
		r = sqlite3_step(q);
		if (r != SQLITE_ROW)
			break;
		behind = sqlite3_column_int64(q, 0);
		row(arg, sql_text(q, 1), sqlite3_column_blob(q, 2),
		    (size_t)sqlite3_column_bytes(q, 2));
	} while (r == SQLITE_ROW);
	return r == SQLITE_DONE ? 0 : sql_fail(s, "read what is sealed", e);
}

int
store_sealed_each(struct store *s,
    void (*row)(void *arg, const char *label, const void *sealed, size_t len),
    void *arg, struct error *e)
{
	for (size_t i = 0; i < COLUMNS; i++)
		if (visit(s, &columns[i], row, arg, e) < 0)
			return -1;
	return 0;
}

struct change {
	struct store *store;
	const struct column *column;
	int (*row)(void *arg, const char *label, void *sealed, size_t len,
	    struct error *);
	void *arg;
	int64_t n;
};

/* 1: changed; 0: there is none behind it. */
static int
change_next(const struct change *c, int64_t *behind, struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	autofree char *sql = xasprintf("UPDATE %s SET %s = ? WHERE rowid = ?",
	    c->column->table, c->column->column);
	autofree void *sealed = NULL;
	size_t len;
	int r;

	if (find_next(c->store, c->column, *behind, &q, e) < 0)
		return -1;
	r = sqlite3_step(q);
	if (r == SQLITE_DONE)
		return 0;
	if (r != SQLITE_ROW)
		return sql_fail(c->store, "read what is sealed", e);
	*behind = sqlite3_column_int64(q, 0);
	len = (size_t)sqlite3_column_bytes(q, 2);
	sealed = xmemdup(sqlite3_column_blob(q, 2), len);
	if (c->row(c->arg, sql_text(q, 1), sealed, len, e) < 0 ||
	    EXECUTE(c->store, e, "write what is sealed", sql, "bi", sealed, len,
		*behind) < 0)
		return -1;
	return 1;
}

/* What is sealed is a BLOB, and nothing else is: one that isn't in the table
 * above would be lost with the old key. */
static int
check_complete(struct store *s, struct error *e)
{
	_cleanup_(sql_finalize) sqlite3_stmt *q = NULL;
	int r;

	if (sql_prepare(s, &q, e,
		"SELECT m.name, c.name FROM sqlite_schema AS m,"
		" pragma_table_info(m.name) AS c"
		" WHERE m.type = 'table' AND c.type = 'BLOB'",
		"") < 0)
		return -1;
	while ((r = sqlite3_step(q)) == SQLITE_ROW) {
		const char *table = sql_text(q, 0), *column = sql_text(q, 1);
		size_t i = 0;

		while (
		    i < COLUMNS && (strcmp(columns[i].table, table) != 0 ||
				       strcmp(columns[i].column, column) != 0))
			i++;
		if (i == COLUMNS)
			return error_set(e, ERR_PRECONDITION,
			    "what is in '%s.%s' can't be sealed anew", table,
			    column);
	}
	return r == SQLITE_DONE ? 0 : sql_fail(s, "read the schema", e);
}

int
store_sealed_change(struct store *s,
    int (*row)(
	void *arg, const char *label, void *sealed, size_t len, struct error *),
    void *arg, int64_t *ret_n, struct error *e)
{
	struct change c = { s, NULL, row, arg, 0 };
	TRANSACTION(s);

	if (sql_begin(s, e) < 0 || check_complete(s, e) < 0)
		return -1;
	for (size_t i = 0; i < COLUMNS; i++) {
		int64_t behind = INT64_MIN;
		int r;

		c.column = &columns[i];
		while ((r = change_next(&c, &behind, e)) == 1)
			c.n++;
		if (r < 0)
			return -1;
	}
	if (sql_commit(s, e) < 0)
		return -1;
	*ret_n = c.n;
	return 0;
}
