/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - see stream.h. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/varlink/frame.h"
#include "common/varlink/stream.h"
#include "common/xalloc.h"

#define READ_SIZE 65536

struct outgoing {
	STAILQ_ENTRY(outgoing) next;
	struct buf bytes;
	struct passed passed;
};

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(VARLINK_FDS_MAX * sizeof(int))];
};

void
stream_init(struct stream *s, int fd)
{
	*s = (struct stream){ .fd = fd };
	s->in.limit = VARLINK_FRAME_MAX + 1 + READ_SIZE;
	STAILQ_INIT(&s->out);
}

static void
outgoing_drop(struct stream *s)
{
	struct outgoing *o = STAILQ_FIRST(&s->out);

	STAILQ_REMOVE_HEAD(&s->out, next);
	s->queued -= o->bytes.len;
	passed_clear(&o->passed);
	/* There may be a secret in it. */
	if (o->bytes.base != NULL)
		explicit_bzero(o->bytes.base, o->bytes.cap);
	buf_free(&o->bytes);
	free(o);
}

void
stream_clear(struct stream *s)
{
	while (!STAILQ_EMPTY(&s->out))
		outgoing_drop(s);
	passed_clear(&s->arrived);
	buf_wipe(&s->in);
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

/* Takes every descriptor out of the control message, also those that are too
 * many: what isn't kept is closed. */
static int
take_descriptors(struct stream *s, struct msghdr *mh, size_t at)
{
	int r = (mh->msg_flags & MSG_CTRUNC) != 0 ? -1 : 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(mh); c != NULL;
	     c = CMSG_NXTHDR(mh, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (s->arrived.n == VARLINK_FDS_MAX) {
				(void)close(fd);
				r = -1;
				continue;
			}
			s->arrived_at[s->arrived.n] = at;
			s->arrived.fd[s->arrived.n++] = fd;
		}
	}
	return r;
}

int
stream_read(struct stream *s, struct error *e)
{
	union control control;
	uint8_t *room = buf_room(&s->in, READ_SIZE);
	struct iovec iov = { room, READ_SIZE };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	assert(room != NULL);
	do
		n = recvmsg(s->fd, &mh, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0) {
		(void)error_errno(e, "cannot read");
		if (errno == ECONNRESET)
			e->code = ERR_UNAVAILABLE;
		return -1;
	}
	if (take_descriptors(s, &mh, s->in.len + (size_t)n - 1) < 0)
		return error_set(e, ERR_LIMIT,
		    "over %d descriptors with one message", VARLINK_FDS_MAX);
	if (n == 0)
		return error_set(e, ERR_UNAVAILABLE,
		    s->in.len > 0 ? "connection ended inside a message"
				  : "connection ended");
	buf_grew(&s->in, (size_t)n);
	return 1;
}

/* The descriptors that came with the first len bytes. */
static void
give_descriptors(struct stream *s, size_t len, struct passed *to)
{
	size_t kept = 0;

	to->n = 0;
	for (size_t i = 0; i < s->arrived.n; i++) {
		if (s->arrived_at[i] < len) {
			to->fd[to->n++] = s->arrived.fd[i];
			continue;
		}
		s->arrived.fd[kept] = s->arrived.fd[i];
		s->arrived_at[kept++] = s->arrived_at[i];
	}
	s->arrived.n = kept;
}

int
stream_frame(struct stream *s, const char **ret_text, size_t *ret_len,
    struct passed *passed, struct error *e)
{
	size_t len;
	int r = frame_find(buf_data(&s->in), s->in.len, &s->scanned, &len, e);

	if (r <= 0)
		return r;
	give_descriptors(s, len + 1, passed);
	*ret_text = (const char *)buf_data(&s->in);
	*ret_len = len;
	return 1;
}

void
stream_consume(struct stream *s, size_t len)
{
	explicit_bzero(buf_data(&s->in), len + 1);
	buf_consume(&s->in, len + 1);
	for (size_t i = 0; i < s->arrived.n; i++)
		s->arrived_at[i] -= len + 1;
	if (s->in.len == 0)
		buf_free(&s->in);
}

void
stream_queue(struct stream *s, struct buf *frame, struct passed *passed)
{
	struct outgoing *o = xmalloc(sizeof(*o));

	o->bytes = *frame;
	o->passed = *passed;
	*frame = (struct buf)BUF_INIT;
	passed->n = 0;
	s->queued += o->bytes.len;
	STAILQ_INSERT_TAIL(&s->out, o, next);
}

static ssize_t
send_some(int fd, const struct outgoing *o)
{
	union control control = { 0 };
	size_t size = o->passed.n * sizeof(int);
	struct iovec iov = { buf_data(&o->bytes), o->bytes.len };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (o->passed.n > 0) {
		mh.msg_control = &control;
		mh.msg_controllen = CMSG_SPACE(size);
		struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(size);
		memcpy(CMSG_DATA(c), o->passed.fd, size);
	}
	return sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int
stream_flush(struct stream *s, struct error *e)
{
	while (!STAILQ_EMPTY(&s->out)) {
		struct outgoing *o = STAILQ_FIRST(&s->out);
		ssize_t n = send_some(s->fd, o);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return 0;
		if (n < 0) {
			(void)error_errno(e, "cannot send");
			if (errno == EPIPE || errno == ECONNRESET)
				e->code = ERR_UNAVAILABLE;
			return -1;
		}
		passed_clear(&o->passed); /* they went with the first byte */
		buf_consume(&o->bytes, (size_t)n);
		s->queued -= (size_t)n;
		if (o->bytes.len == 0)
			outgoing_drop(s);
	}
	return 1;
}
