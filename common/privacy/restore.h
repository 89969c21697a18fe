/* SPDX-License-Identifier: Apache-2.0 */
/*
 * restore.h - puts the original texts back where a model's answer has their
 * placeholders.
 *
 * An answer comes in any pieces.  A placeholder may be split over them, its
 * characters may be written as escapes, and it may stand in JSON that is a
 * string of JSON (arguments of a tool): the text is escaped as deep as it
 * stands, so that whoever parses as often reads exactly the original.  Every
 * other byte stays as it came, and none waits but those that may yet be the
 * beginning of a placeholder.  An answer that isn't JSON is plain text.
 *
 * In a stream of events (WHATWG HTML, 9.2) a placeholder is split over the
 * events too.  Of each channel of text (a message's content, a tool's
 * arguments, what a model thinks) the part that may be the beginning of one
 * waits for the channel's next event.  If the channel ends instead, a copy of
 * its last event takes it along first.  Events with no part of a placeholder
 * pass at once and as they are.
 *
 * The answer is hostile: what one event, all channels and all that is put back
 * or sent again may take has a limit.  No I/O, no clock, no log.
 */
#ifndef COMMON_PRIVACY_RESTORE_H
#define COMMON_PRIVACY_RESTORE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buf.h"
#include "common/cleanup.h"
#include "common/error.h"

#define PRIVACY_EVENT_MAX (4u << 20)
#define PRIVACY_CHANNELS_MAX 256
#define PRIVACY_WAITING_MAX (1u << 20)   /* for next events, of all channels */
#define PRIVACY_RESTORED_MAX (64u << 20) /* of an answer, as it is escaped */

struct privacy_map;
struct privacy_restore; /* opaque: one answer's */

/* The map is borrowed until the free; sealed.  is_stream: text/event-stream. */
struct privacy_restore *privacy_restore_new(
    const struct privacy_map *, bool is_stream);
void privacy_restore_free(struct privacy_restore *); /* wipes; NULL is fine */

/* Appends what may go on.  -1, ERR_LIMIT: the answer must end here. */
int privacy_restore_feed(struct privacy_restore *, const void *, size_t n,
    struct buf *out, struct error *);
/* The answer is complete: appends what has waited. */
int privacy_restore_end(
    struct privacy_restore *, struct buf *out, struct error *);

DEFINE_FREEP(privacy_restore);

#endif
