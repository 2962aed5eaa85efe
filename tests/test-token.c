/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-token-private.h"

#include <string.h>

#include "hypha-base64url-private.h"
#include "hypha-claims-private.h"
#include "test-utils.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW G_GINT64_CONSTANT (1800000000)
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define API HYPHA_TOKEN_AUDIENCE_API

/* Claims that pass, for a test to add to. */
#define GOOD "\"sub\":\"bob\",\"exp\":1800000100,\"iss\":\"hypha-core\",\"aud\":\"hypha-api\""

static GBytes *
secret_bytes (void)
{
  return g_bytes_new_static (SECRET, strlen (SECRET));
}

static char *
part (const char *json)
{
  return hypha_base64url_encode ((const guint8 *) json, strlen (json));
}

/* A token of any header and payload, signed as its algorithm says, with any key. */
static char *
forge_with (const char   *header,
            const char   *payload,
            GChecksumType type,
            const char   *key)
{
  g_autofree char *head = part (header);
  g_autofree char *body = part (payload);
  g_autofree char *text = g_strconcat (head, ".", body, NULL);
  g_autoptr (GHmac) hmac = g_hmac_new (type, (const guchar *) key, strlen (key));
  g_autofree char *signature = NULL;
  guint8 digest[64];
  gsize size = sizeof digest;

  g_hmac_update (hmac, (const guchar *) text, -1);
  g_hmac_get_digest (hmac, digest, &size);
  signature = hypha_base64url_encode (digest, size);
  return g_strconcat (text, ".", signature, NULL);
}

static char *
forge (const char *payload)
{
  return forge_with (HEADER, payload, G_CHECKSUM_SHA256, SECRET);
}

static void
assert_refused (const char *token,
                const char *message)
{
  g_autoptr (GBytes) secret = secret_bytes ();
  g_autoptr (GError) error = NULL;

  g_assert_null (hypha_token_verify (token, secret, API, NOW, &error));
  g_assert_error (error, HYPHA_ERROR, HYPHA_ERROR_UNAUTHENTICATED);
  g_assert_cmpstr (error->message, ==, message);
}

static void
assert_payload_refused (const char *payload,
                        const char *problem)
{
  g_autofree char *token = forge (payload);
  g_autofree char *message = g_strconcat ("JWT verification failed: ", problem, NULL);

  assert_refused (token, message);
}

/* Valid claims and one more. */
static void
assert_claim_refused (const char *claim,
                      const char *problem)
{
  g_autofree char *payload = g_strconcat ("{" GOOD ",", claim, "}", NULL);

  assert_payload_refused (payload, problem);
}

static HyphaToken *
accept_claim (const char *claim)
{
  g_autoptr (GBytes) secret = secret_bytes ();
  g_autofree char *payload = g_strconcat ("{" GOOD, claim, "}", NULL);
  g_autofree char *token = forge (payload);
  g_autoptr (GError) error = NULL;
  HyphaToken *claims = hypha_token_verify (token, secret, API, NOW, &error);

  g_assert_no_error (error);
  g_assert_nonnull (claims);
  return claims;
}

static void
test_token_round_trip (void)
{
  static const char *const roles[] = { "user", "größe", NULL };
  static const char *const scopes[] = { "read", "write", NULL };
  g_autoptr (GBytes) secret = secret_bytes ();
  g_autoptr (HyphaToken) token = hypha_token_new ("bob \"x\" ws-é", "ws-a");
  g_autoptr (HyphaToken) again = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  token->client_id = g_strdup ("c1");
  g_free (token->email);
  token->email = g_strdup ("bob@x.org");
  g_strfreev (token->roles);
  token->roles = g_strdupv ((char **) roles);
  g_strfreev (token->scopes);
  token->scopes = g_strdupv ((char **) scopes);
  token->anonymous = TRUE;
  token->client_bound = TRUE;
  text = hypha_token_sign (token, secret, API);
  again = hypha_token_verify (text, secret, API, token->issued_at, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->subject, ==, token->subject);
  g_assert_cmpstr (again->workspace, ==, "ws-a");
  g_assert_cmpstr (again->client_id, ==, "c1");
  g_assert_cmpstr (again->email, ==, "bob@x.org");
  g_assert_cmpstrv (again->roles, roles);
  g_assert_cmpstrv (again->scopes, scopes);
  g_assert_cmpint (again->issued_at, ==, token->issued_at);
  g_assert_cmpint (again->expires_at, ==, token->issued_at + HYPHA_TOKEN_API_LIFETIME);
  g_assert_true (again->anonymous);
  g_assert_true (again->client_bound);
}

/* Where a token comes from, and what it is for. */
static void
test_token_origin_round_trip (void)
{
  static const char *const lineage[] = { "a", "b", NULL };
  g_autoptr (GBytes) secret = secret_bytes ();
  g_autoptr (HyphaToken) token = hypha_token_new ("bob", "ws-a");
  g_autoptr (HyphaToken) again = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  hypha_token_make_id (token);
  g_strfreev (token->lineage);
  token->lineage = g_strdupv ((char **) lineage);
  token->home = g_strdup ("ws-b");
  token->delegated = TRUE;
  token->special = TRUE;

  /* Root's own claims never stand for one that means something. */
  token->custom = g_variant_ref_sink (g_variant_new_parsed ("{'sub': <'eve'>, 'x': <'y'>}"));
  text = hypha_token_sign (token, secret, API);
  again = hypha_token_verify (text, secret, API, token->issued_at, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (again->subject, ==, "bob");
  g_assert_cmpstr (again->id, ==, token->id);
  g_assert_cmpstrv (again->lineage, lineage);
  g_assert_cmpstr (again->home, ==, "ws-b");
  g_assert_true (again->delegated);
  g_assert_true (again->special);
}

/* A token without an id has one by what it says, whatever its signature looks like. */
static void
test_token_id_of_old_tokens (void)
{
  g_autoptr (HyphaToken) token = accept_claim ("");
  g_autoptr (HyphaToken) same = accept_claim ("");
  g_autoptr (HyphaToken) other = accept_claim (",\"x\":1");

  g_assert_true (g_str_has_prefix (token->id, "sha256:"));
  g_assert_cmpstr (token->id, ==, same->id);
  g_assert_cmpstr (token->id, !=, other->id);
}

static void
test_token_bad_origin (void)
{
  assert_claim_refused ("\"jti\":5", "Invalid jti claim");
  assert_claim_refused ("\"jti\":\"\"", "Invalid jti claim");
  assert_claim_refused ("\"lineage\":\"a\"", "Invalid lineage claim");
  assert_claim_refused ("\"lineage\":[5]", "Invalid lineage claim");
  assert_claim_refused ("\"lineage\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]",
                        "Invalid lineage claim");
  assert_claim_refused ("\"delegated\":1", "Invalid delegated claim");
  assert_claim_refused ("\"special\":\"yes\"", "Invalid special claim");
  assert_claim_refused ("\"home\":\"a/b\"", "Invalid home claim");
}

static void
test_token_defaults (void)
{
  g_autoptr (HyphaToken) token = accept_claim ("");

  g_assert_cmpstr (token->subject, ==, "bob");
  g_assert_null (token->workspace);
  g_assert_null (token->client_id);
  g_assert_cmpstr (token->email, ==, "");
  g_assert_cmpuint (g_strv_length (token->roles), ==, 0);
  g_assert_cmpuint (g_strv_length (token->scopes), ==, 0);
  g_assert_cmpint (token->issued_at, ==, 0);
  g_assert_cmpint (token->expires_at, ==, NOW + 100);
  g_assert_false (token->anonymous);
  g_assert_false (token->client_bound);
}

/* The example of RFC 7515, A.1: the signature of a header and payload that others computed. */
static void
test_token_known_signature (void)
{
  static const char text[] = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEz"
                             "MDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CV"
                             "P-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  static const char key[] = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUu"
                            "TwjAzZr1Z9CAow";
  GByteArray *bytes = hypha_base64url_decode (key, strlen (key));
  g_autoptr (GBytes) secret = g_byte_array_free_to_bytes (bytes);
  g_autoptr (GError) error = NULL;

  /* Past the signature, the first thing that is wrong with it is that it is old. */
  g_assert_null (hypha_token_verify (text, secret, API, NOW, &error));
  g_assert_cmpstr (error->message, ==, "JWT verification failed: Token expired");
}

static void
test_token_format (void)
{
  g_autofree char *good = forge ("{" GOOD "}");
  g_autofree char *four = g_strconcat (good, ".x", NULL);

  assert_refused ("", "Invalid JWT format");
  assert_refused ("abc", "Invalid JWT format");
  assert_refused ("a.b", "Invalid JWT format");
  assert_refused (four, "Invalid JWT format");
  assert_refused ("..", "JWT verification failed: Unsupported algorithm");
}

static void
assert_header_refused (const char   *header,
                       GChecksumType type)
{
  g_autofree char *token = forge_with (header, "{" GOOD "}", type, SECRET);

  assert_refused (token, "JWT verification failed: Unsupported algorithm");
}

static void
test_token_algorithm (void)
{
  assert_header_refused ("{\"alg\":\"none\"}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":\"HS512\"}", G_CHECKSUM_SHA512);
  assert_header_refused ("{\"alg\":\"HS384\"}", G_CHECKSUM_SHA384);
  assert_header_refused ("{\"alg\":\"RS256\"}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":\"hs256\"}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":[\"HS256\"]}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":null}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":256}", G_CHECKSUM_SHA256);
  assert_header_refused ("{}", G_CHECKSUM_SHA256);
  assert_header_refused ("[]", G_CHECKSUM_SHA256);
  assert_header_refused ("\"HS256\"", G_CHECKSUM_SHA256);
  assert_header_refused ("not json", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":\"HS256\",\"crit\":[\"exp\"]}", G_CHECKSUM_SHA256);
  assert_header_refused ("{\"alg\":\"HS256\",\"x\":\"\xff\"}", G_CHECKSUM_SHA256);
}

/* “alg: none” in its classic form, without a signature. */
static void
test_token_unsigned (void)
{
  g_autofree char *none = part ("{\"alg\":\"none\"}");
  g_autofree char *head = part (HEADER);
  g_autofree char *body = part ("{" GOOD "}");
  g_autofree char *first = g_strconcat (none, ".", body, ".", NULL);
  g_autofree char *second = g_strconcat (head, ".", body, ".", NULL);

  assert_refused (first, "JWT verification failed: Unsupported algorithm");
  assert_refused (second, "JWT verification failed: Invalid signature");
}

static void
test_token_forged (void)
{
  g_autofree char *good = forge ("{" GOOD "}");
  g_autofree char *wrong_key = forge_with (HEADER, "{" GOOD "}", G_CHECKSUM_SHA256, "another key");
  g_autofree char *sha512 = forge_with (HEADER, "{" GOOD "}", G_CHECKSUM_SHA512, SECRET);
  g_autofree char *other_payload = forge ("{" GOOD ",\"workspace\":\"x\"}");
  g_autofree char *spliced = NULL;
  gsize size = strlen (good);

  assert_refused (wrong_key, "JWT verification failed: Invalid signature");
  assert_refused (sha512, "JWT verification failed: Invalid signature");

  /* Every character counts, the last one and its unused bits included. */
  for (gsize i = 0; i < size; i++)
    {
      g_autofree char *changed = g_strdup (good);
      g_autoptr (GBytes) secret = secret_bytes ();

      changed[i] = changed[i] == 'A' ? 'B' : 'A';
      g_assert_null (hypha_token_verify (changed, secret, API, NOW, NULL));
    }

  spliced = g_strndup (other_payload, (gsize) (strrchr (other_payload, '.') - other_payload));
  g_free (other_payload);
  other_payload = g_strconcat (spliced, strrchr (good, '.'), NULL);
  assert_refused (other_payload, "JWT verification failed: Invalid signature");
}

/* Padding, blanks and the other base64 alphabet do not make a second spelling of a token. */
static void
test_token_stray_characters (void)
{
  static const char *const tails[] = { "=", "==", " ", "\n", "A", "+" };
  g_autofree char *good = forge ("{" GOOD "}");

  for (gsize i = 0; i < G_N_ELEMENTS (tails); i++)
    {
      g_autofree char *token = g_strconcat (good, tails[i], NULL);

      assert_refused (token, "JWT verification failed: Invalid signature");
    }
}

static void
test_token_payload (void)
{
  assert_payload_refused ("[]", "Invalid payload");
  assert_payload_refused ("null", "Invalid payload");
  assert_payload_refused ("5", "Invalid payload");
  assert_payload_refused ("", "Invalid payload");
  assert_payload_refused ("{", "Invalid payload");
  assert_payload_refused ("{\"sub\":\"\xff\"}", "Invalid payload");
}

static void
test_token_expiry (void)
{
  assert_payload_refused ("{\"sub\":\"bob\"}", "Token has no expiry");
  assert_payload_refused ("{\"exp\":null}", "Token has no expiry");
  assert_payload_refused ("{\"exp\":\"1900000000\"}", "Invalid exp claim");
  assert_payload_refused ("{\"exp\":true}", "Invalid exp claim");
  assert_payload_refused ("{\"exp\":[1900000000]}", "Invalid exp claim");
  assert_payload_refused ("{\"exp\":1e300}", "Invalid exp claim");
  assert_payload_refused ("{\"exp\":1800000000}", "Token expired");
  assert_payload_refused ("{\"exp\":1800000000.9}", "Token expired");
  assert_payload_refused ("{\"exp\":-5}", "Token expired");
}

static void
test_token_max_skew (void)
{
  g_autoptr (HyphaToken) token = accept_claim (",\"nbf\":1800000060,\"iat\":1800000060.5");

  g_assert_cmpint (token->issued_at, ==, NOW + HYPHA_TOKEN_MAX_SKEW);
  assert_claim_refused ("\"nbf\":1800000061", "Token not yet valid");
  assert_claim_refused ("\"iat\":1800000061", "Token not yet valid");
  assert_claim_refused ("\"nbf\":\"x\"", "Invalid nbf claim");
  assert_claim_refused ("\"iat\":{}", "Invalid iat claim");
}

static void
test_token_issuer_and_audience (void)
{
  g_autoptr (GBytes) secret = secret_bytes ();
  g_autoptr (HyphaToken) token = hypha_token_new ("bob", "ws-a");
  g_autofree char *text = hypha_token_sign (token, secret, HYPHA_TOKEN_AUDIENCE_RECONNECTION);
  g_autoptr (GError) error = NULL;

  assert_payload_refused ("{\"exp\":1900000000,\"aud\":\"hypha-api\"}", "Invalid issuer");
  assert_payload_refused ("{\"exp\":1900000000,\"aud\":\"hypha-api\",\"iss\":\"https://amun.ai\"}",
                          "Invalid issuer");
  assert_payload_refused ("{\"exp\":1900000000,\"iss\":\"hypha-core\"}", "Invalid audience");
  assert_payload_refused ("{\"exp\":1900000000,\"iss\":\"hypha-core\",\"aud\":[\"hypha-api\"]}",
                          "Invalid audience");

  /* A reconnection token is no API token, and the other way round. */
  g_assert_null (hypha_token_verify (text, secret, API, token->issued_at, &error));
  g_assert_cmpstr (error->message, ==, "JWT verification failed: Invalid audience");
}

static void
test_token_claim_types (void)
{
  assert_payload_refused (
      "{\"exp\":1900000000,\"iss\":\"hypha-core\",\"aud\":\"hypha-api\"}", "Invalid sub claim");
  assert_claim_refused ("\"sub\":5", "Invalid sub claim");
  assert_claim_refused ("\"sub\":\"\"", "Invalid sub claim");
  assert_claim_refused ("\"email\":5", "Invalid email claim");
  assert_claim_refused ("\"workspace\":5", "Invalid workspace claim");
  assert_claim_refused ("\"workspace\":\"*\"", "Invalid workspace claim");
  assert_claim_refused ("\"workspace\":\"a/b\"", "Invalid workspace claim");
  assert_claim_refused ("\"client_id\":\"a:b\"", "Invalid client_id claim");
  assert_claim_refused ("\"client_id\":{}", "Invalid client_id claim");
  assert_claim_refused ("\"roles\":\"admin\"", "Invalid roles claim");
  assert_claim_refused ("\"roles\":[1]", "Invalid roles claim");
  assert_claim_refused ("\"roles\":[null]", "Invalid roles claim");
  assert_claim_refused ("\"roles\":[\"\\ud800x\"]", "Invalid roles claim");
  assert_claim_refused ("\"email\":\"\\ud800x\"", "Invalid email claim");
  assert_claim_refused ("\"scope\":\"\\ud800x\"", "Invalid scope claim");
  assert_claim_refused ("\"scope\":[\"read\"]", "Invalid scope claim");
  assert_claim_refused ("\"is_anonymous\":1", "Invalid is_anonymous claim");
  assert_claim_refused ("\"cid_bound\":\"true\"", "Invalid cid_bound claim");
}

static void
test_token_empty_claims (void)
{
  g_autoptr (HyphaToken) token = accept_claim (",\"workspace\":\"\",\"client_id\":null,\"scope\":\"  a  b \","
                                               "\"email\":null,\"roles\":null");
  static const char *const scopes[] = { "a", "b", NULL };

  g_assert_null (token->workspace);
  g_assert_null (token->client_id);
  g_assert_cmpstrv (token->scopes, scopes);
}

static void
test_token_claims_max_text (void)
{
  g_autofree char *longest = g_strnfill (HYPHA_CLAIMS_MAX_TEXT, 'x');
  g_autofree char *good = g_strdup_printf (",\"email\":\"%s\",\"scope\":\"%s\"", longest, longest);
  g_autofree char *email = g_strdup_printf ("\"email\":\"%sx\"", longest);
  g_autofree char *role = g_strdup_printf ("\"roles\":[\"%sx\"]", longest);
  g_autofree char *scope = g_strdup_printf ("\"scope\":\"a %sx\"", longest);
  g_autoptr (HyphaToken) token = accept_claim (good);

  g_assert_cmpstr (token->email, ==, longest);
  assert_claim_refused (email, "Invalid email claim");
  assert_claim_refused (role, "Invalid roles claim");
  assert_claim_refused (scope, "Invalid scope claim");
}

static char *
repeat (const char *item,
        guint       times)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < times; i++)
    g_string_append (text, item);

  return g_string_free (text, FALSE);
}

static void
test_token_claims_max_words (void)
{
  g_autofree char *roles = repeat ("\"r\",", HYPHA_CLAIMS_MAX_WORDS - 1);
  g_autofree char *scopes = repeat ("s ", HYPHA_CLAIMS_MAX_WORDS);
  g_autofree char *good = g_strdup_printf (",\"roles\":[%s\"r\"],\"scope\":\"%s\"", roles, scopes);
  g_autofree char *role = g_strdup_printf ("\"roles\":[%s\"r\",\"r\"]", roles);
  g_autofree char *scope = g_strdup_printf ("\"scope\":\"%ss\"", scopes);
  g_autoptr (HyphaToken) token = accept_claim (good);

  g_assert_cmpuint (g_strv_length (token->roles), ==, HYPHA_CLAIMS_MAX_WORDS);
  g_assert_cmpuint (g_strv_length (token->scopes), ==, HYPHA_CLAIMS_MAX_WORDS);
  assert_claim_refused (role, "Invalid roles claim");
  assert_claim_refused (scope, "Invalid scope claim");
}

/* The JSON parser recurses: a header of nothing but brackets must not get to it. */
static void
test_token_claims_max_depth (void)
{
  g_autofree char *open = repeat ("[", 11000);
  g_autofree char *header = g_strconcat ("{\"alg\":\"HS256\",\"x\":", open, NULL);
  g_autofree char *deepest = repeat ("[", HYPHA_CLAIMS_MAX_DEPTH - 1);
  g_autofree char *close = repeat ("]", HYPHA_CLAIMS_MAX_DEPTH - 1);
  g_autofree char *good = g_strconcat (",\"x\":", deepest, close, NULL);
  g_autofree char *bad = g_strconcat ("\"x\":[", deepest, close, "]", NULL);
  g_autofree char *quoted = g_strconcat (",\"x\":\"\\\"", open, "\"", NULL);
  g_autoptr (HyphaToken) token = accept_claim (good);
  g_autoptr (HyphaToken) other = accept_claim (quoted);

  assert_header_refused (header, G_CHECKSUM_SHA256);
  assert_claim_refused (bad, "Invalid payload");
}

static void
test_token_max_size (void)
{
  g_autofree char *filler = g_strnfill (HYPHA_TOKEN_MAX_SIZE, 'x');
  g_autofree char *payload = g_strconcat ("{" GOOD ",\"x\":\"", filler, "\"}", NULL);
  g_autofree char *token = forge (payload);
  g_autofree char *dots = g_strnfill (HYPHA_TOKEN_MAX_SIZE, '.');

  assert_refused (token, "JWT verification failed: Token is too long");
  assert_refused (dots, "Invalid JWT format");
}

static void
test_token_base64url (void)
{
  for (gsize size = 0; size < 70; size++)
    {
      guint8 data[70];
      g_autofree char *text = NULL;
      g_autoptr (GByteArray) again = NULL;

      for (gsize i = 0; i < size; i++)
        data[i] = (guint8) (i * 37 + size);

      text = hypha_base64url_encode (data, size);
      again = hypha_base64url_decode (text, strlen (text));
      g_assert_cmpmem (again->data, again->len, data, size);
    }

  g_assert_null (hypha_base64url_decode ("A", 1));
  g_assert_null (hypha_base64url_decode ("AB", 2));
  g_assert_null (hypha_base64url_decode ("AAB", 3));
  g_assert_null (hypha_base64url_decode ("AAAA=", 5));
  g_assert_null (hypha_base64url_decode ("AA+A", 4));
  g_assert_null (hypha_base64url_decode ("AA A", 4));
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/token/round-trip", test_token_round_trip);
  g_test_add_func ("/wire/token/defaults", test_token_defaults);
  g_test_add_func ("/wire/token/origin-round-trip", test_token_origin_round_trip);
  g_test_add_func ("/wire/token/id-of-old-tokens", test_token_id_of_old_tokens);
  g_test_add_func ("/wire/token/bad-origin", test_token_bad_origin);
  g_test_add_func ("/wire/token/known-signature", test_token_known_signature);
  g_test_add_func ("/wire/token/format", test_token_format);
  g_test_add_func ("/wire/token/algorithm", test_token_algorithm);
  g_test_add_func ("/wire/token/unsigned", test_token_unsigned);
  g_test_add_func ("/wire/token/forged", test_token_forged);
  g_test_add_func ("/wire/token/stray-characters", test_token_stray_characters);
  g_test_add_func ("/wire/token/payload", test_token_payload);
  g_test_add_func ("/wire/token/expiry", test_token_expiry);
  g_test_add_func ("/wire/token/max-skew", test_token_max_skew);
  g_test_add_func ("/wire/token/issuer-and-audience", test_token_issuer_and_audience);
  g_test_add_func ("/wire/token/claim-types", test_token_claim_types);
  g_test_add_func ("/wire/token/empty-claims", test_token_empty_claims);
  g_test_add_func ("/wire/token/claims-max-text", test_token_claims_max_text);
  g_test_add_func ("/wire/token/claims-max-words", test_token_claims_max_words);
  g_test_add_func ("/wire/token/claims-max-depth", test_token_claims_max_depth);
  g_test_add_func ("/wire/token/max-size", test_token_max_size);
  g_test_add_func ("/wire/token/base64url", test_token_base64url);
  return g_test_run ();
}
