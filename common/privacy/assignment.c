/* SPDX-License-Identifier: Apache-2.0 */
/*
 * assignment.c - "password = ...", "api_key: ...", "--token ...", and
 * passwords in URLs.
 *
 * The name says that it is a secret, and the value looks like one: settings,
 * source code, headers and JSON all have that shape, and all of them also have
 * it with a variable, a type or a call where the secret would be.
 */
#include <string.h>
#include <strings.h>

#include "common/privacy/credential.h"
#include "common/privacy/text.h"

#define NAME_MAX_LEN 64
#define VALUE_MAX 512
#define TYPE_MAX_LEN 32
#define GAP_MAX 8 /* blanks between name, sign and value */

enum secrecy { NO_SECRET, PASSWORD, TOKEN };

/* How names end, in lower case and without what joins words. */
#define ENDING(text, is)                                                       \
	{                                                                      \
		text, sizeof(text) - 1, is                                     \
	}

static const struct ending {
	const char *text;
	size_t n;
	enum secrecy is;
} endings[] = {
	ENDING("password", PASSWORD),
	ENDING("passwd", PASSWORD),
	ENDING("passphrase", PASSWORD),
	ENDING("passwort", PASSWORD),
	ENDING("pwd", PASSWORD),
	ENDING("dbpass", PASSWORD),
	ENDING("pgpass", PASSWORD),
	ENDING("userpass", PASSWORD),
	ENDING("adminpass", PASSWORD),
	ENDING("rootpass", PASSWORD),
	ENDING("smtppass", PASSWORD),
	ENDING("requirepass", PASSWORD),
	ENDING("securestring", PASSWORD),
	ENDING("nexttoken", NO_SECRET),
	ENDING("pagetoken", NO_SECRET),
	ENDING("continuationtoken", NO_SECRET),
	ENDING("synctoken", NO_SECRET),
	ENDING("canceltoken", NO_SECRET),
	ENDING("token", TOKEN),
	ENDING("secret", TOKEN),
	ENDING("secretkey", TOKEN),
	ENDING("secretaccesskey", TOKEN),
	ENDING("apikey", TOKEN),
	ENDING("accesskey", TOKEN),
	ENDING("accountkey", TOKEN),
	ENDING("authkey", TOKEN),
	ENDING("masterkey", TOKEN),
	ENDING("privatekey", TOKEN),
	ENDING("encryptionkey", TOKEN),
	ENDING("signingkey", TOKEN),
	ENDING("secretkeybase", TOKEN),
	ENDING("storagekey", TOKEN),
	ENDING("credential", TOKEN),
	ENDING("credentials", TOKEN),
	ENDING("webhooksecret", TOKEN),
};

/* pass, db_pass, dbPass; and before a password in Redis' and SQL's commands. */
static bool
is_pass(const char *name, size_t n)
{
	if ((n == 4 && memcmp(name, "AUTH", 4) == 0) ||
	    (n == 10 && memcmp(name, "IDENTIFIED", 10) == 0))
		return true;
	if (n < 4 || strncasecmp(name + n - 4, "pass", 4) != 0)
		return false;
	return n == 4 || strchr("_-.", name[n - 5]) != NULL ||
	       (is(name[n - 4], IS_UPPER) && is(name[n - 5], IS_LOWER));
}

static enum secrecy
secrecy_of(const char *name, size_t n)
{
	char plain[NAME_MAX_LEN], last;
	size_t len = 0;

	/* password1, token_2 */
	while (n > 0 && is(name[n - 1], IS_DIGIT | IS_UNDERSCORE | IS_DASH))
		n--;
	if (is_pass(name, n))
		return PASSWORD;

	for (size_t i = n > NAME_MAX_LEN ? n - NAME_MAX_LEN : 0; i < n; i++)
		if (is(name[i], IS_ALNUM))
			plain[len++] = (char)(name[i] | 0x20);
	last = len > 0 ? plain[len - 1] : '\0';
	for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
		const struct ending *end = &endings[i];

		if (len >= end->n && last == end->text[end->n - 1] &&
		    memcmp(plain + len - end->n, end->text, end->n) == 0)
			return end->is;
	}
	return NO_SECRET;
}

/* config.password, self._token, s3.secret_key: a path to a value. */
static bool
is_code_path(const char *p, size_t n)
{
	bool has_dot = false;

	for (size_t i = 0; i < n; i++) {
		if (p[i] == '.' && i > 0 && i + 1 < n &&
		    is(p[i - 1], IS_WORD) &&
		    is(p[i + 1], IS_LETTER | IS_UNDERSCORE))
			has_dot = true;
		else if (!is(p[i], IS_WORD))
			return false;
	}
	return has_dot && is(p[0], IS_LETTER | IS_UNDERSCORE);
}

/* password1, PASSWORD_2: a name, not what it stands for. */
static bool
is_identifier(const char *p, size_t n)
{
	size_t digits = 0;

	while (digits < n && is(p[n - 1 - digits], IS_DIGIT))
		digits++;
	if (digits > 2)
		return false;
	for (size_t i = 0; i + digits < n; i++)
		if (!is(p[i], IS_LETTER | IS_UNDERSCORE))
			return false;
	return true;
}

/* A place where a secret is kept, and what was made of one. */
static bool
is_reference(const char *p, size_t n)
{
	static const char *const starts[] = { "arn:", "projects/",
		"vault:", "sha256:", "sha512:", "http://", "https://",
		"file:", "./", "../", "~/", "env:", "ssm:", "op://",
		"process.env", "os.", "secrets.",
		"secret:", "keyring:", "kms:", "ref+" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		size_t m = strlen(starts[i]);

		if (n >= m && strncasecmp(p, starts[i], m) == 0)
			return true;
	}
	/* A path, but base64 may begin with a slash. */
	return p[0] == '/' && n > 1 && memchr(p + 1, '/', n - 1) != NULL &&
	       text_entropy(p, n) < 4.2;
}

/* Letters of both cases and a digit or a symbol, or letters and both. */
static bool
is_mixed(const char *p, size_t n)
{
	bool digit = false, lower = false, upper = false, symbol = false;

	for (size_t i = 0; i < n; i++) {
		digit = digit || is(p[i], IS_DIGIT);
		lower = lower || is(p[i], IS_LOWER);
		upper = upper || is(p[i], IS_UPPER);
		symbol = symbol || (!is(p[i], IS_URL64) && p[i] != '.');
	}
	return digit + lower + upper + symbol >= 3;
}

static bool
is_password(const char *p, size_t n, bool is_quoted)
{
	size_t digits = 0, lower = 0, upper = 0, symbols = 0, classes;

	if (n < 6 || n > 128)
		return false;
	for (size_t i = 0; i < n; i++) {
		if (is(p[i], IS_SPACE) || p[i] == '|' || p[i] == '(' ||
		    p[i] == '{')
			return false;
		digits += is(p[i], IS_DIGIT);
		lower += is(p[i], IS_LOWER);
		upper += is(p[i], IS_UPPER);
		symbols += !is(p[i], IS_WORD | IS_DASH) && p[i] != '.';
	}
	if (lower + upper == 0 || digits + symbols == 0)
		return false;
	classes = (digits > 0) + (lower > 0) + (upper > 0) + (symbols > 0);
	if (is_identifier(p, n) || (!is_quoted && is_code_path(p, n)))
		return is_quoted && digits > 0 && classes >= 2 && n >= 8 &&
		       memchr(p, '_', n) == NULL;
	return n >= 8 ? classes >= 2 : classes >= 3;
}

static bool
is_token(const char *p, size_t n)
{
	if (n < 16 || n > VALUE_MAX)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is(p[i], IS_ANY64) &&
		    (p[i] == '\0' || strchr("=.~:!@#$%^&*", p[i]) == NULL))
			return false;
	return !is_code_path(p, n) && text_looks_random(p, n) &&
	       text_entropy(p, n) >= 3.2;
}

static bool
is_variable(const char *p, size_t n)
{
	static const char *const known[] = { "true", "false", "null", "none",
		"string", "password", "secret", "test", "admin", "root",
		"postgres", "required", "optional", "pass", "passwd", "pwd",
		"user" };

	if (p[0] == '$' && n > 1 &&
	    (is(p[1], IS_LETTER | IS_UNDERSCORE) || p[1] == '{' || p[1] == '('))
		return true;
	if (p[0] == '%' || p[0] == '<' || p[0] == '{' || p[0] == '[' ||
	    p[0] == '*' || p[0] == '@' || p[0] == '&')
		return !(n > 4 && is(p[1], IS_ALNUM) && p[0] == '@' &&
			 text_entropy(p, n) >= 3.0);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strlen(known[i]) == n && strncasecmp(p, known[i], n) == 0)
			return true;
	return false;
}

static bool
is_secret(enum secrecy how, const char *p, size_t n, bool is_quoted)
{
	bool looks_like_one =
	    how == PASSWORD ? is_password(p, n, is_quoted) : is_token(p, n);

	/* The dearest question last. */
	return looks_like_one && !is_variable(p, n) && !is_reference(p, n) &&
	       !text_is_sample(p, n);
}

/* "pwd=pwd=pwd=...": the value is the next one's name, not all the rest, which
 * would be read again from each of them. */
static bool
is_next_name(const struct text *t, size_t from, size_t at)
{
	return (t->p[at] == '=' || t->p[at] == ':') &&
	       secrecy_of(t->p + from, at - from) != NO_SECRET;
}

/* call(...), names["x"] */
static bool
is_expression(const char *p, size_t n)
{
	const char *index = memchr(p, '[', n);

	return memchr(p, '(', n) != NULL ||
	       (index != NULL && (is_identifier(p, (size_t)(index - p)) ||
				     is_code_path(p, (size_t)(index - p))));
}

/* The value from at on: its place, and whether it is quoted. */
static bool
read_value(
    const struct text *t, size_t at, size_t *from, size_t *end, bool *is_quoted)
{
	char quote = '\0';
	size_t stop = t->n - at > VALUE_MAX ? at + VALUE_MAX : t->n;

	while (at < stop && (t->p[at] == ' ' || t->p[at] == '\t'))
		at++;
	if (text_at(t, at) == '\\' &&
	    (text_at(t, at + 1) == '"' || text_at(t, at + 1) == '\''))
		at++;
	if (text_at(t, at) == 'b' &&
	    (text_at(t, at + 1) == '"' || text_at(t, at + 1) == '\''))
		at++; /* b"...", bytes in Python */
	if (text_at(t, at) == '"' || text_at(t, at) == '\'' ||
	    text_at(t, at) == '`')
		quote = t->p[at++];
	*from = at;
	*is_quoted = quote != '\0';
	while (at < stop) {
		char c = t->p[at];

		if (quote != '\0' ? c == quote || c == '\n' || c == '\\'
				  : is(c, IS_SPACE) ||
					strchr("\"'`,;)]}<>\\|", c) != NULL ||
					is_next_name(t, *from, at))
			break;
		at++;
	}
	*end = at;
	/* A call, an index, a string that is put together. */
	if (quote == '\0' && is_expression(t->p + *from, at - *from))
		return false;
	return quote == '\0' || text_at(t, at) != '\n';
}

static bool
find_value(const struct text *t, size_t at, enum secrecy how, struct found *ret)
{
	size_t from, end;
	bool is_quoted;

	if (!read_value(t, at, &from, &end, &is_quoted) ||
	    !is_secret(how, t->p + from, end - from, is_quoted))
		return false;
	*ret = (struct found){ from, end,
		how == PASSWORD ? "password" : "secret" };
	return true;
}

/* The word that ends before at, between it quotes and blanks. */
static size_t
word_before(const struct text *t, size_t at, size_t *ret_end)
{
	size_t end = at, from;
	int gap = 0;

	while (end > 0 && gap++ < GAP_MAX &&
	       strchr(" \t\"'`]\\", t->p[end - 1]) != NULL &&
	       t->p[end - 1] != '\0')
		end--;
	from = end;
	while (from > 0 && end - from < NAME_MAX_LEN &&
	       (is(t->p[from - 1], IS_URL64) || t->p[from - 1] == '.'))
		from--;
	*ret_end = end;
	return from;
}

static enum secrecy
name_before(const struct text *t, size_t at)
{
	size_t end, from = word_before(t, at, &end);

	return from < end ? secrecy_of(t->p + from, end - from) : NO_SECRET;
}

/* secret: &str = "...": the name before a type. */
static enum secrecy
name_before_type(const struct text *t, size_t at)
{
	size_t from = at;

	while (from > 0 && at - from < TYPE_MAX_LEN &&
	       (is(t->p[from - 1], IS_WORD) ||
		   (t->p[from - 1] != '\0' &&
		       strchr(" &<>[].?|", t->p[from - 1]) != NULL)))
		from--;
	return text_before(t, from) == ':' ? name_before(t, from - 1)
					   : NO_SECRET;
}

/* is, by: password is "...", IDENTIFIED BY '...' */
static bool
is_link(const struct text *t, size_t from, size_t end)
{
	static const char *const links[] = { "is", "ist", "est", "by",
		"lautet" };

	if (end - from < 2 || end - from > 6)
		return false;
	for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
		if ((t->p[from] | 0x20) == links[i][0] &&
		    strlen(links[i]) == end - from &&
		    text_says(t, from, links[i]))
			return true;
	return false;
}

/* The name before at, or before such a word. */
static enum secrecy
name_before_link(const struct text *t, size_t at)
{
	size_t end, from = word_before(t, at, &end);

	return is_link(t, from, end) ? name_before(t, from)
				     : secrecy_of(t->p + from, end - from);
}

/* scheme://user:password@host */
static bool
find_in_url(const struct text *t, size_t at, struct found *ret)
{
	size_t user = at + 3, colon = 0, i;

	if (!is(text_before(t, at), IS_ALNUM))
		return false;
	for (i = user; i < t->n && i < user + 256; i++) {
		char c = t->p[i];

		if (c == ':' && colon == 0)
			colon = i;
		if (c == '@' || c == '/' || is(c, IS_SPACE) || c == '"' ||
		    c == '\'' || c == '<' || c == '`' || c == ')')
			break;
	}
	if (text_at(t, i) != '@' || colon == 0 || i - colon < 5 ||
	    is_variable(t->p + colon + 1, i - colon - 1) ||
	    text_is_sample(t->p + colon + 1, i - colon - 1))
		return false;
	*ret = (struct found){ colon + 1, i, "url-password" };
	return true;
}

bool
assignment_find(const struct text *t, size_t at, struct found *ret)
{
	char c = t->p[at], before = text_before(t, at);
	char next = text_at(t, at + 1);
	enum secrecy how;

	if (c == ':' && next == '/' && text_at(t, at + 2) == '/')
		return find_in_url(t, at, ret);
	/* Comparisons; and the second of ":=", which the first has seen. */
	if (next == c || (c == '=' && before != '\0' &&
			     strchr("=!<>+-*/:~", before) != NULL))
		return false;
	how = name_before_link(t, at);
	if (how == NO_SECRET && c == '=')
		how = name_before_type(t, at);
	if (how == NO_SECRET)
		return false;
	if ((c == ':' && next == '=') || (c == '=' && next == '>'))
		at++;
	return find_value(t, at + 1, how, ret);
}

/* define('PASSWORD', '...'): the comma between two that are quoted alike. */
static bool
find_argument(const struct text *t, size_t at, struct found *ret)
{
	char quote = text_before(t, at);
	size_t end, from, value;
	enum secrecy how;

	if (quote != '"' && quote != '\'')
		return false;
	value = at + 1 + text_run(t, at + 1, IS_SPACE, GAP_MAX);
	from = word_before(t, at, &end);
	if (text_at(t, value) != quote || text_before(t, from) != quote)
		return false;
	how = secrecy_of(t->p + from, end - from);
	return how != NO_SECRET && find_value(t, value, how, ret);
}

/* Here "pass" is a verb. */
bool
quoted_find(const struct text *t, size_t at, struct found *ret)
{
	size_t end, from;
	enum secrecy how;

	if (t->p[at] == ',')
		return find_argument(t, at, ret);
	if (text_before(t, at) != ' ')
		return false;
	from = word_before(t, at, &end);
	if (end - from == 4 && text_says(t, from, "pass"))
		return false;
	how = name_before_link(t, at);
	return how != NO_SECRET && find_value(t, at, how, ret);
}

bool
link_find(const struct text *t, size_t at, size_t end, struct found *ret)
{
	if (!is_link(t, at, end) || text_at(t, end) != ' ' ||
	    name_before(t, at) != PASSWORD ||
	    !find_value(t, end + 1, PASSWORD, ret))
		return false;
	/* In prose nearly anything may follow. */
	return is_mixed(t->p + ret->start, ret->end - ret->start);
}

bool
option_find(const struct text *t, size_t at, struct found *ret)
{
	size_t n = text_run(t, at + 2, IS_URL64, NAME_MAX_LEN);
	enum secrecy how;

	if (n < 3 || text_at(t, at + 2 + n) != ' ' ||
	    text_at(t, at + 3 + n) == '-')
		return false;
	how = secrecy_of(t->p + at + 2, n);
	return how != NO_SECRET && find_value(t, at + 3 + n, how, ret);
}

bool
member_find(const struct text *t, struct found *ret)
{
	enum secrecy how = secrecy_of(t->name, t->name_len);

	if (how == NO_SECRET || t->n > VALUE_MAX ||
	    !is_secret(how, t->p, t->n, true))
		return false;
	*ret =
	    (struct found){ 0, t->n, how == PASSWORD ? "password" : "secret" };
	return true;
}
