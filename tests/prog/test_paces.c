// SPDX-License-Identifier: BSD-2-Clause
/*
 * The paces of reading against byte by byte: random conversations in random segments through the
 * real programs, and through session.h and turn.h one byte at a time. After each segment the flow's
 * entry must say the same of both streams, the names read, and whose turn it is. Lines are of all
 * lengths around 8, 256 and 2048 bytes, end in all ways or not at all, or are nothing but ends.
 *
 * test_paces [SEED [CONVERSATIONS]] looks further than the few seconds of a test.
 */
#include "tests/prog/rows.h"

#include "bpf/session.h"
#include "bpf/turn.h"

#define BURST_MAX   6000
#define SEGMENT_MAX 3300
#define TURNS_MAX   24

static struct {
	uint32_t seed;
	unsigned int conversations;
} plan = { 1, 4000 };

static uint32_t random_state, seed; /* the seed is the conversation's at hand */

/* chance - 0 .. n - 1, the same in every run */
static uint32_t chance(uint32_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return (random_state >> 3) % n;
}

/* length - mostly short, else at an edge of what is looked at in one go */
static uint32_t length(void)
{
	static const uint32_t edges[] = { 8, 16, 64, 256, 512, 2048 };

	if (chance(3))
		return chance(40);
	return edges[chance(6)] - 6 + chance(12);
}

/* What one side says before the other does. */
static struct {
	uint8_t bytes[BURST_MAX];
	uint32_t count;
} burst;

static void put(const void *bytes, uint32_t n)
{
	if (n > BURST_MAX - burst.count)
		n = BURST_MAX - burst.count;
	memcpy(burst.bytes + burst.count, bytes, n);
	burst.count += n;
}

static void put_text(const char *text)
{
	put(text, strlen(text));
}

#define ANY(...)                                                                                   \
	((const char *[]) {                                                                        \
		__VA_ARGS__ }[chance(sizeof((const char *[]) { __VA_ARGS__ }) / sizeof(char *))])

static void put_end(void)
{
	if (chance(5))
		put_text("\r\n");
	else
		put_text(ANY("\n", "\r", "\r\r\n", "\n\r", "", " \r\n"));
}

/* put_filler - bytes of no meaning, or of every kind */
static void put_filler(uint32_t n)
{
	bool wild = !chance(4);

	while (n--) {
		uint8_t byte = "abcdexyz 0123456789.-;:<>()\t"[chance(28)];

		if (wild)
			byte = chance(256);

		put(&byte, 1);
	}
}

/* put_flood - the same few bytes very often */
static void put_flood(void)
{
	const char *bytes = ANY("\n", "a\n", "\r\n", "\r", "250\n", "250-\n", ".\r\n", "RSET\n",
				"EHLO a\n", "\r\n.\r\n", "250-x\r\n", "DATA\n", "BDAT 0\n", " a:\n",
				"Received: by a\n", "b15-");

	for (uint32_t n = chance(8) ? chance(60) : chance(1500); n; n--)
		put(bytes, strlen(bytes));
	if (!chance(3))
		put("\0\0\0\0\0\0\0\0\0\0\0", chance(12));
}

static void put_received(void)
{
	put_text(ANY(
		"Received: from a.example.org (192.0.2.1) by EX01.example.org\r\n (192.0.2.2) "
		"with Microsoft SMTP Server (version=TLS1_2)\r\n id 15.1.2507.39; Sat\r\n",
		"Received: from a ([192.0.2.1]) by ex.example.org\r\n\t([192.0.2.1]) with "
		"Microsoft SMTP Server id 8.3.279.1; Sat\r\n",
		"Received: from a by b with mapi id 15.01.2507.039; Sat, 21 Nov\r\n",
		"Received: from a by w3.example.org with Microsoft SMTPSVC(7.5.7601.17514);\r\n",
		"Received: by relay.example.org (Postfix, from userid 15)\r\n\tid 4Zz15.1;\r\n",
		"received:\n from a by ", "Received: from x by y with Microsoft SMTP Server "));
}

static void put_header(void)
{
	for (uint32_t n = chance(6); n; n--) {
		put_text(ANY("DKIM-Signature: v=1; b=id15.1.2507.10", "Subject:", "X: ", "\t",
			     " id ", "ARC-Seal: i=1; a=rsa-sha256;", "Rec", "MIME-Version: 1.0",
			     ".", ".."));
		put_filler(length());
		put_end();
	}
	if (chance(4))
		put_received();
}

static void put_chunk(void)
{
	char command[40];
	uint32_t n = chance(3) ? chance(200) : length();

	snprintf(command, sizeof(command), "%s %u%s", ANY("BDAT", "bdat"), n, ANY("", " LAST"));
	put_text(command);
	put_end();
	if (chance(2))
		put_header();
	else
		put_filler(n);
}

static void put_command(void)
{
	put_text(ANY("EHLO ", "HELO ", "ehlo b15-1-2507-39.", "EHLO build15-2-1544-4.ex.",
		     "HELO b15-20-1-1.", "MAIL FROM:<", "RCPT TO:<", "NOOP ", "RSET", "RSET ",
		     "VRFY ", "STARTTLSX", "QUIT", "XYZ", "D", "DATAX", "BDAT ", "BDAT 99999999999",
		     "AUTH "));
	if (chance(3))
		put_filler(length());
	put_end();
}

/* put_client - as the phase has it, or not */
static void put_client(uint32_t phase)
{
	burst.count = 0;
	for (uint32_t n = chance(6) + 1; n; n--) {
		uint32_t what = chance(20);

		if (what == 0)
			put_flood();
		else if (what == 1)
			put_filler(length());
		else if (what == 2 || (phase == PHASE_MESSAGE && what < 16))
			put_header();
		else if (what == 3)
			put_chunk();
		else if (what == 4 && !chance(4))
			put_text("STARTTLS\r\n");
		else
			put_command();
	}
	if (phase == PHASE_MESSAGE && chance(2))
		put_text("\r\n.\r\n");
	else if (!chance(4))
		put_text(ANY("DATA\r\n", "data\n", "DATA \r\n"));
}

static void put_greeting(void)
{
	burst.count = 0;
	put_text(
		ANY("220 mx", "220-mx.example.net\r\n220 ", "554 no", "421 ", "220\n", "220 ",
		    "220 mx.example.org Microsoft Exchange 15.1.2507.39",
		    "220 ex.example.org Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready",
		    "220 mx.example.org ESMTP Server (Microsoft Exchange Internet Mail Service "
		    "5.5.2653.13) ready"));
	if (!chance(3))
		put_filler(length());
	put_end();
}

static void put_server(uint32_t phase)
{
	burst.count = 0;
	for (uint32_t n = chance(4) + 1; n; n--) {
		switch (chance(12)) {
		case 0:
			put_flood();
			break;
		case 1:
			put_filler(length());
			break;
		default:
			put_text(ANY("250 ok", "250-a Hello [192.0.2.1]", "250-X-EXPS", "250 ",
				     "250", "250-", "451 later", "550-", "503 5.5.1 no", "25", "2",
				     "", "250-XEXCH50", "250-X-LINK2STATE", "250 8BITMIME", "221"));
			if (chance(2))
				put_filler(length());
		}
		put_end();
	}
	if (phase == PHASE_DATA_SENT && chance(4))
		put_text(ANY("354 go\r\n", "354\n", "354-go\r\n354 on\r\n", "550 no\r\n"));
	else if (phase == PHASE_TLS_SENT && chance(2))
		put_text("454 no\r\n");
	else if (!chance(10))
		put_text(ANY("354 go\r\n", "220 go\r\n"));
}

/* --- the other reading: every byte ----------------------------------------------------------- */

struct model {
	struct session side[2]; /* client's, server's */
	struct turn_asked asked;
	struct turn_told told;
	uint32_t next[2];
	uint32_t phase;
	bool inbound; /* then our server's acknowledgements are kept */
	bool turns;   /* is it looked at whose turn it is? */
};

static void model_begin(struct model *m, const struct talk *t)
{
	memset(m, 0, sizeof(*m));
	session_begin(&m->side[0], SIDE_CLIENT);
	session_begin(&m->side[1], SIDE_SERVER);
	turn_start(&m->asked, &m->told, t->client_seq, t->server_seq);
	m->next[0] = t->client_seq;
	m->next[1] = t->server_seq;
	m->phase = PHASE_COMMAND;
	m->inbound = !t->outbound;
	m->turns = m->inbound && t->server_port == 25;
}

/* model_client - one byte; what went before says what it is */
static void model_client(struct model *m, uint8_t byte)
{
	struct session *s = &m->side[0];

	if (m->phase == PHASE_DATA_SENT || m->phase == PHASE_TLS_SENT)
		session_over(s, FAMILY_UNKNOWN);
	if (s->done) {
		m->phase = PHASE_DONE;
		return;
	}
	if (m->phase == PHASE_REFUSED) {
		smtp_begin(&s->smtp, SMTP_ROW_COMMAND);
		m->phase = PHASE_COMMAND;
	}
	if (m->phase == PHASE_MESSAGE && !s->smtp.budget && !(s->smtp.flags & SMTP_IN_CHUNK))
		session_message(s);
	session_feed(s, &byte, 1);
	m->next[0]++;
	if (s->done)
		m->phase = PHASE_DONE;
	else if (m->phase == PHASE_COMMAND && s->said == SMTP_DATA)
		m->phase = PHASE_DATA_SENT;
	else if (m->phase == PHASE_COMMAND && s->said == SMTP_STARTTLS)
		m->phase = PHASE_TLS_SENT;
}

static void model_server(struct model *m, uint8_t byte)
{
	struct session *s = &m->side[1];

	session_feed(s, &byte, 1);
	m->next[1]++;
	if (s->said == SMTP_REPLY_354 && (m->phase == PHASE_DATA_SENT || m->phase == PHASE_REFUSED))
		m->phase = PHASE_MESSAGE;
	if (s->said == SMTP_REPLY_REFUSED &&
	    (m->phase == PHASE_DATA_SENT || m->phase == PHASE_TLS_SENT))
		m->phase = PHASE_REFUSED;
	if (s->said == SMTP_REPLY_220 &&
	    (m->phase == PHASE_TLS_SENT || m->phase == PHASE_REFUSED)) {
		session_over(s, FAMILY_TLS);
		m->phase = PHASE_DONE;
	}
}

static void model_asks(struct model *m, uint32_t seq, const uint8_t *bytes, uint32_t n, bool push)
{
	struct turn_asked *a = &m->asked;

	turn_begin(a, &m->told, seq);
	if (a->state == TURN_MESSAGE && !push) {
		turn_passed(a, seq + n);
		return;
	}
	for (uint32_t i = a->next - seq; i < n; i++) {
		i += turn_skip(a, n - i);
		if (i < n && a->state != TURN_COMMAND && a->state != TURN_MESSAGE) {
			if (a->state != TURN_TLS)
				a->state = TURN_LOST;
			return;
		}
		if (i < n)
			turn_asks(a, bytes[i]);
	}
}

static void model_segment(struct model *m, bool client, uint32_t seq, uint32_t ack,
			  const uint8_t *bytes, uint32_t n, bool push)
{
	uint32_t *next = &m->next[!client];

	if (!client && m->inbound && turn_ahead(ack, m->told.acked))
		m->told.acked = ack;
	if (n && m->turns && m->asked.state != TURN_TLS) {
		if (client)
			model_asks(m, seq, bytes, n, push);
		for (uint32_t i = m->told.next - seq; !client && i < n; i++)
			turn_tells(&m->told, bytes[i], ack);
	}
	while (m->phase != PHASE_DONE && *next - seq < n) {
		if (client)
			model_client(m, bytes[*next - seq]);
		else
			model_server(m, bytes[*next - seq]);
	}
}

/* --- both ------------------------------------------------------------------------------------ */

static void differ(const char *what, unsigned int segment, bool client, uint32_t at)
{
	fprintf(stderr,
		"seed %u, segment %u (%s's, up to byte %u): %s is not as it is byte by byte\n",
		seed, segment, client ? "client" : "server", at, what);
	fail();
}

#define SAME(a, b) (!memcmp(&(a), &(b), sizeof(a)))

static void compare(const struct talk *t, const struct model *m, unsigned int segment, bool client)
{
	uint32_t at = client ? t->client_seq : t->server_seq;
	struct flow_key key = key_of(t);
	struct pending names;
	struct flow f;

	if (!flow_of(t, &f))
		differ("the entry's being there", segment, client, at);
	if (f.phase != m->phase)
		differ("the phase", segment, client, at);
	if (!SAME(f.client.smtp, m->side[0].smtp))
		differ("the client's machine", segment, client, at);
	if (!SAME(f.server.smtp, m->side[1].smtp))
		differ("the server's machine", segment, client, at);
	if (f.client.next != m->next[0] || f.server.next != m->next[1])
		differ("how far was read", segment, client, at);
	if (!SAME(f.asked, m->asked))
		differ("what was asked", segment, client, at);
	if (!SAME(f.told, m->told))
		differ("what was told", segment, client, at);
	if (bpf_map_lookup_elem(instance_fds(t->gate)->pending, &key, &names))
		return; /* reported: not needed any more */
	if (!SAME(names.text[0], m->side[0].text) || !SAME(names.text[1], m->side[1].text))
		differ("what was captured", segment, client, at);
}

/* cut_up - the burst in segments; some begin in bytes that went before, some come twice */
static unsigned int cut_up(struct talk *t, struct model *m, bool client, unsigned int segment)
{
	uint32_t *seq = client ? &t->client_seq : &t->server_seq;
	uint32_t most = chance(2) ? SEGMENT_MAX : chance(2) ? 300 : 12;

	for (uint32_t at = 0; at < burst.count; segment++) {
		uint32_t n = chance(most) + 1, back = chance(6) ? 0 : chance(at + 1);
		uint32_t ack = client ? t->server_seq : t->client_seq;
		bool push = chance(3), twice = !chance(12);

		if (n > burst.count - at)
			n = burst.count - at;
		if (back > SEGMENT_MAX - n)
			back = SEGMENT_MAX - n;
		for (int i = 0; i <= twice; i++) {
			frame(t, client, *seq - back, ack, ACK | (push ? PSH : 0),
			      burst.bytes + at - back, back + n);
			model_segment(m, client, *seq - back, ack, burst.bytes + at - back,
				      back + n, push);
		}
		at += n;
		*seq += n;
		compare(t, m, segment, client);
	}
	return segment;
}

/* told_as - the tokens told are the builds that were named */
static void told_as(const struct model *m, const struct seen *s, bool outbound)
{
	uint64_t build = m->side[outbound].build ?: m->side[!outbound].build;

	if (!s->tokens != !build)
		differ("whether a build was told", 0, false, 0);
}

static void conversation(struct instance *gate)
{
	struct talk t = talk(gate, chance(2));
	unsigned int segment = 0;
	struct model m;
	struct seen s;

	t.outbound = !chance(4);
	t.server_port = chance(8) ? 25 : 587;
	handshake(&t);
	model_begin(&m, &t);
	put_greeting();
	segment = cut_up(&t, &m, false, segment);
	for (uint32_t turns = chance(TURNS_MAX); turns; turns--) {
		bool client = m.phase == PHASE_COMMAND || m.phase == PHASE_MESSAGE ? chance(3)
										   : !chance(5);

		if (client)
			put_client(m.phase);
		else
			put_server(m.phase);
		segment = cut_up(&t, &m, client, segment);
	}
	acknowledge(&t, true);
	acknowledge(&t, false);
	s = seen(gate);
	told_as(&m, &s, t.outbound);
	goodbye(&t);
	seen(gate);
	assert_false(followed(&t));
}

static void every_pace_reads_the_same(void **state)
{
	for (unsigned int i = 0; i < plan.conversations; i++) {
		seed = plan.seed + i;
		random_state = seed * 2654435761u ?: 1;
		conversation(*state);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_pace_reads_the_same, clean_gate),
	};

	if (argc > 1)
		plan.seed = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		plan.conversations = strtoul(argv[2], NULL, 10);
	return cmocka_run_group_tests(tests, open_gate, close_gate);
}
