"""The signal-path self-test, with a Prometheus and a ping service on loopback."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from alt_backup_assets.signals import arrival
from alt_backup_assets.signals.signal_path import (
    ON_ITS_WAY,
    SignalPathResult,
    newest_signal_path,
    run_signal_path_test,
)
from alt_backup_assets.site import Site
from tests.fakes.receiver import Answer, Call, receiving
from tests.unit.definitions.bench import NOW, Clock, make_site
from tests.unit.signals.conftest import CHECK

KEY = "full-key-that-protects-nothing"
Secret = Callable[[str, str], Path]


@dataclass
class World:
    """A Prometheus and a ping service in one, and what they do with what they get.

    Attributes:
        site: The machine.
        clock: Its clock.
        scraped: Values Prometheus has.
        logged: Run ids the ping service has.
        loses: What is lost on its way: ``metric``, ``ping``.
        answers: Answers instead of the right ones, by the end of the path.
    """

    site: Site
    clock: Clock
    calls: list[Call]
    scraped: list[int] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    loses: set[str] = field(default_factory=set)
    answers: dict[str, Answer] = field(default_factory=dict)

    def answer(self, call: Call) -> Answer:
        """Answer as Prometheus and the ping service do."""
        for end, answer in self.answers.items():
            if call.path.endswith(end):
                return answer
        if call.path == "/api/v1/query":
            result = [{"metric": {}, "value": [1.5, str(value)]} for value in self.scraped]
            return 200, json.dumps({"status": "success", "data": {"result": result}})
        if call.path == f"/api/v3/checks/{CHECK}/pings/":
            if call.key != KEY:
                return 401, json.dumps({"error": "wrong api key"})
            return 200, json.dumps({"pings": [{"n": 1, "rid": rid} for rid in self.logged]})
        if call.path == f"/{CHECK}/log":
            if "ping" not in self.loses:
                self.logged.append(call.question["rid"][0])
            return 200, "OK"
        return 404, "not found"

    def run(self, *, later: timedelta = timedelta(hours=1)) -> SignalPathResult:
        """Run the self-test, then publish the metric; time goes on."""
        result = run_signal_path_test(self.site)
        sent = newest_signal_path(self.site)
        assert sent is not None
        assert sent.newest == result.newest
        if "metric" not in self.loses:
            self.scraped = [sent.newest.number]
        self.clock.ahead += later
        return result


@pytest.fixture(name="world")
def _world(tmp_path: Path, secret: Secret) -> Iterator[World]:
    with receiving() as receiver:
        signals = {
            "pings": {"verify": str(secret("verify", f"{receiver.url}/{CHECK}"))},
            "ping_service": {"url": receiver.url, "key_file": str(secret("key", KEY))},
            "metrics": {"prometheus": receiver.url},
        }
        clock = Clock(NOW)
        world = World(make_site(tmp_path, clock=clock, signals=signals), clock, receiver.calls)
        receiver.answer = world.answer
        yield world


def seen(result: SignalPathResult) -> dict[str, str]:
    """Return what became of the nonce, by path."""
    return {path.path: path.seen for path in result.paths}


def test_the_first_run_sends_and_is_not_green(world: World) -> None:
    """Nothing was sent before, so nothing is proved; the next run can tell."""
    result = world.run()
    assert result.verdict == "WARNING"
    assert result.asked is None
    assert seen(result) == {"metric": "under way", "ping": "under way"}


def test_what_arrived_is_good(world: World) -> None:
    """Seen at both ends, run after run, each with a nonce of its own."""
    first = world.run()
    for _ in range(2):
        result = world.run()
        assert result.verdict == "GOOD"
        assert seen(result) == {"metric": "arrived", "ping": "arrived"}
        assert result.asked == first.newest
        assert result.newest.number > first.newest.number
        first = result


@pytest.mark.parametrize("path", ["metric", "ping"])
def test_what_did_not_arrive_is_critical(world: World, path: str) -> None:
    """A path that swallows what is sent turns red, the other one does not; mended it is green."""
    for _ in range(2):
        world.run()
    world.loses = {path}
    world.run()
    result = world.run()
    assert result.verdict == "CRITICAL"
    assert [name for name, what in seen(result).items() if what == "missing"] == [path]
    world.loses = set()
    world.run()
    assert world.run().verdict == "GOOD"


def test_an_older_nonce_is_not_the_last_one(world: World) -> None:
    """A Prometheus that shows an old sample has not seen the newest."""
    old = world.run().newest
    world.run()
    world.scraped = [old.number]
    assert seen(world.run())["metric"] == "missing"


def test_of_several_exporters_one_is_enough(world: World) -> None:
    """Other hosts publish a nonce of their own under the same name."""
    nonce = world.run().newest
    world.scraped = [1, nonce.number, 3]
    assert seen(world.run())["metric"] == "arrived"


def test_what_is_too_young_to_be_missed_is_left_on_its_way(world: World) -> None:
    """Run twice within minutes nothing is missing, and the same nonce is looked for."""
    world.loses = {"metric"}
    first = world.run(later=ON_ITS_WAY / 2)
    again = world.run(later=ON_ITS_WAY)
    assert again.newest == first.newest
    assert seen(again) == {"metric": "under way", "ping": "arrived"}
    assert again.verdict == "WARNING"
    assert seen(world.run())["metric"] == "missing"


@pytest.mark.parametrize(
    ("end", "answer", "path", "said"),
    [
        ("/query", (500, "oh"), "metric", "answered with 500"),
        ("/query", (200, "<html>"), "metric", "not answer as Prometheus"),
        ("/query", (200, '{"status": "success", "data": {}}'), "metric", "not answer as Prom"),
        ("/query", (-1, ""), "metric", "cannot be reached"),
        ("/pings/", (500, "oh"), "ping", "answered with 500"),
        ("/pings/", (200, "{"), "ping", "not answer as a ping service"),
        ("/pings/", (401, "wrong api key"), "ping", "must hold a full API key"),
        ("/log", (404, "no"), "ping", "log was not told"),
    ],
)
def test_whoever_does_not_answer_is_critical(
    world: World, end: str, answer: Answer, path: str, said: str
) -> None:
    """What cannot be known is not good; no sentence holds a key or the id of a check."""
    world.run()
    world.answers[end] = answer
    result = world.run()
    assert result.verdict == "CRITICAL"
    (detail,) = [found.detail for found in result.paths if found.seen == "missing"]
    assert seen(result)[path] == "missing"
    assert said in detail
    assert CHECK not in detail
    assert KEY not in detail


def test_silence_is_critical(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Prometheus that never answers is not waited for."""
    world.run()
    monkeypatch.setattr(arrival, "TIMEOUT_SECONDS", 0.1)
    world.answers["/query"] = (0, "")
    result = world.run()
    assert seen(result)["metric"] == "missing"
    assert "was not answered within" in result.paths[0].detail


def test_an_address_by_slug_cannot_be_asked_about(world: World, secret: Secret) -> None:
    """It says what to change, and not what the address is."""
    secret("verify", "http://127.0.0.1:1/project-key/verify-slug")
    world.run()
    result = world.run()
    assert result.verdict == "CRITICAL"
    assert "project-key" not in result.model_dump_json()


def test_nothing_configured_is_not_green(tmp_path: Path) -> None:
    """Where nobody can be asked it says so, however often it runs."""
    site = make_site(tmp_path)
    for _ in range(2):
        result = run_signal_path_test(site)
        assert result.verdict == "WARNING"
        assert set(seen(result).values()) == {"not configured"}


def test_one_path_alone_can_be_good(tmp_path: Path, world: World) -> None:
    """Without a ping service the metric counts, and what is not configured is said."""
    signals = {"metrics": {"prometheus": world.site.config.signals.metrics.prometheus}}
    world.site = make_site(tmp_path, clock=world.clock, signals=signals)
    world.run()
    result = world.run()
    assert result.verdict == "GOOD"
    assert seen(result) == {"metric": "arrived", "ping": "not configured"}


def test_a_state_that_is_lost_starts_anew(world: World, tmp_path: Path) -> None:
    """A damaged file is as good as none."""
    world.run()
    (tmp_path / "state" / "signals" / "signal-path.json").write_text("{")
    assert newest_signal_path(world.site) is None
    assert world.run().verdict == "WARNING"
    assert world.run().verdict == "GOOD"
