import torch
from torch import Tensor

from rssm.baselines.unroll import unroll


class Counter:
    """Predicts 'scale times this stack, plus the action', and counts its steps in its memory."""

    memory_size = 1

    def __init__(self, scale: float = 1.0) -> None:
        self.scale = torch.tensor(scale, requires_grad=True)

    def remember(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        return memory + 1.0

    def predict(self, memory: Tensor, stack: Tensor, action: Tensor) -> Tensor:
        return self.scale * stack + action.view(-1, 1, 1) + 1000.0 * memory.unsqueeze(-1)


def pieces(batch: int, length: int) -> tuple[Tensor, Tensor]:
    """Stacks whose values are 10 x step, and actions that are the step."""
    steps = torch.arange(length)
    return (10.0 * steps).view(1, -1, 1, 1).repeat(batch, 1, 14, 4), steps.repeat(batch, 1)


def test_a_rollout_goes_on_from_its_own_predictions_under_the_recorded_actions():
    stacks, actions = pieces(batch=2, length=5)
    predicted = unroll(Counter(), stacks, actions, context=3, length=3)
    assert predicted.shape == (2, 3, 3, 14, 4)
    own = [[1000, 3001, 6003], [2011, 5013, 9016], [3022, 7025, 12029]]
    assert predicted[1, :, :, 1, 3].tolist() == own


def test_with_teacher_forcing_every_step_is_predicted_from_the_real_stack():
    stacks, actions = pieces(batch=2, length=5)
    predicted = unroll(Counter(), stacks, actions, context=3, length=3, truth=1.0)
    assert predicted[0, :, :, 0, 0].tolist() == [[1000, 2011, 3022], [2011, 3022, 4033], [3022, 4033, 5044]]


def test_half_of_the_later_steps_are_forced_in_a_mixture_and_whole_stacks_at_a_time():
    torch.manual_seed(0)
    stacks, actions = pieces(batch=4000, length=2)
    predicted = unroll(Counter(), stacks + 0.5, actions, context=1, length=2, truth=0.5)
    assert (predicted == predicted[..., :1, :1]).all()
    forced = (predicted[:, 0, 1, 0, 0] == 2011.5).float().mean()
    assert (predicted[:, 0, 1, 0, 0] == 3001.5).float().mean() == 1.0 - forced
    assert abs(forced - 0.5) < 0.05


def test_gradients_flow_through_the_whole_rollout():
    model = Counter(scale=2.0)
    stacks, actions = torch.full((1, 4, 14, 4), 3.0), torch.zeros(1, 4, dtype=torch.int64)
    model.remember = lambda memory, stack, action: memory
    unroll(model, stacks, actions, context=1, length=4)[0, 0, -1, 0, 0].backward()
    assert model.scale.grad == 4 * 2.0**3 * 3.0
