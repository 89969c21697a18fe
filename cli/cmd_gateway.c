/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_gateway.c - openshell status and gateway: the background service. */
#include <cjson/cJSON.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/command.h"
#include "cli/output.h"
#include "common/cleanup.h"
#include "common/wire/gateway.h"

#define STOP_TIMEOUT_MS 10000

struct output_options {
	const char *output;
};

static const struct option_row output_rows[] = {
	{ "output", 'o', OPTION_STRING, offsetof(struct output_options, output),
	    "FORMAT", "table, json or yaml" },
	{ NULL },
};

static void
fill_tree(void *arg, const void *reply)
{
	const struct gateway_status *s = reply;
	const struct gateway_daemon *d = s->daemons.v;
	cJSON *tree = arg;
	cJSON *daemons;

	cJSON_AddStringToObject(tree, "version", s->version);
	cJSON_AddNumberToObject(tree, "pid", (double)s->pid);
	cJSON_AddNumberToObject(tree, "uptime_ms", (double)s->uptime_ms);
	cJSON_AddStringToObject(tree, "state_dir", s->state_dir);
	cJSON_AddNumberToObject(tree, "sandboxes", (double)s->sandboxes);
	cJSON_AddNumberToObject(tree, "ready", (double)s->ready);
	daemons = cJSON_AddArrayToObject(tree, "daemons");
	for (size_t i = 0; i < s->daemons.n; i++) {
		cJSON *one = cJSON_CreateObject();

		cJSON_AddStringToObject(one, "name", d[i].name);
		cJSON_AddStringToObject(one, "state", d[i].state);
		cJSON_AddNumberToObject(one, "pid", (double)d[i].pid);
		cJSON_AddNumberToObject(one, "restarts", (double)d[i].restarts);
		cJSON_AddItemToArray(daemons, one);
	}
}

static void
print_status(const cJSON *tree)
{
	static const struct {
		const char *heading;
		const char *key;
	} rows[] = {
		{ "Gateway", "gateway" },
		{ "Status", "status" },
		{ "Version", "version" },
		{ "State", "state_dir" },
		{ "Pid", "pid" },
		{ "Sandboxes", "sandboxes" },
		{ "Ready", "ready" },
	};
	const cJSON *d;

	print_text(stdout, BOLD, "Server Status");
	puts("");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const cJSON *v = cJSON_GetObjectItem(tree, rows[i].key);

		if (v == NULL)
			continue;
		printf("  %-10s ", rows[i].heading);
		if (cJSON_IsString(v))
			print_text(stdout,
			    strcmp(v->valuestring, "connected") == 0 ? GREEN
								     : PLAIN,
			    v->valuestring);
		else
			printf("%.0f", v->valuedouble);
		puts("");
	}
	cJSON_ArrayForEach(d, cJSON_GetObjectItem(tree, "daemons"))
	{
		const char *state =
		    cJSON_GetStringValue(cJSON_GetObjectItem(d, "state"));

		printf("  %-10s ",
		    cJSON_GetStringValue(cJSON_GetObjectItem(d, "name")));
		print_text(stdout,
		    state != NULL && strcmp(state, "up") == 0 ? GREEN : RED,
		    state);
		printf(" (pid %.0f, restarts %.0f)\n",
		    cJSON_GetNumberValue(cJSON_GetObjectItem(d, "pid")),
		    cJSON_GetNumberValue(cJSON_GetObjectItem(d, "restarts")));
	}
}

static int
run_status(struct cli *cli, const void *options, const struct arguments *a)
{
	const struct output_options *o = options;
	cJSON *tree;
	enum format format;
	int found, r = EXIT_DONE;

	(void)a;
	if (format_parse(o->output, &format) < 0)
		return EXIT_USAGE;
	found = cli_find(cli);
	if (found < 0)
		return EXIT_FAILED;
	tree = cJSON_CreateObject();
	if (!found) {
		cJSON_AddStringToObject(tree, "status", "not_configured");
		if (format == FORMAT_TABLE) {
			puts("No gateway is running.");
			hint("openshell gateway start");
		}
	} else {
		cJSON_AddStringToObject(tree, "gateway", cli->socket);
		cJSON_AddStringToObject(tree, "status", "connected");
		r = cli_call(
		    cli, &gateway_status_method, NULL, fill_tree, tree);
		if (r == EXIT_DONE && format == FORMAT_TABLE)
			print_status(tree);
	}
	if (r == EXIT_DONE && format != FORMAT_TABLE)
		print_tree(tree, format);
	else
		cJSON_Delete(tree);
	return r;
}

static int
run_start(struct cli *cli, const void *options, const struct arguments *a)
{
	int found = cli_find(cli);
	struct error e;

	(void)options;
	(void)a;
	if (found < 0)
		return EXIT_FAILED;
	if (found) {
		say(MARK_NOOP, "A gateway is running already (%s)",
		    cli->socket);
		return EXIT_DONE;
	}
	if (cli_start_gateway(cli, &e) < 0)
		return complain("%s", e.text);
	say(MARK_DONE, "Gateway ready (%s)", cli->socket);
	return EXIT_DONE;
}

static void
keep_pid(void *arg, const void *reply)
{
	*(pid_t *)arg = (pid_t)((const struct gateway_status *)reply)->pid;
}

static int
run_stop(struct cli *cli, const void *options, const struct arguments *a)
{
	autoclose int process = -1;
	struct pollfd ended = { .events = POLLIN };
	int found = cli_find(cli), r;
	pid_t pid = 0;

	(void)options;
	(void)a;
	if (found < 0)
		return EXIT_FAILED;
	if (!found) {
		say(MARK_NOOP, "No gateway is running");
		return EXIT_DONE;
	}
	r = cli_call(cli, &gateway_status_method, NULL, keep_pid, &pid);
	if (r != EXIT_DONE)
		return r;
	process = (int)syscall(SYS_pidfd_open, pid, 0);
	r = cli_call(cli, &gateway_shutdown_method, NULL, NULL, NULL);
	if (r != EXIT_DONE)
		return r;
	ended.fd = process;
	if (process >= 0 && poll(&ended, 1, STOP_TIMEOUT_MS) != 1)
		return complain("the gateway (pid %d) does not end", (int)pid);
	say(MARK_DONE, "Gateway stopped; sandboxes go on, and their traffic "
		       "waits for the next one");
	return EXIT_DONE;
}

static void
show_rotated(void *arg, const void *reply)
{
	const struct gateway_key_rotated *r = reply;

	(void)arg;
	say(MARK_DONE,
	    "Sealed %lld secrets with a new key; the old one is destroyed",
	    (long long)r->secrets);
}

static int
run_rotate_key(struct cli *cli, const void *options, const struct arguments *a)
{
	(void)options;
	(void)a;
	if (cli_connect(cli, START_IF_NEEDED) < 0)
		return EXIT_FAILED;
	return cli_call(
	    cli, &gateway_rotate_key_method, NULL, show_rotated, NULL);
}

static const struct option_row start_rows[] = {
	{ "remote", 0, OPTION_LATER, 0, "USER@HOST", NULL },
	{ "recreate", 0, OPTION_LATER, 0, NULL, NULL },
	{ NULL },
};

const struct command gateway_commands[] = {
	{ "gateway", "start", NULL, "", "start yours in the background",
	    start_rows, 0, 0, false, false, run_start },
	{ "gateway", "stop", NULL, "", "end it; sandboxes live on", NULL, 0, 0,
	    false, false, run_stop },
	{ "gateway", "info", NULL, "", "where it is and what it does",
	    output_rows, sizeof(struct output_options), 0, false, false,
	    run_status },
	{ "gateway", "rotate-key", NULL, "",
	    "seal all secrets with a new key and destroy the old one", NULL, 0,
	    0, false, false, run_rotate_key },
	{ NULL, "status", NULL, "", "is a gateway running, and its daemons?",
	    output_rows, sizeof(struct output_options), 0, false, false,
	    run_status },
	{ NULL },
};
