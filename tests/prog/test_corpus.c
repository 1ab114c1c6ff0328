// SPDX-License-Identifier: BSD-2-Clause
/*
 * Every line of a corpus of real ones, each in a whole conversation, IPv4 and IPv6, DATA and
 * BDAT, through replay. The corpus is not part of the project: JSON Lines with kind, raw and
 * expect.{build,family}, at BUILDGATE_CORPUS or beside the tree; without it the test is skipped.
 */
#include <jansson.h>

#include "tests/prog/tape.h"
#include "user/observer/observation.h"
#include "user/replay/replay.h"

#define CORPUS "../shared/data/corpus.jsonl"

/* What came of the conversation at hand. */
static struct {
	unsigned int observations, no_build;
	struct observation last;
} learnt;

static void on_learnt(void *arg, struct observation *o, uint32_t frame)
{
	(void)arg;
	(void)frame;
	if (o->build)
		learnt.observations++;
	else
		learnt.no_build++;
	learnt.last = *o;
}

/* complete_reply - an excerpt may lack the last line */
static char *complete_reply(const char *raw)
{
	const char *last = raw + strlen(raw) - 2;
	char *text;

	while (last > raw && last[-1] != '\n')
		last--;
	assert_true(asprintf(&text, "%s%s", raw, last[3] == '-' ? "250 OK\r\n" : "") > 0);
	return text;
}

/* record - the line in the place where it belongs */
static struct tape *record(const json_t *line, bool ipv6, bool bdat)
{
	const json_t *raw = json_object_get(line, "raw");
	const char *kind = json_string_value(json_object_get(line, "kind"));
	const char *text = json_string_value(raw);
	struct tape *tape = tape_new(ipv6);
	struct lines l = { .bdat = bdat };
	char *reply = NULL;

	if (!strcmp(kind, "banner"))
		l.banner = text;
	else if (!strcmp(kind, "ehlo") || !strcmp(kind, "helo"))
		l.hello = text;
	else if (!strcmp(kind, "ehlo_reply"))
		l.reply = reply = complete_reply(text);
	else if (!strcmp(kind, "received") || !strcmp(kind, "data"))
		l.message = text;
	else
		fail_msg("unknown kind %s", kind);
	l.message_bytes = json_string_length(raw);
	tape_conversation(tape, &l);
	free(reply);
	return tape;
}

/* right - exactly what the corpus says came out */
static bool right(const json_t *line)
{
	const json_t *expect = json_object_get(line, "expect");
	const char *build = json_string_value(json_object_get(expect, "build"));
	const char *family = json_string_value(json_object_get(expect, "family"));
	const char *side = json_string_value(json_object_get(line, "direction"));
	char text[BUILD_TEXT];

	if (!build)
		return !learnt.observations && learnt.no_build == 1 &&
		       !strcmp(family_name(learnt.last.family), family);
	return learnt.observations == 1 && !learnt.no_build && !strcmp(family, "exchange") &&
	       !strcmp(build_format(learnt.last.build, text), build) &&
	       !strcmp(side, learnt.last.origin == ORIGIN_BANNER ? "server" : "client");
}

/* run_line - one conversation; says what is wrong */
static bool run_line(struct replay *replay, const json_t *line, bool ipv6, bool bdat)
{
	struct tape *tape = record(line, ipv6, bdat);
	struct error e = { "" };
	char text[BUILD_TEXT];
	bool ok;

	memset(&learnt, 0, sizeof(learnt));
	for (unsigned int i = 0; i < tape->count; i++)
		if (replay_push(replay, tape_at_ns(i), tape->frames[i].bytes, tape->frames[i].kept,
				tape->frames[i].length, &e))
			fail_msg("%s", e.text);
	tape_free(tape);
	ok = right(line);
	if (!ok)
		print_message("%s, IPv%d, %s: %u observations, %u without a build, build %s, "
			      "family %s, expected %s\n",
			      json_string_value(json_object_get(line, "id")), ipv6 ? 6 : 4,
			      bdat ? "BDAT" : "DATA", learnt.observations, learnt.no_build,
			      learnt.last.build ? build_format(learnt.last.build, text) : "-",
			      family_name(learnt.last.family),
			      json_dumps(json_object_get(line, "expect"), 0));
	return ok;
}

static void every_line_gives_its_answer(void **state)
{
	struct replay_options options = { .mx = 25, .submission = 587, .learnt = on_learnt };
	unsigned int lines = 0, wrong = 0;
	FILE *file = *state;
	struct replay_summary summary;
	struct replay *replay;
	struct error e = { "" };
	char *text = NULL;
	size_t size = 0;

	if (replay_open(&options, &replay, &e))
		fail_msg("%s", e.text);
	while (getline(&text, &size, file) > 0) {
		json_t *line = json_loads(text, 0, NULL);

		assert_non_null(line);
		for (int way = 0; way < 4; way++)
			wrong += !run_line(replay, line, way & 1, way & 2);
		json_decref(line);
		lines++;
	}
	free(text);
	print_message("%u lines in %u conversations, %u wrong\n", lines, lines * 4, wrong);
	assert_true(lines > 0);
	assert_int_equal(wrong, 0);
	assert_int_equal(replay_finish(replay, &summary, &e), 0);
	assert_int_equal(summary.flows, lines * 4);
	assert_int_equal(summary.observations + summary.no_build, lines * 4);
	assert_int_equal(summary.malformed + summary.one_way, 0);
	replay_close(replay);
}

int main(void)
{
	const char *path = getenv("BUILDGATE_CORPUS") ?: CORPUS;
	FILE *file = fopen(path, "r");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(every_line_gives_its_answer, file),
	};

	if (!file) {
		printf("%s: %s (BUILDGATE_CORPUS names another)\n", path, strerror(errno));
		return 77;
	}
	if (geteuid()) {
		puts("loading programs needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
