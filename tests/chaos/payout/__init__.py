"""Payments under every misfortune: each payee is paid exactly once, and the books say what the chain says."""
