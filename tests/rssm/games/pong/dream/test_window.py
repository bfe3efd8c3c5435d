import sys

import numpy as np
import pytest

from rssm.errors import UserError
from rssm.games.pong.dream.picture import draw_view
from rssm.games.pong.dream.window import Window, has_display

pygame = pytest.importorskip("pygame", reason="pygame-ce is not installed: pip install 'pong-rssm[play]'")


@pytest.fixture
def window(session, monkeypatch):
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    opened = Window(session, scale=2)
    yield opened
    opened.close()


def post(*events):
    for kind, key in events:
        pygame.event.post(pygame.event.Event(kind, key=key))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("K_UP", "up"),
        ("K_DOWN", "down"),
        ("K_RIGHT", "fire"),
        ("K_LEFT", "fire"),
        ("K_m", "handover"),
        ("K_TAB", "flip"),
        ("K_g", "ghost"),
        ("K_h", "resync"),
        ("K_SPACE", "pause"),
        ("K_PERIOD", "step"),
        ("K_r", "record"),
        ("K_n", "new_game"),
        ("K_q", "quit"),
        ("K_ESCAPE", "quit"),
    ],
)
def test_every_key_reaches_the_session_down_and_up(window, monkeypatch, key, expected):
    heard = []
    monkeypatch.setattr(window.session, "handle", lambda key, pressed=True: heard.append((key, pressed)))
    post((pygame.KEYDOWN, getattr(pygame, key)))
    window.turn()
    assert heard == [(expected, True)]
    post((pygame.KEYUP, getattr(pygame, key)))
    window.turn()
    assert heard == [(expected, True), (expected, False)]


def test_a_game_is_played_by_posted_keys(window):
    session = window.session
    post((pygame.KEYDOWN, pygame.K_TAB), (pygame.KEYDOWN, pygame.K_UP))
    for _ in range(6):
        window.turn()
    view = session.view()
    assert not view.dream
    higher = view.frame[1]
    post((pygame.KEYUP, pygame.K_UP), (pygame.KEYDOWN, pygame.K_DOWN))
    for _ in range(6):
        window.turn()
    assert session.view().frame[1] > higher
    post((pygame.KEYDOWN, pygame.K_x))
    window.turn()
    assert session.view().step == 13


def test_the_window_shows_the_view(window):
    window.turn()
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    assert np.array_equal(shown, np.asarray(draw_view(window.session.view(), 2)))


def test_a_window_that_loses_the_focus_lets_go_of_the_keys(window):
    post((pygame.KEYDOWN, pygame.K_UP))
    window.turn()
    pygame.event.post(pygame.event.Event(pygame.WINDOWFOCUSLOST))
    window.turn()
    assert window.session._held == set()


@pytest.mark.parametrize("leave", [("KEYDOWN", "K_ESCAPE"), ("QUIT", "K_UNKNOWN")])
def test_run_ends_when_the_player_leaves(window, leave):
    kind, key = leave
    post((getattr(pygame, kind), getattr(pygame, key)))
    window.run()
    assert window.session.view().step == 1


def test_a_missing_package_or_display_is_one_line(session, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)
    if sys.platform == "linux":
        assert not has_display()
        with pytest.raises(UserError, match="no display to open a window on; expected one, or --view terminal"):
            Window(session)
    monkeypatch.setenv("SDL_VIDEODRIVER", "nothing")
    with pytest.raises(UserError, match=r"no window can be opened here \(.+\); expected --view terminal"):
        Window(session)
    monkeypatch.setitem(sys.modules, "pygame", None)
    with pytest.raises(UserError, match=r"expected: pip install 'pong-rssm\[play\]', or --view terminal"):
        Window(session)
