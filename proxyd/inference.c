/* SPDX-License-Identifier: Apache-2.0 */
/* inference.c - see inference.h. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/wire/limits.h"
#include "common/wire/router.h"
#include "proxyd/conn.h"
#include "proxyd/inference.h"
#include "proxyd/sandbox.h"

void
inference_set(struct inference *in, struct fds *fds)
{
	while (in->n > 0)
		(void)close(in->channels[--in->n]);
	for (size_t i = 0; i < fds->n && in->n < INFERENCE_CHANNELS_MAX; i++)
		in->channels[in->n++] = steal_fd(&fds->v[i]);
}

bool
inference_is_meant(const struct conn *c)
{
	return c->mode != MODE_FORWARD && c->port == INFERENCE_PORT &&
	       strcmp(c->host, INFERENCE_HOST) == 0;
}

static bool
hand_over(int channel, const struct sandbox *sb, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { 0 };
	char who[2 * WIRE_NAME_MAX + 2];
	struct iovec iov = { who, (size_t)snprintf(who, sizeof(who), "%s %s",
				      sb->id, sb->owner) };
	struct msghdr m = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(channel, &m, MSG_NOSIGNAL | MSG_DONTWAIT) > 0;
}

int
inference_open(struct inference *in, const struct sandbox *sb)
{
	int pair[2];
	bool done;

	if (in->n == 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0,
		pair) < 0)
		return -1;
	done = hand_over(
	    in->channels[router_channel_of(sb->id, in->n)], sb, pair[1]);
	(void)close(pair[1]);
	if (done)
		return pair[0];
	(void)close(pair[0]);
	return -1;
}
