# SPDX-License-Identifier: MIT
"""prosaas tail: what happens, as it happens, and nothing that anybody wrote."""
import json
import queue
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import BIN, FAILED, PATIENCE, chat_of, message, wait_until, webhook


class Tail:
    def __init__(self, stage, *words):
        self.proc = subprocess.Popen([BIN, "tail", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                     env=stage.environment({}))
        self.lines, self.seen = queue.SimpleQueue(), []
        wait_until(lambda: any(c["name"] == "prosaas-cli" and c["cmd"] == "evalsha" for c in stage.redis.text.client_list()),
                   15, "it has looked at what is dead already")
        threading.Thread(target=lambda: [self.lines.put(line) for line in self.proc.stdout], daemon=True).start()

    def shows(self, pattern, seconds=15):
        """Waits for a line; those before it are kept in seen."""
        end = time.monotonic() + seconds * PATIENCE
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            self.seen.append(line)
            if re.search(pattern, line):
                return line

    def close(self):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGINT)
        code = self.proc.wait(10 * PATIENCE)
        err = self.proc.stderr.read()
        self.proc.stderr.close()
        return code, err


@pytest.fixture
def tail(stage):
    opened = []
    def start(*words):
        opened.append(Tail(stage, *words))
        return opened[-1]
    yield start
    assert [t.close() for t in opened] == [(0, "")] * len(opened)


def ask_once(stage, *words):
    return [json.loads(line) for line in stage.cli("tail", "--once", "--json", *words).stdout.splitlines()]


def test_a_message_its_reply_and_a_receipt_are_told_as_they_come(stage, tail):
    api, worker = stage.pipeline(tenant={"default_text": "private answer"})
    t = tail()
    api.post(webhook(message("M1", "private question")))
    assert re.match(r"\d{4}-\d\d-\d\dT[\d:.]+Z in  ", line := t.shows(r"msg_id=M1 .*status=received"))
    id = re.search(r" message=(\d+)", line)[1]
    out = t.shows(rf" out  .*reply_to={id} .*status=sent took_ms=\d+")
    key = stage.replies()[0]["outbound_key"]
    api.post({"tenantId": "1", "payload": {"updates": [{"key": {"id": key, "remoteJid": "972501234567@s.whatsapp.net",
                                                               "fromMe": True}, "update": {"status": 4}}]}})
    t.shows(rf" out  .*message={re.search(r' message=([0-9]+)', out)[1]} .*status=read")
    everything = "".join(t.seen)
    assert "private" not in everything and "972501234567" not in everything and "chat=97…67@s.whatsapp.net" in everything


def test_a_dead_letter_is_told(stage, tail):
    api, worker = stage.pipeline()
    t = tail("--tenant", "nobody")
    api.post(webhook(message("OTHER")))
    api.post(webhook(message("M1"), tenant="nobody"))
    assert " tenant=nobody job_id=wh_" in t.shows(r" dead .*queue=default .*reason=unknown_tenant")
    assert not any("OTHER" in line for line in t.seen)


def dead_letter(stage, id, at, score):
    stage.redis.text.hset(f"rq:job:{id}", mapping={"status": "failed", "created_at": at, "ended_at": at, "prosaas_tenant": "1"})
    stage.redis.text.zadd(FAILED, {id: score})


def test_dead_letters_are_told_however_far_clocks_are_apart(stage, tail):
    """ended_at is by the clock of who worked the job: not ours, nor that of the next."""
    stage.prepare()
    stage.start_redis()
    for i in range(150):
        dead_letter(stage, f"old{i}", "2026-11-24T05:30:00.000000Z", 1000 + i)
    t = tail()
    dead_letter(stage, "ahead", "2036-11-24T05:30:00.000000Z", 2000)
    t.shows(r" dead .*job_id=ahead")
    stage.redis.text.zrem(FAILED, *[f"old{i}" for i in range(140, 150)])  # retried: older ones are looked at now
    dead_letter(stage, "behind", "2016-11-24T05:30:00.000000Z", 2000)
    t.shows(r" dead .*job_id=behind")
    dead_letter(stage, "ahead", "2036-11-24T05:30:00.000001Z", 2001)  # dies again
    t.shows(r" dead .*job_id=ahead")
    assert len(t.seen) == 3


def test_once_is_the_last_messages_of_a_tenant_or_a_chat(stage):
    api, worker = stage.pipeline()
    stage.cli("tenant", "add", "2", "default_text=Thank you!")
    for i in range(6):
        api.post(webhook(message(f"T{i}", chat=chat_of(i % 2)), tenant=str(1 + i // 3)))
    wait_until(lambda: len(stage.replies()) == 6 and {r["status"] for r in stage.replies()} == {"sent"}, 15, "all are answered")
    assert len(ask_once(stage)) == 10 and len(ask_once(stage, "--lines", "3")) == 3
    assert {(r["tenant"], r.get("msg_id")) for r in ask_once(stage, "--tenant", "2") if r["event"] == "in"} == \
        {("2", "T3"), ("2", "T4"), ("2", "T5")}
    of_chat = {r.get("msg_id") for r in ask_once(stage, "--chat", chat_of(0).split("@")[0]) if r["event"] == "in"}
    assert of_chat == {"T0", "T2", "T4"} == {r["msg_id"] for r in ask_once(stage, "--chat", chat_of(0)) if r["event"] == "in"}
    rows = ask_once(stage, "--lines", "100")
    assert [r["message"] for r in rows] == sorted(r["message"] for r in rows), "the newest is the last"


def test_the_last_of_a_chat_are_found_behind_those_of_all_others(stage, tail):
    api, worker = stage.pipeline()
    api.post(webhook(message("OLD", chat=chat_of(1))))
    wait_until(lambda: len(stage.replies()) == 1, 15, "it is answered")
    stage.write("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400) INSERT INTO messages "
                "(tenant_id, conversation_id, turn_id, direction, source, provider, chat, kind, status, created_us, updated_us) "
                f"SELECT tenant_id, conversation_id, turn_id, 'out', 'bot', provider, '{chat_of(2)}', kind, 'sent', "
                "created_us, updated_us FROM messages, n WHERE direction = 'in'")
    digits = chat_of(1).split("@")[0]
    assert len(stage.rows("SELECT id FROM messages")) == 402
    for chat in digits, chat_of(1):
        assert [r["event"] for r in ask_once(stage, "--chat", chat)] == ["in", "out"]
    assert ask_once(stage, "--chat", digits[:-1]) == [], "a part of a phone is none"
    assert len(ask_once(stage, "--lines", "402")) == 402
    t = tail("--chat", digits, "--lines", "0")
    api.post(webhook(message("NEW", chat=chat_of(1))))
    t.shows(r"msg_id=NEW ")


def test_it_goes_on_while_redis_is_away(stage, tail):
    api, worker = stage.pipeline()
    t = tail()
    stage.redis.kill()
    stage.redis.restart()
    wait_until(lambda: api.post(webhook(message("M1"))).status == 200, 15, "the api is back")
    t.shows(r"msg_id=M1 ")
