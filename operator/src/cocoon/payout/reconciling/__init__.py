"""Reading the chain back: what became of each message, and whether wallets and books say the same.

Every transaction of our wallets is walked once, in order, each linked to the one before by its hash. Each one is found
a meaning, which settles a batch, books fees, bounces and coins of strangers, or says that it can't be explained.
"""
