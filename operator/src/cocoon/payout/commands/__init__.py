"""Commands beside serving: backup and restore."""
