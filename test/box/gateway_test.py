# SPDX-License-Identifier: MIT
"""gateway/ between a WhatsApp and the binary: the real Node process, real Redis, api and
worker.  The fake WhatsApp (gateway/test/fake) delivers a message until a receipt comes for
it.  Skipped where npm or its registry is not there."""
import collections
import os
import pathlib
import random
import re
import signal
import subprocess
import time

import pytest

from all_test import All
from harness import LONG, SECRET, Proc, ask, figure, free_port, sized, wait_until

GATEWAY = pathlib.Path(__file__).parents[2] / "gateway"
NODE = GATEWAY / "node_modules/node/bin/node"
AWAY_S = 60 if LONG else 3  # how long the backend refuses


@pytest.fixture(scope="module", autouse=True)
def installed():
    done = subprocess.run(["sh", GATEWAY / "install"], capture_output=True, text=True, check=False)
    if done.returncode == 3:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout


class WhatsApp(Proc):
    def __init__(self, stage):
        super().__init__(stage, "whatsapp", [NODE, GATEWAY / "test/fake/whatsapp.js"], dict(os.environ))
        self.port, self.wire_port = map(int, self.wait_log(r"^port (\d+) (\d+)\n").groups())

    def deliver(self, *messages, tenant="1"):
        now = str(int(time.time()))
        fresh = [{"t": now, **message} for message in messages]
        assert ask(self.port, "POST", "/deliver", {"tenant": tenant, "messages": fresh}).status == 200

    def fault(self, mode, times=1):
        ask(self.port, "POST", "/faults", {"mode": mode, "times": times})

    def wire(self):
        """What was sent, with its repeats, in order."""
        return [sent for sent in ask(self.port, "GET", "/wire").json() if "id" in sent]

    def pending(self):
        return ask(self.port, "GET", "/pending").json()


class Gateway(Proc):
    """The process; its port stays over restarts."""

    def __init__(self, stage, whatsapp, backend, **settings):
        self.port = free_port()
        env = stage.environment({
            "PORT": self.port, "BACKEND_URL": backend, "DATA_DIR": stage.dir / "gateway",
            "GATEWAY_SOCKET": GATEWAY / "test/fake/socket.js", "FAKE_WHATSAPP": whatsapp.wire_port,
            "DELIVER_WAIT_MAX_MS": 500, "RECONNECT_MIN_MS": 10, "SEND_GAP_MS": 0, "SEND_ACK_MS": 3000, **settings})
        super().__init__(stage, "node-gateway", [NODE, "--disable-warning=ExperimentalWarning", GATEWAY / "src/main.js"], env)
        self.wait_listening()

    def wait_listening(self):
        wait_until(self.healthy, 20, "the gateway answers")

    def healthy(self):
        assert self.alive(), self.log()[-3000:]
        try:
            return ask(self.port, "GET", "/healthz").status == 200
        except OSError:
            return False

    def call(self, method, path, body=None):
        return ask(self.port, method, path, body, {"X-Internal-Secret": SECRET})

    def connect(self, tenant="1"):
        assert self.call("POST", f"/whatsapp/{tenant}/start").status == 200
        self.wait_connected(tenant)

    def wait_connected(self, tenant="1"):
        wait_until(lambda: self.call("GET", f"/whatsapp/{tenant}/status").json()["connected"], 20, "connected")

    def metric(self, name):
        lines = self.call("GET", "/metrics").body.decode().splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(f"prosaas_gateway_{name}"))

    def kill_and_restart(self):
        self.kill()
        self.launch()
        self.wait_listening()


def jid(n):
    return f"97254{n:07d}@s.whatsapp.net"  # 972500000000 is the fake's own


@pytest.fixture
def way(stage):
    """The whole way: WhatsApp, gateway, api, worker; tenant 1 connected."""
    stage.start_redis()
    api_port, gateway_port = free_port(), free_port()
    stage.settings |= {"BAILEYS_BASE_URL": f"http://127.0.0.1:{gateway_port}"}
    stage.prepare(default_text="Thank you!")
    stage.whatsapp = WhatsApp(stage)
    stage.api_port = api_port
    stage.node = Gateway(stage, stage.whatsapp, f"http://127.0.0.1:{api_port}")
    stage.settings |= {"BAILEYS_BASE_URL": f"http://127.0.0.1:{stage.node.port}", "PORT": api_port}
    stage.node.connect()
    return stage


def test_nothing_is_lost_or_doubled_while_the_backend_is_away_and_the_gateway_is_killed(way):
    whatsapp, node = way.whatsapp, way.node
    count, chats = sized(600, 10000), sized(40, 200)
    sent = [(i % chats, f"E{i:05d}") for i in range(count)]
    dice = random.Random(7)

    # The api is there and answers 503: its Redis is not.
    way.redis.signal(signal.SIGSTOP)
    began = time.monotonic()
    way.start("api", ready=False, ENQUEUE_DEADLINE_MS=50)
    wait_until(lambda: node.metric('deliveries_total{status="503"}') > 0, 20, "a 503")
    thirds = [sent[:count // 3], sent[count // 3:2 * count // 3], sent[2 * count // 3:]]
    for part in thirds:
        for at in range(0, len(part), 50):
            whatsapp.deliver(*[{"id": id, "from": jid(chat), "text": id} for chat, id in part[at:at + 50]])
        if part is not thirds[-1]:
            left = dice.randrange(1, max(2, whatsapp.pending()))
            wait_until(lambda: whatsapp.pending() <= left, 60, "some receipts")
            node.kill_and_restart()
            node.wait_connected()
    wait_until(lambda: whatsapp.pending() == 0, 120, "a receipt for each")
    wait_until(lambda: time.monotonic() - began > AWAY_S, AWAY_S + 1, "away for long enough")
    assert node.metric("events_waiting") >= count

    way.redis.signal(signal.SIGCONT)
    way.start("worker")
    wait_until(lambda: node.metric("events_waiting") == 0, 300, "all delivered")
    way.wait_at_rest(300)

    rows = way.inbound()
    got = collections.defaultdict(list)
    for row in rows:
        got[row["chat"]].append(row["provider_message_id"])
    for chat in range(chats):
        assert got[jid(chat)] == [id for c, id in sent if c == chat], "a chat's messages, each once, in order"
    assert len(rows) == count
    went_out = collections.Counter(sent["id"] for sent in whatsapp.wire())
    assert went_out == collections.Counter(r["outbound_key"] for r in way.replies()), "each reply once"
    figure(f"{count} events in {chats} chats, gateway killed twice, backend away: each once, in order")


def test_a_reply_goes_out_once_under_the_key_that_the_binary_chose(way):
    way.start("api")
    way.start("worker")
    way.whatsapp.deliver({"id": "M1", "from": jid(1), "text": "hello"})
    wait_until(way.whatsapp.wire, 20, "the reply")
    way.wait_at_rest()
    [reply], [sent] = way.replies(), way.whatsapp.wire()
    assert sent == {"tenant": "1", "id": reply["outbound_key"], "to": jid(1), "text": "Thank you!", "kind": "text"}
    assert reply["status"] == "sent"


def test_a_send_that_nobody_confirmed_is_repeated_under_the_same_id(way):
    way.start("api")
    way.start("scheduler")
    way.start("worker")
    way.whatsapp.fault("mute")
    way.whatsapp.deliver({"id": "M1", "from": jid(1), "text": "hello"})
    wait_until(lambda: [r["status"] for r in way.replies()] == ["sent"], 60, "sent after all")
    [reply] = way.replies()
    assert [sent["id"] for sent in way.whatsapp.wire()] == 2 * [reply["outbound_key"]]


def test_a_send_whose_answer_was_lost_with_the_worker_is_answered_from_the_store(way):
    way.start("api")
    way.start("scheduler")
    worker = way.start("worker")
    way.whatsapp.fault("hold")
    way.whatsapp.deliver({"id": "M1", "from": jid(1), "text": "hello"})
    wait_until(way.whatsapp.wire, 20, "on its way")
    worker.kill()
    way.whatsapp.fault(None)  # now WhatsApp confirms it, and nobody hears the answer
    way.start("worker")
    wait_until(lambda: [r["status"] for r in way.replies()] == ["sent"], 60, "sent after all")
    [reply] = way.replies()
    assert [sent["id"] for sent in way.whatsapp.wire()] == [reply["outbound_key"]]


def test_a_send_that_was_on_its_way_when_the_gateway_was_killed_is_repeated_under_the_same_id(way):
    way.start("api")
    way.start("scheduler")
    way.start("worker")
    way.whatsapp.fault("hold")
    way.whatsapp.deliver({"id": "M1", "from": jid(1), "text": "hello"})
    wait_until(way.whatsapp.wire, 20, "on its way")
    way.node.kill_and_restart()
    wait_until(lambda: [r["status"] for r in way.replies()] == ["sent"], 60, "sent after all")
    [reply] = way.replies()
    assert [sent["id"] for sent in way.whatsapp.wire()] == 2 * [reply["outbound_key"]]


def test_all_of_it_with_the_gateway_started_by_prosaas(stage):
    stage.dir.joinpath("gateway").symlink_to(GATEWAY)
    whatsapp = WhatsApp(stage)
    system = All(stage, GATEWAY="baileys", GATEWAY_SOCKET=GATEWAY / "test/fake/socket.js",
                 FAKE_WHATSAPP=whatsapp.wire_port, REPLY_DEBOUNCE_MS=0).ready()
    curl = re.search(r"curl -X POST -H 'X-Internal-Secret: (\S+)' http://127.0.0.1:(\d+)(/whatsapp/1/start)", system.log())
    assert ask(int(curl[2]), "POST", curl[3], None, {"X-Internal-Secret": curl[1]}).status == 200
    whatsapp.deliver({"id": "M1", "from": jid(1), "text": "hours?"})
    wait_until(whatsapp.wire, 30, "the reply")
    assert "9 to 17" in whatsapp.wire()[0]["text"]
    assert system.stop() == 0


def test_all_says_what_is_missing_when_the_gateway_is_not_installed(stage):
    system = All(stage, GATEWAY="baileys")
    assert system.wait() == 1
    assert "gateway/node_modules/node/bin/node: No such file or directory; `sh gateway/install` brings it" in system.log()
    other = All(stage, GATEWAY="baileys", BAILEYS_BASE_URL="http://127.0.0.1:1")
    assert other.wait() == 1
    assert "BAILEYS_BASE_URL=http://127.0.0.1:1 is set, too" in other.log()
