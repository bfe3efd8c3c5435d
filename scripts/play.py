"""Play Pong inside the world model (see --help)."""

import sys

from rssm.cli.commands import play

if __name__ == "__main__":
    sys.exit(play())
