"""A world model, and an agent, in one page that runs in any browser, from disk, without a network."""

from __future__ import annotations

import base64
import html
import json
import re
from pathlib import Path

from rssm.games.pong.drawing import SKETCH
from rssm.games.pong.dream.starts import Start
from rssm.games.pong.export.payload import ExportedPolicy, make_payload
from rssm.model.world_model import WorldModel
from rssm.storage.files import replace_file

_FOLDER = Path(__file__).resolve().parent


def write_page(
    path: Path, model: WorldModel, starts: list[Start], *, policy: ExportedPolicy | None = None, about: str = ""
) -> None:
    """Write the page, atomically.

    Args:
        path: of the page.
        model: the world model, of any decoder.
        starts: moments of real games that the page's dreams begin in.
        policy: the agent's; without one the page says that it has none.
        about: what it is of, for the reader.
    """
    description, weights = make_payload(model, starts, policy)
    parts = {
        "STYLE": _source("style.css"),
        "ABOUT": html.escape(about),
        # "</" would end the script's element, and "<!--" hide its end
        "DESCRIPTION": json.dumps(description, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c"),
        "WEIGHTS": base64.b64encode(weights).decode("ascii"),
        "MODEL": _source("model.js"),
        "SKETCH": SKETCH.read_text(encoding="utf-8"),
        "APP": _source("app.js"),
    }
    page = re.sub("@([A-Z]+)@", lambda match: parts[match[1]], _source("page.html"))
    replace_file(path, lambda temporary: temporary.write_text(page, encoding="utf-8"))


def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
