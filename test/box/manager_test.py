# SPDX-License-Identifier: MIT
"""A service manager is told what it wants to hear, and what it hands in is used."""
import os
import socket
import sys

import pytest

from harness import BIN, PATIENCE, Role, message, wait_until, webhook
from rolling import Door


class Manager:
    """A fake NOTIFY_SOCKET."""

    def __init__(self, stage):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.name = f"@prosaas-test-{os.getpid()}-{id(self)}"
        self.socket.bind("\0" + self.name[1:])
        self.socket.settimeout(10 * PATIENCE)

    def hear(self):
        return self.socket.recv(4096).decode()


@pytest.fixture
def manager(stage):
    stage.start_redis()
    stage.start_gateway()
    stage.prepare()
    m = Manager(stage)
    yield m
    m.socket.close()


@pytest.mark.parametrize("role", ["api", "worker", "scheduler", "admin"])
def test_a_role_says_when_it_is_ready_and_when_it_stops(stage, manager, role):
    p = stage.start(role, NOTIFY_SOCKET=manager.name)
    assert manager.hear() == "READY=1"
    assert p.stop() == 0
    assert manager.hear() == "STOPPING=1"


def test_the_watchdog_is_fed(stage, manager):
    p = stage.start("worker", NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=200000)
    assert [manager.hear() for _ in range(6)] == ["READY=1"] + 5 * ["WATCHDOG=1"]
    assert p.stop() == 0


def test_the_watchdog_of_another_process_is_not_fed(stage, manager):
    p = stage.start("worker", NOTIFY_SOCKET=manager.name, WATCHDOG_USEC=1000, WATCHDOG_PID=1)
    assert p.stop() == 0
    assert [manager.hear(), manager.hear()] == ["READY=1", "STOPPING=1"]


def test_sockets_meant_for_another_process_are_left_alone(stage, manager):
    api = stage.start("api", LISTEN_FDS=1, LISTEN_PID=1)
    assert api.post(webhook(message("L1"))).status == 200


# Hands in an end of a pipe.
WRONG = """
import os, sys
os.dup2(os.pipe()[0], 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[1], sys.argv[1:])
"""


def test_a_socket_that_is_none_ends_it_with_a_reason(stage, manager):
    env = stage.environment({})
    with pytest.raises(AssertionError, match="can't listen on the socket handed in"):
        Role(stage, "api", env, False, [sys.executable, "-c", WRONG, os.path.abspath(BIN), "api"])
    assert stage.procs[-1].wait() == 1


def test_connections_wait_in_a_handed_in_port_while_nobody_serves_it(stage, manager):
    door = Door(stage)
    with socket.create_connection(("127.0.0.1", door.port), 10 * PATIENCE) as early:
        early.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        door.role("api")
        assert early.recv(4096).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize("role", ["api", "worker", "scheduler", "admin"])
def test_probe_finds_the_role_of_its_environment(stage, manager, role):
    names = {"api": "PORT", "admin": "ADMIN_PORT"}
    p = stage.start(role)
    settings = {"SERVICE_ROLE": role, names.get(role, "METRICS_PORT"): p.port}
    assert stage.cli("probe", **settings).stdout == '{"status":"ready"}\n'
    assert stage.cli("probe", "--live", **settings).stdout == '{"status":"ok"}\n'
    p.stop()
    assert "Connection refused" in stage.cli("probe", code=1, **settings).stderr


def test_a_draining_process_says_so_on_its_own_socket(stage, manager):
    stage.gateway.faults("hang")
    own = {"PROBE_SOCKET": stage.dir / "own.sock"}
    api, worker = stage.start("api"), stage.start("worker", DRAIN_TIMEOUT=2, **own)
    assert api.post(webhook(message("D1"))).status == 200
    assert stage.cli("probe", **own).stdout == '{"status":"ready"}\n'
    worker.asked_to_die = True
    stage.cli("tenant", "set", "1", "default_text=Thank you!")
    assert api.post(webhook(message("D2", chat="972501111111@s.whatsapp.net"))).status == 200
    wait_until(lambda: stage.rows("SELECT 1 FROM messages WHERE status = 'sending'"), 10, "it is sent")
    worker.signal(15)
    why = wait_until(lambda: "draining" in stage.cli("probe", code=None, **own).stdout, 5, "it drains")
    assert why and stage.cli("probe", "--live", code=None, **own).returncode == 0
    assert worker.wait() == 0
