/* SPDX-License-Identifier: MIT */

/*
 * A whole core whose own client, default/root, offers the service “objects”.
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
start (HyphaCore  *core,
       GError    **error)
{
  g_autoptr (HyphaService) service = NULL;
  HyphaLocalClient *root;

  hypha_core_set_port (core, 0);
  if (!hypha_core_start (core, NULL, error))
    return FALSE;

  root = hypha_manager_get_root (core->parts.manager);
  service = object_service_new (hypha_local_client_get_rpc (root));
  return hypha_local_client_register (root, core->registry, service, error);
}

int
main (int    argc,
      char **argv)
{
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autoptr (GError) error = NULL;

  if (!start (core, &error))
    {
      g_printerr ("object-server: %s\n", error->message);
      return 1;
    }

  g_unix_signal_add (SIGINT, on_signal, loop);
  g_unix_signal_add (SIGTERM, on_signal, loop);
  g_print ("hypha: listening on %s\n", hypha_core_get_url (core));
  g_main_loop_run (loop);

  hypha_core_close (core);
  while (g_main_context_iteration (NULL, FALSE))
    ;
  return 0;
}
