"""The encoder of games whose features are only numbers."""

import pytest
import torch
from torch import nn

from rssm.config import ModelConfig
from rssm.layout import Layout
from rssm.model.distributions import symlog
from rssm.model.encoder import SymlogEncoder

MEAN, STD, CHANGE = (1.0, -2.0), (0.1, 3.0), (0.02, 0.5)
LAYOUT = Layout(("x", "angle"), ("left", "right"), 3)


def encoder(fourier):
    """One whose embedding is what its network reads."""
    made = SymlogEncoder(ModelConfig(fourier=fourier), LAYOUT, MEAN, STD, CHANGE)
    assert made.network.layers[0].in_features == 6 * (1 + 2 * made.waves.periods)
    made.network = nn.Identity()
    return made


def at(x):
    """A stack (2, 3) in which the first feature is at x."""
    return torch.stack([torch.full((3,), x), torch.tensor([-2.0, 1.0, 4.0])])


def test_without_waves_the_network_reads_normalised_features_on_the_symlog_scale():
    embedding, view = encoder(0).see(at(1.3))
    expected = symlog(torch.tensor([3.0, 3.0, 3.0, 0.0, 1.0, 2.0]))
    torch.testing.assert_close(view, expected)
    torch.testing.assert_close(embedding, expected)


def test_the_agent_s_view_has_no_waves():
    torch.testing.assert_close(encoder(8).view(at(1.3)), encoder(0).view(at(1.3)))


def test_a_step_is_as_plain_to_see_far_from_the_data_as_in_it():
    """A usual change is an angle of 2 pi / 2^k in each wave, wherever it is made; on the symlog scale it is not."""

    def seen(fourier, x):
        read = encoder(fourier)
        return float((read(at(x + 0.02)) - read(at(x))).norm())

    assert seen(8, 1.0) == pytest.approx(seen(8, 6.0), rel=0.1)
    assert seen(0, 6.0) < 0.05 * seen(0, 1.0)


def test_the_waves_count_in_usual_changes():
    read = encoder(5)  # waves of 16 and of 32 changes
    waves = read(at(1.0 + 8 * 0.02))[6:]
    sines, cosines = waves[:12].view(6, 2), waves[12:].view(6, 2)
    torch.testing.assert_close(sines[0], torch.tensor([0.0, 1.0]), atol=1e-5, rtol=0)
    torch.testing.assert_close(cosines[0], torch.tensor([-1.0, 0.0]), atol=1e-5, rtol=0)
