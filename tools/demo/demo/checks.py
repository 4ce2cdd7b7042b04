"""What was expected and what came out, counted; every check is shown as it is made."""

from demo.screen import Screen


class Checks:
    """Collects checks; `failed` holds those that did not hold."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self.passed = 0
        self.failed: list[str] = []

    def that(self, what: str, holds: bool, why_not: object = "") -> bool:  # noqa: FBT001 - it reads as a sentence
        """Note one check; `why_not` is what came out instead. Returns `holds`."""
        if holds:
            self.passed += 1
            self._screen.show([f"✓ {what}"])
        else:
            self.failed.append(what)
            self._screen.show([f"✗ {what}: {why_not}"])
        return holds

    def none(self, what: str, wrong: list[str]) -> bool:
        """Note one check that holds if the list of what is wrong is empty."""
        return self.that(what, not wrong, "; ".join(wrong))
