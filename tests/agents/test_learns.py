"""The whole of it, small: the published online run in 10,000 real steps from nothing, about 135 s of CPU time."""

import dataclasses
from pathlib import Path

import torch

from agents.checkpoint import load_agent
from agents.cli import TRAIN_AGENT
from agents.play.scores import play_games
from agents.train_agent import train_agent
from rssm.cli.job import parse
from rssm.games.pong.features import NUM_ACTIONS

#: games are stopped here: a random player has lost some 12 to 16 points by then
STEPS, GAMES, SEED = 600, 8, 5

#: sizes, budget and the learning rates that fit them; everything else is the preset's
SMALL = f"""
--config agent_online --env_steps 10000 --device cpu --log.wandb disabled --env.max_episode_steps {STEPS}
--actor_critic.hidden 64 --actor_critic.slow_decay 0.9
--imagination.chunks 6 --imagination.starts 40
--train.cycle 25 --train.actor_warmup 50 --train.checkpoint_every 10000
--play.random_steps 4000 --play.steps_per_update 4 --play.final_updates 200
--world.first_updates 250 --world.batch_size 6 --world.chunk_length 44 --world.warmup 50 --world.learning_rate 2e-3
--world.ema 0.95 --world.workers 0 --evaluation.workers 0
--model.deter 48 --model.stoch 4 --model.classes 4 --model.hidden 64 --model.head_hidden 48
--loss.open_loop_starts 2
--evaluation.games 1 --evaluation.final_games 1 --evaluation.states 0
"""


def test_a_short_run_beats_the_random_player(tmp_path: Path):
    config = parse(TRAIN_AGENT, [*SMALL.split(), "--run", str(tmp_path / "run")])
    assert config is not None
    published = parse(TRAIN_AGENT, ["--config", "agent_online"])
    assert published is not None
    sizes = {key: getattr(published.actor_critic, key) for key in ("hidden", "slow_decay")}
    assert dataclasses.replace(config.actor_critic, **sizes) == published.actor_critic
    assert config.imagination.tried
    train_agent(config)
    model, agent, _ = load_agent(Path(config.run))

    def at_random(state):
        return torch.randint(NUM_ACTIONS, state.shape)

    def score(policy):
        return play_games(model, policy, games=GAMES, env=config.env, seed=SEED).scores.mean()

    chance = score(at_random)
    assert score(agent.policy(model, greedy=False)) > chance + 4
    assert score(agent.policy(model, greedy=True)) > chance + 4
