"""The one exception that a user is meant to read.

Anything a user can get wrong (a file, a key, a value) is raised as :class:`UserError` with a single line that names
the thing and says what was expected. The command line prints that line and exits with code 2.
"""

from typing import Any

#: characters of a value that an error shows
LONGEST_SHOWN = 60


class UserError(Exception):
    """Bad input: one line, naming the file, key or value and what was expected."""


class DataError(UserError):
    """A data set that cannot be trusted: missing, damaged or of another layout."""


class CheckpointError(UserError):
    """A checkpoint that cannot be read or was made for something else."""


class ShapeError(UserError, ValueError):
    """An array of another shape or type than a function takes; the line names those that it does."""


class DivergedError(UserError):
    """A training or a prediction whose numbers are no longer finite."""


class LostProcessError(UserError):
    """One of the processes that share a training is gone."""


class StorageError(UserError):
    """A file that cannot be written; what was there before it is whole."""


class BusyError(UserError):
    """A folder that another process writes into."""


def shown(value: Any, longest: int = LONGEST_SHOWN) -> str:
    """A value in an error's one line: short, and with nothing that a terminal would act on."""
    text = str(value) if value is not None and str(value) else "nothing"
    text = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
