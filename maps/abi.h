/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * abi.h - what the kernel programs and user space agree on
 *
 * Owns the layout of every map value, key and event. Both sides include it; nothing here
 * may depend on either. The map definitions are in maps.bpf.h, the counters' list is in
 * reasons.h.
 *
 * Times called _ns are kernel time: CLOCK_BOOTTIME plus settings.clock_offset_ns.
 * Ports are in network order where the type says so. In every enum 0 is "not set".
 *
 * ABI_VERSION changes with any layout here. The loader compares it with the one in the
 * pinned settings map before it adopts anything. What outlives a version: struct settings, where
 * words are added in `later` and none ever moves, and the numbers of hooks and reasons.
 */
#ifndef BUILDGATE_ABI_H
#define BUILDGATE_ABI_H

#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define ABI_VERSION 4

#define PIN_DIR     "/sys/fs/bpf/buildgate"

/* An address: IPv6, or IPv4 as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2). Network order. */
struct addr {
	union {
		__u8 b[16];
		__be32 w[4];
	};
};

/*
 * A build is one number that sorts as builds do: 15.1.2507.39 is
 * 15 << 48 | 1 << 32 | 2507 << 16 | 39. No build is 0.
 */
#define BUILD(a, b, c, d) ((__u64)(a) << 48 | (__u64)(b) << 32 | (__u64)(c) << 16 | (__u64)(d))

/* A connection, named from the mail server's point of view, whoever is outside. */
struct flow_key {
	struct addr client;
	struct addr server;
	__be16 client_port;
	__be16 server_port;
};

enum direction {
	DIRECTION_INBOUND = 1,  /* the client is outside */
	DIRECTION_OUTBOUND = 2, /* the server is outside */
};

enum side {
	SIDE_CLIENT = 1,
	SIDE_SERVER = 2,
};

/* Where on the wire a token stood. */
enum origin {
	ORIGIN_BANNER = 1,
	ORIGIN_EHLO = 2,
	ORIGIN_RECEIVED = 3,
	ORIGIN_REPORTED = 4, /* told from outside; never made by the kernel */
};

/* What a side showed of itself, strongest last. */
enum family {
	FAMILY_UNKNOWN = 1,          /* not read to where a build would stand */
	FAMILY_OTHER = 2,            /* read, and no sign of Microsoft */
	FAMILY_IIS_SMTP = 3,         /* Windows' own SMTP service */
	FAMILY_EXCHANGE_NOBUILD = 4, /* Exchange that did not say which */
	FAMILY_TLS = 5,              /* the session left for TLS */
	FAMILY_EXCHANGE = 6,         /* a build was read */
};

enum mode {
	MODE_OFF = 1,    /* programs return at once */
	MODE_REPORT = 2, /* everything is read, nothing enforced */
	MODE_ENFORCE = 3,
};

/*
 * settings: one value in a mmap-able array, each field written as one word, so that
 * "mode off" is a single store that needs no daemon and races with nobody.
 */
struct settings {
	__u32 abi;              /* ABI_VERSION of who made the map */
	__u32 mode;             /* enum mode; 0 acts as off */
	__s64 clock_offset_ns;  /* added to CLOCK_BOOTTIME; only lab clock and replay move it */
	__u64 lease_until_ns;   /* verdicts of the clock hold until then */
	__u64 enforce_until_ns; /* unconfirmed "enforce": report from then on. 0: confirmed */
	__u64 recheck_interval_ns;
	__u32 slow_delay_ms; /* D of tarpit/slow */
	__u32 ranges;        /* entries in the ranges map; 0 saves the look-up */
	__u32 frame;         /* replay: number of the frame being fed; copied into events */
	__u32 tarpits;       /* verdicts with throttle_s; 0 saves looking for one per segment */
	__u32 answer_rate;   /* connections per source and second that are answered; 0: all */
	__u32 slow_max;      /* sessions slowed at a time; what comes beyond is deferred */
	__u64 decided;    /* grows with each change of verdicts and ranges: nothing older holds */
	__u32 ipsec;      /* entries in ipsec_peers; 0 saves the look-up */
	__u32 answer_via; /* enum answer_via */
	__u64 later[6];
};

/* How answers go back. */
enum answer_via {
	ANSWER_REFLECT = 0, /* the way the packet came */
	ANSWER_ROUTE = 1,   /* by the routing table */
};

#define IPSEC_MAX 1024 /* ranges of peers that get no answers */

/* Bounds of slow_delay_ms and slow_max, whatever stands in the map. */
#define SLOW_DELAY_MAX_MS 100000
#define SLOTS_MAX         1024

enum action {
	ACTION_PASS = 1,
	ACTION_TARPIT = 2,
	ACTION_DROP = 3,
};

enum style {
	STYLE_SLOW = 1,   /* tarpit: window 0 until a deadline */
	STYLE_DEFER = 2,  /* tarpit: 450 by the answerer */
	STYLE_ANSWER = 3, /* drop: 550 by the answerer */
	STYLE_SILENT = 4, /* drop: nothing */
};

enum verdict_flag {
	VERDICT_CLOCK = 1 << 0,  /* made by the clock: holds only while the lease does */
	VERDICT_RANGED = 1 << 1, /* an entry of ranges overlaps this source: look there too */
};

/*
 * verdict: what to do with one source.
 *
 * The hour of a source begins phase_s seconds into each hour of kernel time. Its first
 * block_s seconds drop, the next throttle_s seconds tarpit, the rest pass:
 *
 *   block_s 0,    throttle_s 600   ten minutes of each hour are slow
 *   block_s 3600, throttle_s 0     always refused ("set drop" too)
 *   block_s 0,    throttle_s 3600  always slow ("set tarpit")
 *   block_s 0,    throttle_s 0     always passed ("set pass")
 */
struct verdict {
	__u64 valid_until_ns; /* 0: no end */
	__u64 recheck_at_ns;  /* a blocked source's next connection after this passes; 0: none. The
				 kernel moves it on when a recheck was used, and to now for a
				 name that is new */
	__u64 build;        /* the build it stands for: on a recheck a token not above it is old */
	__u64 hits_slowed;  /* segments of the source that armed a delay */
	__u64 hits_dropped; /* connection attempts refused */
	__u64 hits_recheck; /* connections let through to show an upgrade */
	__u64 recheck_open_ns;  /* a recheck is under way, until then at most */
	__u64 pending_since_ns; /* recheck attempts are counted from here (0: none in this block) */
	__u32 pending;          /* and this many passed without a greeting acknowledged yet */
	__u32 told;             /* connections that came to where the reason is said ... */
	__u32 unread;           /* ... and those that left before: they insist on TLS */
	__u16 throttle_s;
	__u16 block_s;
	__u16 phase_s; /* 0 .. 3599 */
	__u16 reply;   /* index of the answerer's texts; 0: the general ones */
	__u8 tarpit_style;
	__u8 drop_style;
	__u8 flags; /* enum verdict_flag */
	__u8 reserved[1];
};

/* ranges: longest prefix match over full addresses; IPv4 prefixes count from 96. */
struct range_key {
	__u32 prefix_bits; /* host order, 0 .. 128 */
	struct addr addr;
};

struct range {
	__u64 valid_until_ns; /* 0: no end */
	__u64 hits;
	__u16 reply; /* index of the answerer's texts; 0: the general ones */
	__u8 action; /* enum action; PASS is an exemption */
	__u8 style;
	__u8 reserved[4];
};

/* EHLO and by names, NUL included; longer ones are cut. A build as it stood on the wire. */
#define NAME_BYTES  128
#define TOKEN_BYTES 32

/* One direction's line machine (bpf/smtp.h). */
struct smtp {
	__u16 row;    /* where the automaton stands */
	__u16 parked; /* its row in the header while the next BDAT command is read; 0: none */
	__u16 budget; /* header bytes that will still be read */
	__u8 length;  /* bytes captured of the name at hand */
	__u8 flags;   /* enum smtp_flag */
	__u32 chunk;  /* bytes left in the BDAT chunk; while its command is read, digits so far */
};

/* What a line machine captured. The number's bytes are kept as they stood on the wire. */
struct smtp_text {
	__u64 build; /* parts that are complete, 16 bits each */
	__u32 part;  /* the part being read */
	__u32 token_length;
	char token[TOKEN_BYTES];
	char helo[NAME_BYTES]; /* EHLO argument; of a server: the host that greets */
	char by[NAME_BYTES];
};

/*
 * How far a conversation has come. Changed by compare-and-swap only: it is where the two
 * directions, which may run on two CPUs, hand over to each other.
 */
enum phase {
	PHASE_COMMAND = 1, /* the client's bytes are commands */
	PHASE_DATA_SENT,   /* DATA went by, its reply did not yet */
	PHASE_TLS_SENT,    /* STARTTLS went by, its reply did not yet */
	PHASE_REFUSED,     /* after one of these two: some 4xx or 5xx went by */
	PHASE_MESSAGE,     /* 354 went by: the client's bytes are a message */
	PHASE_DONE,        /* read to where it is decided; bytes are not looked at any more */
};

/* stream: one direction of a flow, written only by the hook that sees this direction. */
struct stream {
	__u32 next;  /* sequence number of the next byte to read, host order */
	__u32 high;  /* one after the highest byte seen */
	__u32 acked; /* highest valid acknowledgement of these bytes; the other hook's */
	struct smtp smtp;
	__u8 family; /* enum family */
	__u8 flags;  /* enum stream_flag */
	__u8 reserved[2];
};

enum stream_flag {
	STREAM_SEEN = 1 << 0, /* a segment of this direction crossed this host */
	STREAM_HOLE = 1 << 1, /* bytes ahead of `next` were seen */
	STREAM_FIN = 1 << 2,
};

/* What the client of a conversation is at (bpf/turn.h). */
enum turn_state {
	TURN_LOST = 0,    /* not known until the next 354 */
	TURN_COMMAND = 1, /* a command line, or before one */
	TURN_MESSAGE = 2, /* after a 354 */
	TURN_CHUNK = 3,   /* of BDAT */
	TURN_TLS = 4,     /* for good */
};

/* turn_asked: what the server owes the client. Written by the hook that sees the client. */
struct turn_asked {
	__u32 next;  /* sequence number of the next byte */
	__u32 count; /* of commands, messages and chunks, and the greeting */
	__u32 chunk; /* bytes left of one; while its command is read, digits so far */
	__u32 verb;  /* first letters of the command at hand */
	__u8 state;  /* enum turn_state */
	__u8 at;     /* bytes of the verb so far; in a message, of CRLF . CRLF */
	__u8 digits; /* BDAT said a size */
	__u8 reserved;
};

/* turn_told: what it has been told. Written by the hook that sees the server. */
struct turn_told {
	__u32 next;    /* sequence number of the next byte */
	__u32 count;   /* of replies */
	__u32 acked;   /* the client's bytes that the server has */
	__u32 data_at; /* where the client's bytes go on after the last 354 */
	__u16 code;    /* of the last reply */
	__u16 line;    /* of the line at hand */
	__u8 at;       /* bytes of that so far, 4 at most */
	__u8 goes_on;  /* it is not its reply's last */
	__u8 lost;     /* since the last 354 something was not understood */
	__u8 reserved;
};

enum flow_flag {
	FLOW_RECHECK = 1 << 0,  /* a blocked source's connection, let through to show an upgrade */
	FLOW_SPENT = 1 << 1,    /* ... and its slot is used up */
	FLOW_CUT = 1 << 2,      /* refused and reset; the gate swallows the rest (bpf/cut.h) */
	FLOW_REPORTED = 1 << 3, /* its CONN event is out */
	FLOW_RANGED = 1 << 4,   /* its client stands in an operator's range that slows */
	FLOW_LOOKED = 1 << 5,   /* a recheck whose TLS session is read, too */
	FLOW_SHUT = 1 << 6,     /* a recheck inside TLS, and over: its bytes are dropped */
};

/* flow: a followed connection. LRU: a lost entry costs an observation, never a wrong one. */
struct flow {
	__u64 born_ns;
	__u64 deadline_ns; /* tarpit/slow: the server's segments carry window 0 until then */
	__u32 phase;       /* enum phase */
	__u32 tokens;      /* 1 << side: a token of that side waits for its acknowledgement */
	__u32 flags;       /* enum flow_flag */
	__u32 server_isn;
	struct stream client;
	struct stream server;
	__u8 direction; /* enum direction */
	__u8 port_kind; /* enum port_kind */
	__u16 slot;     /* of a slowed session: index in slow_slots + 1 */
	__u32 cut_at;   /* FLOW_CUT: our own first sequence number */
	struct turn_asked asked;
	struct turn_told told;
	__u32 answered; /* the client's bytes that the server has said something to */
};

enum port_kind {
	PORT_MX = 1,
	PORT_SUBMISSION = 2,
};

/* slow_slot: of one slowed session. Nobody's once until_ns has passed. */
struct slow_slot {
	__u64 until_ns;
	__u64 flow_ns; /* born_ns of the flow that holds it */
	struct addr source;
};

/*
 * reply: the answerer's texts for one kind of verdict. Every text is exactly REPLY_BYTES long,
 * padded with blanks before its CRLF, so that a client's acknowledgement number alone tells how
 * far its conversation is: first sequence number + n * REPLY_BYTES. The lines in it keep to the
 * limits of RFC 5321, 4.5.3.1.5. Index 0 holds general texts, for connections whose verdict is
 * over: 421, and the connection is closed.
 */
#define REPLY_BYTES 384
#define REPLIES_MAX 1024

enum reply_kind {
	REPLY_GREETING = 0, /* 220; not used where the greeting refuses */
	REPLY_HELLO = 1,    /* 250 to EHLO, HELO, RSET and NOOP */
	REPLY_DEFERRAL = 2, /* 450, the sender keeps its mail ... */
	REPLY_REFUSAL = 3,  /* ... or 550, to everything else */
	REPLY_BYE = 4,      /* 221 to QUIT */
	REPLY_KINDS
};

struct reply {
	__u64 build; /* what the texts were made for: the daemon's key, kept here for the next one
		      */
	__u16 throttle_min;
	__u16 block_min;
	__u8 used;        /* 0: no texts here, nothing is answered with it */
	__u8 at_greeting; /* the first line refuses, and closes */
	__u8 reserved[2];
	char text[REPLY_KINDS][REPLY_BYTES];
};

/* answer_keys: SipHash keys of the answerer's sequence numbers, now and before; all 0: the
 * answerer is off. Made and rotated by the daemon. */
struct answer_keys {
	__u64 key[2][2];
};

#define PORTS_MAX 16

/* gate_config: what the loader fixes at load time, read-only from then on. */
struct gate_config {
	__u32 ports_count;
	__u32 ipv6_bits; /* length of an IPv6 source */
	__u32 ipsec;     /* this kernel knows IPsec */
	struct {
		__be16 port;
		__u8 kind; /* enum port_kind */
		__u8 reserved;
	} ports[PORTS_MAX];
};

/* token: a build that was read and is not yet acknowledged. */
struct token {
	__u64 build;
	__u32 start; /* sequence numbers of its bytes [start, end), host order */
	__u32 end;
	__u32 state; /* enum token_state, changed by compare-and-swap */
	__u32 frame;
	__u32 length;
	__u32 origin;
	char bytes[TOKEN_BYTES];
};

enum token_state {
	TOKEN_READ = 1, /* its digits are known, what stands around them not yet to the end */
	TOKEN_SEEN = 2,
	TOKEN_CONFIRMED = 3,
	TOKEN_VOID = 4,
};

/* pending: the names and tokens of a flow until its CONN event. */
struct pending {
	struct token token[2]; /* client's, server's */
	struct smtp_text text[2];
	__u32 helo_end; /* sequence number after the EHLO argument; 0: none read */
	__u32 frame[2]; /* frames of the segments read last, client's and server's */
	__u32 reserved;
};

/* ahead: bytes that came before those in front of them did, until these are there too. */
#define AHEAD_BYTES 2048

struct ahead_key {
	struct flow_key flow;
	__u32 side;
	__u32 seq; /* of the first byte, host order */
};

struct ahead {
	__u32 length;
	__u32 frame;
	__u8 bytes[AHEAD_BYTES];
};

/* attempts: of a source under the answerer in one second of kernel time. */
struct attempts {
	__u32 second;
	__u32 count;
};

/* handshake: a connection attempt that may become a flow: our client's SYN (then isn is the
 * client's), or a blocked source's recheck. */
struct handshake {
	__u64 at_ns;
	__u32 isn;
	__u32 reserved;
};

/*
 * names_met: what a blocked source called itself at EHLO while the gate answered
 * (bpf/recheck_name.h). Hashes, under a key of its own: nobody can make two names alike, and none
 * stands in memory.
 */
#define NAMES_KEPT 8

struct names_met {
	__u64 key[2];           /* SipHash */
	__u64 since_ns;         /* rechecks granted are counted from here ... */
	__u32 granted;          /* ... for one recheck interval */
	__u32 met;              /* names so far; the next goes to this place, modulo NAMES_KEPT */
	__u64 name[NAMES_KEPT]; /* the last ones */
};

enum event_type {
	EVENT_TOKEN = 1, /* a confirmed build */
	EVENT_CONN = 2,  /* a mail connection ended */
};

enum event_flag {
	EVENT_RECHECK = 1 << 0,    /* the connection was a recheck */
	EVENT_SUBMISSION = 1 << 1, /* a submission port, not mx */
	EVENT_TLS = 1 << 2,        /* read inside TLS */
	EVENT_HAD_BUILD = 1 << 3,  /* CONN: a token of this connection was confirmed before */
	EVENT_NAME_CUT = 1 << 4,   /* a name was longer than NAME_BYTES - 1 */
	EVENT_ONE_WAY = 1 << 5,    /* CONN: only one direction crossed this host */
	EVENT_ACCEPTED = 1 << 6,   /* CONN: the other side acknowledged the EHLO name */
};

/*
 * event: one record of the ring buffer. TOKEN: `side` showed `build` at `origin`.
 * CONN: `side` is the outside peer, family what it turned out to be.
 * Names are the peer's own bytes, cut and NUL-terminated: escape before printing.
 */
struct event {
	__u64 at_ns;
	__u64 build;
	struct flow_key key;
	__u32 frame;
	__u8 type;
	__u8 direction;
	__u8 side;
	__u8 origin;
	__u8 family;
	__u8 flags;
	__u8 reserved[2];
	char token[TOKEN_BYTES];
	char helo[NAME_BYTES];
	char by[NAME_BYTES];
	__u8 pad[4];
};

/* The hooks, also the keys of the counters map. */
enum hook {
	HOOK_XDP = 0,
	HOOK_INGRESS = 1,
	HOOK_EGRESS = 2,
	HOOK_SOCKOPS = 3,
	HOOK_TLS = 4, /* inside TLS; no packets, only what happened there */
	HOOK_MAX
};

#ifndef __cplusplus
_Static_assert(sizeof(struct addr) == 16, "addr");
_Static_assert(sizeof(struct flow_key) == 36, "flow_key");
_Static_assert(sizeof(struct settings) == 128, "settings");
_Static_assert(sizeof(struct verdict) == 88, "verdict");
_Static_assert(sizeof(struct range_key) == 20, "range_key");
_Static_assert(sizeof(struct range) == 24, "range");
_Static_assert(sizeof(struct smtp) == 12, "smtp");
_Static_assert(sizeof(struct smtp_text) == 304, "smtp_text");
_Static_assert(sizeof(struct stream) == 28, "stream");
_Static_assert(sizeof(struct turn_asked) == 20, "turn_asked");
_Static_assert(sizeof(struct turn_told) == 24, "turn_told");
_Static_assert(sizeof(struct flow) == 144, "flow");
_Static_assert(sizeof(struct slow_slot) == 32, "slow_slot");
_Static_assert(sizeof(struct token) == 64, "token");
_Static_assert(sizeof(struct pending) == 752, "pending");
_Static_assert(sizeof(struct ahead_key) == 44, "ahead_key");
_Static_assert(sizeof(struct ahead) == 2056, "ahead");
_Static_assert(sizeof(struct reply) == 16 + 5 * 384, "reply");
_Static_assert(sizeof(struct handshake) == 16, "handshake");
_Static_assert(sizeof(struct names_met) == 96, "names_met");
_Static_assert(sizeof(struct event) == 360, "event");
#endif

#endif
