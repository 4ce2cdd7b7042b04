"""What this tool says when it cannot go on: one sentence that tells the reader what to do."""


class DevclusterError(Exception):
    """A failure that its message explains in full; the command line prints it without a traceback."""
