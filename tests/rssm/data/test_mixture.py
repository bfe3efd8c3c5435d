import numpy as np
import pytest

from rssm.config import MIXTURE
from rssm.data.mixture import Mixture, interleave
from rssm.games.pong.game import PONG
from rssm.games.pong.player import Player


def test_shares_are_of_the_steps() -> None:
    mixture = Mixture.parse("50% tracking, 30% tracking rest,20%random", PONG.read_player)
    assert mixture.players == (Player("tracking"), Player("tracking", rest=True), Player("random"))
    assert mixture.shares == pytest.approx((0.5, 0.3, 0.2))
    assert mixture.quotas(1_000) == [500, 300, 200]


@pytest.mark.parametrize("text", ["tracking", "random, sweeping, tracking", MIXTURE, "33.3% random, 66.7% sweeping"])
def test_the_text_is_read_back(text: str) -> None:
    mixture = Mixture.parse(text, PONG.read_player)
    again = Mixture.parse(str(mixture), PONG.read_player)
    assert again.players == mixture.players
    assert again.shares == pytest.approx(mixture.shares)


def test_players_without_shares_play_equally_much() -> None:
    assert Mixture.parse("random, sweeping, tracking", PONG.read_player).quotas(100) == [33, 34, 33]


@pytest.mark.parametrize("steps", [1, 7, 100, 99_999, 100_000])
def test_quotas_are_within_a_step_of_the_shares_and_sum_up(steps: int) -> None:
    mixture = Mixture.parse("45.5% tracking, 21.3% tracking rest, 33.2% random", PONG.read_player)
    quotas = mixture.quotas(steps)
    assert sum(quotas) == steps
    for quota, share in zip(quotas, mixture.shares, strict=True):
        assert abs(quota - share * steps) <= 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("50% tracking, random", "expected a share of every player or of none, got '50% tracking, random'"),
        ("50% tracking, 40% random", "expected shares above 0 that make up 100 %, got 90 %"),
        ("110% tracking, -10% random", "expected shares above 0 that make up 100 %, got 100 %"),
        ("nan% tracking, 10% random", "expected shares above 0 that make up 100 %, got nan %"),
        ("x% tracking", "expected a share such as '50% tracking epsilon=0.5', got 'x% tracking'"),
        ("tracking, tracking epsilon=0.5", "expected every player once, got 'tracking, tracking epsilon=0.5'"),
        ("tracking,", "expected a player (tracking, random, sweeping), got nothing"),
    ],
)
def test_what_is_no_mixture_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (the whole message is compared)
        Mixture.parse(text, PONG.read_player)
    assert str(caught.value) == message


def test_every_stretch_of_the_order_holds_every_player_in_proportion() -> None:
    rng = np.random.default_rng(0)
    shares, longest = (0.5, 0.2, 0.2, 0.1), 3_000
    lengths = []
    for share in shares:
        games: list[int] = []
        while sum(games) < share * 400_000:
            games.append(int(rng.integers(500, longest)))
        lengths.append(games)
    order = interleave(lengths)
    assert sorted(order) == [(player, number) for player, games in enumerate(lengths) for number in range(len(games))]
    totals = [sum(games) for games in lengths]
    played = np.zeros(len(shares))
    for player, number in order:
        assert number == sum(1 for one, n in order[: order.index((player, number))] if one == player)
        played[player] += lengths[player][number]
        # never more than a game ahead of or behind its share
        assert (np.abs(played - played.sum() * np.array(totals) / sum(totals)) <= 1.5 * longest).all()
