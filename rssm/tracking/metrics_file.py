"""``metrics.jsonl``: a run's numbers, one line each time, written and read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rssm.dashboard.names import FINAL_METRIC, UPDATES
from rssm.errors import UserError
from rssm.storage.files import replace_file, storage_errors
from rssm.storage.shape import COUNT, NUMBER, MapOf, Maybe, Record, misfit, parse_json, shown_reason

METRICS_FILE = "metrics.jsonl"
#: null where a number was not finite
_NUMBERS, _UPDATE = MapOf(Maybe(NUMBER)), Record({UPDATES: COUNT})


class MetricsFile:
    """Open to append lines.

    A line is one strict JSON object: ``{"update": n, NAME: value, ...}``; a value that is not finite is ``null``. It is
    with the operating system before :meth:`write` returns, so killing the process costs at most half a line, which is
    dropped when the file is opened again.

    Args:
        path: of the file.
        resume_update: the update that training goes on from: later lines are cut, because they will be written again,
            and so are summaries; None starts an empty file.

    Raises:
        UserError: it is damaged before its last line.
        StorageError: it cannot be written, here and in every method.
    """

    def __init__(self, path: Path, resume_update: int | None = None) -> None:
        self.path = path
        kept: list[bytes] = []
        if resume_update is not None and path.exists():
            for line, row in _lines(path, half=False):
                if row[UPDATES] <= resume_update and not any(name.startswith(FINAL_METRIC) for name in row):
                    kept.append(line)
        replace_file(path, lambda temporary: temporary.write_bytes(b"".join(kept)))
        with storage_errors(path):
            self._file = path.open("a", encoding="utf-8")

    @property
    def closed(self) -> bool:
        return self._file.closed

    def write(self, row: Mapping[str, float], update: int) -> None:
        """Add a line."""
        line = {UPDATES: update} | {name: value if math.isfinite(value) else None for name, value in row.items()}
        with storage_errors(self.path):
            self._file.write(json.dumps(line, allow_nan=False) + "\n")
            self._file.flush()

    def sync(self) -> None:
        """Have all lines so far on the disk, whatever happens to the machine."""
        with storage_errors(self.path):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        with storage_errors(self.path), self._file:
            os.fsync(self._file.fileno())


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The lines of a run's file.

    Raises:
        UserError: there is no such file, or a line of it is not what a run writes; it names the line.
    """
    return [row for _, row in _lines(path, half=True)]


def _lines(path: Path, half: bool) -> Iterator[tuple[bytes, dict[str, Any]]]:
    """Each line as it stands and what it says; a last one that was not ended, because the process was killed while it
    wrote it, only where ``half`` asks for it."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError as error:
        raise UserError(f"{path}: expected the metrics of a run, it cannot be read ({shown_reason(error)})") from None
    for number, line in enumerate(lines, start=1):
        if not half and not line.endswith(b"\n"):
            return
        try:
            row = parse_json(line.decode("utf-8"))
        except ValueError as error:
            raise UserError(f"{path}: line {number}: expected a JSON object ({shown_reason(error)})") from None
        found = misfit(row, _NUMBERS) or misfit(row, _UPDATE)
        if found is not None:
            raise UserError(f"{path}: line {number}: {found}; it should be a JSON object with numbers by name")
        yield line, row
