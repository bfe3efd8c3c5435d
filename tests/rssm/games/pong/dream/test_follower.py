import numpy as np
import torch

from rssm.data.frames import stack_episode
from rssm.games.pong.dream.follower import Follower


def test_following_step_by_step_gives_what_filtering_at_once_gives(pong_data, any_model):
    episode = pong_data.episode(4)
    stacks = stack_episode(episode.features)[:30]
    actions = episode.action[:30].astype(np.int64)
    with torch.no_grad():
        whole = any_model.observe(
            torch.from_numpy(stacks[None]), torch.from_numpy(actions[None]), torch.tensor([True]), sample=False
        ).states
    follower = Follower(any_model, whole[:, 0])
    for t in range(1, 30):
        state = follower.follow(int(actions[t - 1]), stacks[t])
        assert torch.allclose(state.deter, whole.deter[:, t], atol=1e-5)
        assert torch.equal(state.stoch, whole.stoch[:, t])
        assert torch.equal(state.stack, whole.stack[:, t])
