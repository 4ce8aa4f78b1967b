"""What each route answers, and what is stored and written for it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tsrevel import __version__
from tsrevel.webhook.spool import LARGEST_BODY

from ..cli.captured import sign, sign_plainly
from ..cli.test_processes import assert_whole
from .bench import BEARER, FULL, PAID, SECOND_KEY, Service, served, until

pytestmark = pytest.mark.real_process

OTHER = b'{"webhook_trigger_type": "CREATE_LEAD", "lead": {"id": 5}}'


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with served(tmp_path_factory.mktemp("service")) as running:
        yield running


def stored(service: Service) -> set[str]:
    """Every body that the service ever stored."""
    return {each.name for each in service.spool.rglob("*.json")}


def test_a_signed_delivery_is_stored_and_becomes_an_order(service: Service) -> None:
    body = service.body()
    answer = service.send(body)
    assert answer.status_code == 200
    accepted = {"ok": True, "processed": False, "trigger": "UPDATE_EVENT", "reason": "ACCEPTED", "event_id": str(FULL)}
    assert answer.json() == accepted
    service.settle()
    assert_whole(service.world)
    [kept] = [each for each in (service.spool / "done").glob("*.json") if each.read_bytes() == body]
    assert kept.with_suffix(".sig").read_text() == sign(body)
    assert kept.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("signature", "reason"),
    [
        (None, "MISSING_SIGNATURE_HEADER"),
        ("t=1", "MALFORMED_SIGNATURE_HEADER"),
        (sign(OTHER + b" "), "SIGNATURE_MISMATCH"),
        (sign(OTHER, "another-key"), "SIGNATURE_MISMATCH"),
        (sign_plainly(OTHER), "MALFORMED_SIGNATURE_HEADER"),
    ],
)
def test_what_is_not_signed_is_refused_and_not_stored(service: Service, signature: str | None, reason: str) -> None:
    before = stored(service)
    answer = service.send(OTHER, signature)
    assert (answer.status_code, answer.json()["reason"], answer.json()["ok"]) == (401, reason, False)
    assert stored(service) == before


def test_two_signature_headers_are_refused(service: Service) -> None:
    headers = [("X-Signature", sign(OTHER)), ("X-Signature", sign(OTHER))]
    answer = service.client.post("/webhook", content=OTHER, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (401, "MALFORMED_SIGNATURE_HEADER")


@pytest.mark.parametrize("signature", [sign(OTHER, stamp=1), sign(OTHER, SECOND_KEY)])
def test_age_is_no_reason_and_every_key_counts(service: Service, signature: str) -> None:
    answer = service.send(OTHER, signature, "/webhooks/tripleseat")
    assert (answer.status_code, answer.json()["trigger"]) == (200, "CREATE_LEAD")


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize(("path", "headers"), [("/webhook", {}), ("/test/webhook", BEARER)])
def test_a_body_that_is_too_large_is_cut_off(
    service: Service, path: str, headers: dict[str, str], chunked: bool
) -> None:
    pieces = (b"x" * 65536 for _ in range(LARGEST_BODY // 65536 + 1))
    content = pieces if chunked else b"x" * (LARGEST_BODY + 1)
    answer = service.client.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["reason"]) == (413, "PAYLOAD_TOO_LARGE")


def test_a_signed_delivery_that_can_not_be_read_is_put_aside_with_its_reason(service: Service) -> None:
    body = b"<html>"
    answer = service.send(body)
    assert (answer.status_code, answer.json()["trigger"]) == (200, None)
    failed = service.spool / "failed"
    until(lambda: list(failed.glob("*.json")))
    [kept] = failed.glob("*.json")
    assert kept.read_bytes() == body
    assert kept.with_suffix(".reason").read_text().startswith("MISSING_DATA: ")
    assert service.health()["failed"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/webhook", 405),
        ("PUT", "/webhook", 405),
        ("HEAD", "/webhook", 405),
        ("POST", "/webhook/", 404),
        ("GET", "/", 404),
        ("GET", "/docs", 404),
        ("HEAD", "/health", 200),
        ("POST", "/health", 405),
        ("TRACE", "/webhook", 405),
    ],
)
def test_nothing_else_is_there(service: Service, method: str, path: str, status: int) -> None:
    answer = service.client.request(method, path)
    assert answer.status_code == status
    assert "server" not in answer.headers
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("path", "reason", "text"),
    [("/webhook", "METHOD_NOT_ALLOWED", "Method Not Allowed"), ("/docs", "NOT_FOUND", "Not Found")],
)
def test_a_refusal_of_the_framework_is_answered_as_ours_are(
    service: Service, path: str, reason: str, text: str
) -> None:
    told = service.client.get(path).json()
    answer = {"ok": False, "processed": False, "trigger": None, "reason": reason, "event_id": None, "error": text}
    assert told == answer


@pytest.mark.parametrize("path", ["/test/webhook", "/api/sync/tripleseat"])
@pytest.mark.parametrize(
    "given", [[], ["Bearer wrong"], ["Basic x"], ["Bearer"], ["Bearer ü"], 2 * [BEARER["Authorization"]]]
)
def test_two_routes_need_the_token(service: Service, path: str, given: list[str]) -> None:
    headers = [(b"Authorization", each.encode("latin-1")) for each in given]
    answer = service.client.post(path, content=OTHER, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_a_trial_tells_what_would_happen_and_leaves_no_trace(service: Service) -> None:
    def trace() -> list[str]:
        ledger = service.world.settings().ledger_path
        files = [each for each in (ledger, ledger.with_name(f"{ledger.name}-wal")) if each.exists()]
        return [*sorted(stored(service)), *(hashlib.sha256(each.read_bytes()).hexdigest() for each in files)]

    service.settle()
    before, written = trace(), len(service.world.writes)
    answer = service.client.post("/test/webhook", content=service.body(PAID), headers=BEARER)
    told = answer.json()
    assert (answer.status_code, told["dry_run"], told["status"], told["event_id"]) == (200, True, "planned", str(PAID))
    assert told["events"][0]["total"] == "254.80"
    assert (trace(), len(service.world.writes)) == (before, written)
    wrong = service.client.post("/test/webhook", content=OTHER, headers={**BEARER, "X-Signature": "t=1"})
    assert (wrong.status_code, wrong.json()["reason"]) == (401, "MALFORMED_SIGNATURE_HEADER")


@pytest.mark.parametrize(
    "query",
    [
        "event_id=x",
        "event_id=0",
        "event_id=1&event_id=2",
        "hours_back=0",
        "hours_back=-1",
        "hours_back=x",
        "hours_back=",
        "hours_back=87841",
        "hours_back=00000000199999",
        "hours_back=00000000000000",
        f"hours_back={'9' * 5000}",
        "a=1",
    ],
)
def test_a_sync_that_makes_no_sense_is_refused(service: Service, query: str) -> None:
    answer = service.client.get(f"/api/sync/tripleseat?{query}", headers=BEARER)
    assert (answer.status_code, answer.json()["reason"]) == (400, "USAGE")


def test_a_sync_by_the_api_answers_the_report(service: Service) -> None:
    for event in (FULL, PAID):  # another test may have sent the first
        one = service.client.get(f"/api/sync/tripleseat?event_id={event}", headers=BEARER).json()
        assert (one["mode"], one["summary"]["queried"], one["success"]) == ("single", 1, True)
        assert_whole(service.world, event)
    all_of_them = service.client.post("/api/sync/tripleseat?hours_back=0000000024", headers=BEARER)
    assert all_of_them.status_code == 200
    assert all_of_them.json()["mode"] == "bulk"
    assert all_of_them.json()["summary"]["injected"] == 0
    health = service.health()
    assert (health["version"], health["waiting"]) == (__version__, 0)
    assert health["seconds_since_good_run"] is not None
    assert service.client.get("/ready").status_code == 200


def test_without_a_token_in_the_settings_there_is_nothing(tmp_path: Path) -> None:
    with served(tmp_path, "full", token="") as service:
        for path in ("/test/webhook", "/api/sync/tripleseat"):
            assert service.client.post(path, headers=BEARER).status_code == 404
        ran = service.stop()
        assert (ran.status, ran.out) == (0, "")
