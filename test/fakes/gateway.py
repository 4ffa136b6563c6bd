#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gateway.py [--durable] [--port N]: a Baileys gateway that misbehaves when told to.

Prints "port N" first; stops on SIGTERM.

  POST /send        records the call and answers as the original does; with --durable a
                    known idempotencyKey gets the first result
  GET  /sent        every accepted send in order: tenantId, to, text, idempotencyKey,
                    messageId, first (this key was new), secret (X-Internal-Secret), at,
                    together (sends in hand when it came, itself included)
  POST /take        the same, and forgets them and all that was asked and typed, but no key: for
                    tests that run for an hour
  GET  /asked       when each POST /send arrived, accepted or not
  GET  /healthz     JSON with "idempotency":"durable" when it is, else the text ok
  POST /sendTyping  {"ok":true}; has faults of its own
  GET  /typing      every POST /sendTyping in order: tenantId, jid, typing, secret, at
  GET  /whatsapp/NAME/status   {"connected", "sessionState"}: connected, unless told otherwise
  POST /whatsapp/NAME/start    it is connected
  POST /sessions {"name", "state"}   what its state is; "" is 404
  POST /faults      {"mode", "times": N (-1: until changed), "ms", "retry_after", "body": of a refusal}
      500      send_failed           503, 429, 400, 401   not accepted
      hang     recorded, no answer   lost            recorded, closed without an answer
      garbage  recorded, 200 that is no JSON         slow  recorded, answered after ms
      hold     recorded, answered when the faults change
  POST /typing/faults  {"mode": ok, 500, 503, 404, hang or lost}, until changed; all recorded
  POST /reset       forgets everything
"""
import asyncio
import time

import fakehttp


class Gateway(fakehttp.Server):
    ROUTES = {("POST", "/send"): "send", ("GET", "/sent"): "list_sent", ("POST", "/take"): "take", ("GET", "/asked"): "list_asked",
              ("GET", "/healthz"): "healthz", ("POST", "/sendTyping"): "typing",
              ("GET", "/typing"): "list_typing", ("POST", "/typing/faults"): "set_typing_fault", ("POST", "/sessions"): "set_session"}
    MODES = ("500", "503", "429", "400", "401", "hang", "lost", "garbage", "slow", "hold")
    REFUSALS = {"500": {"error": "send_failed", "message": "Timed Out", "duration_ms": 30000},
                "503": {"error": "WhatsApp not connected"}, "429": {"error": "slow down"},
                "400": {"error": "Bad request"}, "401": {"error": "unauthorized"}}

    TYPING_REFUSALS = {"500": {"error": "typing_failed"}, "503": {"error": "WhatsApp not connected"},
                       "404": {"error": "not found"}}

    def __init__(self, durable):
        self.durable = durable
        self.in_hand = 0
        super().__init__()

    def reset_records(self):
        self.sessions = {}  # name -> state
        self.sent = []
        self.asked = []
        self.typed = []
        self.typing_fault = "ok"
        self.ids = {}  # key -> messageId of its first send

    def record(self, request, body):
        """Accepts a send; returns its message id."""
        key = body.get("idempotencyKey")
        first = key is None or key not in self.ids
        message_id = body.get("messageId") or f"3EB0{len(self.sent):018X}"
        if self.durable and not first:
            message_id = self.ids[key]
        if first:
            self.ids[key] = message_id
        self.sent.append({"tenantId": body["tenantId"], "to": body["to"], "text": body["text"],
                          "traceparent": request.headers.get("traceparent"),
                          "idempotencyKey": key, "messageId": message_id, "first": first,
                          "secret": request.headers.get("x-internal-secret"), "at": time.time(),
                          "together": self.in_hand})
        return message_id

    async def send(self, request):
        self.in_hand += 1
        try:
            return await self.answer(request)
        finally:
            self.in_hand -= 1

    async def answer(self, request):
        self.asked.append(time.time())
        body = request.json()
        for field in ("tenantId", "to", "text"):
            if not body.get(field):
                return 400, {"error": "Missing " + field}
        fault = self.next_fault()
        mode = fault.get("mode")
        if mode in self.REFUSALS:
            after = fault["retry_after"]
            return int(mode), fault["body"] or self.REFUSALS[mode], {} if after is None else {"Retry-After": after}

        message_id = self.record(request, body)
        if mode == "hang":
            await self.hang()
        if mode in ("hang", "lost"):
            return None
        if mode == "garbage":
            return 200, b"<html>fine, I think</html>"
        if mode == "slow":
            await asyncio.sleep(fault["ms"] / 1000)
        if mode == "hold":
            await self.changed.wait()
        return 200, {"ok": True, "messageId": message_id, "status": "sent", "duration_ms": fault.get("ms", 0)}

    async def list_sent(self, request):
        return 200, self.sent

    async def take(self, request):
        taken, self.sent, self.asked, self.typed = self.sent, [], [], []
        return 200, taken

    async def list_asked(self, request):
        return 200, self.asked

    async def healthz(self, request):
        return 200, {"ok": True, "idempotency": "durable"} if self.durable else b"ok"

    async def typing(self, request):
        body = request.json()
        for field in ("tenantId", "jid"):
            if not body.get(field):
                return 400, {"error": "Missing " + field}
        self.typed.append({"tenantId": body["tenantId"], "jid": body["jid"], "typing": body.get("typing", True),
                           "secret": request.headers.get("x-internal-secret"), "at": time.time()})
        mode = self.typing_fault
        if mode == "hang":
            await self.hang()
        if mode in self.TYPING_REFUSALS:
            return int(mode), self.TYPING_REFUSALS[mode]
        return (200, {"ok": True}) if mode == "ok" else None

    async def handle(self, request):
        words = request.path.strip("/").split("/")
        if words[0] != "whatsapp" or len(words) != 3:
            return await super().handle(request)
        if words[2] == "start":
            self.sessions.pop(words[1], None)
            return 200, {"ok": True, "state": "started"}
        state = self.sessions.get(words[1], "connected")
        if words[2] != "status" or not state:
            return 404, {"error": "not found"}
        return 200, {"connected": state == "connected", "sessionState": state}

    async def set_session(self, request):
        body = request.json()
        self.sessions[body["name"]] = body["state"]
        return 200, {"ok": True}

    async def list_typing(self, request):
        return 200, self.typed

    async def set_typing_fault(self, request):
        self.typing_fault = request.json().get("mode", "ok")
        return 200, {"ok": True}


if __name__ == "__main__":
    fakehttp.main(lambda args: Gateway(args.durable), "--durable")
