"""Play real Pong games and record them as a data set (see --help)."""

import sys

from rssm.cli.commands import collect

if __name__ == "__main__":
    sys.exit(collect())
