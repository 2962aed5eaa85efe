/* SPDX-License-Identifier: MIT */
#pragma once

#include <string.h>

#include <glib.h>

/*
 * What an input stands for: after two bytes that say where, and how many times 2 KiB, a run of
 * zeroes lies in the rest. So a message of 256 KiB and more takes an input of some bytes.
 */
#define FUZZ_RUN_UNIT 2048

static inline GBytes *
fuzz_widen (const guint8 *data,
            gsize         size)
{
  gsize run = size > 2 ? (gsize) data[1] * FUZZ_RUN_UNIT : 0;
  gsize rest = size > 2 ? size - 2 : 0;
  gsize at = size > 2 ? MIN (data[0], rest) : 0;
  guint8 *wide = g_malloc0 (rest + run);

  if (rest > 0)
    {
      memcpy (wide, data + 2, at);
      memcpy (wide + at + run, data + 2 + at, rest - at);
    }

  return g_bytes_new_take (wide, rest + run);
}

int LLVMFuzzerTestOneInput (const guint8 *data,
                            gsize         size);
