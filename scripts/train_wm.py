"""Collect data, train the world model, evaluate it, write the report (see --help)."""

import sys

from rssm.cli.commands import train_wm

if __name__ == "__main__":
    sys.exit(train_wm())
