/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <hypha.h>
#include <libsoup/soup.h>
#include <string.h>

#include "test-utils.h"

static HyphaCore *
core_new (void)
{
  HyphaCore *core = hypha_core_new ();
  g_autofree char *dir = g_dir_make_tmp ("hypha-core-XXXXXX", NULL);

  hypha_core_set_workspace_dir (core, dir);
  hypha_core_set_port (core, 0);
  return core;
}

static void
test_core_defaults (void)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();

  g_assert_cmpstr (hypha_core_get_host (core), ==, "127.0.0.1");
  g_assert_cmpuint (hypha_core_get_port (core), ==, 9527);
  g_assert_null (hypha_core_get_url (core));
  g_assert_null (hypha_core_get_base_url (core));
  g_assert_false (hypha_core_is_running (core));
  g_assert_false (hypha_core_get_refuse_encrypted (core));
  g_assert_cmpuint (g_list_model_get_n_items (hypha_core_get_services (core)), ==, 0);
}

static void
count_notify (GObject    *object,
              GParamSpec *pspec,
              guint      *count)
{
  (*count)++;
}

static void
test_core_start (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *url = NULL;
  guint notified = 0;

  g_signal_connect (core, "notify::running", G_CALLBACK (count_notify), &notified);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (hypha_core_get_port (core), !=, 0);
  url = g_strdup_printf ("http://127.0.0.1:%u", hypha_core_get_port (core));
  g_assert_cmpstr (hypha_core_get_url (core), ==, url);
  g_assert_cmpstr (hypha_core_get_base_url (core), ==, url);

  g_assert_false (hypha_core_start (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_ALREADY_EXISTS);
  g_clear_error (&error);

  hypha_core_close (core);
  g_assert_false (hypha_core_is_running (core));
  g_assert_cmpuint (hypha_core_get_port (core), ==, 0);
  g_assert_cmpuint (notified, ==, 2);

  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_finalize_object (g_steal_pointer (&core));
}

typedef struct
{
  GAsyncResult *result;
  gboolean      done;
} Waiter;

static void
on_done (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Waiter *waiter = data;

  waiter->result = g_object_ref (result);
  waiter->done = TRUE;
}

static void
test_core_start_and_close_async (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  Waiter started = { 0 };
  Waiter closed = { 0 };

  hypha_core_start_async (core, NULL, on_done, &started);
  g_assert_true (test_wait_flag (&started.done));
  g_assert_true (hypha_core_start_finish (core, started.result, &error));
  g_assert_no_error (error);
  hypha_core_close_async (core, NULL, on_done, &closed);
  g_assert_true (test_wait_flag (&closed.done));
  g_assert_true (hypha_core_close_finish (core, closed.result, &error));
  g_assert_no_error (error);
  g_assert_false (hypha_core_is_running (core));
  g_object_unref (started.result);
  g_object_unref (closed.result);
}

static void
test_core_status (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *before = hypha_core_dup_status (core);
  g_autofree char *running = NULL;

  g_assert_cmpstr (before, ==, "running=0");
  g_assert_true (hypha_core_start (core, NULL, &error));
  running = hypha_core_dup_status (core);
  g_assert_nonnull (strstr (running, "running=1 connections=0 clients="));
  g_assert_nonnull (strstr (running, " calling=0 serving=0 sessions=0 unfinished=0"));
}

static void
test_core_taken_port (void)
{
  g_autoptr (HyphaCore) first = core_new ();
  g_autoptr (HyphaCore) second = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *port = NULL;

  g_assert_true (hypha_core_start (first, NULL, &error));
  hypha_core_set_port (second, hypha_core_get_port (first));
  g_assert_false (hypha_core_start (second, NULL, &error));
  g_assert_nonnull (error);
  port = g_strdup_printf ("%u", hypha_core_get_port (first));
  g_assert_nonnull (strstr (error->message, port));
  g_assert_false (hypha_core_is_running (second));
}

static void
test_core_base_url (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  hypha_core_set_base_url (core, "ftp://x");
  g_assert_false (hypha_core_start (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  hypha_core_set_base_url (core, "https://hypha.example.org/");
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpstr (hypha_core_get_base_url (core), ==, "https://hypha.example.org");
}

static void
answered (GObject      *session,
          GAsyncResult *result,
          gpointer      done)
{
  g_autoptr (GInputStream) body = soup_session_send_finish (SOUP_SESSION (session), result, NULL);

  *(gboolean *) done = TRUE;
}

static guint
ask_from (HyphaCore  *core,
          const char *origin)
{
  g_autofree char *url = g_strconcat (hypha_core_get_url (core), "/health", NULL);
  g_autoptr (SoupSession) session = soup_session_new ();
  g_autoptr (SoupMessage) message = soup_message_new ("GET", url);
  gboolean done = FALSE;

  soup_message_headers_append (soup_message_get_request_headers (message), "Origin", origin);
  soup_session_send_async (session, message, G_PRIORITY_DEFAULT, NULL, answered, &done);
  g_assert_true (test_wait_flag (&done));
  return soup_message_get_status (message);
}

/* Pages of an origin that is named may use the core, others may not. */
static void
test_core_allowed_origins (void)
{
  static const char *const bad[][2] = { { "*", NULL }, { "app.example.org", NULL },
                                        { "ftp://app.example.org", NULL }, { "null", NULL } };
  static const char *const good[] = { "https://app.example.org", NULL };
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      hypha_core_set_allowed_origins (core, bad[i]);
      g_assert_false (hypha_core_start (core, NULL, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
      g_assert_nonnull (strstr (error->message, bad[i][0]));
      g_clear_error (&error);
    }

  g_object_set (core, "allowed-origins", good, NULL);
  g_assert_cmpstrv (hypha_core_get_allowed_origins (core), good);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (ask_from (core, "https://app.example.org"), ==, 200);
  test_expect_log ("hypha-net", G_LOG_LEVEL_MESSAGE, "*origin*not allowed*");
  g_assert_cmpuint (ask_from (core, "http://app.example.org"), ==, 403);
  test_assert_expected_logs ();
}

static void
test_core_guest_workspaces (void)
{
  static const char *const bad[][2] = { { "default", NULL }, { "public", NULL }, { "a/b", NULL } };
  static const char *const good[] = { "analysis-workspace", NULL };
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      hypha_core_set_guest_workspaces (core, bad[i]);
      g_assert_false (hypha_core_start (core, NULL, &error));
      g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
      g_clear_error (&error);
    }

  g_object_set (core, "guest-workspaces", good, NULL);
  g_assert_cmpstrv (hypha_core_get_guest_workspaces (core), good);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
}

/* Where sockets connect to names the same place. */
static void
test_core_base_url_of_sockets (void)
{
  static const struct
  {
    const char *given;
    const char *base_url;
  } rows[] = {
    { "wss://hypha.example.org/ws", "https://hypha.example.org" },
    { "wss://hypha.example.org:8443/ws/", "https://hypha.example.org:8443" },
    { "WS://127.0.0.1:9000/hypha/ws", "http://127.0.0.1:9000/hypha" },
    { "https://hypha.example.org/ws", "https://hypha.example.org/ws" },
  };
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  for (gsize i = 0; i < G_N_ELEMENTS (rows); i++)
    {
      hypha_core_set_base_url (core, rows[i].given);
      g_assert_cmpstr (hypha_core_get_base_url (core), ==, rows[i].base_url);
    }

  hypha_core_set_base_url (core, "wss://hypha.example.org");
  g_assert_false (hypha_core_start (core, NULL, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
  g_assert_nonnull (strstr (error->message, "Please provide a valid wss url ending with /ws"));
}

/* The middle one of three parts. */
static char *
read_claims (const char *token)
{
  g_auto (GStrv) parts = g_strsplit (token, ".", -1);
  g_autofree char *padded = NULL;
  g_autofree guchar *claims = NULL;
  gsize size;

  g_assert_cmpuint (g_strv_length (parts), ==, 3);
  padded = g_strconcat (parts[1], "===" + (strlen (parts[1]) + 3) % 4, NULL);
  g_strdelimit (padded, "-", '+');
  g_strdelimit (padded, "_", '/');
  claims = g_base64_decode (padded, &size);
  return g_strndup ((const char *) claims, size);
}

/* For any workspace, as nobody asks the program whose it is. */
static void
test_core_token (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *token = hypha_core_generate_token (core, "ws-a", "alice", 60, &error);
  g_autofree char *claims = NULL;
  g_autofree char *bad = NULL;

  g_assert_no_error (error);
  claims = read_claims (token);
  g_assert_nonnull (strstr (claims, "\"sub\":\"alice\""));
  g_assert_nonnull (strstr (claims, "\"workspace\":\"ws-a\""));
  bad = hypha_core_generate_token (core, "*", NULL, 0, &error);
  g_assert_null (bad);
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
}

static void
assert_load_fails (HyphaCore *core,
                   int        code)
{
  g_autoptr (GError) error = NULL;
  Waiter waiter = { 0 };

  hypha_core_load_app_async (core, "desktop", "/nowhere.imjoy.html", NULL, on_done, &waiter);
  g_assert_true (test_wait_flag (&waiter.done));
  g_assert_null (hypha_core_load_app_finish (core, waiter.result, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  g_object_unref (waiter.result);
}

static void
test_core_load_app_without_host (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  assert_load_fails (core, HYPHA_ERROR_NOT_CONNECTED);
  g_assert_true (hypha_core_start (core, NULL, &error));
  assert_load_fails (core, HYPHA_ERROR_NO_HOST);
}

static void
test_core_close_async_cancelled (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_autoptr (GError) error = NULL;
  Waiter closed = { 0 };

  g_assert_true (hypha_core_start (core, NULL, &error));
  g_cancellable_cancel (cancellable);
  hypha_core_close_async (core, cancellable, on_done, &closed);
  g_assert_true (test_wait_flag (&closed.done));
  g_assert_false (hypha_core_close_finish (core, closed.result, &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  g_clear_error (&error);
  g_assert_false (hypha_core_is_running (core));

  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_object_unref (closed.result);
}

/* The end of stopping belongs to the server that was stopped, not to one started meanwhile. */
static void
test_core_restart_while_closing (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  Waiter closed = { 0 };

  g_assert_true (hypha_core_start (core, NULL, &error));
  hypha_core_close_async (core, NULL, on_done, &closed);
  hypha_core_close (core);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_true (test_wait_flag (&closed.done));
  g_assert_true (hypha_core_is_running (core));
  g_object_unref (closed.result);
}

static void
test_core_close_frees_port (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;
  guint port;

  g_assert_true (hypha_core_start (core, NULL, &error));
  port = hypha_core_get_port (core);
  hypha_core_close (core);
  hypha_core_set_port (core, port);
  g_assert_true (hypha_core_start (core, NULL, &error));
  g_assert_no_error (error);
  g_assert_cmpuint (hypha_core_get_port (core), ==, port);

  /* What is left of both cores ends in the main loop, without the core. */
  g_assert_finalize_object (g_steal_pointer (&core));
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* A page in a window, as a program other than ours would connect it. */
#define TEST_TYPE_PAGE (test_page_get_type ())
G_DECLARE_FINAL_TYPE (TestPage, test_page, TEST, PAGE, HyphaConnection)

struct _TestPage
{
  HyphaConnection parent_instance;

  guint           n_texts;
};

G_DEFINE_FINAL_TYPE (TestPage, test_page, HYPHA_TYPE_CONNECTION)

static void
test_page_send (HyphaConnection *connection,
                HyphaFrameType   type,
                GBytes          *bytes)
{
  if (type == HYPHA_FRAME_TEXT)
    TEST_PAGE (connection)->n_texts++;
}

static void
test_page_close (HyphaConnection *connection,
                 guint            code,
                 const char      *reason)
{
  hypha_connection_emit_closed (connection, code, reason);
}

static void
test_page_class_init (TestPageClass *klass)
{
  HYPHA_CONNECTION_CLASS (klass)->send = test_page_send;
  HYPHA_CONNECTION_CLASS (klass)->close = test_page_close;
}

static void
test_page_init (TestPage *self)
{
}

/* When a program closes its core. */
typedef struct
{
  const char *signal;
  const char *call;  /* what the page calls once it has its service; MessagePack */
} Occasion;

#define CALL(length, method, argument)                                                             \
  "\x83\xa4type\xa6method\xa2to\xb3*/workspace-manager"                                             \
  "\xa6method\xd9" length "services.default." method "\x81\xa4" "args\x91" argument
#define REGISTER CALL ("\x21", "register_service", "\x81\xa2id\xa3svc")

static const Occasion occasions[] = {
  { "add-window" },
  { "connection-ready" },
  { "service-added" },
  { "service-removed" },
  { "service-removed", CALL ("\x23", "unregister_service", "\xa3svc") },
  { "service-updated", REGISTER },
  { "client-disconnected" },
  { "event::service_added" },
  { "question", CALL ("\x16", "alert", "\xa1!") },
};

/* A program that shows windows, and closes its core in one of the signals. */
typedef struct
{
  const Occasion  *occasion;
  HyphaCore       *core;
  HyphaWindowInfo *window;
  HyphaConnection *page;    /* weak */
  guint            port;
  gboolean         closed;
} Program;

static gboolean
program_page_is_open (Program *program)
{
  return program->page != NULL && !hypha_connection_is_closed (program->page);
}

static gboolean
program_close_core (Program *program)
{
  g_autoptr (GError) error = NULL;
  gboolean page_was_open = program_page_is_open (program);

  if (program->closed)
    return FALSE;

  program->closed = TRUE;
  program->port = hypha_core_get_port (program->core);
  hypha_core_close (program->core);
  g_assert_false (hypha_core_is_running (program->core));

  /* Whoever emits the signal still has its page, and all else, when the handler returns. */
  g_assert_cmpint (program_page_is_open (program), ==, page_was_open);
  hypha_core_set_port (program->core, program->port);
  g_assert_true (hypha_core_start (program->core, NULL, &error));
  g_assert_no_error (error);
  return FALSE;
}

static gboolean
program_add_window (Program         *program,
                    HyphaWindowInfo *window)
{
  g_set_object (&program->window, window);
  return !program->closed;
}

static gboolean
program_has_window (gpointer data)
{
  return ((Program *) data)->window != NULL;
}

static gboolean
program_has_service (gpointer data)
{
  Program *program = data;

  return program->closed ||
         g_list_model_get_n_items (hypha_core_get_services (program->core)) > 0;
}

static gboolean
program_is_closed (gpointer data)
{
  return ((Program *) data)->closed;
}

static gboolean
program_page_is_gone (gpointer data)
{
  return ((Program *) data)->page == NULL;
}

static void
program_say (Program        *program,
             HyphaFrameType  type,
             const char     *text)
{
  g_autoptr (GBytes) bytes = g_bytes_new (text, strlen (text));

  hypha_connection_emit_message (program->page, type, bytes);
}

/* The page in the window connects, and has said who it is. */
static TestPage *
program_connect_page (Program *program)
{
  g_autoptr (TestPage) page = g_object_new (TEST_TYPE_PAGE, NULL);
  g_autofree char *hello = NULL;

  g_set_weak_pointer (&program->page, HYPHA_CONNECTION (page));
  hypha_core_mount (program->core, program->window, program->page);
  hello = g_strdup_printf ("{\"client_id\":\"%s\"}",
                           hypha_window_info_get_client_id (program->window));
  program_say (program, HYPHA_FRAME_TEXT, hello);
  g_assert_cmpuint (page->n_texts, ==, 1);
  return g_steal_pointer (&page);
}

/* Loads a page into a window, which it waits for. */
static void
program_load (Program *program,
              Waiter  *load)
{
  g_autoptr (GError) error = NULL;

  g_signal_connect_swapped (program->core, "add-window", G_CALLBACK (program_add_window), program);
  g_assert_true (hypha_core_start (program->core, NULL, &error));
  hypha_core_load_app_async (program->core, "desktop",
                             "<config lang=\"json\">{\"name\": \"x\", \"type\": \"window\"}"
                             "</config><script lang=\"javascript\">api.export({})</script>",
                             NULL, on_done, load);
  g_assert_true (test_wait (program_has_window, program));
}

/* The page connects and registers a service; its window closes. */
static void
program_run_page (Program *program)
{
  g_autoptr (TestPage) page = program_connect_page (program);

  /* MessagePack: a call without a session, then its arguments. */
  program_say (program, HYPHA_FRAME_BINARY, REGISTER);
  g_assert_true (test_wait (program_has_service, program));
  if (program->occasion->call != NULL)
    {
      program_say (program, HYPHA_FRAME_BINARY, program->occasion->call);
      g_assert_true (test_wait (program_is_closed, program));
    }

  hypha_core_window_closed (program->core, program->window);
}

static void
program_check_load (Waiter *load,
                    int     code)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (HyphaCore) core = HYPHA_CORE (g_async_result_get_source_object (load->result));

  g_assert_null (hypha_core_load_app_finish (core, load->result, &error));
  g_assert_error (error, HYPHA_ERROR, code);
  g_clear_object (&load->result);
}

static void
test_core_close_in_signal (gconstpointer data)
{
  Program program = { .occasion = data, .core = core_new () };
  Waiter load = { 0 };
  gboolean in_add_window = g_str_equal (program.occasion->signal, "add-window");

  g_signal_connect_swapped (program.core, program.occasion->signal,
                            G_CALLBACK (program_close_core), &program);
  program_load (&program, &load);
  if (!in_add_window)
    program_run_page (&program);

  g_assert_true (program.closed);
  g_assert_true (test_wait_flag (&load.done));
  program_check_load (&load, in_add_window ? HYPHA_ERROR_NO_HOST : HYPHA_ERROR_NOT_CONNECTED);
  g_assert_true (test_wait (program_page_is_gone, &program));

  /* It has been started again, on its old port, and nothing of the old one is left. */
  g_assert_true (hypha_core_is_running (program.core));
  g_assert_cmpuint (hypha_core_get_port (program.core), ==, program.port);
  g_assert_cmpuint (g_list_model_get_n_items (hypha_core_get_services (program.core)), ==, 0);
  g_object_unref (program.window);
  g_assert_finalize_object (program.core);
}

typedef gboolean (*SendAway) (HyphaCore   *core,
                              const char  *client,
                              GError     **error);

static gboolean
kick (HyphaCore   *core,
      const char  *client,
      GError     **error)
{
  return hypha_core_kick_client (core, client, "enough", error);
}

static gboolean
disconnect_client (HyphaCore   *core,
                   const char  *client,
                   GError     **error)
{
  return hypha_core_disconnect_client (core, client, 4001, "enough", error);
}

static const SendAway ways[] = { kick, disconnect_client };

static void
test_core_send_away (gconstpointer data)
{
  SendAway send_away = *(const SendAway *) data;
  Program program = { .core = core_new () };
  Waiter load = { 0 };
  g_autoptr (TestPage) page = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *client = NULL;

  program_load (&program, &load);
  client = g_strconcat ("desktop/", hypha_window_info_get_client_id (program.window), NULL);
  g_assert_false (send_away (program.core, client, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
  g_clear_error (&error);
  g_assert_false (send_away (program.core, "nobody", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
  g_clear_error (&error);

  page = program_connect_page (&program);
  g_assert_true (send_away (program.core, client, &error));
  g_assert_no_error (error);
  g_assert_true (hypha_connection_is_closed (program.page));
  g_assert_false (send_away (program.core, client, NULL));

  hypha_core_close (program.core);
  g_assert_false (send_away (program.core, client, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED);
  g_assert_true (test_wait_flag (&load.done));
  g_object_unref (load.result);
  g_clear_weak_pointer (&program.page);
  g_object_unref (program.window);
  g_object_unref (program.core);
}

static void
test_core_disconnect_code (void)
{
  g_autoptr (HyphaCore) core = core_new ();
  g_autoptr (GError) error = NULL;

  g_assert_true (hypha_core_start (core, NULL, NULL));
  g_assert_false (hypha_core_disconnect_client (core, "ws-a/c", 1005, "x", &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/core/defaults", test_core_defaults);
  g_test_add_func ("/core/start", test_core_start);
  g_test_add_func ("/core/start-and-close-async", test_core_start_and_close_async);
  g_test_add_func ("/core/status", test_core_status);
  g_test_add_func ("/core/taken-port", test_core_taken_port);
  g_test_add_func ("/core/base-url", test_core_base_url);
  g_test_add_func ("/core/guest-workspaces", test_core_guest_workspaces);
  g_test_add_func ("/core/allowed-origins", test_core_allowed_origins);
  g_test_add_func ("/core/base-url-of-sockets", test_core_base_url_of_sockets);
  g_test_add_func ("/core/token", test_core_token);
  g_test_add_func ("/core/load-app-without-host", test_core_load_app_without_host);
  g_test_add_func ("/core/close-async-cancelled", test_core_close_async_cancelled);
  g_test_add_func ("/core/restart-while-closing", test_core_restart_while_closing);
  g_test_add_func ("/core/close-frees-port", test_core_close_frees_port);
  g_test_add_data_func ("/core/kick-client", &ways[0], test_core_send_away);
  g_test_add_data_func ("/core/disconnect-client", &ways[1], test_core_send_away);
  g_test_add_func ("/core/disconnect-client-code", test_core_disconnect_code);
  for (gsize i = 0; i < G_N_ELEMENTS (occasions); i++)
    {
      g_autofree char *path = g_strconcat ("/core/close-in-", occasions[i].signal,
                                           occasions[i].call != NULL ? "-called" : "", NULL);

      g_test_add_data_func (path, &occasions[i], test_core_close_in_signal);
    }

  return g_test_run ();
}
