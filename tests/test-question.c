/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-question-desk-private.h"
#include "test-hub-fixture.h"
#include "test-utils.h"

/* A host that keeps what it is asked. */
typedef struct
{
  Hub       *hub;
  Client    *client;
  GPtrArray *questions;
  gboolean   refuses;  /* to show anything */
  gboolean   kicks;    /* ends the client while it is asked */
  gboolean   answers;  /* at once */
  guint      n_closed;
} Host;

static void
host_on_closed (HyphaQuestion *question,
                Host          *host)
{
  host->n_closed++;
}

static gboolean
host_has_host (gpointer data)
{
  return TRUE;
}

static gboolean
host_ask (HyphaQuestion *question,
          gpointer       data)
{
  Host *host = data;

  g_ptr_array_add (host->questions, g_object_ref (question));
  g_signal_connect (question, "closed", G_CALLBACK (host_on_closed), host);
  if (host->kicks)
    hypha_router_detach (host->hub->router, hypha_router_lookup (host->hub->router,
                                                                 host->client->id));
  if (host->answers)
    hypha_question_answer_boolean (question, TRUE);
  return !host->refuses;
}

static const HyphaQuestionHost question_host = { host_has_host, host_ask };

static Host *
host_new (void)
{
  Host *host = g_new0 (Host, 1);
  g_autofree char *token = NULL;

  host->hub = hub_new ();
  host->questions = g_ptr_array_new_with_free_func (g_object_unref);
  hypha_question_desk_set_host (hypha_manager_get_desk (host->hub->manager), &question_host, host);
  token = hub_token (host->hub, "ws-a", "alice");
  host->client = hub_connect (host->hub, "a", token);
  return host;
}

static void
host_free (Host *host)
{
  g_clear_pointer (&host->client, client_free);
  hub_free (host->hub);
  g_ptr_array_unref (host->questions);
  g_free (host);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (Host, host_free)

static void
start (Host       *host,
       const char *session,
       const char *method,
       const char *args)
{
  g_autofree char *full = g_strconcat ("services.default.", method, NULL);

  client_send (host->client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <%s>, 'session': <%s>}", full, session),
               g_variant_new_parsed ("{'args': <%*>, 'promise': <'*'>, 't': <int64 15>}",
                                     g_variant_new_parsed (args)));
}

static gboolean
has_one (gpointer data)
{
  Host *host = data;

  return host->questions->len >= 1;
}

static HyphaQuestion *
wait_question (Host *host)
{
  g_assert_true (test_wait (has_one, host));
  return g_ptr_array_index (host->questions, host->questions->len - 1);
}

/* The answer that lies there, printed. */
static char *
take_answer (Host       *host,
             const char *method)
{
  g_autoptr (GVariant) extra = NULL;
  g_autoptr (GVariant) envelope = client_take (host->client, &extra);
  g_autoptr (GVariant) args = g_variant_lookup_value (extra, "args", NULL);
  const char *got = NULL;

  g_assert_true (g_variant_lookup (envelope, "method", "&s", &got));
  g_assert_cmpstr (got, ==, method);
  return g_variant_print (args, FALSE);
}

static void
assert_answer (Host       *host,
               const char *method,
               const char *args)
{
  g_autofree char *got = take_answer (host, method);

  g_assert_cmpstr (got, ==, args);
}

static void
assert_fails (Host       *host,
              const char *method,
              const char *args,
              const char *text)
{
  g_autofree char *error = NULL;

  g_assert_null (client_call_manager (host->client, method, g_variant_new_parsed (args), &error));
  if (strstr (error, text) == NULL)
    g_error ("%s %s: “%s” does not say “%s”", method, args, error, text);
}

static void
test_question_alert (void)
{
  g_autoptr (Host) host = host_new ();
  HyphaQuestion *question;

  start (host, "s", "alert", "[<'größe'>]");
  question = wait_question (host);
  g_assert_cmpint (hypha_question_get_kind (question), ==, HYPHA_QUESTION_ALERT);
  g_assert_cmpstr (hypha_question_get_client (question), ==, "ws-a/a");
  g_assert_cmpstr (hypha_question_get_text (question), ==, "größe");
  g_assert_null (hypha_question_get_code (question));
  g_assert_true (hypha_question_is_open (question));
  hypha_question_answer_done (question);
  g_assert_false (hypha_question_is_open (question));
  g_assert_cmpuint (host->n_closed, ==, 1);
  assert_answer (host, "s.resolve", "[<@mv nothing>]");

  /* A second answer reaches nobody. */
  hypha_question_answer_done (question);
  hypha_question_dismiss (question);
  g_assert_cmpuint (host->n_closed, ==, 1);
}

static void
test_question_confirm (void)
{
  g_autoptr (Host) host = host_new ();

  start (host, "s1", "confirm", "[<{'any': <[<int64 1>, <@mv nothing>]>}>]");
  g_assert_cmpstr (hypha_question_get_text (wait_question (host)), ==, "{\"any\":[1,null]}");
  hypha_question_answer_boolean (wait_question (host), TRUE);
  assert_answer (host, "s1.resolve", "[<true>]");
  g_ptr_array_set_size (host->questions, 0);
  start (host, "s2", "confirm", "[<'?'>]");
  hypha_question_dismiss (wait_question (host));
  assert_answer (host, "s2.resolve", "[<false>]");
  g_ptr_array_set_size (host->questions, 0);
  host->answers = TRUE;
  start (host, "s3", "confirm", "[<'?'>]");
  assert_answer (host, "s3.resolve", "[<true>]");
}

static void
test_question_prompt (void)
{
  g_autoptr (Host) host = host_new ();
  HyphaQuestion *question;

  start (host, "s1", "prompt", "[<'name?'>, <'bob'>]");
  question = wait_question (host);
  g_assert_cmpstr (hypha_question_get_default_text (question), ==, "bob");
  hypha_question_answer_text (question, "alice");
  assert_answer (host, "s1.resolve", "[<'alice'>]");
  g_ptr_array_set_size (host->questions, 0);
  start (host, "s2", "prompt", "[<'name?'>]");
  question = wait_question (host);
  g_assert_null (hypha_question_get_default_text (question));
  hypha_question_answer_text (question, NULL);
  assert_answer (host, "s2.resolve", "[<@mv nothing>]");
}

/* The same with names, and with one of each. */
static void
test_question_named_arguments (void)
{
  g_autoptr (Host) host = host_new ();
  g_autoptr (GVariant) shown = NULL;

  client_send (host->client,
               g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                     " 'method': <'services.default.prompt'>, 'session': <'s'>}"),
               g_variant_new_parsed ("{'args': <[<'q'>, <{'default_value': <'d'>}>]>,"
                                     " 'with_kwargs': <true>, 'promise': <'*'>}"));
  g_assert_cmpstr (hypha_question_get_text (wait_question (host)), ==, "q");
  g_assert_cmpstr (hypha_question_get_default_text (wait_question (host)), ==, "d");
  shown = client_call_named (host->client, "show_message", g_variant_new ("av", NULL),
                             g_variant_new_parsed ("{'msg': <'m'>}"), NULL);
  g_assert_true (hypha_rpc_codec_is_null (shown));
  g_assert_cmpstr (hypha_question_get_text (wait_question (host)), ==, "m");
}

/* One dialog of a client at a time; the others wait for their turn. */
static void
test_question_one_after_the_other (void)
{
  g_autoptr (Host) host = host_new ();

  start (host, "s1", "alert", "[<'one'>]");
  start (host, "s2", "confirm", "[<'two'>]");
  g_variant_unref (client_call_manager (host->client, "echo", g_variant_new_parsed ("[<'x'>]"),
                                        NULL));
  g_assert_cmpuint (host->questions->len, ==, 1);
  hypha_question_answer_done (wait_question (host));
  g_assert_cmpuint (host->questions->len, ==, 2);
  g_assert_cmpstr (hypha_question_get_text (wait_question (host)), ==, "two");
  hypha_question_answer_boolean (wait_question (host), FALSE);
  assert_answer (host, "s1.resolve", "[<@mv nothing>]");
  assert_answer (host, "s2.resolve", "[<false>]");
}

static void
test_question_desk_max_waiting (void)
{
  g_autoptr (Host) host = host_new ();

  for (guint i = 0; i < HYPHA_QUESTION_DESK_MAX_WAITING + 1; i++)
    start (host, "s", "alert", "[<'x'>]");

  assert_fails (host, "alert", "[<'x'>]", "client 'ws-a/a' asks too much of the person");
  g_assert_cmpuint (host->questions->len, ==, 1);
}

static void
test_question_desk_max_minute (void)
{
  g_autoptr (Host) host = host_new ();
  g_autofree char *error = NULL;
  guint shown = 0;

  /* The minute may end once meanwhile. */
  for (guint i = 0; i < 2 * HYPHA_QUESTION_DESK_MAX_MINUTE + 1 && error == NULL; i++)
    {
      g_autoptr (GVariant) done = client_call_manager (host->client, "show_message",
                                                       g_variant_new_parsed ("[<'x'>]"), &error);

      shown += done != NULL;
    }

  g_assert_nonnull (error);
  g_assert_cmpuint (shown, >=, HYPHA_QUESTION_DESK_MAX_MINUTE);
}

static gboolean
has_last_question (gpointer data)
{
  Host *host = data;

  return host->questions->len == HYPHA_QUESTION_DESK_MAX_OPEN_SHARE + 1;
}

static gboolean
has_own_question (gpointer data)
{
  Host *host = data;
  HyphaQuestion *last = g_ptr_array_index (host->questions, host->questions->len - 1);

  return g_str_equal (hypha_question_get_text (last), "mine");
}

/* The clients of one user and workspace cannot take the screen from everybody else. */
static void
test_question_desk_max_open (void)
{
  g_autoptr (Host) host = host_new ();
  g_autofree char *token = hub_token (host->hub, "ws-a", "alice");
  g_autofree char *elsewhere = hub_token (host->hub, "ws-b", "alice");
  g_autoptr (GPtrArray) others = g_ptr_array_new_with_free_func ((GDestroyNotify) client_free);

  for (guint i = 0; i <= HYPHA_QUESTION_DESK_MAX_OPEN_SHARE; i++)
    {
      g_autofree char *id = g_strdup_printf ("c%u", i);
      gboolean last = i == HYPHA_QUESTION_DESK_MAX_OPEN_SHARE;
      Client *other = hub_connect (host->hub, id, last ? elsewhere : token);

      g_ptr_array_add (others, other);
      if (last)
        assert_fails (host, "alert", "[<'x'>]", "asks too much of the person");
      client_send (other,
                   g_variant_new_parsed ("{'type': <'method'>, 'to': <'*/workspace-manager'>,"
                                         " 'method': <'services.default.alert'>,"
                                         " 'session': <'s'>}"),
                   g_variant_new_parsed ("{'args': <[<'x'>]>, 'promise': <'*'>}"));
    }

  g_assert_true (test_wait (has_last_question, host));

  /* One that is answered, and one whose client goes, make room. */
  hypha_question_answer_done (g_ptr_array_index (host->questions, 0));
  g_ptr_array_remove_index (others, 1);
  start (host, "s", "alert", "[<'mine'>]");
  g_assert_true (test_wait (has_own_question, host));
}

/* Long texts are cut, and nothing in them turns the rest around. */
static void
test_question_max_text (void)
{
  g_autofree char *text = g_strnfill (HYPHA_QUESTION_MAX_TEXT + 1, 'x');
  g_autoptr (HyphaQuestion) cut = hypha_question_new (HYPHA_QUESTION_ALERT, "w/c", text);
  g_autoptr (HyphaQuestion) clean = NULL;

  g_assert_cmpuint (strlen (hypha_question_get_text (cut)), ==, HYPHA_QUESTION_MAX_TEXT);
  g_assert_true (g_str_has_suffix (hypha_question_get_text (cut), "x…"));
  clean = hypha_question_new (HYPHA_QUESTION_ALERT, "w/c",
                              "a\x1b[1m\nb\tc\u202e d\u2066 e\u0301 \xff");
  g_assert_cmpstr (hypha_question_get_text (clean), ==, "a[1m\nb\tc d e\u0301 \ufffd");
}

static void
test_question_progress (void)
{
  g_autoptr (Host) host = host_new ();
  HyphaQuestion *question;

  for (guint i = 0; i <= 1000; i++)
    {
      g_autofree char *args = g_strdup_printf ("[<%.1f>]", i / 10.0);

      g_variant_unref (client_call_manager (host->client, "show_progress",
                                            g_variant_new_parsed (args), NULL));
    }

  /* One bar, which moved. */
  g_assert_cmpuint (host->questions->len, ==, 1);
  question = wait_question (host);
  g_assert_cmpint (hypha_question_get_kind (question), ==, HYPHA_QUESTION_PROGRESS);
  g_assert_cmpfloat (hypha_question_get_percent (question), ==, 100);
  g_assert_false (hypha_question_is_open (question));

  g_variant_unref (client_call_manager (host->client, "show_progress",
                                        g_variant_new_parsed ("[<int64 7>]"), NULL));
  g_assert_cmpuint (host->questions->len, ==, 2);
  assert_fails (host, "show_progress", "[<'7'>]", "progress must be a number from 0 to 100");
  assert_fails (host, "show_progress", "[<101.0>]", "progress must be a number from 0 to 100");
  assert_fails (host, "show_progress", "@av []", "progress must be a number from 0 to 100");
}

static gboolean
has_gone (gpointer data)
{
  Host *host = data;

  return hypha_router_lookup (host->hub->router, host->client->id) == NULL;
}

static void
test_question_caller_goes (void)
{
  g_autoptr (Host) host = host_new ();
  HyphaQuestion *question;

  start (host, "s1", "alert", "[<'one'>]");
  start (host, "s2", "alert", "[<'two'>]");
  start (host, "s3", "show_progress", "[<int64 5>]");
  assert_answer (host, "s3.resolve", "[<@mv nothing>]");
  g_assert_cmpuint (host->questions->len, ==, 2);
  question = g_ptr_array_index (host->questions, 0);
  hypha_connection_close (host->client->connection, 1000, NULL);
  g_assert_true (test_wait (has_gone, host));
  g_assert_false (hypha_question_is_open (question));
  g_assert_cmpuint (host->n_closed, ==, 2);
  g_assert_cmpuint (hypha_rpc_get_n_serving (hypha_manager_get_rpc (host->hub->manager)), ==, 0);
  hypha_question_answer_done (question);

  /* Whoever has the address now gets nothing of it. */
  g_clear_pointer (&host->client, client_free);
  {
    g_autofree char *token = hub_token (host->hub, "ws-a", "alice");

    host->client = hub_connect (host->hub, "a", token);
  }
  g_assert_true (g_queue_is_empty (&host->client->binaries));
}

/* A host that ends the client while it is asked. */
static void
test_question_caller_ended_by_host (void)
{
  g_autoptr (Host) host = host_new ();

  host->kicks = TRUE;
  start (host, "s1", "alert", "[<'one'>]");
  start (host, "s2", "alert", "[<'two'>]");
  g_assert_false (hypha_question_is_open (wait_question (host)));
  g_clear_pointer (&host->client, client_free);
}

static void
test_question_no_host (void)
{
  g_autoptr (Host) host = host_new ();
  static const char *const methods[] = { "alert", "confirm", "prompt", "show_message" };
  g_autoptr (GVariant) message = NULL;
  g_autoptr (GVariant) progress = NULL;

  host->refuses = TRUE;
  for (gsize i = 0; i < G_N_ELEMENTS (methods); i++)
    assert_fails (host, methods[i], "[<'x'>]", "requires browser environment");
  assert_fails (host, "show_progress", "[<int64 1>]", "requires browser environment");
  hypha_question_desk_set_host (hypha_manager_get_desk (host->hub->manager), NULL, NULL);
  assert_fails (host, "alert", "[<'x'>]",
                "requires browser environment. Currently running in: headless server");

  /* These ask nothing. */
  message = client_call_manager (host->client, "show_message", g_variant_new_parsed ("[<'x'>]"), NULL);
  progress = client_call_manager (host->client, "show_progress", g_variant_new_parsed ("[<0.5>]"), NULL);
  g_assert_true (hypha_rpc_codec_is_null (message));
  g_assert_true (hypha_rpc_codec_is_null (progress));
}

static void
test_question_anonymous (void)
{
  g_autoptr (Host) host = host_new ();

  client_free (host->client);
  host->client = hub_connect (host->hub, "x", NULL);
  assert_fails (host, "alert", "[<'x'>]", "anonymous users cannot open dialogs");
  g_assert_cmpuint (host->questions->len, ==, 0);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/hub/question/alert", test_question_alert);
  g_test_add_func ("/hub/question/confirm", test_question_confirm);
  g_test_add_func ("/hub/question/prompt", test_question_prompt);
  g_test_add_func ("/hub/question/named-arguments", test_question_named_arguments);
  g_test_add_func ("/hub/question/one-after-the-other", test_question_one_after_the_other);
  g_test_add_func ("/hub/question-desk/max-waiting", test_question_desk_max_waiting);
  g_test_add_func ("/hub/question-desk/max-minute", test_question_desk_max_minute);
  g_test_add_func ("/hub/question-desk/max-open", test_question_desk_max_open);
  g_test_add_func ("/hub/question/max-text", test_question_max_text);
  g_test_add_func ("/hub/question/progress", test_question_progress);
  g_test_add_func ("/hub/question/caller-goes", test_question_caller_goes);
  g_test_add_func ("/hub/question/caller-ended-by-host", test_question_caller_ended_by_host);
  g_test_add_func ("/hub/question/no-host", test_question_no_host);
  g_test_add_func ("/hub/question/anonymous", test_question_anonymous);

  return g_test_run ();
}
