# make kill-matrix [OF=1]      one of OF points of tests/test-qemu-kill-points.c, 1: every one
# make repair-matrix OF=60     of one of OF points every kill of the repair: tests/test-qemu-kill-repair.c
# make inject-matrix [OF=1]    the same of tests/test-qemu-inject.c
# make disk-matrix [OF=1]      the same of tests/test-qemu-disk.c
# make export-matrix           every point of tests/test-qemu-export-faults.c
# make power-matrix [OF=1]     the same of tests/test-qemu-power.c
# make power-copy-matrix OF=9  the same of tests/test-qemu-power-copy.c
#     SEED=1                   others of them; 0 (as without it) to OF - 1 together are all
#     QRW_ROW=TEXT             only operations whose title has TEXT, or =TITLE
OF ?= 1
SEED ?= 0
MATRICES := kill-matrix repair-matrix inject-matrix disk-matrix export-matrix power-matrix \
            power-copy-matrix

.PHONY: $(MATRICES)
kill-matrix: MATRIX = qemu-kill-points
repair-matrix: MATRIX = qemu-kill-repair
inject-matrix: MATRIX = qemu-inject
disk-matrix: MATRIX = qemu-disk
export-matrix: MATRIX = qemu-export-faults
power-matrix: MATRIX = qemu-power
power-copy-matrix: MATRIX = qemu-power-copy
$(MATRICES):
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build TEST=$(MATRIX)
	$(Q)QRW_MATRIX=$(OF) QRW_SEED=$(SEED) QREWIND=$(CURDIR)/$(PROGRAM) $(B)/tests/test-$(MATRIX) -j1

# make day [LOSSES=50]: an appliance that loses power so often.
LOSSES ?= 50
.PHONY: day
day: $(PROGRAM) $(SHIMS)
	$(Q)tests/install-packages check
	$(Q)LOSSES=$(LOSSES) QREWIND=$(CURDIR)/$(PROGRAM) tests/faults/day
