/* SPDX-License-Identifier: BSD-2-Clause */
/* smtp_talk_rows - commands, greetings and replies; see smtp_rows.h */
#ifndef BUILDGATE_TESTS_SMTP_TALK_ROWS_H
#define BUILDGATE_TESTS_SMTP_TALK_ROWS_H

#include "tests/unit/smtp_rows.h"

#define SAID(name, build)                                                                          \
	{                                                                                          \
		COMMANDS, "EHLO " name "\r\n", build, FAMILY_EXCHANGE, 0, name                     \
	}
#define MUTE(name)                                                                                 \
	{                                                                                          \
		COMMANDS, "EHLO " name "\r\n", 0, 0, 0, name                                       \
	}
#define STAMP "Received: by EX01 with mapi id 15.01.2507.039;\r\n"
#define TOKEN(text, b)                                                                             \
	{                                                                                          \
		GREETING, "220 mx.example.org " text, b, FAMILY_EXCHANGE, 0, "mx.example.org"      \
	}
#define SHOWN(text, f)                                                                             \
	{                                                                                          \
		GREETING, text, 0, f, 0, 0                                                         \
	}
#define REPLIED(text, f)                                                                           \
	{                                                                                          \
		REPLY, text, 0, f, 0, 0                                                            \
	}

static const struct row talk_rows[] = {
	/* labels that an administrator put there */
	SAID("b15-1-2507-39.ex01.example.org", CU23),
	SAID("B15-1-2507-39.ex01.example.org", CU23),
	SAID("b15.1.2507.39.ex01.example.org", CU23),
	SAID("b15_1_2507_39.ex01.example.org", CU23),
	SAID("b15-01-2507-039.ex01.example.org", CU23),
	SAID("build-15-1-2507-39.ex01.example.org", CU23),
	SAID("build-15.1.2507.39", CU23),
	SAID("Build_15.1.2507.39.example.org", CU23),
	SAID("build15-1-2507-39.example.org", CU23),
	SAID("ex01.b8-3-485-1.example.org", BUILD(8, 3, 485, 1)),
	SAID("ex01.example.b15-1-2507-39", CU23),
	SAID("b6-5-7638-1.example.org", BUILD(6, 5, 7638, 1)),
	SAID(".b15-1-2507-39.example.org", CU23),
	SAID("build-15-1-225-42.example.org", BUILD(15, 1, 225, 42)),
	{ COMMANDS, "HELO b15-1-2507-39\n", CU23, FAMILY_EXCHANGE, 0, "b15-1-2507-39" },
	{ COMMANDS, "ehlo \t b15-1-2507-39.x y\r\n", CU23, FAMILY_EXCHANGE, 0, "b15-1-2507-39.x" },

	/* and names that are not */
	MUTE("b15-1-225-42.example.org"),
	MUTE("b14-3-55-12.pool.example.net"),
	MUTE("b109-236-82-42.example.net"),
	MUTE("109-236-82-42.example.net"),
	MUTE("15.1.2507.39"),
	MUTE("[15.1.225.42]"),
	MUTE("[192.0.2.7]"),
	MUTE("192.0.2.7"),
	MUTE("EX2016-CHQ-1.example.org"),
	MUTE("xb15-1-2507-39.example.org"),
	MUTE("b15-1-2507.example.org"),
	MUTE("b15-1-2507-39-1.example.org"),
	MUTE("b15-1-2507-39x.example.org"),
	MUTE("b15-1--2507-39.example.org"),
	MUTE("bu15-1-2507-39.example.org"),
	MUTE("b-15-1-2507-39.example.org"),
	MUTE("b15-1-99999-39.example.org"),
	MUTE("b15-3-2507-39.example.org"),
	MUTE("b5-0-2195-6713.example.org"),
	MUTE("b6-0-3790-4675.example.org"),
	MUTE("b5-5-1877-757.example.org"),
	MUTE("b"),
	MUTE("build"),
	{ COMMANDS, "EHLO\r\nEHLO \r\nNOOP b15-1-2507-39.x\r\n", 0, 0, 0, "" },
	{ COMMANDS, "XEHLO b15-1-2507-39.x\r\n EHLO b15-1-2507-39.x\r\n", 0, 0, 0, "" },
	{ COMMANDS, "EHLO first.example.org\r\nEHLO second.example.org\r\n", 0, 0, 0,
	  "second.example.org" },

	/* commands around a message */
	{ COMMANDS, "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<x>\r\nDATA\r\n" STAMP "\r\n", CU23,
	  FAMILY_EXCHANGE, "EX01", "a" },
	{ COMMANDS, "data \t\r\n" STAMP "\r\n", CU23, FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "DATA\n" STAMP "\r\n", CU23, FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "EHLO a\nRSET\nRSET\nDATA\n" STAMP "\n", CU23, FAMILY_EXCHANGE, "EX01", "a" },
	{ COMMANDS, "DATA x\r\n" STAMP "\r\n", 0, 0, 0, "" },
	{ COMMANDS, "DATAX\r\n" STAMP "\r\n", 0, 0, 0, "" },
	{ COMMANDS, STAMP "\r\n", 0, 0, 0, "" },
	{ COMMANDS, "EHLO b15-1-2507-39.x\r\nDATA\r\nSubject: x\r\n\r\n", CU23, FAMILY_EXCHANGE, 0,
	  "b15-1-2507-39.x" },
	{ COMMANDS, "EHLO b15-1-2507-39.x\r\nDATA\r\nReceived: by y with mapi id 15.1.2507.40;\r\n",
	  BUILD(15, 1, 2507, 40), FAMILY_EXCHANGE, "y", 0 },
	{ COMMANDS, "BDAT 51\r\n" STAMP "x\r\n", CU23, FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "bdat\t51  last \r\n" STAMP "x\r\n", CU23, FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "BDAT 20 LAST\r\n" STAMP, 0, FAMILY_UNKNOWN, 0, "" },
	{ COMMANDS, "BDAT 0 LAST\r\n" STAMP, 0, FAMILY_UNKNOWN, 0, "" },
	{ COMMANDS, "BDAT 99999999999 LAST\r\n" STAMP, 0, FAMILY_UNKNOWN, 0, "" },
	{ COMMANDS, "BDAT x\r\nBDAT -1\r\nBDAT\r\nBDAT 5LAST\r\nBDAT 5 LASTING\r\n", 0, 0, 0, "" },
	{ COMMANDS,
	  "BDAT 0\r\nBDAT 1\r\nRBDAT 51\r\neceived: by EX01 with mapi id 15.01.2507.039;\r\n", CU23,
	  FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "BDAT 38\r\nReceived: by EX01 with mapi id 15.01.2BDAT 9\r\n507.039;\r\n", CU23,
	  FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "BDAT 3\r\nRecRSET\r\nBDAT 99\r\n" STAMP, CU23, FAMILY_EXCHANGE, "EX01", "" },
	{ COMMANDS, "BDAT 3\r\nRecNOOP\r\nBDAT 99\r\n" STAMP, 0, 0, 0, "" },
	/* nothing that is read between two chunks gets into the name or number that waits */
	{ COMMANDS,
	  "BDAT 37\r\nReceived: by EX01 with mapi id 15.01.EHLO b9-3-279-1.x\r\n"
	  "BDAT 50\r\n2507.039;\r\n\r\n",
	  0, FAMILY_OTHER, 0, "b9-3-279-1.x" },
	{ COMMANDS, "BDAT 3\r\nRecDATA\r\n" STAMP, 0, FAMILY_UNKNOWN, 0, "" },

	/* greetings */
	TOKEN("Microsoft Exchange 15.1.2507.39\r\n", CU23),
	TOKEN("Microsoft Exchange 15.1.2507.39\n", CU23),
	TOKEN("Microsoft Exchange Server 2016 CU23 (15.1.2507.39) ready\r\n", CU23),
	TOKEN("Microsoft Exchange Server 2010 SP3 14.3.498.0\r\n", BUILD(14, 3, 498, 0)),
	TOKEN("Microsoft Exchange Server SE build 15.2.2562.37; hello\r\n", BUILD(15, 2, 2562, 37)),
	TOKEN("Microsoft Exchange Server 2016 Cumulative Update 23 15.1.2507.39\r\n", CU23),
	TOKEN("ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready\r\n",
	      BUILD(5, 5, 2653, 13)),
	TOKEN("Microsoft Exchange 15.1.225.42\r\n", BUILD(15, 1, 225, 42)),
	{ GREETING, "220-mx.example.org\r\n220 Microsoft Exchange 15.1.2507.39\r\n", CU23,
	  FAMILY_EXCHANGE, 0, "mx.example.org" },
	{ GREETING, "220-mx.example.org ESMTP\n220-hello\n220 Microsoft Exchange 15.1.2507.39\n",
	  CU23, FAMILY_EXCHANGE, 0, "mx.example.org" },
	SHOWN("220 mx Microsoft ESMTP MAIL Service ready at Sat, 21 Nov 2026\r\n",
	      FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft ESMTP MAIL Service\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready\r\n",
	      FAMILY_IIS_SMTP),
	SHOWN("220  Microsoft ESMTP MAIL Service, Version: 10.0.14393.2608 ready\r\n",
	      FAMILY_IIS_SMTP),
	SHOWN("220 mx Microsoft SMTP MAIL Service, Version: 15.1.2507.39\r\n", FAMILY_IIS_SMTP),
	SHOWN("220 mx Microsoft Exchange Version: 15.1.2507.39\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange 6.0.3790.4675\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange on Windows 10.0.14393.2608\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange relay 15.1.2507.39\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange 15.1.2507.39.4\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange 15.1.2507.99999\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Microsoft Exchange 192.0.2.7\r\n", FAMILY_EXCHANGE_NOBUILD),
	SHOWN("220 mx Exchange 15.1.2507.39\r\n", 0),
	SHOWN("220 mx ESMTP MailEnable 15.1.2507.39\r\n", 0),
	SHOWN("220 mx ESMTP ecelerity 4.0.0.43760 r(Platform:4.0.0.1)\r\n", 0),
	SHOWN("220 mx ESMTP SonicWALL (9.0.5.2077)\r\n", 0),
	SHOWN("220 15.1.225.42 ESMTP\r\n", 0),
	SHOWN("220 *****************************\r\n", 0),
	SHOWN("220 SMTP Server Ready\r\n", 0),
	SHOWN("554 mx Microsoft Exchange 15.1.2507.39\r\n", 0),
	SHOWN("421 mx Microsoft Exchange 15.1.2507.39\r\n", 0),

	/* replies */
	REPLIED("250-mx Hello [192.0.2.7]\r\n250-SIZE\r\n250-X-ANONYMOUSTLS\r\n250 XRDST\r\n",
		FAMILY_EXCHANGE_NOBUILD),
	REPLIED("250-mx\n250 XSHADOWREQUEST\n", FAMILY_EXCHANGE_NOBUILD),
	REPLIED("250-mx\r\n250-X-EXPS GSSAPI NTLM\r\n250 OK\r\n", FAMILY_EXCHANGE_NOBUILD),
	REPLIED("250-mx\r\n250-x-exps=LOGIN\r\n250 OK\r\n", FAMILY_EXCHANGE_NOBUILD),
	REPLIED("250-mx\r\n250-XEXCH50\r\n250-TURN\r\n250 HELP\r\n", FAMILY_EXCHANGE_NOBUILD),
	REPLIED("250-mx Hello [192.0.2.7]\r\n250-TURN\r\n250 OK\r\n", FAMILY_IIS_SMTP),
	REPLIED("250-mx Hello [192.0.2.7]\n250-TURN\n250 OK\n", FAMILY_IIS_SMTP),
	REPLIED("250-mx is pleased to meet you\r\n250-TURN\r\n250 EHLO\r\n", 0),
	REPLIED("250-mx Hello client.example.org [192.0.2.7]\r\n250-TURN\r\n250 HELP\r\n", 0),
	REPLIED("250-mx\r\n250-XXXA\r\n250-XXXXXXXXA\r\n250 XXXB\r\n", 0),
	REPLIED("250-mx\r\n250-XSHADOWS\r\n250-X-EXPSX\r\n250 NOXRDST\r\n", 0),
	REPLIED("250-mx\r\n250-HELP XEXCH50\r\n250 STARTTLS\r\n", 0),
	REPLIED("250 mx Hello [192.0.2.7]\r\n", 0),
	REPLIED("250 2.1.0 Microsoft Exchange 15.1.2507.39\r\n", 0),
	REPLIED("550 5.7.1 Microsoft Exchange 15.1.2507.39\r\n", 0),
};

#endif
