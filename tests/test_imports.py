"""The order of the folders, read from the imports: nothing general knows a game, and no arrow goes up."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: from the ground up; a module may import what stands in its own line or above it
FLOORS = (
    ("rssm", "rssm.arrays", "rssm.errors", "rssm.layout", "rssm.noise", "rssm.numbers", "rssm.seeds"),
    ("rssm.places", "rssm.progress", "rssm.protocols", "rssm.storage", "rssm.system"),
    ("rssm.config", "rssm.data.mixture", "rssm.game"),
    ("rssm.dashboard.names",),
    ("rssm.tracking",),
    ("rssm.weights",),
    ("rssm.data",),
    ("rssm.model",),
    ("rssm.games",),
    ("rssm.training",),
    ("rssm.evaluation",),
    ("rssm.api", "rssm.report"),
    ("rssm.dashboard",),
    ("rssm.games.pong.dream",),
    ("rssm.games.pong.export",),
    ("rssm.baselines",),
    ("rssm.jobs",),
    ("rssm.ladder",),
    ("rssm.cli.help", "rssm.cli.job"),
    ("agents.learning.config", "agents.online.config"),
    ("agents.config",),
    ("agents.games_config",),
    ("agents.learning",),
    ("agents.checkpoint",),
    ("agents.play",),
    ("agents.online",),
    ("agents.report",),
    ("agents",),
    ("rssm.cli",),
)
#: Pong's own front: what shows its dreams to people, browsers and other libraries
FRONT = ("rssm.games.pong.dream", "rssm.games.pong.export")
#: the jobs that are there to show Pong; nothing else knows the front
SHOWING = ("agents.play_dream", "agents.export")
HEIGHTS = {name: height for height, names in enumerate(FLOORS) for name in names}


def modules() -> dict[str, Path]:
    found = {}
    for package in ("rssm", "agents"):
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported(tree: ast.AST) -> Iterator[str]:
    """The modules of this project that are imported, anywhere but for type checkers alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports hide where an arrow goes"
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                if inner in MODULES or node.module in MODULES:
                    yield inner if inner in MODULES else str(node.module)
        else:
            yield from imported(node)


ARROWS = [(name, other) for name, path in MODULES.items() for other in imported(ast.parse(path.read_text()))]


def height(module: str) -> int:
    """The floor of a module: that of the longest name it lies under."""
    parts = module.split(".")
    names = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
    found = next(name for name in names if name in HEIGHTS)
    assert found != "rssm" or module == "rssm", f"{module} has no place in FLOORS"
    return HEIGHTS[found]


def test_the_walk_sees_imports_inside_functions_and_of_whole_modules():
    assert ("rssm.games.pong.game", "rssm.games.pong.drawing") in ARROWS
    assert ("rssm.games.pong.game", "rssm.games.pong.features") in ARROWS
    assert ("rssm.game", "rssm.evaluation.windows") not in ARROWS  # for the type checker alone


def test_no_general_module_imports_a_game():
    general = [arrow for arrow in ARROWS if not arrow[0].startswith("rssm.games") and plugin(arrow[1])]
    assert {name for name, other in general if other.startswith(FRONT)} == set(SHOWING)
    assert [arrow for arrow in general if not arrow[1].startswith(FRONT)] == []


def test_no_game_knows_another():
    assert [arrow for arrow in ARROWS if all(map(plugin, arrow)) and len({*map(plugin, arrow)}) > 1] == []


def test_imports_run_one_way():
    # what the package itself offers to others is imported when it is asked for
    arrows = [arrow for arrow in ARROWS if arrow[0] != "rssm"]
    found = [f"{name} imports {other}" for name, other in arrows if height(other) > height(name)]
    assert found == []


def plugin(module: str) -> str:
    return module.split(".")[2] if module.startswith("rssm.games.") else ""
