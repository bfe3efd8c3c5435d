"""Play Pong inside a run's world model, in a window or in the terminal."""

from __future__ import annotations

import itertools
import sys
from pathlib import Path

from agents.load import load_players
from agents.show_config import PlayDreamConfig
from rssm.errors import UserError
from rssm.games.pong.dream.dream import require_pong
from rssm.games.pong.dream.picture import save_gif
from rssm.games.pong.dream.session import Session, View
from rssm.games.pong.dream.terminal import Terminal
from rssm.games.pong.dream.window import Window, has_display, has_pygame
from rssm.system.device import pick_device, set_threads
from rssm.weights import find_run, run_env


def play_dream(config: PlayDreamConfig) -> None:
    """Let somebody play until he leaves.

    Raises:
        UserError: there is no such run, no display and no terminal, or a package is missing.
    """
    set_threads(config.threads)
    folder = find_run(config.run)
    recordings = Recordings(Path(config.gifs))
    device = pick_device(config.device)
    model, agent = load_players(folder, device)
    require_pong(model, str(folder))
    policy = None if agent is None else agent.policy(model, greedy=config.greedy)
    session = Session(model, run_env(folder), policy, sample=config.sample, seed=config.seed, save=recordings.save)
    try:
        if _wants_window(config):
            window = Window(session, config.scale)
            try:
                window.run()
            finally:
                window.close()
        else:
            Terminal(session).run()
    finally:
        session.close()
        for path in recordings.written:
            print(f"recorded: {path}")


class Recordings:
    """Writes recordings as ``dream-1.gif``, ``dream-2.gif``, … into a folder; none is overwritten.

    Attributes:
        written: the files so far.
    """

    def __init__(self, folder: Path) -> None:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"gifs: expected a folder for recordings, {folder} is a file")
        self.folder = folder
        self.written: list[Path] = []

    def save(self, views: list[View]) -> str:
        """Write a recording and say where."""
        path = next(p for n in itertools.count(1) if not (p := self.folder / f"dream-{n}.gif").exists())
        try:
            save_gif(path, views)
        except OSError as error:
            return f"not recorded: {path} ({error.strerror})"
        self.written.append(path)
        return f"recorded: {path}"


def _wants_window(config: PlayDreamConfig) -> bool:
    if config.view != "auto":
        return config.view == "window"
    if has_display() and not has_pygame():
        print("in the terminal, since pygame is missing; for a window: pip install 'pong-rssm[play]'", file=sys.stderr)
        return False
    return has_display()
