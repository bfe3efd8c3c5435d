"""Where a run's numbers go: ``metrics.jsonl`` and wandb."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rssm.config import LogConfig
from rssm.dashboard.names import FINAL_METRIC
from rssm.errors import StorageError
from rssm.tracking.metrics_file import METRICS_FILE, MetricsFile
from rssm.tracking.wandb_run import About, Table, refuse_without_key, start_run


class Tracker:
    """Append scalars to ``metrics.jsonl`` and mirror them to wandb; a context manager.

    :class:`rssm.tracking.metrics_file.MetricsFile` says what a line is, :mod:`rssm.dashboard.names` what each number is
    called in wandb.

    Args:
        run_dir: folder of the run.
        config: wandb's mode, project, tags and notes. ``WANDB_MODE``, where set, goes before ``config.wandb``.
        run_config: all settings of the run, shown by wandb.
        resume_update: the update that training goes on from: later lines are cut, because they will be written again;
            None starts an empty file. wandb takes all of a folder's segments for one run.
        about: the run, for wandb.

    Raises:
        UserError: ``metrics.jsonl`` is damaged before its last line; ``WANDB_MODE`` is no mode; uploading was chosen
            without a key (nothing ever asks for one).
    """

    def __init__(
        self,
        run_dir: Path,
        config: LogConfig,
        run_config: Mapping[str, Any],
        resume_update: int | None = None,
        about: About | None = None,
    ) -> None:
        self.path = run_dir / METRICS_FILE
        refuse_without_key(config)  # before anything is written
        self._file = MetricsFile(self.path, resume_update)
        try:
            self._wandb = start_run(run_dir, config, run_config, about or About())
        except BaseException:
            self._file.close()
            raise

    @property
    def draws(self) -> bool:
        """Whether there is somebody to show pictures to: with wandb disabled there is not."""
        return self._wandb is not None

    def log(self, values: Mapping[str, float], update: int) -> None:
        """Record scalars at an update.

        Args:
            values: number by name (``train/loss``); 0-d tensors and arrays count as numbers.
            update: optimiser updates done so far.
        """
        row = {name: _number(value) for name, value in values.items()}
        self._file.write(row, update)
        if self._wandb is not None:
            self._wandb.log(row, update)

    def summary(self, values: Mapping[str, float], update: int) -> None:
        """Record a run's final scalars, as ``summary/NAME``, in wandb in the run's summary and as no chart; a run that
        is opened again writes them anew.
        """
        row = {f"{FINAL_METRIC}{name}": _number(value) for name, value in values.items()}
        self._file.write(row, update)
        if self._wandb is not None:
            self._wandb.summary(row)

    def show(self, files: Mapping[str, Path | str], update: int, env_steps: int | None = None) -> None:
        """Show pictures and pages in wandb.

        Args:
            files: by name: a GIF or another picture, or the text of an HTML page.
            update: optimiser updates done so far.
            env_steps: real steps taken so far, where they are counted.
        """
        if self._wandb is not None and files:
            self._wandb.show(files, update, env_steps)

    def show_lines(self, name: str, title: str, lines: Mapping[str, Sequence[float]], axis: str, update: int) -> None:
        """Show lines over 0, 1, 2 … on one chart that wandb's site draws itself; offline viewers do not."""
        if self._wandb is not None:
            self._wandb.show_lines(name, title, lines, axis, update)

    def keep(self, kind: str, files: Sequence[Path], tables: Mapping[str, Table] | None = None) -> None:
        """Give wandb files of the run to keep, as an artifact; those that are not there are left out.

        Args:
            kind: what they are; with the run's name it is the artifact's.
            files: their paths.
            tables: by name, columns and rows.
        """
        if self._wandb is not None:
            self._wandb.keep(kind, files, tables)

    def sync(self) -> None:
        """Have all lines so far on the disk, whatever happens to the machine."""
        self._file.sync()

    def close(self, failed: bool = False) -> None:
        """Write everything out; nothing can be recorded afterwards. Closing twice does no harm."""
        if self._file.closed:
            return
        try:
            self._file.close()
        except StorageError:
            if not failed:  # else what went wrong before is to be said
                raise
        finally:
            if self._wandb is not None:
                self._wandb.finish(failed)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(failed=kind is not None)


def _number(value: Any) -> float:
    return value if isinstance(value, int) else float(value)
