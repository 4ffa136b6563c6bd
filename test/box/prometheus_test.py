# SPDX-License-Identifier: MIT
"""The rules and the dashboard that we ship: what they name is there, and a real Prometheus
that scrapes real roles sees each alert when its cause is there, and no longer when it is not.

The rules that it runs are ours but for time: see `shortened`.  Thresholds stay, but for
those that are times themselves.
"""
import json
import pathlib
import re
import sqlite3
import subprocess
from urllib.parse import quote

import pytest
import yaml

from alarms import Often, send
from harness import BIN, Proc, Raw, ask, free_port, head, wait_until
from relay import Relay

ROOT = pathlib.Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
RULES = DEPLOY / "prometheus/prosaas.rules.yml"


# --- what stands in the files -------------------------------------------------------

def rules():
    return [r for g in yaml.safe_load(RULES.read_text())["groups"] for r in g["rules"]]


def snake(alert):
    return re.sub("(?<!^)([A-Z])", r"_\1", alert.removeprefix("Prosaas")).lower()


def table():
    """The rows of the built-in table: name -> (severity, meaning, command)."""
    text = (ROOT / "src/role/alert_table.c").read_text()
    found = re.findall(r'\{"(\w+)", "(critical|warning)",[^"]*"[^"]*",\s*"([^"]*)",\s*"([^"]*)"\}', text)
    return {name: rest for name, *rest in found}


@pytest.mark.parametrize("argv", [["check", "rules", "prosaas.rules.yml"], ["test", "rules", "prosaas.rules.test.yml"],
                                  ["check", "config", "prometheus.yml"]], ids=" ".join)
def test_promtool_agrees(argv):
    done = subprocess.run(["promtool", *argv], cwd=DEPLOY / "prometheus", capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_both_engines_have_the_same_alerts_in_the_same_words():
    ours = {snake(r["alert"]): [r["labels"]["severity"], r["annotations"]["summary"], r["annotations"]["command"]]
            for r in rules()}
    assert len(ours) == len(rules()) and ours == table()
    assert all(r["annotations"]["description"] for r in rules())


def test_each_rule_has_a_test_that_makes_it_fire():
    fired = set(re.findall(r'alertname="(\w+)",alertstate="firing"', (DEPLOY / "prometheus/prosaas.rules.test.yml").read_text()))
    assert fired == {r["alert"] for r in rules()}


def test_the_page_has_a_line_for_each_alert():
    lines = re.findall(r"^\| (\w+) \| (Prosaas\w+) \| (\w+) \|.*\| `(.*)` \|$", (ROOT / "docs/alerts.md").read_text(), re.M)
    assert {snake(prometheus): [name, severity, command] for name, prometheus, severity, command in lines} == \
        {name: [name, severity, command] for name, (severity, _, command) in table().items()}


def test_each_command_of_ours_is_one():
    """The first word after prosaas is a command that this binary has."""
    known = set(re.findall(r"^  ([\w-]+) ", subprocess.run([BIN, "--help"], capture_output=True, text=True).stdout, re.M))
    used = {w for _, _, command in table().values() for w in re.findall(r"(?:^|; )prosaas (\w+)", command)}
    assert used and used <= known


def expressions():
    board = json.loads((DEPLOY / "grafana/prosaas.json").read_text())
    ids = [p["id"] for p in board["panels"]]
    assert len(ids) == len(set(ids)) and all(p["title"] for p in board["panels"])
    return [r["expr"] for r in rules()] + [t["expr"] for p in board["panels"] for t in p.get("targets", [])]


# --- a real Prometheus ---------------------------------------------------------------

def shortened(text):
    """Our rules in a hurry: windows of 4 s for 5 minutes, no wait before or after, memory
    against 4 s ago and by 1 MiB, 2 s for what may wait or be down for 5 minutes, 3 events."""
    for old, new in (("[5m]", "[4s]"), ("for: 1m", "for: 0s"), ("keep_firing_for: 2m", "keep_firing_for: 1s"),
                     ("interval: 15s", "interval: 500ms"), ("offset 1h", "offset 4s"), ("64 * 1024 * 1024", "1024 * 1024"),
                     ("seconds) > 300", "seconds) > 2"), (">= 10", ">= 3")):
        assert old in text, old
        text = text.replace(old, new)
    return text


class Prometheus(Proc):
    def __init__(self, stage, targets):
        self.port = free_port()
        (stage.dir / "rules.yml").write_text(shortened(RULES.read_text()))
        (stage.dir / "prometheus.yml").write_text(json.dumps({
            "global": {"scrape_interval": "500ms", "evaluation_interval": "500ms"}, "rule_files": ["rules.yml"],
            "scrape_configs": [{"job_name": "prosaas", "static_configs": [
                {"targets": [f"127.0.0.1:{p}" for p in targets]}]}]}))
        super().__init__(stage, "prometheus", [
            "prometheus", f"--config.file={stage.dir}/prometheus.yml", f"--storage.tsdb.path={stage.dir}/tsdb",
            f"--web.listen-address=127.0.0.1:{self.port}"], stage.environment({}))
        wait_until(self.ready, 30, "Prometheus answers")

    def ready(self):
        try:
            return ask(self.port, "GET", "/-/ready").status == 200
        except OSError:
            return False

    def firing(self):
        alerts = ask(self.port, "GET", "/api/v1/alerts").json()["data"]["alerts"]
        return {a["labels"]["alertname"].removeprefix("Prosaas") for a in alerts if a["state"] == "firing"}

    def sees(self, *names, seconds=60):
        wanted = set(names)
        seen = set()

        def all_seen():
            seen.update(self.firing())
            return wanted <= seen
        wait_until(all_seen, seconds, f"{wanted} (seen {seen})")

    def is_quiet(self, *but, seconds=60):
        wait_until(lambda: self.firing() <= set(but), seconds, f"no alert but {but} (firing {self.firing()})")


@pytest.fixture(scope="module")
def town(module_stage):
    """All roles, the api by a relay, and a Prometheus that scrapes them on fixed ports."""
    s = module_stage
    s.start_redis()
    s.start_gateway("--durable")
    s.start_ai()
    s.settings |= {"JOB_RETRIES": "0", "AI_TIMEOUT": "2", "REQUEST_TIMEOUT_MS": "100000", "ALERT_EVERY_MS": "500"}
    s.prepare(prompt="You are a shop.")
    s.relay = Relay(s.redis.port)
    ports = [free_port() for _ in range(3)]
    s.api = s.start("api", PORT=ports[0], REDIS_URL=f"redis://127.0.0.1:{s.relay.port}")
    s.worker = s.start("worker", METRICS_PORT=ports[1])
    s.scheduler = s.start("scheduler", METRICS_PORT=ports[2])
    wait_until(lambda: s.scheduler.metric("prosaas_workers") == 1, 15, "the scheduler has looked")
    s.prometheus = Prometheus(s, ports)
    with Often(s):
        wait_until(lambda: "prosaas_job_own" in str(ask(s.prometheus.port, "GET", "/api/v1/label/__name__/values").json()), 20)
    s.wait_at_rest()
    s.prometheus.is_quiet()
    return s


def test_what_rules_and_dashboard_name_is_there(town):
    live = ""
    for role in (town.api, town.worker, town.scheduler):
        live += role.get("/metrics").body.decode()
    names = set(re.findall(r"^(prosaas_\w+)[ {]", live, re.M))
    for expr in expressions():
        for name in re.findall(r"\bprosaas_\w+", expr):
            assert name in names, f"{name} of {expr}"
        if "$__rate_interval" not in expr:
            continue
        checked = ask(town.prometheus.port, "GET", "/api/v1/query?query=" + quote(
            expr.replace("$__rate_interval", "4s")))
        assert checked.status == 200, f"{expr}: {checked}"


def test_slow_webhooks(town):
    town.relay.delay = 0.7
    with Often(town):
        town.prometheus.sees("WebhookSlow", "WebhookOverTarget")
    town.relay.delay = 0
    town.prometheus.is_quiet()


def test_failing_jobs(town):
    town.gateway.faults("400")
    with Often(town):
        town.prometheus.sees("JobsFailing", "JobsOverTarget", "DeadLetters", "SendingFailing")
    town.gateway.faults("400", 0)
    send(town, 1, tenant="77")
    town.prometheus.sees("UnknownTenant")
    town.prometheus.is_quiet()


def test_slow_jobs(town):
    town.gateway.faults("slow", ms=6000)
    with Often(town, pause=0.5):
        town.prometheus.sees("JobOverTarget")
    town.gateway.faults("slow", 0)
    town.wait_at_rest()
    town.prometheus.is_quiet()


def test_a_failing_ai(town):
    town.ai.faults("500")
    with Often(town):
        town.prometheus.sees("AiFailing")
    town.ai.faults("500", 0)
    town.wait_at_rest(100)
    town.prometheus.is_quiet(seconds=100)


def test_a_session_that_is_down(town):
    def tell(state):
        assert town.api.post({"tenantId": "1", "connection": state}, path="/webhook/whatsapp/status").status == 200
    tell("close")
    town.prometheus.sees("SessionDown")
    tell("open")
    town.prometheus.is_quiet()


def test_a_stopped_worker(town):
    town.worker.stop()
    send(town, 1100)
    town.prometheus.sees("NoWorker", "QueueDeep", "QueueOverTarget", "QueueOld")
    town.worker.restart()
    town.prometheus.is_quiet(seconds=100)


def test_a_locked_database(town):
    db = sqlite3.connect(f"{town.data}/prosaas.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    with Often(town, pause=0.5):
        town.prometheus.sees("DatabaseFailing", seconds=100)
    db.execute("ROLLBACK")
    db.close()
    town.wait_at_rest(100)
    town.prometheus.is_quiet(seconds=100)


def test_a_stopped_redis(town):
    town.redis.kill()
    for _ in range(5):
        send(town, 2)
    town.prometheus.sees("RedisFailing", "EnqueueUnderTarget")
    town.redis.restart()
    town.prometheus.is_quiet()


def test_a_killed_scheduler(town):
    town.scheduler.kill()
    town.prometheus.sees("NoScheduler")
    town.scheduler.restart()
    town.prometheus.is_quiet()


def test_growing_memory(town):
    held = [Raw(town.api.port) for _ in range(40)]
    for raw in held:  # most of a body, and no more
        raw.send(head(Content_Length="1000000", Content_Type="application/json") + b" " * 900_000)
    for i in range(20):
        town.redis.bytes.set(f"filler:{i}", b"x" * (1 << 20))
    town.prometheus.sees("RedisMemoryGrowing", "ProcessMemoryGrowing")
    for raw in held:
        raw.sock.close()
    for i in range(20):
        town.redis.bytes.delete(f"filler:{i}")
    town.prometheus.is_quiet()
