# SPDX-License-Identifier: MIT
"""What happens to messages after they were sent: receipts, edits, revokes, reactions."""
import json

import pytest

from harness import CHAT, FAILED, FINISHED, SCHEDULED, chat_of, message, wait_until, webhook


def updates(*items, tenant="1", **payload):
    return {"tenantId": tenant, "payload": {**payload, "updates": list(items)}}


def key(id, chat=CHAT, fromMe=True):
    return {"remoteJid": chat, "fromMe": fromMe, "id": id}


def status(id, value, chat=CHAT, **more):
    return {"key": key(id, chat), "update": {"status": value, **more}}


def about(id, protocol, chat=CHAT, **more_of_key):
    """An edit or a revoke as the customer's phone sends it: a message of its own."""
    return {"key": {"id": id, "remoteJid": chat, **more_of_key}, "message": {"protocolMessage": protocol}}


def edit(id, target, text, **more):
    return about(id, {"key": key(target), "type": "MESSAGE_EDIT", "editedMessage": {"conversation": text}}, **more)


def revoke(id, target, **more):
    return about(id, {"key": key(target), "type": 0}, **more)


def post(api, body):
    answer = api.post(body)
    assert (answer.status, answer.body) == (200, b""), answer


def say(api, id, text="hello", **more):
    post(api, webhook(message(id, text, **more)))


def replied(stage, n=1):
    """The last of n replies, once it is sent."""
    wait_until(lambda: len([r for r in stage.replies() if r["status"] == "sent"]) == n, 20, f"{n} replies are sent")
    stage.wait_at_rest()
    return stage.replies()[-1]


def reply(stage):
    stage.wait_at_rest()
    return stage.replies()[-1]


def row(stage, id):
    [found] = stage.rows("SELECT * FROM messages WHERE provider_message_id = ?", id)
    return found


def asked(stage):
    return [r["messages"][-1]["content"] for r in stage.ai.requests()]


def talk(stage, debounce=400, **settings):
    stage.start_ai()
    return stage.pipeline(scheduler=True, tenant={"prompt": "You sell boats."}, REPLY_DEBOUNCE_MS=debounce, **settings)


# --- receipts ----------------------------------------------------------------

def test_receipts_raise_the_status_of_a_reply_in_any_spelling(stage):
    api, worker = stage.pipeline()
    say(api, "A1")
    id = replied(stage)["provider_message_id"]
    for update, want in [
            (status(id, 1), "sent"),  # PENDING is no news
            (status(id, "SERVER_ACK"), "sent"),
            (status(id, 3, messageTimestamp=1_795_000_000), "delivered"),
            (status(id, "DELIVERY_ACK"), "delivered"),
            ({"key": key(id), "receipt": {"userJid": CHAT, "readTimestamp": {"low": 1_795_000_009, "high": 0}}}, "read"),
            (status(id, "5"), "read"),
            (status(id, 0, messageStubParameters=["463"]), "read")]:
        post(api, updates(update))
        assert reply(stage)["status"] == want, update
    r = reply(stage)
    assert (r["delivered_us"], r["read_us"]) == (1_795_000_000_000_000, 1_795_000_009_000_000)
    assert worker.metric('prosaas_receipts_total{result="new"}') == 2
    assert worker.metric('prosaas_receipts_total{result="unknown"}') == 0
    assert api.metric('prosaas_webhook_updates_total{outcome="enqueued"}') == 7
    assert api.metric('prosaas_webhook_messages_total{outcome="enqueued"}') == 1
    assert len(stage.gateway.sent()) == 1


def test_an_error_after_sent_is_kept_with_its_code_until_the_message_arrives(stage):
    api, _ = stage.pipeline()
    say(api, "B1")
    id = replied(stage)["provider_message_id"]
    post(api, updates(status(id, "ERROR", messageStubParameters=["463", "secret words"])))
    assert (reply(stage)["status"], reply(stage)["reason"]) == ("failed", "whatsapp: error 463")
    post(api, updates(status(id, 2)))
    assert reply(stage)["status"] == "failed", "it was on WhatsApp's server before"
    post(api, updates(status(id, 3)))
    assert (reply(stage)["status"], reply(stage)["reason"]) == ("delivered", None)


def test_messages_and_updates_share_a_body_and_the_same_update_is_taken_once(stage):
    api, worker = stage.pipeline()
    say(api, "C1")
    id = replied(stage)["provider_message_id"]
    body = updates(status(id, 3), status(id, 4), status(id, 3), messages=[message("C2", "again")])
    for _ in range(2):
        post(api, body)
    replied(stage, 1)
    assert [r["status"] for r in stage.replies()] == ["read", "sent"]
    assert len(stage.gateway.sent()) == 2
    assert api.metric('prosaas_webhook_updates_total{outcome="enqueued"}') == 2
    assert api.metric('prosaas_webhook_updates_total{outcome="duplicate"}') == 4
    jobs = [j for j in stage.job_ids() if j.endswith("-update")]
    assert len(jobs) == 2
    assert all(stage.redis.text.hget(f"rq:job:{j}", "prosaas_lane") == "" for j in jobs)
    lock = stage.redis.text.hgetall(f"job_lock:webhook:baileys:update:{id}")
    assert sorted(lock.values()) == sorted(jobs)
    assert all(f.startswith(f"1|{CHAT}|1|update|") for f in lock)
    assert worker.metric('prosaas_receipts_total{result="new"}') == 2


def test_a_receipt_of_what_we_do_not_know_is_counted_and_over(stage):
    api, worker = stage.pipeline(LOG_LEVEL="debug")
    post(api, updates(status("NOBODY", 3), status("NOBODY", 4, chat=chat_of(9)),
                      {"key": key("THEIRS", fromMe=False), "update": {"status": 4}},
                      {"key": key("STAR"), "update": {"starred": True}}))
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 4, 10, "all are over")
    assert worker.metric('prosaas_receipts_total{result="unknown"}') == 3
    assert "unknown message id=NOBODY" in worker.log()
    assert stage.rows("SELECT * FROM conversations") == []


def test_an_update_that_cannot_be_processed_is_a_dead_letter_beside_good_ones(stage):
    api, _ = stage.pipeline()
    say(api, "D1")
    id = replied(stage)["provider_message_id"]
    post(api, updates(7, {"key": {"id": "X"}, "update": {}}, status(id, 3), {"key": key("Y")}))
    assert reply(stage)["status"] == "delivered"
    reasons = [stage.redis.text.hget(f"rq:job:{j}", "prosaas_reason")
               for j in stage.redis.text.zrange(FAILED, 0, -1)]
    assert sorted(reasons) == [f"unprocessable: {why}" for why in ("no chat", "no update", "not an object")]
    for wrong, words in [({"payload": {"updates": {}}}, "payload.updates must be a list"),
                         ({"payload": {"updates": 1}}, "payload.updates must be a list")]:
        answer = api.post({"tenantId": "1", **wrong})
        assert (answer.status, words in answer.json()["message"]) == (400, True)


def test_a_receipt_overtakes_the_lane(stage):
    api, _ = stage.pipeline()
    say(api, "E1")
    id = replied(stage)["provider_message_id"]
    stage.gateway.faults("hold", 1)
    say(api, "E2")
    wait_until(lambda: stage.replies()[-1]["status"] == "sending", 10, "the next is being sent")
    post(api, updates(status(id, 4)))
    wait_until(lambda: stage.replies()[0]["status"] == "read", 10, "the first is read")
    assert stage.replies()[1]["status"] == "sending"
    stage.gateway.faults("500", 0)
    replied(stage)


@pytest.mark.parametrize("proof, want", [("receipt", "delivered"), ("echo", "sent")])
def test_a_reply_whose_answer_was_lost_is_sent_when_whatsapp_shows_it(stage, proof, want):
    api, _ = stage.pipeline(gateway=(), scheduler=True)
    stage.gateway.faults("lost", 1)
    say(api, "F1", "hello")
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED) == 1, 10, "the job will look again")
    assert stage.replies()[0]["status"] == "sending"
    key_ = stage.replies()[0]["outbound_key"]
    post(api, updates(status(key_, 3)) if proof == "receipt" else webhook(message(key_, "Thank you!", fromMe=True)))
    wait_until(lambda: stage.redis.text.zcard(FINISHED) == 2, 20, "both jobs are over")
    assert stage.failed() == []
    assert stage.replies()[0]["status"] == want
    assert stage.rows("SELECT state FROM turns WHERE seq = 1") == [{"state": "done"}]
    assert len(stage.gateway.sent()) == 1
    assert len(stage.rows("SELECT * FROM messages")) == 2


def test_a_receipt_before_the_gateways_answer_is_not_lowered_by_it(stage):
    api, _ = stage.pipeline()
    stage.gateway.faults("hold", 1)
    say(api, "G1")
    wait_until(lambda: stage.gateway.sent(), 10, "the gateway has it")
    post(api, updates(status(stage.replies()[0]["outbound_key"], 4)))
    wait_until(lambda: stage.replies()[0]["status"] == "read", 10, "it is read")
    stage.gateway.faults("500", 0)
    stage.wait_at_rest()
    assert [r["status"] for r in stage.replies()] == ["read"]
    assert stage.redis.text.zcard(FINISHED) == 2 and stage.failed() == []


def test_a_late_receipt_ends_the_doubt_about_a_dead_letter(stage):
    api, _ = stage.pipeline(gateway=(), scheduler=True)
    stage.gateway.faults("lost", 1)
    say(api, "H1")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 30, "it is given up as ambiguous")
    r = stage.replies()[0]
    assert (r["status"], r["reason"]) == ("failed", "ambiguous")
    post(api, updates(status(r["outbound_key"], 3)))
    assert reply(stage)["status"] == "delivered"
    stage.cli("jobs", "retry", "--all")
    stage.wait_at_rest()
    assert stage.failed() == [] and len(stage.gateway.sent()) == 1


# --- edits and revokes ---------------------------------------------------------

def test_an_edit_while_the_turn_waits_counts(stage):
    api, _ = talk(stage, 800)
    say(api, "I1", "a red boat")
    say(api, "I2", "please")
    post(api, webhook(edit("I3", "I1", "a blue boat")))
    replied(stage)
    assert asked(stage) == ["a blue boat\nplease"]
    assert row(stage, "I1")["edited_us"] and json.loads(row(stage, "I1")["raw"])["message"] == \
        {"conversation": "a red boat"}
    assert row(stage, "I3")["reply_to"] == row(stage, "I1")["id"]
    assert len(stage.gateway.sent()) == 1


def test_an_edit_while_the_ai_thinks_has_it_asked_again(stage):
    api, _ = talk(stage, 200)
    stage.ai.faults("slow", 1, ms=5000)
    say(api, "J1", "a red boat")
    wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    post(api, webhook(edit("J2", "J1", "a blue boat")))
    replied(stage)
    assert asked(stage) == ["a red boat", "a blue boat"]
    assert len(stage.gateway.sent()) == 1


def test_what_was_taken_back_is_not_asked(stage):
    api, _ = talk(stage, 800)
    say(api, "K1", "my secret")
    say(api, "K2", "a boat")
    post(api, webhook(revoke("K3", "K1")))
    replied(stage)
    assert asked(stage) == ["a boat"]
    say(api, "K4", "and oars")
    replied(stage, 2)
    assert "my secret" not in json.dumps(stage.ai.requests()[-1])


@pytest.mark.parametrize("moment", ["waits", "thinks"])
def test_a_turn_that_was_taken_back_gets_no_reply(stage, moment):
    api, _ = talk(stage, 800 if moment == "waits" else 200)
    stage.ai.faults("slow", 1, ms=5000)
    say(api, "L1", "never mind")
    if moment == "thinks":
        wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    post(api, webhook(revoke("L2", "L1")))
    stage.wait_at_rest()
    assert len(asked(stage)) == (moment == "thinks")
    assert stage.gateway.sent() == [] and stage.replies() == []
    assert stage.rows("SELECT * FROM turns WHERE state <> 'done'") == []
    assert row(stage, "L1")["revoked_us"] and row(stage, "L1")["body"] is None
    stage.ai.faults("slow", 0)
    say(api, "L3", "hello")
    replied(stage)


def test_edits_and_revokes_as_updates_do_the_same(stage):
    api, _ = stage.pipeline()
    say(api, "M1")
    say(api, "M2")
    replied(stage, 2)
    theirs = key("M1", fromMe=False)
    post(api, updates(
        {"key": theirs, "update": {"message": {"editedMessage": {"message": {"conversation": "new"}}},
                                   "messageTimestamp": 1_795_000_000}},
        {"key": key("M2", fromMe=False), "update": {"message": None, "messageStubType": 1, "key": key("R")}}))
    wait_until(lambda: row(stage, "M2")["revoked_us"], 10, "it is taken back")
    stage.wait_at_rest()
    assert (row(stage, "M1")["body"], row(stage, "M1")["edited_us"]) == ("new", 1_795_000_000_000_000)
    assert (row(stage, "M2")["body"], row(stage, "M2")["kind"]) == (None, "text")
    assert len(stage.gateway.sent()) == 2, "nothing is answered again"


def test_an_edit_that_comes_before_its_message_waits_for_it(stage):
    api, _ = talk(stage, 300)
    post(api, webhook(edit("N2", "N1", "a blue boat")))
    stage.wait_at_rest()
    say(api, "N1", "a red boat")
    replied(stage)
    assert asked(stage) == ["a blue boat"]


def test_the_notice_of_a_revoke_takes_the_message_it_names(stage):
    api, _ = stage.pipeline()
    say(api, "O1")
    replied(stage)
    post(api, webhook({"key": message("O1")["key"], "messageStubType": "REVOKE"}))
    wait_until(lambda: row(stage, "O1")["revoked_us"], 10, "it is taken back")
    stage.wait_at_rest()
    assert len(stage.gateway.sent()) == 1


def test_a_person_edits_and_revokes_what_the_bot_sent(stage):
    api, _ = stage.pipeline()
    say(api, "P1")
    sent = replied(stage)["outbound_key"]
    post(api, webhook(edit("P2", sent, "Thanks a lot!", fromMe=True)))
    wait_until(lambda: reply(stage)["body"] == "Thanks a lot!", 10, "it is edited")
    post(api, webhook(edit("P3", sent, "not mine to change")))
    stage.wait_at_rest()
    assert reply(stage)["body"] == "Thanks a lot!"
    post(api, webhook(revoke("P4", sent, fromMe=True)))
    wait_until(lambda: reply(stage)["revoked_us"], 10, "it is taken back")
    assert reply(stage)["body"] is None


# --- reactions and quotes ------------------------------------------------------

def react(id, target, emoji):
    return {"key": {"id": id, "remoteJid": CHAT}, "message": {"reactionMessage": {"key": key(target), "text": emoji}}}


def test_a_reaction_is_stored_with_its_message_and_taken_back(stage):
    api, _ = stage.pipeline()
    say(api, "Q1")
    sent = replied(stage)
    post(api, webhook(react("Q2", sent["outbound_key"], "👍")))
    stage.wait_at_rest()
    assert (row(stage, "Q2")["emoji"], row(stage, "Q2")["reply_to"]) == ("👍", sent["id"])
    post(api, webhook(react("Q3", sent["outbound_key"], "")))
    stage.wait_at_rest()
    assert (row(stage, "Q3")["emoji"], row(stage, "Q3")["reply_to"]) == ("", sent["id"])
    assert row(stage, "Q2")["revoked_us"] and row(stage, "Q2")["body"] is None
    assert len(stage.gateway.sent()) == 1


def test_a_quoted_message_is_found_or_kept(stage):
    api, _ = stage.pipeline()
    say(api, "S1", "a boat")
    sent = replied(stage)

    def quote(id, target):
        return {"key": {"id": id, "remoteJid": CHAT}, "message": {"extendedTextMessage": {
            "text": "this one", "contextInfo": {"stanzaId": target, "participant": CHAT,
                                                "quotedMessage": {"conversation": "as they have it"}}}}}

    post(api, webhook(quote("S2", sent["outbound_key"]), quote("S3", "BEFORE-OUR-TIME")))
    replied(stage, 3)
    assert (row(stage, "S2")["reply_to"], row(stage, "S2")["quoted_text"]) == (sent["id"], None)
    assert (row(stage, "S3")["reply_to"], row(stage, "S3")["quoted_text"]) == (None, "as they have it")


def test_the_ai_is_told_what_a_line_quotes(stage):
    api, _ = talk(stage, 200)
    say(api, "T1", "a red boat or a blue boat")
    replied(stage)
    post(api, webhook({"key": {"id": "T2", "remoteJid": CHAT}, "message": {"extendedTextMessage": {
        "text": "this one", "contextInfo": {"stanzaId": "T1", "quotedMessage": {"conversation": "forged"}}}}}))
    replied(stage, 2)
    assert asked(stage)[-1] == "> a red boat or a blue boat\nthis one"
