// SPDX-License-Identifier: BSD-2-Clause
/* Signatures made by minisign 0.11 itself, and what was done to them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "user/catalogue/signature.h"
#include "user/base/times.h"

#define DATA "Hello, catalogue.\n"

/* Two keys, and what they signed; the secrets are thrown away. */
#define KEY_A "RWQbd8svnDTBfCFDdRxpryzkG3M0rqSGwPXbaJI/ZNO41NimPLLIpSWy"
#define KEY_B "RWQUGlKRAPlAZqabZRgrvoAiyCx/UxrrqLK329dLtIuMFw+KuOjWfuvK"
#define ID_A  "7CC1349C2FCB771B"

#define HEAD  "untrusted comment: signature from minisign secret key\n"
#define A_FIRST                                                                                    \
	"RUQbd8svnDTBfEZQyz61Is/VMgSZl4ODOfxXemRh5YD/"                                             \
	"HjD1USrsLb1G3vJuMH1sKLl5hmsxnqoXWTfUjKKGhOoQs1pS9fyXfg0=\n"
#define A_NOTE "trusted comment: catalogue 2\n"
#define A_LAST                                                                                     \
	"JZ70tr6ODdkMz5Vt25yvp9H8lNk+d0UYUwcRedDMCh9F/"                                            \
	"JgQpSBfoUHQ59HcYPre89ypFX3KBevSJ2Ce9ufnBA==\n"
#define SIG_A HEAD A_FIRST A_NOTE A_LAST

#define OLD_FIRST                                                                                  \
	"RWQbd8svnDTBfNlibRa9MP61LPUhyQJUsPfpK/"                                                   \
	"FVbFGdXXtK3l7ArrzZ8cesNVPAUMbG7uwABEOEC281Y1GFVzTS46PjEWnesQI=\n"
#define OLD_LAST                                                                                   \
	"PsTRBiI4X64gehD6pDny+Iz9b/PNHDVLXzS0fYkR+2mL/"                                            \
	"n2DCRCRrRHDC33ZLQZe5+UbFAp1jzZrTTVY1PVaBg==\n"
#define SIG_OLD HEAD OLD_FIRST A_NOTE OLD_LAST

#define SIG_B                                                                                      \
	HEAD "RUQUGlKRAPlAZoVTwPs/URXI0YpEx+nIF/"                                                  \
	     "nya7yhMDiSnkPtftXMNC7VcoWERP1XwZ3wRPnmkcXdqCd0Gh3zDyB+9jqOrgKEGA0=\n"                \
	     "trusted comment: timestamp:1795305744\tfile:hello\thashed\n"                         \
	     "lQsD3dj/"                                                                            \
	     "5vuxNDGEeyYNk2VYskVYnY4zMH8c2EDiDW3MT5KWRYZUE8cgt2U9QikVaNSeiSnhYvDaNBpsCsV6DA==\n"

/* keys_of - A, from day to day, and B when asked for */
static struct signature_keys keys_of(const char *from, const char *to, bool b)
{
	struct signature_keys keys = { .count = b ? 2 : 1 };
	struct error e = { "" };

	assert_int_equal(signature_key(KEY_A, &keys.list[0], &e), 0);
	if (from)
		assert_int_equal(times_parse(from, &keys.list[0].not_before), 0);
	if (to)
		assert_int_equal(times_parse(to, &keys.list[0].not_after), 0);
	if (b)
		assert_int_equal(signature_key(KEY_B, &keys.list[1], &e), 0);
	return keys;
}

/* verify - the text of a .minisig against DATA on a day */
static int verify(const char *text, const char *data, const struct signature_keys *keys,
		  const char *day, struct error *e)
{
	struct signature signature;
	int64_t at;
	int rc;

	*e = (struct error) { "" };
	assert_int_equal(times_parse(day, &at), 0);
	rc = signature_parse("c.minisig", text, strlen(text), &signature, e);
	if (rc)
		return rc;
	return signature_verify(&signature, "c.json", data, strlen(data), keys, at, NULL, e);
}

static void both_kinds(void **state)
{
	struct signature_keys keys = keys_of(NULL, NULL, true);
	struct signature signature;
	const struct signature_key *key = NULL;
	char id[SIGNATURE_ID_TEXT];
	struct error e;

	(void)state;
	assert_int_equal(verify(SIG_A, DATA, &keys, "2026-11-21", &e), 0);
	assert_int_equal(verify(SIG_OLD, DATA, &keys, "2026-11-21", &e), 0);
	assert_int_equal(verify(SIG_B, DATA, &keys, "2026-11-21", &e), 0);
	assert_int_equal(signature_parse("s", SIG_OLD, strlen(SIG_OLD), &signature, &e), 0);
	assert_false(signature.prehashed);
	assert_int_equal(signature_parse("s", SIG_A, strlen(SIG_A), &signature, &e), 0);
	assert_true(signature.prehashed);
	assert_string_equal(signature.comment, "catalogue 2");
	assert_int_equal(signature_verify(&signature, "c", DATA, strlen(DATA), &keys, 1, &key, &e),
			 0);
	assert_ptr_equal(key, &keys.list[0]);
	assert_string_equal(signature_id(key->id, id), ID_A);
}

/* a file with CRLF, or without its last line's end, is the same file */
static void line_ends(void **state)
{
	struct signature_keys keys = keys_of(NULL, NULL, false);
	char text[1024], *to = text;
	struct error e;

	(void)state;
	for (const char *from = SIG_A; *from; from++) {
		if (*from == '\n')
			*to++ = '\r';
		*to++ = *from;
	}
	*to = '\0';
	assert_int_equal(verify(text, DATA, &keys, "2026-11-21", &e), 0);
	snprintf(text, sizeof(text), "%s", SIG_A);
	text[strlen(text) - 1] = '\0';
	assert_int_equal(verify(text, DATA, &keys, "2026-11-21", &e), 0);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *data, *expected;
	} rows[] = {
		{ SIG_A, "Hello, catalogue!\n", "c.json: is not what key " ID_A " signed" },
		{ SIG_OLD, "Hello, catalogue!\n", "c.json: is not what key " ID_A " signed" },
		{ SIG_A, "", "c.json: is not what key " ID_A " signed" },
		/* a signature of one kind is none of the other */
		{ HEAD "RWQbd8svnDTBfEZQyz61Is/VMgSZl4ODOfxXemRh5YD/"
		       "HjD1USrsLb1G3vJuMH1sKLl5hmsxnqoXWTfUjKKGhOoQs1pS9fyXfg0=\n" A_NOTE A_LAST,
		  DATA, "c.json: is not what key " ID_A " signed" },
		{ HEAD A_FIRST "trusted comment: catalogue 3\n" A_LAST, DATA,
		  "c.json: the trusted comment \"catalogue 3\" is not what key" },
		{ HEAD A_FIRST A_NOTE OLD_LAST, DATA, "c.json: the trusted comment" },
		{ SIG_B, DATA, "which is not trusted; expected " ID_A ", or that key" },
	};
	struct signature_keys keys = keys_of(NULL, NULL, false);
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(verify(rows[i].text, rows[i].data, &keys, "2026-11-21", &e),
				 -EKEYREJECTED);
		if (!strstr(e.text, rows[i].expected))
			fail_msg("row %zu: \"%s\"", i, e.text);
	}
	keys.count = 0;
	assert_int_equal(verify(SIG_A, DATA, &keys, "2026-11-21", &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "no key is trusted"));
}

/* the day is the one on which it is taken; the last moment is the one before not_after */
static void dates(void **state)
{
	struct signature_keys keys = keys_of("2026-01-01", "2027-01-01", true);
	struct error e;

	(void)state;
	assert_int_equal(verify(SIG_A, DATA, &keys, "2025-12-31T23:59:59Z", &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "not trusted before 2026-01-01"));
	assert_int_equal(verify(SIG_A, DATA, &keys, "2026-01-01", &e), 0);
	assert_int_equal(verify(SIG_A, DATA, &keys, "2026-12-31T23:59:59Z", &e), 0);
	assert_int_equal(verify(SIG_A, DATA, &keys, "2027-01-01", &e), -EKEYREJECTED);
	assert_non_null(strstr(e.text, "trusted no more since 2027-01-01"));
	/* the new key is there already: no day on which neither is trusted */
	assert_int_equal(verify(SIG_B, DATA, &keys, "2027-01-01", &e), 0);
	assert_int_equal(verify(SIG_B, DATA, &keys, "2026-06-01", &e), 0);
}

static void broken(void **state)
{
	static const struct {
		const char *text, *expected;
	} rows[] = {
		{ "", "c.minisig:1: not a signature of minisign; expected \"untrusted comment: " },
		{ A_FIRST A_NOTE A_LAST, "c.minisig:1: " },
		{ HEAD, "c.minisig:2: not a signature of minisign; expected the signature" },
		{ HEAD "RUQbd8svnDTBfEZQ\n" A_NOTE A_LAST, "c.minisig:2: " },
		{ HEAD "!" A_FIRST A_NOTE A_LAST, "c.minisig:2: " },
		{ HEAD "QUQbd8svnDTBfEZQyz61Is/VMgSZl4ODOfxXemRh5YD/"
		       "HjD1USrsLb1G3vJuMH1sKLl5hmsxnqoXWTfUjKKGhOoQs1pS9fyXfg0=\n",
		  "c.minisig:2: not a signature of minisign; expected a signature of the kind ED" },
		{ HEAD A_FIRST, "c.minisig:3: not a signature of minisign; expected \"trusted" },
		{ HEAD A_FIRST A_LAST, "c.minisig:3: " },
		{ HEAD A_FIRST A_NOTE, "c.minisig:4: " },
		{ HEAD A_FIRST A_NOTE A_FIRST, "c.minisig:4: " },
		{ SIG_A "more\n", "c.minisig:5: not a signature of minisign; expected nothing" },
	};
	struct signature_keys keys = keys_of(NULL, NULL, false);
	struct error e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(verify(rows[i].text, DATA, &keys, "2026-11-21", &e), -EINVAL);
		if (strncmp(e.text, rows[i].expected, strlen(rows[i].expected)))
			fail_msg("row %zu: \"%s\"", i, e.text);
	}
}

/* every single bit of file and signature counts */
static void every_bit(void **state)
{
	struct signature_keys keys = keys_of(NULL, NULL, false);
	struct signature good, bad;
	char data[] = DATA;
	struct error e;

	(void)state;
	assert_int_equal(signature_parse("s", SIG_A, strlen(SIG_A), &good, &e), 0);
	for (size_t i = 0; i < 8 * sizeof(good.bytes); i++) {
		bad = good;
		bad.bytes[i / 8] ^= 1 << i % 8;
		assert_int_equal(
			signature_verify(&bad, "c", DATA, strlen(DATA), &keys, 1, NULL, &e),
			-EKEYREJECTED);
	}
	for (size_t i = 0; i < 8 * strlen(DATA); i++) {
		data[i / 8] ^= 1 << i % 8;
		assert_int_equal(
			signature_verify(&good, "c", data, strlen(DATA), &keys, 1, NULL, &e),
			-EKEYREJECTED);
		data[i / 8] ^= 1 << i % 8;
	}
	assert_int_equal(signature_verify(&good, "c", data, strlen(DATA), &keys, 1, NULL, &e), 0);
}

static void keys(void **state)
{
	static const char *const bad[] = {
		"",
		"RW",
		KEY_A "=",
		KEY_A KEY_A,
		"x" KEY_A,
		"untrusted comment: x",
		/* the key of a signature of the other kind */
		"RUQbd8svnDTBfCFDdRxpryzkG3M0rqSGwPXbaJI/ZNO41NimPLLIpSWy",
	};
	struct signature_keys list = keys_of(NULL, NULL, false);
	struct signature_key key;
	struct error e = { "" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(signature_key(bad[i], &key, &e), -EINVAL);
		assert_non_null(strstr(e.text, "is not a public key of minisign; expected"));
	}
	assert_int_equal(signature_key(KEY_B, &key, &e), 0);
	assert_null(signature_key_find(&list, key.id));
	assert_ptr_equal(signature_key_find(&list, list.list[0].id), &list.list[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds), cmocka_unit_test(line_ends),
		cmocka_unit_test(refused),    cmocka_unit_test(dates),
		cmocka_unit_test(broken),     cmocka_unit_test(every_bit),
		cmocka_unit_test(keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
