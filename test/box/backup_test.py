# SPDX-License-Identifier: MIT
"""prosaas backup and restore: what was known is known again, and nobody is answered twice."""
import fcntl
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess

import pytest

from all_test import All, end
from harness import BIN, SCHEDULED, chat_of, message, sized, storm, wait_until, webhook

COUNT = sized(40, 4000)


def bodies(first, count):
    return [webhook(message(f"B{i}", chat=chat_of(i))) for i in range(first, first + count)]


def post_all(api, first, count):
    assert {a.status for a in storm(api.port, bodies(first, count))} == {200}


@pytest.fixture
def shop(stage):
    stage.api, stage.worker = stage.pipeline(scheduler=True, TYPING="off")
    stage.to = stage.dir / "backup"
    return stage


def stop(*roles):
    for p in roles:
        assert p.stop(20) == 0


def wipe(stage):
    stage.redis.bytes.flushall()
    for f in stage.data.glob("prosaas.db*"):
        f.unlink()


def everything(stage):
    """Every key of Redis, but those of live roles and clocks."""
    r = stage.redis.bytes
    keys = [k for k in r.scan_iter("*", 1000) if not k.startswith((b"rq:worker", b"prosaas:leader", b"prosaas:cron", b"rq:clean",
                                                                   b"rq:scheduler", b"prosaas:rate", b"prosaas:scheduler"))]
    read = {b"string": r.get, b"hash": r.hgetall, b"list": lambda k: r.lrange(k, 0, -1), b"set": r.smembers,
            b"zset": lambda k: r.zrange(k, 0, -1, withscores=True), b"stream": r.xrange}
    return {k: read[r.type(k)](k) for k in keys}


def test_what_was_answered_stays_answered_after_a_wipe(shop):
    post_all(shop.api, 0, COUNT)
    wait_until(lambda: len(shop.gateway.sent()) == COUNT, 60, "all replies")
    shop.wait_at_rest()
    out = shop.cli("backup", shop.to).stdout
    assert "keys of Redis" in out
    stop(shop.api, shop.worker, shop.scheduler)
    rows = shop.rows("SELECT * FROM messages ORDER BY id")
    wipe(shop)
    assert shop.cli("restore", shop.to).stdout.startswith("restored: the database")
    assert shop.rows("SELECT * FROM messages ORDER BY id") == rows
    for p in (shop.api, shop.worker, shop.scheduler):
        p.restart()
    post_all(shop.api, 0, COUNT)
    wait_until(lambda: shop.api.log().count("Skipped duplicate") == COUNT, 10, "Redis knows them")
    shop.redis.bytes.delete(*[k for k in shop.redis.bytes.keys("job_lock:*")], *shop.redis.bytes.keys("rq:job:*"))
    post_all(shop.api, 0, COUNT)  # the database knows them, too
    post_all(shop.api, COUNT, 5)
    wait_until(lambda: len(shop.gateway.sent()) == COUNT + 5, 30, "the new ones are answered")
    shop.wait_at_rest()
    assert len(shop.gateway.sent()) == COUNT + 5, "and only they"


def test_what_was_not_answered_yet_is_answered_after_it(shop):
    stop(shop.worker)
    post_all(shop.api, 0, COUNT)
    shop.cli("send", "1", "+972501234567", "later", "--in", "60m")
    stop(shop.api, shop.scheduler)
    before = everything(shop)
    order = shop.queued()
    assert before and len(order) == COUNT
    shop.cli("backup", shop.to)
    wipe(shop)
    shop.cli("restore", shop.to)
    assert everything(shop) == before and shop.queued() == order
    assert 0 < shop.redis.text.ttl("job_lock:webhook:baileys:B0") <= 3600, "what had a life has it still"
    assert shop.redis.text.ttl(f"rq:job:{order[0]}") == -1
    shop.scheduler.restart()
    shop.worker.restart()
    wait_until(lambda: len(shop.gateway.sent()) == COUNT, 60, "all replies")
    shop.wait_at_rest()
    assert len(shop.gateway.sent()) == COUNT and shop.redis.text.zcard(SCHEDULED) == 0


def test_a_backup_under_load_restores_to_no_double(shop):
    """One moment of each, Redis first: what was in work comes again, without effects."""
    post_all(shop.api, 0, COUNT)
    shop.cli("backup", shop.to)
    wait_until(lambda: len(shop.gateway.sent()) == COUNT, 60, "all replies")
    shop.wait_at_rest()
    stop(shop.api, shop.worker, shop.scheduler)
    wipe(shop)
    shop.cli("restore", shop.to)
    for p in (shop.api, shop.worker, shop.scheduler):
        p.restart()
    post_all(shop.api, 0, COUNT)
    shop.wait_at_rest(60)
    sent = shop.gateway.sent()
    assert len([s for s in sent if s["first"]]) == COUNT, "the gateway knows the key of what was sent after the backup"
    assert len(shop.replies()) == COUNT == len(shop.inbound())


def test_restore_waits_for_an_empty_house(shop):
    post_all(shop.api, 0, 3)
    wait_until(lambda: len(shop.gateway.sent()) == 3, 20, "all replies")
    shop.cli("backup", shop.to)
    assert "stop them first" in shop.cli("restore", shop.to, "--force", code=1).stderr
    stop(shop.api, shop.worker, shop.scheduler)
    assert "Redis is not empty" in shop.cli("restore", shop.to, code=1).stderr
    shop.redis.bytes.flushall()
    assert "--force replaces it" in shop.cli("restore", shop.to, code=1).stderr
    shop.redis.bytes.set("of-somebody", "else")
    shop.write("UPDATE tenants SET name = 'after the backup'")
    shop.cli("restore", shop.to, "--force")
    assert not shop.redis.bytes.exists("of-somebody")
    assert shop.rows("SELECT name FROM tenants")[0]["name"] != "after the backup"
    kept = sqlite3.connect(shop.data / "prosaas.db.before-restore")
    assert kept.execute("SELECT name FROM tenants").fetchone() == ("after the backup",), "the one that was there is kept"
    kept.close()


def test_nobody_else_can_stand_in_for_the_server_that_reads_a_backup(shop):
    """In a folder that all may write to, another user could listen there first."""
    shop.cli("backup", shop.to)
    stop(shop.api, shop.worker, shop.scheduler)
    tools, seen = shop.dir / "tools", shop.dir / "seen"
    tools.mkdir()
    shim = tools / "redis-server"
    shim.write_text(f"""#!/bin/sh
while [ "$1" != --unixsocket ]; do set -- "$@" "$1"; shift; done
dirname "$2" >{seen}
stat -c %a "$(dirname "$2")" >>{seen}
exec {shutil.which("redis-server")} "$@"
""")
    shim.chmod(0o755)
    shop.cli("restore", shop.to, "--force", PATH=f"{tools}:{os.environ['PATH']}")
    folder, mode = seen.read_text().split()
    assert mode == "700"
    assert not os.path.exists(folder), "nothing is left behind"


def test_a_backup_is_not_overwritten_unasked(shop):
    shop.cli("backup", shop.to)
    assert "is there already" in shop.cli("backup", shop.to, code=1).stderr
    shop.cli("backup", shop.to, "--force")
    assert {f.stat().st_mode & 0o777 for f in shop.to.iterdir()} <= {0o600, 0o644}
    assert (shop.to / "prosaas.db").stat().st_mode & 0o777 == 0o600 == (shop.to / "redis.rdb").stat().st_mode & 0o777


def test_a_backup_that_fails_leaves_the_one_that_is_there(shop):
    """--force, each night, into one folder; and tonight Redis is away, or the disk is full."""
    shop.cli("backup", shop.to)
    before = {f.name: f.read_bytes() for f in shop.to.iterdir()}
    shop.cli("backup", shop.to, "--force", code=1, REDIS_URL="redis://127.0.0.1:1")
    assert {f.name: f.read_bytes() for f in shop.to.iterdir()} == before
    full = subprocess.run(["sh", "-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" backup \"$1\" --force", BIN, shop.to], check=False,
                          env=shop.environment({}), cwd=shop.dir, stderr=subprocess.PIPE, text=True)
    assert full.returncode == 1 and f"to {shop.to}/prosaas.db.new: " in full.stderr, full.stderr
    assert {name: (shop.to / name).read_bytes() for name in before} == before
    shop.cli("backup", shop.to, "--force")
    assert {f.name for f in shop.to.iterdir()} == set(before), "nothing is left of those that failed"


def test_two_backups_do_not_write_into_one_folder(shop):
    shop.to.mkdir()
    held = os.open(shop.to, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    (shop.to / "redis.rdb.new").write_text("of the other")
    assert "another backup is written there" in shop.cli("backup", shop.to, "--force", code=1).stderr
    assert (shop.to / "redis.rdb.new").read_text() == "of the other"
    os.close(held)
    shop.cli("backup", shop.to)
    assert not (shop.to / "redis.rdb.new").exists(), "the other was killed"


@pytest.mark.parametrize("harm, words", [
    (lambda d: (d / "manifest.json").unlink(), "when it is whole"),
    (lambda d: (d / "prosaas.db").write_bytes((d / "prosaas.db").read_bytes()[:-4096]), "prosaas.db is not what manifest.json says"),
    (lambda d: (d / "redis.rdb").write_bytes(b"REDIS"), "redis.rdb is not what manifest.json says"),
    (lambda d: newer(d), "use a newer prosaas"),
    (lambda d: shutil.rmtree(d), "No such file"),
])
def test_a_backup_that_is_not_whole_touches_nothing(shop, harm, words):
    shop.cli("backup", shop.to)
    stop(shop.api, shop.worker, shop.scheduler)
    before = everything(shop)
    harm(shop.to)
    assert words in shop.cli("restore", shop.to, "--force", code=1).stderr
    assert everything(shop) == before and shop.rows("SELECT id FROM tenants")


def test_a_database_that_has_no_room_is_said(shop):
    """Room ends in the middle of a piece: a write is short, and only the next one knows why."""
    shop.cli("backup", shop.to)
    stop(shop.api, shop.worker, shop.scheduler)
    wipe(shop)
    done = subprocess.run(["sh", "-c", "trap '' XFSZ; ulimit -f 200; exec \"$0\" restore \"$1\"", BIN, shop.to], check=False,
                          env=shop.environment({}), cwd=shop.dir, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1 and "prosaas.db.restoring: File too large" in done.stderr
    assert list(shop.data.glob("prosaas.db*")) == [], "nothing is left behind"


def newer(folder):
    m = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**m, "schema": 999}))


def test_a_restore_that_was_killed_at_the_end_keeps_what_was_there(shop):
    """Between moving the old database away and the new one in: no prosaas.db, and with its log still here."""
    shop.cli("backup", shop.to)
    stop(shop.api, shop.worker, shop.scheduler)
    kept = shop.data / "prosaas.db.before-restore"
    for name in ("prosaas.db", "prosaas.db-wal"):
        (shop.data / name).unlink(missing_ok=True)
    kept.write_text("what was there")
    (shop.data / "prosaas.db-wal").write_text("its log")
    shop.cli("restore", shop.to, "--force")
    assert kept.read_text() == "what was there"
    assert (shop.data / "prosaas.db.before-restore-wal").read_text() == "its log"
    assert not (shop.data / "prosaas.db-wal").exists()


def test_a_backup_of_a_newer_redis_is_refused_by_its_name(shop):
    shop.cli("backup", shop.to)
    stop(shop.api, shop.worker, shop.scheduler)
    dump = shop.to / "redis.rdb"
    before = hashlib.sha256(dump.read_bytes()).hexdigest()
    dump.write_bytes(b"REDIS0099" + dump.read_bytes()[9:])
    manifest = shop.to / "manifest.json"
    manifest.write_text(manifest.read_text().replace(before, hashlib.sha256(dump.read_bytes()).hexdigest()))
    keys = everything(shop)
    done = shop.cli("restore", shop.to, "--force", code=1)
    assert f"redis-server can't read {shop.to}/" in done.stderr and "newer Redis" in done.stderr
    assert everything(shop) == keys and (shop.data / "prosaas.db").exists(), "nothing was touched"


def test_without_redis_it_says_so(shop):
    assert "Connection refused" in shop.cli("backup", shop.to, code=1, REDIS_URL="redis://127.0.0.1:1").stderr
    assert "no `prosaas all` runs" in shop.cli("backup", shop.to, code=1, REDIS_URL=None).stderr


def test_the_whole_of_all_moves_to_another_folder(stage):
    system = All(stage).ready()
    assert system.post(webhook(message("A1"))).status == 200
    wait_until(lambda: len(system.sent()) == 1, 10, "a reply")
    stage.settings.pop("INTERNAL_SECRET")
    stage.cli("backup", stage.dir / "b")
    assert "another prosaas runs on it" in stage.cli("restore", stage.dir / "b", "--force", code=1).stderr
    end(system)
    elsewhere = stage.dir / "elsewhere"
    stage.cli("restore", stage.dir / "b", DATA_DIR=elsewhere)
    again = All(stage, DATA_DIR=elsewhere).ready()
    assert again.post(webhook(message("A1"))).status == 200
    again.wait_log("Skipped duplicate webhook tenant=1 msg_id=A1")
    assert again.sent() == []
    end(again)
