"""The small server of metrics over real sockets: who is answered, on which port, and while which store is away."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from chat.telemetry.server import MetricsServer, listen
from tests.support.ports import claim_port

TOKEN = "a-token-of-tests-that-is-long-enough"


@pytest.fixture
def servers() -> Iterator[list[MetricsServer]]:
    made: list[MetricsServer] = []
    yield made
    for one in made:
        one.shutdown()
        one.server_close()


class Away(Collector):
    """What asking a database is like that does not answer."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def describe(self) -> Iterator[Metric]:
        return iter(())

    def collect(self) -> Iterator[Metric]:
        raise self.problem


def ask(server: MetricsServer, path: str = "/metrics", **headers: str) -> tuple[int, str]:
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), int(port), timeout=10)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def begin(servers: list[MetricsServer], token: str = "", ports: int = 1, first: int = 0) -> MetricsServer:
    server = listen("127.0.0.1", first or claim_port(), ports, token)
    assert server is not None
    servers.append(server)
    return server


def test_this_machine_is_told_in_prometheus_own_format(servers: list[MetricsServer]) -> None:
    status, text = ask(begin(servers))
    assert status == 200
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert {"holdfast_append_seconds", "holdfast_sockets", "process_cpu_seconds"} <= families.keys()
    assert all(family.documentation for family in families.values())


def test_there_is_nothing_else_and_nothing_is_changed(servers: list[MetricsServer]) -> None:
    server = begin(servers)
    assert ask(server, "/")[0] == 404
    assert ask(server, "/metrics?x=1")[0] == 200
    host, port = server.server_address[:2]
    connection = http.client.HTTPConnection(str(host), int(port), timeout=10)
    connection.request("POST", "/metrics", body="x")
    assert connection.getresponse().status == 501
    connection.close()


@pytest.mark.parametrize("host", ["metrics.attacker.example", "attacker.example:9464", "", "10.0.0.7"])
def test_a_page_whose_name_was_made_to_lead_here_is_refused(servers: list[MetricsServer], host: str) -> None:
    assert ask(begin(servers), Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9464", "[::1]:9464", "LOCALHOST:1"])
def test_this_machines_own_names_are_answered(servers: list[MetricsServer], host: str) -> None:
    assert ask(begin(servers), Host=host)[0] == 200


def test_with_a_token_whoever_shows_it_is_answered_and_nobody_else(servers: list[MetricsServer]) -> None:
    server = begin(servers, TOKEN)
    for wrong in ("", "Bearer", f"Bearer {TOKEN}x", f"Basic {TOKEN}", f"bearer {TOKEN[:-1]}", "Bearer ÿ"):
        status, text = ask(server, Authorization=wrong.encode("latin-1").decode("latin-1"))
        assert status == 401 and TOKEN not in text
    assert ask(server, Authorization=f"Bearer {TOKEN}", Host="prometheus.example")[0] == 200
    assert ask(server, "/metrics/installation")[0] == 401


def test_each_process_takes_a_port_of_its_own_and_the_next_does_without_one(
    servers: list[MetricsServer], caplog: pytest.LogCaptureFixture
) -> None:
    first = begin(servers)
    port = int(first.server_address[1])
    second = listen("127.0.0.1", port, 40)
    assert second is not None and port < int(second.server_address[1]) < port + 40
    servers.append(second)
    assert listen("127.0.0.1", port, 1) is None
    assert "HOLDFAST_METRICS_PORT" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_the_installations_are_told_beside_it_and_its_own_while_the_database_is_away(
    servers: list[MetricsServer],
) -> None:
    server = begin(servers)
    status, text = ask(server, "/metrics/installation")
    assert status == 200
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"holdfast_runs_begun", "holdfast_runs_active", "holdfast_due_rows"} <= names
    assert names & {family.name for family in text_string_to_metric_families(ask(server)[1])} == set()

    for problem, status in ((OperationalError("it is away"), 503), (ValueError("a defect of ours"), 500)):
        server.installation = CollectorRegistry()
        server.installation.register(Away(problem))
        found, text = ask(server, "/metrics/installation")
        assert found == status and str(problem) not in text
        assert ask(server)[0] == 200


def test_nobody_waits_for_one_who_has_no_answer(
    servers: list[MetricsServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.telemetry.server.TURN_S", 0.1)
    server = begin(servers)
    with server.turn:
        assert ask(server, "/metrics/installation")[0] == 503
        assert ask(server)[0] == 200


def test_more_than_so_many_at_a_time_are_let_go(servers: list[MetricsServer]) -> None:
    import socket

    server = begin(servers)
    address: Any = server.server_address
    silent = [socket.create_connection(address, 5) for _ in range(8)]
    try:
        done = threading.Event()
        for _ in range(50):
            with socket.create_connection(address, 5) as one:
                one.settimeout(5)
                if one.recv(1) == b"":
                    done.set()
                    break
        assert done.is_set(), "one too many is closed without a word"
    finally:
        for one in silent:
            one.close()
