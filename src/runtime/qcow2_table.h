/* SPDX-License-Identifier: MIT */
#ifndef SDME_RUNTIME_QCOW2_TABLE_H
#define SDME_RUNTIME_QCOW2_TABLE_H

#include "qcow2.h"

/*
 * Where things are in an image that is being written: the mapping tables and the reference counts.
 * Memory doesn't grow with the image, but for 8 bytes for each thing that a table points to.
 */
struct sdme_qcow2_table;

int sdme_qcow2_table_new(const struct sdme_qcow2_create *options,
                         struct sdme_qcow2_table **ret_table, struct sdme_error *error);
void sdme_qcow2_table_free(struct sdme_qcow2_table *table);

/*
 * Gives the cluster at @offset of the disk its place @ret_host in the image: @size bytes if it is
 * compressed, and a whole cluster if @size is 0. Offsets come in ascending order.
 */
int sdme_qcow2_table_add(struct sdme_qcow2_table *table, uint64_t offset, uint32_t size,
                         uint64_t *ret_host, struct sdme_error *error);

/* Writes what is left of the tables, and the header. @ret_size is the size of the image. */
int sdme_qcow2_table_finish(struct sdme_qcow2_table *table, uint64_t *ret_size,
                            struct sdme_error *error);

#endif
