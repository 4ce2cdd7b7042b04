"""The bill of materials of an image, in CycloneDX 1.6 (ECMA-424): the same image gives the same bytes.

It names packages by their purl and says nothing of where they were fetched.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Final

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, License
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from tools.supply.contents import Contents, Distribution, Package

_LICENCES: Final = LicenseFactory()
#: When images are made, as far as they say.
_EPOCH: Final = datetime.fromtimestamp(0, UTC)
DISTRIBUTION: Final = "debian-12"


def bill(contents: Contents) -> str:
    """The bill as JSON, two spaces deep."""
    bom = Bom(components=[*map(_of_debian, contents.packages), *map(_of_python, contents.distributions)])
    bom.metadata = BomMetaData(component=_image(contents), timestamp=_EPOCH)
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, contents.digest)
    bom.register_dependency(bom.metadata.component, bom.components)  # type: ignore[arg-type]  # set one line above
    return JsonV1Dot6(bom).output_as_string(indent=2) + "\n"


def _image(contents: Contents) -> Component:
    labels = {name.rpartition(".")[2]: value for name, value in contents.labels.items()}
    return Component(
        type=ComponentType.CONTAINER,
        name=labels["title"],
        version=labels.get("version"),
        description=labels.get("description"),
        bom_ref=contents.digest,
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=contents.digest.removeprefix("sha256:"))],
        licenses=[_spdx(labels["licenses"])],
    )


def _of_python(found: Distribution) -> Component:
    purl = PackageURL("pypi", None, found.name, found.version)
    licences = [_spdx(found.licence)]
    return Component(name=found.name, version=found.version, purl=purl, bom_ref=str(purl), licenses=licences)


def _of_debian(found: Package) -> Component:
    qualifiers = {"arch": found.architecture, "distro": DISTRIBUTION}
    purl = PackageURL("deb", "debian", found.name, found.version, qualifiers)
    licences = [DisjunctiveLicense(name=name) for name in found.licences]
    return Component(name=found.name, version=found.version, purl=purl, bom_ref=str(purl), licenses=licences)


def _spdx(expression: str) -> License:
    return _LICENCES.make_from_string(expression)
