# SPDX-License-Identifier: MIT
"""fakehttp.py: the HTTP/1.1 server under the fakes; keep-alive, one task a connection.

A fake is a class with a method per route, named by ROUTES:

    class Fake(fakehttp.Server):
        ROUTES = {("POST", "/send"): "send"}
        async def send(self, request): return 200, {"ok": True}

A handler returns (status, body[, headers]): body is bytes (sent as they are) or
something to be sent as JSON; or None: the connection is closed without an answer.
POST /faults and /reset are here, for all fakes.  After /reset a fake is as it was when it
started: who was connected or waited for an answer is cut off, nothing comes of it later.
"""
import argparse
import asyncio
import json
import signal
import sys

HEAD_MAX = 64 << 10


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body = method, path, headers, body

    def json(self):
        """The body as a dict; {} when it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


class Server:
    ROUTES = {}
    MODES = ()  # faults this fake knows

    def __init__(self):
        self.fault = {}
        self.released = asyncio.Event()  # ends what hangs
        self.changed = asyncio.Event()  # the faults did
        self.serving = set()  # a task a connection
        self.reset_records()

    def reset_records(self):
        """Forgets what was recorded; overridden."""

    def next_fault(self):
        """The fault for this request, or {}.  Counts it."""
        fault = self.fault
        if not fault:
            return {}
        if fault["times"] > 0:
            fault["times"] -= 1
        if fault["times"] == 0:
            self.fault = {}
        return fault

    async def hang(self):
        """Never answers: returns when the server or the fault ends."""
        await self.released.wait()

    async def set_faults(self, request):
        wanted = request.json()
        mode = wanted.get("mode")
        if mode not in (None, "", "ok", *self.MODES):
            return 400, {"error": "mode is one of " + " ".join(self.MODES)}
        times = int(wanted.get("times", 1))
        self.changed.set()
        self.changed = asyncio.Event()
        self.fault = {}
        if mode in self.MODES and times != 0:
            self.fault = {"mode": mode, "times": times, "ms": int(wanted.get("ms", 0)),
                          "retry_after": wanted.get("retry_after"), "model": wanted.get("model"),
                          "body": wanted.get("body")}
        return 200, {"ok": True}

    async def reset(self, request):
        others = self.serving - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        self.fault = {}
        self.reset_records()
        return 200, {"ok": True}

    async def handle(self, request):
        name = {("POST", "/faults"): "set_faults", ("POST", "/reset"): "reset",
                **self.ROUTES}.get((request.method, request.path))
        if not name:
            return 404, {"error": "not found"}
        return await getattr(self, name)(request)

    # The wire.

    async def read_request(self, reader):
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.strip().lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        return Request(method, target.partition("?")[0], headers, body)

    async def write_answer(self, writer, status, body, headers=None):
        headers = dict(headers or {})
        trickle = headers.pop("trickle", None)  # seconds a byte
        if not isinstance(body, bytes):
            body = json.dumps(body, ensure_ascii=False).encode()
            headers.setdefault("Content-Type", "application/json")
        head = f"HTTP/1.1 {status} Fake\r\nContent-Length: {len(body)}\r\n"
        head += "".join(f"{k}: {v}\r\n" for k, v in headers.items())
        writer.write(head.encode() + b"\r\n" + (b"" if trickle else body))
        for i in range(len(body) if trickle else 0):
            await asyncio.sleep(trickle)
            writer.write(body[i:i + 1])
            await writer.drain()
        await writer.drain()

    async def serve(self, reader, writer):
        self.serving.add(asyncio.current_task())
        try:
            while True:
                answer = await self.handle(await self.read_request(reader))
                if answer is None:
                    break
                await self.write_answer(writer, *answer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # the client has gone, or speaks something else
        except asyncio.CancelledError:
            pass  # reset
        finally:
            self.serving.discard(asyncio.current_task())
            writer.close()

    async def run(self, port):
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        server = await asyncio.start_server(self.serve, "127.0.0.1", port, limit=HEAD_MAX, backlog=1024)
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await stopping.wait()
        server.close()


def main(make, *flags):
    """make(args) returns the Server; flags are extra --switches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    for flag in flags:
        parser.add_argument(flag, action="store_true")
    args = parser.parse_args()

    async def run():
        await make(args).run(args.port)

    asyncio.run(run())
    sys.exit(0)
