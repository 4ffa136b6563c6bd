#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What it costs to ask how the queue stands, when much stands in it.

    stats.py [-n JOBS] [-c CHATS] [-t TENANTS] [-r REQUESTS]

Fills a Redis of its own with JOBS in CHATS of TENANTS, in both shapes that a backlog
has: as they came (no worker runs), and dealt out (one job a chat in its tenant's ready
list, the rest parked in lanes).  Then a real api is asked.
Beside the time it takes stands the processor time Redis spends on it, which a shared
machine disturbs least."""
import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import urllib.request

import redis

ROOT = pathlib.Path(__file__).resolve().parents[1]
RPORT, PORT = int(os.environ.get("BENCH_RPORT", "6391")), int(os.environ.get("BENCH_PORT", "5391"))
DATE = "2026-01-01T00:00:%02d.000000Z"


def fill(r, n, chats, tenants, dealt):
    """The keys as enqueue.lua and claim.lua leave them; data is what is not looked at."""
    r.flushall()
    ready, parked = {}, {}
    pipe = r.pipeline(transaction=False)
    for i in range(n):
        chat = i % chats
        tenant = chat % tenants
        id, lane = f"wh_{i:026d}", f"{tenant}:{chat}@s.whatsapp.net"
        pipe.hset(f"rq:job:{id}", mapping={"status": "queued", "origin": "default", "enqueued_at": DATE % (i % 60),
                                          "prosaas_tenant": tenant, "prosaas_lane": lane})
        if not dealt:
            pipe.rpush("rq:queue:default", id)
        elif i < chats:
            ready.setdefault(tenant, []).append(id)
            pipe.set(f"prosaas:lane:{lane}", id)
        else:
            parked[chat] = lane
            pipe.rpush(f"prosaas:lane:{lane}:wait", id)
            pipe.zadd("prosaas:waiting:default", {id: 1767225600 + i % 60})
        if i % 5000 == 4999:
            pipe.execute()
    for tenant, ids in ready.items():
        pipe.rpush(f"prosaas:ready:default:{tenant}", *ids)
        pipe.rpush("prosaas:tenants:default", tenant)
        pipe.incrby("prosaas:dealt:default", len(ids))
    for lane in parked.values():
        pipe.zadd("prosaas:lanes", {lane: 1767225600})
    pipe.execute()


def ask(path):
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{PORT}{path}") as a:
        a.read()
    return time.monotonic() - began


def cpu_s(r):
    cpu = r.info("cpu")
    return cpu["used_cpu_user_main_thread"] + cpu["used_cpu_sys_main_thread"]


def measure(r, path, requests):
    ask(path)
    before = cpu_s(r)
    walls = sorted(ask(path) for _ in range(requests))
    ours = (cpu_s(r) - before) / requests
    return (f"{statistics.median(walls) * 1000:7.2f} ms, p99 {walls[int(len(walls) * 0.99)] * 1000:7.2f} ms; "
            f"Redis {ours * 1000:6.2f} ms")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-n", type=int, default=1_000_000)
    p.add_argument("-c", type=int, default=10_000)
    p.add_argument("-t", type=int, default=1_000)
    p.add_argument("-r", type=int, default=200)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as tmp:
        env = {**os.environ, "REDIS_URL": f"redis://127.0.0.1:{RPORT}", "PORT": str(PORT), "HOST": "127.0.0.1",
               "LOG_LEVEL": "error", "INTERNAL_SECRET": "bench", "DATA_DIR": tmp}
        procs = [subprocess.Popen(["redis-server", "--port", str(RPORT), "--save", "", "--dir", tmp], stdout=subprocess.DEVNULL)]
        try:
            r = redis.Redis(port=RPORT)
            while True:
                try:
                    r.ping()
                    break
                except redis.ConnectionError:
                    time.sleep(0.05)
            procs.append(subprocess.Popen([ROOT / "build/prosaas", "api"], env=env))
            for dealt in (False, True):
                fill(r, a.n, a.c, a.t, dealt)
                time.sleep(1)
                print(f"{a.n} jobs, {a.c} chats, {a.t} tenants, {'dealt out' if dealt else 'as they came'}:")
                for path in PATHS:
                    print(f"  GET {path:40} {measure(r, path, a.r)}", flush=True)
        finally:
            for proc in procs:
                proc.terminate()
                proc.wait()


PATHS = ("/api/jobs/stats", "/api/jobs/stats?tenant=7", "/api/jobs/stats?by=tenant", "/api/jobs/health")

if __name__ == "__main__":
    main()
