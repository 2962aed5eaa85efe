/* SPDX-License-Identifier: MIT */

/*
 * A whole core with one client of its own in it, default/root, which offers the service “objects”.
 * It is started and ended like `hypha serve`, in the place of which the tests run it.
 */

#include "config.h"

#include <glib-unix.h>
#include <signal.h>

#include "hypha-core-private.h"
#include "hypha-local-client-private.h"
#include "object-service.h"

static gboolean
on_signal (gpointer data)
{
  g_main_loop_quit (data);
  return G_SOURCE_CONTINUE;
}

static gboolean
register_service (HyphaCore     *core,
                  HyphaService  *service,
                  GError       **error)
{
  g_autoptr (GVariant) record = g_variant_ref_sink (hypha_service_dup_record (service));
  g_autoptr (HyphaServiceInfo) info = NULL;
  gboolean replaced;

  info = hypha_service_info_new ("default", "root", hypha_service_get_id (service), record, error);
  return info != NULL && hypha_registry_put (core->registry, info, &replaced, error);
}

static HyphaLocalClient *
start (HyphaCore  *core,
       GError    **error)
{
  g_autoptr (HyphaLocalClient) client = NULL;
  g_autoptr (HyphaUserInfo) user = hypha_user_info_new_root ();
  g_autoptr (HyphaService) service = NULL;

  hypha_core_set_port (core, 0);
  if (!hypha_core_start (core, NULL, error))
    return NULL;

  client = hypha_local_client_new (core->parts.router, "default", "root", user,
                                   hypha_core_get_base_url (core));
  service = object_service_new (hypha_local_client_get_rpc (client));
  hypha_rpc_add_service (hypha_local_client_get_rpc (client), service);
  return register_service (core, service, error) ? g_steal_pointer (&client) : NULL;
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autoptr (HyphaLocalClient) client = NULL;
  g_autoptr (GError) error = NULL;

  client = start (core, &error);
  if (client == NULL)
    {
      g_printerr ("object-server: %s\n", error->message);
      return 1;
    }

  g_unix_signal_add (SIGINT, on_signal, loop);
  g_unix_signal_add (SIGTERM, on_signal, loop);
  g_print ("hypha: listening on %s\n", hypha_core_get_url (core));
  g_main_loop_run (loop);

  g_clear_pointer (&client, hypha_local_client_free);
  hypha_core_close (core);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return 0;
}
