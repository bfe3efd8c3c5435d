"""The whole of it, small: 10,000 real steps from nothing, about 90 s of CPU time."""

from pathlib import Path

import torch

from agents.checkpoint import load_agent
from agents.config import AgentConfig, AgentTrainConfig, EvaluationConfig, PlayConfig, WorldConfig
from agents.learning.config import ActorCriticConfig, ImaginationConfig
from agents.play.scores import play_games
from agents.train_agent import train_agent
from rssm.config import EnvConfig, LogConfig, LossConfig, ModelConfig
from rssm.games.pong.features import NUM_ACTIONS

#: games are stopped here: a random player has lost some 12 to 16 points by then
STEPS, GAMES, SEED = 600, 8, 5


def test_a_short_run_beats_the_random_player(tmp_path: Path):
    config = AgentConfig(
        run=str(tmp_path / "run"),
        online=True,
        env_steps=10_000,
        device="cpu",
        threads=1,
        env=EnvConfig(max_episode_steps=STEPS),
        actor_critic=ActorCriticConfig(hidden=64, entropy=1e-3, final_entropy=3e-4, surprise_penalty=0.0),
        imagination=ImaginationConfig(chunks=6, starts=50),
        train=AgentTrainConfig(cycle=25, actor_warmup=50, evaluate_every=10_000, checkpoint_every=10_000),
        play=PlayConfig(random_steps=4_000, steps_per_update=6, final_updates=200),
        world=WorldConfig(
            first_updates=250, batch_size=8, chunk_length=32, warmup=50, learning_rate=2e-3, ema=0.95, workers=0
        ),
        model=ModelConfig(deter=48, stoch=4, classes=4, hidden=64, head_hidden=48),
        loss=LossConfig(open_loop_starts=2),
        evaluation=EvaluationConfig(games=1, final_games=1, states=0),
        log=LogConfig(wandb="disabled"),
    )
    train_agent(config)
    model, agent, _ = load_agent(Path(config.run))

    def at_random(state):
        return torch.randint(NUM_ACTIONS, state.shape)

    def score(policy):
        return play_games(model, policy, games=GAMES, env=config.env, seed=SEED).scores.mean()

    chance = score(at_random)
    assert score(agent.policy(model, greedy=False)) > chance + 4
    assert score(agent.policy(model, greedy=True)) > chance + 4
