"""The chain's configuration (block.tlb `ConfigParams`), with the prices of the main network of August 2026.

Fees are computed from it by the TVM, so what a transfer costs here is what it costs there. Parameter 43 is left out:
the emulator does not know its newest form.
"""

from __future__ import annotations

from typing import Final

from ton_core import Cell, begin_cell

from cocoon.ton.localton.dictionaries import plain_dictionary

CONFIG_ADDRESS: Final = b"\x55" * 32
#: The newest version that the emulator (September 2025) knows.
_GLOBAL_VERSION: Final = 12
_CAPABILITIES: Final = 1006
_FOR_EVER: Final = 2**32 - 1
_CATCHAIN: Final = (250, 250, 1000, 23)
#: Storage: since 0; per bit, per cell; on the masterchain per bit, per cell.
_STORAGE: Final = (0, 135, 1000, 500000)
_GAS_MASTERCHAIN: Final = (100, 1_000_000, 655_360_000, 1_000_000, 70_000_000, 10_000, 2_500_000)
_GAS: Final = (100, 6_667, 4_369_067, 1_000_000, 1_000_000, 10_000, 10_000_000)
_FORWARD_MASTERCHAIN: Final = (10_000_000, 655_360_000, 65_536_000_000)
_FORWARD: Final = (66_667, 4_369_067, 436_906_667)
_FREEZE_DUE: Final = 10**8
_DELETE_DUE: Final = 10**9


def network_config(validator_key: bytes) -> Cell:
    """All parameters as one dictionary. `validator_key`: 32 bytes of the only validator's Ed25519 key."""
    return plain_dictionary(
        {
            0: begin_cell().store_bytes(CONFIG_ADDRESS).end_cell(),
            8: _global_version(),
            12: _workchains(),
            18: _storage_prices(),
            20: _gas_prices(_GAS_MASTERCHAIN),
            21: _gas_prices(_GAS),
            24: _forward_prices(*_FORWARD_MASTERCHAIN),
            25: _forward_prices(*_FORWARD),
            28: _catchain(),
            31: begin_cell().store_bit(0).end_cell(),
            34: _validators(validator_key),
        },
        32,
    )


def _global_version() -> Cell:
    return begin_cell().store_uint(0xC4, 8).store_uint(_GLOBAL_VERSION, 32).store_uint(_CAPABILITIES, 64).end_cell()


def _gas_prices(prices: tuple[int, ...]) -> Cell:
    """`gas_flat_pfx` (limit, price) around `gas_prices_ext` (price, limit, special limit, credit, block limit)."""
    cell = begin_cell().store_uint(0xD1, 8).store_uint(prices[0], 64).store_uint(prices[1], 64).store_uint(0xDE, 8)
    for number in (*prices[2:], _FREEZE_DUE, _DELETE_DUE):
        cell.store_uint(number, 64)
    return cell.end_cell()


def _forward_prices(lump: int, bit: int, cell_price: int) -> Cell:
    cell = begin_cell().store_uint(0xEA, 8).store_uint(lump, 64).store_uint(bit, 64).store_uint(cell_price, 64)
    return cell.store_uint(98304, 32).store_uint(21845, 16).store_uint(21845, 16).end_cell()


def _storage_prices() -> Cell:
    cell = begin_cell().store_uint(0xCC, 8).store_uint(0, 32)
    for number in _STORAGE:
        cell.store_uint(number, 64)
    return plain_dictionary({0: cell.end_cell()}, 32, lambda builder, value: builder.store_cell(value))


def _catchain() -> Cell:
    cell = begin_cell().store_uint(0xC2, 8).store_uint(1, 8)
    for number in _CATCHAIN:
        cell.store_uint(number, 32)
    return cell.end_cell()


def _workchains() -> Cell:
    """One: the basechain, active, accepting messages, with the TVM as its only virtual machine."""
    cell = begin_cell().store_uint(0xA6, 8).store_uint(0, 32).store_uint(0, 8).store_uint(0, 8).store_uint(2, 8)
    cell.store_uint(0b111, 3).store_uint(0, 13).store_uint(0, 256).store_uint(0, 256).store_uint(0, 32)
    cell.store_uint(1, 4).store_int(-1, 32).store_uint(0, 64)
    chains = plain_dictionary({0: cell.end_cell()}, 32, lambda builder, value: builder.store_cell(value))
    return begin_cell().store_bit(1).store_ref(chains).end_cell()


def _validators(public_key: bytes) -> Cell:
    """`validators_ext` with one validator, valid for ever."""
    one = begin_cell().store_uint(0x73, 8).store_uint(0x8E81278A, 32).store_bytes(public_key)
    validator = one.store_uint(1, 64).store_bytes(bytes(32)).end_cell()
    cell = begin_cell().store_uint(0x12, 8).store_uint(0, 32).store_uint(_FOR_EVER, 32)
    cell.store_uint(1, 16).store_uint(1, 16).store_uint(1, 64).store_bit(1)
    listed = plain_dictionary({0: validator}, 16, lambda builder, value: builder.store_cell(value))
    return cell.store_ref(listed).end_cell()
