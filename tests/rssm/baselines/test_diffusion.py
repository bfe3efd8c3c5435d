import pytest
import torch

from rssm.baselines.config import NetworkConfig
from rssm.baselines.diffusion import Denoiser, noise_levels
from rssm.data.stacks import shift_stack
from rssm.games.pong.features import BALL_Y
from rssm.games.pong.game import PONG


def test_the_noise_falls_from_its_largest_level_to_none():
    levels = noise_levels(4)
    assert levels[[0, 3, 4]].tolist() == pytest.approx([5.0, 2e-3, 0.0], rel=1e-4)
    root = levels[:4] ** (1 / 7)
    assert (root[1:] - root[:-1]).tolist() == pytest.approx([(root[3] - root[0]).item() / 3] * 3, rel=1e-4)
    assert noise_levels(1).tolist() == pytest.approx([5.0, 0.0], rel=1e-4)


def test_what_is_hardly_noisy_is_left_as_it_is_and_pure_noise_is_not_trusted():
    torch.manual_seed(0)
    model = Denoiser(NetworkConfig(kind="diffusion", output="change", scale=1, layers=1), PONG.layout, torch.ones(14))
    torch.nn.init.zeros_(model.network.output.weight)
    torch.nn.init.zeros_(model.network.output.bias)
    noisy, stack, action = torch.randn(2, 14), torch.randn(2, 14, 4), torch.zeros(2, dtype=torch.int64)
    assert torch.allclose(model.denoise(noisy, torch.full((2, 1), 1e-4), stack, action), noisy)
    assert torch.allclose(model.denoise(noisy, torch.full((2, 1), 3.0), stack, action), noisy / 10)


def test_samples_are_the_two_things_that_happen_and_not_their_mean():
    torch.manual_seed(0)
    config = NetworkConfig(kind="diffusion", output="change", scale=1, layers=2, denoising_steps=8)
    change_std = torch.full((14,), 1e-3)
    change_std[BALL_Y] = 0.5
    model = Denoiser(config, PONG.layout, change_std)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    stack = torch.zeros(128, 14, 4)
    for _ in range(300):
        frame = torch.zeros(128, 14)
        action = torch.randint(2, (128,))
        side = torch.where(torch.rand(128) < 0.5, 0.5, -0.5)
        frame[:, BALL_Y] = torch.where(action == 0, side, 0.0)  # by chance under action 0, nothing under action 1
        optimizer.zero_grad()
        model.loss(stack, action, shift_stack(stack, frame)).mean().backward()
        optimizer.step()
    with torch.no_grad():
        by_chance, nothing = (
            model.predict(torch.empty(128, 0), stack, torch.full((128,), action, dtype=torch.int64))
            for action in (0, 1)
        )
    moved = by_chance[:, BALL_Y, -1]
    assert (by_chance[..., :3] == 0).all()
    assert 0.25 < (moved > 0).float().mean() < 0.75
    assert ((moved.abs() - 0.5).abs() < 0.15).float().mean() > 0.7
    assert nothing[:, BALL_Y, -1].abs().mean() < 0.1
