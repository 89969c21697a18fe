/* SPDX-License-Identifier: Apache-2.0 */
/* nftables.c - see nftables.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "supervisord/nftables.h"
#include "supervisord/plan.h"

#define TABLE "openshell"
#define CAPTURE "capture"
#define LEAVE "leave"
#define BATCH_BYTES 16384
#define ANSWER_BYTES 8192

#define PRIORITY_MANGLE (-150)
#define PRIORITY_FILTER 0

/* Where things are in headers. */
#define IP_DADDR 16
#define IP6_DADDR 24
#define TCP_DPORT 2 /* UDP's too */
#define TCP_FLAGS 13
#define TCP_SYN 0x02
#define TCP_ACK 0x10

enum verdict_of { ACCEPT, REJECT_RESET, REJECT_ICMP, TPROXY };

/* What a rule asks of a packet; zero is not asked. */
struct match {
	const char *chain;
	uint32_t mark;
	int family; /* NFPROTO_ */
	int protocol;
	const char *destination; /* an address of that family */
	unsigned bits;           /* of it that count */
	uint16_t port;
	int is_syn;
	enum verdict_of then;
};

static const struct match rules[] = {
	{ CAPTURE, .family = NFPROTO_IPV4, .destination = "127.0.0.0",
	    .bits = 8, .then = ACCEPT },
	{ CAPTURE, .family = NFPROTO_IPV6, .destination = "::1", .bits = 128,
	    .then = ACCEPT },
	{ CAPTURE, .protocol = IPPROTO_TCP, .port = DNS_PORT, .then = ACCEPT },
	{ CAPTURE, .protocol = IPPROTO_TCP, .then = TPROXY },

	{ LEAVE, .mark = GATE_MARK, .then = ACCEPT },
	/* The transparent listener is reached through capture alone. */
	{ LEAVE, .protocol = IPPROTO_TCP, .port = TRANSPARENT_PORT, .is_syn = 1,
	    .then = REJECT_RESET },
	{ LEAVE, .family = NFPROTO_IPV4, .destination = "127.0.0.1", .bits = 32,
	    .protocol = IPPROTO_TCP, .port = PROXY_PORT, .is_syn = 1,
	    .then = REJECT_RESET },
	{ LEAVE, .family = NFPROTO_IPV4, .destination = "127.0.0.0", .bits = 8,
	    .then = ACCEPT },
	{ LEAVE, .family = NFPROTO_IPV6, .destination = "::1", .bits = 128,
	    .then = ACCEPT },
	{ LEAVE, .protocol = IPPROTO_TCP, .port = DNS_PORT, .then = ACCEPT },
	{ LEAVE, .protocol = IPPROTO_TCP, .is_syn = 1, .then = REJECT_RESET },
	{ LEAVE, .protocol = IPPROTO_TCP, .then = ACCEPT },
	{ LEAVE, .family = NFPROTO_IPV4, .protocol = IPPROTO_UDP,
	    .port = DNS_PORT, .then = ACCEPT },
	{ LEAVE, .then = REJECT_ICMP },
};

static struct nftnl_expr *
expr(struct nftnl_rule *r, const char *name)
{
	struct nftnl_expr *x = nftnl_expr_alloc(name);

	if (x != NULL)
		nftnl_rule_add_expr(r, x);
	return x;
}

static void
add_meta(struct nftnl_rule *r, uint32_t key)
{
	struct nftnl_expr *x = expr(r, "meta");

	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static void
add_payload(
    struct nftnl_rule *r, uint32_t base, uint32_t offset, uint32_t bytes)
{
	struct nftnl_expr *x = expr(r, "payload");

	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, bytes);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

static void
add_mask(struct nftnl_rule *r, const void *mask, uint32_t bytes)
{
	static const uint8_t zeros[16];
	struct nftnl_expr *x = expr(r, "bitwise");

	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_BITWISE_LEN, bytes);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_MASK, mask, bytes);
	nftnl_expr_set(x, NFTNL_EXPR_BITWISE_XOR, zeros, bytes);
}

static void
add_equal(struct nftnl_rule *r, const void *value, uint32_t bytes)
{
	struct nftnl_expr *x = expr(r, "cmp");

	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
	nftnl_expr_set(x, NFTNL_EXPR_CMP_DATA, value, bytes);
}

static void
add_destination(struct nftnl_rule *r, const struct match *m)
{
	bool v4 = m->family == NFPROTO_IPV4;
	uint32_t bytes = v4 ? 4 : 16;
	uint8_t address[16], mask[16] = { 0 };

	(void)inet_pton(v4 ? AF_INET : AF_INET6, m->destination, address);
	for (unsigned i = 0; i < m->bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> (i % 8));
	add_payload(
	    r, NFT_PAYLOAD_NETWORK_HEADER, v4 ? IP_DADDR : IP6_DADDR, bytes);
	add_mask(r, mask, bytes);
	add_equal(r, address, bytes);
}

static void
add_verdict(struct nftnl_rule *r, uint32_t verdict)
{
	struct nftnl_expr *x = expr(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_VERDICT, verdict);
}

static void
add_tproxy(struct nftnl_rule *r)
{
	uint16_t port = htons(TRANSPARENT_PORT);
	struct nftnl_expr *x = expr(r, "immediate");

	nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
	nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, &port, sizeof(port));
	x = expr(r, "tproxy");
	/* Both families: the packet's own. */
	nftnl_expr_set_u32(x, NFTNL_EXPR_TPROXY_FAMILY, NFPROTO_UNSPEC);
	nftnl_expr_set_u32(x, NFTNL_EXPR_TPROXY_REG_PORT, NFT_REG_1);
	add_verdict(r, NF_ACCEPT);
}

static void
add_reject(struct nftnl_rule *r, uint32_t type, uint8_t code)
{
	struct nftnl_expr *x = expr(r, "reject");

	nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE, code);
}

static void
add_then(struct nftnl_rule *r, enum verdict_of then)
{
	switch (then) {
	case ACCEPT:
		add_verdict(r, NF_ACCEPT);
		break;
	case REJECT_RESET:
		add_reject(r, NFT_REJECT_TCP_RST, 0);
		break;
	case REJECT_ICMP:
		add_reject(r, NFT_REJECT_ICMPX_UNREACH,
		    NFT_REJECT_ICMPX_ADMIN_PROHIBITED);
		break;
	case TPROXY:
		add_tproxy(r);
		break;
	}
}

static struct nftnl_rule *
build_rule(const struct match *m)
{
	static const uint8_t syn_ack = TCP_SYN | TCP_ACK, syn = TCP_SYN;
	struct nftnl_rule *r = nftnl_rule_alloc();
	uint8_t family = (uint8_t)m->family, protocol = (uint8_t)m->protocol;
	uint16_t port = htons(m->port);

	nftnl_rule_set_str(r, NFTNL_RULE_TABLE, TABLE);
	nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, m->chain);
	nftnl_rule_set_u32(r, NFTNL_RULE_FAMILY, NFPROTO_INET);
	if (m->mark != 0) {
		add_meta(r, NFT_META_MARK);
		add_equal(r, &m->mark, sizeof(m->mark));
	}
	if (m->family != 0) {
		add_meta(r, NFT_META_NFPROTO);
		add_equal(r, &family, 1);
	}
	if (m->destination != NULL)
		add_destination(r, m);
	if (m->protocol != 0) {
		add_meta(r, NFT_META_L4PROTO);
		add_equal(r, &protocol, 1);
	}
	if (m->port != 0) {
		add_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_DPORT, 2);
		add_equal(r, &port, sizeof(port));
	}
	if (m->is_syn) {
		add_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1);
		add_mask(r, &syn_ack, 1);
		add_equal(r, &syn, 1);
	}
	add_then(r, m->then);
	return r;
}

static struct nlmsghdr *
put_header(
    struct mnl_nlmsg_batch *b, uint16_t type, uint16_t flags, uint32_t *seq)
{
	return nftnl_nlmsg_build_hdr(
	    mnl_nlmsg_batch_current(b), type, NFPROTO_INET, flags, (*seq)++);
}

static void
put_table(struct mnl_nlmsg_batch *b, uint32_t *seq)
{
	struct nftnl_table *t = nftnl_table_alloc();

	nftnl_table_set_str(t, NFTNL_TABLE_NAME, TABLE);
	nftnl_table_set_u32(t, NFTNL_TABLE_FAMILY, NFPROTO_INET);
	nftnl_table_nlmsg_build_payload(
	    put_header(b, NFT_MSG_NEWTABLE, NLM_F_CREATE, seq), t);
	nftnl_table_free(t);
	(void)mnl_nlmsg_batch_next(b);
}

static void
put_chain(struct mnl_nlmsg_batch *b, const char *name, uint32_t hook,
    int32_t priority, uint32_t *seq)
{
	struct nftnl_chain *c = nftnl_chain_alloc();

	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_nlmsg_build_payload(
	    put_header(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, seq), c);
	nftnl_chain_free(c);
	(void)mnl_nlmsg_batch_next(b);
}

static void
put_rule(struct mnl_nlmsg_batch *b, const struct match *m, uint16_t flags,
    uint32_t *seq)
{
	struct nftnl_rule *r = build_rule(m);

	nftnl_rule_nlmsg_build_payload(
	    put_header(b, NFT_MSG_NEWRULE,
		(uint16_t)(NLM_F_CREATE | NLM_F_APPEND | flags), seq),
	    r);
	nftnl_rule_free(r);
	(void)mnl_nlmsg_batch_next(b);
}

/* All or nothing; what the kernel answers is about what went wrong, or about
 * the one message that asked for an answer. */
static int
send_batch(struct mnl_socket *nl, struct mnl_nlmsg_batch *b)
{
	char answer[ANSWER_BYTES];
	ssize_t n;

	if (mnl_socket_sendto(
		nl, mnl_nlmsg_batch_head(b), mnl_nlmsg_batch_size(b)) < 0)
		return -1;
	n = mnl_socket_recvfrom(nl, answer, sizeof(answer));
	return n < 0 ? -1
		     : mnl_cb_run(answer, (size_t)n, 0,
			   mnl_socket_get_portid(nl), NULL, NULL);
}

static int
build_and_send(struct mnl_socket *nl)
{
	char bytes[BATCH_BYTES];
	struct mnl_nlmsg_batch *b =
	    mnl_nlmsg_batch_start(bytes, sizeof(bytes) / 2);
	uint32_t seq = 1;
	const size_t n = sizeof(rules) / sizeof(rules[0]);
	int r;

	if (b == NULL)
		return -1;
	nftnl_batch_begin(mnl_nlmsg_batch_current(b), seq++);
	(void)mnl_nlmsg_batch_next(b);
	put_table(b, &seq);
	put_chain(b, CAPTURE, NF_INET_PRE_ROUTING, PRIORITY_MANGLE, &seq);
	put_chain(b, LEAVE, NF_INET_LOCAL_OUT, PRIORITY_FILTER, &seq);
	for (size_t i = 0; i < n; i++)
		put_rule(b, &rules[i], i + 1 == n ? NLM_F_ACK : 0, &seq);
	nftnl_batch_end(mnl_nlmsg_batch_current(b), seq++);
	(void)mnl_nlmsg_batch_next(b);
	r = send_batch(nl, b);
	mnl_nlmsg_batch_stop(b);
	return r;
}

int
nftables_load(struct error *e)
{
	struct mnl_socket *nl =
	    mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	int r = -1;

	if (nl == NULL || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		(void)error_errno(e, "cannot open a netlink socket");
	else if (build_and_send(nl) < 0)
		(void)error_errno(e,
		    "cannot load nftables rules (modules nf_tables, "
		    "nft_tproxy and nft_reject_inet are needed)");
	else
		r = 0;
	if (nl != NULL)
		(void)mnl_socket_close(nl);
	return r;
}
