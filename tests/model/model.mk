# make soak [SECONDS=600]: random sequences against the model, until the time is over.
SECONDS ?= 600

.PHONY: soak
soak:
	$(Q)tests/install-packages check
	$(Q)$(MAKE) --no-print-directory WERROR=1 check-build TEST=qemu-model
	$(Q)QRW_SOAK=$(SECONDS) TEST_TIMEOUT=$$(($(SECONDS) + 600)) tests/run $(B)/tests/test-qemu-model
