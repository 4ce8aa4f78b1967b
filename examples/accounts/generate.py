"""Writes systemd template units, and a Kubernetes CronJob for each account in values.toml beside it."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tsrevel.cli.schedule import FAILED_UNIT, SERVICE_UNIT

HERE = Path(__file__).parent
HEAD = """\
# One account: /etc/tsrevel/NAME/config.toml, with its ledger, lock and token in /var/lib/tsrevel/NAME.
# For secrets in files, `tsrevel schedule systemd --config FILE` prints the Environment and LoadCredential lines to add.
"""
TIMER = """\
# systemctl enable --now {names}
[Unit]
Description=Start tsrevel@%i every 45 minutes

[Timer]
OnCalendar=00/3:00,45
OnCalendar=01/3:30
OnCalendar=02/3:15
Persistent=true
# So the accounts of one machine don't all start in the same second.
RandomizedDelaySec=300
FixedRandomDelay=true

[Install]
WantedBy=timers.target
"""
CRON_JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata:
  name: tsrevel-{account}
spec:
  # Every 30 minutes: cron has no field for 45, and a CronJob has only one schedule.
  schedule: "*/30 * * * *"
  # One account has one ledger and one lock, so only one run at a time.
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 600
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        spec:
          restartPolicy: Never
          enableServiceLinks: false  # of a Service named tsrevel they would look like settings
          terminationGracePeriodSeconds: 120
          securityContext:
            runAsNonRoot: true
            runAsUser: 10001
            fsGroup: 10001
          containers:
            - name: tsrevel
              image: {image}
              # Exit status 3 fails the Job although the run did its work: an event needs a person.
              command: ["tsrevel", "sync", "--config", "/etc/tsrevel/config.toml"]
              env:
                - name: TSREVEL_LEDGER__PATH
                  value: /var/lib/tsrevel/ledger.sqlite3
                - name: TSREVEL_REVEL__API_KEY_FILE
                  value: /run/secrets/tsrevel/api-key
                - name: TSREVEL_REVEL__API_SECRET_FILE
                  value: /run/secrets/tsrevel/api-secret
                - name: TSREVEL_TRIPLESEAT__CLIENT_SECRET_FILE
                  value: /run/secrets/tsrevel/client-secret
              volumeMounts:
                - {{name: settings, mountPath: /etc/tsrevel, readOnly: true}}
                - {{name: secrets, mountPath: /run/secrets/tsrevel, readOnly: true}}
                - {{name: state, mountPath: /var/lib/tsrevel}}
          volumes:
            - name: settings
              configMap: {{name: tsrevel-{account}}}
            - name: secrets
              secret: {{secretName: tsrevel-{account}}}
            # Use a block volume with its own file system: SQLite and the lock don't work on most network file systems.
            - name: state
              persistentVolumeClaim: {{claimName: tsrevel-{account}}}
"""


def render() -> dict[str, str]:
    """The text of each file, by file name."""
    values = tomllib.loads((HERE / "values.toml").read_text(encoding="utf-8"))
    names = " ".join(f"tsrevel@{each}.timer" for each in values["accounts"])
    return {
        "tsrevel@.service": HEAD
        + SERVICE_UNIT.format(
            name="tsrevel@%i",
            failed="tsrevel-failed@%i.service",
            user=values["user"],
            environment="",
            command=f"{values['program']} sync --config /etc/tsrevel/%i/config.toml",
            timeout="infinity",  # each account has its own deadline
            log="",
            state="StateDirectory=tsrevel/%i\nStateDirectoryMode=0700",
            home="true",
            tmp="true",
        ),
        "tsrevel-failed@.service": FAILED_UNIT.format(name="tsrevel@%i", to=values["mail_to"]),
        "tsrevel@.timer": TIMER.format(names=names),
        "cronjobs.yaml": "---\n".join(
            CRON_JOB.format(account=each, image=values["image"]) for each in values["accounts"]
        ),
    }


if __name__ == "__main__":
    for name, text in render().items():
        (HERE / name).write_text(text, encoding="utf-8")
