/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.c - see restore.h.
 *
 * An event is looked at when it is whole, which is when a client does.  The
 * strings in it that are pieces of longer texts go through their channel's
 * refill, all else through one of the event's own.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "common/json/scan.h"
#include "common/privacy/deltas.h"
#include "common/privacy/event.h"
#include "common/privacy/map.h"
#include "common/privacy/refill.h"
#include "common/privacy/restore.h"
#include "common/xalloc.h"

/* An event of whose texts some wait: as it came, and its data without any text.
 * Of all channels that wait since then. */
struct kept {
	struct buf raw;
	struct buf data;
	unsigned users;
};

/* A text that comes in pieces. */
struct channel {
	char key[DELTA_KEY_MAX];
	struct refill text;
	bool has_piece; /* in the event at hand */
	bool has_ended;
	struct kept *last; /* the last event, if some of the text waits */
	size_t at;         /* where the piece was in its data */
};

struct privacy_restore {
	const struct privacy_map *map;
	size_t left; /* of PRIVACY_RESTORED_MAX */
	struct refill body;
	bool is_stream;
	struct event_reader reader;
	struct deltas deltas;
	struct channel *channels[PRIVACY_CHANNELS_MAX]; /* by key */
	size_t n;
	struct channel *pieces[PRIVACY_CHANNELS_MAX]; /* of the deltas */
	size_t kept;                                  /* bytes */
};

struct privacy_restore *
privacy_restore_new(const struct privacy_map *map, bool is_stream)
{
	struct privacy_restore *r = xcalloc(1, sizeof(*r));

	r->map = map;
	r->left = PRIVACY_RESTORED_MAX;
	r->is_stream = is_stream;
	refill_init(&r->body, map, &r->left, false);
	return r;
}

static void
forget_event(struct privacy_restore *r, struct channel *c)
{
	struct kept *k = c->last;

	c->last = NULL;
	if (k == NULL || --k->users > 0)
		return;
	r->kept -= k->raw.len + k->data.len;
	buf_wipe(&k->raw);
	buf_wipe(&k->data);
	free(k);
}

static void
close_channel(struct privacy_restore *r, struct channel *c)
{
	forget_event(r, c);
	refill_clear(&c->text);
	free(c);
}

void
privacy_restore_free(struct privacy_restore *r)
{
	if (r == NULL)
		return;
	for (size_t i = 0; i < r->n; i++)
		close_channel(r, r->channels[i]);
	refill_clear(&r->body);
	event_reader_clear(&r->reader);
	deltas_clear(&r->deltas);
	free(r);
}

static int
refuse(struct error *e)
{
	return error_set(e, ERR_LIMIT, "the answer is too long");
}

/* Where it is, or is to be. */
static size_t
find_channel(const struct privacy_restore *r, const char *key)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(r->channels[middle]->key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct channel *
open_channel(struct privacy_restore *r, const char *key, struct error *e)
{
	size_t at = find_channel(r, key);
	struct channel *c;

	if (at < r->n && strcmp(r->channels[at]->key, key) == 0)
		return r->channels[at];
	if (r->n == PRIVACY_CHANNELS_MAX) {
		(void)error_set(e, ERR_LIMIT,
		    "the answer has more than %d texts at once",
		    PRIVACY_CHANNELS_MAX);
		return NULL;
	}
	c = xcalloc(1, sizeof(*c));
	memcpy(c->key, key, sizeof(c->key));
	refill_init(&c->text, r->map, &r->left, true);
	memmove(&r->channels[at + 1], &r->channels[at],
	    (r->n - at) * sizeof(r->channels[0]));
	r->n++;
	r->channels[at] = c;
	return c;
}

/* One piece a channel; another one's string in the same event is hostile, and
 * no piece. */
static int
open_channels(struct privacy_restore *r, bool is_last, struct error *e)
{
	struct deltas *d = &r->deltas;
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		r->channels[i]->has_piece = false;
	for (size_t i = 0; i < d->n; i++) {
		struct channel *c = open_channel(r, d->list[i].key, e);

		if (c == NULL)
			return -1;
		if (c->has_piece)
			continue;
		c->has_piece = true;
		r->pieces[n] = c;
		d->list[n++] = d->list[i];
	}
	d->n = n;
	for (size_t i = 0; i < r->n; i++)
		r->channels[i]->has_ended =
		    is_last || deltas_has_end(d, r->channels[i]->key);
	return 0;
}

/* The last event again, with what has waited as its only text.  A long one can
 * be sent for many channels: that counts as what is put back. */
static int
send_waiting(struct privacy_restore *r, struct channel *c, struct buf *out,
    struct error *e)
{
	struct buf data = BUF_INIT;
	const struct kept *k = c->last;
	const char *text;
	int ret = -1;

	if (k == NULL)
		return 0;
	text = (char *)buf_data(&k->data);
	(void)buf_append(&data, text, c->at);
	(void)refill_end(&c->text, &data, e);
	(void)buf_append(&data, text + c->at, k->data.len - c->at);
	if (data.len + k->raw.len <= r->left)
		ret = event_write((char *)buf_data(&k->raw), k->raw.len,
		    (char *)buf_data(&data), data.len, out);
	if (ret == 0)
		r->left -= data.len + k->raw.len;
	buf_wipe(&data);
	return ret < 0 ? refuse(e) : 0;
}

/* Those that end with this event, and have no piece in it that could take what
 * waits along. */
static int
send_ended(struct privacy_restore *r, struct buf *out, struct error *e)
{
	for (size_t i = 0; i < r->n; i++) {
		struct channel *c = r->channels[i];

		if (c->has_ended && !c->has_piece &&
		    send_waiting(r, c, out, e) < 0)
			return -1;
	}
	return 0;
}

static void
close_ended(struct privacy_restore *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++)
		if (r->channels[i]->has_ended)
			close_channel(r, r->channels[i]);
		else
			r->channels[n++] = r->channels[i];
	r->n = n;
}

/* A channel's piece of this event. */
static int
fill_piece(struct channel *c, const struct json_span *s, struct buf *to,
    struct error *e)
{
	if (refill_feed(&c->text, s->p + 1, s->n - 2, to, e) < 0)
		return -1;
	return c->has_ended ? refill_end(&c->text, to, e) : 0;
}

/* The event's data as it goes on; or without any text, for what waits. */
static int
fill_data(struct privacy_restore *r, const struct buf *data, bool has_text,
    struct buf *to, struct error *e)
{
	const char *p = (char *)buf_data(data), *end = p + data->len;
	struct refill outside;
	int ret = 0;

	refill_init(&outside, r->map, &r->left, false);
	for (size_t i = 0; ret == 0 && i < r->deltas.n; i++) {
		const struct json_span *s = &r->deltas.list[i].text;

		ret = refill_feed(&outside, p, (size_t)(s->p + 1 - p), to, e);
		r->pieces[i]->at = to->len;
		if (has_text && ret == 0)
			ret = fill_piece(r->pieces[i], s, to, e);
		p = s->p + s->n - 1;
	}
	if (ret == 0)
		ret = refill_feed(&outside, p, (size_t)(end - p), to, e);
	if (ret == 0)
		ret = refill_end(&outside, to, e);
	refill_clear(&outside);
	return ret;
}

static int
keep_event(struct privacy_restore *r, const struct buf *data, struct kept *k,
    struct error *e)
{
	const struct buf *raw = &r->reader.raw;
	int ret;

	(void)buf_append(&k->raw, buf_data(raw), raw->len);
	ret = fill_data(r, data, false, &k->data, e);
	r->kept += k->raw.len + k->data.len;
	if (r->kept > PRIVACY_WAITING_MAX)
		return error_set(e, ERR_LIMIT,
		    "more of the answer waits for its end than %u bytes",
		    PRIVACY_WAITING_MAX);
	return ret;
}

/* For what waits, should its channel end before its next event. */
static int
keep_waiting(struct privacy_restore *r, const struct buf *data, struct error *e)
{
	struct kept *k = NULL;

	for (size_t i = 0; i < r->n; i++) {
		struct channel *c = r->channels[i];

		if (!c->has_piece)
			continue;
		forget_event(r, c);
		if (c->text.waiting.len == 0)
			continue;
		if (k == NULL)
			k = xcalloc(1, sizeof(*k));
		k->users++;
		c->last = k;
	}
	return k != NULL ? keep_event(r, data, k, e) : 0;
}

static bool
is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len &&
	       (a->len == 0 || memcmp(buf_data(a), buf_data(b), a->len) == 0);
}

static int
send_event(struct privacy_restore *r, const struct buf *data, struct buf *out,
    struct error *e)
{
	const struct buf *raw = &r->reader.raw;
	struct buf to = BUF_INIT;
	int ret = 0;

	if (data->len > 0)
		ret = fill_data(r, data, true, &to, e);
	if (ret == 0) {
		if (is_same(&to, data))
			ret = buf_append(out, buf_data(raw), raw->len);
		else
			ret = event_write((char *)buf_data(raw), raw->len,
			    (char *)buf_data(&to), to.len, out);
		if (ret < 0)
			(void)refuse(e);
	}
	buf_wipe(&to);
	return ret;
}

/* Which texts have pieces in the event, and which end with it. */
static int
find_pieces(struct privacy_restore *r, const struct buf *data, bool is_last,
    struct error *e)
{
	static const char done[] = "[DONE]";
	const char *text = data->len > 0 ? (char *)buf_data(data) : "";
	struct json_span top;
	struct error none;

	r->deltas.n = r->deltas.n_ends = 0;
	if (data->len == sizeof(done) - 1 && memcmp(text, done, data->len) == 0)
		is_last = true;
	else if (json_parse(text, data->len, &top, &none) == 0 &&
		 deltas_find(&r->deltas, &top, e) < 0)
		return -1;
	return open_channels(r, is_last, e);
}

/* The reader's event. */
static int
on_event(
    struct privacy_restore *r, bool is_last, struct buf *out, struct error *e)
{
	struct buf *raw = &r->reader.raw, data = BUF_INIT;
	int ret;

	event_data((char *)buf_data(raw), raw->len, &data);
	ret = find_pieces(r, &data, is_last, e);
	if (ret == 0)
		ret = send_ended(r, out, e);
	if (ret == 0)
		ret = send_event(r, &data, out, e);
	if (ret == 0)
		ret = keep_waiting(r, &data, e);
	if (ret == 0)
		close_ended(r);
	buf_free(&data);
	buf_consume(raw, raw->len);
	return ret;
}

static int
feed_stream(struct privacy_restore *r, const char *p, size_t n, struct buf *out,
    struct error *e)
{
	while (n > 0) {
		bool is_whole;
		ssize_t used = event_read(&r->reader, p, n, &is_whole, out, e);

		if (used < 0 || (is_whole && on_event(r, false, out, e) < 0))
			return -1;
		p += used;
		n -= (size_t)used;
	}
	return 0;
}

int
privacy_restore_feed(struct privacy_restore *r, const void *p, size_t n,
    struct buf *out, struct error *e)
{
	return r->is_stream ? feed_stream(r, p, n, out, e)
			    : refill_feed(&r->body, p, n, out, e);
}

int
privacy_restore_end(struct privacy_restore *r, struct buf *out, struct error *e)
{
	/* What is behind the last empty line is an event for those who read it
	 * so; nothing can follow it. */
	return r->is_stream ? on_event(r, true, out, e)
			    : refill_end(&r->body, out, e);
}
