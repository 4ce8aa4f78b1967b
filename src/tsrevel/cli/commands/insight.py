"""`status`, `history`, `explain`, `resolve`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from tsrevel.cli.options import command
from tsrevel.cli.tree import app
from tsrevel.cli.world import Manner, World

EventId = Annotated[str, typer.Argument(metavar="EVENT", help="A TripleSeat event id.")]


@command(app)
def status(
    world: World,
    manner: Manner,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, metavar="N", help="Show so many runs.")] = 5,
) -> int:
    """Tell how things stand, from the ledger alone. Last runs, what is held, failed, missed, begun, due next.

    By the ledger alone: no service is called, no lock taken, a run may go on meanwhile. Exit 0 whatever it tells. Off a
    terminal a line for each thing; with -q only what needs a person.
    """
    from tsrevel.cli.insights import status as verb

    return verb.show_status(world, manner, limit)


@command(app)
def history(
    world: World,
    manner: Manner,
    event: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="A TripleSeat event id.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, metavar="N", help="So many runs [default: 10], or facts [all].")
    ] = None,
) -> int:
    """Tell what was done, by run or for one event. Attempts, receipts, notices, notes.

    By the ledger alone, like `status`. An event that no run has seen is told as unknown, exit 0.
    """
    from tsrevel.cli.insights import history as verb

    if event is None:
        return verb.show_runs(world, manner, limit or 10)
    return verb.show_event(world, manner, event, limit)


@command(app)
def explain(
    world: World,
    manner: Manner,
    event: EventId,
    offline: Annotated[bool, typer.Option("--offline", help="By the ledger alone: no service is called.")] = False,
) -> int:
    """Explain one event: the plan and the decision. Why this document, these lines and products, what to do.

    Both services are read and the engine decides as the next live run would, up to its first write; nothing is written
    anywhere. Exit 0 where it can be told, 12 or 13 where a service doesn't let it.
    """
    from tsrevel.cli.insights import explain as verb

    return verb.explain_event(world, manner, event, offline=offline)


@command(app)
def resolve(
    world: World,
    manner: Manner,
    event: EventId,
    word: Annotated[
        Literal["done", "ignored", "open"],
        typer.Option(
            "--as", help="done: it has what it needs; ignored: no order is wanted; open: runs see to it again."
        ),
    ],
    note: Annotated[
        str, typer.Option("--note", metavar="T", help="What was done and why; no customers' names: it is kept.")
    ] = "",
    order: Annotated[
        str | None, typer.Option("--order", metavar="ID", help="With done: the Revel order that the event has.")
    ] = None,
    no_order_exists: Annotated[
        bool,
        typer.Option("--no-order-exists", help="With open, after done without --order: you looked, there is none."),
    ] = False,
) -> int:
    """Settle an event by hand: runs leave it be. It may be held, failed, missed or disputed; `--as open` undoes it.

    Nothing is written to Revel. An event resolved with --order is opened again once Revel no longer has any order that
    was named for it.
    """
    from tsrevel.cli.insights import resolve as verb

    return verb.resolve(world, manner, event, verb.ResolveOptions(word, note, order, no_order_exists))
