# SPDX-License-Identifier: MIT
"""How the tenants' WhatsApp sessions stand, and what comes back with one."""
from harness import SCHEDULED, message, wait_until, webhook

STATUS = "/webhook/whatsapp/status"


def told(api, tenant, state, **more):
    assert api.post({"tenantId": tenant, "connection": state, **more}, path=STATUS).status == 200


def shown(api):
    return api.get("/api/sessions").json()


def test_sessions_are_counted_and_who_is_down_is_named(stage):
    stage.start_redis()
    api = stage.start("api")
    assert shown(api) == {"sessions": {"connected": 0, "connecting": 0, "qr": 0, "disconnected": 0,
                                       "restricted": 0, "unknown": 0}, "down": []}
    told(api, "1", "open", pushName="Shop")
    told(api, "business_2", "disconnected", reason="logged_out")
    told(api, "three", "close", reason="403")
    stage.redis.text.hset("prosaas:sessions", "three", "restricted 1000000000")  # since long ago
    s = shown(api)
    assert {k: n for k, n in s["sessions"].items() if n} == {"connected": 1, "qr": 1, "restricted": 1}
    assert [(d["tenant"], d["state"], d["reason"], d["said"]) for d in s["down"]] == [
        ("three", "restricted", "403", "close"), ("2", "qr", "logged_out", "disconnected")]
    assert s["down"][0]["seconds"] > 700_000_000 and 0 <= s["down"][1]["seconds"] < 60

    lines = stage.cli("sessions").stdout.splitlines()
    assert lines[0] == "1 connected, 1 qr, 1 restricted"
    assert lines[1].split() == ["TENANT", "STATE", "FOR", "REASON", "SAID"] and len(lines) == 4
    assert '"down":[{"tenant":"three"' in stage.cli("sessions", "--json").stdout


def test_since_when_is_when_the_state_changed(stage):
    stage.start_redis()
    api = stage.start("api")
    told(api, "1", "waiting_qr")
    stage.redis.text.hset("prosaas:session:1", "since", 1000000000)
    told(api, "1", "SCAN_QR_CODE")  # the same in another's words
    assert shown(api)["down"][0]["seconds"] > 700_000_000
    told(api, "1", "close")
    assert shown(api)["down"][0]["seconds"] < 60


def test_a_session_that_is_back_gets_what_waited_at_once(stage):
    """A gateway without WhatsApp asks for an hour; the jobs wait, and no retry is spent.  When
    it tells that it is connected nobody waits for the hour to end."""
    api, worker = stage.pipeline(scheduler=True)
    stage.gateway.faults("503", retry_after=3600)
    told(api, "1", "disconnected")
    for n in range(3):
        api.post(webhook(message(f"M{n}", chat=f"97250000000{n}@s.whatsapp.net")))
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED) == 3, 20, "three jobs wait")
    assert worker.metric("prosaas_breaker_open") == 1
    assert stage.redis.text.smembers("prosaas:paused:1") == set(stage.job_ids())
    stage.gateway.faults("ok")
    assert not stage.gateway.sent()
    told(api, "2", "connected")  # another's session is none of theirs
    assert stage.redis.text.zcard(SCHEDULED) == 3 and worker.metric("prosaas_breaker_open") == 1

    told(api, "1", "connected")
    wait_until(lambda: len(stage.gateway.sent()) == 3, 20, "three replies")
    stage.wait_at_rest(20)
    assert len(stage.gateway.sent()) == 3
    assert worker.metric("prosaas_breaker_open") == 0
    assert not stage.redis.text.exists("prosaas:paused:1")


def test_who_is_cancelled_waits_for_no_session_any_more(stage):
    api, _ = stage.pipeline(scheduler=True)
    stage.gateway.faults("503", retry_after=3600)
    api.post(webhook(message("M1")))
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED) == 1, 20, "a job waits")
    [id] = stage.redis.text.smembers("prosaas:paused:1")
    stage.cli("jobs", "cancel", id)
    assert not stage.redis.text.exists("prosaas:paused:1")


def test_a_message_that_came_after_the_rest_began_waits_no_longer_either(stage):
    api, worker = stage.pipeline(scheduler=True)
    stage.gateway.faults("503", retry_after=3600)
    api.post(webhook(message("FIRST")))
    worker.wait_log("left alone")
    stage.gateway.faults("ok")
    told(api, "1", "connected")
    wait_until(lambda: len(stage.gateway.sent()) == 1, 20, "its reply")


def test_a_job_that_came_at_its_own_time_is_not_kept_in_mind(stage):
    """A tenant whose gateway tells of no session would have its jobs' names kept for good."""
    api, worker = stage.pipeline(scheduler=True)
    stage.gateway.faults("503", 1, retry_after=1)
    api.post(webhook(message("FIRST")))
    wait_until(lambda: len(stage.gateway.sent()) == 1, 20, "its reply")
    stage.wait_at_rest(20)
    [id] = stage.job_ids()
    assert int(stage.redis.text.hget(f"rq:job:{id}", "prosaas_attempt")) > 1, "it has waited"
    assert not stage.redis.text.exists("prosaas:paused:1")
