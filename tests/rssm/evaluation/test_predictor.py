from collections.abc import Callable

import numpy as np
import pytest

from rssm.data.dataset import Dataset
from rssm.data.frames import stack_episode
from rssm.evaluation.constant_velocity import ConstantVelocity
from rssm.evaluation.persistence import Persistence
from rssm.evaluation.predictor import Predictor
from rssm.games.pong.game import PONG


@pytest.mark.parametrize("predictor", [Persistence(), ConstantVelocity(PONG.positions.values())])
def test_baselines_use_only_the_past(
    recorded: Dataset, assert_causal: Callable[..., None], predictor: Predictor
) -> None:
    episode = recorded.episode(0)
    assert_causal(predictor, stack_episode(episode.features), episode.action.astype(np.int64))


def test_a_predictor_that_sees_the_future_is_found_out(
    recorded: Dataset, assert_causal: Callable[..., None], recording_oracle: Predictor
) -> None:
    episode = recorded.episode(0)
    with pytest.raises(AssertionError, match="depends on what happens after"):
        assert_causal(recording_oracle, stack_episode(episode.features), episode.action.astype(np.int64))
