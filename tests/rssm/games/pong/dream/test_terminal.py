import contextlib
import io
import os
import threading
import time

import pytest

from rssm.errors import UserError
from rssm.games.pong.dream.terminal import TAP, Keyboard, Terminal


def pressed(text):
    return list(Keyboard().read(text))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("\x1b[A", "up"),
        ("\x1b[B", "down"),
        ("\x1b[C", "fire"),
        ("\x1b[D", "fire"),
        ("\x1bOA", "up"),
        ("m", "handover"),
        ("\t", "flip"),
        ("g", "ghost"),
        ("h", "resync"),
        (" ", "pause"),
        (".", "step"),
        ("r", "record"),
        ("n", "new_game"),
        ("q", "quit"),
        ("\x1b", "quit"),
        ("\x1b[27u", "quit"),
        ("\x1b[27;1:1u", "quit"),
        ("\x03", "quit"),
    ],
)
def test_every_key_is_understood(text, key):
    assert pressed(text) == [(key, True)]


def test_several_keys_at_once_and_what_means_nothing():
    assert pressed("g\x1b[Ax\x1b[5~\x1b[?1u\x1b[B") == [
        ("ghost", True),
        ("up", True),
        ("up", False),
        ("down", True),
    ]
    assert pressed("xyz\x1b[5~\x1b[200~é") == []


def test_a_tap_holds_a_key_for_a_moment_and_a_repeat_for_longer():
    keyboard = Keyboard()
    assert list(keyboard.read("\x1b[A")) == [("up", True)]
    ticks = [list(keyboard.tick()) for _ in range(TAP + 1)]
    assert ticks == [[]] * (TAP - 1) + [[("up", False)], []]
    list(keyboard.read("\x1b[A"))
    list(keyboard.tick())
    list(keyboard.read("\x1b[A"))
    assert [list(keyboard.tick()) for _ in range(TAP)] == [[]] * (TAP - 1) + [[("up", False)]]


def test_fire_does_not_end_a_movement():
    keyboard = Keyboard()
    assert list(keyboard.read("\x1b[A\x1b[C")) == [("up", True), ("fire", True)]


def test_a_terminal_that_tells_when_a_key_is_let_go_is_believed():
    keyboard = Keyboard()
    assert list(keyboard.read("\x1b[1;1:3A")) == [("up", False)]
    assert list(keyboard.read("\x1b[1;1:1B")) == [("down", True)]
    assert [list(keyboard.tick()) for _ in range(10)] == [[]] * 10
    assert list(keyboard.read("\x1b[1;1:2B\x1b[1;1:3B")) == [("down", True), ("down", False)]
    assert list(keyboard.read("\x1b[113;1:3u")) == []  # q, let go


def test_it_needs_a_terminal(session):
    with pytest.raises(UserError, match="expected a display or an interactive terminal"):
        Terminal(session, io.StringIO(), io.StringIO())


@pytest.fixture
def terminal():
    """A pseudo-terminal whose player types "g", Tab twice and "q" as soon as he sees something.

    The program's end, to read from and to write to, the player's end, and all that he saw.
    """
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    player, program = pty.openpty()
    seen = []

    def play():
        with contextlib.suppress(OSError):  # the other end is closed
            while chunk := os.read(player, 65_536):
                if not seen:
                    os.write(player, b"g\t\tq")
                seen.append(chunk)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    with open(os.dup(program), encoding="utf-8") as source, os.fdopen(program, "w", encoding="utf-8") as target:
        yield source, target, player, seen
    thread.join(timeout=5)
    os.close(player)


def test_a_session_is_played_in_a_terminal_and_leaves_it_as_it_was(session, terminal):
    import termios

    source, target, player, seen = terminal
    termios.tcsetwinsize(player, (24, 80))
    before = termios.tcgetattr(player)
    Terminal(session, source, target).run()
    assert termios.tcgetattr(player) == before
    deadline = time.monotonic() + 5
    while b"\x1b[?1049l" not in b"".join(seen) and time.monotonic() < deadline:
        time.sleep(0.01)
    text = b"".join(seen).decode()
    assert text.startswith("\x1b[?1049h")
    assert text.endswith("\x1b[?1049l")
    assert "DREAM" in text
    assert session.view().dream
    assert session.view().ghost is not None
