/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-near-private.h"

typedef struct
{
  char  *shown;
  guint  distance;
} HyphaNearName;

struct _HyphaNear
{
  char          *wanted;      /* in small letters */
  gsize          length;
  guint          limit;       /* how far a name may be away */
  guint          n_compared;
  guint          n_names;
  HyphaNearName  names[HYPHA_NEAR_MAX_NAMES + 1];  /* the nearest first; one place to insert */
};

/* wanted may be NULL or a pattern, to which nothing is near. */
HyphaNear *
hypha_near_new (const char *wanted)
{
  HyphaNear *self = g_new0 (HyphaNear, 1);

  self->wanted = g_ascii_strdown (wanted != NULL ? wanted : "", -1);
  self->length = strlen (self->wanted);
  self->limit = MIN (self->length / 3, HYPHA_NEAR_MAX_DISTANCE);
  if (self->length > HYPHA_NEAR_MAX_LENGTH || strchr (self->wanted, '*') != NULL)
    self->length = 0;
  return self;
}

void
hypha_near_free (HyphaNear *self)
{
  for (guint i = 0; i < self->n_names; i++)
    g_free (self->names[i].shown);
  g_free (self->wanted);
  g_free (self);
}

/*
 * How many letters have to be changed, added or taken away; limit + 1 for all that is more. Names
 * are short, so all of both is compared.
 */
static guint
hypha_near_distance (const char *a,
                     gsize       a_length,
                     const char *b,
                     gsize       b_length,
                     guint       limit)
{
  guint row[HYPHA_NEAR_MAX_LENGTH + HYPHA_NEAR_MAX_DISTANCE + 1] = { 0 };

  g_assert (b_length < G_N_ELEMENTS (row));
  for (gsize j = 0; j <= b_length; j++)
    row[j] = (guint) j;

  for (gsize i = 1; i <= a_length; i++)
    {
      guint before = row[0];

      row[0] = (guint) i;
      for (gsize j = 1; j <= b_length; j++)
        {
          guint changed = before + (a[i - 1] != b[j - 1]);

          before = row[j];
          row[j] = MIN (MIN (row[j - 1], row[j]) + 1, changed);
        }
    }

  return MIN (row[b_length], limit + 1);
}

/* Nearest first; of those that are equally near, the one that came first. */
static void
hypha_near_insert (HyphaNear  *self,
                   const char *shown,
                   guint       distance)
{
  guint at = self->n_names;

  for (; at > 0 && self->names[at - 1].distance > distance; at--)
    self->names[at] = self->names[at - 1];

  self->names[at] = (HyphaNearName) { g_strdup (shown), distance };
  if (self->n_names < HYPHA_NEAR_MAX_NAMES)
    self->n_names++;
  else
    g_free (self->names[HYPHA_NEAR_MAX_NAMES].shown);
}

/* Compares name, to be told as shown. FALSE once enough have been compared. */
gboolean
hypha_near_offer (HyphaNear  *self,
                  const char *name,
                  const char *shown)
{
  gsize length = strlen (name);
  g_autofree char *small = NULL;
  guint distance;

  if (self->length == 0 || self->n_compared >= HYPHA_NEAR_MAX_COMPARED)
    return FALSE;

  self->n_compared++;
  if (length > self->length + self->limit || length + self->limit < self->length)
    return TRUE;

  small = g_ascii_strdown (name, (gssize) length);
  distance = hypha_near_distance (self->wanted, self->length, small, length, self->limit);
  if (distance <= self->limit)
    hypha_near_insert (self, shown, distance);
  return TRUE;
}

/* “a, b”; NULL if nothing is near. */
char *
hypha_near_to_string (HyphaNear *self)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < self->n_names; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "", self->names[i].shown);

  return g_string_free (text, self->n_names == 0);
}
