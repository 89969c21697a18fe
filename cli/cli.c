/* SPDX-License-Identifier: Apache-2.0 */
/* cli.c - see cli.h. */
#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/dirs.h"
#include "common/program.h"
#include "common/varlink/client.h"
#include "common/wire/gateway.h"
#include "common/xalloc.h"

#define SYSTEM_SOCKET "/run/openshell/" GATEWAY_SOCKET_NAME
#define START_TRIES 500 /* of START_PAUSE_US */
#define START_PAUSE_US 20000
#define LOG_TAIL 2000 /* bytes of the gateway's log that an error shows */

void
say(enum mark mark, const char *fmt, ...)
{
	static const struct {
		const char *sign;
		enum colour colour;
	} marks[] = {
		[MARK_DONE] = { "✓", GREEN },
		[MARK_NOTICE] = { "!", YELLOW },
		[MARK_NOOP] = { "·", DIM },
		[MARK_FAILED] = { "✗", RED },
		[MARK_SUPERSEDED] = { "⚠", YELLOW },
		[MARK_INFO] = { "ℹ", CYAN },
	};
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	print_text(stderr, marks[mark].colour, marks[mark].sign);
	(void)fputs(" ", stderr);
	print_text(stderr, PLAIN, text);
	(void)fputs("\n", stderr);
}

int
complain(const char *fmt, ...)
{
	autofree char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	print_text(stderr, RED, "error:");
	(void)fputs(" ", stderr);
	print_text(stderr, PLAIN, text);
	(void)fputs("\n", stderr);
	return EXIT_FAILED;
}

void
hint(const char *fmt, ...)
{
	va_list ap;

	(void)fputs("hint: ", stderr);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs("\n", stderr);
}

char *
read_file(const char *path, size_t max)
{
	autofree char *text = xmalloc(max + 2);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r;

	if (fd < 0) {
		(void)complain("cannot open '%s': %s", path, strerror(errno));
		return NULL;
	}
	while ((r = read(fd, text + n, max + 1 - n)) > 0)
		n += (size_t)r;
	if (r < 0) {
		(void)complain("cannot read '%s': %s", path, strerror(errno));
		return NULL;
	}
	if (n > max) {
		(void)complain("'%s' has more than %zu bytes", path, max);
		return NULL;
	}
	if (memchr(text, '\0', n) != NULL) {
		(void)complain("'%s' has NUL bytes: it is no text", path);
		return NULL;
	}
	text[n] = '\0';
	return steal_ptr(&text);
}

/* Where the caller's own gateway has its socket; owned, or NULL. */
static char *
own_socket(struct error *e)
{
	_cleanup_(dirs_clear) struct dirs dirs = { 0 };

	if (dirs_find(&dirs, e) < 0)
		return NULL;
	return xasprintf("%s/" GATEWAY_SOCKET_NAME, dirs.runtime);
}

static int
try_connect(
    struct cli *cli, const char *path, enum endpoint kind, struct error *e)
{
	if (endpoint_connect(path, kind, &cli->fd, e) < 0)
		return -1;
	free(cli->socket);
	cli->socket = xstrdup(path);
	cli->kind = kind;
	return 0;
}

/* Root's own place is the system's, which the service's user may own. */
static int
try_own(struct cli *cli, const char *own, struct error *e)
{
	return try_connect(cli, own,
	    strcmp(own, SYSTEM_SOCKET) == 0 ? ENDPOINT_SHARED : ENDPOINT_OWN,
	    e);
}

static void
say_why(const struct error *e)
{
	(void)complain("%s", e->text);
	if (e->code == ERR_DENIED)
		hint("nothing was sent; let OPENSHELL_RUNTIME_DIR or "
		     "XDG_RUNTIME_DIR name a directory that is yours alone");
}

/* In the background for good: no terminal, no descriptor of ours. */
static void
become_gateway(const char *program, int log)
{
	char *argv[] = { (char *)(uintptr_t)program, NULL };
	int null = open("/dev/null", O_RDONLY);

	(void)setsid();
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(log, STDOUT_FILENO);
	(void)dup2(log, STDERR_FILENO);
	(void)close_range(3, ~0u, 0);
	if (chdir("/") == 0)
		execve(program, argv, program_environment(environ));
	fprintf(stderr, "cannot execute %s: %s\n", program, strerror(errno));
	_exit(EXIT_FAILED);
}

static void
show_tail(const char *path)
{
	char text[LOG_TAIL + 1];
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	(void)lseek(fd, -LOG_TAIL, SEEK_END);
	n = read(fd, text, LOG_TAIL);
	if (n <= 0)
		return;
	text[n] = '\0';
	fprintf(stderr, "the end of %s:\n%s", path, text);
}

int
cli_start_gateway(struct cli *cli, struct error *e)
{
	_cleanup_(dirs_clear) struct dirs dirs = { 0 };
	autofree char *socket = own_socket(e),
		      *program = program_find("gatewayd");
	autofree char *log = NULL;
	autoclose int fd = -1;
	pid_t pid;

	if (socket == NULL || dirs_find(&dirs, e) < 0 ||
	    dirs_make(dirs.state, e) < 0)
		return -1;
	if (access(program, X_OK) < 0)
		return error_set(
		    e, ERR_NOT_FOUND, "there is no gatewayd at '%s'", program);
	log = xasprintf("%s/gateway.log", dirs.state);
	fd = open(
	    log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_errno(e, "cannot open '%s'", log);
	say(MARK_INFO,
	    "No gateway found — starting one automatically (log: %s)", log);
	pid = fork();
	if (pid < 0)
		return error_errno(e, "cannot fork");
	if (pid == 0) {
		/* Twice, so that nobody's child stays behind. */
		if (fork() == 0)
			become_gateway(program, fd);
		_exit(0);
	}
	for (int i = 0; i < START_TRIES; i++) {
		if (try_own(cli, socket, e) == 0)
			return 0;
		if (e->code == ERR_DENIED)
			return -1;
		(void)usleep(START_PAUSE_US);
	}
	show_tail(log);
	return error_set(e, ERR_TIMEOUT, "the gateway did not start");
}

/* OPENSHELL_GATEWAY_SOCKET, or NULL. */
static const char *
given_socket(void)
{
	const char *given = getenv("OPENSHELL_GATEWAY_SOCKET");

	return given != NULL && given[0] != '\0' ? given : NULL;
}

/* The one that was named; else the caller's own, which may be started, else the
 * system's. */
static int
find(struct cli *cli, enum start start, struct error *e)
{
	const char *given = given_socket();
	autofree char *own = NULL;
	struct error unsaid; /* what kept ours from starting is */

	if (given != NULL)
		return try_connect(cli, given, ENDPOINT_SHARED, e);
	own = own_socket(e);
	if (own == NULL)
		return -1;
	if (try_own(cli, own, e) == 0)
		return 0;
	if (e->code == ERR_DENIED)
		return -1;
	if (start == START_NEVER)
		return try_connect(cli, SYSTEM_SOCKET, ENDPOINT_SHARED, e);
	return cli_start_gateway(cli, e) == 0
		   ? 0
		   : try_connect(cli, SYSTEM_SOCKET, ENDPOINT_SHARED, &unsaid);
}

int
cli_find(struct cli *cli)
{
	struct error e;

	if (cli->fd >= 0 || find(cli, START_NEVER, &e) == 0)
		return 1;
	if (e.code == ERR_UNAVAILABLE)
		return 0;
	say_why(&e);
	return -1;
}

static void
say_none(const char *given)
{
	if (given != NULL) {
		(void)complain("no gateway answers at '%s'", given);
		hint("OPENSHELL_GATEWAY_SOCKET names it; unset it to use your "
		     "own");
	} else {
		(void)complain("No active gateway");
		hint("openshell gateway start");
	}
}

int
cli_connect(struct cli *cli, enum start start)
{
	const char *given = given_socket();
	struct error e;

	if (cli->fd >= 0)
		return 0;
	if (find(cli, start, &e) == 0)
		return 0;
	if ((given != NULL || start == START_NEVER) &&
	    e.code == ERR_UNAVAILABLE)
		say_none(given);
	else
		say_why(&e);
	return -1;
}

int
cli_connect_again(struct cli *cli)
{
	struct error e;
	int fd;

	if (endpoint_connect(cli->socket, cli->kind, &fd, &e) < 0) {
		(void)complain("%s", e.text);
		return -1;
	}
	return fd;
}

/* Each violation as compilers write theirs. */
static void
show_violations(const struct cli *cli, const char *params)
{
	cJSON *tree = cJSON_Parse(params);
	const cJSON *v;

	cJSON_ArrayForEach(v, cJSON_GetObjectItem(tree, "violations"))
	{
		const char *path =
		    cJSON_GetStringValue(cJSON_GetObjectItem(v, "path"));
		const char *message =
		    cJSON_GetStringValue(cJSON_GetObjectItem(v, "message"));
		const char *file =
		    cJSON_GetStringValue(cJSON_GetObjectItem(v, "file"));
		autofree char *line = xasprintf("%s:%.0f:%.0f: %s%s%s",
		    file != NULL               ? file
		    : cli->policy_file != NULL ? cli->policy_file
					       : "policy",
		    cJSON_GetNumberValue(cJSON_GetObjectItem(v, "line")),
		    cJSON_GetNumberValue(cJSON_GetObjectItem(v, "column")),
		    path != NULL ? path : "",
		    path != NULL && path[0] != '\0' ? ": " : "",
		    message != NULL ? message : "");

		print_text(stderr, PLAIN, line);
		(void)fputs("\n", stderr);
	}
	cJSON_Delete(tree);
}

struct call_state {
	struct cli *cli;
	cli_use_fn *use;
	void *arg;
	enum error_code quiet;
	bool failed;
};

static void
on_result(void *arg, const struct varlink_result *r)
{
	struct call_state *state = arg;

	if (r->error == NULL) {
		if (state->use != NULL)
			state->use(state->arg, r->reply);
		return;
	}
	state->failed = true;
	state->cli->code = r->error->code;
	if (r->error->code == state->quiet)
		return;
	(void)complain("%s", r->error->text);
	if (r->error_params != NULL)
		show_violations(state->cli, r->error_params);
}

int
cli_call_quiet(struct cli *cli, const struct method *method, const void *params,
    cli_use_fn *use, void *arg, enum error_code quiet)
{
	struct call_state state = { cli, use, arg, quiet, false };
	struct error e;

	cli->code = ERR_NONE;
	if (varlink_call_blocking(cli->fd, &gateway_interface, method, params,
		(method->flags & METHOD_MORE) != 0, -1, on_result, &state,
		&e) < 0) {
		cli->code = e.code;
		return complain("the gateway is gone: %s", e.text);
	}
	return state.failed ? EXIT_FAILED : EXIT_DONE;
}

int
cli_call(struct cli *cli, const struct method *method, const void *params,
    cli_use_fn *use, void *arg)
{
	return cli_call_quiet(cli, method, params, use, arg, ERR_NONE);
}

static char *
last_sandbox_path(void)
{
	_cleanup_(dirs_clear) struct dirs dirs = { 0 };
	struct error e;

	if (dirs_find(&dirs, &e) < 0 || dirs_make(dirs.state, &e) < 0)
		return NULL;
	return xasprintf("%s/last_sandbox", dirs.state);
}

void
cli_remember_sandbox(const char *name)
{
	autofree char *path = last_sandbox_path();
	autoclose int fd =
	    path == NULL
		? -1
		: open(path,
		      O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		      0600);

	/* A convenience: nobody is told when it fails. */
	if (fd >= 0 && write(fd, name, strlen(name)) < 0)
		(void)unlink(path);
}

char *
cli_sandbox_name(struct cli *cli, const char *given)
{
	autofree char *path = NULL;
	autoclose int fd = -1;
	char name[64];
	ssize_t n;

	(void)cli;
	if (given != NULL)
		return xstrdup(given);
	path = last_sandbox_path();
	fd = path == NULL ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, name, sizeof(name) - 1);
	if (n <= 0) {
		(void)complain("no sandbox name given and none used before");
		hint("openshell sandbox list");
		return NULL;
	}
	name[n] = '\0';
	fprintf(stderr, "→ Using sandbox '%s' (last used)\n", name);
	return xstrdup(name);
}
