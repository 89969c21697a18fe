/* SPDX-License-Identifier: Apache-2.0 */
/* dial.c - see dial.h. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/net/dial.h"
#include "common/net/side.h"

static socklen_t
set_port(struct sockaddr_storage *to, uint16_t port)
{
	struct sockaddr_in *in = (struct sockaddr_in *)to;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;

	if (to->ss_family == AF_INET) {
		in->sin_port = htons(port);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	return sizeof(*in6);
}

int
dial_begin(struct sockaddr_storage *to, uint16_t port)
{
	socklen_t len = set_port(to, port);
	autoclose int fd = socket(
	    to->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int one = 1;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
	if (connect(fd, (struct sockaddr *)to, len) < 0 && errno != EINPROGRESS)
		return -1;
	return steal_fd(&fd);
}

void
dial_expect(struct side *s)
{
	s->readable = false;
	s->blocked = true;
}

bool
dial_succeeded(struct side *s)
{
	socklen_t len = sizeof(int);
	int error = 0;

	s->readable =
	    getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == 0 &&
	    error == 0;
	return s->readable;
}
