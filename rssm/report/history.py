"""What a run logged, read back for a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rssm.errors import UserError
from rssm.storage.shape import NUMBER, MapOf, Maybe, misfit, parse_json, shown_reason

#: before steps were called k = 0 … 5 everywhere, the first one was logged as ``_h1``
_OLDER = re.compile(r"_h([1-9])$")
#: null where a number was not finite
_LINE = MapOf(Maybe(NUMBER))


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``, those of older runs with today's names: steps are ``_k0`` to ``_k5``.

    Raises:
        UserError: there is no such file, or a line of it is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: expected the metrics of a run, it cannot be read ({shown_reason(error)})") from None
    history = []
    for number, line in enumerate(lines, start=1):
        try:
            row = parse_json(line)
        except ValueError as error:
            raise UserError(f"{path}: line {number}: expected a JSON object ({shown_reason(error)})") from None
        found = misfit(row, _LINE)
        if found is not None:
            raise UserError(f"{path}: line {number}: {found}")
        history.append({_OLDER.sub(lambda step: f"_k{int(step[1]) - 1}", name): row[name] for name in row})
    return history
