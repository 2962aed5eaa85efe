/* SPDX-License-Identifier: MIT */

#include "config.h"

#include "hypha-msgpack-key-private.h"

#include <msgpack.h>

#include "test-utils.h"

/* Our MessagePack beside that of msgpack-c. */

static void pack_variant (msgpack_packer *packer,
                          GVariant       *value);

static void
pack_container (msgpack_packer *packer,
                GVariant       *value)
{
  gboolean map = g_variant_is_of_type (value, G_VARIANT_TYPE_VARDICT);
  gsize size = g_variant_n_children (value);

  if (map)
    msgpack_pack_map (packer, size);
  else
    msgpack_pack_array (packer, size);

  for (gsize i = 0; i < size; i++)
    {
      g_autoptr (GVariant) child = g_variant_get_child_value (value, i);
      g_autoptr (GVariant) inner = NULL;

      if (map)
        {
          g_autoptr (GVariant) key = g_variant_get_child_value (child, 0);

          pack_variant (packer, key);
          g_variant_get_child (child, 1, "v", &inner);
        }
      else
        {
          inner = g_variant_get_variant (child);
        }

      pack_variant (packer, inner);
    }
}

/* Our values in the words of msgpack-c: the oracle's side of the encoder. */
static void
pack_variant (msgpack_packer *packer,
              GVariant       *value)
{
  const char *type = g_variant_get_type_string (value);
  gsize size;
  gconstpointer data;

  if (g_str_equal (type, "mv"))
    msgpack_pack_nil (packer);
  else if (g_str_equal (type, "b") && g_variant_get_boolean (value))
    msgpack_pack_true (packer);
  else if (g_str_equal (type, "b"))
    msgpack_pack_false (packer);
  else if (g_str_equal (type, "x"))
    msgpack_pack_int64 (packer, g_variant_get_int64 (value));
  else if (g_str_equal (type, "t"))
    msgpack_pack_uint64 (packer, g_variant_get_uint64 (value));
  else if (g_str_equal (type, "d"))
    msgpack_pack_double (packer, g_variant_get_double (value));
  else if (g_str_equal (type, "s"))
    {
      data = g_variant_get_string (value, &size);
      msgpack_pack_str (packer, size);
      msgpack_pack_str_body (packer, data, size);
    }
  else if (g_str_equal (type, "ay"))
    {
      data = g_variant_get_fixed_array (value, &size, 1);
      msgpack_pack_bin (packer, size);
      msgpack_pack_bin_body (packer, data, size);
    }
  else
    pack_container (packer, value);
}

static GVariant *
random_value (GRand *rand,
              guint  depth)
{
  gint32 kind = g_rand_int_range (rand, 0, depth < 4 ? 9 : 7);
  gint32 size = g_rand_int_range (rand, 0, 40);
  guint64 bits = ((guint64) g_rand_int (rand) << 32 | g_rand_int (rand)) >>
                 g_rand_int_range (rand, 0, 64);
  GVariantBuilder builder;

  switch (kind)
    {
    case 0:
      return g_variant_new_maybe (G_VARIANT_TYPE_VARIANT, NULL);
    case 1:
      return g_variant_new_boolean (bits & 1);
    case 2:
      return g_variant_new_int64 ((gint64) bits);
    case 3:
      return g_variant_new_uint64 (bits | G_GUINT64_CONSTANT (1) << 63);
    case 4:
      return g_variant_new_double (g_rand_double_range (rand, -1e9, 1e9));
    case 5:
      return g_variant_new_take_string (g_strnfill (size, 'a'));
    case 6:
      return g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, &bits, MIN (size, 8), 1);
    default:
      break;
    }

  g_variant_builder_init (&builder, kind == 7 ? G_VARIANT_TYPE ("av") : G_VARIANT_TYPE_VARDICT);
  for (gint32 i = 0; i < size; i++)
    {
      g_autofree char *key = g_strdup_printf ("key-%d", i);
      GVariant *child = random_value (rand, depth + 1);

      if (kind == 7)
        g_variant_builder_add (&builder, "v", child);
      else
        g_variant_builder_add (&builder, "{sv}", key, child);
    }

  return g_variant_builder_end (&builder);
}

/* What msgpack-c writes of a value is what we write, byte by byte. */
static void
test_msgpack_differential_encode (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20240229);

  for (guint i = 0; i < 100; i++)
    {
      g_autoptr (GVariant) value = g_variant_ref_sink (random_value (rand, 0));
      g_autoptr (GByteArray) out = g_byte_array_new ();
      g_autoptr (GVariant) again = NULL;
      g_autoptr (GError) error = NULL;
      msgpack_sbuffer buffer;
      msgpack_packer packer;

      msgpack_sbuffer_init (&buffer);
      msgpack_packer_init (&packer, &buffer, msgpack_sbuffer_write);
      pack_variant (&packer, value);
      hypha_msgpack_encode (out, value);
      g_assert_cmpmem (out->data, out->len, buffer.data, buffer.size);
      msgpack_sbuffer_destroy (&buffer);
      again = hypha_msgpack_decode (out->data, out->len, NULL, NULL, &error);
      g_assert_no_error (error);
      g_assert_true (g_variant_equal (again, value));
    }
}

static gboolean oracle_may_pass (const msgpack_object *object);

static gboolean
oracle_key_may_pass (const msgpack_object *key)
{
  if (key->type == MSGPACK_OBJECT_STR)
    return key->via.str.size > HYPHA_MSGPACK_MAX_REFUSED_KEY ||
           g_utf8_validate (key->via.str.ptr, (gssize) key->via.str.size, NULL);

  return key->type == MSGPACK_OBJECT_POSITIVE_INTEGER ||
         key->type == MSGPACK_OBJECT_NEGATIVE_INTEGER || key->type == MSGPACK_OBJECT_FLOAT32 ||
         key->type == MSGPACK_OBJECT_FLOAT64;
}

/* Whether what the oracle reads is nothing that ends a receiver. */
static gboolean
oracle_may_pass (const msgpack_object *object)
{
  gboolean passes = TRUE;

  if (object->type == MSGPACK_OBJECT_EXT && object->via.ext.type == -1)
    return object->via.ext.size == 4 || object->via.ext.size == 8 || object->via.ext.size == 12;

  if (object->type == MSGPACK_OBJECT_ARRAY)
    for (guint i = 0; i < object->via.array.size; i++)
      passes = passes && oracle_may_pass (&object->via.array.ptr[i]);

  if (object->type == MSGPACK_OBJECT_MAP)
    for (guint i = 0; i < object->via.map.size; i++)
      passes = passes && oracle_key_may_pass (&object->via.map.ptr[i].key) &&
               oracle_may_pass (&object->via.map.ptr[i].val);

  return passes;
}

/* Whether the oracle reads a value at the start of data that may pass, and how long it is. */
static gboolean
oracle_reads (const guint8 *data,
              gsize         size,
              gsize        *consumed)
{
  gboolean passes = FALSE;

  msgpack_unpacked unpacked;
  msgpack_unpack_return result;
  size_t offset = 0;

  msgpack_unpacked_init (&unpacked);
  result = msgpack_unpack_next (&unpacked, (const char *) data, size, &offset);
  if (result == MSGPACK_UNPACK_SUCCESS || result == MSGPACK_UNPACK_EXTRA_BYTES)
    passes = oracle_may_pass (&unpacked.data);
  msgpack_unpacked_destroy (&unpacked);
  *consumed = offset;
  return passes;
}

/* Large claims are no test of agreement: the oracle allocates for them. */
static gboolean
has_long_form (const guint8 *data,
               gsize         size)
{
  for (gsize i = 0; i < size; i++)
    {
      if (data[i] == 0xdd || data[i] == 0xdf || data[i] == 0xdc || data[i] == 0xde)
        return TRUE;
    }

  return FALSE;
}

/* Random bytes: we skip exactly what the oracle reads, and refuse what it refuses. */
static void
test_msgpack_differential_random (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (4711);
  guint agreed = 0;

  for (guint i = 0; i < 100000; i++)
    {
      guint8 data[48];
      gsize size = (gsize) g_rand_int_range (rand, 1, sizeof data);
      HyphaMsgpackCursor cursor = { data, size, 0 };
      gsize theirs = 0;

      for (gsize k = 0; k < size; k++)
        data[k] = (guint8) g_rand_int (rand);

      if (has_long_form (data, size))
        {
          g_autoptr (GVariant) value = hypha_msgpack_decode (data, size, NULL, &theirs, NULL);

          g_assert_true (value == NULL || hypha_msgpack_cursor_skip (&cursor, NULL));
          continue;
        }

      if (oracle_reads (data, size, &theirs))
        {
          g_assert_true (hypha_msgpack_cursor_skip (&cursor, NULL));
          g_assert_cmpuint (cursor.offset, ==, theirs);
          agreed++;
        }
      else
        {
          g_assert_false (hypha_msgpack_cursor_skip (&cursor, NULL));
        }
    }

  g_assert_cmpuint (agreed, >, 1000);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);
  g_test_add_func ("/wire/msgpack/differential-encode", test_msgpack_differential_encode);
  g_test_add_func ("/wire/msgpack/differential-random", test_msgpack_differential_random);
  return g_test_run ();
}
