"""Each fault that can be ordered, and the loopback server that carries them to a real client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sandbox.conftest import order_body
from tsrevel.sandbox import ConnectionCut, RevelSandbox, serve

if TYPE_CHECKING:
    from tests.sandbox.conftest import Till

ORDER = r"^/resources/Order/$"


def test_a_fault_fires_as_often_as_asked_after_as_many_as_asked(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("status", "GET", ORDER, times=2, after=1, status=429, headers={"Retry-After": "3"})
    answers = [till.http.get("/resources/Order/") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["Retry-After"] == "3"
    assert revel.faults.waiting == 0


def test_faults_for_the_same_request_follow_one_another(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("status", status=502, body="<h1>Bad Gateway</h1>")
    revel.faults.add("status", status=503, body={"error": "later"})
    assert [till.http.get("/resources/Order/").status_code for _ in range(3)] == [502, 503, 200]


def test_a_fault_waits_for_its_own_method_and_path(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("status", "POST", ORDER)
    assert till.http.get("/resources/Order/").status_code == 200
    assert till.http.get("/resources/Product/").status_code == 200
    assert till.post("Order", order_body()).status_code == 500
    assert revel.orders == []


def test_a_fault_without_number_never_ends_until_cleared(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("status", times=None)
    assert {till.http.get("/resources/Order/").status_code for _ in range(5)} == {500}
    revel.faults.clear()
    assert till.http.get("/resources/Order/").status_code == 200


def test_status_after_keeps_the_row(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("status_after", "POST", ORDER, status=500)
    assert till.post("Order", order_body()).status_code == 500
    assert len(revel.orders) == 1


def test_html_is_a_login_page_with_200(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("html")
    answer = till.post("Order", order_body())
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<")
    assert revel.orders == []


def test_truncated_is_half_the_real_answer_of_work_done(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("truncated", "POST")
    answer = till.post("Order", order_body())
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()
    assert len(revel.orders) == 1


def test_wrong_shape_is_json_of_another_kind(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("wrong_shape", body={"results": []})
    assert till.http.get("/resources/Order/").json() == {"results": []}
    revel.faults.add("wrong_shape", "POST", applied=False)
    till.post("Order", order_body())
    assert revel.orders == []


def test_not_applied_answers_success_and_keeps_nothing(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("not_applied", "POST", ORDER)
    lost = till.post("Order", order_body())
    assert (lost.status_code, lost.json()["id"]) == (201, 5550101)
    assert revel.orders == []
    assert till.http.get("/resources/Order/5550101/").status_code == 404


@pytest.mark.parametrize(("kind", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_a_cut_connection_comes_before_or_after_the_write(
    till: Till, revel: RevelSandbox, kind: str, kept: int
) -> None:
    revel.faults.add(kind, "POST")
    with pytest.raises(ConnectionCut):
        till.post("Order", order_body())
    assert len(revel.orders) == kept
    assert revel.requests[-1].status == 0


def test_slow_waits_and_then_lets_the_next_fault_speak(till: Till, revel: RevelSandbox, naps: list[float]) -> None:
    revel.faults.add("slow", seconds=31)
    revel.faults.add("status", status=504)
    assert till.http.get("/resources/Order/").status_code == 504
    assert naps == [31.0]


def test_an_invisible_row_is_missed_by_the_next_lookups_only(till: Till, revel: RevelSandbox) -> None:
    revel.faults.add("invisible", "POST", ORDER, lookups=2)
    order = till.new_order()
    assert till.rows("Order", local_id="something else") == []
    assert till.rows("Order", uuid=order["uuid"]) == []
    assert till.http.get(order["resource_uri"]).status_code == 404
    assert len(till.rows("Order", uuid=order["uuid"])) == 1


def test_misspelt_faults_are_refused(revel: RevelSandbox) -> None:
    with pytest.raises(ValueError, match="unknown kind of fault 'stauts'"):
        revel.faults.add("stauts")
    with pytest.raises(ValueError, match="secs"):
        revel.faults.add("slow", secs=1)


# The loopback server


def test_the_same_app_answers_over_real_http(revel: RevelSandbox) -> None:
    headers = {"API-AUTHENTICATION": "sandbox-key:sandbox-secret"}
    with serve(revel) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        made = client.post("/resources/Order/", json=order_body(call_name="Zoë’s lunch"))
        assert made.json()["call_name"] == "Zoë’s lunch"
        found = client.get("/resources/Order/", params={"local_id": "Triple Seat_64000001"})
        assert found.http_version == "HTTP/1.1"
        assert found.json()["meta"]["total_count"] == 1
        assert client.patch(made.json()["resource_uri"], json={"printed": True}).status_code == 202


@pytest.mark.parametrize(("kind", "kept"), [("drop_before", 0), ("drop_after", 1)])
def test_a_cut_connection_sends_no_byte(revel: RevelSandbox, kind: str, kept: int) -> None:
    revel.faults.add(kind, "POST")
    headers = {"API-AUTHENTICATION": "sandbox-key:sandbox-secret"}
    with serve(revel) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/resources/Order/", json=order_body())
        assert client.get("/resources/Order/").json()["meta"]["total_count"] == kept


def test_many_clients_at_once_lose_nothing(revel: RevelSandbox) -> None:
    headers = {"API-AUTHENTICATION": "sandbox-key:sandbox-secret"}
    with serve(revel) as server, httpx.Client(base_url=server.url, headers=headers) as client:
        with ThreadPoolExecutor(8) as pool:
            bodies = [order_body(uuid=f"order-{n}") for n in range(40)]
            answers = list(pool.map(lambda body: client.post("/resources/Order/", json=body), bodies))
        assert {answer.status_code for answer in answers} == {201}
    assert len({order["id"] for order in revel.orders}) == 40
    assert revel.count("POST") == 40


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com", ""])  # noqa: S104 - refused
def test_it_never_listens_beyond_loopback(revel: RevelSandbox, host: str) -> None:
    with pytest.raises(ValueError, match="loopback only"):
        serve(revel, host)


def test_a_closed_server_is_gone(revel: RevelSandbox) -> None:
    server = serve(revel)
    server.close()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url)
