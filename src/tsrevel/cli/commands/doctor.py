"""`doctor`."""

from __future__ import annotations

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.options import command
from tsrevel.cli.tree import app


@command(app)
def doctor(ctx: CliContext, flags: OutputOptions) -> int:
    """Check the whole set-up and say what to do. It is the go-live checklist, and writes nothing anywhere.

    Each check ends ok, warning, problem or skipped. Exit 0 without a problem, else by the worst one: 14 ledger
    damaged, 12 credentials refused, 10 a setting is wrong, 13 a service is down, 3 anything else. While runs are
    paused or disabled it checks this machine alone, and ends with 3. With -q it tells problems alone. With --json:
    {"schema", "success", "exit_status", "checks": [{"name", "subject": a location or null, "verdict", "text",
    "remedy"}]}.
    """
    from tsrevel.cli import doctor as verb

    return verb.doctor(ctx, flags)
