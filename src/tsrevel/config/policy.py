"""The settings that planning needs."""

from __future__ import annotations

from tsrevel.config.settings import LocationSettings, Settings
from tsrevel.planning.model import (
    ChargeRule,
    EstablishmentId,
    Location,
    LocationId,
    Policy,
    ProductId,
    ProductMapping,
    SiteId,
    TimeGate,
)
from tsrevel.planning.money import to_cents


def build_policy(settings: Settings, only: frozenset[str] = frozenset()) -> Policy:
    """The settings that planning needs, as its `Policy`."""
    orders, safety = settings.orders, settings.safety
    return Policy(
        locations=tuple(_location(entry) for entry in settings.locations),
        default_timezone=settings.timezone,
        gate=TimeGate(settings.time_gate.days_before, settings.time_gate.opens_at, settings.time_gate.days_after),
        allowed=frozenset(str(each) for each in safety.allowed_locations),
        only=only,
        eligible_statuses=frozenset(settings.tripleseat.eligible_statuses),
        order_document=settings.tripleseat.order_document,
        charges=tuple(
            ChargeRule(each.match, each.treat_as, ProductId(each.product) if each.product else None, each.product_name)
            for each in settings.charges
        ),
        products=tuple(
            ProductMapping(
                establishment=EstablishmentId(each.establishment),
                product=ProductId(each.product),
                menu_item_id=str(each.menu_item_id) if each.menu_item_id else None,
                name=each.name,
            )
            for each in settings.products
        ),
        unmapped_items=orders.unmapped_items,
        payments=orders.payments,
        discounts=orders.discounts,
        name_separator=orders.name_separator,
        local_id=orders.local_id,
        legacy_local_ids=orders.legacy_local_ids,
        max_order_total=to_cents(safety.max_order_total),
        accepted_assumptions=frozenset(safety.accepted_assumptions),
    )


def _location(entry: LocationSettings) -> Location:
    location, site = entry.tripleseat_location, entry.tripleseat_site
    return Location(
        name=entry.name or f"TripleSeat {location or site}",
        tripleseat_location=LocationId(str(location)) if location else None,
        tripleseat_site=SiteId(str(site)) if site else None,
        establishment=EstablishmentId(entry.revel_establishment),
        timezone=entry.timezone,
        user=entry.user,
        station=entry.station,
        dining_option=entry.dining_option,
        payment_type=entry.payment_type,
        discount=entry.discount,
        fallback_product=entry.fallback_product,
        currency=entry.currency,
    )
