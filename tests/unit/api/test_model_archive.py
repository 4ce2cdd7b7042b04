"""The model archive: the same bytes everywhere, and nothing written that should not be."""

import hashlib
import io
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from cocoon.api.model_archive import ArchiveError, digest_model_directory, unpack_model_archive, write_model_archive

LONG = "d" * 80 + "/" + "e" * 60

GNU_TAR = (
    "find echo -print0 | LC_ALL=C sort -z | tar --create --null --no-recursion --files-from=- --format=ustar "
    "--mtime=@0 --owner=0 --group=0 --numeric-owner --mode=u=rwX,go=rX"
)


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    files = {
        "config.pbtxt": b'name: "echo"',
        "1/model.py": b"print()\n" * 100,
        "1/block": bytes(512),
        "1/empty": b"",
        "1-b/ä": b"umlaut",
        f"1/{LONG}/{'f' * 90}": b"long name",
    }
    for name, content in files.items():
        path = tmp_path / "parent" / "echo" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return tmp_path / "parent" / "echo"


def archive_of(entry: Path) -> bytes:
    out = io.BytesIO()
    write_model_archive(entry, out)
    return out.getvalue()


def tar_of(*entries: tarfile.TarInfo, content: bytes = b"") -> io.BytesIO:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for item in entries:
            archive.addfile(item, io.BytesIO(content))
    out.seek(0)
    return out


def entry_named(name: str, kind: bytes = tarfile.REGTYPE, size: int = 0, link: str = "") -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type, item.size, item.linkname = kind, size, link
    return item


def test_gnu_tar_makes_the_same_bytes(entry: Path) -> None:
    made = subprocess.run(GNU_TAR, shell=True, cwd=entry.parent, check=True, capture_output=True).stdout
    assert archive_of(entry) == made


def test_digest_is_that_of_the_archive(entry: Path) -> None:
    archive = archive_of(entry)
    assert write_model_archive(entry, io.BytesIO()) == hashlib.sha256(archive).hexdigest()
    assert digest_model_directory(entry) == hashlib.sha256(archive).hexdigest()
    assert len(archive) % 10240 == 0


def test_digest_of_a_known_entry_never_changes(tmp_path: Path) -> None:
    (tmp_path / "m" / "1").mkdir(parents=True)
    (tmp_path / "m" / "1" / "model.py").write_bytes(b"pass\n")
    assert digest_model_directory(tmp_path / "m") == "781d79dd6748ddcb19b260b98ce0b51a49480d4ef553a7cb2fd5fd2855a8f756"


def test_times_owners_modes_and_the_way_to_the_entry_do_not_matter(
    entry: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest_model_directory(entry)
    os.utime(entry / "config.pbtxt", (5, 5))
    (entry / "config.pbtxt").chmod(0o600)
    (entry / "1").chmod(0o700)
    moved = entry.rename(tmp_path / "echo")
    assert digest_model_directory(moved) == before
    monkeypatch.chdir(moved)
    assert digest_model_directory(Path()) == before


@pytest.mark.parametrize("change", [lambda e: (e / "new").mkdir(), lambda e: (e / "1/empty").write_bytes(b"x")])
def test_content_does_matter(entry: Path, change: Callable[[Path], object]) -> None:
    before = digest_model_directory(entry)
    change(entry)
    assert digest_model_directory(entry) != before


@pytest.mark.parametrize("make", [lambda p: p.symlink_to("1"), os.mkfifo], ids=["link", "fifo"])
def test_links_and_special_files_are_not_archived(entry: Path, make: Callable[[Path], object]) -> None:
    make(entry / "odd")
    with pytest.raises(ArchiveError, match="neither a file nor a folder"):
        digest_model_directory(entry)


def test_names_too_long_are_not_archived(entry: Path) -> None:
    (entry / ("n" * 120)).write_bytes(b"")
    with pytest.raises(ArchiveError, match="too long"):
        digest_model_directory(entry)


def test_files_too_large_are_not_archived(entry: Path) -> None:
    with (entry / "weights").open("wb") as file:
        file.truncate(8 << 30)
    with pytest.raises(ArchiveError, match="8 GiB"):
        digest_model_directory(entry)


def test_what_is_unpacked_makes_the_same_archive(entry: Path, tmp_path: Path) -> None:
    into = tmp_path / "repository"
    into.mkdir()
    archive = archive_of(entry)
    assert unpack_model_archive(io.BytesIO(archive), into) == "echo"
    assert archive_of(into / "echo") == archive
    assert (into / "echo" / "1").stat().st_mode & 0o777 == 0o755
    assert (into / "echo" / "1" / "model.py").stat().st_mode & 0o777 == 0o644


def test_a_plain_tar_is_unpacked_too(entry: Path, tmp_path: Path) -> None:
    made = subprocess.run(["tar", "-c", "echo"], cwd=entry.parent, check=True, capture_output=True).stdout
    unpack_model_archive(io.BytesIO(made), tmp_path)
    assert digest_model_directory(tmp_path / "echo") == digest_model_directory(entry)


def test_source_is_read_to_its_end(entry: Path, tmp_path: Path) -> None:
    source = io.BytesIO(archive_of(entry) + bytes(1 << 20))
    unpack_model_archive(source, tmp_path)
    assert source.read() == b""


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ([entry_named("/m/x")], "plain relative"),
        ([entry_named("m/../../x")], "plain relative"),
        ([entry_named("./m/x")], "plain relative"),
        ([entry_named("..", tarfile.DIRTYPE)], "plain relative"),
        ([entry_named("m/x", tarfile.SYMTYPE, link="/etc/passwd")], "neither a file"),
        ([entry_named("m/x", tarfile.LNKTYPE, link="m/y")], "neither a file"),
        ([entry_named("m/x", tarfile.CHRTYPE)], "neither a file"),
        ([entry_named("m/x", tarfile.BLKTYPE)], "neither a file"),
        ([entry_named("m/x", tarfile.FIFOTYPE)], "neither a file"),
        ([entry_named("m")], "neither a file"),
        ([entry_named("m/x"), entry_named("m/x")], "twice"),
        ([entry_named("m/x"), entry_named("m/x/y")], "already"),
        ([entry_named("m/x"), entry_named("n/x")], "one model"),
        ([entry_named("there/x")], "already"),
        ([], "empty"),
    ],
)
def test_what_may_not_be_written_is_refused(tmp_path: Path, bad: list[tarfile.TarInfo], reason: str) -> None:
    into = tmp_path / "into"
    (into / "there").mkdir(parents=True)
    with pytest.raises(ArchiveError, match=reason):
        unpack_model_archive(tar_of(*bad), into)
    assert [path.name for path in tmp_path.iterdir()] == ["into"]


def test_limits(tmp_path: Path) -> None:
    source = [entry_named("m/x", size=5), entry_named("m/y", size=5)]
    for number, limits in enumerate(({"most_entries": 1}, {"most_bytes": 9})):
        (into := tmp_path / str(number)).mkdir()
        with pytest.raises(ArchiveError, match="more than"):
            unpack_model_archive(tar_of(*source, content=b"12345"), into, **limits)
    unpack_model_archive(tar_of(*source, content=b"12345"), tmp_path, most_entries=2, most_bytes=10)


@pytest.mark.parametrize("source", [b"", b"no archive" * 100])
def test_what_is_no_archive_is_refused(tmp_path: Path, source: bytes) -> None:
    with pytest.raises(ArchiveError):
        unpack_model_archive(io.BytesIO(source), tmp_path)


def test_an_archive_that_is_cut_off_within_a_file_is_refused(entry: Path, tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"cut off|ends within"):
        unpack_model_archive(io.BytesIO(archive_of(entry)[:3100]), tmp_path)


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_files_with_holes_are_refused(tmp_path: Path, form: str) -> None:
    (tmp_path / "m").mkdir()
    with (tmp_path / "m" / "holes").open("wb") as file:
        file.truncate(1 << 20)
    command = ["tar", "-c", "--sparse", f"--format={form}", "m"]
    made = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True).stdout
    (tmp_path / "into").mkdir()
    with pytest.raises(ArchiveError, match="neither a file"):
        unpack_model_archive(io.BytesIO(made), tmp_path / "into")
