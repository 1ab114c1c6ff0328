/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * route - which interface leads to an address
 *
 * Asks the kernel's routing table, as for a packet that this host sends. The gate uses it to
 * tell the inside from the outside where no packet says it: an address that is reached through
 * an interface which is not one of `outside` is on the inside.
 */
#ifndef BUILDGATE_ROUTE_H
#define BUILDGATE_ROUTE_H

#include "maps/abi.h"

/* route_interface - the interface's index; 0: no route leads there; or a negative errno */
int route_interface(const struct addr *addr);

#endif
