# SPDX-License-Identifier: MIT
"""customers: people who write again and again, and all that comes with them.

    with Customers(api, rate=40, chats=60) as street: ...     a step each 1/rate s
    street.told(sends)          what the gateway sent: receipts of it will come
    street.ids                  provider ids of what has to be answered, each once

A step is one of WHAT: a line, a burst, a webhook delivered again, the receipts of a reply, a
person who answers from the phone, a message for a tenant that nobody knows, a request
that is refused or given up.  503 is tried again, as a gateway does; any other answer than the
one that is due ends it, and `check()` says so.
"""
import collections
import http.client
import threading
import time

from harness import INCOMING, PATIENCE, SECRET, Raw, ask, chat_of, encode, head, message, webhook

TENANTS = ("1", "2", "3")
UNKNOWN = "404"  # the tenant
WHAT = {"line": 50, "burst": 8, "again": 10, "receipts": 25, "person": 2, "stranger": 2, "refused": 2, "given_up": 1}
NEW_CONNECTION_EVERY = 20  # steps


def has_person(chat):
    """In these somebody answers from the phone now and then."""
    return chat % 10 == 9


class Customers(threading.Thread):
    def __init__(self, api, dice, rate, chats):
        super().__init__()
        self.api, self.dice, self.rate, self.chats = api, dice, rate, chats
        self.stopped = threading.Event()
        self.wrong = None
        self.ids = {}  # id -> chat
        self.steps = collections.Counter()
        self.by_hand = 0
        self.recent = collections.deque(maxlen=50)
        self.replies = collections.deque(maxlen=1000)  # whose receipts are to come
        self.conn = self.connect()

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.api.port, timeout=30 * PATIENCE)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.join()
        self.conn.close()

    def check(self):
        assert not self.wrong, self.wrong

    def told(self, sends):
        self.replies.extend(sends)

    def run(self):
        began, n = time.monotonic(), 0
        try:
            while not self.stopped.is_set():
                n += 1
                pause = began + n / self.rate - time.monotonic()
                if pause > 0:
                    time.sleep(pause)  # this is the load's pace
                if n % NEW_CONNECTION_EVERY == 0:
                    self.conn.close()
                [what] = self.dice.choices(list(WHAT), list(WHAT.values()))
                getattr(self, what)()
                self.steps[what] += 1
        except Exception as e:  # of a thread: told by check()
            self.wrong = f"step {n}: {e!r}"

    def post(self, body, secret=SECRET, want=200):
        end = time.monotonic() + 60 * PATIENCE
        while True:
            a = ask(self.api.port, "POST", INCOMING, encode(body), {"X-Internal-Secret": secret}, conn=self.conn)
            if a.status == want:
                return
            assert a.status == 503 and time.monotonic() < end, a
            time.sleep(0.1)  # as a gateway waits before it tries again

    # The steps.

    def say(self, chat, **more):
        id = f"S{len(self.ids)}"
        body = webhook(message(id, f"question {id}", chat_of(chat), **more), tenant=TENANTS[chat % 3])
        self.post(body)
        self.ids[id] = chat
        self.recent.append(body)

    def line(self):
        self.say(self.dice.randrange(self.chats))

    def burst(self):
        chat = self.dice.randrange(self.chats)
        for _ in range(3):
            self.say(chat)

    def again(self):
        if self.recent:
            self.post(self.dice.choice(self.recent))

    def receipts(self):
        if not self.replies:
            return
        sent = self.replies.popleft()
        key = {"remoteJid": sent["to"], "fromMe": True, "id": sent["idempotencyKey"]}
        for status in (3, 4):
            self.post({"tenantId": sent["tenantId"], "payload": {"updates": [{"key": key, "update": {"status": status}}]}})

    def person(self):
        chat = 10 * self.dice.randrange(self.chats // 10) + 9
        self.by_hand += 1
        self.post(webhook(message(f"P{self.by_hand}", "I am here", chat_of(chat), fromMe=True), tenant=TENANTS[chat % 3]))

    def stranger(self):
        self.post(webhook(message(f"X{self.steps['stranger']}", "hello", chat_of(7)), tenant=UNKNOWN))

    def refused(self):
        self.post(webhook(message("R1")), secret="not the secret at all", want=401)
        self.conn.close()
        self.post(b"{", want=400)

    def given_up(self):
        with Raw(self.api.port) as raw:
            raw.send(head(Content_Length=1000) + b'{"tenantId"')
