# SPDX-License-Identifier: MIT
"""Clients that are slow, many, or gone."""
import resource
import socket
import time

import harness
from harness import PATIENCE, SECRET, encode, head, message, sized, wait_until, webhook


def closed(sock, seconds):
    sock.settimeout(seconds * PATIENCE)
    data = b""
    while True:
        more = sock.recv(4096)
        if not more:
            return data
        data += more


def connect(api):
    return socket.create_connection(("127.0.0.1", api.port), timeout=10)


def test_a_request_that_never_ends_meets_its_deadline(stage):
    stage.start_redis()
    api = stage.start("api", REQUEST_TIMEOUT_MS=500)
    with connect(api) as s:
        s.sendall(b"POST /webhook/whatsapp/incoming HTTP/1.1\r\nHost: a\r\n")
        assert closed(s, 5).startswith(b"HTTP/1.1 408 ")
    with connect(api) as s: # a byte now and then does not help
        s.sendall(b"POST /webhook/whatsapp/incoming HTTP/1.1\r\nHost: a\r\nX-Internal-Secret: "
                  + SECRET.encode() + b"\r\nContent-Length: 100\r\n\r\n")
        began = time.monotonic()
        s.settimeout(0.05)
        answer = b""
        while not answer and time.monotonic() - began < 5 * PATIENCE:
            s.sendall(b" ")
            try:
                answer = s.recv(100)
            except socket.timeout:
                pass
        assert answer.startswith(b"HTTP/1.1 408 ")
    assert api.post(webhook(message("A1"))).status == 200


def test_an_idle_connection_is_closed(stage):
    stage.start_redis()
    api = stage.start("api", IDLE_TIMEOUT_MS=300)
    with connect(api) as s:
        assert closed(s, 5) == b""


def test_idle_connections_cost_little(stage):
    stage.start_redis()
    count = sized(2000, 10000)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, count + 500)), hard))
    api = stage.start("api", MAX_CONNECTIONS=count + 10)
    socks = [connect(api) for _ in range(count // 2)]
    try:
        wait_until(lambda: api.connections() >= count // 2, 30, "half of them")
        assert api.post(webhook(message("A0"))).status == 200 # what is made once is made now
        before = api.rss_kb()
        socks += [connect(api) for _ in range(count // 2)]
        wait_until(lambda: api.connections() >= count // 2 * 2, 30, "all connections")
        assert api.post(webhook(message("A1"))).status == 200
        grown = api.rss_kb() - before
        print(f"{count // 2} idle connections: {grown} kB")
        if PATIENCE == 1: # a sanitizer's allocator is another matter
            assert grown < count // 2 * 1.2
    finally:
        for s in socks:
            s.close()
    wait_until(lambda: api.connections() < 10, 30, "all gone")


def test_above_the_cap_a_connection_waits_its_turn(stage):
    stage.start_redis()
    api = stage.start("api", MAX_CONNECTIONS=4)
    socks = [connect(api) for _ in range(4)]
    with connect(api) as late:
        late.sendall(head(path="/healthz", method="GET") + b"\r\n")
        late.settimeout(0.3)
        try:
            assert late.recv(100) == b"" and False, "served above the cap"
        except socket.timeout:
            pass
        for s in socks:
            s.close()
        late.settimeout(5 * PATIENCE)
        assert late.recv(100).startswith(b"HTTP/1.1 200 ")


def test_clients_that_leave_before_their_answer(stage):
    stage.start_redis()
    api = stage.start("api")
    text = encode(webhook(message("GONE")))
    stage.redis.pause()
    socks = [connect(api) for _ in range(50)]
    for s in socks:
        s.sendall(head(Content_Length=len(text)) + text)
    wait_until(lambda: api.connections() >= 50, 10, "all are in")
    for s in socks:
        s.close()
    stage.redis.resume()
    wait_until(lambda: api.connections() < 5, 10, "all gone")
    wait_until(lambda: api.post(webhook(message("A1"))).status == 200, 10, "served again")
    ids = [stage.job(id).kwargs["messages"][0]["key"]["id"] for id in stage.queued()]
    assert sorted(ids) == ["A1", "GONE"], "what was sent is kept, once, though nobody waited"


def test_more_connections_than_descriptors_wait_their_turn(stage, monkeypatch):
    """Running out of descriptors would drop clients, or spin: the cap comes first."""
    tight = stage.dir / "tight"
    tight.write_text(f'#!/bin/sh\nulimit -n 64\nexec {harness.BIN} "$@"\n')
    tight.chmod(0o755)
    monkeypatch.setattr(harness, "BIN", tight)
    stage.start_redis()
    api = stage.start("api")
    api.wait_log("MAX_CONNECTIONS=10000")
    socks = [connect(api) for _ in range(100)]
    for s in socks:
        s.sendall(head(path="/healthz", method="GET", Connection="close"))
    for s in socks: # each is served when those before it have left
        s.settimeout(10 * PATIENCE)
        assert s.recv(100).startswith(b"HTTP/1.1 200 ")
        s.close()
    assert api.post(webhook(message("A1"))).status == 200
