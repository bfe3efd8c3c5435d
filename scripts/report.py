"""Write the page about a run, of a world model or of an agent (see --help)."""

import sys

from rssm.cli.commands import report

if __name__ == "__main__":
    sys.exit(report())
