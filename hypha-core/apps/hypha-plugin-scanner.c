/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-plugin-scanner-private.h"
#include "hypha-plugin-tag-private.h"

#include <string.h>

/*
 * A single pass over the source. Whatever is in it, no stretch of it is searched again and again:
 * what was found to be missing once is remembered, and open elements are counted by name.
 */
typedef struct
{
  const char       *source;
  const char       *end;
  const char       *position;
  /* Nothing of the kind follows any more. */
  gboolean          no_comment_end;
  gboolean          no_section_end;
  /* Names of the open elements, outermost first, and how often each is among them. */
  GPtrArray        *open;
  GHashTable       *open_counts;
  /* The top-level element that is open, and those that are complete. */
  HyphaPluginBlock *block;
  GPtrArray        *blocks;
} HyphaPluginScanner;

static void
hypha_plugin_block_free (gpointer data)
{
  HyphaPluginBlock *self = data;

  g_free (self->type);
  g_clear_pointer (&self->attributes, g_variant_unref);
  g_free (self);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC (HyphaPluginBlock, hypha_plugin_block_free)

/* The text of an attribute; NULL where there is none, or no text. */
const char *
hypha_plugin_block_get_attribute (HyphaPluginBlock *self,
                                  const char       *name)
{
  const char *text = NULL;

  g_variant_lookup (self->attributes, name, "&s", &text);
  return text;
}

static void
hypha_plugin_scanner_init (HyphaPluginScanner *self,
                           const char         *source)
{
  memset (self, 0, sizeof *self);
  self->source = source;
  self->position = source;
  self->end = source + strlen (source);
  self->open = g_ptr_array_new ();
  self->open_counts = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  self->blocks = g_ptr_array_new_with_free_func (hypha_plugin_block_free);
}

static void
hypha_plugin_scanner_clear (HyphaPluginScanner *self)
{
  g_clear_pointer (&self->open, g_ptr_array_unref);
  g_clear_pointer (&self->open_counts, g_hash_table_unref);
  g_clear_pointer (&self->block, hypha_plugin_block_free);
  g_clear_pointer (&self->blocks, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaPluginScanner, hypha_plugin_scanner_clear)

static gboolean
is_raw_text (const char *name)
{
  return g_str_equal (name, "script") || g_str_equal (name, "style") ||
         g_str_equal (name, "textarea");
}

static guint
hypha_plugin_scanner_count (HyphaPluginScanner *self,
                            const char         *name)
{
  return GPOINTER_TO_UINT (g_hash_table_lookup (self->open_counts, name));
}

/* The table owns the names, in lower case as end tags are compared; the stack borrows them. */
static gboolean
hypha_plugin_scanner_push (HyphaPluginScanner  *self,
                           const char          *name,
                           GError             **error)
{
  char *lower = g_ascii_strdown (name, -1);
  gpointer key = NULL;
  gpointer count = NULL;

  if (self->open->len == HYPHA_PLUGIN_MAX_DEPTH)
    {
      g_free (lower);
      return hypha_plugin_fail ("open elements", HYPHA_PLUGIN_MAX_DEPTH, error);
    }

  if (g_hash_table_lookup_extended (self->open_counts, lower, &key, &count))
    {
      g_hash_table_steal (self->open_counts, key);
      g_free (lower);
      lower = key;
    }

  g_hash_table_insert (self->open_counts, lower, GUINT_TO_POINTER (GPOINTER_TO_UINT (count) + 1));
  g_ptr_array_add (self->open, lower);
  return TRUE;
}

static void
hypha_plugin_scanner_pop (HyphaPluginScanner *self)
{
  char *name = g_ptr_array_remove_index (self->open, self->open->len - 1);
  guint count = hypha_plugin_scanner_count (self, name) - 1;

  if (count == 0)
    {
      g_hash_table_remove (self->open_counts, name);
      return;
    }

  g_hash_table_steal (self->open_counts, name);
  g_hash_table_insert (self->open_counts, name, GUINT_TO_POINTER (count));
}

static void
hypha_plugin_scanner_end_block (HyphaPluginScanner *self,
                                const char         *end)
{
  /* An element is open only inside a block, but the text is a stranger's: no assertion. */
  if (self->block == NULL)
    return;

  self->block->end = (gsize) (end - self->source);
  g_ptr_array_add (self->blocks, g_steal_pointer (&self->block));
}

/* Closes the innermost element of that name, and all that is open in it. */
static void
hypha_plugin_scanner_close (HyphaPluginScanner *self,
                            const char         *name,
                            const char         *end)
{
  gboolean found = FALSE;

  while (!found)
    {
      found = g_str_equal (g_ptr_array_index (self->open, self->open->len - 1), name);
      hypha_plugin_scanner_pop (self);
    }

  if (self->open->len == 0)
    hypha_plugin_scanner_end_block (self, end);
}

/* At “</”: an end tag that belongs to nothing open is text. */
static void
hypha_plugin_scanner_end_tag (HyphaPluginScanner *self)
{
  const char *start = self->position;
  const char *p = start + 2;
  g_autofree char *name = NULL;

  while (hypha_plugin_is_name_char (*p))
    p++;

  name = g_ascii_strdown (start + 2, p - start - 2);
  p += strcspn (p, "<>");
  if (*p != '>')
    {
      self->position = start + 2;
      return;
    }

  self->position = p + 1;
  if (hypha_plugin_scanner_count (self, name) > 0)
    hypha_plugin_scanner_close (self, name, start);
}

/* Goes past a comment or section, or past its first character if it has no end. */
static void
hypha_plugin_scanner_skip_to (HyphaPluginScanner *self,
                              const char         *terminator,
                              gboolean           *missing)
{
  const char *found = *missing ? NULL : strstr (self->position, terminator);

  *missing = found == NULL;
  self->position = found != NULL ? found + strlen (terminator) : self->position + 1;
}

/* Where the end tag of a raw text element starts; its name may be in any case. */
static const char *
hypha_plugin_scanner_find_raw_end (const char *p,
                                   const char *name)
{
  gsize size = strlen (name);

  for (p = strstr (p, "</"); p != NULL; p = strstr (p + 2, "</"))
    {
      if (g_ascii_strncasecmp (p + 2, name, size) == 0 && !hypha_plugin_is_name_char (p[2 + size]))
        return strchr (p, '>') != NULL ? p : NULL;
    }

  return NULL;
}

/* After the start tag of a script and the like: all is text up to the end tag. */
static void
hypha_plugin_scanner_raw_text (HyphaPluginScanner *self,
                               const char         *name)
{
  const char *end = hypha_plugin_scanner_find_raw_end (self->position, name);

  self->position = end != NULL ? strchr (end, '>') + 1 : self->end;
  if (self->open->len == 0)
    hypha_plugin_scanner_end_block (self, end != NULL ? end : self->end);
}

/*
 * A top-level link needs no end tag, as in HTML. Elsewhere that rule is not ours: an element that
 * is not ended goes on to the end of its parent.
 */
static gboolean
hypha_plugin_scanner_is_void (HyphaPluginScanner   *self,
                              const HyphaPluginTag *tag)
{
  if (tag->closed)
    return TRUE;

  return self->open->len == 0 && g_str_equal (tag->name, "link") &&
         g_ascii_strncasecmp (hypha_plugin_skip_blanks (self->position), "</link", strlen ("</link")) != 0;
}

static gboolean
hypha_plugin_scanner_begin_block (HyphaPluginScanner  *self,
                                  HyphaPluginTag      *tag,
                                  GError             **error)
{
  if (self->blocks->len == HYPHA_PLUGIN_MAX_BLOCKS)
    return hypha_plugin_fail ("blocks in a plugin", HYPHA_PLUGIN_MAX_BLOCKS, error);

  self->block = g_new0 (HyphaPluginBlock, 1);
  self->block->type = g_strdup (tag->name);
  self->block->attributes = g_variant_ref (tag->attributes);
  self->block->start = (gsize) (self->position - self->source);
  return TRUE;
}

static gboolean
hypha_plugin_scanner_start_tag (HyphaPluginScanner  *self,
                                GError             **error)
{
  g_auto (HyphaPluginTag) tag = { 0 };
  g_autoptr (GError) tag_error = NULL;
  gboolean top_level = self->open->len == 0;
  const char *next = hypha_plugin_read_tag (self->position, !top_level, &tag, &tag_error);

  if (tag_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&tag_error));
      return FALSE;
    }

  if (next == NULL)
    {
      self->position++;
      return TRUE;
    }

  self->position = next;
  if (top_level && !hypha_plugin_scanner_begin_block (self, &tag, error))
    return FALSE;

  if (hypha_plugin_scanner_is_void (self, &tag))
    {
      if (top_level)
        hypha_plugin_scanner_end_block (self, self->position);
      return TRUE;
    }

  if (is_raw_text (tag.name))
    {
      hypha_plugin_scanner_raw_text (self, tag.name);
      return TRUE;
    }

  return hypha_plugin_scanner_push (self, tag.name, error);
}

/* Goes to the next “<” and deals with what starts there; FALSE at the end and on failure. */
static gboolean
hypha_plugin_scanner_step (HyphaPluginScanner  *self,
                           GError             **error)
{
  const char *p = strchr (self->position, '<');

  if (p == NULL)
    return FALSE;

  self->position = p;
  if (g_str_has_prefix (p, "<!--"))
    hypha_plugin_scanner_skip_to (self, "-->", &self->no_comment_end);
  else if (g_str_has_prefix (p, "<!["))
    hypha_plugin_scanner_skip_to (self, "]>", &self->no_section_end);
  else if (p[1] == '/')
    hypha_plugin_scanner_end_tag (self);
  else if (g_ascii_isalpha (p[1]) || p[1] == '_')
    return hypha_plugin_scanner_start_tag (self, error);
  else
    self->position++;

  return TRUE;
}

/* The top-level elements of source in their order (HyphaPluginBlock). */
GPtrArray *
hypha_plugin_scan (const char  *source,
                   GError     **error)
{
  g_auto (HyphaPluginScanner) scanner = { 0 };
  g_autoptr (GError) step_error = NULL;

  hypha_plugin_scanner_init (&scanner, source);
  while (hypha_plugin_scanner_step (&scanner, &step_error))
    ;

  if (step_error != NULL)
    {
      g_propagate_error (error, g_steal_pointer (&step_error));
      return NULL;
    }

  if (scanner.block != NULL)
    hypha_plugin_scanner_end_block (&scanner, scanner.end);
  return g_steal_pointer (&scanner.blocks);
}

/* Whether source has a top-level element of that type; what follows it does not matter. */
gboolean
hypha_plugin_scan_finds (const char *source,
                         const char *type)
{
  g_auto (HyphaPluginScanner) scanner = { 0 };
  gboolean more = TRUE;

  hypha_plugin_scanner_init (&scanner, source);
  while (more)
    {
      HyphaPluginBlock *last;

      more = hypha_plugin_scanner_step (&scanner, NULL);
      last = scanner.block;
      if (last == NULL && scanner.blocks->len > 0)
        last = g_ptr_array_index (scanner.blocks, scanner.blocks->len - 1);
      if (last != NULL && g_str_equal (last->type, type))
        return TRUE;
    }

  return FALSE;
}
