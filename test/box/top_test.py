# SPDX-License-Identifier: MIT
"""prosaas top: one picture for scripts, a live one in a terminal that is given back as it was."""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios

import pytest

from harness import BIN, PATIENCE, QUEUE, message, wait_until, webhook


class Terminal:
    """top on a pseudo-terminal of so many columns."""

    def __init__(self, stage, columns, rows=40):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.before, self.seen = termios.tcgetattr(self.slave), ""
        self.proc = subprocess.Popen([BIN, "top"], stdin=self.slave, stdout=self.slave, stderr=subprocess.PIPE,
                                     env=stage.environment({"TERM": "xterm"}), start_new_session=True)

    def read(self):
        while select.select([self.master], [], [], 0)[0]:
            self.seen += os.read(self.master, 65536).decode()
        return self.seen

    def shows(self, pattern, seconds=15):
        return wait_until(lambda: re.search(pattern, self.read()), seconds, f"{pattern} on the screen")

    def ended(self):
        code = self.proc.wait(10 * PATIENCE)
        assert (code, self.proc.stderr.read()) == (0, b"")
        self.read()
        assert termios.tcgetattr(self.slave) == self.before, "the terminal is as it was"
        assert self.seen.endswith("\x1b[?25h\x1b[?1049l"), "cursor and first screen are back"

    def close(self):
        if self.proc.poll() is None:
            self.proc.kill()
            self.proc.wait()
        self.proc.stderr.close()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def terminal(stage):
    opened = []
    def start(*args):
        opened.append(Terminal(stage, *args))
        return opened[-1]
    yield start
    for t in opened:
        t.close()


def test_once_is_one_picture_of_what_is(stage):
    api, worker = stage.pipeline(scheduler=True)
    wait_until(lambda: stage.scheduler.metric("prosaas_leader") == 1, 15, "it leads")
    for i in range(5):
        api.post(webhook(message(f"T{i}", "marked-text")))
    stage.wait_at_rest()
    stage.redis.text.hset("prosaas:alerts", "queue_deep", '{"severity":"critical","value":1200,"unit":"jobs","detail":"",'
                          '"meaning":"too deep","command":"prosaas jobs"}')
    out = stage.cli("top", "--once").stdout
    assert "\x1b" not in out and "\1" not in out and "marked-text" not in out
    assert re.search(r"^queue_deep +critical  1200 jobs\n  too deep\n  prosaas jobs$", out, re.M)
    assert re.search(r"^default +0 +0s +0 +0 +0 +0 +0 +0 +0$", out, re.M)
    assert re.search(r"^prosaas-\S+ +idle +\d+s ago$", out, re.M) and "a scheduler leads" in out
    for role in ("api", "worker", "scheduler"):
        assert re.search(rf"^{role}:\S+ +[\d.]+ MB +\d+s$", out, re.M), role
    assert re.search(r"^webhooks +[\d.]+/s", out, re.M)


def test_once_shows_rates_of_what_happens_meanwhile(stage):
    stage.start_redis()
    api = stage.start("api")
    wait_until(lambda: stage.redis.text.hlen("prosaas:vitals") == 1, 5, "it has told of itself, to count from")
    p = subprocess.Popen([BIN, "top", "--once"], stdout=subprocess.PIPE, text=True, env=stage.environment({}))
    n = 0
    while p.poll() is None:
        api.post(webhook(message(f"R{n}")))
        n += 1
        select.select([p.stdout], [], [], 0.02)
    out = p.stdout.read()
    assert float(re.search(r"^webhooks +([\d.]+)/s", out, re.M)[1]) > 1
    assert re.search(r"^webhooks .* p50 [\d.]+ ms +p95 [\d.]+ ms", out, re.M)
    assert re.search(r"^default +[1-9]\d* ", out, re.M) and "no scheduler leads" in out


def test_columns_bound_the_picture(stage):
    stage.start_redis()
    out = stage.cli("top", "--once", COLUMNS=33).stdout
    assert max(map(len, out.splitlines())) == 33


def test_all_of_it_fits_a_terminal_of_80_columns(stage):
    """What is cut off is not seen: failed jobs, the slowest, what mends it."""
    stage.start_redis()
    api = stage.start("api")
    who, told = wait_until(lambda: next(iter(stage.redis.text.hgetall("prosaas:vitals").items()), None), 15, "it has told")
    api.stop()
    deep = {f"rq:{r}:default": {f"j{i}": i for i in range(1000)} for r in ("wip", "scheduled", "deferred", "failed")}
    for key, ids in deep.items():
        stage.redis.text.zadd(key, ids)
    stage.redis.text.rpush(QUEUE, *[f"q{i}" for i in range(1000)])
    stage.redis.text.hset("prosaas:alerts", "queue_deep", json.dumps(
        {"severity": "critical", "value": 123456, "unit": "jobs", "detail": "", "meaning": "m" * 78, "command": "c" * 78}))
    p = subprocess.Popen([BIN, "top", "--once"], stdout=subprocess.PIPE, text=True, env=stage.environment({}))
    wait_until(lambda: stage.redis.text.info("commandstats").get("cmdstat_evalsha"), 15, "it has looked once")
    stage.redis.text.hset("prosaas:vitals", who, re.sub(r" 0\b", " 123456", told))
    out = p.communicate(timeout=30 * PATIENCE)[0]
    assert re.search(r"^default +1000 .* 1000$", out, re.M) and not re.search(r"^webhooks +0.0/s", out, re.M), out
    assert max(map(len, out.splitlines())) <= 80, out


@pytest.mark.parametrize("end", ["q", "interrupt", "terminate"])
def test_a_terminal_is_given_back_as_it_was(stage, terminal, end):
    stage.start_redis()
    t = terminal(50, 12)
    t.shows("prosaas 20")
    t.shows("webhooks ")
    if end == "q":
        os.write(t.master, b"q")
    else:
        os.kill(t.proc.pid, signal.SIGINT if end == "interrupt" else signal.SIGTERM)
    t.ended()
    assert t.seen.startswith("\x1b[?1049h\x1b[?25l")
    frame = t.seen.split("\x1b[H")[1].split("\x1b[J")[0]
    lines = [re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", line.rstrip("\r")) for line in frame.split("\n")]
    assert len(lines) == 12 and max(map(len, lines)) == 50


def test_it_goes_on_when_redis_comes_back(stage, terminal):
    stage.start_redis()
    t = terminal(80)
    t.shows("prosaas 20")
    stage.redis.kill()
    t.seen = ""
    t.shows("redis")
    stage.redis.restart()
    t.seen = ""
    t.shows("prosaas 20")
    os.write(t.master, b"q")
    t.ended()


def test_once_stopped_before_its_picture_is_no_success(stage):
    stage.start_redis()
    p = subprocess.Popen([BIN, "top", "--once"], stdout=subprocess.PIPE, env=stage.environment({}))
    wait_until(lambda: stage.redis.text.info("commandstats").get("cmdstat_evalsha"), 15, "it has looked once")
    p.terminate()
    assert (p.communicate(timeout=10 * PATIENCE)[0], p.returncode) == (b"", 1)


def test_without_redis_it_says_so(stage):
    assert "REDIS_URL" in stage.cli("top", "--once", code=1).stderr
