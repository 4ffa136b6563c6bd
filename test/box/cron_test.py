# SPDX-License-Identifier: MIT
"""The scheduler's cron table: each slot once, whoever leads and whoever dies."""
import calendar
import json
import random
import re
import time
from datetime import timezone

import pytest

from harness import LONG, PATIENCE, wait_until

LEADER, CRON = "prosaas:leader:scheduler", "prosaas:cron"
FUNCTION = "server.jobs.upkeep.clean_up"


def entry(name, schedule, **more):
    return {"name": name, "schedule": schedule, "function": FUNCTION, **more}


@pytest.fixture
def house(stage):
    stage.start_redis()
    return stage


def table(house, *entries):
    path = house.dir / "cron.json"
    path.write_text(entries[0] if entries and isinstance(entries[0], str) else json.dumps(entries))
    house.settings["CRON_FILE"] = str(path)


def leads(scheduler):
    return scheduler.alive() and scheduler.metric("prosaas_leader") == 1


def the_leader(*schedulers):
    """Waits until exactly one leads."""
    wait_until(lambda: sum(map(leads, schedulers)) == 1, 20, "one leads")
    return next(s for s in schedulers if leads(s))


def queued(house, queue="maintenance"):
    return house.redis.text.lrange(f"rq:queue:{queue}", 0, -1)


def slot_of(house, id):
    """The slot that a job's description names, as Unix seconds."""
    text = house.redis.text.hget(f"rq:job:{id}", "description")
    at = re.search(r"slot=(\S+)\.000000Z$", text)[1]
    return calendar.timegm(time.strptime(at, "%Y-%m-%dT%H:%M:%S"))


def slots(house, queue):
    ids = queued(house, queue)
    assert len(set(ids)) == len(ids), "no job is pushed twice"
    return [slot_of(house, id) for id in ids]


def last_slot(house, name):
    return int(house.redis.text.hget(CRON, name) or 0)


def test_each_slot_runs_once_while_leaders_are_killed(house):
    seed = random.randrange(1 << 32)
    dice = random.Random(seed)
    print(f"seed {seed}")
    table(house, entry("fields", "* * * * * *", queue="high"),
          entry("every", "@every 1s", queue="low", missed="once"))
    both = [house.start("scheduler"), house.start("scheduler")]
    for _ in range(4 if LONG else 1):
        leader = the_leader(*both)
        wait_until(lambda: len(queued(house, "low")) > 2, 10, "slots are run")
        time.sleep(dice.uniform(0, 1.5))  # the kill comes at any moment of a second
        leader.kill()
        began, was = time.monotonic(), len(queued(house, "low"))
        leader.restart()
        wait_until(lambda: len(queued(house, "low")) > was, 15, "another runs what comes due")
        took = time.monotonic() - began
        print(f"slots run again {took:.1f} s after the leader was killed")
        assert took < 15 * PATIENCE
    the_leader(*both)
    if LONG:
        wait_until(lambda: len({s // 60 for s in slots(house, "low")}) > 1, 70, "a minute has passed")
    more = len(queued(house, "high")) + 2
    wait_until(lambda: len(queued(house, "high")) > more, 20, "it goes on")
    for s in both:
        s.stop()
    for name, queue in (("fields", "high"), ("every", "low")):
        ran = slots(house, queue)
        assert ran == list(range(ran[0], ran[-1] + 1)), f"{name}: each slot once, in order"
        assert last_slot(house, name) == ran[-1]


def test_a_slot_runs_within_its_second(house):
    table(house, entry("tick", "* * * * * *"))
    house.start("scheduler")
    wait_until(lambda: len(queued(house)) >= 3, 15, "three slots")
    for id in queued(house)[1:]:
        late = house.job(id).enqueued_at.replace(tzinfo=timezone.utc).timestamp() - slot_of(house, id)
        assert 0 <= late < 1 * PATIENCE, late


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_a_job_is_one_that_rq_can_run(house, serializer):
    table(house, entry("tick", "* * * * * *", tenant="business_7",
                       kwargs={"days": 30, "deep": {"a": [1.5, None, True]}, "text": "é"}))
    house.start("scheduler", RQ_SERIALIZER=serializer, JOB_TIMEOUT=77, JOB_RETRIES=2)
    id = wait_until(lambda: queued(house), 15, "a slot is run")[0]
    job = house.job(id, json=serializer == "json")
    assert job.func_name == FUNCTION and job.args in ((), [])
    assert job.kwargs == {"days": 30, "deep": {"a": [1.5, None, True]}, "text": "é"}
    assert job.origin == "maintenance" and job.timeout == 77 and job.retries_left == 2
    assert job.get_status() == "queued" and job.created_at and job.enqueued_at
    assert id.startswith("cron_") and job.description.startswith(f"{FUNCTION} cron=tick slot=")
    assert house.redis.text.hget(f"rq:job:{id}", "prosaas_tenant") == "7"
    assert house.redis.text.sismember("rq:queues", "rq:queue:maintenance")


def this_year():
    return int(time.strftime("%Y", time.gmtime()))


def test_missed_slots_are_skipped_or_run_once(house):
    """Nobody ran for years."""
    table(house, entry("skipped", "0 0 1 1 *", queue="low"),
          entry("once", "0 0 1 1 *", queue="high", missed="once"))
    house.redis.text.hset(CRON, mapping={"skipped": 1000000000, "once": 1000000000})
    scheduler = house.start("scheduler")
    id = wait_until(lambda: queued(house, "high"), 15, "the missed one is run")[0]
    assert f"slot={this_year()}-01-01T00:00:00" in house.job(id).description, "the latest"
    scheduler.wait_log(r"Missed cron=skipped slots from 2002-01-01T\S+ to "
                       rf"{this_year()}-01-01T\S+: skipped")
    scheduler.wait_log(r"Missed cron=once slots from 2002-\S+ to \S+: the last is run now")
    assert last_slot(house, "skipped") == last_slot(house, "once") == slot_of(house, id)
    assert scheduler.metric('prosaas_cron_slots_total{outcome="missed"}') == 2
    scheduler.stop()
    scheduler.restart()
    the_leader(scheduler)
    wait_until(lambda: house.redis.text.hget("prosaas:scheduler:running", "since"), 5)
    assert len(queued(house, "high")) == 1 and queued(house, "low") == []
    assert scheduler.log().count("Missed cron=skipped") == 1, "said once"


def test_a_new_entry_has_missed_nothing_and_a_removed_one_is_forgotten(house):
    table(house, entry("new", "0 0 1 1 *", missed="once"))
    house.redis.text.hset(CRON, "removed", 1000000000)
    house.start("scheduler")
    wait_until(lambda: abs(last_slot(house, "new") - time.time()) < 60, 15, "it begins now")
    assert [name for name in house.redis.text.hkeys(CRON) if not name.startswith("prosaas.")] == ["new"]
    assert queued(house) == []


def test_a_job_that_exists_is_not_queued_again(house):
    table(house, entry("yearly", "0 0 1 1 *", missed="once"))
    house.redis.text.hset(CRON, "yearly", 1000000000)
    scheduler = house.start("scheduler")
    id = wait_until(lambda: queued(house), 15, "it is run")[0]
    house.redis.text.delete("rq:queue:maintenance")
    house.redis.text.hset(f"rq:job:{id}", "status", "started")
    scheduler.stop()
    house.redis.text.hset(CRON, "yearly", 1000000000)
    scheduler.restart()
    scheduler.wait_log(r"Skipped duplicate cron=yearly", 15)
    assert queued(house) == [] and house.job(id).get_status() == "started"
    assert last_slot(house, "yearly") == slot_of(house, id)


def test_a_robbed_leader_runs_nothing(house):
    table(house, entry("tick", "* * * * * *"))
    scheduler = house.start("scheduler")
    wait_until(lambda: queued(house), 15, "it runs")
    house.redis.text.set(LEADER, "somebody else")
    ran = queued(house)
    wait_until(lambda: not leads(scheduler), 15, "it has noticed")
    assert queued(house) == ran
    house.redis.text.delete(LEADER)
    wait_until(lambda: len(queued(house)) > len(ran) + 1, 20, "it leads and runs again")
    done = slots(house, "maintenance")
    assert done == list(range(done[0], done[-1] + 1)), "what came due meanwhile as well"


def test_keys_of_a_wrong_type_cost_only_what_they_hold(house):
    table(house, entry("good", "* * * * * *", queue="high"), entry("bad", "* * * * * *", queue="low"))
    r = house.redis.text
    r.set(CRON, "x")
    r.set("prosaas:scheduler:running", "x")
    r.set("rq:queue:low", "x")
    scheduler = house.start("scheduler")
    scheduler.wait_log("Cron table: .*WRONGTYPE", 15)
    r.delete(CRON)
    scheduler.wait_log("Cron bad: .*WRONGTYPE", 15)
    wait_until(lambda: len(queued(house, "high")) >= 2, 10, "the others run")
    assert r.get("rq:queue:low") == "x"
    assert len(house.job_ids()) == len(queued(house, "high")), "no job without a queue is left"
    r.delete("rq:queue:low")
    wait_until(lambda: queued(house, "low"), 10, "it runs once the key is mended")
    ran = slots(house, "low")
    assert ran == list(range(ran[0], ran[-1] + 1))


def test_no_slot_runs_twice_when_redis_goes_and_comes_back(house):
    table(house, entry("tick", "* * * * * *"))
    scheduler = house.start("scheduler")
    wait_until(lambda: queued(house), 15, "it runs")
    house.redis.kill()
    scheduler.wait_log("standing by", 15)
    house.redis.restart()
    before = len(queued(house))
    wait_until(lambda: len(queued(house)) > before, 25, "it runs again")
    ran = slots(house, "maintenance")
    assert ran == sorted(set(ran))


BAD = [
    ("[", r"CRON_FILE=\S+cron.json: "),
    ({"name": "a"}, r"CRON_FILE=\S+: entry 1 \(a\): schedule is missing"),
    (entry("a", "61 * * * *"), r"entry 1 \(a\): schedule \"61 \* \* \* \*\": minute: 61 is not within 0-59"),
    (entry("a", "0 0 30 2 *"), r"entry 1 \(a\): schedule .*: never runs"),
    (entry("a", "@daily", timezone="Mars/Olympus"), r"entry 1 \(a\): timezone \"Mars/Olympus\": no time zone"),
    (entry("a", "@daily", queue="nobody"), r"entry 1 \(a\): queue \"nobody\": allowed are the queues"),
    (entry("a", "@daily", tz="UTC"), r"entry 1 \(a\): unknown key \"tz\""),
]


@pytest.mark.parametrize("bad, says", BAD)
def test_a_bad_table_is_refused_in_one_line(house, bad, says):
    table(house, bad)
    done = house.cli("scheduler", code=1)
    assert re.search(says, done.stderr) and done.stderr.count("\n") == 1, done.stderr
    assert house.redis.text.keys("*") == [], "it has not touched Redis"
