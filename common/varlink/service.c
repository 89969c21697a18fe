/* SPDX-License-Identifier: Apache-2.0 */
/* service.c - see service.h. */
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/varlink/service.h"

#define VENDOR "OpenShell in C"
#define INTERFACE_NAME_MAX 255
#define DESCRIPTION_MAX (1 << 20)

struct info {
	const char *vendor;
	const char *product;
	const char *version;
	const char *url;
	struct strings interfaces;
};

struct description {
	const char *description;
};

#define P(member) offsetof(struct info, member)
static const struct field info_fields[] = {
	{ "vendor", FIELD_STR, REQUIRED, P(vendor) },
	{ "product", FIELD_STR, REQUIRED, P(product) },
	{ "version", FIELD_STR, REQUIRED, P(version) },
	{ "url", FIELD_STR, REQUIRED, P(url) },
	{ "interfaces", FIELD_STRS, REQUIRED, P(interfaces), 16 },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct description, member)
static const struct field description_fields[] = {
	{ "description", FIELD_STR, REQUIRED, P(description), DESCRIPTION_MAX },
	{ 0 },
};
#undef P

#define P(member) offsetof(struct varlink_named, member)
const struct field varlink_named_interface[] = {
	{ "interface", FIELD_STR, REQUIRED, P(name), INTERFACE_NAME_MAX },
	{ 0 },
};
const struct field varlink_named_method[] = {
	{ "method", FIELD_STR, REQUIRED, P(name) },
	{ 0 },
};
const struct field varlink_named_parameter[] = {
	{ "parameter", FIELD_STR, REQUIRED, P(name) },
	{ 0 },
};
#undef P

static const struct method get_info_method = {
	.name = "GetInfo",
	.reply = info_fields,
	.reply_size = sizeof(struct info),
};

static const struct method get_description_method = {
	.name = "GetInterfaceDescription",
	.params = varlink_named_interface,
	.params_size = sizeof(struct varlink_named),
	.reply = description_fields,
	.reply_size = sizeof(struct description),
};

static const struct method *const methods[] = {
	&get_info_method,
	&get_description_method,
	NULL,
};

const struct interface varlink_service_interface = {
	.name = VARLINK_SERVICE,
	.methods = methods,
};

/* The published text: clients compare it. */
const char varlink_service_description[] =
    "# The Varlink Service Interface is provided by every varlink service. It\n"
    "# describes the service and the interfaces it implements.\n"
    "interface org.varlink.service\n"
    "\n"
    "# Get a list of all the interfaces a service provides and information\n"
    "# about the implementation.\n"
    "method GetInfo() -> (\n"
    "  vendor: string,\n"
    "  product: string,\n"
    "  version: string,\n"
    "  url: string,\n"
    "  interfaces: []string\n"
    ")\n"
    "\n"
    "# Get the description of an interface that is implemented by this "
    "service.\n"
    "method GetInterfaceDescription(interface: string) -> "
    "(description: string)\n"
    "\n"
    "# The requested interface was not found.\n"
    "error InterfaceNotFound (interface: string)\n"
    "\n"
    "# The requested method was not found\n"
    "error MethodNotFound (method: string)\n"
    "\n"
    "# The interface defines the requested method, but the service does not\n"
    "# implement it.\n"
    "error MethodNotImplemented (method: string)\n"
    "\n"
    "# One of the passed parameters is invalid.\n"
    "error InvalidParameter (parameter: string)\n"
    "\n"
    "# Client is denied access\n"
    "error PermissionDenied ()\n"
    "\n"
    "# Method is expected to be called with 'more' set to true, but wasn't\n"
    "error ExpectedMore ()\n";

static int
get_info(struct call *c, void *params, struct error *e)
{
	const struct service *s = call_service(c);
	const char *interfaces[] = { VARLINK_SERVICE, s->interface->name };
	const struct info info = {
		.vendor = VENDOR,
		.product = s->product,
		.version = OPENSHELL_VERSION,
		.url = "",
		.interfaces = { interfaces, 2 },
	};

	(void)params;
	(void)e;
	call_reply(c, &info);
	return 0;
}

static int
get_description(struct call *c, void *params, struct error *e)
{
	const struct varlink_named *p = params;
	const struct interface *own = call_service(c)->interface;
	autofree char *text = NULL;
	struct description d = { varlink_service_description };

	(void)e;
	if (strcmp(p->name, own->name) == 0) {
		text = varlink_describe(own);
		d.description = text;
	} else if (strcmp(p->name, VARLINK_SERVICE) != 0) {
		call_error_named(c, VARLINK_SERVICE ".InterfaceNotFound",
		    varlink_named_interface, p);
		return 0;
	}
	call_reply(c, &d);
	return 0;
}

const struct handler varlink_service_handlers[] = {
	{ &get_info_method, ROLE_USER, get_info },
	{ &get_description_method, ROLE_USER, get_description },
	{ 0 },
};
