# SPDX-License-Identifier: MIT
"""Outside WhatsApp's 24-hour window: a template, or held until the customer writes; nothing is lost, no retry burnt."""
import json
import time

import pytest

from harness import CHAT, FAILED, chat_of, message, wait_until, webhook, why_of
from meta import META, house, say, sent, status

OWN_FAILED = "rq:failed:prosaas"
TEMPLATE = {"meta_template": "news", "meta_template_language": "de"}


def office(stage, **settings):
    """The clock of the outbox goes faster than the minute that is built in."""
    table = stage.dir / "cron.json"
    table.write_text(json.dumps([{"name": "prosaas.outbox", "schedule": "@every 1s", "queue": "prosaas",
                                  "function": "prosaas.outbox"}]))
    tenant = {"country": "IL", "default_text": "", **settings.pop("tenant", {})}
    return house(stage, tenant=tenant, CRON_FILE=str(table), ANSWER_MAX_AGE_MIN=0, **settings)


def send(stage, text="Your boat is ready", *options, to=CHAT, code=0):
    return stage.cli("send", "1", to, text, *options, code=code).stdout.strip()


def shown(stage, id):
    return json.loads(stage.cli("scheduled", "show", "1", str(id), "--json").stdout)


def wait_held(stage, n=1):
    wait_until(lambda: len(stage.rows("SELECT 1 FROM scheduled_messages WHERE held_us > 0 AND status = 'waiting'")) == n,
               20, f"{n} are held")


def wait_sent(stage, n, seconds=30):
    wait_until(lambda: len(sent(stage)) >= n, seconds, f"{n} are sent")
    wait_until(lambda: not stage.rows("SELECT 1 FROM messages WHERE status IN ('pending', 'sending')"), seconds,
               "nothing is left")
    assert len(sent(stage)) == n
    return [s["text"]["body"] if s["type"] == "text" else s["template"] for s in sent(stage)]


def say_old(api, id, text="hello", hours=25, chat=CHAT):
    """A message that was written long ago and comes now."""
    old = {**message(id, text, chat), "messageTimestamp": int(time.time()) - hours * 3600, "provider": "meta"}
    assert api.post(webhook(old)).status == 200


def test_who_never_wrote_is_written_to_when_he_does(stage):
    api, worker = office(stage)
    id = send(stage)
    wait_held(stage)
    row = shown(stage, id)
    assert (row["status"], row["reason"]) == ("waiting", "window")
    assert 6.9 < (row["due_us"] / 1e6 - time.time()) / 86400 < 7.1
    assert "window" in stage.cli("scheduled", "list", "1").stdout
    assert stage.cloud.get("/asked") == []
    assert worker.metric("prosaas_send_held_total") == 1
    say(api, "A1")
    assert wait_sent(stage, 1) == ["Your boat is ready"]
    wait_until(lambda: shown(stage, id)["status"] == "sent", 20, "its row says so")
    say(api, "A2")
    send(stage, "Within the window")
    assert wait_sent(stage, 2)[1] == "Within the window"


def test_wait_does_not_wait_for_days(stage):
    office(stage)
    done = stage.cli("send", "1", CHAT, "Hi", "--wait", code=1)
    assert "is waiting: window" in done.stderr


def test_a_late_answer_waits_and_goes_out_in_order(stage):
    long = "one. " * 20 + "\n\n" + "two. " * 20 + "\n\n" + "three. " * 10
    api, _ = office(stage, tenant={"default_text": long, "reply_part_chars": 120})
    say_old(api, "A1")
    wait_held(stage, 3)
    stage.wait_at_rest()
    assert [r["status"] for r in stage.replies()] == ["pending"] * 3
    assert stage.cloud.get("/asked") == [] and stage.redis.text.zcard(FAILED) == 0
    assert stage.cli("scheduled", "list", "1").stdout.count("window") == 3
    stage.cli("tenant", "set", "1", "default_text=Welcome back")
    say(api, "A2")
    texts = wait_sent(stage, 4)
    texts.remove("Welcome back")
    assert [t.split()[0] for t in texts] == ["one.", "two.", "three."]


def test_the_same_webhook_again_changes_nothing(stage):
    api, _ = office(stage, tenant={"default_text": "Thank you!"}, DEDUPE_TTL=1)
    say_old(api, "A1")
    wait_held(stage)
    stage.wait_at_rest()
    stage.redis.text.flushall()
    say_old(api, "A1")
    wait_until(lambda: stage.rows("SELECT 1 FROM scheduled_messages WHERE round > 1"), 20, "it was held again")
    stage.wait_at_rest()
    assert len(stage.rows("SELECT 1 FROM scheduled_messages")) == 1
    stage.cli("tenant", "set", "1", "default_text=")
    say(api, "A2")
    assert wait_sent(stage, 1) == ["Thank you!"]


def test_with_a_template_it_goes_at_once_as_one_line(stage):
    api, worker = office(stage, tenant={**TEMPLATE, "default_text": "Thank you!"})
    send(stage, "Your boat\n\n\tis   ready, {name}", to="+972501112233")
    say_old(api, "A1", chat=chat_of(1))
    body = [{"type": "body", "parameters": [{"type": "text", "text": t}]} for t in ("Thank you!", "Your boat is ready, Customer")]
    templates = sorted(wait_sent(stage, 2), key=str, reverse=False)
    assert sorted(t["components"][0]["parameters"][0]["text"] for t in templates) == \
        ["Thank you!", "Your boat is ready, Customer"]
    for t in templates:
        assert (t["name"], t["language"]) == ("news", {"code": "de"}) and t["components"] in ([body[0]], [body[1]])
    say(api, "B1", chat=chat_of(2))
    assert wait_sent(stage, 3)[2] == "Thank you!", "inside the window it is a text"
    assert worker.metric("prosaas_send_templates_total") == 2


@pytest.mark.parametrize("code", [131047, 470, 131049])
def test_whom_meta_calls_closed_is_held_too(stage, code):
    api, _ = office(stage, tenant={"default_text": "Thank you!"})
    stage.cloud.faults("error", 1, code=code)
    say(api, "A1")
    wait_held(stage)
    stage.wait_at_rest()
    assert sent(stage) == [] and stage.redis.text.zcard(FAILED) == 0
    stage.cli("tenant", "set", "1", "default_text=")
    say(api, "A2")
    assert wait_sent(stage, 1) == ["Thank you!"]


def test_whom_meta_calls_closed_gets_the_template(stage):
    api, _ = office(stage, tenant={**TEMPLATE, "default_text": "Thank you!"})
    stage.cloud.faults("error", 1, code=131047)
    say(api, "A1")
    assert wait_sent(stage, 1)[0]["name"] == "news"


def test_whom_meta_calls_closed_after_it_took_the_message_is_not_held(stage):
    """For us it is sent, and its job and row are over: it ends failed, and nothing sends it again."""
    api, _ = office(stage, tenant={"default_text": "Thank you!"})
    say(api, "A1")
    wait_sent(stage, 1)
    id = send(stage)
    wait_sent(stage, 2)
    for row in stage.replies():
        status(api, row["outbound_key"], "ERROR", messageStubParameters=[131047])
    wait_until(lambda: [(r["status"], r["reason"]) for r in stage.replies()] == [("failed", "whatsapp: error 131047")] * 2, 20,
               "both are failed")
    stage.wait_at_rest()
    assert shown(stage, id)["status"] == "sent"
    assert stage.redis.text.zcard(FAILED) == stage.redis.text.zcard(OWN_FAILED) == 0
    stage.cli("tenant", "set", "1", "default_text=")
    say(api, "A2")
    stage.wait_at_rest()
    assert len(sent(stage)) == 2


def test_what_is_held_too_long_is_a_dead_letter_that_can_be_sent_later(stage):
    api, _ = office(stage)
    id = send(stage)
    wait_held(stage)
    stage.write("UPDATE scheduled_messages SET due_us = 1")
    wait_until(lambda: shown(stage, id)["status"] == "failed", 20, "it is given up")
    assert "window closed" in shown(stage, id)["reason"]
    wait_until(lambda: stage.redis.text.zcard(OWN_FAILED) == 1, 20, "its job is a dead letter")
    [job] = stage.redis.text.zrange(OWN_FAILED, 0, -1)
    assert "window closed" in why_of(stage.job(job))
    say(api, "A1")
    stage.wait_at_rest()
    assert sent(stage) == []
    stage.cli("jobs", "retry", job)
    assert wait_sent(stage, 1) == ["Your boat is ready"]
    wait_until(lambda: shown(stage, id)["status"] == "sent", 20, "its row says so")


def test_without_days_to_wait_it_fails_at_once(stage):
    office(stage, WINDOW_HOLD_DAYS=0)
    id = send(stage)
    wait_until(lambda: shown(stage, id)["status"] == "failed", 20, "it is given up")
    assert "window closed: the customer has not written for 24 hours" in shown(stage, id)["reason"]


def test_what_is_held_can_be_called_off(stage):
    api, _ = office(stage)
    by_hand, by_reply = send(stage, "One"), send(stage, "Two", "--unless-reply")
    wait_held(stage, 2)
    stage.cli("scheduled", "cancel", "1", by_hand)
    say(api, "A1")
    wait_until(lambda: shown(stage, by_reply)["status"] == "cancelled", 20, "his reply called it off")
    assert shown(stage, by_reply)["reason"] == "reply"
    stage.wait_at_rest()
    send(stage, "Three")
    assert wait_sent(stage, 1) == ["Three"]
    assert not stage.rows("SELECT 1 FROM turns WHERE state <> 'done'")


def test_a_stop_word_ends_what_is_held(stage):
    api, _ = office(stage, tenant={"stop_words": "STOP", "stop_text": ""})
    send(stage)
    wait_held(stage)
    say(api, "A1", "stop")
    wait_until(lambda: stage.rows("SELECT 1 FROM scheduled_messages WHERE status = 'skipped'"), 20, "it is skipped")
    assert sent(stage) == []


def test_a_broadcast_reaches_who_wrote_and_holds_the_others(stage):
    api, _ = office(stage)
    say(api, "A0", chat=chat_of(0))
    people = stage.dir / "people.csv"
    people.write_text("".join(chat_of(n) + "\n" for n in reversed(range(3))))
    id = stage.cli("broadcast", "create", "1", "--text", "We open", "--file", str(people), "--rate", "300").stdout.strip()
    stage.cli("broadcast", "start", "1", id)
    wait_held(stage, 2)
    wait_until(lambda: sent(stage), 20, "one is sent")
    assert '"status":"running"' in stage.cli("broadcast", "show", "1", id, "--json").stdout
    for n in (1, 2):
        say(api, f"A{n}", chat=chat_of(n))
    assert wait_sent(stage, 3) == ["We open"] * 3
    wait_until(lambda: '"status":"done"' in stage.cli("broadcast", "show", "1", id, "--json").stdout, 20, "it is done")


def test_more_than_a_text_is_sent_as_it_was_given(stage):
    api, _ = office(stage)
    template = send(stage, "Table 5\nis free, {name}", "--template", "table_free", "--language", "he", to="+972501112233")
    image = {"type": "image", "image": {"link": "https://example.com/menu.png", "caption": "Menu"}}
    send(stage, "[menu]", "--content", json.dumps(image))
    wait_held(stage)
    assert wait_sent_raw(stage, 1)[0]["template"] == {
        "name": "table_free", "language": {"code": "he"}, "components": [
            {"type": "body", "parameters": [{"type": "text", "text": "Table 5 is free, Customer"}]}]}
    assert shown(stage, template)["content"]["template"]["name"] == "table_free"
    say(api, "A1")
    assert wait_sent_raw(stage, 2)[1]["image"] == image["image"]
    send(stage, "+", "--content", '{"type": "reaction", "reaction": {"message_id": "wamid.A1", "emoji": "👍"}}')
    assert wait_sent_raw(stage, 3)[2]["reaction"] == {"message_id": "wamid.A1", "emoji": "👍"}
    assert [r["kind"] for r in stage.replies()] == ["template", "image", "reaction"]


def wait_sent_raw(stage, n):
    wait_until(lambda: len(sent(stage)) >= n, 20, f"{n} are sent")
    return sent(stage)


def test_a_broadcast_by_template_needs_no_window(stage):
    office(stage)
    people = stage.dir / "people.csv"
    people.write_text(f"{chat_of(1)},Dana\n{chat_of(2)},Omer\n")
    id = stage.cli("broadcast", "create", "1", "--text", "Hi {name}", "--file", str(people), "--rate", "300",
                   "--template", "news").stdout.strip()
    stage.cli("broadcast", "start", "1", id)
    assert {s["components"][0]["parameters"][0]["text"] for s in wait_sent(stage, 2)} == {"Hi Dana", "Hi Omer"}


def test_what_can_not_be_sent_is_refused_at_once(stage):
    stage.prepare(country="IL")
    for options, words in ((("--template", "x"), "gateway=baileys, which sends texts only"),
                           (("--template", "x", "--content", "{}"), "only one of"),
                           (("--language", "en"), "is that of a --template")):
        done = stage.cli("send", "1", CHAT, "Hi", *options, code=None)
        assert done.returncode != 0 and words in done.stderr
    stage.cli("tenant", "set", "1", "gateway=meta", "meta_phone_number_id=1", "meta_access_token=x")
    assert 'a content is {"type"' in stage.cli("send", "1", CHAT, "Hi", "--content", "{}", code=1).stderr
    for name in ("meta_template=No Caps", "meta_template_language=english please"):
        assert "allowed is" in stage.cli("tenant", "set", "1", name, code=1).stderr
    assert stage.rows("SELECT 1 FROM scheduled_messages") == []


def test_a_held_message_survives_kill_9(stage):
    api, worker = office(stage, DEDUPE_TTL=1)
    worker.stop()
    for n, step in enumerate(("marked", "held", "held+", "delivered"), 1):
        send(stage, f"text {n}", to=chat_of(n))
        doomed = stage.start("worker", ready=False, TEST_JOBS="on", TEST_CRASH_AT=step)
        doomed.asked_to_die = True
        wait_until(lambda: not doomed.alive(), 20, f"it dies at {step}")
        for id in stage.redis.text.zrange("rq:wip:prosaas", 0, -1):
            stage.redis.text.zadd("rq:wip:prosaas", {id: 0}, xx=True)
        heir = stage.start("worker")
        wait_held(stage, 1)
        say(api, f"A{n}", chat=chat_of(n))
        assert len(wait_sent(stage, n)) == n
        heir.stop()
