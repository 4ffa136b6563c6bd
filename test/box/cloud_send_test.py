# SPDX-License-Identifier: MIT
"""Answers by WhatsApp's Cloud API: once, whatever it says, and nobody pays for his neighbour."""
import time

import pytest

from harness import CHAT, FAILED, chat_of, wait_until, why_of
from meta import META, NUMBER, TOKEN, house, say, sent, status

def wait_reply(stage, what, n=1, seconds=30):
    """The status of the n replies that there are."""
    wait_until(lambda: [r["status"] for r in stage.replies()] == [what] * n, seconds, f"replies are {what}")
    return stage.replies()


def test_a_reply_goes_to_the_cloud_api_once_in_its_words(stage):
    api, worker = house(stage)
    say(api, "A1")
    [row] = wait_reply(stage, "sent")
    stage.wait_at_rest()
    [s] = sent(stage)
    assert (s["version"], s["number"], s["token"]) == ("v23.0", NUMBER, TOKEN)
    assert (s["to"], s["recipient_type"]) == (CHAT.split("@")[0], "individual")
    assert s["text"] == {"body": "Thank you!", "preview_url": False} and s["type"] == "text"
    assert s["biz_opaque_callback_data"] == row["outbound_key"]
    assert row["provider_message_id"] == s["wamid"]
    assert stage.gateway.sent() == []
    assert TOKEN not in worker.log()


def test_number_and_token_may_be_settings(stage):
    api, _ = house(stage, tenant={"meta_phone_number_id": "", "meta_access_token": ""},
                   META_WA_PHONE_NUMBER_ID="4711", META_WA_ACCESS_TOKEN="EAAenv", META_WA_API_VERSION="v99.0")
    say(api, "A1")
    wait_reply(stage, "sent")
    [s] = sent(stage)
    assert (s["version"], s["number"], s["token"]) == ("v99.0", "4711", "EAAenv")


def test_two_tenants_on_two_ways_share_a_worker(stage):
    api, _ = house(stage)
    stage.cli("tenant", "add", "2", "default_text=By phone")
    for i in range(10):
        say(api, f"A{i}", chat=chat_of(i), tenant=str(1 + i % 2))
    wait_reply(stage, "sent", 10)
    stage.wait_at_rest()
    assert [s["text"]["body"] for s in sent(stage)] == ["Thank you!"] * 5
    assert [s["text"] for s in stage.gateway.sent()] == ["By phone"] * 5


@pytest.mark.parametrize("code, http, words", [
    (131026, 400, "undeliverable"), (132001, 404, "template"), (987654, 400, "code 987654")])
def test_a_message_that_is_refused_is_failed_once_with_the_reason(stage, code, http, words):
    api, worker = house(stage)
    stage.cloud.faults("error", 1, code=code, status=http)
    say(api, "A1")
    wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 20, "it is a dead letter")
    [job] = stage.failed()
    assert f"code {code} trace AbCdEf" in why_of(job) and words in why_of(job)
    assert len(stage.cloud.get("/asked")) == 1
    assert "972501234567 is quoted" not in worker.log() + why_of(job)
    say(api, "A2", chat=chat_of(7))  # the number as a whole is well
    wait_until(lambda: len(sent(stage)) == 1, 20, "the next goes")


@pytest.mark.parametrize("code, http", [(190, 401), (131031, 403)])
def test_what_stops_the_tenant_is_waited_for_and_told_once(stage, code, http):
    api, worker = house(stage)
    stage.cloud.faults("error", code=code, status=http)
    for i in range(6):
        say(api, f"A{i}", chat=chat_of(i))
    wait_until(lambda: stage.redis.text.zcard("rq:scheduled:default") == 6, 20, "all wait")
    assert stage.redis.text.zcard(FAILED) == 0
    assert worker.log().count("is left alone") == 1
    assert f"code {code}" in worker.log()
    stage.cloud.faults("ok")
    wait_reply(stage, "sent", 6, 60)
    assert len(sent(stage)) == 6


@pytest.mark.parametrize("code, http", [(131000, 500), (1, 400)])
def test_metas_own_trouble_is_tried_again(stage, code, http):
    api, _ = house(stage)
    stage.cloud.faults("error", 2, code=code, status=http)
    say(api, "A1")
    wait_reply(stage, "sent")
    assert len(sent(stage)) == 1 and len(stage.cloud.get("/asked")) == 3


@pytest.mark.parametrize("code, after, least", [(130429, "2", 2), (131056, None, 6)])
def test_who_is_throttled_waits_as_long_as_asked_and_disturbs_nobody(stage, code, after, least):
    api, _ = house(stage, JOB_RETRIES=0)
    stage.cli("tenant", "add", "2", *[f"{k}={v}" for k, v in META.items() if k != "meta_phone_number_id"],
              "meta_phone_number_id=222")
    stage.cloud.faults("error", 1, number=NUMBER, code=code, retry_after=after)
    begin = time.monotonic()
    say(api, "A1")
    wait_until(lambda: stage.cloud.get("/asked"), 20, "it was asked")
    say(api, "B1", tenant="2")
    wait_until(lambda: sent(stage, "222"), 20, "the neighbour is served")
    assert not sent(stage, NUMBER)
    wait_reply(stage, "sent", 2)
    assert time.monotonic() - begin >= least - 1  # due dates are whole seconds
    assert len(sent(stage, NUMBER)) == 1 and stage.redis.text.zcard(FAILED) == 0


# --- a lost answer -----------------------------------------------------------

@pytest.mark.parametrize("mode", ["lost", "garbage", "proxy"])
def test_a_lost_answer_is_settled_by_the_status_with_our_key(stage, mode):
    api, worker = house(stage, JOB_RETRIES=0)
    stage.cloud.faults(mode, 1, status=502)
    say(api, "A1")
    wait_until(lambda: "its receipt is waited for" in worker.log(), 20, "the next attempt waits for the status")
    [row] = stage.replies()
    assert row["status"] == "sending"
    status(api, row["outbound_key"], "DELIVERY_ACK")
    wait_reply(stage, "delivered")
    stage.wait_at_rest()
    assert len(sent(stage)) == (0 if mode == "proxy" else 1)
    assert stage.redis.text.zcard(FAILED) == 0


@pytest.mark.parametrize("choice, count", [("dead", 1), ("resend", 2)])
def test_without_a_status_the_tenant_has_chosen(stage, choice, count):
    api, worker = house(stage, tenant={"ambiguous": choice}, META_WA_STATUS_WAIT=3)
    stage.cloud.faults("lost", 1)
    say(api, "A1")
    wait_until(lambda: "Waits" in worker.log(), 20, "the job waits for the status")
    if choice == "resend":
        wait_reply(stage, "sent")
        assert len({s["biz_opaque_callback_data"] for s in sent(stage)}) == 1
    else:
        [row] = wait_reply(stage, "failed")
        assert row["reason"] == "ambiguous"
        wait_until(lambda: stage.redis.text.zcard(FAILED) == 1, 20, "it is a dead letter")
        assert "ambiguous" in why_of(stage.failed()[0])
    stage.wait_at_rest()
    assert len(sent(stage)) == count


def test_a_worker_killed_between_post_and_answer_sends_nothing_twice(stage):
    api, worker = house(stage)
    stage.cloud.faults("hang", 1)
    say(api, "A1")
    wait_until(lambda: sent(stage), 20, "it was posted")
    worker.kill()
    [row] = stage.replies()
    status(api, row["outbound_key"], "SERVER_ACK")
    stage.start("worker")
    wait_reply(stage, "sent")
    stage.wait_at_rest(40)
    assert len(sent(stage)) == 1


# --- typing ------------------------------------------------------------------

def test_while_the_ai_thinks_the_message_is_read_and_typing_is_shown(stage):
    stage.start_ai()
    stage.ai.faults("slow", ms=1500)
    api, worker = house(stage, tenant={"prompt": "You sell boats."})
    say(api, "wamid.HBgM1==")
    wait_reply(stage, "sent")
    stage.wait_at_rest()
    [read] = stage.cloud.get("/read")
    assert (read["status"], read["message_id"]) == ("read", "wamid.HBgM1==")
    assert read["typing_indicator"] == {"type": "text"} and read["number"] == NUMBER
    assert read["at"] < sent(stage)[0]["at"]
    worker.stop(20)
    assert len(stage.cloud.get("/read")) == 1, "there is no off"


# --- properties --------------------------------------------------------------

def test_a_tenant_is_not_put_on_meta_without_number_and_token(stage):
    stage.migrate()
    stage.cli("tenant", "add", "1", "name=Boats")
    for words, wants in ([], "meta_phone_number_id (or META_WA_PHONE_NUMBER_ID) and meta_access_token"), \
            (["meta_phone_number_id=1"], "needs meta_access_token (or META_WA_ACCESS_TOKEN)"), \
            (["meta_access_token=x"], "needs meta_phone_number_id (or"):
        done = stage.cli("tenant", "set", "1", "gateway=meta", *words, code=1)
        assert wants in done.stderr
        assert "gateway=baileys" in stage.cli("tenant", "show", "1").stdout
    stage.cli("tenant", "set", "1", "gateway=meta", META_WA_PHONE_NUMBER_ID="1", META_WA_ACCESS_TOKEN="x")
    stage.cli("tenant", "set", "1", "name=More boats")  # what was wrong for this shell before may stay
    stage.cli("tenant", "set", "1", "meta_phone_number_id=1", "meta_access_token=secret-1")
    shown = stage.cli("tenant", "show", "1").stdout
    assert "meta_phone_number_id=1" in shown and "secret-1" not in shown


def test_a_number_that_is_not_configured_is_waited_for(stage):
    stage.start_cloud()
    api, worker = stage.pipeline(scheduler=True, tenant={"default_text": "Hi"})
    stage.write("UPDATE tenants SET gateway = 'meta'")
    say(api, "A1")
    wait_until(lambda: "needs meta_phone_number_id" in worker.log(), 20, "the log says what is missing")
    stage.cli("tenant", "set", "1", f"meta_phone_number_id={NUMBER}", f"meta_access_token={TOKEN}")
    wait_reply(stage, "sent")
