// SPDX-License-Identifier: BSD-2-Clause
/*
 * What test runs cannot make: the programs attached to devices of a network namespace, and real
 * packets through them. Tags in metadata, offloaded checksums, GSO packets of 64 KB whose headers
 * are not linear, and a device without a link header.
 */
#include "tests/prog/rows.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

#define LARGE 65000 /* bytes of a GSO packet */
#define OLD_LINE                                                                                   \
	"Received: from a.example.org (192.0.2.1) by EX01.example.org (192.0.2.2)\r\n"             \
	" with Microsoft SMTP Server id 15.1.2507.39; Sat, 21 Nov 2026 10:00:00 +0000\r\n\r\n"

static struct instance *gate;

/* Frames written to `outside` come in at the gate's device, those to `inside` leave by it and
 * are read from `outside` again. */
static struct wire {
	int outside, inside, ifindex;
	uint16_t gso_size; /* of the next frame */
} veth, tun;

static int device_socket(const char *name)
{
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), one = 1;
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = if_nametoindex(name) };

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	assert_int_equal(setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

/* attach - the programs of both directions to a device, as the loader does before 6.6 */
static void attach(const char *name, int ingress, int egress)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = if_nametoindex(name),
		    .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in, .prog_fd = ingress);
	LIBBPF_OPTS(bpf_tc_opts, out, .prog_fd = egress);

	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	hook.attach_point = BPF_TC_INGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &in), 0);
	hook.attach_point = BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &out), 0);
}

/* open_tun - a device without a link header; -1 where this kernel has none */
static int open_tun(void)
{
	struct ifreq r = { .ifr_name = "bg2", .ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR };
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);

	if (fd >= 0 && ioctl(fd, TUNSETIFF, &r)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int set_up(void **state)
{
	const struct instance_fds *fds;

	if (open_gate(state))
		return -1;
	gate = *state;
	fds = instance_fds(gate);
	if (unshare(CLONE_NEWNET)) {
		puts("skipped: no network namespace of one's own");
		exit(77);
	}
	if (system("exec 2>/dev/null; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6\n"
		   "ip link add bg0 type veth peer name bg1 && ip link set bg0 up && "
		   "ip link set bg1 up")) {
		puts("skipped: no veth devices");
		exit(77);
	}
	veth.inside = device_socket("bg0");
	veth.outside = device_socket("bg1");
	veth.ifindex = if_nametoindex("bg0");
	attach("bg0", fds->ingress, fds->egress);
	tun.outside = open_tun();
	if (tun.outside >= 0) {
		assert_int_equal(system("ip link set bg2 up"), 0);
		tun.inside = device_socket("bg2");
		tun.ifindex = if_nametoindex("bg2");
		attach("bg2", fds->ingress_l3, fds->egress_l3);
	}
	return 0;
}

/* wait_exit - until one more packet has left the hook, a second at most */
static void wait_exit(const struct look *before)
{
	struct timespec ms = { .tv_nsec = 100000 };

	for (int i = 0; i < 10000 && !exits(gate, before, NULL); i++)
		nanosleep(&ms, NULL);
	assert_int_equal(exits(gate, before, NULL), 1);
}

static struct wire *wire_of(const struct talk *t)
{
	return t->no_link ? &tun : &veth;
}

/* through - a frame over the device instead of a test run */
static int through(struct talk *t, enum hook hook, const uint8_t *f, size_t bytes)
{
	struct wire *w = wire_of(t);
	struct {
		struct virtio_net_hdr net;
		uint8_t frame[LARGE + 100];
	} __attribute__((packed)) *p = calloc(1, sizeof(*p));
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(t->ipv6 ? ETH_P_IPV6 : ETH_P_IP),
				  .sll_ifindex = w->ifindex };
	struct look before = look(gate);
	size_t n = sizeof(p->net) + bytes;
	ssize_t rc;

	assert_non_null(p);
	memcpy(p->frame, f, bytes);
	if (t->partial_checksum) {
		p->net.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		p->net.csum_start = link_bytes(t) + (t->ipv6 ? 40 : 20);
		p->net.csum_offset = 16;
	}
	if (w->gso_size) {
		p->net.gso_type = t->ipv6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
		p->net.gso_size = w->gso_size;
		p->net.hdr_len = p->net.csum_start + 18; /* less than TCP's header */
	}
	if (hook == HOOK_INGRESS)
		rc = write(w->outside, p, n);
	else if (t->no_link)
		rc = sendto(w->inside, p, n, 0, (struct sockaddr *)&at, sizeof(at));
	else
		rc = write(w->inside, p, n);
	free(p);
	assert_int_equal(rc, n);
	wait_exit(&before);
	w->gso_size = 0;
	return -1;
}

/* up_to_message - over the device; the client's next byte is the first of a message */
static struct talk up_to_message(const struct talk *set)
{
	struct talk t = talk(gate, set->ipv6);

	t.tags = set->tags;
	t.no_link = set->no_link;
	t.partial_checksum = set->partial_checksum;
	t.through = through;
	handshake(&t);
	server(&t, "220 mx.example.net ESMTP\r\n");
	client(&t, "EHLO ex01.example.org\r\n");
	server(&t, "250 mx.example.net\r\n");
	client(&t, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
	server(&t, "250 ok\r\n250 ok\r\n354 go\r\n");
	return t;
}

static void learns(const struct talk *set)
{
	struct talk t = up_to_message(set);
	struct seen s;

	client(&t, OLD_LINE);
	acknowledge(&t, false);
	s = seen(gate);
	if (s.tokens != 1)
		fail_msg("%s, %u tags, link header %d, partial checksum %d: %u tokens",
			 t.ipv6 ? "IPv6" : "IPv4", t.tags, !t.no_link, t.partial_checksum,
			 s.tokens);
	goodbye(&t);
	assert_false(followed(&t));
}

/* A tag in the frame going out, in metadata coming in; the second one in the frame. */
static void tags_and_offloaded_checksums(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++)
		learns(&(struct talk) { .ipv6 = i & 1, .partial_checksum = i & 2, .tags = i / 4 });
}

static void without_link_header(void **state)
{
	(void)state;
	if (tun.outside < 0) {
		puts("skipped: no tun devices");
		skip();
	}
	for (int i = 0; i < 4; i++)
		learns(&(struct talk) {
			.ipv6 = i & 1, .partial_checksum = i & 2, .no_link = true });
}

/* A message of 64 KB in one packet: its first line is read, all of it is in the flow. */
static void gso_packets(void **state)
{
	char *text = malloc(LARGE);
	uint8_t *f = malloc(LARGE + 100);

	(void)state;
	assert_true(text && f);
	memset(text, 'x', LARGE);
	memcpy(text, OLD_LINE, strlen(OLD_LINE));
	for (int i = 0; i < 6; i++) {
		struct talk t = up_to_message(
			&(struct talk) { .ipv6 = i & 1, .tags = i / 2, .partial_checksum = true });
		struct flow flow;

		veth.gso_size = 1400;
		feed(&t, true, f,
		     build_frame(&t, true, t.client_seq, t.server_seq, ACK, text, LARGE, f));
		t.client_seq += LARGE;
		assert_true(flow_of(&t, &flow));
		assert_int_equal(flow.client.high, t.client_seq);
		acknowledge(&t, false);
		assert_int_equal(seen(gate).tokens, 1);
		goodbye(&t);
	}
	free(text);
	free(f);
}

/* left_as - wait for the frame of this length that left by the veth device, a second at most */
static void left_as(uint8_t *f, size_t bytes, size_t room)
{
	struct timeval second = { .tv_sec = 1 };
	ssize_t n;

	setsockopt(veth.outside, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second));
	do
		n = recv(veth.outside, f, room, 0);
	while (n >= 0 && (size_t)n != bytes);
	assert_int_equal(n, bytes);
}

/* The window of a held segment is 0 and its checksum right, be it whole or still to be made. */
static void held_with_an_offloaded_checksum(void **state)
{
	static const struct verdict slow = { .throttle_s = 3600, .tarpit_style = STYLE_SLOW };
	static const char reply[] = "250 a length that no other segment of this test has\r\n";

	for (int i = 0; i < 4; i++) {
		struct talk t = talk(*state, i & 1), want;
		uint8_t got[4096], f[4096];
		size_t n, tcp = 14 + (i & 1 ? 40 : 20);

		t.partial_checksum = i & 2;
		t.through = through;
		judge(&t, &slow);
		handshake(&t);
		server(&t, "220 mx.example.net ESMTP\r\n");
		want = t;
		server(&t, reply);
		n = build_frame(&want, false, want.server_seq, want.client_seq, ACK | PSH, reply,
				strlen(reply), f);
		left_as(got, sizeof(struct virtio_net_hdr) + n, sizeof(got));
		assert_int_equal(got[0] & VIRTIO_NET_HDR_F_NEEDS_CSUM,
				 t.partial_checksum ? VIRTIO_NET_HDR_F_NEEDS_CSUM : 0);
		put16(f + tcp + 14, 0);
		if (!t.partial_checksum) /* RFC 1624: 64000 less in the sum */
			put16(f + tcp + 16, ~fold16((uint16_t) ~(f[tcp + 16] << 8 | f[tcp + 17]) +
						    (uint16_t)~64000));
		assert_memory_equal(got + sizeof(struct virtio_net_hdr), f, n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tags_and_offloaded_checksums, clean_gate),
		cmocka_unit_test_setup(without_link_header, clean_gate),
		cmocka_unit_test_setup(gso_packets, clean_gate),
		cmocka_unit_test_setup(held_with_an_offloaded_checksum, clean_gate),
	};

	return cmocka_run_group_tests(tests, set_up, close_gate);
}
