# SPDX-License-Identifier: MIT
"""Log lines: for eyes or for machines, debugging on request, and nothing private in them."""
import json
import signal

import pytest

from harness import ADMIN, SECRET, message, wait_until, webhook

CHAT = "972541234567@s.whatsapp.net"
PHONE, NAME, TEXT, PROMPT, ANSWER = "972541234567", "Zelda Quux", "my knee hurts at night", "You heal knees only", "Rest your knee well"
ROLES = ("api", "worker", "scheduler", "admin")


def conversation(stage, log_format):
    """A message, its answer by an AI, and what goes wrong on the way, all at debug."""
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.start_ai()
    stage.settings |= {"LOG_LEVEL": "debug", "LOG_FORMAT": log_format, "ADMIN_TOKEN": ADMIN, "JOB_RETRIES": "1"}
    stage.prepare(prompt=PROMPT)
    house = {role: stage.start(role) for role in ROLES}
    stage.ai.put("/say", text=ANSWER)
    return house


def said(m, **more):
    return {**m, "pushName": NAME, **more}


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_nothing_private_is_in_any_log(stage, log_format):
    house = conversation(stage, log_format)
    api = house["api"]
    stage.gateway.faults("500", times=1)
    assert api.post(webhook(said(message("M1", TEXT, CHAT)))).status == 200
    wait_until(lambda: [s for s in stage.gateway.sent() if s["to"] == CHAT], 30, "the reply")
    assert stage.gateway.sent()[-1]["text"] == ANSWER
    api.post(webhook(said(message("M1", TEXT, CHAT))))  # a duplicate
    api.post(webhook(said(message("M2", TEXT, CHAT)), tenant="nobody"))  # a dead letter
    api.post(webhook({"key": {"id": "M3"}, "message": {"conversation": TEXT}}))  # another
    api.post(webhook(said(message("M4", TEXT, CHAT))), secret="wrong-" + SECRET)
    api.post('{"tenantId":"1","payload":{"messages":[{"' + TEXT)
    house["admin"].get("/api/tenants", Authorization=f"Bearer {ADMIN}")
    wait_until(lambda: len(stage.failed()) == 2, 20, "two dead letters")
    for role, p in house.items():
        log = p.log()
        assert log, role
        for private in (PHONE, PHONE[3:], NAME, "Zelda", TEXT, "knee", PROMPT, ANSWER, SECRET, ADMIN):
            assert private not in log, f"{role}: {private}"
        for line in log.splitlines() if log_format == "json" else ():
            row = json.loads(line)
            assert {"ts", "level", "role", "pid", "msg"} <= set(row) and row["role"] == role


def test_what_is_no_text_is_still_json(stage):
    """Ids of odd bytes, and one so long that it is cut within a character."""
    stage.start_redis()
    api = stage.start("api", LOG_FORMAT="json")
    for id in ("\x01\x7f\\\"", "ש" * 60, "😀" * 30):
        api.post(webhook(message(id)))
    api.post(webhook({"key": {"id": "X" * 120, "remoteJid": "\ud83d" + "é" * 400}}))
    lines = api.log().encode(errors="surrogateescape").splitlines()
    assert len(lines) >= 4
    for line in lines:
        json.loads(line.decode("utf-8"))


@pytest.mark.parametrize("role", ROLES)
def test_sighup_switches_debugging_on_and_off(stage, role):
    stage.start_redis()
    stage.start_gateway()
    stage.prepare()
    p = stage.start(role, ADMIN_TOKEN=ADMIN)
    p.signal(signal.SIGHUP)
    p.wait_log("SIGHUP: the log's level is debug")
    p.signal(signal.SIGHUP)
    p.wait_log("SIGHUP: the log's level is info")
    assert p.alive() and p.stop(10) == 0
