/* SPDX-License-Identifier: MIT */

/*
 * Names that lead into a receiver. A stock client looks them up step by step, among the attributes
 * of what it finds as well, in one store that holds its services, its sessions and what belongs to
 * them: promises, timers, and through these all of its program. So only such steps may pass as
 * lead to what a client serves or has handed out.
 */

#include "config.h"

#include "hypha-message-private.h"

#define SERVICES "services"

/* services.ID.NAME: what comes behind is looked up in something that is served. */
#define N_SERVED_PARTS 3

/* Takes the first part, up to a dot, off a name; FALSE when there is none left. */
static gboolean
hypha_message_take_part (HyphaSpan *rest,
                         HyphaSpan *part)
{
  const char *dot;

  if (rest->data == NULL)
    return FALSE;

  *part = *rest;
  dot = memchr (rest->data, '.', rest->size);
  if (dot != NULL)
    part->size = (gsize) (dot - rest->data);

  rest->size -= dot != NULL ? part->size + 1 : rest->size;
  rest->data = dot != NULL ? dot + 1 : NULL;
  return TRUE;
}

static gboolean
hypha_message_is_among (HyphaSpan          part,
                        const char *const *names)
{
  for (; *names != NULL; names++)
    {
      if (hypha_span_equal (part, *names))
        return TRUE;
    }

  return FALSE;
}

/*
 * What leads from any value to its class or its program: “__self__” in Python from a function to
 * the client that serves it, where those that take pieces have names of their own; “constructor” in
 * JavaScript from a function to one that makes code of text.
 */
static gboolean
hypha_message_is_hidden_part (HyphaSpan part)
{
  static const char *const hidden[] = {
    "_create_message", "_append_message", "_set_message", "_process_message", "_remove_message",
    "constructor", "prototype", NULL
  };

  return hypha_span_has_prefix (part, "__") || hypha_message_is_among (part, hidden);
}

/* What a session holds besides the functions that were handed out, and what is no session. */
static gboolean
hypha_message_is_private_part (HyphaSpan part)
{
  static const char *const private[] = {
    "timer", "heartbeat_task", "target_id", "message_cache", "call", "apply", "bind", NULL
  };

  return hypha_span_has_prefix (part, "_") || hypha_message_is_among (part, private);
}

static gboolean
hypha_message_is_promise_part (HyphaSpan part)
{
  static const char *const promise[] = { "resolve", "reject", "heartbeat", NULL };

  return hypha_message_is_among (part, promise);
}

static gboolean
hypha_message_fail_name (const char  *what,
                         HyphaSpan    part,
                         GError     **error)
{
  g_autofree char *text = hypha_span_dup (part);
  g_autofree char *quoted = hypha_error_quote (text);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "no part of %s may be “%s”: it does not name what a client serves", what, quoted);
  return FALSE;
}

/* Checks that what answers repeat, or name, is short. */
gboolean
hypha_message_check_lengths (const HyphaMessage  *message,
                             GError             **error)
{
  if (message->method.size <= HYPHA_MESSAGE_MAX_NAME &&
      message->session.size <= HYPHA_MESSAGE_MAX_NAME &&
      message->parent.size <= HYPHA_MESSAGE_MAX_NAME)
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
               "Invalid message: a method, a session and a parent may have %d bytes each",
               HYPHA_MESSAGE_MAX_NAME);
  return FALSE;
}

/* A name that begins with “services.”. */
static gboolean
hypha_message_check_served (HyphaSpan   rest,
                            GError    **error)
{
  HyphaSpan part;

  for (guint i = 0; hypha_message_take_part (&rest, &part); i++)
    {
      if (hypha_message_is_hidden_part (part) ||
          (i >= N_SERVED_PARTS && hypha_span_has_prefix (part, "_")))
        return hypha_message_fail_name ("a method's name", part, error);
    }

  return TRUE;
}

/*
 * Checks the name of the method that is called: it leads to something that is served, or to a
 * function that a session holds, and not behind it.
 */
gboolean
hypha_message_check_method (const HyphaMessage  *message,
                            GError             **error)
{
  HyphaSpan rest = message->method;
  HyphaSpan part;

  if (hypha_span_has_prefix (rest, SERVICES "."))
    return hypha_message_check_served (rest, error);

  while (hypha_message_take_part (&rest, &part))
    {
      if (hypha_message_is_hidden_part (part) || hypha_message_is_private_part (part) ||
          (hypha_message_is_promise_part (part) && rest.data != NULL))
        return hypha_message_fail_name ("a method's name", part, error);
    }

  return TRUE;
}

/* A receiver makes what is named where it is named: nowhere but among its sessions. */
static gboolean
hypha_message_check_session_name (HyphaSpan    rest,
                                  const char  *what,
                                  GError     **error)
{
  HyphaSpan part;

  for (guint i = 0; hypha_message_take_part (&rest, &part); i++)
    {
      if (hypha_message_is_hidden_part (part) || hypha_message_is_private_part (part) ||
          hypha_message_is_promise_part (part) || (i == 0 && hypha_span_equal (part, SERVICES)))
        return hypha_message_fail_name (what, part, error);
    }

  return TRUE;
}

/* Checks the names of the sessions that a call goes on with. */
gboolean
hypha_message_check_sessions (const HyphaMessage  *message,
                              GError             **error)
{
  return hypha_message_check_session_name (message->session, "a session's name", error) &&
         hypha_message_check_session_name (message->parent, "a parent session's name", error);
}

/* Whether receivers take this for the name of a session, and of nothing else. */
gboolean
hypha_message_is_session_name (HyphaSpan name)
{
  return hypha_message_check_session_name (name, "a session's name", NULL);
}
