"""The command line: `commands` declares the commands, a module for each family does the work, `output` prints.

Nothing here decides about events.
"""

from __future__ import annotations

import signal
import sys


def main() -> None:
    """The console script. Ends the process with the command's exit status (DESIGN 2)."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # until a command begins: its imports would end with a traceback

    from tsrevel.cli.app import run_command
    from tsrevel.cli.streams import settle_streams

    settle_streams()
    sys.exit(run_command(sys.argv[1:]))
