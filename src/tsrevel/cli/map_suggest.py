"""`map suggest`: the names that have no product, each with the likeliest ones; to be shown, or gone through."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence

import typer

from tsrevel.cli.context import CliContext, OutputOptions
from tsrevel.cli.map_data import NameReport, UnmappedName, gather, tell_what_is_left_out
from tsrevel.cli.maps.candidates import candidate_lines, describe
from tsrevel.cli.maps.speak import count_names, encode_offer, say
from tsrevel.cli.maps.survey import DayRange, establishment_names, open_survey, unless_switched_off
from tsrevel.cli.prompts import may_ask
from tsrevel.cli.render import show_progress
from tsrevel.planning.model import EstablishmentId
from tsrevel.planning.money import show


@unless_switched_off
def suggest(
    ctx: CliContext, flags: OutputOptions, days: int, only: Sequence[str] = (), *, interactive: bool = False
) -> int:
    """Show what has no product, or with `interactive` ask about each; raises BadParameter off a terminal."""
    if interactive and not may_ask(ctx, flags):
        text = (
            "--interactive asks questions: it needs a terminal, and neither --json nor -q; leave it out to see them all"
        )
        raise typer.BadParameter(text)
    with open_survey(ctx, flags, only) as survey:
        span = survey.span(days)
        with show_progress(ctx, flags) as progress:
            found = gather(survey, span, progress)
        tell_what_is_left_out(ctx, found)
        if interactive:
            from tsrevel.cli.maps.ask import walk_through

            walk_through(ctx, survey.settings, found)
        elif flags.json:
            ctx.answer(_encode_suggestions(span, found))
        else:
            _show(ctx, span, found, establishment_names(survey.settings))
    return 0


def _show(ctx: CliContext, span: DayRange, found: NameReport, places: Mapping[EstablishmentId, str]) -> None:
    for wanted in found.wanted:
        say(ctx, describe(wanted, places), *candidate_lines(wanted), f"      {_remedy(wanted)}", "")
    days = f"on events from {span.first} to {span.last}" + (" or on menus" if not found.menus_unread else "")
    say(ctx, f"{count_names(len(found.wanted))} without a product {days}")


def _remedy(wanted: UnmappedName) -> str:
    product = wanted.candidates[0].offer.id if wanted.candidates else "PRODUCT"
    option = "--menu-item " if wanted.menu_item_id else ""
    name = wanted.menu_item_id or shlex.quote(wanted.name)
    dashes = "-- " if name.startswith(("-", "'-")) else ""
    return f"tsrevel map set --establishment {wanted.establishment} {option}{dashes}{name} {product}"


def _encode_suggestions(span: DayRange, found: NameReport) -> dict[str, object]:
    return {
        "schema": 1,
        "success": True,
        "days": span.days,
        "from": span.first.isoformat(),
        "to": span.last.isoformat(),
        "menus_error": found.menus_unread,
        "events_left_out": [{"event": event, "error": why} for event, why in found.unread.items()],
        "unmapped": [_encode_wanted(each) for each in found.wanted],
    }


def _encode_wanted(wanted: UnmappedName) -> dict[str, object]:
    return {
        "establishment": str(wanted.establishment),
        "name": wanted.name,
        "menu_item_id": wanted.menu_item_id,
        "why": wanted.why,
        "events": list(wanted.events),
        "menus": list(wanted.menus),
        "prices": [show(price) for price in wanted.prices],
        "candidates": [
            {**encode_offer(each.offer, wanted.establishment), "score": each.score / 100, "why": list(each.why)}
            for each in wanted.candidates
        ],
    }
