"""What a run logged, read back for a report."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rssm.tracking.metrics_file import read_metrics

#: before steps were called k = 0 … 5 everywhere, the first one was logged as ``_h1``
_OLDER = re.compile(r"_h([1-9])$")


def read_history(path: Path) -> list[dict[str, Any]]:
    """The lines of ``metrics.jsonl``, those of older runs with today's names: steps are ``_k0`` to ``_k5``.

    Raises:
        UserError: there is no such file, or a line of it is not what a run writes; it names the line.
    """
    return [
        {_OLDER.sub(lambda step: f"_k{int(step[1]) - 1}", name): value for name, value in row.items()}
        for row in read_metrics(path)
    ]
