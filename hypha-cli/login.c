/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <libsoup/soup.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"

/* How long a server of this machine may take, in seconds, and the longest answer that is read. */
#define LOGIN_TIMEOUT 10
#define LOGIN_MAX_ANSWER (64 * 1024)

/* What a server says, without what could write over the screen. Takes and returns text. */
static char *
login_clean (char *text)
{
  for (char *p = text; *p != '\0'; p++)
    {
      if (!g_ascii_isprint (*p) && *p != '\n')
        *p = '?';
    }

  return g_strchomp (text);
}

static char *
login_read (GInputStream  *stream,
            GError       **error)
{
  char *text = g_malloc0 (LOGIN_MAX_ANSWER + 1);

  if (g_input_stream_read_all (stream, text, LOGIN_MAX_ANSWER, NULL, NULL, error))
    return login_clean (text);

  g_free (text);
  return NULL;
}

/* No proxy and no other address gets to see the token. */
static char *
login_ask (HyphaCore   *core,
           const char  *method,
           const char  *path,
           guint       *status,
           GError     **error)
{
  gboolean ipv6 = strchr (hypha_core_get_host (core), ':') != NULL;
  g_autoptr (SoupSession) session = NULL;
  g_autoptr (SoupMessage) message = NULL;
  g_autoptr (GInputStream) stream = NULL;
  g_autofree char *token = hypha_core_generate_operator_token (core, error);
  g_autofree char *url = NULL;
  g_autofree char *said = NULL;

  if (token == NULL)
    return NULL;

  url = g_strdup_printf (ipv6 ? "http://[%s]:%u%s" : "http://%s:%u%s", hypha_core_get_host (core),
                         hypha_core_get_port (core), path);
  message = soup_message_new (method, url);
  if (message == NULL)
    {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, "“%s” is no address",
                   hypha_core_get_host (core));
      return NULL;
    }

  session = soup_session_new_with_options ("proxy-resolver", NULL, "timeout", LOGIN_TIMEOUT, NULL);
  said = g_strconcat ("Bearer ", token, NULL);
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  soup_message_headers_replace (soup_message_get_request_headers (message), "Authorization", said);
  stream = soup_session_send (session, message, NULL, error);
  *status = soup_message_get_status (message);
  return stream != NULL ? login_read (stream, error) : NULL;
}

static int
login_run (HyphaCore  *core,
           const char *code,
           gboolean    refuse)
{
  g_autofree char *escaped = code != NULL ? g_uri_escape_string (code, NULL, FALSE) : NULL;
  g_autofree char *path = NULL;
  g_autofree char *answer = NULL;
  g_autoptr (GError) error = NULL;
  guint status = 0;

  path = code == NULL ? g_strdup ("/login/waiting") :
                        g_strdup_printf ("/login/decide?code=%s&agree=%s", escaped,
                                         refuse ? "false" : "true");
  answer = login_ask (core, code != NULL ? "POST" : "GET", path, &status, &error);
  if (answer == NULL)
    g_printerr ("hypha: the server on port %u does not answer: %s\n", hypha_core_get_port (core),
                error->message);
  else if (status != SOUP_STATUS_OK)
    g_printerr ("hypha: %s\n", g_strdelimit (answer, "\n", ' '));
  else if (code != NULL)
    printf (refuse ? "The login is refused.\n" : "The login is confirmed.\n");
  else
    printf ("%s\n", *answer != '\0' ? answer : "No login waits.");

  return answer != NULL && status == SOUP_STATUS_OK ? 0 : 1;
}

int
hypha_command_login (int    argc,
                     char **argv)
{
  g_autoptr (HyphaCore) core = hypha_core_new ();
  g_autofree char *host = NULL;
  g_autofree char *workspace_dir = NULL;
  g_auto (GStrv) codes = NULL;
  gboolean refuse = FALSE;
  int port = (int) hypha_core_get_port (core);
  GOptionEntry entries[] = {
    { "host", 0, 0, G_OPTION_ARG_STRING, &host, "Address that the server listens on (127.0.0.1)",
      "ADDRESS" },
    { "port", 0, 0, G_OPTION_ARG_INT, &port, "Port that the server listens on (9527)", "PORT" },
    { "workspace-dir", 0, 0, G_OPTION_ARG_FILENAME, &workspace_dir,
      "Directory of the server", "DIR" },
    { "refuse", 0, 0, G_OPTION_ARG_NONE, &refuse, "Refuse the login", NULL },
    { G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_STRING_ARRAY, &codes, NULL, "[CODE]" },
    { NULL }
  };

  if (!hypha_command_parse ("— confirm a login at a running server",
                            "Without a code, prints the logins that wait. Confirm one only if "
                            "whoever logs in sees the same code.",
                            entries, &argc, &argv))
    return 1;

  if (port < 1 || port > 65535 || (codes != NULL && codes[1] != NULL) || (refuse && codes == NULL))
    {
      g_printerr ("hypha: %s\n", port < 1 || port > 65535 ? "--port is not between 1 and 65535" :
                                                            "one code is wanted");
      return 1;
    }

  hypha_core_set_port (core, (guint) port);
  if (host != NULL)
    hypha_core_set_host (core, host);
  if (workspace_dir != NULL)
    hypha_core_set_workspace_dir (core, workspace_dir);

  return login_run (core, codes != NULL ? codes[0] : NULL, refuse);
}
