# SPDX-License-Identifier: MIT
"""fleet: a stage on which our worker, scheduler and command line work beside
those of Debian's python3-rq.

Every function of TASKS exists on both sides under one name, so a job can be
enqueued, run, retried, scheduled and looked at by either.  "Ours" is the binary
under test, "theirs" is /usr/bin/rq or RQ's own classes; submit() and enqueue()
are the two ways in.

    job = fleet.enqueue("add", 1, 2)
    fleet.worker()
    assert fleet.wait_status(job.id, "finished").result == 3
"""
import json
import os
import subprocess

from rq import Queue
from rq.job import Job

from harness import PATIENCE, QUEUE, Proc, wait_until

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
                           "BAILEYS_BASE_URL": "http://127.0.0.1:9", "DRAIN_TIMEOUT": "1"}
        stage.migrate()
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
