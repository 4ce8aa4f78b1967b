"""The command line: `commands` declares what can be typed, a module for each command family does it, `output` prints.

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
