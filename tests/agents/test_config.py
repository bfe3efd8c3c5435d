import dataclasses

import pytest

from agents.cli import TRAIN_AGENT
from agents.config import AgentConfig, AgentTrainConfig, EvaluationConfig
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from agents.online.config import PlayConfig, WorldConfig
from rssm.cli.job import parse
from rssm.config import HORIZON, LossConfig
from rssm.config.presets import preset_names
from rssm.config.yaml_file import read_settings
from rssm.errors import UserError
from rssm.places import CONFIG_DIR

PRESETS = preset_names("train_agent")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ActorCriticConfig(bins=60), "bins: expected an odd number, got 60"),
        (lambda: ActorCriticConfig(discount=1.5), "discount: expected at most 1, got 1.5"),
        (
            lambda: ActorCriticConfig(return_low=0.9, return_high=0.1),
            "return_low: expected less than return_high, got 0.9 and 0.1",
        ),
        (lambda: ActorCriticConfig(return_floor=0.0), "return_floor: expected at least 1e-06, got 0.0"),
        (lambda: ActorCriticConfig(entropy=-1.0), "entropy: expected at least 0, got -1.0"),
        (lambda: ImaginationConfig(chunk_length=10, burn_in=9), "burn_in: expected to leave a start"),
        (lambda: ImaginationConfig(horizon=0), "horizon: expected at least 1, got 0"),
        (lambda: AgentTrainConfig(decay=2.0), "decay: expected at most 1, got 2.0"),
        (
            lambda: ImaginationConfig(chunks=2, chunk_length=10, burn_in=3, starts=13),
            "starts: expected 0 (all) to 12, as many as 2 chunks of 10 steps have behind the burn-in, got 13",
        ),
        (lambda: ActorCriticConfig(temperature=0.0), "temperature: expected at least 1e-06, got 0.0"),
        (
            lambda: AgentConfig(imagination=ImaginationConfig(tried=False)),
            "actor_critic.search: expected 0 where imagination.tried is false",
        ),
        (
            lambda: ActorCriticConfig(final_entropy=0.0),
            "final_entropy: expected more than 0 where entropy is, since it falls by equal factors, got 0.0",
        ),
        (lambda: ActorCriticConfig(final_search=0.0), "final_search: expected more than 0 where search is"),
        (lambda: ImaginationConfig(continued=1.0), "continued: expected less than 1, got 1.0"),
        (lambda: PlayConfig(games=0), "games: expected at least 1, got 0"),
        (lambda: WorldConfig(workers=2), "workers: expected at most 1, got 2"),
        (lambda: WorldConfig(learning_rate=0.0), "learning_rate: expected more than 0, got 0.0"),
        (lambda: EvaluationConfig(states=-1), "states: expected at least 0, got -1"),
        (
            lambda: AgentConfig(online=True, loss=LossConfig(open_loop_steps=48)),
            "loss.open_loop_steps: expected fewer than world.chunk_length, got 48",
        ),
        (
            lambda: AgentConfig(online=True, world=WorldConfig(chunk_length=43)),
            "world.chunk_length: expected at least imagination.chunk_length + imagination.horizon = 44, since the "
            "world model knows nothing of what lies farther from where it began to look, got 43",
        ),
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


def test_what_begins_at_nothing_may_end_there():
    assert ActorCriticConfig(entropy=0.0, final_entropy=0.0).final_entropy == 0
    assert ActorCriticConfig(search=0.0, final_search=0.0).final_search == 0


def agent(*words):
    config = parse(TRAIN_AGENT, words)
    assert config is not None
    return config


def test_the_default_preset_repeats_nothing():
    assert read_settings(CONFIG_DIR / "train_agent" / "agent.yaml", AgentConfig) == {"run": "runs/agent"}
    assert agent() == agent("--config", "agent") == AgentConfig()
    assert AgentConfig().imagination.horizon == HORIZON


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_parses_and_has_a_folder_of_its_own(preset):
    config = agent("--config", preset)
    assert config.run == f"runs/{preset if preset.startswith('agent') else f'agent_{preset}'}"
    assert config.online == (preset != "agent")


def test_the_sticky_preset_changes_the_game_alone():
    config, plain = agent("--config", "agent_online_sticky"), agent("--config", "agent_online")
    assert config.env.repeat_action_probability == 0.25
    assert config.model.min_p == 0.01
    assert dataclasses.replace(config, run=plain.run, env=plain.env, model=plain.model) == plain


def test_the_debug_preset_is_the_published_online_run_at_a_small_size():
    config, plain = agent("--config", "agent_debug"), agent("--config", "agent_online")
    sizes = {key: getattr(plain.actor_critic, key) for key in ("hidden", "layers")}
    assert dataclasses.replace(config.actor_critic, **sizes) == plain.actor_critic
    assert config.imagination.tried
    assert config.imagination.starts < config.imagination.states


def test_online_and_offline_agents_learn_alike():
    online, offline = agent("--config", "agent_online"), agent()
    assert online.actor_critic == dataclasses.replace(offline.actor_critic, final_entropy=3e-4)
    sizes = {"chunks": offline.imagination.chunks, "starts": offline.imagination.starts}
    assert dataclasses.replace(online.imagination, **sizes) == offline.imagination


class TestOnline:
    """Online runs have defaults of their own, however it is said that a run is one."""

    @pytest.mark.parametrize("words", ["--online", "--online=true", "--online true", "--seed 0 --online"])
    def test_on_the_command_line(self, words):
        assert agent(*words.split()) == agent("--config", "agent_online")

    @pytest.mark.parametrize(
        "text", ["online: true", "{online: true, run: runs/agent_online}", "based_on: agent_online"]
    )
    def test_in_a_file(self, text, tmp_path):
        mine = tmp_path / "mine.yaml"
        mine.write_text(text)
        assert agent("--config", str(mine)) == agent("--config", "agent_online")

    @pytest.mark.parametrize("words", ["--online=false", "--online false"])
    def test_not(self, words):
        assert agent(*words.split()) == AgentConfig()
        offline = agent("--config", "agent_online", *words.split())
        assert not offline.online
        assert offline.imagination.chunks == 15  # as the preset says

    def test_what_a_file_says_goes_before_the_defaults_of_online_runs(self, tmp_path):
        mine = tmp_path / "mine.yaml"
        mine.write_text("online: true\nimagination: {starts: 9}\n")
        config = agent("--config", str(mine))
        assert (config.imagination.starts, config.imagination.chunks) == (9, 15)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("--model.deter 512", "--model.deter: does nothing in an offline run (see --online); leave it out"),
        ("--loss.reward 2", "--loss.reward: does nothing in an offline run"),
        ("--world.ema 0.9", "--world.ema: does nothing in an offline run"),
        ("--play.games 2", "--play.games: does nothing in an offline run"),
        ("--env_steps 100000", "--env_steps: does nothing in an offline run"),
        ("--online --world_model runs/wm", "--world_model: does nothing in an online run"),
        ("--online --data data/x", "--data: does nothing in an online run"),
        ("--online --train.updates 9", "--train.updates: does nothing in an online run"),
        (
            "--online --actor_critic.search 0 --actor_critic.temperature 1",
            "--actor_critic.temperature: does nothing with search 0",
        ),
        ("--online --loss.huber_beta 1", "--loss.huber_beta: does nothing with model.likelihood discrete"),
    ],
)
def test_settings_that_do_nothing_are_refused(words, line):
    with pytest.raises(UserError) as caught:
        agent(*words.split())
    assert str(caught.value).startswith(line)


def test_a_preset_of_the_world_model_is_named_as_such():
    with pytest.raises(UserError, match=r"^--config: debug is a preset of train_wm, not of train_agent$"):
        agent("--config", "debug")
