"""The command line: `python -m demo up|down`."""

import sys
from collections.abc import Callable, Sequence

from demo.errors import DemoError
from demo.screen import Screen


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit status."""
    commands: dict[str, Callable[[Screen], int]] = {"up": _up, "down": _down}
    if len(arguments) != 1 or arguments[0] not in commands:
        sys.stderr.write("usage: python -m demo up|down\n")
        return 2
    try:
        return commands[arguments[0]](Screen())
    except DemoError as error:
        sys.stderr.write(f"\ndemo: {error}\n" + "".join(f"  try: {line}\n" for line in error.advice))
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("\ndemo: stopped. `make demo` goes on from here, `make demo-down` takes it away.\n")
        return 130


def _up(screen: Screen) -> int:
    from demo.up import up  # noqa: PLC0415 - needs the virtual environment, which `down` does without

    return up(screen)


def _down(screen: Screen) -> int:
    from demo.down import down  # noqa: PLC0415 - see above

    return down(screen)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
