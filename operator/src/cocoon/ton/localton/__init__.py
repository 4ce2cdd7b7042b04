"""A TON chain of one process, for development and tests: what clients check of the real one holds here too.

Accounts, the real TVM, blocks signed by one validator, Merkle proofs, and a lite-server over TCP. Clients that verify
signatures and proofs accept it unchanged. Its keys are constants of the source: whoever can reach it owns all of it.

Not as on the real network: one shard, basechain only (messages to other workchains vanish), no elections, all messages
of a batch in one block, no limit of external messages per account.
"""
