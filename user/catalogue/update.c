// SPDX-License-Identifier: BSD-2-Clause
#include "update.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "user/base/file.h"

#define DIGEST_BYTES 32
#define KEPT_PREFIX  "exchange-"

/* digest_of - what the store remembers of a file */
static void digest_of(const char *text, size_t bytes, char ret[UPDATE_DIGEST])
{
	uint8_t hash[DIGEST_BYTES];

	crypto_generichash(hash, sizeof(hash), (const uint8_t *)text, bytes, NULL, 0);
	sodium_bin2hex(ret, UPDATE_DIGEST, hash, sizeof(hash));
}

/* read_file - the catalogue's bytes and their digest, nothing looked at yet */
static int read_file(const char *path, struct update *ret, struct error *e)
{
	int rc;

	*ret = (struct update) { 0 };
	if (sodium_init() < 0)
		return error_set(e, -EIO, "libsodium cannot be initialised");
	rc = file_read(path, UPDATE_FILE_MAX, &ret->text, &ret->bytes, e);
	if (!rc)
		digest_of(ret->text, ret->bytes, ret->digest);
	return rc;
}

/* read_signature - its file lies beside */
static int read_signature(const char *path, struct update *update, struct signature *ret,
			  struct error *e)
{
	char beside[UPDATE_PATH];
	int rc;

	if (snprintf(beside, sizeof(beside), "%s" UPDATE_SUFFIX, path) >= (int)sizeof(beside))
		return error_set(e, -ENAMETOOLONG, "%s: the name is too long", path);
	rc = file_read(beside, SIGNATURE_FILE_MAX, &update->signed_by, &update->signed_by_bytes, e);
	if (rc == -ENOENT)
		return error_set(e, rc,
				 "%s: there is no signature beside it; expected %s, made with "
				 "minisign -S",
				 path, beside);
	return rc ? rc
		  : signature_parse(beside, update->signed_by, update->signed_by_bytes, ret, e);
}

/* verify - signature, key, then the contents */
static int verify(const char *path, const struct signature_keys *keys, int64_t at,
		  struct update *update, struct error *e)
{
	const struct signature_key *key = NULL;
	struct signature signature;
	int rc = read_signature(path, update, &signature, e);

	if (!rc)
		rc = signature_verify(&signature, path, update->text, update->bytes, keys, at, &key,
				      e);
	if (rc)
		return rc;
	signature_id(key->id, update->key);
	memcpy(update->comment, signature.comment, sizeof(update->comment));
	return catalogue_parse(path, update->text, update->bytes, &update->catalogue, e);
}

/* update_read - on failure nothing is left in *ret */
int update_read(const char *path, const struct signature_keys *keys, int64_t at, struct update *ret,
		struct error *e)
{
	int rc = read_file(path, ret, e);

	if (!rc)
		rc = verify(path, keys, at, ret, e);
	if (rc)
		update_clear(ret);
	return rc;
}

/* update_shipped - a package put it there */
int update_shipped(const char *path, struct update *ret, struct error *e)
{
	int rc = read_file(path, ret, e);

	if (!rc)
		rc = catalogue_parse(path, ret->text, ret->bytes, &ret->catalogue, e);
	if (rc)
		update_clear(ret);
	return rc;
}

/* kept_path - one file per serial */
static int kept_path(const char *dir, int64_t serial, char buf[UPDATE_PATH], struct error *e)
{
	if (snprintf(buf, UPDATE_PATH, "%s/" KEPT_PREFIX "%lld.json", dir, (long long)serial) >=
	    UPDATE_PATH - (int)strlen(UPDATE_SUFFIX))
		return error_set(e, -ENAMETOOLONG, "%s: the name is too long", dir);
	return 0;
}

/* update_keep - the catalogue last: what is found by its name is whole */
int update_keep(const struct update *update, const char *dir, struct error *e)
{
	char path[UPDATE_PATH], beside[UPDATE_PATH + sizeof(UPDATE_SUFFIX)];
	int rc = kept_path(dir, catalogue_serial(update->catalogue), path, e);

	if (rc)
		return rc;
	if (mkdir(dir, 0750) && errno != EEXIST)
		return error_set(e, -errno, "%s: cannot be made: %s", dir, strerror(errno));
	snprintf(beside, sizeof(beside), "%s" UPDATE_SUFFIX, path);
	rc = file_write(beside, update->signed_by, update->signed_by_bytes, e);
	return rc ? rc : file_write(path, update->text, update->bytes, e);
}

/* update_kept - the digest stands for the signature that was verified then */
int update_kept(const char *dir, int64_t serial, const char *digest, struct update *ret,
		struct error *e)
{
	char path[UPDATE_PATH];
	int rc = kept_path(dir, serial, path, e);

	if (!rc)
		rc = read_file(path, ret, e);
	if (rc)
		return rc;
	if (strcmp(ret->digest, digest))
		rc = error_set(e, -EBADMSG, "%s: is not the file that was taken: it was changed",
			       path);
	if (!rc)
		rc = catalogue_parse(path, ret->text, ret->bytes, &ret->catalogue, e);
	if (!rc && catalogue_serial(ret->catalogue) != serial)
		rc = error_set(e, -EBADMSG, "%s: has serial %lld, expected that of its name", path,
			       (long long)catalogue_serial(ret->catalogue));
	if (rc)
		update_clear(ret);
	return rc;
}

/* update_forget - older ones, and what a crash left half written */
void update_forget(const char *dir, int64_t but)
{
	char keep[64], path[UPDATE_PATH];
	const struct dirent *entry;
	DIR *d = opendir(dir);

	if (!d)
		return;
	snprintf(keep, sizeof(keep), KEPT_PREFIX "%lld.json", (long long)but);
	while ((entry = readdir(d))) {
		size_t n = strlen(keep);

		if (strncmp(entry->d_name, KEPT_PREFIX, strlen(KEPT_PREFIX)) ||
		    (!strncmp(entry->d_name, keep, n) &&
		     (!entry->d_name[n] || !strcmp(entry->d_name + n, UPDATE_SUFFIX))))
			continue;
		if (snprintf(path, sizeof(path), "%s/%s", dir, entry->d_name) < (int)sizeof(path))
			unlink(path);
	}
	closedir(d);
}

/* update_clear - a zeroed one is fine */
void update_clear(struct update *update)
{
	catalogue_free(update->catalogue);
	free(update->text);
	free(update->signed_by);
	*update = (struct update) { 0 };
}
