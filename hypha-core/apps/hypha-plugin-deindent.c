/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-plugin-scanner-private.h"

#include <string.h>

/* One line of a text, without its end; next is NULL after the last. */
typedef struct
{
  const char *start;
  gsize       size;
  const char *next;
} HyphaPluginLine;

static void
hypha_plugin_read_line (const char      *start,
                        const char      *end,
                        HyphaPluginLine *line)
{
  const char *newline = memchr (start, '\n', (gsize) (end - start));

  line->start = start;
  line->next = newline != NULL ? newline + 1 : NULL;
  line->size = (gsize) ((newline != NULL ? newline : end) - start);
  if (newline != NULL && line->size > 0 && start[line->size - 1] == '\r')
    line->size--;
}

static gsize
hypha_plugin_count_indent (const HyphaPluginLine *line,
                           char                   kind)
{
  gsize count = 0;

  while (count < line->size && line->start[count] == kind)
    count++;
  return count;
}

static gboolean
hypha_plugin_line_is_blank (const HyphaPluginLine *line)
{
  for (gsize i = 0; i < line->size; i++)
    {
      if (!g_ascii_isspace (line->start[i]))
        return FALSE;
    }

  return TRUE;
}

/* How much of which character all lines that are not blank start with. */
static gsize
hypha_plugin_common_indent (const char *text,
                            const char *end)
{
  HyphaPluginLine line = { .next = text };
  gsize common = G_MAXSIZE;
  char kind = '\0';

  while (line.next != NULL)
    {
      hypha_plugin_read_line (line.next, end, &line);
      if (hypha_plugin_line_is_blank (&line))
        continue;

      if (kind == '\0')
        kind = line.start[0];
      if (kind != ' ' && kind != '\t')
        return 0;

      common = MIN (common, hypha_plugin_count_indent (&line, kind));
    }

  return kind != '\0' ? common : 0;
}

/*
 * A block's content as its author means it: without the indentation that all of it has. Text that
 * begins on the line of the start tag stays as it is.
 */
char *
hypha_plugin_deindent (const char *text,
                       gsize       size)
{
  const char *end = text + size;
  HyphaPluginLine line = { .next = text };
  gsize indent = 0;
  GString *result;

  if (size > 0 && g_ascii_isspace (text[0]))
    indent = hypha_plugin_common_indent (text, end);
  if (indent == 0)
    return g_strndup (text, size);

  result = g_string_sized_new (size);
  while (line.next != NULL)
    {
      gsize cut;

      hypha_plugin_read_line (line.next, end, &line);
      cut = MIN (indent, line.size);
      g_string_append_len (result, line.start + cut, (gssize) (line.size - cut));
      if (line.next != NULL)
        g_string_append_c (result, '\n');
    }

  return g_string_free (result, FALSE);
}
