import pytest

from rssm.ladder.config import CompareConfig, LadderDataConfig


def test_the_command_says_what_is_not_as_by_default_and_changes_a_result():
    assert CompareConfig(budget=120.0, seeds=3).command == "python scripts/compare.py --budget 120 --seeds 3"
    config = CompareConfig(
        rows="mlp,rssm",
        learning_rates="1e-3,3e-3",
        budget=780.5,
        threads=2,
        out="elsewhere",
        runs="runs/long",
        name="long",
        data=LadderDataConfig(heldout="data/more", heldout_steps=120_000, workers=2),
    )
    assert config.command == (
        "python scripts/compare.py --budget 780.5 --seeds 3 --rows mlp,rssm --learning_rates 1e-3,3e-3 "
        "--runs runs/long --name long --data.heldout data/more --data.heldout_steps 120000"
    )


def test_budgets_are_sorted_and_the_command_names_them_instead_of_the_budget():
    config = CompareConfig(rows="rssm", budgets="600,60,60", seeds=1)
    assert config.seconds == (60.0, 600.0)
    assert config.command == "python scripts/compare.py --seeds 1 --rows rssm --budgets 600,60,60"


@pytest.mark.parametrize(
    "wrong", [{"budgets": "60,soon"}, {"budgets": "0"}, {"budgets": "60", "learning_rates": "1e-3"}]
)
def test_budgets_that_make_no_sense_are_refused(wrong):
    with pytest.raises(ValueError, match="budgets: expected"):
        CompareConfig(**wrong)
