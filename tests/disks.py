"""A file system that is mounted read-only, as Python sees it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def mount_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `statvfs` and `access` answer from now on as if each file system were mounted read-only."""
    access, statvfs = os.access, os.statvfs

    def mounted(tested: Path) -> os.statvfs_result:
        fields = list(statvfs(tested))
        fields[8] |= os.ST_RDONLY
        return os.statvfs_result(fields)

    def allowed(tested: Path, mode: int, **more: bool) -> bool:
        return access(tested, mode, **more) and not mode & os.W_OK

    monkeypatch.setattr(os, "statvfs", mounted)
    monkeypatch.setattr(os, "access", allowed)
