/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words - what the line machine looks for
 *
 * The one place to add a pattern: a line in words.c, and a row in tests/unit/test_smtp.c that
 * shows it and one that nearly is it. Lists end with NULL.
 */
#ifndef BUILDGATE_SMTP_WORDS_H
#define BUILDGATE_SMTP_WORDS_H

extern const char *const words_exchange_with[];
extern const char *const words_exchange_again[];
extern const char *const words_exchange_paren[];
extern const char *const words_exchange_inside[];
extern const char *const words_exchange_imc[];
extern const char *const words_iis_with[];

extern const char *const words_exchange_banner[];
extern const char *const words_exchange_update[];
extern const char *const words_mail_service[];

extern const char *const words_exchange_keyword[];
extern const char *const words_iis_keyword[];

#endif
