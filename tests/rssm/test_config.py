import dataclasses

import pytest

from rssm.cli import CONFIG_DIR, parse
from rssm.config import (
    CollectConfig,
    DataConfig,
    EnvConfig,
    EvalConfig,
    LossConfig,
    ModelConfig,
    TrainConfig,
    WorldModelConfig,
)
from rssm.config_file import read_settings, setting_types

PRESETS = sorted(path.stem for path in CONFIG_DIR.glob("*.yaml") if not path.stem.startswith("agent"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EnvConfig(frameskip=0), "frameskip: expected at least 1, got 0"),
        (
            lambda: EnvConfig(repeat_action_probability=1.5),
            "repeat_action_probability: expected a probability, got 1.5",
        ),
        (lambda: CollectConfig(out="x", steps=0), "steps: expected at least 1, got 0"),
        (lambda: CollectConfig(out="x", epsilon=-0.1), "epsilon: expected a probability, got -0.1"),
        (lambda: DataConfig(train="a", heldout="a"), "heldout: expected another folder than train"),
        (lambda: DataConfig(train_seed=3, heldout_seed=3), "heldout_seed: expected another seed than train_seed"),
        (lambda: ModelConfig(bins=40), "bins: expected an odd number from 3, got 40"),
        (lambda: ModelConfig(decoder="direct", likelihood="discrete"), "likelihood: discrete needs decoder: residual"),
        (lambda: LossConfig(huber_beta=0.0), "huber_beta: expected more than 0, got 0.0"),
        (lambda: TrainConfig(chunk_length=6), "chunk_length: expected more than 6 steps, got 6"),
        (lambda: TrainConfig(learning_rate=float("nan")), "learning_rate: expected more than 0, got nan"),
        (lambda: WorldModelConfig(workers=0), "workers: expected auto or at least 1, got 0"),
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


def test_the_default_file_lists_every_setting_at_its_default():
    settings = read_settings(CONFIG_DIR / "pong.yaml", WorldModelConfig)
    assert list(settings) == list(setting_types(WorldModelConfig))
    assert parse(WorldModelConfig, [], default="pong") == WorldModelConfig()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_parses(preset):
    assert isinstance(parse(WorldModelConfig, ["--config", preset], default="pong"), WorldModelConfig)


def test_no_two_presets_share_a_folder():
    configs = [parse(WorldModelConfig, ["--config", preset], default="pong") for preset in PRESETS]
    folders = [folder for c in configs if c is not None for folder in (c.run, c.data.train, c.data.heldout)]
    assert len(set(folders)) == 3 * len(PRESETS)


def test_the_sticky_preset_is_sticky_and_measures_the_floor():
    config = parse(WorldModelConfig, ["--config", "pong_sticky"], default="pong")
    assert config is not None
    assert config.env.repeat_action_probability == 0.25
    assert config.eval.floor_futures >= 32
    assert config.eval.samples >= 32


def test_the_large_preset_has_a_million_steps():
    config = parse(WorldModelConfig, ["--config", "pong_large"], default="pong")
    assert config is not None
    assert config.data.train_steps == 1_000_000
