# SPDX-License-Identifier: MIT
"""Alerts of the built-in evaluator: what is down or grows is told once, and once that it is over."""
import sqlite3
import time

from alarms import Often, firing, house, receiver, send, start  # noqa: F401  fixtures
from harness import PATIENCE, Raw, head, wait_until


def test_a_stopped_redis(house):
    start(house)
    house.redis.kill()
    house.receiver.heard("redis_failing", "firing")
    send(house, 5)
    house.redis.restart()
    house.receiver.heard("redis_failing", "firing", "resolved", seconds=60)
    assert not any(n["name"] == "no_scheduler" for n in house.receiver.notices), "one trouble, one alert"


def test_a_killed_scheduler_is_missed_by_a_worker(house):
    start(house)
    house.scheduler.kill()
    house.receiver.heard("no_scheduler", "firing", seconds=60)
    assert "no_scheduler" in firing(house)
    house.scheduler.restart()
    house.receiver.heard("no_scheduler", "firing", "resolved", seconds=60)


def test_a_session_that_is_down(house):
    house.settings |= {"ALERT_SESSION_DOWN_S": 1}
    start(house)
    def tell(state):
        assert house.api.post({"tenantId": "1", "connection": state}, path="/webhook/whatsapp/status").status == 200
    tell("open")
    wait_until(lambda: house.scheduler.metric('prosaas_gateway_sessions{state="connected"}') == 1, 10, "seen")
    tell("close")
    house.receiver.heard("session_down", "firing")
    assert house.scheduler.metric("prosaas_gateway_session_down_seconds") >= 1
    assert "tenant 1: disconnected" in next(n["text"] for n in house.receiver.notices if n["name"] == "session_down")
    tell("open")
    house.receiver.heard("session_down", "firing", "resolved")


def test_a_database_that_is_locked(house):
    start(house)
    db = sqlite3.connect(f"{house.data}/prosaas.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with Often(house, pause=0.5):
        house.receiver.heard("database_failing", "firing")
    db.execute("ROLLBACK")
    db.close()
    house.receiver.heard("database_failing", "firing", "resolved", seconds=60)


def test_a_redis_that_grows(house):
    house.settings |= {"ALERT_MEMORY_WINDOW_S": 3, "ALERT_MEMORY_MIN_MB": 1}
    start(house)
    grown = 0
    end = time.monotonic() + 40 * PATIENCE
    while "redis_memory_growing" not in {n["name"] for n in house.receiver.notices}:
        assert time.monotonic() < end, "not told"
        house.redis.bytes.set(f"filler:{grown}", b"x" * (1 << 20))
        grown += 1
        time.sleep(0.1)  # growth is by time
    for i in range(grown):
        house.redis.bytes.delete(f"filler:{i}")
    house.receiver.heard("redis_memory_growing", "firing", "resolved")


def test_a_process_that_grows(house):
    house.settings |= {"ALERT_MEMORY_WINDOW_S": 3, "ALERT_MEMORY_MIN_MB": 1, "REQUEST_TIMEOUT_MS": "100000"}
    start(house)
    wait_until(lambda: house.redis.text.hlen("prosaas:vitals") == 3, 10, "all tell how they fare")
    held = []
    end = time.monotonic() + 40 * PATIENCE
    while not house.receiver.of("process_memory_growing"):
        assert time.monotonic() < end, "not told"
        held.append(Raw(house.api.port))  # most of a body, and no more
        held[-1].send(head(Content_Length="1000000", Content_Type="application/json") + b" " * 900_000)
        time.sleep(0.1)  # growth is by time
    for raw in held:
        raw.sock.close()
    house.receiver.heard("process_memory_growing", "firing", "resolved")
    assert "api:" in next(n["detail"] for n in house.receiver.notices if n["name"] == "process_memory_growing")
