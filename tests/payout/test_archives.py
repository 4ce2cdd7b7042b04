"""The archive, in a folder and in a real bucket: what was appended can be read, in its order, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from msgspec import structs

from cocoon.payout import archive_s3
from cocoon.payout.archive import Archive, ArchiveFull, CreditTaken, EvidenceTaken, FolderArchive, Record
from cocoon.payout.archive_s3 import S3Archive
from cocoon.payout.settings import BadSettings, Settings, open_archive
from tests.payout import kit
from tests.payout.bucket import SECRET, Server, s3_server

Open = Callable[[], Archive]


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[Server]:
    async with s3_server(tmp_path) as server:
        yield server


@pytest.fixture(params=["folder", "bucket"])
async def opening(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    if request.param == "folder":
        yield lambda: FolderArchive(tmp_path / "archive")
        return
    async with s3_server(tmp_path) as server:
        yield lambda: S3Archive(server.settings)


def credit(number: int) -> Record:
    return CreditTaken(float(number), "c", "n", f"id-{number}", "5")


async def test_what_was_appended_is_read_in_its_order(opening: Open) -> None:
    first, expected = opening(), [credit(number) for number in range(7)]
    assert list(first.read()) == []
    await first.append(expected[:3])
    await first.append([])
    for record in expected[3:5]:
        await first.append([record])
    first.close()
    second = opening()
    await second.append(expected[5:])
    assert list(second.read()) == expected
    second.close()


async def test_bytes_come_back_as_they_were(opening: Open) -> None:
    archive, record = opening(), EvidenceTaken(1.5, bytes(range(256)) * 40, 0.0, 9.0)
    await archive.append([record])
    assert list(archive.read()) == [record]
    archive.close()


async def test_the_same_twice_is_there_twice(opening: Open) -> None:
    """Which a replay stands: the last word on a receipt holds."""
    archive = opening()
    await archive.append([credit(1)])
    await archive.append([credit(1)])
    assert list(archive.read()) == [credit(1)] * 2
    archive.close()


async def test_a_try_whose_answer_was_lost_is_made_again(bucket: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = S3Archive(bucket.settings)
    monkeypatch.setattr(archive, "_name", lambda _lines: "payout-archive/once.jsonl")
    await archive.append([credit(1)])
    await archive.append([credit(1)])
    assert list(archive.read()) == [credit(1)]


async def test_a_bucket_that_is_away_takes_nothing(bucket: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_s3, "DEADLINE", 0.5)
    archive = S3Archive(bucket.settings)
    bucket.process.kill()
    await bucket.process.wait()
    with pytest.raises(ArchiveFull, match="does not take it"):
        await archive.append([credit(1)])


@pytest.mark.parametrize("wrong", [{"ca_file": ""}, {"bucket": "nowhere"}, {"secret_key_file": "access"}])
async def test_a_bucket_that_is_not_ours_takes_nothing(
    bucket: Server, tmp_path: Path, wrong: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_s3, "DEADLINE", 3.0)
    changed = {name: str(tmp_path / value) if name == "secret_key_file" else value for name, value in wrong.items()}
    archive = S3Archive(structs.replace(bucket.settings, **changed))
    with pytest.raises(ArchiveFull) as full:
        await archive.append([credit(1)])
    assert SECRET not in str(full.value)
    with pytest.raises(ValueError, match="can't be read"):
        list(archive.read())


async def test_a_missing_key_is_named(bucket: Server, tmp_path: Path) -> None:
    made = kit.settings(tmp_path, "sqlite://", kit.SignedBy())
    bad = structs.replace(bucket.settings, secret_key_file="/nothing")
    with pytest.raises(BadSettings, match=r"archiveBucket\.secretKeyFile: No such file"):
        open_archive(structs.replace(made, archive="", archive_bucket=bad))


async def test_the_service_archives_in_a_bucket_before_it_acknowledges(
    bucket: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(made: Settings) -> Settings:
        return structs.replace(made, archive="", archive_bucket=bucket.settings)

    async with kit.world(tmp_path, f"sqlite:///{tmp_path}/books", change=change) as world:
        await world.administrator.credit()
        server = await world.server()
        assert (await world.operator.hand_in(server.receipt())).status == 201
        assert [type(each).__name__ for each in S3Archive(bucket.settings).read()] == [
            "CreditTaken", "EvidenceTaken", "ReceiptTaken",
        ]  # fmt: skip
        before = await world.balances()
        bucket.process.kill()
        await bucket.process.wait()
        receipt = server.receipt()
        monkeypatch.setattr(archive_s3, "DEADLINE", 0.5)
        assert (await world.operator.hand_in(receipt)).refusal == (503, "ArchiveFull", "")
        assert await world.balances() == before
