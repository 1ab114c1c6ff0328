// SPDX-License-Identifier: BSD-2-Clause
/* Captures of every shape through build/gatectl replay. Run from the top of the tree. */
#include <jansson.h>
#include <sys/wait.h>

#include "tests/prog/tape.h"
#include "user/base/address.h"
#include "user/observer/observation.h"
#include "user/replay/replay.h"

#define OLD_LINE                                                                                   \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server (version=TLS1_2,\r\n"                          \
	" cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.39; Sat, 21 Nov\r\n"          \
	" 2026 10:00:00 +0000\r\n"
#define MESSAGE(line) .message = line, .message_bytes = sizeof(line) - 1

static char path[] = "/tmp/replay.XXXXXX";

/* What gatectl printed, line by line, and its exit code. */
struct outcome {
	json_t *lines;
	json_t *summary; /* the last of them; borrowed */
	int code;
};

/* quick_run - the reader is the same on every kernel, and each replay loads the programs anew,
 * which takes seconds in an emulated guest */
static void quick_run(void)
{
	const char *how = getenv("BUILDGATE_TEST");

	if (!how || strcmp(how, "quick"))
		return;
	puts("a quick run: the reader does not depend on the kernel");
	skip();
}

/* command - run it; its output, and *code. The caller frees. */
static char *command(const char *options, int *code)
{
	char line[512], *text = NULL;
	size_t size = 0;
	FILE *out;

	snprintf(line, sizeof(line), "build/gatectl replay %s 2>&1", options);
	out = popen(line, "r");
	assert_non_null(out);
	if (getdelim(&text, &size, '\0', out) < 0) {
		free(text);
		text = strdup("");
	}
	*code = WEXITSTATUS(pclose(out));
	return text;
}

/* replay_options - replay the saved capture */
static struct outcome replay_options(const char *options)
{
	struct outcome o = { .lines = json_array() };
	char all[256], *text, *at, *line;

	snprintf(all, sizeof(all), "-j %s --catalogue maps/catalogue/exchange.json %s", path,
		 options);
	text = at = command(all, &o.code);
	while ((line = strsep(&at, "\n")))
		if (*line && json_array_append_new(o.lines, json_loads(line, 0, NULL)))
			fail_msg("no JSON: %s", line);
	free(text);
	o.summary = json_array_get(o.lines, json_array_size(o.lines) - 1);
	return o;
}

/* replay - the tape as a file, through gatectl; the tape is freed */
static struct outcome replay(struct tape *tape, enum tape_format format, unsigned int linktype)
{
	struct outcome o;

	tape_save(tape, path, format, linktype);
	tape_free(tape);
	o = replay_options("");
	assert_int_equal(o.code, 0);
	return o;
}

/* is - an object, in the very text that is printed */
static void is(const json_t *object, const char *expected)
{
	char *text = json_dumps(object, JSON_COMPACT);

	assert_string_equal(text, expected);
	free(text);
}

static void summary_is(struct outcome *o, int flows, int observations, int no_build, int malformed,
		       int one_way)
{
	const json_t *s = o->summary;
	const char *keys[] = { "flows", "observations", "no_build", "malformed", "one_way" };
	int expected[] = { flows, observations, no_build, malformed, one_way };

	assert_int_equal(json_array_size(o->lines), observations + no_build + 1);
	for (int i = 0; i < 5; i++)
		if (json_integer_value(json_object_get(s, keys[i])) != expected[i])
			fail_msg("%s: %lld, expected %d", keys[i],
				 json_integer_value(json_object_get(s, keys[i])), expected[i]);
	json_decref(o->lines);
}

/* one_build - exactly one observation, of OLD_LINE's build */
static void one_build(struct outcome o)
{
	const json_t *first = json_array_get(o.lines, 0);

	assert_string_equal(json_string_value(json_object_get(first, "build")) ?: "none",
			    "15.1.2507.39");
	summary_is(&o, 1, 1, 0, 0, 0);
}

/* one_family - exactly one connection, without a build */
static void one_family(struct outcome o, const char *family, const char *source, int malformed,
		       int one_way)
{
	const json_t *first = json_array_get(o.lines, 0);

	assert_string_equal(json_string_value(json_object_get(first, "family")) ?: "none", family);
	assert_string_equal(json_string_value(json_object_get(first, "source")), source);
	summary_is(&o, 1, 0, 1, malformed, one_way);
}

static struct tape *conversation(bool ipv6, struct lines l)
{
	struct tape *tape = tape_new(ipv6);

	tape_conversation(tape, &l);
	return tape;
}

/* address - of a side of every first conversation, as text */
static const char *address(bool ipv6, bool client)
{
	static char text[2][INET6_ADDRSTRLEN];
	struct talk t = talk(NULL, ipv6);
	uint8_t bytes[16];

	host(&t, client, bytes);
	return inet_ntop(ipv6 ? AF_INET6 : AF_INET, bytes, text[client], sizeof(text[0]));
}

static const struct lines old = { MESSAGE(OLD_LINE) };

static void received_is_told_as_the_contract_says(void **state)
{
	struct tape *tape = conversation(false, old);
	struct outcome o;

	(void)state;
	tape_save(tape, path, TAPE_PCAP, 1);
	tape_free(tape);
	o = replay_options("");
	is(json_array_get(o.lines, 0),
	   "{\"type\":\"observation\",\"at\":\"2026-11-21T10:00:00Z\",\"source\":\"192.0.2.7\","
	   "\"port\":25,\"direction\":\"inbound\",\"origin\":\"received\",\"tls\":false,"
	   "\"helo\":\"ex01.example.org\",\"by\":\"EX01.example.org\","
	   "\"server\":\"ex01.example.org\",\"build\":\"15.1.2507.39\","
	   "\"product\":\"Exchange Server 2016\",\"release\":\"CU23 Apr24HU\","
	   "\"standing\":\"unsupported\",\"frame\":13}");
	is(o.summary, "{\"type\":\"summary\",\"frames\":20,\"flows\":1,\"observations\":1,"
		      "\"no_build\":0,\"malformed\":0,\"one_way\":0}");
	json_decref(o.lines);
	o = replay_options("--at 2024-06-10");
	assert_string_equal(
		json_string_value(json_object_get(json_array_get(o.lines, 0), "standing")),
		"current");
	json_decref(o.lines);
}

/* What came of the file at hand, where one replay takes many files: loading is what is slow. */
static struct {
	unsigned int observations, no_build;
	struct observation last;
} learnt;

static void on_learnt(void *arg, struct observation *o, uint32_t frame)
{
	(void)arg;
	assert_int_equal(!o->build, !frame);
	*(o->build ? &learnt.observations : &learnt.no_build) += 1;
	learnt.last = *o;
}

static struct replay *open_replay(void)
{
	struct replay_options options = { .mx = 25, .submission = 587, .learnt = on_learnt };
	struct error e = { "" };
	struct replay *r;

	if (replay_open(&options, &r, &e))
		fail_msg("%s", e.text);
	return r;
}

/* next_file - the tape as a file, through a replay that may have seen others */
static const struct observation *next_file(struct replay *r, struct tape *tape,
					   enum tape_format format, unsigned int linktype)
{
	struct error e = { "" };

	memset(&learnt, 0, sizeof(learnt));
	tape_save(tape, path, format, linktype);
	tape_free(tape);
	if (replay_file(r, path, &e))
		fail_msg("%s", e.text);
	assert_int_equal(learnt.observations + learnt.no_build, 1);
	return &learnt.last;
}

static void every_origin_every_way(void **state)
{
	struct replay *r = open_replay();
	const struct {
		struct lines lines;
		uint8_t origin;
	} rows[] = {
		{ old, ORIGIN_RECEIVED },
		{ { .hello = "EHLO b15-1-2507-39.ex01.example.org\r\n" }, ORIGIN_EHLO },
		{ { .banner = "220 mx.example.org Microsoft Exchange 15.1.2507.39\r\n" },
		  ORIGIN_BANNER },
		{ { .hello = "HELO mail.example.org\r\n" }, 0 },
	};

	(void)state;
	for (int way = 0; way < 4; way++)
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			bool ipv6 = way & 1, server = rows[i].origin == ORIGIN_BANNER;
			struct lines l = rows[i].lines;
			const struct observation *o;
			char text[ADDRESS_TEXT];

			l.bdat = way & 2;
			o = next_file(r, conversation(ipv6, l), TAPE_PCAP, 1);
			assert_int_equal(o->origin, rows[i].origin);
			assert_int_equal(o->build, rows[i].origin ? BUILD(15, 1, 2507, 39) : 0);
			assert_int_equal(o->family,
					 rows[i].origin ? FAMILY_EXCHANGE : FAMILY_OTHER);
			assert_int_equal(o->direction,
					 server ? DIRECTION_OUTBOUND : DIRECTION_INBOUND);
			assert_string_equal(address_format(&o->source, text),
					    address(ipv6, !server));
			if (server)
				assert_string_equal(o->server, "mx.example.org");
		}
	replay_close(r);
}

static void the_side_that_says_more_is_named(void **state)
{
	struct lines iis = { .banner = "220 w.example.net Microsoft ESMTP MAIL Service, "
				       "Version: 8.5.9600.16384 ready at  Sat\r\n" };
	struct lines both = { .banner = iis.banner,
			      MESSAGE("Received: from a ([192.0.2.1]) by b.example.org with mapi; "
				      "Sat, 21 Nov 2026 10:00:00 +0000\r\n") };

	quick_run();
	(void)state;
	one_family(replay(conversation(false, iis), TAPE_PCAP, 1), "iis-smtp", "198.51.100.25", 0,
		   0);
	one_family(replay(conversation(false, both), TAPE_PCAP, 1), "exchange-nobuild", "192.0.2.7",
		   0, 0);
}

static void starttls_is_tls(void **state)
{
	struct tape *tape = tape_new(false);
	struct outcome o;

	(void)state;
	tape_handshake(tape);
	tape_server(tape, "220 mx.example.net ESMTP\r\n");
	tape_client(tape, "EHLO ex01.example.org\r\n");
	tape_server(tape, "250-mx.example.net\r\n250 STARTTLS\r\n");
	tape_client(tape, "STARTTLS\r\n");
	tape_server(tape, "220 2.0.0 go ahead\r\n");
	tape_client(tape, "\x16\x03\x01" OLD_LINE);
	tape_server(tape, "\x16\x03\x03");
	tape_goodbye(tape);
	o = replay(tape, TAPE_PCAP, 1);
	is(json_array_get(o.lines, 0),
	   "{\"type\":\"no_build\",\"at\":\"2026-11-21T10:00:00Z\",\"source\":\"192.0.2.7\","
	   "\"helo\":\"ex01.example.org\",\"family\":\"tls\"}");
	one_family(o, "tls", "192.0.2.7", 0, 0);
}

static void one_direction_invents_nothing(void **state)
{
	struct lines banner = { .banner = "220 mx.example.org Microsoft Exchange 15.1.2507.39\r\n",
				MESSAGE(OLD_LINE) };

	quick_run();
	(void)state;
	for (int side = 0; side < 2; side++) {
		struct tape *tape = tape_new(false);

		tape->no_client = side;
		tape->no_server = !side;
		tape_conversation(tape, &banner);
		one_family(replay(tape, TAPE_PCAP, 1), "unknown", "192.0.2.7", 0, 1);
	}
}

static void the_middle_of_a_connection_is_unknown(void **state)
{
	struct tape *tape = conversation(false, old);
	const unsigned int cut = 8; /* handshake, greeting, EHLO, its reply, MAIL, its reply */
	struct outcome o;

	(void)state;
	for (unsigned int i = 0; i < cut; i++)
		free(tape->frames[i].bytes);
	tape->count -= cut;
	memmove(tape->frames, tape->frames + cut, tape->count * sizeof(tape->frames[0]));
	o = replay(tape, TAPE_PCAP, 1);
	assert_true(json_is_null(json_object_get(json_array_get(o.lines, 0), "helo")));
	one_family(o, "unknown", "192.0.2.7", 0, 0);
}

static void still_open_at_the_end_is_unknown(void **state)
{
	struct tape *tape = tape_new(false);

	quick_run();
	(void)state;
	tape_handshake(tape);
	tape_server(tape, "220 mx.example.net ESMTP\r\n");
	tape_client(tape, "EHLO ex01.example.org\r\n");
	one_family(replay(tape, TAPE_PCAP, 1), "unknown", "192.0.2.7", 0, 0);
}

static void ports_used_again_are_two_connections(void **state)
{
	struct tape *tape = conversation(false, old);
	struct outcome o;

	quick_run();
	(void)state;
	tape->t.client_seq += 1000000;
	tape->t.server_seq += 2000000;
	tape_conversation(tape, &(struct lines) { 0 });
	tape->t.client_seq += 1000000;
	tape->t.server_seq += 2000000;
	tape_handshake(tape); /* left open, and replaced by the next */
	tape_server(tape, "220 mx.example.net ESMTP\r\n");
	tape_client(tape, "EHLO open.example.org\r\n");
	tape->t.client_seq += 1000000;
	tape->t.server_seq += 2000000;
	tape_conversation(tape, &old);
	o = replay(tape, TAPE_PCAP, 1);
	assert_string_equal(json_string_value(json_object_get(json_array_get(o.lines, 2), "helo")),
			    "open.example.org");
	summary_is(&o, 4, 2, 2, 0, 0);
}

static void link_types_and_formats(void **state)
{
	const unsigned int types[] = { 0, 1, 101, 108, 113, 276 };
	const size_t count = sizeof(types) / sizeof(types[0]);
	struct replay *r = open_replay();

	(void)state;
	for (size_t i = 0; i < count * 2 * 3; i++) {
		bool ipv6 = i / count % 2;
		enum tape_format format = i / count / 2;

		next_file(r, conversation(ipv6, old), format, types[i % count]);
		assert_int_equal(learnt.last.build, BUILD(15, 1, 2507, 39));
		assert_int_equal(learnt.last.at, TAPE_BEGIN);
	}
	next_file(r, conversation(false, old), TAPE_PCAP, 228);
	assert_int_equal(learnt.observations, 1);
	next_file(r, conversation(true, old), TAPE_PCAP, 229);
	assert_int_equal(learnt.observations, 1);
	replay_close(r);
}

static void tags_options_and_padding(void **state)
{
	struct tape *tape = tape_new(false);

	quick_run();
	(void)state;
	tape->t.tags = 2;
	tape->t.ip_options = 40;
	tape->t.tcp_options = 40;
	tape->t.padding = 6;
	tape_conversation(tape, &old);
	one_build(replay(tape, TAPE_PCAP, 1));
	tape = tape_new(true);
	tape->t.tags = 1;
	tape->t.ip6_extensions = 3;
	tape->t.tcp_options = 12;
	tape_conversation(tape, &old);
	one_build(replay(tape, TAPE_PCAP, 1));
}

/* big - a conversation whose message is one frame of almost 64 KB */
static struct tape *big(bool ipv6, bool partial, bool wrong)
{
	static char message[60000];
	struct tape *tape = tape_new(ipv6);

	memset(message, 'x', sizeof(message));
	/* the token itself lies across the first cut */
	memcpy(message, "X-Filler: ", 10);
	memcpy(message + 3300, "\r\n" OLD_LINE "\r\n", sizeof(OLD_LINE) + 3);
	tape_handshake(tape);
	tape_server(tape, "220 mx.example.net ESMTP\r\n");
	tape_client(tape, "EHLO ex01.example.org\r\n");
	tape_server(tape, "250 mx.example.net\r\n");
	tape_client(tape, "DATA\r\n");
	tape_server(tape, "354 go\r\n");
	tape->t.partial_checksum = partial;
	tape->t.bad_checksum = wrong;
	tape_bytes(tape, true, message, sizeof(message));
	tape->t.partial_checksum = tape->t.bad_checksum = false;
	tape_server(tape, "");
	tape_client(tape, "\r\n.\r\n");
	tape_server(tape, "250 ok\r\n");
	tape_goodbye(tape);
	return tape;
}

static void offloaded_frames_are_split(void **state)
{
	struct outcome o;

	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++)
		for (int partial = 0; partial < 2; partial++) {
			o = replay(big(ipv6, partial, false), TAPE_PCAP, 1);
			assert_int_equal(json_integer_value(json_object_get(
						 json_array_get(o.lines, 0), "frame")),
					 9);
			one_build(o);
		}
	o = replay(big(false, false, true), TAPE_PCAP, 1);
	summary_is(&o, 1, 0, 1, 0, 0);
}

static void checksums_decide(void **state)
{
	quick_run();
	(void)state;
	for (int wrong = 0; wrong < 2; wrong++) {
		struct tape *tape = tape_new(false);
		struct outcome o;

		tape->t.partial_checksum = !wrong;
		tape->t.bad_checksum = wrong;
		tape_conversation(tape, &old);
		o = replay(tape, TAPE_PCAP, 1);
		summary_is(&o, 1, !wrong, wrong, 0, 0);
	}
}

static void cut_frames_are_malformed(void **state)
{
	struct tape *tape = tape_new(false);
	uint8_t arp[42] = { [12] = 8, 6 };

	quick_run();
	(void)state;
	tape->snap = 60;
	tape_raw(tape, arp, sizeof(arp)); /* not ours */
	tape_raw(tape, arp, 9);           /* not even a link header */
	tape_conversation(tape, &old);
	/* 54 to 60 bytes: SYNs, empty acknowledgements, FINs and "DATA" are whole */
	one_family(replay(tape, TAPE_PCAP, 1), "unknown", "192.0.2.7", 13, 0);
}

static void other_ports_can_be_named(void **state)
{
	struct tape *tape = tape_new(false);
	struct outcome o;

	quick_run();
	(void)state;
	tape->t.server_port = 2525;
	tape_conversation(tape, &old);
	tape->t = talk(NULL, true);
	tape->t.server_port = 587;
	tape_conversation(tape, &old);
	tape_save(tape, path, TAPE_PCAP, 1);
	tape_free(tape);
	o = replay_options("");
	summary_is(&o, 1, 1, 0, 0, 0);
	o = replay_options("--mx 2525");
	summary_is(&o, 2, 2, 0, 0, 0);
	o = replay_options("--submission 2525");
	summary_is(&o, 1, 1, 0, 0, 0);
	o = replay_options("--submission 25");
	assert_int_equal(o.code, 2);
	json_decref(o.lines);
}

/* refused - exit 1, and a sentence that has the words in it */
static void refused(const char *options, const char *words)
{
	int code;
	char *text = command(options, &code);

	assert_int_equal(code, 1);
	if (!strstr(text, words))
		fail_msg("\"%s\" does not say: %s", text, words);
	free(text);
}

static void what_cannot_be_read_is_said(void **state)
{
	struct tape *tape = conversation(false, old);
	FILE *file;
	long size;

	quick_run();
	(void)state;
	refused("/nonexistent/x.pcap", "No such file");
	refused("/tmp", "Is a directory");
	refused("/dev/null", "empty, expected a capture");
	refused("Makefile", "no capture that can be read (pcap or pcapng)");
	for (int format = 0; format <= TAPE_PCAPNG; format++) {
		tape_save(tape, path, format, 1);
		file = fopen(path, "r+");
		fseek(file, 0, SEEK_END);
		size = ftell(file);
		fclose(file);
		assert_int_equal(truncate(path, size - 7), 0);
		refused(path, "cut short or broken after 19 frames");
	}
	tape_save(tape, path, TAPE_PCAP, 105);
	refused(path, "unknown link type IEEE802_11 (105)");
	tape_free(tape);
}

static void standard_input_and_plain_words(void **state)
{
	struct tape *tape = conversation(false, old);
	char options[256], *text;
	int code;

	quick_run();
	(void)state;
	tape_save(tape, path, TAPE_PCAPNG, 1);
	tape_free(tape);
	snprintf(options, sizeof(options), "--catalogue maps/catalogue/exchange.json -- - <%s",
		 path);
	text = command(options, &code);
	assert_string_equal(
		text, "2026-11-21 10:00:00Z  192.0.2.7 (ex01.example.org) showed "
		      "15.1.2507.39 (received, frame 13), Exchange Server 2016 CU23 Apr24HU: "
		      "unsupported\n20 frames (0 malformed), 1 mail connections (0 seen in one "
		      "direction only): 1 observations, 0 connections without a build\n");
	assert_int_equal(code, 0);
	free(text);
}

static int set_up(void **state)
{
	(void)state;
	return mkstemp(path) < 0;
}

static int tear_down(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(received_is_told_as_the_contract_says),
		cmocka_unit_test(every_origin_every_way),
		cmocka_unit_test(the_side_that_says_more_is_named),
		cmocka_unit_test(starttls_is_tls),
		cmocka_unit_test(one_direction_invents_nothing),
		cmocka_unit_test(the_middle_of_a_connection_is_unknown),
		cmocka_unit_test(still_open_at_the_end_is_unknown),
		cmocka_unit_test(ports_used_again_are_two_connections),
		cmocka_unit_test(link_types_and_formats),
		cmocka_unit_test(tags_options_and_padding),
		cmocka_unit_test(offloaded_frames_are_split),
		cmocka_unit_test(checksums_decide),
		cmocka_unit_test(cut_frames_are_malformed),
		cmocka_unit_test(other_ports_can_be_named),
		cmocka_unit_test(what_cannot_be_read_is_said),
		cmocka_unit_test(standard_input_and_plain_words),
	};

	if (geteuid()) {
		puts("loading programs needs root");
		return 77;
	}
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
