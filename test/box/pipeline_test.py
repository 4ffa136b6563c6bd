# SPDX-License-Identifier: MIT
"""From webhook to reply: api, worker and a gateway that remembers what it sent."""
import json
import os
import re
from datetime import datetime

import pytest
from rq import Queue

from harness import (CHAT, FAILED, FINISHED, FUNCTION, QUEUE, chat_of, message, storm,
                     statuses, wait_until, webhook, why_of)


def wait_sent(stage, n, seconds=15):
    """Waits for n replies at the gateway and for peace, and returns them."""
    wait_until(lambda: len(stage.gateway.sent()) >= n, seconds, f"{n} replies at the gateway")
    stage.wait_at_rest(seconds)
    sent = stage.gateway.sent()
    assert len(sent) == n, sent
    return sent


def wait_failed(stage, reason, seconds=15):
    """Waits for the one dead letter, which must give that reason."""
    wait_until(lambda: stage.redis.text.zcard(FAILED), seconds, "a dead letter")
    [job] = stage.failed()
    assert job.get_status() == "failed" and job.ended_at
    assert re.search(reason, why_of(job)), why_of(job)
    return job


def test_the_guides_webhook_is_answered_once(stage):
    api, worker = stage.pipeline()
    body = webhook(message("TEST123", "Test message"))
    assert api.post(body).status == 200
    [sent] = wait_sent(stage, 1)
    assert sent["to"] == CHAT and sent["text"] == "Thank you!"
    assert sent["tenantId"] == "business_1" and sent["first"]
    assert re.fullmatch("3EB0[0-9A-F]+", sent["idempotencyKey"])

    [row], [reply] = stage.inbound(), stage.replies()
    assert row["provider_message_id"] == "TEST123" and row["body"] == "Test message"
    assert row["chat"] == CHAT and str(row["tenant_id"]) == "1"
    assert reply["direction"] == "out" and reply["status"] == "sent"
    assert reply["outbound_key"] == sent["idempotencyKey"] and reply["body"] == "Thank you!"
    assert [t["state"] for t in stage.rows("SELECT state FROM turns")] == ["done"]

    [id] = stage.redis.text.zrange(FINISHED, 0, -1)
    job = stage.job(id)
    assert job.get_status() == "finished" and job.ended_at >= job.started_at
    assert 0 < stage.redis.text.ttl(f"rq:job:{id}") <= 500
    log = worker.wait_log(r"✅ \[WEBHOOK_JOB\] Completed job_id=(\S+) dur_ms=\d") and worker.log()
    assert re.search(rf"🚀 \[WEBHOOK_JOB\] tenant=1 messages=1 job_id={id}", log)
    assert re.search(r"📨 \[WEBHOOK_JOB\] trace_id=\S+ chat=\S+", log)
    for never in ("972501234567", "Test message", "Thank you!"):
        assert never not in log
    assert "[WEBHOOK_JOB]" not in api.log()

    assert api.post(body).status == 200, "again: a duplicate"
    api.wait_log("Skipped duplicate webhook tenant=1 msg_id=TEST123")
    stage.redis.bytes.flushall()
    assert api.post(body).status == 200, "Redis forgot; the database did not"
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 1, 10, "the job ends")
    assert len(wait_sent(stage, 1)) == 1 and len(stage.inbound()) == 1


@pytest.mark.parametrize("text, reply", [
    ("What are your HOURS?", "9 to 5"), ("hours and price", "9 to 5"), ("Price please", "10"),
    ("מחיר?", "עשר"), ("hello", "Thank you!")])
def test_rules_come_before_the_default_text(stage, text, reply):
    rules = [{"match": "hours", "reply": "9 to 5"}, {"match": "price", "reply": "10"},
             {"match": "מחיר", "reply": "עשר"}]
    api, _ = stage.pipeline(tenant={"default_text": "Thank you!", "rules": json.dumps(rules)})
    api.post(webhook(message("R1", text)))
    assert wait_sent(stage, 1)[0]["text"] == reply


SHAPES = {
    "conversation": {"conversation": "hours"},
    "extended": {"extendedTextMessage": {"text": "hours"}},
    "ephemeral": {"ephemeralMessage": {"message": {"conversation": "hours"}}},
    "view once": {"viewOnceMessageV2": {"message": {"imageMessage": {"caption": "hours"}}}},
    "an image": {"imageMessage": {"caption": "hours", "mimetype": "image/png"}},
    "a document": {"documentWithCaptionMessage": {"message": {"documentMessage": {"caption": "hours"}}}},
    "a button": {"buttonsResponseMessage": {"selectedButtonId": "1", "selectedDisplayText": "hours"}},
    "a list choice": {"listResponseMessage": {"title": "hours", "singleSelectReply": {"selectedRowId": "1"}}},
}


def test_text_is_found_in_every_shape_of_message(stage):
    api, _ = stage.pipeline(tenant={"default_text": "not found",
                                    "rules": '[{"match":"hours","reply":"found"}]'})
    for i, content in enumerate(SHAPES.values()):
        m = message(f"S{i}", chat=chat_of(i))
        m["message"] = content
        assert api.post(webhook(m)).status == 200
    sent = {s["to"]: s["text"] for s in wait_sent(stage, len(SHAPES))}
    assert {name: sent[chat_of(i)] for i, name in enumerate(SHAPES)} == dict.fromkeys(SHAPES, "found")


def test_what_is_not_a_customers_message_is_stored_and_not_answered(stage):
    api, _ = stage.pipeline()
    silent = [message("Q1", chat="12036304@g.us", participant=CHAT), message("Q2", chat="status@broadcast"),
              message("Q3", chat="5551@broadcast"), message("Q4", chat="12036@newsletter"),
              message("Q5", fromMe=True)]
    assert api.post(webhook(*silent)).status == 200
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == len(silent), 10, "all jobs finished")
    api.post(webhook(message("Q6", chat=chat_of(6))))
    assert wait_sent(stage, 1)[0]["to"] == chat_of(6)
    rows = {r["provider_message_id"]: r for r in stage.rows("SELECT * FROM messages")
            if r["provider_message_id"]}
    assert {f"Q{i}" for i in range(1, 7)} <= set(rows)
    assert rows["Q5"]["direction"] == "out" and rows["Q5"]["source"] == "human"
    assert stage.redis.text.zcard(FAILED) == 0


def test_a_paused_tenant_and_one_without_a_text_stay_silent(stage):
    api, _ = stage.pipeline(tenant={})
    stage.cli("tenant", "add", "2", "default_text=hello", "status=paused")
    api.post(webhook(message("N1")))
    api.post(webhook(message("N2"), tenant="2"))
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 2, 10, "both jobs finished")
    stage.cli("tenant", "set", "2", "status=active")
    api.post(webhook(message("N3"), tenant="2"))
    assert wait_sent(stage, 1)[0]["tenantId"] == "business_2"
    assert len(stage.inbound()) == 3


# --- jobs that end as dead letters -------------------------------------------

def test_an_unknown_tenant_is_a_dead_letter_that_can_be_replayed(stage):
    api, worker = stage.pipeline()
    m = message("X1")
    api.post(webhook(m, tenant="77"))
    job = wait_failed(stage, "unknown_tenant")
    assert job.kwargs["messages"] == [m]
    stage.cli("tenant", "add", "77", "default_text=Now I know you")
    Queue("default", connection=stage.redis.bytes).failed_job_registry.requeue(job.id)
    assert wait_sent(stage, 1)[0]["text"] == "Now I know you"
    assert worker.alive()


def enqueue(stage, func, *args, **kwargs):
    return Queue("default", connection=stage.redis.bytes).enqueue_call(func, args, kwargs)


def test_an_unknown_function_is_a_dead_letter(stage):
    stage.pipeline()
    enqueue(stage, "os.getcwd")
    wait_failed(stage, "unknown_function")


POISON = {
    "no pickle": (b"\x80\x05garbage", "."),
    "runs code": (None, "(?i)unsafe|code"),
    "empty": (b"", "."),
    "zlib cut off": (b"\x78\x9c\x01\x02", "."),
    "a number": (b"\x80\x02K\x05.", "."),
    "JSON of no call": (b"[1,2]", "."),
    "a bad date": (b'["f",null,[],{}]', "."),
}


@pytest.mark.parametrize("data, reason", POISON.values(), ids=POISON.keys())
def test_a_job_that_cant_be_read_is_a_dead_letter_and_the_worker_goes_on(stage, data, reason):
    api, worker = stage.pipeline()
    if data is None:
        enqueue(stage, FUNCTION, tenant_id="1", messages=[{"at": datetime(2026, 1, 1)}])
    else:
        r = stage.redis.bytes
        r.hset("rq:job:poison", mapping={
            "status": "queued", "created_at": "yesterday" if b"[]" in data else "2026-11-24T05:30:12.345678Z",
            "data": data, "origin": "default", "timeout": "180"})
        r.sadd("rq:queues", QUEUE)
        r.rpush(QUEUE, "poison")
    wait_until(lambda: stage.redis.text.zcard(FAILED), 15, "a dead letter")
    [id] = stage.redis.text.zrange(FAILED, 0, -1)
    assert stage.redis.text.hget(f"rq:job:{id}", "status") == "failed"
    [(_, result)] = stage.redis.text.xrevrange(f"rq:results:{id}", count=1)
    assert result["type"] == "2"
    if data is None:
        assert re.search(reason, why_of(stage.job(id)))
    api.post(webhook(message("AFTER")))
    wait_sent(stage, 1)
    assert worker.alive()


def test_ids_without_a_job_are_dropped(stage):
    api, worker = stage.pipeline()
    r = stage.redis.text
    r.set("rq:job:wrong", "x")
    r.rpush(QUEUE, "ghost", "wrong")
    api.post(webhook(message("AFTER")))
    wait_sent(stage, 1)
    assert worker.alive() and r.get("rq:job:wrong") == "x"


# --- jobs of a Python api ----------------------------------------------------

def test_a_python_job_of_several_messages_is_worked(stage):
    stage.pipeline()
    several = [message(f"PY{i}", f"text {i}", chat=chat_of(i % 2)) for i in range(6)]
    job = enqueue(stage, FUNCTION, tenant_id="1", messages=several, business_id=1)
    sent = wait_sent(stage, 6)
    assert sorted(s["to"] for s in sent) == [chat_of(0)] * 3 + [chat_of(1)] * 3
    assert [r["provider_message_id"] for r in sorted(stage.inbound(), key=lambda r: r["body"])] == \
        [f"PY{i}" for i in range(6)]
    wait_until(lambda: stage.job(job.id).get_status() == "finished", 10, "finished")


def test_a_python_job_is_split_into_one_job_a_message_with_lanes(stage):
    _, worker = stage.pipeline()
    several = [message(f"PY{i}", chat=chat_of(i % 2)) for i in range(6)]
    several += [{"key": {"id": "TEST123"}}]
    Queue("default", connection=stage.redis.bytes).enqueue_call(  # by position too
        FUNCTION, args=("business_1", several, 1), job_id="theirs")
    wait_sent(stage, 6)
    ours = [id for id in stage.job_ids() if id.startswith("wh_")]
    assert len(ours) == 7
    lanes = {stage.redis.text.hget(f"rq:job:{id}", "prosaas_lane") for id in ours}
    assert {f"1:{chat_of(0)}", f"1:{chat_of(1)}"} < lanes
    assert [s["to"] for s in stage.gateway.sent() if s["to"] == chat_of(0)] == [chat_of(0)] * 3
    [dead] = stage.failed()
    assert "unprocessable" in why_of(dead)
    assert stage.job("theirs").get_status() == "finished"


def test_the_originals_lock_does_not_hide_its_own_job(stage):
    """The original locks a message, then queues a job whose id says so."""
    api, _ = stage.pipeline()
    r = stage.redis.text
    r.set("job_lock:webhook:baileys:LOCKED", "deduped:webhook:baileys:LOCKED", ex=600)
    m = message("LOCKED")
    Queue("default", connection=stage.redis.bytes).enqueue_call(
        FUNCTION, kwargs={"tenant_id": "1", "messages": [m]}, job_id="deduped:webhook:baileys:LOCKED")
    wait_sent(stage, 1)
    assert r.type("job_lock:webhook:baileys:LOCKED") == "hash", "ours took its place"
    api.post(webhook(m))
    stage.wait_at_rest()
    assert len(stage.gateway.sent()) == 1


def test_a_python_job_does_not_expire_once_it_was_claimed(stage):
    stage.pipeline()
    stage.gateway.faults("slow", 1, ms=2500)
    job = Queue("default", connection=stage.redis.bytes).enqueue_call(
        FUNCTION, kwargs={"tenant_id": "1", "messages": [message("TTL")]}, ttl=1)
    wait_sent(stage, 1)
    assert stage.job(job.id).get_status() == "finished"


def test_a_python_job_and_our_own_of_one_message_answer_once(stage):
    api, _ = stage.pipeline()
    m = message("BOTH")
    enqueue(stage, FUNCTION, tenant_id="business_1", messages=[m], business_id=1)
    wait_sent(stage, 1)
    api.post(webhook(m))
    stage.wait_at_rest()
    assert len(stage.gateway.sent()) == 1 and len(stage.inbound()) == 1


def test_jobs_of_every_queue_are_worked_and_finish_where_they_came_from(stage):
    stage.pipeline()
    for name in ("high", "low", "maintenance", "broadcasts"):
        Queue(name, connection=stage.redis.bytes).enqueue_call(
            FUNCTION, kwargs={"tenant_id": "1", "messages": [message(name, chat=chat_of(len(name)))]})
    wait_sent(stage, 4)
    wait_until(lambda: sum(stage.redis.text.zcard(f"rq:finished:{q}") > 0 for q in
                           ("high", "low", "maintenance", "broadcasts")) == 4, 10, "all finished")


def test_the_workers_of_python_see_ours(stage):
    from rq import Worker
    stage.pipeline()
    [worker] = wait_until(lambda: Worker.all(connection=stage.redis.bytes), 10, "it has registered")
    assert {"default", "high"} <= set(worker.queue_names())
    assert worker.pid > 0 and worker.get_state() in ("idle", "started", "busy")
    assert os.path.exists(f"/proc/{worker.pid}")


# --- AI ----------------------------------------------------------------------

def chats(stage):
    """The messages of each request to the AI provider."""
    return [(r.get("body") or r)["messages"] for r in stage.ai.requests()]


def ai_pipeline(stage, **settings):
    stage.start_ai()
    return stage.pipeline(tenant={"prompt": "You sell boats."}, scheduler=True, **settings)


def test_the_ai_gets_the_history_and_the_message_once(stage):
    api, _ = ai_pipeline(stage)
    for i in range(1, 4):
        api.post(webhook(message(f"A{i}", f"question {i}")))
        assert wait_sent(stage, i)[-1]["text"] == f"Echo: question {i}"
    last = chats(stage)[-1]
    assert last[0]["role"] == "system" and "You sell boats." in last[0]["content"]
    assert [(m["role"], m["content"]) for m in last[1:]] == [
        ("user", "question 1"), ("assistant", "Echo: question 1"), ("user", "question 2"),
        ("assistant", "Echo: question 2"), ("user", "question 3")]
    assert len(chats(stage)) == 3


def test_histories_do_not_mix(stage):
    api, _ = ai_pipeline(stage)
    stage.cli("tenant", "add", "2", "prompt=You sell cars.")
    for i, (tenant, chat) in enumerate([("1", chat_of(1)), ("1", chat_of(2)), ("2", chat_of(1))]):
        api.post(webhook(message(f"H{i}", f"from {tenant} {chat}", chat=chat), tenant=tenant))
        wait_sent(stage, i + 1)
    assert [len(c) for c in chats(stage)] == [2, 2, 2], "each a prompt and one message"


def test_messages_of_one_chat_are_answered_in_order(stage):
    api, _ = ai_pipeline(stage)
    for i in range(20):
        api.post(webhook(message(f"O{i}", f"m{i}"), message(f"o{i}", f"n{i}", chat=chat_of(1))))
    sent = wait_sent(stage, 40, 30)
    for chat, letter in ((CHAT, "m"), (chat_of(1), "n")):
        assert [s["text"] for s in sent if s["to"] == chat] == [f"Echo: {letter}{i}" for i in range(20)]


@pytest.mark.parametrize("mode", ["500", "503", "429", "garbage", "empty", "html", "hang"])
def test_a_transient_ai_error_is_retried_and_answered_once(stage, mode):
    api, _ = ai_pipeline(stage, AI_TIMEOUT=1)
    stage.ai.faults(mode, 1, retry_after=1)
    api.post(webhook(message("F1", "hello")))
    assert wait_sent(stage, 1, 40)[0]["text"] == "Echo: hello"
    assert len(chats(stage)) == 2 and len(stage.replies()) == 1


def test_retries_end(stage):
    api, _ = ai_pipeline(stage, JOB_RETRIES=1)
    stage.ai.faults("500")
    api.post(webhook(message("F3")))
    wait_failed(stage, "500|error", 40)
    assert len(stage.ai.requests()) == 2, "one attempt and one retry"


# --- the gateway -------------------------------------------------------------

@pytest.mark.parametrize("mode", ["500", "503", "429"])
def test_a_gateway_that_is_away_is_tried_again(stage, mode):
    api, _ = stage.pipeline(scheduler=True)
    stage.gateway.faults(mode, 1, retry_after=1)
    api.post(webhook(message("G1")))
    wait_sent(stage, 1, 40)
    assert [r["status"] for r in stage.replies()] == ["sent"]
    assert stage.redis.text.zcard(FAILED) == 0


def test_a_gateway_that_is_not_there_is_tried_again(stage):
    api, _ = stage.pipeline(scheduler=True)
    stage.gateway.kill()
    api.post(webhook(message("G2")))
    wait_until(lambda: stage.redis.text.zcard("rq:scheduled:default") == 1, 15, "a retry is due later")
    assert [r["status"] for r in stage.replies()] != ["sent"]


def test_a_lost_answer_of_a_gateway_that_remembers(stage):
    api, _ = stage.pipeline(("--durable",), scheduler=True)
    stage.gateway.faults("lost", 1)
    api.post(webhook(message("G3")))
    wait_until(lambda: len(stage.gateway.sent()) == 2, 40, "the same is sent again")
    stage.wait_at_rest()
    sent = stage.gateway.sent()
    assert len({s["idempotencyKey"] for s in sent}) == 1
    assert [s["first"] for s in sent] == [True, False]
    assert [r["status"] for r in stage.replies()] == ["sent"]


def test_a_lost_answer_of_a_gateway_that_forgets_is_not_sent_twice(stage):
    api, _ = stage.pipeline((), scheduler=True)
    stage.gateway.faults("lost", 1)
    api.post(webhook(message("G4")))
    wait_failed(stage, "ambiguous", 40)
    stage.wait_at_rest()
    assert len(stage.gateway.sent()) == 1


def test_a_tenant_may_choose_to_resend(stage):
    api, _ = stage.pipeline((), scheduler=True, tenant={"default_text": "hi", "ambiguous": "resend"})
    stage.gateway.faults("lost", 1)
    api.post(webhook(message("G5")))
    wait_until(lambda: len(stage.gateway.sent()) == 2, 40, "sent again")
    stage.wait_at_rest()
    assert len({s["idempotencyKey"] for s in stage.gateway.sent()}) == 1
    assert stage.redis.text.zcard(FAILED) == 0


def test_a_refusing_gateway_is_a_dead_letter_at_once(stage):
    api, _ = stage.pipeline(scheduler=True)
    stage.gateway.faults("400")
    api.post(webhook(message("G6")))
    wait_failed(stage, ".")
    assert stage.gateway.sent() == [] and [r["status"] for r in stage.replies()] == ["failed"]


def test_the_gateway_gets_the_secret(stage):
    api, _ = stage.pipeline()
    api.post(webhook(message("G7")))
    assert wait_sent(stage, 1)[0]["secret"] == stage.settings["INTERNAL_SECRET"]


# --- the worker without its neighbours ----------------------------------------

def test_messages_wait_for_a_worker(stage):
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.prepare(default_text="hi")
    api = stage.start("api")
    answers = storm(api.port, [webhook(message(f"W{i}", chat=chat_of(i))) for i in range(50)])
    assert statuses(answers) == {200: 50} and len(stage.queued()) == 50
    stage.start("worker")
    wait_sent(stage, 50)


def test_a_worker_survives_a_restart_of_redis(stage):
    api, worker = stage.pipeline()
    stage.redis.kill()
    wait_until(lambda: worker.get("/readyz").status == 503, 10, "not ready")
    stage.redis.restart()
    wait_until(lambda: worker.get("/readyz").status == 200, 10, "ready again")
    wait_until(lambda: api.post(webhook(message("R1"))).status == 200, 5)
    wait_sent(stage, 1)
