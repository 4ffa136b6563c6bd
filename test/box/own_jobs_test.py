# SPDX-License-Identifier: MIT
"""Jobs of our own: their queue, their clock, and how one queues another."""
import json
import time

import pytest

from harness import CHAT, message, wait_until, webhook
from lanes_test import hold, release

OWN, FINISHED = "rq:queue:prosaas", "rq:finished:prosaas"
LANE = f"1:{CHAT}"


@pytest.fixture
def house(stage):
    stage.api, stage.worker = stage.pipeline(TEST_JOBS="on")
    return stage


def submit(house, *args, queue="prosaas", function="prosaas.test.follow"):
    """Enqueues a job without a tenant, as our own are; returns its id."""
    words = ("--queue", queue, "--args", json.dumps(args), "--retry", "3")
    return house.cli("jobs", "enqueue", function, *words).stdout.strip()


def field(house, id, name):
    return house.redis.text.hget(f"rq:job:{id}", name)


def wait_finished(house, id, seconds=10):
    wait_until(lambda: house.redis.text.zscore(FINISHED, id), seconds, f"{id} is finished")


# --- the queue and the clock -------------------------------------------------

def test_a_worker_serves_our_queue_last(house):
    from rq import Worker
    [worker] = Worker.all(connection=house.redis.bytes)
    assert worker.queue_names() == ["high", "default", "low", "maintenance", "broadcasts", "prosaas"]


def test_built_in_entries_run_without_a_file_and_without_a_line(house):
    r, minute = house.redis.text, int(time.time()) // 60 * 60
    r.hset("prosaas:cron", "prosaas.sessions", minute - 60)  # so that a slot is due
    r.hset("prosaas:scheduler:running", mapping={"since": 1, "seen": int(time.time() * 1000)})
    scheduler = house.start("scheduler")
    [id] = wait_until(lambda: r.zrange(FINISHED, 0, -1), 15, "the job is done")
    assert id.startswith("cron_") and field(house, id, "description").startswith("prosaas.sessions cron=prosaas.sessions")
    assert scheduler.metric('prosaas_cron_slots_total{outcome="run"}') == 1
    assert "Enqueued" not in scheduler.log() and id not in house.worker.log()


def test_an_entry_of_the_file_replaces_one_that_is_built_in(house):
    table = house.dir / "cron.json"
    table.write_text(json.dumps([{"name": "prosaas.sessions", "schedule": "@every 1s", "queue": "prosaas",
                                  "function": "prosaas.sessions"}]))
    scheduler = house.start("scheduler", CRON_FILE=table)
    wait_until(lambda: house.redis.text.zcard(FINISHED) >= 2, 15, "it runs each second")
    scheduler.wait_log("Enqueued cron=prosaas.sessions")


def test_jobs_without_a_tenant_are_retried_and_fail_like_others(house):
    house.start("scheduler")
    flaky = submit(house, 1, function="prosaas.test.flaky")
    wait_finished(house, flaky, 20)
    failed = submit(house, "why not", function="prosaas.test.fail")
    wait_until(lambda: house.redis.text.zscore("rq:failed:prosaas", failed), 10, "it fails")
    slow = house.cli("jobs", "enqueue", "prosaas.test.sleep", "--queue", "prosaas", "--args", "[60]", "--timeout", "1",
                     "--retry", "0").stdout.strip()
    wait_until(lambda: house.redis.text.zscore("rq:failed:prosaas", slow), 15, "its time is over")
    assert "maximum timeout" in field(house, slow, "prosaas_reason")


# --- a job queues another ----------------------------------------------------

def test_a_job_queues_another(house):
    first = submit(house, "next_1", "1")
    wait_finished(house, first)
    wait_finished(house, "next_1")
    job = house.job("next_1")
    assert job.origin == "prosaas" and job.func_name == "prosaas.test.echo" and job.kwargs == {"n": 1}
    assert job.retries_left == 3 and job.timeout == 300 and job.description == "prosaas.test.echo"
    assert field(house, "next_1", "prosaas_tenant") == "1" and field(house, "next_1", "prosaas_lane") is None


def test_a_job_that_exists_is_left_as_it_is(house):
    wait_finished(house, submit(house, "once", "1"))
    wait_finished(house, "once")
    ended = field(house, "once", "ended_at")
    wait_finished(house, submit(house, "once", "2"))
    assert field(house, "once", "ended_at") == ended and field(house, "once", "prosaas_tenant") == "1"


def test_it_waits_for_its_chat(house):
    [held] = hold(house, 1)
    lane = field(house, held, "prosaas_lane")
    wait_finished(house, submit(house, "behind", "1", lane))
    wait_until(lambda: house.redis.text.lrange(f"prosaas:lane:{lane}:wait", 0, -1) == ["behind"], 10, "it is parked")
    assert field(house, "behind", "status") == "queued"
    release(house)
    wait_finished(house, "behind")
    assert house.redis.text.get(f"prosaas:lane:{lane}") is None


def test_it_waits_for_its_time_and_then_for_its_chat(house):
    [held] = hold(house, 1)
    lane = field(house, held, "prosaas_lane")
    due = int(time.time()) + 2
    wait_finished(house, submit(house, "later", "1", lane, due))
    assert house.redis.text.zscore("rq:scheduled:prosaas", "later") == due
    assert field(house, "later", "status") == "scheduled"
    house.start("scheduler")
    wait_until(lambda: house.redis.text.lrange(f"prosaas:lane:{lane}:wait", 0, -1) == ["later"], 15, "it is parked")
    assert time.time() >= due
    release(house)
    wait_finished(house, "later")


def test_messages_go_on_when_a_job_of_our_own_waits_in_their_chat(house):
    """Who gathers the lines of a burst stops at what is no message."""
    house.worker.stop()
    worker = house.start("worker", REPLY_DEBOUNCE_MS="300")
    first = house.api.post(webhook(message("A"), message("B")))
    assert first.status == 200
    wait_finished(house, submit(house, "between", "1", LANE))
    house.api.post(webhook(message("C")))
    house.wait_at_rest()
    wait_finished(house, "between")
    texts = {m["provider_message_id"]: m["turn_id"] for m in house.inbound()}
    assert set(texts) == {"A", "B", "C"} and texts["A"] == texts["B"]
    assert worker.alive()


def test_a_job_that_runs_alone_can_queue_none_and_waits(house):
    """It has no Redis; it comes back when it has a worker of its own again, or a person looks."""
    house.worker.stop()
    id = submit(house, "never")
    house.redis.text.hset(f"rq:job:{id}", "prosaas_crashes", 2)
    worker = house.start("worker")
    worker.wait_log(rf"Waits job_id={id} .*reason=follow: no Redis here")
    assert field(house, id, "status") == "scheduled" and not house.redis.text.exists("rq:job:never")


def test_a_key_of_a_wrong_type_is_tried_again(house):
    house.redis.text.set("rq:scheduled:prosaas", "x")
    id = submit(house, "stuck", queue="default")
    house.worker.wait_log(rf"job_id={id} .*reason=follow: error rq:queue:prosaas")
    house.redis.text.delete("rq:scheduled:prosaas")
    house.start("scheduler")
    wait_finished(house, "stuck", 20)
