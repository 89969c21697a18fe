/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session.c - see session.h.
 *
 * libevent with poll(2) rather than epoll(7), which refuses regular files: our
 * input may be one.  Our own descriptors stay blocking, for they are shared
 * with the shell that started us; those from the sandbox are ours alone.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/session.h"
#include "common/cleanup.h"
#include "common/log.h"
#include "common/varlink/client.h"
#include "common/wire/gateway.h"
#include "common/wire/supervisor.h"

#define CHUNK 65536

/* After the command has ended its grandchildren may hold its pipes: what they
 * haven't said by then is lost. */
static const struct timeval linger = { 0, 500000 };

/* One direction. */
struct pump {
	struct session *session;
	int from;
	int to;
	bool owns_from; /* close it at its end */
	bool owns_to;
	char data[CHUNK];
	size_t start;
	size_t len;
	bool ended; /* nothing more is read */
	struct event *readable;
	struct event *writable;
};

enum { PUMP_IN, PUMP_OUT, PUMP_ERR, PUMP_MAX_ };

struct session {
	struct cli *cli;
	const struct gateway_exec *request;
	struct event_base *base;
	struct varlink_client *client;
	struct pump pumps[PUMP_MAX_];
	int64_t id;
	int pty; /* -1: pipes */
	int exit_code;
	bool exited; /* the last reply has come */
	bool lost;   /* or never will */
	unsigned interrupts;
};

static struct termios saved_termios;
static bool is_raw;

static void
restore_terminal(void)
{
	if (is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSADRAIN, &saved_termios);
	is_raw = false;
}

static void
make_raw(void)
{
	struct termios raw;

	if (tcgetattr(STDIN_FILENO, &saved_termios) < 0)
		return;
	raw = saved_termios;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) < 0)
		return;
	is_raw = true;
	(void)atexit(restore_terminal);
}

static bool
outputs_ended(const struct session *s)
{
	return s->pumps[PUMP_OUT].ended && s->pumps[PUMP_ERR].ended;
}

static void
check_end(struct session *s)
{
	if (s->exited && outputs_ended(s))
		(void)event_base_loopbreak(s->base);
}

static void
close_owned(int *fd, bool owned)
{
	if (owned && *fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

static void
pump_end(struct pump *p)
{
	if (p->ended)
		return;
	p->ended = true;
	if (p->readable != NULL)
		event_free(p->readable);
	if (p->writable != NULL)
		event_free(p->writable);
	p->readable = p->writable = NULL;
	/* Closing the command's input tells it of the end. */
	close_owned(&p->to, p->owns_to);
	close_owned(&p->from, p->owns_from);
	check_end(p->session);
}

/* Writes what it has; waits for room where it must. */
static void
pump_write(struct pump *p)
{
	while (p->len > 0) {
		ssize_t n = write(p->to, p->data + p->start, p->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			(void)event_del(p->readable);
			(void)event_add(p->writable, NULL);
			return;
		}
		if (n < 0) {
			/* Nobody reads any more: as SIGPIPE would have it. */
			pump_end(p);
			return;
		}
		p->start += (size_t)n;
		p->len -= (size_t)n;
	}
	(void)event_add(p->readable, NULL);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct pump *p = arg;
	ssize_t n = read((int)fd, p->data, sizeof(p->data));

	(void)what;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	/* EIO is how a terminal ends. */
	if (n <= 0) {
		pump_end(p);
		return;
	}
	p->start = 0;
	p->len = (size_t)n;
	pump_write(p);
}

static void
on_writable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	pump_write(arg);
}

static void
pump_start(struct session *s, int which, int from, int to)
{
	struct pump *p = &s->pumps[which];

	p->session = s;
	p->from = from;
	p->to = to;
	p->ended = false;
	p->readable =
	    event_new(s->base, from, EV_READ | EV_PERSIST, on_readable, p);
	p->writable = event_new(s->base, to, EV_WRITE, on_writable, p);
	if (p->readable == NULL || p->writable == NULL ||
	    event_add(p->readable, NULL) < 0)
		fatalx("cannot watch a descriptor");
}

static void
set_size(struct session *s)
{
	struct winsize size;

	if (s->pty >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(s->pty, TIOCSWINSZ, &size);
}

static void
start_pumps(struct session *s, struct supervisor_exec_reply *r)
{
	if (r->pty >= 0) {
		s->pty = steal_fd(&r->pty);
		(void)evutil_make_socket_nonblocking(s->pty);
		s->pumps[PUMP_OUT].owns_from = true;
		pump_start(s, PUMP_IN, STDIN_FILENO, s->pty);
		pump_start(s, PUMP_OUT, s->pty, STDOUT_FILENO);
		make_raw();
		set_size(s);
		return;
	}
	/* A descriptor that didn't come is no command of ours. */
	if (r->in < 0 || r->out < 0 || r->err < 0)
		return;
	(void)evutil_make_socket_nonblocking(r->in);
	s->pumps[PUMP_IN].owns_to = true;
	s->pumps[PUMP_OUT].owns_from = true;
	s->pumps[PUMP_ERR].owns_from = true;
	pump_start(s, PUMP_IN, STDIN_FILENO, steal_fd(&r->in));
	pump_start(s, PUMP_OUT, steal_fd(&r->out), STDOUT_FILENO);
	pump_start(s, PUMP_ERR, steal_fd(&r->err), STDERR_FILENO);
}

static void
on_reply(void *arg, const struct varlink_result *r)
{
	struct session *s = arg;
	struct supervisor_exec_reply *reply = r->reply;

	if (r->error != NULL && s->id != 0 &&
	    r->error->code == ERR_UNAVAILABLE) {
		/* The gateway is gone, the command isn't: its bytes don't go
		 * through there.  Only how it ends can't be told. */
		s->exited = true;
		s->lost = true;
		check_end(s);
		return;
	}
	if (r->error != NULL) {
		restore_terminal();
		s->exit_code = complain("%s", r->error->text);
		(void)event_base_loopbreak(s->base);
		return;
	}
	if (reply->started) {
		s->id = reply->session;
		start_pumps(s, reply);
		return;
	}
	s->exited = true;
	s->exit_code = (int)reply->exit_code;
	if (reply->message != NULL) {
		restore_terminal();
		(void)complain("%s", reply->message);
	}
	/* What it wrote before it ended is still in the pipes. */
	(void)event_base_loopexit(s->base, &linger);
	check_end(s);
}

static void
on_closed(void *arg)
{
	(void)arg; /* on_reply was told */
}

static void
on_window(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	set_size(arg);
}

/* We end, and with our connection the command. */
static void
interrupt_session(struct session *s, int signo)
{
	s->exit_code = 128 + signo;
	(void)event_base_loopbreak(s->base);
}

/* Without a terminal of its own the command gets our interrupt; a second one
 * ends us. */
static void
on_interrupt(evutil_socket_t signo, short what, void *arg)
{
	struct session *s = arg;
	struct gateway_signal params = { s->request->name, s->id, signo };
	struct cli other = { .fd = -1 };

	(void)what;
	if (s->interrupts++ > 0 || s->id == 0) {
		interrupt_session(s, (int)signo);
		return;
	}
	other.fd = cli_connect_again(s->cli);
	if (other.fd >= 0) {
		(void)cli_call(
		    &other, &gateway_signal_method, &params, NULL, NULL);
		(void)close(other.fd);
	}
}

static void
on_terminate(evutil_socket_t signo, short what, void *arg)
{
	(void)what;
	interrupt_session(arg, (int)signo);
}

static struct event_base *
new_base(void)
{
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL || event_config_avoid_method(config, "epoll") < 0)
		fatalx("cannot configure libevent");
	base = event_base_new_with_config(config);
	if (base == NULL)
		fatalx("cannot make an event base");
	event_config_free(config);
	return base;
}

static void
watch_signals(struct session *s, struct event *ret[4])
{
	const struct {
		int signo;
		event_callback_fn run;
	} rows[] = {
		{ SIGWINCH, on_window },
		{ SIGINT, on_interrupt },
		{ SIGTERM, on_terminate },
		{ SIGHUP, on_terminate },
	};

	for (size_t i = 0; i < 4; i++) {
		ret[i] = evsignal_new(s->base, rows[i].signo, rows[i].run, s);
		if (ret[i] == NULL || event_add(ret[i], NULL) < 0)
			fatalx("cannot watch signals");
	}
}

int
session_run(struct cli *cli, const struct gateway_exec *request)
{
	struct session *s = calloc(1, sizeof(*s));
	struct event *signals[4];
	int fd = cli_connect_again(cli);
	int exit_code;

	if (s == NULL)
		fatal("cannot allocate");
	if (fd < 0) {
		free(s);
		return EXIT_FAILED;
	}
	s->cli = cli;
	s->request = request;
	s->pty = -1;
	s->exit_code = EXIT_FAILED;
	for (int i = 0; i < PUMP_MAX_; i++)
		s->pumps[i].ended = true; /* until it is started */
	s->base = new_base();
	watch_signals(s, signals);
	s->client =
	    varlink_client_new(s->base, &gateway_interface, fd, on_closed, s);
	varlink_client_call(
	    s->client, &gateway_exec_method, request, true, on_reply, s);
	(void)event_base_dispatch(s->base);
	restore_terminal();
	if (s->lost)
		s->exit_code = complain("the gateway went away: how the "
					"command ended is not known");

	for (int i = 0; i < PUMP_MAX_; i++)
		pump_end(&s->pumps[i]);
	for (size_t i = 0; i < 4; i++)
		event_free(signals[i]);
	varlink_client_free(s->client);
	event_base_free(s->base);
	exit_code = s->exit_code;
	free(s);
	return exit_code;
}
