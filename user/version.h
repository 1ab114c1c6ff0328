/* SPDX-License-Identifier: BSD-2-Clause */
/* version - one number for all programs of buildgate */
#ifndef BUILDGATE_VERSION_H
#define BUILDGATE_VERSION_H

#define BUILDGATE_VERSION "0.1.0"

#endif
