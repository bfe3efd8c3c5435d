import io
import sys
import time

import pytest

from rssm.progress import Progress, track


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves by hand."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_lines_come_now_and_then_and_at_the_end(capsys, clock):
    with Progress("training", 1000, "updates") as progress:
        for step in range(10):
            clock[0] += 3.0
            progress.advance(100, f"loss {step}")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "training: 300 of 1,000 updates, 9 s, about 21 s left; loss 2",
        "training: 600 of 1,000 updates, 18 s, about 12 s left; loss 5",
        "training: 900 of 1,000 updates, 27 s, about 3 s left; loss 8",
        "training: 1,000 of 1,000 updates, 30 s; loss 9",
    ]


def test_what_was_done_before_does_not_count_as_speed(capsys, clock):
    with Progress("training", 1000, "updates", done=800) as progress:
        clock[0] += 30.0
        progress.advance(100)
    assert capsys.readouterr().err == "training: 900 of 1,000 updates, 30 s, about 30 s left\n"


def test_work_that_has_only_begun_is_shown_without_a_guess_of_its_end(capsys, clock):
    with Progress("playing", 30, "games", done=2) as progress:
        clock[0] += 30.0
        progress.advance(0, "40 steps")
    assert capsys.readouterr().err == "playing: 2 of 30 games, 30 s; 40 steps\n"


def test_a_terminal_gets_a_bar(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    with Progress("training", 20, "updates", done=5) as progress:
        progress.advance(15, "loss 0.5")
    assert "training: 100%" in screen.getvalue()
    assert "20/20" in screen.getvalue()
    assert "\n" not in screen.getvalue().strip()


def test_items_are_counted_as_they_are_done(capsys, clock):
    seen = []
    for item in track({"a": 1, "b": 2}.items(), "games", "episodes"):
        clock[0] += 25.0
        seen.append(item)
    assert seen == [("a", 1), ("b", 2)]
    assert capsys.readouterr().err.splitlines() == [
        "games: 1 of 2 episodes, 25 s, about 25 s left",
        "games: 2 of 2 episodes, 50 s",
    ]


def test_an_error_passes_through():
    with pytest.raises(KeyError), Progress("training", 3, "updates"):
        raise KeyError
