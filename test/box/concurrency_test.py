# SPDX-License-Identifier: MIT
"""Many at once, repeats, and workers that die: each message is answered once."""
import collections
import random

from harness import (FAILED, FINISHED, chat_of, message, sized, statuses, storm, wait_until,
                     webhook, why_of)


def check_each_once(stage, ids):
    """Each id has one inbound row, one reply row that was sent, and one message
    at the gateway; nothing is left anywhere."""
    stage.wait_at_rest(90)
    assert collections.Counter(r["provider_message_id"] for r in stage.inbound()) == \
        collections.Counter(ids)
    replies = stage.replies()
    assert len(replies) == len(ids)
    assert {r["status"] for r in replies} == {"sent"}
    sent = stage.gateway.sent()
    assert {s["idempotencyKey"] for s in sent} == {r["outbound_key"] for r in replies}
    firsts = collections.Counter(s["idempotencyKey"] for s in sent if s["first"])
    assert set(firsts.values()) == {1} and len(firsts) == len(ids)
    assert stage.rows("SELECT count(*) n FROM turns WHERE state <> 'done'") == [{"n": 0}]
    assert stage.redis.text.zcard(FAILED) == 0
    leftover = [k for k in stage.redis.text.scan_iter("prosaas:*", 1000)
                if k.startswith(("prosaas:holding:", "prosaas:lane:", "prosaas:ready:", "prosaas:due"))]
    assert leftover == []


def test_ten_concurrent_webhooks(stage):
    api, _ = stage.pipeline()
    answers = storm(api.port, [webhook(message(f"T{i}", chat=chat_of(i))) for i in range(10)], 10)
    print("ten concurrent webhooks, ms:", sorted(round(a.seconds * 1000, 1) for a in answers))
    assert statuses(answers) == {200: 10}
    assert max(a.seconds for a in answers) < 2
    check_each_once(stage, [f"T{i}" for i in range(10)])


def test_a_storm_with_repeats(stage):
    api, _ = stage.pipeline()
    n = sized(2000, 100_000)
    dice = random.Random(7)
    ids = [f"S{i}" for i in range(n * 7 // 10)]
    posts = ids + [dice.choice(ids) for _ in range(n - len(ids))]
    dice.shuffle(posts)
    answers = storm(api.port, [webhook(message(id, chat=chat_of(int(id[1:]) % 400))) for id in posts])
    assert statuses(answers) == {200: n}
    wait_until(lambda: stage.redis.text.zcard(FINISHED) >= len(ids), sized(60, 300), "all are worked")
    check_each_once(stage, ids)


def test_workers_killed_in_the_middle(stage):
    api, worker = stage.pipeline(scheduler=True)
    stage.gateway.faults("slow", ms=20)
    n = sized(1000, 20_000)
    ids = [f"K{i}" for i in range(n)]
    answers = storm(api.port, [webhook(message(id, chat=chat_of(i % (n // 2)))) for i, id in enumerate(ids)])
    assert statuses(answers) == {200: n}
    for part in (1, 2):
        wait_until(lambda: len(stage.gateway.sent()) > n * part // 4, 60, "a part is done")
        worker.kill()
        worker.restart()
    check_each_once(stage, ids)


def test_two_workers_share_and_one_dies(stage):
    api, _ = stage.pipeline(scheduler=True)
    second = stage.start("worker")
    stage.gateway.faults("slow", ms=20)
    n = sized(600, 10_000)
    ids = [f"D{i}" for i in range(n)]
    storm(api.port, [webhook(message(id, chat=chat_of(i))) for i, id in enumerate(ids)])
    wait_until(lambda: "[WEBHOOK_JOB]" in second.log() and len(stage.gateway.sent()) > n // 4, 30,
               "both work")
    second.kill()
    check_each_once(stage, ids)


def test_a_worker_killed_while_it_sends(stage):
    """Both gateways took the message and never said so.  Only the one that
    remembers keys is asked again."""
    api, worker = stage.pipeline(("--durable",), scheduler=True)
    forgets = stage.start_fake("gateway")
    stage.cli("tenant", "add", "2", "default_text=hi", f"gateway_url={forgets.url}")
    for gateway in (stage.gateway, forgets):
        gateway.faults("hang")
    for tenant in ("1", "2"):
        assert api.post(webhook(message("SENT"), tenant=tenant)).status == 200
    wait_until(lambda: stage.gateway.sent() and forgets.sent(), 15, "both are sending")
    worker.kill()
    for gateway in (stage.gateway, forgets):
        gateway.faults("ok")
    worker.restart()
    wait_until(lambda: stage.redis.text.zcard(FAILED) and stage.redis.text.zcard(FINISHED), 40,
               "one is finished, one a dead letter")
    stage.wait_at_rest()
    assert [s["first"] for s in stage.gateway.sent()] == [True, False]
    assert len({s["idempotencyKey"] for s in stage.gateway.sent()}) == 1
    assert len(forgets.sent()) == 1, "never twice"
    [dead] = stage.failed()
    assert dead.kwargs["tenant_id"] == "2" and "ambiguous" in why_of(dead)
    assert {str(r["tenant_id"]): r["status"] for r in stage.replies()} == {"1": "sent", "2": "failed"}


def test_an_api_killed_under_load_loses_nothing_it_accepted(stage):
    stage.start_redis()
    api = stage.start("api")
    n = sized(1000, 20_000)
    bodies = [webhook(message(f"A{i}")) for i in range(n)]
    import threading
    answers = []
    load = threading.Thread(target=lambda: answers.extend(storm(api.port, bodies, 32)))
    load.start()
    wait_until(lambda: len(stage.queued()) > n // 3, 30)
    api.kill()
    load.join()
    stored = {stage.job(id).kwargs["messages"][0]["key"]["id"] for id in stage.queued()}
    accepted = {f"A{i}" for i, a in enumerate(answers) if a.status == 200}
    assert accepted and accepted <= stored
    api.restart()
    assert statuses(storm(api.port, bodies)) == {200: n}
    ids = [stage.job(id).kwargs["messages"][0]["key"]["id"] for id in stage.queued()]
    assert sorted(ids) == sorted(f"A{i}" for i in range(n)), "the gateway's retries complete it"
