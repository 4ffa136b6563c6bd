#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""collector.py [--port N]: takes spans as an OpenTelemetry collector does.

  POST /v1/traces  {} or the fault that is set; recorded
  GET  /posts      every request that was taken: its content type and body
  POST /faults     {"mode": ok, 500 or hang}
"""
import fakehttp


class Collector(fakehttp.Server):
    ROUTES = {("POST", "/v1/traces"): "take", ("GET", "/posts"): "list_posts"}
    MODES = ("500", "hang")

    def reset_records(self):
        self.posts = []

    async def take(self, request):
        fault = self.next_fault()
        if fault and fault["mode"] == "hang":
            await self.hang()
        if fault:
            return 500, {}
        self.posts.append({"type": request.headers.get("content-type"), "body": request.json()})
        return 200, {}

    async def list_posts(self, request):
        return 200, self.posts


if __name__ == "__main__":
    fakehttp.main(lambda args: Collector())
