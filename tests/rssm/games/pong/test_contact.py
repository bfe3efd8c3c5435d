import pytest
import torch

from rssm.games.pong.approach import Approach
from rssm.games.pong.contact import Contact


@pytest.fixture
def contact():
    torch.manual_seed(0)
    return Contact(hidden=5, fourier=4)


def split(found):
    return found[..., : -Approach.views], found[..., -Approach.views :]


def test_all_views_are_read_by_one_network(contact):
    """In another order they are read the same, as long as the state prefers none."""
    hidden, views = torch.randn(3, 5), 10.0 * torch.randn(3, Approach.views, 2)
    order = torch.randperm(Approach.views)
    read, which = split(contact(hidden, views))
    shuffled, moved = split(contact(hidden, views[:, order]))
    assert torch.allclose(read, shuffled, atol=1e-5)
    assert torch.allclose(which[:, order], moved, atol=1e-6)
    assert torch.allclose(which.sum(-1), torch.ones(3))


def test_the_state_can_say_which_view_counts(contact):
    """As the game's clock does: with one view singled out, the others do not matter."""
    hidden, views = torch.ones(1, 5), 10.0 * torch.randn(1, Approach.views, 2)
    with torch.no_grad():
        contact.attend.layers[-1].bias[2] = 1e3
    read, which = split(contact(hidden, views))
    assert which.argmax() == 2
    others = views.clone()
    others[:, 3:] += 20.0
    assert torch.equal(split(contact(hidden, others))[0], read)
    changed = views.clone()
    changed[:, 2] += 1.0
    assert not torch.equal(split(contact(hidden, changed))[0], read)


def test_it_starts_without_a_preference_of_the_states(contact):
    views = torch.zeros(1, Approach.views, 2)
    which = split(contact(torch.randn(1, 5), views))[1]
    assert torch.allclose(which, torch.full((1, Approach.views), 1 / Approach.views))
