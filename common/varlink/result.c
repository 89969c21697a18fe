/* SPDX-License-Identifier: Apache-2.0 */
/* result.c - see result.h. */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "common/varlink/codec.h"
#include "common/varlink/result.h"
#include "common/varlink/service.h"

/* The errors of org.varlink.service, and how they read. */
static const struct {
	const char *name;
	enum error_code code;
	const char *parameter; /* what names the object; NULL: the method */
	const char *text;      /* before the object's name */
} service_errors[] = {
	{ "InterfaceNotFound", ERR_UNAVAILABLE, "interface",
	    "the service does not know interface" },
	{ "MethodNotFound", ERR_UNAVAILABLE, "method",
	    "the service does not know method" },
	{ "MethodNotImplemented", ERR_UNAVAILABLE, "method",
	    "the service does not serve method" },
	{ "InvalidParameter", ERR_INVALID, "parameter",
	    "missing or invalid parameter" },
	{ "PermissionDenied", ERR_DENIED, NULL, "the caller may not call" },
	{ "ExpectedMore", ERR_INVALID, NULL, "only with more can be called" },
};

static const char *
get_string(const cJSON *parameters, const char *name)
{
	const cJSON *item =
	    name != NULL ? cJSON_GetObjectItemCaseSensitive(parameters, name)
			 : NULL;

	return item != NULL && cJSON_IsString(item) ? item->valuestring : NULL;
}

/* name without "interface.", or NULL if it belongs elsewhere. */
static const char *
local_name(const char *name, const char *interface)
{
	size_t n = strlen(interface);

	return strncmp(name, interface, n) == 0 && name[n] == '.' ? name + n + 1
								  : NULL;
}

static void
read_service_error(struct result *r, const char *name)
{
	for (size_t i = 0;
	     i < sizeof(service_errors) / sizeof(service_errors[0]); i++) {
		const char *object = get_string(
		    r->message.parameters, service_errors[i].parameter);

		if (strcmp(service_errors[i].name, name) != 0)
			continue;
		(void)error_set(&r->error, service_errors[i].code, "%s '%s'",
		    service_errors[i].text,
		    object != NULL ? object : r->method->name);
		return;
	}
	(void)error_set(&r->error, ERR_SYSTEM, "unknown error '%s'", name);
}

static void
read_error(struct result *r, const struct interface *interface)
{
	const char *whole = r->message.error;
	const char *message = get_string(r->message.parameters, "message");
	const char *name = local_name(whole, VARLINK_SERVICE);
	enum error_code code = ERR_SYSTEM;

	if (name != NULL) {
		read_service_error(r, name);
	} else {
		name = local_name(whole, interface->name);
		if (name != NULL)
			code = error_code_from_name(name);
		/* An error with parameters of its own says what is wrong with
		 * what we sent. */
		for (const struct named_error *n = interface->errors;
		     name != NULL && n != NULL && n->name != NULL; n++)
			if (strcmp(n->name, name) == 0)
				code = ERR_INVALID;
		(void)error_set(
		    &r->error, code, "%s", message != NULL ? message : whole);
	}
	if (r->message.parameters != NULL)
		r->error_params = cJSON_PrintUnformatted(r->message.parameters);
	r->public.error = &r->error;
	r->public.error_name = whole;
	r->public.error_params = r->error_params;
}

int
result_open(struct result *ret, const struct interface *interface,
    const struct method *method, bool more, const char *text, size_t len,
    struct passed *passed, struct error *e)
{
	struct bad_field bad;

	*ret = (struct result){ .method = method };
	if (message_parse_reply(text, len, &ret->message, e) < 0)
		return -1;
	if (ret->message.continues && !more) {
		message_clear(&ret->message);
		return error_set(e, ERR_PROTOCOL,
		    "'%s' got more than one reply", method->name);
	}
	ret->public.continues = ret->message.continues;
	if (ret->message.error != NULL) {
		read_error(ret, interface);
		return 0;
	}
	ret->public.reply = codec_decode(ret->message.parameters, method->reply,
	    method->reply_size, &ret->arena, passed, &bad);
	if (ret->public.reply != NULL)
		return 0;
	arena_clear(&ret->arena);
	message_clear(&ret->message);
	return error_set(e, ERR_PROTOCOL, "'%s' in the reply of '%s' %s",
	    bad.path, method->name, bad.why);
}

void
result_clear(struct result *r)
{
	if (r->public.reply != NULL)
		codec_close(r->method->reply, r->public.reply);
	arena_clear(&r->arena);
	message_clear(&r->message);
	free(r->error_params);
}
