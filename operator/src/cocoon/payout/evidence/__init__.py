"""Evidence of servers: what their receipts may be believed by."""
