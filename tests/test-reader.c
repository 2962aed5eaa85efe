/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-outbox-private.h"
#include "hypha-reader-private.h"
#include "test-link.h"
#include "test-utils.h"

#include <sys/socket.h>
#include <unistd.h>

/* Shows the reader a frame in two parts, the second by way of its own space. */
static HyphaReaderResult
feed (HyphaReader     *reader,
      guint            first_byte,
      const guint8    *payload,
      gsize            size,
      gsize            first_part,
      HyphaReaderItem *item)
{
  g_autoptr (GBytes) frame = link_make_frame (first_byte, payload, size);
  const guint8 *bytes = g_bytes_get_data (frame, NULL);
  g_autofree guint8 *copy = g_memdup2 (bytes, g_bytes_get_size (frame));
  gsize used;
  HyphaReaderResult result = hypha_reader_next (reader, copy, first_part, &used, item);
  gsize pos = used;

  g_assert_cmpuint (used, ==, first_part);
  while (result == HYPHA_READER_MORE && pos < g_bytes_get_size (frame))
    {
      gsize room;
      guint8 *space = hypha_reader_get_space (reader, &room);

      g_assert_nonnull (space);
      room = MIN (room, g_bytes_get_size (frame) - pos);
      memcpy (space, bytes + pos, room);
      pos += room;
      result = hypha_reader_filled (reader, room, item);
    }

  return result;
}

/* Shows it the first so many bytes of a frame. */
static HyphaReaderResult
feed_start (HyphaReader *reader,
            gsize        size,
            gsize        first_part)
{
  g_autofree guint8 *payload = g_malloc0 (size);
  g_autoptr (GBytes) frame = link_make_frame (0x82, payload, size);
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (frame, NULL), first_part);
  HyphaReaderItem item;
  gsize used;

  return hypha_reader_next (reader, copy, first_part, &used, &item);
}

static void
test_reader_long_frame (void)
{
  static const gsize sizes[] = { 16385, 20000, 65536, 300001, 1000000 };
  HyphaReader reader = { 0 };

  for (gsize i = 0; i < G_N_ELEMENTS (sizes); i++)
    for (gsize first_part = 8; first_part < 20; first_part++)
      {
        g_autofree guint8 *payload = g_malloc (sizes[i]);
        gsize header_size = sizes[i] <= G_MAXUINT16 ? 8 : 14;
        g_autoptr (GBytes) owner = NULL;
        HyphaReaderItem item;

        for (gsize j = 0; j < sizes[i]; j++)
          payload[j] = (guint8) (j * 13 >> 2);

        g_assert_cmpint (feed (&reader, 0x82, payload, sizes[i], MAX (first_part, header_size),
                               &item), ==, HYPHA_READER_MESSAGE);
        owner = item.slice.owner;
        g_assert_nonnull (owner);
        g_assert_cmpint (item.opcode, ==, HYPHA_OPCODE_BINARY);
        g_assert_cmpmem (item.slice.data, item.slice.size, payload, sizes[i]);
        g_assert_null (reader.assembly);
      }
}

/* A short frame stays where it is and has no owner. */
static void
test_reader_short_frame (void)
{
  HyphaReader reader = { 0 };
  HyphaReaderItem item;
  g_autoptr (GBytes) frame = link_make_frame (0x81, "hello", 5);
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (frame, NULL), 11);
  gsize used;

  for (gsize size = 0; size < 11; size++)
    {
      g_assert_cmpint (hypha_reader_next (&reader, copy, size, &used, &item), ==,
                       HYPHA_READER_MORE);
      g_assert_cmpuint (used, ==, 0);
    }

  g_assert_cmpint (hypha_reader_next (&reader, copy, 11, &used, &item), ==, HYPHA_READER_MESSAGE);
  g_assert_cmpuint (used, ==, 11);
  g_assert_null (item.slice.owner);
  g_assert_true (item.slice.data == copy + 6);
  g_assert_cmpmem (item.slice.data, item.slice.size, "hello", 5);
}

/* A promise of 16 MiB costs nothing; memory follows what has arrived. */
static void
test_reader_growth (void)
{
  g_autoptr (GBytes) head = test_bytes_from_hex ("82ff 0000000001000000 01020304");
  g_autofree guint8 *copy = g_memdup2 (g_bytes_get_data (head, NULL), 14);
  HyphaReader reader = { 0 };
  HyphaReaderItem item;
  gsize used;

  g_assert_cmpint (hypha_reader_next (&reader, copy, 14, &used, &item), ==, HYPHA_READER_MORE);
  g_assert_cmpuint (used, ==, 14);
  g_assert_cmpuint (reader.capacity, ==, 0);

  while (reader.frame_left > 1000)
    {
      gsize room;
      guint8 *space = hypha_reader_get_space (&reader, &room);

      g_assert_cmpuint (reader.capacity, <=,
                        MAX (HYPHA_READER_FIRST, HYPHA_READER_GROWTH * (reader.assembled + 1)));
      g_assert_cmpuint (reader.capacity, <=, HYPHA_WEBSOCKET_MAX_FRAME);
      room = MIN (room, 1000);
      memset (space, 0, room);
      g_assert_cmpint (hypha_reader_filled (&reader, room, &item), ==, HYPHA_READER_MORE);
    }

  hypha_reader_clear (&reader);
  g_assert_null (reader.assembly);
}

static void
test_reader_fragment_growth (void)
{
  HyphaReader reader = { 0 };
  HyphaReaderItem item;
  g_autofree guint8 *payload = g_malloc0 (1000);

  for (guint i = 0; i < 2000; i++)
    {
      g_assert_cmpint (feed (&reader, i == 0 ? 0x02 : 0x00, payload, 1000, 1008, &item), ==,
                       HYPHA_READER_MORE);
      g_assert_cmpuint (reader.capacity, <=,
                        MAX (HYPHA_READER_FIRST, HYPHA_READER_GROWTH * reader.assembled));
    }

  g_assert_cmpint (feed (&reader, 0x80, payload, 0, 6, &item), ==, HYPHA_READER_MESSAGE);
  g_assert_cmpuint (item.slice.size, ==, 2000 * 1000);
  g_bytes_unref (item.slice.owner);
}

/* A buffer that was used before may be large at once, but not for a header alone. */
static void
test_reader_reuse (void)
{
  HyphaBufferPool *pool = hypha_buffer_pool_new ();
  HyphaReader reader = { .pool = pool };
  HyphaReaderItem item;
  g_autofree guint8 *payload = g_malloc0 (1000000);
  g_autoptr (GBytes) kept = NULL;

  for (guint i = 0; i < 3; i++)
    {
      g_assert_cmpint (feed (&reader, 0x82, payload, 1000000, 100, &item), ==,
                       HYPHA_READER_MESSAGE);
      g_assert_cmpuint (hypha_buffer_pool_get_size (pool), ==, 0);
      g_assert_cmpmem (item.slice.data, item.slice.size, payload, 1000000);
      g_bytes_unref (item.slice.owner);
      g_assert_cmpuint (hypha_buffer_pool_get_size (pool), ==, 1000000);
    }

  /* Nothing has come of it but the header, and some. */
  g_assert_cmpint (feed_start (&reader, 1000000, 1000), ==, HYPHA_READER_MORE);
  g_assert_cmpuint (reader.capacity, ==, HYPHA_READER_FIRST);
  g_assert_cmpuint (hypha_buffer_pool_get_size (pool), ==, 1000000);
  hypha_reader_clear (&reader);

  /* A buffer may outlive the pool's owner. */
  g_assert_cmpint (feed (&reader, 0x82, payload, 1000000, 100, &item), ==, HYPHA_READER_MESSAGE);
  kept = item.slice.owner;
  hypha_buffer_pool_unref (pool);
  g_assert_cmpuint (g_bytes_get_size (kept), ==, 1000000);
}

static void
test_buffer_pool_max (void)
{
  HyphaBufferPool *pool = hypha_buffer_pool_new ();
  gsize capacity;
  guint8 *data;

  hypha_buffer_pool_give (pool, g_malloc (HYPHA_BUFFER_POOL_SMALLEST - 1),
                          HYPHA_BUFFER_POOL_SMALLEST - 1);
  g_assert_cmpuint (hypha_buffer_pool_get_size (pool), ==, 0);

  for (guint i = 0; i < 20; i++)
    {
      hypha_buffer_pool_give (pool, g_malloc (3000000), 3000000);
      g_assert_cmpuint (hypha_buffer_pool_get_size (pool), <=, HYPHA_BUFFER_POOL_MAX);
    }

  g_assert_null (hypha_buffer_pool_take (pool, 3000001, &capacity));
  g_assert_null (hypha_buffer_pool_take (pool, 1000000, &capacity));
  data = hypha_buffer_pool_take (pool, 2000000, &capacity);
  g_assert_nonnull (data);
  g_assert_cmpuint (capacity, ==, 3000000);
  g_free (data);

  hypha_buffer_pool_empty (pool);
  g_assert_cmpuint (hypha_buffer_pool_get_size (pool), ==, 0);
  hypha_buffer_pool_unref (pool);
}

static gsize
take_all (int     fd,
          guint8 *buffer,
          gsize   size)
{
  gsize total = 0;
  gssize n;

  while ((n = recv (fd, buffer + total, size - total, MSG_DONTWAIT)) > 0)
    total += (gsize) n;
  return total;
}

/* What goes in comes out in order, copied or referenced, whatever the socket takes at a time. */
static void
test_outbox_order (void)
{
  enum { TOTAL = 3 * 1000 * 1000 };
  g_autofree guint8 *all = g_malloc (TOTAL);
  g_autofree guint8 *got = g_malloc (TOTAL);
  g_autoptr (GBytes) owner = NULL;
  HyphaOutbox outbox = { 0 };
  HyphaOutboxStatus status = HYPHA_OUTBOX_PENDING;
  gsize pos = 0;
  gsize n_got = 0;
  int fds[2];

  g_assert_cmpint (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
  for (gsize i = 0; i < TOTAL; i++)
    all[i] = (guint8) (i * 7 >> 3);
  owner = g_bytes_new_static (all, TOTAL);

  for (guint i = 0; pos < TOTAL; i++)
    {
      gsize size = MIN (TOTAL - pos, (gsize) (i * 7919 % 70000));
      HyphaSlice slice = { .data = all + pos, .size = size, .owner = i % 3 != 0 ? owner : NULL };

      hypha_outbox_append (&outbox, &slice);
      pos += size;
    }

  g_assert_cmpuint (outbox.queued, ==, TOTAL);
  for (guint i = 0; status == HYPHA_OUTBOX_PENDING && i < 100000; i++)
    {
      status = hypha_outbox_flush (&outbox, fds[0]);
      n_got += take_all (fds[1], got + n_got, TOTAL - n_got);
    }

  g_assert_cmpint (status, ==, HYPHA_OUTBOX_EMPTY);
  g_assert_null (outbox.head);
  g_assert_cmpuint (outbox.queued, ==, 0);
  g_assert_cmpmem (got, n_got, all, TOTAL);

  close (fds[1]);
  hypha_outbox_append (&outbox, &(HyphaSlice){ .data = all, .size = 10 });
  g_assert_cmpint (hypha_outbox_flush (&outbox, fds[0]), ==, HYPHA_OUTBOX_FAILED);
  hypha_outbox_clear (&outbox);
  close (fds[0]);
}

int
main (int    argc,
      char **argv)
{
  test_init (&argc, &argv);

  g_test_add_func ("/net/reader/long-frame", test_reader_long_frame);
  g_test_add_func ("/net/reader/short-frame", test_reader_short_frame);
  g_test_add_func ("/net/reader/growth", test_reader_growth);
  g_test_add_func ("/net/reader/fragment-growth", test_reader_fragment_growth);
  g_test_add_func ("/net/reader/reuse", test_reader_reuse);
  g_test_add_func ("/net/buffer-pool/max", test_buffer_pool_max);
  g_test_add_func ("/net/outbox/order", test_outbox_order);

  return g_test_run ();
}
