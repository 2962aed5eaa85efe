/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-fetch-private.h"

#include <string.h>

#include <libsoup/soup.h>

#include "hypha-public-address-private.h"

/* How much is read at once. */
#define PIECE_SIZE (64 * 1024)

/* One fetch from beginning to end; the task owns it. */
typedef struct
{
  HyphaFetchFlags  flags;
  gsize            max_size;
  guint            timeout_ms;
  /* What error messages name: a host, or a file. */
  char            *place;
  guint            redirects;
  SoupSession     *session;
  SoupMessage     *message;
  GInputStream    *stream;
  GByteArray      *body;
  /* Cancelled by the caller's, and when the time is up. */
  GCancellable    *cancellable;
  GCancellable    *outer;
  gulong           outer_id;
  GSource         *timer;
  gboolean         timed_out;
} HyphaFetch;

static void hypha_fetch_send (GTask      *task,
                              const char *uri);
static void hypha_fetch_read (GTask      *task);

static void
hypha_fetch_free (gpointer data)
{
  HyphaFetch *self = data;

  if (self->outer_id != 0)
    g_cancellable_disconnect (self->outer, self->outer_id);
  if (self->timer != NULL)
    g_source_destroy (self->timer);
  g_clear_pointer (&self->timer, g_source_unref);
  g_clear_object (&self->outer);
  g_clear_object (&self->cancellable);
  g_clear_object (&self->stream);
  g_clear_object (&self->message);
  g_clear_object (&self->session);
  g_clear_pointer (&self->body, g_byte_array_unref);
  g_free (self->place);
  g_free (self);
}

/* Takes the task and the error, and says in our words what other libraries reported. */
static void
hypha_fetch_fail (GTask  *task,
                  GError *error)
{
  g_autoptr (GTask) owned = task;
  g_autoptr (GError) cause = error;
  HyphaFetch *self = g_task_get_task_data (owned);

  if (self->timed_out)
    g_task_return_new_error (owned, HYPHA_ERROR, HYPHA_ERROR_TIMED_OUT,
                             "fetching from “%s” took longer than %u seconds", self->place,
                             (self->timeout_ms + 999) / 1000);
  else if (cause->domain == HYPHA_ERROR || g_cancellable_is_cancelled (self->cancellable))
    g_task_return_error (owned, g_steal_pointer (&cause));
  else if (g_error_matches (cause, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_task_return_new_error (owned, HYPHA_ERROR, HYPHA_ERROR_NOT_FOUND, "there is no file “%s”",
                             self->place);
  else
    g_task_return_new_error (owned, HYPHA_ERROR, HYPHA_ERROR_FAILED, "cannot fetch from “%s”: %s",
                             self->place, cause->message);
}

static void
hypha_fetch_refuse (GTask      *task,
                    HyphaError  code,
                    const char *problem)
{
  HyphaFetch *self = g_task_get_task_data (task);

  hypha_fetch_fail (task, g_error_new (HYPHA_ERROR, code, "cannot fetch from “%s”: %s",
                                       self->place, problem));
}

/* Not the query: it may hold what is nobody else's business. */
static void
hypha_fetch_set_place (HyphaFetch *self,
                       const char *place)
{
  g_autofree char *head = g_strndup (place, strcspn (place, "?#"));

  g_free (self->place);
  self->place = hypha_error_quote (head);
}

static void
hypha_fetch_refuse_size (GTask *task)
{
  HyphaFetch *self = g_task_get_task_data (task);

  hypha_fetch_fail (task, g_error_new (HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
                                       "what “%s” sends is longer than %" G_GSIZE_FORMAT " bytes",
                                       self->place, self->max_size));
}

static void
hypha_fetch_read_cb (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaFetch *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) piece = NULL;
  gsize size;

  piece = g_input_stream_read_bytes_finish (G_INPUT_STREAM (source), result, &error);
  if (piece == NULL)
    {
      hypha_fetch_fail (g_steal_pointer (&task), g_steal_pointer (&error));
      return;
    }

  size = g_bytes_get_size (piece);
  if (size == 0)
    {
      g_task_return_pointer (task, g_byte_array_free_to_bytes (g_steal_pointer (&self->body)),
                             (GDestroyNotify) g_bytes_unref);
      return;
    }

  if (size > self->max_size - self->body->len)
    {
      hypha_fetch_refuse_size (g_steal_pointer (&task));
      return;
    }

  g_byte_array_append (self->body, g_bytes_get_data (piece, NULL), (guint) size);
  hypha_fetch_read (g_steal_pointer (&task));
}

/* Takes the task. What is counted is what comes out, so that compression cannot hide a size. */
static void
hypha_fetch_read (GTask *task)
{
  HyphaFetch *self = g_task_get_task_data (task);

  g_input_stream_read_bytes_async (self->stream, PIECE_SIZE, G_PRIORITY_DEFAULT, self->cancellable,
                                   hypha_fetch_read_cb, task);
}

static gboolean
hypha_fetch_is_redirection (guint status)
{
  return status == SOUP_STATUS_MOVED_PERMANENTLY || status == SOUP_STATUS_FOUND ||
         status == SOUP_STATUS_SEE_OTHER || status == SOUP_STATUS_TEMPORARY_REDIRECT ||
         status == SOUP_STATUS_PERMANENT_REDIRECT;
}

/* Takes the task. The next hop is checked like the first, and cannot lead to a file. */
static void
hypha_fetch_redirect (GTask *task)
{
  HyphaFetch *self = g_task_get_task_data (task);
  SoupMessageHeaders *headers = soup_message_get_response_headers (self->message);
  const char *location = soup_message_headers_get_one (headers, "Location");
  g_autoptr (GUri) uri = NULL;
  g_autofree char *text = NULL;

  if (self->redirects == HYPHA_FETCH_MAX_REDIRECTS)
    {
      hypha_fetch_refuse (task, HYPHA_ERROR_FAILED, "it redirects too often");
      return;
    }

  self->redirects++;
  if (location != NULL)
    uri = g_uri_parse_relative (soup_message_get_uri (self->message), location, SOUP_HTTP_URI_FLAGS,
                                NULL);
  if (uri == NULL)
    {
      hypha_fetch_refuse (task, HYPHA_ERROR_FAILED, "it redirects to nowhere");
      return;
    }

  text = g_uri_to_string (uri);
  hypha_fetch_send (task, text);
}

/* Takes the task. */
static void
hypha_fetch_refuse_status (GTask *task)
{
  HyphaFetch *self = g_task_get_task_data (task);
  guint status = soup_message_get_status (self->message);
  HyphaError code = HYPHA_ERROR_FAILED;

  if (status == SOUP_STATUS_NOT_FOUND || status == SOUP_STATUS_GONE)
    code = HYPHA_ERROR_NOT_FOUND;

  hypha_fetch_fail (task, g_error_new (HYPHA_ERROR, code, "“%s” answered with HTTP status %u (%s)",
                                       self->place, status, soup_status_get_phrase (status)));
}

static void
hypha_fetch_send_cb (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaFetch *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  SoupMessageHeaders *headers;
  guint status;

  g_clear_object (&self->stream);
  self->stream = soup_session_send_finish (SOUP_SESSION (source), result, &error);
  if (self->stream == NULL)
    {
      hypha_fetch_fail (g_steal_pointer (&task), g_steal_pointer (&error));
      return;
    }

  status = soup_message_get_status (self->message);
  headers = soup_message_get_response_headers (self->message);
  if (hypha_fetch_is_redirection (status))
    hypha_fetch_redirect (g_steal_pointer (&task));
  else if (!SOUP_STATUS_IS_SUCCESSFUL (status))
    hypha_fetch_refuse_status (g_steal_pointer (&task));
  else if (soup_message_headers_get_encoding (headers) == SOUP_ENCODING_CONTENT_LENGTH &&
           (guint64) soup_message_headers_get_content_length (headers) > self->max_size)
    hypha_fetch_refuse_size (g_steal_pointer (&task));
  else
    hypha_fetch_read (g_steal_pointer (&task));
}

/*
 * A session for this one hop. Its only connectable is the checked host, unless the caller may
 * reach any; then the desktop's proxies count too.
 */
static SoupSession *
hypha_fetch_make_session (HyphaFetch *self,
                          GUri       *uri)
{
  g_autoptr (GSocketConnectable) connectable = NULL;
  int port = g_uri_get_port (uri);

  if (port < 0)
    port = g_str_equal (g_uri_get_scheme (uri), "https") ? 443 : 80;
  if ((self->flags & HYPHA_FETCH_ALLOW_PRIVATE) == 0)
    connectable = hypha_public_address_new (g_uri_get_host (uri), (guint16) port);

  return g_object_new (SOUP_TYPE_SESSION,
                       "user-agent", "hypha-desktop/" HYPHA_VERSION,
                       "remote-connectable", connectable,
                       NULL);
}

static gboolean
hypha_fetch_is_http (GUri *uri)
{
  const char *scheme = g_uri_get_scheme (uri);
  const char *host = g_uri_get_host (uri);

  return (g_str_equal (scheme, "http") || g_str_equal (scheme, "https")) && host != NULL &&
         *host != '\0';
}

/* Takes the task. */
static void
hypha_fetch_send (GTask      *task,
                  const char *uri)
{
  HyphaFetch *self = g_task_get_task_data (task);
  g_autoptr (GUri) parsed = g_uri_parse (uri, SOUP_HTTP_URI_FLAGS, NULL);

  if (parsed == NULL || !hypha_fetch_is_http (parsed))
    {
      hypha_fetch_refuse (task, HYPHA_ERROR_INVALID_ARGUMENT, "only http and https can be fetched");
      return;
    }

  hypha_fetch_set_place (self, g_uri_get_host (parsed));
  g_clear_object (&self->stream);
  g_clear_object (&self->message);
  g_clear_object (&self->session);
  self->session = hypha_fetch_make_session (self, parsed);
  self->message = soup_message_new_from_uri (SOUP_METHOD_GET, parsed);
  soup_message_add_flags (self->message, SOUP_MESSAGE_NO_REDIRECT);
  soup_session_send_async (self->session, self->message, G_PRIORITY_DEFAULT, self->cancellable,
                           hypha_fetch_send_cb, task);
}

static void
hypha_fetch_open_cb (GObject      *source,
                     GAsyncResult *result,
                     gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaFetch *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  GFileInputStream *stream = g_file_read_finish (G_FILE (source), result, &error);

  if (stream == NULL)
    {
      hypha_fetch_fail (g_steal_pointer (&task), g_steal_pointer (&error));
      return;
    }

  self->stream = G_INPUT_STREAM (stream);
  hypha_fetch_read (g_steal_pointer (&task));
}

static void
hypha_fetch_query_cb (GObject      *source,
                      GAsyncResult *result,
                      gpointer      data)
{
  g_autoptr (GTask) task = data;
  HyphaFetch *self = g_task_get_task_data (task);
  g_autoptr (GError) error = NULL;
  g_autoptr (GFileInfo) info = g_file_query_info_finish (G_FILE (source), result, &error);

  if (info == NULL)
    {
      hypha_fetch_fail (g_steal_pointer (&task), g_steal_pointer (&error));
      return;
    }

  if (g_file_info_get_file_type (info) != G_FILE_TYPE_REGULAR)
    {
      hypha_fetch_refuse (g_steal_pointer (&task), HYPHA_ERROR_INVALID_ARGUMENT,
                          "it is not a regular file");
      return;
    }

  g_file_read_async (G_FILE (source), G_PRIORITY_DEFAULT, self->cancellable, hypha_fetch_open_cb,
                     g_steal_pointer (&task));
}

/* Takes the task. Asks what it is first: to open a pipe would wait for its other end. */
static void
hypha_fetch_read_file (GTask *task,
                       GFile *file)
{
  HyphaFetch *self = g_task_get_task_data (task);

  if ((self->flags & HYPHA_FETCH_ALLOW_FILES) == 0)
    {
      hypha_fetch_refuse (task, HYPHA_ERROR_PERMISSION_DENIED, "files of this machine are not for clients");
      return;
    }

  g_file_query_info_async (file, G_FILE_ATTRIBUTE_STANDARD_TYPE, G_FILE_QUERY_INFO_NONE,
                           G_PRIORITY_DEFAULT, self->cancellable, hypha_fetch_query_cb, task);
}

static gboolean
hypha_fetch_time_up (gpointer data)
{
  HyphaFetch *self = data;

  self->timed_out = TRUE;
  g_cancellable_cancel (self->cancellable);
  return G_SOURCE_REMOVE;
}

static void
hypha_fetch_cancelled_cb (GCancellable *outer,
                          GCancellable *inner)
{
  g_cancellable_cancel (inner);
}

static void
hypha_fetch_watch (HyphaFetch   *self,
                   GCancellable *cancellable)
{
  self->cancellable = g_cancellable_new ();
  self->timer = g_timeout_source_new (self->timeout_ms);
  g_source_set_callback (self->timer, hypha_fetch_time_up, self, NULL);
  g_source_attach (self->timer, g_main_context_get_thread_default ());
  if (cancellable == NULL)
    return;

  self->outer = g_object_ref (cancellable);
  self->outer_id = g_cancellable_connect (cancellable, G_CALLBACK (hypha_fetch_cancelled_cb),
                                          g_object_ref (self->cancellable), g_object_unref);
}

/* As hypha_fetch_async(), with limits of one's own. */
void
hypha_fetch_limited_async (const char          *uri,
                           HyphaFetchFlags      flags,
                           gsize                max_size,
                           guint                timeout_ms,
                           GCancellable        *cancellable,
                           GAsyncReadyCallback  callback,
                           gpointer             user_data)
{
  GTask *task = g_task_new (NULL, cancellable, callback, user_data);
  HyphaFetch *self = g_new0 (HyphaFetch, 1);
  g_autoptr (GFile) file = NULL;

  g_task_set_source_tag (task, hypha_fetch_limited_async);
  g_task_set_task_data (task, self, hypha_fetch_free);
  self->flags = flags;
  self->max_size = max_size;
  self->timeout_ms = timeout_ms;
  self->body = g_byte_array_new ();
  hypha_fetch_set_place (self, uri);
  hypha_fetch_watch (self, cancellable);

  if (g_path_is_absolute (uri))
    file = g_file_new_for_path (uri);
  else if (g_ascii_strncasecmp (uri, "file:", strlen ("file:")) == 0)
    file = g_file_new_for_uri (uri);

  if (file != NULL)
    hypha_fetch_read_file (task, file);
  else
    hypha_fetch_send (task, uri);
}

/*
 * Gets the whole of what is at uri: http, https, and with the right flag file URIs and absolute
 * paths. Hosts that are not on the public internet need a flag too.
 */
void
hypha_fetch_async (const char          *uri,
                   HyphaFetchFlags      flags,
                   GCancellable        *cancellable,
                   GAsyncReadyCallback  callback,
                   gpointer             user_data)
{
  hypha_fetch_limited_async (uri, flags, HYPHA_FETCH_MAX_SIZE, HYPHA_FETCH_TIMEOUT * 1000,
                             cancellable, callback, user_data);
}

GBytes *
hypha_fetch_finish (GAsyncResult  *result,
                    GError       **error)
{
  return g_task_propagate_pointer (G_TASK (result), error);
}
