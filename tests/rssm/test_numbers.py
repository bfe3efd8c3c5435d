import math

import pytest

from rssm.numbers import narrow, number, points, share, short, shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (3e-6, "3.0e-06"),
        (0.00123, "0.0012"),
        (0.1, "0.10"),
        (7.891, "7.89"),
        (-45.67, "-45.7"),
        (1234.5, "1,234"),
        (1234567, "1,234,567"),
        (None, "–"),
        (math.nan, "–"),
        (math.inf, "∞"),
        (-math.inf, "−∞"),
    ],
)
def test_a_number_keeps_the_digits_that_matter(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (3e-6, "<.001"), (-3e-6, ">−.001"), (0.0012, "0.001"), (0.0678, "0.068"), (-0.05, "-0.050"), (7, "7")],
)
def test_in_narrow_columns_three_decimals_are_enough(value, text):
    assert short(value) == narrow(value) == text


@pytest.mark.parametrize("value", [0.1, 7.891, 1234.5, None, math.nan, math.inf])
def test_large_numbers_are_the_same_in_narrow_columns(value):
    assert short(value) == number(value)
    assert narrow("text") == "text"


def test_cells_scores_and_shares():
    assert [shown(cell) for cell in ("as it is", 5, 0.25, None)] == ["as it is", "5", "0.25", "–"]
    assert [points(score) for score in (18.487, -3.0, None)] == ["+18.49", "-3.00", "–"]
    assert [share(part) for part in (1.0, 0.25, None)] == ["1.000", "0.250", "–"]
