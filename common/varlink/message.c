/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - see message.h. */
#include <cjson/cJSON.h>
#include <string.h>

#include "common/log.h"
#include "common/varlink/codec.h"
#include "common/varlink/frame.h"
#include "common/varlink/message.h"

enum { CALL = 1, REPLY = 2 };

static int
take_flag(const cJSON *item, bool *ret)
{
	if (cJSON_IsNull(item))
		return 0;
	if (!cJSON_IsBool(item))
		return -1;
	*ret = cJSON_IsTrue(item);
	return 0;
}

static int
take_string(const cJSON *item, const char **ret)
{
	if (!cJSON_IsString(item))
		return -1;
	*ret = item->valuestring;
	return 0;
}

static int
take_member(struct message *m, const cJSON *item, unsigned kind)
{
	const struct {
		const char *name;
		unsigned kind;
		const char **string;
		bool *flag;
	} rows[] = {
		{ "method", CALL, &m->method, NULL },
		{ "more", CALL, NULL, &m->more },
		{ "oneway", CALL, NULL, &m->oneway },
		{ "upgrade", CALL, NULL, &m->upgrade },
		{ "error", REPLY, &m->error, NULL },
		{ "continues", REPLY, NULL, &m->continues },
	};

	if (strcmp(item->string, "parameters") == 0) {
		if (!cJSON_IsNull(item) && !cJSON_IsObject(item))
			return -1;
		m->parameters = cJSON_IsNull(item) ? NULL : item;
		return 0;
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].kind != kind ||
		    strcmp(rows[i].name, item->string) != 0)
			continue;
		return rows[i].string != NULL
			   ? take_string(item, rows[i].string)
			   : take_flag(item, rows[i].flag);
	}
	return -1;
}

static bool
is_duplicate(const cJSON *object, const cJSON *item)
{
	for (const cJSON *i = object->child; i != item; i = i->next)
		if (strcmp(i->string, item->string) == 0)
			return true;
	return false;
}

static int
parse(const char *text, size_t len, unsigned kind, struct message *ret,
    struct error *e)
{
	struct message m = { 0 };
	const cJSON *item;

	if (frame_check(text, e) < 0)
		return -1;
	m.json = cJSON_ParseWithLengthOpts(text, len + 1, NULL, true);
	if (m.json == NULL)
		return error_set(e, ERR_PROTOCOL, "message is not JSON");
	cJSON_ArrayForEach(item, m.json)
	{
		/* In this order: what is known bounds how many there are. */
		if (take_member(&m, item, kind) < 0 ||
		    is_duplicate(m.json, item)) {
			(void)error_set(e, ERR_PROTOCOL,
			    "message has a bad member '%s'",
			    log_safe(item->string));
			message_clear(&m);
			return -1;
		}
	}
	*ret = m;
	return 0;
}

int
message_parse_call(
    const char *text, size_t len, struct message *ret, struct error *e)
{
	struct message m;

	if (parse(text, len, CALL, &m, e) < 0)
		return -1;
	if (m.method == NULL || (m.oneway && m.more)) {
		message_clear(&m);
		return error_set(e, ERR_PROTOCOL,
		    m.method == NULL ? "message names no method"
				     : "call is both oneway and more");
	}
	*ret = m;
	return 0;
}

int
message_parse_reply(
    const char *text, size_t len, struct message *ret, struct error *e)
{
	struct message m;

	if (parse(text, len, REPLY, &m, e) < 0)
		return -1;
	if (m.error != NULL && m.continues) {
		message_clear(&m);
		return error_set(e, ERR_PROTOCOL, "error that continues");
	}
	*ret = m;
	return 0;
}

void
message_clear(struct message *m)
{
	codec_free(m->json);
	m->json = NULL;
}

/* Closes the envelope; the NUL isn't part of the limit. */
static int
finish(struct buf *b, const char *tail)
{
	if (buf_puts(b, tail) < 0 || b->len > VARLINK_FRAME_MAX)
		return -1;
	return buf_append(b, "", 1);
}

static void
start(struct buf *b)
{
	buf_free(b);
	b->limit = VARLINK_FRAME_MAX + 1;
}

int
message_write_call(struct buf *b, const struct interface *interface,
    const struct method *method, const void *params, bool more,
    struct passed *passed)
{
	start(b);
	passed->n = 0;
	if (buf_printf(b, "{\"method\":\"%s.%s\",\"parameters\":",
		interface->name, method->name) < 0 ||
	    codec_encode(
		b, params != NULL ? method->params : NULL, params, passed) < 0)
		return -1;
	return finish(b, more ? ",\"more\":true}" : "}");
}

int
message_write_reply(struct buf *b, const struct field *fields,
    const void *reply, bool continues, struct passed *passed)
{
	start(b);
	passed->n = 0;
	if (buf_puts(b, "{\"parameters\":") < 0 ||
	    codec_encode(b, reply != NULL ? fields : NULL, reply, passed) < 0)
		return -1;
	return finish(b, continues ? ",\"continues\":true}" : "}");
}

int
message_write_error(struct buf *b, const char *name, const struct field *fields,
    const void *params)
{
	struct passed none = { .n = 0 };

	start(b);
	if (buf_puts(b, "{\"error\":") < 0 ||
	    codec_encode_string(b, name) < 0 ||
	    buf_puts(b, ",\"parameters\":") < 0 ||
	    codec_encode(b, params != NULL ? fields : NULL, params, &none) < 0)
		return -1;
	return finish(b, "}");
}
