"""Time training, imagination and real play on this machine (see --help)."""

import sys

from rssm.cli.commands import benchmark

if __name__ == "__main__":
    sys.exit(benchmark())
