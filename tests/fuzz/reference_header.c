// SPDX-License-Identifier: BSD-2-Clause
/* The header of a message, to the end of its top-most Received line. */
#include <string.h>

#include "maps/abi.h"
#include "tests/fuzz/reference.h"

#define BLANKS " \t\r\n"

enum expected {
	ANYTHING,
	WITH_WORD,  /* after "with" */
	BY_NAME,    /* after "by" */
	ID_NUMBER,  /* after "id" */
	OWN_PAREN,  /* after "Internet Mail Service" */
	SMTP_PAREN, /* after "SMTP" */
	IMC_PAREN,  /* after "Microsoft Exchange" */
};

enum stamp { FOREIGN, EXCHANGE, RESUBMITTED, NUMBERED };

/* One Received field that is being read. */
struct field {
	const char *at, *end;
	bool whole; /* the field's end was seen */
	enum expected expected;
	enum stamp stamp;
	uint64_t build;
	char phrase[64]; /* the words after "with" so far */
	char by[128];
};

static const char *const phrases[] = {
	"Microsoft SMTP Server",
	"mapi",
	"ShadowRedundancy",
	"MailboxResubmission",
	"Internet Mail Service",
	"SMTP",
	"Microsoft SMTPSVC",
	"Microsoft Exchange",
	NULL,
};

static const char *const imc[] = { "IMC", NULL };
static const char *const inside[] = {
	"Microsoft Exchange Internet Mail Service Version",
	"Microsoft Exchange Internet Mail Connector Version",
	"Microsoft Exchange Server Internet Mail Service Version",
	"Microsoft Exchange Server Internet Mail Connector Version",
	NULL,
};

/* ended - the clauses are over: what were they? */
static bool ended(const struct field *f, struct reference *r)
{
	if (f->stamp == NUMBERED && f->build) {
		r->build = f->build;
		r->stamped = true;
		r->family = FAMILY_EXCHANGE;
		memcpy(r->by, f->by, sizeof(r->by));
	}
	reference_family(r, f->stamp == FOREIGN ? FAMILY_OTHER : FAMILY_EXCHANGE_NOBUILD);
	return true;
}

/* comment - over a comment, nested ones count to two */
static void comment(struct field *f)
{
	int depth = 0;

	for (; f->at < f->end; f->at++) {
		if (*f->at == '(' && depth < 2)
			depth++;
		if (*f->at == ')' && !--depth) {
			f->at++;
			return;
		}
	}
}

/* numbered - a number, and the parenthesis' end after it */
static bool numbered(struct field *f, const char *at)
{
	uint64_t build;
	size_t n = reference_number(at, f->end, ".", &build);

	if (!n || at + n == f->end || at[n] != ')')
		return false;
	f->at = at + n + 1;
	f->build = build;
	f->stamp = NUMBERED;
	return true;
}

/* spoken - the words with blanks between, at `at`; returns where they end, or NULL */
static const char *spoken(const char *at, const char *end, const char *words)
{
	while (*words) {
		size_t n = strcspn(words, " ");
		const char *after = at + n;

		if ((size_t)(end - at) < n || memcmp(at, words, n))
			return NULL;
		at = reference_span(after, end, BLANKS, true);
		if (at == after)
			return NULL;
		words += n + strspn(words + n, " ");
	}
	return at;
}

/* parenthesis - one that may hold the number, or a comment */
static void parenthesis(struct field *f)
{
	static const char *const none[] = { NULL };
	enum expected expected = f->expected;
	const char *const *list = expected == SMTP_PAREN  ? inside
				  : expected == IMC_PAREN ? imc
							  : none;

	f->expected = ANYTHING;
	if (expected == OWN_PAREN && numbered(f, f->at + 1))
		return;
	for (const char *const *w = list; *w; w++) {
		const char *number = spoken(f->at + 1, f->end, *w);

		if (number && numbered(f, number))
			return;
	}
	comment(f);
}

/* with - one more word after "with"; true where that decides */
static bool with(struct field *f, const char *word, size_t n, struct reference *r)
{
	size_t have = strlen(f->phrase), i;

	f->expected = ANYTHING;
	if (have + n + 2 > sizeof(f->phrase) || memchr(word, 0, n))
		return false;
	if (have)
		f->phrase[have++] = ' ';
	memcpy(f->phrase + have, word, n);
	f->phrase[have + n] = 0;
	for (i = 0; phrases[i] && strcmp(phrases[i], f->phrase); i++)
		if (!strncmp(phrases[i], f->phrase, have + n) && phrases[i][have + n] == ' ')
			f->expected = WITH_WORD;
	switch (i) {
	case 0:
	case 1:
	case 2:
		f->stamp = EXCHANGE;
		f->expected = ANYTHING;
		break;
	case 3:
		f->stamp = RESUBMITTED;
		break;
	case 4:
		f->stamp = EXCHANGE;
		f->expected = OWN_PAREN;
		break;
	case 5:
		f->expected = SMTP_PAREN;
		break;
	case 6:
		reference_family(r, FAMILY_IIS_SMTP);
		return true;
	case 7:
		f->stamp = EXCHANGE;
		f->expected = IMC_PAREN;
		break;
	}
	return false;
}

/* clause - a word where any clause may begin; true where that decides */
static bool clause(struct field *f, const char *word, size_t n, struct reference *r)
{
	bool is_by = n == 2 && !memcmp(word, "by", 2), is_id = n == 2 && !memcmp(word, "id", 2);
	bool is_with = n == 4 && !memcmp(word, "with", 4);

	switch (f->stamp) {
	case FOREIGN:
	case EXCHANGE:
		if (is_by || is_with) {
			f->stamp = FOREIGN;
			f->expected = is_by ? BY_NAME : WITH_WORD;
			f->phrase[0] = 0;
		} else if (is_id && f->stamp == EXCHANGE) {
			f->expected = ID_NUMBER;
		}
		return false;
	case RESUBMITTED:
		if (is_id) {
			f->stamp = EXCHANGE;
			f->expected = ID_NUMBER;
		}
		return false;
	case NUMBERED:
		if ((!is_by && !is_with) || !strchr(BLANKS, word[n]))
			return false;
		reference_family(r, FAMILY_EXCHANGE_NOBUILD);
		return true;
	}
	return false;
}

/* word - one word of the field; true where that decides */
static bool word(struct field *f, struct reference *r)
{
	const char *w = f->at;
	enum expected expected = f->expected;
	size_t n;

	f->at = reference_span(w, f->end, BLANKS "(;", false);
	n = f->at - w;
	if (f->at == f->end)
		return false;
	f->expected = ANYTHING;
	switch (expected) {
	case ANYTHING:
		return clause(f, w, n, r);
	case WITH_WORD:
		return with(f, w, n, r);
	case BY_NAME:
		reference_copy(f->by, w, f->at);
		return false;
	case ID_NUMBER:
		if (reference_number(w, f->at, ".", &f->build) == n)
			f->stamp = NUMBERED;
		return false;
	case OWN_PAREN:
	case SMTP_PAREN:
	case IMC_PAREN:
		return false;
	}
	return false;
}

/* received - the field from after its colon; true where it decides */
static bool received(const char *at, const char *end, struct reference *r)
{
	struct field f = { .at = at, .end = end };

	for (const char *p = at; p + 1 < end; p++)
		if (*p == '\n' && p[1] != ' ' && p[1] != '\t') {
			f.end = p + 1;
			f.whole = true;
			break;
		}
	for (;;) {
		f.at = reference_span(f.at, f.end, BLANKS, true);
		if (f.at == f.end)
			return f.whole && ended(&f, r);
		if (*f.at == ';')
			return ended(&f, r);
		if (*f.at == '(')
			parenthesis(&f);
		else if (word(&f, r))
			return true;
	}
}

/* unstuff - without the dots that were added (RFC 5321, 4.5.2) */
static size_t unstuff(const char *bytes, size_t n, char *text)
{
	size_t to = 0;

	for (size_t i = 0; i < n; i++)
		if (bytes[i] != '.' || (i && bytes[i - 1] != '\n'))
			text[to++] = bytes[i];
	return to;
}

/* reference_header - line by line, to the first Received or the empty line */
bool reference_header(const char *bytes, size_t n, bool stuffed, struct reference *r)
{
	char text[4096];
	const char *at = text, *end;

	if (stuffed)
		n = unstuff(bytes, n, text);
	else
		memcpy(text, bytes, n);
	for (end = text + n; at < end; at++) {
		const char *colon = at + strlen("Received");

		if (reference_is(at, end, "\n", false) || reference_is(at, end, "\r\n", false)) {
			reference_family(r, FAMILY_OTHER);
			return true;
		}
		if (reference_is(at, end, "Received", true)) {
			colon = reference_span(colon, end, " \t", true);
			if (colon < end && *colon == ':')
				return received(colon + 1, end, r);
		}
		at = reference_span(at, end, "\n", false);
	}
	return false;
}
