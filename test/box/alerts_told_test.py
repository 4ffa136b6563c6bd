# SPDX-License-Identifier: MIT
"""Alerts of the built-in evaluator: who is told, once, whoever leads and however the receiver is."""
from alarms import house, receiver, send, start  # noqa: F401  fixtures
from harness import ask, wait_until


def test_an_unknown_tenant(house):
    start(house)
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing")
    house.receiver.heard("unknown_tenant", "firing", "resolved")


def test_a_notice_under_way_is_not_taken_for_the_one_of_a_stopped_redis(house):
    start(house)
    house.receiver.answers.clear()
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing")
    house.redis.kill()
    house.scheduler.wait_log("ALERT redis_failing")
    house.receiver.answers.set()
    house.receiver.heard("redis_failing", "firing")


def test_a_new_leader_repeats_nothing(house):
    start(house)
    second = house.start("scheduler")
    house.worker.kill()
    house.receiver.heard("no_worker", "firing", seconds=60)
    wait_until(lambda: house.redis.text.llen("prosaas:alerts:outbox") == 0, 10, "it is taken out")
    house.scheduler.kill()
    wait_until(lambda: second.metric("prosaas_leader") == 1, 20, "the other leads")
    looks = second.metric("prosaas_redis_command_duration_seconds_count")
    wait_until(lambda: second.metric("prosaas_redis_command_duration_seconds_count") > looks + 30, 20, "it looks")
    assert house.receiver.of("no_worker") == ["firing"]
    house.worker.restart()
    house.receiver.heard("no_worker", "firing", "resolved", seconds=60)
    assert "ALERT no_worker" not in second.log() and "RESOLVED no_worker" in second.log()


def test_a_receiver_that_refuses_gets_it_later_and_once(house):
    house.receiver.status = 503
    start(house)
    send(house, 1, tenant="77")
    wait_until(lambda: house.receiver.refusals >= 2, 20, "it is tried again")
    house.receiver.status = 200
    house.receiver.heard("unknown_tenant", "firing", "resolved")
    assert len({n["id"] for n in house.receiver.notices}) == len(house.receiver.notices)


def test_an_alert_that_is_off_is_not_looked_at(house):
    house.settings["ALERT_OFF"] = "dead_letters"
    start(house)
    send(house, 1, tenant="77")
    house.receiver.heard("unknown_tenant", "firing", "resolved")
    assert house.receiver.of("dead_letters") == []
    wrong = house.cli("scheduler", code=1, ALERT_OFF="dead_leters").stderr
    assert 'there is no alert "dead_leters"' in wrong


def test_who_may_read_alerts(house):
    start(house, "api")
    assert ask(house.api.port, "GET", "/api/alerts", None, {"X-Forwarded-For": "8.8.8.8"}).status == 401
    a = house.api.get("/api/alerts")
    assert a.status == 200 and a.json() == {"alerts": [], "recent": []}
