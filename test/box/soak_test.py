# SPDX-License-Identifier: MIT
"""Hours of work in small: the same customers write on and on, things go wrong as they do, and
what a process, Redis and the disk take stays as it is.

SIZE=long: an hour, or SOAK_SECONDS.  The first part is the warm-up; from there on a line is laid
through the samples of each gauge (gauges.py), and what rises by more than FLAT allows has leaked.

Jobs that finished are kept for 500 s.  The hour waits for that; a short run ends their time
earlier (AGE), after it has seen that it is limited.
"""
import os
import re
import time

import pytest

import chaos
from customers import Customers, TENANTS, UNKNOWN, has_person
from gauges import Gauges
from harness import LONG, PATIENCE, figure, wait_until

SECONDS = float(os.environ.get("SOAK_SECONDS", 3600 if LONG else 34))
WARM = min(0.6 * SECONDS, 540) if LONG else SECONDS / 2  # results live 500 s
EVERY = 5 if LONG else 0.5  # a look
TROUBLE_EVERY = 30 if LONG else 4
RATE, CHATS = (40, 600) if LONG else (40 / PATIENCE, 40)
SANITIZED = PATIENCE != 1  # its allocator keeps what is freed

# How far the line through a gauge may rise from the end of the warm-up to the end: KiB or a
# count, and a share of the mean.
FLAT = [
    (r"^(api|scheduler) rss$", 512, 0.01),
    (r"^worker rss$", 1024 if LONG else 3072, 0.01),
    (r"^redis used_memory$", 512, 0.05),
    (r"^(api|scheduler) fds$", 2, 0),
    (r"^worker fds$", 8 if LONG else 40, 0),  # its connections come and go with each trouble
    (r"^redis clients$", 2, 0),
    (r"^(keys|members) ", 40, 0.15 if LONG else 0.3),
]
WAL_MOST = 32 << 10  # KiB: checkpointed at 16 MiB
AOF_MOST = 64 << 10  # it is rewritten when it has doubled, from 1 MiB on

# Keys that may be there for ever, and how many members one form may have: roles, queues and
# tenants are few, whatever was worked.
ENDLESS = {
    r"rq:queues": 10, r"rq:workers(:\w+)?": 1, r"prosaas:scheduler:running": 2, r"prosaas:cron": 10,
    r"prosaas:sessions?(:\*)?": 7 * len(TENANTS), r"prosaas:vitals": 3, r"prosaas:dealt:\w+": 1,
    r"prosaas:alerts": 30, r"prosaas:alerts:log": 100, r"rq:job:cron_\*": 30,
    r"rq:(finished|failed):\w+": 1_000_000,  # entries go with their jobs: see no_entry_outlives_its_job
}

# ARGV: seconds.  Jobs that are over, and have that long to live at most.
AGE = """
local unix, n = redis.call('TIME')[1], 0
for _, key in ipairs(redis.call('KEYS', 'rq:finished:*')) do
    for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, unix + ARGV[1] + 1, '+inf')) do
        local job = 'rq:job:' .. id
        assert(redis.call('PTTL', job) ~= -1, job .. ' has no end')
        redis.call('ZADD', key, unix + ARGV[1], id)
        redis.call('EXPIRE', job, ARGV[1])
        redis.call('EXPIRE', 'rq:results:' .. id, ARGV[1])
        n = n + 1
    end
end
return n
"""
KEPT_S = 3

OUTLIVED = """
local n = 0
for _, key in ipairs(redis.call('KEYS', 'rq:finished:*')) do
    for _, id in ipairs(redis.call('ZRANGE', key, 0, -1)) do
        n = n + 1 - redis.call('EXISTS', 'rq:job:' .. id)
    end
end
return n
"""


class Operator:
    """Who looks after the system: takes what fails, and has things fail."""

    def __init__(self, stage, api, street):
        self.stage, self.api, self.street = stage, api, street
        self.sent, self.asked = [], 0
        self.turn = 0
        self.next = time.monotonic() + TROUBLE_EVERY

    def look(self):
        """What the fakes heard; they forget it."""
        sends = self.stage.gateway.take()
        self.sent += [(s["idempotencyKey"], s["first"]) for s in sends]
        self.street.told(sends)
        self.asked += len(self.stage.ai.take())
        if not LONG:
            self.stage.redis.text.eval(AGE, 0, KEPT_S)

    def trouble(self):
        """One thing goes wrong, and what the one before left is mended."""
        if time.monotonic() < self.next:
            return
        self.next += TROUBLE_EVERY
        self.mend()
        [self.ai_fails, self.session_goes, self.send_is_refused, self.ai_is_slow][self.turn % 4]()
        self.turn += 1

    def ai_fails(self):
        self.stage.ai.faults("500", 3)

    def ai_is_slow(self):
        self.stage.ai.faults("slow", 5, ms=1500)

    def session_goes(self):
        self.told("disconnected")
        self.stage.gateway.faults("503", 4, retry_after=2)

    def send_is_refused(self):
        self.stage.gateway.faults("400", 1)

    def told(self, state):
        for tenant in TENANTS:
            assert self.api.post({"tenantId": tenant, "connection": state},
                                 path="/webhook/whatsapp/status").status == 200

    def mend(self):
        self.told("open")
        for words in (("discard", "--all", "--reason", "unknown_tenant", "--yes"), ("retry", "--all")):
            done = self.stage.cli("jobs", *words, code=None)
            assert done.returncode == 0 or "no failed job matches" in done.stderr, done.stderr


def all_is_over(stage, operator):
    """Every dead letter is dealt with, nothing waits."""
    def over():
        operator.look()
        if not stage.at_rest():
            return False
        operator.mend()
        return stage.at_rest() and stage.redis.text.zcard("rq:failed:default") == 0
    wait_until(over, 60, "all is done")
    operator.look()


def system(stage):
    stage.start_ai()
    api, _ = stage.pipeline(tenant={"prompt": "You sell boats."}, scheduler=True, REPLY_DEBOUNCE_MS=150,
                            DEDUPE_TTL=60 if LONG else KEPT_S, HUMAN_PAUSE_MIN=1, SESSION_IDLE_MIN=1 if LONG else 0)
    for tenant in TENANTS[1:]:
        stage.cli("tenant", "add", tenant, "prompt=You sell boats.")
    stage.redis.text.config_set("auto-aof-rewrite-min-size", "1mb")
    return api


@pytest.mark.limit(SECONDS + 240)
def test_what_works_for_hours_takes_no_more_than_at_first(stage):
    api = system(stage)
    gauges = Gauges(stage)
    with Customers(api, chaos.dice("soak"), RATE, CHATS) as street:
        operator = Operator(stage, api, street)
        soak(gauges, operator, WARM)
        gauges.clear()
        soak(gauges, operator, SECONDS - WARM)
    street.check()
    tell(gauges, street)
    all_is_over(stage, operator)
    check_answers(stage, operator)
    check_keys(stage, gauges)
    check_flat(gauges)


def soak(gauges, operator, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        operator.street.check()
        operator.look()
        operator.trouble()
        gauges.look()
        operator.street.stopped.wait(EVERY)  # a look's pace


def tell(gauges, street):
    figure(f"{SECONDS:.0f} s, {len(street.ids)} messages, steps {dict(street.steps)}")
    figure("mean after the warm-up, and how far the line through it rises: "
           + ", ".join(gauges.line(n, " KiB") for n in gauges.of(r" rss$|used_memory$")))
    figure(", ".join(gauges.line(n) for n in gauges.of(r" fds$|^keys (rq:job|job_lock|prosaas:lane):\*$")))
    figure(f"write-ahead log at most {gauges.most('wal'):.0f} KiB, AOF {gauges.most('redis aof'):.0f} KiB, "
           f"rewritten {gauges.last('redis aof rewrites'):.0f} times")


# --- nothing lost, nothing doubled ----------------------------------------------

def check_answers(stage, operator):
    street = operator.street
    said = [r["provider_message_id"] for r in stage.inbound() if r["source"] == "customer"]
    assert len(said) == len(set(said)) and set(said) == set(street.ids)
    assert stage.rows("SELECT count(*) n FROM turns WHERE state <> 'done'") == [{"n": 0}]

    answered = stage.rows("SELECT m.provider_message_id id, count(r.id) replies FROM messages m "
                          "LEFT JOIN messages r ON r.turn_id = m.turn_id AND r.outbound_key IS NOT NULL "
                          "AND r.status IN ('sent', 'delivered', 'read') "
                          "WHERE m.direction = 'in' AND m.source = 'customer' GROUP BY m.id")
    assert max(r["replies"] for r in answered) == 1
    silent = [r["id"] for r in answered if r["replies"] == 0 and not has_person(street.ids[r["id"]])]
    assert not silent, [why_silent(stage, id) for id in silent[:5]]

    firsts = [key for key, first in operator.sent if first]
    kept = [r["outbound_key"] for r in stage.replies() if r["status"] in ("sent", "delivered", "read")]
    assert sorted(firsts) == sorted(kept), "each was sent once"
    assert stage.rows("SELECT count(*) n FROM messages WHERE tenant_id = ?", UNKNOWN) == [{"n": 0}]
    assert street.steps["receipts"] == 0 or stage.rows("SELECT 1 FROM messages WHERE status = 'read' LIMIT 1")
    figure(f"{len(kept)} replies, each once; {operator.asked} questions to the AI")


def why_silent(stage, id):
    [turn] = stage.rows("SELECT t.* FROM turns t JOIN messages m ON m.turn_id = t.id WHERE m.provider_message_id = ?", id)
    return turn, stage.rows("SELECT id, provider_message_id, direction, source, status, attempts FROM messages "
                            "WHERE turn_id = ?", turn["id"])


# --- what is left ---------------------------------------------------------------

def check_keys(stage, gauges):
    for form, (keys, endless, members) in sorted(gauges.keys().items()):
        if endless == 0:
            continue
        most = next((n for pattern, n in ENDLESS.items() if re.fullmatch(pattern, form)), None)
        assert most is not None, f"{form}: {endless} of {keys} keys have no end"
        assert members <= most, f"{form}: {members} members"
    wait_until(lambda: stage.redis.text.eval(OUTLIVED, 0) == 0, 10, "no entry outlives its job")
    assert not stage.redis.text.keys("prosaas:paused:*"), "nobody waits for a session"


def check_flat(gauges):
    grown = []
    for pattern, most, share in FLAT:
        for name in gauges.of(pattern):
            if SANITIZED and name.endswith(" rss"):
                continue
            allowed = most + share * gauges.mean(name)
            if gauges.growth(name) > allowed:
                grown.append(f"{gauges.line(name)} may rise by {allowed:.0f}")
    assert not grown, "; ".join(grown)
    assert gauges.most("wal") < WAL_MOST
    assert gauges.most("redis aof") < AOF_MOST and gauges.last("redis aof rewrites") > 0
