// SPDX-License-Identifier: BSD-2-Clause
/*
 * The same conversations in other segments: cut at every byte, in single bytes, doubled,
 * overlapping, lost and sent again give the same answer; swapped ones give it or none.
 */
#include "tests/prog/rows.h"
#include "tests/unit/smtp_talk_rows.h"

#define RECEIVED_2016                                                                              \
	"Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n"                    \
	" (198.51.100.2) with Microsoft SMTP Server (version=TLS1_2,\r\n"                          \
	" cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384) id 15.1.2507.39; Sat, 21 Nov\r\n"          \
	" 2026 10:00:00 +0000\r\n"
#define RECEIVED_2007                                                                              \
	"Received: from ex.example.org ([192.0.2.1]) by ex.example.org\r\n"                        \
	"\t([192.0.2.1]) with Microsoft SMTP Server id 8.3.279.1; Sat, 21 Nov 2026\r\n"
#define RECEIVED_MAPI                                                                              \
	"Received: from EX02.example.org ([2001:db8::2]) by EX02.example.org\r\n"                  \
	" ([2001:db8::2%3]) with mapi id 15.01.2507.039; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
#define RECEIVED_POSTFIX                                                                           \
	"Received: by relay.example.org (Postfix, from userid 15)\r\n\tid 4Zz15.1.2507.39; "       \
	"Sat, 21 Nov 2026 10:00:00 +0000 (UTC)\r\n"
#define RECEIVED_IIS                                                                               \
	"Received: from mail pickup service by w3.example.org with Microsoft "                     \
	"SMTPSVC(7.5.7601.17514);\r\n\t Sat, 21 Nov 2026 10:00:00 +0000\r\n"
#define DKIM                                                                                       \
	"DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s1;\r\n\th=From:Date; "               \
	"b=id15.1.2507.10\r\n"
#define END       "Subject: x\r\n\r\nhello\r\n.\r\n"

#define TURNS_MAX 14

/* A conversation; turns of the server begin with a digit, all others are the client's. */
static const struct conversation {
	const char *what;
	bool outbound;
	uint64_t build;
	uint8_t origin;
	uint8_t family;
	const char *by;
	const char *turns[TURNS_MAX];
} conversations[] = {
#define HELLO    "220 mx.example.net ESMTP\r\n", "EHLO ex01.example.org\r\n"
#define FEATURES "250-mx.example.net\r\n250-PIPELINING\r\n250 8BITMIME\r\n"
#define ENVELOPE                                                                                   \
	"MAIL FROM:<a@example.org>\r\n", "250 2.1.0 Ok\r\n", "RCPT TO:<b@example.net>\r\n",        \
		"250 2.1.5 Ok\r\n"
#define OUTDATED                                                                                   \
	.build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_RECEIVED, .family = FAMILY_EXCHANGE
	{ "DATA", OUTDATED, .by = "EX01.example.org",
	  .turns = { HELLO, FEATURES, ENVELOPE, "DATA\r\n", "354 go\r\n", RECEIVED_2016 END,
		     "250 Ok\r\n", "QUIT\r\n", "221 bye\r\n" } },
	{ "our client's DATA", .build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_RECEIVED,
	  .by = "EX01.example.org", .outbound = true, .family = FAMILY_OTHER,
	  .turns = { HELLO, FEATURES, ENVELOPE, "DATA\r\n", "354 go\r\n", RECEIVED_2016 END,
		     "250 Ok\r\n" } },
	{ "pipelined", OUTDATED, .by = "EX01.example.org",
	  .turns = { HELLO, FEATURES,
		     "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n",
		     "250 Ok\r\n250 Ok\r\n354 go\r\n", DKIM RECEIVED_2016 END, "250 Ok\r\n" } },
	{ "BDAT", OUTDATED, .by = "EX02.example.org",
	  .turns = { HELLO, FEATURES, ENVELOPE, "BDAT 170 LAST\r\n" RECEIVED_MAPI "\r\nhello\r\n",
		     "250 Ok\r\n" } },
	{ "BDAT in two", OUTDATED, .by = "EX02.example.org",
	  .turns = { HELLO, FEATURES, ENVELOPE,
		     "BDAT 40\r\nReceived: from EX02.example.org ([2001:d", "250 Ok\r\n",
		     "BDAT 130 LAST\r\nb8::2]) by EX02.example.org\r\n ([2001:db8::2%3]) with mapi "
		     "id "
		     "15.01.2507.039; Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n",
		     "250 Ok\r\n" } },
	{ "DATA refused, then taken", OUTDATED, .by = "EX02.example.org",
	  .turns = { HELLO, FEATURES, "DATA\r\n", "503 5.5.1 need RCPT\r\n", ENVELOPE, "DATA\r\n",
		     "354 go\r\n", RECEIVED_MAPI END, "250 Ok\r\n" } },
	{ "Exchange 2007 after RSET", .build = BUILD(8, 3, 279, 1), .origin = ORIGIN_RECEIVED,
	  .family = FAMILY_EXCHANGE, .by = "ex.example.org",
	  .turns = { HELLO, "250 hello\r\n", "RSET\r\n", "250 Ok\r\n", ENVELOPE, "DATA\r\n",
		     "354 go\r\n", RECEIVED_2007 END, "250 Ok\r\n" } },
	{ "EHLO label", .build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_EHLO,
	  .family = FAMILY_EXCHANGE, .by = "",
	  .turns = { "220-mx.example.net\r\n220 ESMTP\r\n",
		     "EHLO b15-1-2507-39.ex01.example.org\r\n", FEATURES, "QUIT\r\n",
		     "221 bye\r\n" } },
	{ "banner", .outbound = true, .build = BUILD(15, 1, 2507, 39), .origin = ORIGIN_BANNER,
	  .family = FAMILY_EXCHANGE, .by = "mx.example.org",
	  .turns = { "220 mx.example.org Microsoft Exchange 15.1.2507.39\r\n",
		     "EHLO mx.example.net\r\n", "250 mx.example.org\r\n", "QUIT\r\n",
		     "221 bye\r\n" } },
	{ "banner of another", .outbound = true, .family = FAMILY_OTHER,
	  .turns = { HELLO, FEATURES, "QUIT\r\n", "221 bye\r\n" } },
	{ "relay", .family = FAMILY_OTHER,
	  .turns = { HELLO, FEATURES, ENVELOPE, "DATA\r\n", "354 go\r\n",
		     RECEIVED_POSTFIX RECEIVED_2016 END, "250 Ok\r\n" } },
	{ "Windows", .family = FAMILY_IIS_SMTP,
	  .turns = { HELLO, FEATURES, ENVELOPE, "DATA\r\n", "354 go\r\n",
		     RECEIVED_IIS RECEIVED_2016 END, "250 Ok\r\n" } },
	{ "STARTTLS", .family = FAMILY_TLS,
	  .turns = { HELLO, "250-mx\r\n250 STARTTLS\r\n", "STARTTLS\r\n", "220 go\r\n",
		     "\x16\x03\x01" RECEIVED_2016 } },
	{ "STARTTLS refused", OUTDATED, .by = "EX02.example.org",
	  .turns = { HELLO, FEATURES, "STARTTLS\r\n", "454 later\r\n", ENVELOPE, "DATA\r\n",
		     "354 go\r\n", RECEIVED_MAPI END, "250 Ok\r\n" } },
	{ "no mail", .family = FAMILY_UNKNOWN,
	  .turns = { HELLO, FEATURES, "QUIT\r\n", "221 bye\r\n" } },
};

#define CONVERSATIONS (sizeof(conversations) / sizeof(conversations[0]))

/* What is done to the segments: to all, or to one turn at a place. */
enum how { WHOLE, BYTES, BYTES_ACKNOWLEDGED, TWICE, CUT, SWAPPED, LOST, OVERLAP, BEHIND };

static const char *const names[] = {
	"whole",
	"in bytes",
	"in bytes, acknowledged",
	"twice",
	"cut",
	"swapped",
	"lost and sent again",
	"overlapping",
	"old bytes with the new",
};

static void piece(struct talk *t, bool by_client, const char *text, size_t from, size_t to)
{
	frame(t, by_client, (by_client ? t->client_seq : t->server_seq) + from,
	      by_client ? t->server_seq : t->client_seq, ACK | PSH, text + from, to - from);
}

/* part - an acknowledgement by the other side of what went by until there */
static void part(struct talk *t, bool by_client, size_t until)
{
	if (by_client)
		frame(t, false, t->server_seq, t->client_seq + until, ACK, "", 0);
	else
		frame(t, true, t->client_seq, t->server_seq + until, ACK, "", 0);
}

static void say_how(struct talk *t, bool by_client, const char *text, enum how how, size_t at)
{
	size_t n = strlen(text);

	switch (how) {
	case WHOLE:
		piece(t, by_client, text, 0, n);
		break;
	case BYTES:
	case BYTES_ACKNOWLEDGED:
		for (size_t i = 0; i < n; i++) {
			piece(t, by_client, text, i, i + 1);
			if (how == BYTES_ACKNOWLEDGED)
				part(t, by_client, i + 1);
		}
		break;
	case TWICE:
		piece(t, by_client, text, 0, n);
		piece(t, by_client, text, 0, n);
		break;
	case CUT:
		piece(t, by_client, text, 0, at);
		piece(t, by_client, text, at, n);
		break;
	case SWAPPED:
		piece(t, by_client, text, at, n);
		piece(t, by_client, text, 0, at);
		break;
	case LOST:
		piece(t, by_client, text, at, n);
		piece(t, by_client, text, 0, at);
		piece(t, by_client, text, at, n);
		break;
	case OVERLAP:
		piece(t, by_client, text, 0, at);
		piece(t, by_client, text, 0, n);
		break;
	case BEHIND:
		piece(t, by_client, text, 0, at);
		piece(t, by_client, text, at / 2, at);
		piece(t, by_client, text, at - at / 3, n);
		break;
	}
	*(by_client ? &t->client_seq : &t->server_seq) += n;
}

/* hold - the conversation, one turn of it (or all: -1) in another way; what it gave */
static struct seen hold(struct instance *gate, const struct conversation *c, bool ipv6,
			enum how how, int turn, size_t at)
{
	struct talk t = talk(gate, ipv6);
	unsigned int tokens;
	struct seen s, last;

	t.outbound = c->outbound;
	handshake(&t);
	for (int i = 0; i < TURNS_MAX && c->turns[i]; i++) {
		const char *text = c->turns[i];
		bool by_client = text[0] < '0' || text[0] > '9';

		say_how(&t, by_client, text, turn < 0 || turn == i ? how : WHOLE, at);
	}
	acknowledge(&t, false);
	acknowledge(&t, true);
	s = seen(gate);
	tokens = s.tokens;
	goodbye(&t);
	last = seen(gate);
	assert_int_equal(last.tokens, 0);
	if (last.conns)
		s.conn = last.conn;
	s.conns += last.conns;
	s.tokens = tokens;
	assert_false(followed(&t));
	return s;
}

/* named - the conversation's build, from where it stands */
static bool named(const struct conversation *c, const struct seen *s)
{
	return c->build && s->tokens == 1 && s->token.build == c->build &&
	       s->token.origin == c->origin && (!c->by || !strcmp(s->token.by, c->by));
}

/* right - the one answer of the conversation */
static bool right(const struct conversation *c, const struct seen *s)
{
	return s->conns == 1 && s->conn.family == c->family &&
	       (c->build ? named(c, s) : !s->tokens);
}

/* none - not the answer, or not all of it, but no other */
static bool none(const struct conversation *c, const struct seen *s)
{
	return s->conns == 1 && (!s->tokens || named(c, s)) &&
	       (s->conn.family == FAMILY_UNKNOWN || s->conn.family == c->family);
}

static void expect(struct instance *gate, const struct conversation *c, bool ipv6, enum how how,
		   int turn, size_t at)
{
	struct seen s = hold(gate, c, ipv6, how, turn, at);

	/* The second line of a greeting is one too: where it comes first it begins a flow, which
	 * ends with nothing when the first line comes. */
	if (turn == 0 && (how == SWAPPED || how == LOST) && s.conns == 2)
		s.conns--;
	if (right(c, &s) || (how == SWAPPED && none(c, &s)))
		return;
	fprintf(stderr, "\"%s\" %s, turn %d at %zu: %u tokens (%s by %s), %u ends, family %u\n",
		c->what, names[how], turn, at, s.tokens, s.token.token, s.token.by, s.conns,
		s.conn.family);
	fail();
}

static void whole_and_in_single_bytes(void **state)
{
	for (size_t i = 0; i < CONVERSATIONS; i++)
		for (int ipv6 = 0; ipv6 < 2; ipv6++)
			for (enum how how = WHOLE; how <= TWICE; how++)
				expect(*state, &conversations[i], ipv6, how, -1, 0);
}

/* at_every_byte_of - each turn, at each place in it */
static void at_every_byte_of(struct instance *gate, const struct conversation *c, enum how how)
{
	for (int turn = 0; turn < TURNS_MAX && c->turns[turn]; turn++)
		for (size_t at = 1; at < strlen(c->turns[turn]); at++)
			expect(gate, c, at & 1, how, turn, at);
}

static void at_every_byte(struct instance *gate, enum how how)
{
	for (size_t i = 0; i < CONVERSATIONS; i++)
		at_every_byte_of(gate, &conversations[i], how);
}

static void cut_at_every_byte(void **state)
{
	at_every_byte(*state, CUT);
}

static void swapped_at_every_byte(void **state)
{
	at_every_byte(*state, SWAPPED);
}

static void lost_and_sent_again_at_every_byte(void **state)
{
	at_every_byte(*state, LOST);
}

static void overlapping_at_every_byte(void **state)
{
	at_every_byte(*state, OVERLAP);
	at_every_byte(*state, BEHIND);
}

#define QUIT "QUIT\r\n", "221 bye\r\n"

/* of_row - the conversation around a row of the line machine's; false: the row is not of a
 * server and a client who wait for each other. A HEADER is sent in DATA, or in one chunk. */
static bool of_row(const struct row *r, bool chunked, char *text, size_t size,
		   struct conversation *c)
{
	*c = (struct conversation) { .what = r->text,
				     .outbound = r->kind >= GREETING,
				     .build = r->build,
				     .family = r->family };
	if (r->kind >= GREETING) {
		c->origin = ORIGIN_BANNER;
		memcpy(c->turns,
		       (const char *[]) { r->kind == GREETING ? r->text : "220 mx ESMTP\r\n",
					  "EHLO mx.example.net\r\n",
					  r->kind == REPLY ? r->text : "250 hello\r\n", QUIT },
		       5 * sizeof(char *));
		return true;
	}
	if (r->kind == COMMANDS) {
		bool bdat = !strncasecmp(r->text, "BDAT", 4);

		c->origin = bdat ? ORIGIN_RECEIVED : ORIGIN_EHLO;
		memcpy(c->turns, (const char *[]) { HELLO, FEATURES, r->text, "250 Ok\r\n", QUIT },
		       6 * sizeof(char *));
		return !strcasestr(r->text, "DATA");
	}
	c->origin = ORIGIN_RECEIVED;
	if (chunked)
		snprintf(text, size, "BDAT %zu LAST\r\n%s\r\nhello\r\n", strlen(r->text) + 9,
			 r->text);
	else
		snprintf(text, size, "%s" END, r->text);
	memcpy(c->turns,
	       (const char *[]) { HELLO, FEATURES, ENVELOPE, chunked ? "NOOP\r\n" : "DATA\r\n",
				  chunked ? "250 Ok\r\n" : "354 go\r\n", text, "250 Ok\r\n", QUIT },
	       13 * sizeof(char *));
	return r->kind == HEADER || chunked == (r->kind == CHUNKED);
}

/* row_every_way - whole, in bytes, doubled, and at each byte in all ways */
static unsigned int row_every_way(struct instance *gate, const struct row *r, bool chunked)
{
	struct conversation c;
	char text[4096];

	if (!of_row(r, chunked, text, sizeof(text), &c))
		return 0;
	if (!r->family) /* which one is not the row's concern: it is the same in every way */
		c.family = hold(gate, &c, chunked, WHOLE, -1, 0).conn.family;
	for (enum how how = WHOLE; how <= TWICE; how++)
		expect(gate, &c, chunked, how, -1, 0);
	for (enum how how = CUT; how <= BEHIND; how++)
		at_every_byte_of(gate, &c, how);
	return 1;
}

static void every_row_in_every_way(void **state)
{
	unsigned int n = 0;

	for (size_t i = 0; i < sizeof(header_rows) / sizeof(header_rows[0]); i++)
		n += row_every_way(*state, &header_rows[i], i & 1);
	for (size_t i = 0; i < sizeof(talk_rows) / sizeof(talk_rows[0]); i++)
		n += row_every_way(*state, &talk_rows[i], false);
	assert_true(n >= 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(whole_and_in_single_bytes, clean_gate),
		cmocka_unit_test_setup(cut_at_every_byte, clean_gate),
		cmocka_unit_test_setup(swapped_at_every_byte, clean_gate),
		cmocka_unit_test_setup(lost_and_sent_again_at_every_byte, clean_gate),
		cmocka_unit_test_setup(overlapping_at_every_byte, clean_gate),
		cmocka_unit_test_setup(every_row_in_every_way, clean_gate),
	};

	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
