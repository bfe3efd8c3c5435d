import pytest

from rssm.games.pong.player import Player, parse_player


@pytest.mark.parametrize(
    ("text", "player", "canonical"),
    [
        ("tracking", Player("tracking", 0.5), "tracking epsilon=0.5"),
        (" tracking  rest ", Player("tracking", rest=True), "tracking epsilon=0.5 rest"),
        ("tracking lag=3 epsilon=0.1", Player("tracking", 0.1, lag=3), "tracking epsilon=0.1 lag=3"),
        ("tracking epsilon=0", Player("tracking", 0.0), "tracking epsilon=0"),
        ("tracking dead_zone=8 aim=2.5 hold=4", Player("tracking", dead_zone=8.0, aim=2.5, hold=4), None),
        ("random", Player("random"), "random"),
        ("random hold=8 rest", Player("random", hold=8, rest=True), "random rest hold=8"),
        ("sweeping epsilon=0.25", Player("sweeping", 0.25), "sweeping epsilon=0.25"),
        ("sweeping", Player("sweeping", 0.0), "sweeping"),
        ("random noops=120", Player("random", noops=120), "random noops=120"),
        ("sweeping noops=0", Player("sweeping", noops=0), "sweeping noops=0"),
    ],
)
def test_a_text_is_a_player_and_the_other_way_round(text: str, player: Player, canonical: str | None) -> None:
    assert parse_player(text) == player
    assert parse_player(str(player)) == player
    assert canonical is None or str(player) == canonical


def test_meta_is_what_data_sets_have_always_said() -> None:
    assert Player("tracking").meta() == {"name": "tracking", "epsilon": 0.5}
    assert Player("random").meta() == {"name": "random"}
    assert Player("tracking", 0.1, rest=True).meta() == {"name": "tracking", "epsilon": 0.1, "rest": True}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a player (tracking, random, sweeping), got nothing"),
        ("tracker", "expected a player (tracking, random, sweeping), got tracker"),
        ("random epsilon=0.5", "random has no epsilon; expected one of rest, hold, noops"),
        ("random lag=2", "random has no lag; expected one of rest, hold, noops"),
        ("tracking name=x", "tracking has no name; expected one of epsilon, dead_zone, aim, rest, lag, hold, noops"),
        ("tracking lag", "expected lag=NUMBER, got lag"),
        ("tracking rest=1", "expected rest, got rest=1"),
        ("tracking lag=1.5", "lag: expected a number, got 1.5"),
        ("tracking epsilon=", "epsilon: expected a number, got nothing"),
        ("tracking lag=2 lag=3", "lag is given twice in 'tracking lag=2 lag=3'"),
        ("tracking epsilon=1.5", "epsilon: expected 0 to 1, got 1.5"),
        ("tracking epsilon=-1", "epsilon: expected 0 to 1, got -1"),
        ("tracking epsilon=nan", "epsilon: expected 0 to 1, got nan"),
        ("tracking lag=1000", "lag: expected 0 to 60, got 1000"),
        ("tracking hold=0", "hold: expected 1 to 200, got 0"),
        ("random noops=-1", "noops: expected 0 to 10000, got -1"),
        ("tracking dead_zone=inf", "dead_zone: expected 0 to 200, got inf"),
    ],
)
def test_what_is_no_player_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the whole message is compared)
        parse_player(text)
    assert str(caught.value) == message
