# SPDX-License-Identifier: MIT
"""prosaas queues restore: a rollback to Python workers strands nothing."""
import os
import random
import subprocess
import sys
import threading
import time

import pytest

from harness import PATIENCE, QUEUE, SCHEDULED, WIP, chat_of, message, sized, wait_until, webhook
from jobs_cli_test import date, held, put  # noqa: F401 (a fixture)

STUB = """
import os
def webhook_process_job(tenant_id=None, messages=(), business_id=None):
    with open(os.environ["SEEN"], "a") as f:
        for m in messages:
            f.write(m["key"]["remoteJid"] + " " + m["key"]["id"] + "\\n")
"""


def python_worker(stage):
    """RQ's own worker, to the end of its queues; returns [(chat, message id)]."""
    folder = stage.dir / "python" / "server" / "jobs"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "webhook_process_job.py").write_text(STUB)
    for f in (folder, folder.parent):
        (f / "__init__.py").write_text("")
    seen = stage.dir / "seen"
    seen.unlink(missing_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "rq.cli", "worker", "--burst", "--url", stage.settings["REDIS_URL"], "--worker-class",
         "rq.SimpleWorker", "high", "default", "low"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(stage.dir / "python"), "SEEN": str(seen), "LC_ALL": "C.UTF-8"},
        timeout=90 * PATIENCE)
    assert done.returncode == 0, done.stdout
    return [tuple(line.split()) for line in seen.read_text().splitlines()] if seen.exists() else []


def restore(stage, *words, **more):
    return stage.cli("queues", "restore", "--yes", *words, **more)


def ours(stage):
    """Our keys that hold or order jobs."""
    return sorted(k for k in stage.redis.text.keys("prosaas:*") if not k.startswith(("prosaas:leader", "prosaas:session", "prosaas:vitals")))


def spread(stage):
    """One chat's jobs in every place, another's between; returns the order of arrival."""
    r = stage.redis.text
    lane = "1:chat"

    def job(id, at):
        return put(stage, id, at=at, prosaas_lane=lane)

    r.set("prosaas:lane:" + lane, job("holder", 3))  # a retry that is due: at the tail
    r.rpush("prosaas:lane:" + lane + ":wait", job("w1", 3), job("w2", 3), job("w3", 2))
    r.zadd("prosaas:waiting:default", {"w1": 1, "w2": 1, "w3": 1})
    r.zadd("prosaas:lanes", {lane: 1})
    r.rpush("prosaas:ready:default:1", job("r1", 3), job("r2", 4))
    r.rpush("prosaas:ready:default:", put(stage, "foreign", at=1))
    r.rpush("prosaas:tenants:default", "1", "")
    r.set("prosaas:dealt:default", 3)
    r.rpush("prosaas:holding:default", job("h1", 4), job("h2", 5))
    r.rpush(QUEUE, job("q1", 5), job("q2", 6), "holder")
    return ["foreign", "holder", "w1", "w2", "w3", "r1", "r2", "h1", "h2", "q1", "q2"]


def test_every_place_is_put_back_in_the_order_of_arrival(held):
    order = spread(held)
    done = held.cli("queues", "restore", code=2)
    assert done.stderr == "prosaas: this would put 8 jobs back: add --yes\n"
    assert "default: 2 held, 3 dealt out, 3 parked" in done.stdout and held.queued() == ["q1", "q2", "holder"]
    assert "default: 2 held, 3 dealt out, 3 parked" in restore(held).stdout
    assert held.queued() == order and ours(held) == []
    assert "default: nothing to put back" in held.cli("queues", "restore").stdout
    restore(held)
    assert held.queued() == order


def test_jobs_that_are_over_are_dropped_and_none_is_queued_twice(held):
    r = held.redis.text
    r.rpush("prosaas:holding:default", put(held, "a"), put(held, "off", "canceled"), "gone", "a")
    r.rpush(QUEUE, put(held, "b", at=1), "a")
    assert "1 held, 4 dropped" in restore(held).stdout
    assert held.queued() == ["a", "b"] and ours(held) == []


def test_other_queues_keep_what_is_theirs(held):
    r = held.redis.text
    r.set("prosaas:lane:1:c", put(held, "holder", queue="low", prosaas_lane="1:c"))
    r.rpush("prosaas:ready:low:1", "holder")
    r.rpush("prosaas:ready:default:x:1", put(held, "odd", queue="default:x"))  # a queue with a colon
    r.rpush("prosaas:lane:1:c:wait", put(held, "a", prosaas_lane="1:c"), put(held, "b", queue="low", prosaas_lane="1:c"))
    r.zadd("prosaas:lanes", {"1:c": 1})
    restore(held, "--queue", "default")
    assert held.queued() == ["a"]
    assert r.get("prosaas:lane:1:c") == "holder" and r.lrange("prosaas:lane:1:c:wait", 0, -1) == ["b"]
    assert r.zcard("prosaas:lanes") == 1 and r.exists("prosaas:ready:default:x:1", "prosaas:ready:low:1") == 2
    restore(held)
    assert r.lrange("rq:queue:low", 0, -1) == ["holder", "b"] and r.lrange("rq:queue:default:x", 0, -1) == ["odd"]
    assert ours(held) == []


def test_a_dead_workers_jobs_and_due_ones_go_back_too(held):
    r = held.redis.text
    r.zadd(WIP, {put(held, "dead", "started", worker_name="w"): 1, put(held, "alive", "started"): 2e9,
                 put(held, "python", "started", at=1): 1})
    r.hdel("rq:job:python", "prosaas_attempt")  # RQ's own: its cleaner's
    r.zadd("prosaas:due", {put(held, "debounced", "scheduled", at=2): 1, put(held, "lows", queue="low"): 1,
                           put(held, "over", "finished"): 1})
    assert "1 due, 1 left by dead workers, 1 dropped" in restore(held, "--queue", "default").stdout
    assert held.queued() == ["dead", "debounced"]
    assert r.hmget("rq:job:dead", "status", "prosaas_crashes") == ["queued", "1"]
    assert r.hget("rq:job:debounced", "status") == "queued"
    assert sorted(r.zrange(WIP, 0, -1)) == ["alive", "python"] and "lows" in r.zrange("prosaas:due", 0, -1)


def test_a_lane_held_by_a_job_that_waits_for_its_retry_is_free(held):
    held.redis.text.set("prosaas:lane:1:c", put(held, "retry", "scheduled", prosaas_lane="1:c"))
    held.redis.text.zadd(SCHEDULED, {"retry": 2e9})
    restore(held)
    assert ours(held) == [] and held.redis.text.zcard(SCHEDULED) == 1


def heartbeat(stage, seconds_ago, **fields):
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() - seconds_ago))
    stage.redis.text.sadd("rq:workers", "rq:worker:w1")
    stage.redis.text.hset("rq:worker:w1", mapping={"birth": at, "last_heartbeat": at, "version": "0.1",
                                                   "python_version": "none (prosaas)", **fields})


def test_it_is_refused_while_a_worker_of_ours_lives(held):
    spread(held)
    heartbeat(held, 3)
    for words in ([], ["--yes"]):
        done = held.cli("queues", "restore", *words, code=1)
        assert done.stderr == "prosaas: workers of ours live, stop them first (or --force): w1\n"
    assert len(held.queued()) == 3
    restore(held, "--force")
    assert len(held.queued()) == 11


@pytest.mark.parametrize("fields", [{"death": "2026-11-24T05:30:00.000000Z"}, {"python_version": "3.11.2"}, {}],
                         ids=["dead", "RQ's own", "silent for a minute"])
def test_workers_that_do_not_count(held, fields):
    heartbeat(held, 3 if fields else 60, **fields)
    restore(held)


def test_a_running_worker_is_found_and_a_stopped_one_is_not(stage):
    _, worker = stage.pipeline()
    wait_until(lambda: stage.cli("queues", "restore", code=None).returncode == 1, 10, "the worker is registered")
    worker.stop()
    restore(stage)


def scatter(stage, n):
    """n jobs in every place that has no order of its own, ten of each instant."""
    pipe, rng = stage.redis.text.pipeline(), random.Random(7)
    for i in range(n):
        pipe.hset(f"rq:job:m{i}", mapping={"status": "queued", "origin": "default", "created_at": date(i // 10)})
        pipe.rpush(rng.choice([QUEUE, QUEUE, "prosaas:holding:default", "prosaas:ready:default:1"]), f"m{i}")
    pipe.sadd("rq:queues", QUEUE)
    pipe.execute()


def is_whole(stage, n):
    ids = [int(id[1:]) for id in stage.queued()]
    return sorted(ids) == list(range(n)) and [i // 10 for i in ids] == sorted(i // 10 for i in ids) and ours(stage) == []


def test_many_jobs_in_any_order_come_out_sorted(held):
    n = sized(5000, 100000)
    scatter(held, n)
    restore(held)
    assert is_whole(held, n)


def test_a_redis_that_is_killed_in_the_midst_of_it_has_every_job_once(held):
    n = sized(20000, 100000)
    scatter(held, n)
    for after in (0.02, 0.05, 0.1):
        killer = threading.Timer(after * PATIENCE, held.redis.kill)
        killer.start()
        held.cli("queues", "restore", "--yes", code=None)
        killer.join()
        held.redis.restart()
        r = held.redis.text
        places = [r.lrange(k, 0, -1) for k in (QUEUE, "prosaas:holding:default", "prosaas:ready:default:1")]
        assert sorted(sum(places, [])) == sorted(f"m{i}" for i in range(n)), [len(p) for p in places]
    restore(held)
    assert is_whole(held, n)


def test_a_python_worker_works_everything_that_was_restored_in_the_order_of_each_chat(stage):
    """Ours is stopped in mid work, its jobs claimed, parked, dealt, held; RQ does the rest."""
    chats, each = 6, sized(10, 60)
    stage.start_ai()
    api, worker = stage.pipeline(tenant={"prompt": "You sell boats."}, WORKER_CONCURRENCY="4", JOB_RETRIES="9")
    stage.ai.faults("hang")
    for n in range(0, each, 2):  # two at a time: the second is parked while there is room
        for c in range(chats):
            for k in (n, n + 1):
                assert api.post(webhook(message(f"{c}-{k:03}", chat=chat_of(c)))).status == 200
    wait_until(lambda: stage.redis.text.zcard(WIP) >= 3, 15, "some run, the others wait")
    assert worker.stop(20) == 0
    places = " ".join(ours(stage))
    assert "prosaas:ready:default:1" in places and ":wait" in places, places
    stage.redis.text.delete("prosaas:leader:scheduler")
    restore(stage)
    assert ours(stage) == [] and stage.redis.text.zcard(WIP) == 0
    seen = python_worker(stage)
    assert len(seen) == chats * each == len(set(seen))
    for c in range(chats):
        assert [id for chat, id in seen if chat == chat_of(c)] == [f"{c}-{n:03}" for n in range(each)]
    assert stage.queued() == [] and stage.redis.text.zcard("rq:failed:default") == 0
