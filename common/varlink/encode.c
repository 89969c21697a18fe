/* SPDX-License-Identifier: Apache-2.0 */
/* encode.c - structs to JSON, the second half of codec.h. */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "common/utf8.h"
#include "common/varlink/codec.h"

/* An encoder returns -1 if the buf is full. */
typedef int encode_fn(
    struct buf *, const struct field *, const void *at, struct passed *);

int
codec_encode_string(struct buf *b, const char *s)
{
	int r = buf_append(b, "\"", 1);

	while (*s != '\0' && r == 0) {
		size_t n = utf8_length(s);
		size_t plain = 0;

		while (n != 0 && (uint8_t)s[plain] >= 0x20 && s[plain] != '"' &&
		       s[plain] != '\\') {
			plain += n;
			n = utf8_length(s + plain);
		}
		if (plain > 0) {
			r = buf_append(b, s, plain);
			s += plain;
			continue;
		}
		if (n == 0)
			r = buf_puts(b, "\\ufffd");
		else if (*s == '"' || *s == '\\')
			r = buf_printf(b, "\\%c", *s);
		else if (*s == '\n')
			r = buf_puts(b, "\\n");
		else
			r = buf_printf(b, "\\u%04x", (unsigned)*s);
		s++;
	}
	return r < 0 ? -1 : buf_append(b, "\"", 1);
}

static int
encode_bool(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	(void)f;
	(void)passed;
	return buf_puts(b, *(const bool *)at ? "true" : "false");
}

static int
encode_int(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	(void)f;
	(void)passed;
	return buf_printf(b, "%" PRId64, *(const int64_t *)at);
}

static int
encode_str(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const char *s = *(const char *const *)at;

	(void)f;
	(void)passed;
	assert(s != NULL);
	return codec_encode_string(b, s);
}

static int
encode_strs(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const struct strings *s = at;
	int r = buf_puts(b, "[");

	(void)f;
	(void)passed;
	for (size_t i = 0; i < s->n && r == 0; i++) {
		if (i > 0)
			r = buf_puts(b, ",");
		if (r == 0)
			r = codec_encode_string(b, s->v[i]);
	}
	return r < 0 ? -1 : buf_puts(b, "]");
}

static int
encode_map(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const struct pairs *p = at;

	(void)f;
	(void)passed;
	for (size_t i = 0; i < p->n; i++)
		if (buf_puts(b, i > 0 ? "," : "{") < 0 ||
		    codec_encode_string(b, p->v[i].name) < 0 ||
		    buf_puts(b, ":") < 0 ||
		    codec_encode_string(b, p->v[i].value) < 0)
			return -1;
	return buf_puts(b, p->n > 0 ? "}" : "{}");
}

static int
encode_fd(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	int fd = *(const int *)at;

	(void)f;
	assert(fd >= 0 && passed->n < VARLINK_FDS_MAX);
	passed->fd[passed->n++] = fd;
	return buf_printf(b, "%zu", passed->n - 1);
}

static int
encode_fds(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const struct fds *fds = at;
	int r = buf_puts(b, "[");

	for (size_t i = 0; i < fds->n && r == 0; i++) {
		if (i > 0)
			r = buf_puts(b, ",");
		if (r == 0)
			r = encode_fd(b, f, &fds->v[i], passed);
	}
	return r < 0 ? -1 : buf_puts(b, "]");
}

static int
encode_obj(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const void *object = *(const void *const *)at;

	assert(object != NULL);
	return codec_encode(b, f->sub, object, passed);
}

static int
encode_objs(
    struct buf *b, const struct field *f, const void *at, struct passed *passed)
{
	const struct objects *o = at;
	const uint8_t *object = o->v;
	int r = buf_puts(b, "[");

	for (size_t i = 0; i < o->n && r == 0; i++, object += f->sub_size) {
		if (i > 0)
			r = buf_puts(b, ",");
		if (r == 0)
			r = codec_encode(b, f->sub, object, passed);
	}
	return r < 0 ? -1 : buf_puts(b, "]");
}

static encode_fn *const encoders[] = {
	[FIELD_BOOL] = encode_bool,
	[FIELD_INT] = encode_int,
	[FIELD_STR] = encode_str,
	[FIELD_STRS] = encode_strs,
	[FIELD_MAP] = encode_map,
	[FIELD_FD] = encode_fd,
	[FIELD_FDS] = encode_fds,
	[FIELD_OBJ] = encode_obj,
	[FIELD_OBJS] = encode_objs,
};

/* What decoding makes of an absent member. */
static bool
is_absent(const struct field *f, const void *at)
{
	switch (f->type) {
	case FIELD_BOOL:
		return !*(const bool *)at;
	case FIELD_INT:
		return *(const int64_t *)at == 0;
	case FIELD_STR:
	case FIELD_OBJ:
		return *(const void *const *)at == NULL;
	case FIELD_STRS:
		return ((const struct strings *)at)->n == 0;
	case FIELD_MAP:
		return ((const struct pairs *)at)->n == 0;
	case FIELD_FD:
		return *(const int *)at < 0;
	case FIELD_FDS:
		return ((const struct fds *)at)->n == 0;
	case FIELD_OBJS:
		return ((const struct objects *)at)->n == 0;
	}
	assert(!"unknown field type");
	return true;
}

int
codec_encode(struct buf *b, const struct field *fields, const void *object,
    struct passed *passed)
{
	const char *before = "{";

	for (const struct field *f = fields; f != NULL && f->name != NULL;
	     f++) {
		const uint8_t *at = (const uint8_t *)object + f->offset;

		if (f->presence == OPTIONAL && is_absent(f, at))
			continue;
		if (buf_puts(b, before) < 0 ||
		    codec_encode_string(b, f->name) < 0 ||
		    buf_puts(b, ":") < 0 ||
		    encoders[f->type](b, f, at, passed) < 0)
			return -1;
		before = ",";
	}
	return buf_puts(b, before[0] == '{' ? "{}" : "}");
}
