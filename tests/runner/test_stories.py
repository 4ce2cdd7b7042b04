"""What a runner does beside a real Triton, from the model's files to the receipt."""

from __future__ import annotations

from pathlib import Path

import pytest

from cocoon.api.money import Price
from cocoon.api.provider import Meter
from cocoon.attest import receipts
from imagebuild import models
from tests.runner import kit

pytestmark = pytest.mark.triton


async def test_a_job_is_answered_in_order_and_receipted(operator: kit.Operator, tmp_path: Path) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    state = await operator.load(echo)
    assert (state.state, state.detail) == ("Ready", "")
    event, claims = await operator.do(kit.job(echo, "".join(kit.text_line(n, f"text {n}") for n in range(50))))
    assert event.code == ""
    got = list(kit.answers(event))
    assert [line["id"] for line in got] == [f"i{n}" for n in range(50)]
    assert [line["outputs"][0]["data"] for line in got] == [[f"text {n}"] for n in range(50)]
    assert (claims.outcome, claims.usage.items, claims.cost, claims.seq) == ("Succeeded", 50, "50", 0)


async def test_receipts_of_several_jobs_make_a_chain(operator: kit.Operator, tmp_path: Path) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    ends = [await operator.do(kit.job(echo, kit.text_line(1, "x"), uid=f"job-{n}")) for n in range(4)]
    chain = [event.receipt for event, _ in ends]
    key = operator.runner.keys.public.receipt
    assert receipts.check_chain(chain, key) == []
    assert receipts.check_chain([chain[0], *chain[2:]], key) != []


async def test_the_broken_model_fails_with_tritons_words(operator: kit.Operator, tmp_path: Path) -> None:
    state = await operator.load(kit.offer(tmp_path, kit.MODELS / "broken"))
    assert (state.state, state.code) == ("Failed", "LoadFailed")
    assert "broken on purpose" in state.detail


async def test_embeddings_and_completions_are_metered_in_tokens(operator: kit.Operator, tmp_path: Path) -> None:
    entries = models.entries()
    minilm = kit.offer(tmp_path, entries / "minilm", meter=Meter("Tokens", "tokenizer.json"))
    tinylm = kit.offer(tmp_path, entries / "tinylm", meter=Meter("Tokens", "tokenizer.json"))
    for model in (minilm, tinylm):
        assert (await operator.load(model)).detail == ""
    price = Price(per_million_prompt_tokens="1000000", per_million_completion_tokens="2000000")
    batch = (
        '{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{"model":"minilm","input":["one two","three"]}}'
    )
    event, claims = await operator.do(kit.job(minilm, batch, uid="embed", price=price))
    (line,) = kit.answers(event)
    assert line["custom_id"] == "a"
    assert [len(row["embedding"]) for row in line["response"]["body"]["data"]] == [384, 384]
    assert claims.usage.prompt_tokens == 4 + 3
    batch = '{"custom_id":"b","url":"/v1/completions","body":{"prompt":"Once upon","max_tokens":12}}'
    event, claims = await operator.do(kit.job(tinylm, batch, uid="complete", price=price))
    (line,) = kit.answers(event)
    assert line["error"] is None
    assert len(line["response"]["body"]["choices"][0]["text"]) == 12
    assert (claims.usage.prompt_tokens, claims.usage.completion_tokens, claims.cost) == (9, 12, "33")
