#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""cloud.py [--port N]: Meta's graph API for WhatsApp, as far as we call it, that misbehaves when told to.

Prints "port N" first; stops on SIGTERM.

  POST /<version>/<phone number id>/messages    needs "Authorization: Bearer ..." (any but
                    the token "expired": that is error 190); a message or a "read"
  GET  /<version>/<phone number id>    likewise; its id
  GET  /sent        every accepted message in order: the body as it came, and "number",
                    "token", "version", "wamid", "at"
  GET  /read        every accepted "read" in order, likewise
  GET  /asked       the number of each POST, accepted or not
  POST /faults      {"mode", "number": only of that one, "times": N (-1: until changed),
                     "code", "subcode", "status", "retry_after", "ms"}
      error    not accepted: Meta's error `code` with HTTP `status` (400)
      proxy    not Meta's answer: HTTP `status` with a page
      lost     recorded, closed without an answer    hang     recorded, no answer
      garbage  recorded, 200 that is no JSON         slow     recorded, answered after ms
  POST /reset       forgets everything
"""
import asyncio
import re
import time

import fakehttp

PATH = re.compile(r"^/(v[0-9.]+)/([0-9]+)/messages$")
TITLES = {190: "Error validating access token", 130429: "(#130429) Rate limit hit",
          131047: "(#131047) Re-engagement message", 131056: "(#131056) Pair rate limit hit"}


def error(status, code, subcode=None, retry_after=None):
    """The shape of Meta's errors."""
    body = {"message": TITLES.get(code, f"(#{code}) Something"), "type": "OAuthException", "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": "+972501234567 is quoted here"},
            "fbtrace_id": "AbCdEf"}
    if subcode is not None:
        body["error_subcode"] = subcode
    return status, {"error": body}, {} if retry_after is None else {"Retry-After": retry_after}


class Cloud(fakehttp.Server):
    ROUTES = {("GET", "/sent"): "list_sent", ("GET", "/read"): "list_read", ("GET", "/asked"): "list_asked"}
    MODES = ("error", "proxy", "lost", "hang", "garbage", "slow")

    def reset_records(self):
        self.sent, self.reads, self.asked = [], [], []

    async def set_faults(self, request):
        wanted = request.json()
        self.fault = {}
        self.released.set()
        self.released = asyncio.Event()
        if wanted.get("mode") in self.MODES:
            self.fault = {"status": 400, "times": -1, **wanted}
        elif wanted.get("mode") not in (None, "", "ok"):
            return 400, {"error": "mode is one of " + " ".join(self.MODES)}
        return 200, {"ok": True}

    async def handle(self, request):
        found = re.match(r"^/v[0-9.]+/([0-9]+)$", request.path)
        if found and request.method == "GET":
            token = request.headers.get("authorization", "").partition(" ")[2]
            return error(401, 190) if token in ("", "expired") else (200, {"id": found[1]})
        found = PATH.match(request.path)
        if not found or request.method != "POST":
            return await super().handle(request)
        return await self.messages(request, *found.groups())

    def fault_of(self, number):
        return self.next_fault() if self.fault.get("number") in (None, number) else {}

    async def messages(self, request, version, number):
        self.asked.append(number)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token or token == "expired":
            return error(401, 190)
        body = request.json()
        if body.get("messaging_product") != "whatsapp":
            return error(400, 100)
        mark = {**body, "number": number, "token": token, "version": version, "at": time.time()}
        if body.get("status") == "read":
            self.reads.append(mark)
            return 200, {"success": True}
        kind = body.get("type", "text")
        if not (body.get("to") or body.get("recipient")) or not isinstance(body.get(kind), dict):
            return error(400, 100)
        fault = self.fault_of(number)
        mode = fault.get("mode")
        if mode == "error":
            return error(fault["status"], fault["code"], fault.get("subcode"), fault.get("retry_after"))
        if mode == "proxy":
            return fault["status"], b"<html>Bad Gateway</html>"
        return await self.accept(body, mark, mode, fault)

    async def accept(self, body, mark, mode, fault):
        wamid = f"wamid.HBgMFake{len(self.sent):04d}=="
        self.sent.append({**mark, "wamid": wamid})
        if mode == "hang":
            await self.hang()
        if mode in ("hang", "lost"):
            return None
        if mode == "garbage":
            return 200, b"<html>fine, I think</html>"
        if mode == "slow":
            await asyncio.sleep(fault["ms"] / 1000)
        who = body.get("to") or body.get("recipient")
        return 200, {"messaging_product": "whatsapp", "contacts": [{"input": who, "wa_id": who}],
                     "messages": [{"id": wamid, "message_status": "accepted"}]}

    async def list_sent(self, request):
        return 200, self.sent

    async def list_read(self, request):
        return 200, self.reads

    async def list_asked(self, request):
        return 200, self.asked


if __name__ == "__main__":
    fakehttp.main(lambda args: Cloud())
