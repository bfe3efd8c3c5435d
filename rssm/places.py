"""Where the folders are that lie beside this package in a checkout, and inside it once it is installed."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

from rssm.errors import UserError

_PACKAGE = Path(__file__).resolve().parent
#: holds agents/ and configs/: the checkout, or in an installation a folder inside the package (see setup.py)
ROOT = _PACKAGE / "project" if (_PACKAGE / "project").is_dir() else _PACKAGE.parent
#: the presets of every job, a folder for each
CONFIG_DIR = ROOT / "configs"


def own_agents() -> ModuleType:
    """The package ``agents`` of this project, whatever else of that name is installed.

    The name is also that of openai-agents' package. So an installation keeps ours inside ``rssm``, where nothing
    overwrites it (nor it anything), and puts that folder first on the path of the processes that need it; processes
    that they start take the path over.

    Raises:
        UserError: another package of that name was imported before, or ours is not there.
    """
    folder = ROOT / "agents"
    if not (folder / "__init__.py").is_file():
        raise UserError(f"agents: expected this project's package in {ROOT}, it is not there; install pong-rssm again")
    if str(ROOT) not in sys.path[:1]:
        sys.path.insert(0, str(ROOT))
    agents = importlib.import_module("agents")
    found = Path(agents.__file__ or "").parent.resolve()
    if found != folder:
        raise UserError(
            f"agents: the package of that name in {found} is not this project's, which is in {folder}; it was imported "
            "before: call rssm.own_agents() first, or use another process"
        )
    return agents
