"""Hours of real commands, watched from outside: memory, open files, threads and the size of the folder must stay flat.

    python tests/faults/soak.py [--updates 20000] [--games 240] [--every 5] [--out soak]

Trains the debug world model, has a small agent play real games to their end (some 900 steps each), and writes
``OUT/soak.json`` and ``OUT/soak.png``. Exits with 1 where something grew. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
#: share by which a quantity may differ between the second and the last quarter
FLAT = 0.02
#: what must be flat, and what a whole number of it may differ by
QUANTITIES = {"memory_mb": 0.0, "open_files": 1.0, "threads": 1.0}


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=20_000)
    parser.add_argument("--games", type=int, default=240)
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two samples")
    parser.add_argument("--out", type=Path, default=Path("soak"))
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        updates = ["--train.updates", str(given.updates), "--train.evaluate_every", str(max(1, given.updates // 20))]
        _do(home, "train_agent", "--config", "agent_debug", "--run", "runs/agent")
        parts = {
            "training": _watch(
                home, "runs/wm", given.every, "train_wm", "--config", "debug", "--run", "runs/wm", *updates
            ),
            "play": _watch(
                home,
                "runs/agent",
                given.every,
                "evaluate_agent",
                "--run",
                "runs/agent",
                "--sampled",
                "--games",
                str(given.games),
            ),
        }
    verdicts = {part: judge(samples) for part, samples in parts.items()}
    record = {"updates": given.updates, "games": given.games, "samples": parts, "verdicts": verdicts}
    (given.out / "soak.json").write_text(json.dumps(record, indent=1) + "\n")
    _draw(given.out / "soak.png", parts)
    for part, found in verdicts.items():
        for what, verdict in found.items():
            print(f"{part}: {what}: {verdict['words']}")
    return int(not all(verdict["flat"] for found in verdicts.values() for verdict in found.values()))


def judge(samples: Sequence[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """What the samples (``seconds``, the quantities, ``folder_mb``) show: by quantity whether it is flat, in words too.

    Memory, files and threads: the median of the last quarter against that of the second one. The folder: how far it is
    from growing by the same in every second of the second half as in the one before, as a share of its size.
    """
    quarter = len(samples) // 4
    if quarter < 1:
        raise SystemExit("soak: expected at least four samples; take more updates, or less between two samples")
    found: dict[str, dict[str, Any]] = {}
    for what, step in QUANTITIES.items():
        before = statistics.median(sample[what] for sample in samples[quarter : 2 * quarter])
        after = statistics.median(sample[what] for sample in samples[-quarter:])
        flat = abs(after - before) <= max(FLAT * before, step)
        found[what] = {"flat": flat, "words": f"{before:,.1f} → {after:,.1f}{'' if flat else ': NOT FLAT'}"}
    first, middle, last = samples[0]["folder_mb"], samples[len(samples) // 2]["folder_mb"], samples[-1]["folder_mb"]
    bent = (last - middle) - (middle - first)
    flat = bent <= max(FLAT * last, 0.1)
    found["folder_mb"] = {"flat": flat, "words": f"{first:,.2f} → {last:,.2f}{'' if flat else ': NOT LINEAR'}"}
    return found


def _do(home: Path, command: str, *words: str) -> None:
    subprocess.run(
        [sys.executable, ROOT / "scripts" / f"{command}.py", *words], cwd=home, check=True, env=_environment()
    )


def _watch(home: Path, folder: str, every: float, command: str, *words: str) -> list[dict[str, float]]:
    begin, samples = time.monotonic(), []
    process = subprocess.Popen(
        [sys.executable, ROOT / "scripts" / f"{command}.py", *words],
        cwd=home,
        env=_environment(),
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        time.sleep(every)
        sample = _sample(process.pid, home / folder)
        if sample is not None:
            samples.append({"seconds": time.monotonic() - begin, **sample})
    if process.returncode != 0:
        raise SystemExit(f"soak: {command} ended with {process.returncode}")
    return samples


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "WANDB_MODE": "disabled", "OMP_NUM_THREADS": "1"}


def _sample(pid: int, folder: Path) -> dict[str, float] | None:
    """The process and all below it; None where it has just ended."""
    try:
        family = _family(pid)
        status = [_status(one) for one in family]
        files = sum(len(os.listdir(f"/proc/{one}/fd")) for one in family)
        # what processes share with files on the disk is the system's to keep or to drop; a zombie has no memory
        memory = sum(int(one["RssAnon"].split()[0]) for one in status)
    except (OSError, KeyError, ValueError):
        return None
    return {
        "memory_mb": memory / 1024,
        "open_files": float(files),
        "threads": float(sum(int(one["Threads"]) for one in status)),
        "folder_mb": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6,
    }


def _family(pid: int) -> list[int]:
    found, parents = [pid], {}
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(file.parent.name)] = int(file.read_text().rpartition(")")[2].split()[1])
        except (OSError, ValueError):
            continue
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _draw(path: Path, parts: dict[str, list[dict[str, float]]]) -> None:
    from matplotlib.figure import Figure

    names = [*QUANTITIES, "folder_mb"]
    figure = Figure(figsize=(4.0 * len(parts), 2.0 * len(names)), layout="constrained")
    axes = figure.subplots(len(names), len(parts), squeeze=False)
    for column, (part, samples) in enumerate(parts.items()):
        for row, name in enumerate(names):
            axis = axes[row][column]
            axis.plot([sample["seconds"] for sample in samples], [sample[name] for sample in samples])
            axis.set(title=f"{part}: {name}", xlabel="seconds", ylim=(0, None))
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    sys.exit(main())
