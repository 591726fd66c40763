# make kill-matrix      every point of tests/test-qemu-kill-points.c [QRW_ROW=TEXT: these rows]
MATRICES := kill-matrix

.PHONY: $(MATRICES)
kill-matrix: MATRIX = qemu-kill-points
$(MATRICES):
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build TEST=$(MATRIX)
	$(Q)QRW_MATRIX=1 QREWIND=$(CURDIR)/$(PROGRAM) $(B)/tests/test-$(MATRIX) -j1
