// SPDX-License-Identifier: BSD-2-Clause
#include "store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_image.h"
#include "store_private.h"
#include "store_tally.h"

#define BUSY_WAIT_MS 2000
/* A full check reads every page; beyond this size damage is found when it is met. */
#define CHECK_BYTES_MAX (64LL << 20)

/* store_fail - one sentence per thing a person can do something about */
int store_fail(struct store *store, int rc, struct error *e)
{
	const char *path = store->path;

	if (store->depth)
		store->failed = true;
	/* what a full disk does to the shared memory file has another name */
	if ((rc & 0xff) == SQLITE_IOERR && sqlite3_system_errno(store->db) == ENOSPC)
		rc = SQLITE_FULL;
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return error_set(e, -ENOSPC,
				 "store %s: no space left on its disk; what was stored before is "
				 "safe: free some space",
				 path);
	case SQLITE_READONLY:
		return error_set(e, -EROFS,
				 "store %s: cannot be written (read-only file or file system): "
				 "make it writable for this user",
				 path);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return store_damaged(store, sqlite3_errmsg(store->db), e);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return error_set(e, -EBUSY, "store %s: in use by another program: stop that one",
				 path);
	case SQLITE_CANTOPEN:
		return error_set(e, -EACCES,
				 "store %s: cannot be opened: expected a file in a directory that "
				 "this user may write",
				 path);
	case SQLITE_NOMEM:
		return error_set(e, -ENOMEM, "store %s: out of memory", path);
	default:
		return error_set(e, -EIO, "store %s: %s", path, sqlite3_errmsg(store->db));
	}
}

/* store_damaged - the sentence of a damaged file */
int store_damaged(struct store *store, const char *what, struct error *e)
{
	if (store->depth)
		store->failed = true;
	return error_set(e, -EBADMSG,
			 "store %s: the file is damaged (%s): restore a copy of it, or move it "
			 "away to start with an empty one",
			 store->path, what);
}

/* find_statement - kept from earlier, or prepared now */
static int find_statement(struct store *store, const char *sql, sqlite3_stmt **ret_stmt,
			  struct error *e)
{
	unsigned int n = store->statements_count;
	sqlite3_stmt *stmt;
	int rc;

	for (unsigned int i = 0; i < n; i++) {
		if (store->statements[i].sql == sql) {
			*ret_stmt = store->statements[i].stmt;
			return 0;
		}
	}
	if (n == STORE_STATEMENTS_MAX)
		return error_set(e, -ENOBUFS, "store %s: more statements than it keeps",
				 store->path);
	rc = sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (rc != SQLITE_OK)
		return store_fail(store, rc, e);
	store->statements[n].sql = sql;
	store->statements[n].stmt = stmt;
	store->statements_count = n + 1;
	*ret_stmt = stmt;
	return 0;
}

/* bind_values - types says what follows; texts and addresses must outlive the stepping */
static int bind_values(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	const void *bytes;
	int rc = SQLITE_OK;

	for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
		if (types[i] == 'i')
			rc = sqlite3_bind_int64(stmt, i + 1, va_arg(ap, int64_t));
		else if (types[i] == 't')
			rc = sqlite3_bind_text(stmt, i + 1, va_arg(ap, const char *), -1,
					       SQLITE_STATIC);
		else if (types[i] == 'b') {
			bytes = va_arg(ap, const void *);
			rc = sqlite3_bind_blob64(stmt, i + 1, bytes ? bytes : "",
						 (sqlite3_uint64)va_arg(ap, int64_t),
						 SQLITE_STATIC);
		} else
			rc = sqlite3_bind_blob(stmt, i + 1, va_arg(ap, const struct addr *),
					       sizeof(struct addr), SQLITE_STATIC);
	}
	return rc;
}

/* query - store_query() with the values in hand */
static int query(struct store *store, sqlite3_stmt **ret_stmt, struct error *e, const char *sql,
		 const char *types, va_list ap)
{
	int r = find_statement(store, sql, ret_stmt, e);
	int rc;

	if (r < 0)
		return r;
	rc = bind_values(*ret_stmt, types, ap);
	return rc == SQLITE_OK ? 0 : store_fail(store, rc, e);
}

/* store_query - integers must be passed as int64_t */
int store_query(struct store *store, sqlite3_stmt **ret_stmt, struct error *e, const char *sql,
		const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = query(store, ret_stmt, e, sql, types, ap);
	va_end(ap);
	return r;
}

/* store_step - an undone transaction is noticed here, whatever made SQLite undo it */
int store_step(struct store *store, sqlite3_stmt *stmt, struct error *e)
{
	int rc = sqlite3_step(stmt);
	int r;

	if (rc == SQLITE_ROW)
		return 1;
	r = rc == SQLITE_DONE ? 0 : store_fail(store, rc, e);
	store_reset(stmt);
	return r;
}

/* store_reset - bound texts belong to callers and must not stay bound */
void store_reset(sqlite3_stmt *stmt)
{
	sqlite3_reset(stmt);
	sqlite3_clear_bindings(stmt);
}

/* store_run - prepare, bind, step to the end */
int store_run(struct store *store, struct error *e, const char *sql, const char *types, ...)
{
	sqlite3_stmt *stmt;
	va_list ap;
	int r;

	va_start(ap, types);
	r = query(store, &stmt, e, sql, types, ap);
	va_end(ap);
	if (r >= 0)
		r = store_step(store, stmt, e);
	return r < 0 ? r : sqlite3_changes(store->db);
}

/* store_column_addr - anything but 16 bytes cannot come from us and reads as :: */
void store_column_addr(sqlite3_stmt *stmt, int column, struct addr *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (sqlite3_column_bytes(stmt, column) == sizeof(*ret))
		memcpy(ret, sqlite3_column_blob(stmt, column), sizeof(*ret));
}

/* store_column_text - cut to size */
void store_column_text(sqlite3_stmt *stmt, int column, char *buf, size_t size)
{
	const unsigned char *text = sqlite3_column_text(stmt, column);

	snprintf(buf, size, "%s", text ? (const char *)text : "");
}

/* store_begin - takes the write lock at once, so that a batch never fails half way for it */
int store_begin(struct store *store, struct error *e)
{
	int r;

	if (store->depth++)
		return 0;
	store->failed = false;
	r = store_run(store, e, "BEGIN IMMEDIATE", "");
	if (r < 0)
		store->depth = 0;
	return r < 0 ? r : 0;
}

/* store_rollback - also where SQLite has already undone it by itself */
void store_rollback(struct store *store)
{
	store->depth = 0;
	store->failed = false;
	store->forgot = false;
	store->confirmed_last = 0;
	store->seen_count = 0;
	store->about_sources = -1;
	raw_drop(store);
	images_drop(store);
	store_tally_drop(store);
	if (!sqlite3_get_autocommit(store->db))
		store_run(store, NULL, "ROLLBACK", "");
}

/* write_batch - what was gathered in memory, then all of it durable */
static int write_batch(struct store *store, struct error *e)
{
	int r = raw_commit(store, e);

	if (r >= 0)
		r = images_commit(store, e);
	if (r >= 0)
		r = store_tally_commit(store, e);
	if (r >= 0 && store->forgot)
		r = store_scrub(store, e);
	return r < 0 ? r : store_run(store, e, "COMMIT", "");
}

/* store_commit - the outermost one writes; synchronous=FULL makes it durable */
int store_commit(struct store *store, struct error *e)
{
	int r;

	if (!store->depth)
		return error_set(e, -EINVAL, "store %s: no batch to commit", store->path);
	if (store->depth > 1) {
		store->depth--;
		return 0;
	}
	if (store->failed) {
		store_rollback(store);
		return error_set(e, -EIO,
				 "store %s: a write of this batch failed, all of it was "
				 "undone",
				 store->path);
	}
	r = write_batch(store, e);
	if (r < 0) {
		store_rollback(store);
		return r;
	}
	store->depth = 0;
	if (store->forgot) /* who still reads an older state keeps it until the next time */
		sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	store->forgot = false;
	images_committed(store);
	return 0;
}

/* store_finish - an inner batch that failed leaves the undoing to the outermost */
int store_finish(struct store *store, int r, struct error *e)
{
	if (r >= 0) {
		int commit = store_commit(store, e);

		return commit < 0 ? commit : r;
	}
	if (store->depth > 1) {
		store->failed = true;
		store->depth--;
	} else {
		store_rollback(store);
	}
	return r;
}

/* open_database - a handle with our settings on path */
static int open_database(struct store *store, const char *path, int flags, struct error *e)
{
	static const char settings[] = "PRAGMA journal_mode=WAL;"
				       "PRAGMA synchronous=FULL;"
				       "PRAGMA foreign_keys=OFF;"
				       "PRAGMA secure_delete=FAST;"
				       "PRAGMA temp_store=MEMORY;"
				       "PRAGMA cache_size=-65536;"
				       "PRAGMA wal_autocheckpoint=4000;";
	int rc = sqlite3_open_v2(path, &store->db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(store->db, BUSY_WAIT_MS);
	/* SQLite falls back to read-only without a word when it may not write */
	if (rc == SQLITE_OK && sqlite3_db_readonly(store->db, "main") == 1)
		rc = SQLITE_READONLY;
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(store->db, settings, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_fail(store, rc, e);
}

/* close_database - statements first, or SQLite keeps the handle */
static void close_database(struct store *store)
{
	for (unsigned int i = 0; i < store->statements_count; i++)
		sqlite3_finalize(store->statements[i].stmt);
	store->statements_count = 0;
	sqlite3_close(store->db);
	store->db = NULL;
}

/* sync_directory - so that the new name survives a power cut */
static int sync_directory(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	int fd, r = 0;

	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		r = -errno;
	if (fd >= 0)
		close(fd);
	free(directory);
	return r;
}

/*
 * create - a new store, made whole under another name and then renamed, so that a crash on
 * the very first start never leaves an empty file that the next start would have to refuse
 */
static int create(struct store *store, struct error *e)
{
	char *path = NULL;
	int r;

	if (asprintf(&path, "%s.new", store->path) < 0)
		return error_set(e, -ENOMEM, "store %s: out of memory", store->path);
	if (unlink(path) < 0 && errno != ENOENT) {
		r = error_set(e, -errno, "store %s: %s", path, strerror(errno));
		goto out;
	}
	r = open_database(store, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
	if (r >= 0)
		r = store_schema_create(store, e);
	close_database(store); /* folds the journal into the file */
	/* who mails with whom is nobody else's business; journals get the file's own mode */
	if (r >= 0 && chmod(path, 0600) < 0)
		r = error_set(e, -errno, "store %s: %s", path, strerror(errno));
	if (r >= 0 && (rename(path, store->path) < 0 || sync_directory(store->path) < 0))
		r = error_set(e, -errno, "store %s: cannot be put in place: %s", store->path,
			      strerror(errno));
	if (r < 0)
		unlink(path);
out:
	free(path);
	return r;
}

/* there - 1: the store is on disk; 0: nothing of it is; -EBADMSG: only a part */
static int there(const char *path, struct error *e)
{
	char *journal = NULL;
	struct stat st;
	int r = 0;

	if (!stat(path, &st)) {
		if (!S_ISREG(st.st_mode))
			return error_set(e, -EINVAL, "store %s: expected a file", path);
		if (!st.st_size)
			return error_set(e, -EBADMSG,
					 "store %s: the file is there but empty; what it held is "
					 "lost: restore a copy, or remove it to start anew",
					 path);
		return 1;
	}
	if (errno != ENOENT)
		return error_set(e, -errno, "store %s: %s", path, strerror(errno));
	if (asprintf(&journal, "%s-wal", path) < 0)
		return error_set(e, -ENOMEM, "store %s: out of memory", path);
	if (!stat(journal, &st) && st.st_size)
		r = error_set(e, -EBADMSG,
			      "store %s: the file is gone but its journal %s is there: restore the "
			      "file, or remove the journal to start anew",
			      path, journal);
	free(journal);
	return r;
}

/* store_whole - SQLite's own look */
int store_whole(struct store *store, struct error *e)
{
	sqlite3_stmt *stmt;
	char answer[128];
	int r;

	r = store_query(store, &stmt, e, "PRAGMA quick_check(1)", "");
	if (r >= 0)
		r = store_step(store, stmt, e);
	if (r <= 0)
		return r;
	store_column_text(stmt, 0, answer, sizeof(answer));
	store_reset(stmt);
	if (!strcmp(answer, "ok"))
		return 0;
	answer[strcspn(answer, "\n")] = '\0';
	return store_damaged(store, answer, e);
}

/* check_pages - where that is quick */
static int check_pages(struct store *store, struct error *e)
{
	struct stat st;

	if (stat(store->path, &st) < 0 || st.st_size > CHECK_BYTES_MAX)
		return 0;
	return store_whole(store, e);
}

/* try_write - learn now, not at the first mail, that nothing can be written */
static int try_write(struct store *store, struct error *e)
{
	int64_t opens = 0;
	int r = store_number_get(store, "opens", &opens, e);

	return r < 0 ? r : store_number_set(store, "opens", opens + 1, e);
}

/* know_again - which file it is */
static int know_again(struct store *store, struct error *e)
{
	struct stat st;

	if (stat(store->path, &st) < 0)
		return error_set(e, -errno, "store %s: %s", store->path, strerror(errno));
	store->device = st.st_dev;
	store->inode = st.st_ino;
	return 0;
}

/* store_is_new - see store.h */
bool store_is_new(const struct store *store)
{
	return store->made;
}

/* store_check - SQLite itself goes on with a file that has no name any more */
int store_check(const struct store *store, struct error *e)
{
	struct stat st;

	if (!stat(store->path, &st) && st.st_dev == store->device && st.st_ino == store->inode)
		return 0;
	return error_set(e, -ENOENT,
			 "store %s: the file was removed or replaced while in use, what is learnt "
			 "now ends with this process: put a copy back and restart buildgated",
			 store->path);
}

/* store_open - make it if it is not there, else prove that it is ours, whole and writable */
int store_open(const char *path, struct store **ret_store, struct error *e)
{
	struct store *store = calloc(1, sizeof(*store));
	int r;

	if (store) {
		store->path = strdup(path);
		store->images = images_new();
		store->tally = store_tally_new();
	}
	if (!store || !store->path || !store->images || !store->tally) {
		store_close(store);
		return error_set(e, -ENOMEM, "store %s: out of memory", path);
	}
	store->about_sources = -1;
	r = there(path, e);
	store->made = r == 0;
	if (r == 0)
		r = create(store, e);
	if (r >= 0)
		r = open_database(store, path, SQLITE_OPEN_READWRITE, e);
	if (r >= 0)
		r = store_schema_check(store, e);
	if (r >= 0)
		r = check_pages(store, e);
	if (r >= 0)
		r = try_write(store, e);
	if (r >= 0)
		r = images_read(store, e);
	if (r >= 0)
		r = know_again(store, e);
	if (r < 0) {
		store_close(store);
		return r;
	}
	store->open = true;
	*ret_store = store;
	return 0;
}

/* store_limit_pages - beyond it a write fails as on a full disk */
int store_limit_pages(struct store *store, int pages)
{
	char sql[48];

	snprintf(sql, sizeof(sql), "PRAGMA max_page_count=%d", pages);
	return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : -EINVAL;
}

/* store_close - an open batch is given up; the rest goes into its rows, if it can */
void store_close(struct store *store)
{
	if (!store)
		return;
	if (store->db && store->depth)
		store_rollback(store);
	if (store->open)
		images_fold_all(store, NULL);
	close_database(store);
	images_free(store->images);
	store_tally_free(store->tally);
	free(store->raw.bytes);
	free(store->path);
	free(store);
}
