/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-http-detail-private.h"

#include <string.h>

#define PYTHON_TRACE "Traceback (most recent call last)"
#define JAVASCRIPT_FRAME "\n    at "

/* What follows the frames of a trace, which are indented; NULL if nothing does. */
static const char *
hypha_http_detail_skip_frames (const char *trace)
{
  const char *line = strchr (trace, '\n');

  while (line != NULL && g_ascii_isspace (line[1]))
    line = strchr (line + 1, '\n');

  return line != NULL && line[1] != '\0' ? line + 1 : NULL;
}

/*
 * Stock Python clients send all of a trace for a message, one after another if the error was caused
 * by others, and put that of whom they called behind its message. The last one ends with the cause.
 */
static char *
hypha_http_detail_cut_python (const char *message)
{
  const char *trace = strstr (message, PYTHON_TRACE);
  g_autofree char *before = NULL;
  const char *words;

  if (trace == NULL)
    return g_strdup (message);

  before = g_strchomp (g_strndup (message, (gsize) (trace - message)));
  if (*before != '\0' && trace[-1] == '\n')
    return g_steal_pointer (&before);

  words = hypha_http_detail_skip_frames (g_strrstr (message, PYTHON_TRACE));
  return words != NULL ? g_strchomp (g_strdup (words)) :
                         g_strdup ("the service failed without saying why");
}

char *
hypha_http_detail_dup (const char *message)
{
  char *detail = hypha_http_detail_cut_python (message);
  char *frames = strstr (detail, JAVASCRIPT_FRAME);

  if (frames != NULL)
    *frames = '\0';
  return detail;
}
