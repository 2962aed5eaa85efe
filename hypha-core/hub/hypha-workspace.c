/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-workspace-private.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-rpc-codec-private.h"
#include "hypha-workspaces-private.h"

static GVariant *
hypha_workspace_empty (void)
{
  return g_variant_ref_sink (g_variant_new ("a{sv}", NULL));
}

/* One that nobody made. */
HyphaWorkspace *
hypha_workspace_new (const char *name)
{
  HyphaWorkspace *workspace = g_new0 (HyphaWorkspace, 1);

  workspace->name = g_strdup (name);
  workspace->info = hypha_workspace_empty ();
  workspace->environment = hypha_workspace_empty ();
  workspace->owners = g_new0 (char *, 1);
  return workspace;
}

void
hypha_workspace_free (HyphaWorkspace *workspace)
{
  g_free (workspace->name);
  g_variant_unref (workspace->info);
  g_variant_unref (workspace->environment);
  g_strfreev (workspace->owners);
  g_free (workspace->maker);
  g_free (workspace);
}

gboolean
hypha_workspace_is_made (HyphaWorkspace *workspace)
{
  return workspace->maker != NULL;
}

/* Nothing that was said of it stays. */
void
hypha_workspace_forget (HyphaWorkspace *workspace)
{
  workspace->persistent = FALSE;
  g_clear_pointer (&workspace->maker, g_free);
  g_strfreev (workspace->owners);
  workspace->owners = g_new0 (char *, 1);
  g_variant_unref (workspace->info);
  workspace->info = hypha_workspace_empty ();
  g_variant_unref (workspace->environment);
  workspace->environment = hypha_workspace_empty ();
}

/* A list of texts in a map; NULL if it is absent or anything else. */
static char **
hypha_workspace_take_texts (GVariant   *map,
                             const char *key)
{
  g_autoptr (GVariant) list = g_variant_lookup_value (map, key, G_VARIANT_TYPE ("av"));
  g_autoptr (GStrvBuilder) texts = g_strv_builder_new ();
  GVariantIter iter;
  GVariant *item;

  if (list == NULL)
    return NULL;

  g_variant_iter_init (&iter, list);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_autoptr (GVariant) owned = item;

      if (!g_variant_is_of_type (item, G_VARIANT_TYPE_STRING))
        return NULL;

      g_strv_builder_add (texts, g_variant_get_string (item, NULL));
    }

  return g_strv_builder_end (texts);
}

static GVariant *
hypha_workspace_texts (char **texts)
{
  GVariantBuilder list;

  g_variant_builder_init (&list, G_VARIANT_TYPE ("av"));
  for (char **p = texts; *p != NULL; p++)
    g_variant_builder_add (&list, "v", g_variant_new_string (*p));

  return g_variant_builder_end (&list);
}

/* As it is stored. Floating. */
GVariant *
hypha_workspace_to_record (HyphaWorkspace *workspace)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert_value (&dict, "info", workspace->info);
  g_variant_dict_insert_value (&dict, "environment", workspace->environment);
  g_variant_dict_insert_value (&dict, "owners", hypha_workspace_texts (workspace->owners));
  if (workspace->maker != NULL)
    g_variant_dict_insert (&dict, "maker", "s", workspace->maker);
  g_variant_dict_insert (&dict, "made_at_us", "x", workspace->made_at);
  return g_variant_dict_end (&dict);
}

/* Older records know the second only, so no token of that second is trusted. */
static gint64
hypha_workspace_get_old_time (GVariant *record)
{
  gint64 seconds = 0;

  g_variant_lookup (record, "made_at", "x", &seconds);
  return (CLAMP (seconds, 0, G_MAXINT64 / G_USEC_PER_SEC - 1) + 1) * G_USEC_PER_SEC;
}

/* The other way round; NULL if it is none. */
HyphaWorkspace *
hypha_workspace_new_from_record (const char *name,
                                 GVariant   *record)
{
  HyphaWorkspace *workspace = NULL;
  g_auto (GStrv) owners = NULL;
  g_autoptr (GVariant) info = NULL;
  g_autoptr (GVariant) environment = NULL;
  const char *maker = NULL;

  if (!hypha_address_is_name (name) || !g_variant_is_of_type (record, G_VARIANT_TYPE_VARDICT))
    return NULL;

  owners = hypha_workspace_take_texts (record, "owners");
  info = g_variant_lookup_value (record, "info", G_VARIANT_TYPE_VARDICT);
  environment = g_variant_lookup_value (record, "environment", G_VARIANT_TYPE_VARDICT);
  if (owners == NULL || info == NULL || environment == NULL ||
      !g_variant_lookup (record, "maker", "&s", &maker))
    return NULL;

  workspace = hypha_workspace_new (name);
  g_strfreev (workspace->owners);
  workspace->owners = g_steal_pointer (&owners);
  g_variant_unref (workspace->info);
  workspace->info = g_steal_pointer (&info);
  g_variant_unref (workspace->environment);
  workspace->environment = g_steal_pointer (&environment);
  workspace->maker = g_strdup (maker);
  if (!g_variant_lookup (record, "made_at_us", "x", &workspace->made_at))
    workspace->made_at = hypha_workspace_get_old_time (record);
  workspace->made_at = CLAMP (workspace->made_at, 0, G_MAXINT64 / 2);
  workspace->persistent = TRUE;
  return workspace;
}

static void
hypha_workspace_copy (GVariantDict *to,
                       GVariant     *info,
                       const char   *key,
                       GVariant     *otherwise)
{
  g_autoptr (GVariant) fallback = g_variant_ref_sink (otherwise);
  g_autoptr (GVariant) value = g_variant_lookup_value (info, key, NULL);

  g_variant_dict_insert_value (to, key, value != NULL ? value : fallback);
}

/* What there is to say of it, without its environment. */
GVariant *
hypha_workspace_describe (HyphaWorkspace *workspace)
{
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  g_variant_dict_insert (&dict, "type", "s", "workspace");
  g_variant_dict_insert (&dict, "id", "s", workspace->name);
  hypha_workspace_copy (&dict, workspace->info, "name", g_variant_new_string (workspace->name));
  hypha_workspace_copy (&dict, workspace->info, "description", g_variant_new_string (workspace->name));
  g_variant_dict_insert (&dict, "persistent", "b", workspace->persistent || workspace->standing);
  g_variant_dict_insert_value (&dict, "owners", hypha_workspace_texts (workspace->owners));
  hypha_workspace_copy (&dict, workspace->info, "read_only", g_variant_new_boolean (FALSE));
  hypha_workspace_copy (&dict, workspace->info, "icon", g_variant_new_string (""));
  hypha_workspace_copy (&dict, workspace->info, "covers", g_variant_new ("av", NULL));
  hypha_workspace_copy (&dict, workspace->info, "docs", g_variant_new_string (""));
  g_variant_dict_insert_value (&dict, "service_types", g_variant_new ("a{sv}", NULL));
  hypha_workspace_copy (&dict, workspace->info, "config", g_variant_new ("a{sv}", NULL));
  g_variant_dict_insert_value (&dict, "status",
                               g_variant_new_parsed ("{'ready': <true>, 'status': <'ready'>}"));
  return g_variant_ref_sink (g_variant_dict_end (&dict));
}

/* What somebody may call one; the core has other names itself. */
gboolean
hypha_workspace_check_name (const char  *name,
                             GError     **error)
{
  g_autofree char *quoted = hypha_error_quote (name);
  gboolean plain = hypha_address_is_name (name);

  if (strchr (name, '-') == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                           "Workspace name must contain at least one hyphen (e.g. my-workspace).");
      return FALSE;
    }

  for (const char *p = name; *p != '\0' && plain; p++)
    plain = g_ascii_islower (*p) || g_ascii_isdigit (*p) || *p == '-';

  if (!plain)
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                 "Invalid workspace name: %s, only lowercase letters, numbers and hyphens are "
                 "allowed.", quoted);
  return plain;
}

/* What is kept of a configuration, each value of its type; the rest is nobody's business. */
GVariant *
hypha_workspace_take_info (GVariant  *config,
                            GError   **error)
{
  static const struct { const char *key; const char *type; const char *word; } fields[] = {
    { "name", "s", "a text" }, { "description", "s", "a text" }, { "read_only", "b", "a boolean" },
    { "icon", "s", "a text" }, { "covers", "av", "a list" }, { "docs", "s", "a text" },
    { "config", "a{sv}", "a map" },
  };
  g_autoptr (GVariant) info = NULL;
  GVariantDict dict;

  g_variant_dict_init (&dict, NULL);
  for (gsize i = 0; i < G_N_ELEMENTS (fields); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (config, fields[i].key, NULL);

      if (value == NULL || hypha_rpc_codec_is_null (value))
        continue;

      if (!g_variant_is_of_type (value, G_VARIANT_TYPE (fields[i].type)))
        {
          g_variant_dict_clear (&dict);
          g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
                       "%s of a workspace must be %s", fields[i].key, fields[i].word);
          return NULL;
        }

      g_variant_dict_insert_value (&dict, fields[i].key, value);
    }

  info = g_variant_ref_sink (g_variant_dict_end (&dict));
  if (g_variant_get_size (info) <= HYPHA_WORKSPACES_MAX_RECORD)
    return g_steal_pointer (&info);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_TOO_LARGE,
               "what is said of a workspace is longer than %d bytes", HYPHA_WORKSPACES_MAX_RECORD);
  return NULL;
}

static void
hypha_workspace_add_owner (GPtrArray  *owners,
                           const char *user)
{
  if (user != NULL && !g_ptr_array_find_with_equal_func (owners, user, g_str_equal, NULL))
    g_ptr_array_add (owners, g_strdup (user));
}

/*
 * The owners that were named, user, who makes it now, and maker, who made it first or is NULL:
 * nobody counts as the maker of what is not its own.
 */
char **
hypha_workspace_take_owners (GVariant    *config,
                             const char  *user,
                             const char  *maker,
                             GError     **error)
{
  g_autoptr (GVariant) given = g_variant_lookup_value (config, "owners", NULL);
  g_auto (GStrv) named = hypha_workspace_take_texts (config, "owners");
  g_autoptr (GPtrArray) owners = g_ptr_array_new_null_terminated (0, g_free, TRUE);

  hypha_workspace_add_owner (owners, user);
  hypha_workspace_add_owner (owners, maker);
  for (char **p = named; p != NULL && *p != NULL && owners->len <= HYPHA_WORKSPACES_MAX_OWNERS; p++)
    hypha_workspace_add_owner (owners, *p);

  if ((given == NULL || hypha_rpc_codec_is_null (given) || named != NULL) &&
      owners->len <= HYPHA_WORKSPACES_MAX_OWNERS)
    return (char **) g_ptr_array_free (g_steal_pointer (&owners), FALSE);

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT,
               "owners must be a list of fewer than %d user ids", HYPHA_WORKSPACES_MAX_OWNERS);
  return NULL;
}
