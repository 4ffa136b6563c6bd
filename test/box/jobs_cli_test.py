# SPDX-License-Identifier: MIT
"""prosaas jobs and prosaas queues: what a person sees and does."""
import base64
import json
import pickle
import re
import signal
import subprocess
import sys
import time
import uuid
import zlib

import pytest
from rq import Queue, SimpleWorker

from harness import BIN, FAILED, FUNCTION, PATIENCE, QUEUE, SCHEDULED, WIP, message, wait_until, webhook

SECRET_TEXT = "nobody may read this"


@pytest.fixture
def held(stage):
    """A stage with a Redis whose jobs the test lays out by hand."""
    stage.start_redis("--appendfsync", "no")
    return stage


def date(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1790000000 + seconds)) + f".{seconds % 1 * 1e6:06.0f}Z"


def put(stage, id, status="queued", at=0.0, queue="default", **fields):
    """A job's hash; where its id goes is the test's."""
    data = pickle.dumps((FUNCTION, None, (), {"messages": [{"text": SECRET_TEXT}]}), 2)
    stage.redis.bytes.hset(f"rq:job:{id}", mapping={
        "status": status, "created_at": date(at), "enqueued_at": date(at), "origin": queue, "data": data,
        "timeout": "300", "description": f"webhook_process_job tenant=1 msg_id={id}", "prosaas_tenant": "1",
        "prosaas_attempt": "2", **fields})
    stage.redis.text.sadd("rq:queues", f"rq:queue:{queue}")
    return id


def fail(stage, id, reason="gateway: 400", at=0.0, ended=None, queue="default", **fields):
    put(stage, id, "failed", at, queue, **{
        "ended_at": date(at + 1 if ended is None else ended), "prosaas_reason": reason, "prosaas_crashes": "3",
        "retries_left": "0", "worker_name": "w", **fields})
    exc = base64.b64encode(zlib.compress(f"Traceback of {id}\nat line 2".encode()))
    stage.redis.bytes.xadd(f"rq:results:{id}", {"type": 2, "exc_string": exc})
    stage.redis.bytes.zadd(f"rq:failed:{queue}", {id: 1900000000 + int(at)})
    stage.redis.bytes.expire(f"rq:job:{id}", 31536000)
    return id


def status(stage, id):
    return stage.redis.text.hget(f"rq:job:{id}", "status")


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


# --- words -------------------------------------------------------------------

@pytest.mark.parametrize("words", [
    ["jobs"], ["jobs", "nonsense"], ["jobs", "list", "--nonsense"], ["jobs", "list", "x"], ["jobs", "list", "--limit"],
    ["jobs", "list", "--limit", "many"], ["jobs", "list", "--status", "dead"], ["jobs", "list", "--yes"], ["jobs", "show"],
    ["jobs", "show", "a", "b"], ["jobs", "retry"], ["jobs", "retry", "a", "--all"], ["jobs", "retry", "a", "--reason", "x"],
    ["jobs", "retry", "--all", "--limit", "0"], ["jobs", "retry", "--all", "--status", "failed"],
    ["jobs", "cancel"], ["jobs", "cancel", "--all"], ["jobs", "discard"], ["jobs", "enqueue"], ["jobs", "enqueue", "f", "--in", "-1"],
    ["jobs", "enqueue", "f", "--args", "{}"], ["jobs", "enqueue", "f", "--kwargs", "[1]"], ["jobs", "enqueue", "f", "--args", "[1"],
    ["jobs", "enqueue", "f", "--id", "a.b"], ["jobs", "enqueue", "f", "--id", ""], ["jobs", "enqueue", "f", "--at", "tomorrow"],
    ["jobs", "enqueue", "f", "--in", "1", "--at", "2000000000"], ["jobs", "enqueue", "f", "--in", "1", "--depends-on", "x"],
    ["jobs", "enqueue", "f", "--tenant", "a b"], ["jobs", "enqueue", "f", "--queue", "a,b"], ["queues", "x"], ["queues", "--yes"],
    ["queues", "restore", "--json"], ["queues", "restore", "--queue"]])
def test_wrong_words_exit_2_with_a_usage_line_and_change_nothing(held, words):
    done = held.cli(*words, code=2)
    assert "usage: prosaas " + words[0] in done.stderr and done.stdout == ""
    assert held.redis.text.keys() == []


@pytest.mark.parametrize("words, named", [
    (["jobs"], "a subcommand is missing"), (["jobs", "nonsense"], "jobs has no subcommand nonsense"),
    (["jobs", "show"], "a word is missing"), (["jobs", "show", "a", "b"], "b is one word too many"),
    (["queues", "x"], "x is one word too many"), (["queues", "--nonsense"], "unknown option --nonsense"),
    (["jobs", "list", "--limit", "many"], "--limit takes a number"),
    (["jobs", "list", "--status", "dead"], "--status: no such status: allowed are failed, queued, started, scheduled, "
                                           "deferred, finished, canceled, stopped")])
def test_what_is_wrong_with_the_words_is_named(stage, words, named):
    assert stage.cli(*words, code=2).stderr.startswith(f"prosaas: {named}\n")


@pytest.mark.parametrize("option", ["--tenant", "--reason", "--queue"])
def test_an_empty_filter_is_refused_not_taken_for_none(held, option):
    """What `jobs discard --all --tenant "$T" --yes` is where nobody has set T."""
    fail(held, "j0", "gateway: 400", prosaas_tenant="1")
    for words in ["jobs", "discard", "--all", "--yes"], ["jobs", "retry", "--all"], ["replay", "--all"], ["jobs", "list"]:
        assert f"{option} takes a value that is not empty" in held.cli(*words, option, "", code=2).stderr
    assert held.redis.text.zrange(FAILED, 0, -1) == ["j0"]


@pytest.mark.parametrize("words", [["jobs"], *[["jobs", w] for w in "list show retry cancel discard enqueue".split()],
                                   ["queues"], ["queues", "restore"]])
def test_help_is_given_without_redis(stage, words):
    done = stage.cli(*words, "--help", REDIS_URL="redis://127.0.0.1:1")
    assert f"usage: prosaas {words[0]}" in done.stdout and done.stderr == ""


@pytest.mark.parametrize("words", [["jobs", "list"], ["jobs", "show", "a"], ["jobs", "retry", "a"], ["jobs", "cancel", "a"],
                                   ["jobs", "discard", "a"], ["jobs", "enqueue", "f"], ["queues"], ["queues", "restore"]])
def test_without_redis_one_line_says_so(stage, words):
    for url in ("redis://127.0.0.1:1", None, "nonsense"):
        done = stage.cli(*words, code=1, REDIS_URL=url)
        assert done.stderr.startswith("prosaas: ") and done.stderr.count("\n") == 1 and done.stdout == ""
        assert "REDIS_URL" in done.stderr


def test_the_private_redis_of_all_is_found_in_its_data_dir(stage):
    stage.data.mkdir()
    stage.start_redis("--unixsocket", stage.data / "redis.sock")
    assert "default" in stage.cli("queues", REDIS_URL=None).stdout


# --- the signal ----------------------------------------------------------------

def start_and_hold(stage, *words):
    """A command whose script Redis does not run yet."""
    stage.redis.text.client_pause(600000, all=False)
    p = subprocess.Popen([BIN, *words], env=stage.environment({}), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: any(c["name"] == "prosaas-cli" and c["cmd"] == "evalsha" for c in stage.redis.text.client_list()), 15,
               "it has asked")
    return p


def test_interrupted_it_takes_the_answer_and_says_what_was_done(held):
    ids = [f"j{i}" for i in range(1000)]
    for i, id in enumerate(ids):
        fail(held, id, "gateway: 400", at=i)
    p = start_and_hold(held, "jobs", "discard", *ids)
    p.send_signal(signal.SIGINT)
    held.redis.text.client_unpause()
    out, err = p.communicate(timeout=20 * PATIENCE)
    assert p.returncode == 1 and err.splitlines()[0] == "prosaas: interrupted"
    assert [line.split()[0] for line in out.splitlines()] == [id for id in ids if not held.redis.text.exists(f"rq:job:{id}")]
    assert 0 < held.redis.text.zcard(FAILED) < 1000


def test_interrupted_twice_it_ends_at_once(held):
    fail(held, "j0", "gateway: 400")
    p = start_and_hold(held, "jobs", "retry", "j0")
    wait_until(lambda: p.poll() is not None or p.send_signal(signal.SIGINT), 15, "it ends while Redis is silent")
    out, err = p.communicate(timeout=20 * PATIENCE)
    assert (p.returncode, out, err) == (1, "", "prosaas: interrupted\n")


# --- list and show -----------------------------------------------------------

def test_dead_letters_are_listed_newest_first_without_what_was_written(held):
    for i, queue in enumerate(["default", "low", "default", "other"]):
        fail(held, f"j{i}", "ambiguous: x" if i == 1 else "gateway: 400", at=i, queue=queue,
             prosaas_tenant="2" if i == 2 else "1")
    fail(held, "foreign", at=9, description=f"m.f(messages=['{SECRET_TEXT}'])", reason="\x1b[2J\nevil")
    out = held.cli("jobs", "list").stdout
    assert re.findall(r"^(\w+) ", out, re.M) == ["ID", "foreign", "j3", "j2", "j1", "j0"]
    assert SECRET_TEXT not in out and "\x1b" not in out and "?[2J?evil" in out and "m.f\n" in out
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--queue", "default"))] == ["foreign", "j2", "j0"]
    [one] = lines(held.cli("jobs", "list", "--json", "--reason", "ambig"))
    assert one["id"] == "j1" and one["queue"] == "low" and one["attempts"] == 2 and one["reason"] == "ambiguous: x"
    assert one["status"] == "failed" and one["description"] == "webhook_process_job tenant=1 msg_id=j1"
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--tenant", "business_2"))] == ["j2"]
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--limit", "2"))] == ["foreign", "j3"]
    assert held.cli("jobs", "list", "--tenant", "9", code=1).stderr == "prosaas: no failed job matches\n"


def test_queued_jobs_are_listed_wherever_they_wait(held):
    r = held.redis.text
    for i, key in enumerate(["prosaas:lane:1:a:wait", "prosaas:ready:default:1", "prosaas:holding:default", QUEUE]):
        r.rpush(key, put(held, f"q{i}", at=i))
    r.zadd("prosaas:waiting:default", {"q0": 1})
    r.rpush("prosaas:tenants:default", "1")
    r.rpush(QUEUE, put(held, "over", "canceled", at=9), "gone")
    r.zadd(WIP, {put(held, "run", "started") + ":execution": 2e9})
    r.zadd(SCHEDULED, {put(held, "later", "scheduled"): 2e9})
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--status", "queued"))] == ["q3", "q2", "q1", "q0"]
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--status", "started"))] == ["run"]
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--status", "scheduled"))] == ["later"]
    [q] = [q for q in lines(held.cli("queues", "--json")) if q["queue"] == "default"]
    assert q == {"queue": "default", "queued": 6, "in_queue": 3, "holding": 1, "ready": 1, "waiting": 1, "started": 1,
                 "scheduled": 1, "deferred": 0, "failed": 0, "workers": 0, "oldest_age_seconds": q["oldest_age_seconds"]}
    assert abs(q["oldest_age_seconds"] - max(0, time.time() - 1790000000)) < 30
    assert re.search(r"^default +6 +1 +1 +1 +1 +1 +0 +0 +\d+ s +0$", held.cli("queues").stdout, re.M)


def test_a_debounced_job_is_counted_listed_and_shown(held):
    held.redis.text.zadd("prosaas:due", {put(held, "soon"): 2e12})
    assert [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--status", "queued"))] == ["soon"]
    [q] = [q for q in lines(held.cli("queues", "--json")) if q["queue"] == "default"]
    assert (q["queued"], q["waiting"]) == (1, 1)
    assert re.search("^where: +prosaas:due score 2000000000000$", held.cli("jobs", "show", "soon").stdout, re.M)


def test_many_pages_are_read_to_the_end(held):
    for i in range(1203):
        held.redis.text.rpush(QUEUE, put(held, f"p{i}", at=i))
    ids = [j["id"] for j in lines(held.cli("jobs", "list", "--json", "--status", "queued", "--limit", "5000"))]
    assert ids == [f"p{i}" for i in reversed(range(1203))]


def test_a_job_is_shown_with_its_place_and_its_reason(held):
    fail(held, "j1", prosaas_lane="1:chat", prosaas_raw=f'{{"text":"{SECRET_TEXT}"}}')
    out = held.cli("jobs", "show", "j1").stdout
    assert SECRET_TEXT not in out
    for line in ("status: +failed", "reason: +gateway: 400", "attempt: +2", "crashes: +3", f"function: +{re.escape(FUNCTION)}",
                 "where: +rq:failed:default score 1900000000", "exception: +Traceback of j1", "at line 2", "expires in: +3"):
        assert re.search("^" + line, out, re.M), (line, out)
    [j] = lines(held.cli("jobs", "show", "j1", "--json"))
    assert j["exception"] == "Traceback of j1\nat line 2" and j["lane"] == "1:chat" and SECRET_TEXT not in json.dumps(j)
    [j] = lines(held.cli("jobs", "show", "j1", "--json", "--raw"))
    assert json.loads(j["kwargs"]) == {"messages": [{"text": SECRET_TEXT}]} and SECRET_TEXT in j["raw"]
    assert out.startswith("id:                 j1\nstatus:             failed\nqueue:              default\n")
    raw = held.cli("jobs", "show", "j1", "--raw").stdout
    assert "kwargs:             {" in raw and raw.count(SECRET_TEXT) == 2
    held.redis.text.rpush(QUEUE, "x", put(held, "j2", data=b"\x80\x05garbage"))
    out = held.cli("jobs", "show", "j2", "--raw").stdout
    assert "rq:queue:default 2 of 2" in out and "undecodable:" in out
    assert held.cli("jobs", "show", "nobody", code=1).stderr == "prosaas: nobody: no such job\n"


# --- retry -------------------------------------------------------------------

def test_a_dead_letter_goes_back_as_it_was_with_its_attempt(held):
    fail(held, "j1", rq_field="kept", prosaas_waiting_since="1790000000")
    held.redis.text.rpush(QUEUE, "before")
    assert held.cli("jobs", "retry", "j1").stdout == "j1 queued again\n"
    assert held.queued() == ["before", "j1"] and held.redis.text.zcard(FAILED) == 0
    h = held.redis.text.hgetall("rq:job:j1")
    assert h["status"] == "queued" and h["prosaas_attempt"] == "2" and h["prosaas_crashes"] == "0"
    assert h["retries_left"] == "3" and h["rq_field"] == "kept" and h["created_at"] == date(0) < h["enqueued_at"]
    assert not {"prosaas_reason", "prosaas_waiting_since", "ended_at", "worker_name"} & h.keys()
    assert held.redis.text.ttl("rq:job:j1") == -1
    assert held.job("j1").get_status() == "queued"


def test_a_job_of_rqs_that_is_never_retried_stays_so(held):
    fail(held, "j1")
    held.redis.text.hdel("rq:job:j1", "retries_left", "prosaas_tenant")
    held.cli("jobs", "retry", "j1")
    assert held.job("j1").retries_left is None and held.job("j1").get_status() == "queued"


def test_what_is_no_dead_letter_is_refused(held):
    held.redis.text.rpush(QUEUE, put(held, "j1"))
    fail(held, "good")
    done = held.cli("jobs", "retry", "j1", "good", "nobody", code=1)
    assert done.stdout == "good queued again\n"
    said = done.stderr.splitlines()
    assert said[:2] == ["prosaas: j1 is queued, not failed", "prosaas: nobody: no such job"]
    assert said[2].startswith("prosaas: not in the audit: ") and len(said) == 3, "there is no database"
    assert held.queued() == ["j1", "good"]
    assert held.cli("jobs", "retry", "--all", code=1).stderr == "prosaas: no failed job matches\n"


def test_all_dead_letters_go_back_in_the_order_they_came_in(held):
    order = []
    for i in range(450):  # more than two batches; they failed in another order
        order.append(fail(held, uuid.uuid4().hex, at=i // 3, ended=10000 + (450 - i // 3) + i % 3 / 10))
    assert held.cli("jobs", "retry", "--all").stdout == "450 jobs queued again\n"
    assert held.queued() == order and held.redis.text.zcard(FAILED) == 0


def test_filters_choose_what_is_retried(held):
    for i in range(4):
        fail(held, f"a{i}", "unknown_tenant: 5" if i % 2 else "ambiguous", at=i, prosaas_tenant=str(i // 2))
    fail(held, "low", at=5, queue="low")
    held.cli("jobs", "retry", "--all", "--reason", "unknown_tenant", "--tenant", "0")
    assert held.queued() == ["a1"]
    held.cli("jobs", "retry", "--all", "--queue", "default", "--limit", "1")
    assert held.queued() == ["a1", "a0"]
    held.cli("jobs", "retry", "--all", "--queue", "low")
    assert held.queued() == ["a1", "a0"] and held.redis.text.lrange("rq:queue:low", 0, -1) == ["low"]


def test_replay_is_the_plain_word_for_retry(held):
    for i in range(3):
        fail(held, f"a{i}", "unknown_tenant: 5" if i else "ambiguous", at=i)
    assert held.cli("replay", "a0").stdout == "a0 queued again\n"
    assert held.cli("replay", "--reason", "unknown_tenant").stdout == "2 jobs queued again\n"
    assert held.queued() == ["a0", "a1", "a2"]
    assert "usage: prosaas jobs retry" in held.cli("replay", code=2).stderr


def wait_dead(stage, reason, seconds=40):
    wait_until(lambda: stage.redis.text.zcard(FAILED) and stage.at_rest(), seconds, "a dead letter")
    [id] = stage.redis.text.zrange(FAILED, 0, -1)
    assert reason in stage.redis.text.hget(f"rq:job:{id}", "prosaas_reason")
    return id


def test_a_refused_reply_is_sent_by_the_replay_with_the_answer_that_was_kept(stage):
    api, _ = stage.pipeline()
    stage.gateway.faults("400")
    api.post(webhook(message("R1")))
    id = wait_dead(stage, "gateway")
    stage.gateway.put("/faults", mode="slow", ms=0, times=0)
    stage.cli("tenant", "set", "1", "default_text=Another text")
    stage.cli("jobs", "retry", id)
    wait_until(lambda: stage.gateway.sent(), 15, "the reply")
    stage.wait_at_rest()
    assert [s["text"] for s in stage.gateway.sent()] == ["Thank you!"]
    assert [r["status"] for r in stage.replies()] == ["sent"] and status(stage, id) == "finished"


def test_an_ambiguous_reply_is_not_sent_again_unless_the_tenant_says_so(stage):
    api, _ = stage.pipeline((), scheduler=True)
    stage.gateway.faults("lost", 1)
    api.post(webhook(message("R2")))
    id = wait_dead(stage, "ambiguous")
    stage.cli("jobs", "retry", id)
    assert wait_dead(stage, "ambiguous") == id
    assert len(stage.gateway.sent()) == 1
    stage.cli("tenant", "set", "1", "ambiguous=resend")
    stage.cli("jobs", "retry", "--all", "--reason", "ambiguous")
    wait_until(lambda: len(stage.gateway.sent()) == 2, 15, "sent again")
    stage.wait_at_rest()
    assert len({s["idempotencyKey"] for s in stage.gateway.sent()}) == 1
    assert [r["status"] for r in stage.replies()] == ["sent"] and status(stage, id) == "finished"


def test_what_the_door_kept_fails_again_with_a_reason(stage):
    api, worker = stage.pipeline()
    api.post(webhook({"key": {"id": "TEST123"}}))
    id = wait_dead(stage, "unprocessable")
    stage.cli("jobs", "retry", id)
    wait_until(lambda: stage.redis.text.hget(f"rq:job:{id}", "prosaas_attempt") == "1", 15, "it ran")
    assert wait_dead(stage, "unprocessable") == id and worker.alive()


# --- cancel ------------------------------------------------------------------

PLACES = {"queued": ("rpush", QUEUE), "held": ("rpush", "prosaas:holding:default"), "scheduled": ("zadd", SCHEDULED),
          "deferred": ("zadd", "rq:deferred:default")}


@pytest.mark.parametrize("place", PLACES)
def test_a_job_that_waits_is_canceled(held, place):
    how, key = PLACES[place]
    put(held, "j1", place if place in ("scheduled", "deferred") else "queued")
    put(held, "other")
    for id in ("j1", "other"):
        getattr(held.redis.text, how)(key, {id: 2e9} if how == "zadd" else id)
    assert held.cli("jobs", "cancel", "j1").stdout == "j1 canceled\n"
    assert status(held, "j1") == "canceled" and held.redis.text.zscore("rq:canceled:default", "j1") > time.time() - 60
    left = held.redis.text.zrange(key, 0, -1) if how == "zadd" else held.redis.text.lrange(key, 0, -1)
    assert left == ["other"]
    assert Queue("default", connection=held.redis.bytes).canceled_job_registry.get_job_ids() == ["j1"]


def test_a_dealt_job_is_canceled_and_the_counts_are_kept(held):
    r = held.redis.text
    r.rpush("prosaas:ready:default:1", put(held, "j1"))
    r.rpush("prosaas:ready:default:2", put(held, "j2", prosaas_tenant="2"))
    r.rpush("prosaas:tenants:default", "1", "2")
    r.set("prosaas:dealt:default", 2)
    held.cli("jobs", "cancel", "j1")
    assert r.lrange("prosaas:tenants:default", 0, -1) == ["2"] and r.get("prosaas:dealt:default") == "1"
    assert not r.exists("prosaas:ready:default:1")


def lane(stage, holder, *waiters, holder_status="queued"):
    """One chat: who holds it and who waits."""
    r, key = stage.redis.text, "prosaas:lane:1:chat"
    r.set(key, put(stage, holder, holder_status, prosaas_lane="1:chat"))
    for i, id in enumerate(waiters):
        r.rpush(key + ":wait", put(stage, id, at=i, prosaas_lane="1:chat"))
        r.zadd("prosaas:waiting:default", {id: i})
    r.zadd("prosaas:lanes", {"1:chat": 1})
    return key


def test_a_parked_job_is_canceled_and_the_chat_goes_on_without_it(held):
    key = lane(held, "h", "w1", "w2")
    held.cli("jobs", "cancel", "w1")
    assert held.redis.text.lrange(key + ":wait", 0, -1) == ["w2"]
    assert held.redis.text.zrange("prosaas:waiting:default", 0, -1) == ["w2"]
    held.cli("jobs", "cancel", "w2")
    assert not held.redis.text.exists(key + ":wait", "prosaas:lanes", "prosaas:waiting:default")
    assert held.redis.text.get(key) == "h"


def test_a_canceled_holder_gives_its_chat_to_who_waits(held):
    key = lane(held, "h", "w1", "w2", holder_status="scheduled")
    held.redis.text.zadd(SCHEDULED, {"h": 2e9})
    heard = held.redis.text.pubsub()
    heard.subscribe("prosaas:wake")
    held.cli("jobs", "cancel", "h")
    assert held.redis.text.get(key) == "w1" and held.redis.text.lrange(key + ":wait", 0, -1) == ["w2"]
    assert held.redis.text.lrange("prosaas:ready:default:1", 0, -1) == ["w1"]
    wait_until(lambda: (heard.get_message() or {}).get("type") == "message", 5, "workers are woken")
    held.cli("jobs", "cancel", "w2")
    held.cli("jobs", "cancel", "w1")
    assert not held.redis.text.keys("prosaas:*[^t]") or held.redis.text.keys("prosaas:*") == ["prosaas:dealt:default"]


def test_the_worker_of_a_running_job_is_asked_to_stop_it(held):
    put(held, "j1", "started", worker_name="w7")
    done = held.cli("jobs", "cancel", "j1", code=1)
    assert done.stderr == "prosaas: j1 runs, and its worker w7 does not listen\n"
    heard = held.redis.text.pubsub()
    heard.subscribe("rq:pubsub:w7")
    wait_until(lambda: (heard.get_message() or {}).get("type") == "subscribe", 5, "subscribed")
    assert held.cli("jobs", "cancel", "j1").stdout == "j1 runs: its worker w7 was asked to stop it\n"
    said = wait_until(heard.get_message, 5, "the command")
    assert json.loads(said["data"]) == {"command": "stop-job", "job_id": "j1"}
    assert status(held, "j1") == "started"


def test_a_worker_of_ours_stops_a_running_job_and_goes_on_with_the_chat(stage):
    stage.start_ai()
    api, worker = stage.pipeline(tenant={"prompt": "Be brief."})
    stage.ai.faults("hang", 1)
    api.post(webhook(message("C1")))
    api.post(webhook(message("C2")))
    [id] = wait_until(lambda: stage.redis.text.zrange(WIP, 0, -1), 10, "it runs")
    assert "was asked to stop it" in stage.cli("jobs", "cancel", id).stdout
    wait_until(lambda: status(stage, id) == "stopped", 10, "it is stopped")
    wait_until(lambda: len(stage.gateway.sent()) == 1, 10, "the next message is answered")
    assert worker.alive()


def test_what_is_over_is_not_canceled(held):
    fail(held, "dead")
    put(held, "done", "finished")
    done = held.cli("jobs", "cancel", "dead", "done", "nobody", code=1)
    assert done.stderr == ("prosaas: dead is failed, not waiting\nprosaas: done is finished, not waiting\n"
                           "prosaas: nobody: no such job\n")
    assert status(held, "dead") == "failed" and held.redis.text.zcard(FAILED) == 1


# --- discard -----------------------------------------------------------------

def test_discarding_leaves_nothing_of_a_job(held):
    r = held.redis.text
    fail(held, "dead")
    r.sadd("rq:job:dead:dependents", "x")
    r.sadd("rq:job::dead:dependencies", "parent")
    r.sadd("rq:job:parent:dependents", "dead", "other")
    for id, state in (("done", "finished"), ("off", "canceled")):
        r.zadd(f"rq:{state}:default", {put(held, id, state): 2e9})
    done = held.cli("jobs", "discard", "dead", "done", "off", put(held, "waits"), code=1)
    assert done.stdout == "dead deleted\ndone deleted\noff deleted\n"
    assert done.stderr.startswith("prosaas: waits is queued, not failed, stopped, canceled or finished\n")
    assert sorted(r.keys()) == ["rq:job:parent:dependents", "rq:job:waits", "rq:queues"]
    assert r.smembers("rq:job:parent:dependents") == {"other"}


def test_discarding_many_asks_first(held):
    for i in range(5):
        fail(held, f"j{i}", "poison" if i < 3 else "ambiguous")
    done = held.cli("jobs", "discard", "--all", "--reason", "poison", code=2)
    assert done.stderr == "prosaas: this would delete for good 3 jobs: add --yes\n"
    assert held.redis.text.zcard(FAILED) == 5
    assert held.cli("jobs", "discard", "--all", "--reason", "poison", "--yes").stdout == "3 jobs deleted\n"
    assert held.redis.text.zrange(FAILED, 0, -1) == ["j3", "j4"]
    held.redis.text.zadd("rq:canceled:default", {put(held, "off", "canceled"): 1})
    assert held.cli("jobs", "discard", "--all", "--status", "canceled", "--yes").stdout == "1 jobs deleted\n"
    held.redis.text.rpush(QUEUE, put(held, "q1"))
    done = held.cli("jobs", "discard", "--all", "--status", "queued", "--yes", code=1)
    assert "q1 is queued, not failed, stopped, canceled or finished" in done.stderr and held.queued() == ["q1"]


# --- enqueue -----------------------------------------------------------------

TASKS = """
def add(a, b=0):
    return a + b

def echo(*args, **kwargs):
    return [list(args), kwargs]
"""


@pytest.fixture
def tasks(held, monkeypatch):
    """A module that RQ's worker can import."""
    (held.dir / "box_tasks.py").write_text(TASKS)
    monkeypatch.syspath_prepend(str(held.dir))
    sys.modules.pop("box_tasks", None)
    return held


def work(stage, serializer=None):
    SimpleWorker(["default", "low"], connection=stage.redis.bytes, serializer=serializer).work(burst=True)


def enqueue(stage, *words, **settings):
    return stage.cli("jobs", "enqueue", *words, **settings).stdout.strip()


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_an_enqueued_job_runs_in_rqs_own_worker(tasks, serializer):
    args = [1, "é\x00\ud83d\ude00", -5, 2 ** 70, 1.5, None, True, [], [[{}]]]
    kwargs = {"x": {"y": [None, "z"]}, "": 1}
    id = enqueue(tasks, "box_tasks.echo", "--args", json.dumps(args), "--kwargs", json.dumps(kwargs), RQ_SERIALIZER=serializer)
    uuid.UUID(id)
    work(tasks, "rq.serializers.JSONSerializer" if serializer == "json" else None)
    job = tasks.job(id, json=serializer == "json")
    assert job.return_value() == json.loads(json.dumps([args, kwargs]))


def test_an_enqueued_job_has_every_field_that_rq_reads(tasks):
    assert enqueue(tasks, "box_tasks.add", "--args", "[1]", "--queue", "low", "--id", "my-id_1", "--retry", "2",
                   "--timeout", "7", "--tenant", "business_5") == "my-id_1"
    job = tasks.job("my-id_1")
    assert job.origin == "low" and job.timeout == 7 and job.retries_left == 2 and job.get_status() == "queued"
    assert job.func_name == "box_tasks.add" and job.args == (1,) and job.kwargs == {} and job.description == "box_tasks.add"
    assert job.created_at and job.enqueued_at and tasks.redis.text.hget("rq:job:my-id_1", "prosaas_tenant") == "5"
    assert Queue("low", connection=tasks.redis.bytes).job_ids == ["my-id_1"]
    before = tasks.redis.text.hgetall("rq:job:my-id_1")
    assert tasks.cli("jobs", "enqueue", "f", "--id", "my-id_1", code=1).stderr == "prosaas: job my-id_1 exists\n"
    assert tasks.redis.text.hgetall("rq:job:my-id_1") == before
    work(tasks)
    assert tasks.job("my-id_1").return_value() == 1


@pytest.mark.parametrize("when", ["--in 60", "--at 2000000000", "--at 2033-05-18T03:33:20Z", "--at 2033-05-18T05:33:20.5+02:00",
                                  "--at 2033-05-17T22:33:20-05:00"])
def test_a_job_for_later_is_scheduled(held, when):
    id = enqueue(held, "box_tasks.add", *when.split())
    assert held.job(id).get_status() == "scheduled" and held.queued() == [] and not held.job(id).enqueued_at
    due = held.redis.text.zscore(SCHEDULED, id)
    assert due == 2000000000 or abs(due - time.time() - 60) < 20
    assert held.job(id).ended_at is None


def test_a_job_that_depends_on_another_waits_for_it(tasks):
    first = enqueue(tasks, "box_tasks.add", "--args", "[1]")
    second = enqueue(tasks, "box_tasks.add", "--args", "[2]", "--depends-on", first)
    assert tasks.job(second).get_status() == "deferred" and tasks.queued() == [first]
    assert tasks.redis.text.zrange("rq:deferred:default", 0, -1) == [second]
    work(tasks)
    assert tasks.job(second).return_value() == 2 and not tasks.redis.text.exists("rq:deferred:default")
    third = enqueue(tasks, "box_tasks.add", "--args", "[3]", "--depends-on", second)
    assert tasks.queued() == [third]
    done = tasks.cli("jobs", "enqueue", "f", "--depends-on", "nobody", code=1)
    assert done.stderr == "prosaas: --depends-on nobody: no such job\n"


def test_a_key_of_another_type_is_an_error_and_leaves_no_job(held):
    held.redis.text.set(QUEUE, "no list")
    assert "wrong type" in held.cli("jobs", "enqueue", "f", "--id", "j1", code=1).stderr
    assert not held.redis.text.exists("rq:job:j1")
    fail(held, "j2")
    assert "wrong type" in held.cli("jobs", "retry", "j2", code=1).stderr
    assert status(held, "j2") == "failed" and held.redis.text.zcard(FAILED) == 1
    held.cli("queues")
    assert held.cli("queues", "restore", "--yes", code=1).stderr == "prosaas: rq:queue:default is of type string\n"
