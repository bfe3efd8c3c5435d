import dataclasses

import pytest

from rssm.cli.job import parse
from rssm.cli.jobs import TRAIN_WM
from rssm.config import (
    BenchmarkConfig,
    CollectConfig,
    DataConfig,
    EnvConfig,
    EvalConfig,
    EvaluateConfig,
    LossConfig,
    ModelConfig,
    OthersConfig,
    ResultsConfig,
    SealedConfig,
    TrainConfig,
    WorldModelConfig,
)
from rssm.config.presets import preset_names
from rssm.config.yaml_file import read_settings
from rssm.places import CONFIG_DIR

PRESETS = preset_names("train_wm")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnvConfig(frameskip=0), "frameskip: expected at least 1, got 0"),
        (
            lambda: EnvConfig(repeat_action_probability=1.5),
            "repeat_action_probability: expected at most 1, got 1.5",
        ),
        (lambda: CollectConfig(out="x", steps=0), "steps: expected at least 1, got 0"),
        (
            lambda: BenchmarkConfig(instructions="avx2", device="cuda"),
            "instructions: expected all, avx2 is of a processor and device is cuda",
        ),
        (lambda: CollectConfig(out="x", players="tracking epsilon=2"), "players: epsilon: expected 0 to 1, got 2"),
        (lambda: CollectConfig(out="x", noops=-1), "noops: expected at least 0, got -1"),
        (lambda: DataConfig(train="a", heldout="a"), "heldout: expected another folder than train"),
        (lambda: DataConfig(heldout="data/pong/test"), "test: expected another folder than heldout"),
        (lambda: DataConfig(others=OthersConfig(seed=1)), "others.seed: expected another seed than train_seed"),
        (
            lambda: DataConfig(test=SealedConfig(others_seed=2)),
            "test.others_seed: expected another seed than heldout_seed",
        ),
        (lambda: DataConfig(players="50% tracking"), "players: expected shares above 0 that make up 100 %, got 50 %"),
        (lambda: DataConfig(heldout_player="random, tracking"), "heldout_player: expected one player, got random,"),
        (lambda: DataConfig(fresh_steps=-1), "fresh_steps: expected at least 0, got -1"),
        (
            lambda: DataConfig(fresh_steps=20_001, train_steps=100_000),
            "fresh_steps: expected at most a fifth of train_steps (20000), got 20001",
        ),
        (lambda: OthersConfig(players="50% random, 50% tracking"), "players: expected players without shares, got 50%"),
        (lambda: OthersConfig(games=-1), "games: expected at least 0, got -1"),
        (lambda: SealedConfig(games=0), "games: expected at least 1, got 0"),
        (lambda: EvalConfig(calibration_samples=1), "calibration_samples: expected at least 2, got 1"),
        (lambda: EvalConfig(survival_every=-1), "survival_every: expected at least 0, got -1"),
        (lambda: EvaluateConfig("run", data="x", test=True), "data: expected nothing beside test, got x"),
        (lambda: DataConfig(train_seed=3, heldout_seed=3), "heldout_seed: expected another seed than train_seed"),
        (lambda: ModelConfig(bins=40), "bins: expected an odd number, got 40"),
        (lambda: ModelConfig(decoder="direct", likelihood="discrete"), "likelihood: discrete needs decoder: residual"),
        (lambda: LossConfig(huber_beta=0.0), "huber_beta: expected more than 0, got 0.0"),
        (
            lambda: WorldModelConfig(loss=LossConfig(open_loop_steps=48)),
            "loss.open_loop_steps: expected fewer than train.chunk_length, got 48",
        ),
        (lambda: TrainConfig(chunk_length=6), "chunk_length: expected at least 7, got 6"),
        (lambda: TrainConfig(learning_rate=float("nan")), "learning_rate: expected a number, got nan"),
        (lambda: TrainConfig(learning_rate=float("inf")), "learning_rate: expected a number, got inf"),
        (lambda: TrainConfig(updates=1.5), "updates: expected a whole number, got 1.5"),
        (lambda: TrainConfig(updates=True), "updates: expected a whole number, got True"),
        (lambda: ModelConfig(posterior="both"), "posterior: expected decoupled or coupled, got both"),
        (lambda: WorldModelConfig(model=None), "model: expected a ModelConfig, got nothing"),
        (lambda: CollectConfig(out=""), "out: expected some text, got nothing"),
        (lambda: CollectConfig(out="a\0b"), "out: expected text without control characters, got a\\x00b"),
        (lambda: ResultsConfig("a", name="../../x"), "name: expected a plain name, without folders, got ../../x"),
        (lambda: ResultsConfig("a", name=".hidden"), "name: expected a plain name, without folders, got .hidden"),
        (lambda: EvalConfig(floor_futures=1), "floor_futures: expected 0 (off) or at least 2, got 1"),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_in_one_line(make, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the whole message is compared)
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_configs_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        WorldModelConfig().seed = 3  # type: ignore[misc]


def test_the_default_preset_repeats_nothing():
    assert read_settings(CONFIG_DIR / "train_wm" / "pong.yaml", WorldModelConfig) == {"run": "runs/wm"}
    assert parse(TRAIN_WM, []) == parse(TRAIN_WM, ["--config", "pong"]) == WorldModelConfig()


def test_a_whole_number_is_a_number():
    config = TrainConfig(clip=2, ema=0)
    assert (config.clip, type(config.clip), type(config.ema)) == (2.0, float, float)


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_parses(preset):
    assert isinstance(parse(TRAIN_WM, ["--config", preset]), WorldModelConfig)


def test_presets_share_no_run_and_only_data_sets_that_are_the_same():
    configs = [parse(TRAIN_WM, ["--config", preset]) for preset in PRESETS]
    assert len(PRESETS) >= 6
    runs, found = set(), {}
    for config in configs:
        assert config is not None
        runs.add(config.run)
        env, data = config.env, config.data
        others = (env, data.others.players, data.others.noops)
        for folder, recording in (
            (data.train, (env, data.players, data.train_steps, data.train_seed)),
            (data.heldout, (env, data.heldout_player, data.heldout_steps, data.heldout_seed)),
            (data.others.path if data.others.games else None, (*others, data.others.games, data.others.seed)),
            (data.test.path, (*others, data.heldout_player, data.test)),
        ):
            assert folder is None or found.setdefault(folder, recording) == recording, folder
    assert len(runs) == len(PRESETS)


def test_one_player_s_data_can_be_had():
    config = parse(TRAIN_WM, ["--config", "pong_one_player"])
    assert config is not None
    mixed = parse(TRAIN_WM, ["--config", "pong_100k"])
    assert mixed is not None
    assert (config.data.players, config.data.train) == ("tracking", "data/pong/train")
    assert dataclasses.replace(config.data, players=mixed.data.players, train=mixed.data.train) == mixed.data
    whole = {"train": WorldModelConfig().data.train, "train_steps": 1_000_000}
    assert dataclasses.replace(mixed.data, **whole) == WorldModelConfig().data


def test_the_sticky_preset_is_sticky_and_measures_the_floor():
    config = parse(TRAIN_WM, ["--config", "pong_sticky"])
    assert config is not None
    assert config.env.repeat_action_probability == 0.25
    assert config.eval.floor_futures >= 32
    assert config.eval.samples >= 32
