"""A session in a window (pygame-ce)."""

from __future__ import annotations

import os
import sys

from rssm.errors import UserError
from rssm.games.pong.animation import STEPS_PER_SECOND
from rssm.games.pong.drawing import HEIGHT
from rssm.games.pong.dream.picture import FOOT, HEAD, draw_view
from rssm.games.pong.dream.session import HELD, Key, Session

# its greeting on stdout
os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")

#: part of the screen's height that a window may take, and the largest scale that is chosen by itself
_SHARE, _LARGEST = 0.85, 4


def has_display() -> bool:
    """Whether a window could be opened here, as far as the environment tells."""
    if sys.platform in ("win32", "darwin"):
        return True
    return any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"))


def has_pygame() -> bool:
    """Whether pygame is installed."""
    try:
        import pygame  # noqa: F401
    except ImportError:
        return False
    return True


class Window:
    """Shows a session and hands it the keys; :meth:`close` it at the end.

    Args:
        session: what is played.
        scale: window pixels per pixel of the game; 0 takes what fits the screen.

    Raises:
        UserError: pygame is not installed, or no window can be opened.
    """

    def __init__(self, session: Session, scale: int = 0) -> None:
        if not has_pygame():
            raise UserError("view: a window needs pygame; expected: pip install 'pong-rssm[play]', or --view terminal")
        if not has_display():  # SDL would open a window that nobody can see
            raise UserError("view: there is no display to open a window on; expected one, or --view terminal")
        import pygame

        self.session, self._pygame = session, pygame
        try:
            pygame.display.init()
            screen = pygame.display.get_desktop_sizes()[0][1]
            fits = int(_SHARE * screen / (HEAD + HEIGHT + FOOT))
            self.scale = scale or min(max(fits, 1), _LARGEST)
            size = draw_view(session.view(), self.scale).size
            self._surface = pygame.display.set_mode(size)
        except pygame.error as error:
            pygame.display.quit()
            raise UserError(f"view: no window can be opened here ({error}); expected --view terminal") from None
        pygame.display.set_caption("Pong, as the world model dreams it")
        self._clock = pygame.time.Clock()
        self._keys: dict[int, Key] = {
            pygame.K_UP: "up",
            pygame.K_DOWN: "down",
            pygame.K_RIGHT: "fire",
            pygame.K_LEFT: "fire",
            pygame.K_m: "handover",
            pygame.K_TAB: "flip",
            pygame.K_g: "ghost",
            pygame.K_h: "resync",
            pygame.K_SPACE: "pause",
            pygame.K_PERIOD: "step",
            pygame.K_r: "record",
            pygame.K_n: "new_game",
            pygame.K_q: "quit",
            pygame.K_ESCAPE: "quit",
        }

    def run(self) -> None:
        """Play until the player leaves."""
        while not self.session.quitting:
            self.turn()
            self._clock.tick(STEPS_PER_SECOND)

    def turn(self) -> None:
        """Hand over the keys that were pressed, and show what is to be seen a step later."""
        pygame = self._pygame
        for event in pygame.event.get():
            if event.type in (pygame.KEYDOWN, pygame.KEYUP) and event.key in self._keys:
                self.session.handle(self._keys[event.key], pressed=event.type == pygame.KEYDOWN)
            elif event.type == pygame.WINDOWFOCUSLOST:  # the keys are let go where nobody tells
                for key in HELD:
                    self.session.handle(key, pressed=False)
            elif event.type == pygame.QUIT:
                self.session.handle("quit")
        picture = draw_view(self.session.step(), self.scale)
        self._surface.blit(pygame.image.frombuffer(picture.tobytes(), picture.size, "RGB"), (0, 0))
        pygame.display.flip()

    def close(self) -> None:
        """Close the window."""
        self._pygame.display.quit()
