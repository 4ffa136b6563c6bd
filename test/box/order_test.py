# SPDX-License-Identifier: MIT
"""Each chat is answered in the order in which its messages came, whatever fails and
whoever is killed or drained in between."""
import collections
import threading
import time

import chaos
from harness import (FAILED, FINISHED, LONG, chat_of, figure, message, sized, wait_until, webhook)

CLIENTS = 10


class Chats(threading.Thread):
    """A client that writes in some chats, one webhook after another; a webhook has
    one to three messages of one chat."""

    def __init__(self, api, chats, each, seed):
        super().__init__()
        self.api, self.chats, self.each = api, chats, each
        self.dice, self.posted = chaos.random.Random(seed), 0

    def run(self):
        at = dict.fromkeys(self.chats, 0)
        while at:
            chat = self.dice.choice(list(at))
            upto = min(at[chat] + self.dice.randint(1, 3), self.each)
            batch = [message(f"{chat}/{i}", chat=chat_of(chat)) for i in range(at[chat], upto)]
            assert self.api.post(webhook(*batch)).status == 200
            self.posted += len(batch)
            at[chat] = upto
            if upto == self.each:
                del at[chat]


def answered(stage):
    """Per chat, which messages were answered, in the order the gateway sent them."""
    ids = {r["key"]: r["id"] for r in stage.rows(
        "SELECT o.outbound_key AS key, i.provider_message_id AS id"
        " FROM messages o JOIN messages i ON i.id = o.reply_to WHERE o.outbound_key IS NOT NULL")}
    chats = collections.defaultdict(list)
    for sent in chaos.firsts(stage):
        chat, at = ids[sent["idempotencyKey"]].split("/")
        assert sent["to"] == chat_of(int(chat))
        chats[int(chat)].append(int(at))
    return chats


def disturb(stage, workers, dice):
    """A worker dies or is drained, or the gateway refuses some sends: nothing was
    sent then, so each is tried again."""
    what = dice.choice(["kill", "drain", "503", "429"])
    worker = dice.choice(workers)
    if what == "kill" and chaos.crashes_most(stage) < chaos.CRASHES_MOST:
        worker.kill()
        worker.restart()
    elif what == "drain":
        assert worker.stop() == 0
        worker.restart()
    else:
        what = what if what.isdigit() else "503"
        stage.gateway.faults(what, times=dice.randint(1, 5))
    return what


def finished(stage):
    if not LONG:
        chaos.end_leases(stage)
    return stage.redis.text.zcard(FINISHED)


def test_replies_of_a_chat_come_in_the_order_of_its_messages(stage):
    dice = chaos.dice("order")
    chats, each = sized(20, 200), 100 if LONG else 15
    api, worker = stage.pipeline(scheduler=True, JOB_RETRIES=50, WORKER_CONCURRENCY=16, DRAIN_TIMEOUT=1)
    workers = [worker] + [stage.start("worker") for _ in range(3)]
    began = time.monotonic()
    clients = [Chats(api, range(c, chats, CLIENTS), each, dice.random()) for c in range(CLIENTS)]
    for c in clients:
        c.start()

    done, n, rounds = collections.Counter(), chats * each, 24 if LONG else 8
    for round in range(rounds):
        part = n * round // (rounds + 1)
        wait_until(lambda: finished(stage) >= part, 120, f"{part} are answered")
        done[disturb(stage, workers, dice)] += 1
        chaos.census(stage)
    for c in clients:
        c.join()
    assert sum(c.posted for c in clients) == n
    wait_until(lambda: finished(stage) >= n or stage.redis.text.zcard(FAILED), 180, "all are answered")
    assert stage.redis.text.zcard(FAILED) == 0
    stage.wait_at_rest()
    figure(f"{chats} chats x {each} messages, {dict(done)}: answered in {time.monotonic() - began:.1f} s")
    assert dict(answered(stage)) == {chat: list(range(each)) for chat in range(chats)}
    assert chaos.census(stage)["places"] == {"finished": n}
