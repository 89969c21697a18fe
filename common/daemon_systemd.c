/* SPDX-License-Identifier: Apache-2.0 */
/* daemon_systemd.c - see daemon_notify_systemd() in daemon.h. */
#include <systemd/sd-daemon.h>

#include "common/daemon.h"

void
daemon_notify_systemd(const char *state)
{
	(void)sd_notify(0, state);
}
