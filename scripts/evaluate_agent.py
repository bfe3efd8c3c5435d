"""Have a run's agent play real games and score it (see --help)."""

import sys

from rssm.cli.commands import evaluate_agent

if __name__ == "__main__":
    sys.exit(evaluate_agent())
