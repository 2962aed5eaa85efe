/* SPDX-License-Identifier: MIT */

#include "config.h"

#include <string.h>

#include "hypha-rpc-codec-private.h"

/*
 * Where an argument is in the bytes of its call, for what is only passed on: numbers come in more
 * forms than a GVariant can tell apart.
 */

/* Goes to the value of the first key of this name in the map that follows. */
static gboolean
hypha_rpc_seek_key (HyphaMsgpackCursor *cursor,
                    const char         *key)
{
  HyphaMsgpackItem item;
  guint32 entries;

  if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_MAP)
    return FALSE;

  entries = item.size;
  for (guint32 i = 0; i < entries; i++)
    {
      if (!hypha_msgpack_cursor_next (cursor, &item, NULL))
        return FALSE;

      if (item.kind == HYPHA_MSGPACK_STR && item.size == strlen (key) &&
          memcmp (item.data, key, item.size) == 0)
        return TRUE;

      if (!hypha_msgpack_cursor_skip (cursor, NULL))
        return FALSE;
    }

  return FALSE;
}

static gboolean
hypha_rpc_seek_index (HyphaMsgpackCursor *cursor,
                      gsize               index)
{
  HyphaMsgpackItem item;

  if (!hypha_msgpack_cursor_next (cursor, &item, NULL) || item.kind != HYPHA_MSGPACK_ARRAY ||
      index >= item.size)
    return FALSE;

  for (gsize i = 0; i < index; i++)
    {
      if (!hypha_msgpack_cursor_skip (cursor, NULL))
        return FALSE;
    }

  return TRUE;
}

static gboolean
hypha_rpc_is_nil (HyphaMsgpackCursor cursor)
{
  HyphaMsgpackItem item;

  return hypha_msgpack_cursor_next (&cursor, &item, NULL) && item.kind == HYPHA_MSGPACK_NIL;
}

/*
 * Finds what hypha_invocation_dup_arg() takes: an argument by position or, where there is none or
 * null, by name. bytes are the call's, and there only while it is handed to whom it is for.
 */
gboolean
hypha_rpc_call_find_argument (const HyphaRpcCall  *call,
                              guint                index,
                              const char          *name,
                              const guint8       **bytes,
                              gsize               *size)
{
  gsize n_positions = g_variant_n_children (call->args);
  HyphaMsgpackCursor args = { call->extra, call->extra_size, 0 };
  HyphaMsgpackCursor found;
  gboolean there;

  if (call->extra == NULL || !hypha_rpc_seek_key (&args, "args"))
    return FALSE;

  found = args;
  there = index < n_positions && hypha_rpc_seek_index (&found, index) && !hypha_rpc_is_nil (found);
  if (!there && call->kwargs != NULL)
    {
      found = args;
      there = hypha_rpc_seek_index (&found, n_positions) && hypha_rpc_seek_key (&found, name);
    }

  if (!there)
    return FALSE;

  *bytes = found.data + found.offset;
  args = found;
  if (!hypha_msgpack_cursor_skip (&args, NULL))
    return FALSE;

  *size = args.offset - found.offset;
  return TRUE;
}
