"""Evidence with the vendors' own formats under test roots, so that the production verifiers run unchanged on it."""
