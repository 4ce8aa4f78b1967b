"""Values that hold a secret are silent about it."""

from __future__ import annotations

import pytest
from rich.pretty import pretty_repr

from tsrevel.cli.redirect import ConsentAnswer
from tsrevel.config.report import DEFAULT, GivenValue
from tsrevel.config.secret_values import CommandResult
from tsrevel.tripleseat.token_file import Token


@pytest.mark.parametrize(
    "record", [Token("hush", "hush", 1), GivenValue("hush", DEFAULT), CommandResult("hush"), ConsentAnswer(code="hush")]
)
def test_a_record_of_a_secret_does_not_show_it(record: object) -> None:
    for shown in (repr(record), str(record), pretty_repr(record), pretty_repr([record], expand_all=True)):
        assert "hush" not in shown
        assert f"{type(record).__name__}(" in shown
