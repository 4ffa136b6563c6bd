# SPDX-License-Identifier: MIT
"""Redis dead, hung, full, slow to come: 503, nothing lost, nothing twice."""
import threading
import time

import pytest

from harness import PATIENCE, message, statuses, storm, sized, wait_until, webhook

GUIDE = webhook({"key": {"id": "TEST123"}})
DEADLINE = 0.5  # ENQUEUE_DEADLINE_MS of these tests
SLACK = 0.7


@pytest.fixture
def door(stage):
    stage.start_redis()
    stage.api = stage.start("api", ENQUEUE_DEADLINE_MS=int(DEADLINE * 1000))
    return stage


def refused(answer):
    assert answer.status == 503, answer
    assert answer.json() == {"error": "service_unavailable",
                             "message": "Job queue temporarily unavailable"}
    assert answer.headers["Content-Type"].startswith("application/json")
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.seconds < (DEADLINE + SLACK) * PATIENCE
    return True


def test_the_guides_error_tests(door):
    assert door.api.post(webhook(message("BEFORE"))).status == 200
    door.redis.kill()
    assert refused(door.api.post(GUIDE))
    assert refused(door.api.post(webhook(message("TEST123"))))
    door.redis.restart()
    back = time.monotonic()
    wait_until(lambda: door.api.post(webhook(message("TEST123"))).status == 200, 5)
    assert time.monotonic() - back < 1.5 * PATIENCE, "it comes back soon after Redis does"
    assert door.api.post(webhook(message("TEST123"))).status == 200
    assert door.api.post(GUIDE).status == 200
    ids = [door.job(id).kwargs["messages"][0]["key"]["id"] for id in door.queued()]
    assert ids == ["BEFORE", "TEST123"], "what was accepted survived; nothing is there twice"
    assert len(door.failed()) == 1
    assert "[WEBHOOK_JOB]" not in door.api.log(), "no fallback works inline"


def test_readiness_follows_redis_and_liveness_does_not(door):
    assert door.api.get("/readyz").status == 200
    door.redis.kill()
    wait_until(lambda: door.api.get("/readyz").status == 503, 5, "not ready")
    assert "redis" in door.api.get("/readyz").body.decode().lower()
    assert door.api.get("/healthz").status == 200
    assert door.api.metric("prosaas_redis_up") == 0
    door.redis.restart()
    wait_until(lambda: door.api.get("/readyz").status == 200, 5, "ready again")


def test_a_start_before_redis(stage):
    stage.start_redis()
    stage.redis.kill()
    api = stage.start("api", ready=False, ENQUEUE_DEADLINE_MS=500)
    assert api.get("/readyz").status == 503
    assert refused(api.post(webhook(message("A1"))))
    stage.redis.restart()
    wait_until(lambda: api.post(webhook(message("A1"))).status == 200, 5)
    assert len(stage.queued()) == 1


def test_a_hung_redis_is_503_in_time_and_the_retry_is_safe(door):
    assert door.api.post(webhook(message("FIRST"))).status == 200
    door.redis.pause()
    answers = storm(door.api.port, [webhook(message(f"H{i}")) for i in range(40)], connections=20)
    assert all(map(refused, answers))
    wait_until(lambda: door.api.get("/readyz").status == 503, 5, "not ready")
    assert door.api.get("/healthz").status == 200
    door.redis.resume()
    answers = storm(door.api.port, [webhook(message(f"H{i}")) for i in range(40)], again_on=(503,))
    assert statuses(answers) == {200: 40}
    assert len(door.queued()) == len(set(door.queued())) == 41


def test_a_redis_killed_again_and_again_under_load(door):
    n = sized(1500, 20000)
    bodies = [webhook(message(f"L{i}")) for i in range(n)]
    answers = []
    load = threading.Thread(target=lambda: answers.extend(storm(
        door.api.port, bodies, connections=32, again_on=(503,))))
    load.start()
    for round in range(1, 4):
        def some_are_in():
            return not load.is_alive() or len(door.queued()) >= n * round // 5
        wait_until(some_are_in, 60)
        door.redis.kill()
        door.redis.restart()
    load.join()
    assert statuses(answers) == {200: n}
    ids = [door.job(id).kwargs["messages"][0]["key"]["id"] for id in door.queued()]
    assert sorted(ids) == sorted(f"L{i}" for i in range(n)), "each exactly once"


def test_a_full_redis_refuses_and_evicts_nothing(door):
    r = door.redis.text
    r.config_set("maxmemory", r.info("memory")["used_memory"] + 600_000)
    def post(i):
        return door.api.post(webhook(message(f"M{i}", "x" * 20000)))
    taken = []
    for i in range(500):
        a = post(i)
        if a.status != 200:
            break
        taken.append(f"M{i}")
    assert refused(a)
    assert 0 < len(taken) < 500
    assert r.info("stats")["evicted_keys"] == 0
    assert [door.job(id).kwargs["messages"][0]["key"]["id"] for id in door.queued()] == taken
    assert door.api.get("/healthz").status == 200
    r.config_set("maxmemory", 0)
    wait_until(lambda: post(len(taken)).status == 200, 5, "room again")
    assert len(door.queued()) == len(taken) + 1


def test_a_redis_that_asks_for_a_password(stage):
    stage.start_redis()
    stage.redis.text.config_set("requirepass", "open-sesame")
    closed = stage.start("api", ready=False, ENQUEUE_DEADLINE_MS=500)
    assert closed.post(webhook(message("P1"))).status == 503
    url = f"redis://:open-sesame@127.0.0.1:{stage.redis.port}"
    api = stage.start("api", REDIS_URL=url)
    assert api.post(webhook(message("P1"))).status == 200
    assert "open-sesame" not in api.log() + closed.log()
