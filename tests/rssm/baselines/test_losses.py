import pytest
import torch

from rssm.baselines.losses import step_errors, variance_penalty
from rssm.games.pong.features import BALL_X, BALL_Y, PLAYER_X


def test_a_plain_error_is_the_mean_square_over_rollouts_that_exist():
    target = torch.zeros(3, 2, 14, 4)
    predicted = torch.stack([torch.full((2, 14, 4), value) for value in (1.0, 2.0, 7.0)])
    exists = torch.tensor([[1.0, 1.0], [1.0, 1.0], [1.0, 0.0]])
    for whole_stack in (True, False):
        errors = step_errors(predicted, target, exists, torch.ones(14), whole_stack)
        assert errors.tolist() == [pytest.approx(54 / 3), pytest.approx(5 / 2)]


@pytest.mark.parametrize(("whole_stack", "expected"), [(True, (3 * 4 + 16) / 56), (False, 3 * 4 / 14)])
def test_weights_are_those_of_the_newest_frame(whole_stack, expected):
    predicted = torch.zeros(1, 1, 14, 4)
    predicted[..., BALL_X, 3] = 2.0  # the notes' index 35
    predicted[..., BALL_Y, 2] = 4.0  # an older frame
    weights = torch.ones(14)
    weights[[BALL_X, BALL_Y]] = 3.0
    errors = step_errors(predicted, torch.zeros(1, 1, 14, 4), torch.ones(1, 1), weights, whole_stack)
    assert errors.item() == pytest.approx(expected)


def changes(spread: float) -> torch.Tensor:
    """Two rollouts of one step that move ball_x by plus and minus ``spread``."""
    stacks = torch.full((2, 1, 14, 4), 5.0)
    stacks[:, 0, BALL_X, 3] += torch.tensor([spread, -spread])
    return stacks


def test_variance_is_asked_for_only_where_there_is_too_little():
    start, exists = torch.full((2, 14, 4), 5.0), torch.ones(2, 1)
    too_little = variance_penalty(changes(0.5), changes(2.0), start, exists)
    assert too_little.item() == pytest.approx(1.5 / 14, rel=1e-3)
    assert variance_penalty(changes(3.0), changes(2.0), start, exists) == 0


def test_a_constant_feature_gives_finite_gradients():
    predicted = changes(0.5).requires_grad_()
    variance_penalty(predicted, changes(2.0), torch.full((2, 14, 4), 5.0), torch.ones(2, 1)).backward()
    assert predicted.grad is not None
    assert torch.isfinite(predicted.grad).all()
    assert predicted.grad[0, 0, BALL_X, 3] < 0 < predicted.grad[1, 0, BALL_X, 3]
    assert (predicted.grad[..., PLAYER_X, 3] == 0).all()
