/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_path.c - targets and authorities: canonical form is a fixed point, and
 * has none of the spellings that it is there to remove.
 */
#include <assert.h>
#include <stdint.h>

#include "common/http/authority.h"
#include "common/http/path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_canonical(const struct http_path *p)
{
	assert(p->path[0] == '/' && strlen(p->path) == p->len);
	assert(!strstr(p->path, "//") && !strstr(p->path, "/./"));
	assert(!strstr(p->path, "/../") && !strchr(p->path, ';'));
	assert(p->len < 3 || strcmp(p->path + p->len - 3, "/..") != 0);
	assert(p->len < 2 || strcmp(p->path + p->len - 2, "/.") != 0);
	assert(!strstr(p->path, "%2e") && !strstr(p->path, "%2f"));
}

static void
fuzz_path(struct http_slice target, bool allow)
{
	struct http_slice name, value;
	struct http_path p, again;
	struct error e;
	char decoded[16384];

	if (http_path_canon(target, allow, &p, &e) < 0)
		return;
	check_canonical(&p);
	assert(allow || !p.has_encoded_slash);
	assert(http_path_canon((struct http_slice){ p.path, p.len }, allow,
		   &again, &e) == 0);
	assert(strcmp(p.path, again.path) == 0);
	while (p.query.p && http_query_next(&p.query, &name, &value)) {
		assert(name.n + value.n <= target.n);
		assert(http_query_decode(name, decoded) <= name.n);
		if (value.p)
			assert(http_query_decode(value, decoded) <= value.n);
	}
}

static void
fuzz_authority(struct http_slice text)
{
	struct http_authority a, again;
	char written[HTTP_AUTHORITY_SIZE];
	struct http_url url;
	struct error e;

	(void)http_url_parse(text, &url, &e);
	if (http_authority_parse(text, &a, &e) < 0)
		return;
	(void)http_authority_format(&a, 0, written);
	assert(http_authority_parse(
		   (struct http_slice){ written, strlen(written) }, &again,
		   &e) == 0);
	assert(http_authority_equal(&a, &again, 1));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_slice text = { (const char *)data, size };

	if (size > 16384)
		return 0;
	fuzz_path(text, false);
	fuzz_path(text, true);
	fuzz_authority(text);
	return 0;
}
