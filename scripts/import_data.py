"""Turn an .npz of recorded transitions into a data set (see --help)."""

import sys

from rssm.cli.commands import import_data

if __name__ == "__main__":
    sys.exit(import_data())
