# SPDX-License-Identifier: MIT
# The build.  `make` builds build/prosaas; SAN=1 builds everything with address
# and undefined-behaviour sanitizers into build/san, COV=1 to count lines that run
# into build/cov; CC=clang works as well.
#
#   make             the binary              make test       every test (see test/run)
#   make unit        unit tests              make lint       compilers, tidy, cppcheck, shellcheck
#   make box         black-box tests         make layers     a folder includes only folders above it
#   make fuzz        a minute per target     make docs fmt   generated pages; formatting
#   make cover       which lines of src/ the tests run

CC       ?= gcc
PKGS     := libuv hiredis libcurl sqlite3 openssl zlib
VERSION  := $(shell sed -n 's/^\#\# \([0-9][^ ]*\).*/\1/p' CHANGELOG.md | head -n 1)
COMMIT   := $(shell git describe --always --dirty --exclude '*' 2>/dev/null || echo unknown)

ifdef SAN
B        := build/san
OPT      := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else ifdef COV
B        := build/cov
OPT      := -O0 -g --coverage -fprofile-update=atomic
else
B        := build
OPT      := -O2 -g
endif

WARN     := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wno-missing-field-initializers
# Words for the operator are cut to their buffer by design.
ifeq ($(findstring clang,$(CC)),)
WARN     += -Wno-format-truncation
endif
CPPFLAGS += -Isrc -I$(B)/gen -D_GNU_SOURCE
CFLAGS   += -std=c17 $(OPT) $(WARN) -fstack-protector-strong $(shell pkg-config --cflags $(PKGS))
LDFLAGS  += $(OPT)
LDLIBS   += $(shell pkg-config --libs $(PKGS)) -lpthread -lm

SRC      := $(sort $(wildcard src/*/*.c))
OBJ      := $(SRC:src/%.c=$(B)/obj/%.o)
MAIN     := $(sort $(wildcard src/*.c))
MAINOBJ  := $(MAIN:src/%.c=$(B)/obj/%.o)
TESTS    := $(sort $(wildcard test/unit/*/*_test.c))
TESTBIN  := $(TESTS:test/unit/%_test.c=$(B)/unit/%_test)
FUZZ     := $(sort $(wildcard test/fuzz/*_fuzz.c))
FUZZED   := $(filter src/base/%.c src/codec/%.c src/job/message.c src/job/content.c src/job/shapes.c src/job/chat.c \
            src/job/vcard.c,$(SRC)) # bytes to values, wherever they live
FUZZBIN  := $(FUZZ:test/fuzz/%.c=build/fuzz/%)
LUA      := $(sort $(wildcard src/queue/script/*.lua))
SQL      := $(sort $(wildcard src/store/schema/*.sql))
GEN      := $(B)/gen/scripts.h $(B)/gen/schema.h $(B)/gen/version.h

all: $(B)/prosaas

$(B)/prosaas: $(MAINOBJ) $(B)/libprosaas.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/libprosaas.a: $(OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

$(B)/obj/%.o: src/%.c Makefile | $(GEN)
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Lua and SQL live in files of their own; src/embed.sh makes C strings of them.
$(B)/gen/scripts.h: src/embed.sh $(LUA) $(wildcard src/queue/script/lib/*.lua)
	@mkdir -p $(@D)
	sh src/embed.sh script $(LUA) >$@.tmp && mv $@.tmp $@
$(B)/gen/schema.h: src/embed.sh $(SQL)
	@mkdir -p $(@D)
	@twice=$$(printf '%s\n' $(notdir $(SQL)) | cut -c1-3 | sort | uniq -d); \
	  [ -z "$$twice" ] || { echo "src/store/schema: two files have the number $$twice: the later takes the next free one" >&2; exit 1; }
	sh src/embed.sh schema $(SQL) >$@.tmp && mv $@.tmp $@

# Looked at each time, written when it is another: what includes it is built again then.
$(B)/gen/version.h: FORCE
	@mkdir -p $(@D)
	@printf '#define PROSAAS_VERSION "%s"\n#define PROSAAS_COMMIT "%s"\n' '$(VERSION)' '$(COMMIT)' >$@.tmp
	@if cmp -s $@.tmp $@; then rm $@.tmp; else mv $@.tmp $@; fi

# A test may include the .c it tests, to reach its statics.
$(B)/unit/%_test: test/unit/%_test.c $(B)/libprosaas.a test/unit/unit.h
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) -Itest/unit $(CFLAGS) -Wno-unused-function $(LDFLAGS) -MMD -MP -o $@ $< $(B)/libprosaas.a $(LDLIBS) $(shell pkg-config --libs jansson)

build/fuzz/%: test/fuzz/%.c $(SRC) | build/gen/scripts.h build/gen/schema.h build/gen/version.h
	@mkdir -p $(@D)
	clang $(CPPFLAGS) -std=c17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
	  $(shell pkg-config --cflags $(PKGS)) -o $@ $< $(FUZZED) $(LDLIBS)

tests: $(TESTBIN)
unit: $(TESTBIN)
	@sh test/unit/run $(TESTBIN)
box: $(B)/prosaas
	@sh test/box/run $(B)/prosaas
test:
	@sh test/run
fuzz: $(FUZZBIN)
	@for f in $(FUZZBIN); do echo "fuzz: $$f"; mkdir -p build/corpus/$$(basename $$f); \
	  $$f -max_total_time=$${SECONDS_EACH:-60} -max_len=65536 -print_final_stats=1 build/corpus/$$(basename $$f) \
	  $$(ls -d test/fuzz/regression/$$(basename $$f) 2>/dev/null) || exit 1; done

# What is killed by a test takes its counts with it.
cover:
	@find build/cov -name '*.gcda' -delete 2>/dev/null || true
	@$(MAKE) -s COV=1 all tests
	@$(MAKE) -s COV=1 unit
	@sh test/box/run build/cov/prosaas $(BOX)
	@mkdir -p build/cov/html
	@gcovr --root . --filter src/ --object-directory build/cov --html-details build/cov/html/index.html --print-summary
	@echo "cover: line by line in build/cov/html/index.html"

layers:
	@sh test/layers
docs: $(B)/prosaas
	$(B)/prosaas config --markdown >docs/config.md
	$(B)/prosaas doctor --markdown >docs/doctor.md
fmt:
	clang-format -i $(filter-out src/base/metrics.h,$(shell git ls-files '*.c' '*.h'))
lint: layers
	@sh test/lint
bench: $(B)/prosaas
	@sh bench/run
clean:
	rm -rf build

# Under PREFIX the program, its page, the units and deploy/; a prosaas.env that is
# there stays.  Then: systemd-sysusers, systemd-tmpfiles --create (docs/deploy.md).
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
LIB        := $(DESTDIR)$(PREFIX)/lib
UNITS      := $(wildcard deploy/systemd/prosaas*.service deploy/systemd/prosaas*.socket deploy/systemd/prosaas*.target)
install: build/prosaas
	install -D -m 755 build/prosaas $(DESTDIR)$(PREFIX)/bin/prosaas
	install -D -m 644 man/prosaas.1 $(DESTDIR)$(PREFIX)/share/man/man1/prosaas.1
	install -d $(LIB)/systemd/system/prosaas-.service.d $(LIB)/prosaas $(LIB)/sysusers.d $(LIB)/tmpfiles.d
	for f in $(UNITS) deploy/systemd/prosaas-.service.d/hardening.conf; do \
	  sed 's|/usr/local|$(PREFIX)|g; s|/etc/prosaas|$(SYSCONFDIR)/prosaas|g' $$f >$(LIB)/systemd/system/$${f#deploy/systemd/} || exit 1; done
	install -m 644 deploy/systemd/sysusers.conf $(LIB)/sysusers.d/prosaas.conf
	sed 's|/etc/prosaas|$(SYSCONFDIR)/prosaas|g' deploy/systemd/tmpfiles.conf >$(LIB)/tmpfiles.d/prosaas.conf
	install -m 755 deploy/roll.sh deploy/rollback.sh deploy/restart.sh deploy/door-systemd $(LIB)/prosaas
	sed 's|/usr/local|$(PREFIX)|g; s|/etc/prosaas|$(SYSCONFDIR)/prosaas|g' deploy/door-systemd >$(LIB)/prosaas/door-systemd
	install -m 644 deploy/lib.sh $(LIB)/prosaas
	install -d -m 750 $(DESTDIR)$(SYSCONFDIR)/prosaas
	test -e $(DESTDIR)$(SYSCONFDIR)/prosaas/prosaas.env || \
	  install -m 640 deploy/systemd/prosaas.env $(DESTDIR)$(SYSCONFDIR)/prosaas/prosaas.env

.PHONY: FORCE all tests unit box test fuzz cover layers docs fmt lint bench clean install
.SECONDARY:
-include $(OBJ:.o=.d) $(MAINOBJ:.o=.d) $(TESTBIN:=.d)
