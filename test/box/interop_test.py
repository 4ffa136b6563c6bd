# SPDX-License-Identifier: MIT
"""Jobs of both sides on workers of both sides (RQ 1.13, see fleet.py): values, failures,
retries, schedules, dependencies, order."""
import pickle
import re
import threading
import time
import zlib
from datetime import datetime, timedelta

import pytest
from rq import Retry, Worker
from rq.job import Dependency
from rq.registry import FinishedJobRegistry, StartedJobRegistry
from rq.results import Result
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from fleet import task
from harness import FAILED, PATIENCE, QUEUE, SCHEDULED, WIP, sized, wait_until, why_of

NESTED = [1, "é ⌘ \U0001f600", -5, 70000, 2**40, -2**63, 2**64, 10**30, 1.5, -0.25, None, True,
          False, [], {}, {"x": {"y": [None, [1, {"z": ""}]]}}, "a\nb\0c", "x" * 3000]



# --- calls and values ----------------------------------------------------------

def test_a_job_of_ours_runs_on_their_worker_and_its_value_is_exact(fleet):
    id = fleet.submit("echo", *NESTED, kwargs={"key": NESTED, "ünï": 1})
    fleet.rq_burst()
    job = fleet.job(id)
    assert job.get_status() == "finished"
    assert repr(job.result) == repr({"args": NESTED, "kwargs": {"key": NESTED, "ünï": 1}})


@pytest.mark.parametrize("args", [(), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)], ids=len)
def test_a_job_of_ours_has_as_many_arguments_as_it_was_given(fleet, args):
    job = fleet.job(fleet.submit("echo", *args))
    assert job.args == args and job.kwargs == {} and job.func_name == task("echo")
    fleet.rq_burst()
    assert job.result == list(args)


def test_a_job_of_theirs_runs_on_our_worker_and_its_value_is_exact(fleet):
    job = fleet.enqueue("echo", *NESTED, kwargs={"key": NESTED, "ünï": 1})
    worker = fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert repr(job.result) == repr({"args": NESTED, "kwargs": {"key": NESTED, "ünï": 1}})
    [name] = [w.name for w in Worker.all(connection=fleet.bytes)]
    assert job.worker_name == name
    assert job.created_at <= job.enqueued_at <= job.started_at <= job.ended_at
    assert job.latest_result().type == Result.Type.SUCCESSFUL
    assert job.id in FinishedJobRegistry("default", connection=fleet.bytes)
    assert StartedJobRegistry("default", connection=fleet.bytes).count == 0
    assert worker.alive()


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_pickle_protocol_of_theirs_is_read(fleet, protocol):
    three = {3} if protocol >= 4 else [3]  # before, a set is made by a call
    call = (task("echo"), None, (NESTED, (1, 2), three, NESTED), {})
    fleet.raw_job("p", pickle.dumps(call, protocol))
    fleet.raw_job("z", zlib.compress(pickle.dumps(call, protocol), 9))
    fleet.worker()
    for id in ("p", "z"):
        assert fleet.wait_status(id, "finished").result == [NESTED, [1, 2], [3], NESTED]


def test_a_job_that_returns_none_has_no_value(fleet):
    job = fleet.enqueue("noop")
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert job.result is None and job.latest_result().return_value is None
    [(_, fields)] = fleet.r.xrange(f"rq:results:{job.id}")
    assert "return_value" not in fields


def test_json_jobs_go_both_ways_and_are_answered_in_json(fleet):
    theirs = fleet.enqueue("echo", *NESTED, serializer=JSONSerializer)
    worker = fleet.worker()
    wait_until(lambda: fleet.status(theirs.id) == "finished", 15)
    assert fleet.job(theirs.id, JSONSerializer).result == NESTED
    assert worker.stop() == 0

    ours = fleet.submit("echo", *NESTED, kwargs={"a": 1}, RQ_SERIALIZER="json")
    fleet.rq_burst("--serializer", "rq.serializers.JSONSerializer")
    assert fleet.status(ours) == "finished"
    assert fleet.job(ours, JSONSerializer).result == {"args": NESTED, "kwargs": {"a": 1}}


def test_both_forms_are_worked_side_by_side(fleet):
    jobs = [fleet.enqueue("add", i, 1, serializer=JSONSerializer if i % 2 else None) for i in range(10)]
    fleet.worker()
    for i, job in enumerate(jobs):
        wait_until(lambda j=job: fleet.status(j.id) == "finished", 10)
        assert fleet.job(job.id, JSONSerializer if i % 2 else None).result == i + 1


def test_meta_of_theirs_is_left_as_it_was(fleet):
    meta = {"who": "ünï", "n": [1, 2]}
    job = fleet.enqueue("add", 1, 2, meta=meta)
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert job.meta == meta and job.get_meta() == meta and job.result == 3


# --- failures ------------------------------------------------------------------

def test_a_failure_on_our_worker_reads_like_one_of_theirs_and_can_be_requeued(fleet):
    job = fleet.enqueue("fail", "no such lück")
    fleet.worker()
    job = fleet.wait_status(job.id, "failed")
    assert job.latest_result().type == Result.Type.FAILED
    assert "no such lück" in why_of(job) and job.is_failed and job.ended_at
    registry = fleet.queue().failed_job_registry
    assert registry.get_job_ids() == [job.id]
    assert fleet.r.zscore(WIP, job.id) is None

    job.requeue()
    wait_until(lambda: fleet.r.xlen(f"rq:results:{job.id}") == 2, 10, "it failed again")
    assert fleet.status(job.id) == "failed" and registry.get_job_ids() == [job.id]


def test_a_failure_on_their_worker_is_listed_and_retried_by_our_command_line(fleet):
    id = fleet.submit("noop")
    fleet.rq_burst(PYTHON_FAILS="1")
    assert fleet.status(id) == "failed"
    assert id in fleet.stage.cli("jobs", "list", "--status", "failed").stdout
    assert "python fails" in fleet.stage.cli("jobs", "show", id).stdout
    fleet.stage.cli("jobs", "retry", id)
    fleet.worker()
    fleet.wait_status(id, "finished")


def test_a_pickle_that_needs_python_fails_with_a_readable_reason_and_the_next_job_runs(fleet):
    bad = fleet.enqueue("echo", datetime(2026, 11, 24))
    good = fleet.enqueue("add", 1, 2)
    fleet.worker()
    assert fleet.wait_status(good.id, "finished").result == 3
    job = fleet.wait_status(bad.id, "failed")
    assert re.search(r"undecodable: .*(GLOBAL|REDUCE)", why_of(job)), why_of(job)
    assert job.args == (datetime(2026, 11, 24),), "the job is still theirs to read"


def test_a_timeout_fails_the_job_with_rqs_words(fleet):
    job = fleet.enqueue("sleep", 60, timeout=1)
    worker = fleet.worker()
    job = fleet.wait_status(job.id, "failed", 20)
    assert "Task exceeded maximum timeout value (1 seconds)" in why_of(job)
    assert job.ended_at - job.started_at < timedelta(seconds=10 * PATIENCE)
    assert fleet.r.zcard(FAILED) == 1 and fleet.r.zcard(WIP) == 0
    assert worker.alive()


def test_a_timeout_is_retried_while_there_are_retries(fleet):
    job = fleet.enqueue("sleep", 60, timeout=1, retry=Retry(max=1, interval=100))
    fleet.worker()
    fleet.wait_status(job.id, "scheduled", 20)
    assert fleet.job(job.id).retries_left == 0 and fleet.r.zcard(FAILED) == 0


# --- retries and schedules -----------------------------------------------------

def test_a_retry_that_our_worker_scheduled_is_run_by_theirs(fleet):
    job = fleet.enqueue("flaky", 1, retry=Retry(max=3, interval=[100, 200]))
    worker = fleet.worker()
    fleet.wait_status(job.id, "scheduled")
    due = fleet.r.zscore(SCHEDULED, job.id)
    assert time.time() + 60 < due <= time.time() + 101, "the first interval"
    assert fleet.r.xlen(f"rq:results:{job.id}") == 0, "a retry leaves no result"
    assert fleet.job(job.id).retries_left == 2
    assert worker.stop() == 0
    fleet.make_due(job.id)
    fleet.rq_burst("--with-scheduler")
    assert fleet.job(job.id).result == 2


def test_the_intervals_of_retries_go_as_rq_counts_them(fleet):
    """[100, 200] with three: 100, 100, 200.  The first value repeats."""
    job = fleet.enqueue("flaky", 9, retry=Retry(max=3, interval=[100, 200]))
    fleet.worker()
    fleet.scheduler()
    for left, interval in ((2, 100), (1, 100), (0, 200)):
        wait_until(lambda n=left: fleet.job(job.id).retries_left == n
                   and fleet.status(job.id) == "scheduled", 15, f"{left} retries left")
        wait = fleet.r.zscore(SCHEDULED, job.id) - time.time()
        assert interval - 20 < wait < interval + 2, (left, wait)
        fleet.make_due(job.id)
    job = fleet.wait_status(job.id, "failed")
    assert "flaky" in why_of(job) and fleet.r.zcard(SCHEDULED) == 0


def test_a_retry_without_an_interval_comes_at_once(fleet):
    job = fleet.enqueue("flaky", 2, retry=Retry(max=2))
    fleet.worker()
    assert fleet.wait_status(job.id, "finished").result == 3


def test_a_retry_that_their_worker_scheduled_is_run_by_ours(fleet):
    job = fleet.enqueue("noop", retry=Retry(max=2, interval=[50]))
    fleet.rq_burst(PYTHON_FAILS="1")
    assert fleet.status(job.id) == "scheduled"
    fleet.make_due(job.id)
    fleet.scheduler()
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert job.retries_left == 1 and fleet.r.zcard(SCHEDULED) == 0


def test_a_job_they_scheduled_is_moved_and_run_by_ours(fleet):
    fleet.scheduler()
    fleet.worker()
    job = fleet.queue().enqueue_in(timedelta(seconds=1), task("add"), 1, 2)
    assert fleet.status(job.id) == "scheduled"
    job = fleet.wait_status(job.id, "finished")
    assert job.result == 3
    assert job.enqueued_at >= job.created_at + timedelta(milliseconds=500)
    assert fleet.r.zcard(SCHEDULED) == 0


@pytest.mark.parametrize("when", ["--in", "--at"])
def test_a_job_we_scheduled_is_moved_and_run_by_theirs(fleet, when):
    at = int(time.time()) + 100
    id = fleet.submit("add", 1, 2, options=[when, 100 if when == "--in" else at])
    job = fleet.job(id)
    assert job.get_status() == "scheduled" and not job.enqueued_at
    assert abs(fleet.r.zscore(SCHEDULED, id) - at) <= 2
    fleet.make_due(id)
    fleet.rq_burst("--with-scheduler")
    assert fleet.job(id).result == 3


def test_retries_of_a_job_of_ours_are_spent_by_their_worker(fleet):
    id = fleet.submit("flaky", 2, options=["--retry", 2])
    fleet.rq_burst()
    job = fleet.job(id)
    assert job.get_status() == "finished" and job.result == 3 and job.retries_left == 0


def test_schedulers_of_both_sides_together_move_each_due_job_once(fleet):
    n = sized(200, 1000)
    ids = [f"due-{i}" for i in range(n)]
    pipe = fleet.bytes.pipeline()
    pipe.sadd("rq:queues", QUEUE)
    data = pickle.dumps((task("noop"), None, (), {}), 2)
    for id in ids:
        pipe.hset(f"rq:job:{id}", mapping={"status": "scheduled", "origin": "default", "data": data,
                                           "created_at": "2026-11-24T05:30:12.345678Z"})
        pipe.zadd(SCHEDULED, {id: time.time() + 2})
    pipe.execute()
    fleet.scheduler()
    fleet.scheduler()
    theirs = RQScheduler(["default"], connection=fleet.bytes)
    stop = threading.Event()

    def tick():
        while not stop.is_set():
            theirs.acquire_locks()
            if theirs.acquired_locks:
                theirs.enqueue_scheduled_jobs()
                theirs.heartbeat()
            stop.wait(0.2)

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        wait_until(lambda: fleet.r.zcard(SCHEDULED) == 0, 100, "all are due and moved")
    finally:
        stop.set()
        thread.join()
    assert sorted(fleet.r.lrange(QUEUE, 0, -1)) == sorted(ids)
    assert {fleet.status(id) for id in ids} == {"queued"}


# --- dependencies --------------------------------------------------------------

def test_dependents_of_theirs_run_on_our_worker_in_order(fleet):
    first = fleet.enqueue("sleep", 0.3)
    second = fleet.enqueue("add", 1, 2, depends_on=first)
    third = fleet.enqueue("add", 3, 4, depends_on=second)
    assert fleet.status(second.id) == fleet.status(third.id) == "deferred"
    fleet.worker()
    third = fleet.wait_status(third.id, "finished")
    second, first = fleet.job(second.id), fleet.job(first.id)
    assert (second.result, third.result) == (3, 7)
    assert first.ended_at <= second.enqueued_at and second.ended_at <= third.enqueued_at
    assert fleet.r.zcard("rq:deferred:default") == 0


def test_a_job_waits_for_all_it_depends_on(fleet):
    parents = [fleet.enqueue("sleep", s) for s in (0.1, 0.3, 0.6)]
    child = fleet.enqueue("add", 1, 2, depends_on=parents)
    fleet.worker()
    child = fleet.wait_status(child.id, "finished")
    assert child.enqueued_at >= max(fleet.job(p.id).ended_at for p in parents)
    assert fleet.r.zcard("rq:deferred:default") == 0


def test_a_failed_parent_holds_back_its_dependents_but_those_that_allow_it(fleet):
    parent = fleet.enqueue("fail", "x")
    strict = fleet.enqueue("add", 1, 2, depends_on=parent)
    lenient = fleet.enqueue("add", 3, 4, depends_on=Dependency([parent], allow_failure=True))
    fleet.worker()
    assert fleet.wait_status(lenient.id, "finished").result == 7
    assert fleet.status(strict.id) == "deferred"
    assert fleet.r.zrange("rq:deferred:default", 0, -1) == [strict.id]


def test_a_parent_on_our_worker_frees_a_child_of_their_queue(fleet):
    parent = fleet.enqueue("add", 1, 2)
    child = fleet.enqueue("add", 3, 4, queue="python", depends_on=parent)
    fleet.worker()
    fleet.wait_status(child.id, "queued")
    assert fleet.r.lrange("rq:queue:python", 0, -1) == [child.id]
    fleet.rq_burst(queues=["python"])
    assert fleet.job(child.id).result == 7


def test_a_parent_on_their_worker_frees_a_child_of_our_queue(fleet):
    parent = fleet.enqueue("add", 1, 2, queue="python")
    child = fleet.submit("add", 3, 4, options=["--depends-on", parent.id])
    job = fleet.job(child)
    assert job.get_status() == "deferred" and job.dependency.id == parent.id
    fleet.worker()
    fleet.rq_burst(queues=["python"])
    assert fleet.wait_status(child, "finished").result == 7


def test_a_chain_of_ours_runs_on_their_worker(fleet):
    parent = fleet.submit("add", 1, 2)
    child = fleet.submit("add", 3, 4, options=["--depends-on", parent])
    assert fleet.r.zrange("rq:deferred:default", 0, -1) == [child]
    fleet.rq_burst()
    assert (fleet.job(parent).result, fleet.job(child).result) == (3, 7)
    assert fleet.r.zcard("rq:deferred:default") == 0


def test_a_parent_that_is_done_already_does_not_hold_its_child(fleet):
    parent = fleet.submit("add", 1, 2)
    fleet.rq_burst()
    child = fleet.submit("add", 3, 4, options=["--depends-on", parent])
    assert fleet.status(child) == "queued"
    fleet.rq_burst()
    assert fleet.job(child).result == 7


# --- order, and what people do to jobs -----------------------------------------

def starts(fleet, jobs):
    """Positions in jobs, in the order in which our worker began them."""
    for job in jobs:
        fleet.wait_status(job.id, "finished")
    return sorted(range(len(jobs)), key=lambda i: fleet.r.hget(jobs[i].key, "started_at"))


def test_our_worker_keeps_the_order_of_queues_and_of_at_front(fleet):
    jobs = [fleet.enqueue("sleep", 0.02, queue="low"), fleet.enqueue("sleep", 0.02),
            fleet.enqueue("sleep", 0.02), fleet.enqueue("sleep", 0.02, at_front=True),
            fleet.enqueue("sleep", 0.02, queue="high")]
    fleet.worker(WORKER_CONCURRENCY=1)
    assert starts(fleet, jobs) == [4, 3, 1, 2, 0]


def test_a_job_of_their_command_line_runs_on_our_worker(fleet):
    said = fleet.rq("enqueue", "--queue", "default", "--job-id", "by-hand", task("echo"), "text",
                    ':{"a": [1]}', "key:=2")
    assert "by-hand" in said
    fleet.worker()
    assert fleet.wait_status("by-hand", "finished").result == {
        "args": ["text", {"a": [1]}], "kwargs": {"key": 2}}


def test_failed_jobs_of_ours_are_requeued_by_their_command_line(fleet):
    jobs = [fleet.enqueue("fail", str(i)) for i in range(3)]
    worker = fleet.worker()
    for job in jobs:
        fleet.wait_status(job.id, "failed")
    assert worker.stop() == 0
    fleet.rq("requeue", "--queue", "default", "--all")
    assert sorted(fleet.r.lrange(QUEUE, 0, -1)) == sorted(j.id for j in jobs)
    assert {fleet.status(j.id) for j in jobs} == {"queued"} and fleet.r.zcard(FAILED) == 0


@pytest.mark.parametrize("what", ["cancel", "delete"])
def test_a_running_job_that_they_take_away_leaves_no_trace_of_its_end(fleet, what):
    job = fleet.enqueue("sleep", 60)
    worker = fleet.worker(WORKER_CONCURRENCY=1)
    fleet.wait_running(job.id)
    getattr(job, what)()
    after = fleet.enqueue("add", 1, 2)
    assert fleet.wait_status(after.id, "finished", 20).result == 3, "it was told to end"
    assert fleet.status(job.id) == ("canceled" if what == "cancel" else None)
    assert fleet.r.zcard(WIP) == 0 and not fleet.r.exists(f"rq:results:{job.id}")
    assert fleet.r.zrange("rq:canceled:default", 0, -1) == ([job.id] if what == "cancel" else [])
    assert worker.alive()


def test_a_job_enqueued_again_while_it_runs_ends_once(fleet):
    fleet.enqueue("sleep", 0.5, job_id="same")
    fleet.worker()
    fleet.wait_running("same")
    fleet.enqueue("sleep", 2, job_id="same")
    wait_until(lambda: fleet.r.hget("rq:job:same", "prosaas_attempt") == "2", 10, "it runs twice now")
    job = fleet.wait_status("same", "finished")
    assert job.ended_at - job.started_at >= timedelta(seconds=1.9), "the first end was not the job's"
    fleet.stage.wait_at_rest()
    assert fleet.r.xlen("rq:results:same") == 1


def test_a_job_without_a_time_limit_runs_and_one_with_a_limit_of_zero_has_the_usual(fleet):
    jobs = [fleet.enqueue("sleep", 0.1, timeout=-1), fleet.enqueue("sleep", 0.1)]
    fleet.r.hset(jobs[1].key, "timeout", 0)
    fleet.worker()
    for job in jobs:
        fleet.wait_status(job.id, "finished")


def test_a_job_with_callbacks_of_python_runs_without_them(fleet):
    job = fleet.enqueue("add", 1, 2)
    fleet.r.hset(job.key, mapping={"success_callback_name": "os.getcwd", "failure_callback_name": "os.abort"})
    fleet.worker()
    job = fleet.wait_status(job.id, "finished")
    assert job.result == 3
    assert fleet.r.hget(job.key, "success_callback_name") == "os.getcwd", "as it was"
