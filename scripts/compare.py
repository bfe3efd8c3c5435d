"""Train every attempt and idea of the notes for the same time and write one table (see --help)."""

import sys

from rssm.cli.commands import compare

if __name__ == "__main__":
    sys.exit(compare())
