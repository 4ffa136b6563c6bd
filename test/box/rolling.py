# SPDX-License-Identifier: MIT
"""rolling: webhooks that never pause, and roles that replace one another.

Load posts webhooks at a rate, each of a chat of its own, over connections that it
keeps, and some over a connection made for one.  It tries nothing again: whatever is
not answered 200 is in its failures.

A Door holds the port, as a service manager would (LISTEN_FDS); role() starts a role of
any binary that takes it over from there.
"""
import collections
import fcntl
import itertools
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest

from harness import BIN, PATIENCE, Role, encode, head, message, wait_until, webhook

NEW_CONNECTION_EVERY = 8  # requests


def chat(n):
    return f"97252{n:07d}@s.whatsapp.net"


class Load:
    """with Load(port, 200) as load: ...; then load.sent, load.failures."""

    def __init__(self, port, rate, connections=24, retry=False):
        self.port, self.rate, self.retry = port, rate, retry
        self.slots = itertools.count()
        self.stopped = threading.Event()
        self.sent, self.failures, self.worst = 0, [], 0.0
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.client) for _ in range(connections)]

    def __enter__(self):
        self.began = time.monotonic()
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        for t in self.threads:
            t.join()

    def wait(self, count):
        """Until so many more have been sent."""
        goal = self.sent + count
        wait_until(lambda: self.sent >= goal, 60, f"{goal} webhooks sent")

    def client(self):
        sock = None
        while not self.stopped.is_set():
            i = next(self.slots)
            pause = self.began + i / self.rate - time.monotonic()
            if pause > 0:
                time.sleep(pause)  # this is the load's pace
            sock = self.one(i, sock)
        if sock:
            sock.close()

    def one(self, i, sock):
        """Posts message i; returns the connection for the next, or None."""
        if sock and i % NEW_CONNECTION_EVERY == 0:
            sock.close()
            sock = None
        body = encode(webhook(message(f"R{i}", chat=chat(i))))
        request = head(Content_Length=len(body)) + body
        began = time.monotonic()
        while True:
            try:
                sock = sock or socket.create_connection(("127.0.0.1", self.port), 20 * PATIENCE)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(request)
                answer = self.read(sock)
                why = None if answer.startswith(b"HTTP/1.1 200 ") else answer[:60].decode()
            except OSError as e:
                answer, why = b"", repr(e)
            if why or b"\r\nConnection: close\r\n" in answer:
                if sock:
                    sock.close()
                sock = None
            if not why or not self.retry or time.monotonic() > began + 60 * PATIENCE:
                break
            time.sleep(0.1)  # as a gateway waits before it tries again
        with self.lock:
            self.sent += 1
            self.worst = max(self.worst, time.monotonic() - began)
            if why:
                self.failures.append((i, why))
        return sock

    @staticmethod
    def read(sock):
        """An answer: of its body nothing is of interest, but that it is read."""
        got = b""
        while b"\r\n\r\n" not in got:
            more = sock.recv(4096)
            if not more:
                raise ConnectionResetError(f"closed after {got!r}")
            got += more
        return got

    def why(self):
        """The failures, counted: reads well when there are some."""
        return dict(collections.Counter(why for _, why in self.failures))


class Sharing(Role):
    """A role that shares its port; ready when itself says so, not whoever has the port."""

    def __init__(self, stage, role, env, argv, fds):
        self.fds = fds
        self.probe = pathlib.Path(env["PROBE_SOCKET"])
        super().__init__(stage, role, env, True, argv)

    def wait_ready(self):
        if not self.probe.exists():  # a release that knows no PROBE_SOCKET
            return super().wait_ready()

        def ready():
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(5 * PATIENCE)
                s.connect(str(self.probe))
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return s.recv(4096).startswith(b"HTTP/1.1 200 ")
        return wait_until(ready, 10, f"{self.name} is ready")


# What systemd does between fork and exec.
TAKE_OVER = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


class Door:
    def __init__(self, stage):
        self.stage = stage
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.port = self.socket.getsockname()[1]
        self.count = itertools.count(1)

    def role(self, name, binary=BIN, alone=False, **settings):
        """alone: it is given no socket."""
        env = self.stage.environment(
            {"PROBE_SOCKET": self.stage.dir / f"probe{next(self.count)}", **settings})
        argv = [os.path.abspath(binary), name]
        if name != "api" or alone:
            return Sharing(self.stage, name, env, argv, ())
        fd = self.socket.fileno()
        return Sharing(self.stage, name, env, [sys.executable, "-c", TAKE_OVER, fd, *argv], (fd,))

    def replace(self, old, binary=BIN, **more):
        """The new one is ready before the old one is told to go."""
        new = self.role(old.role, binary, **more)
        assert old.stop(30) == 0
        return new


# --- the release before ------------------------------------------------------

ROOT = pathlib.Path(__file__).resolve().parents[2]


def git(*words):
    done = subprocess.run(["git", "-C", ROOT, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def schema_files(commit):
    return (git("ls-tree", "--name-only", commit, "src/store/schema/") or "").split()


def commit_before():
    """The commit before the last one that changed the source; or why there is none."""
    if not shutil.which("git") or git("rev-parse", "HEAD") is None:
        pytest.skip("not a git checkout: no release before to go back to")
    if git("diff", "--quiet", "HEAD", "--", "src") is None:
        commit = git("rev-parse", "HEAD")
    else:
        last = git("rev-list", "--first-parent", "-1", "HEAD", "--", "src")
        commit = git("rev-parse", "--verify", "--quiet", f"{last}^1")
    if not commit or not schema_files(commit):
        pytest.skip("the history ends before the last change of the source")
    ours = len(list((ROOT / "src/store/schema").glob("*.sql")))
    if not any("_reader" in f for f in schema_files(commit)) and len(schema_files(commit)) < ours:
        pytest.skip(f"{commit[:9]} does not know that it may run on a newer schema")
    return commit


def binary_before():
    """The binary of the release before; built once, kept in build/before.  Who comes
    meanwhile waits for it."""
    commit = commit_before()
    kept = ROOT / "build" / "before" / commit
    kept.parent.mkdir(parents=True, exist_ok=True)
    with open(kept.parent / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            build(commit, kept)
    return kept


def build(commit, kept):
    source = kept.with_suffix(".src")
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir()
    archive = subprocess.Popen(["git", "-C", ROOT, "archive", commit], stdout=subprocess.PIPE)
    subprocess.run(["tar", "-x", "-C", source], stdin=archive.stdout, check=True)
    assert archive.wait() == 0
    subprocess.run(["make", "-s", "-j2", "all", "OPT=-O0", f"COMMIT={commit[:9]}"], cwd=source,
                   check=True, env={k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "SAN")})
    (source / "build" / "prosaas").rename(kept)
    shutil.rmtree(source)
