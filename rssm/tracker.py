"""Where a run's numbers go: ``metrics.jsonl``, and wandb, which stays offline unless the user chose otherwise."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, cast

from rssm.config import LogConfig
from rssm.errors import StorageError, UserError
from rssm.files import replace_file, storage_errors

if TYPE_CHECKING:
    import wandb

METRICS_FILE = "metrics.jsonl"

#: the axis that every number is drawn over: optimiser updates
AXIS = "update"

#: families of metrics that share the axis; a metric is named ``FAMILY/NAME``
FAMILIES = ("train", "openloop", "world", "imagination", "real", "summary", "media")

_SUMMARY = "summary/"
#: bytes that wandb's folder must have room for at the start
_WANDB_ROOM = 100_000
_Mode = Literal["offline", "online", "disabled"]


class Tracker:
    """Append scalars to ``metrics.jsonl`` and mirror them to wandb; a context manager.

    A line of ``metrics.jsonl`` is one strict JSON object: ``{"update": n, NAME: value, ...}``; a value that is not
    finite is ``null``. A line is with the operating system before :meth:`log` returns, so killing the process costs at
    most half a line, which is dropped when the file is opened again.

    Args:
        run_dir: folder of the run.
        config: wandb's mode and project. ``WANDB_MODE``, where set, goes before ``config.wandb``.
        run_config: all settings of the run, shown by wandb.
        resume_update: the update that training goes on from: later lines are cut, because they will be written again;
            None starts an empty file.

    Raises:
        UserError: ``metrics.jsonl`` is damaged before its last line; ``WANDB_MODE`` is no mode; uploading was chosen
            without a key (nothing ever asks for one).
    """

    def __init__(
        self, run_dir: Path, config: LogConfig, run_config: Mapping[str, Any], resume_update: int | None = None
    ) -> None:
        self._path = run_dir / METRICS_FILE
        mode = _checked_mode(config)  # refused before anything is written
        _rewind(self._path, resume_update)
        self._run = None if mode == "disabled" else _start_wandb(run_dir, mode, config.project, run_config)
        with storage_errors(self._path):
            self._file = self._path.open("a", encoding="utf-8")

    def log(self, values: Mapping[str, float], update: int) -> None:
        """Record scalars at an update.

        Args:
            values: number by name (``train/loss``); 0-d tensors and arrays count as numbers.
            update: optimiser updates done so far.
        """
        row = {name: _number(value) for name, value in values.items()}
        line = {AXIS: update} | {name: value if math.isfinite(value) else None for name, value in row.items()}
        with storage_errors(self._path):
            self._file.write(json.dumps(line, allow_nan=False) + "\n")
            self._file.flush()
        if self._run is not None:
            self._run.log({AXIS: update} | row)

    def summary(self, values: Mapping[str, float], update: int) -> None:
        """Record a run's final scalars, as ``summary/NAME``; a run that is opened again writes them anew."""
        self.log({f"{_SUMMARY}{name}": value for name, value in values.items()}, update)

    def log_image(self, name: str, path: Path, update: int) -> None:
        """Show a picture file in wandb, as ``media/NAME``."""
        if self._run is not None:
            import wandb

            self._run.log({AXIS: update, f"media/{name}": wandb.Image(str(path))})

    def log_gif(self, name: str, path: Path, update: int) -> None:
        """Show an animated GIF in wandb, as ``media/NAME``."""
        if self._run is not None:
            import wandb

            self._run.log({AXIS: update, f"media/{name}": wandb.Video(str(path), format="gif")})

    def sync(self) -> None:
        """Have all lines so far on the disk, whatever happens to the machine."""
        with storage_errors(self._path):
            os.fsync(self._file.fileno())

    def close(self, failed: bool = False) -> None:
        """Write everything out; nothing can be recorded afterwards. Closing twice does no harm."""
        if self._file.closed:
            return
        try:
            with storage_errors(self._path), self._file:
                os.fsync(self._file.fileno())
        except StorageError:
            if not failed:  # else what went wrong before is to be said
                raise
        finally:
            if self._run is not None:
                self._run.finish(exit_code=int(failed))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(failed=kind is not None)


def _number(value: Any) -> float:
    return value if isinstance(value, int) else float(value)


def _rewind(path: Path, resume_update: int | None) -> None:
    """Keep the lines up to ``resume_update``, but no summary: the file as it was when that update was saved."""
    kept: list[str] = []
    if resume_update is not None and path.exists():
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(keepends=True), start=1):
            if not line.endswith("\n"):
                break  # the process was killed while it wrote this one
            try:
                row = json.loads(line)
                keep = row[AXIS] <= resume_update and not any(name.startswith(_SUMMARY) for name in row)
            except (ValueError, TypeError, KeyError) as error:
                raise UserError(f'{path}: line {number}: expected a JSON object with "{AXIS}"') from error
            if keep:
                kept.append(line)
    replace_file(path, lambda temporary: temporary.write_text("".join(kept), encoding="utf-8"))


def _checked_mode(config: LogConfig) -> _Mode:
    """wandb's mode, with a key where one is needed."""
    mode = _mode(config)
    if mode != "disabled":
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported
        os.environ.setdefault("WANDB_SILENT", "true")
    if mode == "online":
        import wandb

        try:
            # init asks for a key at a terminal if it finds none: never get there
            if not wandb.login(prompt=False):
                raise UserError(
                    "log.wandb: online needs an account: run `wandb login` or set WANDB_API_KEY; or take offline"
                )
        except wandb.Error as error:
            raise _refused(mode, error) from error
    return mode


def _start_wandb(run_dir: Path, mode: _Mode, project: str, run_config: Mapping[str, Any]) -> wandb.Run:
    import wandb

    # where it cannot write it would go to a temporary folder, or drop what it is given, without a word
    replace_file(run_dir / "wandb" / ".writable", lambda temporary: temporary.write_bytes(bytes(_WANDB_ROOM)))
    (run_dir / "wandb" / ".writable").unlink()
    try:
        run = wandb.init(
            mode=mode,
            project=project,
            name=run_dir.name,
            group=run_dir.name,  # each resumption is a segment of its own in the same group
            dir=run_dir,
            config=dict(run_config),
            settings=wandb.Settings(console="off"),
        )
    except wandb.Error as error:
        raise _refused(mode, error) from error
    # wandb's own step restarts with every segment, so it is never passed: each family brings its axis
    run.define_metric(AXIS)
    for family in FAMILIES:
        run.define_metric(f"{family}/*", step_metric=AXIS)
    return run


def _refused(mode: _Mode, error: Exception) -> UserError:
    return UserError(f"log.wandb: {mode}: {' '.join(str(error).split())}")


def _mode(config: LogConfig) -> _Mode:
    mode = os.environ.get("WANDB_MODE") or config.wandb
    if mode not in ("offline", "online", "disabled"):
        raise UserError(f"WANDB_MODE: expected offline, online or disabled, got {mode}")
    return cast(_Mode, mode)
