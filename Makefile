# qrewind: snapshots and rollback for bare QEMU.
#
#   make            the program and the library            make check   every test
#   make demo       a film with a real guest               make bench   ratios against a floor and virsh
#   make lint       layering, format, static analysis      make install DESTDIR= PREFIX=
#
#   V=1 shows the commands; SAN=address,undefined builds with sanitizers; CC=clang works.

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
OPT ?= -O2 -g
SANFLAGS := $(if $(SAN),-fsanitize=$(SAN) -fno-omit-frame-pointer)
CPPFLAGS += -I. -D_GNU_SOURCE -DQREWIND_VERSION='"$(VERSION)"'
CFLAGS_ALL = -std=gnu11 $(OPT) $(WARN) $(SANFLAGS) -fPIC -ffunction-sections \
             -fdata-sections -MMD -MP $(PKG_CFLAGS) $(CFLAGS)
LDFLAGS_ALL = $(SANFLAGS) -Wl,--as-needed -Wl,--gc-sections $(LDFLAGS)

LIB_SRC := $(wildcard qmp/*.c) $(wildcard snapshot/*.c)
CLI_SRC := $(wildcard cli/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(B)/%.o)
CLI_OBJ := $(CLI_SRC:%.c=$(B)/%.o)
STATIC := $(B)/libqrewind.a
SHARED := $(B)/libqrewind.so.$(VERSION)
PROGRAM := $(B)/qrewind

.PHONY: all
all: $(PROGRAM) $(STATIC) $(SHARED) build/qrewind

# The program carries the library inside: one file to copy to an appliance.
$(PROGRAM): $(CLI_OBJ) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS) $(SMARTCOLS_LIBS)

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

$(B)/cli/%.o: CPPFLAGS += $(SMARTCOLS_CFLAGS)
$(B)/%.o: %.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)

include tests/tests.mk

.PHONY: clean
clean:
	$(Q)rm -rf build
