# SPDX-License-Identifier: MIT
"""What is known of one person: shown, exported, erased from everywhere, and the audit."""
import json
import threading

from rq.job import Job

from harness import CHAT, FAILED, FUNCTION, QUEUE, SCHEDULED, chat_of, message, wait_until, webhook

LID = "71234567890123@lid"
NUMBER = "972501234567"
CANARY = "zq-canary"


def say(api, id, text, chat=CHAT, **key):
    name = "Sam" if chat == chat_of(7) else "Dana Canary"
    body = {"key": {"id": id, "remoteJid": chat, **key}, "message": {"conversation": text}, "pushName": name}
    assert api.post(webhook(body)).status == 200


def traces(stage, *words):
    """Where any of the words still is: keys of Redis, files of Redis and the database."""
    found = []
    sought = [w.encode() for w in words]
    for key in stage.redis.bytes.scan_iter("*", 1000):
        held = key + (stage.redis.bytes.dump(key) or b"") + content(stage, key)
        found += [key for w in sought if w in held]
    for path in [*stage.data.rglob("*"), *stage.redis.data.rglob("*")]:
        if path.is_file():
            held = path.read_bytes()
            found += [f"{path}: {w}" for w in sought if w in held]
    return found


def content(stage, key):
    """A dump may be compressed: what the key says, plainly."""
    r, kind = stage.redis.bytes, stage.redis.bytes.type(key)
    read = {b"hash": r.hgetall, b"list": lambda k: r.lrange(k, 0, -1), b"set": r.smembers,
            b"zset": lambda k: r.zrange(k, 0, -1), b"stream": r.xrange, b"string": r.get}
    return repr(read[kind](key)).encode() if kind in read else b""


def wait_rewritten(stage):
    wait_until(lambda: not stage.redis.text.info("persistence")["aof_rewrite_in_progress"], 20,
               "the append-only file is rewritten")


def test_a_person_is_shown_with_his_names_masked(stage):
    api, _ = stage.pipeline()
    say(api, "S1", "hello", remoteJidAlt=LID)
    stage.wait_at_rest()
    shown = stage.cli("person", "show", "1", "+" + NUMBER).stdout
    assert "1 received, 1 sent" in shown
    assert NUMBER not in shown and "7123456789" not in shown and "Dana" not in shown
    full = stage.cli("person", "show", "1", LID, "--full").stdout
    assert CHAT in full and LID in full and "+" + NUMBER in full and "Dana Canary" in full
    for act in (["show"], ["export"], ["erase", "--yes"]):
        assert "nobody" in stage.cli("person", act[0], "1", chat_of(9), *act[1:], code=1).stderr
    assert "no phone" in stage.cli("person", "show", "1", "Dana", code=1).stderr
    assert "not found" in stage.cli("person", "show", "9", LID, code=1).stderr


def test_what_the_business_calls_somebody_counts_until_it_is_taken_back(stage):
    api, worker = stage.pipeline()
    say(api, "N1", "hello")
    stage.wait_at_rest()
    assert "has that name now" in stage.cli("person", "name", "1", "+" + NUMBER, "  Dana\tLevi ").stdout
    say(api, "N2", "hello again")
    stage.wait_at_rest()
    shown = stage.cli("person", "show", "1", CHAT, "--full").stdout
    assert "Dana Levi\n" in shown and "name from     user" in shown
    exported = json.loads(stage.cli("person", "export", "1", CHAT).stdout)
    assert [(c["name"], c["name_source"]) for c in exported["contacts"]] == [("Dana Levi", "user")]
    assert "so already" in stage.cli("person", "name", "1", CHAT, "Dana Levi").stdout
    assert "no name" in stage.cli("person", "name", "1", CHAT, "050-123-4567", code=1).stderr
    assert "nobody of that name" in stage.cli("person", "name", "1", chat_of(9), "Dana", code=1).stderr
    stage.cli("person", "name", "1", CHAT, "")
    say(api, "N3", "and again")
    stage.wait_at_rest()
    assert "Dana Canary\n" in stage.cli("person", "show", "1", CHAT, "--full").stdout
    assert stage.cli("audit", "1").stdout.count("contact.name") == 2
    assert "Dana" not in worker.log()


def test_an_export_is_one_document_with_everything(stage):
    api, _ = stage.pipeline()
    say(api, "X1", f"{CANARY} one", remoteJidAlt=LID)
    say(api, "X2", "a stranger's word", chat_of(7))
    stage.wait_at_rest()
    done = stage.cli("person", "export", "1", CHAT)
    doc = json.loads(done.stdout)
    assert [m["body"] for m in doc["messages"]] == [f"{CANARY} one", "Thank you!"]
    assert json.loads(doc["messages"][0]["raw"])["key"]["id"] == "X1"
    assert {i["value"] for i in doc["contact_identities"]} == {CHAT, LID, "+" + NUMBER}
    assert "stranger" not in done.stdout


def test_an_erased_person_is_nowhere_and_the_others_are_untouched(stage):
    """Jobs in every state: finished, failed, waiting for a retry, queued, parked."""
    stage.start_ai()
    api, worker = stage.pipeline(tenant={"prompt": "Be brief."}, scheduler=True, HUMAN_PAUSE_MIN=0)
    say(api, "E1", f"{CANARY} finished", remoteJidAlt=LID)
    say(api, "E2", f"{CANARY} from the phone", fromMe=True)
    say(api, "O1", "a stranger's word", chat_of(7))
    stage.wait_at_rest()
    stage.gateway.faults("400")
    say(api, "E3", f"{CANARY} fails", LID)
    wait_until(lambda: stage.redis.text.zcard(FAILED) >= 1 or stage.at_rest(), 20, "it failed")
    stage.gateway.faults("503")
    say(api, "E4", f"{CANARY} is tried again", LID)
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED) == 1, 20, "it waits for a retry")
    say(api, "E5", f"{CANARY} is parked behind it", LID)
    wait_until(lambda: stage.redis.text.zcard("prosaas:waiting:default") == 1, 20, "it is parked")
    worker.stop()
    say(api, "E6", f"{CANARY} is queued", CHAT)
    say(api, "E7", f"{CANARY} is queued from another device", NUMBER + ":9@s.whatsapp.net")
    say(api, "O2", "and another", chat_of(7))
    stage.cli("send", "1", "+" + NUMBER, f"{CANARY} to be sent", "--in", "1h")
    assert traces(stage, CANARY, NUMBER)

    asked = stage.cli("person", "erase", "1", "+" + NUMBER, code=2)
    assert "add --yes" in asked.stderr and traces(stage, CANARY)
    done = stage.cli("person", "erase", "1", "+" + NUMBER, "--yes").stdout
    assert "messages" in done and "jobs" in done
    wait_rewritten(stage)
    assert traces(stage, CANARY, NUMBER, "71234567890123", "Dana Canary") == []

    assert [r["body"] for r in stage.inbound()] == ["a stranger's word"]
    stage.gateway.faults("ok")
    stage.start("worker")
    stage.wait_at_rest()
    assert [r["body"] for r in stage.inbound()] == ["a stranger's word", "and another"]
    [row] = [json.loads(line) for line in stage.cli("audit", "1", "--json").stdout.splitlines()]
    assert row["action"] == "person.erase" and "messages=" in row["detail"] and NUMBER not in row["detail"]


def test_who_was_erased_and_writes_again_is_new(stage):
    stage.start_ai()
    api, _ = stage.pipeline(tenant={"prompt": "Be brief."})
    say(api, "N1", f"{CANARY} one")
    stage.wait_at_rest()
    stage.cli("person", "erase", "1", CHAT, "--yes")
    say(api, "N2", "hello again")
    stage.wait_at_rest()
    last = stage.ai.requests()[-1]["messages"]
    assert [m["content"] for m in last if m["role"] == "user"] == ["hello again"]
    assert len(stage.gateway.sent()) == 2


def test_a_job_that_runs_is_waited_for(stage):
    stage.start_ai()
    stage.ai.faults("slow", 1, ms=2500)
    api, _ = stage.pipeline(tenant={"prompt": "Be brief."})
    say(api, "W1", f"{CANARY} thinks")
    wait_until(lambda: stage.ai.requests(), 10, "it thinks")
    refused = stage.cli("person", "erase", "1", CHAT, "--yes", "--wait", "0", code=1)
    assert "still runs" in refused.stderr
    later = threading.Timer(0.5, say, (api, "W2", "came meanwhile"))
    later.start()
    stage.cli("person", "erase", "1", CHAT, "--yes")
    later.join()
    stage.wait_at_rest()
    wait_rewritten(stage)
    assert traces(stage, CANARY) == []
    assert not stage.redis.text.keys("prosaas:lane:*")


def test_redis_may_know_who_is_in_no_table(stage):
    """A dead letter of a message that no worker could store."""
    api, _ = stage.pipeline()
    stage.redis.text.hset("rq:job:dead1", mapping={
        "status": "failed", "origin": "default", "created_at": "2026-01-01T00:00:00.000000Z",
        "data": f"not readable {NUMBER} {CANARY}", "description": "x", "prosaas_tenant": "1"})
    stage.redis.text.zadd(FAILED, {"dead1": 9999999999})
    stage.cli("person", "erase", "1", CHAT, "--yes")
    assert stage.redis.text.zcard(FAILED) == 0 and not stage.redis.text.exists("rq:job:dead1")


def test_a_job_of_a_python_api_is_left_for_a_worker_to_split(stage):
    stage.start_redis()
    stage.start_gateway()
    stage.prepare(default_text="Thank you!")
    other = {**message("Y2", "a stranger's word", chat_of(7))}
    job = Job.create(FUNCTION, kwargs={"tenant_id": "1", "messages": [message("Y1", CANARY), other]},
                     connection=stage.redis.bytes)
    job.save()
    job.set_status("queued")
    stage.redis.text.rpush(QUEUE, job.id)
    left = stage.cli("person", "erase", "1", CHAT, "--yes", code=1)
    assert "1 jobs of a Python api" in left.stderr and job.exists(job.id, connection=stage.redis.bytes)
    stage.start("worker")
    wait_until(lambda: len(stage.inbound()) == 2, 10, "it is split and worked")
    stage.wait_at_rest()
    stage.cli("person", "erase", "1", CHAT, "--yes")
    wait_rewritten(stage)
    assert traces(stage, CANARY) == []
    assert [r["body"] for r in stage.inbound()] == ["a stranger's word"]


def test_a_merge_is_listed_and_undone_by_hand(stage):
    api, _ = stage.pipeline()
    say(api, "M1", "by number")
    say(api, "M2", "by lid", LID)
    stage.wait_at_rest()
    say(api, "M3", "one", LID, remoteJidAlt=CHAT)
    stage.wait_at_rest()
    [row] = [json.loads(line) for line in stage.cli("audit", "1", "--json").stdout.splitlines()]
    assert row["action"] == "contact.merge"
    assert "contact.merge" in stage.cli("audit", "1").stdout
    stage.cli("person", "unmerge", "1", str(row["id"]))
    assert "undone already" in stage.cli("person", "unmerge", "1", str(row["id"]), code=1).stderr
    assert "no such merge" in stage.cli("person", "unmerge", "1", "99", code=1).stderr
    stage.cli("person", "unmerge", "1", "x", code=2)
    [newest] = [json.loads(line) for line in stage.cli("audit", "1", "--json", "--limit", "1").stdout.splitlines()]
    assert newest["action"] == "contact.unmerge"


def test_replays_and_discards_are_in_the_audit(stage):
    api, _ = stage.pipeline()
    stage.gateway.faults("400", 2)
    say(api, "R1", "one")
    stage.wait_at_rest()
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 10, "it failed")
    [id] = stage.redis.text.zrange(FAILED, 0, -1)
    stage.cli("jobs", "retry", id)
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1 and stage.at_rest(), 10, "it failed again")
    without = stage.cli("jobs", "retry", "--all", DATA_DIR=str(stage.dir / "none"))
    assert "not in the audit" in without.stderr and "1 jobs queued again" in without.stdout
    stage.wait_at_rest()
    stage.gateway.faults("400", 1)
    say(api, "R2", "two")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 10, "another failed")
    stage.cli("jobs", "discard", "--all", "--yes")
    rows = [json.loads(line) for line in stage.cli("audit", "1", "--json").stdout.splitlines()]
    assert [r["action"] for r in rows] == ["jobs.discard", "jobs.retry"]
    assert id in rows[1]["detail"]
