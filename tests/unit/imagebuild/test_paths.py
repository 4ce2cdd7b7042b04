"""The cache: what is kept, when it is made anew, and that nothing half made is ever taken for whole."""

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imagebuild import models, paths


def test_a_fingerprint_changes_with_content_and_names_only(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = paths.fingerprint("text", tmp_path)
    os.utime(tmp_path / "a", (1, 1))
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("cached")
    assert paths.fingerprint("text", tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    renamed = paths.fingerprint("text", tmp_path)
    (tmp_path / "b").write_text("2")
    assert len({before, renamed, paths.fingerprint("text", tmp_path), paths.fingerprint("test", tmp_path)}) == 4


def test_texts_are_not_run_together() -> None:
    assert paths.fingerprint("ab", "c") != paths.fingerprint("a", "bc")


def test_what_is_kept_is_made_once(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(path: Path) -> None:
        made.append(path)
        path.write_text("whole")

    for _ in range(2):
        assert paths.kept(tmp_path / "new" / "thing", make).read_text() == "whole"
    assert len(made) == 1


def test_of_two_at_once_one_makes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[Path] = []
    both_make = threading.Barrier(2)

    def make(path: Path) -> None:
        made.append(path)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_make.wait(timeout=0.3)
        path.write_text("whole")

    with ThreadPoolExecutor(2) as threads:
        kept = [threads.submit(paths.kept, tmp_path / "thing", make) for _ in range(2)]
    assert [each.result().read_text() for each in kept] == ["whole", "whole"]
    assert len(made) == 1


def test_two_at_once_write_an_archive_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(paths, "BUILT_MODELS", tmp_path / "models")
    entry = tmp_path / "minilm"
    entry.mkdir()
    (entry / "config.pbtxt").write_text('name: "minilm"')
    written: list[Path] = []
    real, both_write = models._write, threading.Barrier(2)

    def write(entry: Path, archive: Path) -> None:
        written.append(archive)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_write.wait(timeout=0.3)
        real(entry, archive)

    monkeypatch.setattr(models, "_write", write)
    with ThreadPoolExecutor(2) as threads:
        first, second = (threads.submit(models._archive, entry) for _ in range(2))
    assert first.result() == second.result()
    assert len(written) == 1


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        path.mkdir()
        (path / "half").touch()
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        paths.kept(tmp_path / "thing", fail)
    assert not (tmp_path / "thing").exists()
    paths.kept(tmp_path / "thing", lambda path: path.mkdir())
    assert list((tmp_path / "thing").iterdir()) == []


def test_only_old_versions_of_the_same_thing_are_dropped(tmp_path: Path) -> None:
    current, old, young = (paths.fingerprint(word) for word in ("current", "old", "young"))
    stay = {f"models-{current}", f"models-small-{old}", f"rootfs-{old}", "models-x"}
    for name in (*stay, f"models-{old}", f"models-{young}"):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (1, 1))
    os.utime(tmp_path / f"models-{young}")
    paths.drop_others(tmp_path / f"models-{current}")
    assert {path.name for path in tmp_path.iterdir()} == {*stay, f"models-{young}"}


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert paths.cache() == tmp_path / "cocoon-fleet" / "images"
    assert paths.cache().is_dir()
