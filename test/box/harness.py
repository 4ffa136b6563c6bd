# SPDX-License-Identifier: MIT
"""harness: the processes of one test, and the ways to ask them.

A Stage is a temporary directory and what a test started in it: a real
redis-server, the fakes of test/fakes, roles of the binary under test.  It picks
free ports, passes settings from one to the next (REDIS_URL, BAILEYS_BASE_URL,
OPENAI_BASE_URL), keeps every log, and ends everything by process id.  What a
process must not do (die unasked, exit with other than 0, print a sanitizer's
report) becomes a complaint, and a complaint fails the test.

    stage.start_redis()
    api = stage.start("api")
    assert api.post(webhook(message("A1"))).status == 200

Nobody sleeps: wait_until() polls a condition up to a deadline.

What is the same in hundreds of tests is made once a file: an empty database is the copy of
one that `prosaas migrate` made, and a fake that a test leaves well forgets everything
(/reset) and serves the next.
Environment: PROSAAS_BIN; SIZE short or long; SCALE multiplies the sizes and
PATIENCE the deadlines (a sanitizer build is slow); FAKES where the fakes are.
"""
import ctypes
import http.client
import json
import os
import pathlib
import queue
import random
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time

import redis
from rq.job import Job
from rq.serializers import JSONSerializer

BIN = os.environ.get("PROSAAS_BIN", "build/prosaas")
FAKES = pathlib.Path(os.environ.get("FAKES", pathlib.Path(__file__).parents[1] / "fakes"))
LONG = os.environ.get("SIZE", "short") == "long"
SCALE = float(os.environ.get("SCALE", "1"))
PATIENCE = float(os.environ.get("PATIENCE", "1"))

SECRET = "box-secret-is-not-short"
ADMIN = "box-admin-token-is-not-short"
INCOMING = "/webhook/whatsapp/incoming"
ALIAS = "/api/whatsapp/webhook/incoming"
CHAT = "972501234567@s.whatsapp.net"
FUNCTION = "server.jobs.webhook_process_job.webhook_process_job"
QUEUE, FAILED, WIP = "rq:queue:default", "rq:failed:default", "rq:wip:default"
FINISHED, SCHEDULED = "rq:finished:default", "rq:scheduled:default"

REPORT = re.compile(r"^.*(?:AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer"
                    r"|ThreadSanitizer|runtime error:|Assertion .* failed).*$", re.M)


def sized(short, long):
    """How many of something this run tries."""
    return max(1, int((long if LONG else short) * SCALE))


def figure(text):
    """A measured value: printed, and shown by test/box/run whether or not all is well."""
    print(text)
    path = os.environ.get("BOX_FIGURES")
    if path:
        with open(path, "a", encoding="utf-8") as f:
            f.write(text + "\n")


def wait_until(condition, seconds=10, what=None):
    """Polls until condition() is true, and returns that; fails at the deadline."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > seconds * PATIENCE:
            raise AssertionError(f"not within {seconds * PATIENCE:g} s: "
                                 f"{what or condition.__name__} (last: {value!r})")
        time.sleep(0.01 if waited < 1 else 0.03)  # asking costs: many tests wait at once


def free_port():
    """A port that nobody listens on, below those the kernel gives to connections: one
    of these could take it before the server does."""
    while True:
        port = random.randrange(10000, 32000)
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


# --- messages ----------------------------------------------------------------

def message(id, text="hello", chat=CHAT, **more_of_key):
    return {"key": {"id": id, "remoteJid": chat, **more_of_key},
            "message": {"conversation": text}}


def webhook(*messages, tenant="1"):
    return {"tenantId": tenant, "payload": {"messages": list(messages)}}


def chat_of(n):
    return f"9725{n:08d}@s.whatsapp.net"


def why_of(job):
    """What a failed job says for itself."""
    return job.latest_result().exc_string


# --- HTTP --------------------------------------------------------------------

class Answer:
    def __init__(self, status, headers, body, seconds=0.0):
        self.status, self.headers, self.body, self.seconds = status, headers, body, seconds

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {self.body[:200]!r} {self.seconds:.3f}s>"


def encode(body):
    if body is None or isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def ask(port, method, path, body=None, headers=None, timeout=30, conn=None):
    """One request; on conn if given (keep-alive), else on a connection of its own."""
    own = conn or http.client.HTTPConnection("127.0.0.1", port, timeout=timeout * PATIENCE)
    began = time.monotonic()
    try:
        own.request(method, path, encode(body), headers or {})
        r = own.getresponse()
        return Answer(r.status, r.headers, r.read(), time.monotonic() - began)
    finally:
        if not conn:
            own.close()


class Raw:
    """A socket for bytes that no HTTP library would send."""

    def __init__(self, port, timeout=20):
        self.sock = socket.create_connection(("127.0.0.1", port), timeout * PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)
        return self

    def answer(self):
        """Reads one answer (an interim one too)."""
        line = b""
        while not line.endswith(b"\r\n\r\n"):  # byte by byte: leave what follows
            got = self.sock.recv(1)
            assert got, f"closed after {line!r}"
            line += got
        head = line.split(b"\r\n")
        fields = http.client.HTTPMessage()
        for field in head[1:-2]:
            name, _, value = field.decode().partition(":")
            fields[name] = value.strip()
        body, size = b"", int(fields.get("Content-Length", 0))
        while len(body) < size:
            got = self.sock.recv(size - len(body))
            assert got, f"closed after {len(body)} bytes of body"
            body += got
        return Answer(int(head[0].split()[1]), fields, body)

    def closed(self):
        """Waits for the peer to close; what it still says is thrown away."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


def head(path=INCOMING, method="POST", secret=SECRET, **fields):
    """The head of a raw request; a field name's _ stands for -."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1"]
    if secret is not None:
        lines.append(f"X-Internal-Secret: {secret}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def storm(port, bodies, connections=64, again_on=()):
    """Posts webhooks over keep-alive connections; answers in the order of bodies.
    An answer in again_on (0 is a lost connection) is tried again, as the
    gateway would, until a minute has passed."""
    todo = queue.SimpleQueue()
    answers = [None] * len(bodies)
    end = time.monotonic() + 60 * PATIENCE
    for i, body in enumerate(bodies):
        todo.put((i, encode(body)))

    def client():
        conn = http.client.HTTPConnection("127.0.0.1", port, timeout=30 * PATIENCE)
        while True:
            try:
                i, body = todo.get_nowait()
            except queue.Empty:
                return conn.close()
            while True:
                try:
                    answers[i] = ask(port, "POST", INCOMING, body,
                                     {"X-Internal-Secret": SECRET}, conn=conn)
                except (OSError, http.client.HTTPException) as e:
                    conn.close()
                    answers[i] = Answer(0, {}, repr(e).encode())
                if answers[i].status not in again_on or time.monotonic() > end:
                    break
                time.sleep(0.02)  # the pause of a polite client

    threads = [threading.Thread(target=client) for _ in range(min(connections, len(bodies)))]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def statuses(answers):
    """{status: how many}: reads well when it is not what it should be."""
    return {s: sum(a.status == s for a in answers) for s in {a.status for a in answers}}


# --- processes ---------------------------------------------------------------

LIBC = ctypes.CDLL(None)


def die_with_parent():
    """A killed test run leaves nothing behind.  (PR_SET_PDEATHSIG is 1.)"""
    LIBC.prctl(1, signal.SIGKILL)


class Proc:
    """A process with its output in a file."""

    fds = ()  # that it inherits

    def __init__(self, stage, name, argv, env):
        same = sum(p.name.split("-")[0] == name for p in stage.procs)
        self.name = f"{name}-{same + 1}" if same else name
        self.stage, self.argv, self.env = stage, [str(a) for a in argv], env
        self.path = stage.dir / f"{self.name}.log"
        self.asked_to_die = False
        self.launch()
        stage.procs.append(self)

    def launch(self):
        with open(self.path, "ab") as out:
            self.popen = subprocess.Popen(
                self.argv, env=self.env, cwd=self.stage.dir, stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, preexec_fn=die_with_parent, pass_fds=self.fds)
        self.asked_to_die = False
        return self

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def log(self):
        return self.path.read_text(errors="replace") if self.path.exists() else ""

    def wait_log(self, pattern, seconds=10):
        """The first match in the log; fails at once when the process has gone."""
        def found():
            m = re.search(pattern, self.log(), re.M)
            assert m or self.alive(), f"{self.name} ended before {pattern!r}:\n{self.log()[-3000:]}"
            return m
        return wait_until(found, seconds, f"{pattern!r} in the log of {self.name}")

    def signal(self, number):
        self.asked_to_die |= number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
        self.popen.send_signal(number)

    def kill(self):
        self.asked_to_die = True
        self.popen.kill()
        self.popen.wait()

    def wait(self, seconds=15):
        """Waits for the end and returns the exit status."""
        self.asked_to_die = True
        try:
            return self.popen.wait(seconds * PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds * PATIENCE:g} s") from None

    def stop(self, seconds=15):
        self.asked_to_die = True
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def rss_kb(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1])

    def open_fds(self):
        """How many descriptors are open."""
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def complaint(self):
        m = REPORT.search(self.log())
        if m:
            return f"{self.name}: {m[0]}"
        if not self.alive() and not self.asked_to_die:
            return f"{self.name} ended by itself with status {self.popen.returncode}"
        return None


class Redis(Proc):
    def __init__(self, stage, *options):
        self.port = free_port()
        self.data = stage.dir / "redis"
        self.data.mkdir(exist_ok=True)
        super().__init__(stage, "redis", [
            "redis-server", "--port", self.port, "--bind", "127.0.0.1", "--dir", self.data,
            "--appendonly", "yes", "--appendfsync", "always", "--save", "",
            "--maxmemory-policy", "noeviction", *options], dict(os.environ))
        self.bytes = redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=20 * PATIENCE)
        self.text = redis.Redis(host="127.0.0.1", port=self.port, socket_timeout=20 * PATIENCE,
                                decode_responses=True, encoding_errors="replace")
        self.wait_ready()

    def wait_ready(self):
        def ping():
            try:
                return self.alive() and self.bytes.ping()
            except redis.RedisError:
                return False
        wait_until(ping, 10, "redis-server answers")

    def restart(self):
        self.launch()
        self.wait_ready()

    def pause(self):
        self.signal(signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)


class Fake(Proc):
    """A fake of test/fakes: gateway.py, cloud.py or ai.py.  Stage.start_fake() makes it."""

    idle = {}  # kind -> fakes of stages that have closed

    def __init__(self, stage, script, *options):
        self.kind = self.kind_of(script, *options)
        super().__init__(stage, script, [sys.executable, "-u", FAKES / f"{script}.py",
                                         "--port", "0", *options], dict(os.environ))
        self.port = int(self.wait_log(r"^port (\d+)\n")[1])
        self.url = f"http://127.0.0.1:{self.port}"

    @staticmethod
    def kind_of(script, *options):
        """Some tests have a network of their own."""
        return script, options, os.readlink("/proc/thread-self/ns/net")

    def enter(self, stage):
        """Serves another stage; its log stays where it is."""
        self.stage = stage
        stage.procs.append(self)
        return self

    def leave(self):
        """Forgets everything and waits for the next stage; False: it must end instead."""
        if self.asked_to_die:
            return False
        try:
            self.put("/reset")
        except (OSError, http.client.HTTPException, AssertionError):
            return False
        self.idle.setdefault(self.kind, []).append(self)
        return True

    def get(self, path):
        a = ask(self.port, "GET", path)
        assert a.status == 200, a
        return a.json()

    def put(self, path, **what):
        a = ask(self.port, "POST", path, what, {"Content-Type": "application/json"})
        assert a.status == 200, a

    def faults(self, mode, times=-1, **more):
        self.put("/faults", mode=mode, times=times, **more)

    def sent(self):
        return self.get("/sent")

    def requests(self):
        return self.get("/requests")

    def take(self):
        """What it recorded since the last time, which it forgets."""
        a = ask(self.port, "POST", "/take")
        assert a.status == 200, a
        return a.json()


class Role(Proc):
    """A role of the binary under test, with its HTTP port."""

    def __init__(self, stage, role, env, ready, argv=None):
        self.role = role
        super().__init__(stage, role, argv or [BIN, role], env)
        self.find_port()
        if ready:
            self.wait_ready()

    # To the end of the line: a log is read while it is written.
    LISTENS = r'listening on http://[^ ]*?:(\d+)(?:"})?\n'

    def find_port(self):
        self.wait_log(self.LISTENS)
        self.port = int(re.findall(self.LISTENS, self.log())[-1])

    def wait_ready(self):
        wait_until(lambda: self.get("/readyz").status == 200, 10, f"{self.name} is ready")

    def restart(self):
        """Again, with the same settings; the log grows on."""
        was = len(re.findall(self.LISTENS, self.log()))
        self.launch()
        wait_until(lambda: len(re.findall(self.LISTENS, self.log())) > was, 10, "listening again")
        self.find_port()
        self.wait_ready()

    def get(self, path, **headers):
        return ask(self.port, "GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()})

    def post(self, body, secret=SECRET, path=INCOMING, **headers):
        fields = {k.replace("_", "-"): v for k, v in headers.items()}
        if secret is not None:
            fields["X-Internal-Secret"] = secret
        return ask(self.port, "POST", path, body, fields)

    def connections(self):
        """How many are open, this question's own not counted."""
        return self.metric("prosaas_http_connections") - 1

    def metric(self, sample):
        """The value of one sample, its labels in braces as printed; 0 if absent."""
        text = self.get("/metrics", X_Internal_Secret=SECRET).body.decode()
        for line in text.splitlines():
            if line.startswith(sample + " "):
                return float(line.rsplit(" ", 1)[1])
        return 0.0


# In one step: jobs go forward (queue, wip) and back (a dead worker's), so counts
# taken one after another could miss them all.
AT_REST = """
local n = redis.call('LLEN', ARGV[1]) + redis.call('ZCARD', ARGV[2]) + redis.call('ZCARD', ARGV[3])
    + redis.call('ZCARD', 'prosaas:due')
for _, kind in ipairs({'holding:*', 'ready:*', 'lane:*:wait'}) do
    for _, key in ipairs(redis.call('KEYS', 'prosaas:' .. kind)) do
        n = n + redis.call('LLEN', key)
    end
end
return n
"""


# --- a stage -----------------------------------------------------------------

class Stage:
    all_open = []
    empty_db = None  # the bytes of one

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.data = self.dir / "data"
        self.procs = []
        self.settings = {
            "INTERNAL_SECRET": SECRET, "DATA_DIR": str(self.data), "HOST": "127.0.0.1",
            "PORT": "0", "ADMIN_PORT": "0", "METRICS_PORT": "0", "REPLY_DEBOUNCE_MS": "0",
            "REPLIES_MAX_HOUR": "0", "DRAIN_TIMEOUT": "5"}  # tests count replies: one a message
        Stage.all_open.append(self)

    def environment(self, more):
        """Only what we say: a developer's REDIS_URL must not reach a test."""
        keep = {k: os.environ[k] for k in ("PATH", "HOME", "LANG", "ASAN_OPTIONS",
                                           "UBSAN_OPTIONS", "LSAN_OPTIONS") if k in os.environ}
        named = {**self.settings, **more}
        return {**keep, **{k: str(v) for k, v in named.items() if v is not None}}

    def start_redis(self, *options):
        self.redis = Redis(self, *options)
        self.settings["REDIS_URL"] = f"redis://127.0.0.1:{self.redis.port}"
        return self.redis

    def start_fake(self, script, *options):
        """One that is idle, or a new one."""
        idle = Fake.idle.get(Fake.kind_of(script, *options))
        while idle:
            fake = idle.pop()
            if fake.alive():
                return fake.enter(self)
        return Fake(self, script, *options)

    def start_gateway(self, *options):
        self.gateway = self.start_fake("gateway", *options)
        self.settings["BAILEYS_BASE_URL"] = self.gateway.url
        return self.gateway

    def start_cloud(self):
        self.cloud = self.start_fake("cloud")
        self.settings["META_WA_BASE_URL"] = self.cloud.url
        return self.cloud

    def start_ai(self):
        self.ai = self.start_fake("ai")
        self.settings |= {"AI_PROVIDER": "openai", "OPENAI_API_KEY": "box-key",
                          "OPENAI_BASE_URL": self.ai.url + "/v1"}
        return self.ai

    def start(self, role, ready=True, **settings):
        return Role(self, role, self.environment(settings), ready)

    def cli(self, *argv, code=0, **settings):
        """Runs a command to its end; code None: any exit status."""
        done = subprocess.run([BIN, *argv], env=self.environment(settings), cwd=self.dir,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=30 * PATIENCE)
        report = REPORT.search(done.stderr)
        assert not report, report[0]
        assert code in (None, done.returncode), \
            f"{argv} exited with {done.returncode}:\n{done.stdout}{done.stderr}"
        return done

    def migrate(self):
        """An empty database; for tests of `prosaas migrate` itself, cli("migrate")."""
        path = self.data / "prosaas.db"
        if Stage.empty_db is None:
            self.cli("migrate")
            Stage.empty_db = path.read_bytes()
            return
        self.data.mkdir(mode=0o700, exist_ok=True)
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as f:
            f.write(Stage.empty_db)

    def prepare(self, **tenant):
        """The database, and tenant 1."""
        self.migrate()
        self.cli("tenant", "add", "1", *[f"{k}={v}" for k, v in tenant.items()])

    def pipeline(self, gateway=("--durable",), tenant=None, scheduler=False, **settings):
        """All between a webhook and its reply; returns api and worker."""
        self.start_redis()
        self.start_gateway(*gateway)
        self.settings |= settings
        self.prepare(**(tenant if tenant is not None else {"default_text": "Thank you!"}))
        if scheduler:
            self.scheduler = self.start("scheduler")
        return self.start("api"), self.start("worker")

    # What Redis holds.

    def job(self, id, json=False):
        return Job.fetch(id, connection=self.redis.bytes, serializer=JSONSerializer if json else None)

    def queued(self):
        return self.redis.text.lrange(QUEUE, 0, -1)

    def failed(self):
        return [self.job(id) for id in self.redis.text.zrange(FAILED, 0, -1)]

    def job_ids(self):
        """Of all jobs but those that the scheduler's own clock queues."""
        return [k.removeprefix("rq:job:") for k in self.redis.text.scan_iter("rq:job:*", 1000)
                if not (k.startswith("rq:job:cron_") and self.redis.text.hget(k, "origin") == "prosaas")]

    def lock(self, id):
        return self.redis.text.hgetall(f"job_lock:webhook:baileys:{id}")

    def at_rest(self):
        """True when no job waits or runs anywhere."""
        return self.redis.text.eval(AT_REST, 0, QUEUE, WIP, SCHEDULED) == 0

    def wait_at_rest(self, seconds=20):
        wait_until(self.at_rest, seconds, "no job waits or runs")

    # What the database holds.

    def rows(self, sql, *args):
        db = sqlite3.connect(f"file:{self.data}/prosaas.db?mode=ro", uri=True, timeout=10)
        try:
            db.row_factory = sqlite3.Row
            return [dict(r) for r in db.execute(sql, args)]
        finally:
            db.close()

    def write(self, sql):
        """What no part of ours would."""
        db = sqlite3.connect(f"{self.data}/prosaas.db", timeout=10, isolation_level=None)
        try:
            db.execute(sql)
        finally:
            db.close()

    def inbound(self):
        return self.rows("SELECT * FROM messages WHERE direction = 'in' ORDER BY id")

    def replies(self):
        return self.rows("SELECT * FROM messages WHERE outbound_key IS NOT NULL ORDER BY id")

    # The end.

    def complaints(self):
        return [c for c in (p.complaint() for p in self.procs) if c]

    def tails(self, lines=25):
        return "\n".join(f"--- {p.path.name}\n" + "\n".join(p.log().splitlines()[-lines:])
                         for p in self.procs)

    def close(self):
        """Ends everything, roles first, and returns what is to complain about."""
        found = self.complaints()
        for p in self.procs:
            if p.alive():
                p.signal(signal.SIGCONT)  # whom the test had stopped
        found += self.end([p for p in self.procs if not isinstance(p, (Fake, Redis))])
        found += self.end([p for p in self.procs if isinstance(p, Fake) and p.alive() and not p.leave()])
        for p in self.procs:
            if isinstance(p, Redis) and p.alive():
                p.kill()  # how it ends is not ours
        found += [c for c in self.complaints() if c not in found]
        Stage.all_open.remove(self)
        return found

    @staticmethod
    def end(procs):
        """All at once; a role has to exit with 0."""
        found = []
        alive = [p for p in procs if p.alive()]
        for p in alive:
            p.signal(signal.SIGTERM)
        for p in alive:
            try:
                code = p.wait(20)
            except AssertionError as e:
                p.kill()
                found.append(str(e))
            else:
                found += [f"{p.name} exited with {code}"] if code and isinstance(p, Role) else []
        return found
