# SPDX-License-Identifier: MIT
"""Alerts of the built-in evaluator: each is caused for real, told once, and ended once.

Here is what goes through: webhooks, jobs, the queue, the AI.  alerts_down_test.py has what is down
or grows, alerts_told_test.py who is told; Prometheus has a file of its own.
"""
from alarms import Often, firing, house, receiver, send, start  # noqa: F401  fixtures
from harness import wait_until
from relay import Relay


def test_nothing_is_told_of_a_healthy_system(house):
    house.settings |= {"ALERT_WEBHOOK_TARGET_MS": 5000, "ALERT_WEBHOOK_MS": 5000}  # on a machine that may be busy
    start(house)
    send(house, 20)
    house.wait_at_rest()
    looks = house.scheduler.metric("prosaas_redis_command_duration_seconds_count")
    wait_until(lambda: house.scheduler.metric("prosaas_redis_command_duration_seconds_count") > looks + 60, 30, "many looks")
    assert firing(house) == set() and house.receiver.notices == []
    assert house.cli("alerts").stdout.splitlines()[1:] == []


def test_a_slow_redis_makes_webhooks_slow(house):
    relay = Relay(house.redis.port)
    start(house, "worker", "scheduler")
    house.api = house.start("api", REDIS_URL=f"redis://127.0.0.1:{relay.port}")
    relay.delay = 0.7
    with Often(house):
        house.receiver.heard("webhook_slow", "firing")
        house.receiver.heard("webhook_over_target", "firing")
    relay.delay = 0
    with Often(house):
        house.receiver.heard("webhook_slow", "firing", "resolved")
        house.receiver.heard("webhook_over_target", "firing", "resolved")
    notice = next(n for n in house.receiver.notices if n["name"] == "webhook_slow")
    assert notice["value"] > 500 and notice["threshold"] == 500 and notice["severity"] == "critical"
    assert notice["text"].startswith("🔴 ALERT webhook_slow: ") and "Mend: " in notice["text"]


def test_a_stopped_worker_lets_the_queue_grow_deep_and_old(house):
    house.settings |= {"ALERT_OLDEST_S": 2}
    start(house)
    house.worker.stop()
    house.receiver.heard("no_worker", "firing", seconds=60)
    send(house, 1100)
    for name in ("queue_deep", "queue_over_target", "queue_old"):
        house.receiver.heard(name, "firing")
    assert {"no_worker", "queue_deep", "queue_old"} <= firing(house)
    shown = house.cli("alerts", code=1).stdout
    assert "queue_deep" in shown and "prosaas queues" in shown
    house.worker = house.start("worker")
    for name in ("queue_deep", "queue_over_target", "queue_old", "no_worker"):
        house.receiver.heard(name, "firing", "resolved", seconds=60)
    assert firing(house) == set()
    recent = house.api.get("/api/alerts").json()["recent"]
    assert [a["state"] for a in recent if a["name"] == "queue_deep"] == ["resolved", "firing"]


def test_jobs_that_fail_and_why(house):
    start(house)
    house.gateway.faults("400")
    with Often(house):
        for name in ("jobs_failing", "jobs_over_target", "dead_letters", "sending_failing"):
            house.receiver.heard(name, "firing")
    house.gateway.faults("500", 0)
    with Often(house):
        for name in ("jobs_failing", "jobs_over_target", "dead_letters", "sending_failing"):
            house.receiver.heard(name, "firing", "resolved")


def test_a_failing_ai(house):
    house.start_ai()
    house.settings["AI_TIMEOUT"] = "2"
    house.cli("tenant", "set", "1", "prompt=You are a shop.")
    start(house)
    house.ai.faults("500")
    with Often(house):
        house.receiver.heard("ai_failing", "firing")
    house.ai.faults("500", 0)
    with Often(house):
        house.receiver.heard("ai_failing", "firing", "resolved", seconds=100)


def test_messages_that_cannot_be_queued(house):
    start(house, "worker", "scheduler")
    house.api = house.start("api", MAX_QUEUE_DEPTH="1")
    house.worker.stop()
    with Often(house):
        house.receiver.heard("enqueue_under_target", "firing")
    house.worker = house.start("worker")
    house.wait_at_rest()
    house.receiver.heard("enqueue_under_target", "firing", "resolved", seconds=60)


def test_slow_jobs(house):
    start(house)
    house.gateway.faults("slow", ms=300)
    house.scheduler.stop()
    house.scheduler = house.start("scheduler", ALERT_JOB_TARGET_MS="200")
    with Often(house):
        house.receiver.heard("job_over_target", "firing")
    house.gateway.faults("slow", 0)
    with Often(house):
        house.receiver.heard("job_over_target", "firing", "resolved", seconds=60)
