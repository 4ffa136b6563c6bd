#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ai.py [--port N]: an OpenAI-compatible server that misbehaves when told to.

Prints "port N" first; stops on SIGTERM.

  POST /v1/chat/completions   answers "Echo: <last user message>" with usage
  POST /take                  the same, and forgets them: for tests that run for an hour
  GET  /v1/models             gpt-4o-mini; a refusal while /faults has one
  GET  /requests              every request in order: the body, and "at", its arrival
  POST /delay                 {"ms": M}: all answers come M ms later
  POST /say                   {"text": T}: answers T; null: the echo again
  POST /faults                {"mode", "times": N (-1: until changed), "ms", "retry_after",
                               "model": only where this one is asked, "body": of a refusal}
      500, 503, 429, 400, 401   errors in OpenAI's form
      quota    429 insufficient_quota       empty    content of blanks
      hang     no answer                    lost     closed without an answer
      garbage  200 that is no JSON          slow     answered after ms
      big      a body of 10 MB              trickle  a byte each 100 ms
      html     502 with a proxy's page
      nomodel  404 model_not_found              context   400 while over 4 messages are sent
      newer    400 for max_tokens, then for temperature, as newer models do
      length   an answer cut in its middle      filter    content_filter, no content
      refusal  a refusal in place of content    stream    text/event-stream all the same
      nousage  an answer without usage
      tools    asks for the calls in "body", [[name, arguments], ...], while it may; then it
               says their results
      thinking no content, finish_reason length, while it may use less than 1000 tokens
  POST /reset                 forgets everything, delay included
"""
import asyncio
import time

import fakehttp


def error(code, kind):
    return {"error": {"message": "as you asked", "type": kind, "param": None, "code": code}}


class Ai(fakehttp.Server):
    ROUTES = {("POST", "/v1/chat/completions"): "complete", ("GET", "/requests"): "list_requests", ("POST", "/take"): "take", ("GET", "/v1/models"): "models",
              ("POST", "/delay"): "set_delay", ("POST", "/say"): "set_text"}
    REFUSALS = {"500": (500, error(None, "server_error")), "503": (503, error("slow_down", "server_error")),
                "429": (429, error("rate_limit_exceeded", "requests")),
                "400": (400, error("unsupported_parameter", "invalid_request_error")),
                "401": (401, error("invalid_api_key", "invalid_request_error")),
                "quota": (429, error("insufficient_quota", "insufficient_quota")),
                "html": (502, b"<html><body>Bad Gateway</body></html>")}
    REFUSALS |= {"nomodel": (404, error("model_not_found", "invalid_request_error"))}
    MODES = (*REFUSALS, "hang", "lost", "garbage", "slow", "empty", "big", "trickle", "context", "newer", "length",
             "filter", "refusal", "stream", "nousage", "thinking", "tools")

    async def models(self, request):
        refusal = self.REFUSALS.get(self.fault.get("mode"))
        return refusal or (200, {"object": "list", "data": [{"id": "gpt-4o-mini", "object": "model"}]})

    def reset_records(self):
        self.requests = []
        self.delay_ms = 0
        self.text = None

    @staticmethod
    def answer(body, content):
        words = sum(len(str(m.get("content")).split()) for m in body.get("messages", []))
        spent = len(content.split())
        return {"id": "chatcmpl-fake", "object": "chat.completion", "created": int(time.time()),
                "model": body.get("model"),
                "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                             "message": {"role": "assistant", "content": content, "refusal": None}}],
                "usage": {"prompt_tokens": words, "completion_tokens": spent, "total_tokens": words + spent}}

    async def complete(self, request):
        body = request.json()
        self.requests.append({**body, "at": time.time(), "authorization": request.headers.get("authorization"),
                              "traceparent": request.headers.get("traceparent")})
        fault = {} if self.fault.get("model") not in (None, body.get("model")) else self.next_fault()
        mode = fault.get("mode")
        await asyncio.sleep((self.delay_ms + (fault["ms"] if mode == "slow" else 0)) / 1000)
        if mode == "hang":
            await self.hang()
        if mode in ("hang", "lost"):
            return None
        if mode in self.REFUSALS:
            after = fault["retry_after"]
            status, refusal = self.REFUSALS[mode]
            headers = {"x-request-id": "req_fake"} | ({} if after is None else {"Retry-After": after})
            return status, fault["body"] or refusal, headers
        if mode == "garbage":
            return 200, b"data: not json\n\n"
        if mode == "big":
            return 200, self.answer(body, "big " * (10 << 18))
        if mode == "empty":
            return 200, self.answer(body, " \n")

        if mode == "context" and len(body["messages"]) > 4:
            return 400, error("context_length_exceeded", "invalid_request_error")
        if mode == "newer" and ("max_tokens" in body or "temperature" in body):
            return 400, {"error": {**error("unsupported_parameter", "invalid_request_error")["error"],
                                   "param": "max_tokens" if "max_tokens" in body else "temperature"}}
        if mode == "thinking" and body["max_tokens"] < 1000:
            answer = self.answer(body, "")
            answer["choices"][0]["finish_reason"] = "length"
            answer["usage"]["completion_tokens"] = body["max_tokens"]
            return 200, answer
        if mode == "stream":
            return 200, b"data: {\"choices\":[{\"delta\":{\"content\":\"Ech\"}}]}\n\ndata: [DONE]\n\n"
        if mode in ("filter", "refusal", "length"):
            answer = self.answer(body, "A whole sentence. And half of ano" if mode == "length" else "")
            choice = answer["choices"][0]
            choice["finish_reason"] = {"filter": "content_filter", "length": "length"}.get(mode, "stop")
            if mode == "refusal":
                choice["message"] |= {"content": None, "refusal": "I can't help with that"}
            return 200, answer

        results = [m for m in body.get("messages", []) if m.get("role") == "tool"]
        if mode == "tools" and body.get("tools") and body.get("tool_choice") != "none":
            answer = self.answer(body, "")
            answer["choices"][0]["finish_reason"] = "tool_calls"
            answer["choices"][0]["message"] |= {"content": None, "tool_calls": [
                {"id": f"call-{len(results) + i}", "type": "function", "function": {"name": name, "arguments": text}}
                for i, (name, text) in enumerate(fault["body"])]}
            return 200, answer
        if results:
            return 200, self.answer(body, " | ".join(m["content"] for m in results))
        asked = [m.get("content") for m in body.get("messages", []) if m.get("role") == "user"]
        echo = self.answer(body, self.text or f"Echo: {asked[-1] if asked else ''}")
        if mode == "nousage":
            del echo["usage"]
        return 200, echo, {"trickle": 0.1} if mode == "trickle" else {}

    async def list_requests(self, request):
        return 200, self.requests

    async def take(self, request):
        taken, self.requests = self.requests, []
        return 200, taken

    async def set_text(self, request):
        self.text = request.json().get("text")
        return 200, {"ok": True}

    async def set_delay(self, request):
        self.delay_ms = int(request.json().get("ms", 0))
        return 200, {"ok": True}


if __name__ == "__main__":
    fakehttp.main(lambda args: Ai())
