/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-http-login-private.h"
#include "hypha-login-desk-private.h"

/*
 * HyphaHttpLogin: logins over HTTP. /login is a page for whoever logs in: it shows the code, and
 * grants nothing to anybody. /login/waiting and /login/decide are for “hypha login”, which shows
 * with a token of its own that it can read the secret of this server.
 */
struct _HyphaHttpLogin
{
  GObject       parent_instance;

  HyphaServer  *server;
  HyphaManager *manager;
};

G_DEFINE_FINAL_TYPE (HyphaHttpLogin, hypha_http_login, G_TYPE_OBJECT)

#define HTTP_LOGIN_PATH "/login"

static void
hypha_http_login_dispose (GObject *object)
{
  HyphaHttpLogin *self = HYPHA_HTTP_LOGIN (object);

  if (self->server != NULL)
    soup_server_remove_handler (hypha_server_get_soup (self->server), HTTP_LOGIN_PATH);

  g_clear_object (&self->server);
  g_clear_object (&self->manager);

  G_OBJECT_CLASS (hypha_http_login_parent_class)->dispose (object);
}

static void
hypha_http_login_class_init (HyphaHttpLoginClass *klass)
{
  G_OBJECT_CLASS (klass)->dispose = hypha_http_login_dispose;
}

static void
hypha_http_login_init (HyphaHttpLogin *self)
{
}

/* Takes the text. Nothing here is for a cache, a frame or another address to know. */
static void
hypha_http_login_answer (SoupServerMessage *message,
                         guint              status,
                         const char        *type,
                         char              *text)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (message);

  soup_message_headers_replace (headers, "Cache-Control", "no-store");
  soup_message_headers_replace (headers, "Content-Security-Policy",
                                "default-src 'none'; base-uri 'none'; form-action 'none'; "
                                "frame-ancestors 'none'");
  soup_message_headers_replace (headers, "Referrer-Policy", "no-referrer");
  soup_message_headers_replace (headers, "X-Content-Type-Options", "nosniff");
  soup_message_headers_replace (headers, "X-Frame-Options", "DENY");
  soup_server_message_set_status (message, status, NULL);
  soup_server_message_set_response (message, type, SOUP_MEMORY_TAKE, text, strlen (text));
}

static void
hypha_http_login_say (SoupServerMessage *message,
                      guint              status,
                      const char        *text)
{
  hypha_http_login_answer (message, status, "text/plain; charset=utf-8",
                           g_strconcat (text, "\n", NULL));
}

static char *
hypha_http_login_render (HyphaLogin *login)
{
  if (login == NULL)
    return g_strdup ("<p>No login waits here: it is over, or none was asked for. A program starts "
                     "one with <code>login()</code>.</p>\n<p>There is nothing to log out of: a "
                     "token is good until it expires, or is ended with <code>revoke_token</code>."
                     "</p>");

  return g_strdup_printf ("<p>The code of your login is</p>\n<h2>%s</h2>\n<p>Whoever sits at the "
                          "machine of the server sees it too, compares it, and confirms the login "
                          "in the window of Hypha, or with <code>hypha login %s</code>. Nothing "
                          "can be confirmed on this page.</p>",
                          hypha_login_get_code (login), hypha_login_get_code (login));
}

/* Nothing on it comes from a client but the choice of the login. */
static void
hypha_http_login_show_page (HyphaHttpLogin    *self,
                            SoupServerMessage *message,
                            GHashTable        *query)
{
  const char *key = query != NULL ? g_hash_table_lookup (query, "key") : NULL;
  HyphaLoginDesk *desk = hypha_manager_get_logins (self->manager);
  HyphaLogin *login = key != NULL ? hypha_login_desk_find_key (desk, key) : NULL;
  g_autofree char *body = NULL;
  char *page;

  if (login != NULL && hypha_login_get_state (login) != HYPHA_LOGIN_WAITING)
    login = NULL;

  body = hypha_http_login_render (login);
  page = g_strdup_printf ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                          "<meta name=\"color-scheme\" content=\"light dark\">\n"
                          "<meta name=\"viewport\" content=\"width=device-width\">\n"
                          "<title>Hypha login</title>\n</head>\n<body>\n<h1>Hypha login</h1>\n"
                          "%s\n</body>\n</html>\n", body);
  hypha_http_login_answer (message, SOUP_STATUS_OK, "text/html; charset=utf-8", page);
}

/* Whether a token was made for this very server, by somebody who can read its secret. */
static gboolean
hypha_http_login_verify (HyphaHttpLogin  *self,
                         const char      *text,
                         GError         **error)
{
  HyphaAuthority *authority = hypha_manager_get_authority (self->manager);
  g_autofree char *port = NULL;
  g_autoptr (HyphaToken) token = NULL;

  token = hypha_authority_verify (authority, text, HYPHA_TOKEN_AUDIENCE_OPERATOR, error);
  if (token == NULL)
    return FALSE;

  port = g_strdup_printf ("port:%u", hypha_server_get_port (self->server));
  if (g_strv_contains ((const char *const *) token->scopes, port))
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                       "the token is for a server on another port");
  return FALSE;
}

static gboolean
hypha_http_login_check_operator (HyphaHttpLogin    *self,
                                 SoupServerMessage *message)
{
  HyphaAuthority *authority = hypha_manager_get_authority (self->manager);
  SoupMessageHeaders *headers = soup_server_message_get_request_headers (message);
  const char *said = soup_message_headers_get_one (headers, "Authorization");
  g_autoptr (GError) error = NULL;

  if (said != NULL && g_str_has_prefix (said, "Bearer ") &&
      hypha_http_login_verify (self, said + strlen ("Bearer "), &error))
    return TRUE;

  if (said != NULL)
    hypha_throttle_failed (hypha_authority_get_throttle (authority),
                           soup_server_message_get_remote_host (message), hypha_throttle_now ());
  soup_message_headers_replace (soup_server_message_get_response_headers (message),
                                "WWW-Authenticate", "Bearer");
  hypha_http_login_say (message, SOUP_STATUS_UNAUTHORIZED,
                        "only the person whose server this is may see and confirm logins");
  return FALSE;
}

/* One line for each: what to confirm, who asks, and for what. */
static void
hypha_http_login_list (HyphaHttpLogin    *self,
                       SoupServerMessage *message)
{
  g_autoptr (GPtrArray) list = hypha_login_desk_list (hypha_manager_get_logins (self->manager));
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < list->len; i++)
    {
      HyphaLogin *login = g_ptr_array_index (list, i);

      g_string_append_printf (text, "%s  %s asks for workspace %s, for %" G_GINT64_FORMAT " s\n",
                              hypha_login_get_code (login), hypha_login_get_client (login),
                              hypha_login_get_workspace (login),
                              hypha_login_get_expires_in (login));
    }

  hypha_http_login_answer (message, SOUP_STATUS_OK, "text/plain; charset=utf-8",
                           g_string_free (text, FALSE));
}

static void
hypha_http_login_decide (HyphaHttpLogin    *self,
                         SoupServerMessage *message,
                         GHashTable        *query)
{
  const char *code = query != NULL ? g_hash_table_lookup (query, "code") : NULL;
  const char *agree = query != NULL ? g_hash_table_lookup (query, "agree") : NULL;
  g_autoptr (GError) error = NULL;

  if (code == NULL || agree == NULL ||
      (!g_str_equal (agree, "true") && !g_str_equal (agree, "false")))
    hypha_http_login_say (message, SOUP_STATUS_BAD_REQUEST, "code and agree have to be there");
  else if (hypha_login_desk_decide (hypha_manager_get_logins (self->manager), code,
                                    g_str_equal (agree, "true"), &error))
    hypha_http_login_say (message, SOUP_STATUS_OK, "done");
  else
    hypha_http_login_say (message, hypha_error_get_http_status (error), error->message);
}

static gboolean
hypha_http_login_check_method (SoupServerMessage *message,
                               const char        *wanted)
{
  if (g_str_equal (soup_server_message_get_method (message), wanted))
    return TRUE;

  soup_message_headers_replace (soup_server_message_get_response_headers (message), "Allow",
                                wanted);
  hypha_http_login_say (message, SOUP_STATUS_METHOD_NOT_ALLOWED, "this method is not for this");
  return FALSE;
}

static void
hypha_http_login_handle (SoupServer        *soup,
                         SoupServerMessage *message,
                         const char        *path,
                         GHashTable        *query,
                         gpointer           data)
{
  HyphaHttpLogin *self = HYPHA_HTTP_LOGIN (data);

  if (g_str_equal (path, HTTP_LOGIN_PATH))
    {
      if (hypha_http_login_check_method (message, "GET"))
        hypha_http_login_show_page (self, message, query);
    }
  else if (g_str_equal (path, HTTP_LOGIN_PATH "/waiting"))
    {
      if (hypha_http_login_check_method (message, "GET") &&
          hypha_http_login_check_operator (self, message))
        hypha_http_login_list (self, message);
    }
  else if (g_str_equal (path, HTTP_LOGIN_PATH "/decide"))
    {
      if (hypha_http_login_check_method (message, "POST") &&
          hypha_http_login_check_operator (self, message))
        hypha_http_login_decide (self, message, query);
    }
  else
    {
      hypha_http_login_say (message, SOUP_STATUS_NOT_FOUND, "Route not found");
    }
}

/* Answers at /login of server; it is the core's to keep. */
HyphaHttpLogin *
hypha_http_login_new (HyphaServer  *server,
                      HyphaManager *manager)
{
  HyphaHttpLogin *self = g_object_new (HYPHA_TYPE_HTTP_LOGIN, NULL);

  self->server = g_object_ref (server);
  self->manager = g_object_ref (manager);
  soup_server_add_handler (hypha_server_get_soup (server), HTTP_LOGIN_PATH, hypha_http_login_handle,
                           self, NULL);
  return self;
}
