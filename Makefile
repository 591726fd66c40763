# qrewind: snapshots and rollback for bare QEMU.
#
#   make            the program and the library            make check   every test
#   make demo       a film with a real guest               make bench   ratios against a floor and virsh
#   make lint       layering, format, static analysis      make install DESTDIR= PREFIX=
#   make examples   small programs that use the library    make uninstall
#   make fuzz       hostile bytes for all that reads them
#
#   V=1 shows the commands; SAN=address,undefined builds with sanitizers; CC=clang works;
#   LINK=static puts the library into the program.

VERSION := 0.1.0
SOVERSION := 0
PREFIX ?= /usr/local
DESTDIR ?=
BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
INCLUDEDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man

# A build folder per kind of build, so that sanitized objects never mix with plain ones.
SAN ?=
comma := ,
KIND := $(if $(filter-out cc gcc,$(notdir $(CC))),$(notdir $(CC))-)$(if $(SAN),$(subst $(comma),-,$(SAN)),plain)
B ?= build/$(KIND)

V ?= 0
ifeq ($(V),0)
Q := @
say = @printf '  %-6s %s\n' '$(1)' '$(2)'
else
Q :=
say = @:
endif

PKGS := jansson libevent_core
PKG_CONFIG ?= pkg-config
PKG_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)
PKG_LIBS := $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)
SMARTCOLS_CFLAGS := $(shell $(PKG_CONFIG) --cflags smartcols 2>/dev/null)
SMARTCOLS_LIBS := $(shell $(PKG_CONFIG) --libs smartcols 2>/dev/null)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wwrite-strings -Wvla \
        -Wno-unused-parameter $(if $(WERROR),-Werror)
# Small: nothing here computes much. Backtraces need no unwind tables in the program itself.
OPT ?= -Os -g -fno-asynchronous-unwind-tables -fno-unwind-tables
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
CPPFLAGS += -I. -D_GNU_SOURCE -DQREWIND_VERSION='"$(VERSION)"'
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(SANFLAGS) -fPIC -ffunction-sections \
             -fdata-sections -MMD -MP $(PKG_CFLAGS) $(CFLAGS)
# Addresses that the loader fills in take a bit each instead of 24 bytes, where libc knows how.
RELR := $(shell grep -qs GLIBC_ABI_DT_RELR "$$($(CC) -print-file-name=libc.so.6)" && \
    echo -Wl,-z,pack-relative-relocs)
LDFLAGS_ALL = $(SANFLAGS) -Wl,--as-needed -Wl,--gc-sections -Wl,-z,noseparate-code $(RELR) $(LDFLAGS)

# What is missing is said by its Debian name, before anything is compiled.
MISSING := $(shell command -v $(PKG_CONFIG) >/dev/null || echo pkg-config; \
    need() { $(PKG_CONFIG) --exists $$1 2>/dev/null || echo $$2; }; need jansson libjansson-dev; \
    need libevent_core libevent-dev; need smartcols libsmartcols-dev)

LIB_SRC := $(wildcard qmp/*.c) $(wildcard snapshot/*.c)
CLI_SRC := $(wildcard cli/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
STATIC := $(B)/libqrewind.a
SHARED := $(B)/libqrewind.so.$(VERSION)
PROGRAM := $(B)/qrewind

.PHONY: all
all: $(PROGRAM) $(STATIC) $(SHARED) build/qrewind

# The program uses the shared library, found beside it or in ../lib, and takes from the static
# one the little that is not public. LINK=static: one file to copy to an appliance.
LINK ?= shared
USE_SHARED := -Wl,-rpath,'$$ORIGIN:$$ORIGIN/../lib' $(SHARED)
$(PROGRAM): $(CLI_OBJ) $(SHARED) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $(CLI_OBJ) $(if $(filter shared,$(LINK)),$(USE_SHARED)) \
	    $(STATIC) $(PKG_LIBS) $(SMARTCOLS_LIBS)

build/qrewind: $(PROGRAM)
	$(Q)ln -sf $(patsubst build/%,%,$(PROGRAM)) $@

$(STATIC): $(LIB_OBJ)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Only the symbols that the map names leave the library.
$(SHARED): $(LIB_OBJ) libqrewind.map
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -Wl,-soname,libqrewind.so.$(SOVERSION) \
	    -Wl,--version-script=libqrewind.map -o $@ $(LIB_OBJ) $(PKG_LIBS)
	$(Q)ln -sf $(@F) $(@D)/libqrewind.so.$(SOVERSION)

$(B)/cli/%.o: CPPFLAGS += $(SMARTCOLS_CFLAGS)
$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)

ifneq ($(MISSING),)
$(LIB_OBJ) $(CLI_OBJ): missing
.PHONY: missing
missing:
	@echo 'Not installed: $(MISSING). On Debian and Ubuntu: tests/install-packages build' >&2; exit 1
endif

# ---- install ----

# The headers that call themselves PUBLIC. They are installed one folder deeper, so that
# "qmp/error.h" means the same in them as here.
PUBLIC := qmp/error.h $(shell grep -l ' PUBLIC$$' qmp/*.h snapshot/*.h)
MAN := $(foreach s,1 5,$(patsubst doc/%,doc/man$s/%,$(wildcard doc/*.$s)))
HEADERDIR = $(INCLUDEDIR)/qrewind
PKGCONFIGDIR = $(LIBDIR)/pkgconfig
SONAME := libqrewind.so.$(SOVERSION)
INSTALLED = $(BINDIR)/qrewind $(LIBDIR)/libqrewind.a $(LIBDIR)/$(notdir $(SHARED)) \
            $(LIBDIR)/$(SONAME) $(LIBDIR)/libqrewind.so $(PKGCONFIGDIR)/libqrewind.pc \
            $(PUBLIC:%=$(HEADERDIR)/%) $(MAN:doc/%=$(MANDIR)/%)

.PHONY: install uninstall
install: all
	$(call say,COPY,$(DESTDIR)$(PREFIX))
	$(Q)install -d $(sort $(dir $(INSTALLED:%=$(DESTDIR)%)))
	$(Q)install -m 755 $(PROGRAM) $(DESTDIR)$(BINDIR)/qrewind
	$(Q)install -m 644 $(STATIC) $(SHARED) $(DESTDIR)$(LIBDIR)
	$(Q)ln -sf $(notdir $(SHARED)) $(DESTDIR)$(LIBDIR)/$(SONAME)
	$(Q)ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libqrewind.so
	$(Q)$(foreach h,$(PUBLIC),install -m 644 $h $(DESTDIR)$(HEADERDIR)/$h &&) :
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' \
	    -e 's|@LIBDIR@|$(LIBDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    -e 's|@HEADERDIR@|$(HEADERDIR:$(PREFIX)/%=$${prefix}/%)|' \
	    libqrewind.pc.in >$(DESTDIR)$(PKGCONFIGDIR)/libqrewind.pc
	$(Q)$(foreach m,$(MAN),install -m 644 doc/$(notdir $m) $(DESTDIR)$(m:doc/%=$(MANDIR)/%) &&) :
	$(Q)[ -n '$(DESTDIR)' ] || ldconfig 2>/dev/null || :

uninstall:
	$(Q)rm -f $(INSTALLED:%=$(DESTDIR)%)
	$(Q)rmdir --ignore-fail-on-non-empty $(sort $(dir $(PUBLIC:%=$(DESTDIR)$(HEADERDIR)/%))) \
	    $(DESTDIR)$(HEADERDIR) 2>/dev/null || :

# ---- examples ----

EXAMPLES := $(patsubst %.c,$(B)/%,$(wildcard examples/*.c))

.PHONY: examples demo
examples: $(EXAMPLES)

$(B)/examples/%: $(B)/examples/%.o $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

-include $(EXAMPLES:=.d)

demo:
	$(Q)tests/install-packages demo
	$(Q)$(MAKE) --no-print-directory all
	$(Q)examples/demo.sh $(PROGRAM)

include tests/tests.mk

.PHONY: clean
clean:
	$(Q)rm -rf build
