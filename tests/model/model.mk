# make soak [SECONDS=600]: random sequences against the model, until the time is over, and 200
# reverts in a row.

SOAK := qemu-model qemu-revert-many qemu-guest-many

.PHONY: soak
soak: SECONDS ?= 600
soak:
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build TEST="$(SOAK)"
	$(Q)QREWIND=$(CURDIR)/$(PROGRAM) QRW_SOAK=$(SECONDS) REVERTS=200 \
	    TEST_TIMEOUT=$$(($(SECONDS) + 3600)) tests/run $(SOAK:%=$(B)/tests/test-%)
