"""`python -m cocoon.ton.localton`: run a chain, or have coins from its faucet.

serve   a chain and its lite-server until SIGTERM
config  print the clients' configuration of a chain that `serve` runs with the same --genesis-time
faucet  send coins to an address
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import sys
from collections.abc import Coroutine
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import msgspec

from cocoon.api.money import NanoTon
from cocoon.api.ton_address import AddressError, parse_address
from cocoon.ton.chain import ChainError
from cocoon.ton.global_config import BadConfig, load_global_config
from cocoon.ton.localton.adnl import AdnlServer
from cocoon.ton.localton.faucet import BALANCE, FAUCET, NotGiven, give
from cocoon.ton.localton.local_chain import LocalChain, wall_clock
from cocoon.ton.localton.mempool import Faithful, Mempool, Odds, Unreliable
from cocoon.ton.localton.queries import Queries
from cocoon.ton.localton.records import Genesis
from cocoon.ton.localton.service import Endpoint, Pace, global_config, lite_server, produce_blocks
from cocoon.ton.localton.storage import Memory, SqliteFile
from cocoon.ton.pytonlib_chain import PytonlibChain

_NANO = 10**9


def main() -> None:
    """Run the command line."""
    options = _parser().parse_args()
    try:
        asyncio.run(options.run(options))
    except (AddressError, BadConfig, ChainError, NotGiven) as error:
        sys.exit(str(error))


async def serve(options: argparse.Namespace) -> None:
    """Run a chain until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    storage = SqliteFile(options.state) if options.state else Memory()
    chain = LocalChain(_genesis(options), mempool=_mempool(options), storage=storage)
    if options.genesis_time and options.genesis_time != chain.genesis.utime:
        sys.exit(f"{options.state} holds a chain that began at {chain.genesis.utime}: give that as --genesis-time.")
    queries = Queries(chain)
    async with lite_server(queries, options.host, options.port) as endpoint:
        chain.produce()  # chain time catches up before anybody asks
        if options.config_out:
            _write(options.config_out, _config(chain, options.advertise, endpoint.port))
        _say(f"lite-server on port {endpoint.port}, block {chain.last.ids.seqno}, faucet {FAUCET.address.friendly()}")
        await _until(stop, produce_blocks(queries, Pace(options.block_time, max(1.0, options.block_time))))


async def config(options: argparse.Namespace) -> None:
    """Print the configuration; nothing is started."""
    chain = LocalChain(_genesis(options))
    chain.produce()
    _say(_config(chain, options.advertise, options.port).decode())


async def faucet(options: argparse.Namespace) -> None:
    """Send coins and wait for them."""
    to = parse_address(options.address)
    async with PytonlibChain(load_global_config(options.config)) as chain:
        await give(chain, to, options.ton)
        account = await chain.account(to)
        _say(f"{options.address} now has {Decimal(account.balance) / _NANO} TON")


def _genesis(options: argparse.Namespace) -> Genesis:
    return Genesis({FAUCET.address.hash: BALANCE}, options.genesis_time or wall_clock())


def _mempool(options: argparse.Namespace) -> Mempool:
    if not (options.lose or options.delay or options.repeat):
        return Faithful()
    luck = random.Random(options.seed)  # noqa: S311 - a test wants the same luck again
    return Unreliable(luck, Odds(options.lose, options.delay, options.repeat))


def _config(chain: LocalChain, advertised: str, port: int) -> bytes:
    key = AdnlServer(Queries(chain)).public_key
    content = msgspec.json.encode(global_config(chain, [Endpoint(advertised, port, key)]))
    return msgspec.json.format(content)


def _write(path: Path, content: bytes) -> None:
    """All of the file or nothing."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    new.replace(path)


async def _until(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Work until told to stop; a chain that breaks ends the process instead of standing still."""
    producing, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait([producing, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if producing.done():
        producing.result()
    producing.cancel()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _nanoton(text: str) -> NanoTon:
    """TON with up to nine decimals, as people write it."""
    try:
        amount = Decimal(text) * _NANO
    except InvalidOperation:
        amount = Decimal(0)
    if amount <= 0 or amount != amount.to_integral_value():
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of TON, such as 2.5")
    return NanoTon(int(amount))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="localton", description="A local TON chain for development and tests.")
    commands = parser.add_subparsers(required=True)
    served = commands.add_parser("serve", help="run a chain and its lite-server")
    served.set_defaults(run=serve)
    served.add_argument("--host", default="127.0.0.1", help="address to listen on")
    served.add_argument("--state", type=Path, help="SQLite file; without it everything is lost at the end")
    served.add_argument("--config-out", type=Path, help="where to write the clients' configuration")
    served.add_argument("--block-time", type=float, default=0.4, metavar="SECONDS", help="between blocks with messages")
    odds = served.add_argument_group("an unreliable network (probabilities for each message)")
    for name in ("lose", "delay", "repeat"):
        odds.add_argument(f"--{name}", type=float, default=0.0, metavar="P")
    odds.add_argument("--seed", type=int, default=0)
    printed = commands.add_parser("config", help="print the configuration of a chain that another process serves")
    printed.set_defaults(run=config)
    for command in (served, printed):
        command.add_argument("--port", type=int, default=14500, help="0 takes a free one")
        command.add_argument("--advertise", default="127.0.0.1", help="name or IPv4 address for clients")
        command.add_argument("--genesis-time", type=int, help="seconds since 1970; the same time makes the same chain")
    given = commands.add_parser("faucet", help="send coins to an address")
    given.set_defaults(run=faucet)
    given.add_argument("address")
    given.add_argument("ton", type=_nanoton, help="such as 2.5")
    given.add_argument("--config", type=Path, default=Path("global.config.json"))
    return parser


if __name__ == "__main__":
    main()
