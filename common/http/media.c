/* SPDX-License-Identifier: Apache-2.0 */
/* media.c - see media.h. */
#include "common/http/media.h"

struct http_slice
media_type(const struct http_head *head)
{
	const struct http_header *h = http_head_get(head, HTTP_CONTENT_TYPE);
	struct http_slice type;
	size_t n = 0;

	if (h == NULL || http_head_count(head, HTTP_CONTENT_TYPE) > 1)
		return (struct http_slice){ NULL, 0 };
	type = h->value;
	while (n < type.n && type.p[n] != ';' && type.p[n] != ' ' &&
	       type.p[n] != '\t')
		n++;
	return (struct http_slice){ type.p, n };
}

bool
media_is_plain(const struct http_head *head)
{
	for (size_t i = 0; i < head->n_headers; i++)
		if (head->headers[i].field == HTTP_CONTENT_ENCODING &&
		    !http_slice_is_nocase(head->headers[i].value, "identity"))
			return false;
	return true;
}

static bool
starts_with(struct http_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && strncasecmp(s.p, text, n) == 0;
}

static bool
ends_with(struct http_slice s, const char *text)
{
	size_t n = strlen(text);

	return s.n >= n && strncasecmp(s.p + s.n - n, text, n) == 0;
}

bool
media_is_json(struct http_slice type)
{
	return http_slice_is_nocase(type, "application/json") ||
	       ends_with(type, "+json");
}

bool
media_is_text(struct http_slice type)
{
	static const char *const prefixes[] = { "text/", "multipart/",
		"message/", "application/json", "application/x-ndjson",
		"application/xml", "application/javascript",
		"application/x-javascript", "application/x-www-form-urlencoded",
		"application/graphql", "application/problem" };

	if (type.p == NULL || type.n == 0)
		return true;
	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (starts_with(type, prefixes[i]))
			return true;
	return ends_with(type, "+json") || ends_with(type, "+xml");
}

bool
media_is_event_stream(struct http_slice type)
{
	return http_slice_is_nocase(type, "text/event-stream");
}
