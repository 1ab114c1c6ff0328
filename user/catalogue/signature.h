/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * signature - who signed a file: minisign's format, verified with libsodium
 *
 * A signature is a file of four lines beside the signed one: an untrusted comment, the
 * signature with the id of its key, a trusted comment, and a second signature over the first
 * one and that comment. Both forms are known: "ED", over the BLAKE2b-512 of the file, which
 * minisign makes by default, and "Ed", over the file itself.
 *
 * Keys are trusted by the operator, each from a day on and until a day. Several may be trusted
 * at once, so that a new key is in place long before the first file that it signs, and the old
 * one ends by itself. The dates are about the moment a file is taken, not about what the file
 * says of itself.
 *
 * Call order: signature_key() for each key; signature_parse() and signature_verify() for each
 * file. -EINVAL: not in the format; -EKEYREJECTED: in it, but not to be trusted.
 */
#ifndef BUILDGATE_SIGNATURE_H
#define BUILDGATE_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "user/base/error.h"

#define SIGNATURE_KEYS_MAX 16
#define SIGNATURE_FILE_MAX 4096 /* bytes of a .minisig that is worth reading */
#define SIGNATURE_COMMENT  512
#define SIGNATURE_ID_TEXT  17

struct signature_key {
	uint8_t id[8];
	uint8_t bytes[32];
	int64_t not_before; /* first moment it is trusted; 0: from ever */
	int64_t not_after;  /* first moment it is no longer; 0: no end */
};

struct signature_keys {
	struct signature_key list[SIGNATURE_KEYS_MAX];
	unsigned int count;
};

struct signature {
	bool prehashed;
	uint8_t id[8];
	uint8_t bytes[64];
	uint8_t global[64]; /* over bytes and comment */
	char comment[SIGNATURE_COMMENT];
};

/* signature_key - the one line of a public key, "RW" and 54 more characters; no dates */
int signature_key(const char *text, struct signature_key *ret, struct error *e);

/* signature_key_find - by id, or NULL */
const struct signature_key *signature_key_find(const struct signature_keys *keys,
					       const uint8_t id[8]);

/* signature_parse - the text of a .minisig, which is called `name` in errors */
int signature_parse(const char *name, const char *text, size_t bytes, struct signature *ret,
		    struct error *e);

/* signature_verify - data was signed with a key that is trusted at `at`, and the comment too;
 * `name` is data's in errors; *ret_key may be NULL */
int signature_verify(const struct signature *signature, const char *name, const void *data,
		     size_t bytes, const struct signature_keys *keys, int64_t at,
		     const struct signature_key **ret_key, struct error *e);

/* signature_id - a key's id as minisign prints it, "4F1A..."; returns buf */
const char *signature_id(const uint8_t id[8], char buf[SIGNATURE_ID_TEXT]);

#endif
