# SPDX-License-Identifier: MIT
"""alarms: a system whose built-in evaluator is in a hurry, who hears its notices, and load.

    start(house)                            the roles; windows, waits and intervals are seconds, by settings
    with Often(house): house.receiver.heard("webhook_slow", "firing")
"""
import hashlib
import hmac
import http.server
import json
import threading

import pytest

from harness import PATIENCE, chat_of, message, storm, wait_until, webhook

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
