# make kill-matrix      every point of tests/test-qemu-kill-points.c [QRW_ROW=TEXT: these rows]
# make export-matrix    every point of tests/test-qemu-export-faults.c
MATRICES := kill-matrix export-matrix

.PHONY: $(MATRICES)
kill-matrix: MATRIX = qemu-kill-points
export-matrix: MATRIX = qemu-export-faults
$(MATRICES):
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build TEST=$(MATRIX)
	$(Q)QRW_MATRIX=1 QREWIND=$(CURDIR)/$(PROGRAM) $(B)/tests/test-$(MATRIX) -j1
