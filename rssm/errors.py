"""The one exception that a user is meant to read.

Anything a user can get wrong (a file, a key, a value) is raised as :class:`UserError` with a single line that names
the thing and says what was expected. The command line prints that line and exits with code 2.
"""


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
