"""Who may call what: pinned keys, exact subjects, separate rights."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.payout.kit import ADMINISTRATOR, CLUSTER, NOW, OPERATOR, READER, Desk, SignedBy, World


async def status(world: World, token: str, path: str = "/v1/accounts") -> tuple[int, str]:
    answer = await Desk(world.session, token).call("GET", path)
    return answer.status, answer.body.get("code", "")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": int(NOW) - 11},
        {"exp": None},
        {"aud": ["kubernetes"]},
        {"aud": None},
        {"aud": "other"},
        {"nbf": int(NOW) + 60},
        {"iss": "https://other"},
        {"iss": None},
        {"sub": None},
        {"exp": "soon"},
    ],
)
async def test_a_token_with_wrong_claims_is_refused(lite: World, changes: dict[str, Any]) -> None:
    assert await status(lite, lite.cluster.token(**changes)) == (401, "Unauthenticated")


async def test_a_genuine_token_is_taken(lite: World) -> None:
    assert await status(lite, lite.cluster.token()) == (200, "")
    assert await status(lite, lite.cluster.token(aud="cocoon-payout")) == (200, "")


async def test_no_token_or_no_jwt(lite: World) -> None:
    for token in ("", "x", "a.b.c", "e30.e30.", "." * 20_000):
        assert await status(lite, token) == (401, "Unauthenticated")


async def test_a_token_of_a_cluster_of_the_same_name_is_refused(lite: World) -> None:
    stranger = SignedBy(1)
    assert await status(lite, stranger.token()) == (401, "Unauthenticated")
    stranger.kid = lite.cluster.kid
    assert await status(lite, stranger.token()) == (401, "Unauthenticated")


async def test_an_unsigned_token_is_refused(lite: World) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "kid": lite.cluster.kid}).encode()).rstrip(b"=")
    body = lite.cluster.token().split(".")[1]
    assert await status(lite, f"{header.decode()}.{body}.") == (401, "Unauthenticated")


async def test_another_subject_of_the_same_cluster_is_refused(lite: World) -> None:
    for subject in ("system:serviceaccount:tenant:default", OPERATOR + "x", OPERATOR.upper(), ""):
        assert await status(lite, lite.cluster.token(subject)) in {(403, "Forbidden"), (401, "Unauthenticated")}


CALLS = {
    "report": [
        ("PUT", "/v1/servers/key/evidence"), ("PUT", f"/v1/work/{CLUSTER}/job"), ("POST", f"/v1/work/{CLUSTER}"),
        ("GET", f"/v1/clients/{CLUSTER}"),
    ],
    "read": [
        ("GET", "/v1/accounts"), ("GET", "/v1/accounts/x"), ("GET", "/v1/work"), ("GET", "/v1/transfers"),
        ("GET", "/v1/statement.csv"), ("GET", "/v1/receipts/x"), ("GET", "/v1/evidence/x"),
    ],
    "administer": [("PUT", f"/v1/clients/{CLUSTER}/tenant/credit"), ("POST", "/v1/pause"), ("POST", "/v1/resume")],
}  # fmt: skip
RIGHTS = {OPERATOR: {"report", "read"}, READER: {"read"}, ADMINISTRATOR: {"report", "read", "administer"}}


async def test_each_right_opens_its_own_calls_alone(lite: World) -> None:
    for subject, rights in RIGHTS.items():
        for right, calls in CALLS.items():
            for method, path in calls:
                answer = await lite.desk(subject).call(method, path, b"{}" if method != "GET" else None)
                assert (answer.status == 403) == (right not in rights), (subject, method, path, answer.raw)


async def test_every_route_but_the_probes_needs_a_token(lite: World) -> None:
    nobody = Desk(lite.session, "")
    paths = (await nobody.call("GET", "/openapi.json")).body["paths"]
    assert len(paths) == 21
    for path, methods in paths.items():
        for method in methods:
            answer = await nobody.call(method.upper(), path.replace("{", "").replace("}", ""))
            assert (answer.status == 401) == path.startswith("/v1/"), path


async def test_a_caller_reports_for_its_own_cluster_only(lite: World) -> None:
    server = await lite.server()
    receipt = server.receipt(sub="other/job")
    for path, body in (("/v1/work/other/job", {"receipt": receipt}), ("/v1/work/other", {"receipts": []})):
        answer = await lite.operator.call("PUT" if path.endswith("job") else "POST", path, body)
        assert answer.refusal == (403, "Forbidden", "Authorization")
    assert (await lite.operator.call("GET", "/v1/clients/other")).status == 403


async def test_readers_see_their_own_cluster_and_administrators_all(lite: World) -> None:
    await lite.administrator.call("PUT", "/v1/clients/other/tenant/credit", {"id": "1", "amount": "5"})
    await lite.administrator.credit()
    server = await lite.server()
    receipt = server.receipt()
    jti = (await lite.operator.hand_in(receipt)).body["jti"]
    async with lite.service.store.writing() as connection:
        await connection.execute(text("UPDATE receipts SET cluster = 'other'"))
        await connection.execute(text("UPDATE accounts SET cluster = 'other' WHERE kind = 'payee'"))
    for path in ("/v1/work", "/v1/accounts"):
        kind = path.rpartition("/")[2]
        assert (await lite.desk(READER).call("GET", path)).body[kind] == []
        assert len((await lite.administrator.call("GET", path)).body[kind]) == 1
    assert (await lite.desk(READER).call("GET", f"/v1/receipts/{jti}")).status == 404
    assert (await lite.desk(READER).call("GET", "/v1/statement.csv")).raw.count(b"\n") == 1


async def test_rotated_keys_are_read_again(lite: World, tmp_path: Any) -> None:
    new = SignedBy(1)
    assert await status(lite, new.token()) == (401, "Unauthenticated")
    new.publish(tmp_path / "keys.json")
    assert await status(lite, new.token()) == (401, "Unauthenticated")
    lite.clock.time += 6
    assert await status(lite, new.token(now=lite.clock.time)) == (200, "")
    assert await status(lite, lite.cluster.token(now=lite.clock.time)) == (401, "Unauthenticated")
