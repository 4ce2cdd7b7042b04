"""What the objects, receipts and HTTP messages hold. Imports nothing of ours and does no I/O."""
