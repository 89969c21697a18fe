/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - see answer.h. */
#include <string.h>

#include "common/http/media.h"
#include "routerd/answer.h"
#include "routerd/table.h"

void
answer_begin(struct answer *a, const struct route *route,
    const struct http_head *head, bool adds_usage)
{
	struct http_slice type = media_type(head);
	bool is_plain = media_is_plain(head);

	memset(a, 0, sizeof(*a));
	a->is_stream = is_plain && media_is_event_stream(type);
	a->drops_usage = adds_usage && a->is_stream;
	/* A coded or binary body can't be read here; routerd asks for none. */
	if (is_plain && media_is_text(type))
		a->redact = route->redact;
	meter_init(&a->meter, a->is_stream);
}

/* The last step: counted as it came, and out. */
static void
pass(struct answer *a, const void *data, size_t n)
{
	meter_feed(&a->meter, data, n);
	if (a->drops_usage)
		usage_filter_feed(&a->usage, data, n, &a->out);
	else
		(void)buf_append(&a->out, data, n);
}

static void
pass_redacted(struct answer *a)
{
	struct buf *out = &a->redacted.out;

	if (out->len > 0)
		pass(a, buf_data(out), out->len);
	buf_consume(out, out->len);
}

void
answer_feed(struct answer *a, const void *data, size_t n)
{
	if (a->redact == NULL) {
		pass(a, data, n);
		return;
	}
	redact_feed(a->redact, &a->redacted, data, n);
	pass_redacted(a);
}

void
answer_end(struct answer *a)
{
	if (a->redact != NULL) {
		redact_end(a->redact, &a->redacted);
		pass_redacted(a);
	}
	usage_filter_end(&a->usage, &a->out);
	meter_finish(&a->meter);
}

void
answer_clear(struct answer *a)
{
	redact_stream_clear(&a->redacted);
	usage_filter_clear(&a->usage);
	meter_clear(&a->meter);
	buf_free(&a->out);
	memset(a, 0, sizeof(*a));
}
