"""What an administrator can get wrong, and the process itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from cocoon.api.environment import SettingsError
from cocoon.attest import terms
from cocoon.keyring import settings
from cocoon.keyring.process import Keyring
from tests.keyring import kit


def test_every_mistake_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.read(
            {
                "COCOON_KEYRING_TERMS": str(tmp_path / "none"),
                "COCOON_KEYRING_PEERS": "http://a:1, https://b:2",
                "COCOON_KEYRING_FOUNDER": "perhaps",
                "COCOON_KEYRING_PATIENCE": "soon",
                "COCOON_COLLECTOR": "none",
                "COCOON_COLLATERAL": "somewhere",
                "COCOON_API_ADDRESS": "8443",
            }
        )
    said = str(caught.value).splitlines()
    assert [line.partition(":")[0] for line in said] == [
        "COCOON_KEYRING_TERMS",
        "COCOON_KEYRING_PEERS",
        "COCOON_KEYRING_FOUNDER",
        "COCOON_KEYRING_PATIENCE",
        "COCOON_COLLECTOR",
        "COCOON_COLLATERAL",
        "COCOON_API_ADDRESS",
    ]


@pytest.mark.parametrize(
    ("name", "founder", "expected"),
    [
        ("ring-0", "", True),
        ("ring-1", "", False),
        ("ring-1", "true", True),
        ("ring-0", "false", False),
        ("", "", False),
    ],
)
def test_a_replica_knows_itself_by_its_name(tmp_path: Path, name: str, founder: str, expected: bool) -> None:
    addresses = [f"https://ring-{number}.ring.cocoon-system:8443" for number in range(3)]
    found = kit.settings(
        tmp_path,
        COCOON_KEYRING_PEERS=",".join(addresses),
        COCOON_KEYRING_NAME=name,
        COCOON_KEYRING_FOUNDER=founder,
    )
    assert found.founder is expected
    assert [address for address in addresses if address not in found.peers] == [
        each for each in addresses if name and name in each
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"runners": {}}',
        '{"runners": {}, "keyrings": {}, "others": {}}',
        '{"runners": {"measurement": []}, "keyrings": {}}',
        '{"runners": {"trust": "Some"}, "keyrings": {}}',
        '{"runners": [], "keyrings": {}}',
    ],
)
def test_terms_that_say_something_else_than_was_meant(text: str) -> None:
    with pytest.raises(terms.TermsError):
        terms.read(text)


async def test_health_and_metrics(keyring: Keyring, tmp_path: Path) -> None:
    async with kit.keyring(kit.settings(tmp_path), begun=False) as waiting, aiohttp.ClientSession() as session:

        async def get(of: Keyring, path: str) -> tuple[int, str]:
            async with session.get(f"http://127.0.0.1:{of.ports['health']}{path}") as answer:
                return answer.status, await answer.text()

        assert await get(waiting, "/healthz") == (200, "ok\n")
        assert (await get(waiting, "/readyz"))[0] == 503
        assert (await get(keyring, "/readyz"))[0] == 200
        assert "cocoon_keyring_ready 0.0" in (await get(waiting, "/metrics"))[1]
        runner = kit.Runner(keyring)
        await runner.ask(kit.Client(keyring).header())
        shown = (await get(keyring, "/metrics"))[1]
        assert 'cocoon_keyring_calls_total{code="OK",route="release"} 1.0' in shown
        assert "cocoon_keyring_files_counted 1.0" in shown


def test_the_process(tmp_path: Path) -> None:
    terms_file = tmp_path / "terms.json"
    terms_file.write_text('{"runners": {"trust": "Test", "allow_test_roots": true}, "keyrings": {"trust": "Test"}}')
    environment = dict(
        os.environ,
        COCOON_KEYRING_TERMS=str(terms_file),
        COCOON_KEYRING_FOUNDER="true",
        COCOON_API_ADDRESS="127.0.0.1:0",
        COCOON_HEALTH_ADDRESS="127.0.0.1:0",
    )
    command = [sys.executable, "-m", "cocoon.keyring"]
    refused = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (refused.returncode, "COCOON_TEST_ROOTS" in refused.stderr) == (2, True)
    with subprocess.Popen(
        command, env=environment | {"COCOON_TEST_ROOTS": "true"}, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        while "began a new epoch" not in (line := process.stderr.readline()):
            assert line, "the process ended early"
        process.send_signal(signal.SIGTERM)
        rest = process.stderr.read()
        assert process.wait(10) == 0
    assert "AGE-SECRET" not in rest
