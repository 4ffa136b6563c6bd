# SPDX-License-Identifier: MIT
"""When the bot answers (docs/answering.md): opening hours, stop and start words, commands of the
phone, groups, other bots; and `prosaas chats`."""
import json
import time

from harness import CHAT, chat_of, message, wait_until, webhook

DEBOUNCE = 300
GROUP = "120363000000000001@g.us"
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def talk(stage, debounce=0, tenant=None, **settings):
    stage.start_ai()
    return stage.pipeline(scheduler=True, tenant={"prompt": "You sell boats.", **(tenant or {})},
                          REPLY_DEBOUNCE_MS=debounce, **settings)


def say(api, id, text="hello", chat=CHAT, **key):
    assert api.post(webhook(message(id, text, chat, **key))).status == 200


def done(stage, seconds=20):
    wait_until(lambda: stage.redis.text.zcard("prosaas:due") == 0 and stage.at_rest(), seconds, "all is done")


def asked(stage):
    return [r["messages"][-1]["content"] for r in stage.ai.requests()]


def texts(stage):
    return [s["text"] for s in stage.gateway.sent()]


def set_(stage, **properties):
    stage.cli("tenant", "set", "1", *[f"{k}={v}" for k, v in properties.items()])


def silenced(worker, reason):
    return worker.metric('prosaas_turns_silenced_total{reason="%s"}' % reason)


def hours_of(open_now):
    """Hours with today (UTC), all but open_now; a day's change may come between: two days."""
    today = time.gmtime().tm_wday
    near = {DAYS[today], DAYS[(today + 1) % 7]}
    days = [d for d in DAYS if (d in near) == open_now]
    return f"{','.join(days)} 00:00-24:00"


# --- hours ---------------------------------------------------------------------

def test_out_of_hours_closed_text_is_said_once_a_chat_and_nobody_is_asked(stage):
    api, worker = talk(stage, tenant={"hours": hours_of(False), "closed_text": "We are closed."})
    for i, chat in enumerate((chat_of(1), chat_of(1), chat_of(2))):
        say(api, f"C{i}", "are you there?", chat)
        done(stage)
    assert [(s["to"], s["text"]) for s in stage.gateway.sent()] == [
        (chat_of(1), "We are closed."), (chat_of(2), "We are closed.")]
    assert stage.ai.requests() == []
    assert len(stage.inbound()) == 3
    assert silenced(worker, "closed") == 1
    set_(stage, hours=hours_of(True))
    say(api, "C9", "and now?", chat_of(1))
    done(stage)
    assert asked(stage) == ["and now?"]


def test_hours_are_the_tenants_own_and_checked(stage):
    stage.start_redis()
    stage.prepare()
    wrong = stage.cli("tenant", "set", "1", "hours=Mon-Fri 09:00-18:00; Sut 10:00-14:00", code=1)
    assert 'hours: "Sut 10:00-14:00": first come days' in wrong.stderr
    set_(stage, hours="Sun-Thu 8:30-12:30, 16:00-19:00; Fri,Sat closed", time_zone="Asia/Jerusalem")
    assert "no/where" in stage.cli("tenant", "set", "1", "time_zone=no/where", code=1).stderr


# --- stop and start words --------------------------------------------------------

def test_a_stop_word_is_confirmed_once_and_the_bot_is_silent_until_a_start_word(stage):
    api, worker = talk(stage, tenant={"stop_text": "Bye.", "start_text": "Welcome back."})
    for i, text in enumerate(("Stop!", "hello?", "STOP", "hello??", "start", "hello???")):
        say(api, f"S{i}", text)
        done(stage)
    assert texts(stage)[:2] == ["Bye.", "Welcome back."]
    assert len(texts(stage)) == 3 and asked(stage) == ["hello???"]
    assert silenced(worker, "opted_out") == 3
    audit = stage.cli("audit", "1").stdout
    assert "contact.opt_out" in audit and "contact.opt_in" in audit and "customer" in audit
    assert len(stage.inbound()) == 6


def test_a_stop_word_in_a_burst_is_the_only_thing_answered(stage):
    api, _ = talk(stage, DEBOUNCE, tenant={"stop_text": "Bye."})
    for i, text in enumerate(("how much is it?", "הסר", "or not")):
        say(api, f"B{i}", text)
    done(stage)
    assert texts(stage) == ["Bye."] and stage.ai.requests() == []


def test_a_stop_word_that_comes_first_is_confirmed_at_once(stage):
    api, _ = talk(stage, 30000, tenant={"stop_text": "Bye."})
    say(api, "F1", "stop")
    wait_until(lambda: texts(stage) == ["Bye."], 10, "confirmed long before the debounce is over")
    assert stage.redis.text.zcard("prosaas:due") == 0
    say(api, "F2", "or not")
    wait_until(lambda: len(stage.inbound()) == 2, 10, "it is stored")
    assert stage.ai.requests() == []


def test_a_stop_word_that_comes_while_the_ai_thinks_ends_its_answer(stage):
    for i, debounce in enumerate((DEBOUNCE, 0)):
        if i == 0:
            api, _ = talk(stage, debounce, tenant={"stop_text": "Bye."})
        else:
            set_(stage, debounce_ms=debounce)
        stage.ai.faults("slow", 1, ms=2000)
        count = len(stage.ai.requests())
        say(api, f"T{i}", "how much is it?", chat_of(i))
        wait_until(lambda: len(stage.ai.requests()) > count, 10, "it thinks")
        say(api, f"T{i}-stop", "stop", chat_of(i))
        done(stage)
        assert [s["text"] for s in stage.gateway.sent() if s["to"] == chat_of(i)] == ["Bye."]


def test_who_has_opted_out_gets_no_scheduled_message(stage):
    api, _ = talk(stage, tenant={"stop_text": ""})
    say(api, "O1", "unsubscribe")
    done(stage)
    stage.cli("send", "1", CHAT, "buy a boat")
    done(stage)
    assert texts(stage) == []


# --- the phone, the command line --------------------------------------------------

def test_the_phone_mutes_and_unmutes_a_chat(stage):
    api, worker = talk(stage)
    say(api, "P1", "/bot off", fromMe=True)
    say(api, "P2", "hello?")
    done(stage)
    assert texts(stage) == [] and silenced(worker, "muted") == 1
    say(api, "P3", "/bot on", fromMe=True)
    say(api, "P4", "hello?")
    done(stage)
    assert len(texts(stage)) == 1
    spoken = [m["content"] for m in stage.ai.requests()[0]["messages"]]
    assert not [t for t in spoken if "/bot" in t], "commands are no part of the talk"
    assert stage.cli("audit", "1").stdout.count("phone") == 2


def test_bot_on_ends_a_human_pause(stage):
    api, _ = talk(stage)
    say(api, "Q1", "I am here", fromMe=True)
    say(api, "Q2", "hello?")
    say(api, "Q3", "/bot on", fromMe=True)
    say(api, "Q4", "hello again?")
    done(stage)
    assert asked(stage) == ["hello again?"]


def test_chats_are_listed_paused_and_resumed_by_command(stage):
    api, worker = talk(stage)
    say(api, "L1", "hello")
    done(stage)
    assert "paused for 5 minutes" in stage.cli("chats", "pause", "1", "+972501234567", "--minutes", "5").stdout
    shown = stage.cli("chats", "list", "1").stdout
    assert "human" in shown and "501234567" not in shown
    head, row = shown.splitlines()
    assert head.index("PHONE") == row.index("+97…67") and head.index("SILENCE") == row.index("human")
    [chat] = [json.loads(line) for line in stage.cli("chats", "show", "1", CHAT, "--full", "--json").stdout.splitlines()]
    assert chat["chat"] == CHAT and chat["phone"] == "+972501234567" and chat["silence"] == "human"
    assert 240 < chat["until_us"] / 1e6 - time.time() < 301
    assert chat["last_in_us"] and chat["last_out_us"]
    say(api, "L2", "hello?")
    done(stage)
    assert silenced(worker, "human") == 1
    assert "resumed" in stage.cli("chats", "resume", "1", CHAT).stdout
    assert "was not paused" in stage.cli("chats", "resume", "1", CHAT).stdout
    stage.cli("chats", "pause", "1", CHAT)
    say(api, "L3", "hello?")
    done(stage)
    assert silenced(worker, "muted") == 1
    stage.cli("chats", "resume", "1", CHAT)
    say(api, "L4", "hello?")
    done(stage)
    assert len(texts(stage)) == 2
    assert chat["unread"] is True
    read = json.loads(stage.cli("chats", "read", "1", f"#{chat['conversation_id']}", "--json").stdout)
    assert read["success"] is True and read["conversation_id"] == chat["conversation_id"]
    assert abs(read["read_us"] / 1e6 - time.time()) < 60
    [chat] = [json.loads(line) for line in stage.cli("chats", "list", "1", "--json").stdout.splitlines()]
    assert chat["unread"] is False and chat["last_read_us"] == read["read_us"]
    say(api, "L5", "are you there?")
    done(stage)
    assert "*" in stage.cli("chats", "list", "1").stdout
    for who in (CHAT, "+972501234567"):
        assert f"chat #{chat['conversation_id']} is read" in stage.cli("chats", "read", "1", who).stdout
    assert "no chat of that name" in stage.cli("chats", "read", "1", "#99", code=1).stderr
    assert stage.cli("audit", "1").stdout.count("cli") == 4
    assert "no chat of that name" in stage.cli("chats", "pause", "1", chat_of(9), code=1).stderr


# --- groups ------------------------------------------------------------------------

def group(id, text, name="Dana", mentions=None, quotes=None, **key):
    info = {"mentionedJid": mentions or []}
    if quotes:
        info |= {"stanzaId": quotes, "quotedMessage": {"conversation": "offer"}}
    return {"key": {"id": id, "remoteJid": GROUP, "participant": "972509999999@s.whatsapp.net", **key},
            "pushName": name, "message": {"extendedTextMessage": {"text": text, "contextInfo": info}}}


def test_a_group_is_answered_when_we_are_mentioned_or_quoted_and_only_if_wanted(stage):
    api, _ = talk(stage, tenant={"own_number": "+972541111111"}, HUMAN_PAUSE_MIN=0)
    own, lid = "972541111111@s.whatsapp.net", "55566677788899@lid"

    def post(*messages):
        for m in messages:
            assert api.post(webhook(m)).status == 200
        done(stage)
    post(group("G1", "@bot hello", mentions=[own]))
    assert stage.ai.requests() == []
    set_(stage, groups="mentioned")
    post(group("G2", "talk of others"), group("G3", "to another", mentions=[chat_of(3)]))
    assert stage.ai.requests() == []
    post(group("G4", "@bot how much?", mentions=[own]))
    assert asked(stage) == ["Dana: @bot how much?"]
    before = [m["content"] for m in stage.ai.requests()[0]["messages"]]
    assert "Dana: talk of others" in before
    [sent] = stage.gateway.sent()
    assert sent["to"] == GROUP
    post(group("G5", "and in blue?", quotes=sent["messageId"]))
    assert len(asked(stage)) == 2 and asked(stage)[1].endswith("Dana: and in blue?")
    post(group("G6", "I am the owner", participant=lid, fromMe=True),
         group("G7", "@bot by lid", name="Eli", mentions=[lid]))
    assert asked(stage)[2] == "Eli: @bot by lid"
    for chat in ("status@broadcast", "123@broadcast", "123@newsletter"):
        post({**group("N" + chat, "@bot", mentions=[own]), "key": {"id": "N" + chat, "remoteJid": chat,
                                                                    "participant": chat_of(4)}})
    assert len(asked(stage)) == 3


# --- other bots, rules ----------------------------------------------------------------

def test_a_bot_that_says_the_same_after_each_reply_is_not_answered_for_ever(stage):
    api, worker = talk(stage)
    for i in range(4):
        say(api, f"R{i}", "Thank you for contacting us!")
        done(stage)
    assert len(texts(stage)) == 2
    assert silenced(worker, "repeat") >= 1


def test_rules_match_what_was_written_and_not_what_stands_in_brackets(stage):
    rules = json.dumps([{"match": "document", "reply": "by the bracket"}, {"match": "price", "reply": "by the word"}])
    api, _ = stage.pipeline(tenant={"rules": rules, "default_text": "else"})
    for id, caption in (("I1", "what price?"), ("I2", "look")):
        assert api.post(webhook({"key": {"id": id, "remoteJid": CHAT},
                                 "message": {"documentMessage": {"caption": caption}}})).status == 200
        stage.wait_at_rest()
    assert [r["body"] for r in stage.inbound()] == ["[document] what price?", "[document] look"]
    assert texts(stage) == ["by the word", "else"]


def test_who_opts_out_while_the_gateway_is_down_does_not_get_what_waited(stage):
    api, worker = talk(stage, tenant={"stop_text": ""})
    say(api, "W1")
    done(stage)
    stage.gateway.faults("503", retry_after=1)
    stage.cli("send", "1", CHAT, "buy a boat")
    wait_until(lambda: stage.rows("SELECT 1 FROM messages WHERE source = 'system' AND attempts > 0"), 10, "it was tried")
    say(api, "W2", "stop")
    wait_until(lambda: stage.rows("SELECT 1 FROM contacts WHERE opted_out_us > 0"), 20, "it is heard")
    stage.gateway.faults("ok")
    wait_until(lambda: stage.rows("SELECT status FROM scheduled_messages")[0]["status"] == "skipped", 60, "skipped")
    assert "buy a boat" not in texts(stage)
    assert worker.metric('prosaas_outbox_messages_total{outcome="not_sent"}') == 1
