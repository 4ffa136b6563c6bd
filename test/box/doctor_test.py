# SPDX-License-Identifier: MIT
"""`prosaas doctor`: one fault after another is put into a living system.

The doctor has to name exactly that fault (what follows from it says so), with the
command that mends it; run, that command or --fix makes the system healthy again,
where a command can.
"""
import json
import sqlite3
import subprocess
import time

import pytest

from clinic import house, nothing_stays  # noqa: F401  fixtures
from harness import BIN, PATIENCE, chat_of, message, wait_until, webhook
from relay import Relay

LEADER = "prosaas:leader:scheduler"


def test_a_healthy_system_is_healthy_and_looking_queues_nothing(house):
    before = house.api.metric("prosaas_enqueue_batches_total"), sorted(house.r.scan_iter("rq:job:wh_*"))
    done = house.stage.cli("doctor", code=0)
    assert "healthy: 0 wrong, 0 warnings, 0 not looked at" in done.stdout and done.stderr == ""
    assert before == (house.api.metric("prosaas_enqueue_batches_total"), sorted(house.r.scan_iter("rq:job:wh_*")))


# --- faults whose mending command, and --fix, mend them --------------------------

CURABLE = {
    "locks": lambda r: r.delete("job_lock:webhook:baileys:X1") + r.hset("job_lock:webhook:baileys:X1", "1|c|0", "wh_x"),
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
    worker = house.check("worker", REDIS_URL="redis://127.0.0.1:9", code=1)
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


def test_an_old_redis(house):
    version = house.r.info("server")["redis_version"].encode()
    old = Relay(house.stage.redis.port, lambda data: data.replace(b"redis_version:" + version, b"redis_version:" + b"5" + version[1:]))
    finding = house.names("redis-version", REDIS_URL=f"redis://127.0.0.1:{old.port}")
    assert finding["evidence"].startswith("Redis 5.") and "Redis 7" in finding["mend"]


def test_two_clocks(house):
    def later(data):  # TIME is two bulk strings, seconds first
        head = b"*2\r\n$10\r\n"
        if not data.startswith(head) or len(data) > 50:
            return data
        return head + str(int(data[len(head):len(head) + 10]) + 60).encode() + data[len(head) + 10:]
    clock = Relay(house.stage.redis.port, later)
    finding = house.names("redis-clock", REDIS_URL=f"redis://127.0.0.1:{clock.port}")
    assert finding["evidence"].startswith(("Redis's clock is 59.9", "Redis's clock is 60.")) and "ahead of" in finding["evidence"]
    assert "timedatectl" in finding["mend"]


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
    stuck = house.check("jobs-stuck")
    assert stuck["verdict"] == "bad" and stuck["follows"] == "scheduler"
    assert "1 leases have ended" in stuck["evidence"] and stuck["evidence"].endswith("one job: stuck")
    assert "1 of dead workers handed back" in house.fix()["jobs-stuck"]
    assert r.hget("rq:job:stuck", "status") != "started" or r.zscore("rq:wip:low", "stuck") > 1
    house.scheduler.restart()
    wait_until(lambda: r.hget("rq:job:stuck", "status") == "failed", 10, "undecodable, a dead letter")
    house.stage.cli("jobs", "discard", "stuck", "--yes")


def test_a_leadership_that_is_being_handed_over_is_waited_for(house):
    """In the second after a rolling restart nobody leads."""
    house.scheduler.signal(19)  # SIGSTOP
    house.r.delete(LEADER)
    house.r.hset("prosaas:scheduler:running", "seen", time.time_ns() // 1000000)
    # pylint: disable=consider-using-with
    doctor = subprocess.Popen([BIN, "doctor", "--json"], env=house.stage.environment({}), text=True, cwd=house.stage.dir,
                              stdout=subprocess.PIPE)
    wait_until(lambda: ("prosaas-doctor", "evalsha") in [(c["name"], c["cmd"]) for c in house.r.client_list()], 10, "it looks")
    house.r.set(LEADER, "the token of the next", px=10000)
    found = {c["name"]: c for c in json.loads(doctor.communicate(timeout=30 * PATIENCE)[0])["checks"]}
    assert found["scheduler"]["verdict"] == "ok", found["scheduler"]
    house.r.delete(LEADER)  # time passes
    house.scheduler.signal(18)  # SIGCONT


def test_a_leadership_without_end(house):
    assert house.scheduler.stop() == 0
    house.r.set(LEADER, "the token of a dead one")
    house.names("leader-endless")
    assert set(house.fix()) == {"leader-endless"}
    assert 0 < house.r.pttl(LEADER) <= 10000
    house.r.delete(LEADER)  # time passes
    house.scheduler.restart()


def test_a_worker_that_hangs(house):
    """Webhooks are answered 200, the worker lives and listens, and nothing ends."""
    house.worker.signal(19)  # SIGSTOP
    house.api.post(webhook(message("H1", chat=chat_of(3))))
    [id] = wait_until(lambda: house.r.lrange("rq:queue:default", 0, -1) or house.r.lrange("prosaas:holding:default", 0, -1), 5, "it waits")
    assert "jobs-waiting" not in house.troubles()
    house.r.hset(f"rq:job:{id}", "enqueued_at", "2026-01-01T00:00:00.000000Z")  # time passes
    house.r.delete("rq:finished:default")
    finding = house.names("jobs-waiting")
    assert "default: 1 wait" in finding["evidence"] and "none has ended" in finding["evidence"]
    assert "restart worker" in finding["mend"]
    house.worker.signal(18)  # SIGCONT
    house.stage.wait_at_rest()


def test_a_chat_that_a_dead_job_holds(house):
    assert house.scheduler.stop() == 0
    r = house.r
    r.set("prosaas:lane:1:x", "gone")
    r.rpush("prosaas:lane:1:x:wait", "waiter")
    r.zadd("prosaas:lanes", {"1:x": 1})
    stuck = house.check("jobs-stuck")
    assert "1 chats are held by a dead job" in stuck["evidence"] and "one job: waiter" in stuck["evidence"]
    assert "1:x" not in str(stuck)  # a chat is a phone
    house.fix()
    assert not r.exists("prosaas:lane:1:x")
    house.scheduler.restart()


def test_debounced_jobs_that_nobody_moves(house):
    assert house.worker.stop() == 0
    house.r.zadd("prosaas:due", {"late": 1})
    house.names("worker")
    stuck = house.check("jobs-stuck")
    assert "1 debounced jobs are due" in stuck["evidence"] and stuck["follows"] == "worker"
    house.worker.restart()


def test_a_python_worker_beside_ours(house):
    rq = subprocess.Popen(["/usr/bin/rq", "worker", "--url", house.stage.settings["REDIS_URL"], "default"],
                          cwd=house.stage.dir, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: house.r.scard("rq:workers") == 2, 20, "it is registered")
    finding = house.names("worker-foreign", "warn")
    assert "takes jobs of default" in finding["evidence"]
    house.shell(finding["mend"])
    assert rq.wait(20 * PATIENCE) == 0


def test_jobs_where_python_workers_do_not_look(house):
    assert house.worker.stop() == 0
    house.r.rpush("prosaas:holding:default", "held")
    house.r.hset("rq:job:held", mapping={"status": "queued", "origin": "default", "created_at": "2026-01-01T00:00:00.000000Z"})
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    house.r.hset("rq:worker:py", mapping={"last_heartbeat": now, "birth": now, "python_version": "3.11", "queues": "default,low"})
    house.r.sadd("rq:workers", "rq:worker:py")
    found = house.troubles()
    assert found["jobs-held"]["mend"] == "prosaas queues restore --yes"
    house.shell(found["jobs-held"]["mend"])
    assert "jobs-held" not in house.troubles() and house.r.lrange("rq:queue:default", 0, -1) == ["held"]
    house.r.delete("rq:worker:py", "rq:job:held", "rq:queue:default")
    house.r.srem("rq:workers", "rq:worker:py")
    house.worker.restart()


def test_a_scheduler_of_rq(house):
    assert house.scheduler.stop() == 0
    house.r.set("rq:scheduler-lock:default", "4711", ex=60)
    house.scheduler.restart()
    wait_until(lambda: house.r.exists(LEADER), 10, "ours leads")
    assert "process 4711" in house.names("scheduler-foreign", "warn")["evidence"]
    house.r.delete("rq:scheduler-lock:default")


def test_workers_of_two_versions(house):
    [key] = house.r.smembers("rq:workers")
    version = house.r.hget(key, "version")
    house.r.hset(key, "version", "0.0.1")
    assert "of version 0.0.1" in house.names("worker-version", "warn")["evidence"]
    house.r.hset(key, "version", version)


def test_dead_letters_by_reason(house):
    for i in range(3):
        house.api.post(webhook(message(f"D{i}", chat=chat_of(4)), tenant="nobody"))
    house.api.post(webhook({"key": {"id": "D9"}}))
    wait_until(lambda: house.r.zcard("rq:failed:default") == 4, 10, "four are dead")
    finding = house.names("dead-letters", "warn")
    assert "3 unknown_tenant" in finding["evidence"] and "1 unprocessable" in finding["evidence"]
    house.stage.cli("jobs", "discard", "--all", "--yes")


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
    house.stage.write("UPDATE schema_reader SET oldest = 999")
    assert "newer prosaas" in house.names("database")["mend"]
    house.stage.write(f"PRAGMA user_version = {version['user_version']}")


def test_a_tenant_without_words(house):
    house.stage.cli("tenant", "add", "mute", "ai_provider=openai", f"ai_base_url={house.stage.ai.url}/v1")
    finding = house.names("tenants")
    (house.stage.dir / "prompt.txt").write_text("You sell flowers.")
    house.shell(finding["mend"])
    assert "tenants" not in house.troubles()
    house.stage.cli("tenant", "remove", "mute")


def test_secrets_that_do_not_open(house):
    old, new = "11" * 32, "22" * 32
    house.stage.cli("tenant", "set", "1", "ai_api_key=k", "tools_secret=s", SECRETS_KEY=old)
    assert house.troubles(SECRETS_KEY=old) == {}
    finding = house.names("secrets-key")
    assert finding["evidence"] == "SECRETS_KEY is not set, and 2 values of 1 tenants are sealed (one: tenant 1)"
    assert "every role" in finding["mend"]
    finding = house.names("secrets-key", SECRETS_KEY=new)
    assert finding["evidence"] == "2 values of 1 tenants are sealed with another SECRETS_KEY (one: tenant 1)"
    assert house.troubles(SECRETS_KEY=new, SECRETS_KEY_PREVIOUS=old) == {}
    house.shell(f"export SECRETS_KEY={new}; " + finding["mend"].replace("SECRETS_KEY_PREVIOUS=OLD", f"SECRETS_KEY_PREVIOUS={old}"))
    assert house.troubles(SECRETS_KEY=new) == {}
    house.stage.cli("tenant", "set", "1", "ai_api_key=", "tools_secret=", SECRETS_KEY=new)


def test_who_asks_with_a_sealed_key_is_not_the_cause(house):
    house.stage.cli("tenant", "set", "1", "ai_provider=openai", f"ai_base_url={house.stage.ai.url}/v1", "ai_api_key=k",
                    "prompt=You sell flowers.", SECRETS_KEY="11" * 32)
    house.stage.ai.faults("401")
    house.names("secrets-key")
    assert [c["follows"] for c in house.doctor()["checks"] if c["name"] == "ai"] == ["secrets-key"]
    house.stage.ai.faults("ok")
    house.stage.cli("tenant", "set", "1", "ai_provider=", "ai_base_url=", "ai_api_key=", "prompt=", SECRETS_KEY="11" * 32)


def test_a_database_that_another_holds(house):
    db = sqlite3.connect(f"{house.stage.data}/prosaas.db", isolation_level=None)
    db.execute("BEGIN IMMEDIATE")
    finding = house.names("database-writable")
    assert "database is locked" in finding["evidence"] and "fuser" in finding["mend"]
    db.execute("ROLLBACK")
    db.close()


def test_a_damaged_database(house):
    db = sqlite3.connect(f"{house.stage.data}/prosaas.db", isolation_level=None)
    db.execute("PRAGMA ignore_check_constraints = ON")
    db.execute("UPDATE messages SET direction = 'up' WHERE id = 1")
    finding = house.names("database-sound")
    assert "CHECK constraint failed in messages" in finding["evidence"] and ".recover" in finding["mend"]
    db.execute("UPDATE messages SET direction = 'in' WHERE id = 1")
    db.close()


def test_a_message_that_is_there_twice_and_a_second_reply(house):
    [index] = house.stage.rows("SELECT sql FROM sqlite_master WHERE name = 'messages_once'")
    house.stage.write("DROP INDEX messages_once")
    columns = [c["name"] for c in house.stage.rows("PRAGMA table_info(messages)") if c["name"] not in ("id", "chat", "outbound_key")]
    copied = ", ".join(columns)
    house.stage.write(f"INSERT INTO messages (chat, outbound_key, {copied}) SELECT 'other@x', NULL, {copied} FROM messages WHERE id IN (1, 2)")
    finding = house.names("duplicates")
    assert "1 messages are there twice" in finding["evidence"] and "1 turns have two replies" in finding["evidence"]
    assert "--gate" in finding["mend"]
    house.stage.write("DELETE FROM messages WHERE chat = 'other@x'")
    house.stage.write(index["sql"])


# --- the api and what is beyond -------------------------------------------------------

def test_no_api(house):
    finding = house.names("api", PORT="9")
    assert "http://127.0.0.1:9" in finding["evidence"] and finding["mend"].startswith("prosaas api")


def test_an_api_with_another_secret(house):
    finding = house.names("webhook", INTERNAL_SECRET="another-one-not-short")
    assert "401" in finding["evidence"] and "same INTERNAL_SECRET" in finding["mend"]


@pytest.mark.parametrize("ms, verdict", [(600, "warn"), (1200, "bad")])
def test_a_slow_webhook(house, ms, verdict):
    door = Relay(house.api.port)
    door.delay = ms / 1000
    finding = house.check("webhook", "--api", f"http://127.0.0.1:{door.port}/")
    assert finding["verdict"] == verdict and "answered 200 in" in finding["evidence"]


def test_an_api_at_another_redis(house):
    """Both fine, and nothing is ever answered."""
    url = house.stage.settings["REDIS_URL"]
    api = house.stage.start("api", REDIS_URL=url + "/1", PORT="0")
    other = house.stage.start("worker", REDIS_URL=url + "/1")
    wait_until(lambda: len(api.get("/api/jobs/health").json()["workers"]) == 1, 10, "it is registered")
    finding = house.names("api-redis", PORT=str(api.port))
    assert "none is the same" in finding["evidence"] and "same REDIS_URL" in finding["mend"]
    assert other.stop() == 0 and api.stop() == 0


def test_no_gateway(house):
    assert "http://127.0.0.1:9" in house.names("gateway", BAILEYS_BASE_URL="http://127.0.0.1:9")["evidence"]
    assert "BAILEYS_BASE_URL is not set" in house.names("gateway", BAILEYS_BASE_URL=None)["evidence"]


def test_a_gateway_that_forgets(house):
    other = house.stage.start_fake("gateway")
    finding = house.names("gateway-durable", "warn", BAILEYS_BASE_URL=other.url)
    assert "ambiguous" in finding["why"] and other.url in finding["evidence"]
    other.stop()


def test_a_session_that_is_not_connected(house):
    house.stage.gateway.put("/sessions", name="business_1", state="waiting_qr")
    finding = house.names("sessions")
    assert finding["evidence"] == "tenant 1 is qr"
    house.shell(finding["mend"])


def test_a_session_that_the_gateway_told_of(house):
    """One without a status page: what it said last counts."""
    house.stage.gateway.put("/sessions", name="business_1", state="")
    path = "/webhook/whatsapp/status"
    assert house.api.post({"tenantId": "1", "connection": "logged_out"}, path=path).status == 200
    assert house.names("sessions")["evidence"] == "tenant 1 is qr"
    assert house.api.post({"tenantId": "1", "connection": "connected"}, path=path).status == 200
    house.stage.gateway.put("/sessions", name="business_1", state="connected")


def test_the_cloud_api(house):
    cloud = house.stage.start_fake("cloud")
    meta = {"META_WA_BASE_URL": cloud.url, "META_WA_APP_SECRET": "s", "META_WA_VERIFY_TOKEN": "v"}
    house.stage.cli("tenant", "set", "1", "gateway=meta", "meta_phone_number_id=123", "meta_access_token=good")
    assert house.troubles(**meta) == {}
    assert house.names("cloud", META_WA_BASE_URL=cloud.url)["mend"] == "prosaas tenant set 1 meta_app_secret=..."
    house.stage.cli("tenant", "set", "1", "meta_access_token=expired")
    finding = house.names("cloud", **meta)
    assert "tenant 1 is refused: HTTP 401, error 190" in finding["evidence"] and "meta_access_token=@" in finding["mend"]
    assert cloud.get("/asked") == []  # nothing was sent
    house.stage.cli("tenant", "set", "1", "gateway=baileys")
    cloud.stop()


def test_an_ai_that_refuses_the_key_or_is_away(house):
    ai = {"AI_PROVIDER": "openai", "OPENAI_API_KEY": "k", "OPENAI_BASE_URL": house.stage.ai.url + "/v1"}
    house.stage.cli("tenant", "set", "1", "prompt=You sell flowers.")
    assert house.troubles(**ai) == {}
    assert "has no model gpt-9" in house.names("ai", OPENAI_MODEL="gpt-9", **ai)["evidence"]
    house.stage.ai.faults("401")
    finding = house.names("ai", **ai)
    assert "refuses the key: HTTP 401" in finding["evidence"] and "OPENAI_API_KEY" in finding["mend"]
    house.stage.ai.faults("ok")
    assert "onnect" in house.names("ai", **(ai | {"OPENAI_BASE_URL": "http://127.0.0.1:9"}))["evidence"]
    assert house.stage.ai.requests() == []  # none was paid
    house.stage.cli("tenant", "set", "1", "prompt=")


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
