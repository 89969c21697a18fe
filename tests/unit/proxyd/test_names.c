/* SPDX-License-Identifier: Apache-2.0 */
/* test_names.c - synthetic addresses and the names they stand for. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/wire/names.h"
#include "proxyd/names.h"

DEFINE_FREEP(name_map);

static int
names_fd(size_t size, int seals)
{
	int fd = memfd_create("names", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)size), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static struct name_map *
open_map(int fd, bool writable)
{
	struct name_map *m = NULL;
	struct error e;

	assert_int_equal(name_map_open(fd, writable, &m, &e), 0);
	return m;
}

static uint32_t
address_of(struct name_map *m, const char *name)
{
	struct error e;
	uint32_t a = 0;

	assert_int_equal(name_map_address(m, name, &a, &e), 0);
	return a;
}

static void
test_a_name_keeps_its_address(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	_cleanup_(name_map_freep) struct name_map *m = open_map(fd, true);
	uint32_t a = address_of(m, "api.github.com");
	uint32_t b = address_of(m, "github.com");

	(void)state;
	assert_int_equal(a, NAMES_FIRST);
	assert_int_not_equal(a, b);
	assert_int_equal(address_of(m, "api.github.com"), a);
	assert_string_equal(name_map_name(m, a), "api.github.com");
	assert_string_equal(name_map_name(m, b), "github.com");
}

static void
test_another_process_sees_them_and_so_does_the_next(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	_cleanup_(name_map_freep) struct name_map *writer = open_map(fd, true);
	_cleanup_(name_map_freep) struct name_map *reader = open_map(fd, false);
	_cleanup_(name_map_freep) struct name_map *next = NULL;
	uint32_t a = address_of(writer, "a.example.com");

	(void)state;
	assert_string_equal(name_map_name(reader, a), "a.example.com");
	next = open_map(fd, true);
	assert_int_equal(address_of(next, "a.example.com"), a);
	assert_int_equal(address_of(next, "b.example.com"), a + 1);
	assert_string_equal(name_map_name(reader, a + 1), "b.example.com");
}

static void
test_addresses_that_nobody_was_given_have_no_name(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	_cleanup_(name_map_freep) struct name_map *m = open_map(fd, true);
	static const uint32_t rows[] = { 0, NAMES_FIRST - 1, NAMES_FIRST + 1,
		NAMES_FIRST + NAMES_SLOTS, UINT32_MAX };

	(void)state;
	(void)address_of(m, "a.example.com");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_null(name_map_name(m, rows[i]));
}

static void
test_all_taken_is_an_error_and_changes_nothing(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	_cleanup_(name_map_freep) struct name_map *m = open_map(fd, true);
	struct error e;
	uint32_t a = 0;
	char name[32];

	(void)state;
	for (uint32_t i = 0; i < NAMES_SLOTS; i++) {
		(void)snprintf(name, sizeof(name), "%u.example.com", i);
		assert_int_equal(address_of(m, name), NAMES_FIRST + i);
	}
	assert_int_equal(name_map_address(m, "more.example.com", &a, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(a, 0);
	assert_int_equal(address_of(m, "0.example.com"), NAMES_FIRST);
	assert_int_equal(
	    address_of(m, "8191.example.com"), NAMES_FIRST + NAMES_SLOTS - 1);
}

static void
test_what_is_no_name_gets_no_address(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	_cleanup_(name_map_freep) struct name_map *m = open_map(fd, true);
	char name[NAMES_NAME_MAX + 1];
	struct error e;
	uint32_t a;

	(void)state;
	memset(name, 'a', NAMES_NAME_MAX);
	name[NAMES_NAME_MAX] = '\0';
	assert_int_equal(name_map_address(m, "", &a, &e), -1);
	assert_int_equal(name_map_address(m, name, &a, &e), -1);
	name[NAMES_NAME_MAX - 1] = '\0';
	assert_int_equal(name_map_address(m, name, &a, &e), 0);
}

/* The memory is shared: what is in it is believed as little as can be. */
static void
test_spoilt_memory_is_read_without_harm(void **state)
{
	autoclose int fd = names_fd(NAMES_SIZE, F_SEAL_SHRINK);
	struct names *raw =
	    mmap(NULL, NAMES_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	struct name_map *m;

	(void)state;
	assert_ptr_not_equal(raw, MAP_FAILED);
	atomic_store(&raw->used, UINT32_MAX);
	memset(raw->name[0], 'x', NAMES_NAME_MAX); /* no NUL */
	memcpy(raw->name[NAMES_SLOTS - 1], "last", 5);
	m = open_map(fd, true);
	assert_null(name_map_name(m, NAMES_FIRST));
	assert_string_equal(
	    name_map_name(m, NAMES_FIRST + NAMES_SLOTS - 1), "last");
	assert_null(name_map_name(m, NAMES_FIRST + NAMES_SLOTS));
	name_map_free(m);
	(void)munmap(raw, NAMES_SIZE);
}

static void
test_memory_that_could_shrink_is_refused(void **state)
{
	static const struct {
		const char *why;
		size_t size;
		int seals;
	} rows[] = {
		{ "not sealed", NAMES_SIZE, 0 },
		{ "sealed against growing only", NAMES_SIZE, F_SEAL_GROW },
		{ "too small", NAMES_SIZE - 1, F_SEAL_SHRINK },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autoclose int fd = names_fd(rows[i].size, rows[i].seals);
		struct name_map *m = NULL;
		struct error e;

		printf("%s\n", rows[i].why);
		assert_int_equal(name_map_open(fd, false, &m, &e), -1);
		assert_int_equal(e.code, ERR_INVALID);
	}
}

static void
test_synthetic_addresses_are_those_of_198_18_and_19(void **state)
{
	(void)state;
	assert_true(name_is_synthetic(0xc6120000));
	assert_true(name_is_synthetic(0xc613ffff));
	assert_true(name_is_synthetic(NAMES_FIRST + NAMES_SLOTS - 1));
	assert_false(name_is_synthetic(0xc611ffff));
	assert_false(name_is_synthetic(0xc6140000));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_name_keeps_its_address),
		cmocka_unit_test(
		    test_another_process_sees_them_and_so_does_the_next),
		cmocka_unit_test(
		    test_addresses_that_nobody_was_given_have_no_name),
		cmocka_unit_test(
		    test_all_taken_is_an_error_and_changes_nothing),
		cmocka_unit_test(test_what_is_no_name_gets_no_address),
		cmocka_unit_test(test_spoilt_memory_is_read_without_harm),
		cmocka_unit_test(test_memory_that_could_shrink_is_refused),
		cmocka_unit_test(
		    test_synthetic_addresses_are_those_of_198_18_and_19),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
