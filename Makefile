# trunking: `make demo` and `make test` do everything on a fresh Debian, as
# root, set-up included. `make help` prints the lines below that begin with
# "##".
# LUA=5.4 (5.5, 5.3, 5.2, 5.1, jit) selects the Lua to build for.

LUA ?= 5.4
TESTED = 5.4 5.5 5.3 5.2 5.1 jit

ifeq ($(filter $(LUA),$(TESTED)),)
$(error LUA=$(LUA): it is one of $(TESTED))
endif

# One build against PUC 5.1's headers serves LuaJIT and OpenResty too.
ABI = $(if $(filter jit,$(LUA)),5.1,$(LUA))
BUILD = build
OUT = $(BUILD)/$(ABI)

CC ?= cc
CFLAGS ?= -O2 -g
WARN = -std=c99 -pedantic -Wall -Wextra -Werror -Wconversion -Wshadow
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fvisibility=hidden
LUA_INC ?= $(or $(shell pkg-config --cflags lua$(ABI) 2>/dev/null),-I/usr/include/lua$(ABI))
LUA_LIBS ?= $(or $(shell pkg-config --libs lua$(ABI) 2>/dev/null),-llua$(ABI))
CURL_CFLAGS = $(shell pkg-config --cflags libcurl 2>/dev/null)
CURL_LIBS = $(or $(shell pkg-config --libs libcurl 2>/dev/null),-lcurl)
MODULE_CFLAGS = $(WARN) -D_GNU_SOURCE $(CURL_CFLAGS) -fPIC
MODULE_LDFLAGS = -shared -Wl,-z,relro,-z,now,-z,nodelete

SRC = $(filter-out src/load.c,$(sort $(wildcard src/*.c)))
HDR = $(sort $(wildcard src/*.h))
CORE = $(OUT)/trunking/core.so
LOAD = $(OUT)/trunking/load.so
PROBE = $(OUT)/probe.so
TROUBLE = $(OUT)/trouble.so

SANDBOX = spec/support/sandbox/run
ROOT = $(CURDIR)
# A text as one word of the shell, whatever directories are called.
QUOTE = '
WORD = '$(subst $(QUOTE),'\'',$(1))'
LUA_PATH_OF = $(ROOT)/lua/?.lua;$(ROOT)/lua/?/init.lua;;
LUA_CPATH_OF = $(ROOT)/$(BUILD)/$(1)/?.so;;
LUA_CPATH_HERE = $(call LUA_CPATH_OF,$(ABI))
# $(call PATHS,5.4) COMMAND finds the module.
PATHS = LUA_PATH=$(call WORD,$(LUA_PATH_OF)) \
  LUA_CPATH=$(call WORD,$(call LUA_CPATH_OF,$(1)))

.PHONY: all build env demo test spec busy sandbox check asan valgrind \
  worker-test worker-tsan worker-asan worker-memcheck worker-helgrind ledger \
  bench torture torture-build mixed mixed-build fuzz coverage examples threads \
  soak distros hosts nightly install uninstall rockspec clean help

all: build

## help: these lines
help:
	@echo "make TARGET, on Lua 5.4 or with LUA=5.5, 5.3, 5.2, 5.1, jit:"
	@sed -n 's/^## \([^:]*\): /\1\t/p' $(firstword $(MAKEFILE_LIST)) | \
	  awk -F'\t' '{ printf "  %-10s %s\n", $$1, $$2 }'

# ---- set-up ----------------------------------------------------------

# deps-TARGET: installs what the target lacks.
deps-test deps-check: DEPS_LUAS = $(TESTED)
deps-bench: DEPS_LUAS = 5.4 5.1 jit
deps-coverage: DEPS_LUAS = 5.4 jit
deps-hosts: DEPS_LUAS = 5.4 5.3 jit
deps-%:
	@spec/support/deps $* $(or $(DEPS_LUAS),5.4 $(LUA))

# ---- building --------------------------------------------------------

## build: the module, below build/
build: $(CORE) $(LOAD)

$(CORE): $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(HARDEN) $(MODULE_CFLAGS) $(LUA_INC) $(SRC) -o $@ \
	  $(MODULE_LDFLAGS) $(CORE_LDFLAGS) $(CURL_LIBS) -lpthread

$(LOAD): src/load.c src/compat.h Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(HARDEN) $(MODULE_CFLAGS) $(LUA_INC) $< -o $@ \
	  $(MODULE_LDFLAGS)

# The pure rooms, opened for the specs; never installed.
PURE = $(addprefix src/,api.c asked.c buf.c check.c date.c exchange.c form.c \
  head.c json.c judge.c known.c mask.c mend.c path.c text.c verdict.c)
$(PROBE): spec/support/probe.c $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(MODULE_CFLAGS) -Isrc $(LUA_INC) $< $(PURE) -o $@ \
	  $(MODULE_LDFLAGS)

# What specs do to their own sockets and process; never installed either.
$(TROUBLE): spec/support/trouble.c src/compat.h Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(MODULE_CFLAGS) -Isrc $(LUA_INC) $< -o $@ \
	  $(MODULE_LDFLAGS)

probe: $(PROBE) $(TROUBLE)

## env: the paths that Lua needs: eval "$(make -s env)"
env: build
	@printf 'export %s\n' \
	  $(call WORD,LUA_PATH=$(call WORD,$(LUA_PATH_OF))"$$LUA_PATH") \
	  $(call WORD,LUA_CPATH=$(call WORD,$(LUA_CPATH_HERE))"$$LUA_CPATH")

# ---- using -----------------------------------------------------------

## demo: creates a trunk over TLS, in a sandbox of the API
demo: deps-demo
	@$(MAKE) --no-print-directory -s build LUA=5.4
	@LIVE="$(LIVE)" $(call PATHS,5.4) spec/support/demo

## examples: runs the C program that embeds Lua
# A program that embeds Lua, with the module found by require and with the
# module linked in; each creates a trunk in the sandbox.
HOST = $(BUILD)/examples/$(ABI)
HOST_FLAGS = $(CFLAGS) $(WARN) $(LUA_INC)

$(HOST)/host: examples/embed/host.c Makefile
	@mkdir -p $(dir $@)
	$(CC) $(HOST_FLAGS) $< -o $@ $(LUA_LIBS)

$(HOST)/host-static: examples/embed/host.c $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(HOST_FLAGS) $(HARDEN) -D_GNU_SOURCE $(CURL_CFLAGS) \
	  -DTRUNKING_STATIC $< $(SRC) -o $@ $(LUA_LIBS) $(CURL_LIBS) -lpthread \
	  -ldl

examples: deps-demo build $(HOST)/host $(HOST)/host-static
	@$(call PATHS,$(ABI)) $(SANDBOX) $(HOST)/host
	@LUA_PATH=$(call WORD,$(LUA_PATH_OF)) $(SANDBOX) $(HOST)/host-static

## sandbox: the sandbox of the API, until Ctrl-C
sandbox: deps-demo
	@$(SANDBOX) || [ $$? = 130 ] # 130: Ctrl-C, as it should end

# ---- proving ---------------------------------------------------------

## test: every spec, on every interpreter that is installed
test: deps-test
	@spec/support/test $(TESTED)

## spec: some specs, on one interpreter: F="form job"
# make spec F="form job" LUA=jit: these alone, on this interpreter; those that
# run once run on 5.4.
spec: deps-spec
	@F="$(F)" spec/support/test $(LUA)

## busy: test, on a machine that is kept busy: TIMES=3
# make test, TIMES over, on a machine that is kept busy.
TIMES ?= 1
busy: deps-test
	@spec/support/busy $(TIMES) spec/support/test $(TESTED)

## check: luacheck, compilers, clang-tidy, exported symbols
check: deps-check
	@spec/support/check "$(WARN) -D_GNU_SOURCE $(CURL_CFLAGS)"

## asan: the specs under AddressSanitizer and UBSan
# Both rebuild apart from the ordinary build, and run the specs on Lua 5.4.
asan: deps-spec
	@$(MAKE) --no-print-directory -s build probe LUA=5.4 \
	  BUILD=$(BUILD)/asan HARDEN=-fvisibility=hidden \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
	@spec/support/sanitize asan $(BUILD)/asan $(ASAN)

## valgrind: the specs under valgrind: VALGRIND=--short
valgrind: deps-valgrind
	@$(MAKE) --no-print-directory -s build probe LUA=5.4
	@spec/support/sanitize valgrind $(BUILD) $(VALGRIND)

## worker-*: the worker alone: test, tsan, asan, memcheck, helgrind
# The worker room in plain C, by itself. helgrind can't follow atomics, so it
# gets the build for compilers without them.
WORKER = $(BUILD)/worker
WORKER_SRC = $(addprefix src/,api.c bound.c buf.c cause.c clock.c date.c \
  engine.c exchange.c fd.c head.c judge.c known.c library.c lookups.c \
  mailbox.c mask.c process.c proxy.c server.c shared.c text.c tls.c trust.c \
  verdict.c wake.c wire.c worker.c)
SANITIZED = -O1 -fno-omit-frame-pointer

$(WORKER)/test-plain $(WORKER)/test-memcheck: CFLAGS = -O2 -g
$(WORKER)/test-tsan: CFLAGS = -g $(SANITIZED) -fsanitize=thread
$(WORKER)/test-asan: CFLAGS = -g $(SANITIZED) \
  -fsanitize=address,undefined -fno-sanitize-recover=undefined
$(WORKER)/test-helgrind: CFLAGS = -O1 -g -DTRK_NO_ATOMICS

WORKER_TEST = spec/support/worker_test.c spec/support/refuse.c
REFUSED = eventfd fcntl pipe read write pthread_create pthread_sigmask \
  pthread_mutex_init pthread_mutex_lock pthread_cond_init \
  pthread_condattr_init pthread_condattr_setclock
$(WORKER)/test-%: $(WORKER_TEST) spec/support/refuse.h $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(WARN) -D_GNU_SOURCE $(CURL_CFLAGS) -Isrc \
	  $(WORKER_TEST) $(WORKER_SRC) -o $@ \
	  $(foreach f,$(REFUSED),-Wl,--wrap=$(f)) $(CURL_LIBS) -lpthread -ldl

worker-test worker-tsan worker-asan: deps-spec
worker-memcheck worker-helgrind: deps-valgrind
worker-test worker-tsan worker-asan worker-memcheck worker-helgrind:
	@kind=$(subst test,plain,$(@:worker-%=%)) && \
	  $(MAKE) --no-print-directory -s $(WORKER)/test-$$kind && \
	  spec/support/worker $$kind $(WORKER)/test-$$kind

## ledger: every verdict against a server that fails: LEDGER=--long
# Every verdict against the book of a server that errs: see
# spec/ledger/ledger.lua. LEDGER="--long --seed 1"
ledger: deps-spec
	@$(MAKE) --no-print-directory -s build LUA=5.4
	@spec/ledger/run $(LEDGER)

## bench: speed, against C and others: BENCH="--short --chart"
bench: deps-bench
	@for v in 5.4 5.1; do \
	  $(MAKE) --no-print-directory -s build LUA=$$v || exit 1; done
	@$(call PATHS,5.4) spec/bench/run $(BENCH)

# ---- torture -----------------------------------------------------------

## torture: each allocation fails once: TORTURE=--long
# The program, and a module whose malloc it may refuse, in trees of their own:
# one under the sanitizers. TORTURE=--long fails every request of every script.
TORTURE ?= --short
TORTURE_SRC = spec/torture/torture.c spec/torture/fault.c \
  spec/torture/libcurl.c spec/torture/cjson.c
# LUA=jit: LuaJIT itself, called by the headers of 5.1, whose ABI it has; its
# package alone is enough. It takes an allocator of ours on 64 bits only where
# it is built for them (GC64), as Debian's is; see torture.c for what is spared.
JIT_LIBS ?= $(or $(shell pkg-config --libs luajit 2>/dev/null),-l:libluajit-5.1.so.2)
TORTURE_LIBS = $(if $(filter jit,$(LUA)),$(JIT_LIBS),$(LUA_LIBS))
TORTURE_PROGRAM = $(OUT)/torture$(if $(filter jit,$(LUA)),-jit)
TORTURE_WRAP = $(foreach f,malloc calloc realloc free,-Wl,--wrap=$(f))
SANITIZE = -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined \
  -fno-sanitize-recover=undefined
$(TORTURE_PROGRAM): $(TORTURE_SRC) $(wildcard spec/torture/*.h) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(WARN) -D_GNU_SOURCE $(CURL_CFLAGS) $(LUA_INC) \
	  $(TORTURE_SRC) -o $@ -Wl,--export-dynamic $(TORTURE_LIBS) $(CURL_LIBS) \
	  -ldl

# torture-build BUILD=... CFLAGS=...: for the target below and for coverage.
torture-build: $(TORTURE_PROGRAM)
	@$(MAKE) --no-print-directory -s build LUA=$(LUA) BUILD=$(BUILD) \
	  CFLAGS="$(CFLAGS)" HARDEN=-fvisibility=hidden \
	  SRC="$(SRC) spec/torture/wrap.c" \
	  CORE_LDFLAGS="$(TORTURE_WRAP)"
	@spec/support/cjson $(LUA) $(OUT)

torture: deps-spec
	@$(MAKE) --no-print-directory -s torture-build BUILD=$(BUILD)/torture
	@$(MAKE) --no-print-directory -s torture-build \
	  BUILD=$(BUILD)/torture-asan CFLAGS="$(SANITIZE)"
	@LUA=$(LUA) spec/torture/run $(BUILD)/torture-asan --sparse
	@LUA=$(LUA) spec/torture/run $(BUILD)/torture $(TORTURE)

# ---- the random mix ----------------------------------------------------

## mixed: random programs, each verdict against the ledger: MIXED=--long
# Under the sanitizers, which see LuaJIT's own code no more than PUC Lua's.
# MIXED="--calls 1000 --seed 1", "--seed 1 --program 7": one of them again.
MIXED_PROGRAM = $(OUT)/mixed$(if $(filter jit,$(LUA)),-jit)
$(MIXED_PROGRAM): spec/mixed/mixed.c Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(WARN) $(LUA_INC) $< -o $@ -Wl,--export-dynamic \
	  $(TORTURE_LIBS) -lpthread

mixed-build: build $(MIXED_PROGRAM)
	@spec/support/cjson $(LUA) $(OUT)

mixed: deps-spec
	@$(MAKE) --no-print-directory -s mixed-build BUILD=$(BUILD)/asan \
	  HARDEN=-fvisibility=hidden CFLAGS="$(SANITIZE)"
	@spec/mixed/run $(MIXED_PROGRAM:$(BUILD)/%=$(BUILD)/asan/%) $(ABI) \
	  $(BUILD)/asan $(MIXED)

# ---- fuzzing -----------------------------------------------------------

## fuzz: what a server may send: FUZZ=60, seconds for each target
# libFuzzer is clang's. FUZZ=--short, or how many seconds each target runs.
FUZZ ?= --short
FUZZ_TARGETS = headers reply json form http pages
FUZZ_DIR = $(BUILD)/fuzz
FUZZ_FLAGS = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=undefined \
  -fsanitize=address,undefined $(WARN) -D_GNU_SOURCE -Isrc -pthread \
  $(CURL_CFLAGS) $(LUA_INC)
FUZZ_SHARED = $(addprefix $(FUZZ_DIR)/,fuzz.o fields.o link.o server.o)
FUZZ_CORE = $(patsubst src/%.c,$(FUZZ_DIR)/src/%.o,$(SRC))

.PRECIOUS: $(FUZZ_DIR)/%.o $(FUZZ_DIR)/src/%.o
$(FUZZ_DIR)/src/%.o: src/%.c $(HDR) Makefile
	@mkdir -p $(dir $@)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ_DIR)/%.o: spec/fuzz/%.c $(wildcard spec/fuzz/*.h) $(HDR) Makefile
	@mkdir -p $(dir $@)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZ_DIR)/%: $(FUZZ_DIR)/%.o $(FUZZ_SHARED) $(FUZZ_CORE)
	clang $(FUZZ_FLAGS) -fsanitize=fuzzer $^ -o $@ $(LUA_LIBS) $(CURL_LIBS)

fuzz: deps-fuzz
	@$(MAKE) --no-print-directory -s LUA=5.4 \
	  $(addprefix $(FUZZ_DIR)/,$(FUZZ_TARGETS))
	@spec/fuzz/run $(FUZZ_DIR) $(FUZZ)

# ---- threads -----------------------------------------------------------

## threads: four Lua states in four threads: THREADS=--long
# Four Lua states in four threads, as they are, under ThreadSanitizer and
# under helgrind, which does not understand atomics. THREADS=--long: 10,000
# calls under ThreadSanitizer too.
THREADS ?= --short
THREADS_DIR = $(BUILD)/threads
THREADS_FLAGS = $(WARN) -D_GNU_SOURCE $(CURL_CFLAGS) $(LUA_INC)
$(THREADS_DIR)/plain: THREADS_KIND = -O2 -g
$(THREADS_DIR)/tsan: THREADS_KIND = -O1 -g -fsanitize=thread
$(THREADS_DIR)/helgrind: THREADS_KIND = -O1 -g -DTRK_NO_ATOMICS

$(THREADS_DIR)/%: spec/threads/threads.c $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(THREADS_KIND) $(THREADS_FLAGS) $< $(SRC) -o $@ $(LUA_LIBS) \
	  $(CURL_LIBS) -lpthread -ldl

threads: deps-valgrind
	@$(MAKE) --no-print-directory -s LUA=5.4 \
	  $(addprefix $(THREADS_DIR)/,plain tsan helgrind)
	@spec/threads/run $(THREADS_DIR) $(THREADS)

## soak: many mixed calls, and nothing grows: SOAK=--long
# Mixed calls over several states, some closed and opened again throughout:
# memory, descriptors and threads stay flat. SOAK=--long
SOAK_DIR = $(BUILD)/soak
$(SOAK_DIR)/soak: spec/soak/soak.c $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) -O2 -g $(THREADS_FLAGS) $< $(SRC) -o $@ $(LUA_LIBS) \
	  $(CURL_LIBS) -lpthread -ldl

soak: deps-spec
	@$(MAKE) --no-print-directory -s LUA=5.4 $(SOAK_DIR)/soak
	@spec/soak/run $(SOAK_DIR)/soak $(SOAK)

# ---- coverage ----------------------------------------------------------

## coverage: what of the C the specs reach
# Fails when less was reached than is promised, or a spec fails. A build for
# Lua 5.4, and one for LuaJIT, which can fork and is in nginx. Counts of two
# threads are lost unless they are atomic, and then a branch may seem untaken.
COUNTED = $(MAKE) --no-print-directory -s CC=gcc BUILD=$(BUILD)/coverage \
  CFLAGS="-O0 -g --coverage -fprofile-update=atomic" HARDEN=
coverage: deps-coverage
	@$(COUNTED) torture-build probe $(BUILD)/coverage/worker/test-counted \
	  LUA=5.4
	@$(COUNTED) build probe LUA=jit SRC="$(SRC) spec/coverage/counted.c"
	@spec/coverage/run $(BUILD)/coverage

# ---- hosts ------------------------------------------------------------

## hosts: Kamailio, HAProxy, LOVE, Minetest: HOSTS=--long
# The examples in the programs that they are for, which this installs. `make
# test` runs them too, where those are. HOSTS=--long: ten times as many calls.
HOSTS ?= --short
hosts: deps-hosts
	@TRUNKING_HOSTS_TIMES=$(if $(filter --long,$(HOSTS)),10,1) \
	  F=programs spec/support/test 5.4

# ---- other systems -----------------------------------------------------

## distros: demo and test on other Debians, as root: DISTRO=trixie
# make demo and make test in roots of other Debians, which debootstrap makes
# below build/ and which stay there. DISTRO="trixie sid i386", DISTROS=--short
distros: deps-distros
	@spec/distros/run $(DISTROS) $(DISTRO)

## nightly: all of these, and longer; takes hours
# NIGHTLY="specs sweeps bench distros": some of it.
nightly:
	@spec/support/nightly $(NIGHTLY)

# ---- installing ------------------------------------------------------

PREFIX ?= /usr/local
DESTDIR ?=
LUA_DIR = $(call WORD,$(DESTDIR)$(PREFIX)/share/lua/$(ABI))
LIB_DIR = $(call WORD,$(DESTDIR)$(PREFIX)/lib/lua/$(ABI))

LUA_PARTS = $(patsubst lua/%/,%,$(sort $(dir $(shell \
  find lua -name '*.lua'))))

## install: the module, below PREFIX=/usr/local
install: build
	for part in $(LUA_PARTS); do \
	  install -d $(LUA_DIR)/$$part && \
	  install -m 644 lua/$$part/*.lua $(LUA_DIR)/$$part || exit 1; done
	install -d $(LIB_DIR)/trunking
	install -m 755 $(CORE) $(LOAD) $(LIB_DIR)/trunking

## uninstall: takes it away again
uninstall:
	rm -rf $(LUA_DIR)/trunking $(LIB_DIR)/trunking

## rockspec: the branch's, from the versioned one
rockspec:
	sed -e 's/^version = .*/version = "scm-1"/' \
	  -e 's/^  tag = .*/  branch = "main",/' \
	  $(filter-out %-scm-1.rockspec,$(wildcard *.rockspec)) \
	  >trunking-scm-1.rockspec

## clean: removes build/
clean:
	rm -rf $(BUILD)
