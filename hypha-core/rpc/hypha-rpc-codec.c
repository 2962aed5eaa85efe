/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-rpc-codec-private.h"

/* Seconds between the heartbeats of a call at most. */
#define MAX_HEARTBEAT 3600.0

void
hypha_rpc_call_clear (HyphaRpcCall *call)
{
  g_clear_pointer (&call->context, g_variant_unref);
  g_clear_pointer (&call->from, g_free);
  g_clear_pointer (&call->workspace, g_free);
  g_clear_pointer (&call->method, g_free);
  g_clear_pointer (&call->session, g_free);
  g_clear_pointer (&call->args, g_variant_unref);
  g_clear_pointer (&call->kwargs, g_variant_unref);
  g_clear_pointer (&call->promise, g_variant_unref);
}

/* MessagePack numbers of any kind, as seconds. */
static double
hypha_rpc_number (GVariant *value)
{
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE))
    return g_variant_get_double (value);
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    return (double) g_variant_get_int64 (value);

  return 0;
}

/* With with_kwargs the last argument is a map of keywords. */
static void
hypha_rpc_call_split_kwargs (HyphaRpcCall *call)
{
  gsize n = g_variant_n_children (call->args);
  g_autoptr (GVariant) last = NULL;
  GVariantBuilder builder;

  if (n == 0)
    return;

  g_variant_get_child (call->args, n - 1, "v", &last);
  if (!g_variant_is_of_type (last, G_VARIANT_TYPE_VARDICT))
    return;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  for (gsize i = 0; i + 1 < n; i++)
    {
      g_autoptr (GVariant) boxed = g_variant_get_child_value (call->args, i);

      g_variant_builder_add_value (&builder, boxed);
    }

  call->kwargs = g_steal_pointer (&last);
  g_variant_unref (call->args);
  call->args = g_variant_ref_sink (g_variant_builder_end (&builder));
}

static gboolean
hypha_rpc_call_take_extra (HyphaRpcCall  *call,
                           GVariant      *extra,
                           GError       **error)
{
  g_autoptr (GVariant) t = NULL;
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) sealed = g_variant_lookup_value (extra, "_enc", NULL);
  gboolean with_kwargs = FALSE;

  if (sealed != NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNSUPPORTED,
                           "encrypted calls can only be answered by the client that holds the key");
      return FALSE;
    }

  args = g_variant_lookup_value (extra, "args", NULL);
  if (args != NULL && !hypha_rpc_codec_is_null (args))
    {
      if (!g_variant_is_of_type (args, G_VARIANT_TYPE ("av")))
        {
          g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL, "args must be a list");
          return FALSE;
        }

      g_variant_unref (call->args);
      call->args = g_steal_pointer (&args);
    }

  g_variant_lookup (extra, "with_kwargs", "b", &with_kwargs);
  if (with_kwargs)
    hypha_rpc_call_split_kwargs (call);

  call->promise = g_variant_lookup_value (extra, "promise", NULL);
  t = g_variant_lookup_value (extra, "t", NULL);
  if (t != NULL)
    call->t = hypha_rpc_number (t);

  return TRUE;
}

/*
 * Decodes a routed message. The context is the first segment only: nothing of the second segment
 * is ever merged into it, and of the second only the five keys of a call are read.
 */
gboolean
hypha_rpc_call_decode (HyphaRpcCall        *call,
                       const HyphaMessage  *message,
                       GBytes              *owner,
                       GError             **error)
{
  g_autoptr (GVariant) extra = NULL;
  const guint8 *rest = message->data + message->envelope_size;
  gsize rest_size = message->size - message->envelope_size;
  gboolean ok = TRUE;

  memset (call, 0, sizeof *call);
  call->args = g_variant_ref_sink (g_variant_new ("av", NULL));
  call->from = hypha_span_dup (message->from);
  call->method = hypha_span_dup (message->method);
  call->session = hypha_span_dup (message->session);
  call->context = hypha_msgpack_decode (message->data, message->envelope_size, NULL, NULL, error);
  if (call->context == NULL)
    return FALSE;

  if (!g_variant_is_of_type (call->context, G_VARIANT_TYPE_VARDICT) || call->from == NULL ||
      call->method == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                           "a call needs “from” and “method”");
      return FALSE;
    }

  g_variant_lookup (call->context, "ws", "s", &call->workspace);
  if (call->workspace == NULL)
    call->workspace = g_strdup ("");

  if (rest_size > 0)
    {
      call->extra = rest;
      call->extra_size = rest_size;
      extra = hypha_msgpack_decode_counted (rest, rest_size, owner, NULL, &call->memory, error);
      ok = extra != NULL && hypha_rpc_call_take_extra (call, extra, error);
    }

  return ok;
}

void
hypha_rpc_reply_free (HyphaRpcReply *reply)
{
  g_free (reply->to);
  g_free (reply->session);
  g_free (reply->resolve);
  g_free (reply->reject);
  g_free (reply->heartbeat);
  g_free (reply);
}

/*
 * The method id of one of the promise's functions. It must live at the caller: whoever could
 * name a third client here would have us speak to that client in our own name.
 */
static char *
hypha_rpc_reply_take_method (const HyphaRpcCall  *call,
                             const char          *name,
                             GError             **error)
{
  g_autoptr (GVariant) method = NULL;
  const char *target = NULL;
  const char *method_id = NULL;
  const char *slash;
  gboolean ours;

  method = g_variant_lookup_value (call->promise, name, G_VARIANT_TYPE_VARDICT);
  if (method == NULL || !g_variant_lookup (method, "_rtarget", "&s", &target))
    return NULL;

  slash = strchr (call->from, '/');
  ours = g_str_equal (target, call->from) ||
         (strchr (target, '/') == NULL && slash != NULL && g_str_equal (target, slash + 1));
  if (!ours)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                   "the promise of “%s” names another client", call->from);
      return NULL;
    }

  if (!g_variant_lookup (method, "_rmethod", "&s", &method_id))
    return NULL;

  /* It is sent back as often as it asks for. */
  if (strlen (method_id) > HYPHA_MESSAGE_MAX_NAME)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                   "the promise of “%s” has a function whose name is longer than %d bytes",
                   call->from, HYPHA_MESSAGE_MAX_NAME);
      return NULL;
    }

  return g_strdup (method_id);
}

/* What every caller has is left: its own session. */
static void
hypha_rpc_reply_forget_promise (HyphaRpcReply *reply)
{
  g_clear_pointer (&reply->heartbeat, g_free);
  g_clear_pointer (&reply->resolve, g_free);
  g_clear_pointer (&reply->reject, g_free);
}

/*
 * How to answer call, or NULL without an error where it wants no answer. With an error it is how to
 * tell the caller so, without the promise that is not to be trusted.
 */
HyphaRpcReply *
hypha_rpc_reply_new (const HyphaRpcCall  *call,
                     GError             **error)
{
  g_autoptr (HyphaRpcReply) reply = NULL;
  g_autoptr (GError) refused = NULL;
  double interval = call->t;

  if (call->session == NULL)
    return NULL;

  reply = g_new0 (HyphaRpcReply, 1);
  reply->to = g_strdup (call->from);
  reply->session = g_strdup (call->session);

  if (call->promise != NULL && g_variant_is_of_type (call->promise, G_VARIANT_TYPE_VARDICT))
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (call->promise, "interval", NULL);

      if (value != NULL)
        interval = hypha_rpc_number (value);

      /* Old clients choose the names freely: use what they gave. */
      reply->heartbeat = hypha_rpc_reply_take_method (call, "heartbeat", &refused);
      if (refused == NULL)
        reply->resolve = hypha_rpc_reply_take_method (call, "resolve", &refused);
      if (refused == NULL)
        reply->reject = hypha_rpc_reply_take_method (call, "reject", &refused);
    }
  else
    {
      reply->heartbeat = g_strconcat (call->session, ".heartbeat", NULL);
    }

  if (refused != NULL)
    {
      hypha_rpc_reply_forget_promise (reply);
      g_propagate_error (error, g_steal_pointer (&refused));
    }

  if (reply->resolve == NULL)
    reply->resolve = g_strconcat (call->session, ".resolve", NULL);
  if (reply->reject == NULL)
    reply->reject = g_strconcat (call->session, ".reject", NULL);

  reply->interval = interval > 0 ? CLAMP (interval, HYPHA_RPC_MIN_HEARTBEAT,
                                                MAX_HEARTBEAT) : 0;
  return g_steal_pointer (&reply);
}

static void
hypha_rpc_write_pair (GByteArray *out,
                      const char *key,
                      const char *value)
{
  hypha_msgpack_write_str (out, key, strlen (key));
  hypha_msgpack_write_str (out, value, strlen (value));
}

/* One message in its two segments; extra, an a{sv}, may be NULL. A floating extra is consumed. */
GBytes *
hypha_rpc_codec_message (const char *from,
                         const char *to,
                         const char *method,
                         const char *session,
                         const char *parent,
                         GVariant   *extra)
{
  GByteArray *out = g_byte_array_new ();

  hypha_msgpack_write_map (out, 4 + (session != NULL) + (parent != NULL));
  hypha_rpc_write_pair (out, "type", "method");
  hypha_rpc_write_pair (out, "from", from);
  hypha_rpc_write_pair (out, "to", to);
  hypha_rpc_write_pair (out, "method", method);
  if (session != NULL)
    hypha_rpc_write_pair (out, "session", session);
  if (parent != NULL)
    hypha_rpc_write_pair (out, "parent", parent);

  if (extra != NULL)
    {
      g_autoptr (GVariant) owned = g_variant_ref_sink (extra);

      hypha_msgpack_encode (out, owned);
    }

  return g_byte_array_free_to_bytes (out);
}

static GVariant *
hypha_rpc_codec_promise_method (const char *target,
                                const char *session,
                                const char *name)
{
  g_autofree char *method_id = g_strconcat (session, ".", name, NULL);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "_rtype", "s", "method");
  g_variant_dict_insert (&dict, "_rtarget", "s", target);
  g_variant_dict_insert (&dict, "_rmethod", "s", method_id);
  g_variant_dict_insert (&dict, "_rpromise", "b", FALSE);
  return g_variant_dict_end (&dict);
}

/* The full promise object, which callees of every age understand. */
GVariant *
hypha_rpc_codec_promise (const char *target,
                         const char *session,
                         double      interval)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "interval", "d", interval);
  g_variant_dict_insert_value (&dict, "heartbeat",
                               hypha_rpc_codec_promise_method (target, session, "heartbeat"));
  g_variant_dict_insert_value (&dict, "resolve",
                               hypha_rpc_codec_promise_method (target, session, "resolve"));
  g_variant_dict_insert_value (&dict, "reject",
                               hypha_rpc_codec_promise_method (target, session, "reject"));
  return g_variant_dict_end (&dict);
}

/* A callable of ours, as others see it. doc and schema may be NULL; schema is consumed. */
GVariant *
hypha_rpc_codec_method (const char *server_url,
                        const char *target,
                        const char *method_id,
                        const char *name,
                        const char *doc,
                        GVariant   *schema)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "_rtype", "s", "method");
  g_variant_dict_insert (&dict, "_rserver", "s", server_url);
  g_variant_dict_insert (&dict, "_rtarget", "s", target);
  g_variant_dict_insert (&dict, "_rmethod", "s", method_id);
  g_variant_dict_insert (&dict, "_rpromise", "s", "*");
  g_variant_dict_insert (&dict, "_rname", "s", name);
  g_variant_dict_insert_value (&dict, "_rdoc", doc != NULL ? g_variant_new_string (doc) :
                                                             hypha_rpc_codec_null ());
  g_variant_dict_insert_value (&dict, "_rschema", schema != NULL ? schema :
                                                                   hypha_rpc_codec_null ());
  return g_variant_dict_end (&dict);
}

/* An error object; trace is “ClassName: message”, by whose class clients tell errors apart. */
GVariant *
hypha_rpc_codec_error (const char *text,
                       const char *trace)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "_rtype", "s", "error");
  g_variant_dict_insert (&dict, "_rvalue", "s", text);
  g_variant_dict_insert (&dict, "_rtrace", "s", trace);
  return g_variant_dict_end (&dict);
}

gboolean
hypha_rpc_codec_is_type (GVariant   *value,
                         const char *rtype)
{
  const char *found = NULL;

  return g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT) &&
         g_variant_lookup (value, "_rtype", "&s", &found) && g_str_equal (found, rtype);
}

/* The client that an address names; NULL if value is none, or does not say. */
static const char *
hypha_rpc_codec_get_target (GVariant *value)
{
  const char *target = NULL;

  if (hypha_rpc_codec_is_type (value, "method") || hypha_rpc_codec_is_type (value, "generator"))
    g_variant_lookup (value, "_rtarget", "&s", &target);
  return target;
}

/* Whether hypha_rpc_codec_make_absolute() would leave value as it is. */
gboolean
hypha_rpc_codec_is_absolute (GVariant *value)
{
  gboolean map = g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
  const char *target = map ? hypha_rpc_codec_get_target (value) : NULL;
  gboolean absolute = target == NULL || strchr (target, '/') != NULL;

  if (!map && !g_variant_is_of_type (value, G_VARIANT_TYPE ("av")))
    return TRUE;

  for (gsize i = 0; absolute && i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) item = NULL;

      if (map)
        g_variant_get_child (value, i, "{&sv}", NULL, &item);
      else
        g_variant_get_child (value, i, "v", &item);
      absolute = hypha_rpc_codec_is_absolute (item);
    }

  return absolute;
}

static GVariant *
hypha_rpc_codec_make_map_absolute (GVariant   *map,
                                   const char *workspace)
{
  gboolean address = hypha_rpc_codec_is_type (map, "method") ||
                     hypha_rpc_codec_is_type (map, "generator");
  GVariantBuilder builder;
  GVariantIter iter;
  const char *key;
  GVariant *item;

  g_variant_builder_init (&builder, G_VARIANT_TYPE_VARDICT);
  g_variant_iter_init (&iter, map);
  while (g_variant_iter_next (&iter, "{&sv}", &key, &item))
    {
      g_autoptr (GVariant) owned = item;

      if (address && g_str_equal (key, "_rtarget") &&
          g_variant_is_of_type (item, G_VARIANT_TYPE_STRING) &&
          strchr (g_variant_get_string (item, NULL), '/') == NULL)
        g_variant_builder_add (&builder, "{sv}", key,
                               g_variant_new_take_string (g_strconcat (
                                 workspace, "/", g_variant_get_string (item, NULL), NULL)));
      else
        g_variant_builder_add (&builder, "{sv}", key,
                               hypha_rpc_codec_make_absolute (item, workspace));
    }

  return g_variant_builder_end (&builder);
}

/* value with every relative address made absolute; floating where it is new. */
GVariant *
hypha_rpc_codec_make_absolute (GVariant   *value,
                               const char *workspace)
{
  GVariantBuilder builder;
  GVariantIter iter;
  GVariant *item;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT))
    return hypha_rpc_codec_make_map_absolute (value, workspace);
  /* A list of numbers is packed: taken apart it would need ten times the memory. */
  if (!g_variant_is_of_type (value, G_VARIANT_TYPE ("av")) || hypha_rpc_codec_is_absolute (value))
    return value;

  g_variant_builder_init (&builder, G_VARIANT_TYPE ("av"));
  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_variant_builder_add (&builder, "v", hypha_rpc_codec_make_absolute (item, workspace));
      g_variant_unref (item);
    }

  return g_variant_builder_end (&builder);
}

gboolean
hypha_rpc_codec_is_null (GVariant *value)
{
  return g_variant_is_of_type (value, G_VARIANT_TYPE_MAYBE) && g_variant_n_children (value) == 0;
}

/* A floating nil. */
GVariant *
hypha_rpc_codec_null (void)
{
  return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
}
