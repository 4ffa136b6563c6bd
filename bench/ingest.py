#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Webhooks in, side by side: each target in turn, ROUNDS times, so that the drift of
a shared machine falls on all alike.  Prints medians, and ratios within the run.

    ingest.py [-r ROUNDS] [-d SECONDS] [-c CONNECTIONS] [-a no|everysec|always] [TARGET ...]

The peers' own code stands in $PEERS (default ../shared/bench); a target whose code
or program is missing is left out, and that is said."""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
PEERS = pathlib.Path(os.environ.get("PEERS", ROOT.parent / "shared" / "bench"))
RPORT, PORT, SECRET = 7410, 7481, "bench-secret"
TICK = os.sysconf("SC_CLK_TCK")


def cpu(pids):
    total = 0
    for p in pids:
        f = pathlib.Path(f"/proc/{p}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(f[11]) + int(f[12])
    return total / TICK


def tree(pid):
    out = [pid]
    for p in out:
        kids = pathlib.Path(f"/proc/{p}/task/{p}/children")
        out += [int(k) for k in kids.read_text().split()]
    return out


def rss_mb(pids):
    pages = sum(int(pathlib.Path(f"/proc/{p}/statm").read_text().split()[1]) for p in pids)
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def prosaas(tmp, sha):
    return [str(ROOT / "build/prosaas"), "api"], {"INTERNAL_SECRET": SECRET, "REDIS_URL": f"redis://127.0.0.1:{RPORT}",
                                                  "HOST": "127.0.0.1", "PORT": str(PORT)}


def flask_rq(tmp, sha):
    return ["/usr/bin/python3", "/usr/bin/gunicorn", "-b", f"127.0.0.1:{PORT}", "--backlog", "2048", "--keep-alive", "600",
            "--chdir", str(PEERS / "py"), "-w", "2", "-k", "gthread", "--threads", "8", "app:app"], \
        {"INTERNAL_SECRET": SECRET, "REDIS_PORT": str(RPORT)}


def webdis(tmp, sha):
    text = (PEERS / "webdis.json.in").read_text().replace("@PORT@", str(PORT)).replace("7400", str(RPORT)).replace("@DIR@", tmp)
    pathlib.Path(tmp, "webdis.json").write_text(text)
    return ["webdis", f"{tmp}/webdis.json"], {}


def floor(tmp, sha):
    subprocess.run(["gcc", "-O2", "-pthread", "-w", "-x", "c", "-o", f"{tmp}/floor", "-"], check=True,
                   input=(PEERS / "c/floor.c").read_text().replace("s3cret-bench", SECRET).replace(', 33)', f', {21 + len(SECRET)})'),
                   text=True)
    return [f"{tmp}/floor", str(PORT), "1", "redis", str(RPORT), sha], {}


TARGETS = {"prosaas": (prosaas, "webhook", ROOT / "build/prosaas"),
           "flask-rq": (flask_rq, "webhook", PEERS / "py/app.py"),
           "webdis": (webdis, "webdis", PEERS / "webdis.json.in"),
           "floor": (floor, "webhook", PEERS / "c/floor.c")}


def front():
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    except OSError:
        pass


def wait_port(port):
    import socket
    for _ in range(400):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"nothing listens on {port}")


def one(name, o, tmp, run):
    make, kind, _ = TARGETS[name]
    log = open(f"{tmp}/log", "ab")
    shutil.rmtree(f"{tmp}/redis", ignore_errors=True)
    os.mkdir(f"{tmp}/redis")
    persist = ["--appendonly", "no"] if o.aof == "no" else ["--appendonly", "yes", "--appendfsync", o.aof]
    redis = subprocess.Popen(["redis-server", "--port", str(RPORT), "--bind", "127.0.0.1", "--save", "", "--dir", f"{tmp}/redis", *persist],
                             stdout=log, stderr=log, preexec_fn=front)
    server = None
    try:
        wait_port(RPORT)
        sha = subprocess.run(["redis-cli", "-p", str(RPORT), "-x", "SCRIPT", "LOAD"], text=True, stdout=subprocess.PIPE,
                             input=(PEERS / "lua/full.lua").read_text() if (PEERS / "lua/full.lua").exists() else "return 1").stdout.strip()
        argv, env = make(tmp, sha)
        server = subprocess.Popen(argv, env={**os.environ, **env}, stdout=log, stderr=log, preexec_fn=front)
        wait_port(PORT)
        time.sleep(0.5)
        load = lambda secs, tag: subprocess.run(
            ["wrk", "-t2", f"-c{o.connections}", f"-d{secs}s", "--timeout", "30s", "-s", str(HERE / "webhook.lua"),
             f"http://127.0.0.1:{PORT}/", "--", f"{run}{tag}", kind], text=True, stdout=subprocess.PIPE, preexec_fn=front).stdout
        load(2, "w")
        pids = tree(server.pid)
        s0, r0 = cpu(pids), cpu([redis.pid])
        out = load(o.seconds, "m")
        s1, r1 = cpu(pids), cpu([redis.pid])
        n, us, p50, p99, p999 = map(int, out.split("RESULT ")[1].split("\n")[0].split())
        bad = out.split("ERRORS ")[1].split("\n")[0]
        return {"req/s": n / us * 1e6, "server us": (s1 - s0) / n * 1e6, "redis us": (r1 - r0) / n * 1e6,
                "p50 ms": p50 / 1e3, "p99 ms": p99 / 1e3, "p99.9 ms": p999 / 1e3, "RSS MB": rss_mb(pids), "errors": bad}
    finally:
        for p in (server, redis):
            if p:
                for kid in reversed(tree(p.pid)) if p.poll() is None else []:
                    try:
                        os.kill(kid, 15)
                    except OSError:
                        pass
                p.wait()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("-r", "--rounds", type=int, default=3)
    ap.add_argument("-d", "--seconds", type=int, default=6)
    ap.add_argument("-c", "--connections", type=int, default=64)
    ap.add_argument("-a", "--aof", default="no", choices=["no", "everysec", "always"])
    ap.add_argument("targets", nargs="*")
    o = ap.parse_args()
    names = [n for n in o.targets or TARGETS if TARGETS[n][2].exists()]
    for n in TARGETS:
        if n not in names:
            print(f"left out: {n}")
    rows = {n: [] for n in names}
    with tempfile.TemporaryDirectory() as tmp:
        for r in range(o.rounds):
            for n in names:
                row = one(n, o, tmp, f"{r}")
                rows[n].append(row)
                print(f"round {r} {n}: " + ", ".join(f"{k} {v:.1f}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items()), flush=True)
    print(f"\nmedians of {o.rounds} rounds of {o.seconds} s, {o.connections} connections, appendonly {o.aof}\n")
    keys = ["req/s", "server us", "redis us", "p50 ms", "p99 ms", "p99.9 ms", "RSS MB"]
    print("| target | " + " | ".join(keys) + " | server CPU against ours |\n|---|" + "--:|" * (len(keys) + 1))
    med = {n: {k: statistics.median(r[k] for r in rows[n]) for k in keys} for n in names}
    for n in names:
        ratio = f"{med[n]['server us'] / med['prosaas']['server us']:.1f} x" if "prosaas" in med else ""
        print(f"| {n} | " + " | ".join(f"{med[n][k]:,.0f}" if k == "req/s" else f"{med[n][k]:.1f}" for k in keys) + f" | {ratio} |")


if __name__ == "__main__":
    main()
