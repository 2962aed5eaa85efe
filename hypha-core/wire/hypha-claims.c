/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-claims-private.h"

#include <string.h>

#include "hypha-address-private.h"
#include "hypha-base64url-private.h"
#include "hypha-json-private.h"

/* Times beyond this many seconds are not times; doubles are exact up to here. */
#define MAX_TIME (G_GINT64_CONSTANT (1) << 53)

/* The JSON object in one base64url part of a token; NULL if it is anything else. */
JsonObject *
hypha_claims_parse (const char *text,
                    gsize       size)
{
  g_autoptr (GByteArray) bytes = hypha_base64url_decode (text, size);
  g_autoptr (JsonNode) root = NULL;

  if (bytes == NULL || bytes->len == 0)
    return NULL;

  root = hypha_json_parse ((const char *) bytes->data, bytes->len, HYPHA_CLAIMS_MAX_DEPTH, NULL);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root))
    return NULL;

  return json_object_ref (json_node_get_object (root));
}

/* A claim that is there and not null. */
static JsonNode *
hypha_claims_get (JsonObject *claims,
                  const char *name)
{
  JsonNode *node = json_object_get_member (claims, name);

  return node != NULL && !JSON_NODE_HOLDS_NULL (node) ? node : NULL;
}

static gboolean
hypha_claims_get_time (JsonNode *node,
                       gint64   *seconds)
{
  GType type = json_node_get_value_type (node);
  double value;

  if (!JSON_NODE_HOLDS_VALUE (node) || (type != G_TYPE_INT64 && type != G_TYPE_DOUBLE))
    return FALSE;

  value = json_node_get_double (node);
  if (!(value >= -(double) MAX_TIME && value <= (double) MAX_TIME))
    return FALSE;

  *seconds = (gint64) value;
  return TRUE;
}

static const char *
hypha_claims_get_text (JsonNode *node)
{
  const char *text;

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return NULL;

  text = json_node_get_string (node);
  if (strlen (text) > HYPHA_CLAIMS_MAX_TEXT || !g_utf8_validate (text, -1, NULL))
    return NULL;

  return text;
}

/* Each of these returns what is wrong, or NULL. */

static const char *
hypha_claims_read_expiry (JsonObject *claims,
                          gint64      now,
                          HyphaToken *token)
{
  JsonNode *node = hypha_claims_get (claims, "exp");

  if (node == NULL)
    return "Token has no expiry";

  if (!hypha_claims_get_time (node, &token->expires_at))
    return "Invalid exp claim";

  return token->expires_at > now ? NULL : "Token expired";
}

/* Of a token that was signed elsewhere: at the earliest, when its second began. */
static const char *
hypha_claims_read_origin_time (JsonObject *claims,
                               HyphaToken *token)
{
  JsonNode *node = hypha_claims_get (claims, "origin_time");

  token->origin_time = CLAMP (token->issued_at, 0, MAX_TIME / G_USEC_PER_SEC) * G_USEC_PER_SEC;
  if (node != NULL && !hypha_claims_get_time (node, &token->origin_time))
    return "Invalid origin_time claim";

  return NULL;
}

static const char *
hypha_claims_read_start (JsonObject *claims,
                         gint64      now,
                         HyphaToken *token)
{
  JsonNode *not_before = hypha_claims_get (claims, "nbf");
  JsonNode *issued_at = hypha_claims_get (claims, "iat");
  gint64 start = 0;

  if (not_before != NULL && !hypha_claims_get_time (not_before, &start))
    return "Invalid nbf claim";

  if (start > now + HYPHA_TOKEN_MAX_SKEW)
    return "Token not yet valid";

  token->issued_at = 0;
  if (issued_at != NULL && !hypha_claims_get_time (issued_at, &token->issued_at))
    return "Invalid iat claim";

  if (token->issued_at > now + HYPHA_TOKEN_MAX_SKEW)
    return "Token not yet valid";

  return hypha_claims_read_origin_time (claims, token);
}

static gboolean
hypha_claims_is (JsonObject *claims,
                 const char *name,
                 const char *wanted)
{
  JsonNode *node = hypha_claims_get (claims, name);

  return node != NULL && g_strcmp0 (hypha_claims_get_text (node), wanted) == 0;
}

static const char *
hypha_claims_read_name (JsonObject  *claims,
                        const char  *name,
                        const char  *problem,
                        char       **target)
{
  JsonNode *node = hypha_claims_get (claims, name);
  const char *text;

  if (node == NULL)
    return NULL;

  text = hypha_claims_get_text (node);
  if (text == NULL || (*text != '\0' && !hypha_address_is_name (text)))
    return problem;

  if (*text != '\0')
    *target = g_strdup (text);
  return NULL;
}

static const char *
hypha_claims_read_flag (JsonObject *claims,
                        const char *name,
                        const char *problem,
                        gboolean   *target)
{
  JsonNode *node = hypha_claims_get (claims, name);

  if (node == NULL)
    return NULL;

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_BOOLEAN)
    return problem;

  *target = json_node_get_boolean (node);
  return NULL;
}

static const char *
hypha_claims_read_texts (JsonObject   *claims,
                         const char   *name,
                         guint         max,
                         const char   *problem,
                         char       ***target)
{
  JsonNode *node = hypha_claims_get (claims, name);
  g_auto (GStrv) texts = NULL;
  JsonArray *array;
  guint size;

  if (node == NULL)
    return NULL;

  if (!JSON_NODE_HOLDS_ARRAY (node))
    return problem;

  array = json_node_get_array (node);
  size = json_array_get_length (array);
  if (size > max)
    return problem;

  texts = g_new0 (char *, size + 1);
  for (guint i = 0; i < size; i++)
    {
      const char *text = hypha_claims_get_text (json_array_get_element (array, i));

      if (text == NULL)
        return problem;

      texts[i] = g_strdup (text);
    }

  g_strfreev (*target);
  *target = g_steal_pointer (&texts);
  return NULL;
}

static const char *
hypha_claims_read_scope (JsonObject *claims,
                         HyphaToken *token)
{
  JsonNode *node = hypha_claims_get (claims, "scope");
  g_autoptr (GPtrArray) scopes = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) words = NULL;

  if (node == NULL)
    return NULL;

  if (!JSON_NODE_HOLDS_VALUE (node) || json_node_get_value_type (node) != G_TYPE_STRING)
    return "Invalid scope claim";

  words = g_strsplit (json_node_get_string (node), " ", -1);
  for (char **word = words; *word != NULL; word++)
    {
      if (**word == '\0')
        continue;

      if (scopes->len == HYPHA_CLAIMS_MAX_WORDS || strlen (*word) > HYPHA_CLAIMS_MAX_TEXT ||
          !g_utf8_validate (*word, -1, NULL))
        return "Invalid scope claim";

      g_ptr_array_add (scopes, g_strdup (*word));
    }

  g_ptr_array_add (scopes, NULL);
  g_strfreev (token->scopes);
  token->scopes = (char **) g_ptr_array_steal (scopes, NULL);
  return NULL;
}

static const char *
hypha_claims_read_identity (JsonObject *claims,
                            HyphaToken *token)
{
  JsonNode *subject = hypha_claims_get (claims, "sub");
  JsonNode *email = hypha_claims_get (claims, "email");

  token->subject = subject != NULL ? g_strdup (hypha_claims_get_text (subject)) : NULL;
  if (token->subject == NULL || *token->subject == '\0')
    return "Invalid sub claim";

  if (email == NULL)
    return NULL;

  if (hypha_claims_get_text (email) == NULL)
    return "Invalid email claim";

  g_free (token->email);
  token->email = g_strdup (hypha_claims_get_text (email));
  return NULL;
}

static const char *
hypha_claims_read_user_expiry (JsonObject *claims,
                               HyphaToken *token)
{
  JsonNode *node = hypha_claims_get (claims, "user_exp");

  if (node != NULL && !hypha_claims_get_time (node, &token->user_expires_at))
    return "Invalid user_exp claim";

  return NULL;
}

/* What the token is called, and which tokens it comes from. */
static const char *
hypha_claims_read_origin (JsonObject *claims,
                          HyphaToken *token)
{
  JsonNode *node = hypha_claims_get (claims, "jti");

  if (node != NULL)
    {
      token->id = g_strdup (hypha_claims_get_text (node));
      if (token->id == NULL || *token->id == '\0')
        return "Invalid jti claim";
    }

  return hypha_claims_read_texts (claims, "lineage", HYPHA_TOKEN_MAX_LINEAGE,
                                  "Invalid lineage claim", &token->lineage);
}

static const char *
hypha_claims_read_flags (JsonObject *claims,
                         HyphaToken *token)
{
  const char *problem = hypha_claims_read_flag (claims, "is_anonymous",
                                                "Invalid is_anonymous claim", &token->anonymous);

  if (problem == NULL)
    problem = hypha_claims_read_flag (claims, "cid_bound", "Invalid cid_bound claim",
                                      &token->client_bound);
  if (problem == NULL)
    problem = hypha_claims_read_flag (claims, "delegated", "Invalid delegated claim",
                                      &token->delegated);
  if (problem == NULL)
    problem = hypha_claims_read_flag (claims, "special", "Invalid special claim",
                                      &token->special);
  return problem;
}

static const char *
hypha_claims_read_rest (JsonObject *claims,
                        HyphaToken *token)
{
  const char *problem = hypha_claims_read_identity (claims, token);

  if (problem == NULL)
    problem = hypha_claims_read_name (claims, "workspace", "Invalid workspace claim",
                                      &token->workspace);
  if (problem == NULL)
    problem = hypha_claims_read_name (claims, "client_id", "Invalid client_id claim",
                                      &token->client_id);
  if (problem == NULL)
    problem = hypha_claims_read_name (claims, "home", "Invalid home claim", &token->home);
  if (problem == NULL)
    problem = hypha_claims_read_texts (claims, "roles", HYPHA_CLAIMS_MAX_WORDS,
                                       "Invalid roles claim", &token->roles);
  if (problem == NULL)
    problem = hypha_claims_read_scope (claims, token);
  if (problem == NULL)
    problem = hypha_claims_read_flags (claims, token);
  if (problem == NULL)
    problem = hypha_claims_read_origin (claims, token);
  if (problem == NULL)
    problem = hypha_claims_read_user_expiry (claims, token);
  return problem;
}

/* Checks the claims and takes them over; returns what is wrong, or NULL. */
const char *
hypha_claims_read (JsonObject *claims,
                   const char *audience,
                   gint64      now,
                   HyphaToken *token)
{
  const char *problem = hypha_claims_read_expiry (claims, now, token);

  if (problem == NULL)
    problem = hypha_claims_read_start (claims, now, token);
  if (problem != NULL)
    return problem;

  if (!hypha_claims_is (claims, "iss", HYPHA_TOKEN_ISSUER))
    return "Invalid issuer";

  if (!hypha_claims_is (claims, "aud", audience))
    return "Invalid audience";

  return hypha_claims_read_rest (claims, token);
}

static void
hypha_claims_add_text (JsonBuilder *builder,
                       const char  *name,
                       const char  *text)
{
  if (text == NULL)
    return;

  json_builder_set_member_name (builder, name);
  json_builder_add_string_value (builder, text);
}

static void
hypha_claims_add_number (JsonBuilder *builder,
                         const char  *name,
                         gint64       number)
{
  json_builder_set_member_name (builder, name);
  json_builder_add_int_value (builder, number);
}

static void
hypha_claims_add_flag (JsonBuilder *builder,
                       const char  *name,
                       gboolean     flag)
{
  if (!flag)
    return;

  json_builder_set_member_name (builder, name);
  json_builder_add_boolean_value (builder, TRUE);
}

static void
hypha_claims_add_texts (JsonBuilder *builder,
                        const char  *name,
                        char       **texts)
{
  json_builder_set_member_name (builder, name);
  json_builder_begin_array (builder);
  for (char **p = texts; p != NULL && *p != NULL; p++)
    json_builder_add_string_value (builder, *p);
  json_builder_end_array (builder);
}

/* Claims that mean something here: nobody sets them but by what they mean. */
gboolean
hypha_claims_is_reserved (const char *name)
{
  static const char *const reserved[] = {
    "sub", "workspace", "client_id", "email", "roles", "scope", "iat", "exp", "nbf", "iss", "aud",
    "jti", "is_anonymous", "cid_bound", "user_exp", "lineage", "delegated", "special", "home",
    "origin_time", NULL
  };

  return g_strv_contains (reserved, name);
}

static void
hypha_claims_add_custom (JsonBuilder *builder,
                         GVariant    *custom)
{
  GVariantIter iter;
  const char *name;
  GVariant *value;

  if (custom == NULL)
    return;

  g_variant_iter_init (&iter, custom);
  while (g_variant_iter_next (&iter, "{&sv}", &name, &value))
    {
      if (!hypha_claims_is_reserved (name))
        {
          json_builder_set_member_name (builder, name);
          json_builder_add_value (builder, hypha_json_from_variant (value));
        }

      g_variant_unref (value);
    }
}

char *
hypha_claims_to_json (HyphaToken *token,
                      const char *audience)
{
  g_autoptr (JsonBuilder) builder = json_builder_new_immutable ();
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *scope = token->scopes != NULL ? g_strjoinv (" ", token->scopes) : NULL;

  json_builder_begin_object (builder);
  hypha_claims_add_text (builder, "sub", token->subject);
  hypha_claims_add_text (builder, "workspace", token->workspace);
  hypha_claims_add_text (builder, "client_id", token->client_id);
  hypha_claims_add_text (builder, "email", token->email != NULL ? token->email : "");
  hypha_claims_add_texts (builder, "roles", token->roles);
  hypha_claims_add_text (builder, "scope", scope != NULL ? scope : "");
  hypha_claims_add_number (builder, "iat", token->issued_at);
  hypha_claims_add_number (builder, "exp", token->expires_at);
  if (token->origin_time > 0)
    hypha_claims_add_number (builder, "origin_time", token->origin_time);
  hypha_claims_add_text (builder, "iss", HYPHA_TOKEN_ISSUER);
  hypha_claims_add_text (builder, "aud", audience);
  hypha_claims_add_flag (builder, "is_anonymous", token->anonymous);
  hypha_claims_add_flag (builder, "cid_bound", token->client_bound);
  hypha_claims_add_flag (builder, "delegated", token->delegated);
  hypha_claims_add_flag (builder, "special", token->special);
  hypha_claims_add_text (builder, "jti", token->id);
  hypha_claims_add_text (builder, "home", token->home);
  if (*token->lineage != NULL)
    hypha_claims_add_texts (builder, "lineage", token->lineage);
  if (token->user_expires_at > 0)
    hypha_claims_add_number (builder, "user_exp", token->user_expires_at);
  hypha_claims_add_custom (builder, token->custom);
  json_builder_end_object (builder);

  root = json_builder_get_root (builder);
  return json_to_string (root, FALSE);
}
