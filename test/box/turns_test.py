# SPDX-License-Identifier: MIT
"""A burst is one turn: one question to the AI, one reply; and who may interrupt it."""
import time

import pytest

from harness import CHAT, FAILED, FINISHED, chat_of, message, wait_until, webhook

DEBOUNCE = 600


def talk(stage, debounce=DEBOUNCE, **settings):
    stage.start_ai()
    return stage.pipeline(scheduler=True, tenant={"prompt": "You sell boats."},
                          REPLY_DEBOUNCE_MS=debounce, **settings)


def say(api, id, text="hello", chat=CHAT, **key):
    assert api.post(webhook(message(id, text, chat, **key))).status == 200


def asked(stage):
    """The last word of each request to the AI."""
    return [r["messages"][-1]["content"] for r in stage.ai.requests()]


def all_done(stage, seconds=20):
    wait_until(lambda: stage.redis.text.zcard("prosaas:due") == 0 and stage.at_rest(), seconds, "all is done")


def test_a_burst_is_one_question_and_one_reply(stage):
    api, _ = talk(stage)
    lines = [f"line {i}" for i in range(5)]
    for i, line in enumerate(lines):
        say(api, f"B{i}", line)
        time.sleep(0.3)  # a person's typing
    all_done(stage)
    assert asked(stage) == ["\n".join(lines)]
    assert len(stage.gateway.sent()) == 1
    assert len({r["turn_id"] for r in stage.inbound()}) == 1
    assert [r["body"] for r in stage.inbound()] == lines
    assert stage.redis.text.zcard(FINISHED) == 5


def test_a_burst_that_comes_at_once_is_one_turn_too(stage):
    api, _ = talk(stage)
    assert api.post(webhook(*[message(f"O{i}", f"line {i}") for i in range(4)])).status == 200
    all_done(stage)
    assert asked(stage) == ["line 0\nline 1\nline 2\nline 3"]
    assert len(stage.gateway.sent()) == 1


def test_bursts_of_two_chats_do_not_mix(stage):
    api, _ = talk(stage)
    for i in range(3):
        say(api, f"A{i}", f"a{i}", chat_of(1))
        say(api, f"B{i}", f"b{i}", chat_of(2))
    all_done(stage)
    assert sorted(asked(stage)) == ["a0\na1\na2", "b0\nb1\nb2"]
    assert len(stage.gateway.sent()) == 2


def test_a_debounced_job_waits_without_a_slot_and_is_counted(stage):
    api, worker = talk(stage, 3000, WORKER_CONCURRENCY=1)
    say(api, "W1")
    wait_until(lambda: stage.redis.text.zcard("prosaas:due") == 1, 5, "it waits")
    assert worker.metric("prosaas_jobs_running") == 0
    stats = api.get("/api/jobs/stats").json()["queues"]["default"]
    assert (stats["queued"], stats["debounced"]) == (1, 1)
    all_done(stage)
    assert len(stage.gateway.sent()) == 1


def test_who_types_on_and_on_is_answered_after_five_debounces(stage):
    api, _ = talk(stage, 300)
    began, i = time.monotonic(), 0
    while not stage.gateway.sent() and time.monotonic() - began < 15:
        say(api, f"T{i}", f"t{i}")
        i += 1
        time.sleep(0.15)
    assert stage.gateway.sent(), "answered while still typing"
    assert time.monotonic() - began >= 1.4
    all_done(stage)


def test_input_while_the_ai_thinks_is_merged(stage):
    api, _ = talk(stage, 200)
    stage.ai.faults("slow", 1, ms=5000)
    say(api, "M1", "first")
    wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    say(api, "M2", "second")
    all_done(stage)
    assert asked(stage)[-1] == "first\nsecond"
    assert len(asked(stage)) == 2, "the first question was given up"
    assert len(stage.gateway.sent()) == 1
    assert len({r["turn_id"] for r in stage.inbound()}) == 1


def test_a_replay_that_waits_behind_its_chat_sends_its_own_reply(stage):
    api, _ = talk(stage, 200)
    stage.gateway.faults("400", 1)
    say(api, "D1", "first")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 20, "its reply was refused")
    stage.ai.faults("slow", 1, ms=3000)
    say(api, "D2", "second")
    wait_until(lambda: len(asked(stage)) == 2, 10, "the chat is busy")
    stage.cli("jobs", "retry", "--all")
    all_done(stage)
    assert sorted(s["text"] for s in stage.gateway.sent()) == ["Echo: first", "Echo: second"]
    assert [r["status"] for r in stage.replies()] == ["sent", "sent"]


def test_input_after_the_reply_was_kept_is_the_next_turn(stage):
    api, _ = talk(stage, 200)
    stage.gateway.faults("slow", 1, ms=1500)
    say(api, "K1", "first")
    wait_until(lambda: [r for r in stage.replies() if r["status"] == "sending"], 10, "it is being sent")
    say(api, "K2", "second")
    all_done(stage)
    assert asked(stage) == ["first", "second"]
    assert len(stage.gateway.sent()) == 2
    assert len({r["turn_id"] for r in stage.inbound()}) == 2


def test_without_debounce_each_message_is_answered(stage):
    api, _ = talk(stage, 0)
    for i in range(3):
        say(api, f"N{i}", f"n{i}")
    all_done(stage)
    assert asked(stage) == ["n0", "n1", "n2"]
    assert len(stage.gateway.sent()) == 3


def test_a_tenant_has_its_own_debounce(stage):
    api, _ = talk(stage, 0)
    stage.cli("tenant", "set", "1", "debounce_ms=500")
    say(api, "P1", "one")
    say(api, "P2", "two")
    all_done(stage)
    assert asked(stage) == ["one\ntwo"]


@pytest.mark.parametrize("moment", ["waits", "thinks"])
def test_a_killed_worker_loses_nothing_of_a_burst(stage, moment):
    api, worker = talk(stage, 1000 if moment == "waits" else 200)
    if moment == "thinks":
        stage.ai.faults("hang", 1)
    for i in range(3):
        say(api, f"C{i}", f"c{i}")
    if moment == "waits":
        wait_until(lambda: stage.redis.text.zcard("prosaas:due") == 1, 5, "it waits")
    else:
        wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    worker.kill()
    stage.start("worker")
    all_done(stage, 40)
    assert asked(stage)[-1] == "c0\nc1\nc2"
    assert len(stage.gateway.sent()) == 1
    assert len(stage.inbound()) == 3


def test_a_photo_in_a_burst_is_stored_and_does_not_end_it(stage):
    api, _ = talk(stage)
    say(api, "F1", "look")
    assert api.post(webhook({"key": {"id": "F2", "remoteJid": CHAT}, "message": {"stickerMessage": {}}})).status == 200
    say(api, "F3", "nice?")
    all_done(stage)
    assert asked(stage) == ["look\nnice?"]
    assert len(stage.inbound()) == 3 and len(stage.gateway.sent()) == 1


# --- a person on the phone ---------------------------------------------------

def test_a_person_who_answers_first_silences_the_bot(stage):
    api, worker = talk(stage)
    say(api, "H1", "hello?")
    say(api, "H2", "I am here", fromMe=True)
    all_done(stage)
    assert stage.gateway.sent() == [] and stage.ai.requests() == []
    say(api, "H3", "great")
    all_done(stage)
    assert stage.gateway.sent() == [], "and goes on to"
    say(api, "H4", "hello?", chat_of(7))
    all_done(stage)
    assert len(stage.gateway.sent()) == 1, "in that chat only"
    assert worker.metric('prosaas_turns_silenced_total{reason="human"}') == 2


def test_a_person_who_answers_while_the_ai_thinks_silences_it(stage):
    api, worker = talk(stage, 200)
    stage.ai.faults("slow", 1, ms=2000)
    say(api, "I1", "hello?")
    wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    say(api, "I2", "I am here", fromMe=True)
    all_done(stage)
    assert stage.gateway.sent() == []
    assert worker.metric('prosaas_turns_silenced_total{reason="human"}') == 1


def test_the_bot_speaks_again_when_the_pause_is_over(stage):
    api, _ = talk(stage, 0)
    say(api, "J1", "I am here", fromMe=True)
    all_done(stage)
    stage.cli("tenant", "set", "1", "human_pause_min=0")
    say(api, "J2", "still there?")
    all_done(stage)
    assert stage.gateway.sent() == []
    import sqlite3
    db = sqlite3.connect(stage.data / "prosaas.db", timeout=10)
    db.execute("UPDATE conversations SET human_until_us = 1")
    db.commit()
    db.close()
    say(api, "J3", "hello?")
    all_done(stage)
    assert len(stage.gateway.sent()) == 1


def test_the_echo_of_our_own_reply_does_not_silence_us(stage):
    api, _ = talk(stage, 0)
    say(api, "E1", "hello")
    all_done(stage)
    [sent] = stage.gateway.sent()
    say(api, sent["messageId"], sent["text"], fromMe=True)
    all_done(stage)
    say(api, "E2", "again")
    all_done(stage)
    assert len(stage.gateway.sent()) == 2


# --- other bots, and the past ------------------------------------------------

def test_two_bots_do_not_talk_for_ever(stage):
    api, worker = talk(stage, 0, REPLIES_MAX_HOUR=3)
    for i in range(5):
        say(api, f"L{i}", f"I am a bot {i}")
        all_done(stage)
    assert len(stage.gateway.sent()) == 3
    assert "REPLIES_MAX_HOUR is reached" in worker.log()
    assert len(stage.inbound()) == 5


def test_what_a_phone_delivers_late_is_stored_and_not_answered(stage):
    api, _ = talk(stage, 0)
    for id, age in (("OLD", 2 * 86400), ("NEW", 60)):
        assert api.post(webhook({**message(id, id, chat_of(len(id) + age)),
                                 "messageTimestamp": int(time.time()) - age})).status == 200
    all_done(stage)
    assert len(stage.inbound()) == 2
    assert asked(stage) == ["NEW"]


# --- one person, two names ---------------------------------------------------

def test_a_person_who_writes_by_lid_and_by_number_is_one_and_is_answered_where_he_wrote(stage):
    api, worker = talk(stage, 0)
    lid, number = "99887766554433@lid", chat_of(77)
    say(api, "X1", "from the number", number)
    all_done(stage)
    say(api, "X2", "from the lid", lid)
    all_done(stage)
    assert len({r["conversation_id"] for r in stage.inbound()}) == 2
    assert api.post(webhook({"key": {"id": "X3", "remoteJid": lid, "remoteJidAlt": number},
                             "message": {"conversation": "both"}})).status == 200
    all_done(stage)
    assert "two contacts are one person" in worker.log()
    assert len({r["conversation_id"] for r in stage.inbound()}) == 1
    assert [s["to"] for s in stage.gateway.sent()] == [number, lid, lid]


def test_a_person_who_answers_one_name_silences_the_bot_under_both(stage):
    api, _ = talk(stage, 0)
    lid, number = "99887766554433@lid", chat_of(77)
    say(api, "Y1", "from the lid", lid)
    say(api, "Y2", "from the number", number)
    all_done(stage)
    say(api, "Y3", "I am here", lid, fromMe=True)
    all_done(stage)
    assert api.post(webhook({"key": {"id": "Y4", "remoteJid": number, "remoteJidAlt": lid},
                             "message": {"conversation": "both"}})).status == 200
    all_done(stage)
    assert len(stage.gateway.sent()) == 2
