"""Runs a script in this process, and then prints its peak memory in kB as the last line of stderr.

Linux only: it reads /proc. (The peak that `wait4` returns includes memory of the parent process.)
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
