# make bench: ratios against a floor and virsh.
#
#   make bench BENCH="create stall"      only these cases (tests/bench/cases.sh has them all)
#   make bench TMPDIR=/on/a/disk         where the disks are put

BENCH_BIN := $(addprefix $(B)/tests/bench/,floor spawn server many rate agent reaper)
BENCH_GUEST := $(B)/tests/bench/touch

.PHONY: bench
bench:
	$(Q)tests/install-packages bench || echo "Going on with what is here."
	$(Q)$(MAKE) --no-print-directory all $(BENCH_BIN) $(BENCH_GUEST)
	$(Q)tests/bench/bench $(B) $(BENCH)

$(B)/tests/bench/%: $(B)/tests/bench/%.o $(B)/tests/bench/line.o $(STATIC)
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(PKG_LIBS)

# A PC's program, whatever machine this is made on.
$(BENCH_GUEST): tests/bench/touch.S
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -m32 -nostdlib -static -Wl,-Ttext,0x100000 -Wl,--build-id=none -o $@ $<

.SECONDARY: $(BENCH_BIN:=.o) $(B)/tests/bench/line.o
-include $(BENCH_BIN:=.d) $(B)/tests/bench/line.d
