# trunking: `make demo` and `make test` do everything on a fresh Debian, as
# root, set-up included. The rest: build env sandbox check asan valgrind ledger
# bench install clean. LUA=5.4 (5.3, 5.1, jit) selects the Lua to build for.

LUA ?= 5.4
LUAS = 5.4 5.3 5.1
TESTED = 5.4 5.3 5.1 jit

# One build against PUC 5.1's headers serves LuaJIT and OpenResty too.
ABI = $(if $(filter jit,$(LUA)),5.1,$(LUA))
BUILD = build
OUT = $(BUILD)/$(ABI)

CC ?= cc
CFLAGS ?= -O2 -g
WARN = -std=c99 -pedantic -Wall -Wextra -Werror -Wconversion -Wshadow
HARDEN = -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fvisibility=hidden
LUA_INC ?= $(or $(shell pkg-config --cflags lua$(ABI) 2>/dev/null),-I/usr/include/lua$(ABI))
CURL_CFLAGS = $(shell pkg-config --cflags libcurl 2>/dev/null)
CURL_LIBS = $(or $(shell pkg-config --libs libcurl 2>/dev/null),-lcurl)
MODULE_CFLAGS = $(WARN) -D_GNU_SOURCE $(CURL_CFLAGS) -fPIC
MODULE_LDFLAGS = -shared -Wl,-z,relro,-z,now,-z,nodelete

SRC = $(sort $(wildcard src/*.c))
HDR = $(sort $(wildcard src/*.h))
CORE = $(OUT)/trunking/core.so
PROBE = $(OUT)/probe.so

SANDBOX = spec/support/sandbox/run
ROOT = $(CURDIR)
LUA_PATH_OF = $(ROOT)/lua/?.lua;$(ROOT)/lua/?/init.lua;;
LUA_CPATH_OF = $(ROOT)/$(BUILD)/$(1)/?.so;;

.PHONY: all build env demo test test-all deps deps-demo sandbox check asan \
  valgrind ledger bench install clean

all: build

# ---- set-up ----------------------------------------------------------

deps-demo:
	@spec/support/deps demo

deps:
	@spec/support/deps test

# ---- building --------------------------------------------------------

build: $(CORE)

$(CORE): $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(HARDEN) $(MODULE_CFLAGS) $(LUA_INC) $(SRC) -o $@ \
	  $(MODULE_LDFLAGS) $(CURL_LIBS) -lpthread

# The pure rooms, opened for the specs; never installed.
$(PROBE): spec/support/probe.c $(SRC) $(HDR) Makefile
	@mkdir -p $(dir $@)
	$(CC) $(CFLAGS) $(MODULE_CFLAGS) -Isrc $(LUA_INC) $< src/api.c src/buf.c \
	  src/check.c src/form.c src/json.c src/path.c src/verdict.c -o $@ $(MODULE_LDFLAGS)

probe: $(PROBE)

env: build
	@echo "export LUA_PATH='$(LUA_PATH_OF)'"
	@echo "export LUA_CPATH='$(call LUA_CPATH_OF,$(ABI))'"

# ---- using -----------------------------------------------------------

demo: deps-demo
	@$(MAKE) --no-print-directory -s build LUA=5.4
	@LIVE="$(LIVE)" LUA_PATH='$(LUA_PATH_OF)' \
	  LUA_CPATH='$(call LUA_CPATH_OF,5.4)' spec/support/demo

sandbox: deps-demo
	@$(SANDBOX) || [ $$? = 130 ] # 130: Ctrl-C, as it should end

# ---- proving ---------------------------------------------------------

test: deps
	@for v in $(LUAS); do \
	  $(MAKE) --no-print-directory -s build probe LUA=$$v || exit 1; done
	@spec/support/test $(TESTED)

check: deps
	@spec/support/check "$(WARN) -D_GNU_SOURCE $(CURL_CFLAGS)"

# Both rebuild apart from the ordinary build, and run the specs on Lua 5.4.
asan: deps
	@$(MAKE) --no-print-directory -s build probe LUA=5.4 \
	  BUILD=$(BUILD)/asan HARDEN=-fvisibility=hidden \
	  CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
	@spec/support/sanitize asan $(BUILD)/asan

valgrind: deps
	@$(MAKE) --no-print-directory -s build probe LUA=5.4
	@spec/support/sanitize valgrind $(BUILD)

# Every verdict against the book of a server that errs: see
# spec/ledger/ledger.lua. LEDGER="--long --seed 1"
ledger: deps
	@$(MAKE) --no-print-directory -s build LUA=5.4
	@spec/ledger/run $(LEDGER)

bench: deps
	@for v in 5.4 5.1; do \
	  $(MAKE) --no-print-directory -s build LUA=$$v || exit 1; done
	@LUA_PATH='$(LUA_PATH_OF)' LUA_CPATH='$(call LUA_CPATH_OF,5.4)' \
	  spec/bench/run $(BENCH)

# ---- installing ------------------------------------------------------

PREFIX ?= /usr/local
DESTDIR ?=
LUA_DIR = $(DESTDIR)$(PREFIX)/share/lua/$(ABI)
LIB_DIR = $(DESTDIR)$(PREFIX)/lib/lua/$(ABI)

install: build
	install -d $(LUA_DIR)/trunking/sandbox $(LIB_DIR)/trunking
	install -m 644 lua/trunking/*.lua $(LUA_DIR)/trunking
	install -m 644 lua/trunking/sandbox/*.lua $(LUA_DIR)/trunking/sandbox
	install -m 755 $(CORE) $(LIB_DIR)/trunking

clean:
	rm -rf $(BUILD)
