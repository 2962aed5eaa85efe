/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "fuzz.h"
#include "hypha-http-arguments-private.h"

#define PARAMETERS "{'properties': <{'a': <@a{sv} {}>, 'b': <@a{sv} {}>}>}"

static const char *const control[] = { "workspace", "service_id", "function_key", "_mode" };

static void
check_mapped (const HyphaHttpArguments *arguments,
              GVariant                 *parameters)
{
  g_autoptr (GVariant) args = NULL;
  g_autoptr (GVariant) kwargs = NULL;

  hypha_http_arguments_map (arguments, parameters, &args, &kwargs);
  g_assert_true (g_variant_is_of_type (args, G_VARIANT_TYPE ("av")));
  if (kwargs == NULL)
    return;

  /* None of the parameters is called so. */
  g_assert_true (g_variant_is_of_type (kwargs, G_VARIANT_TYPE_VARDICT));
  for (gsize i = 0; i < G_N_ELEMENTS (control); i++)
    g_assert_false (g_variant_lookup (kwargs, control[i], "v", NULL));
}

/* The first line is the content type, the second one the query, the rest the body. */
int
LLVMFuzzerTestOneInput (const guint8 *data,
                        gsize         size)
{
  const guint8 *end = data + size;
  const guint8 *query = memchr (data, '\n', size);
  const guint8 *body = query != NULL ? memchr (query + 1, '\n', (gsize) (end - query - 1)) : NULL;
  g_autofree char *content_type = NULL;
  g_autofree char *text = NULL;
  g_auto (HyphaHttpArguments) arguments = { 0 };
  g_autoptr (GVariant) parameters = NULL;
  g_autoptr (GError) error = NULL;

  if (body == NULL)
    return 0;

  content_type = g_strndup ((const char *) data, (gsize) (query - data));
  text = g_strndup ((const char *) query + 1, (gsize) (body - query - 1));
  body++;
  if (!hypha_http_arguments_parse (&arguments, text, body, (gsize) (end - body), content_type,
                                   &error))
    {
      g_assert_nonnull (error);
      g_assert_true (g_utf8_validate (error->message, -1, NULL));
      return 0;
    }

  g_assert_no_error (error);
  g_assert_cmpuint (g_variant_n_children (arguments.named), <=, HYPHA_HTTP_MAX_ARGUMENTS);
  g_assert_false (g_variant_lookup (arguments.named, "_mode", "v", NULL));
  g_assert_false (g_variant_lookup (arguments.control, "_mode", "v", NULL));
  check_mapped (&arguments, NULL);
  parameters = g_variant_ref_sink (g_variant_new_parsed (PARAMETERS));
  check_mapped (&arguments, parameters);
  return 0;
}
