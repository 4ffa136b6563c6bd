# SPDX-License-Identifier: MIT
"""A rolling restart under load fails no request, loses no message and doubles no reply."""
import collections
import ctypes
import fcntl
import os
import pathlib
import socket
import struct
import subprocess

import pytest

from harness import BIN, LONG, figure, free_port, sized, wait_until
from rolling import Door, Load, binary_before, chat

RATE = sized(200, 1000)
ROUNDS = 5 if LONG else 1
BETWEEN = RATE // 2  # webhooks between two steps
ROLES = ("api", "worker", "scheduler")


MIGRATE = pathlib.Path("/proc/sys/net/ipv4/tcp_migrate_req")
CLONE_NEWNET, SIOCSIFFLAGS, IFF_UP = 0x40000000, 0x8914, 1


@pytest.fixture
def own_network():
    """A network of our own for this thread and what it starts, as containers have one,
    where the kernel hands on who waits for a listener that goes."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as before:
        if libc.unshare(CLONE_NEWNET) < 0:
            pytest.skip(f"no network namespace: {os.strerror(ctypes.get_errno())}")
        try:
            with socket.socket() as s:
                fcntl.ioctl(s, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
            if not MIGRATE.exists():
                pytest.skip("this kernel has no net.ipv4.tcp_migrate_req")
            MIGRATE.write_text("1")
            yield
        finally:
            libc.setns(before.fileno(), CLONE_NEWNET)


@pytest.fixture
def door(stage):
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.settings |= {"TYPING": "off", "LOG_LEVEL": "warn", "DRAIN_TIMEOUT": "10"}
    stage.prepare(default_text="Thank you!")
    stage.settings["LOG_LEVEL"] = "info"
    return Door(stage)


def each_once(stage, load):
    """Every message has one row, and its chat one reply, sent once."""
    wait_until(lambda: len(stage.gateway.sent()) >= load.sent, 300, f"{load.sent} replies")
    stage.wait_at_rest(60)
    assert not stage.failed()
    sent = stage.gateway.sent()
    chats = collections.Counter(s["to"] for s in sent if s["first"])
    assert not [c for c, n in chats.items() if n > 1], "doubled replies"
    assert set(chats) == {chat(i) for i in range(load.sent)}, "lost messages"
    assert len(sent) == load.sent, "nothing was even posted again"
    assert len(stage.inbound()) == len(stage.replies()) == load.sent


def test_a_rolling_restart_fails_nothing(door):
    stage = door.stage
    live = {name: door.role(name) for name in ROLES}
    with Load(door.port, RATE) as load:
        for _ in range(ROUNDS):
            for name in ROLES:
                load.wait(BETWEEN)
                live[name] = door.replace(live[name])
        load.wait(BETWEEN)
    assert not load.failures, load.why()
    each_once(stage, load)
    figure(f"{load.sent} webhooks at {RATE}/s through {ROUNDS * len(ROLES)} restarts: "
           f"0 failed, slowest {load.worst * 1000:.0f} ms")


def test_back_to_the_release_before_and_forth_again_fails_nothing(door):
    stage, before = door.stage, binary_before()
    live = {name: door.role(name) for name in ROLES}
    with Load(door.port, RATE) as load:
        for _ in range(ROUNDS):
            for binary in (before, BIN):  # a rollback, and the next try
                subprocess.run([os.path.abspath(binary), "migrate"], env=stage.environment({}), check=True)
                for name in ROLES:
                    load.wait(BETWEEN)
                    live[name] = door.replace(live[name], binary)
        load.wait(BETWEEN)
    assert not load.failures, load.why()
    each_once(stage, load)
    figure(f"{load.sent} webhooks at {RATE}/s through {ROUNDS} rollbacks to {before.name[:9]}: "
           f"0 failed, slowest {load.worst * 1000:.0f} ms")


def test_roles_run_on_the_schema_of_the_release_after(door):
    stage = door.stage
    [now] = stage.rows("PRAGMA user_version")
    stage.write(f"PRAGMA user_version = {now['user_version'] + 1}")
    stage.write("ALTER TABLE messages ADD COLUMN of_the_future TEXT")
    assert "can still use it" in stage.cli("migrate").stdout
    for name in ROLES:
        door.role(name)
    with Load(door.port, 100) as load:
        load.wait(20)
    each_once(stage, load)
    stage.write(f"UPDATE schema_reader SET oldest = {now['user_version'] + 1}")
    assert "run a newer prosaas" in stage.cli("migrate", code=1).stderr
    assert stage.cli("worker", code=1).returncode == 1


def test_apis_that_bind_the_port_themselves_fail_nothing_either(own_network, door):
    port = free_port()
    settings = {"PORT": port, "REUSE_PORT": "on"}
    api, worker = door.role("api", alone=True, **settings), door.role("worker")
    with Load(port, RATE) as load:
        for _ in range(ROUNDS * 3):
            load.wait(BETWEEN)
            api = door.replace(api, alone=True, **settings)
        load.wait(BETWEEN)
    assert not load.failures, load.why()
    assert worker.alive() and "tcp_migrate_req" not in api.log()
    each_once(door.stage, load)


def test_a_port_is_shared_only_where_it_is_asked_for(door):
    port = free_port()
    first = door.role("api", alone=True, PORT=port)
    other = door.stage.start("worker")
    with pytest.raises(AssertionError, match="can't listen on 127.0.0.1 port"):
        door.role("api", alone=True, PORT=port)
    door.stage.procs[-1].wait()
    assert first.alive() and other.alive()
