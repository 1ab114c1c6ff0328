// SPDX-License-Identifier: BSD-2-Clause
#include "sight.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "maps/tls.h"
#include "user/base/log.h"
#include "sight_private.h"
#include "sight_roots.h"

#define USEC         1000000ULL
#define FILES_MAX    128
#define SERVERS_MAX  128
#define PARTS_MAX    8
#define IDLE_NS      (3600ULL * 1000000000) /* a session that nobody reads any more */
#define SWEEP_SCANS  12                     /* scans between two looks for such */
#define MAPPED_SCANS 6                      /* and for processes that run an old file */

/* A mail server: an executable in a file tree, and the files of its own that it is made of. */
struct server {
	dev_t dev; /* of the executable */
	ino_t ino;
	unsigned int executable; /* index into sight.executables */
	char root[128];
	bool seen, covered;
	char library[SIGHT_NAME];
	char why[192]; /* it is not covered */
	char parts[PARTS_MAX][SIGHT_PATH];
	struct sight_file *files[PARTS_MAX];
	unsigned int count;
};

struct sight {
	const struct loader *loader;
	char executables[SIGHT_EXECUTABLES_MAX][SIGHT_PATH];
	unsigned int executable_count;
	sd_event_source *timer;
	struct sight_file *files[FILES_MAX];
	unsigned int file_count;
	struct server *servers[SERVERS_MAX];
	unsigned int server_count;
	struct bpf_link *exit; /* of processes */
	struct error why;      /* nothing is probed, or empty */
	unsigned int scans, foreign;
	bool full; /* some table is */
};

/* --- files --- */

/* file_of - the probed file of these numbers, or NULL */
static struct sight_file *file_of(const struct sight *s, const struct stat *st)
{
	for (unsigned int i = 0; i < s->file_count; i++)
		if (s->files[i]->dev == st->st_dev && s->files[i]->ino == st->st_ino)
			return s->files[i];
	return NULL;
}

/* file_take - probe a file, or find that it is; NULL with a reason */
static struct sight_file *file_take(struct sight *s, int fd, const struct stat *st,
				    const char *path, bool executable, struct error *e)
{
	struct sight_file *file = file_of(s, st);

	if (file)
		return file;
	file = s->file_count < FILES_MAX ? calloc(1, sizeof(*file)) : NULL;
	if (!file) {
		s->full = true;
		error_set(e, -ENOMEM, "too many files");
		return NULL;
	}
	file->dev = st->st_dev;
	file->ino = st->st_ino;
	snprintf(file->name, sizeof(file->name), "%.63s", strrchr(path, '/'));
	if (sight_probe(s->loader, fd, executable, file, e)) {
		free(file);
		return NULL;
	}
	s->files[s->file_count++] = file;
	return file;
}

/* file_drop - the i-th; the last one takes its place */
static void file_drop(struct sight *s, unsigned int i)
{
	sight_release(s->files[i]);
	free(s->files[i]);
	s->files[i] = s->files[--s->file_count];
}

/* --- one mail server --- */

/* shared_directory - where libraries of everybody are, or a path that leads nowhere certain */
static bool shared_directory(const char *dir)
{
	static const char *const shared[] = { "/lib",   "/usr/lib",   "/usr/local/lib",
					      "/lib64", "/usr/lib64", "/usr/local/lib64" };
	static const char triplet[] = "x86_64-linux-gnu";
	size_t length = strlen(dir);

	while (length > 1 && dir[length - 1] == '/')
		length--;
	if (dir[0] != '/' || strstr(dir, ".."))
		return true;
	if (length > sizeof(triplet) &&
	    !strncmp(dir + length - sizeof(triplet) + 1, triplet, sizeof(triplet) - 1))
		length -= sizeof(triplet);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (strlen(shared[i]) == length && !strncmp(dir, shared[i], length))
			return true;
	return false;
}

/* part_add - a file of the server's own, if it is there */
static int part_add(struct sight *s, const struct sight_root *root, struct server *server,
		    const char *path, struct error *e)
{
	struct sight_file *file;
	struct stat st;
	int fd;

	if (server->count == PARTS_MAX)
		return 0;
	fd = sight_root_open(root, path, &st);
	if (fd == -EPERM)
		return error_set(e, fd, "%s is not owned by root, or others may write it", path);
	if (fd < 0)
		return error_set(e, fd, "%s cannot be opened: %s", path, strerror(-fd));
	file = file_take(s, fd, &st, path, server->count == 0, e);
	close(fd);
	if (!file)
		return -ENOEXEC;
	snprintf(server->parts[server->count], SIGHT_PATH, "%s", path);
	server->files[server->count++] = file;
	return 0;
}

/* library_at - a needed library in a directory of the search path; $ORIGIN is the executable's */
static void library_at(struct sight *s, const struct sight_root *root, struct server *server,
		       const char *dir, const char *name)
{
	const char *executable = s->executables[server->executable];
	char path[SIGHT_PATH * 2], full[SIGHT_PATH] = "";
	struct error e;

	if (!strncmp(dir, "$ORIGIN", 7))
		snprintf(full, sizeof(full), "%.*s%.100s",
			 (int)(strrchr(executable, '/') - executable), executable, dir + 7);
	else
		snprintf(full, sizeof(full), "%s", dir);
	if (shared_directory(full))
		return;
	snprintf(path, sizeof(path), "%s/%s", full, name);
	if (strlen(path) < SIGHT_PATH)
		part_add(s, root, server, path, &e);
}

/* take_libraries - those that only this server uses */
static void take_libraries(struct sight *s, const struct sight_root *root, struct server *server)
{
	const struct sight_elf *elf = &server->files[0]->elf;
	char path[sizeof(elf->runpath)], *save, *dir;

	for (unsigned int i = 0; i < elf->needed_count; i++) {
		strcpy(path, elf->runpath);
		for (dir = strtok_r(path, ":", &save); dir; dir = strtok_r(NULL, ":", &save))
			library_at(s, root, server, dir, elf->needed[i]);
	}
}

/* name_library - the TLS library that some part needs */
static void name_library(struct server *server)
{
	static const char *const known[] = { "libssl.so", "libgnutls.so" };

	for (unsigned int i = 0; i < server->count && !server->library[0]; i++) {
		const struct sight_elf *elf = &server->files[i]->elf;

		for (unsigned int j = 0; j < elf->needed_count; j++)
			for (unsigned int k = 0; k < 2; k++)
				if (!strncmp(elf->needed[j], known[k], strlen(known[k])))
					strcpy(server->library, elf->needed[j]);
	}
}

/* judge - do the parts show all that is needed? */
static void judge(struct server *server)
{
	bool pointer = false;

	name_library(server);
	for (unsigned int l = 0; l < SIGHT_LIBRARIES; l++) {
		unsigned int roles = 0;

		for (unsigned int i = 0; i < server->count; i++) {
			roles |= server->files[i]->shown.roles[l];
			pointer = pointer || server->files[i]->shown.pointer;
		}
		server->covered = server->covered || roles == SIGHT_ALL;
	}
	if (server->covered)
		return;
	if (pointer)
		snprintf(server->why, sizeof(server->why),
			 "it calls %s through pointers, where no probe of its own has a place",
			 server->library);
	else if (server->library[0])
		snprintf(server->why, sizeof(server->why),
			 "it does not read, write and bind through the calls of %s that are known",
			 server->library);
	else
		snprintf(server->why, sizeof(server->why),
			 "no TLS library is linked to it, or one inside it without names");
}

/* server_same - executable and parts are still those that were probed */
static bool server_same(const struct server *server, const struct sight_root *root)
{
	struct stat st;
	int fd;

	for (unsigned int i = 0; i < server->count; i++) {
		fd = sight_root_open(root, server->parts[i], &st);
		if (fd < 0)
			return false;
		close(fd);
		if (st.st_dev != server->files[i]->dev || st.st_ino != server->files[i]->ino)
			return false;
	}
	return true;
}

/* server_of - by its executable's numbers */
static struct server *server_of(const struct sight *s, const struct stat *st)
{
	for (unsigned int i = 0; i < s->server_count; i++)
		if (s->servers[i]->dev == st->st_dev && s->servers[i]->ino == st->st_ino)
			return s->servers[i];
	return NULL;
}

/* server_read - all of it anew, and one line about what came of it */
static void server_read(struct sight *s, const struct sight_root *root, struct server *server)
{
	const char *path = s->executables[server->executable];
	struct error e = { "" };

	server->count = 0;
	server->covered = false;
	server->library[0] = server->why[0] = '\0';
	snprintf(server->root, sizeof(server->root), "%s", root->name);
	if (part_add(s, root, server, path, &e)) {
		snprintf(server->why, sizeof(server->why), "%.190s", e.text);
	} else {
		take_libraries(s, root, server);
		judge(server);
	}
	if (server->covered)
		log_event(LOG_LEVEL_INFO, "tls-sight",
			  LOG_FIELDS({ "executable", path }, { "root", server->root },
				     { "library", server->library }),
			  "tls_sight: reads inside TLS for %s of %s (%s)", path, server->root,
			  server->library[0] ? server->library : "a library inside it");
	else
		log_event(LOG_LEVEL_WARNING, "tls-blind",
			  LOG_FIELDS({ "executable", path }, { "root", server->root },
				     { "why", server->why }),
			  "tls_sight: cannot read inside TLS for %s of %s: %s", path, server->root,
			  server->why);
}

/* look - one listed executable in one tree */
static void look(struct sight *s, const struct sight_root *root, unsigned int executable)
{
	struct server *server;
	struct stat st;
	int fd = sight_root_open(root, s->executables[executable], &st);

	if (fd < 0 && fd != -EPERM)
		return;
	if (fd >= 0)
		close(fd);
	server = server_of(s, &st);
	if (server && server->seen)
		return; /* the same file, in another tree */
	if (!server) {
		server = s->server_count < SERVERS_MAX ? calloc(1, sizeof(*server)) : NULL;
		if (!server) {
			s->full = true;
			return;
		}
		server->dev = st.st_dev;
		server->ino = st.st_ino;
		server->executable = executable;
		s->servers[s->server_count++] = server;
		server_read(s, root, server);
	} else if (server->count && !server_same(server, root)) {
		server_read(s, root, server);
	}
	server->seen = true;
	for (unsigned int i = 0; i < server->count; i++)
		server->files[i]->seen = true;
}

/* --- the scan --- */

/* forget - servers that are gone from their place, then files that nobody runs any more */
static void forget(struct sight *s)
{
	for (unsigned int i = 0; i < s->server_count;) {
		if (s->servers[i]->seen) {
			i++;
			continue;
		}
		free(s->servers[i]);
		s->servers[i] = s->servers[--s->server_count];
	}
	for (unsigned int i = 0; i < s->file_count;) {
		struct sight_file *file = s->files[i];

		if (file->seen || s->scans % MAPPED_SCANS ||
		    sight_mapped("/proc", file->dev, file->ino, file->name))
			i++;
		else
			file_drop(s, i);
	}
}

/* sweep - sessions that a process freed unseen. Deleting one that is in use would be wrong, which
 * after an hour of silence it is not: SMTP waits ten minutes (RFC 5321, 4.5.3.2) */
static void sweep(struct sight *s)
{
	int fd = loader_maps(s->loader)->tls_sessions;
	struct tls_session *session = malloc(sizeof(*session));
	struct tls_key key, next;
	struct timespec ts;
	bool more = session && bpf_map_get_next_key(fd, NULL, &next) == 0;
	uint64_t now;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	while (more) {
		key = next;
		more = bpf_map_get_next_key(fd, &key, &next) == 0;
		if (bpf_map_lookup_elem(fd, &key, session) == 0 && session->used_ns < now &&
		    now - session->used_ns > IDLE_NS)
			bpf_map_delete_elem(fd, &key);
	}
	free(session);
}

/* scan - every listed executable in every tree */
static void scan(struct sight *s)
{
	struct sight_roots *roots = malloc(sizeof(*roots));

	s->full = false;
	if (!roots || sight_roots_open("/proc", roots)) {
		free(roots);
		return;
	}
	for (unsigned int i = 0; i < s->server_count; i++)
		s->servers[i]->seen = false;
	for (unsigned int i = 0; i < s->file_count; i++)
		s->files[i]->seen = false;
	for (unsigned int i = 0; i < roots->count; i++)
		for (unsigned int j = 0; j < s->executable_count; j++)
			look(s, &roots->list[i], j);
	s->foreign = roots->foreign;
	s->full = s->full || roots->full;
	sight_roots_close(roots);
	free(roots);
	s->scans++;
	forget(s);
	if (s->scans % SWEEP_SCANS == 0)
		sweep(s);
}

/* on_timer - again, and again */
static int on_timer(sd_event_source *source, uint64_t usec, void *arg)
{
	(void)usec;
	scan(arg);
	sd_event_source_set_time_relative(source, SIGHT_SCAN_S * USEC);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* watch_exits - the sessions of a process end with it */
static int watch_exits(struct sight *s)
{
	s->exit = bpf_program__attach(loader_program(s->loader, "tls_on_exit"));
	return s->exit ? 0
		       : error_set(&s->why, -errno,
				   "the kernel refuses a look at the end of processes: %s",
				   strerror(errno));
}

/* sight_start - what this kernel cannot do is said, and stops nothing else */
int sight_start(const struct sight_options *options, sd_event *event, struct sight **ret_sight,
		struct error *e)
{
	struct sight *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return error_set(e, -ENOMEM, "out of memory");
	s->loader = options->loader;
	s->executable_count = options->count;
	memcpy(s->executables, options->executables, options->count * sizeof(s->executables[0]));
	if (sight_trial(s->loader, &s->why) || watch_exits(s)) {
		log_warning("tls_sight: %s", s->why.text);
		*ret_sight = s;
		return 0;
	}
	scan(s);
	rc = sd_event_add_time_relative(event, &s->timer, CLOCK_MONOTONIC, SIGHT_SCAN_S * USEC, 0,
					on_timer, s);
	if (rc < 0) {
		sight_stop(s);
		return error_set(e, rc, "cannot make a timer: %s", strerror(-rc));
	}
	*ret_sight = s;
	return 0;
}

/* sight_stop - NULL is allowed */
void sight_stop(struct sight *sight)
{
	if (!sight)
		return;
	sd_event_source_disable_unref(sight->timer);
	while (sight->file_count)
		file_drop(sight, sight->file_count - 1);
	bpf_link__destroy(sight->exit);
	while (sight->server_count)
		free(sight->servers[--sight->server_count]);
	free(sight);
}

/* --- the account --- */

#define WHAT                                                                                       \
	"of accepted mail connections the commands, the replies and up to 4 KB of the first "      \
	"message's header, inside the mail server after it has decrypted them; only the names "    \
	"that the client gave itself, a build and the bytes in which it stood leave the kernel, "  \
	"nothing else is kept."
#define READS     "Read are " WHAT
#define READS_NOT "Nothing is read inside TLS; with tls_sight: on it would be, " WHAT

/* absent - listed, and found nowhere */
static bool absent(const struct sight *s, unsigned int executable)
{
	for (unsigned int i = 0; i < s->server_count; i++)
		if (s->servers[i]->executable == executable)
			return false;
	return true;
}

/* sight_json - see sight.h */
json_t *sight_json(const struct sight *sight)
{
	json_t *covered = json_array(), *not_covered = json_array(), *missing = json_array();

	for (unsigned int i = 0; sight && i < sight->server_count; i++) {
		const struct server *server = sight->servers[i];
		json_t *row =
			json_pack("{s:s,s:s,s:s?}", "executable",
				  sight->executables[server->executable], "root", server->root,
				  "library", server->library[0] ? server->library : NULL);

		if (!server->covered)
			json_object_set_new(row, "why", json_string(server->why));
		json_array_append_new(server->covered ? covered : not_covered, row);
	}
	for (unsigned int i = 0; sight && i < sight->executable_count; i++)
		if (absent(sight, i))
			json_array_append_new(missing, json_string(sight->executables[i]));
	return json_pack("{s:b,s:s,s:s?,s:[s,s,s,s,s],s:o,s:o,s:o,s:I,s:I,s:b}", "on",
			 sight != NULL, "reads", sight && !sight->why.text[0] ? READS : READS_NOT,
			 "why", sight && sight->why.text[0] ? sight->why.text : NULL, "needs",
			 "CAP_BPF", "CAP_PERFMON", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE",
			 "CAP_DAC_READ_SEARCH", "covered", covered, "not_covered", not_covered,
			 "absent", missing, "foreign", (json_int_t)(sight ? sight->foreign : 0),
			 "files", (json_int_t)(sight ? sight->file_count : 0), "incomplete",
			 sight && sight->full);
}
