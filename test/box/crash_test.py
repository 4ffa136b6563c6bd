# SPDX-License-Identifier: MIT
"""The crash matrix of a turn: a worker dies by SIGKILL at each step, before it and
with what it started under way; another worker ends the turn.  Every message has one
row, every turn one reply, and at most the AI request in flight was paid twice."""
import pytest

import chaos
from harness import chat_of, figure, message, sized, wait_until, webhook

STEPS = ["next", "loaded", "begun", "gather", "gathered", "take_in", "taken_in", "absorbed", "heard", "decide", "ask", "asked",
         "answered", "keep", "kept", "post", "marked", "posted", "sent", "delivered"]
MAY_PAY_TWICE = ("decide", "ask", "asked", "answered", "keep")
ROUNDS = 50  # at the long size: each step so often; short: once


GROUP = 5   # steps whose victims share one heir: they die well within a lease


@pytest.mark.parametrize("under_way", ["", "+"], ids=["before", "after"])
def test_a_worker_killed_at_any_step_of_a_turn_costs_nothing(stage, under_way):
    stage.start_ai()
    api, worker = stage.pipeline(scheduler=True, tenant={"prompt": "You sell boats."}, REPLY_DEBOUNCE_MS=150)
    worker.stop()
    turns = 0
    for _ in range(sized(1, ROUNDS)):
        for at in range(0, len(STEPS), GROUP):
            for step in STEPS[at:at + GROUP]:
                turns += 1
                die_in_a_turn(stage, api, step + under_way, chat_of(turns))
            inherit(stage)
    replies = stage.replies()
    assert len(stage.inbound()) == 2 * turns
    assert len(replies) == turns and {r["status"] for r in replies} == {"sent"}
    sent = chaos.firsts(stage)
    assert len(sent) == turns and len({s["idempotencyKey"] for s in sent}) == turns
    asked = [r["messages"][-1]["content"] for r in stage.ai.requests()]
    assert set(asked) == {"line 1\nline 2"}, "one question, whole"
    in_flight = sum(s in MAY_PAY_TWICE for s in STEPS) * turns // len(STEPS)
    assert turns <= len(asked) <= turns + in_flight, "only what was in flight was asked again"
    figure(f"{2 * turns} messages, {turns} workers killed {'after' if under_way else 'before'} a step: "
           f"{len(sent)} replies, {len(asked)} questions")


def die_in_a_turn(stage, api, step, chat):
    """Two messages that are one turn, and a worker that dies at that step of it."""
    doomed = stage.start("worker", TEST_JOBS="on", TEST_CRASH_AT=step)
    doomed.asked_to_die = True
    body = webhook(*[message(f"{chat}-{n}", f"line {n}", chat) for n in (1, 2)])
    assert api.post(body).status == 200
    wait_until(lambda: not doomed.alive(), 15, f"it dies at {step}")


def inherit(stage):
    chaos.end_leases(stage, 0)
    heir = stage.start("worker")
    wait_until(stage.at_rest, 40, "all turns are over")
    chaos.census(stage)
    assert heir.stop() == 0
