"""Write the table and the learning curves of agents (see --help)."""

import sys

from rssm.cli.commands import summarize_agents

if __name__ == "__main__":
    sys.exit(summarize_agents())
