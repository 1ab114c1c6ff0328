/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * smtp_rows - what is said on the wire, and what must be read from it
 *
 * The shapes are those of real mail (headers of messages in DATA or BDAT, EHLO names, greetings,
 * replies), the names are examples. A row without a build must never give one.
 */
#ifndef BUILDGATE_TESTS_SMTP_ROWS_H
#define BUILDGATE_TESTS_SMTP_ROWS_H

#include "bpf/session.h"

enum spoken {
	HEADER = 1, /* of a message; read in DATA and in BDAT */
	STUFFED,    /* of a message, in DATA only: as dots were added */
	CHUNKED,    /* of a message, in BDAT only */
	COMMANDS,   /* of a client; DATA is answered 354 */
	GREETING,   /* of a server, from its first byte */
	REPLY,      /* of a server, after its greeting */
};

struct row {
	enum spoken kind;
	const char *text;
	__u64 build;
	enum family family;
	const char *by;   /* NULL: not looked at */
	const char *helo; /* of a server: the host that greets */
};

#define FROM  "Received: from client.example.org (192.0.2.1) by EX01.example.org\r\n (198.51.100.2) "
#define DATE  "; Sat, 21 Nov 2026 10:00:00 +0000\r\n"
#define TLS12 "(version=TLS1_2,\r\n cipher=TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384)"
#define BY    "EX01.example.org"
#define SMTP  "with Microsoft SMTP Server "
#define CU23  BUILD(15, 1, 2507, 39)
#define EXO   BUILD(15, 20, 8746, 14)

#define NAMED(text, build)                                                                         \
	{                                                                                          \
		HEADER, text, build, FAMILY_EXCHANGE, BY, 0                                        \
	}
#define NOBUILD(text)                                                                              \
	{                                                                                          \
		HEADER, text, 0, FAMILY_EXCHANGE_NOBUILD, 0, 0                                     \
	}
#define FOREIGN(text)                                                                              \
	{                                                                                          \
		HEADER, text, 0, FAMILY_OTHER, 0, 0                                                \
	}
#define WINDOWS(text)                                                                              \
	{                                                                                          \
		HEADER, text, 0, FAMILY_IIS_SMTP, 0, 0                                             \
	}

static const struct row header_rows[] = {
	/* each generation, as it stamps */
	NAMED(FROM SMTP "id 8.0.685.25" DATE, BUILD(8, 0, 685, 25)),
	NAMED(FROM SMTP "id 8.1.263.0" DATE, BUILD(8, 1, 263, 0)),
	NAMED(FROM SMTP "(TLS) id 8.3.485.1" DATE, BUILD(8, 3, 485, 1)),
	NAMED(FROM SMTP "(TLS) id 14.3.498.0" DATE, BUILD(14, 3, 498, 0)),
	NAMED(FROM SMTP "(TLS) id 15.0.1497.48 via Frontend Transport" DATE,
	      BUILD(15, 0, 1497, 48)),
	NAMED(FROM SMTP "id 15.0.847.32 via Frontend\r\n Transport" DATE, BUILD(15, 0, 847, 32)),
	NAMED(FROM SMTP TLS12 " id 15.1.2507.39" DATE, CU23),
	NAMED(FROM SMTP TLS12 " id\r\n 15.1.2507.39 via Frontend Transport" DATE, CU23),
	NAMED(FROM SMTP TLS12 " id 15.1.2507.39 via Mailbox Transport" DATE, CU23),
	NAMED(FROM SMTP "(version=TLS1_3, cipher=TLS_AES_256_GCM_SHA384) id 15.2.2562.37" DATE,
	      BUILD(15, 2, 2562, 37)),
	NAMED(FROM SMTP TLS12 " id 15.20.8746.14 via Frontend Transport" DATE, EXO),
	NAMED(FROM SMTP TLS12 " id 15.21.113.18" DATE, BUILD(15, 21, 113, 18)),
	NAMED(FROM "with mapi id 14.02.0347.000" DATE, BUILD(14, 2, 347, 0)),
	NAMED(FROM "with mapi id 14.03.0415.000" DATE, BUILD(14, 3, 415, 0)),
	NAMED(FROM "with mapi id 15.01.2507.039" DATE, CU23),
	NAMED(FROM "with mapi id\r\n\t15.20.8746.014" DATE, EXO),
	NAMED(FROM "with ShadowRedundancy id 15.1.1713.5" DATE, BUILD(15, 1, 1713, 5)),
	NAMED(FROM "with MailboxResubmission by AntispamTT id 15.20.8746.14" DATE, EXO),
	NAMED(FROM "with\r\n MailboxResubmission\r\n by AntispamTT\r\n id 15.20.8746.14" DATE, EXO),
	NAMED(FROM "with MailboxResubmission id 15.1.2507.39" DATE, CU23),
	{ HEADER, "Received: by EX5 with Internet Mail Service (5.5.2653.19) id <PXX6AT23>" DATE,
	  BUILD(5, 5, 2653, 19), FAMILY_EXCHANGE, "EX5", 0 },
	NAMED("Received: by EX01.example.org with Internet Mail Service\r\n (5.5.2653.19)\r\n\tid "
	      "<A1>" DATE,
	      BUILD(5, 5, 2653, 19)),
	NAMED("Received: by EX01.example.org with Internet Mail Service (5.5.2699.00)" DATE,
	      BUILD(5, 5, 2699, 0)),
	NAMED("Received: by EX01.example.org with Internet Mail Service(5.0.1460.8)" DATE,
	      BUILD(5, 0, 1460, 8)),
	NAMED(FROM
	      "with SMTP (Microsoft Exchange Internet Mail Service Version 5.5.2448.0) id X1" DATE,
	      BUILD(5, 5, 2448, 0)),
	NAMED(FROM "with SMTP\r\n (Microsoft Exchange Server Internet Mail Connector Version\r\n "
		   "4.0.994.63) id X1" DATE,
	      BUILD(4, 0, 994, 63)),
	NAMED(FROM "with SMTP (Microsoft Exchange Internet Mail Connector Version 5.0.1457.7)" DATE,
	      BUILD(5, 0, 1457, 7)),
	NAMED("Received: by EX01.example.org with Microsoft Exchange (IMC 4.0.838.14)\r\n id "
	      "<01BB>" DATE,
	      BUILD(4, 0, 838, 14)),
	NAMED("Received: by EX01.example.org with Microsoft\r\n Exchange\r\n (IMC\r\n 4.0.838.5) "
	      "id "
	      "x" DATE,
	      BUILD(4, 0, 838, 5)),
	NOBUILD(FROM "with Microsoft Exchange (4.0.838.14)" DATE),
	NOBUILD(FROM "with Microsoft Exchange id 15.1.2507.39" DATE),
	NOBUILD(FROM "with Microsoft Exchange (IMCS 4.0.838.14)" DATE),

	/* folded between any two words, tabs, bare line ends, no blank */
	NAMED("Received:\r\n from\r\n client.example.org\r\n (192.0.2.1)\r\n by\r\n "
	      "EX01.example.org\r\n (198.51.100.2)\r\n with\r\n Microsoft\r\n SMTP\r\n Server\r\n "
	      "(TLS)\r\n id\r\n 15.1.2507.39\r\n via\r\n Frontend\r\n Transport\r\n" DATE,
	      CU23),
	NAMED("Received:\tfrom\tclient\tby\tEX01.example.org\twith\tMicrosoft\tSMTP\tServer\tid\t"
	      "15.1.2507.39\t" DATE,
	      CU23),
	NAMED("Received: from a by EX01.example.org with Microsoft SMTP Server id 15.1.2507.39\n"
	      "Subject: x\n",
	      CU23),
	NAMED("Received: from a\n by EX01.example.org with\n Microsoft SMTP Server\n id\n "
	      "15.1.2507.39;\n Sat\n",
	      CU23),
	NAMED("Received:from a by EX01.example.org with mapi id 15.01.2507.039" DATE, CU23),
	NAMED("RECEIVED \t: from a by EX01.example.org with mapi id 15.01.2507.039" DATE, CU23),
	NAMED("Received: from a by EX01.example.org\r\n \t \r\n \r\n with mapi id "
	      "15.1.2507.39" DATE,
	      CU23),
	NAMED(FROM SMTP "id 15.1.2507.39\r\nSubject: no date\r\n", CU23),
	NAMED(FROM SMTP "id 15.1.2507.39 \r\n\r\n", CU23),
	NAMED(FROM SMTP "id 15.1.2507.39(a comment)" DATE, CU23),
	NAMED(FROM "with Microsoft SMTP Server(TLS)id 15.1.2507.39" DATE, CU23),

	/* comments */
	NAMED(FROM "(a (nested) one with mapi id 8.1.1.1; by evil) " SMTP "id 15.1.2507.39" DATE,
	      CU23),
	NAMED("Received: from a ((192.0.2.1)) by EX01.example.org ((192.0.2.2)) with "
	      "ShadowRedundancy id\r\n 15.1.2507.39" DATE,
	      CU23),
	NAMED("Received: from a (with mapi id 8.3.1.1) by EX01.example.org (x) " SMTP
	      "(TLS) (Client did not present a certificate) id 15.1.2507.39" DATE,
	      CU23),
	NAMED("Received: from by (192.0.2.1) by EX01.example.org " SMTP "id 15.1.2507.39" DATE,
	      CU23),
	NAMED("Received: from with (192.0.2.1) by EX01.example.org " SMTP "id 15.1.2507.39" DATE,
	      CU23),

	/* names of the server */
	{ HEADER, "Received: from a by mail (192.0.2.9) " SMTP "id 15.1.2507.39" DATE, CU23,
	  FAMILY_EXCHANGE, "mail", 0 },
	{ HEADER, "Received: from a by [192.0.2.9] " SMTP "id 15.1.2507.39" DATE, CU23,
	  FAMILY_EXCHANGE, "[192.0.2.9]", 0 },
	{ HEADER, "Received: from a by mx.example.org(192.0.2.9) " SMTP "id 15.1.2507.39" DATE,
	  CU23, FAMILY_EXCHANGE, "mx.example.org", 0 },
	{ HEADER, "Received: from a by 15.1.225.42 " SMTP "id 15.1.2507.39" DATE, CU23,
	  FAMILY_EXCHANGE, "15.1.225.42", 0 },
	{ HEADER, "Received: from a by by " SMTP "id 15.1.2507.39" DATE, CU23, FAMILY_EXCHANGE,
	  "by", 0 },
	NAMED("Received: from a ([2001:db8::1%12]) by EX01.example.org ([2001:db8::2%4]) with mapi "
	      "id 15.01.2507.039" DATE,
	      CU23),

	/* numbers that are also addresses, and addresses that are no numbers */
	NAMED(FROM SMTP "id 15.1.225.42" DATE, BUILD(15, 1, 225, 42)),
	NAMED(FROM "with mapi id 15.02.0221.012" DATE, BUILD(15, 2, 221, 12)),
	NAMED("Received: from [15.1.225.42] (15.1.225.42) by EX01.example.org (15.1.2.3) " SMTP
	      "id 15.1.2507.39" DATE,
	      CU23),
	FOREIGN("Received: from [15.1.225.42] (15.1.225.42) by mx.example.org (15.2.221.12)" DATE),
	FOREIGN("Received: from a (a [15.121.0.190]) by b (Postfix) with ESMTP id "
		"15.1.225.42" DATE),
	FOREIGN("Received: FROM a (15.121.0.190) BY b WITH ESMTP" DATE),

	/* numbers that are none */
	NOBUILD(FROM SMTP "id 8.2.x.x" DATE),
	NOBUILD(FROM SMTP "id 15.1.2507.39.1" DATE),
	NOBUILD(FROM SMTP "id 15.1.2507" DATE),
	NOBUILD(FROM SMTP "id 15.1.2507." DATE),
	NOBUILD(FROM SMTP "id 15..2507.39" DATE),
	NOBUILD(FROM SMTP "id .15.1.2507.39" DATE),
	NOBUILD(FROM SMTP "id 15.1.2507.39a" DATE),
	NOBUILD(FROM SMTP "id v15.1.2507.39" DATE),
	NOBUILD(FROM SMTP "id 15.1.65536.39" DATE),
	NOBUILD(FROM SMTP "id 4294967311.1.2507.39" DATE),
	NOBUILD(FROM SMTP "id 15.1.2507.99999999999999999999" DATE),
	NOBUILD(FROM SMTP "id 00000015.00000001.00002507.0000039" DATE),
	NOBUILD(FROM SMTP "id 15-1-2507-39" DATE),
	NOBUILD(FROM SMTP "id <15.1.2507.39>" DATE),
	NOBUILD(FROM SMTP "id 0.0.0.0" DATE),
	NAMED(FROM SMTP "id 65535.65535.65535.65534" DATE, BUILD(65535, 65535, 65535, 65534)),

	/* words without a number, or not the words */
	NOBUILD(FROM "with mapi" DATE),
	NOBUILD(FROM SMTP TLS12 " via Frontend Transport" DATE),
	NOBUILD(FROM SMTP "15.1.2507.39" DATE),
	NOBUILD(FROM SMTP "id" DATE),
	NOBUILD(FROM SMTP "id (x) 15.1.2507.39" DATE),
	NOBUILD(FROM "with Internet Mail Service id 15.1.2507.39" DATE),
	NOBUILD(FROM "with Internet Mail Service (version 5.5.2653.19)" DATE),
	FOREIGN(FROM "with MAPI id 15.1.2507.39" DATE),
	FOREIGN("Received: from mapi (a[null])\r\n\tby mapi (Zmail) with MAPI id mid204" DATE),
	FOREIGN(FROM "with Microsoft SMTP Servers id 15.1.2507.39" DATE),
	FOREIGN(FROM "with Microsoft ESMTP Server id 15.1.2507.39" DATE),
	FOREIGN(FROM "with Microsoft (x) SMTP Server id 15.1.2507.39" DATE),
	FOREIGN(FROM "(with Microsoft SMTP Server id 15.1.2507.39)" DATE),
	FOREIGN(FROM "with xmapi id 15.1.2507.39" DATE),
	FOREIGN(FROM "with HTTPS" DATE),
	FOREIGN(FROM "; with mapi id 15.1.2507.39\r\n"),
	FOREIGN("Received: from a by b with SMTP (Microsoft Exchange) id 15.1.2507.39" DATE),

	/* other people's lines */
	FOREIGN("Received: from a\r\n\tby b (8.18.1.11/8.18.1.11) with ESMTP id "
		"624FmGOK2847875" DATE),
	FOREIGN("Received: from a by b (14.1.0 build 16 RHEL9 x64) with ASMTP id 20250201" DATE),
	FOREIGN("Received: from a by b (MDaemon PRO v15.0.0) with ESMTP id md50000.msg" DATE),
	FOREIGN("Received: from exchange2016.example.org (a [15.1.2.3])\r\n\tby mx (Postfix) with "
		"ESMTPS id 4ABC" DATE),
	FOREIGN("Received: from a by b (Lotus Domino Release 8.5.3FP6) with ESMTP id 2017" DATE),
	FOREIGN("Received: from a by b (ccMail Link to SMTP R8.52.02.1)" DATE),
	WINDOWS(FROM "with Microsoft SMTPSVC(6.0.3790.4675)" DATE),
	WINDOWS(FROM "over TLS secured channel with Microsoft SMTPSVC(7.5.7601.17514)" DATE),
	WINDOWS(FROM "with Microsoft\r\n SMTPSVC(5.5.1877.537.53)" DATE),
	WINDOWS("Received: from mail pickup service by EX01 with Microsoft SMTPSVC" DATE),
	WINDOWS(FROM "with Microsoft SMTPSVC id 15.1.2507.39" DATE),

	/* only the top-most, and only Received */
	NAMED("X-CrossPremisesHeadersFilteredBySendConnector: EX01.example.org\r\n" FROM SMTP
	      "id 15.1.2507.39" DATE FROM SMTP "id 15.2.2562.37" DATE,
	      CU23),
	NAMED("DKIM-Signature: v=1; a=rsa-sha256; h=Received:\r\n\tFrom; b=abc\r\n" FROM SMTP
	      "id 15.1.2507.39" DATE,
	      CU23),
	NAMED("X-Received: by b with mapi id 8.3.1.1" DATE FROM SMTP "id 15.1.2507.39" DATE, CU23),
	NAMED("Received-SPF: pass by b with mapi id 8.3.1.1" DATE FROM SMTP "id 15.1.2507.39" DATE,
	      CU23),
	NAMED("Subject: x\r\n Received: by b with mapi id 8.3.1.1" DATE FROM SMTP
	      "id 15.1.2507.39" DATE,
	      CU23),
	FOREIGN("Received: by mx.example.org (Postfix) id 1" DATE FROM SMTP "id 15.1.2507.39" DATE),
	FOREIGN("Received: by mx.example.org" DATE FROM SMTP "id 15.1.2507.39" DATE),
	FOREIGN("Subject: x\r\n\r\n" FROM SMTP "id 15.1.2507.39" DATE),
	FOREIGN("Subject: x\n\n" FROM SMTP "id 15.1.2507.39" DATE),
	FOREIGN("\r\n" FROM SMTP "id 15.1.2507.39" DATE),
	FOREIGN("X-MimeOLE: Produced By Microsoft Exchange V6.5.7226.0\r\n"),
	FOREIGN("X-Mailer: Microsoft Exchange Server Internet Mail Connector Version "
		"4.0.994.63\r\n"),
	FOREIGN("Received_: by b with mapi id 15.1.2507.39" DATE),
	FOREIGN("Received by b with mapi id 15.1.2507.39" DATE),

	/* a name in the line made to look like a stamp */
	NOBUILD("Received: from x with mapi id 8.1.1.1 (192.0.2.1) by EX01.example.org " SMTP
		"id 15.1.2507.39" DATE),
	NOBUILD("Received: from x with mapi id 8.1.1.1 by mx.example.org (Postfix) with "
		"ESMTP" DATE),
	FOREIGN("Received: from x with mapi by mx.example.org (Postfix) with ESMTP id "
		"8.1.1.1" DATE),
	FOREIGN("Received: from x with mapi (192.0.2.1) by mx.example.org with ESMTP id "
		"8.1.1.1" DATE),
	NOBUILD("Received: from x with MailboxResubmission id 8.1.1.1 (x) by EX01 " SMTP
		"id 15.1.2507.39" DATE),

	/* dots */
	{ STUFFED, ".Received: by EX01 with mapi id 15.01.2507.039" DATE, CU23, FAMILY_EXCHANGE,
	  "EX01", 0 },
	{ STUFFED, "..Received: by EX01 with mapi id 15.01.2507.039" DATE, 0, FAMILY_OTHER, 0, 0 },
	{ STUFFED, "Received: by EX01\r\n. with mapi\r\n. id 15.1.2507.39" DATE, CU23,
	  FAMILY_EXCHANGE, "EX01", 0 },
	{ STUFFED, "Subject: x\r\n.\r\n" FROM SMTP "id 15.1.2507.39" DATE, 0, FAMILY_OTHER, 0, 0 },
	{ CHUNKED, ".Received: by EX01 with mapi id 15.01.2507.039" DATE, 0, FAMILY_OTHER, 0, 0 },
	{ CHUNKED, "..\r\n" FROM "with mapi id 15.01.2507.039" DATE, CU23, FAMILY_EXCHANGE, BY, 0 },
	{ CHUNKED, ".\r\n" FROM "with mapi id 15.01.2507.039" DATE, CU23, FAMILY_EXCHANGE, BY, 0 },
	{ CHUNKED, "Received: by EX01\r\n. with mapi id 15.1.2507.39" DATE, 0, FAMILY_OTHER, 0, 0 },
};

#endif
