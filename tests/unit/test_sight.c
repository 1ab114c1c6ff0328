// SPDX-License-Identifier: BSD-2-Clause
/* Where calls can be probed in a file, and which file trees there are. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "user/sight/sight.h"
#include "user/sight/sight_elf.h"
#include "user/sight/sight_roots.h"

#define CODE_NONE                                                                                  \
	"extern int reads(void *, char *, int);"                                                   \
	"int own(void *s) { char b[9]; return reads(s, b, 9) + 1; }"
static char dir[] = "/tmp/test_sight.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return !mkdtemp(dir);
}

static int clean_up(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* compiled - a shared library of this code; -1: no compiler here */
static int compiled(const char *code, const char *flags)
{
	char command[1024], path[64];

	snprintf(path, sizeof(path), "%s/lib.so", dir);
	snprintf(command, sizeof(command),
		 "echo '%s' | gcc -w -shared -fPIC -O1 %s -Wl,-rpath,/usr/lib/mta -x c -o %s - "
		 "-Wl,--no-as-needed -lm "
		 "2>/dev/null",
		 code, flags, path);
	return system(command) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
}

/* bytes_at - of the file that compiled() made */
static void bytes_at(int fd, uint64_t offset, uint8_t bytes[8])
{
	assert_int_equal(pread(fd, bytes, 8, (off_t)offset), 8);
}

static void test_stub(void **state)
{
	static const struct {
		const char *flags;
		uint8_t first, second;
	} rows[] = {
		{ "-fcf-protection=none -Wl,-z,lazy", 0xff, 0x25 },
		{ "-fcf-protection=none -Wl,-z,now", 0xff, 0x25 },
		/* the jump stands after an endbr64, where the call arrives */
		{ "-fcf-protection=full -Wl,-z,now -Wl,-z,ibtplt", 0xf3, 0x0f },
		{ "-fcf-protection=full -Wl,-z,lazy -Wl,-z,ibtplt", 0xf3, 0x0f },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sight_symbol symbols[] = { { .name = "reads" },
						  { .name = "own" },
						  { .name = "none" } };
		int fd = compiled(CODE_NONE, rows[i].flags);
		struct sight_elf elf;
		struct error e = { "" };
		uint8_t code[8];

		if (fd < 0) {
			print_message("no compiler that takes %s\n", rows[i].flags);
			skip();
		}
		assert_int_equal(sight_elf_read(fd, symbols, 3, &elf, &e), 0);
		assert_int_equal(symbols[0].place, SIGHT_STUB);
		bytes_at(fd, symbols[0].offset, code);
		assert_int_equal(code[0], rows[i].first);
		assert_int_equal(code[1], rows[i].second);
		assert_int_equal(symbols[1].place, SIGHT_OWN);
		assert_int_equal(symbols[2].place, SIGHT_ABSENT);
		assert_string_equal(elf.runpath, "/usr/lib/mta");
		assert_string_equal(elf.needed[0], "libm.so.6");
		close(fd);
	}
}

static void test_pointer(void **state)
{
	struct sight_symbol symbols[] = { { .name = "reads" } };
	int fd = compiled(CODE_NONE, "-fno-plt");
	struct sight_elf elf;
	struct error e = { "" };

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(sight_elf_read(fd, symbols, 1, &elf, &e), 0);
	assert_int_equal(symbols[0].place, SIGHT_POINTER);
	close(fd);
}

/* test_cut - a file that is replaced while it is read may end anywhere */
static void test_cut(void **state)
{
	struct sight_symbol symbols[] = { { .name = "reads" }, { .name = "own" } };
	int fd = compiled(CODE_NONE, "-g"), cut;
	struct sight_elf elf;
	struct error e = { "" };
	char path[64], *bytes;
	struct stat st;

	(void)state;
	if (fd < 0)
		skip();
	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	snprintf(path, sizeof(path), "%s/cut", dir);
	for (off_t n = 0; n < st.st_size; n += 1 + st.st_size / 97) {
		cut = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		assert_int_equal(write(cut, bytes, (size_t)n), n);
		sight_elf_read(cut, symbols, 2, &elf, &e);
		close(cut);
	}
	/* and any byte of its head may be another */
	for (off_t n = 0; n < 256; n++) {
		cut = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		bytes[n] ^= 0x5a;
		assert_int_equal(write(cut, bytes, (size_t)st.st_size), st.st_size);
		bytes[n] ^= 0x5a;
		sight_elf_read(cut, symbols, 2, &elf, &e);
		close(cut);
	}
	free(bytes);
	close(fd);
}

static void test_no_program(void **state)
{
	struct sight_symbol symbols[] = { { .name = "reads" } };
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	struct sight_elf elf;
	struct error e = { "" };

	(void)state;
	assert_int_equal(sight_elf_read(fd, symbols, 1, &elf, &e), -ENOEXEC);
	assert_string_equal(e.text, "is no x86-64 program with section headers");
	close(fd);
}

static void test_roots(void **state)
{
	struct sight_roots *roots = malloc(sizeof(*roots));
	struct stat st, self;
	int fd;

	(void)state;
	assert_non_null(roots);
	assert_int_equal(sight_roots_open("/proc", roots), 0);
	assert_true(roots->count >= 1);
	assert_string_equal(roots->list[0].name, "/");
	fd = sight_root_open(&roots->list[0], "/bin/sh", &st);
	assert_int_equal(stat("/bin/sh", &self), 0);
	if (fd >= 0) {
		assert_int_equal(st.st_ino, self.st_ino);
		close(fd);
	}
	assert_int_equal(sight_root_open(&roots->list[0], "/nowhere", &st), -ENOENT);
	assert_int_equal(sight_root_open(&roots->list[0], "/tmp", &st), -ENOEXEC);
	sight_roots_close(roots);
	free(roots);
}

/* test_inside - a path cannot lead out of its tree */
static void test_inside(void **state)
{
	struct sight_root root = { .name = "test" };
	char path[64];
	struct stat st;

	(void)state;
	root.fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/out", dir);
	assert_int_equal(symlink("/etc/passwd", path), 0);
	assert_int_equal(sight_root_open(&root, "/out", &st), -ENOENT);
	assert_int_equal(sight_root_open(&root, "../../etc/passwd", &st), -ENOENT);
	close(root.fd);
}

/* test_writable - what others may write says nothing */
static void test_writable(void **state)
{
	struct sight_root root = { .name = "test" };
	char path[64];
	struct stat st;
	int fd;

	(void)state;
	root.fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(path, sizeof(path), "%s/open", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_int_equal(fchmod(fd, 0666), 0);
	close(fd);
	assert_int_equal(sight_root_open(&root, "/open", &st), -EPERM);
	close(root.fd);
}

static void test_mapped(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(stat("/proc/self/exe", &st), 0);
	assert_true(sight_mapped("/proc", st.st_dev, st.st_ino, "/no-such-name"));
	assert_false(sight_mapped("/proc", st.st_dev, (ino_t)-1, "/no-such-name"));
}

static void test_off(void **state)
{
	json_t *json = sight_json(NULL);

	(void)state;
	assert_true(json_is_false(json_object_get(json, "on")));
	assert_non_null(strstr(json_string_value(json_object_get(json, "reads")),
			       "Nothing is read inside TLS; with tls_sight: on "));
	assert_int_equal(json_array_size(json_object_get(json, "needs")), 5);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stub),   cmocka_unit_test(test_pointer),
		cmocka_unit_test(test_cut),    cmocka_unit_test(test_no_program),
		cmocka_unit_test(test_roots),  cmocka_unit_test(test_inside),
		cmocka_unit_test(test_mapped), cmocka_unit_test(test_writable),
		cmocka_unit_test(test_off),
	};

	return cmocka_run_group_tests(tests, set_up, clean_up);
}
