# SPDX-License-Identifier: MIT
"""Spans for a collector: OTLP's JSON, in batches, and never in a job's way."""
import re

import pytest

from harness import CHAT, chat_of, message, wait_until, webhook

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"


@pytest.fixture
def collected(stage):
    stage.start_ai()
    stage.collector = stage.start_fake("collector")
    stage.api, stage.worker = stage.pipeline(tenant={"prompt": "Be brief."}, scheduler=True, OTEL_SERVICE_NAME="shop",
                                             OTEL_EXPORTER_OTLP_ENDPOINT=stage.collector.url + "/")
    return stage


def spans(stage):
    out = []
    for post in stage.collector.get("/posts"):
        assert post["type"] == "application/json"
        for group in post["body"]["resourceSpans"]:
            about = {a["key"]: a["value"]["stringValue"] for a in group["resource"]["attributes"]}
            assert about["service.name"] == "shop" and about["service.version"]
            for scope in group["scopeSpans"]:
                assert scope["scope"]["name"] == "prosaas"
                out += scope["spans"]
    return out


def attribute(span, name):
    return next(next(iter(a["value"].values())) for a in span["attributes"] if a["key"] == name)


def test_spans_are_as_otlp_wants_them(collected):
    assert collected.api.post(webhook(message("M1", "my knee hurts")), traceparent=PARENT).status == 200
    wait_until(lambda: len(spans(collected)) >= 4, 20, "its spans")
    found = {s["name"]: s for s in spans(collected)}
    assert set(found) == {"queue", "job", "ask", "send"} and len(spans(collected)) == 4
    for s in found.values():
        assert s["traceId"] == TRACE and re.fullmatch("[0-9a-f]{16}", s["spanId"])
        assert all(re.fullmatch(r"\d{19}", s[f"{end}TimeUnixNano"]) for end in ("start", "end"))
        assert int(s["startTimeUnixNano"]) <= int(s["endTimeUnixNano"])
        assert attribute(s, "prosaas.tenant") == "1" and attribute(s, "prosaas.attempt") == "1"
        assert attribute(s, "prosaas.job_id") in collected.job_ids() and "status" not in s
    job = found.pop("job")
    assert "parentSpanId" not in job and all(s["parentSpanId"] == job["spanId"] for s in found.values())
    assert (job["kind"], found["ask"]["kind"], found["queue"]["kind"]) == (5, 3, 1)
    told = [r["traceparent"].split("-")[2] for r in collected.ai.requests() + collected.gateway.sent()]
    assert told == [found["ask"]["spanId"], found["send"]["spanId"]]
    posts = str(collected.collector.get("/posts"))
    assert not any(private in posts for private in ("knee", CHAT[:12]))
    assert collected.worker.metric('prosaas_spans_total{outcome="sent"}') == 4


def test_a_failed_call_is_an_error_and_each_attempt_has_spans_of_its_own(collected):
    collected.gateway.faults("500", times=1)
    collected.api.post(webhook(message("M1")))
    wait_until(lambda: sum(s["name"] == "job" for s in spans(collected)) == 2, 40, "two attempts")
    sends = [s for s in spans(collected) if s["name"] == "send"]
    assert [s.get("status", {}).get("code") for s in sends] == [2, None] and sends[0]["status"]["message"]
    assert len({s["spanId"] for s in spans(collected)}) == len(spans(collected))
    assert [attribute(s, "prosaas.attempt") for s in sends] == ["1", "2"]


@pytest.mark.parametrize("mode", ["500", "gone"])
def test_spans_that_nobody_takes_are_dropped_and_counted(collected, mode):
    if mode == "gone":
        collected.collector.stop()
    else:
        collected.collector.faults(mode)
    for i in range(3):
        collected.api.post(webhook(message(f"M{i}", chat=chat_of(i))))
    collected.wait_at_rest()
    assert len(collected.gateway.sent()) == 3
    wait_until(lambda: collected.worker.metric('prosaas_spans_total{outcome="dropped"}') == 12, 20, "all are dropped")
    assert collected.worker.log().count("does not take spans") == 1


def test_a_collector_that_hangs_keeps_no_job_and_no_drain(collected):
    collected.collector.faults("hang")
    collected.api.post(webhook(message("M1")))
    wait_until(lambda: len(collected.gateway.sent()) == 1, 20, "the reply")
    collected.wait_at_rest()
    assert collected.worker.stop(15) == 0


def test_a_worker_that_stops_sends_what_it_has(collected):
    collected.api.post(webhook(message("M1")))
    collected.wait_at_rest()
    assert collected.worker.stop(15) == 0
    assert len(spans(collected)) == 4
