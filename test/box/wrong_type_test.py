# SPDX-License-Identifier: MIT
"""Keys of a wrong type: an error touches its own message only."""
import threading

import pytest

from harness import chat_of, message, statuses, storm, wait_until, webhook

GOOD = 20


@pytest.fixture(scope="module")
def running(module_stage):
    module_stage.start_redis()
    module_stage.api = module_stage.start("api")
    return module_stage


@pytest.fixture
def door(running):
    running.redis.bytes.flushall()
    return running


def post_together(door, *bad):
    """Posts bad ones amid good ones so that they share a batch: Redis stands
    still until all of them are in.  Returns the answers (bad, good)."""
    good = [webhook(message(f"G{i}", chat=chat_of(i))) for i in range(GOOD)]
    bodies = good[:GOOD // 2] + list(bad) + good[GOOD // 2:]
    got = []
    door.redis.pause()
    try:
        poster = threading.Thread(target=lambda: got.extend(
            storm(door.api.port, bodies, connections=len(bodies))))
        poster.start()
        wait_until(lambda: door.api.connections() >= len(bodies), 5)
    finally:
        door.redis.resume()
    poster.join()
    half = GOOD // 2
    return got[half:half + len(bad)], got[:half] + got[half + len(bad):]


def queued_ids(door):
    return [door.job(id).kwargs["messages"][0]["key"]["id"] for id in door.queued()]


def stored_or_refused(door, answer, id):
    """Never 200 for something that is not stored."""
    assert answer.status in (200, 503), answer
    assert (id in queued_ids(door)) == (answer.status == 200)


@pytest.mark.parametrize("kind", ["list", "set", "zset", "stream"])
def test_a_lock_of_a_wrong_type(door, kind):
    spoil(door.redis.text, "job_lock:webhook:baileys:BAD", kind)
    [bad], good = post_together(door, webhook(message("BAD")))
    assert statuses(good) == {200: GOOD}
    assert sorted(set(queued_ids(door)) - {"BAD"}) == sorted(f"G{i}" for i in range(GOOD))
    stored_or_refused(door, bad, "BAD")


def spoil(r, key, kind):
    r.delete(key)
    {"string": lambda: r.set(key, "x"), "list": lambda: r.rpush(key, "x"),
     "set": lambda: r.sadd(key, "x"), "zset": lambda: r.zadd(key, {"x": 1}),
     "hash": lambda: r.hset(key, "x", "y"), "stream": lambda: r.xadd(key, {"x": "y"})}[kind]()


@pytest.mark.parametrize("kind", ["string", "list", "set"])
def test_a_job_of_a_wrong_type(door, kind):
    door.api.post(webhook(message("BAD")))
    [id] = door.queued()
    door.redis.bytes.flushall()
    spoil(door.redis.text, f"rq:job:{id}", kind)
    [bad], good = post_together(door, webhook(message("BAD")))
    assert statuses(good) == {200: GOOD}
    assert bad.status == 503
    assert sorted(queued_ids(door)) == sorted(f"G{i}" for i in range(GOOD))
    door.redis.text.delete(f"rq:job:{id}")
    assert door.api.post(webhook(message("BAD"))).status == 200
    assert len(door.queued()) == GOOD + 1, "accepted once the key is mended"


@pytest.mark.parametrize("key, kind", [("rq:queue:default", "string"), ("rq:queue:default", "hash"),
                                       ("rq:queues", "string")])
def test_a_queue_of_a_wrong_type_stops_all_until_it_is_mended(door, key, kind):
    spoil(door.redis.text, key, kind)
    [bad], good = post_together(door, webhook(message("ONE")))
    assert statuses([bad, *good]) == {503: GOOD + 1}
    assert door.job_ids() == [], "nothing half done stays"
    assert not list(door.redis.text.scan_iter("job_lock:*"))
    door.redis.text.delete(key)
    [bad], good = post_together(door, webhook(message("ONE")))
    assert statuses([bad, *good]) == {200: GOOD + 1}
    assert len(door.queued()) == GOOD + 1


def test_a_failed_registry_of_a_wrong_type_stops_dead_letters_only(door):
    spoil(door.redis.text, "rq:failed:default", "string")
    [bad], good = post_together(door, webhook({"key": {"id": "TEST123"}}))
    assert statuses(good) == {200: GOOD}
    assert bad.status == 503
    door.redis.text.delete("rq:failed:default")
    assert door.api.post(webhook({"key": {"id": "TEST123"}})).status == 200
    assert len(door.failed()) == 1


def test_one_bad_message_in_a_request_of_many(door):
    spoil(door.redis.text, "job_lock:webhook:baileys:BAD", "list")
    door.api.post(webhook(message("A"), message("BAD"), message("B")))
    assert {"A", "B"} <= set(queued_ids(door))
    door.redis.text.delete("job_lock:webhook:baileys:BAD")
    assert door.api.post(webhook(message("A"), message("BAD"), message("B"))).status == 200
    assert sorted(queued_ids(door)) == ["A", "B", "BAD"], "the retry adds what was missing"
