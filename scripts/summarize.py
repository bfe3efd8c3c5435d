"""Write one table over several runs of the same job (see --help)."""

import sys

from rssm.commands import summarize

if __name__ == "__main__":
    sys.exit(summarize())
