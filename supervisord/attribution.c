/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribution.c - see attribution.h.
 *
 * The order within one notification: read everything about the caller, then
 * ask the kernel once whether it is still that call of that caller, then act
 * on our own copies alone.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/xalloc.h"
#include "supervisord/attribution.h"
#include "supervisord/identity.h"
#include "supervisord/kernel.h"
#include "supervisord/nftables.h"
#include "supervisord/plan.h"
#include "supervisord/records.h"

#define ADDRESS_MAX 128 /* struct sockaddr_storage */
#define CALLS_PER_TURN 64
#define ATTEMPTS_MAX 512 /* handshakes that wait, each with a descriptor */

struct attribution {
	struct event_base *base;
	struct identities *identities;
	struct records *records;
	unsigned attempts;
};

struct watched {
	struct attribution *owner;
	int listener;
	struct event *readable;
	LIST_HEAD(, attempt) attempts; /* that owe an answer */
};

/* One connect under way. */
struct attempt {
	LIST_ENTRY(attempt) next;
	struct attribution *owner;
	struct watched *watched; /* for the answer; NULL: none is owed */
	uint64_t id;
	int socket; /* our duplicate */
	int flags;  /* as the caller has them */
	struct event *connected;
};

/* A caller's call, in our own memory. */
struct request {
	struct seccomp_notif notif;
	struct sockaddr_storage to;
	socklen_t len;
	int socket;
	int domain;
	int type;
};

static void
answer(int listener, uint64_t id, int error, uint32_t flags)
{
	struct seccomp_notif_resp response = {
		.id = id,
		.error = -error,
		.flags = flags,
	};

	/* ENOENT: the caller is gone, and nothing is owed. */
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response);
}

static int
open_caller(pid_t tid)
{
	int fd = sys_pidfd_open(tid, PIDFD_THREAD);

	/* Before Linux 6.9: whole processes alone.  A thread that isn't one
	 * gets EINVAL or ENOENT, and its connect fails. */
	if (fd < 0 && errno == EINVAL)
		fd = sys_pidfd_open(tid, 0);
	return fd;
}

static int
read_address(struct request *r)
{
	uint64_t len = r->notif.data.args[2] & 0xffffffffu;
	struct iovec to = { &r->to, (size_t)len };
	struct iovec from = { (void *)(uintptr_t)r->notif.data.args[1],
		(size_t)len };
	ssize_t n;

	if (len > ADDRESS_MAX)
		return -EINVAL;
	r->len = (socklen_t)len;
	if (len == 0)
		return 0;
	n = process_vm_readv((pid_t)r->notif.pid, &to, 1, &from, 1, 0);
	if (n == (ssize_t)len)
		return 0;
	/* Less than asked for: the rest isn't mapped. */
	return n >= 0 || errno == EFAULT ? -EFAULT : -EACCES;
}

static int
take_socket(struct request *r)
{
	autoclose int caller = open_caller((pid_t)r->notif.pid);
	socklen_t len = sizeof(int);

	if (caller < 0)
		return -EACCES;
	r->socket = sys_pidfd_getfd(caller, (int)r->notif.data.args[0]);
	if (r->socket < 0)
		return errno == EBADF ? -EBADF : -EACCES;
	if (getsockopt(r->socket, SOL_SOCKET, SO_DOMAIN, &r->domain, &len) < 0)
		return -errno; /* ENOTSOCK */
	len = sizeof(int);
	if (getsockopt(r->socket, SOL_SOCKET, SO_TYPE, &r->type, &len) < 0)
		return -errno;
	return 0;
}

static bool
is_unspecified(const uint8_t a[16])
{
	static const uint8_t zero[16];

	return memcmp(a, zero, 16) == 0;
}

/* IPv4 as v4-mapped; the unspecified address, also a mapped one, means the
 * loopback. */
static bool
map_address(const struct sockaddr_storage *from, socklen_t len,
    uint8_t address[16], uint16_t *ret_port)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct sockaddr_in *in = (const struct sockaddr_in *)from;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;

	if (from->ss_family == AF_INET && len >= sizeof(*in)) {
		uint32_t v4 = in->sin_addr.s_addr;

		if (v4 == 0)
			v4 = htonl(INADDR_LOOPBACK);
		memcpy(address, mapped, sizeof(mapped));
		memcpy(address + sizeof(mapped), &v4, sizeof(v4));
		*ret_port = ntohs(in->sin_port);
		return true;
	}
	if (from->ss_family == AF_INET6 && len >= 24) {
		memcpy(address, &in6->sin6_addr, 16);
		*ret_port = ntohs(in6->sin6_port);
		if (is_unspecified(address))
			address[15] = 1;
		else if (memcmp(address, mapped, sizeof(mapped)) == 0 &&
			 memcmp(address + 12, "\0\0\0", 4) == 0)
			memcpy(address + 12, "\177\0\0\1", 4);
		return true;
	}
	return false;
}

static bool
is_loopback(const uint8_t a[16])
{
	static const uint8_t v6[16] = { [15] = 1 };
	static const uint8_t v4[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };

	return memcmp(a, v6, sizeof(v6)) == 0 || memcmp(a, v4, sizeof(v4)) == 0;
}

static void
set_mark(int socket, int mark)
{
	/* Without it the gate refuses the connection: nothing to add. */
	(void)setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark));
}

static void
attempt_end(struct attempt *a)
{
	if (a->watched != NULL)
		LIST_REMOVE(a, next);
	a->owner->attempts--;
	set_mark(a->socket, 0);
	event_free(a->connected);
	(void)close(a->socket);
	free(a);
}

/* The handshake is over, one way or the other. */
static void
on_connected(evutil_socket_t fd, short what, void *arg)
{
	struct attempt *a = arg;
	int error = 0;
	socklen_t len = sizeof(error);

	(void)what;
	if (a->watched != NULL) {
		(void)getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &len);
		(void)fcntl(a->socket, F_SETFL, a->flags);
		answer(a->watched->listener, a->id, error, 0);
	}
	attempt_end(a);
}

/*
 * Until the handshake ends the mark has to stay: a SYN that is sent again
 * without it would be refused.  A blocking caller waits as long.
 */
static void
wait_for(struct watched *w, const struct request *r, int socket, int flags,
    bool answered)
{
	struct attempt *a = xcalloc(1, sizeof(*a));

	if (!answered) {
		a->watched = w;
		LIST_INSERT_HEAD(&w->attempts, a, next);
	}
	a->owner = w->owner;
	a->owner->attempts++;
	a->id = r->notif.id;
	a->socket = socket;
	a->flags = flags;
	a->connected =
	    event_new(w->owner->base, socket, EV_WRITE, on_connected, a);
	if (a->connected == NULL || event_add(a->connected, NULL) < 0)
		fatalx("cannot watch a socket");
}

static void
record(struct watched *w, int socket, struct tuple *t, void *who, size_t n)
{
	struct sockaddr_storage own = { 0 };
	socklen_t len = sizeof(own);

	if (getsockname(socket, (struct sockaddr *)&own, &len) == 0 &&
	    map_address(&own, len, t->source, &t->source_port))
		records_put(w->owner->records, t, who, n);
	else
		free(who);
}

/* What a connect under way has come to: 0, EINPROGRESS or its failure.  On the
 * loopback it is over by now, unless the listener's queue is full. */
static int
look_again(const struct request *r, int socket, bool blocking)
{
	struct pollfd p = { socket, POLLOUT, 0 };

	/* A second connect takes the result, which is a blocking caller's to
	 * have; another one finds it with poll and SO_ERROR. */
	if (!blocking)
		return poll(&p, 1, 0) > 0 ? 0 : EINPROGRESS;
	if (connect(socket, (const struct sockaddr *)&r->to, r->len) == 0 ||
	    errno == EISCONN)
		return 0;
	return errno == EALREADY ? EINPROGRESS : errno;
}

/* Connects the duplicate; owns it and who. */
static void
connect_for(
    struct watched *w, struct request *r, struct tuple *t, void *who, size_t n)
{
	int socket = steal_fd(&r->socket);
	int flags = fcntl(socket, F_GETFL);
	bool blocking = (flags & O_NONBLOCK) == 0;
	const struct sockaddr *to = (const struct sockaddr *)&r->to;
	int error, now;

	set_mark(socket, GATE_MARK);
	/* The flag is the caller's too, who stands still. */
	if (blocking)
		(void)fcntl(socket, F_SETFL, flags | O_NONBLOCK);
	error = connect(socket, to, r->len) < 0 ? errno : 0;
	now = error;
	if (error == 0 || error == EINPROGRESS)
		record(w, socket, t, who, n);
	else
		free(who);
	if (error == EINPROGRESS)
		now = look_again(r, socket, blocking);
	if (now == EINPROGRESS && w->owner->attempts < ATTEMPTS_MAX) {
		wait_for(w, r, socket, flags, !blocking);
		if (!blocking)
			answer(w->listener, r->notif.id, error, 0);
		return;
	}
	if (blocking) {
		error = now == EINPROGRESS ? ETIMEDOUT : now;
		(void)fcntl(socket, F_SETFL, flags);
	}
	/* An earlier handshake of it may still need the mark. */
	if (error != EALREADY)
		set_mark(socket, 0);
	(void)close(socket);
	answer(w->listener, r->notif.id, error, 0);
}

/* Is it for us to make?  Else the kernel goes on with it. */
static bool
is_ours(const struct request *r, struct tuple *t)
{
	memset(t, 0, sizeof(*t));
	if ((r->domain != AF_INET && r->domain != AF_INET6) ||
	    r->type != SOCK_STREAM ||
	    !map_address(&r->to, r->len, t->destination, &t->destination_port))
		return false;
	return !is_loopback(t->destination) ||
	       t->destination_port == PROXY_PORT;
}

static void
handle(struct watched *w, struct request *r)
{
	struct tuple tuple;
	size_t n = 0;
	void *who = NULL;
	int error = read_address(r);

	if (error == 0)
		error = take_socket(r);
	if (error == 0 && is_ours(r, &tuple)) {
		who = identity_take(
		    w->owner->identities, (pid_t)r->notif.pid, &n);
		if (who == NULL)
			error = -EACCES;
	}
	/* What was read is the caller's only if it is still there. */
	if (ioctl(w->listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &r->notif.id) < 0)
		free(who);
	else if (error != 0)
		answer(w->listener, r->notif.id, -error, 0);
	else if (who == NULL)
		answer(w->listener, r->notif.id, 0,
		    SECCOMP_USER_NOTIF_FLAG_CONTINUE);
	else
		connect_for(w, r, &tuple, who, n);
	if (r->socket >= 0)
		(void)close(r->socket);
}

static void
watched_end(struct watched *w)
{
	struct attempt *a;

	/* Those who waited are dead. */
	LIST_FOREACH(a, &w->attempts, next)
	a->watched = NULL;
	event_free(w->readable);
	(void)close(w->listener);
	free(w);
}

static void
on_notified(evutil_socket_t fd, short what, void *arg)
{
	struct watched *w = arg;

	(void)what;
	for (int i = 0; i < CALLS_PER_TURN; i++) {
		struct pollfd p = { (int)fd, POLLIN, 0 };
		struct request r = { .socket = -1 };

		if (poll(&p, 1, 0) <= 0)
			return;
		if ((p.revents & POLLIN) == 0) {
			/* POLLHUP: nobody has the filter any more. */
			watched_end(w);
			return;
		}
		if (ioctl((int)fd, SECCOMP_IOCTL_NOTIF_RECV, &r.notif) == 0)
			handle(w, &r);
		else if (errno != ENOENT && errno != EINTR)
			return;
	}
}

void
attribution_watch(struct attribution *a, int listener)
{
	struct watched *w = xcalloc(1, sizeof(*w));

	w->owner = a;
	w->listener = listener;
	/* Faster by two thirds where the kernel can: Linux 6.6. */
	(void)ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS,
	    SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
	w->readable =
	    event_new(a->base, listener, EV_READ | EV_PERSIST, on_notified, w);
	if (w->readable == NULL || event_add(w->readable, NULL) < 0)
		fatalx("cannot watch a filter");
}

struct attribution *
attribution_new(struct event_base *base, struct identities *identities,
    struct records *records)
{
	struct attribution *a = xcalloc(1, sizeof(*a));

	a->base = base;
	a->identities = identities;
	a->records = records;
	return a;
}
