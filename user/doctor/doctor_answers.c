// SPDX-License-Identifier: BSD-2-Clause
/* Where the gate can answer itself, and by which way its answers go. */
#include <net/if_arp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor_private.h"
#include "user/kernel/ipsec.h"

#ifndef ARPHRD_IP6GRE
#define ARPHRD_IP6GRE 823 /* not in glibc's list */
#endif

#define SECTION "answers"

/* link_type - ARPHRD of an interface; negative: not known */
static int link_type(const char *name)
{
	struct ifreq request = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), type = -1;

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%.15s", name);
	if (fd >= 0 && !ioctl(fd, SIOCGIFHWADDR, &request))
		type = request.ifr_hwaddr.sa_family;
	if (fd >= 0)
		close(fd);
	return type;
}

/* bare - frames of this type begin with the IP header, as the kernel has it
 * (dev_is_mac_header_xmit) */
static bool bare(int type)
{
	static const int types[] = { ARPHRD_TUNNEL, ARPHRD_TUNNEL6, ARPHRD_SIT,
				     ARPHRD_IPGRE,  ARPHRD_IP6GRE,  ARPHRD_VOID,
				     ARPHRD_NONE,   ARPHRD_RAWIP,   ARPHRD_PPP };

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i] == type)
			return true;
	return false;
}

/* doctor_answers_judge - see doctor_private.h */
void doctor_answers_judge(struct doctor *d, const struct doctor_answers *a)
{
	for (unsigned int i = 0; i < a->count; i++) {
		const char *name = a->interface[i].name;
		int type = a->interface[i].type;

		if (type == ARPHRD_ETHER)
			doctor_say(d, SECTION, DOCTOR_OK, "%s: Ethernet; answers go %s", name,
				   a->route ? "by the routing table (answer_via: route)"
					    : "back the way the packet came");
		else if (bare(type))
			doctor_say(d, SECTION, DOCTOR_OK,
				   "%s: no link header; answers go back the way the packet came",
				   name);
		else if (type >= 0) {
			doctor_say(
				d, SECTION, DOCTOR_WARN,
				"%s: link type %d is not understood: no mail is seen or answered "
				"there",
				name, type);
			doctor_next(d,
				    "name the Ethernet or tunnel interface above it in outside:");
		}
	}
	if (a->ipsec > 0)
		doctor_say(
			d, SECTION, DOCTOR_NOTE,
			"IPsec: %d range(s) of peers are under a policy and get no answers: what "
			"would be refused in words passes there",
			a->ipsec);
}

/* doctor_answers - see doctor_private.h */
void doctor_answers(struct doctor *d)
{
	struct range_key *list = calloc(IPSEC_MAX, sizeof(*list));
	char names[DOCTOR_INTERFACES][IF_NAMESIZE];
	struct doctor_answers a = { .count = doctor_outside(d, names) };

	if (!list)
		return;
	for (unsigned int i = 0; i < a.count; i++) {
		memcpy(a.interface[i].name, names[i], IF_NAMESIZE);
		a.interface[i].type = link_type(names[i]);
	}
	a.route = d->config ? d->config->answer_via == ANSWER_ROUTE
			    : d->settings.answer_via == ANSWER_ROUTE;
	a.ipsec = ipsec_read(list);
	free(list);
	doctor_answers_judge(d, &a);
}
