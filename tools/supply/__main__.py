"""Write the bill of materials of each image in build/images beside it: `python -m tools.supply`."""

from __future__ import annotations

import sys
from pathlib import Path

from tools.supply import contents, sbom
from tools.supply.licences import UnknownLicence, may_ship

IMAGES = Path(__file__).resolve().parents[2] / "build/images"


def main() -> int:
    """0, or 1 if there is no image or one holds what it may not."""
    archives = sorted(IMAGES.glob("*.tar"))
    if not archives:
        print("build/images holds no image: write them with `make image-archives`.", file=sys.stderr)
    return max([_bill(archive) for archive in archives], default=1)


def _bill(archive: Path) -> int:
    try:
        found = contents.read(archive)
    except UnknownLicence as error:
        print(f"{archive.name}: {error}", file=sys.stderr)
        return 1
    target = archive.with_suffix(".cdx.json")
    target.write_text(sbom.bill(found))
    print(f"{target.name}: {len(found.packages)} Debian packages, {len(found.distributions)} Python distributions")
    unfit = [each for each in found.distributions if not may_ship(each.name, each.licence, archive.stem)]
    for each in unfit:
        print(f"{archive.stem} may not hold {each.name}: it is under {each.licence}.", file=sys.stderr)
    return 1 if unfit else 0


if __name__ == "__main__":
    sys.exit(main())
