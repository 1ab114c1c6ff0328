/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pins - the pinned maps: those of the gate that is there, and those of the next one
 *
 * A gate that is replaced goes on with its own maps until the last of its programs is. So a map
 * of the same layout is kept and serves both, and any other is made anew beside the old one,
 * filled, and takes over its name only when all is ready. What happens to a map then:
 *
 *   settings    always kept: its layout is the same in every version, so that the operator's
 *               words (mode, deadline, lease) are one word for both
 *   counters    carried over, by number
 *   answer_keys carried over, or answered connections would end
 *   others      carried over where only the size of the map changed; of another ABI_VERSION:
 *               dropped. Verdicts, ranges and texts come from the store, flows are lost
 *
 * Call order: pins_plan() between open and load of the object, pins_carry() after the load,
 * pins_take() when the maps are filled and just before the programs are attached, pins_over()
 * after that. pins_close() in any case.
 */
#ifndef BUILDGATE_PINS_H
#define BUILDGATE_PINS_H

#include <bpf/libbpf.h>
#include <stdbool.h>

#include "maps/abi.h"
#include "user/base/error.h"

#define PINS_MAX 14

enum pins_found {
	PINS_NONE = 1, /* no gate is there */
	PINS_SAME,     /* all of its maps are kept */
	PINS_OTHER,    /* some are not */
};

struct pins {
	enum pins_found found;
	__u32 abi; /* of the gate that is there; 0: none, or it does not say */
	struct pin {
		struct bpf_map *map;
		int old; /* descriptor of what is pinned; -1: nothing */
		bool kept;
	} pin[PINS_MAX];
};

int pins_plan(struct bpf_object *object, struct pins *ret, struct error *e);
int pins_carry(struct pins *pins, struct error *e);
int pins_take(struct pins *pins, struct error *e);

/* pins_over - the old programs are gone; how many of their events nobody will read */
unsigned int pins_over(struct pins *pins);
void pins_close(struct pins *pins);

#endif
