"""Train an agent inside the world model (see --help)."""

import sys

from rssm.cli.commands import train_agent

if __name__ == "__main__":
    sys.exit(train_agent())
