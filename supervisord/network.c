/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - see network.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "supervisord/network.h"
#include "supervisord/nftables.h"
#include "supervisord/plan.h"

#define ANSWER_BYTES 8192
#define LOOPBACK 1 /* its index in every network namespace */

static const struct {
	const char *path;
	const char *value;
	int required;
} settings[] = {
	/* Data in a SYN would be sent without connect(2). */
	{ "/proc/sys/net/ipv4/tcp_fastopen", "0", 1 },
	/* Inherited from the host's namespace. */
	{ "/proc/sys/net/ipv4/ip_forward", "0", 1 },
	{ "/proc/sys/net/ipv6/conf/all/forwarding", "0", 0 },
	/* Sockets of ping without a capability. */
	{ "/proc/sys/net/ipv4/ping_group_range", "1 0", 0 },
};

static int
set_one(const char *path, const char *value)
{
	autoclose int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, value, strlen(value)) < 0 ? -1 : 0;
}

static int
set_all(struct error *e)
{
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		if (set_one(settings[i].path, settings[i].value) < 0 &&
		    settings[i].required)
			return error_errno(
			    e, "cannot write '%s'", settings[i].path);
	return 0;
}

/* Sends one request and waits for its acknowledgement. */
static int
talk(struct mnl_socket *nl, struct nlmsghdr *nlh)
{
	char answer[ANSWER_BYTES];
	ssize_t n;

	nlh->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = 1;
	if (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
		return -1;
	n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	return n < 0 ? -1
		     : mnl_cb_run(answer, (size_t)n, 1,
			   mnl_socket_get_portid(nl), NULL, NULL);
}

static int
raise_loopback(struct mnl_socket *nl)
{
	char bytes[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct ifinfomsg *link;

	nlh->nlmsg_type = RTM_NEWLINK;
	link = mnl_nlmsg_put_extra_header(nlh, sizeof(*link));
	link->ifi_index = LOOPBACK;
	link->ifi_flags = IFF_UP;
	link->ifi_change = IFF_UP;
	return talk(nl, nlh);
}

/* local default dev lo src <loopback> */
static int
add_any_ip(struct mnl_socket *nl, uint8_t family)
{
	static const struct in6_addr loopback6 = IN6ADDR_LOOPBACK_INIT;
	char bytes[256];
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(bytes);
	struct rtmsg *route;

	nlh->nlmsg_type = RTM_NEWROUTE;
	nlh->nlmsg_flags = NLM_F_CREATE | NLM_F_EXCL;
	route = mnl_nlmsg_put_extra_header(nlh, sizeof(*route));
	route->rtm_family = family;
	route->rtm_table = RT_TABLE_LOCAL;
	route->rtm_protocol = RTPROT_STATIC;
	route->rtm_scope = RT_SCOPE_HOST;
	route->rtm_type = RTN_LOCAL;
	mnl_attr_put_u32(nlh, RTA_OIF, LOOPBACK);
	if (family == AF_INET)
		mnl_attr_put_u32(nlh, RTA_PREFSRC, htonl(INADDR_LOOPBACK));
	else
		mnl_attr_put(nlh, RTA_PREFSRC, sizeof(loopback6), &loopback6);
	return talk(nl, nlh);
}

int
network_build(struct facts *facts, struct error *e)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int r = -1;

	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		(void)error_errno(e, "cannot open a netlink socket");
	else if (raise_loopback(nl) < 0)
		(void)error_errno(e, "cannot raise the loopback");
	else if (add_any_ip(nl, AF_INET) < 0)
		(void)error_errno(e, "cannot route IPv4");
	else if (add_any_ip(nl, AF_INET6) < 0 && errno != EOPNOTSUPP &&
		 errno != EAFNOSUPPORT)
		/* A host without IPv6 needs no route for it. */
		(void)error_errno(e, "cannot route IPv6");
	else
		r = 0;
	if (nl != NULL)
		(void)mnl_socket_close(nl);
	if (r < 0 || set_all(e) < 0 || nftables_load(e) < 0)
		return -1;
	facts_add(facts, 1, "network",
	    "loopback alone; transparent proxy by nftables tproxy");
	return 0;
}
