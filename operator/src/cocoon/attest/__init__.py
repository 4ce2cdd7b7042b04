"""Evidence, policy, verdict: what may be believed of a TEE, and who signed what. Verifiers are pure."""
