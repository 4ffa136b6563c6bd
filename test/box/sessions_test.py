# SPDX-License-Identifier: MIT
"""Sessions end when a customer is silent; their summary and facts come back with the next question."""
import json
import sqlite3

import pytest

from harness import chat_of, message, storm, statuses, wait_until, webhook

NOTES = {"summary": "Dana wants a red boat for Sunday.", "facts": {"name": "Dana", "city": "Haifa"}}
HOUR_US = 3600 * 1000000


def house(stage, tenant=None, **settings):
    stage.start_ai()
    return stage.pipeline(tenant={"prompt": "You sell boats.", **(tenant or {})}, REPLY_DEBOUNCE_MS=0, **settings)


def talk(stage, api, name, lines=3, chat=1):
    before = len(stage.gateway.sent())
    for i in range(lines):
        assert api.post(webhook(message(f"{name}{i}", f"{name} {i}", chat_of(chat)))).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == before + lines, 15, "all is answered")
    stage.wait_at_rest(10)


def change(stage, sql):
    with sqlite3.connect(stage.data / "prosaas.db", timeout=10) as db:
        db.execute(sql)


def silence(stage, us=2 * HOUR_US):
    """As if so much time had passed since the last word: all that was is older."""
    change(stage, f"UPDATE messages SET created_us = created_us - {us}")
    change(stage, f"UPDATE conversations SET summary_us = summary_us - {us} WHERE summary_us > 0")
    change(stage, f"UPDATE sessions SET started_us = started_us - {us}, closed_us = closed_us - {us}")


def tick(stage):
    """What the scheduler queues each minute."""
    return stage.cli("jobs", "enqueue", "prosaas.sessions", "--queue", "prosaas").stdout.strip()


def sessions(stage):
    return stage.rows("SELECT seq, closed_us, summarized_us FROM sessions ORDER BY id")


def summarized(stage, n=1):
    tick(stage)
    wait_until(lambda: sum(s["summarized_us"] is not None for s in sessions(stage)) >= n, 15, "the summary is kept")


def say_notes(stage, notes=NOTES):
    stage.ai.put("/say", text=notes if isinstance(notes, str) else "```json\n" + json.dumps(notes) + "\n```")


def system_of(stage):
    return stage.ai.requests()[-1]["messages"][0]["content"]


def test_a_session_ends_in_a_summary_that_the_next_question_brings(stage):
    api, worker = house(stage)
    talk(stage, api, "boat")
    assert [(s["seq"], s["closed_us"]) for s in sessions(stage)] == [(1, None)]
    silence(stage)
    say_notes(stage)
    summarized(stage)
    notes = stage.ai.requests()[-1]["messages"]
    for line in ("Customer: boat 0\n", "Business: Echo: boat 0\n", "Customer: boat 2\n"):
        assert notes[1]["content"].count(line) == 1
    assert worker.metric("prosaas_sessions_closed_total") == worker.metric("prosaas_summaries_total") == 1

    stage.ai.put("/say", text=None)
    talk(stage, api, "again", 1)
    assert "What is known of the customer:\ncity: Haifa\nname: Dana" in system_of(stage)
    assert "Earlier conversation, in short:\nDana wants a red boat for Sunday." in system_of(stage)
    assert [(s["seq"], s["closed_us"] is None) for s in sessions(stage)] == [(1, False), (2, True)]


@pytest.mark.parametrize("sure, called, told", [(0.85, "ai Dana Cohen", "\nname: Dana Cohen"),
                                               (0.84, "push Dee", "\nname on WhatsApp: Dee")], ids=["sure", "unsure"])
def test_the_ai_names_a_customer_only_when_it_is_sure(stage, sure, called, told):
    api, _ = house(stage)
    for i in range(3):
        assert api.post(webhook({**message(f"N{i}", f"line {i}", chat_of(1)), "pushName": "Dee"})).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == 3, 15, "all is answered")
    stage.wait_at_rest(10)
    assert "name on WhatsApp: Dee" in system_of(stage)
    silence(stage)
    say_notes(stage, {**NOTES, "facts": {"city": "Haifa"}, "name": "Dana  Cohen", "name_confidence": sure})
    summarized(stage)
    [contact] = stage.rows("SELECT name_source || ' ' || name AS called FROM contacts")
    assert contact["called"] == called
    stage.ai.put("/say", text=None)
    talk(stage, api, "again", 1)
    assert told in system_of(stage) and "city: Haifa" in system_of(stage)


@pytest.mark.parametrize("tenant, setting", [(0, 20), (-1, 0)], ids=["tenant", "setting"])
def test_who_sends_no_history_along_still_sends_what_is_known(stage, tenant, setting):
    api, _ = house(stage, {"ai_history": tenant}, AI_HISTORY=setting)
    talk(stage, api, "A")
    say_notes(stage)
    silence(stage)
    summarized(stage)
    stage.ai.put("/say", text="Hello again.")
    talk(stage, api, "B", 1)
    assert "name: Dana" in system_of(stage) and "Dana wants a red boat" in system_of(stage)
    assert [m["role"] for m in stage.ai.requests()[-1]["messages"]] == ["system", "user"]


def test_the_next_summary_rolls_the_last_one_on_and_tells_nothing_twice(stage):
    api, _ = house(stage)
    talk(stage, api, "first")
    silence(stage)
    say_notes(stage)
    summarized(stage)
    stage.ai.put("/say", text=None)
    talk(stage, api, "second")
    silence(stage)
    say_notes(stage, {"summary": "All is settled.", "facts": {"city": "Akko"}})
    summarized(stage, 2)
    asked = stage.ai.requests()[-1]["messages"][1]["content"]
    assert "Earlier summary:\nDana wants a red boat for Sunday." in asked
    assert "second 0" in asked and "first 0" not in asked
    assert stage.rows("SELECT summary FROM conversations")[0]["summary"] == "All is settled."
    facts = stage.rows("SELECT key, value FROM contact_facts ORDER BY key")
    assert [(f["key"], f["value"]) for f in facts] == [("city", "Akko"), ("name", "Dana")]


def test_who_still_writes_has_no_session_closed(stage):
    api, _ = house(stage)
    talk(stage, api, "now")
    tick(stage)
    stage.wait_at_rest(10)
    wait_until(lambda: stage.redis.text.zcard("rq:finished:prosaas") == 1, 10, "it was looked at")
    assert [s["closed_us"] for s in sessions(stage)] == [None]


def test_a_short_session_costs_nothing_and_its_words_go_into_the_next(stage):
    api, _ = house(stage)
    talk(stage, api, "short", 1)
    silence(stage)
    asked = len(stage.ai.requests())
    summarized(stage)
    assert len(stage.ai.requests()) == asked
    talk(stage, api, "long")
    silence(stage)
    summarized(stage, 2)
    assert "Customer: short 0" in stage.ai.requests()[-1]["messages"][1]["content"]


def test_a_summary_is_asked_for_once_though_the_clock_ticks_on(stage):
    api, _ = house(stage)
    talk(stage, api, "boat")
    silence(stage)
    stage.ai.put("/delay", ms=700)
    before = len(stage.ai.requests())
    for _ in range(3):
        tick(stage)
    summarized(stage)
    wait_until(lambda: stage.redis.text.zcard("rq:finished:prosaas") == 5, 10, "four ticks and a summary")
    assert len(stage.ai.requests()) == before + 1


def test_a_worker_that_dies_over_a_summary_costs_one_question(stage):
    api, worker = house(stage)
    stage.start("scheduler")
    talk(stage, api, "boat")
    silence(stage)
    before = len(stage.ai.requests())
    stage.ai.faults("hang", 1)
    tick(stage)
    wait_until(lambda: len(stage.ai.requests()) == before + 1, 10, "it is asked")
    worker.kill()
    stage.start("worker")
    wait_until(lambda: [s for s in sessions(stage) if s["summarized_us"]], 40, "another makes it")
    assert len(stage.ai.requests()) == before + 2


def test_an_answer_that_is_no_json_is_the_summary(stage):
    api, _ = house(stage)
    talk(stage, api, "boat")
    silence(stage)
    say_notes(stage, "She wants a boat.")
    summarized(stage)
    assert stage.rows("SELECT summary FROM conversations")[0]["summary"] == "She wants a boat."


def test_tenants_without_an_ai_have_sessions_too(stage):
    api, _ = stage.pipeline()
    talk(stage, api, "plain")
    silence(stage)
    summarized(stage)
    assert stage.rows("SELECT summary FROM conversations")[0]["summary"] is None


def test_a_tenant_has_its_own_patience(stage):
    api, _ = house(stage, {"session_idle_min": 300})
    talk(stage, api, "boat")
    silence(stage)
    tick(stage)
    wait_until(lambda: stage.redis.text.zcard("rq:finished:prosaas") == 1, 10, "it was looked at")
    assert [s["closed_us"] for s in sessions(stage)] == [None]


def test_twenty_first_messages_at_once_make_one_conversation_and_one_session(stage):
    api, _ = stage.pipeline(REPLY_DEBOUNCE_MS=0)
    stage.start("worker")
    bodies = [webhook(message(f"P{i}", f"line {i}")) for i in range(20)]
    assert statuses(storm(api.port, bodies, 20)) == {200: 20}
    stage.wait_at_rest(20)
    assert len(stage.rows("SELECT 1 FROM conversations")) == len(stage.rows("SELECT 1 FROM contacts")) == 1
    assert len(sessions(stage)) == 1
    assert stage.rows("SELECT count(*) AS n FROM messages WHERE conversation_id IS NULL")[0]["n"] == 0
    assert len(stage.inbound()) == 20
