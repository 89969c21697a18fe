/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer's bytes: cut into frames, checked, parsed as a call and as a reply,
 * decoded by a table with every type, and encoded again.  What was decoded
 * must survive the round trip.
 */
#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/codec.h"
#include "common/varlink/frame.h"
#include "common/varlink/message.h"

struct inner {
	const char *name;
	int64_t size;
};

struct outer {
	bool flag;
	int64_t number;
	const char *text;
	struct strings list;
	struct pairs map;
	int fd;
	struct fds fds;
	struct inner *one;
	struct objects many;
};

#define P(member) offsetof(struct inner, member)
static const struct field inner_fields[] = {
	{ "name", FIELD_STR, REQUIRED, P(name) },
	{ "size", FIELD_INT, OPTIONAL, P(size) },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct outer, member)
static const struct field outer_fields[] = {
	{ "flag", FIELD_BOOL, OPTIONAL, P(flag) },
	{ "number", FIELD_INT, OPTIONAL, P(number), 1000 },
	{ "text", FIELD_STR, REQUIRED, P(text), 64 },
	{ "list", FIELD_STRS, OPTIONAL, P(list), 8 },
	{ "map", FIELD_MAP, OPTIONAL, P(map), 8 },
	{ "fd", FIELD_FD, OPTIONAL, P(fd) },
	{ "fds", FIELD_FDS, OPTIONAL, P(fds), 4 },
	{ "one", FIELD_OBJ, OPTIONAL, P(one), 0, inner_fields,
	    sizeof(struct inner) },
	{ "many", FIELD_OBJS, OPTIONAL, P(many), 8, inner_fields,
	    sizeof(struct inner) },
	{ 0 },
};
#undef P

/* Numbers that nobody opens or closes. */
static const struct passed given = { { 1000, 1001, 1002, 1003 }, 4 };

static void
check_round_trip(const struct cJSON *parameters)
{
	_cleanup_(arena_clear) struct arena arena = { 0 };
	_cleanup_(buf_free) struct buf one = BUF_INIT;
	_cleanup_(buf_free) struct buf two = BUF_INIT;
	struct passed passed = given;
	struct passed first, second;
	struct bad_field bad;
	struct message m;
	struct error e;
	void *object;

	object = codec_decode(parameters, outer_fields, sizeof(struct outer),
	    &arena, &passed, &bad);
	if (object == NULL) {
		assert(strlen(bad.path) < CODEC_PATH_MAX && bad.why != NULL);
		assert(memcmp(&passed, &given, sizeof(passed)) == 0);
		return;
	}
	assert(message_write_reply(&one, outer_fields, object, false, &first) ==
	       0);
	assert(message_parse_reply(buf_str(&one), one.len - 1, &m, &e) == 0);
	passed = first;
	object = codec_decode(m.parameters, outer_fields, sizeof(struct outer),
	    &arena, &passed, &bad);
	message_clear(&m);
	assert(object != NULL);
	assert(message_write_reply(
		   &two, outer_fields, object, false, &second) == 0);
	assert(one.len == two.len && first.n == second.n);
	assert(memcmp(buf_data(&one), buf_data(&two), one.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t scanned = 0;
	size_t len;
	struct message m;
	struct error e;

	while (frame_find(data, size, &scanned, &len, &e) > 0) {
		const char *text = (const char *)data;

		if (message_parse_call(text, len, &m, &e) == 0) {
			check_round_trip(m.parameters);
			message_clear(&m);
		}
		if (message_parse_reply(text, len, &m, &e) == 0) {
			check_round_trip(m.parameters);
			message_clear(&m);
		}
		data += len + 1;
		size -= len + 1;
	}
	return 0;
}
