/* SPDX-License-Identifier: Apache-2.0 */
/* listeners.c - see listeners.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/in6.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/wire/names.h"
#include "supervisord/listeners.h"
#include "supervisord/plan.h"

#define BACKLOG 4096 /* the somaxconn of a new network namespace */

static int
new_socket(int family, int type, int *ret, struct error *e)
{
	*ret = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return *ret < 0 ? error_errno(e, "cannot create a listener") : 0;
}

static int
bind_to(int fd, uint32_t address, uint16_t port, struct error *e)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(address),
	};

	if (bind(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		return error_errno(e, "cannot bind port %u", port);
	return 0;
}

static int
listen_on(int fd, struct error *e)
{
	return listen(fd, BACKLOG) < 0 ? error_errno(e, "cannot listen") : 0;
}

static int
open_tcp(uint32_t address, uint16_t port, int *ret, struct error *e)
{
	if (new_socket(AF_INET, SOCK_STREAM, ret, e) < 0 ||
	    bind_to(*ret, address, port, e) < 0)
		return -1;
	return listen_on(*ret, e);
}

static int
bind_transparent(int fd, struct error *e)
{
	struct sockaddr_in6 any = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(TRANSPARENT_PORT),
		.sin6_addr = IN6ADDR_ANY_INIT,
	};
	const int on = 1, off = 0;

	if (setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0 ||
	    setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, SOL_IPV6, IPV6_TRANSPARENT, &on, sizeof(on)) < 0 ||
	    bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return error_errno(e, "cannot bind the transparent listener");
	return listen_on(fd, e);
}

/* Where the kernel has no IPv6. */
static int
bind_transparent4(int fd, struct error *e)
{
	const int on = 1;

	if (setsockopt(fd, SOL_IP, IP_TRANSPARENT, &on, sizeof(on)) < 0)
		return error_errno(e, "cannot make a listener transparent");
	if (bind_to(fd, INADDR_ANY, TRANSPARENT_PORT, e) < 0)
		return -1;
	return listen_on(fd, e);
}

static int
open_transparent(int *ret, struct error *e)
{
	if (new_socket(AF_INET6, SOCK_STREAM, ret, e) == 0)
		return bind_transparent(*ret, e);
	if (new_socket(AF_INET, SOCK_STREAM, ret, e) < 0)
		return -1;
	return bind_transparent4(*ret, e);
}

static int
open_dns_udp(int *ret, struct error *e)
{
	const int on = 1;

	if (new_socket(AF_INET, SOCK_DGRAM, ret, e) < 0 ||
	    bind_to(*ret, INADDR_ANY, DNS_PORT, e) < 0)
		return -1;
	if (setsockopt(*ret, SOL_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		return error_errno(e, "cannot ask where queries are sent");
	return 0;
}

static int
open_names(int *ret, struct error *e)
{
	*ret = memfd_create("names", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (*ret < 0 || ftruncate(*ret, (off_t)NAMES_SIZE) < 0 ||
	    fcntl(*ret, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
		return error_errno(e, "cannot make the memory of names");
	return 0;
}

int
listeners_open(struct listeners *l, struct error *e)
{
	*l = (struct listeners){ -1, -1, -1, -1, -1 };
	if (open_tcp(INADDR_LOOPBACK, PROXY_PORT, &l->explicit_proxy, e) < 0 ||
	    open_transparent(&l->transparent, e) < 0 ||
	    open_dns_udp(&l->dns_udp, e) < 0 ||
	    open_tcp(INADDR_ANY, DNS_PORT, &l->dns_tcp, e) < 0 ||
	    open_names(&l->names, e) < 0)
		return -1;
	return 0;
}
