/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - see answer.h. */
#include <string.h>

#include "common/cleanup.h"
#include "common/http/media.h"
#include "common/privacy/restore.h"
#include "routerd/answer.h"
#include "routerd/table.h"

/* The last section's placeholders stand in what the one before it left. */
static void
begin_restores(struct answer *a, const struct guard *guard)
{
	for (size_t i = guard->n_maps; i-- > 0;)
		a->restores[a->n_restores++] =
		    privacy_restore_new(guard->maps[i], a->is_stream);
}

void
answer_begin(struct answer *a, const struct route *route,
    const struct guard *guard, const struct http_head *head, bool adds_usage)
{
	struct http_slice type = media_type(head);
	bool is_plain = media_is_plain(head);

	memset(a, 0, sizeof(*a));
	a->is_stream = is_plain && media_is_event_stream(type);
	a->drops_usage = adds_usage && a->is_stream;
	a->redact = route->redact;
	/* A coded or binary body can't be read here; routerd asks for none. */
	if (is_plain && media_is_text(type))
		begin_restores(a, guard);
	meter_init(&a->meter, a->is_stream);
	a->out.limit = ANSWER_OUT_MAX;
}

/* Through the nth and those behind it, and out. */
static int
restore(
    struct answer *a, size_t nth, const void *data, size_t n, struct error *e)
{
	_cleanup_(buf_wipe) struct buf text = { .limit = ANSWER_OUT_MAX };

	if (n == 0)
		return 0;
	if (nth == a->n_restores)
		return buf_append(&a->out, data, n) < 0
			   ? error_set(e, ERR_LIMIT, "it becomes too large")
			   : 0;
	if (privacy_restore_feed(a->restores[nth], data, n, &text, e) < 0)
		return -1;
	return restore(a, nth + 1, buf_data(&text), text.len, e);
}

static int
restore_end(struct answer *a, struct error *e)
{
	for (size_t i = 0; i < a->n_restores; i++) {
		_cleanup_(
		    buf_wipe) struct buf text = { .limit = ANSWER_OUT_MAX };

		if (privacy_restore_end(a->restores[i], &text, e) < 0 ||
		    restore(a, i + 1, buf_data(&text), text.len, e) < 0)
			return -1;
	}
	return 0;
}

static int
pass_counted(struct answer *a, struct error *e)
{
	struct buf *b = &a->counted;
	int r = restore(a, 0, buf_data(b), b->len, e);

	buf_consume(b, b->len);
	return r;
}

static int
pass(struct answer *a, const void *data, size_t n, struct error *e)
{
	meter_feed(&a->meter, data, n);
	if (!a->drops_usage)
		return restore(a, 0, data, n, e);
	usage_filter_feed(&a->usage, data, n, &a->counted);
	return pass_counted(a, e);
}

static int
pass_redacted(struct answer *a, struct error *e)
{
	struct buf *b = &a->redacted.out;
	int r = b->len > 0 ? pass(a, buf_data(b), b->len, e) : 0;

	buf_consume(b, b->len);
	return r;
}

int
answer_feed(struct answer *a, const void *data, size_t n, struct error *e)
{
	if (a->redact == NULL)
		return pass(a, data, n, e);
	redact_feed(a->redact, &a->redacted, data, n);
	return pass_redacted(a, e);
}

int
answer_end(struct answer *a, struct error *e)
{
	if (a->redact != NULL) {
		redact_end(a->redact, &a->redacted);
		if (pass_redacted(a, e) < 0)
			return -1;
	}
	usage_filter_end(&a->usage, &a->counted);
	meter_finish(&a->meter);
	return pass_counted(a, e) < 0 ? -1 : restore_end(a, e);
}

void
answer_clear(struct answer *a)
{
	redact_stream_clear(&a->redacted);
	usage_filter_clear(&a->usage);
	meter_clear(&a->meter);
	while (a->n_restores > 0)
		privacy_restore_free(a->restores[--a->n_restores]);
	buf_free(&a->counted);
	buf_wipe(&a->out);
	memset(a, 0, sizeof(*a));
}
