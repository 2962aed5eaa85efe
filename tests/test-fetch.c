/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-fetch-private.h"

#include <string.h>
#include <sys/stat.h>

#include <glib/gstdio.h>
#include <libsoup/soup.h>

#include "hypha-public-address-private.h"
#include "test-utils.h"

#define BOTH (HYPHA_FETCH_ALLOW_PRIVATE | HYPHA_FETCH_ALLOW_FILES)

typedef struct
{
  SoupServer *server;
  char       *base;
  guint       requests;
} Fixture;

/* The state of one fetch while the main context runs. */
typedef struct
{
  GBytes   *bytes;
  GError   *error;
  gboolean  done;
} Outcome;

/* Sends without end: a length that was not announced. */
static void
write_more (SoupServerMessage *message,
            gpointer           data)
{
  static const char piece[4096];

  soup_message_body_append (soup_server_message_get_response_body (message), SOUP_MEMORY_STATIC,
                            piece, sizeof piece);
}

static void
answer_endless (SoupServerMessage *message)
{
  soup_message_headers_set_encoding (soup_server_message_get_response_headers (message),
                                     SOUP_ENCODING_CHUNKED);
  soup_message_body_set_accumulate (soup_server_message_get_response_body (message), FALSE);
  g_signal_connect (message, "wrote-headers", G_CALLBACK (write_more), NULL);
  g_signal_connect (message, "wrote-chunk", G_CALLBACK (write_more), NULL);
  soup_server_message_set_status (message, 200, NULL);
}

/* A megabyte of zeros in a kilobyte. */
static void
answer_compressed (SoupServerMessage *message)
{
  g_autofree char *zeros = g_malloc0 (1024 * 1024);
  g_autoptr (GConverter) converter = G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_GZIP, 9));
  g_autoptr (GOutputStream) memory = g_memory_output_stream_new_resizable ();
  g_autoptr (GOutputStream) stream = g_converter_output_stream_new (memory, converter);
  g_autoptr (GBytes) bytes = NULL;

  g_assert_true (g_output_stream_write_all (stream, zeros, 1024 * 1024, NULL, NULL, NULL));
  g_assert_true (g_output_stream_close (stream, NULL, NULL));
  bytes = g_memory_output_stream_steal_as_bytes (G_MEMORY_OUTPUT_STREAM (memory));
  soup_message_headers_append (soup_server_message_get_response_headers (message),
                               "Content-Encoding", "gzip");
  soup_server_message_set_response (message, "text/html", SOUP_MEMORY_COPY,
                                    g_bytes_get_data (bytes, NULL), g_bytes_get_size (bytes));
  soup_server_message_set_status (message, 200, NULL);
}

/* /hops/N leads to /hops/N-1, and /hops/0 to /hello. */
static void
answer_hop (SoupServerMessage *message,
            guint64            left)
{
  g_autofree char *next = g_strdup_printf ("/hops/%" G_GUINT64_FORMAT, left - 1);

  soup_server_message_set_redirect (message, 302, left > 0 ? next : "/hello");
}

static void
answer (SoupServer        *server,
        SoupServerMessage *message,
        const char        *path,
        GHashTable        *query,
        gpointer           data)
{
  Fixture *fixture = data;
  const char *location = query != NULL ? g_hash_table_lookup (query, "to") : NULL;

  fixture->requests++;
  if (g_str_equal (path, "/hello"))
    {
      soup_server_message_set_response (message, "text/plain", SOUP_MEMORY_STATIC, "hello", 5);
      soup_server_message_set_status (message, 200, NULL);
    }
  else if (g_str_has_prefix (path, "/hops/"))
    answer_hop (message, g_ascii_strtoull (path + strlen ("/hops/"), NULL, 10));
  else if (location != NULL)
    {
      soup_message_headers_append (soup_server_message_get_response_headers (message), "Location",
                                   location);
      soup_server_message_set_status (message, 307, NULL);
    }
  else if (g_str_equal (path, "/redirect-without-place"))
    soup_server_message_set_status (message, 301, NULL);
  else if (g_str_equal (path, "/endless"))
    answer_endless (message);
  else if (g_str_equal (path, "/compressed"))
    answer_compressed (message);
  else if (g_str_equal (path, "/silent"))
    soup_server_message_pause (message);
  else if (g_str_equal (path, "/broken"))
    soup_server_message_set_status (message, 500, NULL);
  else
    soup_server_message_set_status (message, 404, NULL);
}

static void
fixture_set_up (Fixture       *fixture,
                gconstpointer  data)
{
  g_autoptr (GError) error = NULL;
  GSList *uris;

  fixture->server = g_object_new (SOUP_TYPE_SERVER, NULL);
  soup_server_add_handler (fixture->server, NULL, answer, fixture, NULL);
  soup_server_listen_local (fixture->server, 0, SOUP_SERVER_LISTEN_IPV4_ONLY, &error);
  g_assert_no_error (error);
  uris = soup_server_get_uris (fixture->server);
  fixture->base = g_strdup_printf ("http://127.0.0.1:%d", g_uri_get_port (uris->data));
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
}

static void
fixture_tear_down (Fixture       *fixture,
                   gconstpointer  data)
{
  soup_server_disconnect (fixture->server);
  g_clear_object (&fixture->server);
  g_free (fixture->base);
}

static void
outcome_clear (Outcome *outcome)
{
  g_clear_pointer (&outcome->bytes, g_bytes_unref);
  g_clear_error (&outcome->error);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Outcome, outcome_clear)

static void
fetched (GObject      *source,
         GAsyncResult *result,
         gpointer      data)
{
  Outcome *outcome = data;

  outcome->bytes = hypha_fetch_finish (result, &outcome->error);
  outcome->done = TRUE;
}

static void
assert_fetches (const char      *uri,
                HyphaFetchFlags  flags,
                const char      *expected)
{
  g_auto (Outcome) outcome = { 0 };

  hypha_fetch_async (uri, flags, NULL, fetched, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_no_error (outcome.error);
  g_assert_cmpmem (g_bytes_get_data (outcome.bytes, NULL), g_bytes_get_size (outcome.bytes),
                   expected, strlen (expected));
}

static void
assert_limited (const char      *uri,
                HyphaFetchFlags  flags,
                gsize            max_size,
                guint            timeout_ms,
                int              code,
                const char      *pattern)
{
  g_auto (Outcome) outcome = { 0 };

  hypha_fetch_limited_async (uri, flags, max_size, timeout_ms, NULL, fetched, &outcome);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_null (outcome.bytes);
  g_assert_error (outcome.error, HYPHA_ERROR, code);
  if (!g_pattern_match_simple (pattern, outcome.error->message))
    g_error ("“%s” does not match “%s”", outcome.error->message, pattern);
}

static void
assert_refused (const char      *uri,
                HyphaFetchFlags  flags,
                int              code,
                const char      *pattern)
{
  assert_limited (uri, flags, HYPHA_FETCH_MAX_SIZE, HYPHA_FETCH_TIMEOUT * 1000, code, pattern);
}

static void
assert_path_refused (Fixture         *fixture,
                     const char      *path,
                     HyphaFetchFlags  flags,
                     int              code,
                     const char      *pattern)
{
  g_autofree char *uri = g_strconcat (fixture->base, path, NULL);

  assert_refused (uri, flags, code, pattern);
}

static void
test_fetch_http (Fixture       *fixture,
                 gconstpointer  data)
{
  g_autofree char *uri = g_strconcat (fixture->base, "/hello?a=b#c", NULL);

  assert_fetches (uri, HYPHA_FETCH_ALLOW_PRIVATE, "hello");
}

static void
test_fetch_status (Fixture       *fixture,
                   gconstpointer  data)
{
  assert_path_refused (fixture, "/missing?token=secret", HYPHA_FETCH_ALLOW_PRIVATE,
                       HYPHA_ERROR_NOT_FOUND, "“127.0.0.1” answered with HTTP status 404 (Not Found)");
  assert_path_refused (fixture, "/broken", HYPHA_FETCH_ALLOW_PRIVATE, HYPHA_ERROR_FAILED,
                       "“127.0.0.1” answered with HTTP status 500 (Internal Server Error)");
}

/* The server must not even see a request. */
static void
test_fetch_private (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autofree char *port = g_strdup (strrchr (fixture->base, ':'));
  static const char *const hosts[] = { "127.0.0.1", "localhost", "[::1]", "0.0.0.0",
                                       "[::ffff:127.0.0.1]", "10.0.0.1", "192.168.0.1",
                                       "169.254.169.254" };
  /* Other ways to write 127.0.0.1; GLib takes none of them for an address. */
  static const char *const spellings[] = { "127.1", "2130706433", "0x7f.1", "0177.0.0.1" };

  for (gsize i = 0; i < G_N_ELEMENTS (hosts); i++)
    {
      g_autofree char *uri = g_strconcat ("http://", hosts[i], port, "/hello", NULL);

      assert_refused (uri, HYPHA_FETCH_DEFAULT, HYPHA_ERROR_PERMISSION_DENIED,
                      "“*” is not on the public internet");
    }

  for (gsize i = 0; i < G_N_ELEMENTS (spellings); i++)
    {
      g_autofree char *uri = g_strconcat ("http://", spellings[i], port, "/hello", NULL);

      assert_refused (uri, HYPHA_FETCH_DEFAULT, HYPHA_ERROR_FAILED, "cannot fetch from “*”: *");
    }

  g_assert_cmpuint (fixture->requests, ==, 0);
}

static void
test_fetch_max_redirects (Fixture       *fixture,
                          gconstpointer  data)
{
  g_autofree char *most = g_strdup_printf ("%s/hops/%d", fixture->base, HYPHA_FETCH_MAX_REDIRECTS - 1);
  g_autofree char *too_many = g_strdup_printf ("%s/hops/%d", fixture->base, HYPHA_FETCH_MAX_REDIRECTS);

  assert_fetches (most, HYPHA_FETCH_ALLOW_PRIVATE, "hello");
  assert_refused (too_many, HYPHA_FETCH_ALLOW_PRIVATE, HYPHA_ERROR_FAILED, "*it redirects too often");
}

/* Where a redirection leads is checked as if it had been asked for, and a file it never is. */
static void
test_fetch_redirect_target (Fixture       *fixture,
                            gconstpointer  data)
{
  assert_path_refused (fixture, "/r?to=file:///etc/passwd", BOTH, HYPHA_ERROR_INVALID_ARGUMENT,
                       "*only http and https can be fetched");
  assert_path_refused (fixture, "/r?to=ftp://x.org/", BOTH, HYPHA_ERROR_INVALID_ARGUMENT,
                       "*only http and https can be fetched");
  assert_path_refused (fixture, "/r?to=http://%5Bx/", BOTH, HYPHA_ERROR_FAILED,
                       "*it redirects to nowhere");
  assert_path_refused (fixture, "/redirect-without-place", BOTH, HYPHA_ERROR_FAILED,
                       "*it redirects to nowhere");
}

static void
test_fetch_max_size (Fixture       *fixture,
                     gconstpointer  data)
{
  g_autofree char *hello = g_strconcat (fixture->base, "/hello", NULL);
  g_autofree char *endless = g_strconcat (fixture->base, "/endless", NULL);
  g_autofree char *compressed = g_strconcat (fixture->base, "/compressed", NULL);

  assert_limited (hello, BOTH, 4, 20000, HYPHA_ERROR_TOO_LARGE,
                  "what “127.0.0.1” sends is longer than 4 bytes");
  assert_limited (compressed, BOTH, 1024 * 1024 - 1, 20000, HYPHA_ERROR_TOO_LARGE, "*longer than*");
  assert_refused (endless, BOTH, HYPHA_ERROR_TOO_LARGE, "*longer than 10485760 bytes");
}

static void
test_fetch_timeout (Fixture       *fixture,
                    gconstpointer  data)
{
  g_autofree char *uri = g_strconcat (fixture->base, "/silent", NULL);

  assert_limited (uri, BOTH, 100, 50, HYPHA_ERROR_TIMED_OUT,
                  "fetching from “127.0.0.1” took longer than 1 seconds");
}

static gboolean
has_request (gpointer data)
{
  Fixture *fixture = data;

  return fixture->requests > 0;
}

static void
test_fetch_cancelled (Fixture       *fixture,
                      gconstpointer  data)
{
  g_autofree char *uri = g_strconcat (fixture->base, "/silent", NULL);
  g_autoptr (GCancellable) cancellable = g_cancellable_new ();
  g_auto (Outcome) outcome = { 0 };

  hypha_fetch_async (uri, BOTH, cancellable, fetched, &outcome);
  g_assert_true (test_wait (has_request, fixture));
  g_cancellable_cancel (cancellable);
  g_assert_true (test_wait_flag (&outcome.done));
  g_assert_error (outcome.error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
}

static void
test_fetch_not_listening (Fixture       *fixture,
                          gconstpointer  data)
{
  soup_server_disconnect (fixture->server);
  assert_path_refused (fixture, "/hello", BOTH, HYPHA_ERROR_FAILED, "cannot fetch from “127.0.0.1”: *");
}

static void
test_fetch_bad_uri (void)
{
  static const char *const bad[] = { "", "hello", "ftp://x.org/", "data:text/html,x", "http://",
                                     "http:///x", "javascript:1", "relative/path" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    assert_refused (bad[i], BOTH, HYPHA_ERROR_INVALID_ARGUMENT, "*only http and https can be fetched");
}

static void
test_fetch_file (void)
{
  g_autofree char *directory = g_dir_make_tmp ("hypha-fetch-XXXXXX", NULL);
  g_autofree char *path = g_build_filename (directory, "a b.imjoy.html", NULL);
  g_autofree char *pipe_path = g_build_filename (directory, "pipe", NULL);
  g_autofree char *missing = g_build_filename (directory, "missing", NULL);
  g_autofree char *uri = g_filename_to_uri (path, NULL, NULL);

  g_assert_true (g_file_set_contents (path, "text", -1, NULL));
  g_assert_no_errno (mkfifo (pipe_path, 0600));
  assert_fetches (path, HYPHA_FETCH_ALLOW_FILES, "text");
  assert_fetches (uri, HYPHA_FETCH_ALLOW_FILES, "text");
  assert_limited (path, BOTH, 3, 20000, HYPHA_ERROR_TOO_LARGE, "*longer than 3 bytes");
  assert_refused (path, HYPHA_FETCH_ALLOW_PRIVATE, HYPHA_ERROR_PERMISSION_DENIED, "*not for clients");
  assert_refused (uri, HYPHA_FETCH_DEFAULT, HYPHA_ERROR_PERMISSION_DENIED, "*not for clients");
  assert_refused (missing, BOTH, HYPHA_ERROR_NOT_FOUND, "there is no file “*/missing”");
  assert_refused (directory, BOTH, HYPHA_ERROR_INVALID_ARGUMENT, "*not a regular file");
  assert_refused (pipe_path, BOTH, HYPHA_ERROR_INVALID_ARGUMENT, "*not a regular file");
  g_unlink (path);
  g_unlink (pipe_path);
  g_rmdir (directory);
}

static void
assert_public (const char *text,
               gboolean    expected)
{
  g_autoptr (GInetAddress) address = g_inet_address_new_from_string (text);

  g_assert_nonnull (address);
  if (hypha_inet_address_is_public (address) != expected)
    g_error ("%s is %s", text, expected ? "public" : "not public");
}

static void
test_fetch_public_addresses (void)
{
  static const char *const public_ones[] = { "8.8.8.8", "172.15.0.1", "172.32.0.1", "100.63.0.1",
                                             "2606:4700::1111", "64:ff9b::808:808" };
  static const char *const private_ones[] = {
    "0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "127.255.255.255", "169.254.169.254",
    "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.168.1.1", "198.18.0.1", "224.0.0.1",
    "255.255.255.255", "::", "::1", "::7f00:1", "::ffff:8.8.8.8", "fc00::1", "fdff::1", "fe80::1",
    "ff02::1", "2002:7f00:1::", "2001::1", "64:ff9b::7f00:1", "64:ff9b::a00:1",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (public_ones); i++)
    assert_public (public_ones[i], TRUE);
  for (gsize i = 0; i < G_N_ELEMENTS (private_ones); i++)
    assert_public (private_ones[i], FALSE);
}

/* TLS takes the name for the certificate from there. */
static void
test_fetch_tls_identity (void)
{
  g_autoptr (GSocketConnectable) connectable = hypha_public_address_new ("x.org", 443);

  g_assert_true (G_IS_NETWORK_ADDRESS (connectable));
  g_assert_cmpstr (g_network_address_get_hostname (G_NETWORK_ADDRESS (connectable)), ==, "x.org");
  g_assert_cmpuint (g_network_address_get_port (G_NETWORK_ADDRESS (connectable)), ==, 443);
}

#define ADD(name, func) \
  g_test_add ("/net/fetch/" name, Fixture, NULL, fixture_set_up, func, fixture_tear_down)

int
main (int    argc,
      char **argv)
{
  /* The desktop's own resolver wants its settings, and the test must not go through a proxy. */
  g_setenv ("GIO_USE_PROXY_RESOLVER", "dummy", TRUE);
  test_init (&argc, &argv);
  ADD ("http", test_fetch_http);
  ADD ("status", test_fetch_status);
  ADD ("private", test_fetch_private);
  ADD ("max-redirects", test_fetch_max_redirects);
  ADD ("redirect-target", test_fetch_redirect_target);
  ADD ("max-size", test_fetch_max_size);
  ADD ("timeout", test_fetch_timeout);
  ADD ("cancelled", test_fetch_cancelled);
  ADD ("not-listening", test_fetch_not_listening);
  g_test_add_func ("/net/fetch/bad-uri", test_fetch_bad_uri);
  g_test_add_func ("/net/fetch/file", test_fetch_file);
  g_test_add_func ("/net/fetch/public-addresses", test_fetch_public_addresses);
  g_test_add_func ("/net/fetch/tls-identity", test_fetch_tls_identity);
  return g_test_run ();
}
