/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry.c - the first steps of a connection: who made it, and where to.
 *
 * The bytes are the workload's.  Of a CONNECT exactly the head is taken, so
 * that what follows is still in the socket for TLS or for splice(2); what is
 * no CONNECT is left to step_request().
 */
#include <arpa/inet.h>
#include <string.h>

#include "proxyd/conn.h"
#include "proxyd/names.h"
#include "proxyd/refuse.h"
#include "proxyd/sandbox.h"
#include "proxyd/worker.h"

static void
on_owner(void *arg, struct identity *who, const char *why)
{
	struct conn *c = arg;

	c->who = who;
	c->why = why;
	conn_run(c);
}

static void
ask_owner(struct conn *c)
{
	struct sockaddr_storage from, to;
	socklen_t from_len = sizeof(from), to_len = sizeof(to);

	c->why = "nobody could say who connected";
	c->owner_wait.done = on_owner;
	c->owner_wait.arg = c;
	memset(&from, 0, sizeof(from));
	memset(&to, 0, sizeof(to));
	if (getpeername(c->client.fd, (struct sockaddr *)&from, &from_len) <
		0 ||
	    getsockname(c->client.fd, (struct sockaddr *)&to, &to_len) < 0)
		return;
	(void)owner_ask(c->sandbox->owners, &from, &to, &c->owner_wait);
}

enum next
step_owner(struct conn *c)
{
	struct decision d = { .verdict = VERDICT_DENY, .layer = LAYER_L4 };

	if (c->who == NULL && c->why == NULL)
		ask_owner(c);
	if (c->owner_wait.channel != NULL)
		return WAIT;
	if (c->who != NULL)
		return conn_goto(
		    c, c->mode == MODE_TRANSPARENT ? CONN_AIM : CONN_FIRST);
	(void)snprintf(d.reason, sizeof(d.reason), "%s", c->why);
	return refuse_connect(c, &d);
}

/* A tunnel is asked for: RFC 9110 9.3.6. */
static enum next
enter_connect(struct conn *c, const struct http_head *head, size_t n)
{
	struct http_authority target;
	struct error e;

	if (http_authority_parse(head->target, &target, &e) < 0)
		return refuse_head(c, 400, &e);
	if (target.port == 0) {
		(void)error_set(&e, ERR_INVALID, "the target has no port");
		return refuse_head(c, 400, &e);
	}
	if (head->framing != HTTP_NO_BODY && head->content_length > 0) {
		(void)error_set(&e, ERR_INVALID, "CONNECT with a body");
		return refuse_head(c, 400, &e);
	}
	c->mode = MODE_CONNECT;
	conn_set_target(c, &target, 0);
	side_take(&c->client, n - side_held(&c->client), false);
	side_consume(&c->client, side_held(&c->client));
	return c->client.failed ? DONE : conn_goto(c, CONN_DECIDE);
}

enum next
step_first(struct conn *c)
{
	struct side *s = &c->client;
	char *bytes = c->worker->scratch.bytes;
	struct http_head *head = &c->worker->scratch.head;
	size_t held = side_held(s);
	struct error e;
	ssize_t peeked, n;

	if (held > 0)
		memcpy(bytes, side_data(s), held);
	peeked = side_peek(s, bytes + held, HTTP_HEAD_FIRST_MAX - held);
	if (s->eof || s->failed)
		return DONE;
	if (peeked == 0)
		return WAIT;
	n = http_parse_request(&c->x.scan, bytes, held + (size_t)peeked,
	    HTTP_HEAD_FIRST_MAX, head, &e);
	if (n < 0)
		return refuse_head(c, head->status, &e);
	if (n == 0) {
		/* All of it belongs to the head. */
		side_take(s, (size_t)peeked, true);
		return s->failed ? DONE : AGAIN;
	}
	if (head->target_form == HTTP_TARGET_AUTHORITY)
		return enter_connect(c, head, (size_t)n);
	c->mode = MODE_FORWARD;
	return conn_goto(c, CONN_REQUEST);
}

/* The address it called, as four bytes if it is one of IPv4. */
static bool
aim_address(const struct sockaddr_storage *to, const void **ret,
    int *ret_family, uint16_t *ret_port)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)to;

	*ret_family = to->ss_family;
	if (to->ss_family == AF_INET) {
		*ret = &in->sin_addr;
		*ret_port = ntohs(in->sin_port);
		return true;
	}
	*ret = &in6->sin6_addr;
	*ret_port = ntohs(in6->sin6_port);
	if (to->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
		*ret = &in6->sin6_addr.s6_addr[12];
		*ret_family = AF_INET;
	}
	return to->ss_family == AF_INET6;
}

static enum next
refuse_aim(struct conn *c, const char *reason)
{
	struct decision d = { .verdict = VERDICT_DENY, .layer = LAYER_L4 };

	(void)snprintf(d.reason, sizeof(d.reason), "%s", reason);
	return refuse_connect(c, &d);
}

enum next
step_aim(struct conn *c)
{
	struct sockaddr_storage to;
	socklen_t len = sizeof(to);
	struct http_authority a = { .kind = HTTP_HOST_IPV4 };
	const char *name;
	const void *address;
	uint32_t v4;
	int family;

	memset(&to, 0, sizeof(to));
	if (getsockname(c->client.fd, (struct sockaddr *)&to, &len) < 0 ||
	    !aim_address(&to, &address, &family, &a.port) ||
	    inet_ntop(family, address, a.host, sizeof(a.host)) == NULL)
		return DONE;
	if (family == AF_INET6)
		a.kind = HTTP_HOST_IPV6;
	if (family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		v4 = ntohl(v4);
		if (name_is_synthetic(v4)) {
			name = name_map_name(c->sandbox->names, v4);
			if (name != NULL) {
				a.kind = HTTP_HOST_NAME;
				(void)snprintf(
				    a.host, sizeof(a.host), "%s", name);
			}
			conn_set_target(c, &a, 0);
			return name != NULL
				   ? conn_goto(c, CONN_DECIDE)
				   : refuse_aim(c, "no name has this address");
		}
	}
	conn_set_target(c, &a, 0);
	return conn_goto(c, CONN_DECIDE);
}
