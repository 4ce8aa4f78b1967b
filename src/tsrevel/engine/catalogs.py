"""The products that orders are planned with: as kept in the ledger where that is as good as fresh, else downloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tsrevel.errors import Refused
from tsrevel.ledger import Ledger
from tsrevel.ledger.catalogs import decode_catalog, encode_catalog
from tsrevel.planning.model import EstablishmentId, Event, Hold, Location, Plan, Policy, ProductId
from tsrevel.planning.plan import plan_order
from tsrevel.planning.products import Catalogue
from tsrevel.planning.reasons import Reason
from tsrevel.revel.client import Revel

RECENT = timedelta(hours=12)
"""A kept copy is used for so long. Revel confirms each product that an order takes from it, so all that may be old is
that no other product has the same name: twelve hours bring one evening's changes of the menu in by the next morning."""
MOST_READY = 80_000
"""Products that are held ready to be searched, at some 300 bytes each: more would grow with the establishments."""
MOST_CONFIRMED = 100
"""Products in one request: the ids stand in its path."""


class CatalogCache:
    """The catalogs of a run, whatever their number: those used last ready to be searched, the others compressed."""

    def __init__(self, most: int = MOST_READY) -> None:
        self._most = most
        self._ready: dict[EstablishmentId, Catalogue] = {}
        self._packed: dict[EstablishmentId, bytes] = {}
        self._lock = threading.Lock()

    def __contains__(self, establishment: EstablishmentId) -> bool:
        with self._lock:
            return establishment in self._ready or establishment in self._packed

    def add(self, catalog: Catalogue) -> None:
        """Keep it, in place of the establishment's last one."""
        with self._lock:
            self._ready.pop(catalog.establishment, None)
            self._packed.pop(catalog.establishment, None)
            self._use(catalog)

    def get(self, establishment: EstablishmentId) -> Catalogue | None:
        """The establishment's catalog; None if there is none."""
        with self._lock:
            catalog = self._ready.pop(establishment, None)
            if catalog is None and establishment in self._packed:
                catalog = decode_catalog(establishment, self._packed[establishment])
            if catalog:
                self._use(catalog)
            return catalog

    def _use(self, catalog: Catalogue) -> None:
        self._ready[catalog.establishment] = catalog
        while len(self._ready) > 1 and sum(len(each.names) for each in self._ready.values()) > self._most:
            oldest = self._ready.pop(next(iter(self._ready)))
            if oldest.establishment not in self._packed:  # most runs never come to that
                self._packed[oldest.establishment] = encode_catalog(oldest)


@dataclass(slots=True, eq=False, repr=False)
class Catalogs:
    """The products of each establishment, downloaded once a run at most, when first needed.

    With a `ledger`, `plan` goes by the copy there while it is young, and what is downloaded is kept if `keep` says so.
    Without one everything is downloaded. Raises what `Revel` and `Ledger` raise.
    """

    revel: Revel
    ledger: Ledger | None = None
    keep: bool = False
    _known: CatalogCache = field(default_factory=CatalogCache, init=False)
    _kept: CatalogCache = field(default_factory=CatalogCache, init=False)
    _without_copy: set[EstablishmentId] = field(default_factory=set, init=False)
    _confirmed: set[tuple[EstablishmentId, ProductId]] = field(default_factory=set)

    def of(self, establishment: EstablishmentId) -> Catalogue:
        """The establishment's catalogue as Revel shows it in this run."""
        catalog = self._known.get(establishment)
        if catalog is None:
            catalog = self.revel.catalogue(establishment)
            self._known.add(catalog)
            if self.ledger and self.keep:
                self.ledger.catalogs.store(catalog)
        return catalog

    def plan(self, event: Event, location: Location, policy: Policy, now: datetime) -> Plan | Hold:
        """The event's order, or why it can't be planned. Nothing that an old copy may be wrong about is decided by one.

        A plan made with the kept copy stands if Revel confirms its products, each one active, here and of the name that
        it was matched by; a Hold stands if it isn't for want of a product. Else the catalogue is downloaded first, also
        where the fallback product stands in for one (only then has an item a name of its own).
        """
        kept = self._recall(location.establishment)
        if kept:
            made = plan_order(event, location, kept, policy, now)
            if isinstance(made, Hold):
                if made.reason is not Reason.UNMAPPED_ITEMS:
                    return made
            elif not any(item.override for item in made.items) and self._confirms(kept, made):
                return made
        return plan_order(event, location, self.of(location.establishment), policy, now)

    def confirm(self, events: Iterable[tuple[Event, Location]], policy: Policy, now: datetime) -> None:
        """Let Revel confirm at once what several plans to come will take from kept copies.

        What can't be planned with the copy, or isn't confirmed, is left to `plan`.
        """
        asked: dict[ProductId, Catalogue] = {}
        for event, location in events:
            kept = self._recall(location.establishment)
            made = plan_order(event, location, kept, policy, now) if kept else None
            if kept and isinstance(made, Plan):
                asked |= self._unconfirmed(kept, made)
        self._ask(asked)

    @contextmanager
    def dropped_if_refused(self, establishment: EstablishmentId) -> Iterator[None]:
        """Where Revel refuses what is done inside, an order's write maybe for its product, the copy is kept no longer.

        The next run downloads it afresh.
        """
        try:
            yield
        except Refused:
            if self.ledger and self.keep:
                self.ledger.catalogs.drop(establishment)
            raise

    def _recall(self, establishment: EstablishmentId) -> Catalogue | None:
        """The kept copy, unless this run has the catalogue itself."""
        if self.ledger is None or establishment in self._without_copy or establishment in self._known:
            return None
        catalog = self._kept.get(establishment) or self.ledger.catalogs.recent(establishment, RECENT)
        if catalog is None:
            self._without_copy.add(establishment)
        elif establishment not in self._kept:
            self._kept.add(catalog)
        return catalog

    def _confirms(self, kept: Catalogue, plan: Plan) -> bool:
        """Whether Revel shows every product of the plan as the copy has it. Each is asked for once a run."""
        self._ask(self._unconfirmed(kept, plan))
        return not self._unconfirmed(kept, plan)

    def _unconfirmed(self, kept: Catalogue, plan: Plan) -> dict[ProductId, Catalogue]:
        """The products of the plan that weren't confirmed in this run, each with the copy that it was taken from."""
        here = kept.establishment
        return {item.product: kept for item in plan.items if (here, item.product) not in self._confirmed}

    def _ask(self, wanted: Mapping[ProductId, Catalogue]) -> None:
        ids = list(wanted)
        for start in range(0, len(ids), MOST_CONFIRMED):
            batch = {each: wanted[each].establishment for each in ids[start : start + MOST_CONFIRMED]}
            for product, shown in self.revel.products_by_id(batch).items():
                if shown.name == wanted[product].names[product]:
                    self._confirmed.add((batch[product], product))
