"""Say what is in a data set, and export it (see --help)."""

import sys

from rssm.cli.commands import inspect_data

if __name__ == "__main__":
    sys.exit(inspect_data())
