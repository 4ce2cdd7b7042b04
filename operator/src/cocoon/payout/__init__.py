"""The payout service: checks signed receipts, keeps the books, and pays the owners of servers in TON."""
