# The tests.
#
#   tests/test-NAME.c   one criterion program each: build/KIND/tests/test-NAME
#   tests/*/*.c         what they share (fake monitor, lab, guest …): libhelpers.a
#   tests/test-qemu-*   need a QEMU; make check-matrix runs them on every release
#
#   make check                     all of them            make check TEST="reader session"
#   make check SAN=address,undefined                      make check-matrix TEST=qemu-lab
#   make check VALGRIND=1          under valgrind, those without QEMU
#   CRITERION_TEST_PATTERN='*/events_*' make check TEST=client      some tests of one

ALL_TESTS := $(patsubst tests/test-%.c,%,$(wildcard tests/test-*.c))
TEST ?= $(filter-out $(if $(VALGRIND),qemu-% hostile%),$(ALL_TESTS))
TEST_BIN := $(TEST:%=$(B)/tests/test-%)
QEMU_TEST_BIN := $(filter $(B)/tests/test-qemu-%,$(TEST_BIN))

# Folders that hold programs of their own.
HELPER_SRC := $(filter-out tests/bench/% tests/demo/% tests/fuzz/main.c tests/programs/%,$(wildcard tests/*/*.c))
HELPER_OBJ := $(HELPER_SRC:%.c=$(B)/%.o)
HELPERS := $(B)/tests/libhelpers.a
SHIMS := $(B)/tests/shim.so $(B)/tests/disk.so

.PHONY: check check-matrix check-build record-schema lint format
check:
	$(Q)tests/install-packages check
	$(Q)$(if $(VALGRIND),tests/install-packages valgrind)
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build
	$(Q)QREWIND=$(CURDIR)/$(PROGRAM) tests/run $(TEST_BIN)

check-matrix:
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build
	$(Q)QREWIND=$(CURDIR)/$(PROGRAM) tests/releases/matrix $(QEMU_TEST_BIN)

check-build: $(PROGRAM) $(TEST_BIN) $(SHIMS)

# Criterion finds the tests in a section that nothing refers to.
$(B)/tests/test-%: $(B)/tests/test-%.o $(HELPERS) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--no-gc-sections -o $@ $^ $(PKG_LIBS) -lcriterion

# What tests/faults puts between the program, or QEMU, and the C library.
$(SHIMS): $(B)/tests/%.so: tests/faults/shim/%.c
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -D_GNU_SOURCE -std=gnu11 -O1 -g $(WARN) -fPIC -shared -o $@ $<

$(HELPERS): $(HELPER_OBJ)
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && $(AR) rcs $@ $^

.SECONDARY: $(TEST_BIN:=.o)
-include $(HELPER_OBJ:.o=.d) $(wildcard $(B)/tests/programs/*.d) $(TEST_BIN:=.d)

record-schema: $(B)/tests/record-schema
	$(Q)tests/schema/record $<

# Small programs that the tests' own data or scripts need.
$(B)/tests/%: $(B)/tests/programs/%.o $(HELPERS) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# Kills what it stands between.
$(B)/tests/test-qemu-offline-back $(B)/tests/test-qemu-offline-killed \
$(B)/tests/test-qemu-sidecar-alone: | $(B)/tests/engine

lint:
	$(Q)tests/install-packages lint
	$(Q)tests/lint/lint

format:
	$(Q)clang-format -i $(wildcard *.[ch] */*.[ch] */*/*.[ch])

include tests/fuzz/fuzz.mk
include tests/model/model.mk
include tests/faults/faults.mk
-include tests/bench/bench.mk
