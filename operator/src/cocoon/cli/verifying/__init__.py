"""Checking a receipt on the client's own machine: `material` is what there is to check, each check makes one line."""
