/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * update - a catalogue from outside: verified, checked, kept
 *
 * A new catalogue is two files, NAME and NAME.minisig. update_read() reads both once, verifies
 * the signature, and only then lets the bytes near the JSON parser; what it returns is whole and
 * checked. update_keep() writes both files into the state directory, under a name with the
 * serial, so that the one in force is never touched; update_kept() reads it back at a start.
 *
 * A kept catalogue was verified when it was taken, and its key may have ended since: at a start
 * the digest that the store remembers is compared instead. Which serial is high enough is the
 * caller's to decide. Call order: update_read() or update_kept(), update_keep(), update_clear().
 */
#ifndef BUILDGATE_UPDATE_H
#define BUILDGATE_UPDATE_H

#include "catalogue.h"
#include "signature.h"

#define UPDATE_FILE_MAX (16 * 1024 * 1024) /* bytes of a catalogue */
#define UPDATE_SUFFIX   ".minisig"
#define UPDATE_DIGEST   65 /* BLAKE2b-256 in hex */
#define UPDATE_PATH     512

struct update {
	struct catalogue *catalogue;
	char *text, *signed_by; /* the two files */
	size_t bytes, signed_by_bytes;
	char digest[UPDATE_DIGEST];
	char key[SIGNATURE_ID_TEXT]; /* empty: not signed, the shipped one */
	char comment[SIGNATURE_COMMENT];
};

/* update_read - both files, verified with the keys trusted at `at`. -ENOENT: one of them is not
 * there; -EINVAL: not what it should be; -EKEYREJECTED: not to be trusted */
int update_read(const char *path, const struct signature_keys *keys, int64_t at, struct update *ret,
		struct error *e);

/* update_shipped - a catalogue that is trusted by its place */
int update_shipped(const char *path, struct update *ret, struct error *e);

/* update_keep - both files into dir, which is made if need be */
int update_keep(const struct update *update, const char *dir, struct error *e);

/* update_kept - the one of this serial, if it still has that digest */
int update_kept(const char *dir, int64_t serial, const char *digest, struct update *ret,
		struct error *e);

/* update_forget - remove what is kept but this serial; what cannot be removed stays */
void update_forget(const char *dir, int64_t but);

/* update_clear - free what is left in it; the caller may have taken the catalogue */
void update_clear(struct update *update);

#endif
