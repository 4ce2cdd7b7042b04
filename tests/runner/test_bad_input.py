"""Whatever a client sends: a clear reason, one line per item, and nothing billed that was not done."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from aiohttp import web

from cocoon.api.job import JobInput, JobOutput
from cocoon.api.money import Price
from cocoon.api.runner import ModelAssignment, Problem
from tests.runner import conftest, kit
from tests.runner.fake_triton import FakeTriton
from tests.runner.https_files import Files, Handler

GOOD = kit.text_line(1, "fine")


def at(files: Files, path: str, content: bytes) -> JobInput:
    files.content[path] = content
    return JobInput(uri=files.uri(path), sha256=hashlib.sha256(content).hexdigest())


def floats(values: str, datatype: str = "FP32", shape: str = "[1]") -> str:
    return f'{{"id":"f","inputs":[{{"name":"floats","datatype":"{datatype}","shape":{shape},"data":{values}}}]}}\n'


def streamed(parts: list[bytes]) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        return response

    return answer


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("no json\n", "no inference request"),
        ("[]\n", "no inference request"),
        ('{"id":"a"}\n', "no inputs"),
        ('{"id":7,"inputs":[]}\n', "no inference request"),
        ("\n", "blank"),
        ('{"id":"\\ud800","inputs":[]}\n', "no inference request"),
        (kit.text_line(1, "x", name="txet"), "no input 'txet'"),
        (floats("[1]", shape="[2]"), "do not fill the shape"),
        (floats("[1]", shape="[1,1]"), "the model takes [-1]"),
        (floats("[1]", shape="[-1]"), "the model takes [-1]"),
        (floats("[1]", datatype="FP64"), "the model takes FP32"),
        (floats("[1]", datatype="BF16"), "the model takes FP32"),
        (floats("[1e39]"), "does not fit in FP32"),
        (floats("[1e400]"), "line"),
        (floats("[NaN]"), "no inference request"),
        (floats("[Infinity]"), "no inference request"),
        (floats('["1"]'), "not all FP32"),
        (floats("1"), "not an array"),
        (floats("[[1],[2,3]]", shape="[3]"), "nested unevenly"),
        (floats("[]", shape="[9223372036854775807]"), "do not fill"),
        ('{"custom_id":"c","url":"/v1/chat/completions","body":{}}\n', "url is"),
        ('{"custom_id":"c","url":"/v1/embeddings","body":{"input":"x"}}\n', "does not answer"),
        ('{"custom_id":"c","url":"/v1/completions","body":{"prompt":"x","temperature":1}}\n', "temperature"),
        ('{"custom_id":"c","url":"/v1/completions","body":{"prompt":"x","model":"gpt"}}\n', "job is for"),
        ("[" * 5000 + "\n", "no inference request"),
    ],
)
async def test_a_bad_line_gets_an_error_line_and_costs_nothing(
    quick: kit.Operator, echo: ModelAssignment, line: str, reason: str
) -> None:
    event, claims = await quick.do(kit.job(echo, GOOD + line + GOOD))
    first, second, third = kit.answers(event)
    assert "outputs" in first
    assert second["error"]["code"] == "InvalidInput"
    assert reason in second["error"]["message"]
    assert second["error"]["message"].startswith("line 2: ")
    assert "outputs" in third
    assert (claims.usage.items, claims.usage.failed_items, claims.cost) == (2, 1, "2")


async def test_a_bad_line_fails_a_job_that_asks_for_it(quick: kit.Operator, echo: ModelAssignment) -> None:
    event, claims = await quick.do(kit.job(echo, GOOD * 16 + "no json\n" + GOOD * 9, item_errors="Fail"))
    assert (event.code, claims.outcome) == ("InvalidInput", "Failed")
    assert "line 17: " in event.detail
    assert (claims.usage.items, claims.usage.failed_items) == (16, 0)
    assert len(list(kit.answers(event))) == 16


async def test_a_failing_item_is_told_and_not_billed(quick: kit.Operator, echo: ModelAssignment) -> None:
    lines = GOOD + kit.text_line(2, "#fail no luck") + GOOD
    event, claims = await quick.do(kit.job(echo, lines))
    assert list(kit.answers(event))[1] == {"id": "i2", "error": {"code": "ModelError", "message": "no luck"}}
    assert (claims.usage.items, claims.usage.failed_items) == (2, 1)
    event, claims = await quick.do(kit.job(echo, lines, uid="strict", item_errors="Fail"))
    assert (event.code, claims.usage.items, claims.cost) == ("ItemFailed", 1, "1")


@pytest.mark.parametrize("lines", ["", "\n", "\r\n\n"])
async def test_an_empty_input_is_no_job(quick: kit.Operator, echo: ModelAssignment, lines: str) -> None:
    event, claims = await quick.do(kit.job(echo, lines))
    assert (event.code, event.detail) == ("InvalidInput", "The input has no items.")
    assert (claims.outcome, claims.cost) == ("Failed", "0")


async def test_numbers_at_their_limits_survive(quick: kit.Operator, echo: ModelAssignment) -> None:
    data = "[3.4028234663852886e38, -0.0, 1e-45]"
    event, _ = await quick.do(kit.job(echo, floats(data, shape="[3]")))
    (answer,) = kit.answers(event)
    assert answer["outputs"][0]["data"] == [3.4028234663852886e38, -0.0, 1.401298464324817e-45]
    line = '{"id":"n","inputs":[{"name":"integers","datatype":"INT32","shape":[2],"data":[2147483647,-2147483648]}]}'
    event, _ = await quick.do(kit.job(echo, line, uid="integers"))
    (answer,) = kit.answers(event)
    assert answer["outputs"][0]["data"] == [2147483647, -2147483648]
    event, _ = await quick.do(kit.job(echo, line.replace("2147483647", "2147483648"), uid="beyond"))
    (answer,) = kit.answers(event)
    assert "does not fit in INT32" in answer["error"]["message"]


async def test_a_line_of_20_mb_is_refused_in_flat_memory(
    quick: kit.Operator, echo: ModelAssignment, files: Files
) -> None:
    parts = [GOOD.encode(), b'{"id":"long","inputs":"', *[b"x" * 100_000] * 200, b'"}\n', GOOD.encode()]
    files.handlers["long"] = streamed(parts)
    source = JobInput(uri=files.uri("long"), sha256=hashlib.sha256(b"".join(parts)).hexdigest())
    before = psutil.Process().memory_info().rss
    event, claims = await quick.do(kit.job(echo, "", input=source))
    assert psutil.Process().memory_info().rss - before < 16 << 20
    first, second, third = kit.answers(event)
    assert "outputs" in first
    assert "outputs" in third
    assert "more than 1048576 bytes" in second["error"]["message"]
    assert claims.usage.items == 2


@pytest.mark.timeout(900)
async def test_a_million_items_in_flat_memory(
    quick: kit.Operator, echo: ModelAssignment, files: Files, tmp_path: Path
) -> None:
    block = b'{"inputs":[{"name":"floats","datatype":"FP32","shape":[1],"data":[1]}]}\n' * 1000
    blocks = 1000

    async def count(request: web.Request) -> web.StreamResponse:
        lines = 0
        async for chunk in request.content.iter_any():
            lines += chunk.count(b"\n")
        counted.append(lines)
        return web.Response()

    counted: list[int] = []
    files.handlers |= {"many": streamed([block] * blocks), "answers": count}
    source = JobInput(uri=files.uri("many"), sha256=hashlib.sha256(block * blocks).hexdigest())
    job = kit.job(echo, "", input=source, output=JobOutput(uri=files.uri("answers")), parallelism=8)
    before = psutil.Process().memory_info().rss
    event, claims = await quick.do(job)
    assert (event.code, claims.usage.items, counted) == ("", 1_000_000, [1_000_000])
    assert psutil.Process().memory_info().rss - before < 48 << 20
    assert list((tmp_path / "journal" / "spool").iterdir()) == []


async def test_too_many_items(fake: FakeTriton, tmp_path: Path) -> None:
    async with kit.running(kit.settings(tmp_path, COCOON_MAXIMUM_ITEMS="3"), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        event, claims = await operator.do(kit.job(model, GOOD * 4))
        assert (event.code, claims.usage.items) == ("InvalidInput", 3)
        assert "more than the 3 items" in event.detail


async def test_an_input_with_another_digest_counts_for_nothing(
    quick: kit.Operator, echo: ModelAssignment, files: Files
) -> None:
    source = at(files, "in", GOOD.encode() * 3)
    files.content["in"] += GOOD.encode()
    job = kit.job(echo, "", input=source, output=JobOutput(uri=files.uri("out")))
    event, claims = await quick.do(job)
    assert (event.code, claims.outcome, claims.cost) == ("DigestMismatch", "Failed", "0")
    assert claims.usage.items == 0
    assert files.put == {}


async def test_input_and_output_by_address(quick: kit.Operator, echo: ModelAssignment, files: Files) -> None:
    source = at(files, "in", GOOD.encode() * 3)
    event, claims = await quick.do(kit.job(echo, "", input=source, output=JobOutput(uri=files.uri("out"))))
    assert event.output is None
    assert hashlib.sha256(files.put["out"]).hexdigest() == event.output_sha256 == claims.output_sha256
    assert len(files.put["out"].splitlines()) == 3
    assert len(files.put["out"]) == event.output_bytes


@pytest.mark.parametrize(
    ("status", "outcome"), [(404, "Failed"), (403, "Failed"), (302, "Failed"), (500, "Interrupted")]
)
async def test_an_input_that_is_not_there(
    quick: kit.Operator, echo: ModelAssignment, files: Files, status: int, outcome: str
) -> None:
    files.status["in"] = status
    source = JobInput(uri=files.uri("in"), sha256="00" * 32)
    event, claims = await quick.do(kit.job(echo, "", input=source))
    assert (event.code, claims.outcome, claims.cost) == ("InputUnavailable", outcome, "0")
    assert "secret" not in event.detail
    assert str(status) in event.detail
    assert "GET elsewhere" not in files.requests


async def test_a_server_that_cannot_be_reached(quick: kit.Operator, echo: ModelAssignment, files: Files) -> None:
    source = JobInput(uri="https://localhost:1/in", sha256="00" * 32)
    event, claims = await quick.do(kit.job(echo, "", input=source))
    assert (event.code, claims.outcome) == ("InputUnavailable", "Interrupted")


async def test_an_input_that_breaks_off(quick: kit.Operator, echo: ModelAssignment, files: Files) -> None:
    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000000"})
        await response.prepare(request)
        await response.write(GOOD.encode())
        assert request.transport is not None
        request.transport.abort()
        return response

    files.handlers["in"] = half
    source = JobInput(uri=files.uri("in"), sha256="00" * 32)
    event, claims = await quick.do(kit.job(echo, "", input=source))
    assert (event.code, claims.outcome, claims.cost) == ("InputUnavailable", "Interrupted", "0")


@pytest.mark.parametrize(
    "uri",
    [
        "https://127.0.0.1/in",
        "https://localhost/in",
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/in",
        "https://[::1]/in",
        "https://[::ffff:10.0.0.1]/in",
        "https://[fe80::1]/in",
        "https://0x7f000001/in",
        "https://2130706433/in",
        "https://127.1/in",
        "http://example.com/in",
        "file:///etc/passwd",
        "https://user:password@example.com/in",
        "https:///in",
    ],
)
async def test_addresses_that_no_job_may_reach(fake: FakeTriton, tmp_path: Path, uri: str) -> None:
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        event, claims = await operator.do(kit.job(model, "", input=JobInput(uri=uri, sha256="00" * 32)))
        assert (event.code, claims.outcome) == ("InputUnavailable", "Failed")
        job = kit.job(model, GOOD, uid="out", output=JobOutput(uri=uri))
        event, claims = await operator.do(job)
        assert (event.code, claims.outcome, claims.cost) == ("OutputUnavailable", "Failed", "0")


async def test_a_redirect_to_a_private_address_is_not_followed(
    quick: kit.Operator, echo: ModelAssignment, files: Files
) -> None:
    files.status["out"] = 307
    event, claims = await quick.do(kit.job(echo, GOOD, output=JobOutput(uri=files.uri("out"))))
    assert (event.code, claims.cost, files.put) == ("OutputUnavailable", "0", {})


async def test_an_output_that_is_too_large_for_a_configmap(quick: kit.Operator, echo: ModelAssignment) -> None:
    lines = kit.text_line(1, "x" * 30_000) * 20
    event, claims = await quick.do(kit.job(echo, lines))
    assert (event.code, claims.outcome, claims.cost, event.output) == ("OutputTooLarge", "Failed", "0", None)
    assert "524288" in event.detail


async def test_an_output_that_is_too_large_for_an_address(fake: FakeTriton, tmp_path: Path, files: Files) -> None:
    chosen = kit.settings(tmp_path, COCOON_MAXIMUM_OUTPUT_BYTES="1000", **conftest.OPEN)
    async with kit.running(chosen, fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        event, _ = await operator.do(kit.job(model, GOOD * 50, output=JobOutput(uri=files.uri("out"))))
        assert (event.code, files.put) == ("OutputTooLarge", {})


async def test_a_budget_is_never_exceeded(quick: kit.Operator, echo: ModelAssignment) -> None:
    event, claims = await quick.do(kit.job(echo, GOOD * 10, budget="7"))
    assert (event.code, claims.outcome) == ("BudgetExceeded", "Failed")
    assert "line 8" in event.detail
    assert (claims.usage.items, claims.cost, len(list(kit.answers(event)))) == (7, "7", 7)


@pytest.mark.parametrize("changed", [False, True])
async def test_part_of_an_input_by_address_counts_only_if_the_whole_is_right(
    quick: kit.Operator, echo: ModelAssignment, files: Files, changed: bool
) -> None:
    parts = [GOOD.encode() * 9_000] * 20
    digest = hashlib.sha256(b"".join(parts)).hexdigest()
    files.handlers["in"] = streamed([*parts[:19], GOOD.encode()] if changed else parts)
    job = kit.job(
        echo,
        "",
        input=JobInput(uri=files.uri("in"), sha256=digest),
        output=JobOutput(uri=files.uri("out")),
        budget="7",
    )
    event, claims = await quick.do(job)
    assert (event.code, files.requests.count("GET in")) == ("BudgetExceeded", 2)
    assert claims.cost == ("0" if changed else "7")
    assert len(files.put.get("out", b"").splitlines()) == (0 if changed else 7)


async def test_failed_items_give_their_budget_back(quick: kit.Operator, echo: ModelAssignment) -> None:
    lines = kit.text_line(1, "#fail") * 5 + GOOD * 3
    event, claims = await quick.do(kit.job(echo, lines, budget="3"))
    assert (event.code, claims.usage.items, claims.usage.failed_items, claims.cost) == ("", 3, 5, "3")


async def test_a_deadline_hands_over_what_is_done(quick: kit.Operator, echo: ModelAssignment) -> None:
    lines = GOOD + kit.text_line(2, "#wait")
    event, claims = await quick.do(kit.job(echo, lines, deadline=time.time() + 0.3))
    assert (event.code, claims.outcome, claims.usage.items, claims.cost) == ("DeadlineExceeded", "Failed", 1, "1")


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"model": "other"}, 404, "ModelUnknown"),
        ({"model_sha256": "00"}, 409, "ModelMismatch"),
        ({"provider_uid": "other"}, 403, "ProviderMismatch"),
        ({"minimum_trust": "Hardware"}, 403, "TrustTooLow"),
        ({"input": JobInput(uri="https://x/")}, 422, "InvalidAssignment"),
        ({"parallelism": 0}, 422, "InvalidAssignment"),
        ({"budget": "-1"}, 422, "InvalidAssignment"),
        ({"price": Price(per_million_items="1.5")}, 422, "InvalidAssignment"),
        ({"price": Price(per_million_prompt_tokens="1")}, 422, "PriceUnitMismatch"),
    ],
)
async def test_an_assignment_that_cannot_be_taken(
    quick: kit.Operator, echo: ModelAssignment, changes: dict[str, Any], status: int, code: str
) -> None:
    answer, raw = await quick.call("PUT", "/v1/jobs/job-1/1", kit.job(echo, GOOD, **changes))
    assert (answer, msgspec.json.decode(raw, type=Problem).code) == (status, code)


async def test_parallelism_and_the_models_concurrency_are_kept(
    quick: kit.Operator, echo: ModelAssignment, fake: FakeTriton
) -> None:
    jobs = [kit.job(echo, GOOD * 50, uid=f"job-{n}", parallelism=3) for n in range(4)]
    for job in jobs:
        await quick.start(job)
    for job in jobs:
        await quick.finished(job.uid)
    assert fake.most_in_flight <= echo.max_concurrency
