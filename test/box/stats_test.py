# SPDX-License-Identifier: MIT
"""What the roles tell: job statistics, metrics, health, and who may read them."""
import os
import re
import subprocess

import pytest

from harness import SECRET, Raw, ask, chat_of, message, wait_until, webhook

QUEUES = ["high", "default", "low", "maintenance", "broadcasts", "prosaas"]


@pytest.fixture(scope="module")
def house(module_stage):
    s = module_stage
    s.start_redis()
    s.start_gateway("--durable")
    s.prepare(default_text="hi")
    s.api, s.worker, s.scheduler = s.start("api"), s.start("worker"), s.start("scheduler")
    s.api.post(webhook(message("M1", chat=chat_of(1)), {"key": {"id": "TEST123"}}))
    wait_until(lambda: s.redis.text.zcard("rq:finished:default") == 1, 10, "one job is done")
    return s


def test_stats_have_the_guides_shape(house):
    a = house.api.get("/api/jobs/stats")
    assert a.status == 200 and a.headers["Content-Type"].startswith("application/json")
    queues = a.json()["queues"]
    assert set(QUEUES) <= set(queues)
    for name in QUEUES:
        for key in ("queued", "started", "finished", "failed", "scheduled", "deferred"):
            assert isinstance(queues[name][key], int)
        assert queues[name]["oldest_age_seconds"] >= 0
    assert queues["default"]["finished"] == 1 and queues["default"]["failed"] == 1
    assert list(queues["default"])[:4] == ["queued", "started", "finished", "failed"]


def test_stats_count_what_waits(stage):
    stage.start_redis()
    api = stage.start("api")
    for i in range(3):
        api.post(webhook(message(f"Q{i}")))
    r = stage.redis.text
    r.zadd("rq:scheduled:default", {"later": 4e9})
    r.zadd("rq:deferred:default", {"deferred": 1})
    r.zadd("rq:wip:default", {"running": 4e9})
    def default():
        return api.get("/api/jobs/stats").json()["queues"]["default"]
    wait_until(lambda: default()["queued"] == 3, 5, "three wait")
    d = default()
    assert (d["scheduled"], d["deferred"], d["started"]) == (1, 1, 1)
    wait_until(lambda: default()["oldest_age_seconds"] >= 1, 5, "the oldest grows old")


def test_stats_without_redis(stage):
    stage.start_redis()
    api = stage.start("api")
    stage.redis.kill()
    assert wait_until(lambda: api.get("/api/jobs/stats").status == 503, 5, "503")


@pytest.mark.parametrize("path", ["/api/jobs/health", "/api/jobs/scheduler"])
def test_job_health(house, path):
    def ok():
        a = house.api.get(path)
        return a.status == 200 and a.json()["status"] == "ok"
    wait_until(ok, 15, "healthy")


def test_job_health_misses_worker_and_scheduler(stage):
    stage.start_redis()
    api = stage.start("api")
    a = api.get("/api/jobs/health").json()
    assert a["status"] in ("degraded", "unhealthy") and "worker" in str(a)


# --- who may read ------------------------------------------------------------

READERS = {
    "a local curl": ({}, "local"),
    "localhost": ({"Host": "localhost"}, "local"),
    "IPv6": ({"Host": "[::1]:5000"}, "local"),
    "behind a proxy": ({"X-Forwarded-For": "8.8.8.8"}, "none"),
    "behind a proxy that says localhost": ({"X-Forwarded-For": "127.0.0.1"}, "none"),
    "Forwarded": ({"Forwarded": "for=8.8.8.8"}, "none"),
    "X-Real-IP": ({"X-Real-IP": "8.8.8.8"}, "none"),
    "a rebound name": ({"Host": "evil.example"}, "none"),
    "a name like ours": ({"Host": "127.0.0.1.evil.example"}, "none"),
    "a wrong secret": ({"X-Internal-Secret": "guess", "X-Forwarded-For": "8.8.8.8"}, "none"),
    "the secret": ({"X-Internal-Secret": SECRET}, "secret"),
    "the secret by a proxy": ({"X-Internal-Secret": SECRET, "X-Forwarded-For": "8.8.8.8",
                               "Host": "shop.example"}, "secret"),
}


@pytest.fixture(scope="module")
def guarded(module_stage, house):
    return {mode: module_stage.start("api", STATS_AUTH=mode) for mode in ("local", "required", "off")}


@pytest.mark.parametrize("mode, open_to", [("local", {"local", "secret"}), ("required", {"secret"}),
                                           ("off", {"local", "none", "secret"})])
@pytest.mark.parametrize("fields, kind", READERS.values(), ids=READERS.keys())
@pytest.mark.parametrize("path", ["/api/jobs/stats", "/api/jobs/health", "/metrics"])
def test_who_may_read(guarded, mode, open_to, fields, kind, path):
    a = ask(guarded[mode].port, "GET", path, None, fields)
    if kind in open_to:
        assert a.status == 200
    else:
        assert a.status == 401 and a.json() == {"error": "unauthorized"}


@pytest.mark.parametrize("path", ["/healthz", "/health", "/api/health", "/readyz"])
def test_health_is_open_to_all(guarded, path):
    for api in guarded.values():
        a = ask(api.port, "GET", path, None, {"Host": "evil.example", "X-Forwarded-For": "8.8.8.8"})
        assert a.status == 200


def test_head_is_answered_like_get(house):
    with Raw(house.api.port) as raw:
        raw.send(b"HEAD /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        got = b""
        while part := raw.sock.recv(4096):
            got += part
    assert got.startswith(b"HTTP/1.1 200") and got.endswith(b"\r\n\r\n")


# --- metrics -----------------------------------------------------------------

SAMPLE = re.compile(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-z_]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)$')


def parse(text):
    """Prometheus text 0.0.4 -> {(name, labels): value}; fails on what is not."""
    assert text.endswith("\n")
    families, samples, last, closed = {}, {}, None, set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in families, f"{name} twice"
            families[name] = kind
            continue
        m = SAMPLE.match(line)
        assert m, line
        name, labels, value = m.groups()
        family = name if name in families else re.sub("_(bucket|sum|count)$", "", name)
        assert family in families, f"no TYPE before {line}"
        if family != last:
            assert family not in closed, f"{family} stands in two places"
            closed.add(last)
            last = family
        assert (name, labels) not in samples, f"{line} twice"
        samples[name, labels] = float(value)
    check_histograms(families, samples)
    return samples


def check_histograms(families, samples):
    for family in (f for f, kind in families.items() if kind == "histogram"):
        counts = {labels: v for (name, labels), v in samples.items() if name == family + "_count"}
        assert counts, family
        for labels, count in counts.items():
            rest = labels + "," if labels else ""
            values = [v for (name, of), v in samples.items()
                      if name == family + "_bucket" and of.startswith(rest + 'le="')]
            assert values == sorted(values), "buckets add up"
            assert (family + "_bucket", rest + 'le="+Inf"') in samples and values[-1] == count


@pytest.mark.parametrize("role", ["api", "worker", "scheduler"])
def test_metrics_parse(house, role):
    a = getattr(house, role).get("/metrics")
    assert a.status == 200
    assert a.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    samples = parse(a.body.decode())
    assert all(name.startswith("prosaas_") for name, _ in samples)
    assert not any(re.search(r"\d{7}|@|tenant=|chat=", labels or "") for _, labels in samples)
    assert samples["prosaas_start_time_seconds", None] > 1.7e9


def counts_own(house, sample):
    """The one job of ours, and those that the scheduler queues as each minute begins."""
    wait_until(lambda: house.worker.metric(sample) == 1 + house.redis.text.zcard("rq:finished:prosaas"), 10, sample)


def test_metrics_count(house):
    def value(role, sample):
        return getattr(house, role).metric(sample)
    assert value("api", 'prosaas_http_requests_total{route="webhook",code="200"}') == 1
    assert value("api", 'prosaas_webhook_messages_total{outcome="enqueued"}') == 1
    assert value("api", 'prosaas_webhook_messages_total{outcome="dead_lettered"}') == 1
    assert value("api", "prosaas_redis_up") == 1
    counts_own(house, 'prosaas_jobs_finished_total{result="ok"}')
    assert value("worker", 'prosaas_send_total{outcome="ok"}') == 1
    wait_until(lambda: value("scheduler", "prosaas_leader") == 1, 15, "it leads")


@pytest.mark.parametrize("role", ["worker", "scheduler"])
def test_roles_without_a_webhook_serve_health(house, role):
    p = getattr(house, role)
    assert p.get("/healthz").status == 200 and p.get("/readyz").status == 200
    assert p.post(webhook(message("X"))).status == 404, "only the api takes webhooks"


@pytest.mark.parametrize("networks, peer_is_ours", [("127.0.0.0/8", True), ("10.0.0.0/8, 127.0.0.1", True), ("10.0.0.0/8", False)])
def test_a_network_of_ours_may_read_whatever_its_host(stage, networks, peer_is_ours):
    stage.start_redis()
    api = stage.start("api", STATS_NETWORKS=networks)
    assert api.get("/api/jobs/stats", Host="api.internal").status == (200 if peer_is_ours else 401)


@pytest.mark.parametrize("networks", ["nonsense", "10.0.0.0/33", "::/129", "10.0.0.0/8,,"])
def test_a_malformed_network_stops_the_start(stage, networks):
    stage.start_redis()
    assert f"prosaas: STATS_NETWORKS={networks}: " in stage.cli("api", code=1, STATS_NETWORKS=networks).stderr


def test_stats_by_tenant_find_a_job_wherever_it_waits(stage):
    stage.start_redis()
    api = stage.start("api")
    for tenant, n in (("1", 3), ("business_2", 1)):
        for i in range(n):
            assert api.post(webhook(message(f"T{i}", chat=chat_of(i)), tenant=tenant)).status == 200
    r = stage.redis.text
    def tenants(query):
        return api.get(f"/api/jobs/stats?{query}").json()
    assert tenants("by=tenant")["tenants_total"] == 2
    assert list(tenants("by=tenant")["tenants"]) == ["1", "2"], "the deepest first"
    assert tenants("tenant=1")["tenants"]["1"]["queued"] == 3
    assert list(tenants("by=tenant&limit=1")["tenants"]) == ["1"]

    ids = r.lrange("rq:queue:default", 0, -1)  # one each to the places where the scripts put them
    mine = [id for id in ids if r.hget(f"rq:job:{id}", "prosaas_tenant") == "1"]
    r.lpop("rq:queue:default", 4)
    r.rpush("prosaas:ready:default:1", mine[0])
    r.rpush("prosaas:tenants:default", "1")
    r.incr("prosaas:dealt:default")
    lane = r.hget(f"rq:job:{mine[1]}", "prosaas_lane")
    r.rpush(f"prosaas:lane:{lane}:wait", mine[1])
    r.zadd("prosaas:lanes", {lane: 1})
    r.zadd("prosaas:waiting:default", {mine[1]: 1})
    r.zadd("prosaas:due", {mine[2]: 4e12})
    other = next(id for id in ids if id not in mine)
    r.zadd("rq:wip:default", {other: 4e9})
    r.rpush("prosaas:holding:default", mine[2])  # twice is one too many: each place counts
    assert tenants("tenant=1")["tenants"] == {"1": {"queued": 4, "started": 0, "oldest_age_seconds": 0}}
    assert tenants("tenant=2")["tenants"] == {"2": {"queued": 0, "started": 1, "oldest_age_seconds": 0}}
    assert tenants("tenant=nobody")["tenants"] == {"nobody": {"queued": 0, "started": 0, "oldest_age_seconds": 0}}
    def grow_old(id):
        r.hset(f"rq:job:{id}", "enqueued_at", "2026-01-01T00:00:00.000000Z")
        age = tenants("tenant=business_1")["tenants"]["1"]["oldest_age_seconds"]
        r.hset(f"rq:job:{id}", "enqueued_at", r.hget(f"rq:job:{other}", "enqueued_at"))
        return age > 1000
    assert grow_old(mine[0]) and grow_old(mine[2])
    r.hset(f"rq:job:{other}", mapping={"prosaas_tenant": "1", "prosaas_lane": lane})  # holds the chat of mine[1]
    assert grow_old(mine[1]) and tenants("tenant=1")["tenants"]["1"]["started"] == 1
    assert tenants("by=tenant")["unseen"] == 0
    table = stage.cli("queues", "--tenants").stdout.split()
    assert table[:4] == ["TENANT", "QUEUED", "STARTED", "OLDEST"] and table[4:7] == ["1", "4", "1"]
    assert '"1":{"queued":4' in stage.cli("queues", "--tenant", "1", "--json").stdout


def test_stats_by_tenant_say_what_they_did_not_look_at(stage):
    stage.start_redis()
    api = stage.start("api")
    pipe = stage.redis.text.pipeline()
    for i in range(2_050):
        pipe.rpush("rq:queue:default", f"J{i}")
    pipe.execute()
    assert api.get("/api/jobs/stats?by=tenant").json() == {
        "tenants": {"": {"queued": 2_000, "started": 0, "oldest_age_seconds": 0}}, "tenants_total": 1, "unseen": 50}


@pytest.mark.parametrize("query, words", [
    ("by=queue", "by must be tenant"), ("by=tenant&limit=0", "limit must be a number from 1 to 1000"),
    ("tenant=a%20b", "tenant must be 1 to 64"), ("tenant=", "tenant must be 1 to 64")])
def test_stats_refuse_a_question_they_do_not_understand(house, query, words):
    a = house.api.get(f"/api/jobs/stats?{query}")
    assert a.status == 400 and words in a.json()["message"]


@pytest.mark.parametrize("role", ["api", "worker", "scheduler", "admin"])
def test_promtool_finds_nothing_to_say(house, role):
    """Its linter knows what Prometheus expects of names, units and help."""
    p = house.start("admin") if role == "admin" else getattr(house, role)
    text = p.get("/metrics", X_Internal_Secret=SECRET).body
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
    assert done.returncode == 0 and not done.stdout + done.stderr, (done.stdout + done.stderr).decode()


def test_every_process_says_what_it_takes_and_which_build_it_is(house):
    for p in (house.api, house.worker, house.scheduler):
        samples = parse(p.get("/metrics").body.decode())
        resident = samples["prosaas_process_resident_memory_bytes", None]
        assert resident == pytest.approx(p.rss_kb() * 1024, rel=0.2)
        fds = len(os.listdir(f"/proc/{p.pid}/fd"))
        assert abs(samples["prosaas_process_open_fds", None] - fds) <= 2, "but for this connection"
        assert samples["prosaas_process_max_fds", None] >= fds
        assert samples["prosaas_process_cpu_seconds_total", None] > 0
        (build,) = [labels for name, labels in samples if name == "prosaas_build_info"]
        assert re.match(r'version="\d', build), build


def test_a_job_is_split_into_its_steps(house):
    w = house.worker
    for step in ("load", "keep", "send"):
        assert w.metric(f'prosaas_job_step_duration_seconds_count{{step="{step}"}}') == 1, step
    counts_own(house, "prosaas_job_own_duration_seconds_count")
    assert w.metric("prosaas_store_commit_operations_count") >= 3
    assert w.metric("prosaas_redis_command_duration_seconds_count") > 0


def test_the_door_counts_batches_and_dead_letters(house):
    assert house.api.metric('prosaas_dead_letters_total{reason="unprocessable"}') == 1
    assert house.api.metric("prosaas_enqueue_batch_messages_sum") == 2


def test_a_lost_redis_is_counted_by_kind(stage):
    stage.start_redis()
    api = stage.start("api")
    def errors(kind):
        return api.metric(f'prosaas_redis_errors_total{{kind="{kind}"}}')
    assert errors("lost") == errors("connect") == 0
    stage.redis.kill()
    wait_until(lambda: errors("lost") == 1 and errors("connect") >= 1, 5, "lost, then not reached")
    assert api.metric("prosaas_redis_up") == 0


def test_dead_letters_say_why(stage):
    _, worker = stage.pipeline(JOB_RETRIES="0")
    def dead(reason):
        return worker.metric(f'prosaas_dead_letters_total{{reason="{reason}"}}')
    stage.gateway.faults("500")
    stage.procs[-2].post(webhook(message("A1"), tenant="77"))
    stage.procs[-2].post(webhook(message("A2")))
    wait_until(lambda: dead("unknown_tenant") == 1 and dead("retries_spent") == 1, 20, "both are counted")
    wait_until(lambda: worker.metric('prosaas_jobs_finished_total{result="failed"}') == 2, 10, "and both have failed")
