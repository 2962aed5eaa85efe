/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-rpc-codec-private.h"
#include "hypha-token-config-private.h"

/* Each key with what it takes. The last two are read, and refused, where they are used. */
static const struct
{
  const char *key;
  gboolean    text;
  gboolean    words; /* also a list of texts */
} keys[] = {
  { "user_id", TRUE, FALSE },  { "workspace", TRUE, FALSE },  { "client_id", TRUE, FALSE },
  { "email", TRUE, FALSE },    { "roles", TRUE, TRUE },       { "scopes", TRUE, TRUE },
  { "scope", TRUE, TRUE },     { "extra_scopes", TRUE, TRUE }, { "permission", FALSE, FALSE },
  { "expires_in", FALSE, FALSE },
};

gboolean
hypha_token_config_is_key (const char *name)
{
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      if (g_str_equal (name, keys[i].key))
        return TRUE;
    }

  return FALSE;
}

static gboolean
hypha_token_config_is_list (GVariant *value)
{
  gboolean texts = g_variant_is_of_type (value, G_VARIANT_TYPE ("av"));

  for (gsize i = 0; texts && i < g_variant_n_children (value); i++)
    {
      g_autoptr (GVariant) item = NULL;

      g_variant_get_child (value, i, "v", &item);
      texts = g_variant_is_of_type (item, G_VARIANT_TYPE_STRING);
    }

  return texts;
}

/*
 * A key that asks for less must not be passed over because of its type: the token would be worth
 * more than whoever hands it out believes. Null is as good as absent.
 */
gboolean
hypha_token_config_check (GVariant  *config,
                          GError   **error)
{
  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    {
      g_autoptr (GVariant) value = g_variant_lookup_value (config, keys[i].key, NULL);

      if (value == NULL || !keys[i].text || hypha_rpc_codec_is_null (value) ||
          g_variant_is_of_type (value, G_VARIANT_TYPE_STRING) ||
          (keys[i].words && hypha_token_config_is_list (value)))
        continue;

      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_INVALID_ARGUMENT, "%s of a token must be %s",
                   keys[i].key, keys[i].words ? "a text or a list of texts" : "a text");
      return FALSE;
    }

  return TRUE;
}

/* A list of texts, or one text of several words; NULL if there is none. */
char **
hypha_token_config_dup_words (GVariant   *config,
                              const char *key)
{
  g_autoptr (GVariant) value = g_variant_lookup_value (config, key, NULL);
  g_autoptr (GStrvBuilder) words = g_strv_builder_new ();
  GVariantIter iter;
  GVariant *item;

  if (value == NULL || hypha_rpc_codec_is_null (value))
    return NULL;

  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    return g_strsplit (g_variant_get_string (value, NULL), " ", -1);

  g_variant_iter_init (&iter, value);
  while (g_variant_iter_next (&iter, "v", &item))
    {
      g_strv_builder_add (words, g_variant_get_string (item, NULL));
      g_variant_unref (item);
    }

  return g_strv_builder_end (words);
}
