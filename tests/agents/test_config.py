import pytest

from agents.config import AgentConfig, AgentTrainConfig, EvaluationConfig, PlayConfig, WorldConfig
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from rssm.cli import CONFIG_DIR, parse
from rssm.config import HORIZON
from rssm.config_file import read_settings, setting_types

PRESETS = sorted(path.stem for path in CONFIG_DIR.glob("agent*.yaml"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ActorCriticConfig(bins=60), "bins: expected an odd number from 3, got 60"),
        (lambda: ActorCriticConfig(discount=1.5), "discount: expected a number from 0 to 1, got 1.5"),
        (lambda: ActorCriticConfig(return_low=0.9, return_high=0.1), "return_low: expected 0 <= return_low"),
        (lambda: ActorCriticConfig(return_floor=0.0), "return_floor: expected more than 0, got 0.0"),
        (lambda: ActorCriticConfig(entropy=-1.0), "entropy: expected 0 or more, got -1.0"),
        (lambda: ImaginationConfig(chunk_length=10, burn_in=9), "burn_in: expected to leave a start"),
        (lambda: ImaginationConfig(horizon=0), "horizon: expected at least 1, got 0"),
        (lambda: AgentTrainConfig(decay=2.0), "decay: expected a share of the updates (0 to 1), got 2.0"),
        (
            lambda: ImaginationConfig(chunks=2, chunk_length=10, burn_in=3, starts=13),
            "starts: expected 0 (all) to 12, as many as 2 chunks of 10 steps have behind the burn-in, got 13",
        ),
        (lambda: ActorCriticConfig(temperature=0.0), "temperature: expected more than 0, got 0.0"),
        (
            lambda: AgentConfig(imagination=ImaginationConfig(tried=False)),
            "actor_critic.search: expected 0 where imagination.tried is false",
        ),
        (lambda: ImaginationConfig(continued=1.0), "continued: expected a share from 0 to below 1, got 1.0"),
        (lambda: PlayConfig(games=0), "games: expected at least 1, got 0"),
        (lambda: WorldConfig(workers=2), "workers: expected 0 or 1, got 2"),
        (lambda: WorldConfig(learning_rate=0.0), "learning_rate: expected more than 0, got 0.0"),
        (lambda: EvaluationConfig(states=-1), "states: expected 0 or more, got -1"),
        (lambda: AgentConfig(online=True, env_steps=100), "env_steps: expected more than the 4000 steps of random"),
        (
            lambda: AgentConfig(online=True, play=PlayConfig(games=100)),
            "play.random_steps: expected at least a chunk of 48 steps in each of 100 games, got 4000",
        ),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_in_one_line(make, message):
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the whole message is compared)
        make()
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_default_file_lists_every_setting_at_its_default():
    assert list(read_settings(CONFIG_DIR / "agent.yaml", AgentConfig)) == list(setting_types(AgentConfig))
    assert parse(AgentConfig, [], default="agent") == AgentConfig()
    assert AgentConfig().imagination.horizon == HORIZON


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_parses_and_has_a_folder_of_its_own(preset):
    config = parse(AgentConfig, ["--config", preset], default="agent")
    assert config is not None
    assert config.run == f"runs/{preset}"
    assert config.online == (preset != "agent")


def test_the_sticky_preset_is_sticky():
    config = parse(AgentConfig, ["--config", "agent_online_sticky"], default="agent_online")
    assert config is not None
    assert config.env.repeat_action_probability == 0.25
    assert config.env_steps == 100_000
