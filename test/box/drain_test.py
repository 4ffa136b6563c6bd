# SPDX-License-Identifier: MIT
"""SIGTERM: what is in flight is answered or handed back, and the exit is 0."""
import signal
import socket

import pytest

from harness import (FINISHED, WIP, Raw, chat_of, encode, head, message, wait_until, webhook)


@pytest.fixture
def door(stage):
    stage.start_redis()
    stage.api = stage.start("api", ENQUEUE_DEADLINE_MS=10000)
    return stage


def test_an_api_answers_what_is_in_flight(door):
    door.redis.pause()
    raws = [Raw(door.api.port) for _ in range(30)]
    for i, raw in enumerate(raws):
        body = encode(webhook(message(f"D{i}")))
        raw.send(head(Content_Length=len(body)) + body)
    wait_until(lambda: door.api.connections() >= 30, 10, "all are connected")
    door.api.signal(signal.SIGTERM)
    door.redis.resume()
    for raw in raws:
        answer = raw.answer()
        assert answer.status == 200 and answer.headers["Connection"] == "close"
        assert raw.closed()
    assert len(door.queued()) == 30
    assert door.api.wait() == 0


def test_an_api_lets_a_half_sent_request_finish(door):
    body = encode(webhook(message("HALF")))
    with Raw(door.api.port) as raw, Raw(door.api.port) as idle:
        raw.send(head(Content_Length=len(body)) + body[:20])
        wait_until(lambda: door.api.connections() >= 2, 5)
        door.api.signal(signal.SIGTERM)
        assert idle.closed(), "an idle connection is closed"
        assert raw.send(body[20:]).answer().status == 200
        assert raw.closed()
    assert door.api.wait() == 0
    assert len(door.queued()) == 1


def test_a_draining_api_takes_no_new_connection(door):
    with Raw(door.api.port) as raw:
        raw.send(head(Content_Length=100))
        wait_until(lambda: door.api.connections() >= 1, 5)
        door.api.signal(signal.SIGTERM)

        def refused():
            try:
                socket.create_connection(("127.0.0.1", door.api.port), 2).close()
            except ConnectionRefusedError:
                return True
            return False
        wait_until(refused, 5, "connections are refused")
        assert door.api.alive(), "it still waits for the request in flight"
    assert door.api.wait() == 0


def test_a_drain_ends_at_its_timeout(stage):
    stage.start_redis()
    api = stage.start("api", DRAIN_TIMEOUT=1)
    with Raw(api.port) as raw:
        raw.send(head(Content_Length=100))
        wait_until(lambda: api.connections() >= 1, 5)
        assert api.stop(6) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("role", ["api", "worker", "scheduler"])
def test_an_idle_role_ends_at_once(stage, role, number):
    stage.start_redis()
    stage.start_gateway()
    stage.prepare()
    p = stage.start(role)
    p.signal(number)
    assert p.wait(5) == 0


def sending(stage):
    """A message of which the reply is being sent."""
    return stage.rows("SELECT 1 FROM messages WHERE status = 'sending'")


def test_a_worker_finishes_the_jobs_in_hand(stage):
    api, worker = stage.pipeline()
    for i, ms in enumerate((2500, 1000)):  # they end one after the other
        stage.gateway.faults("slow", times=1, ms=ms)
        api.post(webhook(message(f"W{i}", chat=chat_of(i))))
        wait_until(lambda: len(stage.gateway.sent()) == i + 1, 10, "the gateway has it")
    assert worker.stop(10) == 0
    assert stage.redis.text.zcard(FINISHED) == 2 and stage.redis.text.zcard(WIP) == 0
    assert [r["status"] for r in stage.replies()] == ["sent", "sent"]
    assert len(stage.gateway.sent()) == 2
    assert not stage.redis.text.smembers("rq:workers"), "it signs off"


def test_a_drained_worker_claims_nothing_more(stage):
    api, worker = stage.pipeline(WORKER_CONCURRENCY=1)
    stage.gateway.faults("slow", ms=1000)
    for i in range(5):
        api.post(webhook(message(f"C{i}", chat=chat_of(i))))
    wait_until(lambda: sending(stage), 10, "the first is being sent")
    assert worker.stop(10) == 0
    done = len(stage.gateway.sent())
    assert done < 5 and stage.redis.text.zcard(WIP) == 0
    stage.gateway.faults("slow", ms=0)
    worker.restart()
    wait_until(lambda: len(stage.gateway.sent()) == 5, 15, "the rest")
    stage.wait_at_rest()
    assert len(stage.replies()) == 5


def test_a_worker_hands_back_what_it_cant_finish(stage):
    api, worker = stage.pipeline(DRAIN_TIMEOUT=1)
    stage.gateway.faults("hang")
    api.post(webhook(message("H1")))
    wait_until(lambda: sending(stage), 10, "the reply is being sent")
    assert worker.stop(8) == 0
    r = stage.redis.text
    [id] = stage.queued()
    assert r.zcard(WIP) == 0
    assert r.hget(f"rq:job:{id}", "status") == "queued"
    assert r.hget(f"rq:job:{id}", "prosaas_crashes") in (None, "0"), "a drain is no crash"
    stage.gateway.faults("slow", times=1, ms=0)
    worker.restart()
    wait_until(lambda: r.zcard(FINISHED) == 1, 15, "worked by the next")
    assert sum(s["first"] for s in stage.gateway.sent()) == 1
    assert len(stage.replies()) == 1


def test_a_worker_that_stops_while_redis_restarts_leaves_no_trace(stage):
    stage.start_redis()
    stage.prepare()
    worker = stage.start("worker")
    wait_until(lambda: stage.redis.text.smembers("rq:workers"), 10, "it is registered")
    stage.redis.kill()
    worker.wait_log("Redis lost")
    worker.signal(signal.SIGTERM)
    worker.wait_log("draining")
    stage.redis.restart()
    assert worker.wait(10) == 0
    assert not stage.redis.text.smembers("rq:workers")
