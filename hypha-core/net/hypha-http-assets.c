/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-services-private.h"

/*
 * What pages load before they are clients. The client library is no part of the core: a program that
 * has it built in has it as resources, and the core looks there.
 */
#define ASSETS "/io/github/hypha_desktop/Hypha/assets/"
#define SCRIPT "hypha-rpc-websocket.js"
#define MODULE "hypha-rpc-websocket.mjs"
/* Of the protocol, as connections are told. */
#define PROTOCOL_VERSION "0.1.0"

static void
hypha_http_assets_answer (HyphaHttpRequest *request,
                          const char       *name)
{
  g_autofree char *path = g_strconcat (ASSETS, name, NULL);
  g_autofree char *detail = NULL;
  g_autoptr (GBytes) bytes = g_resources_lookup_data (path, G_RESOURCE_LOOKUP_FLAGS_NONE, NULL);

  if (bytes != NULL)
    {
      hypha_http_request_answer (request, SOUP_STATUS_OK, "text/javascript; charset=utf-8", bytes);
      return;
    }

  detail = g_strdup_printf ("this server was built without the client library; load %s of "
                            "hypha-rpc from elsewhere", name);
  hypha_http_request_refuse (request, SOUP_STATUS_NOT_FOUND, detail);
}

/* GET /assets/hypha-rpc-websocket.js */
void
hypha_http_assets_script (HyphaHttpRequest *request)
{
  hypha_http_assets_answer (request, SCRIPT);
}

/* GET /assets/hypha-rpc-websocket.mjs */
void
hypha_http_assets_module (HyphaHttpRequest *request)
{
  hypha_http_assets_answer (request, MODULE);
}

/* GET /assets/config.json: who asks, and whom. */
void
hypha_http_assets_config (HyphaHttpRequest *request)
{
  g_autoptr (GVariant) user = hypha_user_info_to_variant (request->identity.user);
  g_autoptr (GVariant) config = NULL;

  config = g_variant_ref_sink (
    g_variant_new_parsed ("{'user': <%*>, 'workspace': <%s>, 'hypha_version': <%s>,"
                          " 'public_base_url': <%s>}", user, request->identity.workspace,
                          PROTOCOL_VERSION, hypha_manager_get_base_url (request->manager)));
  hypha_http_request_answer_value (request, config);
}
