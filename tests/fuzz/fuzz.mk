# Fuzz targets: tests/fuzz/target-NAME.c, see tests/fuzz/fuzz.h.
#
#   make fuzz [FUZZ="reader session"] [FUZZ_TIME=60]     seconds for each, with libFuzzer (clang)
#   make build/plain/tests/fuzz/fuzz                     single inputs, with any compiler
FUZZ ?= $(patsubst tests/fuzz/target-%.c,%,$(wildcard tests/fuzz/target-*.c))
FUZZ_TIME ?= 60
FUZZ_B := build/fuzz

.PHONY: fuzz fuzz-build
fuzz:
	$(Q)tests/install-packages fuzz
	$(Q)$(MAKE) --no-print-directory fuzz-build CC=clang B=$(FUZZ_B) SAN=address,undefined \
	    OPT='-O1 -g' CFLAGS=-fsanitize=fuzzer-no-link
	$(Q)FUZZ_TIME=$(FUZZ_TIME) tests/fuzz/run $(FUZZ:%=$(FUZZ_B)/fuzz-%)

fuzz-build: $(FUZZ:%=$(B)/fuzz-%)

$(B)/fuzz-%: tests/fuzz/main.c $(HELPERS) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS_ALL) -fsanitize=fuzzer -DFUZZ_TARGET=fuzz_$* -o $@ $^ $(PKG_LIBS)

$(B)/tests/fuzz/fuzz: $(B)/tests/fuzz/main.o $(HELPERS) $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)
