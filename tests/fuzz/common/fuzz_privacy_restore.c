/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer is restored in the same way however it is cut.
 *
 * The first byte says whether it is a stream, and how it is cut; 1, 2 and 3
 * behind it stand for placeholders.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/privacy/map.h"
#include "common/privacy/restore.h"
#include "common/xalloc.h"

static const uint8_t key[PRIVACY_KEY_LEN] = "a key of the sandbox's own";
static const char *const texts[] = { "a@example.com", "\"\\\n\r\xc3\xa9[",
	"[X_" };

static struct privacy_map *map;
static char *placeholders[3];

static void
make_map(void)
{
	if (map != NULL)
		return;
	map = privacy_map_new(key);
	for (size_t i = 0; i < 3; i++)
		placeholders[i] = xstrdup(privacy_map_add(
		    map, "X", texts[i], strlen(texts[i]), true));
	if (!privacy_map_seal(map))
		abort();
}

/* In pieces of 1 to 8 bytes by the seed, or whole.  -1: refused. */
static int
restore(bool is_stream, const struct buf *text, unsigned seed, struct buf *out)
{
	struct privacy_restore *r = privacy_restore_new(map, is_stream);
	const char *p = (char *)buf_data(text);
	size_t at = 0;
	struct error e;
	int ret = 0;

	while (ret == 0 && at < text->len) {
		size_t n = seed == 0 ? text->len : 1 + (seed >> 16) % 8;

		if (n > text->len - at)
			n = text->len - at;
		char *piece = xmemdup(p + at, n);

		ret = privacy_restore_feed(r, piece, n, out, &e);
		free(piece);
		at += n;
		seed = seed * 1103515245 + 12345;
	}
	if (ret == 0)
		ret = privacy_restore_end(r, out, &e);
	privacy_restore_free(r);
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf text = BUF_INIT, whole = BUF_INIT, cut = BUF_INIT;

	make_map();
	for (size_t i = 1; i < size; i++)
		if (data[i] >= 1 && data[i] <= 3)
			(void)buf_puts(&text, placeholders[data[i] - 1]);
		else
			(void)buf_append(&text, &data[i], 1);
	if (size > 0) {
		bool is_stream = data[0] & 1;
		unsigned seed = 1 + data[0] / 2;

		if (restore(is_stream, &text, 0, &whole) !=
		    restore(is_stream, &text, seed, &cut))
			abort();
		if (whole.len != cut.len ||
		    (cut.len > 0 &&
			memcmp(buf_data(&whole), buf_data(&cut), cut.len) != 0))
			abort();
	}
	buf_free(&text);
	buf_free(&whole);
	buf_free(&cut);
	return 0;
}
