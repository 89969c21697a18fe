/* SPDX-License-Identifier: Apache-2.0 */
/* service.h - org.varlink.service, which every socket serves besides. */
#ifndef COMMON_VARLINK_SERVICE_H
#define COMMON_VARLINK_SERVICE_H

#include "common/varlink/server.h"

#define VARLINK_SERVICE "org.varlink.service"

extern const struct interface varlink_service_interface;
extern const struct handler varlink_service_handlers[];

/* The parameter of its errors: InterfaceNotFound, MethodNotFound,
 * MethodNotImplemented and InvalidParameter. */
struct varlink_named {
	const char *name;
};
extern const struct field varlink_named_interface[];
extern const struct field varlink_named_method[];
extern const struct field varlink_named_parameter[];

/* server.c: the service that the call came to. */
const struct service *call_service(const struct call *);
/* server.c: ends the call with an error that isn't the service's own. */
void call_error_named(struct call *, const char *whole_name,
    const struct field *fields, const void *params);

#endif
