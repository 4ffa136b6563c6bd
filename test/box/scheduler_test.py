# SPDX-License-Identifier: MIT
"""The scheduler: due jobs, expired leases, one leader."""
import time

import pytest
from datetime import datetime, timedelta, timezone

from rq import Queue

from harness import FUNCTION, QUEUE, SCHEDULED, WIP, message, wait_until

LEADER = "prosaas:leader:scheduler"


@pytest.fixture
def house(stage):
    stage.start_redis()
    stage.prepare(default_text="hi")
    return stage


def schedule(house, seconds, name="default"):
    """A job of python-rq that is due in so many seconds."""
    return Queue(name, connection=house.redis.bytes).enqueue_at(
        datetime.now(timezone.utc) + timedelta(seconds=seconds), FUNCTION,
        tenant_id="1", messages=[message(f"S{seconds}")])


def test_an_id_that_comes_before_its_job_waits_for_it(house):
    """RQ's enqueue_at writes the id first, and the job in a step of its own."""
    scheduler = house.start("scheduler")
    the_leader(scheduler)
    r = house.redis.text
    r.zadd(SCHEDULED, {"early": int(time.time()) - 1})
    other = schedule(house, -1)
    wait_until(lambda: house.queued() == [other.id], 10, "it has looked")
    assert r.zscore(SCHEDULED, "early")
    r.hset("rq:job:early", mapping={"status": "scheduled", "origin": "default", "data": "x"})
    wait_until(lambda: "early" in house.queued(), 10, "moved")


def test_due_jobs_are_moved_and_others_wait(house):
    due = [schedule(house, -i) for i in range(1, 6)]
    later = schedule(house, 3600)
    other = schedule(house, -1, "low")
    house.start("scheduler")
    wait_until(lambda: len(house.queued()) == 5, 10, "five are moved")
    assert sorted(house.queued()) == sorted(j.id for j in due)
    assert house.redis.text.zrange(SCHEDULED, 0, -1) == [later.id]
    for job in due:
        assert house.job(job.id).get_status() == "queued"
        assert house.job(job.id).enqueued_at
    assert house.job(later.id).get_status() == "scheduled"
    wait_until(lambda: house.redis.text.lrange("rq:queue:low", 0, -1) == [other.id], 10, "its own queue")


def test_a_job_is_moved_when_its_time_comes(house):
    house.start("scheduler")
    job = schedule(house, 2)
    assert house.queued() == []
    wait_until(lambda: house.queued() == [job.id], 10, "moved")
    assert time.time() >= house.job(job.id).created_at.replace(tzinfo=timezone.utc).timestamp() + 1


def test_names_of_workers_that_were_killed_are_dropped(house):
    r = house.redis.text
    r.hset("rq:worker:lives", "birth", "2026-11-24T05:30:12.345678Z")
    for key in ("rq:workers", "rq:workers:default"):
        r.sadd(key, "rq:worker:killed", "rq:worker:lives")
    house.start("scheduler")
    wait_until(lambda: r.smembers("rq:workers") == {"rq:worker:lives"}, 10, "the dead one's name is gone")
    assert r.smembers("rq:workers:default") == {"rq:worker:lives"}


def test_more_due_jobs_than_one_act_takes(house):
    n = 3000
    with house.redis.bytes.pipeline() as p:
        for i in range(n):
            p.hset(f"rq:job:many{i}", mapping={"status": "scheduled", "origin": "default", "data": "x",
                                               "created_at": "2026-11-24T05:30:12.345678Z"})
            p.zadd(SCHEDULED, {f"many{i}": 1000 + i})
        p.sadd("rq:queues", QUEUE)
        p.execute()
    house.start("scheduler")
    wait_until(lambda: len(house.queued()) == n, 30, "all are moved")
    assert house.queued() == [f"many{i}" for i in range(n)], "in the order of their time"


def test_what_is_wrong_in_the_registry_does_no_harm(house):
    r = house.redis.text
    r.zadd(SCHEDULED, {"ghost": 1, "wrong": 2, "canceled": 3})
    r.set("rq:job:wrong", "x")
    r.hset("rq:job:canceled", mapping={"status": "canceled", "origin": "default", "data": "x",
                                       "created_at": "2026-11-24T05:30:12.345678Z"})
    r.sadd("rq:queues", QUEUE, "rq:queue:broken")
    r.set("rq:scheduled:broken", "x")
    scheduler = house.start("scheduler")
    job = schedule(house, -1)
    wait_until(lambda: job.id in house.queued(), 10, "the good one is moved")
    assert house.queued() == [job.id]
    assert r.get("rq:job:wrong") == "x" and r.hget("rq:job:canceled", "status") == "canceled"
    assert r.type("rq:job:ghost") == "none", "no job is made of nothing"
    assert scheduler.alive()


def claimed(house, id, expires_in, **fields):
    """A job as a worker of ours left it when it died."""
    r = house.redis.text
    at = "2026-11-24T05:30:12.345678Z"
    r.hset(f"rq:job:{id}", mapping={
        "status": "started", "origin": "default", "data": "x", "created_at": at, "enqueued_at": at,
        "started_at": at, "last_heartbeat": at, "worker_name": "gone", "timeout": "300",
        "prosaas_attempt": "1", "prosaas_tenant": "1", **fields})
    r.sadd("rq:queues", QUEUE)
    r.zadd(WIP, {id: int(time.time()) + expires_in})


def test_an_expired_lease_is_returned_to_the_queue(house):
    claimed(house, "dead", -20)
    claimed(house, "alive", 3600)
    house.start("scheduler")
    wait_until(lambda: house.queued() == ["dead"], 25, "returned")
    r = house.redis.text
    assert r.zrange(WIP, 0, -1) == ["alive"]
    assert r.hget("rq:job:dead", "status") == "queued"
    assert r.hget("rq:job:alive", "status") == "started"
    assert int(r.hget("rq:job:dead", "prosaas_crashes")) == 1


def test_a_job_that_crashes_its_workers_is_quarantined(house):
    claimed(house, "poison", -20, prosaas_crashes="5")
    house.start("scheduler")
    wait_until(lambda: house.redis.text.zscore("rq:failed:default", "poison"), 25, "quarantined")
    assert house.queued() == []
    assert house.redis.text.zcard(WIP) == 0
    assert house.redis.text.hget("rq:job:poison", "status") == "failed"


def leads(scheduler):
    return scheduler.metric("prosaas_leader") == 1


def the_leader(*schedulers):
    """Waits until exactly one leads."""
    wait_until(lambda: sum(map(leads, schedulers)) == 1, 20, "one leads")
    return next(s for s in schedulers if leads(s))


@pytest.mark.parametrize("how, seconds", [("kill", 15), ("stop", 15)])
def test_when_the_leader_goes_the_other_takes_over(house, how, seconds):
    a, b = house.start("scheduler"), house.start("scheduler")
    first = the_leader(a, b)
    second = b if first is a else a
    token = house.redis.text.get(LEADER)
    assert token and house.redis.text.pttl(LEADER) > 0
    getattr(first, how)()
    began = time.monotonic()
    wait_until(lambda: leads(second), seconds, "the other leads")
    print(f"take-over after {how}: {time.monotonic() - began:.1f} s")
    assert house.redis.text.get(LEADER) != token
    job = schedule(house, -1)
    wait_until(lambda: house.queued() == [job.id], 10, "it acts")


def test_a_leader_that_slept_does_not_act(house):
    a, b = house.start("scheduler"), house.start("scheduler")
    first = the_leader(a, b)
    second = b if first is a else a
    import signal
    first.signal(signal.SIGSTOP)
    wait_until(lambda: leads(second), 15, "the other leads")
    first.signal(signal.SIGCONT)
    wait_until(lambda: not leads(first), 15, "the sleeper has noticed")
    assert leads(second)
    jobs = [schedule(house, -1) for _ in range(50)]
    wait_until(lambda: len(house.queued()) >= 50, 10, "moved")
    assert sorted(house.queued()) == sorted(j.id for j in jobs), "each once"


def test_a_robbed_leader_does_not_act(house):
    scheduler = house.start("scheduler")
    the_leader(scheduler)
    house.redis.text.set(LEADER, "somebody else")
    job = schedule(house, -1)
    wait_until(lambda: not leads(scheduler), 15, "it has noticed")
    assert house.queued() == [] and house.redis.text.get(LEADER) == "somebody else"
    house.redis.text.delete(LEADER)
    wait_until(lambda: house.queued() == [job.id], 20, "it leads and acts again")


def test_a_leader_key_of_a_wrong_type_is_no_crash(house):
    house.redis.text.rpush(LEADER, "x")
    scheduler = house.start("scheduler", ready=False)
    wait_until(lambda: scheduler.get("/healthz").status == 200, 10)
    house.redis.text.delete(LEADER)
    wait_until(lambda: leads(scheduler), 20, "it leads once the key is mended")
