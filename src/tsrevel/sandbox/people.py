"""The invented people, places and bookings that hang on every built event (facts TripleSeat 3.1, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tsrevel.sandbox.wsgi import Json


def contact_of(first: str, last: str, phone: str) -> Json:
    """The guest who orders."""
    return {
        "id": 7100001,
        "first_name": first,
        "last_name": last,
        "account_id": 6100001,
        "email_addresses": [{"id": 8100001, "address": f"{first.lower()}@example.com"}],
        "phone_numbers": [{"id": 8200001, "number": phone, "phone_number_type": "mobile", "extension": ""}],
    }


def account_of() -> Json:
    """The guest's firm."""
    return {"id": 6100001, "name": "Example Widgets, Inc."}


def staff_of() -> Json:
    """The member of staff who owns the event; carries login data, as the real one does."""
    return {
        "id": 660101,
        "first_name": "Avery",
        "last_name": "Sample",
        "title": "Catering Manager",
        "email": "avery.sample@example.com",
        "created_at": "3/4/2024 9:15 AM",
        "updated_at": "11/18/2026 8:02 AM",
        "login_count": 412,
        "login_at": "11/18/2026 8:02 AM",
        "customer_id": 880001,
        "phone_numbers": [{"id": 5500001, "number": "(702) 555-0100", "phone_number_type": "work", "extension": None}],
    }


def location_of(number: int, name: str, site: int) -> Json:
    """A location as it is nested in an event: no time zone (facts 3.1)."""
    return {
        "id": number,
        "name": name,
        "customer_id": 880001,
        "site_id": site,
        "addresses": [
            {
                "id": 8300001,
                "address1": "100 Main St",
                "address2": "",
                "city": "Las Vegas",
                "state": "NV",
                "country": "US",
                "zip_code": "89101",
                "address_type": "main",
            }
        ],
        "phone_numbers": [{"id": 8200009, "number": "(702) 555-0199", "phone_number_type": "work", "extension": None}],
    }


def status_changes(status: str, made: str, changed: str) -> list[Json]:
    """The event's way from PROSPECT to its status, newest first."""
    first = {"status": "PROSPECT", "previous_status": None, "created_at": made, "created_by": 660101}
    if status == "PROSPECT":
        return [first]
    now = {"status": status, "previous_status": "PROSPECT", "created_at": changed, "created_by": 660101}
    return [now, first]


def booking_of(event: Json) -> Json:
    """The booking nested in an event that is its only one; `documents` is empty and `events` left out (facts 5)."""
    shared = """name customer_id site_id location_id status post_as updated_by created_by owned_by start_date end_date
    created_at updated_at deleted_at contact secondary_contacts account owner creator updator status_changes
    selected_lead_sources custom_fields"""
    place = event["location"]
    return {
        "id": event["booking_id"],
        "event_ids": [event["id"]],
        **{key: event[key] for key in shared.split()},
        "total_event_actual_amount": event["actual_amount"],
        "total_actual_amount": event["actual_amount"],
        "total_event_grand_total": event["grand_total"],
        "total_grand_total": event["grand_total"],
        "definite_date": event["updated_at"].split(" ")[0],
        "tentative_date": None,
        "lost_date": None,
        "location": {key: place[key] for key in ("id", "name", "customer_id", "site_id")},
        "market_segment": None,
        "booking_forecast": None,
        "category_forecasts": None,
        "documents": [],
    }
