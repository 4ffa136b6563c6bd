# SPDX-License-Identifier: MIT
"""Our worker, scheduler and command line beside those of Debian's python3-rq.

Every function of TASKS exists on both sides under one name, so a job can be
enqueued, run, retried, scheduled and looked at by either.  "Ours" below is
the binary under test, "theirs" is /usr/bin/rq or RQ's own classes."""
import base64
import json
import os
import pickle
import random
import re
import signal
import struct
import subprocess
import threading
import time
import zlib
from datetime import datetime, timedelta

import pytest
from rq import Queue, Retry, Worker
from rq.command import (send_kill_horse_command, send_shutdown_command,
                        send_stop_job_command)
from rq.job import Dependency, Job
from rq.registry import (FinishedJobRegistry, StartedJobRegistry, clean_registries)
from rq.results import Result
from rq.scheduler import RQScheduler
from rq.serializers import JSONSerializer

from harness import (FAILED, FINISHED, LONG, PATIENCE, QUEUE, SCHEDULED, WIP, Proc, sized,
                     wait_until, why_of)

TASKS = '''
import os
import time

from rq import get_current_job


def echo(*args, **kwargs):
    return {"args": list(args), "kwargs": kwargs} if kwargs else list(args)


def add(a, b):
    return a + b


def noop(*args, **kwargs):
    if os.environ.get("PYTHON_FAILS"):
        raise RuntimeError("python fails")


def sleep(seconds):
    time.sleep(seconds)


def fail(text):
    raise ValueError(text)


def flaky(times):
    """Attempts of both sides count."""
    job = get_current_job()
    mine = job.connection.hincrby(job.key, "python_attempts", 1)
    ours = int(job.connection.hget(job.key, "prosaas_attempt") or 0)
    if mine + ours <= times:
        raise RuntimeError("flaky")
    return mine + ours
'''

DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
NESTED = [1, "é ⌘ \U0001f600", -5, 70000, 2**40, -2**63, 2**64, 10**30, 1.5, -0.25, None, True,
          False, [], {}, {"x": {"y": [None, [1, {"z": ""}]]}}, "a\nb\0c", "x" * 3000]


def task(name):
    return "prosaas.test." + name


class Fleet:
    """One Redis and what of both sides a test starts on it."""

    def __init__(self, stage):
        self.stage = stage
        self.r = stage.start_redis().text
        self.bytes = stage.redis.bytes
        self.url = stage.settings["REDIS_URL"]
        stage.settings |= {"TEST_JOBS": "on", "RQ_QUEUES": "high,default,low",
                           "BAILEYS_BASE_URL": "http://127.0.0.1:9"}
        stage.cli("migrate")
        package = stage.dir / "python" / "prosaas"
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "test.py").write_text(TASKS)
        self.python_env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(package.parent),
                           "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}

    # Ours.

    def worker(self, **settings):
        return self.stage.start("worker", **settings)

    def scheduler(self):
        return self.stage.start("scheduler")

    def submit(self, name, *args, options=(), kwargs=None, **settings):
        """Enqueues by our command line; returns the job's id."""
        more = ["--kwargs", json.dumps(kwargs)] if kwargs else []
        out = self.stage.cli("jobs", "enqueue", task(name), "--args", json.dumps(args), *more,
                             *map(str, options), **settings).stdout
        [id] = out.split()
        return id

    # Theirs.

    def queue(self, name="default", **more):
        return Queue(name, connection=self.bytes, **more)

    def enqueue(self, name, *args, kwargs=None, queue="default", **options):
        """Enqueues by RQ; returns its Job."""
        serializer = options.pop("serializer", None)
        return self.queue(queue, serializer=serializer).enqueue_call(
            task(name), args, kwargs, **options)

    def rq_worker(self, *argv, queues=("default",), **env):
        """/usr/bin/rq worker, which runs until it is stopped."""
        return Proc(self.stage, "rq", ["/usr/bin/rq", "worker", "--url", self.url, *argv, *queues],
                    {**self.python_env, **env})

    def rq_burst(self, *argv, **more):
        """Lets a Python worker do what is queued, to its end."""
        worker = self.rq_worker("--burst", *argv, **more)
        assert worker.wait(60) == 0, worker.log()
        return worker

    def rq(self, *argv):
        """/usr/bin/rq: another command, to its end; returns what it printed."""
        return subprocess.run(["/usr/bin/rq", argv[0], "--url", self.url, *argv[1:]], check=True,
                              env=self.python_env, timeout=60 * PATIENCE, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout

    # Both.

    def job(self, id, serializer=None):
        return Job.fetch(id, connection=self.bytes, serializer=serializer)

    def status(self, id):
        return self.r.hget(f"rq:job:{id}", "status")

    def wait_status(self, id, status, seconds=15):
        wait_until(lambda: self.status(id) == status, seconds,
                   f"{id} is {status} (not {self.status(id)})")
        return self.job(id)

    def wait_running(self, id):
        return self.wait_status(id, "started")

    def make_due(self, id, queue="default"):
        """Time passes for a scheduled job."""
        assert self.r.zadd(f"rq:scheduled:{queue}", {id: 1}, xx=True, ch=True) == 1

    def end_lease(self, id, queue="default"):
        """Time passes for a running job."""
        assert self.r.zadd(f"rq:wip:{queue}", {id: 1}, xx=True, ch=True) == 1

    def raw_job(self, id, data, **fields):
        """A job that no library would write."""
        self.bytes.sadd("rq:queues", QUEUE)
        self.bytes.hset(f"rq:job:{id}", mapping={
            "status": "queued", "created_at": "2026-11-24T05:30:12.345678Z",
            "enqueued_at": "2026-11-24T05:30:12.345678Z", "origin": "default", "timeout": 180,
            "data": data, **fields})
        self.bytes.rpush(QUEUE, id)

    def nowhere(self):
        """Ids of jobs that are queued but in no list: lost."""
        lists = set(self.r.lrange(QUEUE, 0, -1))
        for kind in ("holding:*", "ready:*", "lane:*:wait"):
            for key in self.r.scan_iter(f"prosaas:{kind}", 1000):
                lists |= set(self.r.lrange(key, 0, -1))
        return [id for id in self.stage.job_ids() if ":" not in id
                and self.status(id) == "queued" and id not in lists]


@pytest.fixture
def fleet(stage):
    return Fleet(stage)


# --- calls and values: c01, c02, c15, c20 --------------------------------------

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


# --- failures: c03, c16, c18 ---------------------------------------------------

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


# --- retries and schedules: c04, c05, c06 -----------------------------------------

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


# --- dependencies: c07 -----------------------------------------------------------

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


# --- looking on: c08, c09 and the dashboards ---------------------------------------

def test_rq_info_and_its_classes_see_our_worker_at_work(fleet):
    job = fleet.enqueue("sleep", 60)
    worker = fleet.worker()
    fleet.wait_running(job.id)
    w = wait_until(lambda: next((w for w in Worker.all(connection=fleet.bytes)
                                 if w.get_current_job_id() == job.id), None), 10, "it says what it runs")
    assert w.get_state() == "busy" and w.pid == worker.pid
    assert [q.name for q in w.queues] == ["high", "default", "low"]
    assert w.get_current_job().args == (60,)
    assert StartedJobRegistry("default", connection=fleet.bytes).get_job_ids() == [job.id]
    said = fleet.rq("info")
    assert re.search(rf"{re.escape(w.name)}.*busy", said) and "1 workers, 3 queues" in said, said
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
    """What viewers parse, by rq-protocol: one bad field is a page that does not open."""
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
    assert h["queues"] == "high,default,low" and h["hostname"] and "python_version" in h
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


# --- commands: c10, c11, c13, c19 --------------------------------------------------

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
    [w] = Worker.all(connection=fleet.bytes)
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


# --- lives: c12, c14, c17 ----------------------------------------------------------

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


# --- what no library would write: poison and hostile pickles ----------------------------

GOOD = pickle.dumps((task("add"), None, (1, 2), {}))
POISON = {  # by rq-protocol, each stops a Python worker
    "created-at": {"created_at": "yesterday"}, "timeout": {"timeout": "2m"},
    "timeout-huge": {"timeout": "9" * 40}, "intervals": {"retry_intervals": "[1,", "retries_left": "x"},
    "meta": {"meta": b"\x80\x05garbage"}, "dates": {"enqueued_at": "", "started_at": "?"},
    "ttls": {"result_ttl": "soon", "failure_ttl": "1e400"}, "a.b": {}, "a b": {}, "ünï": {},
    "data": {"data": b"\x00"}, "no-origin": {"origin": ""}, "attempt": {"prosaas_attempt": "x"},
}


def test_no_field_of_a_job_stops_our_worker(fleet):
    for id, fields in POISON.items():
        fleet.raw_job(id, fields.pop("data", GOOD), **fields)
    fleet.raw_job("a:b", GOOD)
    fleet.r.hset("rq:job:only-a-heartbeat", "last_heartbeat", "2026-11-24T05:30:12.345678Z")
    fleet.r.rpush(QUEUE, "only-a-heartbeat", "", "gone")
    good = fleet.enqueue("add", 3, 4)
    worker = fleet.worker()
    assert fleet.wait_status(good.id, "finished").result == 7
    fleet.stage.wait_at_rest()
    ends = {id: fleet.status(id) for id in POISON}
    assert set(ends.values()) <= {"finished", "failed"}, ends
    assert ends["data"] == "failed" and ends["created-at"] == "finished"
    assert worker.alive() and fleet.nowhere() == []


def deep(n, open=b"]", close=b"a"):
    return b"\x80\x02" + open * (n + 1) + close * n + b"."


def call_with(argument):
    """A well-formed call whose one argument is these opcodes."""
    return b"\x80\x02(X\x11\0\0\0prosaas.test.echoN(" + argument + b"t}t."


def laughs(n):
    """n doublings of [x, x]: 2**n values from a few bytes each."""
    return b"".join([b"]q\0", *[b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(n)]])


def bomb():
    squeeze = zlib.compressobj(9)
    return b"".join([*(squeeze.compress(bytes(1 << 20)) for _ in range(64)), squeeze.flush()])


OWNED = b"cos\nsystem\n(S'touch owned'\ntR"
HOSTILE = {
    "GLOBAL": (call_with(b"cos\nsystem\n"), "GLOBAL"),
    "GLOBAL as the function": (b"\x80\x02(cos\nsystem\nN(X\x0b\0\0\0touch ownedt}t.", "GLOBAL"),
    "REDUCE": (call_with(OWNED), "GLOBAL|REDUCE|STRING"),
    "REDUCE of a tuple": (call_with(b"X\1\0\0\0f)R"), "REDUCE"),
    "STACK_GLOBAL": (call_with(b"X\2\0\0\0osX\6\0\0\0system\x93"), "STACK_GLOBAL"),
    "BUILD": (call_with(b"}}b"), "BUILD"),
    "INST": (call_with(b"(ios\nsystem\n"), "INST"),
    "OBJ": (call_with(b"(X\1\0\0\0fo"), "OBJ"),
    "NEWOBJ": (call_with(b"X\1\0\0\0f)\x81"), "NEWOBJ"),
    "NEWOBJ_EX": (call_with(b"X\1\0\0\0f)}\x92"), "NEWOBJ_EX"),
    "EXT1": (call_with(b"\x82\1"), "EXT1"),
    "EXT2": (call_with(b"\x83\1\0"), "EXT2"),
    "EXT4": (call_with(b"\x84\1\0\0\0"), "EXT4"),
    "PERSID": (call_with(b"Pabc\n"), "PERSID"),
    "BINPERSID": (call_with(b"K\1Q"), "BINPERSID"),
    "NEXT_BUFFER": (call_with(b"\x97"), "NEXT_BUFFER"),
    "protocol 0": (b"(S'f'\nN(lp0\nt.", "."),
    "protocol 9": (b"\x80\x09N.", "protocol"),
    "billion laughs": (call_with(laughs(40)), "too many|expand"),
    "a list in itself": (call_with(b"]q\0h\0a"), "inside itself"),
    "deep nesting": (deep(100000), "deep"),
    "deep marks": (b"\x80\x02" + b"(" * 100000 + b".", "deep|mark"),
    "deep tuples": (b"\x80\x02)" + b"\x85" * 100000 + b".", "deep"),
    "100 MB announced, few there": (call_with(b"X" + struct.pack("<I", 100 << 20) + b"abc"), "."),
    "2**63 announced": (call_with(b"\x8d" + struct.pack("<Q", 1 << 63) + b"abc"), "."),
    "a long of 2**31 bytes": (call_with(b"\x8b\xff\xff\xff\x7f\1"), "."),
    "a frame of 2**63": (b"\x80\x04\x95" + struct.pack("<Q", 1 << 63) + b"N.", "."),
    "memo of 2**32 entries": (call_with(b"K\1r\xff\xff\xff\xff"), "."),
    "nothing on the stack": (b"\x80\x02a.", "."),
    "nothing in the memo": (call_with(b"h\7"), "memo"),
    "no end": (GOOD[:-1], "STOP|end"),
    "more after the end": (GOOD + b"x", "."),
    "zlib bomb": (bomb(), "inflates to more than"),
    "zlib cut off": (zlib.compress(GOOD)[:-5], "zlib"),
    "zlib and more": (zlib.compress(GOOD) + b"x", "after the end"),
    "JSON, deep": (b"[" * 100000, "deep"),
    "JSON, cut off": (b'["f", null, [', "."),
    "JSON of no call": (b'["f", "self", [], {}]', "method"),
    "no name": (b'["", null, [], {}]', "function"),
    "empty": (b"", "."),
}


def test_hostile_data_is_refused_with_a_reason_and_the_worker_goes_on(fleet):
    ids = {f"hostile-{i}": name for i, name in enumerate(HOSTILE)}
    for id, name in ids.items():
        fleet.raw_job(id, HOSTILE[name][0])
    good = fleet.enqueue("add", 1, 2)
    worker = fleet.worker()
    before = worker.rss_kb()
    assert fleet.wait_status(good.id, "finished", 30).result == 3
    wait_until(lambda: fleet.r.zcard(FAILED) == len(HOSTILE), 30,
               f"all are refused: {[n for i, n in ids.items() if fleet.status(i) != 'failed']}")
    wrong = {}
    for id, name in ids.items():
        [(_, fields)] = fleet.bytes.xrange(f"rq:results:{id}")
        said = zlib.decompress(base64.b64decode(fields[b"exc_string"])).decode()
        if not re.search(HOSTILE[name][1], said) or not said.startswith("undecodable: "):
            wrong[name] = said
    assert not wrong
    assert not (fleet.stage.dir / "owned").exists()
    assert worker.rss_kb() - before < 300 * 1024 * PATIENCE, "no bomb went off"


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
    jobs = [fleet.enqueue("sleep", dice.random() / 5) for _ in range(n)]
    for _ in range(kills):
        at = fleet.r.zcard(FINISHED)
        wait_until(lambda a=at: fleet.r.zcard(FINISHED) > a, 60, "something was finished")
        victim = dice.choice(workers)
        victim.kill()
        victim.restart()
    wait_until(lambda: fleet.r.zcard(FINISHED) == n, 120, "all are finished")
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
    fleet.wait_running(job.id)
    worker.signal(signal.SIGSTOP)
    for client in fleet.r.client_list():  # else Redis goes on handing it ids
        if client["cmd"] == "blmove":
            fleet.r.client_kill_filter(_id=client["id"])
    fleet.end_lease(job.id)
    fleet.rq_burst()  # its cleaner retries the job, and it runs it
    done = fleet.job(job.id)
    assert done.get_status() == "finished" and not done.worker_name.startswith("prosaas-")
    worker.signal(signal.SIGCONT)
    wait_until(lambda: worker.metric('prosaas_jobs_finished_total{result="fenced"}') == 1
               or "lease was lost" in worker.log() or "outcome refused" in worker.log(), 20, "it is told")
    fleet.stage.wait_at_rest()
    after = fleet.job(job.id)
    assert after.worker_name == done.worker_name and after.ended_at == done.ended_at
    assert fleet.r.xlen(f"rq:results:{job.id}") == 1


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
