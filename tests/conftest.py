"""One thread per process and no wandb; real games to draw from, small models with nothing left at zero, a browser."""

import dataclasses
import fcntl
import glob
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

# before anything is imported that reads these
os.environ["OMP_NUM_THREADS"] = "1"
os.environ["WANDB_MODE"] = "disabled"

import torch

from rssm.config import EnvConfig, ModelConfig
from rssm.dashboard.names import AXES, SECTIONS, SYSTEM_KEYS, final_key, shown
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.play import play_episode
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player
from rssm.games.pong.statistics import FeatureStatistics
from rssm.model.world_model import WorldModel
from rssm.places import own_agents
from rssm.training.checkpoint import MODEL_FILE, save_model, weights_of

own_agents()  # however pytest was started, "agents" is this project's

ModelMaker = Callable[..., WorldModel]


@pytest.fixture(scope="session")
def read_wandb() -> Callable[[Path], list[dict[str, Any]]]:
    """Reads back what a run's folder holds for wandb, all its segments in order, by wandb's own reader."""

    def read(run: Path) -> list[dict[str, Any]]:
        program = Path(sys.executable).with_name("wandb")
        records = []
        for store in sorted(run.glob("wandb/offline-run-*/*.wandb")):
            command = [program, "leet", "inspect", "--json", store]
            text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
            records += [json.loads(line) for line in text.splitlines()]
        return records

    return read


@pytest.fixture(scope="session")
def pong_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Real games: three beginnings of 40, 8 and 25 rows, a whole game, and another beginning of 200 rows."""
    lengths = {1: 40, 2: 8, 3: 25, 4: 10_000, 5: 200}
    episodes = [play_episode(EnvConfig(), Player("tracking"), seed, steps) for seed, steps in lengths.items()]
    assert episodes[3].terminated
    path: Path = tmp_path_factory.mktemp("pong") / "data"
    write_dataset(path, episodes, env=EnvConfig(), policy={"name": "tracking", "epsilon": 0.5}, seed=0)
    return Dataset.open(path)


@pytest.fixture(scope="session")
def pong_statistics(pong_data: Dataset) -> FeatureStatistics:
    return FeatureStatistics.fit(pong_data.features, pong_data.action, pong_data.is_first)


@pytest.fixture(scope="session")
def check_mirror(read_wandb: Callable[[Path], list[dict[str, Any]]]) -> Callable[..., set[str]]:
    """Checks that wandb holds what ``metrics.jsonl`` holds: every value, under the right name, over the right axis and
    with the right summary; finals in the summary alone. Returns the names of all pictures, animations and pages, which
    are there at every evaluation."""

    def check(run: Path, real_steps: bool, evaluated: str) -> set[str]:
        records = read_wandb(run)
        rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
        logged = [row for row in rows if not any(name.startswith("summary/") for name in row)]
        items = [record["history"]["item"] for record in records if "history" in record]
        numbers = [item for item in items if any("/" in key and is_number(key, item) for key in item)]
        numbers = [item for item in numbers if not set(SYSTEM_KEYS) & set(item)]
        assert len(numbers) == len(logged)
        metrics = {record["metric"]["name"]: record["metric"] for record in records if "metric" in record}
        summary: dict[str, Any] = {}
        for record in records:
            summary |= record.get("summary", {}).get("update", {})
        for row, item in zip(logged, numbers, strict=True):
            keys = {name: name if name in AXES else shown(name, real_steps).key for name in row}
            assert len(set(keys.values())) == len(keys)
            assert set(keys.values()) == {key for key in item if not key.startswith("_")}
            for name, key in keys.items():
                assert item[key] == "NaN" if row[name] is None else item[key] == pytest.approx(row[name], rel=1e-6)
        for name in {name for row in logged for name in row} - set(AXES):
            key, axis, best = dataclasses.astuple(shown(name, real_steps))
            assert (metrics[key]["step_metric"], metrics[key]["summary"]) == (axis, {best: True})
            assert key.partition("/")[0] in SECTIONS
            assert all(axis in row for row in logged if name in row)
            values = [row[name] for row in logged if row.get(name) is not None]
            if values:
                expected = {"min": min(values), "max": max(values), "last": values[-1]}[best]
                assert summary[key][best] == pytest.approx(expected, rel=1e-6), key
        assert all(metrics[axis]["options"]["hidden"] for axis in AXES)
        finals = {final_key(name): value for row in rows for name, value in row.items() if name.startswith("summary/")}
        assert finals
        for key, value in finals.items():
            assert summary[key] == pytest.approx(value), key
            assert not any(key in item for item in items)
        (group,) = {record["run"]["run_group"] for record in records if "run" in record}
        assert group == run.name
        return check_media(run, items, [row["update"] for row in logged if evaluated in row])

    def check_media(run: Path, items: list[dict[str, Any]], evaluations: list[int]) -> set[str]:
        found: dict[str, list[int]] = {}
        for item in items:
            for name, kind in item.items():
                if not name.endswith("._type") or kind == "table-file":
                    continue
                key = name.removesuffix("._type")
                section, _, medium = key.partition("/")
                assert section == SECTIONS[0]
                (path,) = run.glob(f"wandb/offline-run-*/files/{glob.escape(item[f'{key}.path'])}")
                content = path.read_bytes()
                begins = {"image-file": b"\x89PNG", "video-file": b"GIF8", "html-file": b"<!doctype html>"}[kind]
                assert content[: len(begins)].lower() == begins.lower()
                found.setdefault(medium, []).append(item["update"])
        for medium, updates in found.items():
            once = medium.startswith("final_") or medium == "report"
            assert updates == (evaluations[-1:] if once else evaluations), medium
        return set(found)

    def is_number(key: str, item: dict[str, Any]) -> bool:
        return isinstance(item[key], int | float) and "." not in key

    return check


@pytest.fixture(scope="session")
def tiny_sizes() -> dict[str, int]:
    """Sizes of a model that is small enough to test with."""
    return {"deter": 16, "stoch": 3, "classes": 4, "hidden": 24, "head_hidden": 16, "layers": 1, "bins": 11}


@pytest.fixture(scope="session")
def make_model(pong_statistics: FeatureStatistics, tiny_sizes: dict[str, int]) -> ModelMaker:
    """Makes tiny models whose every parameter is random: a layer that starts at zero would hide what it is fed."""

    def make(posterior: str = "decoupled", decoder: str = "residual", likelihood: str = "discrete") -> WorldModel:
        config = ModelConfig(posterior=posterior, decoder=decoder, likelihood=likelihood, **tiny_sizes)
        torch.manual_seed(0)
        model = WorldModel(config, PONG, pong_statistics)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.3 * torch.randn_like(parameter))
        return model

    return make


@pytest.fixture(scope="session")
def model_folder(make_model: ModelMaker, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the weights of a tiny model, and nothing beside them."""
    folder: Path = tmp_path_factory.mktemp("shown") / "wm"
    model = make_model()
    save_model(folder / MODEL_FILE, model, weights_of(model), {})
    return folder


@pytest.fixture(scope="session")
def browser() -> str:
    """Where Chromium is."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = next((path for name in names if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("no Chromium on this machine; make browser installs Debian's")
    return found


class Tab:
    """A page that is open in a headless Chromium, which is driven over a pipe (the DevTools protocol).

    Attributes:
        problems: what the page's console has said, and exceptions that nothing caught.
        requests: addresses of all that was asked for.
    """

    def __init__(self, browser: str, profile: Path) -> None:
        # copies above the two numbers under which the browser expects them
        ours, theirs = os.pipe(), os.pipe()
        reads, tells, listens, answers = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (*ours, *theirs))
        for end in (*ours, *theirs):
            os.close(end)
        words = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        words += ["--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={profile}", "about:blank"]
        shell = f'exec "$0" "$@" 3<&{reads} 4>&{answers}'
        self._process = subprocess.Popen(
            ["/bin/bash", "-c", shell, *words],
            pass_fds=(reads, answers),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(answers)
        self._tells, self._listens, self._heard, self._asked = tells, listens, b"", 0
        self._session: str | None = None
        self.problems: list[Any] = []
        self.requests: list[str] = []
        self._loaded = 0
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(target["targetId"] for target in targets if target["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **parameters: Any) -> Any:
        self._asked += 1
        message = {"id": self._asked, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._tells, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._hear()
            if answer.get("id") == self._asked:
                assert "error" not in answer, answer
                return answer["result"]

    def open(self, path: Path, width: int = 1280) -> None:
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        self.problems, self.requests, before = [], [], self._loaded
        self.ask("Page.navigate", url=path.as_uri())
        while self._loaded == before:
            self._hear()

    def js(self, expression: str) -> Any:
        """The value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def text(self, selector: str) -> Any:
        """What the elements say, in order."""
        return self.js(f"[...document.querySelectorAll({json.dumps(selector)})].map((one) => one.textContent)")

    def click(self, selector: str) -> None:
        """Press and release the mouse over an element."""
        x, y = self.js(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)});"
            "one.scrollIntoView({block: 'center'}); const box = one.getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str, code: int) -> None:
        """Press and release a key, by its name and the number that Windows has for it."""
        text = {"text": key} if len(key) == 1 else {}
        self.ask("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **text)
        self.ask("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def choose(self, selector: str, value: str) -> None:
        """Choose an entry of a list."""
        self.js(
            f"(() => {{ const one = document.querySelector({json.dumps(selector)}); one.value = {json.dumps(value)};"
            "one.dispatchEvent(new Event('change', {bubbles: true})); })()"
        )

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._tells)
        os.close(self._listens)

    def _hear(self) -> Any:
        while b"\0" not in self._heard:
            part = os.read(self._listens, 1 << 16)
            assert part, "the browser has gone"
            self._heard += part
        message, _, self._heard = self._heard.partition(b"\0")
        event = json.loads(message)
        method, what = event.get("method"), event.get("params")
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            self.problems.append(what)
        elif method == "Network.requestWillBeSent":
            self.requests.append(what["request"]["url"])
        elif method == "Page.loadEventFired":
            self._loaded += 1
        return event


@pytest.fixture(scope="session")
def tab(browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tab]:
    """An open browser, to open pages in."""
    tab = Tab(browser, tmp_path_factory.mktemp("browser") / "profile")
    yield tab
    tab.close()
