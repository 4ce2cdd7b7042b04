"""Receipts: reading, judging and taking them."""
