/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - see daemon.h. */
#include <assert.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "common/cleanup.h"
#include "common/daemon.h"
#include "common/log.h"
#include "common/xalloc.h"

/* Parsing goes on, or main() returns this. */
enum { GO_ON = -1, EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

static const struct daemon_option common_options[] = {
	{ "log-level", "LEVEL", "debug, info (the default) or warn", NULL },
	{ "help", NULL, "show this text", NULL },
	{ "version", NULL, "show the version", NULL },
	{ 0 },
};

struct running {
	const struct daemon *daemon;
	void *ctx;
	struct event_base *base;
};

static size_t
count_options(const struct daemon_option *o)
{
	size_t n = 0;

	while (o != NULL && o[n].name != NULL)
		n++;
	return n;
}

static void
print_options(const struct daemon_option *o)
{
	for (; o != NULL && o->name != NULL; o++) {
		autofree char *left = xasprintf("--%s%s%s", o->name,
		    o->metavar != NULL ? " " : "",
		    o->metavar != NULL ? o->metavar : "");

		printf("  %-28s %s\n", left, o->help);
	}
}

static int
show_help(const struct daemon *d)
{
	printf("usage: %s [OPTION]...\n%s\n\n", d->name, d->summary);
	print_options(d->options);
	print_options(common_options);
	return EXIT_OK;
}

static int
parse_level(const struct daemon *d, const char *name, enum log_level *ret)
{
	static const char *const names[] = {
		[LOG_LEVEL_DEBUG] = "debug",
		[LOG_LEVEL_INFO] = "info",
		[LOG_LEVEL_WARN] = "warn",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum log_level)i;
			return GO_ON;
		}
	}
	fprintf(stderr, "%s: unknown log level '%s'\n", d->name, name);
	return EXIT_USAGE;
}

static int
take_common(const struct daemon *d, const char *name, enum log_level *level)
{
	if (strcmp(name, "help") == 0)
		return show_help(d);
	if (strcmp(name, "version") == 0) {
		printf("%s %s\n", d->name, OPENSHELL_VERSION);
		return EXIT_OK;
	}
	return parse_level(d, optarg != NULL ? optarg : "", level);
}

static void
add_long_options(struct option *to, const struct daemon_option *from, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (struct option){ from[i].name,
			from[i].metavar != NULL ? required_argument
						: no_argument,
			NULL, 0 };
}

static int
parse_arguments(
    const struct daemon *d, int argc, char **argv, enum log_level *level)
{
	size_t own = count_options(d->options);
	size_t common = count_options(common_options);
	autofree struct option *options =
	    xcalloc(own + common + 1, sizeof(*options));
	int index, r;

	add_long_options(options, d->options, own);
	add_long_options(options + own, common_options, common);
	while ((r = getopt_long(argc, argv, "", options, &index)) != -1) {
		if (r != 0)
			return EXIT_USAGE; /* getopt_long has said why */
		if ((size_t)index < own) {
			*d->options[index].value = optarg ? optarg : "1";
			continue;
		}
		r = take_common(d, options[index].name, level);
		if (r != GO_ON)
			return r;
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument '%s'\n", d->name,
		    argv[optind]);
		return EXIT_USAGE;
	}
	return GO_ON;
}

static void
notify(const struct daemon *d, const char *state)
{
	if (d->notify != NULL)
		d->notify(state);
}

static void
on_stop(evutil_socket_t signal, short what, void *arg)
{
	struct running *r = arg;

	(void)what;
	log_info("stopping signal=%d", (int)signal);
	notify(r->daemon, "STOPPING=1");
	(void)event_base_loopexit(r->base, NULL);
}

static void
on_reload(evutil_socket_t signal, short what, void *arg)
{
	struct running *r = arg;

	(void)signal;
	(void)what;
	if (r->daemon->reload != NULL)
		r->daemon->reload(r->ctx);
}

static int
serve(struct running *r)
{
	static const struct {
		int signal;
		event_callback_fn run;
	} rows[] = {
		{ SIGTERM, on_stop },
		{ SIGINT, on_stop },
		{ SIGHUP, on_reload },
	};
	enum { ROWS = sizeof(rows) / sizeof(rows[0]) };
	struct event *events[ROWS];
	int result;

	for (size_t i = 0; i < ROWS; i++) {
		events[i] =
		    evsignal_new(r->base, rows[i].signal, rows[i].run, r);
		if (events[i] == NULL || event_add(events[i], NULL) < 0)
			fatalx("cannot watch signal=%d", rows[i].signal);
	}
	notify(r->daemon, "READY=1");
	log_info("ready version=%s", OPENSHELL_VERSION);
	result = event_base_dispatch(r->base);
	for (size_t i = 0; i < ROWS; i++)
		event_free(events[i]);
	return result < 0 ? EXIT_FAILED : EXIT_OK;
}

/* A connection is a descriptor or two, and the usual limit of 1024 is there
 * for the sake of select(2), which nobody here calls. */
static void
raise_descriptors(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		fatal("cannot read the limit of descriptors");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		log_warn("cannot raise the limit of descriptors");
}

int
daemon_run(const struct daemon *d, void *ctx, int argc, char **argv)
{
	enum log_level level = LOG_LEVEL_INFO;
	struct running r = { d, ctx, NULL };
	struct error e;
	int result = parse_arguments(d, argc, argv, &level);

	if (result != GO_ON)
		return result;
	log_open(d->name, level);
	(void)signal(SIGPIPE, SIG_IGN);
	raise_descriptors();
	r.base = event_base_new();
	if (r.base == NULL)
		fatalx("cannot make an event base");

	if (d->start(r.base, ctx, &e) < 0) {
		log_warnx("cannot start: %s", e.text);
		result = EXIT_FAILED;
	} else if (d->confine != NULL && d->confine(ctx, &e) < 0) {
		log_warnx("cannot confine: %s", e.text);
		result = EXIT_FAILED;
	} else {
		result = serve(&r);
	}
	if (d->stop != NULL)
		d->stop(ctx);
	event_base_free(r.base);
	return result;
}

int
daemon_harden(struct error *e)
{
	struct rlimit core;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return error_errno(e, "cannot set no_new_privs");
	/* A limit of 0 would still start a pipe handler: core(5).  It can't be
	 * raised again, though. */
	if (getrlimit(RLIMIT_CORE, &core) < 0)
		return error_errno(e, "cannot read the limit of core dumps");
	if (core.rlim_max > 1)
		core.rlim_max = 1;
	core.rlim_cur = core.rlim_max;
	if (setrlimit(RLIMIT_CORE, &core) < 0)
		return error_errno(e, "cannot limit core dumps");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return error_errno(e, "cannot become undumpable");
	return 0;
}
