from agents.report.table import format_events, format_games

GAMES = {
    "games": 30,
    "mean": 19.5,
    "standard_error": 0.256,
    "min": -3.0,
    "median": 20.5,
    "wins": 29.0,
    "length": 1712.4,
    "finished": 30,
}


def test_scores_at_a_glance():
    result = {"sticky": 0.0, "sampled": GAMES | {"mean": -2.0, "finished": 28}, "greedy": GAMES}
    lines = format_games(result).splitlines()
    assert lines[0].endswith("no sticky actions")
    assert lines[1].split() == ["mean", "±", "error", "min", "median", "wins", "of", "steps"]
    assert lines[3].split() == ["greedy", "+19.50", "0.26", "-3", "+20.5", "29", "30", "1,712"]
    assert lines[4].split()[:2] == ["sampled", "-2.00"]
    assert lines[5].strip() == "2 stopped before their end"
    assert len(lines) == 6
    assert len({len(line) for line in lines[1:5]}) == 1


def test_one_policy_and_sticky_actions():
    lines = format_games({"sticky": 0.25, "greedy": GAMES}).splitlines()
    assert lines[0].endswith("sticky actions 0.25")
    assert len(lines) == 4


def test_precision_and_recall_at_a_glance():
    observed = {"events": 38, "predicted": 38, "precision": 1.0, "recall": 1.0}
    imagined = {"events": 38, "predicted": 0, "precision": None, "recall": 0.25}
    text = format_events({"observed": {"point_won": observed}, "imagined": {"point_won": imagined}}, "data/x")
    lines = text.splitlines()
    assert "data/x" in lines[0]
    assert lines[3].split() == ["point", "won", "38", "1.000", "1.000", "–", "0.250"]
    assert len(lines) == 4
