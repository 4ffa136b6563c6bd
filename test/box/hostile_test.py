# SPDX-License-Identifier: MIT
"""Jobs that no library would write: fields that stop RQ's workers, and data that attacks
whoever reads it.  Each fails with a reason, and the worker goes on."""
import base64
import pickle
import re
import struct
import zlib

from fleet import task
from harness import FAILED, PATIENCE, QUEUE, wait_until


GOOD = pickle.dumps((task("add"), None, (1, 2), {}))
POISON = {  # most of these stop a worker of RQ's
    "created-at": {"created_at": "yesterday"}, "timeout": {"timeout": "2m"},
    "timeout-huge": {"timeout": "9" * 40}, "intervals": {"retry_intervals": "[1,", "retries_left": "x"},
    "meta": {"meta": b"\x80\x05garbage"}, "dates": {"enqueued_at": "", "started_at": "?"},
    "ttls": {"result_ttl": "soon", "failure_ttl": "1e400"}, "a.b": {}, "a b": {}, "ünï": {},
    "data": {"data": b"\x00"}, "no-origin": {"origin": ""}, "attempt": {"prosaas_attempt": "x"},
}


def test_no_field_of_a_job_stops_our_worker(fleet):
    for id, fields in POISON.items():
        fleet.raw_job(id, **{"data": GOOD, **fields})
    fleet.raw_job("a:b", GOOD)
    fleet.r.hset("rq:job:only-a-heartbeat", "last_heartbeat", "2026-11-24T05:30:12.345678Z")
    fleet.r.rpush(QUEUE, "only-a-heartbeat", "", "gone")
    good = fleet.enqueue("add", 3, 4)
    worker = fleet.worker()
    assert fleet.wait_status(good.id, "finished").result == 7
    fleet.stage.wait_at_rest()
    ends = {id: fleet.status(id) for id in POISON}
    assert set(ends.values()) <= {"finished", "failed"}, ends
    assert ends["data"] == "failed" and ends["created-at"] == "finished"
    assert worker.alive() and fleet.nowhere() == []


def deep(n, open=b"]", close=b"a"):
    return b"\x80\x02" + open * (n + 1) + close * n + b"."


def call_with(argument):
    """A well-formed call whose one argument is these opcodes."""
    return b"\x80\x02(X\x11\0\0\0prosaas.test.echoN(" + argument + b"t}t."


def laughs(n):
    """n doublings of [x, x]: 2**n values from a few bytes each."""
    return b"".join([b"]q\0", *[b"](h%ch%ceq%c" % (i, i, i + 1) for i in range(n)]])


def bomb():
    squeeze = zlib.compressobj(9)
    return b"".join([*(squeeze.compress(bytes(1 << 20)) for _ in range(64)), squeeze.flush()])


OWNED = b"cos\nsystem\n(S'touch owned'\ntR"
HOSTILE = {
    "GLOBAL": (call_with(b"cos\nsystem\n"), "GLOBAL"),
    "GLOBAL as the function": (b"\x80\x02(cos\nsystem\nN(X\x0b\0\0\0touch ownedt}t.", "GLOBAL"),
    "REDUCE": (call_with(OWNED), "GLOBAL|REDUCE|STRING"),
    "REDUCE of a tuple": (call_with(b"X\1\0\0\0f)R"), "REDUCE"),
    "STACK_GLOBAL": (call_with(b"X\2\0\0\0osX\6\0\0\0system\x93"), "STACK_GLOBAL"),
    "BUILD": (call_with(b"}}b"), "BUILD"),
    "INST": (call_with(b"(ios\nsystem\n"), "INST"),
    "OBJ": (call_with(b"(X\1\0\0\0fo"), "OBJ"),
    "NEWOBJ": (call_with(b"X\1\0\0\0f)\x81"), "NEWOBJ"),
    "NEWOBJ_EX": (call_with(b"X\1\0\0\0f)}\x92"), "NEWOBJ_EX"),
    "EXT1": (call_with(b"\x82\1"), "EXT1"),
    "EXT2": (call_with(b"\x83\1\0"), "EXT2"),
    "EXT4": (call_with(b"\x84\1\0\0\0"), "EXT4"),
    "PERSID": (call_with(b"Pabc\n"), "PERSID"),
    "BINPERSID": (call_with(b"K\1Q"), "BINPERSID"),
    "NEXT_BUFFER": (call_with(b"\x97"), "NEXT_BUFFER"),
    "protocol 0": (b"(S'f'\nN(lp0\nt.", "."),
    "protocol 9": (b"\x80\x09N.", "protocol"),
    "billion laughs": (call_with(laughs(40)), "too many|expand"),
    "a list in itself": (call_with(b"]q\0h\0a"), "inside itself"),
    "deep nesting": (deep(100000), "deep"),
    "deep marks": (b"\x80\x02" + b"(" * 100000 + b".", "deep|mark"),
    "deep tuples": (b"\x80\x02)" + b"\x85" * 100000 + b".", "deep"),
    "100 MB announced, few there": (call_with(b"X" + struct.pack("<I", 100 << 20) + b"abc"), "."),
    "2**63 announced": (call_with(b"\x8d" + struct.pack("<Q", 1 << 63) + b"abc"), "."),
    "a long of 2**31 bytes": (call_with(b"\x8b\xff\xff\xff\x7f\1"), "."),
    "a frame of 2**63": (b"\x80\x04\x95" + struct.pack("<Q", 1 << 63) + b"N.", "."),
    "memo of 2**32 entries": (call_with(b"K\1r\xff\xff\xff\xff"), "."),
    "nothing on the stack": (b"\x80\x02a.", "."),
    "nothing in the memo": (call_with(b"h\7"), "memo"),
    "no end": (GOOD[:-1], "STOP|end"),
    "more after the end": (GOOD + b"x", "."),
    "zlib bomb": (bomb(), "inflates to more than"),
    "zlib cut off": (zlib.compress(GOOD)[:-5], "zlib"),
    "zlib and more": (zlib.compress(GOOD) + b"x", "after the end"),
    "JSON, deep": (b"[" * 100000, "deep"),
    "JSON, cut off": (b'["f", null, [', "."),
    "JSON of no call": (b'["f", "self", [], {}]', "method"),
    "no name": (b'["", null, [], {}]', "function"),
    "empty": (b"", "."),
}


def test_hostile_data_is_refused_with_a_reason_and_the_worker_goes_on(fleet):
    ids = {f"hostile-{i}": name for i, name in enumerate(HOSTILE)}
    for id, name in ids.items():
        fleet.raw_job(id, HOSTILE[name][0])
    good = fleet.enqueue("add", 1, 2)
    worker = fleet.worker()
    before = worker.rss_kb()
    assert fleet.wait_status(good.id, "finished", 30).result == 3
    wait_until(lambda: fleet.r.zcard(FAILED) == len(HOSTILE), 30,
               f"all are refused: {[n for i, n in ids.items() if fleet.status(i) != 'failed']}")
    wrong = {}
    for id, name in ids.items():
        [(_, fields)] = fleet.bytes.xrange(f"rq:results:{id}")
        said = zlib.decompress(base64.b64decode(fields[b"exc_string"])).decode()
        if not re.search(HOSTILE[name][1], said) or not said.startswith("undecodable: "):
            wrong[name] = said
    assert not wrong
    assert not (fleet.stage.dir / "owned").exists()
    assert worker.rss_kb() - before < 300 * 1024 * PATIENCE, "no bomb went off"
