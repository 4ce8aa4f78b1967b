"""The command line: `commands` declares the commands, a module for each family does the work, `output` prints.

Nothing here decides about events.
"""

from __future__ import annotations

import sys

from tsrevel.cli.app import run_command
from tsrevel.cli.streams import settle_streams


def main() -> None:
    """The console script. Ends the process with the command's exit status (DESIGN 2)."""
    settle_streams()
    sys.exit(run_command(sys.argv[1:]))
