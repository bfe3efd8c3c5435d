"""Write one table over several runs of the same job (see --help)."""

import sys

from rssm.cli.commands import summarize

if __name__ == "__main__":
    sys.exit(summarize())
