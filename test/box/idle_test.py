# SPDX-License-Identifier: MIT
"""A worker without work: how little it asks of Redis, and how fast it wakes."""
import statistics
import threading
import time
from datetime import timezone

import redis

import chaos
from harness import (FINISHED, LONG, PATIENCE, QUEUE, chat_of, figure, message, sized, wait_until)

END = "the watch is over"


def watch(stage, seconds):
    """All commands of so many seconds, by MONITOR: (whether a script sent it, its
    client's address, its words)."""
    port = stage.redis.port
    over = threading.Timer(seconds, lambda: redis.Redis(port=port).echo(END))
    with redis.Redis(port=port, socket_timeout=(seconds + 20) * PATIENCE).monitor() as monitor:
        over.start()
        seen = []
        for c in monitor.listen():
            if END in c["command"]:
                return seen
            seen.append((c["client_type"] == "lua", f"{c['client_address']}:{c['client_port']}", c["command"]))


def wait_blocked(stage):
    """The worker has found nothing and blocks on each of its queues, our own too."""
    wait_until(lambda: stage.redis.text.info("clients")["blocked_clients"] == 6, 15, "it blocks")


def test_an_idle_worker_sends_fewer_than_two_commands_a_second(stage):
    api, _ = stage.pipeline()
    api.stop()  # what its scripts do could not be told from the worker's
    wait_blocked(stage)
    seconds = 60 if LONG else 20
    mine = {c["addr"] for c in stage.redis.text.client_list() if c["name"].startswith("prosaas-")}
    seen = watch(stage, seconds)
    sent = [words for inside, address, words in seen if not inside and address in mine]
    inside = sum(i for i, _, _ in seen)
    figure(f"idle worker: {len(sent) / seconds:.2f} commands a second sent, {inside / seconds:.2f} more"
           f" inside its scripts, over {seconds} s")
    assert sent, "it does look now and then"
    assert (len(sent) + inside) / seconds < 2, seen


def test_an_idle_worker_starts_a_pushed_job_at_once(stage):
    stage.pipeline()
    started, sent = [], []
    for i in range(sized(50, 500)):
        wait_blocked(stage)
        id = chaos.save_job(stage.redis.bytes, message(f"I{i}", chat=chat_of(i)))
        at = time.time()
        stage.redis.bytes.rpush(QUEUE, id)
        wait_until(lambda: stage.redis.text.zscore(FINISHED, id), 10, "it is done")
        started.append((stage.job(id).started_at.replace(tzinfo=timezone.utc).timestamp() - at) * 1000)
        sent.append((stage.gateway.sent()[-1]["at"] - at) * 1000)
    for what, ms in (("claim by an idle worker", started), ("reply at the gateway", sent)):
        figure(f"push to {what}: median {statistics.median(ms):.2f} ms, max {max(ms):.2f} ms")
    assert statistics.median(started) < 5 * PATIENCE
