"""A run in wandb, which stays offline unless the user chose otherwise."""

from __future__ import annotations

import os
import re
import resource
import secrets
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from rssm.config import LogConfig
from rssm.dashboard.names import AXES, REAL_STEPS, SYSTEM_KEYS, UPDATES, final_key, job_of, picture_key, shown
from rssm.errors import UserError
from rssm.storage.files import replace_file

if TYPE_CHECKING:
    from wandb import Run

#: below ``wandb/``: wandb's id of the run, by which what comes after an interruption is the same run
RUN_ID_FILE = "run-id"

#: columns, and rows
Table = tuple[Sequence[str], Sequence[Sequence[float | str]]]

#: bytes that wandb's folder must have room for at the start
_WANDB_ROOM = 100_000
_Mode = Literal["offline", "online", "disabled"]


@dataclass(frozen=True)
class About:
    """What wandb is told of a run beside its settings.

    Attributes:
        job: the kind of job, ``train_wm`` or ``train_agent``.
        seed: of the run, which its name may end with.
        tags: what it can be found by, beside the user's own.
        command: what makes it again; it is the run's note where the user has none.
        real_steps: whether real steps are taken while it learns, so that they are an axis.
    """

    job: str = ""
    seed: int = 0
    tags: Sequence[str] = ()
    command: str = ""
    real_steps: bool = False


class WandbRun:
    """A run that wandb has begun; see :func:`start_run`."""

    def __init__(self, run: Run, folder: Path, real_steps: bool) -> None:
        self._run, self._folder, self._real_steps = run, folder, real_steps
        self._defined: set[str] = set()
        self._begin = time.monotonic()
        self._last: tuple[int, float] | None = None

    def log(self, row: Mapping[str, float], update: int) -> None:
        """Scalars by their name in ``metrics.jsonl``, and how fast it went."""
        self._run.log({UPDATES: update} | {self._define(name): value for name, value in row.items()})
        self._log_system(update)

    def summary(self, values: Mapping[str, float]) -> None:
        """A run's final scalars, in its summary and as no chart."""
        self._run.summary.update({final_key(name): value for name, value in values.items()})

    def show(self, files: Mapping[str, Path | str], update: int, env_steps: int | None = None) -> None:
        """Pictures and pages; see :meth:`rssm.tracking.tracker.Tracker.show`."""
        import wandb

        def made(content: Path | str) -> Any:
            if isinstance(content, str):
                # without wandb's own style sheet, which would be fetched from the network
                return wandb.Html(content, inject=False)
            return wandb.Video(str(content), format="gif") if content.suffix == ".gif" else wandb.Image(str(content))

        axes = {UPDATES: update} | ({} if env_steps is None else {REAL_STEPS: env_steps})
        self._run.log(axes | {picture_key(name): made(content) for name, content in files.items()})

    def show_lines(self, name: str, title: str, lines: Mapping[str, Sequence[float]], axis: str, update: int) -> None:
        """Lines over 0, 1, 2 … on one chart; see :meth:`rssm.tracking.tracker.Tracker.show_lines`."""
        import wandb

        steps = range(max(map(len, lines.values())))
        series = [list(values) for values in lines.values()]
        chart = wandb.plot.line_series(xs=list(steps), ys=series, keys=[*lines], title=title, xname=axis)
        with _copies_in(self._folder / "wandb"):
            self._run.log({UPDATES: update, picture_key(name): chart})

    def keep(self, kind: str, files: Sequence[Path], tables: Mapping[str, Table] | None = None) -> None:
        """Files of the run, as an artifact; see :meth:`rssm.tracking.tracker.Tracker.keep`."""
        import wandb

        name = re.sub(r"[^\w.-]", "_", self._folder.resolve().name)  # an artifact's name may hold nothing else
        artifact = wandb.Artifact(f"{name}-{kind}", type=kind)
        with _copies_in(self._folder / "wandb"):
            for path in files:
                if path.is_file():
                    artifact.add_file(str(path), name=path.name)
            for title, (columns, rows) in (tables or {}).items():
                artifact.add(wandb.Table(columns=list(columns), data=[list(row) for row in rows]), title)
            self._run.log_artifact(artifact)

    def finish(self, failed: bool) -> None:
        """Nothing can be logged afterwards."""
        self._run.finish(exit_code=int(failed))

    def _define(self, metric: str) -> str:
        """The metric's name in wandb, which learns of its axis and its summary when it is first logged."""
        if metric in AXES:
            return metric
        found = shown(metric, self._real_steps)
        if found.key not in self._defined:
            self._run.define_metric(found.key, step_metric=found.axis, summary=found.best)
            self._defined.add(found.key)
        return found.key

    def _log_system(self, update: int) -> None:
        """How fast it went since the line before, where that is of an earlier update."""
        now = time.monotonic()
        last, (speed, minutes, memory) = self._last, SYSTEM_KEYS
        if last is not None and update > last[0]:
            # kilobytes, on macOS bytes
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
            passed = max(now - last[1], 1e-9)
            values = {speed: (update - last[0]) / passed, minutes: (now - self._begin) / 60, memory: peak}
            self._run.log({UPDATES: update} | values)
        if last is None or update > last[0]:
            self._last = update, now


def refuse_without_key(config: LogConfig) -> None:
    """Raise UserError where uploading was chosen and there is no key for it, or ``WANDB_MODE`` is no mode.

    A job asks this before it does anything else.
    """
    if _mode(config) != "online":
        return
    wandb = _quiet_wandb()
    try:
        # init asks for a key at a terminal if it finds none: never get there
        found = wandb.login(prompt=False)
    except wandb.Error as error:
        raise _refusal("online", error) from error
    if not found:
        raise UserError("log.wandb: online needs an account: run `wandb login` or set WANDB_API_KEY; or take offline")


def start_run(run_dir: Path, config: LogConfig, run_config: Mapping[str, Any], about: About) -> WandbRun | None:
    """Begin a run in wandb, or go on with the one of this folder; None where wandb is disabled.

    Raises:
        UserError: wandb refuses it.
    """
    mode = _mode(config)
    if mode == "disabled":
        return None
    # where it cannot write it would go to a temporary folder, or drop what it is given, without a word
    room = run_dir / "wandb" / ".writable"
    replace_file(room, lambda temporary: temporary.write_bytes(bytes(_WANDB_ROOM)))
    room.unlink()
    wandb = _quiet_wandb()
    name = run_dir.resolve().name
    try:
        run: Run = wandb.init(
            mode=mode,
            project=config.project,
            name=name,
            id=_run_id(run_dir),
            resume="allow",
            group=job_of(name, about.seed),
            job_type=about.job or None,
            tags=[*about.tags, *(tag.strip() for tag in config.tags.split(",") if tag.strip())],
            notes=config.notes or about.command or None,
            dir=run_dir,
            config=dict(run_config),
            settings=wandb.Settings(console="off"),
        )
    except wandb.Error as error:
        raise _refusal(mode, error) from error
    # wandb's own step restarts with every segment, so it is never passed: each metric has one of these as its axis
    for axis in AXES:
        run.define_metric(axis, hidden=True)
    for key in SYSTEM_KEYS:
        run.define_metric(key, step_metric=UPDATES)
    return WandbRun(run, run_dir, about.real_steps)


def _quiet_wandb() -> Any:
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported
    os.environ.setdefault("WANDB_SILENT", "true")
    import wandb

    return wandb


def _refusal(mode: str, error: Exception) -> UserError:
    return UserError(f"log.wandb: {mode}: {' '.join(str(error).split())}")


def _run_id(run_dir: Path) -> str:
    """wandb's id of the run in this folder, made when it is first asked for."""
    path = run_dir / "wandb" / RUN_ID_FILE
    if not path.is_file():
        made = secrets.token_hex(8)
        path.parent.mkdir(exist_ok=True)
        replace_file(path, lambda temporary: temporary.write_text(made, encoding="utf-8"))
    return path.read_text(encoding="utf-8").strip()


@contextmanager
def _copies_in(folder: Path) -> Iterator[None]:
    """wandb copies what an artifact holds into this folder, not into the user's home: a run lies in one place."""
    name, before = "WANDB_DATA_DIR", os.environ.get("WANDB_DATA_DIR")
    os.environ[name] = before or str(folder.resolve())
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]


def _mode(config: LogConfig) -> _Mode:
    mode = os.environ.get("WANDB_MODE") or config.wandb
    if mode not in ("offline", "online", "disabled"):
        raise UserError(f"WANDB_MODE: expected offline, online or disabled, got {mode}")
    return cast(_Mode, mode)
