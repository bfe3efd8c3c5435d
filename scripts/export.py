"""Write a run's world model and agent as a page for the browser, or as ONNX (see --help)."""

import sys

from rssm.cli.commands import export

if __name__ == "__main__":
    sys.exit(export())
