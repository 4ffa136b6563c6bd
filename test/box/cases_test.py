# SPDX-License-Identifier: MIT
"""The original's cases (docs/original-cases.md): the table is true, and what no other file's tests hold."""
import pathlib
import re

from harness import chat_of, message, statuses, storm, wait_until, webhook

ROOT = pathlib.Path(__file__).parents[2]
JID = "972501234567@s.whatsapp.net"
LID = "71234567890123@lid"


def test_each_case_names_a_test_that_exists_or_says_why_there_is_none():
    sources = [p.read_text() for p in (ROOT / "test").rglob("*_test.*")]
    known = {name for text in sources for name in re.findall(r"^(?:TEST\(|def )(\w+)", text, re.M)}
    rows = re.findall(r"^\| (?!case|---)(.*?) \| (.*) \|$", (ROOT / "docs/original-cases.md").read_text(), re.M)
    assert len(rows) > 40
    for case, held in rows:
        names = re.findall(r"`(\w+)`", held)
        assert names or held.startswith("not here: "), case
        assert set(names) <= known, set(names) - known


def test_each_row_says_who_spoke_and_belongs_to_the_contact(stage):
    api, _ = stage.pipeline(tenant={"default_text": "Thank you!", "human_pause_min": 0}, scheduler=True)
    for body in (message("IN", "hello", JID), message("ME", "we are open", JID, fromMe=True)):
        assert api.post(webhook(body)).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == 1, 15, "it is answered")
    stage.cli("send", "1", JID, "Your boat is ready", "--wait")
    stage.wait_at_rest(15)
    rows = stage.rows("SELECT m.direction, m.source, i.value AS phone FROM messages AS m"
                      " JOIN conversations AS c ON c.id = m.conversation_id JOIN contact_identities AS i"
                      " ON i.contact_id = c.contact_id AND i.kind = 'phone' ORDER BY m.source")
    assert [(r["direction"], r["source"]) for r in rows] == [
        ("out", "bot"), ("in", "customer"), ("out", "human"), ("out", "system")]
    assert {r["phone"] for r in rows} == {"+972501234567"}


def test_twenty_messages_under_two_names_make_one_contact(stage):
    """Two chats, so two lanes: nothing but the database makes one of them."""
    api, _ = stage.pipeline(REPLY_DEBOUNCE_MS=0)
    stage.start("worker")
    bodies = [webhook({"key": {"id": f"W{i}", "remoteJid": (JID, LID)[i % 2], "remoteJidAlt": (LID, JID)[i % 2]},
                       "message": {"conversation": f"line {i}"}}) for i in range(20)]
    assert statuses(storm(api.port, bodies, 20)) == {200: 20}
    wait_until(lambda: len(stage.inbound()) == 20, 20, "all are stored")
    stage.wait_at_rest(20)
    assert stage.failed() == []
    [counts] = stage.rows("SELECT (SELECT count(*) FROM contacts) AS contacts,"
                          " (SELECT count(*) FROM conversations) AS conversations,"
                          " (SELECT count(DISTINCT conversation_id) FROM messages) AS used,"
                          " (SELECT count(*) FROM contact_identities) AS names")
    assert counts == {"contacts": 1, "conversations": 1, "used": 1, "names": 3}


def test_who_writes_after_the_end_of_a_session_opens_the_same_conversation_again(stage):
    api, _ = stage.pipeline(REPLY_DEBOUNCE_MS=0)
    assert api.post(webhook(message("A", "hello", chat_of(1)))).status == 200
    stage.wait_at_rest(10)
    stage.write("UPDATE sessions SET closed_us = started_us + 1, summarized_us = started_us + 1")
    [before] = stage.rows("SELECT id, started_us FROM sessions")
    assert api.post(webhook(message("B", "again", chat_of(1)))).status == 200
    wait_until(lambda: len(stage.inbound()) == 2, 10, "it is stored")
    stage.wait_at_rest(10)
    assert len(stage.rows("SELECT id FROM conversations")) == 1
    [old, new] = stage.rows("SELECT id, seq, started_us, closed_us FROM sessions ORDER BY seq")
    assert old["id"] == before["id"] and old["started_us"] == before["started_us"] and old["closed_us"]
    assert new["seq"] == 2 and new["started_us"] > old["started_us"] and new["closed_us"] is None
