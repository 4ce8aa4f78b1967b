"""The command line: one module for each verb or small family, `render` and `table` for what they print.

Nothing here decides about events. Importing this package imports nothing heavy: `--version` must be quick.
"""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """The console script. Ends the process with the command's exit status (DESIGN 2)."""
    from tsrevel.cli.streams import settle_streams

    settle_streams()
    if sys.argv[1:] == ["--version"]:
        from tsrevel import __version__

        print(f"tsrevel {__version__}")  # noqa: T201
        return
    _start_light()
    from tsrevel.cli.app import run_command

    status = run_command(sys.argv[1:])
    gc.freeze()  # everything is closed by now; collecting it once more on the way out would only take time
    sys.exit(status)


def _start_light() -> None:
    """Leave out what no command needs and each start would pay for."""
    from tsrevel.cli.memory import begin_start

    begin_start()
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # sought among all packages, and they'd see the settings
    sys.modules["httpx._main"] = None  # type: ignore[assignment] # httpx's own command line, with a rich of its own
