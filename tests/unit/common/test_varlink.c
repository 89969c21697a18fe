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

#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
	{ "fd", FIELD_FD, REQUIRED, P(fd) },
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
	unsigned closed;
	bool continues;
	struct error error;
	char name[128];
	char params[256];
	char text[64];
	size_t text_len;
	ino_t inodes[8];
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
	autoclose int fd = steal_fd(&p->fd);
	struct carrier reply = { fd, p->number + 1 };

	(void)e;
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
	if (c == NULL)
		return;
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

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_a_call_is_answered),
		TEST(test_an_error_keeps_its_code_and_text),
	};

	(void)count_open;
	(void)say;
	(void)on_carrier;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
