/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-generator-private.h"
#include "hypha-interface-private.h"
#include "hypha-invocation-private.h"
#include "object-service.h"

/* What the service remembers between calls. */
typedef struct
{
  guint     generators;  /* that are not freed */
  guint     callbacks;   /* functions of ours that are not freed */
  GVariant *kept;        /* a client's object */
  char     *owner;       /* who handed it over */
} Memory;

static Memory memory;

/* A callback that a client has given us, and what it is called for. */
typedef struct
{
  HyphaInvocation      *invocation;
  HyphaRemoteFunction  *function;
  HyphaRemoteGenerator *generator;
  GVariant             *value;
  GVariantBuilder       answers;
  gint64                left;
  gint64                sum;
} Work;

static Work *
work_new (HyphaInvocation *invocation)
{
  Work *work = g_new0 (Work, 1);

  work->invocation = hypha_invocation_ref (invocation);
  g_variant_builder_init (&work->answers, G_VARIANT_TYPE ("av"));
  return work;
}

/* Ends it with a value, or with error. */
static void
work_end (Work     *work,
          GVariant *value,
          GError   *error)
{
  if (error != NULL)
    hypha_invocation_return_error (work->invocation, error);
  else
    hypha_invocation_return (work->invocation, value);

  hypha_invocation_unref (work->invocation);
  g_clear_pointer (&work->function, hypha_remote_function_unref);
  g_clear_pointer (&work->generator, hypha_remote_generator_free);
  g_clear_pointer (&work->value, g_variant_unref);
  g_variant_builder_clear (&work->answers);
  g_free (work);
}

/* A number in an argument. */
gint64
object_take_number (HyphaInvocation *invocation,
                    guint            index,
                    const char      *name,
                    gint64           fallback)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);

  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return g_variant_get_int64 (value);
  if (value != NULL && g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return (gint64) g_variant_get_double (value);

  return fallback;
}

/* The function in an argument, or the error in the answer. */
static HyphaRemoteFunction *
take_function (HyphaInvocation *invocation,
               const char      *name)
{
  g_autoptr (GVariant) address = hypha_invocation_dup_arg (invocation, 0, name);
  g_autoptr (GError) error = NULL;
  HyphaRemoteFunction *function = NULL;

  if (address == NULL)
    g_set_error_literal (&error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "no function");
  else
    function = hypha_remote_function_new (hypha_invocation_get_rpc (invocation), address,
                                          hypha_invocation_get_from (invocation), &error);
  if (function == NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  return function;
}

static void work_call_again (Work *work);

static void
on_called_back (GObject      *source,
                GAsyncResult *result,
                gpointer      data)
{
  Work *work = data;
  GError *error = NULL;
  g_autoptr (GVariant) value = hypha_remote_function_call_finish (work->function, result, &error);

  if (error != NULL)
    {
      work_end (work, NULL, error);
      return;
    }

  g_variant_builder_add (&work->answers, "v", value != NULL ? value : hypha_rpc_codec_null ());
  work_call_again (work);
}

static void
work_call_again (Work *work)
{
  HyphaRpcRequest request = { 0 };

  if (work->left-- <= 0)
    {
      work_end (work, g_variant_builder_end (&work->answers), NULL);
      return;
    }

  request.args = work->value != NULL ? g_variant_new_parsed ("[%v]", work->value) : NULL;
  hypha_remote_function_call_async (work->function, &request, NULL, on_called_back, work);
}

/* (function, times, value): the list of its answers. */
static void
serve_call_back (HyphaInvocation *invocation,
                 gpointer         data)
{
  HyphaRemoteFunction *function = take_function (invocation, "function");
  Work *work;

  if (function == NULL)
    return;

  work = work_new (invocation);
  work->function = function;
  work->left = object_take_number (invocation, 1, "times", 1);
  work->value = hypha_invocation_dup_arg (invocation, 2, "value");
  work_call_again (work);
}

static void
serve_double (HyphaInvocation *invocation,
              gpointer         data)
{
  gint64 number = object_take_number (invocation, 0, NULL, 0);

  hypha_invocation_return (invocation, g_variant_new_int64 (2 * number));
}

static void
callback_freed (gpointer data)
{
  memory.callbacks--;
}

static void
on_nested (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Work *work = data;
  GError *error = NULL;
  g_autoptr (GVariant) value = hypha_remote_function_call_finish (work->function, result, &error);

  work_end (work, value, error);
}

/* (function): calls it with a function of ours that doubles a number. */
static void
serve_nest (HyphaInvocation *invocation,
            gpointer         data)
{
  HyphaRpc *rpc = hypha_invocation_get_rpc (invocation);
  HyphaRemoteFunction *function = take_function (invocation, "function");
  g_autoptr (HyphaSession) session = NULL;
  HyphaRpcRequest request = { 0 };
  Work *work;

  if (function == NULL)
    return;

  work = work_new (invocation);
  work->function = function;
  session = hypha_session_new (rpc, hypha_invocation_get_from (invocation), NULL);
  memory.callbacks++;
  request.session = session;
  request.args = g_variant_new_parsed ("[<%*>]",
                                       hypha_session_add_function (session, "double", serve_double,
                                                                   NULL, callback_freed, NULL));
  hypha_remote_function_call_async (function, &request, NULL, on_nested, work);
}

static void
on_curried (GObject      *source,
            GAsyncResult *result,
            gpointer      data)
{
  Work *work = data;
  GError *error = NULL;
  g_autoptr (GVariant) address = NULL;
  g_autoptr (HyphaRemoteFunction) first = g_steal_pointer (&work->function);
  const HyphaRpcRequest request = { .args = g_variant_new_parsed ("[%v]", work->value) };

  address = hypha_remote_function_call_finish (first, result, &error);
  if (address != NULL)
    work->function = hypha_remote_function_new (hypha_invocation_get_rpc (work->invocation),
                                                address, hypha_remote_function_get_target (first),
                                                &error);
  if (error != NULL)
    work_end (work, NULL, error);
  else
    hypha_remote_function_call_async (work->function, &request, NULL, on_nested, work);
}

/* (function, a, b): calls it with a, and the function that it answers with b. */
static void
serve_curry (HyphaInvocation *invocation,
             gpointer         data)
{
  HyphaRemoteFunction *function = take_function (invocation, "function");
  g_autoptr (GVariant) a = hypha_invocation_dup_arg (invocation, 1, "a");
  HyphaRpcRequest request = { 0 };
  Work *work;

  if (function == NULL)
    return;

  work = work_new (invocation);
  work->function = function;
  work->value = hypha_invocation_dup_arg (invocation, 2, "b");
  request.args = g_variant_new_parsed ("[%v]", a);
  hypha_remote_function_call_async (function, &request, NULL, on_curried, work);
}

typedef struct
{
  gint64 next;
  gint64 last;
  gint64 fails;  /* where it fails; beyond last if it does not */
} Counter;

static void
counter_next (HyphaInvocation *invocation,
              gpointer         data)
{
  Counter *counter = data;

  if (counter->next == counter->fails)
    hypha_invocation_return_error (invocation,
                                   g_error_new (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                "failed at %" G_GINT64_FORMAT, counter->next));
  else if (counter->next == counter->last)
    hypha_generator_stop (invocation);
  else
    hypha_invocation_return (invocation, g_variant_new_int64 (counter->next++));
}

static void
counter_free (gpointer data)
{
  memory.generators--;
  g_free (data);
}

/* (last, fails): a generator of 0, 1, … */
static void
serve_count (HyphaInvocation *invocation,
             gpointer         data)
{
  Counter *counter = g_new0 (Counter, 1);
  g_autoptr (GError) error = NULL;
  GVariant *generator;

  counter->last = object_take_number (invocation, 0, "last", 0);
  counter->fails = object_take_number (invocation, 1, "fails", -1);
  memory.generators++;
  generator = hypha_generator_new (hypha_invocation_get_rpc (invocation),
                                   hypha_invocation_get_from (invocation), counter_next, counter,
                                   counter_free, &error);
  if (generator != NULL)
    hypha_invocation_return (invocation, generator);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

static void
on_pulled (GObject      *source,
           GAsyncResult *result,
           gpointer      data)
{
  Work *work = data;
  GError *error = NULL;
  g_autoptr (GVariant) item = NULL;

  item = hypha_remote_generator_next_finish (work->generator, result, &error);
  if (item != NULL)
    {
      work->sum += g_variant_is_of_type (item, G_VARIANT_TYPE_INT64) ? g_variant_get_int64 (item) :
                                                                       0;
      work->left--;
    }

  if (item == NULL || work->left == 0)
    work_end (work, error == NULL ? g_variant_new_int64 (work->sum) : NULL, error);
  else
    hypha_remote_generator_next_async (work->generator, 0, NULL, on_pulled, work);
}

/* (generator, most): the sum of its items, or of the first few. */
static void
serve_sum (HyphaInvocation *invocation,
           gpointer         data)
{
  g_autoptr (GVariant) address = hypha_invocation_dup_arg (invocation, 0, "generator");
  HyphaRemoteGenerator *generator = NULL;
  g_autoptr (GError) error = NULL;
  Work *work;

  if (address != NULL)
    generator = hypha_remote_generator_new (hypha_invocation_get_rpc (invocation), address,
                                            hypha_invocation_get_from (invocation), &error);
  if (generator == NULL)
    {
      hypha_invocation_return_error (invocation,
                                     error != NULL ? g_steal_pointer (&error) :
                                     g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                                                          "no generator"));
      return;
    }

  work = work_new (invocation);
  work->generator = generator;
  work->left = object_take_number (invocation, 1, "most", -1);
  hypha_remote_generator_next_async (generator, 0, NULL, on_pulled, work);
}

static void
serve_hello (HyphaInvocation *invocation,
             gpointer         data)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *name = hypha_invocation_dup_string (invocation, 0, "name", &error);

  if (name == NULL)
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
  else
    hypha_invocation_return (invocation, g_variant_new_take_string (g_strconcat ("hello ", name,
                                                                                 NULL)));
}

/* An object that outlives the call. */
static void
serve_lend (HyphaInvocation *invocation,
            gpointer         data)
{
  g_autoptr (HyphaService) service = NULL;
  g_autoptr (GError) error = NULL;
  GVariant *map;

  service = hypha_service_new ("lent", "", "", "generic", g_variant_new ("a{sv}", NULL));
  memory.callbacks++;
  hypha_service_add_function (service, "hello", "name", NULL, NULL, serve_hello, NULL,
                              callback_freed);
  hypha_service_add_value (service, "answer", g_variant_new_int64 (42));
  map = hypha_rpc_add_interface (hypha_invocation_get_rpc (invocation), service,
                                 hypha_invocation_get_from (invocation), &error);
  if (map != NULL)
    hypha_invocation_return (invocation, map);
  else
    hypha_invocation_return_error (invocation, g_steal_pointer (&error));
}

/* (object): keeps it beyond the call. */
static void
serve_keep (HyphaInvocation *invocation,
            gpointer         data)
{
  g_clear_pointer (&memory.kept, g_variant_unref);
  g_free (memory.owner);
  memory.kept = hypha_invocation_dup_arg (invocation, 0, "object");
  memory.owner = g_strdup (hypha_invocation_get_from (invocation));
  hypha_invocation_return (invocation, g_variant_new_boolean (
                             memory.kept != NULL && hypha_remote_interface_check (memory.kept)));
}

/* (value): calls “hello” of the object that is kept. */
static void
serve_use_kept (HyphaInvocation *invocation,
                gpointer         data)
{
  g_autoptr (GError) error = NULL;
  HyphaRpcRequest request = { 0 };
  HyphaRemoteFunction *hello;
  Work *work;

  hello = hypha_remote_interface_dup_member (hypha_invocation_get_rpc (invocation), memory.kept,
                                             memory.owner, "hello", &error);
  if (hello == NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  work = work_new (invocation);
  work->function = hello;
  request.args = hypha_invocation_get_args (invocation);
  hypha_remote_function_call_async (hello, &request, NULL, on_nested, work);
}

static void
serve_dispose_kept (HyphaInvocation *invocation,
                    gpointer         data)
{
  hypha_remote_interface_dispose (hypha_invocation_get_rpc (invocation), memory.kept, memory.owner);
  hypha_invocation_return_null (invocation);
}

static gboolean
on_slept (gpointer data)
{
  hypha_invocation_return (data, g_variant_new_string ("awake"));
  hypha_invocation_unref (data);
  return G_SOURCE_REMOVE;
}

/* (seconds): answers after them. */
static void
serve_slow (HyphaInvocation *invocation,
            gpointer         data)
{
  guint milliseconds = (guint) (1000 * object_take_number (invocation, 0, "seconds", 1));

  g_timeout_add (milliseconds, on_slept, hypha_invocation_ref (invocation));
}

/* (code): an error with it. */
static void
serve_fail (HyphaInvocation *invocation,
            gpointer         data)
{
  gint code = (gint) object_take_number (invocation, 0, "code", 0);

  hypha_invocation_return_error (invocation, g_error_new (HYPHA_ERROR, code, "überall Pilze"));
}

/* (a, b, c): what came for each. */
static void
serve_keywords (HyphaInvocation *invocation,
                gpointer         data)
{
  static const char *const names[] = { "a", "b", "c" };
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (names); i++)
    {
      g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, i, names[i]);

      g_variant_dict_insert_value (&dict, names[i],
                                   value != NULL ? value : hypha_rpc_codec_null ());
    }

  hypha_invocation_return (invocation, g_variant_dict_end (&dict));
}

static void
serve_who (HyphaInvocation *invocation,
           gpointer         data)
{
  g_autoptr (GVariant) context = hypha_invocation_dup_context (invocation);

  hypha_invocation_return (invocation, context);
}

/* What is left of earlier calls; the call that asks is not counted. */
static void
serve_left (HyphaInvocation *invocation,
            gpointer         data)
{
  HyphaRpc *rpc = data;

  hypha_invocation_return (invocation, g_variant_new_parsed (
                             "{'pending': <%x>, 'serving': <%x>, 'sessions': <%x>,"
                             " 'interfaces': <%x>, 'generators': <%x>, 'callbacks': <%x>}",
                             (gint64) hypha_rpc_get_n_pending (rpc),
                             (gint64) hypha_rpc_get_n_serving (rpc) - 1,
                             (gint64) hypha_rpc_get_n_sessions (rpc),
                             (gint64) hypha_rpc_get_n_interfaces (rpc), (gint64) memory.generators,
                             (gint64) memory.callbacks));
}

static const HyphaServiceMethod methods[] = {
  { "call_back", "function, times, value", "Calls a function, several times.", serve_call_back },
  { "nest", "function", "Calls a function with a function.", serve_nest },
  { "curry", "function, a, b", "Calls the function that a function answers with.", serve_curry },
  { "count", "last, fails", "Counts.", serve_count },
  { "sum", "generator, most", "Adds what a generator gives.", serve_sum },
  { "lend", "", "Returns an object.", serve_lend },
  { "keep", "object", "Keeps an object.", serve_keep },
  { "use_kept", "value", "Calls the kept object.", serve_use_kept },
  { "dispose_kept", "", "Disposes of the kept object.", serve_dispose_kept },
  { "slow", "seconds", "Takes its time.", serve_slow },
  { "fail", "code", "Fails.", serve_fail },
  { "keywords", "a, b, c", "Returns its arguments by name.", serve_keywords },
  { "who", "", "Returns the context.", serve_who },
};

HyphaService *
object_service_new (HyphaRpc *rpc)
{
  HyphaService *service;

  service = hypha_service_new ("objects", "Objects", "Everything that objects can do.", "generic",
                               g_variant_new_parsed ("{'visibility': <'public'>,"
                                                     " 'require_context': <[<'who'>]>}"));
  hypha_service_add_methods (service, methods, G_N_ELEMENTS (methods), NULL);
  object_values_add (service);
  hypha_service_add_function (service, "left", "", "Returns what is left of earlier calls.", NULL,
                              serve_left, rpc, NULL);
  return service;
}
