/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * simulate_input - what simulate reads: connections and the operator's pauses, judged and sorted
 *
 * For the files of simulate only. In one second the pauses come first, then fine builds, then the
 * others: in the sender's favour.
 */
#ifndef BUILDGATE_SIMULATE_INPUT_H
#define BUILDGATE_SIMULATE_INPUT_H

#include "simulate.h"
#include "user/observer/observation.h"

enum input_kind { INPUT_CONNECTION, INPUT_PAUSE, INPUT_UNPAUSE };

struct simulate_input {
	enum input_kind kind;
	struct observation o; /* of a pause only `at` and `source` */
	struct addr key;      /* its source */
	bool acts;
	unsigned int days; /* of a pause ... */
	int64_t until;     /* ... and when that is over */
	size_t order, line;
};

struct simulate_inputs {
	struct simulate_input *list; /* the caller frees it, also after an error */
	size_t count, room;
};

/* simulate_read - 0, or a negative errno with "line N: ..." in e */
int simulate_read(FILE *in, const struct simulate_options *options, struct simulate_inputs *ret,
		  struct error *e);

#endif
