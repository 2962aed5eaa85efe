/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-event-log-private.h"

#include <string.h>

#include "hypha-workspace-methods-private.h"

struct _HyphaEventLog
{
  HyphaManager *manager;  /* owns this */
  GHashTable   *users;    /* “workspace/user” → GQueue of HyphaLoggedEvent, the oldest first */
  guint         n;
  guint64       next;
};

typedef struct
{
  guint64    id;
  char      *type;
  GVariant  *data;  /* NULL for null */
  GDateTime *time;
} HyphaLoggedEvent;

/* Which events somebody asks for; NULL is any. */
typedef struct
{
  char      *type;
  GDateTime *start;
  GDateTime *end;
} HyphaEventFilter;

static void
hypha_logged_event_free (gpointer data)
{
  HyphaLoggedEvent *event = data;

  g_free (event->type);
  g_clear_pointer (&event->data, g_variant_unref);
  g_date_time_unref (event->time);
  g_free (event);
}

static void
hypha_event_log_free_queue (gpointer data)
{
  g_queue_free_full (data, hypha_logged_event_free);
}

static void
hypha_event_filter_clear (HyphaEventFilter *filter)
{
  g_clear_pointer (&filter->type, g_free);
  g_clear_pointer (&filter->start, g_date_time_unref);
  g_clear_pointer (&filter->end, g_date_time_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaEventFilter, hypha_event_filter_clear)

static char *
hypha_event_log_dup_key (HyphaPeer *caller)
{
  return g_strconcat (hypha_peer_get_workspace (caller), "/",
                      hypha_user_info_get_id (hypha_peer_get_user (caller)), NULL);
}

static void
hypha_event_log_drop_oldest (HyphaEventLog *self,
                             const char    *key,
                             GQueue        *queue)
{
  hypha_logged_event_free (g_queue_pop_head (queue));
  self->n--;
  if (g_queue_is_empty (queue))
    g_hash_table_remove (self->users, key);
}

/* Whoever has most makes room, so that nobody drives out the events of others. */
static void
hypha_event_log_make_room (HyphaEventLog *self)
{
  GHashTableIter iter;
  gpointer key;
  gpointer queue;
  const char *most_key = NULL;
  GQueue *most = NULL;

  if (self->n < HYPHA_EVENT_LOG_MAX)
    return;

  g_hash_table_iter_init (&iter, self->users);
  while (g_hash_table_iter_next (&iter, &key, &queue))
    if (most == NULL || g_queue_get_length (queue) > g_queue_get_length (most))
      {
        most_key = key;
        most = queue;
      }

  hypha_event_log_drop_oldest (self, most_key, most);
}

/* A copy of its own: a part of a message would keep all of it. */
static GVariant *
hypha_event_log_copy (GVariant *data)
{
  g_autoptr (GBytes) bytes = g_bytes_new (g_variant_get_data (data), g_variant_get_size (data));

  return g_variant_ref_sink (g_variant_new_from_bytes (g_variant_get_type (data), bytes, TRUE));
}

static void
hypha_event_log_put (HyphaEventLog *self,
                     HyphaPeer     *caller,
                     const char    *type,
                     GVariant      *data)
{
  g_autofree char *key = hypha_event_log_dup_key (caller);
  HyphaLoggedEvent *event = g_new0 (HyphaLoggedEvent, 1);
  GQueue *queue = g_hash_table_lookup (self->users, key);

  event->id = self->next++;
  event->type = g_strdup (type);
  event->data = data != NULL ? hypha_event_log_copy (data) : NULL;
  event->time = g_date_time_new_now_utc ();
  if (queue != NULL && g_queue_get_length (queue) >= HYPHA_EVENT_LOG_MAX_USER)
    hypha_event_log_drop_oldest (self, key, queue);
  hypha_event_log_make_room (self);

  queue = g_hash_table_lookup (self->users, key);
  if (queue == NULL)
    {
      queue = g_queue_new ();
      g_hash_table_insert (self->users, g_steal_pointer (&key), queue);
    }

  g_queue_push_tail (queue, event);
  self->n++;
}

static gboolean
hypha_event_log_check_type (const char  *type,
                            GError     **error)
{
  if (*type != '\0' && strlen (type) <= HYPHA_EVENT_LOG_MAX_NAME && strpbrk (type, " \t\r\n") == NULL)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "the type of an event is a text without blanks, of up to %d bytes",
               HYPHA_EVENT_LOG_MAX_NAME);
  return FALSE;
}

static void
hypha_event_log_serve_log (HyphaInvocation *invocation,
                           gpointer         data)
{
  HyphaEventLog *self = data;
  HyphaPeer *caller = hypha_manager_get_caller (self->manager, invocation);
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, 1, "data");
  g_autoptr (GError) error = NULL;
  g_autofree char *type = NULL;

  if (caller == NULL)
    return;

  type = hypha_invocation_dup_string (invocation, 0, "event_type", &error);
  if (type != NULL && hypha_event_log_check_type (type, &error) && value != NULL &&
      g_variant_get_size (value) > HYPHA_EVENT_LOG_MAX_DATA)
    g_set_error (&error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                 "the data of an event may take %d bytes, not more", HYPHA_EVENT_LOG_MAX_DATA);
  if (error == NULL)
    hypha_workspace_methods_check (caller, HYPHA_NEED_READ, hypha_peer_get_workspace (caller),
                                   &error);

  if (error != NULL)
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return;
    }

  hypha_event_log_put (self, caller, type, value);
  hypha_invocation_return_null (invocation);
}

/* A time: seconds since 1970, or ISO 8601; one without a zone is UTC. */
static gboolean
hypha_event_log_take_time (HyphaInvocation  *invocation,
                           guint             index,
                           const char       *name,
                           GDateTime       **time,
                           GError          **error)
{
  g_autoptr (GVariant) value = hypha_invocation_dup_arg (invocation, index, name);
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();

  if (value == NULL)
    return TRUE;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    *time = g_date_time_new_from_iso8601 (g_variant_get_string (value, NULL), utc);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_INT64))
    *time = g_date_time_new_from_unix_utc (g_variant_get_int64 (value));
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE_DOUBLE) &&
           ABS (g_variant_get_double (value)) < 1e11)
    *time = g_date_time_new_from_unix_utc ((gint64) g_variant_get_double (value));

  if (*time != NULL)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "%s must be a time: ISO 8601, or seconds since 1970", name);
  return FALSE;
}

static gboolean
hypha_event_log_take_filter (HyphaInvocation   *invocation,
                             HyphaEventFilter  *filter,
                             GError           **error)
{
  g_autoptr (GVariant) type = hypha_invocation_dup_arg (invocation, 0, "event_type");

  if (type != NULL)
    filter->type = hypha_invocation_dup_string (invocation, 0, "event_type", error);

  return (type == NULL || filter->type != NULL) &&
         hypha_event_log_take_time (invocation, 1, "start_time", &filter->start, error) &&
         hypha_event_log_take_time (invocation, 2, "end_time", &filter->end, error);
}

static gboolean
hypha_event_filter_takes (const HyphaEventFilter *filter,
                          const HyphaLoggedEvent *event)
{
  return (filter->type == NULL || g_str_equal (filter->type, event->type)) &&
         (filter->start == NULL || g_date_time_compare (event->time, filter->start) >= 0) &&
         (filter->end == NULL || g_date_time_compare (event->time, filter->end) <= 0);
}

/* The caller's events that a call asks for; NULL, with the invocation answered, on an error. */
static GPtrArray *
hypha_event_log_find (HyphaEventLog    *self,
                      HyphaInvocation  *invocation,
                      HyphaPeer       **caller)
{
  g_auto (HyphaEventFilter) filter = { 0 };
  g_autoptr (GPtrArray) found = g_ptr_array_new ();
  g_autoptr (GError) error = NULL;
  g_autofree char *key = NULL;
  GQueue *queue;

  *caller = hypha_manager_get_caller (self->manager, invocation);
  if (*caller == NULL)
    return NULL;

  if (!hypha_event_log_take_filter (invocation, &filter, &error))
    {
      hypha_invocation_return_error (invocation, g_steal_pointer (&error));
      return NULL;
    }

  key = hypha_event_log_dup_key (*caller);
  queue = g_hash_table_lookup (self->users, key);
  for (GList *l = queue != NULL ? queue->head : NULL; l != NULL; l = l->next)
    if (hypha_event_filter_takes (&filter, l->data))
      g_ptr_array_add (found, l->data);

  return g_steal_pointer (&found);
}

static GVariant *
hypha_logged_event_describe (const HyphaLoggedEvent *event,
                             HyphaPeer              *caller)
{
  g_autofree char *time = g_date_time_format_iso8601 (event->time);
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "id", "x", (gint64) event->id);
  g_variant_dict_insert (&dict, "event_type", "s", event->type);
  g_variant_dict_insert (&dict, "workspace", "s", hypha_peer_get_workspace (caller));
  g_variant_dict_insert (&dict, "user_id", "s",
                         hypha_user_info_get_id (hypha_peer_get_user (caller)));
  g_variant_dict_insert (&dict, "timestamp", "s", time);
  g_variant_dict_insert_value (&dict, "data",
                               event->data != NULL ? event->data : hypha_rpc_codec_null ());
  return g_variant_dict_end (&dict);
}

static void
hypha_event_log_serve_get (HyphaInvocation *invocation,
                           gpointer         data)
{
  HyphaPeer *caller;
  g_autoptr (GPtrArray) found = hypha_event_log_find (data, invocation, &caller);
  GVariantBuilder list;

  if (found == NULL)
    return;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < found->len; i++)
    g_variant_builder_add (&list, "v",
                           hypha_logged_event_describe (g_ptr_array_index (found, i), caller));
  hypha_invocation_return (invocation, g_variant_builder_end (&list));
}

/* How many there are of each type; the names are the events' own. */
static GHashTable *
hypha_event_log_count (GPtrArray *events)
{
  GHashTable *counts = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < events->len; i++)
    {
      HyphaLoggedEvent *event = g_ptr_array_index (events, i);
      guint n = GPOINTER_TO_UINT (g_hash_table_lookup (counts, event->type));

      g_hash_table_replace (counts, event->type, GUINT_TO_POINTER (n + 1));
    }

  return counts;
}

static void
hypha_event_log_serve_stats (HyphaInvocation *invocation,
                             gpointer         data)
{
  HyphaPeer *caller;
  g_autoptr (GPtrArray) found = hypha_event_log_find (data, invocation, &caller);
  g_autoptr (GHashTable) counts = NULL;
  GHashTableIter iter;
  gpointer type;
  gpointer count;
  GVariantBuilder list;

  if (found == NULL)
    return;

  counts = hypha_event_log_count (found);
  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  g_hash_table_iter_init (&iter, counts);
  while (g_hash_table_iter_next (&iter, &type, &count))
    g_variant_builder_add (&list, "v",
                           g_variant_new_parsed ("{'event_type': <%s>, 'count': <%x>}", type,
                                                 (gint64) GPOINTER_TO_UINT (count)));
  hypha_invocation_return (invocation, g_variant_builder_end (&list));
}

static const HyphaServiceMethod methods[] = {
  { "log_event", "event_type: string, data?", "Writes down an event of the caller's.",
    hypha_event_log_serve_log },
  { "get_events",
    "event_type?: string, start_time?: string|number, end_time?: string|number",
    "Returns the events that the caller wrote down in the workspace.", hypha_event_log_serve_get },
  { "get_event_stats",
    "event_type?: string, start_time?: string|number, end_time?: string|number",
    "Tells how many of each type the caller wrote down.", hypha_event_log_serve_stats },
};

HyphaEventLog *
hypha_event_log_new (HyphaManager *manager)
{
  HyphaEventLog *self = g_new0 (HyphaEventLog, 1);

  self->manager = manager;
  self->users = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_event_log_free_queue);
  hypha_manager_add_methods (manager, methods, G_N_ELEMENTS (methods), self);
  return self;
}

void
hypha_event_log_free (HyphaEventLog *self)
{
  g_hash_table_unref (self->users);
  g_free (self);
}

/* Events that are kept. */
guint
hypha_event_log_get_n (HyphaEventLog *self)
{
  return self->n;
}
