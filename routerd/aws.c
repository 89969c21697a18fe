/* SPDX-License-Identifier: Apache-2.0 */
/* aws.c - see aws.h. */
#include <string.h>

#include "routerd/ask.h"
#include "routerd/aws.h"
#include "routerd/table.h"

#define SERVICE "bedrock"

static struct http_slice
slice(const char *s)
{
	return (struct http_slice){ s, strlen(s) };
}

static struct sigv4_header
field(const char *name, const char *value)
{
	return (struct sigv4_header){ slice(name), slice(value) };
}

static void
add(struct ask *a, const char *name, const char *value)
{
	size_t n = 0;

	while (a->headers[n].name != NULL)
		n++;
	a->headers[n] = (struct http_extra){ name, value };
	a->headers[n + 1] = (struct http_extra){ NULL, NULL };
}

int
aws_sign(struct ask *a, int64_t time_s, struct error *e)
{
	const struct route *r = a->route;
	const char *target = buf_str(&a->target), *query = strchr(target, '?');
	struct sigv4_header fields[4];
	struct sigv4_request what = {
		.method = slice(a->method),
		.path = { target,
		    query != NULL ? (size_t)(query - target) : strlen(target) },
		.headers = fields,
		.payload_hash = a->hash,
		.service = SERVICE,
		.region = r->region,
		.time_s = time_s,
	};

	if (r->key == NULL || r->access_key == NULL || r->region == NULL)
		return error_set(e, ERR_INVALID,
		    "a route to AWS needs AWS_ACCESS_KEY_ID, "
		    "AWS_SECRET_ACCESS_KEY and a region");
	if (query != NULL)
		what.query = slice(query + 1);
	sigv4_date(time_s, a->date);
	sigv4_hash(buf_data(&a->body), a->body.len, a->hash);
	add(a, "x-amz-date", a->date);
	add(a, "x-amz-content-sha256", a->hash);
	fields[what.n_headers++] = field("host", a->route->host);
	fields[what.n_headers++] = field("x-amz-date", a->date);
	fields[what.n_headers++] = field("x-amz-content-sha256", a->hash);
	if (r->session_token != NULL) {
		add(a, "x-amz-security-token", r->session_token);
		fields[what.n_headers++] =
		    field("x-amz-security-token", r->session_token);
	}
	if (sigv4_sign(&what, &(struct sigv4_keys){ r->access_key, r->key },
		&a->secret, e) < 0)
		return -1;
	add(a, "authorization", buf_str(&a->secret));
	return 0;
}
