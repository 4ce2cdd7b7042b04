"""The one error that the command line turns into a sentence."""


class BuildError(Exception):
    """Something the person at the keyboard can do something about: a whole sentence."""
