# SPDX-License-Identifier: MIT
"""A tenant with a mountain of messages does not delay another; no queue starves."""
import statistics
import threading
import time

import pytest
from rq.suspension import resume, suspend

import chaos
from harness import (PATIENCE, chat_of, figure, message, sized, statuses, storm, wait_until,
                     webhook)


@pytest.fixture
def house(stage):
    """Tenant 1 has stage.gateway, tenant 2 one of its own."""
    def build(**settings):
        stage.api, stage.worker = stage.pipeline(**settings)
        stage.quiet = stage.start_fake("gateway", "--durable")
        stage.cli("tenant", "add", "2", "default_text=At once.", f"gateway_url={stage.quiet.url}")
        return stage
    return build


def mountain(house, n):
    """n messages of tenant 1, all of different chats, none of them worked yet."""
    suspend(house.redis.bytes)
    at, step = house.redis.text.zcard("rq:finished:default"), 100
    bodies = [webhook(*[message(f"A{i}", chat=chat_of(i)) for i in range(k, min(k + step, n))])
              for k in range(0, n, step)]
    assert statuses(storm(house.api.port, bodies, 8)) == {200: len(bodies)}
    wait_until(lambda: waiting(house) + house.redis.text.zcard("rq:finished:default") - at == n, 10, "all wait")
    resume(house.redis.bytes)


def waiting(house):
    return house.api.get("/api/jobs/stats").json()["queues"]["default"]["queued"]


def one_after_another(house, name, tries):
    """Tenant 2 writes, waits for its reply, writes again; seconds of each."""
    seconds = []
    for i in range(tries):
        at = time.time()
        assert house.api.post(webhook(message(f"{name}{i}", chat=chat_of(i)), tenant="2")).status == 200
        wait_until(lambda: len(house.quiet.sent()) > i, 20, "the reply")
        seconds.append(house.quiet.sent()[i]["at"] - at)
    house.quiet.put("/reset")
    return seconds


def words(seconds):
    return f"median {statistics.median(seconds) * 1000:.1f} ms, max {max(seconds) * 1000:.1f} ms"


def test_a_mountain_of_one_tenant_does_not_delay_another(house):
    house = house(WORKER_CONCURRENCY=64)
    n, tries = sized(5000, 100_000), sized(20, 200)
    alone = one_after_another(house, "alone", tries)
    mountain(house, n)
    wait_until(lambda: house.worker.metric("prosaas_jobs_running") > 0, 10, "the mountain is worked")
    beside = one_after_another(house, "beside", tries)
    left = waiting(house)
    figure(f"webhook to reply: {words(alone)}; beside {n} queued messages of another: {words(beside)}"
           f" ({left} left then)")
    assert left > 0, "it was beside a mountain until the end"
    assert max(beside) < 2 * PATIENCE


def test_a_tenant_at_its_cap_leaves_the_rest_to_others(house):
    house = house(TENANT_CONCURRENCY=2)
    house.gateway.faults("slow", ms=300)
    mountain(house, 16)
    wait_until(lambda: house.gateway.sent(), 10, "the slow tenant is served")
    seconds = one_after_another(house, "B", 10)
    assert len(house.gateway.sent()) < 16, "beside the slow one until the end"
    wait_until(lambda: len(house.gateway.sent()) == 16, 20, "the slow one is served whole")
    together = [s["together"] for s in house.gateway.sent()]
    figure(f"cap of 2: at most {max(together)} together, another tenant meanwhile: {words(seconds)}")
    assert max(together) == 2
    assert max(seconds) < 1 * PATIENCE


class Flood(threading.Thread):
    """Keeps a queue from ever running dry, until told to stop."""

    def __init__(self, house, name, depth):
        super().__init__()
        self.redis, self.name, self.depth = house.redis.bytes, name, depth
        self.n, self.stopped = 0, False
        self.fill()

    def push(self, count):
        with self.redis.pipeline() as p:
            for i in range(self.n, self.n + count):
                id = chaos.save_job(p, message(f"F{i}", chat=chat_of(i)), self.name)
                p.rpush(f"rq:queue:{self.name}", id)
            p.execute()
        self.n += count

    def fill(self):
        lacking = self.depth - self.redis.llen(f"rq:queue:{self.name}") \
            - int(self.redis.get(f"prosaas:dealt:{self.name}") or 0)
        if lacking > self.depth // 4:
            self.push(lacking)

    def run(self):
        while not self.stopped:
            self.fill()
            time.sleep(0.02)  # the pace of a flood, not a wait


def test_a_low_queue_is_served_although_a_high_one_never_ends(house):
    house = house(WORKER_CONCURRENCY=4)
    house.gateway.faults("slow", ms=20)
    flood = Flood(house, "high", 200)
    flood.start()
    try:
        began = time.monotonic()
        id = chaos.save_job(house.redis.bytes, message("LOW", chat=chat_of(99_999)), "low")
        house.redis.bytes.rpush("rq:queue:low", id)
        wait_until(lambda: house.redis.text.zscore("rq:finished:low", id), 20, "the low job is done")
        seconds = time.monotonic() - began
    finally:
        flood.stopped = True
        flood.join()
    figure(f"a job on low beside a flood on high ({flood.n} jobs): done after {seconds:.1f} s")
    assert seconds < 6 * PATIENCE


def test_what_one_worker_may_not_run_another_does_at_once(house):
    """A worker at a tenant's cap is the one that hears of the next message."""
    house = house(TENANT_CONCURRENCY=1)
    house.gateway.faults("hold", times=1)
    house.api.post(webhook(message("first", chat=chat_of(1))))
    wait_until(lambda: house.gateway.sent(), 10, "the first worker is at its cap")
    house.start("worker")
    wait_until(lambda: house.redis.text.info("clients")["blocked_clients"] == 12, 10, "both block")
    at = time.time()
    house.api.post(webhook(message("second", chat=chat_of(2))))
    wait_until(lambda: len(house.gateway.sent()) == 2, 10, "the second worker has it")
    seconds = house.gateway.sent()[1]["at"] - at
    house.gateway.faults("ok")
    figure(f"past a worker at its cap to another: {seconds * 1000:.1f} ms")
    assert seconds < 1 * PATIENCE
