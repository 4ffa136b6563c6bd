# SPDX-License-Identifier: MIT
"""prosaas bench: what it sends, what it says, what it refuses."""
import http.server
import itertools
import json
import re
import signal
import subprocess
import threading
import time

import pytest

from harness import BIN, wait_until


def bench(stage, api, *words, code=0, **settings):
    return stage.cli("bench", "--json", *words, code=code, PORT=api.port, **settings)


def test_a_run_is_real_webhooks_each_its_own(stage):
    api, worker = stage.pipeline()
    out = json.loads(bench(stage, api, "--rate", "100", "--for", "1", "--chats", "7").stdout)
    assert (out["sent"], out["ok"], out["rate_wanted"]) == (100, 100, 100)
    for kind in ("due_ms", "asked_ms"):
        times = [out[kind][k] for k in ("p50", "p90", "p99", "p999", "max")]
        assert times == sorted(times) and times[0] > 0
    assert api.metric('prosaas_webhook_messages_total{outcome="enqueued"}') == 100
    wait_until(lambda: len(stage.replies()) == 100, 20, "each is answered")
    assert len({r["provider_message_id"] for r in stage.inbound()}) == 100
    assert stage.rows("SELECT count(*) n FROM conversations") == [{"n": 7}]


def test_a_stall_is_in_the_times_of_all_that_were_due_in_it(stage):
    """The load itself stands still for a second: what it could not send meanwhile is late."""
    stage.start_redis()
    api = stage.start("api")
    p = subprocess.Popen([BIN, "bench", "--json", "--rate", "50", "--for", "2"], text=True, stdout=subprocess.PIPE,
                         env=stage.environment({"PORT": api.port}))
    wait_until(lambda: api.metric('prosaas_webhook_messages_total{outcome="enqueued"}') >= 5, 10, "it sends")
    p.send_signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_until(lambda: time.monotonic() - stopped > 1, 5, "a second has passed")
    p.send_signal(signal.SIGCONT)
    out = json.loads(p.communicate(timeout=20)[0])
    assert out["ok"] == 100
    assert out["due_ms"]["p90"] > 500 > out["asked_ms"]["p50"], "half of the run was due in that second"


def test_errors_are_counted_and_the_run_fails(stage):
    stage.start_redis()
    api = stage.start("api")
    done = bench(stage, api, "--rate", "20", "--for", "1", code=1, INTERNAL_SECRET="wrong")
    assert json.loads(done.stdout)["ok"] == 0
    assert done.stderr == "prosaas: 20 webhooks: answered 401\n"


class Moody(http.server.BaseHTTPRequestHandler):
    """Answers 500, 501, ... 511, 500, ..."""
    count = itertools.count()

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500 + next(self.count) % 12)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *words):
        pass


def test_more_kinds_of_failure_than_are_told_are_others(stage):
    with http.server.HTTPServer(("127.0.0.1", 0), Moody) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = stage.cli("bench", "--rate", "24", "--for", "1", "--json", code=1, PORT=server.server_port)
        server.shutdown()
    told = {what: int(n) for n, what in re.findall(r"^prosaas: (\d+) webhooks: (.*)$", done.stderr, re.M)}
    assert told == {**{f"answered {500 + i}": 2 for i in range(7)}, "otherwise": 10}
    assert json.loads(done.stdout)["ok"] == 0 and done.stdout.count("\n") == 1, "one line of JSON"


def test_an_interrupted_run_reports_what_was_sent(stage):
    stage.start_redis()
    api = stage.start("api")
    p = subprocess.Popen([BIN, "bench", "--json", "--rate", "50", "--for", "600"], text=True, stdout=subprocess.PIPE,
                         env=stage.environment({"PORT": api.port}))
    wait_until(lambda: api.metric('prosaas_webhook_messages_total{outcome="enqueued"}') >= 5, 10, "it sends")
    p.send_signal(signal.SIGINT)
    out = json.loads(p.communicate(timeout=20)[0])
    assert p.returncode == 0 and 5 <= out["sent"] == out["ok"] < 30000


@pytest.mark.parametrize("url", ["http://example.com/", "http://127.0.0.1@example.com/", "https://127.0.0.1.example.com:5000/x"])
def test_another_machine_is_refused_without_yes(stage, url):
    assert "--yes" in stage.cli("bench", "--url", url, code=2).stderr


@pytest.mark.parametrize("words", [["--rate", "0"], ["--rate", "x"], ["--for", "0"], ["--for", "99999999"], ["--chats", "0"],
                                   ["--tenant", "a b"], ["x"]])
def test_wrong_words_are_refused(stage, words):
    assert "usage: prosaas bench" in stage.cli("bench", *words, code=2).stderr


def test_without_a_secret_it_says_so(stage):
    assert "INTERNAL_SECRET" in stage.cli("bench", code=1, INTERNAL_SECRET=None).stderr
