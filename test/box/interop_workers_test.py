# SPDX-License-Identifier: MIT
"""Our worker as RQ 1.13 sees and commands it (see fleet.py), its crashes and restarts, and
a fleet of both sides."""
import json
import os
import pickle
import random
import re
import signal
import time
from datetime import timedelta

from rq import Retry, Worker
from rq.command import (send_kill_horse_command, send_shutdown_command,
                        send_stop_job_command)
from rq.registry import StartedJobRegistry, clean_registries

from fleet import task
from harness import FAILED, FINISHED, LONG, PATIENCE, QUEUE, WIP, sized, wait_until, why_of

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")

# --- looking on ----------------------------------------------------------------

def test_rq_info_and_its_classes_see_our_worker_at_work(fleet):
    job = fleet.enqueue("sleep", 60)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    w = wait_until(lambda: next((w for w in Worker.all(connection=fleet.bytes)
                                 if w.get_current_job_id() == job.id), None), 10, "it says what it runs")
    assert w.get_state() == "busy" and w.pid == worker.pid
    assert [q.name for q in w.queues] == ["high", "default", "low", "prosaas"]
    assert w.get_current_job().args == (60,)
    assert StartedJobRegistry("default", connection=fleet.bytes).get_job_ids() == [job.id]
    said = fleet.rq("info")
    assert re.search(rf"{re.escape(w.name)}.*busy", said) and "1 workers, 4 queues" in said, said
    assert fleet.r.zscore(WIP, job.id) > time.time(), "and looking on changes nothing"


def test_a_lease_in_the_form_of_rq_2_is_understood(fleet):
    fleet.raw_job("two", pickle.dumps((task("add"), None, (1, 2), {})), status="started",
                  prosaas_attempt=1, worker_name="gone", started_at="2026-11-24T05:30:12.345678Z")
    fleet.r.delete(QUEUE)
    fleet.r.zadd(WIP, {"two:0123456789abcdef0123456789abcdef": 1})
    fleet.scheduler()
    fleet.worker()
    job = fleet.wait_status("two", "finished")
    assert job.result == 3 and fleet.r.zcard(WIP) == 0


def test_rq_info_again_and_again_does_not_take_our_leases_away(fleet):
    jobs = [fleet.enqueue("sleep", 4 * PATIENCE) for _ in range(5)]
    fleet.worker()
    for job in jobs:
        fleet.wait_running(job.id)
    while fleet.status(jobs[0].id) == "started":
        fleet.r.delete("rq:clean_registries:default")
        fleet.rq("info")
    for job in jobs:
        job = fleet.wait_status(job.id, "finished")
        assert fleet.r.hget(job.key, "prosaas_attempt") == "1"
        assert fleet.r.xlen(f"rq:results:{job.id}") == 1
    assert fleet.r.zcard(FAILED) == 0


def check_job_hash(h):
    """What viewers parse, one bad field is a page that does not open."""
    for field in ("created_at", "enqueued_at", "started_at", "ended_at", "last_heartbeat"):
        assert not h.get(field) or DATE.fullmatch(h[field]), (field, h[field])
    for field in ("timeout", "result_ttl", "failure_ttl", "ttl", "retries_left"):
        assert field not in h or re.fullmatch(r"-?\d+", h[field]), (field, h[field])
    assert isinstance(json.loads(h.get("retry_intervals", "[]")), list)
    assert h["status"] in ("queued", "started", "finished", "failed", "deferred", "scheduled",
                           "stopped", "canceled")
    assert h["origin"] == "default" and h["created_at"]
    if h["status"] in ("queued", "started", "finished", "failed"):
        assert h["enqueued_at"], "django-rq's statistics need it"


def test_what_dashboards_read_of_jobs_and_workers_is_as_rq_writes_it(fleet):
    ok, bad = fleet.enqueue("add", 1, 2), fleet.enqueue("fail", "x")
    later = fleet.enqueue("flaky", 1, retry=Retry(max=1, interval=100))
    ours = fleet.submit("add", 1, 2)
    worker = fleet.worker()
    fleet.wait_status(ok.id, "finished")
    fleet.wait_status(bad.id, "failed")
    fleet.wait_status(later.id, "scheduled")
    fleet.wait_status(ours, "finished")
    busy = fleet.enqueue("sleep", 60)
    fleet.wait_running(busy.id)
    waiting = fleet.submit("noop", options=["--in", 100])
    for id in (ok.id, bad.id, later.id, busy.id, ours, waiting):
        check_job_hash({k.decode(): v.decode(errors="replace")
                        for k, v in fleet.bytes.hgetall(f"rq:job:{id}").items()})

    [key] = fleet.r.smembers("rq:workers")
    wait_until(lambda: fleet.r.hget(key, "current_job") == busy.id, 10)
    h = fleet.r.hgetall(key)
    assert DATE.fullmatch(h["birth"]) and DATE.fullmatch(h["last_heartbeat"])
    assert int(h["pid"]) == worker.pid and h["state"] == "busy" and h["version"]
    assert h["queues"] == "high,default,low,prosaas" and h["hostname"] and "python_version" in h
    assert (int(h["successful_job_count"]), int(h["failed_job_count"])) == (2, 1)
    assert float(h["total_working_time"]) >= 0 and "ip_address" in h
    assert 0 < fleet.r.ttl(key) <= 480
    for q in ("high", "default", "low"):
        assert fleet.r.smembers(f"rq:workers:{q}") == {key}

    assert worker.alive()
    send_stop_job_command(fleet.bytes, busy.id)
    fleet.wait_status(busy.id, "stopped")
    wait_until(lambda: not fleet.r.hexists(key, "current_job"), 10, "it names no job that is over")
    assert worker.stop() == 0
    h = fleet.r.hgetall(key)
    assert DATE.fullmatch(h["death"]) and 0 < fleet.r.ttl(key) <= 60
    assert not fleet.r.smembers("rq:workers") and not fleet.r.smembers("rq:workers:default")


# --- commands ------------------------------------------------------------------

def test_their_stop_command_ends_a_job_of_ours(fleet):
    job = fleet.enqueue("sleep", 60, retry=Retry(max=3))
    other = fleet.enqueue("sleep", 60)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    fleet.wait_running(other.id)
    send_stop_job_command(fleet.bytes, job.id)
    job = fleet.wait_status(job.id, "stopped", 5)
    assert "stopped by user" in why_of(job) and fleet.r.zrange(FAILED, 0, -1) == [job.id]
    assert fleet.status(other.id) == "started" and worker.alive()
    assert fleet.r.zrange(WIP, 0, -1) == [other.id]


def test_their_shutdown_command_drains_our_worker(fleet):
    job = fleet.enqueue("sleep", 1)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    [w] = Worker.all(connection=fleet.bytes)
    send_shutdown_command(fleet.bytes, w.name)
    assert worker.wait() == 0
    assert fleet.status(job.id) == "finished", "what ran was finished first"


def test_their_kill_horse_command_ends_what_our_worker_runs(fleet):
    job = fleet.enqueue("sleep", 60)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    [w] = Worker.all(connection=fleet.bytes)
    send_kill_horse_command(fleet.bytes, w.name)
    wait_until(lambda: fleet.status(job.id) in ("stopped", "failed"), 10, "it ended")
    assert worker.alive() and fleet.r.zcard(WIP) == 0


def test_words_that_are_no_command_are_ignored(fleet):
    worker = fleet.worker()
    [w] = wait_until(lambda: Worker.all(connection=fleet.bytes), 10, "it has registered")
    for text in ("", "no json", "[]", "7", "{}", '{"command": 7}', '{"command": "dance"}',
                 '{"command": "stop-job"}', '{"command": "stop-job", "job_id": 7}', "[" * 100000,
                 '{"command": "stop-job", "job_id": "nobody"}', b"\xff\xfe\x00", "x" * (2 << 20)):
        assert fleet.bytes.publish(f"rq:pubsub:{w.name}", text) == 1
    job = fleet.enqueue("sleep", 60)
    fleet.wait_running(job.id)
    send_stop_job_command(fleet.bytes, job.id)
    fleet.wait_status(job.id, "stopped", 5)
    assert worker.alive()


def test_a_job_cancelled_in_the_window_of_its_pop_is_not_run(fleet):
    job = fleet.enqueue("add", 1, 2)
    fleet.r.lmove(QUEUE, "prosaas:holding:default", "LEFT", "RIGHT")  # as a blocked worker does
    job.cancel()
    fleet.worker()
    after = fleet.enqueue("add", 3, 4)
    fleet.wait_status(after.id, "finished")
    assert fleet.status(job.id) == "canceled" and not fleet.r.exists(f"rq:results:{job.id}")
    assert fleet.r.zrange("rq:canceled:default", 0, -1) == [job.id]
    fleet.stage.wait_at_rest()


def test_suspend_holds_our_workers_and_resume_lets_them_go(fleet):
    fleet.worker()
    fleet.rq("suspend")
    jobs = [fleet.enqueue("add", i, 1) for i in range(3)]
    w = wait_until(lambda: next((w for w in Worker.all(connection=fleet.bytes)
                                 if w.get_state() == "suspended"), None), 15, "it says so")
    assert {fleet.status(j.id) for j in jobs} == {"queued"} and w.name
    fleet.rq("resume")
    for job in jobs:
        fleet.wait_status(job.id, "finished")


# --- lives ---------------------------------------------------------------------

def test_a_dead_worker_of_ours_is_cleaned_up_by_theirs(fleet):
    lost = fleet.enqueue("sleep", 60)
    again = fleet.enqueue("flaky", 0, retry=Retry(max=1))
    fleet.r.hset(f"rq:job:{again.id}", "data", pickle.dumps((task("sleep"), None, (60,), {})))
    worker = fleet.worker()
    fleet.wait_running(lost.id)
    fleet.wait_running(again.id)
    worker.kill()
    fleet.bytes.hset(f"rq:job:{again.id}", "data", pickle.dumps((task("add"), None, (1, 2), {})))
    fleet.end_lease(lost.id)
    fleet.end_lease(again.id)
    fleet.rq_burst()
    assert fleet.status(lost.id) == "failed" and fleet.r.zscore(FAILED, lost.id)
    assert fleet.job(again.id).result == 3 and fleet.r.zcard(WIP) == 0


def test_what_their_cleaner_failed_of_a_dead_worker_of_ours_runs_again(fleet):
    job = fleet.enqueue("sleep", 0.5)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    worker.kill()
    fleet.end_lease(job.id)
    fleet.rq("info")
    fleet.scheduler()
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert fleet.r.zcard(FAILED) == 0 and fleet.r.hget(job.key, "prosaas_crashes") == "1"


def test_a_dead_worker_of_ours_is_cleaned_up_by_our_scheduler(fleet):
    job = fleet.enqueue("sleep", 0.5)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    worker.kill()
    fleet.end_lease(job.id)
    fleet.scheduler()
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert fleet.r.hget(job.key, "prosaas_attempt") == "2"


def test_a_job_that_crashes_its_workers_is_failed_in_the_end(fleet):
    job = fleet.enqueue("crash")
    good = fleet.enqueue("add", 1, 2)
    fleet.scheduler()
    worker = fleet.worker(ready=False)
    for _ in range(100):
        worker.asked_to_die = True
        wait_until(lambda: not worker.alive() or fleet.status(job.id) == "failed", 20)
        if fleet.status(job.id) == "failed":
            break
        if fleet.r.zscore(WIP, job.id):
            fleet.end_lease(job.id)
        if not worker.alive():
            worker.path.write_text("")  # its abort() is what we asked for
            worker.launch()
    assert fleet.job(job.id).get_status() == "failed"
    assert fleet.r.hget(f"rq:job:{job.id}", "prosaas_reason").startswith("poison")
    if not worker.alive():
        worker.path.write_text("")
        worker.launch()
    fleet.wait_status(good.id, "finished")


def test_lives_of_results_are_as_their_options_say(fleet):
    ask = {"default": {}, "short": {"result_ttl": 100}, "ever": {"result_ttl": -1}, "none": {"result_ttl": 0}}
    ok = {k: fleet.enqueue("add", 1, 2, **v) for k, v in ask.items()}
    bad = {k: fleet.enqueue("fail", "x", **v) for k, v in
           {"default": {}, "short": {"failure_ttl": 100}, "ever": {"failure_ttl": -1}}.items()}
    fleet.worker()
    for job in bad.values():
        fleet.wait_status(job.id, "failed")
    wait_until(lambda: not fleet.r.exists(ok["none"].key), 10, "it is gone at once")
    for name in ("default", "short", "ever"):
        fleet.wait_status(ok[name].id, "finished")

    def ttls(job):
        return [fleet.r.ttl(job.key), fleet.r.ttl(f"rq:results:{job.id}")]

    def near(seconds, values):
        return all(seconds - 60 <= v <= seconds for v in values)

    now = time.time()
    assert near(500, ttls(ok["default"])) and near(100, ttls(ok["short"])) and ttls(ok["ever"]) == [-1, -1]
    assert not fleet.r.exists(f"rq:results:{ok['none'].id}") and fleet.r.zscore(FINISHED, ok["none"].id) is None
    assert near(501, [fleet.r.zscore(FINISHED, ok["default"].id) - now])
    assert fleet.r.zscore(FINISHED, ok["ever"].id) == float("inf")
    assert near(31536000, ttls(bad["default"])) and near(100, ttls(bad["short"]))
    assert ttls(bad["ever"]) == [-1, -1] and fleet.r.zscore(FAILED, bad["ever"].id) == -1
    clean_registries(fleet.queue())
    assert fleet.r.zcard(FINISHED) == 3 and fleet.r.zcard(FAILED) == 3


def test_a_job_whose_time_to_live_ran_out_in_the_queue_is_skipped(fleet):
    late = fleet.enqueue("add", 1, 2, ttl=1)
    good = fleet.enqueue("add", 3, 4)
    wait_until(lambda: not fleet.r.exists(late.key), 5, "it expired")
    fleet.worker()
    assert fleet.wait_status(good.id, "finished").result == 7
    fleet.stage.wait_at_rest()
    assert fleet.r.zcard(FAILED) == 0 and not fleet.r.exists(late.key)


# --- the long road: crashes, restarts, a mixed fleet -------------------------------------

def finished_once(fleet, ids):
    """Each job is finished with one result; returns how often one was begun again."""
    again = 0
    for id in ids:
        h = fleet.r.hmget(f"rq:job:{id}", "status", "prosaas_attempt", "prosaas_crashes")
        assert h[0] == "finished", (id, h, fleet.nowhere())
        assert fleet.r.xlen(f"rq:results:{id}") == 1, id
        assert int(h[1]) == 1 + int(h[2] or 0), (id, h)
        again += int(h[2] or 0)
    assert fleet.nowhere() == []
    return again


def test_workers_killed_at_random_lose_nothing_and_run_nothing_twice_unseen(fleet):
    dice = random.Random(os.environ.get("SEED", "7"))
    n, kills = sized(150, 500), sized(3, 30)
    fleet.scheduler()
    workers = [fleet.worker(WORKER_CONCURRENCY=4) for _ in range(4)]
    jobs = []
    for _ in range(kills):
        at = fleet.r.zcard(FINISHED)
        jobs += [fleet.enqueue("sleep", dice.random() / 5) for _ in range(n // kills)]
        wait_until(lambda a=at: fleet.r.zcard(FINISHED) > a, 60, "something was finished")
        victim = dice.choice(workers)
        victim.kill()
        victim.restart()
    wait_until(lambda: fleet.r.zcard(FINISHED) == len(jobs), 120, "all are finished")
    finished_once(fleet, [j.id for j in jobs])
    assert fleet.r.zcard(WIP) == 0 and fleet.r.zcard(FAILED) == 0


def test_restarts_of_redis_lose_no_outcome_and_no_subscription(fleet):
    worker = fleet.worker()
    scheduler = fleet.scheduler()
    jobs = []
    for _ in range(sized(3, 20)):
        jobs += [fleet.enqueue("sleep", 0.3) for _ in range(5)]
        fleet.wait_running(jobs[-1].id)
        fleet.stage.redis.kill()
        fleet.stage.redis.restart()
    for job in jobs:
        fleet.wait_status(job.id, "finished", 40)
    finished_once(fleet, [j.id for j in jobs])
    assert worker.alive() and scheduler.alive()
    [w] = Worker.all(connection=fleet.bytes)
    wait_until(lambda: fleet.r.pubsub_numsub(f"rq:pubsub:{w.name}")[0][1] == 1, 15, "subscribed again")
    send_shutdown_command(fleet.bytes, w.name)
    assert worker.wait() == 0


def test_the_outcome_of_a_worker_that_was_away_too_long_is_dropped(fleet):
    job = fleet.enqueue("sleep", 1, retry=Retry(max=1))
    worker = fleet.worker()
    first = fleet.wait_running(job.id)
    worker.signal(signal.SIGSTOP)
    fleet.bytes.hset(job.key, "data", pickle.dumps((task("sleep"), None, (3 * PATIENCE,), {})))
    for client in fleet.r.client_list():  # else Redis goes on handing it ids
        if client["cmd"] == "blmove":
            fleet.r.client_kill_filter(_id=client["id"])
    fleet.end_lease(job.id)
    theirs = fleet.rq_worker("--burst")  # its cleaner retries the job, and it runs it
    wait_until(lambda: fleet.r.hget(job.key, "worker_name") not in ("", first.worker_name)
               and fleet.status(job.id) == "started", 20, "it runs there")
    worker.signal(signal.SIGCONT)  # its own sleep is soon over
    worker.wait_log("outcome refused", 20)
    assert fleet.status(job.id) == "started" and fleet.r.exists(f"rq:results:{job.id}") == 0
    assert theirs.wait(30) == 0
    done = fleet.job(job.id)
    assert done.get_status() == "finished" and done.worker_name != first.worker_name
    assert fleet.r.xlen(f"rq:results:{job.id}") == 1 and fleet.r.zcard(FINISHED) == 1


def test_a_mixed_fleet_does_everything_once(fleet):
    """Workers of both sides on the same queues, with retries, dependents, schedules and cancels."""
    dice = random.Random(os.environ.get("SEED", "7"))
    rounds = sized(12, 120)
    fleet.scheduler()
    fleet.worker(), fleet.worker()
    fleet.rq_worker(queues=["default"])
    fleet.rq_worker("--with-scheduler", queues=["default", "low"])
    wait_until(lambda: len(Worker.all(connection=fleet.bytes)) == 4, 20, "all four are there")
    plain, retried, children, cancelled, scheduled = [], [], [], [], []
    for _ in range(rounds):
        plain += [fleet.enqueue("add", 1, 2, queue=dice.choice(["default", "low"])) for _ in range(5)]
        retried.append(fleet.enqueue("flaky", 1, retry=Retry(max=3, interval=dice.choice([0, 1]))))
        children.append(fleet.enqueue("add", 3, 4, depends_on=dice.sample(plain[-5:], 2)))
        scheduled.append(fleet.queue("low").enqueue_in(timedelta(seconds=1), task("add"), 5, 6))
        job = fleet.enqueue("noop", queue="low")
        job.cancel()
        cancelled.append(job)
    want = [*((j, 3) for j in plain), *((j, 7) for j in children), *((j, 11) for j in scheduled)]
    for job, value in want:
        assert fleet.wait_status(job.id, "finished", 60).result == value
    for job in retried:
        assert fleet.wait_status(job.id, "finished", 60).result >= 2
    for job, _ in want:
        assert fleet.r.xlen(f"rq:results:{job.id}") == 1, "it ran once"
    assert fleet.nowhere() == [] and fleet.r.zcard(FAILED) == 0 and fleet.r.zcard("rq:failed:low") == 0
    assert {fleet.status(j.id) for j in cancelled} <= {"canceled", "finished"}, "RQ's worker looks at no status"
    names = {fleet.r.hget(j.key, "worker_name").startswith("prosaas-") for j in plain}
    assert names == {True, False} or not LONG, "both sides worked"
