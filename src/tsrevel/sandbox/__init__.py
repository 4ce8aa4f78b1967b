"""A pretend TripleSeat and a pretend Revel, with the quirks of the fact sheets and faults on demand.

Both are standard-library WSGI apps. Call them in-process through a test transport, or over HTTP on loopback only. All
their data is invented. Only tests call many of the faults. The sandbox imports nothing else of tsrevel.
"""

from __future__ import annotations

from tsrevel.sandbox.app import ConnectionCut as ConnectionCut
from tsrevel.sandbox.app import LoopbackServer as LoopbackServer
from tsrevel.sandbox.app import serve as serve
from tsrevel.sandbox.breaks import BREAKS as BREAKS
from tsrevel.sandbox.breaks import break_services as break_services
from tsrevel.sandbox.day import SampleDay as SampleDay
from tsrevel.sandbox.day import add_orders_by_hand as add_orders_by_hand
from tsrevel.sandbox.day import seed_day as seed_day
from tsrevel.sandbox.documents import LAKESIDE_BAKERY as LAKESIDE_BAKERY
from tsrevel.sandbox.documents import SPECIAL_EVENTS as SPECIAL_EVENTS
from tsrevel.sandbox.documents import Charge as Charge
from tsrevel.sandbox.documents import Payment as Payment
from tsrevel.sandbox.documents import SampleLine as SampleLine
from tsrevel.sandbox.documents import SampleVenue as SampleVenue
from tsrevel.sandbox.documents import make_document as make_document
from tsrevel.sandbox.documents import make_event as make_event
from tsrevel.sandbox.revel import RevelSandbox as RevelSandbox
from tsrevel.sandbox.tripleseat import TripleSeatSandbox as TripleSeatSandbox
