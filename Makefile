# SPDX-License-Identifier: Apache-2.0
#
#	make            build everything into build/debug
#	make deps       install the Debian packages that are missing
#	make demo       the main job, end to end, on this machine
#	make check      deps, build, every test, lint, a short fuzz
#	make unit       unit tests (SAN=address,undefined for sanitizers)
#	make e2e        end-to-end and attack tests with the real daemons
#	make lint       format-check check-headers check-layers tidy docs-check
#	make fuzz       build the fuzz harnesses and run each FUZZ_SECONDS
#	make bench      figures against peers, for docs/benchmarks.md
#	make docs       write docs/*.varlink from the method tables
#	make install    PREFIX=/usr/local DESTDIR=
#	make format     let clang-format have its way
#	make clean
#
# V=1 shows commands, WERROR=0 is for packagers, CC=clang and
# SAN=address,undefined have build folders of their own.

comma	:= ,
CC	:= gcc
SAN	:=
WERROR	:= 1
PREFIX	:= /usr/local
Q	:= $(if $(filter 1,$(V)),,@)
FUZZ_SECONDS := 10

B	:= build/$(if $(SAN),$(subst $(comma),-,$(SAN)),debug)$(if $(filter clang%,$(CC)),-clang)

VERSION	:= 0.1.0

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wcast-qual -Wwrite-strings -Wpointer-arith \
	-Wundef -Wvla -Wformat=2 -Wimplicit-fallthrough \
	-Wno-missing-field-initializers \
	$(if $(filter 1,$(WERROR)),-Werror)

PACKAGES := libevent_core libevent_extra libcjson openssl sqlite3 yaml-0.1 \
	libseccomp libnl-3.0 libnl-route-3.0 libnftnl libmnl libsystemd libnghttp2 \
	libpcre2-8
PKG_CFLAGS := $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)

CFLAGS	:= $(if $(SAN),-O1,-O2) -g
ALL_CFLAGS = -std=gnu17 $(WARNINGS) $(CFLAGS) -I. -D_GNU_SOURCE \
	-DOPENSHELL_VERSION='"$(VERSION)"' $(PKG_CFLAGS) -MMD -MP \
	-fstack-protector-strong -fno-common -fPIE \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all \
	-fno-omit-frame-pointer,-D_FORTIFY_SOURCE=2)
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now $(LDFLAGS) \
	$(if $(SAN),-fsanitize=$(subst fuzzer-no-link$(comma),,$(SAN)))

pkg_libs = $(shell pkg-config --libs $(1) 2>/dev/null)

.DEFAULT_GOAL := build

# $(call library,dir): the files of dir, into common.a's list.
COMMON_SRCS := $(sort $(wildcard common/*.c common/*/*.c))
SRCS	:= $(COMMON_SRCS)
COMMON_LIBS = -Wl,--as-needed $(call pkg_libs,libevent_core libevent_extra \
	libcjson openssl yaml-0.1 libsystemd libpcre2-8) -lm

# $(call program,dir,name,packages): dir/main.c + the rest of dir as an
# archive that tests can link too.  STATIC_<dir> names libraries that are linked
# into the program instead, where no sanitizer runs.
define program
SRCS += $$(wildcard $(1)/*.c)
$(B)/$(1).a: $$(patsubst %.c,$(B)/%.o,$$(filter-out $(1)/main.c,$$(sort $$(wildcard $(1)/*.c))))
$(B)/bin/$(2): $(B)/$(1)/main.o $(B)/$(1).a $(B)/common.a
$(B)/bin/$(2): LIBS := $$(if $$(SAN),,$$(STATIC_$(1):%=-l:%.a)) $$(call pkg_libs,$(3))
LIBS_$(1) := $$(call pkg_libs,$(3))
PROGRAMS += $(B)/bin/$(2)
endef

include $(sort $(wildcard */module.mk))

UNIT_SRCS := $(sort $(wildcard tests/unit/*/test_*.c))
UNIT_BINS := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRCS))
FUZZ_SRCS := $(sort $(wildcard tests/fuzz/*/fuzz_*.c))
FUZZ_BINS := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ_SRCS))
HELPER_SRCS := $(sort $(wildcard tests/tools/*.c))
HELPERS	:= $(patsubst tests/tools/%.c,$(B)/tools/%,$(HELPER_SRCS))
C_FILES	:= $(SRCS) $(UNIT_SRCS) $(FUZZ_SRCS) $(HELPER_SRCS)
H_FILES	:= $(sort $(wildcard */*.h */*/*.h))

DATA	:= $(patsubst policies/%,$(B)/share/openshell/%,$(wildcard policies/agents/*.yaml policies/providers/*.yaml))

# Objects depend on the flags, archives on the list of files: a changed
# option or a deleted source is a changed prerequisite.
stamp = $(shell mkdir -p $(B); echo '$(2)' | cmp -s - $(B)/$(1) || \
	echo '$(2)' >$(B)/$(1))
$(call stamp,flags,$(CC) $(subst ',,$(ALL_CFLAGS) $(ALL_LDFLAGS)))
$(call stamp,sources,$(SRCS))

.PHONY: build deps demo check unit e2e lint format format-check check-headers \
	check-layers tidy docs-check fuzz bench docs install clean
.SECONDARY:

build: $(PROGRAMS) $(HELPERS) $(DATA) compile_commands.json

# Data files lie beside the programs as they will when installed.
$(B)/share/openshell/%: policies/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(if $(Q),@echo "CC $<")
	$(Q)$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(B)/common.a: $(patsubst %.c,$(B)/%.o,$(COMMON_SRCS))

$(B)/%.a: $(B)/sources
	@rm -f $@
	$(Q)$(AR) crs $@ $(filter %.o,$^)

$(B)/bin/%:
	@mkdir -p $(@D)
	$(if $(Q),@echo "LD $@")
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS) $(COMMON_LIBS)

# A unit test of folder d links d's archive and common.a.
module_of = $(firstword $(subst /, ,$(1)))
define unit_test
$(B)/unit/$(1): $(B)/tests/unit/$(1).o $(if $(filter-out common,$(call module_of,$(1))),$(B)/$(call module_of,$(1)).a) $(B)/common.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$(filter %.o %.a,$$^) $$(LIBS_$(call module_of,$(1))) $$(COMMON_LIBS) -lcmocka
endef
$(foreach t,$(UNIT_SRCS),$(eval $(call unit_test,$(patsubst tests/unit/%.c,%,$(t)))))

define fuzz_test
$(B)/fuzz/$(1): $(B)/tests/fuzz/$(1).o $(if $(filter-out common,$(call module_of,$(1))),$(B)/$(call module_of,$(1)).a) $(B)/common.a
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(ALL_LDFLAGS) -fsanitize=fuzzer -o $$@ $$(filter %.o %.a,$$^) $$(LIBS_$(call module_of,$(1))) $$(COMMON_LIBS)
endef
$(foreach t,$(FUZZ_SRCS),$(eval $(call fuzz_test,$(patsubst tests/fuzz/%.c,%,$(t)))))

# Small programs that tests run inside and outside a sandbox: one file each.
$(B)/tools/%: $(B)/tests/tools/%.o $(B)/common.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(COMMON_LIBS) -lpthread

compile_commands.json: $(B)/sources Makefile
	$(file >$@,[)
	$(foreach s,$(C_FILES),$(file >>$@,{"directory":"$(CURDIR)","file":"$(s)","command":"$(CC) $(subst ",\",$(ALL_CFLAGS)) -c $(s)"}$(if $(filter-out $(lastword $(C_FILES)),$(s)),$(comma))))
	$(file >>$@,])

deps:
	@tests/deps.sh

unit: $(UNIT_BINS)
	@tests/unit/run $(UNIT_BINS)

e2e: build
	@tests/e2e/run

demo: deps
	@$(MAKE) --no-print-directory build
	@tests/demo.sh

check: deps
	@tests/check.sh

bench: build
	@tests/bench/run

fuzz:
	@$(MAKE) --no-print-directory CC=clang SAN=fuzzer-no-link,address,undefined fuzz-run

fuzz-run: $(FUZZ_BINS)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZ_BINS)

lint: format-check check-headers check-layers tidy docs-check

format-check:
	@clang-format --dry-run --Werror $(C_FILES) $(H_FILES)

format:
	@clang-format -i $(C_FILES) $(H_FILES)

# Every header compiles alone.
check-headers: $(patsubst %.h,$(B)/%.h.checked,$(H_FILES))

$(B)/%.h.checked: %.h $(B)/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -M%,$(ALL_CFLAGS)) -fsyntax-only -x c -include $< /dev/null
	@touch $@

check-layers:
	@tests/check-layers

tidy: $(patsubst %.c,$(B)/%.c.tidy,$(SRCS))

# Steps of the analyzer through one function, not 225000: half the time.
TIDY_FLAGS := -Xclang -analyzer-config -Xclang max-nodes=75000

$(B)/%.c.tidy: %.c .clang-tidy $(B)/flags
	@mkdir -p $(@D)
	$(Q)clang-tidy --quiet $< -- $(filter-out -M%,$(ALL_CFLAGS)) $(TIDY_FLAGS) >$@.log 2>&1 || { cat $@.log; false; }
	@touch $@

docs: $(B)/tools/describe
	@tests/docs.sh $(B) write

docs-check: $(B)/tools/describe
	@tests/docs.sh $(B) check

install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/openshell
	install -m755 $(B)/bin/openshell $(DESTDIR)$(PREFIX)/bin/
	install -m755 $(filter-out %/openshell,$(PROGRAMS)) $(DESTDIR)$(PREFIX)/libexec/openshell/
	install -d $(DESTDIR)$(PREFIX)/share/openshell/agents $(DESTDIR)$(PREFIX)/share/openshell/providers
	install -m644 policies/agents/*.yaml $(DESTDIR)$(PREFIX)/share/openshell/agents/
	install -m644 policies/providers/*.yaml $(DESTDIR)$(PREFIX)/share/openshell/providers/
	install -d $(DESTDIR)$(PREFIX)/share/man/man1
	install -m644 cli/openshell.1 $(DESTDIR)$(PREFIX)/share/man/man1/

clean:
	rm -rf build compile_commands.json

-include $(shell find $(B) -name '*.d' 2>/dev/null)
