"""Pure decisions: what the fleet should do next, seen from a snapshot and a time. No I/O, no clock, no kopf."""
