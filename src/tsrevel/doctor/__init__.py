"""Every check that `doctor` makes of an installation before it goes live, each with a result and a remedy.

These checks write neither to a service nor to the ledger. If a token must be renewed, it is stored as in a run.
Read in this order: `findings`, `checks`, then `machine`, `schedule`, `tripleseat`, `revel`, `locations` (one subject
each). `doctor --assumptions` is in `assumptions`, `report` in `report`.
"""

from tsrevel.doctor.checks import Installation, run_checks
from tsrevel.doctor.findings import CheckFinding, CheckResult, exit_status

__all__ = ["CheckFinding", "CheckResult", "Installation", "exit_status", "run_checks"]
