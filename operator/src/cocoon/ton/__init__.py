"""TON: the messages of our wallets and the port to the chain.

The only package that imports pytonlib, which is GPL-3.0: whoever distributes this package together with pytonlib does
so under that licence's terms. It imports nothing of ours but `cocoon.api`.
"""
