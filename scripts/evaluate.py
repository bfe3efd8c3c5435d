"""Score a run's world model on a data set (see --help)."""

import sys

from rssm.cli.commands import evaluate

if __name__ == "__main__":
    sys.exit(evaluate())
