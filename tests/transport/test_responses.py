"""JSON from a service: a value that can't be used spoils the place where it stands, and nothing else."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsrevel.errors import AnswerFault, NotJson, ServiceCode
from tsrevel.transport.responses import (
    MOST_NESTED,
    UNUSABLE,
    Json,
    decode_json,
    find_unusable,
    is_only_error,
    read_service_code,
)

NO_NUMBER = ["NaN", "Infinity", "-Infinity", "9" * 5000, "-" + "9" * 5000, "1e999999", "1e-999999", "0." + "1" * 5000]
NO_NUMBER += ["1e9999999999999999999", "9" * 5000 + ".5", "0e999999"]
DEEP = ["[" * depth + "]" * depth for depth in (1_000, 5_000, 100_000)]
DEEP += ['{"a": ' * 5_000 + "1" + "}" * 5_000, '[{"a\\"]": [' * 3_000 + "]}]" * 3_000]


@pytest.mark.parametrize("text", NO_NUMBER, ids=lambda text: text[:12])
def test_a_number_that_is_none_spoils_its_own_place(text: str) -> None:
    rows = decode_json(f'{{"results": [{{"id": 1}}, {{"id": 2, "total": {text}}}, {{"id": 3}}]}}'.encode())["results"]
    assert rows == [{"id": 1}, {"id": 2, "total": UNUSABLE}, {"id": 3}]
    assert [find_unusable(row) for row in rows] == [[], ["total"], []]


@pytest.mark.parametrize("text", DEEP, ids=range(len(DEEP)))
def test_what_is_nested_too_deeply_spoils_its_own_row(text: str) -> None:
    rows = decode_json(f'[{{"id": 1, "name": "a [ {{ \\" ] b"}}, {{"id": 2, "notes": {text}}}, {{"id": 3}}]'.encode())
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert rows[0]["name"] == 'a [ { " ] b'
    assert [bool(find_unusable(row)) for row in rows] == [False, True, False]


@pytest.mark.parametrize(
    ("answer", "only"),
    [
        ({"success": False}, True),
        ({"error": "x"}, True),
        ({"status": "ERROR", "error": {"message": "x"}}, True),
        ({"success": True, "error": None}, False),
        ({"error": "x", "results": []}, False),
        ({}, False),
        ([], False),
    ],
)
def test_an_answer_that_is_only_an_error_is_told_from_one_with_content(answer: Json, only: bool) -> None:
    assert is_only_error(answer) is only


@pytest.mark.parametrize("text", ["-0", "-0.0", "-0e0", "0.00"])
def test_nothing_has_no_sign(text: str) -> None:
    number = decode_json(f"[{text}]".encode())[0]
    assert (number, str(number)[0]) == (0, "0")


@pytest.mark.parametrize("text", ["NaN", "9" * 5000, "[" * 5000, "]" * 5000, "[" * 5000 + "]" * 4999, "[1", "1e"])
def test_an_answer_that_is_nothing_else_is_broken(text: str) -> None:
    with pytest.raises(NotJson) as caught:
        decode_json(text.encode())
    assert caught.value.fault is AnswerFault.BROKEN_JSON


def test_a_byte_order_mark_is_no_part_of_an_answer() -> None:
    assert decode_json(b"\xef\xbb\xbf[1]") == [1]
    with pytest.raises(NotJson) as caught:
        decode_json(b"\xef\xbb\xbf<html>")
    assert caught.value.fault is AnswerFault.HTML_PAGE


def test_what_lies_at_the_limit_is_kept() -> None:
    nested = "[" * (MOST_NESTED - 1) + "]" * (MOST_NESTED - 1)
    assert find_unusable(decode_json(f'{{"a": {nested}, "b": {"9" * 64}, "c": 1.{"5" * 60}}}'.encode())) == []


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_every_usual_answer_comes_as_it_was_sent(value: object) -> None:
    assert decode_json(json.dumps({"value": value}).encode()) == {"value": value}
    assert find_unusable({"value": value}) == []


def test_amounts_are_exact() -> None:
    assert decode_json(b"[0.1, 1225.50, 1e2]") == [Decimal("0.1"), Decimal("1225.50"), Decimal("1e2")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": "invalid_grant", "error_description": "Token resource owner not found"}, ServiceCode.INVALID_GRANT),
        ({"error": "Token resource owner not found"}, ServiceCode.TOKEN_WITHOUT_USER),
        ({"error_message": "The token RESOURCE owner not found."}, ServiceCode.TOKEN_WITHOUT_USER),
        ({"error": "invalid_token"}, ServiceCode.OTHER),
        ({"error": "other"}, ServiceCode.OTHER),
        ({"error": "The access token is invalid"}, None),
        ({"error": ["invalid_grant"]}, None),
        ({"error_description": "invalid_grant"}, None),
        (["invalid_grant"], None),
        ("invalid_grant", None),
    ],
)
def test_a_refusal_is_known_by_its_code(answer: object, code: ServiceCode | None) -> None:
    assert read_service_code(json.dumps(answer).encode()) is code


def test_what_is_no_json_has_no_code() -> None:
    assert read_service_code(b"<html>invalid_grant</html>") is None
