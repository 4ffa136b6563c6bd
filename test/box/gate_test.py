# SPDX-License-Identifier: MIT
"""`prosaas doctor --gate`: go, or roll back, by each line of the deployment guide's list."""
import json
import re
import subprocess
import time

import pytest

from clinic import house, nothing_stays  # noqa: F401  fixtures
from harness import BIN, PATIENCE, chat_of, message, wait_until, webhook
from relay import Relay


class Gate:
    """A gate that stands while the test does something."""

    def __init__(self, house, *words, path=None, window=2, **settings):
        self.window = window
        env = house.stage.environment(settings)
        if path:
            env["PATH"] = f"{path}:{env['PATH']}"
        # pylint: disable=consider-using-with
        self.popen = subprocess.Popen([BIN, "doctor", "--gate", "--json", "--window", f"{window}s", *words], env=env, text=True,
                                      cwd=house.stage.dir, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def verdict(self, given=None):
        """(decision, {criterion: finding}, exit status)"""
        out, _ = self.popen.communicate(given, timeout=60 * PATIENCE)
        report = json.loads(out)
        assert report["window_seconds"] == self.window
        found = {c["name"]: c for c in report["criteria"]}
        assert report["reasons"] == [n for n, c in found.items() if c["verdict"] != "ok"]
        return report["decision"], found, self.popen.returncode

    def rolls_back_for(self, reason, given=None):
        """The reason's evidence; there is no other."""
        decision, found, code = self.verdict(given)
        assert (decision, code) == ("roll back", 1)
        assert [n for n, c in found.items() if c["verdict"] != "ok"] == [reason], found
        return found[reason]["evidence"]


def wait_seen(house):
    """The gate's first sample is taken: it ends with a script."""
    def seen():
        return any((c["name"], c["cmd"]) == ("prosaas-doctor", "evalsha") for c in house.r.client_list())
    wait_until(seen, 10, "the gate looks")


def test_go(house):
    log = house.api.path
    gate = Gate(house, "--api-log", str(log))
    wait_seen(house)
    for i in range(20):
        assert house.api.post(webhook(message(f"G{i}", chat=chat_of(10 + i)))).status == 200
    decision, found, code = gate.verdict()
    assert (decision, code) == ("go", 0), found
    assert "no line of processing in 20 new ones" in found["api-processes"]["evidence"]
    assert "0 of 20 answers took more than a second" in found["webhook-slow"]["evidence"]
    assert "20 jobs ended; 0 wait" in found["worker-idle"]["evidence"]
    assert "0 of 20 webhooks were answered 5xx" in found["error-rate"]["evidence"]


def test_go_counts_an_api_that_began_meanwhile(house):
    gate = Gate(house)
    wait_seen(house)
    assert house.api.stop() == 0
    house.api.env["PORT"] = str(house.api.port)
    house.api.restart()
    for i in range(5):
        assert house.api.post(webhook(message(f"N{i}", chat=chat_of(40 + i)))).status == 200
    decision, found, _ = gate.verdict()
    assert decision == "go" and "0 of 5 answers" in found["webhook-slow"]["evidence"], found


@pytest.mark.parametrize("line", ["🚀 [WEBHOOK_JOB] tenant=1", "🚀 [FLASK_WEBHOOK_IN] from=..."])
def test_processing_in_the_log_of_the_api(house, line):
    log = house.stage.dir / "other.log"
    log.write_text("an old line with [WEBHOOK_JOB]\n")
    gate = Gate(house, "--api-log", str(log))
    wait_seen(house)
    with open(log, "a", encoding="utf-8") as f:
        f.write(f"✅ Enqueued webhook_process_job\n{line}\n")
    assert "1 lines of processing" in gate.rolls_back_for("api-processes")


def test_processing_in_a_log_on_stdin(house):
    assert "1 lines of processing" in Gate(house, "--api-log", "-").rolls_back_for("api-processes", "x\n[WEBHOOK_JOB] y\n")


def test_processing_in_the_journal(house, tmp_path):
    tool = tmp_path / "journalctl"
    tool.write_text(f'#!/bin/sh\necho "$@" >{tmp_path}/words\necho "[WEBHOOK_JOB] x"\n')
    tool.chmod(0o755)
    assert "1 lines" in Gate(house, "--api-unit", "prosaas-api", path=tmp_path).rolls_back_for("api-processes")
    assert (tmp_path / "words").read_text().startswith("-u prosaas-api --since @")


def test_a_log_that_is_not_there_is_no_go(house):
    assert "No such file" in Gate(house, "--api-log", "/nowhere").rolls_back_for("api-processes")


def test_slow_webhooks(house):
    gate = Gate(house)
    wait_seen(house)
    house.r.execute_command("CLIENT", "PAUSE", "1300", "WRITE")
    assert house.api.post(webhook(message("S1", chat=chat_of(50)))).seconds > 1
    assert "1 of 1 answers took more than a second (100.00 %)" in gate.rolls_back_for("webhook-slow")


def test_a_duplicate_that_came_with_the_deployment(house):
    [index] = house.stage.rows("SELECT sql FROM sqlite_master WHERE name = 'messages_once'")
    columns = ", ".join(c["name"] for c in house.stage.rows("PRAGMA table_info(messages)") if c["name"] not in ("id", "chat"))
    house.stage.write("DROP INDEX messages_once")
    house.stage.write("UPDATE messages SET created_us = 1 WHERE id = 1")
    house.stage.write(f"INSERT INTO messages (chat, {columns}) SELECT 'other@x', {columns} FROM messages WHERE id = 1")
    assert Gate(house).verdict()[0] == "go"  # it is old
    house.stage.write(f"UPDATE messages SET created_us = {time.time_ns() // 1000} WHERE chat = 'other@x'")
    assert "1 messages are there twice" in Gate(house).rolls_back_for("duplicates")
    house.stage.write("DELETE FROM messages WHERE chat = 'other@x'")
    house.stage.write(index["sql"])


def test_workers_that_end_nothing(house):
    house.worker.signal(19)  # SIGSTOP
    gate = Gate(house)
    house.api.post(webhook(message("I1", chat=chat_of(51))))
    [id] = wait_until(lambda: house.r.lrange("rq:queue:default", 0, -1) or house.r.lrange("prosaas:holding:default", 0, -1), 5, "it waits")
    house.r.hset(f"rq:job:{id}", "enqueued_at", "2026-01-01T00:00:00.000000Z")  # time passes
    assert "0 jobs ended; 1 wait" in gate.rolls_back_for("worker-idle")
    house.worker.signal(18)  # SIGCONT
    house.stage.wait_at_rest()


def test_no_worker_is_no_go(house):
    assert house.worker.stop() == 0
    assert "none is registered" in Gate(house).rolls_back_for("worker-idle")
    house.worker.restart()


def test_jobs_that_fail(house):
    gate = Gate(house)
    wait_seen(house)
    house.api.post(webhook(message("F1", chat=chat_of(52)), tenant="nobody"))
    house.api.post(webhook(message("F2", chat=chat_of(53)), {"key": {"id": "F3"}}))  # F3 never was a job
    assert "1 of 2 jobs failed (50.00 %)" in gate.rolls_back_for("error-rate")
    house.stage.cli("jobs", "discard", "--all", "--yes")


def test_webhooks_answered_503(house):
    gate = Gate(house)
    wait_seen(house)
    house.r.execute_command("REPLICAOF", "127.0.0.1", "9")
    assert house.api.post(webhook(message("E1", chat=chat_of(54)))).status == 503
    house.r.execute_command("REPLICAOF", "NO", "ONE")
    assert "1 of 1 webhooks were answered 5xx (100.00 %)" in gate.rolls_back_for("error-rate")


def test_an_api_that_was_away_and_is_back(house):
    """Nobody counts the webhooks that found no api."""
    began = []

    def away_for_a_while(data):
        began.append(time.monotonic())
        return data.replace(b" 200 OK", b" 502 No") if 1 < began[-1] - began[0] < 5 else data
    door = Relay(house.api.port, away_for_a_while)
    gate = Gate(house, "--api", f"http://127.0.0.1:{door.port}", window=8)
    evidence = gate.rolls_back_for("error-rate")
    assert re.match(r"the api did not answer [1-9] of \d+ looks \(http://127.0.0.1:\d+/metrics: HTTP 502\)", evidence), evidence


def test_what_cannot_be_judged_is_no_reason_to_go(house):
    decision, found, code = Gate(house, PORT="9").verdict()
    assert (decision, code) == ("roll back", 1) and found["error-rate"]["verdict"] == "unknown"
    done = house.stage.cli("doctor", "--gate", "--window", "1s", REDIS_URL="redis://127.0.0.1:9", code=1)
    assert done.stdout.splitlines()[-1].startswith("ROLL BACK: worker-idle (could not be judged), error-rate (could not")
    assert house.stage.cli("doctor", "--gate", "--window", "1s").stdout.endswith("\nGO\n")


@pytest.mark.parametrize("words", [["--window", "5m"], ["--gate", "--window", "soon"], ["--gate", "--fix"], ["--gate", "--window", "0s"]])
def test_wrong_words(stage, words):
    assert "usage: prosaas doctor" in stage.cli("doctor", *words, code=2).stderr
