# SPDX-License-Identifier: MIT
"""Kill -9 of anything, again and again: the sum over all places of a job stays what
was accepted, and every message is answered once."""
import collections
import threading
import time

import chaos
from harness import (FAILED, FINISHED, LONG, chat_of, figure, message, sized, statuses, storm, wait_until,
                     webhook)

TENANTS = ("1", "2", "3")


class Load(threading.Thread):
    """Posts n messages in parts; `accepted` is a lower bound of what Redis holds."""

    def __init__(self, api, n):
        super().__init__()
        self.api, self.n, self.accepted, self.answers = api, n, 0, []
        self.bodies = [webhook(message(f"C{i}", chat=chat_of(i % (n // 5 + 1))), tenant=TENANTS[i % 3])
                       for i in range(n)]

    def run(self):
        for at in range(0, self.n, 200):
            self.answers += storm(self.api.port, self.bodies[at:at + 200], 16, again_on=(503,))
            self.accepted = len(self.answers)


def check(stage, load):
    """The sum, at any moment."""
    least = load.accepted
    found = chaos.census(stage)
    assert least <= found["total"] <= load.n, found
    return found


def plan(stage, workers, dice, rounds):
    """Whom to kill, in which order; each at least once."""
    others = [dice.choice([stage.redis, stage.scheduler] + workers) for _ in range(rounds - 4)]
    victims = [stage.redis, stage.redis, stage.scheduler, dice.choice(workers)] + others
    dice.shuffle(victims)
    return victims


def kill_one(stage, load, process):
    """Not a worker that runs what might become poison by that: then Redis."""
    if process is not stage.scheduler and chaos.crashes_most(stage) >= chaos.CRASHES_MOST:
        process = stage.redis
    process.kill()
    if process is not stage.redis:
        check(stage, load)
    if process is stage.scheduler and not LONG:  # a dead leader's ten seconds: see scheduler_test
        stage.redis.text.delete("prosaas:leader:scheduler")
    process.restart()
    check(stage, load)
    return process.name.split("-")[0]


def finished(stage):
    if not LONG:
        chaos.end_leases(stage)
    return stage.redis.text.zcard(FINISHED)


def test_nothing_is_lost_and_nothing_done_twice_whoever_is_killed(stage):
    dice = chaos.dice("conservation")
    api, worker = stage.pipeline(scheduler=True, WORKER_CONCURRENCY=24, JOB_RETRIES=50)
    for tenant in TENANTS[1:]:
        stage.cli("tenant", "add", tenant, "default_text=Thank you!")
    workers = [worker, stage.start("worker"), stage.start("worker")]
    stage.gateway.faults("slow", ms=20)

    began = time.monotonic()
    load = Load(api, sized(600, 20_000))
    load.start()
    kills, victims = collections.Counter(), plan(stage, workers, dice, 16 if LONG else 6)
    for i, process in enumerate(victims):
        part = load.n * (i + 1) // (len(victims) + 2)
        wait_until(lambda: finished(stage) >= part, 120, f"{part} are finished")
        kills[kill_one(stage, load, process)] += 1
    load.join()
    assert statuses(load.answers) == {200: load.n}
    assert check(stage, load)["total"] == load.n
    wait_until(lambda: finished(stage) >= load.n, 120, "all are finished")
    stage.wait_at_rest()
    seconds = time.monotonic() - began
    assert seconds < 450, "results live 500 s: what follows could not count them"
    assert chaos.census(stage)["places"] == {"finished": load.n}
    figure(f"{load.n} jobs, killed {dict(kills)}: all done in {seconds:.1f} s")
    check_effects(stage, load)


def check_effects(stage, load):
    want = [f"C{i}" for i in range(load.n)]
    assert sorted(r["provider_message_id"] for r in stage.inbound()) == sorted(want)
    replies = stage.replies()
    assert len(replies) == load.n and {r["status"] for r in replies} == {"sent"}
    firsts = [s["idempotencyKey"] for s in chaos.firsts(stage)]
    assert sorted(firsts) == sorted(r["outbound_key"] for r in replies), "each was sent once"
    assert stage.rows("SELECT count(*) n FROM turns WHERE state <> 'done'") == [{"n": 0}]
    assert stage.redis.text.zcard(FAILED) == 0
    repeats = len(stage.gateway.sent()) - load.n
    figure(f"requests that the gateway knew by their key: {repeats}")
