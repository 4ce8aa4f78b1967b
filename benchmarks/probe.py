"""Runs a script in this process, and says at its end, last on stderr, how many kB of memory it held at most.

Linux only: read from /proc. (What `wait4` says of a child includes the memory of the process that started it.)
"""

from __future__ import annotations

import runpy
import sys

if __name__ == "__main__":
    sys.argv = sys.argv[1:]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    finally:
        with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 (one import less)
            print(next(line.split()[1] for line in status if line.startswith("VmHWM")), file=sys.stderr)
