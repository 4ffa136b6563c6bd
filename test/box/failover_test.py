# SPDX-License-Identifier: MIT
"""Workers that die or sleep, and a Redis that goes away: another takes over, what was
lost comes back, nothing is done twice."""
import re
import signal
import time

from rq.command import send_shutdown_command, send_stop_job_command

import chaos
from harness import (FAILED, FINISHED, LONG, chat_of, figure, message, sized, statuses, storm, wait_until,
                     webhook)

EACH = 20  # jobs in a worker's hands


def fill(stage, mode, first):
    """EACH more jobs, of which the gateway takes the reply and does not say so."""
    stage.gateway.faults(mode)
    bodies = [webhook(message(f"F{i}", chat=chat_of(i))) for i in range(first, first + EACH)]
    assert statuses(storm(stage.api.port, bodies, 8)) == {200: EACH}
    wait_until(lambda: len(stage.gateway.sent()) == first + EACH, 15, "the gateway has them")


def name_of(worker):
    worker.wait_log("working as")
    return re.findall(r"working as (\S+) on", worker.log())[-1]


def running(stage, worker):
    return [id for id in stage.redis.text.zrange("rq:wip:default", 0, -1)
            if stage.redis.text.hget(f"rq:job:{id}", "worker_name") == name_of(worker)]


def check_each_once(stage, n):
    stage.wait_at_rest()
    keys = [s["idempotencyKey"] for s in chaos.firsts(stage)]
    replies = stage.replies()
    assert sorted(keys) == sorted(r["outbound_key"] for r in replies) and len(keys) == n
    assert {r["status"] for r in replies} == {"sent"}
    assert stage.redis.text.zcard(FAILED) == 0
    assert chaos.census(stage)["places"] == {"finished": n}


def test_a_standby_takes_over_from_the_dead_and_from_the_sleeping(stage):
    """The sleeper wakes when its leases are long gone: what it has to say is refused."""
    stage.api, dead = stage.pipeline(scheduler=True, WORKER_CONCURRENCY=EACH, TENANT_CONCURRENCY=EACH)
    fill(stage, "hang", 0)
    sleeper = stage.start("worker")
    fill(stage, "hold", EACH)
    lost, asleep = running(stage, dead), running(stage, sleeper)
    assert len(lost) == len(asleep) == EACH
    standby = stage.start("worker")

    sleeper.signal(signal.SIGSTOP)
    dead.kill()
    at = time.time()
    stage.gateway.faults("ok")
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 2 * EACH, 30, "the standby has done them all")
    again = [chaos.started_at(stage, id) - at for id in lost]
    figure(f"kill -9 of a worker to its {EACH} jobs running elsewhere: first {min(again):.1f} s,"
           f" last {max(again):.1f} s")
    assert max(again) < 25
    for id in lost + asleep:
        assert stage.redis.text.hmget(f"rq:job:{id}", "prosaas_attempt", "prosaas_crashes", "worker_name") \
            == ["2", "1", name_of(standby)]

    sleeper.signal(signal.SIGCONT)
    wait_until(lambda: sleeper.metric('prosaas_jobs_finished_total{result="fenced"}') == EACH, 15,
               "the late outcomes are refused")
    assert sleeper.metric("prosaas_jobs_running") == 0
    check_each_once(stage, 2 * EACH)


def test_a_redis_that_was_away_finds_everybody_back(stage):
    api, worker = stage.pipeline(scheduler=True)
    stage.api = api
    seconds = 900 if LONG else 5
    r = stage.redis.text
    ids = [f"R{i}" for i in range(5)]
    for i, id in enumerate(ids[:4]):
        assert api.post(webhook(message(id, chat=chat_of(i)))).status == 200
    wait_until(lambda: r.zcard(FINISHED) == 4, 10, "some are done")
    stage.gateway.faults("hold", times=1)
    assert api.post(webhook(message(ids[4], chat=chat_of(4)))).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == 5, 10, "one is in hand")

    stage.redis.kill()
    stage.gateway.faults("ok")  # it ends while nobody can hear of it
    lines = len(worker.log().splitlines())
    time.sleep(seconds)  # the outage itself
    lines = len(worker.log().splitlines()) - lines
    assert worker.alive() and stage.scheduler.alive()
    at = time.monotonic()
    stage.redis.restart()
    if not LONG:  # results live 500 s
        wait_until(lambda: r.zcard(FINISHED) == 5, 10, "the end is recorded")
        figure(f"Redis away for {seconds} s: an end is recorded {time.monotonic() - at:.1f} s after;"
               f" the worker logged {lines} lines meanwhile")
        assert worker.metric('prosaas_jobs_finished_total{result="fenced"}') == 0
    assert lines < 50 + seconds, "it does not shout"
    stage.wait_at_rest(40)
    wait_until(lambda: stage.scheduler.metric("prosaas_leader") == 1, 15, "the scheduler leads")
    wait_until(lambda: r.smembers("rq:workers"), 15, "the worker is registered")

    works_again(stage, "AFTER")
    r.script_flush()
    works_again(stage, "FLUSHED")
    stage.gateway.faults("503", times=1)  # a retry: the scheduler acts
    works_again(stage, "RETRIED")
    keys = [s["idempotencyKey"] for s in chaos.firsts(stage)]
    assert sorted(keys) == sorted(x["outbound_key"] for x in stage.replies()) and len(keys) == 8
    chaos.census(stage)
    obeys(stage, worker)


def works_again(stage, id):
    stage.gateway.sent()
    wait_until(lambda: stage.api.post(webhook(message(id))).status == 200, 10, "the door is open")
    [job] = stage.lock(id).values()
    wait_until(lambda: stage.redis.text.zscore(FINISHED, job), 15, f"{id} is done")


def obeys(stage, worker):
    """RQ's commands arrive: the subscription is there again."""
    name = name_of(worker)
    channel = f"rq:pubsub:{name}"
    assert stage.redis.text.pubsub_numsub(channel)[0][1] == 1
    stage.gateway.faults("hang", times=1)
    n = len(stage.gateway.sent())
    stage.api.post(webhook(message("STOP")))
    [job] = stage.lock("STOP").values()
    wait_until(lambda: len(stage.gateway.sent()) == n + 1, 10, "it is in hand")
    send_stop_job_command(stage.redis.bytes, job)
    wait_until(lambda: stage.job(job).get_status() == "stopped", 10, "it is stopped")
    works_again(stage, "STILL THERE")
    send_shutdown_command(stage.redis.bytes, name)
    assert worker.wait(10) == 0


def test_a_scheduler_away_delays_and_loses_nothing(stage):
    """Leases and retries wait for the next leader."""
    api, worker = stage.pipeline(scheduler=True)
    stage.scheduler.kill()
    stage.gateway.faults("503", times=4)  # one more would open the breaker for all
    n = sized(30, 1000)
    bodies = [webhook(message(f"S{i}", chat=chat_of(i))) for i in range(n)]
    assert statuses(storm(api.port, bodies, 8)) == {200: n}
    wait_until(lambda: stage.redis.text.zcard(FINISHED) and worker.metric("prosaas_jobs_running") == 0, 30,
               "what can be done is done")
    chaos.census(stage)
    stage.scheduler.restart()
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == n, 60, "the rest")
    check_each_once(stage, n)
