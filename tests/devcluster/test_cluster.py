import json
from pathlib import Path

import pytest

from devcluster import build, host, teardown
from devcluster.cluster import Cluster
from devcluster.errors import DevclusterError
from devcluster.record import API, FULL, Record
from devcluster.screen import Screen


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders of its own, root's rights, nothing to build."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(host, "require_root", lambda: None)
    monkeypatch.setattr(host, "install_packages", lambda _: None)
    monkeypatch.setattr(build, "ensure", lambda *_: {})


def known(name: str, profile: str = FULL, *, claims: bool) -> Cluster:
    cluster = Cluster(name, Screen())
    cluster.state.make()
    (cluster.state.root / "cluster.json").write_text(json.dumps({"profile": profile}))
    if claims:
        (cluster.state.conf / "settings.json").write_text("{}")
    return cluster


def test_only_one_cluster_claims_the_machine() -> None:
    known("first", claims=True)
    with pytest.raises(DevclusterError, match="first is there: run `down --name first` first"):
        Cluster("second", Screen()).up(Record(FULL))


def test_wiping_a_stopped_cluster_leaves_the_machine_to_the_one_that_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    known("running", claims=True)
    monkeypatch.setattr(teardown, "full", lambda *_: pytest.fail("this is the running cluster's network"))
    stopped = known("stopped", claims=False)
    stopped.down(wipe=True)
    assert not stopped.state.root.exists()


def test_a_cluster_keeps_its_profile() -> None:
    with pytest.raises(DevclusterError, match="has the profile full: run `down --wipe` first"):
        known("mine", claims=False).up(Record(API))
