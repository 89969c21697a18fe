/* SPDX-License-Identifier: Apache-2.0 */
/* event.c - see event.h. */
#include "common/wire/event.h"
#include "common/wire/limits.h"

#define EVENT_FIELDS_MAX 32

#define P(member) offsetof(struct log_event, member)
const struct field event_fields[] = {
	{ "time_ms", FIELD_INT, REQUIRED, P(time_ms) },
	{ "sandbox", FIELD_STR, OPTIONAL, P(sandbox), WIRE_NAME_MAX },
	{ "source", FIELD_STR, REQUIRED, P(source), WIRE_WORD_MAX },
	{ "level", FIELD_STR, REQUIRED, P(level), WIRE_WORD_MAX },
	{ "target", FIELD_STR, REQUIRED, P(target), WIRE_WORD_MAX },
	{ "message", FIELD_STR, REQUIRED, P(message), WIRE_TEXT_MAX },
	{ "fields", FIELD_MAP, OPTIONAL, P(fields), EVENT_FIELDS_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct log_events, member)
const struct field events_fields[] = {
	{ "events", FIELD_OBJS, REQUIRED, P(events), WIRE_EVENTS_MAX,
	    event_fields, sizeof(struct log_event) },
	{ "dropped", FIELD_INT, OPTIONAL, P(dropped) },
	{ 0 },
};
#undef P
