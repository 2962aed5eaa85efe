/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-address-private.h"
#include "hypha-identity-private.h"
#include "hypha-json-private.h"

/* From what a client says to who it is. Nothing here believes a token that was not verified. */

void
hypha_hello_clear (HyphaHello *hello)
{
  g_clear_pointer (&hello->client, g_free);
  g_clear_pointer (&hello->workspace, g_free);
  g_clear_pointer (&hello->token, g_free);
  g_clear_pointer (&hello->reconnection_token, g_free);
}

static gboolean
hypha_hello_take (JsonObject  *object,
                  const char  *name,
                  char       **value,
                  gboolean    *present,
                  GError     **error)
{
  JsonNode *node = json_object_get_member (object, name);

  if (node == NULL)
    return TRUE;

  *present = TRUE;
  if (json_node_is_null (node))
    return TRUE;

  /* Half a surrogate pair, escaped, makes a string that is no text. */
  if (json_node_get_value_type (node) != G_TYPE_STRING ||
      !g_utf8_validate (json_node_get_string (node), -1, NULL))
    {
      g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                   "Failed to establish connection: %s must be a text", name);
      return FALSE;
    }

  /* Some clients send an empty text for “none”. */
  if (*json_node_get_string (node) != '\0')
    *value = g_strdup (json_node_get_string (node));
  return TRUE;
}

/* Reads the first frame. An error of code PROTOCOL means that it could not be decoded at all. */
gboolean
hypha_hello_parse (HyphaHello  *hello,
                   const char  *text,
                   gsize        size,
                   GError     **error)
{
  g_autoptr (JsonNode) root = hypha_json_parse (text, size, HYPHA_JSON_MAX_DEPTH, NULL);
  gboolean present = FALSE;
  JsonObject *object;

  if (root == NULL)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PROTOCOL,
                           "Failed to decode authentication information");
      return FALSE;
    }

  if (JSON_NODE_HOLDS_OBJECT (root))
    {
      object = json_node_get_object (root);
      if (!hypha_hello_take (object, "client_id", &hello->client, &present, error) ||
          !hypha_hello_take (object, "workspace", &hello->workspace, &present, error) ||
          !hypha_hello_take (object, "token", &hello->token, &present, error) ||
          !hypha_hello_take (object, "reconnection_token", &hello->reconnection_token, &present,
                             error))
        return FALSE;
    }

  if (present)
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                       "Failed to establish connection: Authentication required: workspace, "
                       "client_id, or token must be provided");
  return FALSE;
}

void
hypha_identity_clear (HyphaIdentity *identity)
{
  g_clear_pointer (&identity->client, g_free);
  g_clear_pointer (&identity->workspace, g_free);
  g_clear_pointer (&identity->user, hypha_user_info_unref);
  identity->reconnecting = FALSE;
}

static gboolean
hypha_identity_refuse (GError     **error,
                       const char  *prefix,
                       GError      *cause)
{
  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
               "Failed to establish connection: %s verification failed: %s", prefix,
               cause->message);
  g_error_free (cause);
  return FALSE;
}

/* id: of the token that the user is known by from now on. */
static void
hypha_identity_take_token (HyphaIdentity  *identity,
                           HyphaAuthority *authority,
                           HyphaToken     *token,
                           const char     *id)
{
  identity->workspace = token->workspace != NULL ?
                          g_strdup (token->workspace) :
                          hypha_workspaces_name_of_user (token->subject);
  identity->user = hypha_user_info_new (token->subject, token->email,
                                        (const char *const *) token->roles,
                                        (const char *const *) token->scopes,
                                        token->user_expires_at, token->anonymous);
  hypha_user_info_set_origin (identity->user, id, (const char *const *) token->lineage,
                              token->anonymous ? 0 : token->origin_time);
  hypha_workspaces_judge (hypha_authority_get_workspaces (authority), identity->user);
  if (token->client_bound)
    hypha_user_info_bind (identity->user, token->client_id);

  /* Whoever hands a token on does not hand on what it owns: only what the token says. */
  if (token->delegated)
    hypha_user_info_set_delegated (identity->user);
}

/* It may have lost the workspace meanwhile, or the host may have closed it to guests. */
static gboolean
hypha_identity_may_come_back (HyphaUserInfo    *user,
                              const HyphaToken *token,
                              HyphaAuthority   *authority)
{
  const char *home = token->home != NULL ? token->home : token->workspace;

  if (token->anonymous)
    return hypha_user_info_may (user, token->subject, HYPHA_NEED_CONNECT, token->workspace) ||
           hypha_workspaces_welcomes_guests (hypha_authority_get_workspaces (authority),
                                             token->workspace);

  if (token->home != NULL)
    hypha_user_info_set_home (user, token->home);
  return hypha_user_info_may (user, home, HYPHA_NEED_CONNECT, token->workspace);
}

static gboolean
hypha_identity_prove_reconnection (HyphaIdentity     *identity,
                                   const HyphaHello  *hello,
                                   HyphaAuthority    *authority,
                                   GError           **error)
{
  g_autoptr (HyphaToken) token = NULL;

  token = hypha_authority_verify (authority, hello->reconnection_token,
                                  HYPHA_TOKEN_AUDIENCE_RECONNECTION, error);
  if (token == NULL)
    return FALSE;

  if (token->client_id == NULL || token->workspace == NULL ||
      g_strcmp0 (token->client_id, hello->client) != 0 ||
      (hello->workspace != NULL && !g_str_equal (token->workspace, hello->workspace)))
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                           "Client ID mismatch during reconnection");
      return FALSE;
    }

  if (token->user_expires_at > 0 && token->user_expires_at <= g_get_real_time () / G_USEC_PER_SEC)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                           "JWT verification failed: Token expired");
      return FALSE;
    }

  hypha_identity_take_token (identity, authority, token, NULL);
  identity->reconnecting = TRUE;
  identity->issued_at = token->issued_at;
  if (hypha_identity_may_come_back (identity->user, token, authority))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
               "Permission denied for workspace: %s", token->workspace);
  return FALSE;
}

static gboolean
hypha_identity_prove_token (HyphaIdentity     *identity,
                            const HyphaHello  *hello,
                            HyphaAuthority    *authority,
                            GError           **error)
{
  g_autoptr (HyphaToken) token = NULL;
  g_autoptr (GError) cause = NULL;

  token = hypha_authority_verify (authority, hello->token, HYPHA_TOKEN_AUDIENCE_API, &cause);
  if (token == NULL)
    return hypha_identity_refuse (error, "Token", g_steal_pointer (&cause));

  if (token->client_bound && hello->client != NULL &&
      g_strcmp0 (token->client_id, hello->client) != 0)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                           "Failed to establish connection: the token belongs to another client id");
      return FALSE;
    }

  if (token->client_bound && hello->client == NULL)
    identity->client = g_strdup (token->client_id);

  if (token->special)
    {
      g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                           "Failed to establish connection: the token is for what its scopes name, "
                           "not for connecting");
      return FALSE;
    }

  token->user_expires_at = token->expires_at;
  hypha_identity_take_token (identity, authority, token, token->id);
  return TRUE;
}

/* A reconnection token counts first, unless an API token says that the client is somebody else. */
static gboolean
hypha_identity_prove_user (HyphaIdentity     *identity,
                           const HyphaHello  *hello,
                           HyphaAuthority    *authority,
                           GError           **error)
{
  g_auto (HyphaIdentity) other = { 0 };
  g_autoptr (GError) cause = NULL;
  const char *own;

  if (hello->reconnection_token == NULL && hello->token == NULL)
    {
      identity->user = hypha_user_info_new_anonymous ();
      identity->workspace = g_strdup (hypha_user_info_get_id (identity->user));
      return TRUE;
    }

  if (hello->reconnection_token == NULL)
    return hypha_identity_prove_token (identity, hello, authority, error);

  if (!hypha_identity_prove_reconnection (identity, hello, authority, &cause))
    {
      hypha_identity_clear (identity);
      if (hello->token != NULL)
        return hypha_identity_prove_token (identity, hello, authority, error);

      return hypha_identity_refuse (error, "Reconnection token", g_steal_pointer (&cause));
    }

  own = hypha_user_info_get_home (identity->user);
  if (own == NULL)
    own = identity->workspace;
  if (hello->token != NULL && hypha_identity_prove_token (&other, hello, authority, NULL) &&
      (!g_str_equal (other.workspace, own) ||
       !g_str_equal (hypha_user_info_get_id (other.user),
                     hypha_user_info_get_id (identity->user))))
    {
      hypha_identity_clear (identity);
      *identity = other;
      other = (HyphaIdentity) { 0 };
    }

  return TRUE;
}

/* A workspace that was asked for is given or refused, never replaced: clients would give up. */
static gboolean
hypha_identity_check_workspace (HyphaIdentity   *identity,
                                HyphaWorkspaces *workspaces,
                                const char      *requested,
                                GError         **error)
{
  g_autofree char *quoted = NULL;

  if (requested == NULL || g_str_equal (requested, identity->workspace))
    return TRUE;

  if (hypha_user_info_may (identity->user, identity->workspace, HYPHA_NEED_CONNECT, requested) ||
      (hypha_user_info_is_anonymous (identity->user) &&
       hypha_workspaces_welcomes_guests (workspaces, requested)))
    {
      if (!hypha_user_info_is_anonymous (identity->user))
        hypha_user_info_set_home (identity->user, identity->workspace);
      g_free (identity->workspace);
      identity->workspace = g_strdup (requested);
      return TRUE;
    }

  quoted = hypha_error_quote (requested);
  if (hypha_user_info_is_anonymous (identity->user))
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Failed to establish connection: Anonymous client attempted to access protected "
                 "workspace: %s", quoted);
  else
    g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                 "Failed to establish connection: Permission denied for workspace: %s", quoted);
  return FALSE;
}

/*
 * The token was made before somebody else made a workspace of that name: it is not for that one. But
 * who asked for the workspace by name has been let in by what is true of it now.
 */
static gboolean
hypha_identity_check_trust (HyphaIdentity  *identity,
                            GError        **error)
{
  if (hypha_user_info_is_anonymous (identity->user) ||
      hypha_user_info_get_home (identity->user) != NULL ||
      hypha_user_info_is_trusted (identity->user, identity->workspace))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
               "Failed to establish connection: Permission denied for workspace: %s",
               identity->workspace);
  return FALSE;
}

/* From the first frame to a proven identity, or an error whose text is for the client. */
gboolean
hypha_identity_prove (HyphaIdentity     *identity,
                      const HyphaHello  *hello,
                      HyphaAuthority    *authority,
                      GError           **error)
{
  if (!hypha_identity_prove_user (identity, hello, authority, error) ||
      !hypha_identity_check_workspace (identity, hypha_authority_get_workspaces (authority),
                                       hello->workspace, error) ||
      !hypha_identity_check_trust (identity, error))
    return FALSE;

  if (hello->client != NULL)
    {
      g_free (identity->client);
      identity->client = g_strdup (hello->client);
    }
  else if (identity->client == NULL)
    {
      g_autofree char *uuid = g_uuid_string_random ();

      identity->client = g_strconcat ("client-", uuid, NULL);
    }

  if (hypha_address_is_name (identity->client) && hypha_address_is_name (identity->workspace) &&
      !hypha_address_is_reserved_client (identity->workspace, identity->client))
    return TRUE;

  g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_PERMISSION_DENIED,
                       "Failed to establish connection: Invalid workspace or client ID");
  return FALSE;
}

/* What lets exactly this client come back after its connection broke. */
char *
hypha_identity_reconnection_token (const char     *workspace,
                                   const char     *client,
                                   HyphaUserInfo  *user,
                                   HyphaAuthority *authority)
{
  g_autoptr (HyphaToken) token = hypha_token_new (hypha_user_info_get_id (user), workspace);

  token->client_id = g_strdup (client);
  g_free (token->email);
  token->email = g_strdup (hypha_user_info_get_email (user));
  g_strfreev (token->roles);
  token->roles = g_strdupv ((char **) hypha_user_info_get_roles (user));
  g_strfreev (token->scopes);
  token->scopes = g_strdupv ((char **) hypha_user_info_get_scopes (user));
  token->anonymous = hypha_user_info_is_anonymous (user);
  token->client_bound = hypha_user_info_get_bound_client (user) != NULL;
  token->user_expires_at = hypha_user_info_get_expires_at (user);
  token->home = g_strdup (hypha_user_info_get_home (user));
  token->delegated = hypha_user_info_is_delegated (user);
  g_strfreev (token->lineage);
  token->lineage = g_strdupv ((char **) hypha_user_info_get_lineage (user));
  token->origin_time = hypha_user_info_get_origin_time (user);
  token->issued_at = g_get_real_time () / G_USEC_PER_SEC;
  token->expires_at = token->issued_at + HYPHA_TOKEN_RECONNECTION_LIFETIME;
  return hypha_authority_sign (authority, token, HYPHA_TOKEN_AUDIENCE_RECONNECTION);
}
