# SPDX-License-Identifier: MIT
"""`prosaas all`: the whole system from nothing."""
import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess

import pytest

from harness import BIN, Proc, ask, message, wait_until, webhook


def free_ports(count):
    """So many in a row, from below the range from which the kernel gives ports to
    clients.  All are held at once, so no two are the same."""
    while True:
        first = random.randrange(20000, 30000)
        with contextlib.ExitStack() as held:
            try:
                for port in range(first, first + count):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
                return list(range(first, first + count))
            except OSError:
                pass


class All(Proc):
    def __init__(self, stage, **more):
        names = ("PORT", "ADMIN_PORT", "FAKE_GATEWAY_PORT", "METRICS_PORT") # the scheduler takes the one after
        self.ports = dict(zip(names, free_ports(len(names) + 1)))
        env = {k: os.environ[k] for k in ("PATH", "HOME", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS") if k in os.environ}
        env |= {k: str(v) for k, v in {**self.ports, "DATA_DIR": stage.data, "DRAIN_TIMEOUT": 5, **more}.items()}
        super().__init__(stage, "all", [BIN], env)

    def ready(self):
        self.wait_log(r"^prosaas is running")
        wait_until(lambda: self.up(), 15, "all is up")
        self.secret = re.search(r"^  secret +(\S+)", self.log(), re.M)[1]
        return self

    def up(self):
        try:
            return all(ask(self.ports[p], "GET", "/readyz").status == 200 for p in ("PORT", "ADMIN_PORT", "METRICS_PORT")) \
                and ask(self.ports["FAKE_GATEWAY_PORT"], "GET", "/healthz").status == 200
        except OSError:
            return False

    def post(self, body):
        return ask(self.ports["PORT"], "POST", "/webhook/whatsapp/incoming", body, {"X-Internal-Secret": self.secret})

    def sent(self):
        return ask(self.ports["FAKE_GATEWAY_PORT"], "GET", "/sent").json()

    def children(self):
        out = subprocess.run(["ps", "-o", "pid=,args=", "--ppid", str(self.pid)], stdout=subprocess.PIPE, text=True).stdout
        return {line.split()[-1] if "redis-server" not in line else "redis": int(line.split()[0]) for line in out.splitlines()}


def end(system):
    kids = system.children()
    system.asked_to_die = True
    system.signal(signal.SIGINT)
    assert system.wait(20) == 0
    for name, pid in kids.items():
        assert not os.path.exists(f"/proc/{pid}"), f"{name} is left"


def test_the_printed_curl_line_works_and_the_reply_shows_once(stage):
    system = All(stage).ready()
    curl = re.search(r"^  (curl -i -X POST.*?\}'$)", system.log(), re.M | re.S)[1]
    for outcome in ("Enqueued webhook_process_job", "Skipped duplicate webhook"):
        out = subprocess.run(["sh", "-c", curl], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=20).stdout
        assert out.startswith(b"HTTP/1.1 200 OK") and out.endswith(b"\r\n\r\n")
        system.wait_log(outcome + " tenant=1 msg_id=TEST123")
    system.wait_log(r"\[WEBHOOK_JOB\] Completed")
    assert [s["to"] for s in system.sent()] == ["972501234567@s.whatsapp.net"]
    assert "redis-cli -s " in system.log() and " WARN " not in system.log() and " ERROR " not in system.log()
    end(system)


def test_it_keeps_its_data_and_its_secrets(stage):
    system = All(stage).ready()
    assert system.post(webhook(message("A1"))).status == 200
    wait_until(lambda: len(system.sent()) == 1, 10, "a reply")
    secret = system.secret
    end(system)
    assert {p.name: oct(p.stat().st_mode & 0o777) for p in stage.data.iterdir() if p.name in ("internal_secret", "admin_token")} \
        == {"internal_secret": "0o600", "admin_token": "0o600"}
    again = All(stage).ready()
    assert again.secret == secret
    assert again.post(webhook(message("A1"))).status == 200
    again.wait_log("Skipped duplicate webhook tenant=1 msg_id=A1")
    assert again.sent() == []
    end(again)


@pytest.mark.parametrize("who", ["api", "worker", "scheduler", "admin", "fake-gateway", "redis"])
def test_a_killed_child_comes_back(stage, who):
    system = All(stage).ready()
    pid = system.children()[who]
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: system.children().get(who, pid) != pid, 10, f"{who} is started again")
    wait_until(system.up, 15, "all is up again")
    wait_until(lambda: system.post(webhook(message("A1"))).status == 200, 10, "accepted")
    wait_until(lambda: len(system.sent()) == 1, 30, "a reply")
    end(system)


def test_its_children_do_not_outlive_it(stage):
    system = All(stage).ready()
    kids = system.children()
    assert set(kids) == {"api", "worker", "scheduler", "admin", "fake-gateway", "redis"}
    system.kill()
    wait_until(lambda: not any(os.path.exists(f"/proc/{p}") for p in kids.values()), 20, "all have ended")


def test_a_taken_port_ends_it_with_a_reason(stage):
    system = All(stage).ready()
    other = All(stage, DATA_DIR=stage.dir / "other", PORT=system.ports["PORT"])
    assert other.wait(20) == 1
    assert f"can't listen on 127.0.0.1 port {system.ports['PORT']}" in other.log()
    end(system)


def test_a_data_dir_in_use_is_refused(stage):
    system = All(stage).ready()
    other = All(stage)
    assert other.wait(10) == 1 and "another prosaas runs on it" in other.log()
    end(system)


def test_json_logs_are_json(stage):
    system = All(stage, LOG_FORMAT="json").ready()
    assert system.post(webhook(message("J1"))).status == 200
    system.wait_log("Completed job_id=")
    end(system)
    lines = [json.loads(line) for line in system.log().splitlines() if line.startswith("{")]
    assert {"api", "worker", "scheduler"} <= {line["role"] for line in lines}
    assert all({"ts", "level", "role", "pid", "msg"} <= set(line) for line in lines)
