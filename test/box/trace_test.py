# SPDX-License-Identifier: MIT
"""A message's trace, from the webhook to its reply, and its life as a person sees it."""
import re

import pytest

from harness import chat_of, message, webhook

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"
HEADER = re.compile(r"00-([0-9a-f]{32})-([0-9a-f]{16})-01$")


@pytest.fixture
def answered(stage):
    """A pipeline with an AI, and how to send one message through it."""
    stage.start_ai()
    api, worker = stage.pipeline(tenant={"prompt": "Be brief."}, scheduler=True)
    def say(id, chat=chat_of(1), **headers):
        assert api.post(webhook(message(id, chat=chat)), **headers).status == 200
        stage.wait_at_rest(40)
    stage.say, stage.api, stage.worker = say, api, worker
    return stage


def traces(stage):
    """As the gateway and the AI were told."""
    asked = stage.ai.requests() + stage.gateway.sent()
    return [HEADER.match(r["traceparent"]).groups() for r in asked]


def test_the_webhooks_trace_goes_to_the_job_the_ai_the_gateway_and_the_logs(answered):
    answered.say("M1", traceparent=PARENT)
    (asked, ask_span), (sent, send_span) = traces(answered)
    assert asked == sent == TRACE and ask_span != send_span and "00f067aa0ba902b7" not in (ask_span, send_span)
    id, = answered.job_ids()
    assert answered.redis.text.hget(f"rq:job:{id}", "prosaas_trace") == TRACE
    for line in (rf"✅ Enqueued .* job_id={id} trace={TRACE}$",):
        assert re.search(line, answered.api.log(), re.M)
    for line in (rf"🚀 \[WEBHOOK_JOB\] .* trace={TRACE}$", rf"📨 \[WEBHOOK_JOB\] trace_id={TRACE} chat=",
                 rf"✅ \[WEBHOOK_JOB\] Completed job_id={id} dur_ms=[\d.]+ trace={TRACE}$"):
        assert re.search(line, answered.worker.log(), re.M), line


@pytest.mark.parametrize("parent", [None, "", "nonsense", f"ff-{TRACE}-00f067aa0ba902b7-01", PARENT.upper(), PARENT + "-x"])
def test_without_a_valid_traceparent_each_message_has_a_trace_of_its_own(answered, parent):
    for i in range(2):
        answered.say(f"M{i}", chat_of(i), **({} if parent is None else {"traceparent": parent}))
    found = traces(answered)
    assert len({trace for trace, _ in found}) == 2 and TRACE not in dict(found)


def test_a_webhook_with_many_messages_and_no_trace_gives_each_its_own(stage):
    stage.start_redis()
    api = stage.start("api")
    api.post(webhook(*[message(f"M{i}", chat=chat_of(i)) for i in range(3)], {"key": {"id": "DEAD"}}))
    found = {stage.redis.text.hget(f"rq:job:{id}", "prosaas_trace") for id in stage.job_ids()}
    assert len(found) == 4 and all(re.fullmatch("[0-9a-f]{32}", t) for t in found)


def test_a_retry_is_the_same_trace_and_another_span(answered):
    answered.gateway.faults("lost", 1)
    answered.say("M1", traceparent=PARENT)
    found = traces(answered)
    assert len(answered.gateway.sent()) == 2 and {trace for trace, _ in found} == {TRACE} and len({span for _, span in found}) == len(found)


def test_a_job_that_others_made_has_a_trace(answered):
    answered.say("M1")
    id, = answered.job_ids()
    answered.redis.text.hdel(f"rq:job:{id}", "prosaas_trace")
    answered.redis.text.hset(f"rq:job:{id}", "status", "queued")
    answered.redis.text.rpush("rq:queue:default", id)
    answered.wait_at_rest()
    assert re.search(rf"🚀 .* job_id={id} trace=[0-9a-f]{{32}}$", answered.worker.log(), re.M)
