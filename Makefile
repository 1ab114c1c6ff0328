# SPDX-License-Identifier: BSD-2-Clause
# buildgate: everything built goes to build/, or O=DIR. V=1 shows the commands.

O       ?= build
CC       = gcc
CLANG    = clang
BPFTOOL  = bpftool
PKGS     = libbpf libelf zlib sqlite3 libmicrohttpd jansson libcyaml libsodium libpcap libsystemd
CFLAGS  ?= -O2 -g
CFLAGS  += -std=gnu11 -Wall -Wextra -Werror -MMD -MP -D_GNU_SOURCE -I$(O) -I.
CFLAGS  += $(shell pkg-config --cflags $(PKGS))
LDLIBS   = $(shell pkg-config --libs $(PKGS))
BPFFLAGS = -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Werror -MMD -MP -I$(O) -I. -I./bpf \
	   -D__TARGET_ARCH_x86
PREFIX  ?= /usr/local
Q = $(if $(V),,@)
say = @$(if $(V),:,printf '  %-8s %s\n' $(1) $(2))

MAINS    = buildgated gatectl gate-milter
BPF_SRC  = $(wildcard bpf/*.bpf.c)
USER_SRC = $(wildcard user/*/*.c)
USER_OBJ = $(USER_SRC:%.c=$(O)/obj/%.o)
LIB      = $(O)/libbuildgate.a
UNIT     = $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(wildcard tests/unit/test_*.c))
PROG     = $(patsubst tests/prog/%.c,$(O)/tests/prog/%,$(wildcard tests/prog/test_*.c))
FUZZ     = $(patsubst tests/fuzz/%.c,$(O)/tests/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZFLAGS = -std=gnu11 -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I$(O) -I. \
	   -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: help all bench tests fuzz check install deb clean

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /  \1\t/p' Makefile | expand -t 12

all: $(MAINS:%=$(O)/%) ## programs and kernel object

BENCH    = $(patsubst tests/bench/%.c,$(O)/tests/bench/%,$(wildcard tests/bench/bench_*.c)) \
	   $(patsubst tests/bench/%.bpf.c,$(O)/obj/tests/bench/%.bpf.o,$(wildcard tests/bench/*.bpf.c)) \
	   $(O)/tests/bench/null_milter
bench: all $(BENCH) ## what scripts/bench runs
tests: all $(UNIT) $(PROG) ## the C tests; scripts/test runs them and the others

fuzz: $(FUZZ) $(O)/tests/fuzz/corpus $(O)/tests/fuzz/captured ## the fuzzers, by clang, and their seeds

check: ## format and shell lint
	$(Q)clang-format --dry-run -Werror $$(git ls-files '*.c' '*.h' | grep -v '^vmlinux.h')
	$(Q)shellcheck $$(git ls-files scripts tests packaging .ci | xargs grep -lE '^#!/bin/(ba)?sh')

$(O)/smtp_gen: $(wildcard bpf/smtp/*) bpf/smtp_action.h
	$(call say,HOSTCC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O1 -g -Wall -Wextra -Werror -D_GNU_SOURCE -I. -o $@ $(filter %.c,$^)

$(O)/smtp_table.h: $(O)/smtp_gen
	$(call say,GEN,$@)
	$(Q)$< > $@

$(O)/obj/%.bpf.o: %.bpf.c $(O)/smtp_table.h
	$(call say,CLANG,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPFFLAGS) -c $< -o $@

$(O)/gate.bpf.o: $(BPF_SRC:%.c=$(O)/obj/%.o)
	$(call say,LINK,$@)
	$(Q)$(BPFTOOL) gen object $@ $^

$(O)/gate.skel.h: $(O)/gate.bpf.o
	$(call say,SKEL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name gate > $@

$(O)/obj/user/kernel/loader.o $(O)/obj/user/kernel/instance.o: $(O)/gate.skel.h
$(O)/obj/user/report/page_text.o: $(wildcard user/report/page/*)
# whoever reads lines needs it; after the first build the .d files know who
$(USER_OBJ) $(MAINS:%=$(O)/obj/user/%.o): | $(O)/smtp_table.h

$(O)/obj/%.o: %.c
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(LIB): $(USER_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && ar rcs $@ $^

$(O)/gate-milter $(O)/tests/bench/null_milter: LDLIBS += -lmilter
$(MAINS:%=$(O)/%): $(O)/%: $(O)/obj/user/%.o $(LIB)
	$(call say,LD,$@)
	$(Q)$(CC) $(LDFLAGS) -o $@ $< $(LIB) $(LDLIBS)

$(O)/tests/%: tests/%.c $(LIB) $(O)/smtp_table.h
	$(call say,CC,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -MF $@.d -o $@ $(filter %.c,$^) $(LIB) $(LDLIBS) -lcmocka

$(O)/tests/unit/test_reference: tests/unit/reference_clock.c

$(O)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(wildcard tests/fuzz/ref*.c) \
		$(wildcard tests/fuzz/*.h bpf/*.h maps/*.h) $(O)/smtp_table.h
	$(call say,FUZZ,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZFLAGS) -o $@ $(filter %.c,$^) $(FUZZLIBS)

$(O)/tests/fuzz/fuzz_capture: $(wildcard user/replay/replay_*.[ch]) user/base/error.c
$(O)/tests/fuzz/fuzz_capture: FUZZLIBS = -lpcap

$(O)/tests/fuzz/captured: $(O)/tests/fuzz/captures
$(O)/tests/fuzz/corpus: $(O)/tests/fuzz/seeds
$(O)/tests/fuzz/corpus $(O)/tests/fuzz/captured:
	$(call say,SEEDS,$@)
	$(Q)rm -rf $@ && mkdir $@ && $< $@

SHARE    = $(DESTDIR)$(PREFIX)/share
UNITDIR ?= $(PREFIX)/lib/systemd/system
UNITS    = $(wildcard packaging/systemd/*.service packaging/systemd/*.timer)

install: all ## into DESTDIR/PREFIX
	install -D -m755 -t $(DESTDIR)$(PREFIX)/sbin $(MAINS:%=$(O)/%)
	install -D -m644 -t $(SHARE)/buildgate/catalogue maps/catalogue/*.json
	install -D -m644 -t $(SHARE)/buildgate/policy maps/policy/*.yaml
	install -D -m644 -t $(SHARE)/man/man5 docs/man/*.5
	install -D -m644 -t $(SHARE)/man/man8 docs/man/*.8
	install -D -m644 -t $(SHARE)/buildgate/prometheus packaging/prometheus/*.yaml
	install -D -m644 -t $(SHARE)/buildgate/grafana packaging/grafana/*.json
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
	$(Q)rm -rf $(O)/obj $(O)/tests $(O)/gate.* $(LIB) $(MAINS:%=$(O)/%)

-include $(shell find $(O)/obj $(O)/tests -name '*.d' 2>/dev/null)
