"""Planted defects: production code made wrong in one small way, and schedules in which the campaign must notice it."""

from . import content, recovery, writing
from .planting import DEFECTS, Defect, lay_quirks

__all__ = ["DEFECTS", "Defect", "content", "lay_quirks", "recovery", "writing"]
