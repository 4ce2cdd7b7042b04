"""Who signed the receipt: its form, its signature, the server whose evidence names the key, its place among others."""

from __future__ import annotations

from cocoon.api.evidence import Bundle
from cocoon.api.receipts import Claims
from cocoon.attest import bundle as bundles
from cocoon.attest import receipts
from cocoon.cli.verifying.lines import Line, judged, no, unknown, yes
from cocoon.cli.verifying.material import Material

#: Far beyond every time and number of a real receipt, and still a time that can be written.
_MOST_SECONDS = 1 << 37


def form(receipt: str) -> tuple[Line, Claims | None]:
    """Whether it is a receipt at all, and what it claims, whoever made it up."""
    try:
        claims = receipts.read_unproven(receipt)
    except ValueError as error:
        return no("form", str(error)), None
    times = (claims.started, claims.finished, claims.iat)
    if not all(0 <= time < _MOST_SECONDS for time in times) or claims.seq < 0 or claims.attempt < 1:
        return no("form", "The receipt's times or numbers are out of any range."), None
    said = f"A receipt of {claims.namespace[:63]}/{claims.name[:253]}, attempt {claims.attempt}: {claims.outcome}."
    return yes("form", said), claims


def signature(material: Material, claims: Claims, bundle: Bundle | None) -> Line:
    """Whether the key in the evidence signed it."""
    if bundle is None:
        lead = "The key that signed it stands in the server's evidence, which is not there to read."
        return unknown("signature", f"{lead} {material.why('evidence')}")
    try:
        receipts.open_receipt(material.receipt, bundle.keys.receipt)
    except ValueError as error:
        said = f"{error} The receipt was changed, or the evidence is of another server."
        return no("signature", said)
    wrong = []
    key = receipts.thumbprint(bundle.keys.receipt)
    if claims.iss != key:
        wrong.append(f"The receipt names the key {claims.iss[:60]} and is signed by {key}.")
    if claims.jti != f"{key}.{claims.seq}":
        wrong.append("The receipt's jti is not its key and number.")
    return judged("signature", wrong, f"Signed by the receipt key {key}.")


def server(material: Material, claims: Claims, bundle: Bundle | None) -> Line:
    """Whether the evidence is that of the server that the receipt names, with the wallet that it names."""
    if bundle is None:
        said = f"The receipt names the evidence {claims.evidence_sha256[:64]}. {material.why('evidence')}"
        return unknown("server", said)
    found, wrong = bundles.digest(bundle), []
    if found != claims.evidence_sha256:
        wrong.append(f"The evidence has the digest {found}; the receipt names {claims.evidence_sha256[:64]}.")
    if bundle.payee != claims.payee:
        wrong.append(f"The evidence fixes the wallet {bundle.payee[:80]}; the receipt names {claims.payee[:80]}.")
    return judged(
        "server", wrong, f"The evidence is that of the receipt's server, with the wallet {bundle.payee[:80]}."
    )


def place(material: Material, claims: Claims, bundle: Bundle | None) -> Line:
    """Whether it stands where it says in the chain of its key's receipts."""
    if claims.seq == 0 and claims.prev != claims.evidence_sha256:
        return no("place", "It says to be its key's first receipt, and does not name its evidence as `prev`.")
    run = _run(material.receipt, material.neighbours or ())
    if bundle is None and len(run) > 1:
        return unknown("place", f"The other receipts can't be read without the key. {material.why('evidence')}")
    wrong = receipts.check_chain(run, bundle.keys.receipt) if bundle is not None and len(run) > 1 else []
    if wrong:
        return no("place", f"The chain of its key is broken: {'; '.join(wrong)}.")
    at = run.index(material.receipt)
    if at == 0 and claims.seq > 0:
        said = f"It is number {claims.seq} of its key, and number {claims.seq - 1} is not there to compare."
        return unknown("place", f"{said} {material.why('neighbours')}")
    after = f"; {len(run) - at - 1} of those after it follow" if at + 1 < len(run) else ""
    first = (
        "the first of its key" if claims.seq == 0 else f"number {claims.seq} of its key, after number {claims.seq - 1}"
    )
    return yes("place", f"It is {first}{after}.")


def _run(receipt: str, neighbours: tuple[str, ...]) -> list[str]:
    """All receipts by their number; those that can't be read come last, where the chain shows them to be wrong."""
    return sorted(dict.fromkeys((*neighbours, receipt)), key=_number)


def _number(receipt: str) -> float:
    try:
        return float(receipts.read_unproven(receipt).seq)
    except (ValueError, OverflowError):
        return float("inf")
