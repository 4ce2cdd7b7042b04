"""A second, independent client accepts the local chain, and rejects what the first one rejects."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytoniq.liteclient.client import LiteClientError
from pytoniq_core.proof.check_proof import ProofError

from cocoon.ton.localton.queries import Queries
from tests.ton.kit import TON, WALLET, Payer, payee, served, transfers
from tests.ton.pytoniq_client import pytoniq, received
from tests.ton.test_lies import EditedTransactions, ForgedShardState, OlderShardBlock, RichAccount, WrongValidator

pytestmark = pytest.mark.ton


@pytest.fixture
def payer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Payer:
    monkeypatch.chdir(tmp_path)
    payer = Payer()
    for number in range(3):
        payer.pay(number, transfers(5))
    return payer


async def test_it_proves_balances_and_history(payer: Payer) -> None:
    async with served(Queries(payer.chain)) as config, pytoniq(config) as client:
        sent = await client.get_transactions(WALLET.address.raw(), 16)
        assert await received(client, payee(5)) == [TON] * 3
        assert [len(transaction.out_msgs) for transaction in sent] == [5, 1] * 3
        assert 3 * TON - 10 < (await client.get_account_state(payee(5).raw())).balance <= 3 * TON  # storage fees


@pytest.mark.parametrize("liar", [RichAccount, ForgedShardState, OlderShardBlock])
async def test_it_rejects_a_forged_account(payer: Payer, liar: type[Queries]) -> None:
    async with served(liar(payer.chain)) as config, pytoniq(config) as client:
        with pytest.raises(ProofError):
            await client.get_account_state(WALLET.address.raw())


async def test_it_rejects_a_wrong_validator(payer: Payer) -> None:
    async with served(WrongValidator(payer.chain)) as config:
        with pytest.raises(ProofError):
            async with pytoniq(config):
                pass


async def test_it_rejects_an_edited_transaction(payer: Payer) -> None:
    async with served(EditedTransactions(payer.chain)) as config, pytoniq(config) as client:
        with pytest.raises(LiteClientError, match="hashes mismatch"):
            await client.get_transactions(WALLET.address.raw(), 6)
