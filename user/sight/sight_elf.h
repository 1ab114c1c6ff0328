/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sight_elf - where in a program file its calls into another library can be probed
 *
 * Reads x86-64 ELF files with libelf and takes nothing in them for granted: a file may be
 * replaced or cut while it is read. A call into another library goes through a stub of the
 * procedure linkage table in the caller's own file, with the arguments where the callee expects
 * them; that stub is the place. A file that was built to call through pointers has none.
 */
#ifndef BUILDGATE_SIGHT_ELF_H
#define BUILDGATE_SIGHT_ELF_H

#include <stdint.h>

#include "user/base/error.h"

#define SIGHT_NEEDED_MAX 48
#define SIGHT_NAME       64

enum sight_place {
	SIGHT_ABSENT,  /* the file does not know the name */
	SIGHT_STUB,    /* called through a stub of this file */
	SIGHT_POINTER, /* only through a pointer: no place to probe */
	SIGHT_OWN,     /* a function of this file */
};

/* One name looked for, and what was found. */
struct sight_symbol {
	const char *name;
	enum sight_place place;
	uint64_t offset; /* in the file, of stub or function */
};

/* What a file says it needs. */
struct sight_elf {
	char needed[SIGHT_NEEDED_MAX][SIGHT_NAME]; /* DT_NEEDED */
	unsigned int needed_count;
	char runpath[256]; /* DT_RUNPATH, else DT_RPATH; as it stands */
};

/* sight_elf_read - needs and symbols of the file open at fd; -ENOEXEC for other kinds of files */
int sight_elf_read(int fd, struct sight_symbol *symbols, unsigned int count, struct sight_elf *ret,
		   struct error *e);

#endif
