"""The thorough run: `python -m tests.serve` kills 200 services; `--kills N --seed N` for others."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from .kills import kill_again_and_again


def main() -> int:
    """Print what became of the deliveries; 1 where one was lost, or an order is missing, doubled or not whole."""
    parser = argparse.ArgumentParser(prog="python -m tests.serve", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, metavar="N")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="tsrevel-serve-") as folder:
        tally = kill_again_and_again(Path(folder), options.kills, options.seed)
    print(tally)  # noqa: T201
    return 1 if tally.lost or tally.flaws else 0


if __name__ == "__main__":
    sys.exit(main())
