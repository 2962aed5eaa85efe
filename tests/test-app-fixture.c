/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "test-app-fixture.h"
#include "test-utils.h"

static gboolean
desk_has_host (gpointer data)
{
  return ((Desk *) data)->hosted;
}

static gboolean
desk_add_window (HyphaWindowInfo *window,
                 gpointer         data)
{
  Desk *desk = data;

  g_set_object (&desk->window, window);
  if (desk->while_adding == NULL)
    return TRUE;

  desk->while_adding (desk);
  return FALSE;
}

static void
desk_remove_window (HyphaWindowInfo *window,
                    gpointer         data)
{
  ((Desk *) data)->removed++;
}

static const HyphaAppHost desk_host = {
  .has_host = desk_has_host,
  .add_window = desk_add_window,
  .remove_window = desk_remove_window,
};

Desk *
desk_new (void)
{
  Desk *desk = g_new0 (Desk, 1);

  desk->hub = hub_new ();
  desk->hosted = TRUE;
  desk->apps = hypha_app_controller_new (desk->hub->manager, desk->hub->gate, &desk_host, desk);
  return desk;
}

/* A condition; data is where a weak pointer to them lies. */
gboolean
desk_apps_are_gone (gpointer data)
{
  return *(gpointer *) data == NULL;
}

static void
desk_drop_apps (Desk *desk)
{
  gpointer apps = desk->apps;

  if (apps == NULL)
    return;

  g_object_add_weak_pointer (G_OBJECT (desk->apps), &apps);
  hypha_manager_close (desk->hub->manager);
  hypha_app_controller_close (desk->apps);
  g_clear_object (&desk->apps);
  g_assert_true (test_wait (desk_apps_are_gone, &apps));
}

/* What is still on its way ends in the main loop, and nothing stays behind. */
void
desk_free (Desk *desk)
{
  desk_drop_apps (desk);
  hub_free (desk->hub);
  g_clear_object (&desk->window);
  g_clear_pointer (&desk->service, g_variant_unref);
  g_clear_error (&desk->error);
  g_free (desk);
}

static void
desk_on_loaded (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  Desk *desk = data;

  g_clear_error (&desk->error);
  g_clear_pointer (&desk->service, g_variant_unref);
  desk->service = hypha_app_controller_load_finish (HYPHA_APP_CONTROLLER (source), result, NULL,
                                                    &desk->error);
  desk->done = TRUE;
  desk->n_done++;
  if (desk->when_loaded != NULL)
    desk->when_loaded (desk);
}

void
desk_load_trusted (Desk            *desk,
                   const char      *source,
                   HyphaFetchFlags  trust)
{
  g_autoptr (GVariant) config = NULL;

  config = g_variant_ref_sink (g_variant_new_parsed ("{'src': <%s>, 'data': <'d'>}", source));
  desk->done = FALSE;
  g_clear_error (&desk->error);
  g_clear_pointer (&desk->service, g_variant_unref);
  hypha_app_controller_load_async (desk->apps, "desktop", trust, config,
                                   NULL, desk_on_loaded, desk);
}

void
desk_load (Desk       *desk,
           const char *source)
{
  desk_load_trusted (desk, source, HYPHA_FETCH_DEFAULT);
}

gboolean
desk_has_window (gpointer data)
{
  Desk *desk = data;

  return desk->window != NULL || desk->done;
}

/* The page in the last window: connected, and its identity proven. */
Client *
desk_open_page (Desk *desk)
{
  g_autoptr (HyphaConnection) far_end = NULL;
  g_autofree char *hello = NULL;
  g_autofree char *text = NULL;
  HyphaConnection *near_end;
  Client *page;

  g_assert_true (test_wait (desk_has_window, desk));
  g_assert_nonnull (desk->window);
  hypha_pipe_connection_new_pair (&near_end, &far_end);
  hypha_app_controller_mount (desk->apps, desk->window, far_end);
  page = client_new (near_end);
  hello = g_strdup_printf ("{\"client_id\":\"%s\"}",
                           hypha_window_info_get_client_id (desk->window));
  client_send_text (page, hello);
  text = client_take_text (page);
  g_assert_nonnull (strstr (text, "\"connection_info\""));
  page->id = g_strdup (hypha_window_info_get_client_id (desk->window));
  return page;
}

/* Takes one call, which must be of method, and answers it. */
void
page_serve (Client     *page,
            const char *method,
            const char *verb,
            GVariant   *answer)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (page, &extra);
  g_autofree char *reply = NULL;
  const char *called = NULL;
  const char *session = NULL;

  g_assert_true (g_variant_lookup (envelope, "method", "&s", &called));
  g_assert_cmpstr (called, ==, method);
  if (g_str_equal (method, "services.default.run"))
    {
      g_autofree char *printed = g_variant_print (extra, FALSE);

      g_assert_nonnull (strstr (printed, "'data': <'d'>"));
    }

  g_assert_true (g_variant_lookup (envelope, "session", "&s", &session));
  reply = g_strconcat (session, ".", verb, NULL);
  client_send (page,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'parent': <%s>}", reply, session),
               g_variant_new_parsed ("{'args': <[<%*>]>}", answer));
}

void
page_export (Client *page)
{
  /* No session, no answer: the next message is the core's own call. */
  client_send (page,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.register_service'>}"),
               g_variant_new_parsed ("{'args': <[<{'id': <'default'>,"
                                     " 'config': <{'visibility': <'public'>}>}>]>}"));
  page_serve (page, "services.built-in.get_service", "resolve",
              g_variant_new_parsed ("{'id': <'default'>,"
                                    " 'setup': <{'_rtype': <'method'>, '_rtarget': <%s>}>,"
                                    " 'run': <{'_rtype': <'method'>, '_rtarget': <%s>}>}",
                                    page->id, page->id));
}
