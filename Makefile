# SPDX-License-Identifier: BSD-2-Clause
# buildgate: everything built goes to build/. V=1 shows the commands.

CC       = gcc
CLANG    = clang
BPFTOOL  = bpftool
PKGS     = libbpf libelf zlib sqlite3 libmicrohttpd jansson libcyaml libsodium libpcap libsystemd
CFLAGS  ?= -O2 -g
CFLAGS  += -std=gnu11 -Wall -Wextra -Werror -MMD -MP -D_GNU_SOURCE -Ibuild -I.
CFLAGS  += $(shell pkg-config --cflags $(PKGS))
LDLIBS   = $(shell pkg-config --libs $(PKGS))
BPFFLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -MMD -MP -Ibuild -I. -I./bpf \
	   -D__TARGET_ARCH_x86
PREFIX  ?= /usr/local
Q = $(if $(V),,@)
say = @$(if $(V),:,printf '  %-8s %s\n' $(1) $(2))

MAINS    = buildgated gatectl gate-milter
BPF_SRC  = $(wildcard bpf/*.bpf.c)
USER_SRC = $(wildcard user/*/*.c)
USER_OBJ = $(USER_SRC:%.c=build/obj/%.o)
LIB      = build/libbuildgate.a
UNIT     = $(patsubst tests/unit/%.c,build/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROG     = $(patsubst tests/prog/%.c,build/tests/prog/%,$(wildcard tests/prog/test_*.c))
FUZZ     = $(patsubst tests/fuzz/%.c,build/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZFLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -Ibuild -I. \
	   -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help all bench tests fuzz check install deb clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

all: $(MAINS:%=build/%) ## programs and kernel object
BENCH    = $(patsubst tests/bench/%.c,build/tests/bench/%,$(wildcard tests/bench/bench_*.c)) \
	   $(patsubst tests/bench/%.bpf.c,build/obj/tests/bench/%.bpf.o,$(wildcard tests/bench/*.bpf.c)) \
	   build/tests/bench/null_milter
bench: all $(BENCH) ## what scripts/bench runs
tests: all $(UNIT) $(PROG) ## the C tests; scripts/test runs them and the others

fuzz: $(FUZZ) build/tests/fuzz/corpus build/tests/fuzz/captured ## the fuzzers, by clang, and their seeds

check: ## format and shell lint
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' | grep -v '^vmlinux.h')
	$(Q)shellcheck $$(git ls-files scripts tests packaging .ci | xargs grep -lE '^#!/bin/(ba)?sh')

build/smtp_gen: $(wildcard bpf/smtp/*) bpf/smtp_action.h
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I. -o $@ $(filter %.c,$^)

build/smtp_table.h: build/smtp_gen
	$(call say,GEN,$@)
	$(Q)$< > $@

build/obj/%.bpf.o: %.bpf.c build/smtp_table.h
	$(call say,CLANG,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c $< -o $@

build/gate.bpf.o: $(BPF_SRC:%.c=build/obj/%.o)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

build/gate.skel.h: build/gate.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name gate > $@

build/obj/user/kernel/loader.o build/obj/user/kernel/instance.o: build/gate.skel.h
# whoever reads lines needs it; after the first build the .d files know who
$(USER_OBJ) $(MAINS:%=build/obj/user/%.o): | build/smtp_table.h

build/obj/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(USER_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

build/gate-milter build/tests/bench/null_milter: LDLIBS += -lmilter
$(MAINS:%=build/%): build/%: build/obj/user/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

build/tests/%: tests/%.c $(LIB) build/smtp_table.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -o $@ $(filter %.c,$^) $(LIB) $(LDLIBS) -lcmocka

build/tests/unit/test_reference: tests/unit/reference_clock.c

build/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/ref*.c) \
		$(wildcard tests/fuzz/*.h bpf/*.h maps/*.h) build/smtp_table.h
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZFLAGS) -o $@ $(filter %.c,$^) $(FUZZLIBS)

build/tests/fuzz/fuzz_capture: $(wildcard user/replay/replay_*.[ch]) user/base/error.c
build/tests/fuzz/fuzz_capture: FUZZLIBS = -lpcap

build/tests/fuzz/captured: build/tests/fuzz/captures
build/tests/fuzz/corpus: build/tests/fuzz/seeds
build/tests/fuzz/corpus build/tests/fuzz/captured:
	$(call say,SEEDS,$@)
	$(Q)rm -rf $@ && mkdir $@ && $< $@

SHARE    = $(DESTDIR)$(PREFIX)/share
UNITDIR ?= $(PREFIX)/lib/systemd/system
UNITS    = $(wildcard packaging/systemd/*.service packaging/systemd/*.timer)

install: all ## into DESTDIR/PREFIX
	install -D -m755 -t $(DESTDIR)$(PREFIX)/sbin $(MAINS:%=build/%)
	install -D -m644 -t $(SHARE)/buildgate/catalogue maps/catalogue/*.json
	install -D -m644 -t $(SHARE)/buildgate/policy maps/policy/*.yaml
	install -D -m644 -t $(SHARE)/man/man5 docs/man/*.5
	install -D -m644 -t $(SHARE)/man/man8 docs/man/*.8
	install -D -m644 -t $(SHARE)/bash-completion/completions packaging/completion/gatectl
	install -D -m755 -t $(DESTDIR)$(PREFIX)/lib/buildgate packaging/buildgate-fetch
	install -d $(DESTDIR)$(UNITDIR)
	for unit in $(UNITS); do \
		sed 's|@PREFIX@|$(PREFIX)|' $$unit > $(DESTDIR)$(UNITDIR)/$${unit##*/} || exit; \
	done
	install -D -m644 -t $(SHARE)/buildgate/systemd packaging/systemd/*.conf
	install -D -m644 packaging/systemd/buildgate.sysusers \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/buildgate.conf
	install -D -m644 packaging/systemd/buildgate.tmpfiles \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/buildgate.conf
	install -D -m644 -t $(SHARE)/buildgate packaging/fetch.conf
	test -e $(DESTDIR)/etc/buildgate/buildgate.yaml || \
		install -D -m644 -t $(DESTDIR)/etc/buildgate packaging/buildgate.yaml

deb: ## a Debian package in build/deb, judged by lintian
	packaging/make-deb

clean: ## remove what the build made (not the overlay roots)
	$(Q)rm -rf build/obj build/tests build/gate.* $(LIB) $(MAINS:%=build/%)

-include $(shell find build/obj build/tests -name '*.d' 2>/dev/null)
