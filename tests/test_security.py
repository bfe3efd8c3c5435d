"""What SECURITY.md promises of the code as a whole, read from the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [path for folder in ("rssm", "agents", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]
TREES = {path: ast.parse(path.read_text()) for path in FILES}

#: modules that reach a network, or could run what they read
REACHING = {"urllib", "requests", "httpx", "http", "ftplib", "smtplib", "socketserver", "aiohttp"}
RUNNING = {"shelve", "marshal", "dill", "cloudpickle", "joblib", "runpy", "code"}
#: who imports pickle and socket, and what for
ALLOWED = {
    "pickle": {"rssm/training/checkpoint.py"},  # the name of the error with which torch refuses
    "socket": {"rssm/training/launch.py"},  # the name of the machine's own network
}


def calls() -> Iterator[tuple[str, str, ast.Call]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                yield str(path.relative_to(ROOT)), ast.unparse(node.func), node


def imports() -> Iterator[tuple[str, str]]:
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from ((str(path.relative_to(ROOT)), name.partition(".")[0]) for name in names)


def given(call: ast.Call, name: str) -> str | None:
    return next((ast.unparse(word.value) for word in call.keywords if word.arg == name), None)


@pytest.mark.parametrize(
    ("function", "setting", "value"),
    [
        ("torch.load", "weights_only", "True"),
        ("np.save", "allow_pickle", "False"),
    ],
)
def test_no_file_can_run_code_when_it_is_read(function, setting, value):
    found = [(path, call) for path, name, call in calls() if name == function]
    assert found, f"nobody calls {function} any more"
    assert [f"{path}:{call.lineno}" for path, call in found if given(call, setting) != value] == []


def test_yaml_is_read_by_the_safe_loader_alone():
    unsafe = ("yaml.load", "yaml.full_load", "yaml.unsafe_load", "yaml.load_all", "yaml.Loader", "yaml.UnsafeLoader")
    assert [f"{path}:{call.lineno}" for path, name, call in calls() if name in unsafe] == []


def test_nothing_is_evaluated():
    assert [f"{path}:{call.lineno}" for path, name, call in calls() if name in ("eval", "exec", "__import__")] == []


def test_nothing_is_started_through_a_shell():
    found = [
        (path, name, call) for path, name, call in calls() if name.startswith(("subprocess.", "os.system", "os.popen"))
    ]
    assert all(name == "subprocess.run" and given(call, "shell") is None for _, name, call in found), found


def test_nothing_reaches_a_network_or_reads_what_can_run():
    found = {(path, name) for path, name in imports() if name in REACHING | RUNNING | ALLOWED.keys()}
    assert found == {(path, name) for name, paths in ALLOWED.items() for path in paths}
