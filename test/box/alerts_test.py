# SPDX-License-Identifier: MIT
"""Alerts of the built-in evaluator: each is caused for real, told once, and ended once.

Windows, waits and intervals are seconds here, by settings.  Prometheus has a file of its own.
"""
import hashlib
import hmac
import http.server
import json
import socket
import sqlite3
import threading
import time

import pytest

from harness import PATIENCE, Raw, ask, chat_of, head, message, storm, wait_until, webhook

KEY = "alerts-secret"
SHORT = {"ALERT_EVERY_MS": 200, "ALERT_WINDOW_S": 4, "ALERT_FOR_S": 1, "ALERT_RESOLVE_S": 1, "ALERT_MIN_EVENTS": 3}


# --- who hears of it -----------------------------------------------------------

class Receiver:
    """A webhook that checks signatures and answers as it is told."""

    def __init__(self):
        self.notices, self.refusals, self.status = [], 0, 200
        self.answers = threading.Event()  # while it is not set, who posts waits
        self.answers.set()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                good = "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
                if self.headers["X-Prosaas-Signature"] != good:
                    outer.notices.append({"name": "BAD SIGNATURE", "state": self.headers["X-Prosaas-Signature"]})
                if outer.status == 200:
                    outer.notices.append(json.loads(body))
                else:
                    outer.refusals += 1
                outer.answers.wait(PATIENCE)
                self.send_response(outer.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"

    def of(self, name):
        return [n["state"] for n in self.notices if n["name"] == name]

    def heard(self, name, *states, seconds=40):
        wait_until(lambda: self.of(name) == list(states), seconds, f"{name} {states} (heard {self.of(name)})")


class Relay:
    """A TCP relay to Redis that can be slow; what goes back waits."""

    def __init__(self, port):
        self.target, self.delay = port, 0.0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            threading.Thread(target=self.pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self.pump, args=(far, near, True), daemon=True).start()

    def pump(self, source, to, back):
        try:
            while data := source.recv(1 << 16):
                if back and self.delay:
                    time.sleep(self.delay)  # it is what makes Redis slow
                to.sendall(data)
        except OSError:
            pass
        for s in (source, to):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


@pytest.fixture
def receiver():
    r = Receiver()
    yield r
    r.server.shutdown()


@pytest.fixture
def house(stage, receiver):
    stage.settings |= {**SHORT, "ALERT_WEBHOOK_URL": receiver.url, "ALERT_WEBHOOK_SECRET": KEY, "JOB_RETRIES": "0"}
    stage.receiver = receiver
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.prepare(default_text="Thank you!")
    return stage


def start(house, *roles):
    for role in roles or ("api", "worker", "scheduler"):
        setattr(house, role, house.start(role))
    if hasattr(house, "scheduler"):
        wait_until(lambda: house.scheduler.metric("prosaas_leader") == 1, 15, "it leads")


def firing(house):
    return {a["name"] for a in house.api.get("/api/alerts").json()["alerts"]}


sent = 0


def send(house, count=5, tenant="1", text="hello"):
    """Messages of as many chats; answers."""
    global sent
    first, sent = sent, sent + count
    return storm(house.api.port, [webhook(message(f"M{i}", text, chat_of(i)), tenant=tenant)
                                  for i in range(first, first + count)], 8)


class Often:
    """Sends messages until the block ends: a window of events that goes on."""

    def __init__(self, house, pause=0.05, **more):
        self.house, self.pause, self.more, self.over = house, pause, more, threading.Event()

    def __enter__(self):
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.over.wait(self.pause):
            send(self.house, 2, **self.more)

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


# --- the built-in evaluator -------------------------------------------------------

def test_nothing_is_told_of_a_healthy_system(house):
    start(house)
    send(house, 20)
    house.wait_at_rest()
    looks = house.scheduler.metric("prosaas_redis_command_duration_seconds_count")
    wait_until(lambda: house.scheduler.metric("prosaas_redis_command_duration_seconds_count") > looks + 60, 30, "many looks")
    assert firing(house) == set() and house.receiver.notices == []
    assert house.cli("alerts").stdout.splitlines()[1:] == []


def test_a_slow_redis_makes_webhooks_slow(house):
    relay = Relay(house.redis.port)
    start(house, "worker", "scheduler")
    house.api = house.start("api", REDIS_URL=f"redis://127.0.0.1:{relay.port}")
    relay.delay = 0.7
    with Often(house):
        house.receiver.heard("webhook_slow", "firing")
        house.receiver.heard("webhook_over_target", "firing")
    relay.delay = 0
    with Often(house):
        house.receiver.heard("webhook_slow", "firing", "resolved")
        house.receiver.heard("webhook_over_target", "firing", "resolved")
    notice = next(n for n in house.receiver.notices if n["name"] == "webhook_slow")
    assert notice["value"] > 500 and notice["threshold"] == 500 and notice["severity"] == "critical"
    assert notice["text"].startswith("🔴 ALERT webhook_slow: ") and "Mend: " in notice["text"]


def test_a_stopped_worker_lets_the_queue_grow_deep_and_old(house):
    house.settings |= {"ALERT_OLDEST_S": 2}
    start(house)
    house.worker.stop()
    house.receiver.heard("no_worker", "firing", seconds=60)
    send(house, 1100)
    for name in ("queue_deep", "queue_over_target", "queue_old"):
        house.receiver.heard(name, "firing")
    assert {"no_worker", "queue_deep", "queue_old"} <= firing(house)
    shown = house.cli("alerts", code=1).stdout
    assert "queue_deep" in shown and "prosaas queues" in shown
    house.worker = house.start("worker")
    for name in ("queue_deep", "queue_over_target", "queue_old", "no_worker"):
        house.receiver.heard(name, "firing", "resolved", seconds=60)
    assert firing(house) == set()
    recent = house.api.get("/api/alerts").json()["recent"]
    assert [a["state"] for a in recent if a["name"] == "queue_deep"] == ["resolved", "firing"]


def test_jobs_that_fail_and_why(house):
    start(house)
    house.gateway.faults("400")
    with Often(house):
        for name in ("jobs_failing", "jobs_over_target", "dead_letters", "sending_failing"):
            house.receiver.heard(name, "firing")
    house.gateway.faults("500", 0)
    with Often(house):
        for name in ("jobs_failing", "jobs_over_target", "dead_letters", "sending_failing"):
            house.receiver.heard(name, "firing", "resolved")


def test_a_failing_ai(house):
    house.start_ai()
    house.settings["AI_TIMEOUT"] = "2"
    house.cli("tenant", "set", "1", "prompt=You are a shop.")
    start(house)
    house.ai.faults("500")
    with Often(house):
        house.receiver.heard("ai_failing", "firing")
    house.ai.faults("500", 0)
    with Often(house):
        house.receiver.heard("ai_failing", "firing", "resolved", seconds=100)


def test_an_unknown_tenant(house):
    start(house)
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing")
    house.receiver.heard("unknown_tenant", "firing", "resolved")


def test_a_stopped_redis(house):
    start(house)
    house.redis.kill()
    house.receiver.heard("redis_failing", "firing")
    send(house, 5)
    house.redis.restart()
    house.receiver.heard("redis_failing", "firing", "resolved", seconds=60)
    assert not any(n["name"] == "no_scheduler" for n in house.receiver.notices), "one trouble, one alert"


def test_a_notice_under_way_is_not_taken_for_the_one_of_a_stopped_redis(house):
    start(house)
    house.receiver.answers.clear()
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing")
    house.redis.kill()
    house.scheduler.wait_log("ALERT redis_failing")
    house.receiver.answers.set()
    house.receiver.heard("redis_failing", "firing")


def test_messages_that_cannot_be_queued(house):
    start(house, "worker", "scheduler")
    house.api = house.start("api", MAX_QUEUE_DEPTH="1")
    house.worker.stop()
    with Often(house):
        house.receiver.heard("enqueue_under_target", "firing")
    house.worker = house.start("worker")
    house.wait_at_rest()
    house.receiver.heard("enqueue_under_target", "firing", "resolved", seconds=60)


def test_a_killed_scheduler_is_missed_by_a_worker(house):
    start(house)
    house.scheduler.kill()
    house.receiver.heard("no_scheduler", "firing", seconds=60)
    assert "no_scheduler" in firing(house)
    house.scheduler.restart()
    house.receiver.heard("no_scheduler", "firing", "resolved", seconds=60)


def test_a_session_that_is_down(house):
    house.settings |= {"ALERT_SESSION_DOWN_S": 1}
    start(house)
    def tell(state):
        assert house.api.post({"tenantId": "1", "connection": state}, path="/webhook/whatsapp/status").status == 200
    tell("open")
    wait_until(lambda: house.scheduler.metric('prosaas_gateway_sessions{state="connected"}') == 1, 10, "seen")
    tell("close")
    house.receiver.heard("session_down", "firing")
    assert house.scheduler.metric("prosaas_gateway_session_down_seconds") >= 1
    assert "tenant 1: disconnected" in next(n["text"] for n in house.receiver.notices if n["name"] == "session_down")
    tell("open")
    house.receiver.heard("session_down", "firing", "resolved")


def test_slow_jobs(house):
    start(house)
    house.gateway.faults("slow", ms=300)
    house.scheduler.stop()
    house.scheduler = house.start("scheduler", ALERT_JOB_TARGET_MS="200")
    with Often(house):
        house.receiver.heard("job_over_target", "firing")
    house.gateway.faults("slow", 0)
    with Often(house):
        house.receiver.heard("job_over_target", "firing", "resolved", seconds=60)


def test_a_redis_that_grows(house):
    house.settings |= {"ALERT_MEMORY_WINDOW_S": 3, "ALERT_MEMORY_MIN_MB": 1}
    start(house)
    grown = 0
    end = time.monotonic() + 40 * PATIENCE
    while "redis_memory_growing" not in {n["name"] for n in house.receiver.notices}:
        assert time.monotonic() < end, "not told"
        house.redis.bytes.set(f"filler:{grown}", b"x" * (1 << 20))
        grown += 1
        time.sleep(0.1)  # growth is by time
    for i in range(grown):
        house.redis.bytes.delete(f"filler:{i}")
    house.receiver.heard("redis_memory_growing", "firing", "resolved")


def test_a_database_that_is_locked(house):
    start(house)
    db = sqlite3.connect(f"{house.data}/prosaas.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with Often(house, pause=0.5):
        house.receiver.heard("database_failing", "firing")
    db.execute("ROLLBACK")
    db.close()
    house.receiver.heard("database_failing", "firing", "resolved", seconds=60)


def test_a_process_that_grows(house):
    house.settings |= {"ALERT_MEMORY_WINDOW_S": 3, "ALERT_MEMORY_MIN_MB": 1, "REQUEST_TIMEOUT_MS": "100000"}
    start(house)
    wait_until(lambda: house.redis.text.hlen("prosaas:vitals") == 3, 10, "all tell how they fare")
    held = []
    end = time.monotonic() + 40 * PATIENCE
    while not house.receiver.of("process_memory_growing"):
        assert time.monotonic() < end, "not told"
        held.append(Raw(house.api.port))  # most of a body, and no more
        held[-1].send(head(Content_Length="1000000", Content_Type="application/json") + b" " * 900_000)
        time.sleep(0.1)  # growth is by time
    for raw in held:
        raw.sock.close()
    house.receiver.heard("process_memory_growing", "firing", "resolved")
    assert "api:" in next(n["detail"] for n in house.receiver.notices if n["name"] == "process_memory_growing")


def test_a_new_leader_repeats_nothing(house):
    start(house)
    second = house.start("scheduler")
    house.worker.kill()
    house.receiver.heard("no_worker", "firing", seconds=60)
    wait_until(lambda: house.redis.text.llen("prosaas:alerts:outbox") == 0, 10, "it is taken out")
    house.scheduler.kill()
    wait_until(lambda: second.metric("prosaas_leader") == 1, 20, "the other leads")
    looks = second.metric("prosaas_redis_command_duration_seconds_count")
    wait_until(lambda: second.metric("prosaas_redis_command_duration_seconds_count") > looks + 30, 20, "it looks")
    assert house.receiver.of("no_worker") == ["firing"]
    house.worker.restart()
    house.receiver.heard("no_worker", "firing", "resolved", seconds=60)
    assert "ALERT no_worker" not in second.log() and "RESOLVED no_worker" in second.log()


def test_a_receiver_that_refuses_gets_it_later_and_once(house):
    house.receiver.status = 503
    start(house)
    send(house, 1, tenant="77")
    wait_until(lambda: house.receiver.refusals >= 2, 20, "it is tried again")
    house.receiver.status = 200
    house.receiver.heard("unknown_tenant", "firing", "resolved")
    assert len({n["id"] for n in house.receiver.notices}) == len(house.receiver.notices)


def test_an_alert_that_is_off_is_not_looked_at(house):
    house.settings["ALERT_OFF"] = "dead_letters"
    start(house)
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing", "resolved")
    assert house.receiver.of("dead_letters") == []
    wrong = house.cli("scheduler", code=1, ALERT_OFF="dead_leters").stderr
    assert 'there is no alert "dead_leters"' in wrong


def test_who_may_read_alerts(house):
    start(house, "api")
    assert ask(house.api.port, "GET", "/api/alerts", None, {"X-Forwarded-For": "8.8.8.8"}).status == 401
    a = house.api.get("/api/alerts")
    assert a.status == 200 and a.json() == {"alerts": [], "recent": []}
