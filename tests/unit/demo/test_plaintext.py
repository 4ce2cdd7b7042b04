"""The search for a sentence finds it where it is, in each way that it could be written."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from demo import plaintext

SENTENCE = "Nobody else knows about 0123456789abcdef0123456789abcdef."


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz", '{"data": ["'])
def test_a_sentence_is_found_in_base64_wherever_it_begins(before: str) -> None:
    text = base64.b64encode(f"{before}{SENTENCE} and more".encode()).decode()
    assert plaintext.found_in(["nothing", text], SENTENCE)


def test_another_sentence_is_not_found() -> None:
    other = SENTENCE.replace("01", "10")
    for text in (other, base64.b64encode(other.encode()).decode()):
        assert not plaintext.found_in([text], SENTENCE)


def test_files_are_searched_however_deep_and_whatever_else_they_hold(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "one").write_bytes(b"\0\xff" + SENTENCE.encode() + b"\0")
    words = [*plaintext.spellings(SENTENCE), "config"]
    assert plaintext.grep([tmp_path], words) == {SENTENCE}
    (folder / "two").write_text("the config of it")
    assert plaintext.grep([tmp_path / "gone", tmp_path], words) == {SENTENCE, "config"}
    assert plaintext.grep([tmp_path / "gone"], words) == set()


def test_a_file_system_in_memory_is_no_disk() -> None:
    mounts = "tmpfs /tmp tmpfs rw 0 0\n/dev/vda1 /models ext4 ro 0 0\noverlay / overlay rw 0 0\n"
    assert plaintext.in_memory(mounts) == {Path("/tmp")}
