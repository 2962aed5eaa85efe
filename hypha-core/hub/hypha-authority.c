/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-authority-private.h"

#define STORE_KIND "revoked"

/*
 * HyphaAuthority: whose word counts. It keeps the secret, so that tokens are signed and verified
 * here and nowhere else; what was revoked; and which workspaces there are. Owned by the core; it
 * outlives the parts that ask it.
 */
struct _HyphaAuthority
{
  GObject          parent_instance;

  GBytes          *secret;
  HyphaStore      *store;
  HyphaWorkspaces *workspaces;
  GHashTable      *revoked;      /* token id → HyphaRevocation */
  HyphaShares     *revoking;     /* places in it, of those who revoke */
  HyphaShares     *rooms;        /* the same places, of workspaces */
  gint64           tidied;       /* when those that are over were forgotten, in seconds */
  HyphaThrottle   *throttle;
  gboolean         opened;
};

typedef struct
{
  char     *account;     /* whose share of all it takes */
  char     *room;        /* whose share of a workspace: its admins', or that of all others */
  gint64    expires_at;  /* of the token, seconds since 1970 */
} HyphaRevocation;

enum
{
  REVOKED,
  N_SIGNALS
};

static guint signals[N_SIGNALS];

G_DEFINE_FINAL_TYPE (HyphaAuthority, hypha_authority, G_TYPE_OBJECT)

static void
hypha_revocation_free (gpointer data)
{
  HyphaRevocation *revocation = data;

  g_free (revocation->account);
  g_free (revocation->room);
  g_free (revocation);
}

static void
hypha_authority_finalize (GObject *object)
{
  HyphaAuthority *self = HYPHA_AUTHORITY (object);

  hypha_authority_close (self);
  g_object_unref (self->store);
  g_object_unref (self->workspaces);
  g_hash_table_unref (self->revoked);
  hypha_shares_free (self->revoking);
  hypha_shares_free (self->rooms);
  hypha_throttle_free (self->throttle);
  g_bytes_unref (self->secret);

  G_OBJECT_CLASS (hypha_authority_parent_class)->finalize (object);
}

static void
hypha_authority_class_init (HyphaAuthorityClass *klass)
{
  G_OBJECT_CLASS (klass)->finalize = hypha_authority_finalize;

  /* Carries the id of the token: whoever is here with it, or with one made with it, has to go. */
  signals[REVOKED] = g_signal_new ("revoked", G_TYPE_FROM_CLASS (klass), G_SIGNAL_RUN_LAST, 0,
                                   NULL, NULL, NULL, G_TYPE_NONE, 1, G_TYPE_STRING);
}

static void
hypha_authority_init (HyphaAuthority *self)
{
  self->store = hypha_store_new ();
  self->workspaces = hypha_workspaces_new ();
  self->revoking = hypha_shares_new (HYPHA_AUTHORITY_MAX_REVOKED,
                                     HYPHA_AUTHORITY_MAX_REVOKED_OF_USER);
  self->rooms = hypha_shares_new (G_MAXSIZE, HYPHA_AUTHORITY_MAX_REVOKED_OF_WORKSPACE);
  self->throttle = hypha_throttle_new ();
  self->revoked = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, hypha_revocation_free);
}

/* One that remembers nothing beyond its own life, until a store is opened. */
HyphaAuthority *
hypha_authority_new (GBytes *secret)
{
  HyphaAuthority *self = g_object_new (HYPHA_TYPE_AUTHORITY, NULL);

  self->secret = g_bytes_ref (secret);
  return self;
}

static void
hypha_authority_forget (HyphaAuthority        *self,
                        const HyphaRevocation *revocation)
{
  hypha_shares_give_back (self->revoking, revocation->account, 1);
  hypha_shares_give_back (self->rooms, revocation->room, 1);
}

/* What members revoke of their own takes no place from the admins, who may have to revoke theirs. */
static char *
hypha_authority_room (const char *workspace,
                      gboolean    by_admin)
{
  return g_strconcat (workspace, by_admin ? "#admin" : "", NULL);
}

static void
hypha_authority_remember (HyphaAuthority *self,
                          const char     *token_id,
                          const char     *account,
                          const char     *workspace,
                          gint64          expires_at,
                          gboolean        by_admin)
{
  HyphaRevocation *old = g_hash_table_lookup (self->revoked, token_id);
  HyphaRevocation *revocation = g_new (HyphaRevocation, 1);

  if (old != NULL)
    hypha_authority_forget (self, old);
  revocation->account = g_strdup (account);
  revocation->room = hypha_authority_room (workspace, by_admin);
  revocation->expires_at = expires_at;
  hypha_shares_take (self->revoking, account, 1);
  hypha_shares_take (self->rooms, revocation->room, 1);
  g_hash_table_replace (self->revoked, g_strdup (token_id), revocation);
}

static void
hypha_authority_load_one (const char *token_id,
                          GVariant   *value,
                          gint64      expires_at,
                          gpointer    data)
{
  const char *workspace = "";
  const char *account = HYPHA_SHARES_GUESTS;
  gboolean by_admin = FALSE;

  /* The first two are as it was written once. */
  if (g_variant_is_of_type (value, G_VARIANT_TYPE_STRING))
    workspace = g_variant_get_string (value, NULL);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(sb)")))
    g_variant_get (value, "(&sb)", &workspace, &by_admin);
  else if (g_variant_is_of_type (value, G_VARIANT_TYPE ("(sbs)")))
    g_variant_get (value, "(&sb&s)", &workspace, &by_admin, &account);

  hypha_authority_remember (data, token_id, account, workspace, expires_at, by_admin);
}

/* Reads what has to outlive the process, and keeps it from now on; once. Blocks while it reads. */
gboolean
hypha_authority_open_store (HyphaAuthority  *self,
                            const char      *directory,
                            GError         **error)
{
  HyphaStore *store;

  if (self->opened)
    return TRUE;

  store = hypha_store_open (directory, error);
  if (store == NULL)
    return FALSE;

  self->opened = TRUE;
  g_object_unref (self->store);
  self->store = store;
  hypha_store_foreach (store, STORE_KIND, hypha_authority_load_one, self);
  hypha_workspaces_set_store (self->workspaces, store);
  return TRUE;
}

/* Ends what is kept: what waits to be written is, and nothing is kept any more. */
void
hypha_authority_close (HyphaAuthority *self)
{
  hypha_store_close (self->store);
}

/* Who guesses: the gate reports, the server asks. */
HyphaThrottle *
hypha_authority_get_throttle (HyphaAuthority *self)
{
  return self->throttle;
}

HyphaWorkspaces *
hypha_authority_get_workspaces (HyphaAuthority *self)
{
  return self->workspaces;
}

/*
 * The compact form of a token, which gets an id, and its time if it comes from no other; audience
 * says what it is good for.
 */
char *
hypha_authority_sign (HyphaAuthority *self,
                      HyphaToken     *token,
                      const char     *audience)
{
  hypha_token_make_id (token);
  if (token->origin_time == 0)
    token->origin_time = hypha_workspaces_get_time (self->workspaces);
  return hypha_token_sign (token, self->secret, audience);
}

gboolean
hypha_authority_is_revoked (HyphaAuthority *self,
                            const char     *token_id)
{
  return g_hash_table_contains (self->revoked, token_id);
}

static gboolean
hypha_authority_check_revoked (HyphaAuthority  *self,
                               HyphaToken      *token,
                               GError         **error)
{
  gboolean revoked = hypha_authority_is_revoked (self, token->id);

  for (char **p = token->lineage; *p != NULL && !revoked; p++)
    revoked = hypha_authority_is_revoked (self, *p);

  if (revoked)
    g_set_error_literal (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED,
                         "JWT verification failed: Token has been revoked");
  return !revoked;
}

/* What a token says, if it is ours, good for audience, not over, and not revoked. */
HyphaToken *
hypha_authority_verify (HyphaAuthority  *self,
                        const char      *text,
                        const char      *audience,
                        GError         **error)
{
  g_autoptr (HyphaToken) token = NULL;

  token = hypha_token_verify (text, self->secret, audience, g_get_real_time () / G_USEC_PER_SEC,
                              error);
  if (token == NULL || !hypha_authority_check_revoked (self, token, error))
    return NULL;

  return g_steal_pointer (&token);
}

/*
 * Somebody at address had a token that is not good. One that was good once is not guessed; whether
 * this one is.
 */
gboolean
hypha_authority_count_guess (HyphaAuthority *self,
                             const char     *text,
                             const char     *address)
{
  if (hypha_token_is_signed (text, self->secret))
    return FALSE;

  hypha_throttle_failed (self->throttle, address, hypha_throttle_now ());
  return TRUE;
}

/* Those that have expired need not be remembered. */
static gboolean
hypha_authority_forget_over (gpointer key,
                             gpointer value,
                             gpointer data)
{
  HyphaAuthority *self = data;
  const HyphaRevocation *revocation = value;

  if (revocation->expires_at > g_get_real_time () / G_USEC_PER_SEC)
    return FALSE;

  hypha_store_remove_async (self->store, STORE_KIND, key, NULL, NULL);
  hypha_authority_forget (self, revocation);
  return TRUE;
}

/* Not more often than once a second: whoever asks for more finds all places taken. */
static void
hypha_authority_tidy (HyphaAuthority *self)
{
  gint64 now = g_get_monotonic_time () / G_USEC_PER_SEC;

  if (self->tidied == now)
    return;

  self->tidied = now;
  g_hash_table_foreach_remove (self->revoked, hypha_authority_forget_over, self);
}

static gboolean
hypha_authority_has_room (HyphaAuthority *self,
                          const char     *account,
                          const char     *room)
{
  return hypha_shares_has_room (self->rooms, room, 1) &&
         hypha_shares_has_room (self->revoking, account, 1);
}

static gboolean
hypha_authority_check_room (HyphaAuthority  *self,
                            const char      *account,
                            const char      *workspace,
                            gboolean         by_admin,
                            GError         **error)
{
  g_autofree char *room = hypha_authority_room (workspace, by_admin);

  if (hypha_authority_has_room (self, account, room))
    return TRUE;

  hypha_authority_tidy (self);
  if (hypha_authority_has_room (self, account, room))
    return TRUE;

  g_set_error (error, HYPHA_ERROR, HYPHA_ERROR_BUSY,
               "%d tokens of one workspace, and %d by one user, may be revoked at once: wait until "
               "some of them have expired", HYPHA_AUTHORITY_MAX_REVOKED_OF_WORKSPACE,
               HYPHA_AUTHORITY_MAX_REVOKED_OF_USER);
  return FALSE;
}

/*
 * Revokes a verified token, and with it all that were made with it. account is whoever does, and
 * by_admin says whether as an admin of its workspace. It counts at once; the end says whether it
 * will after the next start too.
 */
void
hypha_authority_revoke_async (HyphaAuthority      *self,
                              HyphaToken          *token,
                              const char          *account,
                              gboolean             by_admin,
                              GAsyncReadyCallback  callback,
                              gpointer             data)
{
  g_autoptr (GTask) task = g_task_new (self, NULL, callback, data);
  const char *workspace = token->workspace != NULL ? token->workspace : "";
  g_autoptr (GError) error = NULL;

  g_task_set_source_tag (task, hypha_authority_revoke_async);
  if (!hypha_authority_is_revoked (self, token->id) &&
      !hypha_authority_check_room (self, account, workspace, by_admin, &error))
    {
      g_task_return_error (task, g_steal_pointer (&error));
      return;
    }

  hypha_authority_remember (self, token->id, account, workspace, token->expires_at, by_admin);
  hypha_store_put_async (self->store, STORE_KIND, token->id,
                         g_variant_new ("(sbs)", workspace, by_admin, account), token->expires_at,
                         hypha_store_end_task, g_steal_pointer (&task));
  g_signal_emit (self, signals[REVOKED], 0, token->id);
}

gboolean
hypha_authority_revoke_finish (HyphaAuthority  *self,
                               GAsyncResult    *result,
                               GError         **error)
{
  g_assert (g_task_is_valid (result, self));

  return g_task_propagate_boolean (G_TASK (result), error);
}
