/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "test-http-calc-fixture.h"
#include "test-utils.h"

static gint64
argument (HyphaInvocation *invocation,
          guint            index,
          const char      *name)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  return value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64) ?
           g_variant_get_int64 (value) :
           -1;
}

static void
serve_subtract (HyphaInvocation *invocation,
                gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_int64 (argument (invocation, 0, "a") -
                                                            argument (invocation, 1, "b")));
}

static void
serve_say_hello (HyphaInvocation *invocation,
                 gpointer         data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = hypha_invocation_dup_string (invocation, 0, "name", &error);

  if (name != NULL)
    hypha_invocation_return (invocation,
                             g_variant_new_take_string (g_strconcat ("Hello, ", name, NULL)));
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static void
serve_fail (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return_error (invocation, g_error_new_literal (HYPHA_ERROR,
                                                                  HYPHA_ERROR_INVALID_ARGUMENT,
                                                                  "no such luck"));
}

static void
serve_who (HyphaInvocation *invocation,
           gpointer         data)
{
  g_autoptr (GVariant) context = hypha_invocation_dup_context (invocation);

  hypha_invocation_return (invocation, context);
}

static void
serve_echo (HyphaInvocation *invocation,
            gpointer         data)
{
  hypha_invocation_return (invocation, hypha_invocation_get_args (invocation));
}

static void
serve_bytes (HyphaInvocation *invocation,
             gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed ("@ay [0, 1, 255]"));
}

/* More than the sockets take that nobody reads. */
static void
serve_much (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autofree char *much = g_strnfill (16 * 1024 * 1024, 'x');

  hypha_invocation_return (invocation, g_variant_new_string (much));
}

static void
serve_no_bytes (HyphaInvocation *invocation,
                gpointer         data)
{
  hypha_invocation_return (invocation, g_variant_new_parsed ("@ay []"));
}

static void
drop_invocation (GCancellable *cancellable,
                 gpointer      data)
{
  Web *web = data;

  web->n_cancelled++;
}

/* Never answers, until its caller has gone. */
static void
serve_wait (HyphaInvocation *invocation,
            gpointer         data)
{
  Web *web = data;
  GCancellable *cancellable = hypha_invocation_get_cancellable (invocation);

  g_signal_connect (cancellable, "cancelled", G_CALLBACK (drop_invocation), web);
  g_ptr_array_add (g_object_get_data (G_OBJECT (web->server), "waiting"),
                   hypha_invocation_ref (invocation));
}

typedef struct
{
  Web   *web;
  gint64 next;
  gint64 end;
  gint64 fail;
  gint64 size;  /* of each item, in bytes; -1 for numbers */
} Count;

static void
count_next (HyphaInvocation *invocation,
            gpointer         data)
{
  Count *count = data;

  count->web->n_pulled++;
  if (count->next == count->fail)
    serve_fail (invocation, NULL);
  else if (count->next == count->end)
    hypha_generator_stop (invocation);
  else if (count->size > 0)
    hypha_invocation_return (invocation,
                             g_variant_new_take_string (g_strnfill ((gsize) count->size, 'x')));
  else
    hypha_invocation_return (invocation, g_variant_new_int64 (count->next++));
}

static void
count_free (gpointer data)
{
  Count *count = data;

  count->web->n_open--;
  g_free (count);
}

static void
serve_count (HyphaInvocation *invocation,
             gpointer         data)
{
  Count *count = g_new0 (Count, 1);
  g_autoptr (GError) error = NULL;

  count->web = data;
  count->web->n_open++;
  count->end = argument (invocation, 0, "end");
  count->fail = argument (invocation, 1, "fail");
  count->size = argument (invocation, 2, "size");
  hypha_invocation_return (invocation,
                           hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                                hypha_invocation_get_from (invocation), count_next,
                                                count, count_free, &error));
  g_assert_no_error (error);
}

static HyphaService *
make_calc (Web        *web,
           const char *id,
           const char *visibility)
{
  HyphaService *service = web_service (id, visibility, "generic");

  hypha_service_add_function (service, "math.subtract", "a, b", "Subtracts.", NULL,
                              serve_subtract, web, NULL);
  hypha_service_add_function (service, "say_hello", "name", NULL, NULL, serve_say_hello, web, NULL);
  hypha_service_add_function (service, "fail", "", NULL, NULL, serve_fail, web, NULL);
  hypha_service_add_function (service, "who", NULL, NULL, NULL, serve_who, web, NULL);
  hypha_service_add_function (service, "echo", NULL, NULL, NULL, serve_echo, web, NULL);
  hypha_service_add_function (service, "bytes", "", NULL, NULL, serve_bytes, web, NULL);
  hypha_service_add_function (service, "no_bytes", "", NULL, NULL, serve_no_bytes, web, NULL);
  hypha_service_add_function (service, "much", "", NULL, NULL, serve_much, web, NULL);
  hypha_service_add_function (service, "wait", "", NULL, NULL, serve_wait, web, NULL);
  hypha_service_add_function (service, "count", "end, fail, size", NULL, NULL, serve_count, web, NULL);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  return service;
}

void
calc_set_up (Calc          *fixture,
             gconstpointer  data)
{
  static const char *const visibilities[][2] = { { "calc", "public" },
                                                 { "secret", "protected" },
                                                 { "quiet", "unlisted" } };

  fixture->web = web_new ();
  g_object_set_data_full (G_OBJECT (fixture->web->server), "waiting",
                          g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_invocation_unref),
                          (GDestroyNotify) g_ptr_array_unref);
  for (gsize i = 0; i < G_N_ELEMENTS (visibilities); i++)
    {
      g_autoptr (HyphaService) service = make_calc (fixture->web, visibilities[i][0],
                                                    visibilities[i][1]);

      web_register (fixture->web, service);
    }
}

void
calc_tear_down (Calc          *fixture,
                gconstpointer  data)
{
  g_object_set_data (G_OBJECT (fixture->web->server), "waiting", NULL);
  web_free (fixture->web);
}

void
calc_assert_answer (Calc       *fixture,
                    const char *method,
                    const char *path,
                    const char *token,
                    const char *body,
                    guint       status,
                    const char *expected)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, method, path, token, body, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpstr (answer->text, ==, expected);
  g_assert_cmpuint (answer->status, ==, status);
  g_assert_cmpstr (answer->type, ==, "application/json");
}

void
calc_assert_status (Calc       *fixture,
                    const char *method,
                    const char *path,
                    const char *token,
                    guint       status)
{
  g_autoptr (Answer) answer = web_ask (fixture->web, method, path, token, NULL, NULL);

  g_test_message ("%s %s", method, path);
  g_assert_cmpuint (answer->status, ==, status);
}
