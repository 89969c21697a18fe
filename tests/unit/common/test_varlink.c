/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server and a client on one loop, joined by a socketpair, or a server and
 * raw bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/varlink/server.h"
#include "common/xalloc.h"

/* The interface under test. */

struct text {
	const char *text;
};

struct carrier {
	int fd;
	int64_t number;
};

struct count {
	int64_t n;
};

static const struct field text_fields[] = {
	{ "text", FIELD_STR, REQUIRED, offsetof(struct text, text), 4 << 20 },
	{ 0 },
};

#define P(member) offsetof(struct carrier, member)
static const struct field carrier_fields[] = {
	{ "fd", FIELD_FD, OPTIONAL, P(fd) },
	{ "number", FIELD_INT, OPTIONAL, P(number) },
	{ 0 },
};
#undef P

static const struct field count_fields[] = {
	{ "n", FIELD_INT, REQUIRED, offsetof(struct count, n), 100000 },
	{ 0 },
};

#define TEXT text_fields, sizeof(struct text)
#define CARRIER carrier_fields, sizeof(struct carrier)
#define COUNT count_fields, sizeof(struct count)
#define NONE NULL, 0

static const struct method echo_method = { "Echo", "Says it again.", TEXT,
	TEXT };
static const struct method fail_method = { "Fail", "Fails.", NONE, NONE };
static const struct method custom_method = { "Custom", "Fails in its own way.",
	NONE, NONE };
static const struct method admin_method = { "Admin", "For few.", NONE, NONE };
static const struct method pass_method = { "Pass", "Takes and gives.", CARRIER,
	CARRIER };
static const struct method stream_method = { "Stream", "Gives many.", COUNT,
	CARRIER, METHOD_MORE };
static const struct method flood_method = { "Flood", "Never stops.", NONE, TEXT,
	METHOD_MORE };
static const struct method wait_method = { "Wait", "Answers later.", NONE,
	TEXT };
static const struct method huge_method = { "Huge", "Answers too much.", NONE,
	TEXT };
static const struct method free_method = { "Free", "Ends the server.", NONE,
	NONE };
static const struct method absent_method = { "Absent", "Has no handler.", NONE,
	NONE };

static const struct method *const methods[] = {
	&echo_method,
	&fail_method,
	&custom_method,
	&admin_method,
	&pass_method,
	&stream_method,
	&flood_method,
	&wait_method,
	&huge_method,
	&free_method,
	&absent_method,
	NULL,
};

static const struct named_error errors[] = {
	{ "Custom", "It has a number.", count_fields },
	{ 0 },
};

static const struct interface test_interface = { "io.openshell.Test",
	"For tests.", methods, errors };

/* What Echo answers to "x". */
static const char x_reply[] = "{\"parameters\":{\"text\":\"x\"}}";

/* One test's world. */
struct world {
	struct event_base *base;
	struct varlink_server *server;
	struct varlink_client *client;
	int raw; /* the other end of a server's connection, or -1 */
	enum role role;
	struct call *waiting;
	unsigned cancelled;
	unsigned echoed;
	/* What the client saw. */
	unsigned replies;
	unsigned carried;
	unsigned closed;
	bool continues;
	struct error error;
	char name[128];
	char params[256];
	char text[64];
	size_t text_len;
};

static int
echo(struct call *c, void *params, struct error *e)
{
	(void)e;
	((struct world *)call_ctx(c))->echoed++;
	call_reply(c, params);
	return 0;
}

static int
refuse(struct call *c, void *params, struct error *e)
{
	(void)c;
	(void)params;
	return error_set(e, ERR_EXISTS, "name 'x' is taken \"\xff\"");
}

static int
custom(struct call *c, void *params, struct error *e)
{
	struct count n = { 7 };

	(void)params;
	(void)e;
	call_error_with(c, "Custom", count_fields, &n);
	return 0;
}

static int
admin(struct call *c, void *params, struct error *e)
{
	(void)params;
	(void)e;
	call_reply(c, NULL);
	return 0;
}

static int
pass(struct call *c, void *params, struct error *e)
{
	struct carrier *p = params;
	struct carrier reply = { p->fd, p->number + 1 };
	autoclose int taken = -1;

	(void)e;
	/* Taken or left to the call. */
	if (p->number % 2 == 0)
		taken = steal_fd(&p->fd);
	call_reply(c, &reply);
	return 0;
}

/* Every reply carries another file. */
static int
stream(struct call *c, void *params, struct error *e)
{
	const struct count *p = params;

	(void)e;
	for (int64_t i = 1; i <= p->n; i++) {
		autoclose int fd = memfd_create("test", MFD_CLOEXEC);
		struct carrier reply = { fd, i };

		assert_return_code(ftruncate(fd, i), 0);
		if (i < p->n)
			call_reply_more(c, &reply);
		else
			call_reply(c, &reply);
	}
	return 0;
}

static void
on_cancel(void *arg)
{
	struct world *w = arg;

	w->cancelled++;
	w->waiting = NULL;
}

static int
flood(struct call *c, void *params, struct error *e)
{
	struct world *w = call_ctx(c);
	char *megabyte = xcalloc(1, (1 << 20) + 1);
	struct text reply = { megabyte };

	(void)params;
	(void)e;
	memset(megabyte, 'x', 1 << 20);
	call_on_end(c, on_cancel, w);
	for (int i = 0; i < 20; i++)
		call_reply_more(c, &reply);
	assert_in_range(call_queued(c), 1 << 20, VARLINK_QUEUE_MAX + (2 << 20));
	assert_int_equal(w->cancelled, 0);
	free(megabyte);
	return 0;
}

static int
wait_for_later(struct call *c, void *params, struct error *e)
{
	struct world *w = call_ctx(c);

	(void)params;
	(void)e;
	w->waiting = c;
	call_on_end(c, on_cancel, w);
	return 0;
}

static int
huge(struct call *c, void *params, struct error *e)
{
	autofree char *much = xcalloc(1, VARLINK_FRAME_MAX + 1);
	struct text reply = { much };

	(void)params;
	(void)e;
	memset(much, 'x', VARLINK_FRAME_MAX);
	call_reply(c, &reply);
	return 0;
}

static int
free_server(struct call *c, void *params, struct error *e)
{
	struct world *w = call_ctx(c);

	(void)params;
	(void)e;
	varlink_server_free(w->server);
	w->server = NULL;
	call_reply(c, NULL);
	return 0;
}

static const struct handler handlers[] = {
	{ &echo_method, ROLE_USER, echo },
	{ &fail_method, ROLE_USER, refuse },
	{ &custom_method, ROLE_USER, custom },
	{ &admin_method, ROLE_ADMIN, admin },
	{ &pass_method, ROLE_USER, pass },
	{ &stream_method, ROLE_USER, stream },
	{ &flood_method, ROLE_USER, flood },
	{ &wait_method, ROLE_USER, wait_for_later },
	{ &huge_method, ROLE_USER, huge },
	{ &free_method, ROLE_USER, free_server },
	{ 0 },
};

static enum role
get_role(void *ctx, const struct peer *peer)
{
	assert_int_equal(peer->uid, geteuid());
	assert_int_equal(peer->pid, getpid());
	return ((struct world *)ctx)->role;
}

static struct service service = {
	.product = "test",
	.interface = &test_interface,
	.handlers = handlers,
	.role = get_role,
};

static void
on_closed(void *arg)
{
	((struct world *)arg)->closed++;
}

static void
on_result(void *arg, const struct varlink_result *r)
{
	struct world *w = arg;

	w->replies++;
	w->continues = r->continues;
	w->error = r->error != NULL ? *r->error : (struct error){ 0 };
	(void)snprintf(w->name, sizeof(w->name), "%s",
	    r->error_name != NULL ? r->error_name : "");
	(void)snprintf(w->params, sizeof(w->params), "%s",
	    r->error_params != NULL ? r->error_params : "");
}

static void
on_text(void *arg, const struct varlink_result *r)
{
	struct world *w = arg;
	const struct text *t = r->reply;

	on_result(arg, r);
	if (t != NULL) {
		w->text_len = strlen(t->text);
		(void)snprintf(w->text, sizeof(w->text), "%s", t->text);
	}
}

static void
on_carrier(void *arg, const struct varlink_result *r)
{
	const struct carrier *c = r->reply;
	struct stat st;

	on_result(arg, r);
	if (c == NULL || c->fd < 0)
		return;
	((struct world *)arg)->carried++;
	assert_int_equal(fstat(c->fd, &st), 0);
	assert_int_equal(st.st_size, c->number);
	assert_int_equal(fcntl(c->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

static void
make_pair(int fds[2])
{
	assert_return_code(
	    socketpair(
		AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
	    0);
}

static int
setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));

	w->base = event_base_new();
	w->role = ROLE_USER;
	w->raw = -1;
	service.ctx = w;
	w->server = varlink_server_new(w->base, &service);
	*state = w;
	return 0;
}

static int
teardown(void **state)
{
	struct world *w = *state;

	varlink_client_free(w->client);
	varlink_server_free(w->server);
	if (w->raw >= 0)
		(void)close(w->raw);
	event_base_free(w->base);
	free(w);
	return 0;
}

static void
use_client(struct world *w)
{
	struct error e;
	int fds[2];

	make_pair(fds);
	assert_return_code(varlink_server_add(w->server, fds[0], &e), 0);
	w->client =
	    varlink_client_new(w->base, &test_interface, fds[1], on_closed, w);
}

static void
use_raw(struct world *w)
{
	struct error e;
	int fds[2];

	make_pair(fds);
	assert_return_code(varlink_server_add(w->server, fds[0], &e), 0);
	w->raw = fds[1];
}

/* Until nothing happens any more. */
static void
settle(struct world *w)
{
	for (int i = 0; i < 64; i++)
		(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
}

static void
call(struct world *w, const struct method *m, const void *params, bool more,
    varlink_result_fn *done)
{
	if (w->client == NULL)
		use_client(w);
	w->replies = 0;
	varlink_client_call(w->client, m, params, more, done, w);
	settle(w);
}

static size_t
count_open(void)
{
	size_t n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Sends bytes and a NUL, and gives what comes back. */
static const char *
say(struct world *w, const char *bytes)
{
	static char answer[8192];
	ssize_t n;

	if (w->raw < 0)
		use_raw(w);
	assert_int_equal(
	    write(w->raw, bytes, strlen(bytes) + 1), strlen(bytes) + 1);
	settle(w);
	n = read(w->raw, answer, sizeof(answer) - 1);
	if (n == 0)
		return "closed";
	if (n < 0)
		return "nothing";
	answer[n] = '\0';
	return answer;
}

static void
test_a_call_is_answered(void **state)
{
	struct world *w = *state;
	struct text t = { "hello \"\\\n\t\x01 \xc3\xa4" };

	call(w, &echo_method, &t, false, on_text);
	assert_int_equal(w->replies, 1);
	assert_int_equal(w->error.code, ERR_NONE);
	assert_string_equal(w->text, t.text);
}

static void
test_an_error_keeps_its_code_and_text(void **state)
{
	struct world *w = *state;

	call(w, &fail_method, NULL, false, on_result);
	assert_int_equal(w->error.code, ERR_EXISTS);
	assert_string_equal(
	    w->error.text, "name 'x' is taken \"\xef\xbf\xbd\"");
	assert_string_equal(w->name, "io.openshell.Test.AlreadyExists");
}

static void
test_a_named_error_brings_its_parameters(void **state)
{
	struct world *w = *state;

	call(w, &custom_method, NULL, false, on_result);
	assert_int_equal(w->error.code, ERR_INVALID);
	assert_string_equal(w->name, "io.openshell.Test.Custom");
	assert_string_equal(w->params, "{\"n\":7}");
}

static void
test_calls_go_out_in_order_and_all_are_answered(void **state)
{
	struct world *w = *state;
	struct text t[] = { { "one" }, { "two" }, { "three" } };

	use_client(w);
	for (size_t i = 0; i < 100; i++)
		varlink_client_call(
		    w->client, &echo_method, &t[i % 3], false, on_text, w);
	settle(w);
	assert_int_equal(w->replies, 100);
	assert_string_equal(w->text, "one");
}

static void
test_every_refusal_has_its_name(void **state)
{
	static const struct {
		const char *why;
		const char *call;
		const char *answer;
	} cases[] = {
		{ "an interface nobody serves",
		    "{\"method\":\"org.example.X.Get\"}",
		    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		    "\"parameters\":{\"interface\":\"org.example.X\"}}" },
		{ "a method without an interface", "{\"method\":\"Echo\"}",
		    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		    "\"parameters\":{\"interface\":\"Echo\"}}" },
		{ "a method the interface lacks",
		    "{\"method\":\"io.openshell.Test.echo\"}",
		    "{\"error\":\"org.varlink.service.MethodNotFound\","
		    "\"parameters\":{\"method\":\"io.openshell.Test.echo\"}}" },
		{ "a method nobody handles",
		    "{\"method\":\"io.openshell.Test.Absent\"}",
		    "{\"error\":\"org.varlink.service.MethodNotImplemented\","
		    "\"parameters\":{\"method\":\"io.openshell.Test.Absent\"}"
		    "}" },
		{ "an upgrade",
		    "{\"method\":\"io.openshell.Test.Fail\",\"upgrade\":true}",
		    "{\"error\":\"org.varlink.service.MethodNotImplemented\","
		    "\"parameters\":{\"method\":\"io.openshell.Test.Fail\"}}" },
		{ "a role that is too low",
		    "{\"method\":\"io.openshell.Test.Admin\"}",
		    "{\"error\":\"org.varlink.service.PermissionDenied\","
		    "\"parameters\":{}}" },
		{ "a stream called without more",
		    "{\"method\":\"io.openshell.Test.Stream\","
		    "\"parameters\":{\"n\":1}}",
		    "{\"error\":\"org.varlink.service.ExpectedMore\","
		    "\"parameters\":{}}" },
		{ "a missing parameter",
		    "{\"method\":\"io.openshell.Test.Echo\"}",
		    "{\"error\":\"org.varlink.service.InvalidParameter\","
		    "\"parameters\":{\"parameter\":\"text\"}}" },
		{ "an unknown parameter",
		    "{\"method\":\"io.openshell.Test.Fail\","
		    "\"parameters\":{\"extra\":1}}",
		    "{\"error\":\"org.varlink.service.InvalidParameter\","
		    "\"parameters\":{\"parameter\":\"extra\"}}" },
		{ "a descriptor that was not passed",
		    "{\"method\":\"io.openshell.Test.Pass\","
		    "\"parameters\":{\"fd\":0}}",
		    "{\"error\":\"org.varlink.service.InvalidParameter\","
		    "\"parameters\":{\"parameter\":\"fd\"}}" },
		{ "an interface nobody can describe",
		    "{\"method\":\"org.varlink.service."
		    "GetInterfaceDescription\",\"parameters\":"
		    "{\"interface\":\"no.such\"}}",
		    "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		    "\"parameters\":{\"interface\":\"no.such\"}}" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		assert_string_equal(
		    say(*state, cases[i].call), cases[i].answer);
	}
}

static void
test_what_is_no_call_ends_the_connection(void **state)
{
	static const char *const cases[] = {
		"",
		"[]",
		"\"io.openshell.Test.Fail\"",
		"{",
		"{\"method\":1}",
		"{}",
		"{\"method\":\"io.openshell.Test.Fail\",\"method\":\"a.b\"}",
		"{\"method\":\"io.openshell.Test.Fail\",\"other\":1}",
		"{\"method\":\"io.openshell.Test.Fail\",\"parameters\":[]}",
		"{\"method\":\"io.openshell.Test.Fail\",\"more\":1}",
		"{\"method\":\"io.openshell.Test.Fail\",\"more\":true,"
		"\"oneway\":true}",
		"{\"method\":\"io.openshell.Test.Fail\\u0000\"}",
		"{\"method\":\"io.openshell.Test.Fail\"} {}",
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i]);
		assert_string_equal(say(w, cases[i]), "closed");
		(void)close(w->raw);
		w->raw = -1;
	}
}

static void
test_absent_null_and_empty_parameters_are_the_same(void **state)
{
	static const char *const cases[] = {
		"{\"method\":\"io.openshell.Test.Custom\"}",
		"{\"method\":\"io.openshell.Test.Custom\","
		"\"parameters\":null}",
		"{\"method\":\"io.openshell.Test.Custom\",\"parameters\":{}}",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(say(*state, cases[i]),
		    "{\"error\":\"io.openshell.Test.Custom\","
		    "\"parameters\":{\"n\":7}}");
}

static void
test_a_oneway_call_is_not_answered(void **state)
{
	struct world *w = *state;

	assert_string_equal(say(w, "{\"method\":\"io.openshell.Test.Echo\","
				   "\"parameters\":{\"text\":\"x\"},"
				   "\"oneway\":true}"),
	    "nothing");
	assert_int_equal(w->echoed, 1);
	assert_string_equal(say(w, "{\"method\":\"io.openshell.Test.Nope\","
				   "\"oneway\":true}"),
	    "nothing");
}

static void
test_a_call_may_arrive_in_pieces(void **state)
{
	static const char text[] = "{\"method\":\"io.openshell.Test.Echo\","
				   "\"parameters\":{\"text\":\"x\"}}";
	struct world *w = *state;
	char answer[64];

	use_raw(w);
	for (size_t cut = 1; cut < sizeof(text); cut++) {
		assert_int_equal(write(w->raw, text, cut), cut);
		settle(w);
		assert_int_equal(read(w->raw, answer, sizeof(answer)), -1);
		assert_int_equal(write(w->raw, text + cut, sizeof(text) - cut),
		    sizeof(text) - cut);
		settle(w);
		assert_int_equal(
		    read(w->raw, answer, sizeof(answer)), sizeof(x_reply));
		assert_string_equal(
		    answer, "{\"parameters\":{\"text\":\"x\"}}");
	}
}

static void
test_several_calls_at_once_are_answered_in_turn(void **state)
{
	struct world *w = *state;
	char bytes[100 * 80];
	char answer[8192];
	size_t n = 0;

	for (int i = 0; i < 100; i++)
		n += (size_t)snprintf(bytes + n, sizeof(bytes) - n,
			 "{\"method\":\"io.openshell.Test.Echo\","
			 "\"parameters\":{\"text\":\"%02d\"}}",
			 i) +
		     1;
	use_raw(w);
	assert_int_equal(write(w->raw, bytes, n), n);
	settle(w);
	assert_int_equal(read(w->raw, answer, sizeof(answer)), 2900);
	assert_string_equal(answer, "{\"parameters\":{\"text\":\"00\"}}");
	assert_string_equal(
	    answer + 2871, "{\"parameters\":{\"text\":\"99\"}}");
}

static void
test_descriptors_go_both_ways(void **state)
{
	struct world *w = *state;
	autoclose int fd = memfd_create("test", MFD_CLOEXEC);
	struct carrier c = { fd, 41 };
	size_t open;

	assert_return_code(ftruncate(fd, 42), 0);
	use_client(w);
	open = count_open();
	call(w, &pass_method, &c, false, on_carrier);
	assert_int_equal(w->replies, 1);
	assert_int_equal(w->carried, 1);
	assert_int_equal(count_open(), open);

	c.number = 42;
	assert_return_code(ftruncate(fd, 43), 0);
	call(w, &pass_method, &c, false, on_carrier);
	assert_int_equal(w->carried, 2);
	assert_int_equal(count_open(), open);
}

static void
test_streamed_descriptors_stay_with_their_messages(void **state)
{
	struct world *w = *state;
	struct count n = { 3 };
	size_t open;

	use_client(w);
	open = count_open();
	/* on_carrier compares each file's size with the number beside it. */
	call(w, &stream_method, &n, true, on_carrier);
	assert_int_equal(w->replies, 3);
	assert_int_equal(w->carried, 3);
	assert_false(w->continues);
	assert_int_equal(count_open(), open);

	n.n = 100;
	call(w, &stream_method, &n, true, on_carrier);
	assert_int_equal(w->replies, 100);
	assert_int_equal(w->carried, 103);
	assert_int_equal(count_open(), open);
}

/* Sends bytes with n copies of a descriptor: the socket itself. */
static void
send_with(int fd, const char *bytes, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(64 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (char *)(uintptr_t)bytes, len };
	struct msghdr mh = { .msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_SPACE(n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(n * sizeof(int));
	for (size_t i = 0; i < n; i++)
		memcpy(CMSG_DATA(c) + i * sizeof(int), &fd, sizeof(int));
	assert_int_equal(sendmsg(fd, &mh, MSG_NOSIGNAL), len);
}

static void
test_descriptors_nobody_named_are_closed(void **state)
{
	static const char text[] = "{\"method\":\"io.openshell.Test.Echo\","
				   "\"parameters\":{\"text\":\"x\"}}";
	struct world *w = *state;
	char answer[64];
	size_t open;

	use_raw(w);
	open = count_open();
	send_with(w->raw, text, sizeof(text), VARLINK_FDS_MAX);
	settle(w);
	assert_int_equal(read(w->raw, answer, sizeof(answer)), sizeof(x_reply));
	assert_int_equal(count_open(), open);
}

static void
test_descriptors_named_wrongly_are_refused_and_closed(void **state)
{
	static const char text[] = "{\"method\":\"io.openshell.Test.Pass\","
				   "\"parameters\":{\"fd\":2}}";
	struct world *w = *state;
	char answer[256];
	size_t open;

	use_raw(w);
	open = count_open();
	send_with(w->raw, text, sizeof(text), 2);
	settle(w);
	assert_true(read(w->raw, answer, sizeof(answer)) > 0);
	assert_string_equal(answer,
	    "{\"error\":\"org.varlink.service.InvalidParameter\","
	    "\"parameters\":{\"parameter\":\"fd\"}}");
	assert_int_equal(count_open(), open);
}

static void
test_too_many_descriptors_end_the_connection(void **state)
{
	static const struct {
		const char *why;
		size_t first, second;
	} cases[] = {
		{ "at once", VARLINK_FDS_MAX + 1, 0 },
		{ "far too many at once", 64, 0 },
		{ "one after the other", VARLINK_FDS_MAX, 1 },
	};
	struct world *w = *state;
	char byte;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t open = count_open();

		print_message("%s\n", cases[i].why);
		use_raw(w);
		send_with(w->raw, "{", 1, cases[i].first);
		settle(w);
		if (cases[i].second > 0) {
			send_with(w->raw, " ", 1, cases[i].second);
			settle(w);
		}
		assert_int_equal(read(w->raw, &byte, 1), 0);
		(void)close(w->raw);
		w->raw = -1;
		assert_int_equal(count_open(), open);
	}
}

static void
test_a_message_over_the_limit_ends_the_connection(void **state)
{
	struct world *w = *state;
	size_t size = 5 << 20;
	autofree char *much = xmalloc(size);
	size_t sent = 0;
	char byte;

	use_raw(w);
	memset(much, ' ', size);
	much[0] = '{';
	for (int i = 0; i < 10000 && sent < size; i++) {
		ssize_t n =
		    send(w->raw, much + sent, size - sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EPIPE)
			break;
		sent += n > 0 ? (size_t)n : 0;
		(void)event_base_loop(w->base, EVLOOP_NONBLOCK);
	}
	assert_true(sent < size);
	assert_true(read(w->raw, &byte, 1) <= 0 && errno != EAGAIN);
}

static void
test_a_big_message_within_the_limit_goes_both_ways(void **state)
{
	struct world *w = *state;
	size_t size = (4 << 20) - 100;
	autofree char *much = xcalloc(1, size + 1);
	struct text t = { much };

	memset(much, 'x', size);
	call(w, &echo_method, &t, false, on_text);
	for (int i = 0; i < 100 && w->replies == 0; i++)
		settle(w);
	assert_int_equal(w->error.code, ERR_NONE);
	assert_int_equal(w->text_len, size);
}

static void
test_a_call_or_reply_over_the_limit_fails_alone(void **state)
{
	struct world *w = *state;
	size_t size = 4 << 20;
	autofree char *much = xcalloc(1, size + 1);
	struct text t = { much };

	memset(much, 'x', size);
	call(w, &echo_method, &t, false, on_text);
	assert_int_equal(w->error.code, ERR_LIMIT);
	call(w, &huge_method, NULL, false, on_text);
	assert_int_equal(w->error.code, ERR_LIMIT);
	t.text = "still there";
	call(w, &echo_method, &t, false, on_text);
	assert_string_equal(w->text, "still there");
}

static void
test_a_thousand_levels_end_the_connection(void **state)
{
	char deep[2100] = "{\"method\":\"io.openshell.Test.Fail\","
			  "\"parameters\":{\"x\":";
	size_t n = strlen(deep);

	memset(deep + n, '[', 1000);
	memset(deep + n + 1000, ']', 1000);
	memcpy(deep + n + 2000, "}}", 3);
	assert_string_equal(say(*state, deep), "closed");
}

static void
test_a_peer_that_does_not_read_is_dropped(void **state)
{
	struct world *w = *state;

	assert_string_not_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Flood\","
		   "\"more\":true}"),
	    "nothing");
	/* The loop has closed it, and whoever held the call knows. */
	assert_int_equal(w->cancelled, 1);
}

static void
test_hanging_up_cancels_the_call(void **state)
{
	struct world *w = *state;

	assert_string_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Wait\"}"), "nothing");
	assert_non_null(w->waiting);
	assert_int_equal(w->cancelled, 0);
	(void)close(w->raw);
	w->raw = -1;
	settle(w);
	assert_int_equal(w->cancelled, 1);
}

static void
test_hanging_up_is_noticed_behind_unread_bytes(void **state)
{
	struct world *w = *state;

	(void)say(w, "{\"method\":\"io.openshell.Test.Wait\"}");
	(void)say(w, "{\"method\":\"io.openshell.Test.Wait\"}");
	assert_int_equal(w->cancelled, 0);
	(void)close(w->raw);
	w->raw = -1;
	settle(w);
	assert_int_equal(w->cancelled, 1);
}

static void
test_a_late_answer_arrives_and_the_next_call_is_served(void **state)
{
	struct world *w = *state;
	struct text t = { "late" };
	char answer[128];

	assert_string_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Wait\"}"), "nothing");
	/* Waits in the socket until the first is answered. */
	assert_string_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Custom\"}"), "nothing");
	call_reply(w->waiting, &t);
	assert_int_equal(w->cancelled, 1);
	settle(w);
	assert_int_equal(read(w->raw, answer, sizeof(answer)),
	    31 + sizeof("{\"error\":\"io.openshell.Test.Custom\","
			"\"parameters\":{\"n\":7}}"));
	assert_string_equal(answer, "{\"parameters\":{\"text\":\"late\"}}");
}

static void
test_a_call_nobody_watches_can_be_answered_after_the_end(void **state)
{
	struct world *w = *state;
	struct text t = { "too late" };

	(void)say(w, "{\"method\":\"io.openshell.Test.Wait\"}");
	call_on_end(w->waiting, NULL, NULL);
	varlink_server_free(w->server);
	w->server = NULL;
	assert_int_equal(w->cancelled, 0);
	call_reply(w->waiting, &t);
}

static void
test_freeing_the_server_cancels_calls(void **state)
{
	struct world *w = *state;

	(void)say(w, "{\"method\":\"io.openshell.Test.Wait\"}");
	varlink_server_free(w->server);
	w->server = NULL;
	assert_int_equal(w->cancelled, 1);
}

static void
test_a_handler_may_free_the_server(void **state)
{
	struct world *w = *state;

	assert_string_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Free\"}"), "closed");
}

static void
test_nobody_is_let_in(void **state)
{
	struct world *w = *state;
	struct error e;
	char byte;
	int fds[2];

	w->role = ROLE_NOBODY;
	make_pair(fds);
	w->raw = fds[1];
	assert_int_equal(varlink_server_add(w->server, fds[0], &e), -1);
	assert_int_equal(e.code, ERR_DENIED);
	assert_int_equal(read(w->raw, &byte, 1), 0);
}

static void
test_a_higher_role_may_do_more(void **state)
{
	struct world *w = *state;

	w->role = ROLE_ADMIN;
	call(w, &admin_method, NULL, false, on_result);
	assert_int_equal(w->error.code, ERR_NONE);
	assert_int_equal(w->replies, 1);
}

/* How many of n connections are let in; all hang up at once, which the server
 * hears of when it is settled. */
static unsigned
connect_many(struct world *w, unsigned n)
{
	unsigned let_in = 0;

	for (unsigned i = 0; i < n; i++) {
		struct error e;
		int fds[2];

		make_pair(fds);
		if (varlink_server_add(w->server, fds[0], &e) == 0)
			let_in++;
		else
			assert_int_equal(e.code, ERR_LIMIT);
		(void)close(fds[1]);
	}
	return let_in;
}

static void
test_one_user_leaves_room_for_others(void **state)
{
	struct world *w = *state;

	assert_int_equal(connect_many(w, VARLINK_USER_CONNECTIONS_MAX + 2),
	    VARLINK_USER_CONNECTIONS_MAX);
	w->role = ROLE_ADMIN;
	assert_int_equal(connect_many(w, 300), 300);
	w->role = ROLE_USER;
	assert_int_equal(connect_many(w, 1), 0);
	settle(w);
	assert_int_equal(connect_many(w, 1), 1);
}

static void
test_all_users_together_leave_room_for_administrators(void **state)
{
	struct world *w = *state;
	unsigned users = 0, all;

	if (geteuid() != 0)
		skip();
	for (uid_t uid = 1; uid <= 8; uid++) {
		assert_int_equal(seteuid(uid), 0);
		users += connect_many(w, VARLINK_USER_CONNECTIONS_MAX);
		assert_int_equal(seteuid(0), 0);
	}
	assert_int_equal(users, VARLINK_USERS_CONNECTIONS_MAX);
	w->role = ROLE_ADMIN;
	all = users + connect_many(w, VARLINK_CONNECTIONS_MAX);
	assert_int_equal(all, VARLINK_CONNECTIONS_MAX);
}

static void
test_the_service_describes_itself(void **state)
{
	struct world *w = *state;
	const char *answer;

	assert_string_equal(
	    say(w, "{\"method\":\"org.varlink.service.GetInfo\"}"),
	    "{\"parameters\":{\"vendor\":\"OpenShell in C\","
	    "\"product\":\"test\",\"version\":\"" OPENSHELL_VERSION
	    "\",\"url\":\"\",\"interfaces\":[\"org.varlink.service\","
	    "\"io.openshell.Test\"]}}");
	answer = say(w,
	    "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	    "\"parameters\":{\"interface\":\"io.openshell.Test\"}}");
	assert_non_null(strstr(answer, "\\nmethod Echo(\\n"));
	answer = say(w,
	    "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
	    "\"parameters\":{\"interface\":\"org.varlink.service\"}}");
	assert_non_null(strstr(answer, "error ExpectedMore ()"));
}

static void
test_a_listener_survives_running_out_of_descriptors(void **state)
{
	struct world *w = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun.sun_family);
	struct rlimit limit, low;
	struct error e;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	/* An address of the kernel's choice: unix(7), autobind. */
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, len), 0);
	len = sizeof(sun);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sun, &len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(varlink_server_listen(w->server, fd, &e), 0);

	w->raw = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(w->raw, (struct sockaddr *)&sun, len), 0);
	assert_int_equal(fcntl(w->raw, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	low = limit;
	low.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
	settle(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_string_equal(
	    say(w, "{\"method\":\"io.openshell.Test.Custom\"}"), "nothing");
	/* The pause. */
	assert_int_equal(event_base_loop(w->base, EVLOOP_ONCE), 0);
	settle(w);
	assert_int_equal(read(w->raw, &e, sizeof(e)),
	    sizeof("{\"error\":\"io.openshell.Test.Custom\","
		   "\"parameters\":{\"n\":7}}"));
}

/* A client against raw bytes. */

static void
use_raw_client(struct world *w)
{
	int fds[2];

	make_pair(fds);
	w->client =
	    varlink_client_new(w->base, &test_interface, fds[1], on_closed, w);
	w->raw = fds[0];
}

static void
hear(struct world *w, const char *bytes)
{
	assert_int_equal(
	    write(w->raw, bytes, strlen(bytes) + 1), strlen(bytes) + 1);
	settle(w);
}

static void
test_a_broken_reply_fails_the_call_and_ends_the_connection(void **state)
{
	static const struct {
		const char *why;
		const char *reply;
		const char *text;
	} cases[] = {
		{ "a missing member", "{}",
		    "'text' in the reply of 'Echo' is missing" },
		{ "an unknown member",
		    "{\"parameters\":{\"text\":\"x\",\"b\":1}}",
		    "'b' in the reply of 'Echo' is not known" },
		{ "no JSON", "{x}", "message is not JSON" },
		{ "an unasked stream",
		    "{\"parameters\":{\"text\":\"x\"},\"continues\":true}",
		    "'Echo' got more than one reply" },
		{ "a call", "{\"method\":\"a.b\"}",
		    "message has a bad member 'method'" },
	};
	struct world *w = *state;
	struct text t = { "x" };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		print_message("%s\n", cases[i].why);
		use_raw_client(w);
		w->closed = 0;
		call(w, &echo_method, &t, false, on_text);
		varlink_client_call(
		    w->client, &echo_method, &t, false, NULL, NULL);
		hear(w, cases[i].reply);
		assert_int_equal(w->replies, 1);
		assert_int_equal(w->error.code, ERR_PROTOCOL);
		assert_string_equal(w->error.text, cases[i].text);
		assert_int_equal(w->closed, 1);
		varlink_client_free(w->client);
		w->client = NULL;
		(void)close(w->raw);
	}
	w->raw = -1;
}

static void
test_a_plain_reply_does_not_take_the_next_ones_descriptor(void **state)
{
	static const char plain[] = "{\"parameters\":{\"number\":1},"
				    "\"continues\":true}";
	static const char carrying[] = "{\"parameters\":{\"fd\":0},"
				       "\"continues\":true}";
	struct world *w = *state;
	struct count n = { 3 };
	size_t open;

	use_raw_client(w);
	call(w, &stream_method, &n, true, on_carrier);
	open = count_open();
	/* All are there before the client reads. */
	assert_int_equal(write(w->raw, plain, sizeof(plain)), sizeof(plain));
	send_with(w->raw, carrying, sizeof(carrying), 2);
	assert_int_equal(write(w->raw, plain, sizeof(plain)), sizeof(plain));
	settle(w);
	assert_int_equal(w->replies, 3);
	assert_int_equal(w->carried, 1);
	/* The one nobody named too. */
	assert_int_equal(count_open(), open);
	assert_int_equal(w->closed, 0);
}

static void
test_an_invalid_parameter_names_the_field(void **state)
{
	struct world *w = *state;
	struct count n = { 100001 };

	call(w, &stream_method, &n, true, on_carrier);
	assert_int_equal(w->error.code, ERR_INVALID);
	assert_string_equal(w->error.text, "missing or invalid parameter 'n'");
	assert_string_equal(w->name, "org.varlink.service.InvalidParameter");
}

static void
test_the_end_of_the_connection_answers_every_call(void **state)
{
	struct world *w = *state;
	struct text t = { "x" };

	use_raw_client(w);
	for (int i = 0; i < 3; i++)
		varlink_client_call(
		    w->client, &echo_method, &t, false, on_text, w);
	settle(w);
	(void)close(w->raw);
	w->raw = -1;
	settle(w);
	assert_int_equal(w->replies, 3);
	assert_int_equal(w->error.code, ERR_UNAVAILABLE);
	assert_int_equal(w->closed, 1);
	call(w, &echo_method, &t, false, on_text);
	assert_int_equal(w->replies, 1);
	assert_int_equal(w->error.code, ERR_UNAVAILABLE);
	assert_int_equal(w->closed, 1);
}

static void
test_a_reply_without_a_call_ends_the_connection(void **state)
{
	struct world *w = *state;

	use_raw_client(w);
	hear(w, "{}");
	assert_int_equal(w->closed, 1);
}

static void
free_client(void *arg, const struct varlink_result *r)
{
	struct world *w = arg;

	on_result(w, r);
	varlink_client_free(w->client);
	w->client = NULL;
}

static void
test_a_callback_may_free_the_client(void **state)
{
	struct world *w = *state;
	struct text t = { "x" };

	use_client(w);
	varlink_client_call(w->client, &echo_method, &t, false, free_client, w);
	varlink_client_call(w->client, &echo_method, &t, false, on_result, w);
	settle(w);
	assert_int_equal(w->replies, 1);
	assert_null(w->client);
	assert_int_equal(w->closed, 0);
}

/* The blocking client, against replies that are already in the socket. */

static void
test_a_blocking_call_gets_its_replies(void **state)
{
	static const char replies[] =
	    "{\"parameters\":{\"text\":\"a\"},\"continues\":true}\0"
	    "{\"parameters\":{\"text\":\"b\"}}";
	struct world *w = *state;
	struct error e;
	int fds[2];

	make_pair(fds);
	w->raw = fds[0];
	assert_int_equal(
	    write(fds[1], replies, sizeof(replies)), sizeof(replies));
	assert_int_equal(varlink_call_blocking(fds[0], &test_interface,
			     &flood_method, NULL, true, 1000, on_text, w, &e),
	    0);
	assert_int_equal(w->replies, 2);
	assert_string_equal(w->text, "b");
	(void)close(fds[1]);
}

static void
test_a_blocking_call_takes_descriptors(void **state)
{
	static const char text[] =
	    "{\"parameters\":{\"fd\":0},\"continues\":true}";
	static const char last[] = "{\"parameters\":{\"fd\":1}}";
	struct world *w = *state;
	size_t open = count_open();
	struct count n = { 1 };
	struct error e;
	int fds[2];

	make_pair(fds);
	send_with(fds[1], text, sizeof(text), 1);
	send_with(fds[1], last, sizeof(last), 2);
	assert_int_equal(varlink_call_blocking(fds[0], &test_interface,
			     &stream_method, &n, true, 1000, on_result, w, &e),
	    0);
	assert_int_equal(w->replies, 2);
	(void)close(fds[0]);
	(void)close(fds[1]);
	assert_int_equal(count_open(), open);
}

static void
test_a_blocking_call_fails_with_its_reason(void **state)
{
	static const struct {
		const char *why;
		const char *reply;
		enum error_code code;
	} cases[] = {
		{ "silence", NULL, ERR_TIMEOUT },
		{ "the end", "", ERR_UNAVAILABLE },
		{ "half a reply", "{\"par", ERR_UNAVAILABLE },
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error e;
		int fds[2];

		print_message("%s\n", cases[i].why);
		make_pair(fds);
		if (cases[i].reply != NULL) {
			assert_int_equal(write(fds[1], cases[i].reply,
					     strlen(cases[i].reply)),
			    strlen(cases[i].reply));
			(void)shutdown(fds[1], SHUT_WR);
		}
		assert_int_equal(
		    varlink_call_blocking(fds[0], &test_interface, &fail_method,
			NULL, false, 1, on_result, w, &e),
		    -1);
		assert_int_equal(e.code, cases[i].code);
		assert_int_equal(w->replies, 0);
		(void)close(fds[0]);
		(void)close(fds[1]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_call_is_answered),
		TEST(test_an_error_keeps_its_code_and_text),
		TEST(test_a_named_error_brings_its_parameters),
		TEST(test_calls_go_out_in_order_and_all_are_answered),
		TEST(test_every_refusal_has_its_name),
		TEST(test_what_is_no_call_ends_the_connection),
		TEST(test_absent_null_and_empty_parameters_are_the_same),
		TEST(test_a_oneway_call_is_not_answered),
		TEST(test_a_call_may_arrive_in_pieces),
		TEST(test_several_calls_at_once_are_answered_in_turn),
		TEST(test_descriptors_go_both_ways),
		TEST(test_streamed_descriptors_stay_with_their_messages),
		TEST(test_descriptors_nobody_named_are_closed),
		TEST(test_descriptors_named_wrongly_are_refused_and_closed),
		TEST(test_too_many_descriptors_end_the_connection),
		TEST(test_a_message_over_the_limit_ends_the_connection),
		TEST(test_a_big_message_within_the_limit_goes_both_ways),
		TEST(test_a_call_or_reply_over_the_limit_fails_alone),
		TEST(test_a_thousand_levels_end_the_connection),
		TEST(test_a_peer_that_does_not_read_is_dropped),
		TEST(test_hanging_up_cancels_the_call),
		TEST(test_hanging_up_is_noticed_behind_unread_bytes),
		TEST(test_a_late_answer_arrives_and_the_next_call_is_served),
		TEST(test_a_call_nobody_watches_can_be_answered_after_the_end),
		TEST(test_freeing_the_server_cancels_calls),
		TEST(test_a_handler_may_free_the_server),
		TEST(test_nobody_is_let_in),
		TEST(test_a_higher_role_may_do_more),
		TEST(test_one_user_leaves_room_for_others),
		TEST(test_all_users_together_leave_room_for_administrators),
		TEST(test_the_service_describes_itself),
		TEST(test_a_listener_survives_running_out_of_descriptors),
		TEST(
		    test_a_broken_reply_fails_the_call_and_ends_the_connection),
		TEST(test_a_plain_reply_does_not_take_the_next_ones_descriptor),
		TEST(test_an_invalid_parameter_names_the_field),
		TEST(test_the_end_of_the_connection_answers_every_call),
		TEST(test_a_reply_without_a_call_ends_the_connection),
		TEST(test_a_callback_may_free_the_client),
		TEST(test_a_blocking_call_gets_its_replies),
		TEST(test_a_blocking_call_takes_descriptors),
		TEST(test_a_blocking_call_fails_with_its_reason),
	};
	struct rlimit limit;

	/* A full server takes more than the usual 1024 descriptors. */
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
