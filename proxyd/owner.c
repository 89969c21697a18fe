/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - see owner.h. */
#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/log.h"
#include "common/xalloc.h"
#include "proxyd/owner.h"

#define REPLIES_PER_TURN 64

struct owner_channel {
	int fd;
	struct event *readable;
	struct event *writable;
	TAILQ_HEAD(, owner_wait) waits; /* oldest first */
	uint64_t cookie;                /* of the last query */
	bool broken;
};

static struct owner_wait *
find_wait(struct owner_channel *ch, uint64_t cookie)
{
	struct owner_wait *w;

	/* Answers come in the order of the questions: mostly the first. */
	TAILQ_FOREACH(w, &ch->waits, next)
	if (w->query.cookie == cookie)
		return w;
	return NULL;
}

static void
finish(struct owner_wait *w, struct identity *who, const char *why)
{
	owner_cancel(w);
	w->done(w->arg, who, why);
}

static void
channel_break(struct owner_channel *ch, const char *why)
{
	struct owner_wait *w;

	if (!ch->broken)
		log_warnx("owner channel broken: %s", why);
	ch->broken = true;
	(void)event_del(ch->readable);
	(void)event_del(ch->writable);
	while ((w = TAILQ_FIRST(&ch->waits)) != NULL)
		finish(w, NULL, "nobody could say who connected");
}

/* One of the strings behind the reply; NULL if there is none, complete. */
static const char *
next_string(const char **at, const char *end)
{
	const char *s = *at;
	const char *nul = s < end ? memchr(s, '\0', (size_t)(end - s)) : NULL;

	if (nul == NULL)
		return NULL;
	*at = nul + 1;
	return s;
}

static struct identity *
identity_new(const struct owner_reply *reply, const char *strings)
{
	struct identity *who = xmalloc(sizeof(*who) + reply->bytes);
	char *copy = (char *)(who + 1);
	const char *at = copy, *end = copy + reply->bytes;
	const char *exe;

	memcpy(copy, strings, reply->bytes);
	memset(who, 0, sizeof(*who));
	who->pid = reply->pid;
	exe = next_string(&at, end);
	who->caller.exe = exe != NULL && exe[0] != '\0' ? exe : NULL;
	who->caller.ancestors = who->ancestors;
	for (uint32_t i = 0; exe != NULL && i < reply->ancestors; i++) {
		const char *s = next_string(&at, end);

		if (s == NULL)
			break;
		who->ancestors[who->caller.n_ancestors++] = s;
	}
	if (exe != NULL && who->caller.n_ancestors == reply->ancestors)
		return who;
	free(who);
	return NULL;
}

struct identity *
owner_reply_parse(
    const void *data, size_t n, uint64_t *ret_cookie, const char **ret_why)
{
	struct owner_reply reply;
	struct identity *who;

	*ret_cookie = 0;
	*ret_why = "nobody could say who connected";
	if (n < sizeof(reply))
		return NULL;
	memcpy(&reply, data, sizeof(reply));
	*ret_cookie = reply.cookie;
	if (reply.status == OWNER_UNKNOWN)
		*ret_why = "no record of who connected";
	if (reply.status == OWNER_CHANGED)
		*ret_why = "the program's file was changed";
	if (reply.status != OWNER_KNOWN ||
	    reply.ancestors > OWNER_ANCESTORS_MAX ||
	    reply.bytes != n - sizeof(reply))
		return NULL;
	who = identity_new(&reply, (const char *)data + sizeof(reply));
	if (who != NULL)
		*ret_why = NULL;
	return who;
}

static void
on_reply(evutil_socket_t fd, short what, void *arg)
{
	struct owner_channel *ch = arg;
	char bytes[OWNER_REPLY_MAX];

	(void)what;
	for (int i = 0; i < REPLIES_PER_TURN; i++) {
		ssize_t n = recv((int)fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		struct identity *who;
		struct owner_wait *w;
		uint64_t cookie;
		const char *why;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			channel_break(
			    ch, n == 0 ? "it was closed" : strerror(errno));
			return;
		}
		who = owner_reply_parse(bytes, (size_t)n, &cookie, &why);
		w = find_wait(ch, cookie);
		if (w != NULL)
			finish(w, who, why);
		else
			free(who); /* whoever asked is gone */
	}
}

static void
send_queries(struct owner_channel *ch)
{
	struct owner_wait *w;

	TAILQ_FOREACH(w, &ch->waits, next)
	{
		if (w->sent)
			continue;
		if (send(ch->fd, &w->query, sizeof(w->query),
			MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			/* What else is wrong the next read will tell. */
			if (errno == EAGAIN || errno == ENOBUFS)
				(void)event_add(ch->writable, NULL);
			return;
		}
		w->sent = true;
	}
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	send_queries(arg);
}

struct owner_channel *
owner_channel_new(struct event_base *base, int fd)
{
	struct owner_channel *ch = xcalloc(1, sizeof(*ch));

	ch->fd = fd;
	TAILQ_INIT(&ch->waits);
	ch->readable = event_new(base, fd, EV_READ | EV_PERSIST, on_reply, ch);
	ch->writable = event_new(base, fd, EV_WRITE, on_writable, ch);
	if (ch->readable == NULL || ch->writable == NULL ||
	    event_add(ch->readable, NULL) < 0)
		fatalx("cannot watch an owner channel");
	return ch;
}

void
owner_channel_free(struct owner_channel *ch)
{
	if (ch == NULL)
		return;
	event_free(ch->readable);
	event_free(ch->writable);
	(void)close(ch->fd);
	free(ch);
}

static void
map_address(
    const struct sockaddr_storage *from, uint8_t to[16], uint16_t *ret_port)
{
	static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff,
		0xff };
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

	if (from->ss_family == AF_INET) {
		memcpy(to, mapped, sizeof(mapped));
		memcpy(to + sizeof(mapped), &in->sin_addr, 4);
		*ret_port = ntohs(in->sin_port);
	} else {
		memcpy(to, &in6->sin6_addr, 16);
		*ret_port = ntohs(in6->sin6_port);
	}
}

bool
owner_ask(struct owner_channel *ch, const struct sockaddr_storage *source,
    const struct sockaddr_storage *destination, struct owner_wait *w)
{
	if (ch->broken)
		return false;
	memset(&w->query, 0, sizeof(w->query));
	w->query.cookie = ++ch->cookie;
	map_address(source, w->query.source, &w->query.source_port);
	map_address(
	    destination, w->query.destination, &w->query.destination_port);
	w->sent = false;
	w->channel = ch;
	TAILQ_INSERT_TAIL(&ch->waits, w, next);
	send_queries(ch);
	return true;
}

void
owner_cancel(struct owner_wait *w)
{
	if (w->channel == NULL)
		return;
	TAILQ_REMOVE(&w->channel->waits, w, next);
	w->channel = NULL;
}
