"""One byte changed where somebody could change it, and whether the client notices."""

from pathlib import Path

from demo import story
from demo.checks import Checks
from demo.client import TERMS, Client

_ALLOWED = ("--allow-test-roots",)


def flipped(raw: bytes, after: int) -> bytes:
    """With the next letter or digit after that place changed into another one."""
    place = next(at for at in range(after, len(raw)) if raw[at : at + 1].isalnum())
    other = b"A" if raw[place : place + 1] != b"A" else b"B"
    return raw[:place] + other + raw[place + 1 :]


def in_armor(text: str) -> str:
    """A sealed input with one byte of its payload changed: in the line before the last full one."""
    lines = text.splitlines(keepends=True)
    begun = sum(map(len, lines[:-4]))
    return flipped(text.encode(), begun + 8).decode()


def keyring_evidence(client: Client, job: Path, evidence: bytes, checks: Checks) -> None:
    """Sealing to the keyring's evidence in a file is as good as asking it; with one byte changed nothing is sealed."""
    said = [_seal(client, job, content) for content in (evidence, flipped(evidence, len(evidence) // 2))]
    caught = said[0] == 0 and said[1] != 0
    checks.that("one byte of the keyring's evidence changed: nothing is sealed to it", caught, f"exit statuses {said}")


def _seal(client: Client, job: Path, evidence: bytes) -> int:
    path = client.folder / "tried.json"
    path.write_bytes(evidence)
    words = (f"--filename={job}", f"--terms={TERMS}", f"--evidence={path}", f"--identity={client.key}")
    return client.run("seal", *words).status


def verified(client: Client, checks: Checks) -> None:
    """`kubectl cocoon verify` with everything as it is, and with one byte of it changed."""
    folder = client.folder / "verified"
    said = client.run("verify", story.SEALED, *_ALLOWED, f"--save={folder}", *client.there())
    marks = {mark: sum(line.startswith(mark) for line in said.out.splitlines()) for mark in ("✓", "✗")}
    what = f"`kubectl cocoon verify {story.SEALED}`: {marks['✓']} lines hold, and it says trust: Test"
    right = said.status == 0 and not marks["✗"] and "trust: Test" in said.err
    checks.that(what, right, f"exit status {said.status}: {said.out}{said.err}")
    again = client.run("verify", folder, *_ALLOWED)
    checks.that("what it saved is verified again offline", again.status == 0, again.out + again.err)
    for name, meant in (("receipt.jws", "receipt"), ("evidence.json", "server's evidence")):
        status = _with_one_byte_changed(client, folder, folder / name)
        checks.that(f"one byte of the {meant} changed: refused", status == 1, f"exit status {status}")


def _with_one_byte_changed(client: Client, folder: Path, file: Path) -> int:
    original = file.read_bytes()
    file.write_bytes(flipped(original, len(original) // 2))
    try:
        return client.run("verify", folder, *_ALLOWED).status
    finally:
        file.write_bytes(original)
