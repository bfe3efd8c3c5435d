import contextlib
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from agents.cli import PLAY
from agents.play_dream import Recordings, play_dream
from agents.show_config import PlayDreamConfig
from rssm.cli.job import run_job
from rssm.errors import UserError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER"):
        monkeypatch.delenv(name, raising=False)


def test_an_agent_plays_in_a_window_by_posted_keys(agent_folder, monkeypatch, tmp_path, capsys):
    pygame = pytest.importorskip("pygame", reason="pygame-ce is not installed: pip install 'pong-rssm[play]'")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    presses = iter([pygame.K_m, pygame.K_r, pygame.K_g, pygame.K_r, pygame.K_r, pygame.K_TAB, pygame.K_q])

    class Clock:
        """Posts a key before every step, and does not wait."""

        def tick(self, rate):
            assert rate == 15
            pygame.event.post(pygame.event.Event(pygame.KEYDOWN, key=next(presses, pygame.K_x)))

    monkeypatch.setattr(pygame.time, "Clock", Clock)
    play_dream(PlayDreamConfig(run=str(agent_folder), gifs=str(tmp_path), scale=1))
    # the second recording was still running at the end
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dream-1.gif", "dream-2.gif"]
    assert capsys.readouterr().out.splitlines() == [f"recorded: {tmp_path}/dream-{n}.gif" for n in (1, 2)]
    assert not pygame.display.get_init()


def test_recordings_overwrite_nothing(tmp_path, session_view):
    (tmp_path / "dream-1.gif").write_text("mine")
    recordings = Recordings(tmp_path)
    assert recordings.save([session_view]) == f"recorded: {tmp_path}/dream-2.gif"
    assert recordings.written == [tmp_path / "dream-2.gif"]
    assert (tmp_path / "dream-1.gif").read_text() == "mine"
    with pytest.raises(UserError, match="gifs: expected a folder for recordings"):
        Recordings(tmp_path / "dream-1.gif")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--run", "nowhere"], "error: run: no run nowhere; "),
        (["--run", "."], "error: .: expected a run with a model.safetensors"),
        (["--view", "cinema"], "error: --view: expected auto or window or terminal, got cinema"),
        (["--run", "MODEL", "--view", "window"], "error: view: there is no display"),
        (["--run", "MODEL"], "error: view: expected a display or an interactive terminal"),
    ],
)
def test_every_bad_call_is_one_line(words, line, model_folder, tmp_path, monkeypatch, capsys, no_display):
    pytest.importorskip("pygame", reason="pygame-ce is not installed: pip install 'pong-rssm[play]'")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["play.py", *(str(model_folder) if word == "MODEL" else word for word in words)])
    assert run_job(PLAY) == 2
    error = capsys.readouterr().err
    assert error.startswith(line)
    assert error.count("\n") == 1


def test_without_pygame_a_display_is_left_alone_and_a_line_says_so(model_folder, monkeypatch, capsys):
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setitem(sys.modules, "pygame", None)
    monkeypatch.setattr(sys, "argv", ["play.py", "--run", str(model_folder)])
    assert run_job(PLAY) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "in the terminal, since pygame is missing; for a window: pip install 'pong-rssm[play]'"
    assert lines[1].startswith("error: view: expected a display or an interactive terminal")
    monkeypatch.setattr(sys, "argv", ["play.py", "--run", str(model_folder), "--view", "window"])
    assert run_job(PLAY) == 2
    assert "a window needs pygame; expected: pip install 'pong-rssm[play]'" in capsys.readouterr().err


def test_the_script_plays_in_a_terminal(agent_folder, tmp_path, no_display):
    pty = pytest.importorskip("pty", reason="this system has no pseudo-terminals")
    import termios

    script = str(ROOT / "scripts" / "play.py")
    process, player = pty.fork()
    if process == 0:
        os.chdir(tmp_path)
        os.execv(  # noqa: S606
            sys.executable, [sys.executable, script, "--run", str(agent_folder)]
        )
    termios.tcsetwinsize(player, (24, 80))
    keys, seen, deadline = [b"m", b"r", b"\t", b"\x1b[A", b"q"], b"", time.monotonic() + 60
    with contextlib.suppress(OSError):  # the program is gone
        while time.monotonic() < deadline and (chunk := os.read(player, 65_536)):
            seen += chunk
            if b"DREAM" in seen and keys:
                os.write(player, keys.pop(0))
    os.close(player)
    with contextlib.suppress(ProcessLookupError):
        if time.monotonic() >= deadline:
            os.kill(process, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0, seen
    text = seen.decode()
    assert "(agent)" in text
    assert "REAL GAME" in text
    assert text.rstrip().endswith("recorded: dream-1.gif")
    assert (tmp_path / "dream-1.gif").is_file()
