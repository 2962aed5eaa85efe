/* SPDX-License-Identifier: MIT */
#pragma once

#include "hypha-rpc-codec-private.h"

G_BEGIN_DECLS

/* Dimensions of an array. */
#define HYPHA_VALUE_MAX_DIMENSIONS 32

/*
 * The values of the protocol that are more than plain ones. In a message they are maps with _rtype,
 * and whoever does not look into them passes them on as they came.
 */

/* An array of numbers: row-major bytes. A typed array has one dimension. */
typedef struct
{
  char   *dtype;  /* “float32”, as NumPy calls it */
  GBytes *bytes;
  gsize   shape[HYPHA_VALUE_MAX_DIMENSIONS];
  guint   n_dimensions;
} HyphaArray;

gsize     hypha_array_item_size        (const char         *dtype);
void      hypha_array_clear            (HyphaArray         *self);

/* The constructors return floating maps. */
GVariant  *hypha_value_new_ndarray      (const char         *dtype,
                                         const gsize        *shape,
                                         guint               n_dimensions,
                                         GBytes             *bytes);
GVariant  *hypha_value_new_typedarray   (const char         *dtype,
                                         GBytes             *bytes);
gboolean   hypha_value_get_array        (GVariant           *value,
                                         HyphaArray         *array,
                                         GError            **error);
GVariant  *hypha_value_new_memoryview   (GBytes             *bytes);
GBytes    *hypha_value_dup_bytes        (GVariant           *value,
                                         GError            **error);
GVariant  *hypha_value_new_set          (GVariant           *items);
GVariant  *hypha_value_dup_set          (GVariant           *value,
                                         GError            **error);
GVariant  *hypha_value_new_ordered_map  (GVariant           *pairs);
GVariant  *hypha_value_dup_ordered_map  (GVariant           *value,
                                         GError            **error);

/* A moment, as MessagePack has it: the extension −1, a (yay) here. */
GVariant  *hypha_value_new_datetime     (GDateTime          *when);
GDateTime *hypha_value_dup_datetime     (GVariant           *value,
                                         GError            **error);

/* An error of ours for others, and one of theirs: its message, with its class and trace. */
GVariant  *hypha_value_new_error        (const GError       *error);
GError    *hypha_value_dup_error        (GVariant           *value);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (HyphaArray, hypha_array_clear)

G_END_DECLS
