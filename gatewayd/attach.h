/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach.h - gives a running sandbox to proxyd: its listeners, its policy, its
 * certificate authority.
 */
#ifndef GATEWAYD_ATTACH_H
#define GATEWAYD_ATTACH_H

struct error;
struct gateway;
struct sandbox;

/*
 * done(s, error or NULL) is called once, from the loop.  Needs proxyd up and
 * the sandbox's instance.  Ends with ERR_UNAVAILABLE if either goes away.
 */
typedef void attach_done_fn(struct sandbox *, const struct error *);
void attach_sandbox(struct sandbox *, attach_done_fn *done);

/* proxyd forgets it, whether it had it or not; nothing if proxyd isn't up. */
void attach_undo(struct gateway *, const char *sandbox);

#endif
