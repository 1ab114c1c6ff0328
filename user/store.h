/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * store - the only door to state on disk
 *
 * Owns the SQLite database (WAL) under the state directory: identities, raw observations, operator
 * decisions (set, exempt, pause), audit trail, key/value facts (mode, policy, running time).
 */
#ifndef BUILDGATE_STORE_H
#define BUILDGATE_STORE_H

#include "error.h"

struct store;

#endif
