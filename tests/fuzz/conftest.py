"""How many inputs are tried: a fixed sample by default, or as many fresh ones as ``FUZZ_EXAMPLES`` says for each test.

``make fuzz`` repeats the tests with fresh inputs for an hour, or for ``FUZZ_SECONDS``.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.append(str(Path(__file__).parent))  # for the strategies, which all tests here share
_QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "print_blob": True}
settings.register_profile("sample", derandomize=True, database=None, **_QUIET)
settings.register_profile("fresh", max_examples=int(os.environ.get("FUZZ_EXAMPLES", "100")), **_QUIET)

TRIED: Counter[str] = Counter()


@pytest.fixture(scope="session")
def tried():
    """Counts inputs by what became of them."""
    return TRIED


def pytest_terminal_summary(terminalreporter):
    if TRIED:
        found = ", ".join(f"{count:,} {what}" for what, count in sorted(TRIED.items()))
        terminalreporter.write_line(f"fuzz: {sum(TRIED.values()):,} inputs: {found}")
