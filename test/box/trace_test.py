# SPDX-License-Identifier: MIT
"""A message's trace, from the webhook to its reply, and its life as a person sees it."""
import json
import re

import pytest

from harness import CHAT, chat_of, message, webhook

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


# --- prosaas trace --------------------------------------------------------------

PRIVATE = ("knee", chat_of(1).partition("@")[0], CHAT.partition("@")[0], "Noted")


def lives(stage, id, code=0):
    out = stage.cli("trace", id, "--json", code=code).stdout
    assert not any(word in out for word in PRIVATE)
    return [json.loads(line) for line in out.splitlines()]


def steps(life):
    return [e["event"] for e in life["events"]]


def test_a_life_is_told_by_message_job_trace_and_reply(answered):
    assert answered.api.post(webhook(message("M1", "my knee hurts")), traceparent=PARENT).status == 200
    answered.wait_at_rest(40)
    key = answered.gateway.sent()[0]["idempotencyKey"]
    receipts = [{"key": {"remoteJid": chat_of(1), "fromMe": True, "id": key}, "update": {"status": s}} for s in (3, 4)]
    assert answered.api.post(json.dumps({"tenantId": "1", "payload": {"updates": receipts}})).status == 200
    answered.wait_at_rest()
    job = next(i for i in answered.job_ids() if answered.redis.text.hget(f"rq:job:{i}", "prosaas_trace") == TRACE)
    life, = lives(answered, "M1")
    assert steps(life) == ["received", "claimed", "stored", "asked", "answered", "kept", "sending", "sent", "delivered", "read"]
    times = [e["at_us"] for e in life["events"]]
    assert times[:8] == sorted(times[:8]) and life["tenant"] == "1" and life["state"] == "done"
    assert life["events"][0] | {"at": 0, "at_us": 0} == {"event": "received", "at": 0, "at_us": 0, "message_id": "M1",
                                                         "job_id": job, "trace": TRACE}
    for id in (TRACE, job, key):
        assert lives(answered, id) == [life], id
    text = answered.cli("trace", "M1").stdout
    assert re.search(r"^tenant=1 turn=\d+ conversation=\d+ state=done$", text, re.M)
    assert all(re.search(rf" ms \[[ =|]+\] {step}\b", text) for step in steps(life))
    assert not any(word in text for word in PRIVATE)


def test_each_tenant_that_has_the_id_is_told_of(stage):
    api, worker = stage.pipeline()
    stage.cli("tenant", "add", "2")
    for tenant in ("1", "2"):
        api.post(webhook(message("SAME"), tenant=tenant))
    stage.wait_at_rest()
    assert [life["tenant"] for life in lives(stage, "SAME")] == ["1", "2"]


def test_a_burst_is_one_life_with_the_trace_of_each_message(stage):
    api, worker = stage.pipeline(scheduler=True, REPLY_DEBOUNCE_MS="300")
    api.post(webhook(*[message(f"M{i}") for i in range(3)]))
    stage.wait_at_rest()
    life, = lives(stage, "M2")
    came = [e for e in life["events"] if e["event"] == "received"]
    assert {e["message_id"] for e in came} == {"M0", "M1", "M2"}
    assert len({e["trace"] for e in came}) == len({e["job_id"] for e in came}) == 3
    assert steps(life).count("sent") == 1


def test_what_is_not_stored_is_told_by_its_job(stage):
    stage.start_redis()
    api = stage.start("api")
    stage.prepare()
    api.post(webhook(message("M1")), traceparent=PARENT)
    job, = stage.job_ids()
    life, = lives(stage, "M1")
    assert life["state"] == "queued" and not life["stored"] and steps(life) == ["received"]
    assert (life["events"][0]["job_id"], life["events"][0]["trace"]) == (job, TRACE)
    assert lives(stage, job) == [life]
    assert "not stored yet, job is queued" in stage.cli("trace", job).stdout
    assert "nothing is known" in stage.cli("trace", "M2", code=1).stderr


def test_a_failed_send_is_told_with_its_reason(answered):
    answered.gateway.faults("400")
    answered.say("M1")
    life, = lives(answered, "M1")
    assert steps(life)[-2:] == ["sending", "failed"] and life["events"][-1]["reason"]


def test_tools_are_told_the_trace(stage):
    stage.start_ai()
    tool = stage.start_fake("tool")
    host = f"127.0.0.1:{tool.port}"
    api, worker = stage.pipeline(tenant={"prompt": "Be brief.", "tools": json.dumps(
        [{"name": "stock", "url": f"http://{host}/stock"}])}, TOOLS_ALLOWED_HOSTS=host)
    stage.ai.faults("tools", 1, body=[["stock", "{}"]])
    api.post(webhook(message("M1")), traceparent=PARENT)
    stage.wait_at_rest()
    call, = tool.get("/calls")
    assert HEADER.match(call["headers"]["traceparent"])[1] == TRACE
