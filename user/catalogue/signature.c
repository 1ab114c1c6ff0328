// SPDX-License-Identifier: BSD-2-Clause
#include "signature.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "user/base/log.h"
#include "user/base/times.h"

#define UNTRUSTED  "untrusted comment: "
#define TRUSTED    "trusted comment: "
#define PREHASHED  "ED"
#define WHOLE      "Ed"
#define LINE_BYTES 1024

/* A public key as it is in its line. */
struct packed_key {
	char algorithm[2];
	uint8_t id[8];
	uint8_t bytes[32];
};

/* A signature as it is in its second line. */
struct packed_signature {
	char algorithm[2];
	uint8_t id[8];
	uint8_t bytes[64];
};

_Static_assert(sizeof(struct packed_key) == 42, "a key is 42 bytes");
_Static_assert(sizeof(struct packed_signature) == 74, "a signature is 74 bytes");

/* decode - exactly `size` bytes of base64 */
static bool decode(const char *text, void *ret, size_t size)
{
	uint8_t bytes[128];
	const char *end;
	size_t n;

	if (size > sizeof(bytes) ||
	    sodium_base642bin(bytes, sizeof(bytes), text, strlen(text), NULL, &n, &end,
			      sodium_base64_VARIANT_ORIGINAL) ||
	    *end || n != size)
		return false;
	memcpy(ret, bytes, size);
	return true;
}

/* signature_id - minisign reads the id as a little-endian number */
const char *signature_id(const uint8_t id[8], char buf[SIGNATURE_ID_TEXT])
{
	for (int i = 0; i < 8; i++)
		snprintf(buf + 2 * i, 3, "%02X", id[7 - i]);
	return buf;
}

/* signature_key - the key file's second line; keys of other algorithms do not exist so far */
int signature_key(const char *text, struct signature_key *ret, struct error *e)
{
	struct packed_key packed;
	char shown[80];

	if (!decode(text, &packed, sizeof(packed)) || memcmp(packed.algorithm, WHOLE, 2))
		return error_set(e, -EINVAL,
				 "'%s' is not a public key of minisign; expected the second line "
				 "of its .pub file: RW and 54 more characters",
				 log_escape(text, shown, sizeof(shown)));
	*ret = (struct signature_key) { 0 };
	memcpy(ret->id, packed.id, sizeof(ret->id));
	memcpy(ret->bytes, packed.bytes, sizeof(ret->bytes));
	return 0;
}

/* signature_key_find - ids are random, and one stands only once in the list */
const struct signature_key *signature_key_find(const struct signature_keys *keys,
					       const uint8_t id[8])
{
	for (unsigned int i = 0; i < keys->count; i++)
		if (!memcmp(keys->list[i].id, id, sizeof(keys->list[i].id)))
			return &keys->list[i];
	return NULL;
}

/* A .minisig on its way in. */
struct lines {
	const char *name, *at, *end;
	unsigned int number;
	struct error *e;
	char text[LINE_BYTES];
};

/* bad_line - what the line was to be */
static int bad_line(const struct lines *l, const char *expected)
{
	return error_set(l->e, -EINVAL,
			 "%s:%u: not a signature of minisign; expected %s in this line", l->name,
			 l->number, expected);
}

/* next_line - into l->text, without its end; what follows `prefix` there, or NULL */
static const char *next_line(struct lines *l, const char *prefix)
{
	const char *end = memchr(l->at, '\n', (size_t)(l->end - l->at));
	size_t n = (size_t)((end ? end : l->end) - l->at);

	l->number++;
	if (n >= sizeof(l->text) || memchr(l->at, '\0', n))
		return NULL;
	memcpy(l->text, l->at, n);
	while (n && l->text[n - 1] == '\r')
		n--;
	l->text[n] = '\0';
	l->at = end ? end + 1 : l->end;
	return strncmp(l->text, prefix, strlen(prefix)) ? NULL : l->text + strlen(prefix);
}

/* signature_parse - four lines, nothing behind them */
int signature_parse(const char *name, const char *text, size_t bytes, struct signature *ret,
		    struct error *e)
{
	struct lines l = { .name = name, .at = text, .end = text + bytes, .e = e };
	struct packed_signature packed;
	const char *comment;

	if (!next_line(&l, UNTRUSTED))
		return bad_line(&l, "\"" UNTRUSTED "...\"");
	if (!next_line(&l, "") || !decode(l.text, &packed, sizeof(packed)))
		return bad_line(&l, "the signature, 100 characters of base64");
	if (memcmp(packed.algorithm, PREHASHED, 2) && memcmp(packed.algorithm, WHOLE, 2))
		return bad_line(&l, "a signature of the kind ED or Ed");
	*ret = (struct signature) { .prehashed = !memcmp(packed.algorithm, PREHASHED, 2) };
	memcpy(ret->id, packed.id, sizeof(ret->id));
	memcpy(ret->bytes, packed.bytes, sizeof(ret->bytes));
	comment = next_line(&l, TRUSTED);
	if (!comment || strlen(comment) >= sizeof(ret->comment))
		return bad_line(&l, "\"" TRUSTED "...\", at most 511 characters");
	memcpy(ret->comment, comment, strlen(comment) + 1);
	if (!next_line(&l, "") || !decode(l.text, ret->global, sizeof(ret->global)))
		return bad_line(&l, "the comment's signature, 88 characters of base64");
	while (l.at < l.end)
		if (!next_line(&l, "") || l.text[0])
			return bad_line(&l, "nothing");
	return 0;
}

/* list_ids - "A, B" of the trusted keys, for an error */
static void list_ids(const struct signature_keys *keys, char *buf, size_t size)
{
	char id[SIGNATURE_ID_TEXT];
	size_t used = 0;

	*buf = '\0';
	for (unsigned int i = 0; i < keys->count && used + 24 < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "",
					 signature_id(keys->list[i].id, id));
}

/* trusted - the key that signed is one of ours, today */
static int trusted(const struct signature *s, const char *name, const struct signature_keys *keys,
		   int64_t at, const struct signature_key **ret_key, struct error *e)
{
	const struct signature_key *key = signature_key_find(keys, s->id);
	char id[SIGNATURE_ID_TEXT], ids[256], day[TIMES_TEXT];

	signature_id(s->id, id);
	if (!keys->count)
		return error_set(e, -EKEYREJECTED,
				 "%s: signed with key %s, but no key is trusted; name it in "
				 "catalogue_keys, see buildgate.yaml(5)",
				 name, id);
	list_ids(keys, ids, sizeof(ids));
	if (!key)
		return error_set(e, -EKEYREJECTED,
				 "%s: signed with key %s, which is not trusted; expected %s, or "
				 "that key in catalogue_keys",
				 name, id, ids);
	if (key->not_before && at < key->not_before)
		return error_set(e, -EKEYREJECTED,
				 "%s: signed with key %s, which is not trusted before %s", name, id,
				 times_format_date(key->not_before, day));
	if (key->not_after && at >= key->not_after)
		return error_set(e, -EKEYREJECTED,
				 "%s: signed with key %s, which is trusted no more since %s; "
				 "expected a signature of a newer key, or a later not_after",
				 name, id, times_format_date(key->not_after, day));
	*ret_key = key;
	return 0;
}

/* signed_data - the first signature */
static bool signed_data(const struct signature *s, const void *data, size_t bytes,
			const struct signature_key *key)
{
	uint8_t hash[crypto_generichash_BYTES_MAX];

	if (s->prehashed) {
		crypto_generichash(hash, sizeof(hash), data, bytes, NULL, 0);
		data = hash;
		bytes = sizeof(hash);
	}
	return !crypto_sign_verify_detached(s->bytes, data, bytes, key->bytes);
}

/* signed_comment - the second one */
static bool signed_comment(const struct signature *s, const struct signature_key *key)
{
	uint8_t both[sizeof(s->bytes) + sizeof(s->comment)];
	size_t n = strlen(s->comment);

	memcpy(both, s->bytes, sizeof(s->bytes));
	memcpy(both + sizeof(s->bytes), s->comment, n);
	return !crypto_sign_verify_detached(s->global, both, sizeof(s->bytes) + n, key->bytes);
}

/* signature_verify - key, file, comment */
int signature_verify(const struct signature *signature, const char *name, const void *data,
		     size_t bytes, const struct signature_keys *keys, int64_t at,
		     const struct signature_key **ret_key, struct error *e)
{
	const struct signature_key *key = NULL;
	char id[SIGNATURE_ID_TEXT], shown[80];
	int rc;

	if (sodium_init() < 0)
		return error_set(e, -EIO, "libsodium cannot be initialised");
	rc = trusted(signature, name, keys, at, &key, e);
	if (rc)
		return rc;
	if (!signed_data(signature, data, bytes, key))
		return error_set(e, -EKEYREJECTED,
				 "%s: is not what key %s signed: it was changed, or the signature "
				 "belongs to another file; fetch both again",
				 name, signature_id(key->id, id));
	if (!signed_comment(signature, key))
		return error_set(e, -EKEYREJECTED,
				 "%s: the trusted comment \"%s\" is not what key %s signed; fetch "
				 "the signature again",
				 name, log_escape(signature->comment, shown, sizeof(shown)),
				 signature_id(key->id, id));
	if (ret_key)
		*ret_key = key;
	return 0;
}
