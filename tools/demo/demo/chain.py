"""The chain, asked by a client that shares no code with ours: pytoniq, which checks signatures and proofs itself.

What it reads is what decides whether an owner was paid: not the books, and not the payout service's word.
"""

import asyncio
import base64
import contextlib
import json
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from pytoniq.liteclient.client import LiteClient
from pytoniq_core.boc.cell import Cell
from pytoniq_core.tl.block import BlockIdExt
from pytoniq_core.tlb.transaction import InternalMsgInfo, Transaction

from demo.explain import OPERATOR
from demo.kubectl import Json, Kubectl
from demo.tunnel import tunnel

POD = "cocoon-fleet-localton-0"
_CONFIG = "/tmp/global.config.json"  # noqa: S108 - in the Pod
_PORT = 14500
_MOST = 1_000


@dataclass(frozen=True)
class Incoming:
    """Coins that came to an account: from whom (raw), how many nanoTON, and the comment they came with."""

    source: str
    amount: int
    comment: str


@dataclass(frozen=True)
class Account:
    """An account (raw) as the chain shows it: its balance, what came in, and hashes (hex) of its transactions."""

    address: str
    balance: int
    incoming: tuple[Incoming, ...]
    transactions: frozenset[str]


def accounts(kubectl: Kubectl, *addresses: str) -> list[Account]:
    """The accounts of these addresses (raw), proven."""
    there = kubectl.within(OPERATOR)
    config = json.loads(there("exec", POD, "--", "cat", _CONFIG))
    with tunnel(there, f"pod/{POD}", _PORT) as port, _own_folder():
        return asyncio.run(_read(config, port, addresses))


def fund(kubectl: Kubectl, address: str, ton: int) -> None:
    """Have the faucet send coins, and wait for them."""
    program = ("/opt/cocoon/bin/component", "faucet", address, str(ton), f"--config={_CONFIG}")
    kubectl.within(OPERATOR)("exec", POD, "--", *program)


@contextlib.contextmanager
def _own_folder() -> Iterator[None]:
    """Work in an empty folder: pytoniq keeps the blocks that it trusts in the working folder."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        yield


async def _read(config: Json, port: int, addresses: tuple[str, ...]) -> list[Account]:
    async with _client(config, port) as client:
        return [await _account(client, address) for address in addresses]


async def _account(client: LiteClient, address: str) -> Account:
    balance = (await client.get_account_state(address)).balance
    history = await client.get_transactions(address, _MOST) if balance else []
    incoming = [found for each in history if (found := _incoming(each))]
    return Account(address, int(balance), tuple(incoming), frozenset(each.cell.hash.hex() for each in history))


def _incoming(transaction: Transaction) -> Incoming | None:
    message = transaction.in_msg
    if message is None or not isinstance(message.info, InternalMsgInfo):
        return None
    source = message.info.src
    return Incoming(f"{source.wc}:{source.hash_part.hex()}", int(message.info.value.grams), _comment(message.body))


def _comment(body: Cell) -> str:
    """A text comment is 32 zero bits and then the text; "" for everything else."""
    reader = body.begin_parse()  # type: ignore[no-untyped-call]  # pytoniq has few types
    if reader.remaining_bits < 32 or reader.load_uint(32) != 0:
        return ""
    return str(reader.load_snake_string())


@contextlib.asynccontextmanager
async def _client(config: Json, port: int) -> AsyncIterator[LiteClient]:
    key = config["liteservers"][0]["id"]["key"]
    trusted = _block(config["validator"]["init_block"])
    client = LiteClient("127.0.0.1", port, key, timeout=10, trust_level=0, init_key_block=trusted)
    try:
        await client.connect()
        yield client
    finally:
        await client.close()


def _block(content: dict[str, Any]) -> BlockIdExt:
    hashes = (base64.b64decode(content[name]) for name in ("root_hash", "file_hash"))
    return BlockIdExt(content["workchain"], content["shard"], content["seqno"], *hashes)
