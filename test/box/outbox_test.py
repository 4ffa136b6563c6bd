# SPDX-License-Identifier: MIT
"""Messages that are no answer: at once, later, again and again, to many; each once."""
import json
import signal
import sqlite3
import subprocess
import time

import pytest

import chaos
from harness import BIN, CHAT, chat_of, figure, message, sized, wait_until, webhook

OWN, WIP, FAILED = "rq:queue:prosaas", "rq:wip:prosaas", "rq:failed:prosaas"
NOBODY = {"name": "Boats"}  # a tenant whose bot says nothing


def office(stage, tick="@every 1s", **more):
    """All roles; the clock of the outbox goes faster than the minute that is built in."""
    table = stage.dir / "cron.json"
    table.write_text(json.dumps([{"name": "prosaas.outbox", "schedule": tick, "queue": "prosaas",
                                  "function": "prosaas.outbox"}]))
    tenant = {**NOBODY, "country": "IL", **more.pop("tenant", {})}
    return stage.pipeline(scheduler=True, tenant=tenant, CRON_FILE=str(table), **more)


def send(stage, to, text, *options, code=0):
    return stage.cli("send", "1", to, text, *options, code=code).stdout.strip()


def shown(stage, id):
    return json.loads(stage.cli("scheduled", "show", "1", str(id), "--json").stdout)


def wait_status(stage, id, status, seconds=15):
    wait_until(lambda: shown(stage, id)["status"] == status, seconds, f"message {id} is {status}")


def texts(stage):
    return [s["text"] for s in stage.gateway.sent()]


def end_leases(stage):
    """What a dead worker of these tests held goes back now."""
    for id in stage.redis.text.zrange(WIP, 0, -1):
        stage.redis.text.zadd(WIP, {id: 0}, xx=True)


def at_rest(stage):
    r = stage.redis.text
    return not (r.llen(OWN) or r.zcard(WIP) or r.zcard("rq:scheduled:prosaas")
                or stage.rows("SELECT 1 FROM scheduled_messages WHERE status IN ('waiting', 'queued')"))


def change(stage, sql):
    db = sqlite3.connect(stage.data / "prosaas.db", timeout=10)
    db.execute(sql)
    db.commit()
    db.close()


# --- one ---------------------------------------------------------------------

def test_who_waits_can_be_interrupted(stage):
    stage.start_redis()
    stage.prepare(**NOBODY)
    p = subprocess.Popen([BIN, "send", "1", CHAT, "Hi", "--wait"], env=stage.environment({}))
    wait_until(lambda: stage.redis.text.llen(OWN) == 1, 15, "it is queued, and nobody works it")
    wait_until(lambda: p.poll() is not None or p.send_signal(signal.SIGINT), 15, "it ends")
    assert p.returncode != 0 and shown(stage, 1)["status"] != "cancelled"


def test_a_message_is_sent_at_once_to_a_phone_and_to_an_address(stage):
    office(stage, "@every 1h")
    assert send(stage, "050-123 45 67", "Hello {first_name}", "--wait") == "1 sent"
    assert send(stage, chat_of(7), "Hi", "--wait") == "2 sent"
    sent = stage.gateway.sent()
    assert [(s["to"], s["text"]) for s in sent] == [(CHAT, "Hello Customer"), (chat_of(7), "Hi")]
    assert {r["source"] for r in stage.replies()} == {"system"}
    assert {r["status"] for r in stage.replies()} == {"sent"}
    assert len({s["idempotencyKey"] for s in sent}) == 2
    assert shown(stage, 1)["sent_count"] == 1


def test_a_key_used_twice_sends_once(stage):
    office(stage, "@every 1h")
    assert send(stage, CHAT, "one", "--key", "order-17", "--wait") == "1 sent"
    assert send(stage, CHAT, "two", "--key", "order-17", "--wait") == "1 sent"
    assert texts(stage) == ["one"]


def test_words_that_are_wrong_send_nothing(stage):
    stage.prepare(country="IL")
    for to, text, *options in (("12036304@g.us", "Hi"), ("status@broadcast", "Hi"), ("120363@newsletter", "Hi"),
                               ("nobody", "Hi"), (CHAT, "Hi {nick}"), (CHAT, " ")):
        assert send(stage, to, text, *options, code=1) == ""
    for options in (("--at", "soon"), ("--in", "5x"), ("--every", "every day"), ("--in", "5m", "--at", "1"),
                    ("--zone", "Mars/Base", "--in", "5m")):
        send(stage, CHAT, "Hi", *options, code=2)
    assert stage.rows("SELECT * FROM scheduled_messages") == []


def test_the_name_is_the_customers(stage):
    api, _ = office(stage, "@every 1h")
    assert api.post(webhook({**message("N1"), "pushName": "Dana Cohen"})).status == 200
    wait_until(stage.inbound, 10, "the message is stored")
    send(stage, CHAT, "Hello {first_name}, {name}!", "--wait")
    assert texts(stage) == ["Hello Dana, Dana Cohen!"]
    stage.cli("person", "name", "1", CHAT, "Dana Ben David")
    send(stage, CHAT, "Hello {{name}}, Ms {last_name}, {שם פרטי}", "--wait")
    assert texts(stage)[-1] == "Hello Dana Ben David, Ms Ben David, Dana"


def test_a_message_waits_for_its_time(stage):
    office(stage)
    due = int(time.time()) + 3
    id = send(stage, CHAT, "later", "--at", str(due))
    assert shown(stage, id)["due_us"] == due * 1000000
    assert send(stage, chat_of(2), "now", "--wait").endswith("sent")
    assert texts(stage) == ["now"]
    wait_status(stage, id, "sent")
    [sent] = [s for s in stage.gateway.sent() if s["text"] == "later"]
    assert due <= sent["at"] < due + 4


def test_a_message_far_off_needs_only_the_database(stage):
    """Redis away when it is written, everything restarted before it is due."""
    office(stage)
    stage.redis.kill()
    done = stage.cli("send", "1", CHAT, "hello", "--in", "2s")
    assert "written down" in done.stderr
    stage.redis.restart()
    wait_status(stage, done.stdout.strip(), "sent", 30)
    assert texts(stage) == ["hello"]


def test_a_message_keeps_its_place_among_the_replies_of_its_chat(stage):
    api, _ = office(stage, "@every 1h", tenant={"default_text": "Thank you!"})
    stage.gateway.faults("slow", 1, ms=1500)
    assert api.post(webhook(message("P1"))).status == 200
    wait_until(lambda: stage.replies(), 10, "the reply is being sent")
    assert send(stage, CHAT, "and by the way", "--wait").endswith("sent")
    assert texts(stage) == ["Thank you!", "and by the way"]
    assert {s["together"] for s in stage.gateway.sent()} == {1}


def test_a_message_that_waits_behind_a_burst_is_not_taken_for_a_part_of_it(stage):
    api, _ = office(stage, "@every 1h", tenant={"default_text": "Thank you!"}, REPLY_DEBOUNCE_MS=1500)
    assert api.post(webhook(message("D1", "one"))).status == 200
    wait_until(lambda: stage.redis.text.zcard("prosaas:due") == 1, 10, "it waits for more")
    id = send(stage, CHAT, "and by the way")
    wait_until(lambda: stage.redis.text.llen(f"prosaas:lane:1:{CHAT}:wait") == 1, 10, "it waits behind it")
    assert api.post(webhook(message("D2", "two"))).status == 200
    wait_status(stage, id, "sent")
    wait_until(lambda: len(stage.gateway.sent()) == 3 and stage.at_rest(), 15, "all is over")
    assert texts(stage) == ["Thank you!", "and by the way", "Thank you!"]


# --- not ---------------------------------------------------------------------

def test_a_reply_cancels_what_waits_for_none(stage):
    api, _ = office(stage)
    one = send(stage, CHAT, "are you there?", "--in", "1h", "--unless-reply")
    two = send(stage, CHAT, "anyway", "--in", "1h")
    assert api.post(webhook(message("R1"))).status == 200
    wait_status(stage, one, "cancelled")
    assert shown(stage, one)["reason"] == "reply"
    assert shown(stage, two)["status"] == "waiting"


def test_a_person_cancels_what_is_not_sent_yet(stage):
    office(stage)
    id = send(stage, CHAT, "never", "--in", "2s")
    stage.cli("scheduled", "cancel", "1", id)
    assert "cancelled" in stage.cli("scheduled", "cancel", "1", id, code=1).stderr
    done = send(stage, CHAT, "sent", "--in", "3s")
    wait_status(stage, done, "sent")
    assert texts(stage) == ["sent"]
    listed = stage.cli("scheduled", "list", "1").stdout
    assert "cancelled" in listed and "sent" in listed
    assert "no such message" in stage.cli("scheduled", "show", "1", "77", code=1).stderr


def test_quiet_hours_are_waited_for(stage):
    office(stage)
    hour = time.gmtime().tm_hour
    stage.cli("tenant", "set", "1", f"quiet_hours={(hour + 2) % 24:02d}:00-{(hour + 4) % 24:02d}:30",
              "time_zone=Etc/GMT-2")  # two hours ahead of UTC: it is quiet now
    id = send(stage, CHAT, "good morning")
    wait_until(lambda: shown(stage, id)["due_us"] > time.time() * 1e6 + 60e6, 10, "it waits")
    due = time.gmtime(shown(stage, id)["due_us"] / 1e6)
    assert (due.tm_hour, due.tm_min, due.tm_sec) == ((hour + 2) % 24, 30, 0)
    assert shown(stage, id)["status"] == "waiting" and stage.gateway.sent() == []
    assert "allowed is" in stage.cli("tenant", "set", "1", "quiet_hours=at night", code=1).stderr


def test_who_has_opted_out_hears_nothing(stage):
    api, _ = office(stage)
    assert api.post(webhook(message("O1"))).status == 200
    wait_until(stage.inbound, 10, "he wrote")
    change(stage, "UPDATE contacts SET opted_out_us = 1")
    id = send(stage, CHAT, "news")
    wait_status(stage, id, "skipped")
    assert stage.gateway.sent() == []


# --- again and again ---------------------------------------------------------

def test_what_comes_again_is_sent_once_a_slot_though_workers_die(stage):
    _, worker = office(stage)
    id = send(stage, CHAT, "tick", "--every", "@every 3s")
    for _ in range(3):
        before = len(stage.gateway.sent())
        wait_until(lambda: len(stage.gateway.sent()) > before, 20, "another slot")
        worker.kill()
        end_leases(stage)
        worker = stage.start("worker")
    wait_until(lambda: shown(stage, id)["sent_count"] >= 5, 40, "it goes on")
    stage.cli("scheduled", "cancel", "1", id)
    wait_until(lambda: at_rest(stage), 30, "all is over")
    firsts = chaos.firsts(stage)
    assert len({s["idempotencyKey"] for s in firsts}) == len(firsts)
    slots = [int(s["at"]) // 3 for s in firsts]
    assert len(set(slots)) == len(slots), "a slot once"
    assert shown(stage, id)["sent_count"] == len(firsts)


def test_slots_missed_while_all_is_down_are_one(stage):
    _, worker = office(stage)
    id = send(stage, CHAT, "tick", "--every", "@every 1s")
    wait_until(stage.gateway.sent, 20, "it runs")
    worker.stop()
    sent = len(stage.gateway.sent())
    before = shown(stage, id)["due_us"]
    wait_until(lambda: time.time() * 1e6 > before + 6e6, 15, "slots pass")
    stage.start("worker")
    wait_until(lambda: len(stage.gateway.sent()) > sent, 10, "it goes on")
    came = [s["at"] for s in stage.gateway.sent()[sent:]]
    assert sum(t < came[0] + 0.9 for t in came) == 1, "not one for each that was missed"


# --- crashes and errors ------------------------------------------------------

STEPS = ["look", "looked", "row", "followed", "noted", "take", "taken", "keep", "kept", "post", "marked", "posted",
         "sent", "delivered", "ended"]


@pytest.mark.parametrize("under_way", ["", "+"], ids=["before", "after"])
def test_a_worker_killed_at_any_step_sends_each_message_once(stage, under_way):
    _, worker = office(stage)
    worker.stop()
    for n, step in enumerate(STEPS):
        doomed = stage.start("worker", ready=False, TEST_JOBS="on", TEST_CRASH_AT=step + under_way)
        doomed.asked_to_die = True
        send(stage, chat_of(n), f"message {n}")
        wait_until(lambda: not doomed.alive(), 15, f"it dies at {step}")
    heir = stage.start("worker")
    end_leases(stage)
    wait_until(lambda: at_rest(stage), 60, "all is sent")
    firsts = chaos.firsts(stage)
    assert sorted(s["text"] for s in firsts) == sorted(f"message {n}" for n in range(len(STEPS)))
    assert {r["status"] for r in stage.replies()} == {"sent"}
    assert len(stage.replies()) == len(STEPS)
    chaos.census(stage)
    figure(f"{len(STEPS)} workers killed {'after' if under_way else 'before'} a step: {len(firsts)} messages, each once")
    assert heir.stop() == 0


def test_a_gateway_that_is_down_is_waited_for(stage):
    office(stage)
    stage.gateway.faults("503", 2, retry_after=1)
    id = send(stage, CHAT, "hello")
    wait_status(stage, id, "sent", 40)
    assert texts(stage) == ["hello"]


def test_a_refused_message_is_failed_and_can_be_replayed(stage):
    office(stage)
    stage.gateway.faults("400", 1)
    id = send(stage, CHAT, "hello")
    wait_status(stage, id, "failed")
    assert "gateway" in shown(stage, id)["reason"]
    [job] = wait_until(lambda: stage.redis.text.zrange(FAILED, 0, -1), 10, "the dead letter")
    stage.cli("jobs", "retry", job)
    wait_status(stage, id, "sent")
    assert texts(stage) == ["hello"]


def test_a_message_that_had_failed_before_a_crash_is_not_told_as_sent(stage):
    _, worker = office(stage)
    stage.gateway.faults("400", 1)
    id = send(stage, CHAT, "hello")
    wait_status(stage, id, "failed")
    # the worker died between the message and its row
    change(stage, "UPDATE scheduled_messages SET status = 'waiting', round = round + 1, due_us = 1")
    wait_until(lambda: shown(stage, id)["reason"] == "see its message", 20, "its row is ended")
    wait_until(lambda: worker.metric('prosaas_outbox_messages_total{outcome="failed"}') == 2, 10, "it is counted")
    assert worker.metric('prosaas_outbox_messages_total{outcome="sent"}') == 0
    assert "[OUTBOX] sent" not in worker.log()


def test_a_message_whose_job_is_lost_or_dead_is_not_forgotten(stage):
    _, worker = office(stage, "@every 1h")
    lost, dead = send(stage, CHAT, "lost", "--in", "80s"), send(stage, chat_of(2), "dead", "--in", "80s")
    for id in (lost, dead):
        wait_status(stage, id, "queued")
    worker.stop()
    r = stage.redis.text
    jobs = {r.hget(key, "prosaas_lane"): key for key in r.scan_iter("rq:job:send_*")}
    r.delete(jobs[f"1:{CHAT}"])
    r.zrem("rq:scheduled:prosaas", jobs[f"1:{chat_of(2)}"].removeprefix("rq:job:"))
    r.hset(jobs[f"1:{chat_of(2)}"], mapping={"status": "failed", "prosaas_reason": "retries are spent"})
    change(stage, "UPDATE scheduled_messages SET looked_us = 1, due_us = 1")  # silent for long
    stage.start("worker")
    stage.cli("jobs", "enqueue", "prosaas.outbox", "--queue", "prosaas")
    wait_status(stage, lost, "sent", 30)
    wait_status(stage, dead, "failed", 30)
    assert shown(stage, dead)["reason"] == "retries are spent"
    assert texts(stage) == ["lost"]


# --- to many -----------------------------------------------------------------

def write_list(stage, lines):
    path = stage.dir / "recipients.csv"
    path.write_text("".join(line + "\n" for line in lines))
    return path


def create(stage, lines, *options, text="Hello {name}", code=0):
    return stage.cli("broadcast", "create", "1", "--text", text, "--file", str(write_list(stage, lines)), *options,
                     code=code)


def progress(stage, id):
    return json.loads(stage.cli("broadcast", "show", "1", id, "--json").stdout)


def test_a_list_is_checked_line_by_line(stage):
    stage.prepare(country="IL")
    lines = ["phone,name", "050-1234567,Dana", "", "nobody,X", "+972501234567,Dana again", "12036304@g.us"]
    done = create(stage, lines, code=1)
    assert "recipients.csv:4: nobody: no phone number" in done.stderr
    assert "recipients.csv:6: 12036304@g.us: not the address of one person" in done.stderr
    assert stage.rows("SELECT * FROM broadcasts") == []
    done = create(stage, lines, "--skip-bad", "--name", "May")
    assert "1 recipients, 1 twice, 2 wrong" in done.stderr
    id = done.stdout.strip()
    assert progress(stage, id) | {"created_us": 0} == {
        "id": int(id), "name": "May", "text": "Hello {name}", "status": "draft", "rate_per_min": 20, "total": 1,
        "sent": 0, "failed": 0, "skipped": 0, "left": 1, "created_us": 0, "eta_us": None}
    assert "May" in stage.cli("broadcast", "list", "1").stdout
    assert "{nmae}" in create(stage, lines, "--skip-bad", text="{nmae}", code=1).stderr
    create(stage, lines, "--rate", "0", code=1)


def test_a_broadcast_is_paused_and_survives_kill_9(stage):
    _, worker = office(stage)
    many, rate = sized(60, 300), 300
    id = create(stage, [f"{chat_of(n)},Name {n}" for n in range(many)], "--rate", str(rate)).stdout.strip()
    assert stage.gateway.sent() == []
    began = time.time()
    for _ in range(2):
        assert "running" in stage.cli("broadcast", "start", "1", id).stdout
    wait_until(lambda: len(stage.gateway.sent()) >= many // 6, 30, "it has begun")
    assert progress(stage, id)["eta_us"] > 0

    assert "paused" in stage.cli("broadcast", "pause", "1", id).stdout
    wait_until(lambda: stage.redis.text.zcard(WIP) == 0, 10, "what ran is over")
    at_pause = len(stage.gateway.sent())
    p = progress(stage, id)
    assert (p["status"], p["sent"], p["left"], p["eta_us"]) == ("paused", at_pause, many - at_pause, None)
    until = time.time() + 3
    wait_until(lambda: time.time() > until, 5, "nothing happens")
    assert len(stage.gateway.sent()) == at_pause

    stage.cli("broadcast", "resume", "1", id)
    for _ in range(2):
        before = len(stage.gateway.sent())
        wait_until(lambda: len(stage.gateway.sent()) >= min(before + many // 6, many), 60, "it goes on")
        worker.kill()
        worker = stage.start("worker")
        end_leases(stage)
    wait_until(lambda: progress(stage, id)["status"] == "done", 90, "it is done")
    firsts = chaos.firsts(stage)
    assert sorted(s["to"] for s in firsts) == sorted(chat_of(n) for n in range(many))
    assert {s["text"] for s in firsts} == {f"Hello Name {n}" for n in range(many)}
    p = progress(stage, id)
    assert (p["sent"], p["failed"], p["skipped"], p["left"]) == (many, 0, 0, 0)
    assert "is done" in stage.cli("broadcast", "cancel", "1", id, code=1).stderr
    figure(f"{many} recipients at {rate} a minute, a pause and 2 workers killed: each once in {time.time() - began:.0f} s")


def test_a_broadcast_keeps_its_pace_and_ends_when_it_is_cancelled(stage):
    office(stage)
    id = create(stage, [chat_of(n) for n in range(50)], "--rate", "60").stdout.strip()
    stage.cli("broadcast", "start", "1", id)
    wait_until(lambda: len(stage.gateway.sent()) >= 5, 30, "it has begun")
    stage.cli("broadcast", "cancel", "1", id)
    wait_until(lambda: stage.redis.text.zcard(WIP) == 0, 10, "what ran is over")
    at = [s["at"] for s in stage.gateway.sent()]
    assert len(at) < 15 and at[-1] - at[0] > len(at) - 4, "about one a second"
    assert progress(stage, id)["status"] == "cancelled"
    assert [r["action"] for r in stage.rows("SELECT action FROM audit ORDER BY id")] == [
        "broadcast.create", "broadcast.start", "broadcast.cancel"]


def test_help_says_what_the_commands_take(stage):
    for words in (("send",), ("scheduled",), ("broadcast",), ("broadcast", "create")):
        done = subprocess.run([BIN, *words, "--help"], env=stage.environment({}), cwd=stage.dir, capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 0 and f"usage: prosaas {words[0]}" in done.stdout
