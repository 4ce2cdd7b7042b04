"""Cocoon Fleet: confidential GPUs run as a fleet, one package per part (docs/architecture.md)."""
