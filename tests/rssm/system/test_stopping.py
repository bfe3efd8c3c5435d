"""In processes of their own: a signal's handling belongs to the whole process."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rssm.system import stopping
from rssm.system.stopping import Stopped, goes_on, held

BEGIN = """
import os, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # it is ignored where the tests run in the background
from rssm.system import stopping
from rssm.system.stopping import Stopped, asked, goes_on, held, watch_signals
watch_signals()
def ask(number=signal.SIGTERM):
    os.kill(os.getpid(), number)
"""


def run(text: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-c", BEGIN + text], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_ends_what_is_done_at_once(name, code):
    end = "except Stopped as stop:\n    print(stop)\n    sys.exit(stop.exit_code)"
    done = run(f"try:\n    ask(signal.{name})\n    time.sleep(50)\n{end}")
    assert done.returncode == code
    assert done.stdout == f"stopped by {name}: nothing is half written; start the same command again\n"
    assert done.stderr == ""


def test_what_is_held_is_ended_first():
    done = run(
        "try:\n"
        "    with held():\n"
        "        with held(): ask()\n"
        "        print('inside', asked())\n"
        "    print('never')\n"
        "except Stopped as stop: print(stop.number == signal.SIGTERM)\n"
    )
    assert done.stdout == "inside True\nTrue\n"


def test_an_error_inside_goes_before():
    done = run(
        "try:\n    with held():\n        ask(); raise ValueError('mine')\nexcept ValueError as error: print(error)"
    )
    assert done.stdout == "mine\n"


def test_one_signal_that_comes_twice_at_once_is_one():
    done = run("with held():\n    ask(); ask(); time.sleep(0.3); print('saved', flush=True)\n")
    assert done.stdout == "saved\n"


def test_a_second_signal_ends_the_process_though_it_is_busy_outside_python():
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            BEGIN + "import hashlib\nwith held():\n    print('busy', flush=True)\n"
            "    hashlib.pbkdf2_hmac('md5', b'', b'', 2**30)",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "busy\n"
    # minutes of arithmetic that no signal interrupts
    process.send_signal(signal.SIGINT)
    time.sleep(stopping._SAME + 0.2)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 130


def test_a_stop_that_something_swallows_ends_the_process_all_the_same():
    done = run("stopping._PATIENCE = 0.3\ntry: ask()\nexcept BaseException: pass\ntime.sleep(50)")
    assert done.returncode == 143
    assert done.stderr == "stopped by SIGTERM: something did not end within 0 s and was left\n"


def test_a_stop_in_a_finaliser_is_no_traceback():
    done = run("class Last:\n    def __del__(self): ask(); time.sleep(50)\nLast()\ntime.sleep(50)")
    assert done.returncode == 143
    assert done.stderr.startswith("stopped by SIGTERM: ")
    assert "Traceback" not in done.stderr


def test_a_signal_that_is_ignored_stays_so():
    begin = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)\n" + BEGIN
    done = subprocess.run(
        [sys.executable, "-c", begin + "ask(signal.SIGHUP); print('on')"], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "on\n"


def test_the_outermost_words_are_said():
    with pytest.raises(Stopped, match="stopped by SIGINT: outer"), goes_on(lambda: "outer"), goes_on(lambda: "inner"):
        raise Stopped(signal.SIGINT)


def test_nothing_is_stopped_that_nobody_asked_to():
    with held():
        pass
    assert not stopping.asked()


def test_the_module_imports_nothing_large():
    tree = Path(stopping.__file__).read_text()
    found = {line.split()[1].partition(".")[0] for line in tree.splitlines() if line.startswith(("import ", "from "))}
    assert found <= set(sys.stdlib_module_names) | {"__future__"}
