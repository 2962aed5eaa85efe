/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-internal-private.h"

struct _HyphaSession
{
  HyphaRpc   *rpc;        /* not owned; NULL once it is closed */
  char       *id;
  char       *target;
  GHashTable *functions;  /* name → HyphaHandler */
  guint64     next;
  gint64      used;       /* monotonic */
};

HyphaSession *
hypha_session_ref (HyphaSession *self)
{
  return g_rc_box_acquire (self);
}

static void
hypha_session_free (gpointer data)
{
  HyphaSession *self = data;

  g_free (self->id);
  g_free (self->target);
  g_hash_table_unref (self->functions);
}

void
hypha_session_unref (HyphaSession *self)
{
  g_rc_box_release_full (self, hypha_session_free);
}

static void
hypha_rpc_stop_session_sweeper (HyphaRpc *self)
{
  if (self->sweeper != NULL)
    {
      g_source_destroy (self->sweeper);
      g_clear_pointer (&self->sweeper, g_source_unref);
    }
}

/* Ends it: its functions cannot be called any more, and go when those that run have ended. */
void
hypha_session_close (HyphaSession *self)
{
  g_autoptr (HyphaSession) held = hypha_session_ref (self);
  g_autoptr (GHashTable) functions = NULL;
  HyphaRpc *rpc = g_steal_pointer (&self->rpc);
  GHashTable *others;

  if (rpc == NULL)
    return;

  others = g_hash_table_lookup (rpc->targets, self->target);
  g_hash_table_remove (others, self);
  if (g_hash_table_size (others) == 0)
    g_hash_table_remove (rpc->targets, self->target);
  g_hash_table_remove (rpc->sessions, self->id);
  if (g_hash_table_size (rpc->sessions) == 0)
    hypha_rpc_stop_session_sweeper (rpc);

  /* What frees them may do anything, so they are out of sight before it runs. */
  functions = g_steal_pointer (&self->functions);
  self->functions = g_hash_table_new (g_str_hash, g_str_equal);
}

gboolean
hypha_session_is_closed (HyphaSession *self)
{
  return self->rpc == NULL;
}

const char *
hypha_session_get_id (HyphaSession *self)
{
  return self->id;
}

/* The one client that may call into it. */
const char *
hypha_session_get_target (HyphaSession *self)
{
  return self->target;
}

/* Something happened in it. */
void
hypha_session_touch (HyphaSession *self)
{
  self->used = g_get_monotonic_time ();
}

static gboolean
hypha_session_is_busy (HyphaSession *self)
{
  GHashTableIter iter;
  HyphaHandler *handler;

  if (g_hash_table_contains (self->rpc->pending, self->id))
    return TRUE;

  g_hash_table_iter_init (&iter, self->functions);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &handler))
    {
      if (hypha_handler_is_running (handler))
        return TRUE;
    }

  return FALSE;
}

/* Closes what has been idle for HYPHA_SESSION_MAX_IDLE at now, which is monotonic. */
void
hypha_rpc_expire_sessions (HyphaRpc *self,
                           gint64    now)
{
  g_autoptr (GPtrArray) idle = NULL;
  GHashTableIter iter;
  HyphaSession *session;

  idle = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_session_unref);
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &session))
    {
      if (now - session->used >= HYPHA_SESSION_MAX_IDLE * G_USEC_PER_SEC &&
          !hypha_session_is_busy (session))
        g_ptr_array_add (idle, hypha_session_ref (session));
    }

  for (guint i = 0; i < idle->len; i++)
    hypha_session_close (g_ptr_array_index (idle, i));
}

static gboolean
hypha_rpc_sweep_sessions (gpointer data)
{
  g_autoptr (HyphaRpc) self = g_object_ref (HYPHA_RPC (data));

  hypha_rpc_expire_sessions (self, g_get_monotonic_time ());
  return self->sweeper != NULL;
}

static void
hypha_rpc_start_session_sweeper (HyphaRpc *self)
{
  if (self->sweeper != NULL)
    return;

  self->sweeper = g_timeout_source_new_seconds (HYPHA_SESSION_MAX_IDLE / 10);
  g_source_set_static_name (self->sweeper, "hypha-session-sweeper");
  g_source_set_callback (self->sweeper, hypha_rpc_sweep_sessions, self, NULL);
  g_source_attach (self->sweeper, g_main_context_get_thread_default ());
}

static gboolean
hypha_rpc_check_session_room (HyphaRpc    *self,
                              const char  *target,
                              GError     **error)
{
  GHashTable *others = g_hash_table_lookup (self->targets, target);
  guint n = others != NULL ? g_hash_table_size (others) : 0;

  if (hypha_connection_is_closed (self->connection))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_NOT_CONNECTED, "Connection is closed");
      return FALSE;
    }

  if (g_hash_table_size (self->sessions) < HYPHA_SESSION_MAX_OPEN &&
      n < HYPHA_SESSION_MAX_OPEN_TARGET)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "%s has %u sessions open, %u of them with %s; end some of them first", self->id,
               g_hash_table_size (self->sessions), n, target);
  return FALSE;
}

/* A session with target, an absolute id; NULL beyond the limits. The other reference is rpc's. */
HyphaSession *
hypha_session_new (HyphaRpc    *rpc,
                   const char  *target,
                   GError     **error)
{
  HyphaSession *self;
  GHashTable *others;

  if (!hypha_rpc_check_session_room (rpc, target, error))
    return NULL;

  self = g_rc_box_new0 (HyphaSession);
  self->rpc = rpc;
  self->id = hypha_rpc_new_session_id (rpc);
  self->target = g_strdup (target);
  self->functions = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
                                           (GDestroyNotify) hypha_handler_unref);
  hypha_session_touch (self);

  others = g_hash_table_lookup (rpc->targets, target);
  if (others == NULL)
    {
      others = g_hash_table_new (NULL, NULL);
      g_hash_table_insert (rpc->targets, g_strdup (target), others);
    }

  g_hash_table_add (others, self);
  g_hash_table_insert (rpc->sessions, self->id, hypha_session_ref (self));
  hypha_rpc_start_session_sweeper (rpc);
  return self;
}

/* The method id of a new function at key; handler is consumed. */
char *
hypha_session_put_handler (HyphaSession *self,
                           const char   *key,
                           HyphaHandler *handler)
{
  g_hash_table_insert (self->functions, g_strdup (key), handler);
  return g_strconcat (self->id, ".", key, NULL);
}

static gboolean
hypha_session_check_room (HyphaSession  *self,
                          GError       **error)
{
  if (self->rpc == NULL)
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_FAILED, "the session with %s has ended",
                   self->target);
      return FALSE;
    }

  if (g_hash_table_size (self->functions) < HYPHA_SESSION_MAX_FUNCTIONS)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY, "more than %d functions in one session",
               HYPHA_SESSION_MAX_FUNCTIONS);
  return FALSE;
}

GVariant *
hypha_session_add_function (HyphaSession      *self,
                            const char        *name,
                            HyphaServiceFunc   func,
                            gpointer           data,
                            GDestroyNotify     destroy,
                            GError           **error)
{
  g_autoptr (HyphaHandler) handler = hypha_handler_new (func, data, destroy);
  g_autofree char *key = NULL;
  g_autofree char *method = NULL;

  if (!hypha_session_check_room (self, error))
    return NULL;

  key = g_strdup_printf ("%" G_GUINT64_FORMAT "#%s", self->next++, name);
  method = hypha_session_put_handler (self, key, g_steal_pointer (&handler));
  return hypha_rpc_codec_method (self->rpc->server_url, self->rpc->id, method, name, NULL, NULL);
}

/* The function that method, without the session, names; NULL if there is none. */
HyphaHandler *
hypha_session_dup_handler (HyphaSession *self,
                           const char   *name)
{
  HyphaHandler *handler = g_hash_table_lookup (self->functions, name);

  return handler != NULL ? hypha_handler_ref (handler) : NULL;
}

/* Closes the sessions with target, or all where it is NULL. */
void
hypha_rpc_close_sessions (HyphaRpc   *self,
                          const char *target)
{
  g_autoptr (GPtrArray) gone = NULL;
  GHashTableIter iter;
  HyphaSession *session;

  if (target != NULL && !g_hash_table_contains (self->targets, target))
    return;

  gone = g_ptr_array_new_with_free_func ((GDestroyNotify) hypha_session_unref);
  g_hash_table_iter_init (&iter, self->sessions);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) &session))
    {
      if (target == NULL || g_str_equal (session->target, target))
        g_ptr_array_add (gone, hypha_session_ref (session));
    }

  for (guint i = 0; i < gone->len; i++)
    hypha_session_close (g_ptr_array_index (gone, i));
}

guint
hypha_rpc_get_n_sessions (HyphaRpc *self)
{
  return g_hash_table_size (self->sessions);
}
