"""What the demo says when it can't go on."""


class DemoError(Exception):
    """A whole sentence; `advice` are commands that a reader can run next, one each."""

    def __init__(self, message: str, *advice: str) -> None:
        super().__init__(message)
        self.advice = advice
