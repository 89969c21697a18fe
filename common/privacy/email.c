/* SPDX-License-Identifier: Apache-2.0 */
/*
 * email.c - see email.h.
 *
 * Addresses as people write them: RFC 5321's dot-string and domain, without
 * quoted strings and address literals.  What programs write with an '@' is
 * told from them: logins of ssh and scp, user information in URLs, versions of
 * packages, unit names, pictures for dense screens.
 */
#include <string.h>
#include <strings.h>

#include "common/privacy/email.h"
#include "common/privacy/text.h"

#define LOCAL_MAX 64
#define DOMAIN_MAX 253
#define LABEL_MAX 63
#define LOOK_BACK_MAX 128

/* Names of files and of system units, none of which is a top-level domain. */
static const char *const no_domains[] = { "png", "jpg", "jpeg", "gif", "svg",
	"webp", "avif", "ico", "js", "mjs", "ts", "tsx", "jsx", "css", "scss",
	"json", "html", "htm", "xml", "yaml", "yml", "toml", "txt", "log",
	"csv", "pdf", "exe", "dll", "tar", "gz", "tgz", "service", "socket",
	"target", "timer", "mount", "slice", "scope", "device", "path_", "php",
	"java", "cpp", "hpp", "conf", "cfg", "ini", "lock", "tmp", "bak",
	NULL };

/* Letters beyond ASCII in Latin scripts: U+00C0 to U+024F. */
static bool
is_latin(const struct text *t, size_t at)
{
	uint8_t c = (uint8_t)text_at(t, at);

	if (c >= 0x80 && c < 0xc0)
		c = (uint8_t)text_before(t, at);
	return c >= 0xc3 && c <= 0xc9;
}

static bool
is_local(const struct text *t, size_t at)
{
	char c = t->p[at];

	return is(c, IS_ALNUM) || (c != '\0' && strchr("._%+-'", c) != NULL) ||
	       is_latin(t, at);
}

static bool
is_inside_url(const struct text *t, size_t at)
{
	size_t from = at > LOOK_BACK_MAX ? at - LOOK_BACK_MAX : 0;

	for (size_t i = at; i > from; i--) {
		char c = t->p[i - 1];

		if (is(c, IS_SPACE) || c == '"' || c == '<' || c == ',' ||
		    c == '(')
			return false;
		if (c == '/' && i > from + 2 && t->p[i - 2] == '/' &&
		    t->p[i - 3] == ':')
			/* mailto://, as some write it */
			return !(i >= 9 && text_says(t, i - 9, "mailto"));
	}
	return false;
}

/* The first byte of the part before '@'; at if there is none. */
static size_t
local_start(const struct text *t, size_t at)
{
	size_t from = at;

	while (from > 0 && at - from <= LOCAL_MAX && is_local(t, from - 1))
		from--;
	if (at - from > LOCAL_MAX)
		return at;
	if (from > 0 && t->p[from - 1] == '\\' && from < at &&
	    strchr("nrt", t->p[from]) != NULL)
		from++;
	while (from < at && t->p[from] != '_' && !is(t->p[from], IS_ALNUM) &&
	       !is_latin(t, from))
		from++;
	return from;
}

static bool
is_good_local(const struct text *t, size_t from, size_t at)
{
	if (from == at || t->p[at - 1] == '.')
		return false;
	return memmem(t->p + from, at - from, "..", 2) == NULL;
}

/* Behind the domain at from; from if there is none. */
static size_t
domain_end(const struct text *t, size_t from)
{
	size_t end = from, label = from, dots = 0, top;

	while (end < t->n && end - from < DOMAIN_MAX &&
	       (is(t->p[end], IS_ALNUM | IS_DASH) || t->p[end] == '.' ||
		   is_latin(t, end))) {
		if (t->p[end] == '.') {
			if (end == label || end - label > LABEL_MAX)
				break;
			label = end + 1;
		}
		end++;
	}
	while (end > from && (t->p[end - 1] == '.' || t->p[end - 1] == '-'))
		end--;
	for (top = end; top > from && t->p[top - 1] != '.'; top--)
		;
	for (size_t i = from; i < end; i++)
		dots += t->p[i] == '.';
	if (dots == 0 || t->p[from] == '-' || end - top < 2 || end - top > 24)
		return from;
	if (text_says(t, top, "xn--"))
		return end;
	for (size_t i = top; i < end; i++)
		if (!is(t->p[i], IS_LETTER) && !is_latin(t, i))
			return from;
	for (const char *const *no = no_domains; *no != NULL; no++)
		if (strlen(*no) == end - top && text_says(t, top, *no))
			return from;
	return end;
}

/* A message's name, in a header (RFC 5322 3.6.4). */
static bool
is_message_id(const struct text *t, size_t from)
{
	static const char *const headers[] = { "message-id", "in-reply-to",
		"references", NULL };

	return text_before(t, from) == '<' && text_is_about(t, from, headers);
}

/* "git@host:path", "deploy@host.example:~/www$", "ssh me@host.example" */
static bool
is_login(const struct text *t, size_t from, size_t at, size_t end)
{
	static const char *const programs[] = { "ssh", "scp", "sftp", "rsync",
		"mosh", "sshfs", "ssh-copy-id", NULL };
	char c = text_at(t, end), next = text_at(t, end + 1);

	if (at - from == 3 && text_says(t, from, "git"))
		return true;
	if (c == ':' && (next == '~' || next == '/'))
		return true;
	if (c == ':' && is(next, IS_ALNUM))
		for (size_t i = end + 1; i < t->n && i < end + 100; i++) {
			if (is(t->p[i], IS_SPACE) || t->p[i] == '"')
				break;
			if (t->p[i] == '/')
				return true;
		}
	if (text_says(t, end, "'s password"))
		return true;
	return text_is_about(t, from, programs);
}

bool
email_find(const struct text *t, size_t at, struct found *ret)
{
	size_t from = local_start(t, at), end;
	char before;

	if (!is_good_local(t, from, at))
		return false;
	end = domain_end(t, at + 1);
	if (end == at + 1 || text_at(t, end) == '(')
		return false;
	before = text_before(t, from);
	if ((before == '/' || before == ':' || before == '@') &&
	    is_inside_url(t, from))
		return false;
	if (is_login(t, from, at, end) || is_message_id(t, from))
		return false;
	*ret = (struct found){ from, end, "email" };
	return true;
}
