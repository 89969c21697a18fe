/* SPDX-License-Identifier: Apache-2.0 */
/*
 * describe DIRECTORY - writes the description of every interface in
 * common/wire to DIRECTORY/<interface>.varlink.
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/cleanup.h"
#include "common/varlink/varlink.h"
#include "common/wire/gateway.h"
#include "common/wire/proxy.h"
#include "common/wire/router.h"
#include "common/wire/supervisor.h"
#include "common/xalloc.h"

static const struct interface *const interfaces[] = {
	&gateway_interface,
	&proxy_interface,
	&router_interface,
	&supervisor_interface,
};

static int
write_description(const char *directory, const struct interface *interface)
{
	autofree char *path =
	    xasprintf("%s/%s.varlink", directory, interface->name);
	autofree char *text = varlink_describe(interface);
	FILE *f = fopen(path, "w");
	int r;

	if (f == NULL) {
		perror(path);
		return -1;
	}
	r = fputs(text, f);
	if (fclose(f) != 0 || r < 0) {
		perror(path);
		return -1;
	}
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: describe DIRECTORY\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(interfaces) / sizeof(interfaces[0]); i++)
		if (write_description(argv[1], interfaces[i]) < 0)
			return 1;
	return 0;
}
