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
  const char *class_name;
} HyphaErrorRow;

/*
 * The one table: code ↔ problem word in logs ↔ WebSocket close code ↔ HTTP status ↔ class of
 * exception, by which clients in every language tell errors apart.
 */
static const HyphaErrorRow error_table[] = {
  [HYPHA_ERROR_FAILED] = { "failed", HYPHA_CLOSE_INTERNAL, 500, "Exception" },
  [HYPHA_ERROR_PROTOCOL] = { "protocol-error", HYPHA_CLOSE_PROTOCOL_ERROR, 400, "ValueError" },
  [HYPHA_ERROR_INVALID_ARGUMENT] = { "invalid-argument", HYPHA_CLOSE_PROTOCOL_ERROR, 400,
                                     "ValueError" },
  [HYPHA_ERROR_TOO_DEEP] = { "too-deep", HYPHA_CLOSE_PROTOCOL_ERROR, 400, "ValueError" },
  [HYPHA_ERROR_TOO_LARGE] = { "too-large", HYPHA_CLOSE_TOO_BIG, 413, "ValueError" },
  [HYPHA_ERROR_UNAUTHENTICATED] = { "unauthenticated", HYPHA_CLOSE_GOING_AWAY, 401,
                                    "PermissionError" },
  [HYPHA_ERROR_PERMISSION_DENIED] = { "access-denied", HYPHA_CLOSE_GOING_AWAY, 403,
                                      "PermissionError" },
  [HYPHA_ERROR_NOT_FOUND] = { "not-found", HYPHA_CLOSE_GOING_AWAY, 404, "KeyError" },
  [HYPHA_ERROR_ALREADY_EXISTS] = { "already-exists", HYPHA_CLOSE_POLICY, 409, "FileExistsError" },
  [HYPHA_ERROR_NOT_CONNECTED] = { "not-connected", HYPHA_CLOSE_GOING_AWAY, 404, "Exception" },
  [HYPHA_ERROR_TIMED_OUT] = { "timed-out", HYPHA_CLOSE_GOING_AWAY, 504, "TimeoutError" },
  [HYPHA_ERROR_BUSY] = { "busy", HYPHA_CLOSE_TRY_AGAIN, 503, "Exception" },
  [HYPHA_ERROR_NO_HOST] = { "no-host", HYPHA_CLOSE_INTERNAL, 501, "NotImplementedError" },
  [HYPHA_ERROR_UNSUPPORTED] = { "unsupported", HYPHA_CLOSE_UNSUPPORTED_DATA, 501,
                                "NotImplementedError" },
  [HYPHA_ERROR_REMOTE] = { "remote-error", HYPHA_CLOSE_INTERNAL, 400, "Exception" },
};

/* What an error that came from another client carries besides its message. */
typedef struct
{
  char *class_name;
  char *trace;
} HyphaErrorPrivate;

static void
hypha_error_private_init (HyphaErrorPrivate *priv)
{
}

static void
hypha_error_private_copy (const HyphaErrorPrivate *from,
                          HyphaErrorPrivate       *to)
{
  to->class_name = g_strdup (from->class_name);
  to->trace = g_strdup (from->trace);
}

static void
hypha_error_private_clear (HyphaErrorPrivate *priv)
{
  g_free (priv->class_name);
  g_free (priv->trace);
}

G_DEFINE_EXTENDED_ERROR (HyphaError, hypha_error)

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

/* The class of exception that stands for it elsewhere: the remote one's own, or the table's. */
const char *
hypha_error_get_class_name (const GError *error)
{
  if (error->domain == HYPHA_ERROR)
    {
      const HyphaErrorPrivate *priv = hypha_error_get_private (error);

      if (priv->class_name != NULL)
        return priv->class_name;
    }

  return hypha_error_lookup (error)->class_name;
}

/* Where it was raised, in the words of the client that raised it; NULL if it is ours. */
const char *
hypha_error_get_trace (const GError *error)
{
  if (error->domain != HYPHA_ERROR)
    return NULL;

  return ((const HyphaErrorPrivate *) hypha_error_get_private (error))->trace;
}

/* Takes class_name, which may be NULL; copies the rest. */
GError *
hypha_error_new_remote (const char *message,
                        char       *class_name,
                        const char *trace)
{
  GError *error = g_error_new_literal (HYPHA_ERROR, HYPHA_ERROR_REMOTE, message);
  HyphaErrorPrivate *priv = hypha_error_get_private (error);

  priv->class_name = class_name;
  priv->trace = g_strdup (trace);
  return error;
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
