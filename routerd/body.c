/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - see body.h. */
#include <string.h>

#include "routerd/body.h"
#include "routerd/tenant.h"

static int
too_large(struct error *e)
{
	return error_set(e, ERR_LIMIT, "the request body is too large");
}

int
body_begin(struct body *b, struct tenant *tenant, const struct http_head *head,
    struct error *e)
{
	b->tenant = tenant;
	b->framing = head->framing;
	b->left = head->content_length;
	b->text.limit = BODY_MAX;
	if (b->framing == HTTP_LENGTH && b->left > BODY_MAX)
		return too_large(e);
	return 0;
}

bool
body_is_whole(const struct body *b)
{
	switch (b->framing) {
	case HTTP_LENGTH:
		return b->left == 0;
	case HTTP_CHUNKED:
		return b->chunks.done;
	default:
		return true;
	}
}

/* What of the bytes is data; returns how many were framing or data. */
static ssize_t
unframe(struct body *b, const char *p, size_t n, struct http_slice *ret,
    struct error *e)
{
	ssize_t used;

	if (b->framing == HTTP_LENGTH) {
		*ret = (struct http_slice){ p, n < b->left ? n : b->left };
		b->left -= ret->n;
		return (ssize_t)ret->n;
	}
	used = http_chunked_decode(&b->chunks, p, n, ret, e);
	if (used >= 0 && ret->n > 0 && b->chunks.left == 0 &&
	    ++b->n_chunks > BODY_CHUNKS_MAX)
		return error_set(e, ERR_LIMIT, "too many chunks");
	return used;
}

ssize_t
body_take(struct body *b, const char *p, size_t n, struct error *e)
{
	struct http_slice data;
	ssize_t used = unframe(b, p, n, &data, e);

	if (used < 0)
		return -1;
	if (!tenant_take(b->tenant, data.n))
		return error_set(e, ERR_UNAVAILABLE,
		    "too many bodies of the sandbox wait to be sent");
	b->held += data.n;
	if (data.n > 0 && buf_append(&b->text, data.p, data.n) < 0)
		return too_large(e);
	return used;
}

void
body_clear(struct body *b)
{
	if (b->tenant != NULL)
		tenant_give(b->tenant, b->held);
	buf_free(&b->text);
	memset(b, 0, sizeof(*b));
}
