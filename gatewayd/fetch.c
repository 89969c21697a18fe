/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fetch.c - see fetch.h.
 *
 *	RESOLVE -> DIAL -> TLS -> HEAD -> BODY
 *	              \__________/
 *
 * What is sent and what comes back hold secrets: both are wiped.
 */
#include <arpa/inet.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/http/chunked.h"
#include "common/http/message.h"
#include "common/net/dial.h"
#include "common/net/resolve.h"
#include "common/net/side.h"
#include "common/net/tls.h"
#include "common/xalloc.h"
#include "gatewayd/fetch.h"

#define LOCALHOST "localhost"
#define RETRY_AFTER_MAX_S 86400
#define INTERIMS_MAX 16 /* answers before the answer */

struct fetcher {
	struct event_base *base;
	char *extra_ca;
	struct resolver *resolver; /* NULL until it is needed */
	struct tls_trust *trust;   /* the same */
	struct tls_sessions *sessions;
	struct pool pool;
};

enum state { RESOLVE, DIAL, TLS, HEAD, BODY };

struct fetch {
	struct fetcher *all;
	enum state state;
	char host[HTTP_HOST_MAX + 1];
	bool is_literal;
	bool is_tls;
	uint16_t port;
	struct resolve_wait wait;
	struct addresses found;
	size_t next_address;
	struct side side;
	struct event *deadline;
	struct buf out; /* what isn't in the side yet */

	struct http_scan scan;
	unsigned interims;
	enum http_framing framing;
	uint64_t left; /* of HTTP_LENGTH */
	struct http_chunked chunks;
	struct buf body;
	struct fetch_answer answer;

	fetch_done_fn *done;
	void *arg;
};

/*
 * URLs.
 */

static bool
is_loopback(const struct http_authority *a)
{
	struct in6_addr v6;

	switch (a->kind) {
	case HTTP_HOST_IPV4:
		return strncmp(a->host, "127.", 4) == 0;
	case HTTP_HOST_IPV6:
		return inet_pton(AF_INET6, a->host, &v6) == 1 &&
		       IN6_IS_ADDR_LOOPBACK(&v6);
	case HTTP_HOST_NAME:
		break;
	}
	return strcmp(a->host, LOCALHOST) == 0;
}

bool
fetch_is_tls(const struct http_url *url)
{
	return http_slice_is_nocase(url->scheme, "https");
}

uint16_t
fetch_port(const struct http_url *url)
{
	if (url->authority.port != 0)
		return url->authority.port;
	return fetch_is_tls(url) ? 443 : 80;
}

int
fetch_check_url(const char *url, struct http_url *ret, struct error *e)
{
	struct http_slice all = { url, strlen(url) };

	if (http_url_parse(all, ret, e) < 0)
		return -1;
	if (fetch_is_tls(ret) || (http_slice_is_nocase(ret->scheme, "http") &&
				     is_loopback(&ret->authority)))
		return 0;
	return error_set(e, ERR_INVALID,
	    "it must be https:// (http:// only to 127.0.0.1, [::1] or "
	    "localhost)");
}

/*
 * What they share.
 */

struct fetcher *
fetcher_new(struct event_base *base, const char *extra_ca)
{
	struct fetcher *all = xcalloc(1, sizeof(*all));

	all->base = base;
	all->extra_ca = xstrdup(extra_ca);
	all->sessions = tls_sessions_new();
	return all;
}

void
fetcher_free(struct fetcher *all)
{
	if (all == NULL)
		return;
	resolver_free(all->resolver);
	tls_trust_free(all->trust);
	tls_sessions_free(all->sessions);
	pool_clear(&all->pool);
	free(all->extra_ca);
	free(all);
}

/*
 * One.
 */

static void
fetch_free(struct fetch *f)
{
	resolve_cancel(&f->wait);
	side_close(&f->side);
	event_free(f->deadline);
	buf_wipe(&f->out);
	buf_wipe(&f->body);
	free(f);
}

void
fetch_cancel(struct fetch *f)
{
	if (f != NULL)
		fetch_free(f);
}

static void
finish(struct fetch *f, const struct error *e)
{
	fetch_done_fn *done = f->done;
	void *arg = f->arg;

	f->answer.body = (struct http_slice){ buf_str(&f->body), f->body.len };
	done(arg, e == NULL ? &f->answer : NULL, e);
	fetch_free(f);
}

static void on_event(evutil_socket_t, short, void *);

/* Starts on one address; false if that failed at once. */
static bool
dial(struct fetch *f, struct sockaddr_storage *to)
{
	int fd = dial_begin(to, f->port);

	if (fd < 0)
		return false;
	side_open(&f->side, f->all->base, fd, on_event, f);
	dial_expect(&f->side);
	return true;
}

/* A step: 1 the state changed, 0 wait, -1 failed. */
static int
step_dial(struct fetch *f, struct error *e)
{
	if (f->side.fd >= 0) {
		if (f->side.blocked)
			return 0;
		if (dial_succeeded(&f->side)) {
			f->state = f->is_tls ? TLS : HEAD;
			return 1;
		}
		side_close(&f->side);
	}
	while (f->next_address < f->found.n)
		if (dial(f, &f->found.v[f->next_address++]))
			return 0;
	if (f->found.n == 0)
		return error_set(e, ERR_UNAVAILABLE, "there is no such host");
	return error_set(e, ERR_UNAVAILABLE, "it can't be reached");
}

static int
step_tls(struct fetch *f, struct error *e)
{
	int r;

	if (f->side.tls == NULL)
		f->side.tls = tls_client_new(f->all->trust, f->all->sessions,
		    f->host, f->is_literal, f->side.fd);
	r = side_handshake(&f->side, e);
	if (r == 1)
		f->state = HEAD;
	return r;
}

static void
send_request(struct fetch *f)
{
	do {
		size_t room = side_room(&f->side);
		size_t n = f->out.len < room ? f->out.len : room;

		side_put(&f->side, buf_data(&f->out), n);
		buf_consume(&f->out, n);
	} while (side_flush(&f->side) && f->out.len > 0);
}

static void
take_head(struct fetch *f, const struct http_head *head)
{
	const struct http_header *retry = http_head_find(head, "Retry-After");

	f->answer.status = head->status;
	f->answer.retry_after_s =
	    retry != NULL ? fetch_parse_retry(retry->value, time(NULL)) : -1;
	f->framing = head->framing;
	f->left = head->content_length;
	f->state = BODY;
}

static int
step_head(struct fetch *f, struct error *e)
{
	struct http_head head;
	struct error why;
	ssize_t n;

	send_request(f);
	while (side_fill(&f->side) > 0 || side_held(&f->side) > 0) {
		n = http_parse_response(&f->scan, side_data(&f->side),
		    side_held(&f->side), HTTP_HEAD_MAX, HTTP_ASKED, &head,
		    &why);
		/* What is wrong with it may quote it. */
		if (n < 0)
			return error_set(e, ERR_PROTOCOL,
			    "it gave an answer that isn't HTTP");
		if (n == 0 && side_fill(&f->side) == 0)
			break;
		if (n == 0)
			continue;
		if (!http_is_interim(&head)) {
			take_head(f, &head);
			side_consume(&f->side, (size_t)n);
			return 1;
		}
		side_consume(&f->side, (size_t)n);
		if (++f->interims > INTERIMS_MAX)
			break;
	}
	if (f->side.eof || f->side.failed || f->interims > INTERIMS_MAX)
		return error_set(e, ERR_UNAVAILABLE, "it gave no answer");
	return 0;
}

static bool
is_whole(const struct fetch *f)
{
	switch (f->framing) {
	case HTTP_NO_BODY:
		return true;
	case HTTP_LENGTH:
		return f->left == 0;
	case HTTP_CHUNKED:
		return f->chunks.done;
	case HTTP_UNTIL_CLOSE:
		break;
	}
	return f->side.eof && !f->side.failed;
}

/* One piece of what is held; -1 if its framing is broken. */
static int
take_piece(struct fetch *f, struct error *e)
{
	struct http_slice piece = { side_data(&f->side), side_held(&f->side) };
	ssize_t used;

	if (f->framing == HTTP_LENGTH && piece.n > f->left)
		piece.n = (size_t)f->left;
	used = (ssize_t)piece.n;
	if (f->framing == HTTP_CHUNKED)
		used = http_chunked_decode(
		    &f->chunks, piece.p, piece.n, &piece, e);
	if (used < 0)
		return error_set(
		    e, ERR_PROTOCOL, "it broke the framing of its answer");
	if (buf_append(&f->body, piece.p, piece.n) < 0)
		return error_set(e, ERR_LIMIT, "its answer has over %d bytes",
		    FETCH_BODY_MAX);
	f->left -= f->framing == HTTP_LENGTH ? piece.n : 0;
	side_consume(&f->side, (size_t)used);
	return 0;
}

static int
step_body(struct fetch *f, struct error *e)
{
	while (!is_whole(f) &&
	       (side_held(&f->side) > 0 || side_fill(&f->side) > 0))
		if (take_piece(f, e) < 0)
			return -1;
	if (!is_whole(f) && (f->side.eof || f->side.failed))
		return error_set(
		    e, ERR_UNAVAILABLE, "it ended in the middle of its answer");
	return 0;
}

static int
step_resolve(struct fetch *f, struct error *e)
{
	(void)f;
	(void)e;
	return 0;
}

static int (*const steps[])(struct fetch *, struct error *) = {
	[RESOLVE] = step_resolve,
	[DIAL] = step_dial,
	[TLS] = step_tls,
	[HEAD] = step_head,
	[BODY] = step_body,
};

static void
run(struct fetch *f)
{
	struct error e;
	int r;

	do
		r = steps[f->state](f, &e);
	while (r > 0);
	if (r < 0)
		finish(f, &e);
	else if (f->state == BODY && is_whole(f))
		finish(f, NULL);
	else
		side_update(&f->side);
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct fetch *f = arg;

	(void)fd;
	side_event(&f->side, what);
	run(f);
}

static void
on_resolved(void *arg, const struct addresses *found)
{
	struct fetch *f = arg;

	f->found = *found;
	f->state = DIAL;
	run(f);
}

/* An address as it is written; false: it is a name, to be asked for. */
static bool
read_literal(struct fetch *f, const char *host)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&f->found.v[0];
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&f->found.v[0];

	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1)
		v4->sin_family = AF_INET;
	else if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1)
		v6->sin6_family = AF_INET6;
	else
		return false;
	f->found.n = 1;
	return true;
}

static int
prepare(struct fetcher *all, bool is_tls, struct error *e)
{
	bool has_ca = access(all->extra_ca, R_OK) == 0;

	if (all->resolver == NULL)
		all->resolver = resolver_new(all->base);
	if (!is_tls || all->trust != NULL)
		return 0;
	return tls_trust_load(
	    has_ca ? all->extra_ca : NULL, TLS_ALPN_HTTP_1, &all->trust, e);
}

static void
begin(struct fetch *f)
{
	/* RFC 6761 6.3: this name is asked of nobody. */
	bool is_local = strcmp(f->host, LOCALHOST) == 0;
	struct error e;

	if (prepare(f->all, f->is_tls, &e) < 0) {
		finish(f, &e);
		return;
	}
	if (!read_literal(f, is_local ? "127.0.0.1" : f->host) &&
	    resolver_find(f->all->resolver, f->host, &f->found, &f->wait) == 0)
		return;
	f->state = DIAL;
	run(f);
}

/* It is activated once, so that nobody is called back before fetch_post() has
 * returned; a timeout is the end. */
static void
on_deadline(evutil_socket_t fd, short what, void *arg)
{
	static const struct timeval patience = { FETCH_TIMEOUT_S, 0 };
	struct fetch *f = arg;
	struct error e;

	(void)fd;
	if (what & EV_TIMEOUT) {
		(void)error_set(&e, ERR_TIMEOUT, "it gave no answer in %d s",
		    FETCH_TIMEOUT_S);
		finish(f, &e);
		return;
	}
	(void)event_add(f->deadline, &patience);
	begin(f);
}

static void
put_request(struct buf *b, const struct http_url *url,
    const struct http_extra *headers, struct http_slice body)
{
	char authority[HTTP_AUTHORITY_SIZE];
	struct http_slice target = url->target;

	(void)buf_printf(b, "POST %s%.*s HTTP/1.1\r\nHost: %s\r\n",
	    target.n == 0 || *target.p != '/' ? "/" : "", (int)target.n,
	    target.n > 0 ? target.p : "",
	    http_authority_format(
		&url->authority, fetch_is_tls(url) ? 443 : 80, authority));
	for (; headers->name != NULL; headers++)
		(void)buf_printf(
		    b, "%s: %s\r\n", headers->name, headers->value);
	(void)buf_printf(
	    b, "Content-Length: %zu\r\nConnection: close\r\n\r\n", body.n);
	(void)buf_append(b, body.p, body.n);
}

struct fetch *
fetch_post(struct fetcher *all, const struct http_url *url,
    const struct http_extra *headers, struct http_slice body,
    fetch_done_fn *done, void *arg)
{
	struct fetch *f = xcalloc(1, sizeof(*f));

	f->all = all;
	memcpy(f->host, url->authority.host, sizeof(f->host));
	f->is_literal = url->authority.kind != HTTP_HOST_NAME;
	f->is_tls = fetch_is_tls(url);
	f->port = fetch_port(url);
	f->body.limit = FETCH_BODY_MAX;
	f->done = done;
	f->arg = arg;
	f->wait.done = on_resolved;
	f->wait.arg = f;
	side_init(&f->side, &all->pool);
	put_request(&f->out, url, headers, body);
	f->deadline = event_new(all->base, -1, 0, on_deadline, f);
	event_active(f->deadline, EV_READ, 0);
	return f;
}

int64_t
fetch_parse_retry(struct http_slice value, int64_t now_s)
{
	autofree char *text = http_slice_dup(value);
	struct tm tm = { 0 };
	const char *end;
	char *rest;
	long long s = strtoll(text, &rest, 10);

	if (*text < '0' || *text > '9' || *rest != '\0') {
		end = strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		if (end == NULL || *end != '\0')
			return -1;
		s = timegm(&tm) - now_s;
	}
	if (s < 0)
		return 0;
	return s < RETRY_AFTER_MAX_S ? s : RETRY_AFTER_MAX_S;
}
