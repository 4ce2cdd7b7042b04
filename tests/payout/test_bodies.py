"""Bodies of every wrong kind: the field is named, large ones are not read, and nothing answers 5xx."""

from __future__ import annotations

import asyncio
import io
import json
from typing import Any

import pytest

from tests.payout.kit import ADMINISTRATOR, CLUSTER, World

MANY = {"receipts": [{"receipt": "x"}] * 1_001}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "InvalidBody", "")),
        (b"\xff", (400, "InvalidBody", "")),
        (b"{" * 5_000, (400, "InvalidBody", "")),
        (b"[]", (422, "InvalidBody", "")),
        (b"{}", (422, "InvalidBody", "")),
        ({"receipts": []}, (422, "InvalidBody", "receipts")),
        (MANY, (422, "InvalidBody", "receipts")),
        ({"receipts": [{"receipt": 5}]}, (422, "InvalidBody", "receipts[0].receipt")),
        ({"receipts": [{"receipt": "x" * 16_385}]}, (422, "InvalidBody", "receipts[0].receipt")),
        ({"receipts": [{"receipt": "x", "prize": {}}]}, (422, "InvalidBody", "receipts[0]")),
    ],
)
async def test_a_bulk_report_names_what_is_wrong(lite: World, body: Any, expected: tuple[int, str, str]) -> None:
    assert (await lite.operator.call("POST", f"/v1/work/{CLUSTER}", body)).refusal == expected


@pytest.mark.parametrize(
    ("amount", "code"),
    [("0", "InvalidAmount"), ("9999999999999999999", "InvalidAmount"), ("-1", "InvalidBody"), ("1.5", "InvalidBody"),
     ("1e9", "InvalidBody"), ("", "InvalidBody"), (5, "InvalidBody")],
)  # fmt: skip
async def test_a_credit_is_a_whole_number_of_nanoton(lite: World, amount: object, code: str) -> None:
    path = f"/v1/clients/{CLUSTER}/tenant/credit"
    answer = await lite.administrator.call("PUT", path, {"id": "1", "amount": amount})
    assert answer.refusal == (422, code, "amount")


async def test_an_account_holds_no_more_than_there_is(lite: World) -> None:
    assert (await lite.administrator.credit(2**63 - 1, name="1")).status == 201
    assert (await lite.administrator.credit(1, name="2")).refusal == (422, "TooMuch", "amount")


async def test_ten_megabytes_are_refused_before_they_are_read(lite: World) -> None:
    body = io.BytesIO(json.dumps({"receipts": [{"receipt": "x" * 10_000_000}]}).encode())
    answer = await lite.operator.call("POST", f"/v1/work/{CLUSTER}", body)
    assert answer.refusal == (413, "TooLarge", "body")


async def test_a_body_that_hides_its_length_is_cut_off(lite: World) -> None:
    async def endless() -> Any:
        for _ in range(200):
            yield b" " * 65_536
            await asyncio.sleep(0)

    url = f"/v1/work/{CLUSTER}"
    headers = {"Authorization": f"Bearer {lite.operator.token}"}
    async with lite.session.post(url, data=endless(), headers=headers) as answer:
        assert answer.status == 413


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/work?limit=0", "limit"),
        ("/v1/work?limit=501", "limit"),
        ("/v1/work?since=nan", "since"),
        ("/v1/work?since=-1", "since"),
        ("/v1/work?state=%00", "state"),
        ("/v1/accounts/%00", "provider"),
        (f"/v1/accounts/{'x' * 254}", "provider"),
        ("/v1/statement.csv?until=1e300", "until"),
    ],
)
async def test_parameters_are_checked(lite: World, path: str, field: str) -> None:
    assert (await lite.operator.call("GET", path)).refusal == (422, "InvalidParameter", field)


async def test_paths_that_are_none(lite: World) -> None:
    assert (await lite.operator.call("GET", "/v1/nothing")).refusal == (404, "NotFound", "")
    assert (await lite.operator.call("DELETE", "/v1/accounts")).refusal == (405, "MethodNotAllowed", "")


async def test_the_description_has_every_schema_that_it_refers_to(lite: World) -> None:
    described = (await lite.desk(ADMINISTRATOR).call("GET", "/openapi.json")).body
    text = json.dumps(described)
    names = {part.partition('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(described["components"]["schemas"])
    assert {"WorkReport", "PayoutProblem", "OwnerAccount"} <= names
