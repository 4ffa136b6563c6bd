# SPDX-License-Identifier: MIT
"""The sign "typing..." in a chat: on while the AI thinks, off however the turn ends, and never
in the way of the answer."""
import time

import pytest

from harness import CHAT, FAILED, PATIENCE, SECRET, chat_of, figure, message, sized, wait_until, webhook

THINKS = 1500  # ms: long enough for the sign to be shown
PROMPT = "You sell boats."


def house(stage, thinks=THINKS, tenant=None, **settings):
    stage.start_ai()
    if thinks:
        stage.ai.faults("slow", ms=thinks * PATIENCE)
    return stage.pipeline(scheduler=True, tenant={"prompt": PROMPT, **(tenant or {})}, **settings)


def say(api, id, text="hello", **key):
    assert api.post(webhook(message(id, text, **key))).status == 200


def typed(stage):
    return stage.gateway.get("/typing")


def signs(stage):
    """What each request said: True is on."""
    return [t["typing"] for t in typed(stage)]


def wait_on(stage):
    wait_until(lambda: signs(stage) == [True], 10, "the chat shows it")


def wait_off(stage, seconds=15):
    wait_until(lambda: signs(stage)[-1:] == [False], seconds, "it is off")
    assert signs(stage) == [True] * (len(signs(stage)) - 1) + [False], "off once, at the end"


def wait_sent(stage, n=1, seconds=20):
    wait_until(lambda: len(stage.gateway.sent()) >= n, seconds, f"{n} replies")
    stage.wait_at_rest(seconds)
    assert len(stage.gateway.sent()) == n
    return stage.gateway.sent()


def test_it_is_on_before_the_answer_and_off_after_it(stage):
    api, worker = house(stage)
    say(api, "A1")
    [sent] = wait_sent(stage)
    wait_off(stage)
    on, off = typed(stage)
    assert on["at"] < sent["at"] < off["at"]
    for t in (on, off):
        assert (t["tenantId"], t["jid"], t["secret"]) == ("business_1", CHAT, SECRET)
    assert worker.metric('prosaas_typing_requests_total{outcome="ok"}') == 2


def test_it_is_shown_again_while_the_ai_still_thinks(stage):
    api, _ = house(stage, 9500)
    say(api, "A1")
    wait_sent(stage, seconds=40)
    wait_off(stage)
    ons = [t["at"] for t in typed(stage) if t["typing"]]
    assert len(ons) >= 2
    assert all(7.5 < b - a < 9.5 * PATIENCE for a, b in zip(ons, ons[1:]))


def test_it_stays_on_while_the_gateway_takes_its_time(stage):
    api, _ = house(stage)
    stage.gateway.faults("slow", 1, ms=1500)
    say(api, "A1")
    wait_until(stage.gateway.sent, 10, "the gateway has it")
    assert signs(stage) == [True]
    stage.wait_at_rest()
    wait_off(stage)


def test_who_is_answered_at_once_sees_none(stage):
    api, _ = house(stage, thinks=0)
    say(api, "A1")
    wait_sent(stage)
    assert PATIENCE > 1 or signs(stage) == []


@pytest.mark.parametrize("tenant", [
    {"ai_provider": "builtin", "default_text": "Thank you!"}, {"prompt": "", "default_text": "Thank you!"}])
def test_rules_need_no_time(stage, tenant):
    api, _ = house(stage, tenant=tenant)
    stage.gateway.faults("slow", 1, ms=1000)
    say(api, "A1")
    wait_sent(stage)
    assert signs(stage) == []


def test_it_can_be_switched_off(stage):
    api, _ = house(stage, TYPING="off")
    say(api, "A1")
    wait_sent(stage)
    assert signs(stage) == []


# --- a gateway that is bad at it -----------------------------------------------------

@pytest.mark.parametrize("mode", ["500", "503", "404", "hang", "lost"])
def test_a_gateway_that_fails_at_it_still_sends_once_and_at_once(stage, mode):
    api, worker = house(stage)
    stage.gateway.put("/typing/faults", mode=mode)
    began = time.time()
    say(api, "A1")
    [sent] = wait_sent(stage, seconds=4)
    assert sent["at"] - began < (THINKS / 1000 + 1) * PATIENCE
    job = stage.rows("SELECT job_id FROM turns")[0]["job_id"]
    assert stage.redis.text.hget(f"rq:job:{job}", "status") == "finished", "nor does its job wait"
    wait_off(stage)
    wait_until(lambda: worker.metric('prosaas_typing_requests_total{outcome="error"}') == 2, 10, "both failed")
    assert worker.metric("prosaas_breaker_open") == 0


def test_it_opens_no_breaker_and_asks_none(stage):
    api, worker = house(stage, 700)
    stage.gateway.put("/typing/faults", mode="500")
    for i in range(8):  # more than BREAKER_FAILURES in a row
        assert api.post(webhook(message(f"A{i}", chat=chat_of(i)))).status == 200
    wait_sent(stage, 8)
    wait_until(lambda: signs(stage).count(False) == 8, 10, "all are off")
    assert worker.metric("prosaas_breaker_open") == worker.metric("prosaas_breaker_refused_total") == 0


@pytest.mark.parametrize("mode", ["ok", "hang"])
def test_many_at_once_leave_room_for_the_answers(stage, mode):
    n = sized(400, 2000)
    api, worker = house(stage, WORKER_CONCURRENCY=1000, TENANT_CONCURRENCY=1000)
    stage.gateway.put("/typing/faults", mode=mode)
    began = time.time()
    assert api.post(webhook(*[message(f"A{i}", chat=chat_of(i)) for i in range(n)])).status == 200
    wait_until(lambda: len(stage.gateway.sent()) == n, 30, "all are answered")
    seconds = max(s["at"] for s in stage.gateway.sent()) - began
    figure(f"{n} turns at once, the AI takes {THINKS * PATIENCE / 1000:g} s, typing {mode}: all answered after {seconds:.1f} s")
    if mode == "ok":
        wait_until(lambda: signs(stage).count(False) == n, 15, "all are off")
    assert worker.metric("prosaas_breaker_open") == 0


def test_a_gateway_that_is_down_hears_no_off_for_an_on_that_never_came(stage):
    api, worker = house(stage)
    stage.cli("tenant", "set", "1", "gateway_url=http://127.0.0.1:9")
    say(api, "A1")
    wait_until(lambda: worker.metric('prosaas_send_total{outcome="error"}'), 10, "the answer can't be sent")
    assert worker.metric('prosaas_typing_requests_total{outcome="error"}') == 1


# --- however it ends -------------------------------------------------------------

def test_off_when_the_ai_fails_for_good(stage):
    api, _ = house(stage, thinks=0, AI_TIMEOUT=1, JOB_RETRIES=0)
    stage.ai.faults("hang")
    say(api, "A1")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 15, "it failed")
    wait_off(stage)
    assert stage.gateway.sent() == []


def test_off_while_a_retry_waits(stage):
    api, _ = house(stage, thinks=0, AI_TIMEOUT=1)
    stage.ai.faults("hang", 1)
    say(api, "A1")
    wait_until(lambda: len(stage.ai.requests()) == 1 and signs(stage)[-1:] == [False], 15, "off")
    wait_sent(stage)


def test_off_when_the_job_takes_too_long(stage):
    api, _ = house(stage, thinks=0, AI_TIMEOUT=60, JOB_TIMEOUT=1, JOB_RETRIES=0)
    stage.ai.faults("hang")
    say(api, "A1")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 20, "it failed")
    wait_off(stage)


def test_newer_input_merges_and_one_off_ends_it(stage):
    api, _ = house(stage, 3000, REPLY_DEBOUNCE_MS=200)
    say(api, "A1", "first")
    wait_on(stage)
    say(api, "A2", "second")
    [sent] = wait_sent(stage)
    assert sent["text"] == "Echo: first\nsecond"
    wait_off(stage)


def test_off_when_a_person_answers_from_the_phone(stage):
    api, worker = house(stage, 3000, REPLY_DEBOUNCE_MS=200)
    say(api, "A1")
    wait_on(stage)
    say(api, "H1", "I am here", fromMe=True)
    wait_off(stage)
    stage.wait_at_rest()
    assert stage.gateway.sent() == []
    assert worker.metric('prosaas_turns_silenced_total{reason="human"}') == 1


def test_each_turn_of_a_chat_has_its_own(stage):
    api, _ = house(stage, 800)
    say(api, "A1", "first")
    say(api, "A2", "second")
    wait_sent(stage, 2)
    wait_until(lambda: signs(stage).count(False) == 2, 10, "off twice")
    assert signs(stage).count(True) == 2


def test_a_drained_worker_finishes_the_turn_and_is_off(stage):
    api, worker = house(stage)
    say(api, "A1")
    wait_on(stage)
    assert worker.stop(10) == 0
    assert len(stage.gateway.sent()) == 1
    assert signs(stage) == [True, False]


@pytest.mark.parametrize("mode", ["ok", "hang"])
def test_a_worker_that_hands_a_turn_back_is_off_and_no_slower(stage, mode):
    api, worker = house(stage, thinks=0, AI_TIMEOUT=60, DRAIN_TIMEOUT=1)
    stage.ai.faults("hang", 1)
    say(api, "A1")
    wait_on(stage)
    stage.gateway.put("/typing/faults", mode=mode)
    began = time.monotonic()
    assert worker.stop(10) == 0
    assert time.monotonic() - began < 5 * PATIENCE
    assert signs(stage) == [True, False]
    stage.gateway.put("/typing/faults", mode="ok")
    worker.restart()
    wait_sent(stage)
