"""A process that has imported all that the commands need, and forks once for each command that it is told to do.

So a command costs what it does, not the seconds of its imports. Requests and answers are lines of JSON; see
:class:`harness.Commands`, which is the other end.
"""

import json
import os
import resource
import signal
import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
sys.path[:0] = [ROOT, str(Path(__file__).parent)]


def main() -> None:
    from rssm.places import own_agents

    own_agents()
    import rssm.cli.commands
    import rssm.cli.jobs
    import rssm.games.pong.env
    import rssm.games.pong.import_npz
    import rssm.jobs.evaluate
    import rssm.jobs.train
    import rssm.ladder.ablation
    import rssm.report.results  # noqa: F401

    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    print("ready", file=out, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["wait"], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                out.close()
                _work(**request)
        print(json.dumps(answer), file=out, flush=True)


def _work(
    command: str, words: list[str], folder: str, kill_at: int | None, limits: dict[str, int], setup: str, log: str
) -> None:
    """Do a command in this process, and end."""
    os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(f"{log}.{name}", os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666), number)
    os.chdir(folder)
    sys.argv = [f"{command}.py", *words]
    code: int = 70
    try:
        if setup:
            exec(setup, {})  # noqa: S102  (ours)
        count = None
        if kill_at is not None:
            from killing import Killing

            count = Killing(Path(folder), kill_at)
        for name, limit in limits.items():
            kind = getattr(resource, name)
            resource.setrlimit(kind, (limit, resource.getrlimit(kind)[1]))
        from rssm.cli import commands

        code = getattr(commands, command)()
        if count is not None:
            count.end(Path(f"{log}.points"))
    except BaseException as error:
        import traceback

        traceback.print_exc()
        code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 70
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP):  # ignored where the tests run in the background
        signal.signal(number, signal.SIG_DFL)
    main()
