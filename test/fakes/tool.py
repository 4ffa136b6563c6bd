#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tool.py [--port N]: a webhook that a model may call.

  POST /stock      {"free": N}, N the length of what was asked for
  POST /broken     500
  POST /moved      302 to /stock
  POST /long       20 KiB
  POST /slow       never
  GET  /calls      every call: path, headers, raw body
"""
import fakehttp


class Tool(fakehttp.Server):
    ROUTES = {("GET", "/calls"): "list_calls",
              **{("POST", "/" + name): name for name in ("stock", "broken", "moved", "long", "slow")}}

    def reset_records(self):
        self.calls = []

    def note(self, request):
        self.calls.append({"path": request.path, "headers": request.headers, "body": request.body.decode()})
        return request.json()

    async def stock(self, request):
        return 200, {"free": len(self.note(request)["arguments"].get("boat", ""))}

    async def broken(self, request):
        self.note(request)
        return 500, {"secret": "trace"}

    async def moved(self, request):
        self.note(request)
        return 302, b"", {"Location": "/stock"}

    async def long(self, request):
        self.note(request)
        return 200, b"x" * (20 << 10)

    async def slow(self, request):
        self.note(request)
        await self.hang()

    async def list_calls(self, request):
        return 200, self.calls


if __name__ == "__main__":
    fakehttp.main(lambda args: Tool())
