"""Where a table goes: below ``runs/`` unless told otherwise, and never over rows that it lacks elsewhere."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rssm.errors import UserError
from rssm.storage.files import replace_file, write_json
from rssm.storage.shape import ANYTHING, MapOf, Record, read_json

#: what is below it is the user's own and may be written over
SCRATCH = Path("runs")


def refuse_to_drop(out: Path, name: str, key: str, rows: Collection[str]) -> None:
    """Refuse to write a published table over one of the same name that has more rows.

    Args:
        out: folder of the table; anything goes below :data:`SCRATCH`.
        name: of the table's files.
        key: of the rows in ``NAME.json``, a mapping by name; empty where the file itself is that mapping.
        rows: that the new table will have.

    Raises:
        UserError: rows would be lost, or the file there is no such table.
    """
    lost = dropped(out, name, key, rows)
    if lost:
        raise UserError(
            f"{out / f'{name}.json'}: the table there has {', '.join(lost)}, which the new one lacks; expected --runs "
            "with their results, another --name, or an --out below runs/"
        )


def dropped(out: Path, name: str, key: str, rows: Collection[str]) -> list[str]:
    """The rows that :func:`refuse_to_drop` would refuse to lose."""
    path = out / f"{name}.json"
    if not path.is_file() or out.resolve().is_relative_to(SCRATCH.resolve()):
        return []
    table = MapOf(ANYTHING)
    there = read_json(path, "a table of this name", Record({key: table}) if key else table)
    return [row for row in (there[key] if key else there) if row not in rows]


def publish(
    out: Path, name: str, summary: Mapping[str, Any], text: str, pictures: Mapping[str, bytes] | None = None
) -> list[Path]:
    """Write ``NAME.json``, ``NAME.md`` and pictures (by file name), each atomically; returns where they are."""
    write_json(out / f"{name}.json", dict(summary))
    for file, picture in (pictures or {}).items():
        replace_file(out / file, partial(Path.write_bytes, data=picture))
    replace_file(out / f"{name}.md", lambda path: path.write_text(text, encoding="utf-8"))
    return [out / f"{name}.md", out / f"{name}.json", *(out / file for file in pictures or {})]
