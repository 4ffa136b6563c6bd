# SPDX-License-Identifier: MIT
"""deploy/roll.sh, restart.sh and rollback.sh, run as they are, under load."""
import http.server
import json
import os
import pathlib
import socketserver
import subprocess
import threading

import pytest

from harness import BIN, PATIENCE, encode, free_port, sized, wait_until
from rolling import ROOT, Door, Load, binary_before
from rolling_test import each_once

RATE = sized(100, 1000)
DOOR = pathlib.Path(__file__).parent / "door.py"


class House:
    """One instance of each role, and what a door can do with them.  The processes are
    children of this thread, which lives as long as they do."""

    def __init__(self, stage, **api):
        self.stage, self.door, self.api = stage, Door(stage), api
        self.target, self.live, self.said = os.path.abspath(BIN), {}, []
        self.record = stage.dir / "deployments.jsonl"
        self.path = stage.dir / "door"
        house = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                try:
                    answer = house.do(*json.loads(self.rfile.readline()))
                except Exception as e:  # pylint: disable=broad-except # as a program would: said, exit 1
                    answer = (1, f"{e}\n")
                self.wfile.write(encode(list(answer)))

        self.server = socketserver.UnixStreamServer(str(self.path), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()
        for role in ("api", "worker", "scheduler"):
            self.script_door("start", f"{role}@1")

    def close(self):
        for p in self.live.values():
            if p.alive():
                assert p.stop(20) == 0
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def port(self):
        return self.api.get("PORT", self.door.port)

    def new(self, instance):
        role = instance.split("@")[0]
        more = {"alone": True, **self.api} if role == "api" and self.api else {}
        return self.door.role(role, self.target, **more)

    def do(self, verb, *words):
        self.said.append((verb, *words))
        if verb == "list":
            return 0, "".join(f"{i}\n" for i in self.live if i.startswith(words[0] + "@"))
        if verb == "target":
            return 0, self.target + "\n"
        if verb == "use":
            if not os.access(words[0], os.X_OK):
                return 1, f"{words[0]}: no program\n"
            self.target = words[0]
        elif verb in ("prosaas", "gate"):
            if verb == "gate":
                words = ["doctor", "--gate", "--window", words[0], "--api", f"http://127.0.0.1:{self.port}"]
            done = subprocess.run([self.target, *words], env=self.stage.environment({}), stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, check=False)
            return done.returncode, done.stdout
        elif verb == "probe":
            self.live[words[0]].wait_ready()
        elif verb == "stop":
            return (0 if self.live[words[0]].stop(30) == 0 else 1), ""
        elif verb == "start":
            self.live[words[0]] = self.new(words[0])
        elif verb == "replace":
            return self.replace(words[0])
        return 0, ""

    def replace(self, instance):
        before = len(self.stage.procs)
        try:
            new = self.new(instance)
        except AssertionError as e:
            for p in self.stage.procs[before:]:
                p.kill()
            return 1, str(e)[:500] + "\n"
        code = self.live[instance].stop(30)
        self.live[instance] = new
        return code, ""

    def script_door(self, *words):
        done = subprocess.run([DOOR, *words], env={"DOOR_SOCKET": str(self.path)}, check=False, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
        assert done.returncode == 0, done.stdout

    def run(self, script, *words, code=0, **env):
        done = subprocess.run([ROOT / "deploy" / script, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False, timeout=110 * PATIENCE, env=self.environment(**env))
        assert done.returncode == code, done.stdout
        return done.stdout

    def records(self):
        """What came to its end."""
        return [r for r in self.lines() if r["outcome"] != "begun"]

    def lines(self):
        return [json.loads(line) for line in self.record.read_text().splitlines()]

    def begin(self, script, *words, **env):
        """One that is not waited for, in a group of its own, as a terminal's."""
        return subprocess.Popen([ROOT / "deploy" / script, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                env=self.environment(**env), process_group=0)

    def environment(self, **env):
        return {"PATH": os.environ["PATH"], "DOOR": str(DOOR), "DOOR_SOCKET": str(self.path),
                "DEPLOY_RECORD": str(self.record), "DEPLOYED_BY": "night shift", "READY_TIMEOUT": "20",
                "GATE": "off", **env}

    def version(self, target=BIN):
        return subprocess.run([target, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout.strip().removeprefix("prosaas ")


@pytest.fixture
def scene(stage):
    stage.start_redis()
    stage.start_gateway("--durable")
    stage.settings |= {"TYPING": "off", "DRAIN_TIMEOUT": "10"}
    stage.prepare(default_text="Thank you!")
    houses = []

    def build(**api):
        houses.append(House(stage, **api))
        return houses[0]
    yield build
    for h in houses:
        h.close()


def other_release(house, name, text):
    """A program that differs from ours in what text says; `real` is ours."""
    path = house.stage.dir / name
    path.write_text(f"#!/bin/sh\nreal={os.path.abspath(BIN)}\n{text}\nexec $real \"$@\"\n")
    path.chmod(0o755)
    return str(path)


NEXT = 'if [ "$1" = --version ]; then echo "prosaas 9.9 (next)"; exit; fi'


def test_option_a_fails_nothing_and_is_recorded(scene):
    house = scene()
    target = other_release(house, "next", NEXT)
    with Load(house.port, RATE) as load:
        load.wait(RATE)
        house.run("roll.sh", target, NOTES='the "quoted" \\ one')
        load.wait(RATE)
        house.run("roll.sh")
    assert not load.failures, load.why()
    each_once(house.stage, load)
    first, second = house.records()
    assert (first["from"], first["to"], first["to_target"]) == (house.version(), "9.9 (next)", target)
    assert first["by"] == "night shift" and first["notes"] == 'the "quoted" \\ one'
    assert first["rollback"] is False and first["outcome"] == "deployed" and first["at"].endswith("Z")
    assert second["from"] == second["to"] == "9.9 (next)"
    assert house.said.index(("prosaas", "migrate")) < house.said.index(("replace", "api@1"))


@pytest.mark.parametrize("what, text, why", [
    ("the worker does not start", '[ "$1" != worker ] || exit 1', "an instance did not get ready"),
    ("it does not migrate", '[ "$1" != migrate ] || exit 1', "migrate failed"),
    ("it does not run at all", "exit 1", "does not run"),
    ("the gate says no", 'if [ "$1 $2" = "doctor --help" ]; then echo "--gate"; exit; fi\n[ "$1 $2" != "doctor --gate" ] || exit 1',
     "the gate says so"),
])
def test_a_bad_release_is_rolled_back_by_itself(scene, what, text, why):
    house = scene()
    was = house.target
    target = other_release(house, "bad", (NEXT if "at all" not in what else "") + "\n" + text)
    with Load(house.port, RATE) as load:
        load.wait(RATE // 2)
        out = house.run("roll.sh", target, code=1, GATE="on")
        load.wait(RATE // 2)
    assert why in out and f"going back to {was}" in out
    assert not load.failures, load.why()
    each_once(house.stage, load)
    assert house.target == was and all(p.argv[-2] == was for p in house.live.values())
    [record] = house.records()
    assert record["rollback"] is True and why in record["outcome"]


def test_the_gate_lets_a_good_release_pass(scene):
    house = scene()
    with Load(house.port, RATE) as load:
        out = house.run("roll.sh", other_release(house, "next", NEXT), GATE="on", GATE_WINDOW="2s")
    assert "GO" in out and "deployed 9.9 (next)" in out
    assert not load.failures, load.why()
    each_once(house.stage, load)


def test_a_target_that_is_none_changes_nothing(scene):
    house = scene()
    pids = [p.pid for p in house.live.values()]
    assert "nowhere can't be used" in house.run("roll.sh", "/nowhere", code=1)
    assert house.run("roll.sh", "a", "b", code=2)
    assert "names no release before" in house.run("rollback.sh", code=2, DEPLOY_RECORD=str(house.stage.dir / "none"))
    assert "can't be used" in house.run("rollback.sh", "/nowhere", code=1)
    assert house.live["worker@1"].alive() and len(pids) == 3


def test_the_rollback_under_load_fails_nothing(scene):
    house, before = scene(), str(binary_before())
    now = house.target
    with Load(house.port, RATE) as load:
        house.run("rollback.sh", before)  # the release before, named
        load.wait(RATE)
        house.run("roll.sh", now)
        load.wait(RATE)
        house.run("rollback.sh")  # where the last deployment came from
        load.wait(RATE)
    assert not load.failures, load.why()
    each_once(house.stage, load)
    assert house.target == before and house.live["api@1"].argv[-2] == before
    assert [r["rollback"] for r in house.records()] == [True, False, True]


def test_a_rollback_that_the_database_forbids_stops_nothing(scene):
    house = scene()
    was = {i: p.pid for i, p in house.live.items()}
    target = other_release(house, "old", NEXT + '\n[ "$1" != migrate ] || { echo "a newer prosaas"; exit 1; }')
    assert "can't work with this database" in house.run("rollback.sh", target, code=1)
    assert {i: p.pid for i, p in house.live.items()} == was and house.target == os.path.abspath(BIN)


@pytest.mark.parametrize("how", ["the port is kept", "the port is closed meanwhile"])
def test_option_b_loses_nothing_when_senders_try_again(scene, how):
    house = scene() if "kept" in how else scene(PORT=free_port())
    with Load(house.port, RATE, retry=True) as load:
        load.wait(RATE // 2)
        house.run("restart.sh")
        load.wait(RATE // 2)
    assert not load.failures, load.why()
    each_once(house.stage, load)
    [record] = house.records()
    assert record["outcome"] == "restarted" and record["from"] == record["to"] == house.version()


def test_option_b_says_what_did_not_come_back(scene):
    house = scene()
    house.target = other_release(house, "bad", '[ "$1" != worker ] || exit 1')
    out = house.run("restart.sh", code=1, READY_TIMEOUT="1")
    assert "failed: worker@1" in out
    assert "RESTART FAILED" in house.records()[0]["outcome"]
    for p in house.stage.procs:  # the test meant it
        p.asked_to_die = True


def test_a_deployment_is_told_to_the_alert_webhook(scene):
    house, told = scene(), []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
    try:
        house.run("roll.sh", ALERT_WEBHOOK_URL=f"http://127.0.0.1:{server.server_port}/x")
        wait_until(lambda: told, 5, "it is told")
        assert told[0]["deployment"] == house.records()[0]
        assert told[0]["text"].startswith("prosaas deployed: ") and "night shift" in told[0]["text"]
        assert "not told" in house.run("roll.sh", ALERT_WEBHOOK_URL="http://127.0.0.1:9/"), "which fails no deployment"
    finally:
        server.shutdown()
        server.server_close()
