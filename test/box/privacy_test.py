# SPDX-License-Identifier: MIT
"""What people say, and their numbers, are in no log, whatever goes wrong, and stay only for so long."""
import json
import sqlite3

import pytest

from harness import ADMIN, FAILED, SECRET, ask, chat_of, message, wait_until, webhook

NUMBER = "972509876543"
CHAT, LID = NUMBER + "@s.whatsapp.net", "71234567890123@lid"
SAID = "zq-canary said"
CANARIES = ("zq-canary", NUMBER, "71234567890123", "Dana Canary")


def say(api, id, text, chat=CHAT, **key):
    body = {"key": {"id": id, "remoteJid": chat, **key}, "message": {"conversation": text}, "pushName": "Dana Canary"}
    return api.post(webhook(body)).status


def leaks(stage):
    """Lines of our roles that hold what none may."""
    ours = [p for p in stage.procs if p.name.split("-")[0] in ("api", "worker", "scheduler", "admin")]
    assert len(ours) >= 4
    return [f"{p.name}: {line}" for p in ours for line in p.log().splitlines() if any(c in line for c in CANARIES)]


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_log_has_a_text_a_name_or_a_number(stage, format):
    stage.settings |= {"LOG_LEVEL": "debug", "LOG_FORMAT": format, "ADMIN_TOKEN": ADMIN, "HUMAN_PAUSE_MIN": "0"}
    stage.start_ai()
    api, worker = stage.pipeline(tenant={"prompt": "Be brief."}, scheduler=True, JOB_RETRIES=0)
    admin = stage.start("admin")

    # A conversation, under both names, with what else people send.
    assert say(api, "P1", SAID, remoteJidAlt=LID) == 200
    assert say(api, "P1", SAID, remoteJidAlt=LID) == 200
    assert say(api, "P2", SAID + " by the owner", fromMe=True) == 200
    assert say(api, "P3", SAID + " in a group", "123456-789@g.us", participant=CHAT) == 200
    assert api.post(webhook({"key": {"id": "P4", "remoteJid": LID}, "message": {
        "extendedTextMessage": {"text": SAID, "contextInfo": {"participant": CHAT, "quotedMessage": {
            "conversation": SAID}}}}})).status == 200
    stage.wait_at_rest()

    # Errors that quote it.
    words = {"error": f"can't send {SAID} to {CHAT}", "message": SAID}
    for id, fault in (("G1", "400"), ("G2", "500"), ("G3", "garbage"), ("G4", "lost")):
        stage.gateway.faults(fault, 1, body=words)
        assert say(api, id, SAID) == 200
        stage.wait_at_rest(40)
    stage.gateway.faults("ok")
    for id, fault in (("A1", "400"), ("A2", "500"), ("A3", "garbage"), ("A4", "empty")):
        stage.ai.faults(fault, 1, body={"error": {"message": SAID, "type": SAID, "code": f"no {CHAT}"}})
        assert say(api, id, SAID) == 200
        stage.wait_at_rest(40)
    stage.ai.faults("ok")

    # What is no answer, and what becomes of messages.
    stage.cli("send", "1", "+" + NUMBER, SAID)
    stage.gateway.faults("400", 1, body=words)
    stage.cli("send", "1", CHAT, SAID, "--key", "k1")
    stage.wait_at_rest(40)
    stage.gateway.faults("ok")
    assert api.post(webhook({"key": {"id": "U1", "remoteJid": CHAT}, "message": {"protocolMessage": {
        "type": "MESSAGE_EDIT", "key": {"id": "P1", "remoteJid": CHAT},
        "editedMessage": {"conversation": SAID + " edited"}}}})).status == 200
    stage.wait_at_rest(40)

    # What can't be worked, and what is no webhook.
    assert api.post(webhook({"key": {"id": "D1"}, "message": SAID, "participant": CHAT})).status == 200
    assert api.post(webhook(message("D2", SAID, CHAT), tenant="9")).status == 200
    api.post('{"tenantId":"1","payload":{"messages":[{"key":{"id":"D3","remoteJid":"' + CHAT + '"},"' + SAID)
    api.post(webhook(message("D4", SAID, CHAT)), secret="wrong")
    stage.redis.text.hset("rq:job:bad", mapping={"status": "queued", "origin": "default", "data": f"{SAID} {CHAT}"})
    stage.redis.text.rpush("rq:queue:default", "bad")
    stage.wait_at_rest(40)
    wait_until(lambda: stage.redis.text.zcard(FAILED) >= 3, 20, "there are dead letters")

    # People look at it, and do it again.
    for path in ("/api/messages?tenant=1", "/api/dead-letters", f"/api/messages?tenant=1&chat={CHAT}"):
        assert ask(admin.port, "GET", path, headers={"Authorization": f"Bearer {ADMIN}"}).status == 200
    stage.cli("jobs", "retry", "--all", code=None)
    stage.wait_at_rest(40)
    worker.kill()
    assert say(api, "K1", SAID) == 200
    stage.start("worker")
    stage.wait_at_rest(40)

    assert len(stage.gateway.sent()) >= 3, "and it was a conversation"
    assert leaks(stage) == []
    for role in (api, admin, stage.scheduler):
        if format == "json":
            assert all(json.loads(line) for line in role.log().splitlines() if line.startswith("{"))
    for role in (api, stage.scheduler):
        metrics = role.get("/metrics", X_Internal_Secret=SECRET).body.decode()
        assert not any(c in metrics for c in CANARIES)
    listed = stage.cli("jobs", "list", "--status", "failed").stdout
    assert not any(c in listed for c in CANARIES)


# --- retention ---------------------------------------------------------------

def retain(stage):
    """The job, by hand: the clock's is the same."""
    id = stage.cli("jobs", "enqueue", "prosaas.retention", "--queue", "prosaas").stdout.strip()
    wait_until(lambda: stage.redis.text.zscore("rq:finished:prosaas", id), 10, "it has run")


def age(stage, days, where="1"):
    db = sqlite3.connect(stage.data / "prosaas.db", timeout=10)
    with db:
        db.execute(f"UPDATE messages SET created_us = created_us - {days * 86400000000} WHERE {where}")
    db.close()


def test_what_is_old_is_blanked_and_still_known(stage):
    api, worker = stage.pipeline(RETAIN_MESSAGES_DAYS=90, scheduler=True)
    for i in range(3):
        assert say(api, f"T{i}", f"zq-canary {i}", chat_of(i)) == 200
    stage.wait_at_rest()
    age(stage, 100, f"chat = '{chat_of(0)}'")
    age(stage, 40, f"chat = '{chat_of(1)}'")
    retain(stage)
    assert [(r["body"], r["raw"] is not None) for r in stage.inbound()] == [
        (None, False), ("zq-canary 1", False), ("zq-canary 2", True)]
    assert worker.metric('prosaas_retention_rows_total{class="messages"}') == 2, "the question and its answer"
    assert worker.metric('prosaas_retention_rows_total{class="raw"}') == 1
    assert b"zq-canary 0" not in (stage.data / "prosaas.db").read_bytes()

    stage.redis.text.delete(*stage.redis.text.keys("rq:job:wh_*"), *stage.redis.text.keys("job_lock:*"))
    assert say(api, "T0", "zq-canary 0", chat_of(0)) == 200
    stage.wait_at_rest()
    assert len(stage.inbound()) == 3 and len(stage.gateway.sent()) == 3, "a duplicate for ever"


def test_the_clock_runs_it(stage):
    stage.pipeline(scheduler=True)
    wait_until(lambda: stage.redis.text.hexists("prosaas:cron", "prosaas.retention"), 10, "it is in the table")
