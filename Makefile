# SPDX-License-Identifier: MIT
# make           build the interpreter and the Lua module (objects and results in build/)
# make deps      install Debian's packages for building and testing
# make demo      deps, build, and run examples/hello.lua
# make demo-rootfs  the same with a Debian of its own, and examples/rootfs.lua
# make test      unit and system specs; HOST=bookworm|trixie|forky|machine chooses the test host
# make test-threads  specs of what has threads, under ThreadSanitizer
# make test-lua  unit specs under a Lua with API checks and an eager collector
# make test-vm   specs that need a kernel of their own, in a virtual machine
# make docs      write doc/api.md anew, from the annotations
# make recording doc/tour.cast, the README's tour as asciinema plays it
# make lint fmt fuzz bench install uninstall clean
# Variables: CC CFLAGS LDFLAGS PREFIX DESTDIR SANITIZE=address,undefined BUILD V=1 (show commands)

VERSION := 0.1.0
PREFIX  ?= /usr/local
CFLAGS  ?= -O2 -g
PKG_CONFIG ?= pkg-config
OBJCOPY ?= objcopy
LUA     := lua5.4

comma := ,
say    = $(if $(V),,@printf '  %-6s %s\n' $(1) $(2);)
ifdef SANITIZE
BUILD   ?= build/$(subst $(comma),-,$(SANITIZE))
else
BUILD   ?= build
endif
export BUILD SANITIZE

BINDIR     := $(PREFIX)/bin
LUADIR     := $(PREFIX)/share/lua/5.4
LUACDIR    := $(PREFIX)/lib/lua/5.4
LIBDIR     := $(PREFIX)/lib
INCLUDEDIR := $(PREFIX)/include
MANDIR     := $(PREFIX)/share/man
LIBRARYDIR := $(PREFIX)/share/sdme/library
GUESTDIR   := $(PREFIX)/lib/sdme/guest

# What the code needs stays apart from CFLAGS, which belongs to whoever calls make.
# Only for their headers, but for Lua: src/runtime/library.h loads the others.
LIBRARIES := lua5.4 libsystemd libarchive libcurl libzstd libdeflate libedit libisal blkid zlib
WARNINGS  := -Wall -Wextra -Wshadow -Wconversion -Wvla -Wstrict-prototypes -Wmissing-prototypes
STANDARD  := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64
SHARED    := -fPIC -fvisibility=hidden
SANITIZED := $(if $(SANITIZE),-fsanitize=$(SANITIZE) -fno-omit-frame-pointer -fno-sanitize-recover=all \
             -DSDME_SANITIZED)
COMPILE    = $(CC) $(STANDARD) $(WARNINGS) $(SHARED) $(SANITIZED) -DSDME_VERSION='"$(VERSION)"' \
             -DSDME_PREFIX='"$(PREFIX)"' $(LIBRARY_CFLAGS) $(CPPFLAGS) $(CFLAGS) -MMD -MP

RUNTIME  := $(wildcard src/runtime/*.c)
BINDINGS := $(wildcard src/lua/*.c)
FLOOR    := $(sort $(shell find lua -name '*.lua'))
DOCUMENTATION := $(BUILD)/lua/sdme/documentation_data.lua
LIBRARY  := $(BUILD)/library/sdme.lua
PAGES    := sdme.1 sdme.conf.5 sdme-pod.5 sdme-recipe.5 sdme.3lua sdme.core.3lua
# What a program may rely on is in src/sdme.h; what breaks it changes this number.
ABI      := 0
OPENING  := $(BUILD)/obj/open.o $(BUILD)/obj/embedded.o
MAIN     := $(BUILD)/obj/main.o $(BUILD)/obj/allocator.o
SONAME   := libsdme.so.$(ABI)
LIBSDME  := $(BUILD)/lib/libsdme.so.$(VERSION)
OBJECTS  := $(patsubst src/%.c,$(BUILD)/obj/%.o,$(RUNTIME) $(BINDINGS))

# Asked only when something is built, so that `make deps` runs on a machine that has nothing.
ifeq ($(filter deps clean help demo demo-rootfs,$(MAKECMDGOALS)),)
require = $(if $(shell $(PKG_CONFIG) --exists '$(1)' 2>/dev/null && echo yes),,$(error $(2) is missing: \
          run `make deps`, or install $(3)))
$(if $(shell command -v $(PKG_CONFIG)),,$(error pkg-config is missing: run `make deps`))
$(call require,lua5.4,Lua 5.4,liblua5.4-dev)
$(call require,libsystemd >= 252,libsystemd 252 or newer,libsystemd-dev)
$(call require,libcrypto,OpenSSL's libcrypto,libssl-dev)
$(call require,libarchive,libarchive,libarchive-dev)
$(call require,libcurl,libcurl,libcurl4-openssl-dev)
$(call require,libzstd,libzstd,libzstd-dev)
$(call require,libdeflate,libdeflate,libdeflate-dev)
$(call require,libedit,libedit,libedit-dev)
$(call require,libisal,ISA-L,libisal-dev)
$(call require,blkid,libblkid,libblkid-dev)
$(call require,zlib,zlib,zlib1g-dev)
LIBRARY_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(LIBRARIES))
LUA_ARCHIVE    := $(wildcard $(shell $(PKG_CONFIG) --variable=libdir lua5.4)/liblua5.4.a)
LUA_LIBS       := $(if $(LUA_ARCHIVE),-Wl$(comma)--whole-archive $(LUA_ARCHIVE) \
                  -Wl$(comma)--no-whole-archive -lm,$(shell $(PKG_CONFIG) --libs lua5.4))
RUNTIME_LIBS   := -ldl -lpthread -lm
# The other end of a bus is made by sd-bus itself there.
FUZZ_LIBS      := $(shell $(PKG_CONFIG) --libs libsystemd)
endif

# Programs that run inside containers, whose libc may be any or none: they have none themselves. For
# this machine by $(CC), for the other architecture where clang and lld are there (`make lint` has
# them installed).
GUESTS         := become devfd enter health isolate request
GUEST_NATIVE   := $(firstword $(subst -, ,$(shell $(CC) -dumpmachine 2>/dev/null)))
GUEST_CROSS    := $(shell command -v clang >/dev/null && command -v ld.lld)
GUEST_ARCHES   := $(if $(GUEST_CROSS),aarch64 x86_64,$(filter aarch64 x86_64,$(GUEST_NATIVE)))
GUEST_PROGRAMS := $(foreach arch,$(GUEST_ARCHES),$(GUESTS:%=$(BUILD)/guest/$(arch)/%))
GUEST_SHARED   := $(filter-out $(GUESTS:%=src/guest/%.c),$(wildcard src/guest/*.c))
GUEST_COMPILER  = $(if $(filter $(GUEST_NATIVE),$1),$(CC),clang --target=$1-linux-gnu)
GUEST_STANDARD := -std=gnu11 -ffreestanding -fno-builtin
GUEST_COMPILE   = $(GUEST_STANDARD) $(WARNINGS) -Os -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE \
                  -fno-asynchronous-unwind-tables -ffunction-sections -fdata-sections
GUEST_LINK      = -nostdlib -static -s -Wl,--gc-sections -Wl,--build-id=none \
                  -Wl,-z,noexecstack -Wl,-z,noseparate-code $(if $(filter $(GUEST_NATIVE),$1),,-fuse-ld=lld)

.PHONY: all docs recording deps demo demo-rootfs test test-unit test-system test-threads test-lua test-vm lint fmt fuzz bench install uninstall clean
all: $(BUILD)/bin/sdme $(BUILD)/lua/sdme/core.so $(LIBSDME) $(BUILD)/lib/libsdme.a $(PAGES:%=$(BUILD)/man/%) \
     $(GUEST_PROGRAMS) $(DOCUMENTATION) $(LIBRARY)

# The interpreter has all of Lua inside and lends it to C modules; core.so and libsdme leave lua_* to
# whoever loads them: there may be only one Lua in a process.
$(BUILD)/bin/sdme: $(OBJECTS) $(MAIN) $(OPENING)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(SANITIZED) $(LDFLAGS) -Wl,-E -Wl,--as-needed -o $@ $^ $(LUA_LIBS) $(RUNTIME_LIBS)

$(BUILD)/lua/sdme/core.so: $(OBJECTS)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -shared $(SANITIZED) $(LDFLAGS) -o $@ $^ $(RUNTIME_LIBS)

$(LIBSDME): $(OBJECTS) $(OPENING) src/sdme.map
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) -shared $(SANITIZED) $(LDFLAGS) -Wl,-soname,$(SONAME) \
	    -Wl,--version-script=src/sdme.map -o $@ $(OBJECTS) $(OPENING) $(RUNTIME_LIBS)
	@ln -sf $(@F) $(@D)/$(SONAME) && ln -sf $(SONAME) $(@D)/libsdme.so

# One object, so that names of ours that no program should see are seen by none.
$(BUILD)/lib/libsdme.a: $(OBJECTS) $(OPENING)
	@mkdir -p $(@D)
	$(call say,AR,$@)$(CC) -r -nostdlib -o $(BUILD)/obj/libsdme.o $^ && \
	    $(OBJCOPY) --localize-hidden $(BUILD)/obj/libsdme.o && \
	    rm -f $@ && $(AR) rcs $@ $(BUILD)/obj/libsdme.o

$(BUILD)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) -c -o $@ $<

define guest_objects
$(BUILD)/guest/obj/$1/%.o: src/guest/%.c Makefile
	@mkdir -p $$(@D)
	$$(call say,CC,$$<)$$(call GUEST_COMPILER,$1) $$(GUEST_COMPILE) -MMD -MP -c -o $$@ $$<
endef
define guest_program
$(BUILD)/guest/$1/$2: $(patsubst src/guest/%.c,$(BUILD)/guest/obj/$1/%.o,src/guest/$2.c $(GUEST_SHARED))
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)$$(call GUEST_COMPILER,$1) $$(call GUEST_LINK,$1) -o $$@ $$^
-include $(patsubst src/guest/%.c,$(BUILD)/guest/obj/$1/%.d,src/guest/$2.c $(GUEST_SHARED))
endef
$(foreach arch,$(GUEST_ARCHES),$(eval $(call guest_objects,$(arch)))\
    $(foreach name,$(GUESTS),$(eval $(call guest_program,$(arch),$(name)))))

# What the annotations say, for `help`, the manual and doc/api.md.
$(DOCUMENTATION): src/document.lua src/annotation.lua $(FLOOR) $(wildcard src/lua/*.lua)
	@mkdir -p $(@D)
	$(call say,DOC,$@)$(LUA) src/document.lua $@ $(FLOOR) $(wildcard src/lua/*.lua)

$(BUILD)/embedded.c: src/embed.lua $(FLOOR) $(DOCUMENTATION)
	@mkdir -p $(@D)
	$(call say,EMBED,lua/)$(LUA) src/embed.lua $@ lua $(FLOOR) $(BUILD)/lua $(DOCUMENTATION)

$(BUILD)/obj/embedded.o: $(BUILD)/embedded.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) -Isrc -c -o $@ $<

$(BUILD)/man/%: doc/man.lua $(wildcard doc/man/*.lua) examples/pod.lua $(BUILD)/bin/sdme
	@mkdir -p $(@D)
	$(call say,MAN,$@)$(BUILD)/bin/sdme run $< $* >$@.new && mv $@.new $@

-include $(OBJECTS:.o=.d) $(MAIN:.o=.d) $(OPENING:.o=.d)

# For editors, and for who reads: what the annotations say.
DOCUMENT = LUA_PATH='lua/?.lua;doc/?.lua;$(BUILD)/lua/?.lua' $(LUA) doc/api.lua
GENERATOR := doc/api.lua $(wildcard doc/api/*.lua) lua/sdme/documentation.lua

$(LIBRARY): $(GENERATOR) $(DOCUMENTATION)
	@mkdir -p $(@D)
	$(call say,DOC,$@)$(DOCUMENT) library >$@.new && mv $@.new $@

docs: all $(DOCUMENTATION)
	$(DOCUMENT) page >doc/api.md.new && mv doc/api.md.new doc/api.md
	LUA_CPATH='$(BUILD)/lua/?.so;;' lua5.4 spec/support/security_page.lua

deps:
	spec/host/deps all

demo:
	spec/host/deps test
	$(MAKE) --no-print-directory all
	spec/host/inside $(BUILD)/bin/sdme run examples/hello.lua

# A small Debian, made by mmdebstrap and imported.
demo-rootfs:
	spec/host/deps test
	$(MAKE) --no-print-directory all
	images=$$(spec/host/image) && spec/host/inside --bind "$$images" \
	    $(BUILD)/bin/sdme run examples/rootfs.lua "$$images/debian.tar"

# What the specs run in containers, which may have no libc.
$(BUILD)/spec/escape: spec/support/escape.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) -std=gnu11 $(WARNINGS) -O1 -static -o $@ $<

recording: all
	spec/host/deps test
	images=$$(spec/host/image) && SDME_IMAGES=$$images spec/host/inside --base bookworm --bind "$$images" \
	    $(abspath $(BUILD))/bin/sdme run doc/record.lua $(abspath $(BUILD))/bin/sdme >$(BUILD)/tour.cast
	mv $(BUILD)/tour.cast doc/tour.cast

test: all $(BUILD)/spec/escape
	spec/host/deps test
	spec/run unit system

test-unit: all
	spec/host/deps test
	spec/run unit

test-system: all $(BUILD)/spec/escape
	spec/host/deps test
	spec/run system

# What has threads, a program of others and we, with ThreadSanitizer looking on.
RACES := $(addprefix spec/unit/,threads_spec.lua $(addprefix runtime/,archive_pack_spec.lua \
         digest_spec.lua netns_spec.lua tree_compare_spec.lua tree_digest_spec.lua))
test-threads:
	spec/host/deps test
	$(MAKE) --no-print-directory SANITIZE=thread BUILD=$(BUILD)/thread all
	SANITIZE=thread BUILD=$(BUILD)/thread spec/run $(RACES)

# What binds C to Lua, with a Lua that checks how it is called, whose collector works all the time.
CHECKED := $(BUILD)/checked
COLLECTORS := generational incremental
BOUND := $(sort $(wildcard spec/unit/runtime/*_spec.lua)) \
         $(addprefix spec/unit/sdme/,loop_spec.lua progress_spec.lua task_spec.lua)
test-lua: all
	spec/host/deps test
	spec/host/checked_lua $(CHECKED)
	$(MAKE) --no-print-directory $(CHECKED)/bin/sdme
	@set -e; for mode in $(COLLECTORS); do echo "$$mode collector"; \
	    SDME_SPEC_COLLECTOR=$$mode spec/run --lua $(CHECKED)/bin/sdme $(BOUND); done

$(CHECKED)/bin/sdme: $(OBJECTS) $(MAIN) $(OPENING) $(wildcard $(CHECKED)/liblua5.4.a)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(SANITIZED) $(LDFLAGS) -Wl,-E -Wl,--as-needed -o $@ \
	    $(filter %.o,$^) -Wl,--whole-archive $(CHECKED)/liblua5.4.a -Wl,--no-whole-archive \
	    $(RUNTIME_LIBS)

test-vm: all $(BUILD)/spec/escape
	spec/host/deps test vm
	spec/run vm

# Fails if clang-tidy says more than how much it suppressed, a line that two at once may break up.
FOUND := { ! grep -vE 'warnings? generated|^\.?$$'; }

lint: lint-deps $(DOCUMENTATION)
	luacheck --quiet lua doc examples spec src
	cppcheck --quiet --error-exitcode=1 --inline-suppr --std=c11 -D_GNU_SOURCE \
	    --enable=warning,performance,portability --suppress=missingIncludeSystem \
	    -DSDME_VERSION='""' -D__x86_64__ src
	printf '%s\n' $(RUNTIME) $(BINDINGS) src/main.c src/allocator.c src/open.c | xargs -P 2 -I FILE \
	    clang-tidy --quiet FILE -- $(STANDARD) $(LIBRARY_CFLAGS) -DSDME_VERSION='""' \
	    -DSDME_PREFIX='""' 2>&1 | $(FOUND)
	printf '%s\n' $(wildcard src/guest/*.c) | xargs -P 2 -I FILE \
	    clang-tidy --quiet FILE -- $(GUEST_STANDARD) 2>&1 | $(FOUND)
	shellcheck .ci/run spec/run spec/bench/run spec/host/testhost spec/host/vmhost spec/host/deps \
	    spec/host/checked_lua spec/host/image \
	    spec/host/inside spec/lint/floors
	shellcheck --shell=bash spec/host/lib/*.bash
	spec/lint/floors
	$(DOCUMENT) page | diff -q - doc/api.md >/dev/null || { echo 'doc/api.md is stale: run make docs'; false; }

fmt:
	clang-format -i $(wildcard src/*.c src/*.h src/*/*.c src/*/*.h spec/fuzz/*.c)

# One libFuzzer program for each parser; CI gives each the same short number of runs. They export
# Lua (-E) to cjson.
FUZZ_RUNS ?= 20000
FUZZERS   := $(patsubst spec/fuzz/%.c,$(BUILD)/fuzz/%,$(wildcard spec/fuzz/*.c))
FUZZED    := $(patsubst src/%.c,$(BUILD)/fuzz/obj/%.o,$(RUNTIME) $(BINDINGS) \
             src/guest/account.c src/guest/text.c)
FUZZ_CC    = clang $(STANDARD) $(WARNINGS) -DSDME_VERSION='"$(VERSION)"' $(LIBRARY_CFLAGS) -g -O1 \
             -fsanitize=address,undefined -fno-sanitize-recover=all -MMD -MP
fuzz: $(FUZZERS)
	@set -e; for fuzzer in $(FUZZERS); do name=$$(basename $$fuzzer); echo "fuzz $$name"; \
	    mkdir -p $$fuzzer.corpus; $$fuzzer -runs=$(FUZZ_RUNS) -max_len=4096 \
	    -artifact_prefix=$(BUILD)/fuzz/ $$fuzzer.corpus spec/fuzz/corpus/$$name >$$fuzzer.log 2>&1 || { cat $$fuzzer.log; exit 1; }; done

.PHONY: lint-deps
lint-deps:
	spec/host/deps lint

$(BUILD)/fuzz/obj/%.o: src/%.c | lint-deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(FUZZ_CC) -fsanitize=fuzzer-no-link -c -o $@ $<

$(BUILD)/fuzz/%: spec/fuzz/%.c $(FUZZED)
	$(call say,LINK,$@)$(FUZZ_CC) -fsanitize=fuzzer -Wl,-E -Isrc -o $@ $< $(FUZZED) $(LUA_LIBS) $(RUNTIME_LIBS) $(FUZZ_LIBS)

.SECONDARY: $(FUZZED)
-include $(FUZZED:.o=.d) $(FUZZERS:=.d)

bench: all
	spec/bench/run

install: all
	install -Dm755 $(BUILD)/bin/sdme $(DESTDIR)$(BINDIR)/sdme
	install -Dm644 $(BUILD)/lua/sdme/core.so $(DESTDIR)$(LUACDIR)/sdme/core.so
	set -e; for page in $(PAGES); do section=$${page##*.}; install -Dm644 $(BUILD)/man/$$page \
	    $(DESTDIR)$(MANDIR)/man$${section%lua}/$$page; done
	install -Dm644 src/sdme.h $(DESTDIR)$(INCLUDEDIR)/sdme.h
	install -Dm644 $(LIBSDME) $(DESTDIR)$(LIBDIR)/$(notdir $(LIBSDME))
	install -Dm644 $(BUILD)/lib/libsdme.a $(DESTDIR)$(LIBDIR)/libsdme.a
	ln -sf $(notdir $(LIBSDME)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsdme.so
	mkdir -p $(DESTDIR)$(LIBDIR)/pkgconfig
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' src/sdme.pc.in \
	    >$(DESTDIR)$(LIBDIR)/pkgconfig/sdme.pc
	for program in $(GUEST_PROGRAMS:$(BUILD)/guest/%=%); do install -Dm755 $(BUILD)/guest/$$program \
	    $(DESTDIR)$(GUESTDIR)/$$program; done
	for file in $(FLOOR:lua/%=%); do install -Dm644 lua/$$file $(DESTDIR)$(LUADIR)/$$file; done
	install -Dm644 $(DOCUMENTATION) $(DESTDIR)$(LUADIR)/sdme/$(notdir $(DOCUMENTATION))
	install -Dm644 $(LIBRARY) $(DESTDIR)$(LIBRARYDIR)/sdme.lua

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/sdme $(DESTDIR)$(LUACDIR)/sdme/core.so $(DESTDIR)$(INCLUDEDIR)/sdme.h \
	    $(DESTDIR)$(LIBDIR)/pkgconfig/sdme.pc $(addprefix $(DESTDIR)$(LIBDIR)/,libsdme.so \
	    $(SONAME) $(notdir $(LIBSDME)) libsdme.a)
	rm -rf $(DESTDIR)$(LUADIR)/sdme $(DESTDIR)$(GUESTDIR) $(DESTDIR)$(LIBRARYDIR)
	for page in $(PAGES); do section=$${page##*.}; rm -f $(DESTDIR)$(MANDIR)/man$${section%lua}/$$page; done
	-rmdir $(DESTDIR)$(LUACDIR)/sdme $(DESTDIR)$(PREFIX)/lib/sdme $(DESTDIR)$(PREFIX)/share/sdme 2>/dev/null

clean:
	rm -rf build
