/* SPDX-License-Identifier: Apache-2.0 */
/* decode.c - JSON to structs, the first half of codec.h. */
#include <assert.h>
#include <cjson/cJSON.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/varlink/codec.h"

#define STRING_DEFAULT_MAX 4096
#define INTEGER_MAX 9007199254740992.0 /* 2^53 */

struct decoding {
	struct arena *arena;
	const struct passed *passed;
	bool used[VARLINK_FDS_MAX];
	struct bad_field *bad;
};

/* The decoders of one type return what is wrong, or NULL.  "" means that the
 * place is already in bad. */
typedef const char *decode_fn(
    struct decoding *, const cJSON *, const struct field *, void *to);

static int decode_members(
    struct decoding *, const cJSON *, const struct field *, void *to);

/* What doesn't fit is cut at the end: the outermost name helps most. */
static void
prepend_path(struct bad_field *bad, const char *prefix)
{
	size_t n = strnlen(prefix, sizeof(bad->path) - 1);

	memmove(bad->path + n, bad->path, sizeof(bad->path) - n);
	memcpy(bad->path, prefix, n);
	bad->path[sizeof(bad->path) - 1] = '\0';
}

static int
refuse(struct decoding *d, const char *name, const char *why)
{
	(void)snprintf(d->bad->path, sizeof(d->bad->path), "%s", name);
	d->bad->why = why;
	return -1;
}

static const char *
decode_bool(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	(void)d;
	(void)f;
	if (!cJSON_IsBool(j))
		return "is not true or false";
	*(bool *)to = cJSON_IsTrue(j);
	return NULL;
}

static const char *
take_integer(const cJSON *j, double limit, int64_t *ret)
{
	if (!cJSON_IsNumber(j) || j->valuedouble != floor(j->valuedouble))
		return "is not a whole number";
	if (!(j->valuedouble >= 0 && j->valuedouble <= limit))
		return "is out of range";
	*ret = (int64_t)j->valuedouble;
	return NULL;
}

static const char *
decode_int(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	double limit = INTEGER_MAX;

	(void)d;
	if (f->limit != 0 && (double)f->limit < limit)
		limit = (double)f->limit;
	return take_integer(j, limit, to);
}

static const char *
take_string(struct decoding *d, const cJSON *j, size_t limit, const char **ret)
{
	if (!cJSON_IsString(j))
		return "is not a string";
	if (strlen(j->valuestring) > limit)
		return "is too long";
	*ret = arena_strdup(d->arena, j->valuestring);
	return NULL;
}

static const char *
decode_str(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	return take_string(
	    d, j, f->limit != 0 ? (size_t)f->limit : STRING_DEFAULT_MAX, to);
}

static const char *
check_count(const cJSON *j, const struct field *f, size_t *ret)
{
	size_t n = 0;
	const cJSON *item;

	/* cJSON_GetArraySize() is an int. */
	cJSON_ArrayForEach(item, j)
	{
		if ((int64_t)++n > f->limit)
			return "has too many elements";
	}
	*ret = n;
	return NULL;
}

static const char *
decode_strs(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	struct strings *s = to;
	const char *why;
	const cJSON *item;
	size_t i = 0;

	if (!cJSON_IsArray(j))
		return "is not an array";
	why = check_count(j, f, &s->n);
	if (why != NULL)
		return why;
	s->v = arena_alloc(d->arena, s->n + 1, sizeof(s->v[0]));
	cJSON_ArrayForEach(item, j)
	{
		why = take_string(d, item, CODEC_STRING_MAX, &s->v[i++]);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *
decode_map(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	struct pairs *p = to;
	const char *why;
	const cJSON *item;
	size_t n = 0;

	if (!cJSON_IsObject(j))
		return "is not an object";
	why = check_count(j, f, &p->n);
	if (why != NULL)
		return why;
	p->v = arena_alloc(d->arena, p->n, sizeof(p->v[0]));
	cJSON_ArrayForEach(item, j)
	{
		struct pair *pair = &p->v[n];

		if (strlen(item->string) > STRING_DEFAULT_MAX)
			return "has a key that is too long";
		for (size_t i = 0; i < n; i++)
			if (strcmp(p->v[i].name, item->string) == 0)
				return "has a key twice";
		pair->name = arena_strdup(d->arena, item->string);
		why = take_string(d, item, CODEC_STRING_MAX, &pair->value);
		if (why != NULL)
			return why;
		n++;
	}
	return NULL;
}

static const char *
decode_fd(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	int64_t index;
	const char *why = take_integer(j, VARLINK_FDS_MAX, &index);

	(void)f;
	if (why != NULL)
		return why;
	if ((size_t)index >= d->passed->n)
		return "names a descriptor that was not passed";
	if (d->used[index])
		return "names a descriptor twice";
	d->used[index] = true;
	*(int *)to = d->passed->fd[index];
	return NULL;
}

static const char *
decode_fds(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	struct fds *fds = to;
	const char *why;
	const cJSON *item;
	size_t i = 0;

	if (!cJSON_IsArray(j))
		return "is not an array";
	why = check_count(j, f, &fds->n);
	if (why != NULL)
		return why;
	fds->v = arena_alloc(d->arena, fds->n, sizeof(fds->v[0]));
	cJSON_ArrayForEach(item, j)
	{
		why = decode_fd(d, item, f, &fds->v[i++]);
		if (why != NULL)
			return why;
	}
	return NULL;
}

static const char *
decode_obj(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	void *object = arena_alloc(d->arena, 1, f->sub_size);
	char prefix[CODEC_PATH_MAX];

	if (!cJSON_IsObject(j))
		return "is not an object";
	*(void **)to = object;
	if (decode_members(d, j, f->sub, object) == 0)
		return NULL;
	(void)snprintf(prefix, sizeof(prefix), "%s.", f->name);
	prepend_path(d->bad, prefix);
	return "";
}

static const char *
decode_objs(struct decoding *d, const cJSON *j, const struct field *f, void *to)
{
	struct objects *objects = to;
	char prefix[CODEC_PATH_MAX];
	const char *why;
	const cJSON *item;
	size_t i = 0;

	if (!cJSON_IsArray(j))
		return "is not an array";
	why = check_count(j, f, &objects->n);
	if (why != NULL)
		return why;
	objects->v = arena_alloc(d->arena, objects->n, f->sub_size);
	cJSON_ArrayForEach(item, j)
	{
		uint8_t *object = (uint8_t *)objects->v + i * f->sub_size;

		if (!cJSON_IsObject(item))
			return "has an element that is not an object";
		if (decode_members(d, item, f->sub, object) < 0) {
			(void)snprintf(
			    prefix, sizeof(prefix), "%s[%zu].", f->name, i);
			prepend_path(d->bad, prefix);
			return "";
		}
		i++;
	}
	return NULL;
}

static decode_fn *const decoders[] = {
	[FIELD_BOOL] = decode_bool,
	[FIELD_INT] = decode_int,
	[FIELD_STR] = decode_str,
	[FIELD_STRS] = decode_strs,
	[FIELD_MAP] = decode_map,
	[FIELD_FD] = decode_fd,
	[FIELD_FDS] = decode_fds,
	[FIELD_OBJ] = decode_obj,
	[FIELD_OBJS] = decode_objs,
};

static const struct field *
field_find(const struct field *f, const char *name)
{
	for (; f->name != NULL; f++)
		if (strcmp(f->name, name) == 0)
			return f;
	return NULL;
}

/* The member of that name; *ret_twice if there is another. */
static const cJSON *
member_find(const cJSON *object, const char *name, bool *ret_twice)
{
	const cJSON *found = NULL;
	const cJSON *item;

	*ret_twice = false;
	/* Not cJSON_GetObjectItem(): that ignores case, or finds the first of
	 * two. */
	cJSON_ArrayForEach(item, object)
	{
		if (strcmp(item->string, name) != 0)
			continue;
		*ret_twice = found != NULL;
		if (*ret_twice)
			break;
		found = item;
	}
	return found;
}

static int
decode_member(
    struct decoding *d, const cJSON *object, const struct field *f, uint8_t *to)
{
	bool twice;
	const cJSON *item = member_find(object, f->name, &twice);
	const char *why;

	d->arena->has_secrets |= f->is_secret;
	if (f->type == FIELD_FD)
		*(int *)(to + f->offset) = -1;
	if (twice)
		return refuse(d, f->name, "is there twice");
	if (item == NULL || cJSON_IsNull(item)) {
		if (f->presence == REQUIRED)
			return refuse(d, f->name, "is missing");
		return 0;
	}
	why = decoders[f->type](d, item, f, to + f->offset);
	if (why == NULL)
		return 0;
	return why[0] == '\0' ? -1 : refuse(d, f->name, why);
}

static int
decode_members(struct decoding *d, const cJSON *object,
    const struct field *fields, void *to)
{
	size_t known = 0;
	const cJSON *item;

	for (const struct field *f = fields; f->name != NULL; f++)
		known++;
	/* Unknown ones first, and only a few more than the table has rows: the
	 * search below must not become quadratic in what a peer sends. */
	cJSON_ArrayForEach(item, object)
	{
		if (field_find(fields, item->string) == NULL)
			return refuse(d, item->string, "is not known");
		if (known-- == 0)
			return refuse(d, item->string, "is there twice");
	}
	for (const struct field *f = fields; f->name != NULL; f++)
		if (decode_member(d, object, f, to) < 0)
			return -1;
	return 0;
}

void *
codec_decode(const struct cJSON *object, const struct field *fields,
    size_t size, struct arena *arena, struct passed *passed,
    struct bad_field *bad)
{
	static const struct field none[] = { { 0 } };
	struct decoding d = { .arena = arena, .passed = passed, .bad = bad };
	void *to = arena_alloc(arena, 1, size);

	if (decode_members(&d, object, fields != NULL ? fields : none, to) < 0)
		return NULL;
	for (size_t i = 0; i < passed->n; i++)
		if (d.used[i])
			passed->fd[i] = -1;
	return to;
}

static void
wipe(cJSON *tree)
{
	for (cJSON *j = tree; j != NULL; j = j->next) {
		if (j->valuestring != NULL)
			explicit_bzero(j->valuestring, strlen(j->valuestring));
		wipe(j->child);
	}
}

void
codec_free(struct cJSON *tree)
{
	wipe(tree);
	cJSON_Delete(tree);
}

void
codec_close(const struct field *fields, void *object)
{
	for (const struct field *f = fields; f != NULL && f->name != NULL;
	     f++) {
		void *at = (uint8_t *)object + f->offset;
		struct objects *objects = at;
		struct fds *fds = at;

		if (f->type == FIELD_FD && *(int *)at >= 0)
			(void)close(*(int *)at);
		if (f->type == FIELD_FDS)
			for (size_t i = 0; i < fds->n; i++)
				if (fds->v[i] >= 0)
					(void)close(fds->v[i]);
		if (f->type == FIELD_OBJ && *(void **)at != NULL)
			codec_close(f->sub, *(void **)at);
		if (f->type == FIELD_OBJS)
			for (size_t i = 0; i < objects->n; i++)
				codec_close(f->sub,
				    (uint8_t *)objects->v + i * f->sub_size);
	}
}

void *
codec_decode_text(const char *json, const struct field *fields, size_t size,
    struct arena *arena, struct bad_field *bad)
{
	struct passed none = { .n = 0 };
	cJSON *object = cJSON_Parse(json);
	void *decoded = NULL;

	if (cJSON_IsObject(object)) {
		decoded = codec_decode(object, fields, size, arena, &none, bad);
	} else {
		bad->path[0] = '\0';
		bad->why = "is no JSON object";
	}
	codec_free(object);
	return decoded;
}
