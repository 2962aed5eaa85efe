/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-error-private.h"

/* Longest piece of a peer's own words that an error message repeats, in bytes. */
#define QUOTE_MAX 120

typedef struct
{
  const char *problem;
  guint16     close_code;
  guint16     http_status;
} HyphaErrorRow;

/* The one table: code ↔ problem word in logs ↔ WebSocket close code ↔ HTTP status. */
static const HyphaErrorRow error_table[] = {
  [HYPHA_ERROR_FAILED] = { "failed", HYPHA_CLOSE_INTERNAL, 500 },
  [HYPHA_ERROR_PROTOCOL] = { "protocol-error", HYPHA_CLOSE_PROTOCOL_ERROR, 400 },
  [HYPHA_ERROR_INVALID_ARGUMENT] = { "invalid-argument", HYPHA_CLOSE_PROTOCOL_ERROR, 400 },
  [HYPHA_ERROR_TOO_DEEP] = { "too-deep", HYPHA_CLOSE_PROTOCOL_ERROR, 400 },
  [HYPHA_ERROR_TOO_LARGE] = { "too-large", HYPHA_CLOSE_TOO_BIG, 413 },
  [HYPHA_ERROR_UNAUTHENTICATED] = { "unauthenticated", HYPHA_CLOSE_GOING_AWAY, 401 },
  [HYPHA_ERROR_PERMISSION_DENIED] = { "access-denied", HYPHA_CLOSE_GOING_AWAY, 403 },
  [HYPHA_ERROR_NOT_FOUND] = { "not-found", HYPHA_CLOSE_GOING_AWAY, 404 },
  [HYPHA_ERROR_ALREADY_EXISTS] = { "already-exists", HYPHA_CLOSE_POLICY, 409 },
  [HYPHA_ERROR_NOT_CONNECTED] = { "not-connected", HYPHA_CLOSE_GOING_AWAY, 404 },
  [HYPHA_ERROR_TIMED_OUT] = { "timed-out", HYPHA_CLOSE_GOING_AWAY, 504 },
  [HYPHA_ERROR_BUSY] = { "busy", HYPHA_CLOSE_TRY_AGAIN, 503 },
  [HYPHA_ERROR_NO_HOST] = { "no-host", HYPHA_CLOSE_INTERNAL, 501 },
  [HYPHA_ERROR_UNSUPPORTED] = { "unsupported", HYPHA_CLOSE_UNSUPPORTED_DATA, 501 },
  [HYPHA_ERROR_REMOTE] = { "remote-error", HYPHA_CLOSE_INTERNAL, 400 },
};

G_DEFINE_QUARK (hypha-error-quark, hypha_error)

static const HyphaErrorRow *
hypha_error_lookup (const GError *error)
{
  if (error->domain == HYPHA_ERROR && (guint) error->code < G_N_ELEMENTS (error_table))
    return &error_table[error->code];

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT))
    return &error_table[HYPHA_ERROR_TIMED_OUT];

  return &error_table[HYPHA_ERROR_FAILED];
}

/* The stable word that logs carry, for instance “access-denied”. */
const char *
hypha_error_get_problem (const GError *error)
{
  return hypha_error_lookup (error)->problem;
}

guint16
hypha_error_get_close_code (const GError *error)
{
  return hypha_error_lookup (error)->close_code;
}

guint
hypha_error_get_http_status (const GError *error)
{
  return hypha_error_lookup (error)->http_status;
}

/* A peer's text for use in an error message: valid UTF-8, one line, and not long. */
char *
hypha_error_quote (const char *value)
{
  g_autofree char *valid = g_utf8_make_valid (value != NULL ? value : "", -1);
  GString *quoted = g_string_new (NULL);

  for (const char *p = valid; *p != '\0'; p = g_utf8_next_char (p))
    {
      if (quoted->len >= QUOTE_MAX)
        {
          g_string_append (quoted, "…");
          break;
        }

      if (g_unichar_iscntrl (g_utf8_get_char (p)))
        g_string_append_c (quoted, ' ');
      else
        g_string_append_unichar (quoted, g_utf8_get_char (p));
    }

  return g_string_free (quoted, FALSE);
}
