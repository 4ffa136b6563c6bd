#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Jobs out, side by side: each worker in turn drains a queue of no-op jobs, ROUNDS
times, so that the drift of a shared machine falls on all alike.  Time runs from the
first job gone to the last job done; the filling is not counted.

    jobs.py [-r ROUNDS] [-n JOBS] [WORKER ...]

The peers' code stands in $PEERS (default ../shared/bench), BullMQ in $NODE_MODULES
(npm install bullmq there); a worker whose parts are missing is left out, and that is
said."""
import argparse
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import redis
from rq import Queue

from ingest import PEERS, ROOT, RPORT, cpu, front, rss_mb, tree, wait_port

URL = f"redis://127.0.0.1:{RPORT}"
NODE = pathlib.Path(os.environ.get("NODE_MODULES", "node_modules")).resolve()


def fill_rq(func):
    def fill(r, n):
        q = Queue("default", connection=r)
        for i in range(0, n, 2000):
            q.enqueue_many([Queue.prepare_data(func, args=(k,), timeout=300) for k in range(i, min(n, i + 2000))])
    return fill


def fill_bull(r, n):
    subprocess.run(["node", PEERS / "node/worker.js"], check=True, env={**os.environ, **BULL_ENV, "FILL": str(n)})


def ours(tmp):
    env = {**os.environ, "REDIS_URL": URL, "DATA_DIR": tmp, "TEST_JOBS": "on", "LOG_LEVEL": "error",
           "METRICS_PORT": "0", "TENANT_CONCURRENCY": "256"}
    subprocess.run([ROOT / "build/prosaas", "migrate"], env=env, check=True, stdout=subprocess.DEVNULL)
    return [str(ROOT / "build/prosaas"), "worker"], env


def simple_worker(tmp):
    return ["/usr/bin/python3", "/usr/bin/rq", "worker", "--url", URL, "-w", "rq.SimpleWorker", "--quiet", "default"], \
        {**os.environ, "PYTHONPATH": str(PEERS / "py")}


BULL_ENV = {"LIB": "bullmq", "CONC": "50", "JOB": "noop", "NODE_PATH": str(NODE), "NODE_ENV": "production", "BENCH_RPORT": str(RPORT)}


def bull(tmp):
    return ["node", str(PEERS / "node/worker.js")], {**os.environ, **BULL_ENV}


def rq_left(r):
    waits = r.llen("rq:queue:default") + r.llen("prosaas:holding:default") + int(r.get("prosaas:dealt:default") or 0)
    return waits, waits + r.zcard("rq:wip:default") + r.zcard("rq:failed:default")


def bull_left(r):
    waits = r.llen("bull:default:wait")
    return waits, waits + r.llen("bull:default:active")


# name: how to fill, how to start, how many processes, what is left, what it needs
WORKERS = {"prosaas": (fill_rq("prosaas.test.noop"), ours, 1, rq_left, ROOT / "build/prosaas"),
           "rq-SimpleWorker x2": (fill_rq("jobs.noop"), simple_worker, 2, rq_left, PEERS / "py/jobs.py"),
           "bullmq c=50": (fill_bull, bull, 1, bull_left, NODE / "bullmq")}


def one(name, n, tmp):
    fill, start, count, left, _ = WORKERS[name]
    log = open(f"{tmp}/log", "ab")
    server = subprocess.Popen(["redis-server", "--port", str(RPORT), "--bind", "127.0.0.1", "--save", "", "--dir", tmp],
                              stdout=log, stderr=log, preexec_fn=front)
    procs = []
    try:
        wait_port(RPORT)
        r = redis.Redis(port=RPORT)
        fill(r, n)
        argv, env = start(tmp)
        procs = [subprocess.Popen(argv, env=env, stdout=log, stderr=log, preexec_fn=front) for _ in range(count)]
        began = None
        while True:
            waits, all_left = left(r)
            now = time.monotonic()
            pids = [p for proc in procs for p in tree(proc.pid)]
            if began is None and waits < n:
                began, first, c0, r0 = now, n - waits, cpu(pids), cpu([server.pid])
            if all_left == 0 or (began and now - began > 30):  # slow ones are cut off
                break
            time.sleep(0.01)
        done = n - all_left
        return {"jobs/s": (done - first) / (now - began), "worker us": (cpu(pids) - c0) / (done - first) * 1e6,
                "redis us": (cpu([server.pid]) - r0) / (done - first) * 1e6, "RSS MB": rss_mb(pids)}
    finally:
        for p in procs:
            p.send_signal(signal.SIGINT)
            p.wait()
        server.terminate()
        server.wait()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-r", "--rounds", type=int, default=3)
    ap.add_argument("-n", "--jobs", type=int, default=20000)
    ap.add_argument("workers", nargs="*")
    o = ap.parse_args()
    names = [n for n in o.workers or WORKERS if WORKERS[n][4].exists()]
    for n in WORKERS:
        if n not in names:
            print(f"left out: {n}")
    rows = {n: [] for n in names}
    for _ in range(o.rounds):
        for n in names:
            with tempfile.TemporaryDirectory() as tmp:
                rows[n].append(one(n, o.jobs, tmp))
            print(n, {k: round(v, 1) for k, v in rows[n][-1].items()}, flush=True)
    keys = ["jobs/s", "worker us", "redis us", "RSS MB"]
    print(f"\nmedians of {o.rounds} rounds of {o.jobs} no-op jobs\n")
    print("| worker | " + " | ".join(keys) + " | jobs/s against it |\n|---|" + "--:|" * (len(keys) + 1))
    med = {n: {k: statistics.median(r[k] for r in rows[n]) for k in keys} for n in names}
    for n in names:
        ratio = f"{med['prosaas']['jobs/s'] / med[n]['jobs/s']:.1f} x" if "prosaas" in med else ""
        print(f"| {n} | " + " | ".join(f"{med[n][k]:,.0f}" if k == "jobs/s" else f"{med[n][k]:.1f}" for k in keys) + f" | {ratio} |")


if __name__ == "__main__":
    sys.exit(main())
