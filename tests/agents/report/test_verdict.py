import pytest

from agents.report.verdict import verdict


def games(mean, error, wins=20):
    return {"mean": mean, "standard_error": error, "wins": float(wins), "games": 30}


@pytest.mark.parametrize(
    ("mean", "error", "word"), [(18.5, 0.3, "wins"), (-3.0, 1.0, "loses"), (1.0, 0.6, "even"), (-1.0, 0.5, "even")]
)
def test_only_a_score_that_chance_does_not_give_is_a_win_or_a_loss(mean, error, word):
    line = verdict({"sticky": 0.0, "greedy": games(mean, error)})
    assert word in line
    assert f"{mean:+.1f} ± {error:.1f} points" in line
    assert "20 of 30 games won" in line


def test_each_way_to_play_has_its_line_in_the_order_of_the_tables():
    result = {"planned": games(20, 1), "sampled": games(-20, 1), "greedy": games(0, 1), "seed": 0}
    assert [line.split(":")[0] for line in verdict(result).splitlines()] == ["greedy", "sampled", "planned"]
