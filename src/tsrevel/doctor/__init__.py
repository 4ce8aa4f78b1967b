"""Is this installation fit to go live? Every check that `doctor` makes, each with a result and a remedy.

Nothing here writes: not to a service, not to the ledger. A token that has to be renewed on the way is kept as a run
keeps it. Read in this order: `findings`, `checks`, then `machine`, `schedule`, `tripleseat`, `revel`, `locations` (one
subject each).
"""

from tsrevel.doctor.checks import Installation, run_checks
from tsrevel.doctor.findings import CheckFinding, CheckResult, exit_status

__all__ = ["CheckFinding", "CheckResult", "Installation", "exit_status", "run_checks"]
