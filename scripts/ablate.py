"""Train variants that change one thing each and write the ablation table (see --help)."""

import sys

from rssm.cli.commands import ablate

if __name__ == "__main__":
    sys.exit(ablate())
