# SPDX-License-Identifier: MIT
"""One chat, one job at a time: each rule in a situation made by hand."""
import signal
import time

import pytest
from rq.suspension import resume, suspend

import chaos
from harness import FAILED, FINISHED, PATIENCE, QUEUE, WIP, chat_of, figure, message, wait_until, webhook

LANES, WAITING = "prosaas:lanes", "prosaas:waiting:default"


def lane_of(chat):
    return f"prosaas:lane:1:{chat_of(chat)}"


def post(stage, id, chat=1, **more_of_key):
    """One message; returns the id of its job."""
    assert stage.api.post(webhook(message(id, chat=chat_of(chat), **more_of_key))).status == 200
    [job] = stage.lock(id).values()
    return job


def hold(stage, *chats):
    """The first message of each chat is in the gateway's hands until release()."""
    stage.gateway.faults("hold", times=len(chats))
    held = [post(stage, f"{chat}/held", chat) for chat in chats]
    wait_until(lambda: len(stage.gateway.sent()) == len(chats), 10, "the gateway holds them")
    return held


def release(stage):
    stage.gateway.faults("ok")


def park(stage, *ids, chat=1):
    """Messages that find their chat busy."""
    was = stage.redis.text.zcard(WAITING)
    jobs = [post(stage, id, chat) for id in ids]
    wait_until(lambda: stage.redis.text.zcard(WAITING) == was + len(ids), 10, "they are parked")
    return jobs


def wait_finished(stage, *jobs, seconds=10):
    wait_until(lambda: all(stage.redis.text.zscore(FINISHED, job) for job in jobs), seconds, "they are finished")


def order(stage):
    """The messages that were answered, in the order of their replies."""
    ids = {r["key"]: r["id"] for r in stage.rows(
        "SELECT o.outbound_key AS key, i.provider_message_id AS id"
        " FROM messages o JOIN messages i ON i.id = o.reply_to")}
    return [ids[s["idempotencyKey"]] for s in chaos.firsts(stage)]


def is_clean(stage):
    """No lane is left where nothing waits or runs."""
    stage.wait_at_rest()
    chaos.census(stage)
    assert list(stage.redis.text.scan_iter("prosaas:lane*", 1000)) == []
    assert stage.redis.text.zcard(WAITING) == 0


@pytest.fixture
def house(stage):
    def build(**settings):
        stage.api, stage.worker = stage.pipeline(**settings)
        return stage
    return build


def test_the_next_message_of_a_chat_waits_for_the_one_in_hand(house):
    stage = house()
    [first] = hold(stage, 1)
    second, third = park(stage, "second", "third")
    other = post(stage, "other", chat=2)
    wait_finished(stage, other)
    r = stage.redis.text
    assert r.get(lane_of(1)) == first and r.lrange(lane_of(1) + ":wait", 0, -1) == [second, third]
    assert r.hget(f"rq:job:{second}", "status") == "queued"
    stats = stage.api.get("/api/jobs/stats").json()["queues"]["default"]
    assert (stats["queued"], stats["waiting"], stats["started"]) == (2, 2, 1)
    chaos.census(stage)
    release(stage)
    wait_finished(stage, first, second, third)
    assert order(stage) == ["1/held", "other", "second", "third"]
    is_clean(stage)


def test_a_retry_keeps_the_chat(house):
    stage = house(scheduler=True)
    stage.gateway.faults("503", times=1, retry_after=2)
    first = post(stage, "first")
    r = stage.redis.text
    wait_until(lambda: r.hget(f"rq:job:{first}", "status") == "scheduled", 10, "it waits for its retry")
    [second] = park(stage, "second")
    assert r.get(lane_of(1)) == first
    chaos.census(stage)
    wait_finished(stage, first, second)
    assert order(stage) == ["first", "second"]
    is_clean(stage)


def test_a_failure_for_good_gives_the_chat_to_the_next(house):
    stage = house()
    stage.gateway.faults("400", times=1)
    both = webhook(message("refused", chat=chat_of(1)), message("second", chat=chat_of(1)))
    assert stage.api.post(both).status == 200
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 1, 10, "the second is done")
    assert stage.redis.text.zcard(FAILED) == 1
    assert order(stage) == ["second"]
    is_clean(stage)


def test_a_chat_whose_holder_is_gone_passes_on_within_ten_seconds(house):
    """The holder deleted or cancelled with RQ's tools; the lane itself lost."""
    stage = house(scheduler=True)
    deleted, cancelled, robbed = hold(stage, 1, 2, 3)
    waiting = [park(stage, f"{chat}/waits", chat=chat)[0] for chat in (1, 2, 3)]
    stage.job(deleted).delete()
    stage.job(cancelled).cancel()
    stage.redis.text.delete(lane_of(3))
    at = time.time()
    wait_finished(stage, *waiting, seconds=10)
    after = [chaos.started_at(stage, job) - at for job in waiting]
    figure(f"waiters of a deleted, a cancelled and a robbed holder ran after {after[0]:.1f}, {after[1]:.1f}"
           f" and {after[2]:.1f} s")
    assert stage.scheduler.metric("prosaas_lanes_mended_total") >= 3
    release(stage)
    wait_finished(stage, robbed)
    wait_until(lambda: stage.worker.metric("prosaas_jobs_running") == 0, 10, "the deleted ones have ended")
    assert stage.job(cancelled).get_status() == "canceled"
    assert stage.redis.text.type(f"rq:job:{deleted}") == "none", "its end brings nothing back"
    is_clean(stage)


def test_a_waiter_whose_job_has_expired_is_skipped(house):
    stage = house()
    [first] = hold(stage, 1)
    gone, cancelled, last = park(stage, "gone", "cancelled", "last")
    stage.redis.text.delete(f"rq:job:{gone}")
    stage.job(cancelled).cancel()
    release(stage)
    wait_finished(stage, first, last)
    assert order(stage) == ["1/held", "last"]
    assert stage.redis.text.type(f"rq:job:{gone}") == "none"
    stage.wait_at_rest()
    assert list(stage.redis.text.scan_iter("prosaas:lane*", 1000)) == []


def test_our_own_messages_do_not_wait(house):
    stage = house()
    [first] = hold(stage, 1)
    [second] = park(stage, "second")
    ours = post(stage, "ours", fromMe=True)
    wait_finished(stage, ours)
    assert stage.job(second).get_status() == "queued" and stage.job(first).get_status() == "started"
    release(stage)
    wait_finished(stage, first, second)
    is_clean(stage)


def claims(stage):
    return stage.redis.text.info("commandstats").get("cmdstat_evalsha", {"calls": 0})["calls"]


def test_suspended_workers_take_nothing_and_resumed_ones_do(house):
    stage = house()
    [held] = hold(stage, 1)
    [waits] = park(stage, "waits")
    suspend(stage.redis.bytes)
    release(stage)
    wait_finished(stage, held)
    late = post(stage, "late", chat=2)
    [worker] = stage.redis.text.smembers("rq:workers")
    wait_until(lambda: stage.redis.text.hget(worker, "state") == "suspended", 10, "it says so")
    seen = claims(stage)
    wait_until(lambda: claims(stage) >= seen + 2, 10, "it has asked again and again")
    assert {stage.job(job).get_status() for job in (waits, late)} == {"queued"}
    chaos.census(stage)
    resume(stage.redis.bytes)
    wait_finished(stage, waits, late, seconds=5)
    is_clean(stage)


def test_a_drain_hands_back_with_the_chat_and_its_order_kept(house):
    stage = house(DRAIN_TIMEOUT=1)
    [first] = hold(stage, 1)
    second, third = park(stage, "second", "third")
    assert stage.worker.stop() == 0
    r = stage.redis.text
    assert stage.queued() == [first] and r.zcard(WIP) == 0
    assert r.get(lane_of(1)) == first and r.lrange(lane_of(1) + ":wait", 0, -1) == [second, third]
    fourth = post(stage, "fourth")
    chaos.census(stage)
    release(stage)
    stage.worker.restart()
    wait_finished(stage, first, second, third, fourth)
    assert order(stage) == ["1/held", "second", "third", "fourth"]
    is_clean(stage)


def test_a_draining_workers_end_wakes_another_at_once(house):
    stage = house(DRAIN_TIMEOUT=20)
    [first] = hold(stage, 1)
    [second] = park(stage, "second")
    other = stage.start("worker")
    wait_until(lambda: stage.redis.text.info("clients")["blocked_clients"] == 12, 10, "both block")
    stage.worker.signal(signal.SIGTERM)
    stage.worker.wait_log("draining")
    wait_until(lambda: stage.redis.text.info("clients")["blocked_clients"] == 6, 10, "one takes no more")
    release(stage)
    wait_finished(stage, first, second)
    assert stage.worker.wait() == 0
    ended = chaos.unix(stage.job(first).ended_at)
    wake = chaos.started_at(stage, second) - ended
    figure(f"a draining worker's end to the next job's start elsewhere: {wake * 1000:.1f} ms")
    assert wake < 1 * PATIENCE
    assert "[WEBHOOK_JOB]" in other.log()
    is_clean(stage)


def test_a_job_back_at_the_queue_finds_its_chat_its_own(house):
    """What waits in the queue when its own id is in the lane runs, and first."""
    stage = house()
    suspend(stage.redis.bytes)
    first, second = post(stage, "first"), post(stage, "second")
    r = stage.redis.text
    r.set(lane_of(1), second)  # as if it had run before and been handed back
    resume(stage.redis.bytes)
    wait_finished(stage, first, second)
    assert order(stage) == ["second", "first"]
    assert r.lrange(QUEUE, 0, -1) == []
    is_clean(stage)


def test_a_message_to_a_chat_whose_holder_is_gone_runs_at_once(house):
    """Who comes need not wait for the scheduler to notice."""
    stage = house()
    [first] = hold(stage, 1)
    stage.job(first).delete()
    at = time.time()
    second = post(stage, "second")
    wait_finished(stage, second)
    assert chaos.started_at(stage, second) - at < 1 * PATIENCE
    release(stage)
    is_clean(stage)


def test_what_a_claim_brings_to_a_worker_that_stops_goes_back_at_once(house):
    """Told to stop while its claim was in flight; a drain is no crash."""
    stage = house(DRAIN_TIMEOUT=2)
    r = stage.redis.text
    suspend(stage.redis.bytes)
    first = post(stage, "first")
    [worker] = r.smembers("rq:workers")
    wait_until(lambda: r.hget(worker, "state") == "suspended", 10, "the worker asks each second")
    resume(stage.redis.bytes)
    stage.redis.pause()
    time.sleep(1.5)  # it has asked; nothing shows that
    stage.worker.signal(signal.SIGTERM)
    stage.worker.wait_log("draining")
    stage.redis.resume()
    assert stage.worker.wait() == 0
    assert stage.job(first).get_status() in ("queued", "finished")
    assert r.zcard(WIP) == 0
    assert r.hget(f"rq:job:{first}", "prosaas_crashes") in (None, "0")
    chaos.census(stage)
