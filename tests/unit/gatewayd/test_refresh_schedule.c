/* SPDX-License-Identifier: Apache-2.0 */
/* test_refresh_schedule.c - whose turn it is, and how often one is tried. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gatewayd/refresh_schedule.h"

#define SLOTS 40
#define S(seconds) ((int64_t)(seconds)*1000)

/* Refreshes that are nothing but their place. */
struct place {
	struct refresh_schedule *all;
	struct refresh_slot slots[SLOTS];
	int64_t due_ms[SLOTS];
	size_t n;
};

static int
set_up(void **state)
{
	static struct place p;

	memset(&p, 0, sizeof(p));
	p.all = refresh_schedule_new();
	*state = &p;
	return 0;
}

static int
tear_down(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < p->n; i++)
		refresh_schedule_remove(p->all, &p->slots[i]);
	refresh_schedule_free(p->all);
	return 0;
}

static struct refresh_slot *
add(struct place *p, uid_t owner, int64_t due_ms)
{
	struct refresh_slot *s = &p->slots[p->n];

	p->due_ms[p->n] = due_ms;
	s->due_ms = &p->due_ms[p->n++];
	refresh_schedule_add(p->all, s, owner);
	return s;
}

static void
put_off(struct place *p, const struct refresh_slot *s)
{
	p->due_ms[s - p->slots] = S(1000000);
}

static void
test_one_owner_has_two_under_way(void **state)
{
	struct place *p = *state;
	struct refresh_slot *one;

	for (int i = 0; i < 5; i++)
		(void)add(p, 1, 0);
	one = refresh_schedule_take(p->all, 0);
	assert_non_null(one);
	assert_non_null(refresh_schedule_take(p->all, 0));
	assert_null(refresh_schedule_take(p->all, 0));
	refresh_schedule_land(p->all, one);
	put_off(p, one);
	assert_non_null(refresh_schedule_take(p->all, 0));
	assert_null(refresh_schedule_take(p->all, 0));
}

static void
test_all_owners_have_eight_under_way(void **state)
{
	struct place *p = *state;
	size_t n = 0;

	for (uid_t owner = 0; owner < 10; owner++)
		(void)add(p, owner, 0);
	while (refresh_schedule_take(p->all, 0) != NULL)
		n++;
	assert_int_equal(n, REFRESH_FLIGHTS_MAX);
	/* One that goes while it flies leaves room. */
	refresh_schedule_remove(p->all, &p->slots[0]);
	assert_non_null(refresh_schedule_take(p->all, 0));
	assert_null(refresh_schedule_take(p->all, 0));
	p->slots[0] = (struct refresh_slot){ .due_ms = &p->due_ms[0] };
	refresh_schedule_add(p->all, &p->slots[0], 0);
}

static void
test_of_one_owners_the_first_that_is_due_goes_first(void **state)
{
	struct place *p = *state;
	struct refresh_slot *late = add(p, 1, 30), *early = add(p, 1, 10),
			    *later = add(p, 1, 50);

	assert_null(refresh_schedule_take(p->all, 9));
	assert_int_equal(refresh_schedule_next_ms(p->all, 9), 10);
	assert_ptr_equal(refresh_schedule_take(p->all, 40), early);
	assert_ptr_equal(refresh_schedule_take(p->all, 40), late);
	assert_null(refresh_schedule_take(p->all, 40));
	assert_int_equal(refresh_schedule_next_ms(p->all, 40), 50);
	/* It waits for its turn, not for a time. */
	assert_int_equal(refresh_schedule_next_ms(p->all, 60), INT64_MAX);
	refresh_schedule_land(p->all, early);
	put_off(p, early);
	assert_ptr_equal(refresh_schedule_take(p->all, 60), later);
}

static void
test_owners_take_turns_however_much_one_has_to_do(void **state)
{
	struct place *p = *state;
	struct refresh_slot *other;

	for (int i = 0; i < 30; i++)
		(void)add(p, 1, 0);
	other = add(p, 2, 100);
	(void)refresh_schedule_take(p->all, 200);
	assert_ptr_equal(refresh_schedule_take(p->all, 200), other);
}

static void
test_nobody_waits_longer_than_a_round(void **state)
{
	struct place *p = *state;
	struct refresh_slot *s, *last = NULL;

	/* Nine owners, always with something that is long due, and one slot
	 * that comes free at a time. */
	for (uid_t owner = 1; owner <= 9; owner++)
		for (int i = 0; i < 3; i++)
			(void)add(p, owner, 0);
	while ((s = refresh_schedule_take(p->all, 500)) != NULL)
		last = s;
	s = add(p, 10, 499);
	for (int i = 0; i < 10 && last != s; i++) {
		refresh_schedule_land(p->all, last);
		last = refresh_schedule_take(p->all, 500);
		assert_non_null(last);
	}
	assert_ptr_equal(last, s);
}

static int64_t
try_once(struct place *p, struct refresh_slot *s, int64_t at_ms)
{
	assert_ptr_equal(refresh_schedule_take(p->all, at_ms), s);
	refresh_schedule_land(p->all, s);
	return refresh_slot_pace_ms(s, at_ms + S(1));
}

static void
test_one_that_is_tried_again_and_again_is_slowed_down(void **state)
{
	struct place *p = *state;
	struct refresh_slot *s = add(p, 1, 0);
	int64_t now = S(1000), next = now;

	/* A burst, then the pace. */
	for (int i = 1; i < REFRESH_BURST; i++, now = next) {
		next = try_once(p, s, now);
		assert_int_equal(next, now + S(1));
	}
	for (int i = 1; i < 10; i++, now = next) {
		next = try_once(p, s, now);
		assert_int_equal(next, S(1000) + i * S(REFRESH_PACE_S));
	}
	/* What wants no more than that isn't kept waiting. */
	assert_int_equal(refresh_slot_pace_ms(s, now + S(3300)), now + S(3300));
	/* After a while it may hurry again. */
	now += REFRESH_BURST * S(REFRESH_PACE_S);
	assert_int_equal(try_once(p, s, now), now + S(1));
}

static void
test_who_asks_again_and_again_puts_nothing_off(void **state)
{
	struct place *p = *state;
	struct refresh_slot *s = add(p, 1, 0);
	int64_t next = 0;

	for (int i = 0; i < 500; i++)
		next = try_once(p, s, S(1000));
	assert_int_equal(next, S(1000 + REFRESH_PACE_S));
}

static void
test_a_value_is_fetched_before_its_end(void **state)
{
	static const struct {
		int64_t lifetime_s, wait_s;
	} rows[] = { { 3600, 3300 }, { 601, 301 }, { 600, 300 }, { 10, 5 },
		{ 3, 2 }, { 1, 1 } };

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(
		    refresh_wait_s(rows[i].lifetime_s), rows[i].wait_s);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_owner_has_two_under_way),
		TEST(test_all_owners_have_eight_under_way),
		TEST(test_of_one_owners_the_first_that_is_due_goes_first),
		TEST(test_owners_take_turns_however_much_one_has_to_do),
		TEST(test_nobody_waits_longer_than_a_round),
		TEST(test_one_that_is_tried_again_and_again_is_slowed_down),
		TEST(test_who_asks_again_and_again_puts_nothing_off),
		TEST(test_a_value_is_fetched_before_its_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
