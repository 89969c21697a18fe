/* SPDX-License-Identifier: Apache-2.0 */
/* test_privacy_restore.c - an answer's placeholders become the texts that they
 * stand for, however the answer is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/json/scan.h"
#include "common/privacy/deltas.h"
#include "common/privacy/map.h"
#include "common/privacy/model.h"
#include "common/privacy/restore.h"
#include "common/xalloc.h"

static const uint8_t key[PRIVACY_KEY_LEN] = "a key of the sandbox's own";

/* What was redacted, and how the texts below name it. */
static const struct secret {
	const char *mark;
	const char *label;
	const char *text;
} secrets[] = {
	{ "<mail>", "EMAIL", "alice@example.com" },
	{ "<hard>", "PROJECT_1",
	    "a \"b\"\\c\n\t\x01 d\xc3\xa9 \xf0\x9f\x8d\x8e" },
	{ "<two>", "CARD", "4111 1111 1111 1111" },
	{ "<lines>", "LINES", "a\r\nb\rc" },
};
#define N_SECRETS (sizeof(secrets) / sizeof(secrets[0]))

struct fixture {
	struct privacy_map *map;
	char placeholders[N_SECRETS][PRIVACY_PLACEHOLDER_MAX + 1];
};

static int
setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	f->map = privacy_map_new(key);
	for (size_t i = 0; i < N_SECRETS; i++)
		(void)snprintf(f->placeholders[i], sizeof(f->placeholders[i]),
		    "%s",
		    privacy_map_add(f->map, secrets[i].label, secrets[i].text,
			strlen(secrets[i].text), true));
	(void)privacy_map_add(f->map, "PHONE", "+14155552671", 12, false);
	assert_true(privacy_map_seal(f->map));
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	privacy_map_free(f->map);
	free(f);
	return 0;
}

/* The text with its marks replaced: by placeholders, or by what they stand for,
 * escaped so often. */
static char *
expand(const struct fixture *f, const char *text, int escapes)
{
	struct buf b = BUF_INIT;

	while (*text != '\0') {
		size_t i = 0;

		while (i < N_SECRETS && strncmp(text, secrets[i].mark,
					    strlen(secrets[i].mark)) != 0)
			i++;
		if (i == N_SECRETS) {
			(void)buf_append(&b, text++, 1);
			continue;
		}
		text += strlen(secrets[i].mark);
		if (escapes < 0) {
			(void)buf_puts(&b, f->placeholders[i]);
			continue;
		}
		struct buf level = BUF_INIT;

		(void)buf_puts(&level, secrets[i].text);
		for (int k = 0; k < escapes; k++) {
			struct buf above = BUF_INIT;

			(void)json_put_escaped(
			    &above, (char *)buf_data(&level), level.len);
			buf_free(&level);
			level = above;
		}
		(void)buf_append(&b, buf_data(&level), level.len);
		buf_free(&level);
	}
	return buf_take_str(&b);
}

/* In pieces: up to cut, then of so many bytes. */
static char *
restore(const struct fixture *f, bool is_stream, const char *text, size_t n,
    size_t cut, size_t piece)
{
	_cleanup_(privacy_restore_freep) struct privacy_restore *r =
	    privacy_restore_new(f->map, is_stream);
	struct buf out = BUF_INIT;
	struct error e;
	size_t at = cut < n ? cut : n;

	assert_int_equal(privacy_restore_feed(r, text, at, &out, &e), 0);
	while (at < n) {
		size_t len = n - at < piece ? n - at : piece;
		/* Of its own, so that a read beyond it is seen. */
		autofree char *copy = xmemdup(text + at, len);

		assert_int_equal(
		    privacy_restore_feed(r, copy, len, &out, &e), 0);
		at += len;
	}
	assert_int_equal(privacy_restore_end(r, &out, &e), 0);
	return buf_take_str(&out);
}

static void
assert_restored(const struct fixture *f, bool is_stream, const char *why,
    const char *text, const char *expected)
{
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n + 1; cut++) {
		autofree char *got = restore(f, is_stream, text, n,
		    cut <= n ? cut : 0, cut <= n ? n : 1);

		if (strcmp(got, expected) != 0)
			fail_msg("%s, cut at %zu: '%s' gave '%s', not '%s'",
			    why, cut, text, got, expected);
	}
}

static void
test_a_body_is_restored_wherever_it_is_cut(void **state)
{
	static const struct {
		const char *why;
		const char *text;
		int escapes;
	} rows[] = {
		{ "nothing", "", 0 },
		{ "plain text", "to <mail>, <hard>", 0 },
		{ "nothing else", "<hard>", 0 },
		{ "one by the other", "<mail><hard><two>", 0 },
		{ "broken JSON", "{\"a\" \"<hard>\"}", 0 },
		{ "a line end in a string", "{\"a\":\"x\ny <hard>\"}", 0 },
		{ "quotes in text", "say \"<hard>\"", 0 },
		{ "a string", "{\"a\":\"x <hard> y\",\"b\":[\"<two>\"]}", 1 },
		{ "a name", "{\"<hard>\":true}", 1 },
		{ "behind others",
		    "{\"a\":[1.5e3,-2,null,true,false,{},[]],\"b\":\"\\u00e9"
		    "\\\"\\\\\",\"c\":\"<hard>\"}",
		    1 },
		{ "an array", " [ \"<hard>\" , \"<mail>\" ]", 1 },
		{ "lines of JSON", "{\"a\":1}\n{\"a\":\"<hard>\"}\n", 1 },
		{ "a mark before it", "\xef\xbb\xbf{\"a\":\"<hard>\"}", 1 },
		{ "text that begins like JSON", "{\"a\":\"[1] <hard>\"}", 1 },
		{ "text with quotes", "{\"a\":\"[ \\\"q\\\" <hard>\"}", 1 },
		{ "JSON in a string",
		    "{\"arguments\":\"{\\\"a\\\":\\\"<hard>\\\"}\"}", 2 },
		{ "with space", "{\"a\":\" [ 1, \\\"<hard>\\\"]\"}", 2 },
		{ "twice",
		    "{\"a\":\"{\\\"b\\\":\\\"{\\\\\\\"c\\\\\\\":\\\\\\\""
		    "<hard>\\\\\\\"}\\\"}\"}",
		    3 },
		{ "behind JSON in a string",
		    "{\"a\":\"{\\\"b\\\":1}\",\"c\":\"<hard>\"}", 1 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autofree char *text = expand(*state, rows[i].text, -1);
		autofree char *expected =
		    expand(*state, rows[i].text, rows[i].escapes);

		assert_restored(*state, false, rows[i].why, text, expected);
	}
}

/* A protocol's events; '@' is where a piece of text goes, as deep as it
 * stands. */
struct protocol {
	const char *why;
	const char *begin;
	const char *piece;
	const char *end;
	const char *path; /* to the text, in a piece's data */
	const char *only; /* a client reads events that have this */
};

#define CHUNK(inside)                                                          \
	"data: {\"id\":\"c1\",\"choices\":[{\"index\":0," inside "}]}\n\n"
#define FINISH CHUNK("\"delta\":{},\"finish_reason\":\"stop\"")
#define DONE "data: [DONE]\n\n"
#define BLOCK(type, inside)                                                    \
	"event: " type "\ndata: {\"type\":\"" type "\",\"index\":1" inside     \
	"}\n\n"
#define RESPONSE(type, inside)                                                 \
	"event: response." type "\ndata: {\"type\":\"response." type           \
	"\",\"item_id\":\"i\",\"output_index\":1,\"content_index\":0" inside   \
	"}\n\n"

static const struct protocol protocols[] = {
	{ "chat", CHUNK("\"delta\":{\"role\":\"assistant\"}"),
	    CHUNK("\"delta\":{\"content\":\"@\"},\"finish_reason\":null"),
	    FINISH DONE, "choices.0.delta.content", "\"content\"" },
	{ "chat, refusal", "", CHUNK("\"delta\":{\"refusal\":\"@\"}"), DONE,
	    "choices.0.delta.refusal", "\"refusal\"" },
	{ "chat, reasoning", "", CHUNK("\"delta\":{\"reasoning\":\"@\"}"),
	    FINISH, "choices.0.delta.reasoning", "\"reasoning\"" },
	{ "chat, reasoning content", "",
	    CHUNK("\"delta\":{\"reasoning_content\":\"@\"}"), "",
	    "choices.0.delta.reasoning_content", "reasoning_content" },
	{ "chat, a tool's arguments", "",
	    CHUNK("\"delta\":{\"tool_calls\":[{\"index\":2,\"function\":{"
		  "\"arguments\":\"@\"}}]}"),
	    FINISH DONE, "choices.0.delta.tool_calls.0.function.arguments",
	    "arguments" },
	{ "chat, a function's arguments", "",
	    CHUNK("\"delta\":{\"function_call\":{\"arguments\":\"@\"}}"),
	    FINISH DONE, "choices.0.delta.function_call.arguments",
	    "arguments" },
	{ "completions", "", CHUNK("\"text\":\"@\",\"finish_reason\":null"),
	    CHUNK("\"text\":\"\",\"finish_reason\":\"stop\""), "choices.0.text",
	    "\"text\"" },
	{ "messages, text",
	    BLOCK("content_block_start", ",\"content_block\":{\"type\":\"text\""
					 ",\"text\":\"\"}"),
	    BLOCK("content_block_delta",
		",\"delta\":{\"type\":\"text_delta\",\"text\":\"@\"}"),
	    BLOCK("content_block_stop", ""), "delta.text", "text_delta" },
	{ "messages, a tool's arguments", "",
	    BLOCK("content_block_delta", ",\"delta\":{\"type\":\"input_json_"
					 "delta\",\"partial_json\":\"@\"}"),
	    BLOCK("content_block_stop", ""), "delta.partial_json",
	    "partial_json" },
	{ "messages, thinking", "",
	    BLOCK("content_block_delta", ",\"delta\":{\"type\":\"thinking_delta"
					 "\",\"thinking\":\"@\"}"),
	    BLOCK("message_stop", ""), "delta.thinking", "thinking_delta" },
	{ "responses", RESPONSE("content_part.added", ""),
	    RESPONSE("output_text.delta", ",\"delta\":\"@\""),
	    RESPONSE("output_text.done", ""), "delta", "output_text.delta" },
	{ "responses, arguments", "",
	    RESPONSE("function_call_arguments.delta", ",\"delta\":\"@\""),
	    RESPONSE("function_call_arguments.done", ""), "delta",
	    "arguments.delta" },
	{ "contents", "",
	    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"@\"}]}"
	    "}]}\r\n\r\n",
	    "", "candidates.0.content.parts.0.text", "candidates" },
};
#define N_PROTOCOLS (sizeof(protocols) / sizeof(protocols[0]))

static void
put_piece(struct buf *b, const char *event, const char *text, size_t n)
{
	const char *at = strchr(event, '@');

	(void)buf_append(b, event, (size_t)(at - event));
	(void)json_put_escaped(b, text, n);
	(void)buf_puts(b, at + 1);
}

static bool
find_path(const struct json_span *top, const char *path, struct json_span *ret)
{
	*ret = *top;
	while (*path != '\0') {
		char name[32];
		size_t n = strcspn(path, ".");
		struct json_iter it = json_iter(ret);

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, path);
		if (it.is_object ? json_find(ret, name, ret) == 0
				 : !json_next(&it, NULL, ret))
			return false;
		path += n + (path[n] == '.');
	}
	return ret->type == JSON_STRING;
}

/* What a client makes of a stream: the text of all pieces. */
static char *
read_text(const struct protocol *p, const char *stream)
{
	struct buf b = BUF_INIT;
	struct error e;

	for (const char *at = stream; (at = strstr(at, "data: ")) != NULL;) {
		const char *end = at + strcspn(at, "\r\n");
		autofree char *line = xstrndup(at, (size_t)(end - at));
		struct json_span top, text;

		at = end;
		if (strstr(line, p->only) == NULL)
			continue;
		if (json_parse(line + 6, strlen(line) - 6, &top, &e) < 0)
			fail_msg("%s: '%s' is no JSON", p->why, line);
		if (!find_path(&top, p->path, &text))
			continue;
		buf_grew(
		    &b, json_unescape(&text, (char *)buf_room(&b, text.n)));
	}
	return buf_take_str(&b);
}

/* The text in pieces: up to each cut, then of so many bytes. */
static char *
write_stream(
    const struct protocol *p, const char *text, size_t cut, size_t piece)
{
	struct buf b = BUF_INIT;
	size_t n = strlen(text), at = cut;

	(void)buf_puts(&b, p->begin);
	put_piece(&b, p->piece, text, cut);
	while (at < n) {
		size_t len = n - at < piece ? n - at : piece;

		put_piece(&b, p->piece, text + at, len);
		at += len;
	}
	(void)buf_puts(&b, p->end);
	return buf_take_str(&b);
}

static void
check_stream(const struct fixture *f, const struct protocol *p,
    const char *stream, const char *expected)
{
	autofree char *restored =
	    restore(f, true, stream, strlen(stream), 0, SIZE_MAX);
	autofree char *got = read_text(p, restored);
	size_t n = strlen(restored), end = strlen(p->end);

	if (strcmp(got, expected) != 0)
		fail_msg("%s: '%s' gave '%s'", p->why, stream, restored);
	/* An end that has room for text takes it along. */
	if (strstr(p->end, p->only) == NULL &&
	    (n < end || strcmp(restored + n - end, p->end) != 0))
		fail_msg("%s: lost the end", p->why);
}

static void
check_text(const struct fixture *f, const struct protocol *p, const char *text,
    const char *expected)
{
	size_t n = strlen(text);

	for (size_t cut = 0; cut <= n; cut++) {
		autofree char *stream = write_stream(p, text, cut, n + 1);

		check_stream(f, p, stream, expected);
	}
	for (size_t piece = 1; piece < 4; piece++) {
		autofree char *stream = write_stream(p, text, 0, piece);

		check_stream(f, p, stream, expected);
	}
}

static void
test_a_stream_is_restored_wherever_the_model_cut_its_text(void **state)
{
	static const struct {
		const char *text;
		int escapes; /* in the text */
	} rows[] = {
		{ "To <mail>: [<hard>], [EMA <two>", 0 },
		{ "<hard>", 0 },
		{ "ends with [EMAIL_", 0 },
		{ "[", 0 },
		{ "{\"to\":\"<hard>\",\"cc\":[\"x\",\"<mail>\"]}", 1 },
		{ "{\"a\":\"[EM", 1 },
		{ "{\"a\":\"\\u005bE\\\"<hard>\\n\"}", 1 },
	};

	for (size_t i = 0; i < N_PROTOCOLS; i++)
		for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
			autofree char *text = expand(*state, rows[k].text, -1);
			autofree char *expected =
			    expand(*state, rows[k].text, rows[k].escapes);

			check_text(*state, &protocols[i], text, expected);
		}
}

static void
test_a_stream_is_restored_wherever_its_bytes_are_cut(void **state)
{
	static const char text[] = "a <hard> [b] <mail> [CARD_";

	for (size_t i = 0; i < N_PROTOCOLS; i++) {
		const struct protocol *p = &protocols[i];
		autofree char *from = expand(*state, text, -1);
		autofree char *to = expand(*state, text, 0);
		autofree char *stream = write_stream(p, from, 7, 13);
		size_t n = strlen(stream);
		autofree char *whole = restore(*state, true, stream, n, 0, n);
		autofree char *got = read_text(p, whole);

		assert_string_equal(got, to);
		assert_restored(*state, true, p->why, stream, whole);
	}
}

static void
test_a_stream_passes_event_by_event(void **state)
{
	static const struct {
		const char *why;
		const char *stream;
		const char *expected; /* NULL: the same */
	} rows[] = {
		{ "nothing", "", NULL },
		{ "comments", ": ping\n\n:\r\n: [EM\rdata: 1\n\n", NULL },
		{ "empty lines", "\n\r\n\r\n\r\r", NULL },
		{ "a mark", "\xef\xbb\xbf" CHUNK("\"text\":\"a\""), NULL },
		{ "a mark and a comment", "\xef\xbb\xbf: a\ndata: b\n\n",
		    NULL },
		{ "a part of a mark", "\xef\xbb", NULL },
		{ "other fields", "id: 7\nretry: 10\nevent: x\n\n", NULL },
		{ "unknown fields", "data2: <mail>\ndatum\n\n", NULL },
		{ "no JSON", "data: x <mail>\n\n",
		    "data: x alice@example.com\n\n" },
		{ "no JSON, with line ends", "data: \"<hard>\"\n\n",
		    "data: \"a \"b\"\\c\ndata: \t\x01 d\xc3\xa9 "
		    "\xf0\x9f\x8d\x8e\"\n\n" },
		{ "no JSON, with other line ends", "data: <lines>\r\n\r\n",
		    "data: a\r\ndata: b\r\ndata: c\r\n\r\n" },
		{ "no blank behind the colon", "data:<mail>\n\n",
		    "data:alice@example.com\n\n" },
		{ "other fields around it",
		    "id: 1\ndata: <mail>\nevent: x\n: c\n\n",
		    "id: 1\ndata: alice@example.com\nevent: x\n: c\n\n" },
		{ "CRLF", "event: x\r\ndata: <mail>\r\n\r\n",
		    "event: x\r\ndata: alice@example.com\r\n\r\n" },
		{ "CRLF in JSON", "data: {\"a\":\r\ndata:\"<mail>\"}\r\n\r\n",
		    "data: {\"a\":\r\ndata: \"alice@example.com\"}\r\n\r\n" },
		{ "a mark in the middle",
		    "data: 1\n\n\xef\xbb\xbf"
		    "data: <mail>\n\n",
		    NULL },
		{ "CR", "event: x\rdata: <mail>\r\r",
		    "event: x\rdata: alice@example.com\r\r" },
		{ "JSON over two lines",
		    "data: {\"a\":\ndata:  \"<mail>\"}\nid: 1\n\n",
		    "data: {\"a\":\ndata:  \"alice@example.com\"}\nid: 1\n\n" },
		{ "two such lines, unchanged",
		    "data: {\"a\":\ndata: \ndata\ndata: 1}\n\n", NULL },
		{ "not ended", "data: {\"a\":\"<mail>\"}",
		    "data: {\"a\":\"alice@example.com\"}" },
		{ "not ended, a line", "data: {\"a\":\"<mail>\"}\nid: 1\n",
		    "data: {\"a\":\"alice@example.com\"}\nid: 1\n" },
		{ "all of the text again",
		    RESPONSE("output_text.done", ",\"text\":\"<hard>\""),
		    RESPONSE("output_text.done",
			",\"text\":\"a \\\"b\\\"\\\\c\\n\\t\\u0001 d\xc3\xa9 "
			"\xf0\x9f\x8d\x8e\"") },
		{ "arguments again",
		    RESPONSE("function_call_arguments.done",
			",\"arguments\":\"{\\\"a\\\":\\\"<mail>\\\"}\""),
		    RESPONSE("function_call_arguments.done",
			",\"arguments\":\"{\\\"a\\\":\\\"alice@example.com\\\"}"
			"\"") },
		{ "a pair of surrogates",
		    CHUNK("\"text\":\"\\ud83d\\ude00 <mail>\""),
		    CHUNK("\"text\":\"\\ud83d\\ude00 alice@example.com\"") },
		{ "other members of a piece",
		    CHUNK("\"text\":\"a\",\"b\":\"<mail>\""),
		    CHUNK("\"text\":\"a\",\"b\":\"alice@example.com\"") },
		{ "pieces that aren't strings",
		    CHUNK("\"text\":7,\"delta\":[\"<mail>\"]"),
		    CHUNK("\"text\":7,\"delta\":[\"alice@example.com\"]") },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		autofree char *text = expand(*state, rows[i].stream, -1);

		assert_restored(*state, true, rows[i].why, text,
		    rows[i].expected != NULL ? rows[i].expected : text);
	}
}

#define CHOICE(i, text)                                                        \
	"data: {\"choices\":[{\"index\":" i ",\"text\":\"" text "\"}]}\n\n"
#define TOOL(i, text)                                                          \
	CHUNK("\"delta\":{\"tool_calls\":[{\"index\":" i                       \
	      ",\"function\":{\"arguments\":\"" text "\"}}]}")

/* <mail> is cut by '|' here, into "[EMA" and the rest. */
static void
test_texts_at_once_do_not_mix(void **state)
{
	static const struct {
		const char *why;
		const char *stream;
		const char *expected;
	} rows[] = {
		{ "two choices",
		    CHOICE("0", "[EMA") CHOICE("1", "[EMA") CHOICE("1", "|")
			CHOICE("0", "|"),
		    CHOICE("0", "") CHOICE("1", "") CHOICE("1",
			"alice@example.com") CHOICE("0", "alice@example.com") },
		{ "two choices in one event",
		    "data: {\"choices\":[{\"index\":1,\"text\":\"[EMA\"},"
		    "{\"index\":0,\"text\":\"a\"}]}\n\n" CHOICE("1", "|"),
		    "data: {\"choices\":[{\"index\":1,\"text\":\"\"},"
		    "{\"index\":0,\"text\":\"a\"}]}\n\n" CHOICE(
			"1", "alice@example.com") },
		{ "another one ends",
		    CHOICE("1", "[EMA") FINISH CHOICE("1", "|"),
		    CHOICE("1", "") FINISH CHOICE("1", "alice@example.com") },
		{ "it ends itself",
		    CHOICE("0", "x[EMA") FINISH CHOICE("0", "|"),
		    CHOICE("0", "x") CHOICE("0", "[EMA")
			FINISH CHOICE("0", "|") },
		{ "it ends with its last piece",
		    CHUNK("\"text\":\"x[EMA\",\"finish_reason\":\"length\""),
		    CHUNK("\"text\":\"x[EMA\",\"finish_reason\":\"length\"") },
		{ "it ends with its last piece while some waits",
		    CHOICE("0", "[EMA")
			CHUNK("\"text\":\"b\",\"finish_reason\":\"stop\""),
		    CHOICE("0", "") CHUNK(
			"\"text\":\"[EMAb\",\"finish_reason\":\"stop\"") },
		{ "a message's and a refusal",
		    CHUNK("\"delta\":{\"content\":\"[EMA\"}")
			CHUNK("\"delta\":{\"refusal\":\"|\"}")
			    CHUNK("\"delta\":{\"content\":\"|\"}"),
		    CHUNK("\"delta\":{\"content\":\"\"}")
			CHUNK("\"delta\":{\"refusal\":\"|\"}") CHUNK(
			    "\"delta\":{\"content\":\"alice@example.com\"}") },
		{ "ten isn't one",
		    CHOICE("10", "[EMA") CHOICE("1", "|") CHOICE("10", "|"),
		    CHOICE("10", "") CHOICE("1", "|")
			CHOICE("10", "alice@example.com") },
		{ "two tools", TOOL("0", "[EMA") TOOL("1", "|") TOOL("0", "|"),
		    TOOL("0", "") TOOL("1", "|")
			TOOL("0", "alice@example.com") },
		{ "a tool's and a message's",
		    TOOL("0", "[EMA") CHUNK("\"delta\":{\"content\":\"|\"}")
			TOOL("0", "|"),
		    TOOL("0", "") CHUNK("\"delta\":{\"content\":\"|\"}")
			TOOL("0", "alice@example.com") },
		{ "both end",
		    TOOL("0", "[EMA") CHUNK("\"delta\":{\"content\":\"[\"}")
			DONE,
		    TOOL("0", "") CHUNK("\"delta\":{\"content\":\"\"}")
			CHUNK("\"delta\":{\"content\":\"[\"}") TOOL("0", "[EMA")
			    DONE },
		{ "only its own text is sent again",
		    "data: {\"choices\":[{\"index\":1,\"text\":\"[EMA\"},"
		    "{\"index\":0,\"text\":\"a\"}]}\n\n",
		    "data: {\"choices\":[{\"index\":1,\"text\":\"\"},"
		    "{\"index\":0,\"text\":\"a\"}]}\n\n"
		    "data: {\"choices\":[{\"index\":1,\"text\":\"[EMA\"},"
		    "{\"index\":0,\"text\":\"\"}]}\n\n" },
		{ "a ping between",
		    BLOCK("content_block_delta",
			",\"delta\":{\"text\":\"["
			"EMA\"}") "event: ping\ndata: "
				  "{\"type\":\"ping\"}"
				  "\n\n: x\n\n" BLOCK("content_block_"
						      "delta",
				      ",\"delta\":{"
				      "\"text\":\"|"
				      "\"}"),
		    BLOCK("content_block_delta",
			",\"delta\":{\"text\":\"\"}") "event: ping\ndata: "
						      "{\"type\":\"ping\"}\n\n:"
						      " x\n\n" BLOCK("content_"
								     "block_"
								     "delta",
							  ",\"delta\":{"
							  "\"text\":\"alice@"
							  "example.com\"}") },
		{ "two pieces of one text in an event",
		    "data: {\"choices\":[{\"text\":\"[EMA\"},{\"index\":0,"
		    "\"text\":\"|\"}]}\n\n" DONE,
		    "data: {\"choices\":[{\"text\":\"\"},{\"index\":0,"
		    "\"text\":\"|\"}]}\n\n"
		    "data: {\"choices\":[{\"text\":\"[EMA\"},{\"index\":0,"
		    "\"text\":\"|\"}]}\n\n" DONE },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buf b = BUF_INIT, wanted = BUF_INIT;

		for (const char *p = rows[i].stream; *p != '\0'; p++)
			if (*p == '|')
				(void)buf_puts(&b, f->placeholders[0] + 4);
			else
				(void)buf_append(&b, p, 1);
		for (const char *p = rows[i].expected; *p != '\0'; p++)
			if (*p == '|')
				(void)buf_puts(&wanted, f->placeholders[0] + 4);
			else
				(void)buf_append(&wanted, p, 1);
		assert_restored(
		    f, true, rows[i].why, buf_str(&b), buf_str(&wanted));
		buf_free(&b);
		buf_free(&wanted);
	}
}

static void
test_what_is_no_placeholder_stays(void **state)
{
	static const char *const texts[] = { "[EMAIL_00000000]", "[EMAIL_",
		"[EMAIL]", "[]", "[[[", "[email_1A2B3C4D]", "EMAIL_1A2B3C4D",
		"[KEY_1A2B3C4D]", "\\u005bEMAIL", "[PHONE_00000000]" };
	const struct fixture *f = *state;
	_cleanup_(privacy_map_freep) struct privacy_map *others =
	    privacy_map_new(
		(const uint8_t *)"another sandbox's key, not ours.");
	const char *theirs = privacy_map_add(
	    others, "EMAIL", secrets[0].text, strlen(secrets[0].text), true);
	autofree char *ours = xstrdup(f->placeholders[0]);

	assert_restored(f, false, "another's", theirs, theirs);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		autofree char *body = xasprintf("{\"a\":\"%s\"}", texts[i]);

		assert_restored(f, false, "a text", texts[i], texts[i]);
		assert_restored(f, false, "a body", body, body);
	}
	/* One that isn't whole, before one that is. */
	for (size_t n = 0; n < strlen(ours); n++) {
		autofree char *text =
		    xasprintf("%.*s%s%.*s", (int)n, ours, ours, (int)n, ours);
		autofree char *expected = xasprintf(
		    "%.*s%s%.*s", (int)n, ours, secrets[0].text, (int)n, ours);

		assert_restored(f, false, "a part", text, expected);
	}
}

static void
test_an_escaped_placeholder_is_one(void **state)
{
	const struct fixture *f = *state;
	struct buf text = BUF_INIT;

	(void)buf_puts(&text, "{\"a\":\"");
	for (const char *p = f->placeholders[0]; *p != '\0'; p++)
		(void)buf_printf(&text, *p == '_' ? "\\u%04X" : "\\u%04x", *p);
	(void)buf_puts(&text, "\",\"b\":\"{\\\"c\\\":\\\"");
	for (const char *p = f->placeholders[1]; *p != '\0'; p++)
		(void)buf_printf(&text,
		    p[1] == '\0' ? "\\u005c\\u0075%04x" : "\\\\u%04x", *p);
	(void)buf_puts(&text, "\\\"}\"}");
	autofree char *expected = expand(f,
	    "{\"a\":\"alice@example.com\",\"b\":\"{\\\"c\\\":\\\"<hard>\\\"}"
	    "\"}",
	    2);

	assert_restored(f, false, "escaped", buf_str(&text), expected);
	buf_free(&text);
}

static void
test_nothing_waits_but_a_beginning(void **state)
{
	static const struct {
		bool is_stream;
		const char *text;
		size_t passes;
	} rows[] = {
		{ false, "{\"a\":\"abc", 9 },
		{ false, "{\"a\":\"abc [EMAIL_", 10 },
		{ false, "{\"a\":\"abc \\u00", 10 },
		{ false, "abc [EMAIL_ ", 12 },
		{ false, "abc \\u00", 8 },
		{ false, "a [x", 4 },
		{ true, "data: {\"choices\":[]}\n\n", 22 },
		{ true, "data: x\r\n\r", 10 },
		{ true, "data: x\r\n\r\n", 11 },
		{ true, ": comment\n", 10 },
		{ true, "data: {\"choices\":[]}\n", 0 },
	};
	const struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_(privacy_restore_freep) struct privacy_restore *r =
		    privacy_restore_new(f->map, rows[i].is_stream);
		struct buf out = BUF_INIT;
		struct error e;

		assert_int_equal(privacy_restore_feed(r, rows[i].text,
				     strlen(rows[i].text), &out, &e),
		    0);
		if (out.len != rows[i].passes)
			fail_msg(
			    "of '%s' %zu bytes passed", rows[i].text, out.len);
		buf_free(&out);
	}
}

/* -1 if the answer was refused, else how much passed. */
static ssize_t
feed_often(const struct fixture *f, bool is_stream, const char *first,
    const char *again, size_t times, bool is_numbered)
{
	_cleanup_(privacy_restore_freep) struct privacy_restore *r =
	    privacy_restore_new(f->map, is_stream);
	struct error e = { 0 };
	ssize_t total = 0;

	for (size_t i = 0; i <= times; i++) {
		struct buf out = BUF_INIT;
		autofree char *numbered =
		    is_numbered && i > 0
			? xasprintf(
			      "data: {\"choices\":[{\"index\":%zu,\"text\":"
			      "\"%s\"}]}\n\n",
			      i, again)
			: NULL;
		const char *text = i == 0        ? first
				   : is_numbered ? numbered
						 : again;

		if (privacy_restore_feed(r, text, strlen(text), &out, &e) < 0) {
			assert_int_equal(e.code, ERR_LIMIT);
			total = -1;
		} else {
			total += (ssize_t)out.len;
		}
		buf_free(&out);
		if (total < 0)
			break;
	}
	return total;
}

/* An event of so many choices that have no text, but calls of tools. */
static ssize_t
feed_elements(const struct fixture *f, unsigned choices, unsigned calls)
{
	struct buf event = BUF_INIT;
	ssize_t r;

	(void)buf_puts(&event, "data: {\"choices\":[");
	for (unsigned i = 0; i < choices; i++) {
		(void)buf_puts(&event, i > 0 ? ",{" : "{");
		for (unsigned k = 0; k < calls; k++)
			(void)buf_puts(&event,
			    k == 0 ? "\"delta\":{\"tool_calls\":[{}" : ",{}");
		(void)buf_puts(&event, calls > 0 ? "]}}" : "}");
	}
	(void)buf_puts(&event, "]}\n\n");
	r = feed_often(f, true, buf_str(&event), "", 0, false);
	buf_free(&event);
	return r;
}

static void
test_elements_without_text_count(void **state)
{
	const struct fixture *f = *state;

	assert_true(feed_elements(f, DELTAS_MAX, 0) > 0);
	assert_int_equal(feed_elements(f, DELTAS_MAX + 1, 0), -1);
	assert_true(feed_elements(f, 32, DELTAS_MAX / 32 - 1) > 0);
	assert_int_equal(feed_elements(f, 32, DELTAS_MAX / 32), -1);
}

static void
test_what_takes_too_much_is_refused(void **state)
{
	static char kib[1025];
	const struct fixture *f = *state;
	struct buf pieces = BUF_INIT;
	autofree char *waiting = NULL;

	memset(kib, 'x', 1024);
	(void)buf_puts(&pieces, "data: {\"choices\":[{\"text\":\"\"}");
	for (int i = 0; i < DELTAS_MAX; i++)
		(void)buf_puts(&pieces, ",{\"index\":0,\"text\":\"\"}");
	(void)buf_puts(&pieces, "]}\n\n");

	/* The length of an event. */
	assert_true(feed_often(f, true, "data: ", kib, 4095, false) == 0);
	assert_int_equal(feed_often(f, true, "data: ", kib, 4096, false), -1);
	/* Texts at once; those that ended don't count. */
	assert_true(feed_often(f, true, "", "a", 256, true) > 0);
	assert_int_equal(feed_often(f, true, "", "a", 257, true), -1);
	assert_true(feed_often(f, true, "", "a\",\"finish_reason\":\"stop",
			2000, true) > 0);
	/* Pieces in an event. */
	assert_int_equal(
	    feed_often(f, true, buf_str(&pieces), "", 0, false), -1);
	/* What waits for its end: two of each event. */
	waiting = xasprintf("[\",\"pad\":\"%s%s%s%s", kib, kib, kib, kib);
	assert_true(feed_often(f, true, "", waiting, 100, true) > 0);
	waiting[0] = 'x';
	assert_true(feed_often(f, true, "", waiting, 256, true) > 0);
	waiting[0] = '[';
	autofree char *longer =
	    xasprintf("%s%s%s%s%s%s", waiting, kib, kib, kib, kib, kib);
	assert_int_equal(feed_often(f, true, "", longer, 256, true), -1);
	longer[0] = 'x';
	assert_true(feed_often(f, true, "", longer, 256, true) > 0);
	buf_free(&pieces);
}

static void
test_more_than_may_be_put_back_is_refused(void **state)
{
	_cleanup_(privacy_map_freep) struct privacy_map *map =
	    privacy_map_new(key);
	size_t mib = 1u << 20;
	autofree char *text = xmalloc(mib);
	struct buf out = BUF_INIT;
	struct error e;
	size_t times = 0;

	(void)state;
	memset(text, 'x', mib);
	const char *one = privacy_map_add(map, "BIG", text, mib, true);
	autofree char *placeholder = xstrdup(one);
	assert_true(privacy_map_seal(map));
	_cleanup_(privacy_restore_freep) struct privacy_restore *r =
	    privacy_restore_new(map, false);
	while (privacy_restore_feed(
		   r, placeholder, strlen(placeholder), &out, &e) == 0) {
		assert_int_equal(out.len, mib);
		buf_consume(&out, mib);
		times++;
	}
	buf_free(&out);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_int_equal(times, PRIVACY_RESTORED_MAX / mib);
}

static void
test_a_long_event_is_not_sent_again_for_each_of_its_texts(void **state)
{
	const struct fixture *f = *state;
	struct buf text = BUF_INIT, out = BUF_INIT;
	_cleanup_(privacy_restore_freep) struct privacy_restore *r =
	    privacy_restore_new(f->map, true);
	struct error e;

	(void)buf_puts(&text, "data: {\"choices\":[{\"text\":\"\"}");
	for (int i = 1; i < PRIVACY_CHANNELS_MAX; i++)
		(void)buf_printf(&text, ",{\"index\":%d,\"text\":\"[\"}", i);
	(void)buf_printf(&text, "],\"pad\":\"%0*d\"}\n\n", 400000, 0);
	assert_int_equal(
	    privacy_restore_feed(r, buf_data(&text), text.len, &out, &e), 0);
	assert_int_equal(privacy_restore_end(r, &out, &e), -1);
	assert_int_equal(e.code, ERR_LIMIT);
	assert_true(out.len < 2ul * PRIVACY_RESTORED_MAX);
	buf_free(&text);
	buf_free(&out);
}

static const char config[] =
    "detectors:\n"
    "  - { type: email, action: redact, restore: true }\n"
    "  - { type: pattern, name: quoted, action: redact, restore: true,\n"
    "      regex: '<[^>]*>' }\n"
    "  - { type: phone, action: redact }\n";

static void
test_what_was_redacted_comes_back_as_it_was(void **state)
{
	static const char *const bodies[] = {
		"{\"messages\":[{\"role\":\"user\",\"content\":"
		"\"I am alice@example.com, <a \\\"q\\\" \\\\ \\n "
		"\\ud83d\\ude00>\"}]}",
		"{\"arguments\":\"{\\\"to\\\":\\\"bob@example.org\\\","
		"\\\"x\\\":"
		"\\\"<a \\\\\\\"b\\\\\\\" c>\\\"}\"}",
		"{\"<a key>\":[\"a@x.org,b@x.org,a@x.org\"]}",
	};
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = NULL;
	struct error e;

	(void)state;
	assert_int_equal(privacy_parse(config, strlen(config), &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct privacy_result r = { 0 };
		struct buf out = BUF_INIT;

		assert_int_equal(
		    privacy_apply(m, bodies[i], strlen(bodies[i]), key, &r, &e),
		    0);
		assert_true(r.is_changed);
		assert_null(memmem(buf_data(&r.body), r.body.len, "@", 1));
		assert_null(memmem(buf_data(&r.body), r.body.len, "<", 1));
		_cleanup_(privacy_restore_freep) struct privacy_restore *back =
		    privacy_restore_new(r.map, false);
		assert_int_equal(privacy_restore_feed(back, buf_data(&r.body),
				     r.body.len, &out, &e),
		    0);
		assert_int_equal(privacy_restore_end(back, &out, &e), 0);
		/* The same but for how characters are escaped. */
		if (strstr(bodies[i], "\\ud83d") == NULL)
			assert_string_equal(buf_str(&out), bodies[i]);
		else
			assert_non_null(strstr(buf_str(&out),
			    "<a \\\"q\\\" \\\\ \\n \xf0\x9f\x98\x80>"));
		buf_free(&out);
		privacy_result_clear(&r);
	}
}

/* In a string, for its placeholder had to be one. */
static void
test_a_number_comes_back_whole(void **state)
{
	static const char cards[] =
	    "detectors:\n"
	    "  - { type: payment-card, action: redact, restore: true }\n";
	static const char body[] = "{\"arguments\":{\"n\":-4111111111111111}}";
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = NULL;
	struct privacy_result r = { 0 };
	struct buf out = BUF_INIT;
	struct error e;

	(void)state;
	assert_int_equal(privacy_parse(cards, strlen(cards), &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	assert_int_equal(privacy_apply(m, body, strlen(body), key, &r, &e), 0);
	assert_null(memmem(buf_data(&r.body), r.body.len, "4111", 4));
	_cleanup_(privacy_restore_freep) struct privacy_restore *back =
	    privacy_restore_new(r.map, false);
	assert_int_equal(
	    privacy_restore_feed(back, buf_data(&r.body), r.body.len, &out, &e),
	    0);
	assert_int_equal(privacy_restore_end(back, &out, &e), 0);
	assert_string_equal(
	    buf_str(&out), "{\"arguments\":{\"n\":\"-4111111111111111\"}}");
	buf_free(&out);
	privacy_result_clear(&r);
}

static void
test_where_nothing_is_to_be_restored_there_is_no_map(void **state)
{
	static const struct {
		const char *body;
		bool has_map;
	} rows[] = {
		{ "{\"a\":\"ring +14155552671\"}", false },
		{ "{\"a\":\"nothing\"}", false },
		{ "{\"a\":\"ring +14155552671 or a@x.org\"}", true },
	};
	_cleanup_(privacy_freep) struct privacy *p = NULL;
	_cleanup_(privacy_matcher_freep) struct privacy_matcher *m = NULL;
	struct error e;

	(void)state;
	assert_int_equal(privacy_parse(config, strlen(config), &p, &e), 0);
	assert_int_equal(privacy_compile(p, &m, &e), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct privacy_result r = { 0 };

		assert_int_equal(privacy_apply(m, rows[i].body,
				     strlen(rows[i].body), key, &r, &e),
		    0);
		assert_int_equal(r.map != NULL, rows[i].has_map);
		privacy_result_clear(&r);
	}
}

#define with_map(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		with_map(test_a_body_is_restored_wherever_it_is_cut),
		with_map(
		    test_a_stream_is_restored_wherever_the_model_cut_its_text),
		with_map(test_a_stream_is_restored_wherever_its_bytes_are_cut),
		with_map(test_a_stream_passes_event_by_event),
		with_map(test_texts_at_once_do_not_mix),
		with_map(test_what_is_no_placeholder_stays),
		with_map(test_an_escaped_placeholder_is_one),
		with_map(test_nothing_waits_but_a_beginning),
		with_map(test_elements_without_text_count),
		with_map(test_what_takes_too_much_is_refused),
		with_map(
		    test_a_long_event_is_not_sent_again_for_each_of_its_texts),
		cmocka_unit_test(test_more_than_may_be_put_back_is_refused),
		cmocka_unit_test(test_what_was_redacted_comes_back_as_it_was),
		cmocka_unit_test(test_a_number_comes_back_whole),
		cmocka_unit_test(
		    test_where_nothing_is_to_be_restored_there_is_no_map),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
