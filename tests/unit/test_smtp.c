// SPDX-License-Identifier: BSD-2-Clause
/* What the line machine reads of every row, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "tests/fuzz/talk.h"
#include "tests/unit/smtp_talk_rows.h"
#include "user/base/build.h"

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define AFTER       "Subject: x\r\n\r\nbody\r\n"

/* wire - the row's bytes as its side sends them; chunked says how a HEADER goes */
static void wire(const struct row *r, int chunked, char *buf, size_t size)
{
	int n = 0;

	if (r->kind > CHUNKED)
		n = snprintf(buf, size, "%s%s", r->kind == REPLY ? "220 mx.example.net\r\n" : "",
			     r->text);
	else if (chunked || r->kind == CHUNKED)
		n = snprintf(buf, size, "BDAT %zu LAST\r\n%s" AFTER,
			     strlen(r->text) + strlen(AFTER), r->text);
	else
		n = snprintf(buf, size, "DATA\r\n%s" AFTER ".\r\n", r->text);
	assert_in_range(n, 1, size - 1);
}

static void begin(struct session *s, const struct row *r)
{
	session_begin(s, r->kind >= GREETING ? SIDE_SERVER : SIDE_CLIENT);
}

/* expect - is this what the row says? */
static void expect(const struct row *r, const struct session *s, const char *how)
{
	const char *by = r->by ? r->by : s->text.by, *helo = r->helo ? r->helo : s->text.helo;
	char got[BUILD_TEXT];

	if (s->build == r->build && s->family == (__u8)r->family && !strcmp(by, s->text.by) &&
	    !strcmp(helo, s->text.helo))
		return;
	fail_msg("%s\n%s: build %s family %d by '%s' helo '%s'", r->text, how,
		 build_format(s->build, got), s->family, s->text.by, s->text.helo);
}

/* every_cut - whole, in two at every byte, byte by byte in copies of the state */
static void every_cut(const struct row *r, int chunked)
{
	struct session s, copy;
	char bytes[4096], how[64];
	size_t n;

	wire(r, chunked, bytes, sizeof(bytes));
	n = strlen(bytes);
	begin(&s, r);
	talk(&s, bytes, n);
	expect(r, &s, chunked ? "whole, BDAT" : "whole");
	for (size_t cut = 1; cut < n; cut++) {
		begin(&s, r);
		talk(&s, bytes, cut);
		copy = s;
		memset(&s, 0x55, sizeof(s));
		talk(&copy, bytes + cut, n - cut);
		snprintf(how, sizeof(how), "cut at %zu%s", cut, chunked ? ", BDAT" : "");
		expect(r, &copy, how);
	}
	begin(&s, r);
	for (size_t i = 0; i < n; i++) {
		copy = s;
		talk(&copy, bytes + i, 1);
		memset(&s, 0x55, sizeof(s));
		s = copy;
	}
	expect(r, &s, "byte by byte");
}

/* every_pace - from every byte on, what is passed over or only moves the machine leaves it as it is
 * byte by byte, and it stops at nothing else */
static void every_pace(const struct row *r)
{
	__u8 bytes[4096 + 8] = { 0 };
	struct session s;
	__u32 n;

	wire(r, 0, (char *)bytes, 4096);
	n = strlen((char *)bytes);
	begin(&s, r);
	for (__u32 i = 0; i < n && !s.done; i++) {
		struct smtp fast = s.smtp, slow = s.smtp;
		struct smtp_text text = s.text;
		__u32 line = smtp_dull(&fast) ? smtp_line(bytes, 4096, i, n) : 0;
		__u32 at = smtp_plain(&fast, bytes, 4096, i + line, n);

		for (__u32 k = i; k < at; k++)
			assert_int_equal(smtp_step(&slow, &text, bytes[k]), 0);
		assert_memory_equal(&slow, &fast, sizeof(slow));
		assert_memory_equal(&s.text, &text, sizeof(text));
		if (at < n && (at == i + line || !smtp_dull(&fast))) {
			smtp_step(&slow, &text, bytes[at]);
			assert_true(slow.row >= SMTP_FIRST_ACTION || slow.flags & SMTP_IN_CHUNK);
		}
		talk(&s, (char *)bytes + i, 1);
	}
}

/* line_ends - found wherever it stands, also where a byte before or behind is nearly one */
static void line_ends(void **state)
{
	static const __u8 others[] = { 0, 1, 9, 11, 0x8a, 0x0b ^ 0x80, 0xff };
	__u8 bytes[64 + 8];

	(void)state;
	for (size_t o = 0; o < COUNT(others); o++)
		for (__u32 at = 0; at <= 64; at++)
			for (__u32 from = 0; from <= 64; from++)
				for (__u32 to = from; to <= 64; to += 5) {
					memset(bytes, others[o], sizeof(bytes));
					bytes[at] = '\n';
					assert_int_equal(smtp_line(bytes, 64, from, to),
							 (at >= from && at < to ? at : to) - from);
				}
}

static void headers(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(header_rows); i++) {
		every_pace(&header_rows[i]);
		every_cut(&header_rows[i], 0);
		if (header_rows[i].kind == HEADER)
			every_cut(&header_rows[i], 1);
	}
}

static void conversations(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(talk_rows); i++) {
		every_pace(&talk_rows[i]);
		every_cut(&talk_rows[i], 0);
	}
}

/* cut_short - what ends in the middle of a line names nothing that it has not shown whole */
static void cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(header_rows); i++) {
		const struct row *r = &header_rows[i];
		char bytes[4096];
		struct session s;

		wire(r, 0, bytes, sizeof(bytes));
		for (size_t n = 1; n < strlen(bytes); n++) {
			begin(&s, r);
			talk(&s, bytes, n);
			if (s.build && s.build != r->build)
				fail_msg("%s\ncut to %zu bytes: another build", r->text, n);
		}
	}
}

/* budget - 4096 bytes of a header are read, in DATA and over chunks, the last one included */
static void budget(void **state)
{
	static const char stamp[] = "Received: by EX01 with mapi id 15.01.2507.039;";
	char bytes[2 * SMTP_HEADER_MAX];
	size_t end = sizeof(stamp) - 1;

	(void)state;
	for (size_t over = 0; over < 2; over++)
		for (size_t chunk = 0; chunk <= SMTP_HEADER_MAX; chunk += 1000) {
			size_t before = SMTP_HEADER_MAX - end + over;
			struct session s;
			char command[32];

			memset(bytes, 'x', before);
			memcpy(bytes, "X:", 2);
			bytes[before - 1] = '\n';
			strcpy(bytes + before, stamp);
			session_begin(&s, SIDE_CLIENT);
			snprintf(command, sizeof(command), chunk ? "BDAT %zu\r\n" : "DATA\r\n",
				 chunk);
			talk(&s, command, strlen(command));
			talk(&s, bytes, chunk);
			if (chunk)
				talk(&s, "NOOP\r\nBDAT 9000\r\n", 17);
			talk(&s, bytes + chunk, before + end - chunk);
			assert_int_equal(s.done, 1);
			assert_int_equal(s.build, over ? 0 : CU23);
			assert_int_equal(s.family, over ? FAMILY_UNKNOWN : FAMILY_EXCHANGE);
		}
}

/* names_are_cut - longer than NAME_BYTES - 1, and said so */
static void names_are_cut(void **state)
{
	char line[300] = "EHLO ";
	struct session s;

	(void)state;
	memset(line + 5, 'a', 127);
	strcpy(line + 5 + 127, "\r\n");
	session_begin(&s, SIDE_CLIENT);
	talk(&s, line, strlen(line));
	assert_int_equal(strlen(s.text.helo), 127);
	assert_false(s.smtp.flags & SMTP_NAME_CUT);
	memset(line + 5, 'a', 128);
	strcpy(line + 5 + 128, "\r\n");
	session_begin(&s, SIDE_CLIENT);
	talk(&s, line, strlen(line));
	assert_int_equal(strlen(s.text.helo), 127);
	assert_true(s.smtp.flags & SMTP_NAME_CUT);
}

/* tokens - the number is kept as it stood on the wire */
static void tokens(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, SIDE_CLIENT);
	talk(&s, "EHLO b15-01-2507-039.x\r\n", 24);
	assert_string_equal(s.token, "15-01-2507-039");
	assert_int_equal(s.origin, ORIGIN_EHLO);
	talk(&s, "DATA\r\nReceived: by x with mapi id 15.01.2507.039;", 50);
	assert_string_equal(s.token, "15.01.2507.039");
	assert_int_equal(s.origin, ORIGIN_RECEIVED);
}

/* hand_over - where the other direction decides, reading waits */
static void hand_over(void **state)
{
	struct session s;

	(void)state;
	session_begin(&s, SIDE_CLIENT);
	assert_int_equal(session_feed(&s, "STARTTLS\r\nrest", 14), 10);
	assert_int_equal(s.said, SMTP_STARTTLS);
	assert_int_equal(session_feed(&s, "X-ANONYMOUSTLS\n", 15), 15);
	assert_int_equal(s.said, SMTP_STARTTLS);
	assert_int_equal(session_feed(&s, "DATA\r\nRSET\r\n", 12), 6);
	assert_int_equal(s.said, SMTP_DATA);
	assert_int_equal(session_feed(&s, "RSET\r\n", 6), 6); /* 354 did not come */
	assert_int_equal(s.said, 0);
	session_begin(&s, SIDE_SERVER);
	assert_int_equal(session_feed(&s, "220 a\r\n354 go\r\n", 15), 11);
	assert_int_equal(s.said, SMTP_REPLY_354);
	assert_int_equal(session_feed(&s, " go\r\n354\n", 9), 9);
	assert_int_equal(s.said, SMTP_REPLY_354);
	assert_int_equal(session_feed(&s, "220-x\r\n", 7), 4);
	assert_int_equal(s.said, SMTP_REPLY_220);
	assert_int_equal(session_feed(&s, "\r\n450 x", 7), 3);
	assert_int_equal(s.said, SMTP_REPLY_REFUSED);
}

/* corpus_row - one line of the shared corpus as a row */
static struct row corpus_row(const json_t *line)
{
	static const char *const families[] = {
		[FAMILY_OTHER] = "other",
		[FAMILY_IIS_SMTP] = "iis-smtp",
		[FAMILY_EXCHANGE_NOBUILD] = "exchange-nobuild",
		[FAMILY_EXCHANGE] = "exchange",
	};
	const char *kind = json_string_value(json_object_get(line, "kind"));
	const json_t *e = json_object_get(line, "expect");
	const char *family = json_string_value(json_object_get(e, "family"));
	struct row r = { .kind = HEADER, .text = json_string_value(json_object_get(line, "raw")) };

	r.build = build_parse(json_string_value(json_object_get(e, "build")));
	if (!strcmp(kind, "banner"))
		r.kind = GREETING;
	else if (!strcmp(kind, "ehlo_reply"))
		r.kind = REPLY;
	else if (!strcmp(kind, "ehlo") || !strcmp(kind, "helo"))
		r.kind = COMMANDS;
	for (size_t i = 0; i < COUNT(families); i++)
		if (families[i] && !strcmp(families[i], family))
			r.family = i;
	if (r.family == FAMILY_OTHER && r.kind > CHUNKED)
		r.family = 0; /* nothing is said until a message comes */
	return r;
}

/* corpus - real lines, where they are at hand */
static void corpus(void **state)
{
	const char *path = getenv("BUILDGATE_CORPUS");
	char line[65536];
	size_t rows = 0;
	FILE *f;

	(void)state;
	path = path ? path : "../shared/data/corpus.jsonl";
	f = fopen(path, "r");
	if (!f) {
		printf("no corpus at %s; BUILDGATE_CORPUS names another place\n", path);
		skip();
	}
	while (fgets(line, sizeof(line), f)) {
		json_t *o = json_loads(line, 0, NULL);
		struct row r;

		assert_non_null(o);
		r = corpus_row(o);
		if (strlen(r.text) < 4000) {
			every_cut(&r, 0);
			if (r.kind == HEADER)
				every_cut(&r, 1);
			rows++;
		}
		json_decref(o);
	}
	fclose(f);
	assert_true(rows > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(line_ends),     cmocka_unit_test(headers),
		cmocka_unit_test(conversations), cmocka_unit_test(cut_short),
		cmocka_unit_test(budget),        cmocka_unit_test(names_are_cut),
		cmocka_unit_test(tokens),        cmocka_unit_test(hand_over),
		cmocka_unit_test(corpus),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
