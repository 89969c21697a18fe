/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.h - io.openshell.Gateway's handlers, by noun.
 *
 * A handler finds the sandbox that the caller may see, starts what is asked
 * and answers when it has ended.  What arrives has been checked by the
 * method's table.
 */
#ifndef GATEWAYD_API_H
#define GATEWAYD_API_H

#include "common/varlink/server.h"

struct gateway;

handler_fn api_create_sandbox, api_get_sandbox, api_list_sandboxes,
    api_delete_sandbox, api_start_sandbox, api_stop_sandbox;
handler_fn api_exec, api_signal;
handler_fn api_set_policy, api_get_policy, api_wait_policy, api_list_policies;
handler_fn api_get_logs;
handler_fn api_create_provider, api_get_provider, api_list_providers,
    api_update_provider, api_delete_provider, api_attach_provider,
    api_detach_provider;
handler_fn api_list_profiles, api_export_profile, api_check_profiles,
    api_import_profiles, api_update_profile, api_delete_profile;
handler_fn api_configure_refresh, api_list_refreshes, api_rotate_refresh,
    api_delete_refresh;
handler_fn api_set_inference, api_list_inference, api_delete_inference,
    api_inference_usage;
handler_fn api_get_status, api_rotate_key, api_shutdown;

/* The method's rows and who may call them. */
extern const struct handler api_handlers[];

#endif
