/* SPDX-License-Identifier: Apache-2.0 */
/* media.h - what kind of body a head announces (RFC 9110 8.3, 8.4). */
#ifndef COMMON_HTTP_MEDIA_H
#define COMMON_HTTP_MEDIA_H

#include "common/http/message.h"

/* "type/subtype" without its parameters; absent if the head has none, or
 * two. */
struct http_slice media_type(const struct http_head *);
/* No content coding but identity? */
bool media_is_plain(const struct http_head *);
bool media_is_json(struct http_slice type);
/* Something that people or programs read as text?  What has no type may be. */
bool media_is_text(struct http_slice type);

bool media_is_event_stream(struct http_slice type);

#endif
