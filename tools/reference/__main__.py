"""Write every generated page again: `python -m tools.reference`."""

from __future__ import annotations

from tools.reference.pages import PAGES, ROOT


def main() -> None:
    """Write the pages; those that say the same already keep their time."""
    for name, write in PAGES.items():
        page, text = ROOT / name, write(ROOT)
        if not page.exists() or page.read_text() != text:
            page.write_text(text)
            print(f"wrote {name}")


main()
