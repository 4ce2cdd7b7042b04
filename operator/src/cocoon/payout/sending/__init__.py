"""Paying owners: from what is owed to signed messages that the chain carries out once.

    accrued ──reserve──▶ reserved ──▶ sent ──chain shows it──▶ confirmed
       ▲                    └──────────┴── chain time proves it can't be any more ──▶ expired
       └───────────────────────────────────────────────────────────────────────────────┘

`reserve` is one database transaction: it takes a lane's next query id, fixes the exact bytes, and moves the money from
the payees' accounts to what is in flight. Only what is committed is sent, and only these bytes are ever sent again.
What became of a message is nobody's word but the wallet's proven history (cocoon.payout.reconciling).
"""
