/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sql.h - what the parts of the store share: statements and transactions.
 * Nobody else includes it.
 */
#ifndef GATEWAYD_SQL_H
#define GATEWAYD_SQL_H

#include <sqlite3.h>
#include <stdint.h>

#include "common/cleanup.h"
#include "common/error.h"

struct store {
	sqlite3 *db;
};

/* Fills e from what the database says of its last failure. */
int sql_fail(struct store *, const char *what, struct error *e);
int sql_run(struct store *, const char *what, const char *sql, struct error *);

/*
 * A statement with its arguments, by letter: s a string (NULL is fine), i an
 * int64_t, b a blob (pointer, size_t).
 */
int sql_prepare(struct store *, sqlite3_stmt **ret, struct error *,
    const char *sql, const char *letters, ...);
void sql_finalize(sqlite3_stmt **);
const char *sql_text(sqlite3_stmt *, int column);

/* Runs a statement that gives no rows. */
#define EXECUTE(s, e, what, sql, letters, ...)                                 \
	({                                                                     \
		_cleanup_(sql_finalize) sqlite3_stmt *q_ = NULL;               \
		int r_ = sql_prepare(s, &q_, e, sql, letters, __VA_ARGS__);    \
		if (r_ == 0 && sqlite3_step(q_) != SQLITE_DONE)                \
			r_ = sql_fail(s, what, e);                             \
		r_;                                                            \
	})

/* Undoes what was begun and not committed, at the end of the block. */
#define TRANSACTION(s)                                                         \
	_cleanup_(sql_rollback)                                                \
	    __attribute__((unused)) struct store *transaction_ = (s)

void sql_rollback(struct store **);
int sql_begin(struct store *, struct error *);
int sql_commit(struct store *, struct error *);

#endif
