"""The keyring: holds the identity that jobs are sealed to, in a TEE, and re-seals files' keys to attested runners."""
