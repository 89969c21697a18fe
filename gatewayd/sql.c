/* SPDX-License-Identifier: Apache-2.0 */
/* sql.c - see sql.h. */
#include <stdarg.h>

#include "gatewayd/sql.h"

int
sql_fail(struct store *s, const char *what, struct error *e)
{
	int code = sqlite3_extended_errcode(s->db);

	return error_set(e,
	    code == SQLITE_CONSTRAINT_UNIQUE ||
		    code == SQLITE_CONSTRAINT_PRIMARYKEY
		? ERR_EXISTS
		: ERR_SYSTEM,
	    "database: cannot %s: %s", what, sqlite3_errmsg(s->db));
}

int
sql_run(struct store *s, const char *what, const char *sql, struct error *e)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return sql_fail(s, what, e);
	return 0;
}

void
sql_finalize(sqlite3_stmt **q)
{
	(void)sqlite3_finalize(*q);
}

int
sql_prepare(struct store *s, sqlite3_stmt **ret, struct error *e,
    const char *sql, const char *letters, ...)
{
	sqlite3_stmt *q = NULL;
	int r = sqlite3_prepare_v2(s->db, sql, -1, &q, NULL);
	va_list ap;

	va_start(ap, letters);
	for (int i = 0; r == SQLITE_OK && letters[i] != '\0'; i++) {
		if (letters[i] == 's') {
			r = sqlite3_bind_text(q, i + 1,
			    va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		} else if (letters[i] == 'i') {
			r = sqlite3_bind_int64(q, i + 1, va_arg(ap, int64_t));
		} else {
			const void *p = va_arg(ap, const void *);

			r = sqlite3_bind_blob64(
			    q, i + 1, p, va_arg(ap, size_t), SQLITE_TRANSIENT);
		}
	}
	va_end(ap);
	if (r != SQLITE_OK) {
		(void)sql_fail(s, "prepare a statement", e);
		(void)sqlite3_finalize(q);
		return -1;
	}
	*ret = q;
	return 0;
}

void
sql_rollback(struct store **s)
{
	if (!sqlite3_get_autocommit((*s)->db))
		(void)sqlite3_exec((*s)->db, "ROLLBACK", NULL, NULL, NULL);
}

int
sql_begin(struct store *s, struct error *e)
{
	return sql_run(s, "begin", "BEGIN IMMEDIATE", e);
}

int
sql_commit(struct store *s, struct error *e)
{
	return sql_run(s, "commit", "COMMIT", e);
}

const char *
sql_text(sqlite3_stmt *q, int column)
{
	return (const char *)sqlite3_column_text(q, column);
}
