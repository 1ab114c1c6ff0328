// SPDX-License-Identifier: BSD-2-Clause
/*
 * The answerer on a device: whole dialogues over veth, with full checksums and with those that
 * the sender's card would still have to compute, with VLAN tags (the outer one of a frame arrives
 * beside it, in metadata) and with IP options and extension headers. What comes back is judged as a
 * receiver would judge it: where a checksum is left to the card, by doing what the card does.
 */
#include "tests/prog/answered.h"

#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/socket.h>

struct wired {
	struct virtio_net_hdr net;
	uint8_t frame[4096];
} __attribute__((packed));

static int outside = -1;

static int set_up(void **state)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, in);
	LIBBPF_OPTS(bpf_tc_opts, out);
	struct sockaddr_ll at = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int one = 1;

	if (open_gate(state))
		return -1;
	if (unshare(CLONE_NEWNET) ||
	    system("exec 2>/dev/null; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6\n"
		   "ip link add bg0 type veth peer name bg1 && ip link set bg0 up && "
		   "ip link set bg1 up")) {
		puts("skipped: no network namespace with veth devices");
		exit(77);
	}
	hook.ifindex = if_nametoindex("bg0");
	in.prog_fd = instance_fds(*state)->ingress;
	out.prog_fd = instance_fds(*state)->egress;
	assert_int_equal(bpf_tc_hook_create(&hook), 0);
	hook.attach_point = BPF_TC_INGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &in), 0);
	hook.attach_point = BPF_TC_EGRESS;
	assert_int_equal(bpf_tc_attach(&hook, &out), 0);
	outside = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	at.sll_ifindex = if_nametoindex("bg1");
	assert_int_equal(setsockopt(outside, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)), 0);
	assert_int_equal(setsockopt(outside, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)),
			 0);
	assert_int_equal(setsockopt(outside, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)), 0);
	assert_int_equal(bind(outside, (struct sockaddr *)&at, sizeof(at)), 0);
	return 0;
}

/* complete - what a card does to a frame whose checksum was left to it */
static void complete(struct wired *w, size_t bytes)
{
	uint8_t *from = w->frame + w->net.csum_start;
	size_t n = bytes - w->net.csum_start;

	put16(from + w->net.csum_offset, ~fold16(sum16(from, n, 0)));
}

/* receive - the next frame, its outer tag put back in; returns its length */
static size_t receive(struct wired *w)
{
	struct iovec part = { .iov_base = w, .iov_len = sizeof(*w) - 4 };
	char room[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = room,
			    .msg_controllen = sizeof(room) };
	ssize_t n = recvmsg(outside, &m, 0) - (ssize_t)sizeof(w->net);
	struct tpacket_auxdata beside;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	assert_true(n > 0 && c && c->cmsg_type == PACKET_AUXDATA);
	memcpy(&beside, CMSG_DATA(c), sizeof(beside));
	if (w->net.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
		complete(w, n);
	if (!(beside.tp_status & TP_STATUS_VLAN_VALID))
		return n;
	memmove(w->frame + 16, w->frame + 12, n - 12);
	put16(w->frame + 12, beside.tp_vlan_tpid);
	put16(w->frame + 14, beside.tp_vlan_tci);
	return n + 4;
}

/* ask - a segment over the wire, and the answer from it */
static struct answer_seen *ask(struct caller *c, uint32_t seq, uint32_t ack, unsigned int flags,
			       const char *data)
{
	struct pollfd p = { .fd = outside, .events = POLLIN };
	static struct wired w;
	size_t n;

	memset(&w, 0, sizeof(w));
	c->frame_bytes = build_frame(&c->t, true, seq, ack, flags, data, strlen(data), c->frame);
	memcpy(w.frame, c->frame, c->frame_bytes);
	if (c->t.partial_checksum)
		w.net = (struct virtio_net_hdr) { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
						  .csum_start = c->frame_bytes - strlen(data) - 20,
						  .csum_offset = 16 };
	n = sizeof(w.net) + c->frame_bytes;
	assert_int_equal(write(outside, &w, n), n);
	assert_int_equal(poll(&p, 1, 2000), 1);
	n = receive(&w);
	/* it stays the card's to do */
	assert_int_equal(w.net.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM, c->t.partial_checksum);
	memcpy(c->out, w.frame, n);
	c->t.out_bytes = n;
	take(c);
	return &c->last;
}

/* ask_next - the client's next line */
static void ask_next(struct caller *c, const char *data, const char *reply)
{
	begins(ask(c, c->seq, c->ack, ACK | PSH, data), reply);
	c->seq = c->last.ack;
	c->ack += c->last.bytes;
}

/* dialogue - from SYN to QUIT, by frames like those of `set` */
static void dialogue(void **state, const struct talk *set)
{
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		struct caller c = caller(*state, ipv6, &REFUSED);
		struct look before = look(*state);

		c.t.partial_checksum = set->partial_checksum;
		c.t.tags = set->tags;
		c.t.ip_options = set->ip_options;
		c.t.ip6_extensions = set->ip6_extensions;
		ask(&c, c.seq++, 0, SYN, "");
		assert_int_equal(c.last.flags, SYN | ACK);
		c.ack = c.last.seq + 1;
		ask_next(&c, "", "220 ");
		ask_next(&c, "EHLO ex01.example.org\r\n", "250 ");
		ask_next(&c, "MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.net>\r\n", "550 ");
		ask_next(&c, "RCPT TO:<b@example.net>\r\n", "550 ");
		ask_next(&c, "QUIT\r\n", "221 ");
		assert_int_equal(noted(*state, &before, REASON_ANSWERED), 5);
		assert_int_equal(noted(*state, &before, REASON_ANSWER_LEFT), 6);
		assert_int_equal(noted(*state, &before, REASON_FLOW_NEW), 0);
	}
}

static void full_checksums(void **state)
{
	dialogue(state, &(struct talk) { 0 });
}

static void offloaded_checksums(void **state)
{
	dialogue(state, &(struct talk) { .partial_checksum = true });
}

static void tags(void **state)
{
	for (int i = 0; i < 4; i++)
		dialogue(state, &(struct talk) { .partial_checksum = i & 1, .tags = 1 + i / 2 });
}

/* with a tag beside the frame too: in the frame itself they could not be taken off */
static void extra_headers(void **state)
{
	for (int i = 0; i < 4; i++)
		dialogue(state, &(struct talk) { .partial_checksum = i & 1,
						 .tags = i / 2,
						 .ip_options = 12,
						 .ip6_extensions = 2 });
}

/* by_route - the answer to a SYN goes to this Ethernet address */
static void by_route(struct caller *c, const uint8_t to[6])
{
	static struct wired w;
	struct pollfd p = { .fd = outside, .events = POLLIN };

	memset(&w, 0, sizeof(w));
	c->frame_bytes = build_frame(&c->t, true, c->seq, 0, SYN, "", 0, c->frame);
	memcpy(w.frame, c->frame, c->frame_bytes);
	assert_int_equal(write(outside, &w, sizeof(w.net) + c->frame_bytes),
			 sizeof(w.net) + c->frame_bytes);
	assert_int_equal(poll(&p, 1, 2000), 1);
	c->t.out_bytes = receive(&w);
	assert_memory_equal(w.frame, to, 6);
	memcpy(c->out, w.frame, c->t.out_bytes);
	memcpy(c->frame, w.frame + 6, 6); /* what take() compares with */
	memcpy(c->frame + 6, w.frame, 6);
	take(c);
	assert_int_equal(c->last.flags, SYN | ACK);
	assert_int_equal(c->last.ack, c->seq + 1);
}

/* The next hop is not where the packet came from. */
static void answer_via_route(void **state)
{
	static const uint8_t gateway[6] = { 6, 0, 0, 0, 0, 1 };

	if (system("exec 2>/dev/null; echo 0 > /proc/sys/net/ipv6/conf/bg0/disable_ipv6\n"
		   "ip addr add 198.51.100.25/24 dev bg0 &&"
		   "ip route add default via 198.51.100.1 &&"
		   "ip neigh add 198.51.100.1 lladdr 06:00:00:00:00:01 dev bg0 &&"
		   "ip addr add 2001:db8:5:5::19/64 dev bg0 nodad &&"
		   "ip route add default via 2001:db8:5:5::1 &&"
		   "ip neigh add 2001:db8:5:5::1 lladdr 06:00:00:00:00:01 dev bg0")) {
		puts("skipped: no IPv6 here");
		skip();
	}
	instance_settings(*state)->answer_via = ANSWER_ROUTE;
	for (int i = 0; i < 2; i++) {
		struct caller c = caller(*state, i, &REFUSED);
		char junk[4096];

		while (recv(outside, junk, sizeof(junk), MSG_DONTWAIT) > 0)
			; /* what the host said about its new addresses */
		by_route(&c, gateway);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(full_checksums, clean_answers),
		cmocka_unit_test_setup(offloaded_checksums, clean_answers),
		cmocka_unit_test_setup(tags, clean_answers),
		cmocka_unit_test_setup(extra_headers, clean_answers),
		cmocka_unit_test_setup(answer_via_route, clean_answers),
	};

	return cmocka_run_group_tests(tests, set_up, close_gate);
}
