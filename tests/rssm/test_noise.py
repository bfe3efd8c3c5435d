import itertools

import pytest
import torch

from rssm.noise import Part, drawn_for, integers, uniform

LIKE = torch.zeros(())


def _draw(part):
    torch.manual_seed(3)
    with drawn_for(part):
        rows = len(part)
        return uniform((rows, 5), LIKE), integers(9, (rows * 4, 2), LIKE.device), uniform((rows,), LIKE.double())


@pytest.mark.parametrize("bounds", [[0, 6], [0, 3, 6], [0, 1, 5, 6]])
def test_the_parts_of_a_batch_draw_what_the_whole_draws(bounds):
    parts = [Part(first, stop, 6) for first, stop in itertools.pairwise(bounds)]
    drawn = zip(*map(_draw, parts), strict=True)
    for whole, pieces in zip(_draw(Part(0, 6, 6)), drawn, strict=True):
        assert torch.equal(torch.cat(pieces), whole)


def test_outside_it_is_torch_s_own():
    torch.manual_seed(3)
    expected = torch.rand(4, 2), torch.randint(7, (3,))
    torch.manual_seed(3)
    assert torch.equal(uniform((4, 2), LIKE), expected[0])
    assert torch.equal(integers(7, (3,), LIKE.device), expected[1])


def test_the_part_ends_with_its_block():
    with pytest.raises(RuntimeError), drawn_for(Part(2, 4, 8)):
        raise RuntimeError
    assert uniform((3,), LIKE).shape == (3,)


def test_rows_that_are_no_multiple_are_refused():
    with drawn_for(Part(0, 4, 8)), pytest.raises(ValueError, match="expected a multiple of the 4 rows"):
        uniform((6,), LIKE)
