"""Make the workspace and the report of a project in wandb, or show what they are made of (see --help)."""

import sys

from rssm.cli.commands import make_dashboard

if __name__ == "__main__":
    sys.exit(make_dashboard())
