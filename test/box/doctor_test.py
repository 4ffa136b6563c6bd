# SPDX-License-Identifier: MIT
"""`prosaas doctor`: one fault after another is put into a living system.

The doctor has to name exactly that fault (what follows from it says so), with the
command that mends it; run, that command or --fix makes the system healthy again,
where a command can.
"""
import json
import subprocess

import pytest

from harness import BIN, PATIENCE, chat_of, message, wait_until, webhook

LEADER = "prosaas:leader:scheduler"


class House:
    """The whole system, and its doctor."""

    def __init__(self, stage):
        self.stage = stage
        stage.start_redis()
        stage.start_gateway("--durable")
        stage.settings |= {"MAX_CONNECTIONS": "500", "RQ_QUEUES": "default,low"}
        stage.prepare(default_text="hi")
        self.api, self.worker, self.scheduler = stage.start("api"), stage.start("worker"), stage.start("scheduler")
        stage.settings["PORT"] = str(self.api.port)  # for doctor: where the api is
        self.r = stage.redis.text
        self.api.post(webhook(message("M1", chat=chat_of(1))))
        wait_until(lambda: self.r.zcard("rq:finished:default") == 1, 10, "one job is done")
        self.wait_healthy()

    def doctor(self, *words, code=None, **settings):
        return json.loads(self.stage.cli("doctor", "--json", *words, code=code, **settings).stdout)

    def troubles(self, **settings):
        """{check: finding} of what is wrong and follows from nothing."""
        return {c["name"]: c for c in self.doctor(**settings)["checks"]
                if c["verdict"] in ("bad", "warn") and not c["follows"]}

    def names(self, fault, verdict="bad", **settings):
        """The doctor finds the fault, as the only cause; returns the finding."""
        found = self.troubles(**settings)
        assert set(found) == {fault}, found
        assert found[fault]["verdict"] == verdict and found[fault]["why"] and found[fault]["mend"]
        return found[fault]

    def wait_healthy(self):
        def healthy():
            report = self.doctor()
            return report["status"] == "healthy" and all(c["verdict"] == "ok" for c in report["checks"])
        try:
            wait_until(healthy, 10)
        except AssertionError as e:
            raise AssertionError(str(self.troubles())) from e

    def fix(self):
        """--fix; returns what it says it did."""
        return {f["check"]: f["what"] for f in self.doctor("--fix")["fixes"] if f["done"]}

    def shell(self, command):
        """A mending command, as a person runs it."""
        env = self.stage.environment({}) | {"PATH": "/usr/bin:/bin"}
        subprocess.run(["sh", "-c", f'prosaas() {{ "{BIN}" "$@"; }}; {command}'], env=env, check=True,
                       cwd=self.stage.dir, stdout=subprocess.PIPE, timeout=30 * PATIENCE)


@pytest.fixture(scope="module")
def house(module_stage):
    return House(module_stage)


@pytest.fixture(autouse=True)
def nothing_stays(request):
    """Whatever a test did to the house is mended at its end."""
    yield
    if "house" not in request.fixturenames:
        return
    house = request.getfixturevalue("house")
    house.r.execute_command("REPLICAOF", "NO", "ONE")
    house.r.config_set("maxmemory", 0)
    house.wait_healthy()


def test_a_healthy_system_is_healthy(house):
    done = house.stage.cli("doctor", code=0)
    assert "healthy: 0 wrong, 0 warnings, 0 not looked at" in done.stdout and done.stderr == ""


# --- faults whose mending command, and --fix, mend them --------------------------

CURABLE = {
    "redis-policy": lambda r: r.config_set("maxmemory-policy", "allkeys-lru"),
    "redis-aof": lambda r: r.config_set("appendonly", "no"),
    "worker-gone": lambda r: r.sadd("rq:workers", "rq:worker:gone"),
}


@pytest.mark.parametrize("how", ["command", "--fix"])
@pytest.mark.parametrize("fault", CURABLE)
def test_what_is_safe_is_mended_by_the_command_and_by_fix(house, fault, how):
    CURABLE[fault](house.r)
    finding = house.names(fault, "warn" if fault == "worker-gone" else "bad")
    assert finding["fixable"]
    if how == "--fix":
        assert set(house.fix()) == {fault}
    else:
        house.shell(finding["mend"])
    house.wait_healthy()


def test_fix_prints_each_change_and_says_how_to_keep_it(house):
    house.r.config_set("maxmemory-policy", "volatile-ttl")
    out = house.stage.cli("doctor", "--fix", code=0).stdout
    assert "fixed    redis-policy       CONFIG SET maxmemory-policy noeviction; to keep it over a restart" in out


# --- Redis ---------------------------------------------------------------------

def test_redis_down_names_address_and_error_and_nothing_is_made_up(house):
    finding = house.names("redis", REDIS_URL="redis://user:hush@127.0.0.1:9")
    assert "redis://***@127.0.0.1:9" in finding["evidence"] and "refused" in finding["evidence"]
    report = house.doctor(REDIS_URL="redis://127.0.0.1:9", code=1)
    worker = [c for c in report["checks"] if c["name"] == "worker"][0]
    assert worker["verdict"] == "unknown" and worker["follows"] == "redis"


def test_neither_redis_nor_database_exits_2(house):
    report = house.doctor(REDIS_URL=None, DATA_DIR=str(house.stage.dir / "nowhere"), code=2)
    assert report["status"] == "blind"


def test_memory_near_its_limit(house):
    house.r.set("ballast", "x" * 20_000_000)
    house.r.config_set("maxmemory", int(house.r.info("memory")["used_memory"] * 1.06))
    finding = house.names("redis-memory")
    assert "% of maxmemory" in finding["evidence"]
    house.shell(finding["mend"])
    house.wait_healthy()
    house.r.delete("ballast")


def test_a_snapshot_that_failed(house):
    (house.stage.redis.data / "dump.rdb").mkdir()
    house.r.bgsave()
    wait_until(lambda: house.r.info("persistence")["rdb_last_bgsave_status"] == "err", 10, "bgsave fails")
    finding = house.names("redis-writes")
    assert "rdb_last_bgsave_status is err" in finding["evidence"]
    (house.stage.redis.data / "dump.rdb").rmdir()
    house.shell(finding["mend"])
    wait_until(lambda: house.r.info("persistence")["rdb_last_bgsave_status"] == "ok", 10, "bgsave succeeds")


def test_a_replica(house):
    house.r.execute_command("REPLICAOF", "127.0.0.1", "9")
    assert "a replica of 127.0.0.1:9" in house.names("redis-role")["evidence"]
    house.shell(house.names("redis-role")["mend"])


# --- who works -------------------------------------------------------------------

def test_no_worker(house):
    assert house.worker.stop() == 0
    house.api.post(webhook(message("W1", chat=chat_of(2))))
    wait_until(lambda: house.r.llen("rq:queue:default") == 1, 5, "a job waits")
    finding = house.names("worker")
    assert "1 jobs wait" in finding["evidence"] and finding["mend"].startswith("prosaas worker")
    house.worker.restart()  # the command, which stays
    house.stage.wait_at_rest()


def test_a_worker_that_listens_to_another_queue(house):
    assert house.worker.stop() == 0
    other = house.stage.start("worker", RQ_QUEUES="low")
    house.api.post(webhook(message("W2", chat=chat_of(2))))
    finding = house.names("worker-queues")
    assert "listens to default (1 jobs)" in finding["evidence"]
    assert finding["mend"].startswith("RQ_QUEUES=default,low,prosaas prosaas worker")
    assert other.stop() == 0
    house.worker.restart()
    house.stage.wait_at_rest()


def test_suspended_workers(house):
    house.r.set("rq:suspended", 1)
    house.shell(house.names("suspended")["mend"])


def test_no_scheduler_and_what_follows_from_it(house):
    assert house.scheduler.stop() == 0
    r = house.r
    r.hset("rq:job:stuck", mapping={"status": "started", "prosaas_attempt": 1, "origin": "low", "timeout": 60,
                                    "created_at": "2026-11-24T05:30:12.345678Z"})
    r.zadd("rq:wip:low", {"stuck": 1})
    house.names("scheduler")
    stuck = [c for c in house.doctor()["checks"] if c["name"] == "jobs-stuck"][0]
    assert stuck["verdict"] == "bad" and stuck["follows"] == "scheduler"
    assert "1 leases have ended" in stuck["evidence"] and stuck["evidence"].endswith("one job: stuck")
    assert "1 of dead workers handed back" in house.fix()["jobs-stuck"]
    assert r.hget("rq:job:stuck", "status") != "started" or r.zscore("rq:wip:low", "stuck") > 1
    house.scheduler.restart()
    wait_until(lambda: r.hget("rq:job:stuck", "status") == "failed", 10, "undecodable, a dead letter")
    house.stage.cli("jobs", "discard", "stuck", "--yes")


def test_a_leadership_without_end(house):
    assert house.scheduler.stop() == 0
    house.r.set(LEADER, "the token of a dead one")
    house.names("leader-endless")
    assert set(house.fix()) == {"leader-endless"}
    assert 0 < house.r.pttl(LEADER) <= 10000
    house.r.delete(LEADER)  # time passes
    house.scheduler.restart()


# --- the database -----------------------------------------------------------------

def test_an_older_schema(house, tmp_path):
    finding = house.names("database", DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
    assert "prosaas migrate" in finding["evidence"] and finding["mend"] == "prosaas migrate"
    report = house.doctor("--fix", DATABASE_URL=f"sqlite:///{tmp_path}/x.db")
    assert "from schema version 0 to" in report["fixes"][0]["what"]
    [left] = house.troubles(DATABASE_URL=f"sqlite:///{tmp_path}/x.db").values()
    assert left["name"] == "tenants" and "prosaas tenant add" in left["mend"]


def test_a_newer_schema(house):
    [version] = house.stage.rows("PRAGMA user_version")
    house.stage.write("PRAGMA user_version = 999")
    assert "newer prosaas" in house.names("database")["mend"]
    house.stage.write(f"PRAGMA user_version = {version['user_version']}")


def test_a_tenant_without_words(house):
    house.stage.cli("tenant", "add", "mute", "ai_provider=openai", "ai_base_url=http://127.0.0.1:9")
    finding = house.names("tenants")
    (house.stage.dir / "prompt.txt").write_text("You sell flowers.")
    house.shell(finding["mend"])
    assert "tenants" not in house.troubles()
    house.stage.cli("tenant", "remove", "mute")


# --- this machine ------------------------------------------------------------------

@pytest.mark.parametrize("secret, why", [("", "is not set"), ("changeme", "one of the examples"), ("four4four", "shorter than 16"),
                                         ('"box-secret-is-not-short"', "quotes"), ("x" * 20, "again and again")])
def test_a_weak_secret(house, secret, why):
    found = house.troubles(INTERNAL_SECRET=secret)
    assert why in found["secret"]["evidence"] and (not secret or secret not in str(found))
    assert "openssl rand -hex 16" in found["secret"]["mend"]


@pytest.mark.parametrize("settings, verdict, why", [
    ({"RQ_QUEUES": "low"}, "bad", "RQ_QUEUES has no `default`"), ({"ADMIN_PORT": "5000", "METRICS_PORT": "5000"}, "bad", "not three ports"),
    ({"JOB_TIMEOUT": "20"}, "bad", "JOB_TIMEOUT is not above AI_TIMEOUT"), ({"TEST_JOBS": "on"}, "warn", "can crash workers"),
    ({"CRON_FILE": "/nowhere"}, "bad", "CRON_FILE can't be read")])
def test_settings_that_contradict(house, settings, verdict, why):
    finding = house.troubles(**settings)["settings"]
    assert finding["verdict"] == verdict and why in finding["evidence"]


def test_few_descriptors(house):
    finding = house.names("files", "warn", MAX_CONNECTIONS="1000000")
    assert "ulimit -n 1333397" in finding["mend"]


def test_a_disk_nearly_full(house):
    """A file system of its own for DATA_DIR, of 1 MiB."""
    nowhere = house.stage.dir / "small"
    nowhere.mkdir(exist_ok=True)
    mount = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size=1m none {nowhere} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("may not mount here")
    env = house.stage.environment({"DATA_DIR": nowhere, "DATABASE_URL": f"sqlite:///{house.stage.data}/prosaas.db"})
    done = subprocess.run([*mount, BIN, "doctor", "--json"], env=env, stdout=subprocess.PIPE, check=False)
    found = {c["name"]: c for c in json.loads(done.stdout)["checks"] if c["verdict"] in ("bad", "warn")}
    assert set(found) == {"disk"} and "1.0 MiB free of 1.0 MiB" in found["disk"]["evidence"]


# --- the page ----------------------------------------------------------------------

def test_the_page_is_the_table(stage):
    page = stage.cli("doctor", "--markdown").stdout
    with open("docs/doctor.md", encoding="utf-8") as f:
        assert f.read() == page, "run `make docs`"
