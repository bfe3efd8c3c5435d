"""A session in a terminal: pictures from half blocks, keys from the terminal's own bytes."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from rssm.errors import UserError
from rssm.games.pong.animation import STEPS_PER_SECOND
from rssm.games.pong.dream.blocks import TextScreen
from rssm.games.pong.dream.session import Key, Session

#: agent steps for which a tap holds a key down, in a terminal that does not tell when a key is let go
TAP = 3

_ARROWS: dict[str, Key] = {"A": "up", "B": "down", "C": "fire", "D": "fire"}
_LETTERS: dict[str, Key] = {
    "m": "handover",
    "\t": "flip",
    "g": "ghost",
    "h": "resync",
    " ": "pause",
    ".": "step",
    "r": "record",
    "n": "new_game",
    "q": "quit",
    "\x03": "quit",
    "\x1b": "quit",
}
#: arrows as "ESC [ A", "ESC O A" or, with the kind of event, "ESC [ 1 ; 1 : 3 A"; other keys as "ESC [ 27 u"; a letter
_TOKEN = re.compile(
    r"\x1b[\[O](?:1;\d+(?::(\d))?)?([ABCD])|\x1b\[(\d+)(?:;\d+(?::(\d))?)?u|\x1b\[[0-9;:?]*[@-~]|.", re.DOTALL
)
_RELEASED = "3"

# The alternate screen, no cursor, and the protocol that tells when keys are let go (others ignore it):
# https://sw.kovidgoyal.net/kitty/keyboard-protocol/
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l\x1b[>3u", "\x1b[<u\x1b[0m\x1b[?25h\x1b[?1049l"


class Keyboard:
    """Turns a terminal's bytes into keys that go down and up.

    Most terminals say only that a key was pressed, again and again while it is held. There a press holds the key for
    :data:`TAP` steps, and another direction ends it.
    """

    def __init__(self) -> None:
        self.tells_releases = False
        self._left: dict[Key, int] = {}

    def read(self, text: str) -> Iterator[tuple[Key, bool]]:
        """The keys in what the terminal sent: which, and whether it went down."""
        for match in _TOKEN.finditer(text):
            kind, arrow, code, code_kind = match.groups()
            released = _RELEASED in (kind, code_kind)
            self.tells_releases |= released
            if arrow:
                yield from self._arrow(_ARROWS[arrow], released)
            elif not released:
                letter = chr(int(code)) if code else match[0]
                if letter in _LETTERS:
                    yield _LETTERS[letter], True

    def tick(self) -> Iterator[tuple[Key, bool]]:
        """The keys that are let go because a step is over."""
        for key in list(self._left):
            self._left[key] -= 1
            if self._left[key] <= 0:
                del self._left[key]
                if not self.tells_releases:
                    yield key, False

    def _arrow(self, key: Key, released: bool) -> Iterator[tuple[Key, bool]]:
        if released:
            yield key, False
            return
        if not self.tells_releases:
            for other in ("up", "down"):
                if key in ("up", "down") and other != key and self._left.pop(other, 0):
                    yield other, False
            self._left[key] = TAP
        yield key, True


class Terminal:
    """Shows a session in the terminal of this process.

    Raises:
        UserError: it is none, or of a kind that cannot be drawn in.
    """

    def __init__(self, session: Session, source: IO[str] | None = None, target: IO[str] | None = None) -> None:
        self.session = session
        self._source, self._target = source or sys.stdin, target or sys.stdout
        if not (self._source.isatty() and self._target.isatty()):
            raise UserError("view: expected a display or an interactive terminal to play in; there is neither")
        if sys.platform == "win32":
            raise UserError("view: the terminal of this system cannot be played in; expected --view window")
        self._screen = TextScreen(os.environ.get("COLORTERM", "") in ("truecolor", "24bit"))
        self._keyboard = Keyboard()

    def run(self) -> None:
        """Play until the player leaves."""
        with _raw(self._source, self._target):
            due = time.monotonic()
            while not self.session.quitting:
                for key, pressed in self._keyboard.read(self._wait(due)):
                    self.session.handle(key, pressed)
                columns, rows = os.get_terminal_size(self._target.fileno())
                self._target.write(self._screen.render(self.session.step(), columns or 80, rows or 24))
                self._target.flush()
                for key, pressed in self._keyboard.tick():
                    self.session.handle(key, pressed)
                due = max(due + 1 / STEPS_PER_SECOND, time.monotonic() - 1 / STEPS_PER_SECOND)

    def _wait(self, due: float) -> str:
        """What was typed until ``due``."""
        typed = b""
        descriptor = self._source.fileno()
        while True:
            left = max(due - time.monotonic(), 0.0)
            ready, _, _ = select.select([descriptor], [], [], left)
            if ready:
                chunk = os.read(descriptor, 1024)
                if not chunk:  # the terminal is gone
                    self.session.handle("quit")
                    return ""
                typed += chunk
            if not ready or left == 0.0:
                return typed.decode("utf-8", "ignore")


@contextmanager
def _raw(source: IO[str], target: IO[str]) -> Iterator[None]:
    """Keys as they are typed, on a screen of our own; all is put back at the end."""
    import termios
    import tty

    descriptor = source.fileno()
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        target.write(_ENTER)
        target.flush()
        yield
    finally:
        target.write(_LEAVE)
        target.flush()
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
