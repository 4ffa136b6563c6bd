#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What metrics cost of ingest: instructions of an api that takes webhooks, by callgrind,
and how many of them are for metrics.  Counted, not timed: it comes out the same each time.

    metrics.py [-n WEBHOOKS]

For metrics are metric_*() themselves and every reading of the monotonic clock (more than
they ask for: deadlines read it, too); of all that the loop runs, start-up not counted.
Vitals are told by the clock, so they are shown by the second, and as a share of a core that
takes 20,000 webhooks in it."""
import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
RPORT, PORT, SECRET, CLIENTS = 7412, 7483, "bench-secret", 16


def wait_port(port):
    for _ in range(1200):
        try:
            return socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def client(first, count):
    conn = http.client.HTTPConnection("127.0.0.1", PORT, timeout=120)
    for i in range(first, first + count):
        conn.request("POST", "/webhook/whatsapp/incoming", json.dumps({"tenantId": "1", "payload": {"messages": [
            {"key": {"id": f"BENCH{i:012}", "remoteJid": f"9725{i % 1000:08}@s.whatsapp.net", "fromMe": False},
             "messageTimestamp": 1790000000, "pushName": "Customer",
             "message": {"conversation": "Hello, are you open tomorrow? I would like to come by in the morning."}}]}}),
            {"X-Internal-Secret": SECRET, "Content-Type": "application/json"})
        answer = conn.getresponse()
        answer.read()
        if answer.status != 200:
            sys.exit(f"answered {answer.status}")


def annotated(out, *options):
    """{(file, function): instructions}."""
    text = subprocess.run(["callgrind_annotate", "--auto=no", "--threshold=100", *options, out], capture_output=True, text=True, check=True).stdout
    rows = {}
    for ir, what in re.findall(r"^ *([\d,]+) \([ \d.]+%\)  (.*)$", text, re.M):
        n = int(ir.replace(",", ""))
        m = re.match(r"\S*?([\w.-]+):([\w']+)", what)
        if m:
            rows[m[1], m[2]] = max(rows.get((m[1], m[2]), 0), n)  # some stand twice, by another path
    return rows


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("-n", type=int, default=8000)
    o = p.parse_args()
    for need in ("valgrind", "callgrind_annotate", "redis-server"):
        if not shutil.which(need):
            sys.exit(f"metrics.py: {need} is missing (apt-get install valgrind redis-server)")
    tmp = tempfile.mkdtemp()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    redis = subprocess.Popen(["redis-server", "--port", str(RPORT), "--bind", "127.0.0.1", "--save", "", "--dir", tmp], **quiet)
    api = None
    try:
        wait_port(RPORT)
        out = f"{tmp}/callgrind.out"
        api = subprocess.Popen(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(ROOT / "build/prosaas"), "api"],
                               env={**os.environ, "INTERNAL_SECRET": SECRET, "REDIS_URL": f"redis://127.0.0.1:{RPORT}",
                                    "HOST": "127.0.0.1", "PORT": str(PORT), "ENQUEUE_DEADLINE_MS": "60000"}, **quiet)
        wait_port(PORT)
        began = time.monotonic()
        time.sleep(2)  # until Redis is there: valgrind is slow
        threads = [threading.Thread(target=client, args=(i * (o.n // CLIENTS), o.n // CLIENTS)) for i in range(CLIENTS)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        api.send_signal(signal.SIGTERM)
        api.wait(120)
        seconds = time.monotonic() - began
        own = annotated(out)
        whole = annotated(out, "--inclusive=yes")
        total = sum(n for (_, name), n in whole.items() if name == "loop_run")
        metric = sum(n for (_, name), n in own.items() if name.startswith("metric_"))
        clock = sum(n for (_, name), n in whole.items() if name == "clock_mono_us")
        vitals = sum(n for (file, name), n in whole.items() if file == "vitals.c" and name == "on_tick") / seconds
        for what, n in (("all", total), ("metric_*", metric), ("clock", clock)):
            print(f"{what:10} {n / o.n:9,.0f} instructions a webhook {100 * n / total:6.2f} %")
        print(f"{'vitals':10} {vitals:9,.0f} instructions a second  {100 * vitals / (20000 * total / o.n):6.3f} %")
    finally:
        for proc in (api, redis):
            if proc and proc.poll() is None:
                proc.kill()
                proc.wait()
        shutil.rmtree(tmp, ignore_errors=True)


main()
