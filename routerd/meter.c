/* SPDX-License-Identifier: Apache-2.0 */
/*
 * meter.c - see meter.h.
 *
 * Where the counts are: `usage` of the answer (OpenAI chat, completions,
 * embeddings, Anthropic messages), of its `response` (OpenAI responses,
 * streamed) or of its `message` (Anthropic, the first event of a stream).
 */
#include <string.h>

#include "common/json/scan.h"
#include "routerd/meter.h"

void
meter_init(struct meter *m, bool is_stream)
{
	*m = (struct meter){
		.is_stream = is_stream, .input_tokens = -1, .output_tokens = -1
	};
	m->kept.limit = METER_KEPT_MAX;
}

void
meter_clear(struct meter *m)
{
	buf_free(&m->kept);
}

static void
read_count(const struct json_member *count, int64_t *to)
{
	long long n = count->n == 1 ? json_count(&count->value) : -1;

	if (n > METER_TOKENS_MAX)
		n = METER_TOKENS_MAX;
	/* Streams repeat a count as it grows. */
	if (n > *to)
		*to = n;
}

static void
read_usage(struct meter *m, const struct json_member *usage)
{
	struct json_member counts[] = { { .name = "prompt_tokens" },
		{ .name = "input_tokens" }, { .name = "completion_tokens" },
		{ .name = "output_tokens" } };

	if (usage->n != 1)
		return;
	json_find_all(&usage->value, counts, 4);
	read_count(&counts[0], &m->input_tokens);
	read_count(&counts[1], &m->input_tokens);
	read_count(&counts[2], &m->output_tokens);
	read_count(&counts[3], &m->output_tokens);
}

static void
read_inner(struct meter *m, const struct json_member *inner)
{
	struct json_member usage = { .name = "usage" };

	if (inner->n != 1)
		return;
	json_find_all(&inner->value, &usage, 1);
	read_usage(m, &usage);
}

static void
read_json(struct meter *m, const char *text, size_t n)
{
	static const char usage[] = "\"usage\"";
	struct json_member of[] = { { .name = "usage" }, { .name = "response" },
		{ .name = "message" } };
	struct json_span top;
	struct error e;

	if (n == 0 || memmem(text, n, usage, sizeof(usage) - 1) == NULL ||
	    json_parse(text, n, &top, &e) < 0)
		return;
	json_find_all(&top, of, 3);
	read_usage(m, &of[0]);
	read_inner(m, &of[1]);
	read_inner(m, &of[2]);
}

static void
read_line(struct meter *m, const char *line, size_t n)
{
	static const char data[] = "data:";

	if (n > 0 && line[n - 1] == '\r')
		n--;
	if (n < sizeof(data) - 1 || memcmp(line, data, sizeof(data) - 1) != 0)
		return;
	m->events++;
	read_json(m, line + sizeof(data) - 1, n - (sizeof(data) - 1));
}

static void
keep(struct meter *m, const char *p, size_t n)
{
	if (!m->lost && buf_append(&m->kept, p, n) < 0) {
		m->lost = true;
		buf_consume(&m->kept, m->kept.len);
	}
}

/* A line that came in one piece, as most do, isn't copied. */
static void
end_line(struct meter *m, const char *p, size_t n)
{
	if (m->kept.len == 0 && !m->lost) {
		read_line(m, p, n);
		return;
	}
	keep(m, p, n);
	if (!m->lost)
		read_line(m, (char *)buf_data(&m->kept), m->kept.len);
	buf_consume(&m->kept, m->kept.len);
	m->lost = false;
}

void
meter_feed(struct meter *m, const void *data, size_t n)
{
	const char *p = data, *end = p + n, *newline;

	while (m->is_stream && p < end &&
	       (newline = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		end_line(m, p, (size_t)(newline - p));
		p = newline + 1;
	}
	if (p < end)
		keep(m, p, (size_t)(end - p));
}

void
meter_finish(struct meter *m)
{
	if (m->is_stream)
		end_line(m, "", 0);
	else if (!m->lost)
		read_json(m, (char *)buf_data(&m->kept), m->kept.len);
}
