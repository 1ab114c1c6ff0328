/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * filters - TC programs as clsact filters, for kernels before 6.6
 *
 * Unlike a link a filter has no pin: what we made on which interface is kept in the pinned
 * map PIN_DIR/filters, with whether the clsact qdisc was ours, so that taking it away leaves
 * what was there before. Used by attach.c only.
 */
#ifndef BUILDGATE_FILTERS_H
#define BUILDGATE_FILTERS_H

#include "maps/abi.h"

/* filters_put - add our filter, or replace the program of the one we have; negative errno */
int filters_put(int prog_fd, int ifindex, enum hook hook);

/* filters_remove - take our filter away, and the qdisc if it was ours and is empty now */
int filters_remove(int ifindex, enum hook hook);

/* filters_program - id of the program in our filter; 0: not there */
unsigned int filters_program(int ifindex, enum hook hook);

/* filters_after - the next interface on record after `ifindex` (0: the first); 0: no more */
int filters_after(int ifindex);

/* filters_next - an interface on record that is not in keep; 0: none */
int filters_next(const int *keep, unsigned int keep_count);

#endif
