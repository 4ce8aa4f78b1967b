"""A pretend TripleSeat and a pretend Revel, with the quirks of the fact sheets and faults on demand.

Both are standard-library WSGI apps. Call them in-process through a test transport, or over HTTP on loopback only. All
their data is invented. Only tests call many of the faults. The sandbox imports nothing else of tsrevel.
"""

from __future__ import annotations

from tsrevel.sandbox.app import ConnectionCut, LoopbackServer, serve
from tsrevel.sandbox.breaks import BREAKS, break_services
from tsrevel.sandbox.day import SampleDay, add_orders_by_hand, seed_day
from tsrevel.sandbox.documents import (
    LAKESIDE_BAKERY,
    SPECIAL_EVENTS,
    Charge,
    Payment,
    SampleLine,
    SampleVenue,
    make_document,
    make_event,
)
from tsrevel.sandbox.revel import RevelSandbox
from tsrevel.sandbox.tripleseat import TripleSeatSandbox

__all__ = [
    "BREAKS",
    "LAKESIDE_BAKERY",
    "SPECIAL_EVENTS",
    "Charge",
    "ConnectionCut",
    "LoopbackServer",
    "Payment",
    "RevelSandbox",
    "SampleDay",
    "SampleLine",
    "SampleVenue",
    "TripleSeatSandbox",
    "add_orders_by_hand",
    "break_services",
    "make_document",
    "make_event",
    "seed_day",
    "serve",
]
