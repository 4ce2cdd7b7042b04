"""The process beside Triton in a server Pod: keys, models, input, metering, output, receipts."""
