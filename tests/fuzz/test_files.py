"""Every file that is read, damaged: it means what it meant, or is refused in one line that names it."""

import contextlib
import io
import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from hostile import check_line, damaged, json_values, places, replaced, sample
from hypothesis import given
from hypothesis import strategies as st

from agents.checkpoint import read_agent, save_agent
from agents.config import AgentConfig
from agents.learning.agent import Agent
from agents.learning.config import ActorCriticConfig
from agents.learning.inputs import inputs_size
from agents.online.replay import Block, Replay
from agents.play.record import games_file, merged, read_games
from agents.report import results as agents_results
from agents.report.results_page import page
from agents.report.table import format_games
from rssm.config import EnvConfig, ImportConfig, ModelConfig, ResultsConfig, WorldModelConfig
from rssm.config.yaml_file import load_config, save_config
from rssm.data.dataset import Dataset, write_dataset
from rssm.data.episode import Episode
from rssm.errors import UserError
from rssm.evaluation.result_shape import RESULT
from rssm.evaluation.survival import MARKS
from rssm.games.pong.game import PONG
from rssm.games.pong.import_npz import import_npz
from rssm.ladder.kept import read_kept
from rssm.ladder.outcomes import Outcomes, outcome
from rssm.model.world_model import WorldModel
from rssm.report.history import read_history
from rssm.report.results import summarize
from rssm.storage.shape import read_json
from rssm.training.checkpoint import load_model, load_trainer, save_model, save_trainer, weights_of

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "run_v1"
LONGEST = 5.0
STEPS, RATIO = [1.0, 2, 3.0, 4.0, 5.5, 6.0], [1.0, None, 3.0, 4.0, 5.5, 6.0]
ERRORS = {"mean": STEPS, "median": STEPS, "p90": STEPS, "ci95": [[1.0, 2.0]] * 6}


class Example:
    """A folder with one file of a kind, and what reads it.

    Args:
        folder: of the file and of what stands beside it.
        name: of the file.
        read: from the folder to something comparable.
        exact: whether every change of a byte must be seen, since there is a checksum.
    """

    def __init__(self, folder, name, read, exact=False):
        self.path, self.read, self.exact = folder / name, read, exact
        self.content = self.path.read_bytes()
        self.meaning = self.meant()

    def meant(self):
        begin = time.process_time()
        try:
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
                return self.read(self.path.parent)
        finally:
            assert time.process_time() - begin < LONGEST

    def check(self, content, tried):
        """With this content the file is refused, or (where it can be known) means what it did."""
        self.path.write_bytes(content)
        try:
            found = self.meant()
        except UserError as error:
            check_line(error, str(self.path), self.path.name)
            tried[f"damaged {self.path.suffix} files refused"] += 1
        else:
            assert not self.exact or found == self.meaning
            tried[f"damaged {self.path.suffix} files read"] += 1
        finally:
            self.path.write_bytes(self.content)


def tensors(module):
    return {name: value.tolist() for name, value in module.state_dict().items()}


def write_data(folder):
    rng = np.random.default_rng(0)
    episodes = []
    for steps, seed in ((5, 1), (3, 2)):
        features = rng.integers(0, 160, (steps, 14)).astype(np.float32)
        episodes.append(
            Episode(features, np.zeros(steps, np.uint8), np.zeros(steps, np.float32), False, True, seed, "x")
        )
    write_dataset(folder, episodes, env=EnvConfig(), policy={"name": "x"}, seed=0)


def read_data(folder):
    data = Dataset.open(folder)
    return [data.features.tolist(), data.action.tolist(), data.players, data.env, len(data.episodes)]


def openloop():
    """A result with every part."""
    result = json.loads((FIXTURES / "wm" / "openloop.json").read_text())
    described = {"sha256": "a" * 64, "role": "test", "folder": "data/x", "games": 1, "steps": 300}
    result["protocol"] |= {
        "data": described,
        "settings": {"samples": 2},
        "code": "abc (2026-01-01)",
        "model": {"sha256": "b" * 64},
        "trained_on": described | {"sha256": "c" * 64},
        "games_trained_on": 1,
    }
    events = {"serve": {"windows": 3, "mean": STEPS, "median": STEPS}}
    right = {"median": 3.0, "share": {str(mark): 0.5 for mark in MARKS}}
    doubt = {"windows": 3, "spread": STEPS, "error": STEPS, "ratio": RATIO, "outside": STEPS, "surprise": STEPS}
    return result | {
        "players": {
            "players": {"lazy": {"games": 1, "windows": 3, "mse": ERRORS, "events": events, "ratio": RATIO}},
            "worst": {"player": "lazy", "ratio": RATIO},
        },
        "survival": {"rollouts": 3, "games": 1, "steps": 100, "within_2px": right, "within_12px": right},
        "calibration": doubt | {"samples": 3, "coverage": {"50": STEPS}, "events": {"serve": doubt}},
        "floor": {
            "windows": 3,
            "futures": 2,
            "mean": STEPS,
            "model": STEPS,
            "ratio": RATIO,
            "after_start": {"ratio": RATIO},
        },
    }


def read_openloop(folder):
    """The table, and a page of results."""
    result = read_json(folder / "openloop.json", "a result", RESULT)
    if "sha256" in result["protocol"].get("data", {}):
        summarize(ResultsConfig(runs=str(folder), out=str(folder / "out"), name="x"))
    return result


def games():
    played = {"games": 2, "code": "abc", "mean": 1.0, "standard_error": 0.5, "min": -1.0, "median": 1.0}
    played |= {"wins": 1.0, "length": 700.0, "finished": 1, "scores": [1.0, 2.0], "lengths": [3, 4], "seeds": [5, 6]}
    weights = {"agent": "a" * 64, "model": "b" * 64}
    return {"weights": weights, "env": asdict(EnvConfig()), "sticky": 0.0, "seed": 3} | dict.fromkeys(
        ("greedy", "sampled", "planned"), played
    )


def read_agents_games(folder):
    found = read_games(folder / "games.json")
    games_file(folder, EnvConfig(), 3, EnvConfig(), 3)
    merged(folder / "games.json", games())
    if all(name in found for name in ("greedy", "sticky")) and "standard_error" in found["greedy"]:
        with contextlib.suppress(KeyError):
            format_games(found)
    job = agents_results.read_job([folder], "x", "x")
    page({"x": job}, "x.png")
    return found, job


def row():
    shown = dict.fromkeys(("parameters", "updates"), 3) | {"train_seconds": 2.0, "window_ms": 1.0}
    described = {"sha256": "a", "role": "held-out", "folder": "x", "games": 1, "steps": 2}
    events = {"serve": {"windows": 3, "mean": STEPS, "median": STEPS}}
    return shown | {
        "settings": {"seed": 0},
        "code": "abc",
        "mse": ERRORS,
        "events": events,
        "data": described,
        "prediction": "mode",
        "history": [],
        "diverged": None,
    }


def read_row(folder):
    found = read_kept(folder, {"seed": 0})
    both = Outcomes([found, row()])
    both.mean("p90"), both.typical("updates"), both.code, both.spread(), outcome(found)
    if found["events"] and "serve" in found["events"]:
        both.events()
    return found


def jobs():
    policy = {"seeds": [1.0, 2.0], "games": 3}
    env = {"repeat_action_probability": 0.25}
    curves = [[[10, 1.0], [20, 2.0]], [[10, -1.0]]]
    job = {"command": "x", "title": "x", "online": True, "env": env, "code": ["abc"], "env_steps": 20}
    return {"x": job | {"wall_seconds": 3.0, "greedy": policy, "sampled": policy, "planned": policy, "curves": curves}}


def read_jobs(folder):
    found = agents_results._read_jobs(folder / "agent.json")
    page(found, "x.png")
    return found


@pytest.fixture(scope="module")
def examples(tmp_path_factory, tiny_sizes):
    root = tmp_path_factory.mktemp("files")
    data = root / "data"
    write_data(data)
    frames = np.load(data / "features.npy")
    statistics = PONG.fit(frames, np.load(data / "action.npy"), np.load(data / "is_first.npy"))
    config = ModelConfig(**tiny_sizes)
    model = WorldModel(config, PONG, statistics)
    run = root / "run"
    save_model(run / "model.safetensors", model, weights_of(model), {"update": 1})
    agent = Agent(ActorCriticConfig(hidden=8, layers=1), inputs_size(config, PONG), PONG)
    save_agent(run / "agent.safetensors", agent, {"update": 1})
    save_trainer(run / "trainer.pt", {"seconds": 3.0, "best": {"w": torch.arange(8.0)}})
    save_config(WorldModelConfig(), run / "config.yaml")
    (run / "openloop.json").write_text(json.dumps(openloop()))
    (run / "row.json").write_text(json.dumps(row()))
    player = root / "player"
    save_trainer(player / "trainer.pt", {"seconds": 3.0})
    save_config(AgentConfig(), player / "config.yaml")
    (player / "games.json").write_text(json.dumps(games()))
    lines = [{"update": 1, "train/loss": 2.0}, {"update": 2, "env_steps": 20, "real/sampled_score": -3.0, "x_h1": None}]
    (player / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (root / "agent.json").write_text(json.dumps(jobs()))
    flags = np.zeros((3, 2), np.bool_)
    block = Block(
        np.ones((3, 2, 14), np.float32), np.ones((3, 2), np.uint8), np.ones((3, 2), np.float32), flags, flags, ~flags
    )
    Replay(root / "replay", PONG, 2).append(block)
    obs = np.ones((4, 56), np.float32)
    np.savez_compressed(root / "recording.npz", obs=obs, actions=np.zeros(4, np.int64), rewards=np.zeros(4))

    def imported(folder):
        out = folder / "imported"
        shutil.rmtree(out, ignore_errors=True)
        import_npz(ImportConfig(str(folder / "recording.npz"), str(out)))
        return read_data(out)

    def replayed(folder):
        found = Replay(folder, PONG, 2, blocks=1).data()
        return [found.features.tolist(), found.action.tolist(), found.reward.tolist(), found.is_first.tolist()]

    def resumed(folder):
        state = load_trainer(folder / "trainer.pt")
        return state["seconds"], state["best"]["w"].tolist()

    return {
        "meta": Example(data, "meta.json", read_data),
        "features": Example(data, "features.npy", read_data, exact=True),
        "is_first": Example(data, "is_first.npy", read_data, exact=True),
        "model": Example(
            run, "model.safetensors", lambda at: tensors(load_model(at / "model.safetensors")), exact=True
        ),
        "agent": Example(
            run, "agent.safetensors", lambda at: tensors(read_agent(at / "agent.safetensors")), exact=True
        ),
        "trainer": Example(run, "trainer.pt", resumed, exact=True),
        "settings": Example(run, "config.yaml", lambda at: load_config(at / "config.yaml", WorldModelConfig)),
        "openloop": Example(run, "openloop.json", read_openloop),
        "row": Example(run, "row.json", read_row),
        "games": Example(player, "games.json", read_agents_games),
        "metrics": Example(
            player, "metrics.jsonl", lambda at: (read_history(at / "metrics.jsonl"), read_agents_games(at))
        ),
        "jobs": Example(root, "agent.json", read_jobs),
        "replay": Example(root / "replay", "000000.npz", replayed, exact=True),
        "recording": Example(root, "recording.npz", imported, exact=True),
    }


BINARY = ["features", "is_first", "model", "agent", "trainer", "replay", "recording"]
TEXT = ["meta", "settings", "openloop", "row", "games", "metrics", "jobs"]
JSON = ["meta", "openloop", "row", "games", "jobs"]


@pytest.mark.parametrize("name", BINARY)
@sample(15)
@given(data=st.data())
def test_a_damaged_binary_file(name, data, examples, tried):
    examples[name].check(data.draw(damaged(examples[name].content)), tried)


@pytest.mark.parametrize("name", TEXT)
@sample(10)
@given(data=st.data())
def test_a_damaged_text_file(name, data, examples, tried):
    examples[name].check(data.draw(damaged(examples[name].content)), tried)


@pytest.mark.parametrize("name", JSON)
@sample(25)
@given(data=st.data())
def test_a_value_of_another_type(name, data, examples, tried):
    whole = json.loads(examples[name].content)
    place = data.draw(st.sampled_from(places(whole)))
    value = data.draw(json_values | st.just(...))
    examples[name].check(json.dumps(replaced(whole, place, value)).encode(), tried)


@sample(20)
@given(data=st.data())
def test_a_header_of_an_array_that_lies(data, examples, tried):
    """The rest of the file and its checksum are as the header says, or not."""
    example = examples["features"]
    text = example.content[10:128].decode("latin1")
    shape = data.draw(st.lists(st.integers() | st.integers(0, 20), max_size=3).map(tuple) | st.text(max_size=5))
    kind = data.draw(st.sampled_from(["<f4", "<f8", "|O", "<U3", "V8", "<f4,<i2", "?", "x", "<M8[s]"]))
    said = f"{{'descr': {kind!r}, 'fortran_order': {data.draw(st.booleans())}, 'shape': {shape!r}, }}"
    assert text.startswith("{")
    said = said.encode("utf-8", "surrogatepass")[:117].ljust(117) + b"\n"
    example.check(example.content[:10] + said + example.content[128:], tried)
