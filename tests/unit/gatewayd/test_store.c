/* SPDX-License-Identifier: Apache-2.0 */
/* test_store.c - what was stored is there after the database was closed. */
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/xalloc.h"
#include "gatewayd/store.h"

struct place {
	char dir[64];
	char *path;
	struct store *store;
};

static int
set_up(void **state)
{
	struct place *p = xcalloc(1, sizeof(*p));
	struct error e;

	(void)snprintf(p->dir, sizeof(p->dir), "/tmp/test_store.XXXXXX");
	if (mkdtemp(p->dir) == NULL)
		return -1;
	p->path = xasprintf("%s/db", p->dir);
	*state = p;
	return store_open(p->path, &p->store, &e);
}

static int
tear_down(void **state)
{
	struct place *p = *state;
	char *wal = xasprintf("%s-wal", p->path);
	char *shm = xasprintf("%s-shm", p->path);

	store_close(p->store);
	(void)unlink(p->path);
	(void)unlink(wal);
	(void)unlink(shm);
	(void)rmdir(p->dir);
	free(wal);
	free(shm);
	free(p->path);
	free(p);
	return 0;
}

static int
insert(struct store *s, const char *id, const char *name, int64_t owner,
    int64_t block, struct error *e)
{
	const struct store_sandbox sandbox = { .id = id,
		.name = name,
		.owner_uid = owner,
		.phase = "Provisioning",
		.created_at_ms = 5,
		.boot_id = "b",
		.spec = "{}",
		.uid_block = block,
		.ca_cert = "cert",
		.ca_key = "key",
		.ca_key_len = 3 };
	const struct store_revision one = { .sandbox = id,
		.version = 1,
		.policy = "{}",
		.hash = "h1",
		.status = "pending",
		.created_at_ms = 5 };

	return store_sandbox_insert(s, &sandbox, &one, e);
}

static void
reopen(struct place *p)
{
	struct error e;

	store_close(p->store);
	assert_int_equal(store_open(p->path, &p->store, &e), 0);
}

static void
keep_phase(void *arg, const struct store_sandbox *s)
{
	(void)snprintf(arg, 64, "%s/%s/%s", s->name, s->phase,
	    s->reason != NULL ? s->reason : "-");
}

static void
test_a_sandbox_outlives_the_process(void **state)
{
	struct place *p = *state;
	char seen[64] = "";
	struct error e;

	assert_int_equal(insert(p->store, "i", "n", 1, 0, &e), 0);
	assert_int_equal(
	    store_sandbox_set_phase(p->store, "i", "Error", "why", "b2", &e),
	    0);
	reopen(p);
	assert_int_equal(store_sandbox_each(p->store, keep_phase, seen, &e), 0);
	assert_string_equal(seen, "n/Error/why");
}

static void
test_a_name_is_taken_once_for_each_owner(void **state)
{
	struct place *p = *state;
	struct error e;

	assert_int_equal(insert(p->store, "a", "n", 1, 0, &e), 0);
	assert_int_equal(insert(p->store, "b", "n", 1, 1, &e), -1);
	assert_int_equal(e.code, ERR_EXISTS);
	assert_int_equal(insert(p->store, "c", "n", 2, 1, &e), 0);
}

static void
test_the_lowest_free_block_is_given(void **state)
{
	struct place *p = *state;
	int64_t block;
	struct error e;

	assert_int_equal(store_free_uid_block(p->store, &block, &e), 0);
	assert_int_equal(block, 0);
	assert_int_equal(insert(p->store, "a", "a", 1, 0, &e), 0);
	assert_int_equal(insert(p->store, "b", "b", 1, 1, &e), 0);
	assert_int_equal(insert(p->store, "c", "c", 1, 2, &e), 0);
	assert_int_equal(store_sandbox_delete(p->store, "b", &e), 0);
	assert_int_equal(store_free_uid_block(p->store, &block, &e), 0);
	assert_int_equal(block, 1);
}

static void
keep_status(void *arg, const struct store_revision *r)
{
	char *to = arg;
	size_t n = strlen(to);

	(void)snprintf(
	    to + n, 128 - n, "%lld=%s ", (long long)r->version, r->status);
}

static void
revise(struct place *p, int64_t version)
{
	static const int64_t in_use[STORE_IN_USE_MAX] = { 5, 0, 7 };
	const struct store_revision r = { .sandbox = "i",
		.version = version,
		.policy = "{}",
		.hash = "h",
		.status = "pending",
		.created_at_ms = 6 };
	struct error e;

	assert_int_equal(store_revision_insert(p->store, &r, in_use, &e), 0);
}

static void
test_revisions_supersede_the_ones_before(void **state)
{
	struct place *p = *state;
	char seen[128] = "";
	struct error e;

	assert_int_equal(insert(p->store, "i", "n", 1, 0, &e), 0);
	assert_int_equal(
	    store_revision_decide(p->store, "i", 1, "loaded", NULL, 7, &e), 0);
	revise(p, 2);
	revise(p, 3);
	assert_int_equal(
	    store_revision_decide(p->store, "i", 3, "failed", "why", 8, &e), 0);
	reopen(p);
	assert_int_equal(
	    store_revision_each(p->store, "i", 10, keep_status, seen, &e), 0);
	assert_string_equal(seen, "3=failed 2=superseded 1=loaded ");
	seen[0] = '\0';
	assert_int_equal(store_revision_get(p->store, "i", STORE_LOADED,
			     keep_status, seen, &e),
	    0);
	assert_string_equal(seen, "1=loaded ");
	assert_int_equal(
	    store_revision_get(p->store, "i", 9, keep_status, seen, &e), -1);
	assert_int_equal(e.code, ERR_NOT_FOUND);
}

static void
test_old_revisions_go_but_those_that_are_needed(void **state)
{
	struct place *p = *state;
	char seen[128] = "";
	struct error e;

	assert_int_equal(insert(p->store, "i", "n", 1, 0, &e), 0);
	for (int64_t i = 2; i < 110; i++) {
		revise(p, i);
		if (i == 3)
			assert_int_equal(store_revision_decide(p->store, "i", i,
					     "loaded", NULL, 7, &e),
			    0);
	}
	/* 5 and 7 are in use, says revise(). */
	for (int64_t i = 1; i < 110; i++) {
		bool kept = i == 1 || i == 3 || i == 5 || i == 7 || i >= 10;

		seen[0] = '\0';
		print_message("%lld\n", (long long)i);
		assert_int_equal(
		    store_revision_get(p->store, "i", i, keep_status, seen, &e),
		    kept ? 0 : -1);
	}
}

static void
count_event(void *arg, const struct store_event *event)
{
	(void)event;
	++*(int *)arg;
}

static void
test_events_are_bounded_and_go_with_their_sandbox(void **state)
{
	struct place *p = *state;
	struct store_event *many =
	    xcalloc(STORE_EVENTS_MAX + 10, sizeof(*many));
	struct error e;
	int n = 0;

	assert_int_equal(insert(p->store, "i", "n", 1, 0, &e), 0);
	for (int i = 0; i < STORE_EVENTS_MAX + 10; i++)
		many[i] = (struct store_event){ "i", i, "{}" };
	assert_int_equal(
	    store_events_append(p->store, many, STORE_EVENTS_MAX + 10, &e), 0);
	assert_int_equal(
	    store_events_each(p->store, "i", 0, count_event, &n, &e), 0);
	assert_int_equal(n, STORE_EVENTS_MAX);
	n = 0;
	assert_int_equal(store_events_each(p->store, "i", STORE_EVENTS_MAX + 5,
			     count_event, &n, &e),
	    0);
	assert_int_equal(n, 5);
	assert_int_equal(store_sandbox_delete(p->store, "i", &e), 0);
	n = 0;
	assert_int_equal(
	    store_events_each(p->store, "i", 0, count_event, &n, &e), 0);
	assert_int_equal(n, 0);
	free(many);
}

static void
count_route(void *arg, const struct store_route *r)
{
	assert_string_not_equal(r->sandbox, "i");
	++*(int *)arg;
}

static void
test_a_sandbox_takes_its_routes_with_it(void **state)
{
	struct place *p = *state;
	struct error e;
	int n = 0;

	assert_int_equal(insert(p->store, "i", "n", 1, 0, &e), 0);
	for (const char *const *of =
		 (const char *const[]){ "", "i", "j", NULL };
	     *of != NULL; of++)
		assert_int_equal(store_route_put(p->store,
				     &(struct store_route){
					 1, *of, "inference.local", "{}", 1 },
				     &e),
		    0);
	assert_int_equal(store_sandbox_delete(p->store, "i", &e), 0);
	assert_int_equal(store_route_each(p->store, count_route, &n, &e), 0);
	assert_int_equal(n, 2);
}

static const struct store_credential credential = { "p", "K", "sealed", 6, 3, 2,
	"handle", 7 };
static const struct store_refresh refresh = { "p", "K", "strategy", "url",
	"material", 8, 4, "refreshed", 7, 6, 5, "" };

static int
insert_provider(struct store *s, struct error *e)
{
	return store_provider_create(s,
	    &(struct store_provider){ .id = "p",
		.name = "n",
		.type = "t",
		.config = "{}",
		.version = 1,
		.credentials = &credential,
		.n_credentials = 1 },
	    e);
}

static int
update_provider(
    struct store *s, const struct store_refresh *with, struct error *e)
{
	struct store_credential next = credential;

	next.revision = 4;
	return store_provider_update(s,
	    &(struct store_provider){ .id = "p",
		.config = "{}",
		.version = 2,
		.credentials = &next,
		.n_credentials = 1,
		.refresh = with },
	    e);
}

static void
keep_credential(void *arg, const struct store_credential *c)
{
	(void)snprintf(arg, 64, "%s/%lld/%lld", c->key, (long long)c->revision,
	    (long long)c->epoch);
}

static void
keep_refresh(void *arg, const struct store_refresh *r)
{
	(void)snprintf(arg, 128, "%s/%s/%s/%s/%.*s/%lld/%s/%lld/%lld/%lld/%s",
	    r->provider, r->key, r->strategy, r->token_url,
	    (int)r->material_len, (const char *)r->material,
	    (long long)r->version, r->status, (long long)r->expires_at_ms,
	    (long long)r->next_ms, (long long)r->last_ms, r->error);
}

static void
test_a_refresh_is_kept_with_the_values_it_brought(void **state)
{
	struct place *p = *state;
	char seen[64] = "", kept[128] = "";
	struct error e;

	assert_int_equal(insert_provider(p->store, &e), 0);
	assert_int_equal(update_provider(p->store, &refresh, &e), 0);
	reopen(p);
	assert_int_equal(
	    store_credential_each(p->store, keep_credential, seen, &e), 0);
	assert_string_equal(seen, "K/4/2");
	assert_int_equal(
	    store_refresh_each(p->store, keep_refresh, kept, &e), 0);
	assert_string_equal(
	    kept, "p/K/strategy/url/material/4/refreshed/7/6/5/");
}

static void
test_neither_value_nor_refresh_is_kept_alone(void **state)
{
	struct place *p = *state;
	struct store_refresh wrong = refresh;
	char seen[64] = "", kept[128] = "";
	struct error e;

	wrong.status = "no such status";
	assert_int_equal(insert_provider(p->store, &e), 0);
	assert_int_equal(update_provider(p->store, &wrong, &e), -1);
	assert_int_equal(
	    store_credential_each(p->store, keep_credential, seen, &e), 0);
	assert_string_equal(seen, "K/3/2");
	assert_int_equal(
	    store_refresh_each(p->store, keep_refresh, kept, &e), 0);
	assert_string_equal(kept, "");
}

static void
test_older_material_never_replaces_newer(void **state)
{
	struct place *p = *state;
	struct store_refresh older = refresh, same = refresh;
	char kept[128] = "";
	struct error e;

	older.version--;
	older.material = "spent";
	older.material_len = 5;
	same.status = "error";
	assert_int_equal(insert_provider(p->store, &e), 0);
	assert_int_equal(store_refresh_put(p->store, &refresh, &e), 0);
	assert_int_equal(store_refresh_put(p->store, &older, &e), -1);
	assert_int_equal(e.code, ERR_PRECONDITION);
	assert_int_equal(update_provider(p->store, &older, &e), -1);
	assert_int_equal(store_refresh_put(p->store, &same, &e), 0);
	assert_int_equal(
	    store_refresh_each(p->store, keep_refresh, kept, &e), 0);
	assert_string_equal(kept, "p/K/strategy/url/material/4/error/7/6/5/");
	/* But what an operator says does. */
	older.anew = true;
	assert_int_equal(update_provider(p->store, &older, &e), 0);
	kept[0] = '\0';
	assert_int_equal(
	    store_refresh_each(p->store, keep_refresh, kept, &e), 0);
	assert_string_equal(kept, "p/K/strategy/url/spent/3/refreshed/7/6/5/");
}

static void
test_a_refresh_goes_alone_or_with_its_provider(void **state)
{
	struct place *p = *state;
	char kept[128] = "";
	struct error e;

	assert_int_equal(store_refresh_put(p->store, &refresh, &e), -1);
	assert_int_equal(insert_provider(p->store, &e), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(store_refresh_put(p->store, &refresh, &e), 0);
		assert_int_equal(
		    i == 0 ? store_refresh_delete(p->store, "p", "K", &e)
			   : store_provider_delete(p->store, "p", &e),
		    0);
		assert_int_equal(
		    store_refresh_each(p->store, keep_refresh, kept, &e), 0);
		assert_string_equal(kept, "");
	}
}

static void
test_the_file_is_its_owner_s_alone(void **state)
{
	struct place *p = *state;
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

struct seen {
	int n;
	int fail_at;
	char labels[512];
};

static void
note_sealed(void *arg, const char *label, const void *sealed, size_t len)
{
	struct seen *seen = arg;
	size_t used = strlen(seen->labels);

	(void)snprintf(seen->labels + used, sizeof(seen->labels) - used,
	    "%s=%.*s ", label, (int)len, (const char *)sealed);
}

static int
shout(void *arg, const char *label, void *sealed, size_t len, struct error *e)
{
	struct seen *seen = arg;

	if (++seen->n == seen->fail_at)
		return error_set(e, ERR_DENIED, "not '%s'", label);
	memset(sealed, '!', len);
	return 0;
}

static void
add_table(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

static void
test_what_is_sealed_is_changed_as_a_whole(void **state)
{
	static const struct store_credential keys[] = {
		{ "p", "K", "one", 3, 1, 1, "h", 0 },
		{ "p", "L", "two", 3, 7, 1, "h", 0 },
	};
	static const struct store_refresh fetched = {
		.provider = "p",
		.key = "K",
		.strategy = "s",
		.token_url = "u",
		.material = "new",
		.material_len = 3,
		.version = 4,
		.status = "configured",
		.error = "",
	};
	const struct store_provider provider = { "p", "p", 1, "t", "{}", 1, 1,
		keys, 2 };
	struct place *p = *state;
	struct seen seen = { 0 };
	struct error e;
	int64_t n = -1;

	assert_int_equal(insert(p->store, "s", "s", 1, 0, &e), 0);
	assert_int_equal(store_provider_create(p->store, &provider, &e), 0);
	assert_int_equal(store_refresh_put(p->store, &fetched, &e), 0);
	seen.fail_at = 3;
	assert_int_equal(
	    store_sealed_change(p->store, shout, &seen, &n, &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(n, -1);
	assert_int_equal(
	    store_sealed_each(p->store, note_sealed, &seen, &e), 0);
	assert_string_equal(seen.labels,
	    "sandbox/s/ca-key=key provider/p/K/1=one provider/p/L/7=two "
	    "refresh/p/K/4=new ");
	seen = (struct seen){ 0 };
	assert_int_equal(
	    store_sealed_change(p->store, shout, &seen, &n, &e), 0);
	assert_int_equal(n, 4);
	assert_int_equal(
	    store_sealed_each(p->store, note_sealed, &seen, &e), 0);
	assert_string_equal(seen.labels,
	    "sandbox/s/ca-key=!!! provider/p/K/1=!!! provider/p/L/7=!!! "
	    "refresh/p/K/4=!!! ");

	/* A table that nobody told of must not be left behind. */
	add_table(p->path, "CREATE TABLE other (secret BLOB) STRICT");
	assert_int_equal(
	    store_sealed_change(p->store, shout, &seen, &n, &e), -1);
	assert_non_null(strstr(e.text, "'other.secret'"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_sandbox_outlives_the_process),
		TEST(test_a_name_is_taken_once_for_each_owner),
		TEST(test_the_lowest_free_block_is_given),
		TEST(test_revisions_supersede_the_ones_before),
		TEST(test_old_revisions_go_but_those_that_are_needed),
		TEST(test_events_are_bounded_and_go_with_their_sandbox),
		TEST(test_a_sandbox_takes_its_routes_with_it),
		TEST(test_a_refresh_is_kept_with_the_values_it_brought),
		TEST(test_neither_value_nor_refresh_is_kept_alone),
		TEST(test_older_material_never_replaces_newer),
		TEST(test_a_refresh_goes_alone_or_with_its_provider),
		TEST(test_what_is_sealed_is_changed_as_a_whole),
		TEST(test_the_file_is_its_owner_s_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
