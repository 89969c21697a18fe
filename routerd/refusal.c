/* SPDX-License-Identifier: Apache-2.0 */
/* refusal.c - see refusal.h. */
#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/http/write.h"
#include "common/json/scan.h"
#include "routerd/refusal.h"

int
refusal_set(struct refusal *r, unsigned status, const char *error)
{
	*r = (struct refusal){ .status = status };
	(void)snprintf(r->error, sizeof(r->error), "%s", error);
	return -1;
}

static void
put_member(struct buf *b, const char *before, const char *text)
{
	if (text == NULL || *text == '\0')
		return;
	(void)buf_puts(b, before);
	(void)json_put_string(b, text, strlen(text));
}

void
refusal_write(const struct refusal *r, struct buf *ret)
{
	char seconds[16];
	const struct http_extra extra[] = { { "Retry-After", seconds },
		{ NULL, NULL } };
	struct buf body = BUF_INIT;

	(void)snprintf(seconds, sizeof(seconds), "%u", r->retry_after_s);
	put_member(&body, "{\"error\":", r->error);
	put_member(&body, ",\"hint\":", r->hint);
	put_member(&body, ",\"detail\":", r->detail);
	(void)buf_puts(&body, "}");
	(void)http_write_answer(ret, r->status,
	    r->retry_after_s > 0 ? extra : NULL, "application/json",
	    buf_data(&body), body.len, false);
	buf_free(&body);
}
