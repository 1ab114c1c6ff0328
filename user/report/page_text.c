// SPDX-License-Identifier: BSD-2-Clause
/* The page's own text: its parts are built in, and the JSON is put between them. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "page.h"

/* clang-format off */
#define FILE_BEGIN(name) ".section .rodata\n.global " name "\n" name ":\n"
#define FILE_PART(path)  ".incbin \"user/report/page/" path "\"\n"
#define FILE_END         ".byte 0\n.previous\n"
__asm__(FILE_BEGIN("page_html") FILE_PART("page.html") FILE_END
	FILE_BEGIN("page_css") FILE_PART("page.css") FILE_END
	FILE_BEGIN("page_js") FILE_PART("base.js") FILE_PART("charts.js") FILE_PART("rows.js")
	FILE_PART("sources.js") FILE_END);
/* clang-format on */
extern const char page_html[], page_css[], page_js[];

#define HASH_TEXT 48
#define LOCKED                                                                                     \
	"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "                 \
	"require-trusted-types-for 'script'; "

/* hash - of a script or style, as a policy names it */
static const char *hash(const char *text, char buf[HASH_TEXT])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, (const unsigned char *)text, strlen(text));
	return sodium_bin2base64(buf, HASH_TEXT, sum, sizeof(sum), sodium_base64_VARIANT_ORIGINAL);
}

/* allowed - the page's own script and style, by what they are, and nothing else */
static const char *allowed(void)
{
	static char text[512];
	char script[HASH_TEXT], style[HASH_TEXT];

	if (!text[0])
		snprintf(text, sizeof(text), LOCKED "script-src 'sha256-%s'; style-src 'sha256-%s'",
			 hash(page_js, script), hash(page_css, style));
	return text;
}

/* page_security - what a meta element cannot say, too */
const char *page_security(void)
{
	static char text[600];

	if (!text[0])
		snprintf(text, sizeof(text), "%s; frame-ancestors 'none'", allowed());
	return text;
}

/* put_json - as it may stand in a script element: no '<' can end it, none can open a comment */
static void put_json(const json_t *json, FILE *out)
{
	char *text = json_dumps(json, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ENCODE_ANY);

	/* all three stand in strings only */
	for (const char *p = text; p && *p; p++) {
		if (*p == '<' || *p == '>' || *p == '&')
			fprintf(out, "\\u%04x", (unsigned int)*p);
		else
			fputc(*p, out);
	}
	free(text);
}

/* put_until - the page from `from` up to a mark; returns what follows the mark */
static const char *put_until(const char *from, const char *mark, FILE *out)
{
	const char *end = strstr(from, mark);

	fwrite(from, 1, (size_t)(end - from), out);
	return end + strlen(mark);
}

/* text_of - what was written, or NULL */
static char *text_of(FILE *out, char **text)
{
	if (out && !fclose(out))
		return *text;
	free(*text);
	return NULL;
}

/* page_begin - up to the sources */
char *page_begin(const json_t *head)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	const char *p = page_html;

	if (!out)
		return NULL;
	p = put_until(p, "@SECURITY@", out);
	fputs(allowed(), out);
	p = put_until(p, "@STYLE@", out);
	fputs(page_css, out);
	p = put_until(p, "@HEAD@", out);
	put_json(head, out);
	put_until(p, "@SOURCES@", out);
	return text_of(out, &text);
}

/* page_rows - a comma between any two */
char *page_rows(const json_t *sources, unsigned int *rows)
{
	char *text = NULL;
	size_t bytes, i;
	FILE *out = open_memstream(&text, &bytes);
	json_t *source;

	if (!out)
		return NULL;
	json_array_foreach (sources, i, source) {
		fputs((*rows)++ ? ",\n" : "\n", out);
		put_json(source, out);
	}
	return text_of(out, &text);
}

/* page_end - what follows the sources */
char *page_end(const json_t *tail)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	const char *p = strstr(page_html, "@SOURCES@") + strlen("@SOURCES@");

	if (!out)
		return NULL;
	p = put_until(p, "@TAIL@", out);
	put_json(tail, out);
	p = put_until(p, "@SCRIPT@", out);
	fputs(page_js, out);
	fputs(p, out);
	return text_of(out, &text);
}
