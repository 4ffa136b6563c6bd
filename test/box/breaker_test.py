# SPDX-License-Identifier: MIT
"""Who is down is left alone, and who waits for him pays nothing for it."""
import re
import time

import pytest

import meta
from harness import FAILED, SCHEDULED, chat_of, message, sized, statuses, storm, wait_until, webhook, why_of

FAILURES = 5  # in a row open it: client/breaker.h
RETRIES = 3


def outage(stage, **settings):
    """A pipeline whose worker runs few jobs at once, so that few are under way when
    the breaker opens."""
    return stage.pipeline(scheduler=True, WORKER_CONCURRENCY=4, JOB_RETRIES=RETRIES, **settings)


def ai_outage(stage):
    stage.start_ai()
    return outage(stage, tenant={"prompt": "You sell boats."})


def waiting(stage, n):
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED) == n, 20, f"{n} jobs wait")


def paid_nothing(stage, n):
    """All jobs are there, and none has spent an attempt or failed."""
    left = [stage.redis.text.hget(f"rq:job:{id}", "retries_left") for id in stage.job_ids()]
    assert left == [str(RETRIES)] * n
    assert stage.redis.text.zcard(FAILED) == 0


def answered(stage, n, seconds=40):
    """Each of n messages exactly once."""
    wait_until(lambda: len(stage.gateway.sent()) >= n, seconds, f"{n} replies")
    stage.wait_at_rest(seconds)
    sent = stage.gateway.sent()
    assert len(sent) == n and len({s["idempotencyKey"] for s in sent}) == n
    assert [r["status"] for r in stage.replies()] == ["sent"] * n
    assert stage.redis.text.zcard(FAILED) == 0


def posted(api, n, chats=None):
    bodies = [webhook(message(f"B{i}", f"text {i}", chat=chat_of(i % (chats or n)))) for i in range(n)]
    assert statuses(storm(api.port, bodies)) == {200: n}


def test_a_gateway_that_is_away_costs_no_attempt_and_is_left_alone(stage):
    api, worker = outage(stage)
    n = sized(30, 300)
    stage.gateway.faults("503")
    posted(api, n, 10)
    worker.wait_log("left alone")
    opened = time.monotonic()
    before = len(stage.gateway.get("/asked"))
    assert FAILURES <= before <= FAILURES + 4
    assert worker.metric("prosaas_breaker_open") == 1

    wait_until(lambda: len(stage.gateway.get("/asked")) >= before + 2, 20, "it is tried now and then")
    asked, seconds = len(stage.gateway.get("/asked")), time.monotonic() - opened
    assert asked <= before + 4 + seconds, "one probe a rest, a second at least"
    assert worker.metric("prosaas_breaker_refused_total") > 0
    paid_nothing(stage, n)

    stage.gateway.faults("ok")
    answered(stage, n)
    assert worker.metric("prosaas_breaker_open") == 0
    assert len(re.findall("left alone", worker.log())) == 1
    assert len(re.findall("works again", worker.log())) == 1


def test_an_ai_that_asks_for_two_seconds_gets_them(stage):
    api, worker = ai_outage(stage)
    stage.ai.faults("429", 1, retry_after=2)
    assert api.post(webhook(message("FIRST", chat=chat_of(99)))).status == 200
    wait_until(lambda: worker.metric("prosaas_breaker_open") == 1, 10, "it rests")
    posted(api, 9)
    wait_until(lambda: worker.metric("prosaas_breaker_refused_total") > 0, 10, "a call not made")
    paid_nothing(stage, 10)
    answered(stage, 10)
    at = sorted(r["at"] for r in stage.ai.requests())
    assert len(at) == 11 and at[1] - at[0] >= 2


@pytest.mark.parametrize("who, mode", [("gateway", "503"), ("gateway", "429"), ("cloud", "error"), ("ai", "429")])
def test_who_asks_for_a_thousand_days_is_looked_at_within_the_hour(stage, who, mode):
    """One bad header must not park a chat for ever."""
    if who == "cloud":
        api, _ = meta.house(stage)
    else:
        api, _ = ai_outage(stage) if who == "ai" else outage(stage)
    more = {"code": 130429} if who == "cloud" else {}
    getattr(stage, who).faults(mode, retry_after=86400000, **more)
    if who == "cloud":
        meta.say(api, "A1")
    else:
        posted(api, 1)
    waiting(stage, 1)
    [(_, due)] = stage.redis.text.zrange(SCHEDULED, 0, -1, withscores=True)
    assert 3000 < due - time.time() <= 3600 * 5 / 4 + 1, "an hour, and up to a quarter more"


@pytest.mark.parametrize("mode", ["quota", "401"])
def test_an_ai_that_takes_nobody_is_waited_for(stage, mode):
    api, worker = ai_outage(stage)
    stage.ai.faults(mode)
    posted(api, 12)
    waiting(stage, 12)
    assert len(stage.ai.requests()) <= 4, "once is enough, for those under way"
    paid_nothing(stage, 12)
    worker.wait_log("quota|invalid_api_key")
    stage.ai.faults("ok")
    answered(stage, 12)


def test_a_message_that_is_refused_fails_alone(stage):
    api, worker = outage(stage)
    n = FAILURES + 1
    stage.gateway.faults("400", n)
    posted(api, n)
    wait_until(lambda: stage.redis.text.zcard(FAILED) == n, 15, "all failed")
    assert all("HTTP 400 Bad request" in why_of(job) for job in stage.failed())
    assert worker.metric("prosaas_breaker_open") == 0
    assert api.post(webhook(message("GOOD", chat=chat_of(50)))).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == 1, 10, "the next is answered")
    assert worker.metric("prosaas_breaker_refused_total") == 0


def test_who_has_waited_for_a_day_fails_with_the_reason(stage):
    api, _ = outage(stage)
    stage.gateway.faults("503")
    posted(api, 1)
    waiting(stage, 1)
    [id] = stage.job_ids()
    stage.redis.text.hset(f"rq:job:{id}", "prosaas_waiting_since", int(time.time()) - 86401)
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 40, "it fails after all")
    [job] = stage.failed()
    assert "HTTP 503 WhatsApp not connected" in why_of(job) and job.retries_left == RETRIES
    assert not stage.redis.text.hexists(f"rq:job:{id}", "prosaas_waiting_since")
