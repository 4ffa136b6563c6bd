# SPDX-License-Identifier: MIT
"""The webhook's door: every answer of docs/contract.md, and what is stored."""
import json
import re
import time

import pytest

from harness import (ALIAS, CHAT, FUNCTION, INCOMING, SECRET, Raw, ask, chat_of, encode, head,
                     message, statuses, storm, wait_until, webhook, why_of)

STATUS = "/webhook/whatsapp/status"
STATUS_ALIAS = "/api/internal/whatsapp/status-webhook"


@pytest.fixture(scope="module")
def running(module_stage):
    module_stage.start_redis()
    module_stage.api = module_stage.start("api", MAX_BODY_BYTES="65536",
                                          INTERNAL_SECRET_PREVIOUS="the-secret-before")
    return module_stage


@pytest.fixture
def door(running):
    """An api on an empty Redis, and its log from here on."""
    def log():
        """A turn's lines are written after its answers; another request is another turn."""
        running.api.get("/healthz")
        return running.api.log()

    running.redis.bytes.flushall()
    seen = len(log())
    running.news = lambda: log()[seen:]
    return running


def accepted(answer):
    assert answer.status == 200, answer
    assert answer.body == b"" and answer.headers["Content-Length"] == "0"
    return True


def nothing_kept(door):
    """But the api's own numbers, which it writes whatever is asked."""
    return not set(door.redis.text.keys("*")) - {"prosaas:vitals"}


def only_job(door, **how):
    ids = door.job_ids()
    assert len(ids) == 1, ids
    return door.job(ids[0], **how)


# --- answers -----------------------------------------------------------------

EMPTY = {
    "the guide's": '{"tenantId":"1","payload":{"messages":[]}}',
    "no payload": '{"tenantId":"1"}',
    "payload null": '{"tenantId":"1","payload":null}',
    "no messages": '{"tenantId":"1","payload":{}}',
    "messages null": '{"tenantId":"1","payload":{"messages":null}}',
    "with blanks": ' \r\n\t{ "tenantId" : "1" , "payload" : { "messages" : [ ] } } \n',
    "with what we do not know": '{"x":[{}],"tenantId":"1","payload":{"type":"notify","messages":[]}}',
}


@pytest.mark.parametrize("path", [INCOMING, ALIAS])
@pytest.mark.parametrize("body", EMPTY.values(), ids=EMPTY.keys())
def test_no_messages_is_accepted_and_nothing_is_queued(door, path, body):
    assert accepted(door.api.post(body, path=path))
    assert nothing_kept(door)


GOOD = '"payload":{"messages":[{"key":{"id":"A","remoteJid":"1@s.whatsapp.net"},"message":{"conversation":"x"}}]}'
WRONG = {
    "nothing": ("", ""),
    "not JSON": ("hello", ""),
    "form data": ("tenantId=1&payload=x", ""),
    "cut off": ('{"tenantId":"1",' + GOOD, ""),
    "more after the end": ('{"tenantId":"1"}x', ""),
    "two values": ('{"tenantId":"1"}{"tenantId":"1"}', ""),
    "trailing comma": ('{"tenantId":"1",}', ""),
    "single quotes": ("{'tenantId':'1'}", ""),
    "a byte order mark": (b'\xef\xbb\xbf{"tenantId":"1"}', ""),
    "not UTF-8": (b'{"tenantId":"1","x":"\xff\xfe"}', ""),
    "a raw control byte": (b'{"tenantId":"1","x":"a\x01b"}', ""),
    "NaN": ('{"tenantId":"1","x":NaN}', ""),
    "a leading zero": ('{"tenantId":"1","x":01}', ""),
    "a bad escape": (r'{"tenantId":"1","x":"\q"}', ""),
    "too deep": ('{"tenantId":"1","x":' + "[" * 5000 + "]" * 5000 + "}", ""),
    "null": ("null", ""),
    "a list": ("[]", ""),
    "a text": ('"x"', ""),
    "no tenantId": ("{" + GOOD + "}", "tenantId"),
    "tenantId null": ('{"tenantId":null,' + GOOD + "}", "tenantId"),
    "tenantId true": ('{"tenantId":true,' + GOOD + "}", "tenantId"),
    "tenantId 1.5": ('{"tenantId":1.5,' + GOOD + "}", "tenantId"),
    "tenantId an object": ('{"tenantId":{},' + GOOD + "}", "tenantId"),
    "tenantId empty": ('{"tenantId":"",' + GOOD + "}", "tenantId"),
    "tenantId with a blank": ('{"tenantId":"a b",' + GOOD + "}", "tenantId"),
    "tenantId with a bar": ('{"tenantId":"a|b",' + GOOD + "}", "tenantId"),
    "tenantId too long": ('{"tenantId":"' + "x" * 65 + '",' + GOOD + "}", "tenantId"),
    "tenantId twice": ('{"tenantId":"1","tenantId":"2",' + GOOD + "}", "tenantId"),
    "payload a text": ('{"tenantId":"1","payload":"x"}', "payload"),
    "payload a list": ('{"tenantId":"1","payload":[]}', "payload"),
    "payload a number": ('{"tenantId":"1","payload":5}', "payload"),
    "messages an object": ('{"tenantId":"1","payload":{"messages":{}}}', "messages"),
    "messages a text": ('{"tenantId":"1","payload":{"messages":"x"}}', "messages"),
    "messages a number": ('{"tenantId":"1","payload":{"messages":5}}', "messages"),
}


@pytest.mark.parametrize("path", [INCOMING, ALIAS])
@pytest.mark.parametrize("body, named", WRONG.values(), ids=WRONG.keys())
def test_a_wrong_body_is_400_and_says_why(door, path, body, named):
    a = door.api.post(body, path=path)
    assert a.status == 400, a
    assert a.headers["Content-Type"].startswith("application/json")
    assert a.json()["error"] == "bad_request"
    assert a.json()["message"] and named in a.json()["message"]
    assert nothing_kept(door)


def field(value):
    return f"X-Internal-Secret: {value}\r\n".encode()


SECRETS = {
    "right": (field(SECRET), 200),
    "in other letters": (b"x-INTERNAL-secret:" + SECRET.encode() + b" \t\r\n", 200),
    "the previous": (field("the-secret-before"), 200),
    "none": (b"", 401),
    "empty": (field(""), 401),
    "wrong": (field("guess"), 401),
    "a prefix": (field(SECRET[:-1]), 401),
    "longer": (field(SECRET + "x"), 401),
    "other letters": (field(SECRET.upper()), 401),
    "twice": (field(SECRET) * 2, 401),
    "right and wrong": (field(SECRET) + field("guess"), 401),
    "a list": (field(SECRET + ", guess"), 401),
}


@pytest.mark.parametrize("path", [INCOMING, ALIAS, STATUS, STATUS_ALIAS])
@pytest.mark.parametrize("fields, status", SECRETS.values(), ids=SECRETS.keys())
def test_the_secret(door, path, fields, status):
    body = encode(webhook(message("S1")) if "incoming" in path
                  else {"tenantId": "1", "connection": "connected", "pushName": "Shop"})
    with Raw(door.api.port) as raw:
        raw.send(b"POST %b HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n%b\r\n"
                 % (path.encode(), len(body), fields) + body)
        a = raw.answer()
    assert a.status == status
    if status == 401:
        assert a.json() == {"error": "unauthorized"}
        assert door.queued() == []


def test_the_secret_comes_before_the_body(door):
    assert door.api.post("not JSON", secret="guess").status == 401


@pytest.mark.parametrize("given", [None, "", "x", SECRET])
def test_without_a_configured_secret_every_webhook_is_401(door, given):
    api = door.start("api", INTERNAL_SECRET="")
    a = api.post(webhook(message("S2")), secret=given)
    assert a.status == 401 and a.json() == {"error": "unauthorized"}
    api.stop()


@pytest.mark.parametrize("size, status", [(65536, 200), (65537, 413)])
def test_the_largest_body(door, size, status):
    body = encode(webhook(message("B1", "")))
    body = encode(webhook(message("B1", "x" * (size - len(body)))))
    assert len(body) == size
    a = door.api.post(body)
    assert a.status == status
    assert len(door.queued()) == (status == 200)
    if status == 413:
        assert a.json()["error"]


def test_an_announced_body_that_is_too_large_is_refused_unseen(door):
    with Raw(door.api.port) as raw:
        assert raw.send(head(Content_Length=10**12)).answer().status == 413
        assert raw.closed()


def test_a_chunked_body_is_read_and_limited(door):
    body = encode(webhook(message("C1")))
    with Raw(door.api.port) as raw:
        raw.send(head(Transfer_Encoding="chunked"))
        for i in range(0, len(body), 7):
            part = body[i:i + 7]
            raw.send(b"%x\r\n%b\r\n" % (len(part), part))
        assert raw.send(b"0\r\n\r\n").answer().status == 200
    assert len(door.queued()) == 1
    with Raw(door.api.port) as raw:
        raw.send(head(Transfer_Encoding="chunked") + b"20000\r\n" + b" " * 70000)
        assert raw.answer().status == 413


@pytest.mark.parametrize("method, path, status", [
    ("GET", "/nope", 404), ("POST", "/webhook", 404), ("POST", INCOMING + "/", 404),
    ("POST", INCOMING + "x", 404), ("GET", INCOMING, 405), ("PUT", INCOMING, 405),
    ("DELETE", ALIAS, 405), ("POST", "/api/jobs/stats", 405), ("POST", "/healthz", 405)])
def test_no_such_route_or_method(door, method, path, status):
    a = ask(door.api.port, method, path, b"", {"X-Internal-Secret": SECRET})
    assert a.status == status
    if status == 405:
        assert "POST" in a.headers["Allow"] if method != "POST" else "GET" in a.headers["Allow"]


def test_a_query_does_not_change_the_route(door):
    assert accepted(door.api.post(webhook(message("Q1")), path=INCOMING + "?x=1"))


def test_expect_100_continue(door):
    body = encode(webhook(message("E1")))
    with Raw(door.api.port) as raw:
        raw.send(head(Content_Length=len(body), Expect="100-continue"))
        assert raw.answer().status == 100
        assert raw.send(body).answer().status == 200


@pytest.mark.parametrize("secret, size, status", [("guess", 100, 401), (SECRET, 10**7, 413)])
def test_a_refusal_comes_instead_of_100_continue(door, secret, size, status):
    with Raw(door.api.port) as raw:
        raw.send(head(secret=secret, Content_Length=size, Expect="100-continue"))
        assert raw.answer().status == status


def test_requests_sent_ahead_are_answered_in_order(door):
    bodies = [encode(webhook(message(f"P{i}"))) for i in range(20)] + [b"wrong"]
    with Raw(door.api.port) as raw:
        raw.send(b"".join(head(Content_Length=len(b)) + b for b in bodies))
        got = [raw.answer().status for _ in bodies]
    assert got == [200] * 20 + [400]
    assert len(door.queued()) == 20


def test_a_body_in_small_pieces(door):
    body = encode(webhook(message("D1", "שלום עולם")))
    with Raw(door.api.port) as raw:
        for byte in head(Content_Length=len(body)) + body:
            raw.send(bytes([byte]))
        assert raw.answer().status == 200
    assert only_job(door).kwargs["messages"][0]["message"]["conversation"] == "שלום עולם"


# --- what is stored ----------------------------------------------------------

def test_the_guides_message_becomes_an_rq_job(door):
    body = webhook(message("TEST123", "Test message"))
    assert accepted(door.api.post(body))
    [id] = door.queued()
    assert re.fullmatch(r"[A-Za-z0-9_-]+", id)
    r = door.redis.text
    assert r.smembers("rq:queues") == {"rq:queue:default"}
    assert r.ttl(f"rq:job:{id}") == -1, "a queued job never expires"
    job = door.job(id)
    assert job.get_status() == "queued" and job.origin == "default"
    assert job.func_name == FUNCTION and job.args == ()
    assert job.kwargs == {"tenant_id": "1", "business_id": 1, "messages": body["payload"]["messages"]}
    assert job.created_at and job.enqueued_at and job.timeout == 300
    assert job.description == "webhook_process_job tenant=1 msg_id=TEST123"
    assert r.hget(f"rq:job:{id}", "prosaas_tenant") == "1"
    assert r.hexists(f"rq:job:{id}", "prosaas_lane")
    assert door.lock("TEST123") == {f"1|{CHAT}|0": id}
    assert 0 < r.ttl("job_lock:webhook:baileys:TEST123") <= 3600


def test_the_log_shows_enqueue_and_skip_and_nothing_private(door):
    body = webhook(message("L1", "a very private text"))
    door.api.post(body), door.api.post(body)
    [id] = door.queued()
    wait_until(lambda: "Skipped" in door.news(), 5, "the skip is logged")
    assert f"✅ Enqueued webhook_process_job tenant=1 msg_id=L1 job_id={id}" in door.news()
    assert "⏭️ Skipped duplicate webhook tenant=1 msg_id=L1" in door.news()
    everything = door.api.log()
    for never in ("[WEBHOOK_JOB]", "private text", SECRET, "972501234567", "FLASK"):
        assert never not in everything


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_both_serializers_are_read_by_python(door, serializer):
    api = door.start("api", RQ_SERIALIZER=serializer)
    rich = message("R1", "é שלום 😀 \u2028 \" \\ \n")
    rich["more"] = [None, True, False, -1, 255, 256, 65536, 2**31, -2**31, 2**63, 1.5, -0.25,
                    1e300, "", {}, [], {"": {"a": [[]]}}]
    assert accepted(api.post(webhook(rich, tenant=7)))
    job = only_job(door, json=serializer == "json")
    assert job.func_name == FUNCTION
    assert job.kwargs == {"tenant_id": "7", "business_id": 7, "messages": [rich]}
    assert api.stop() == 0


def test_a_named_tenant_has_no_business_number(door):
    assert accepted(door.api.post(webhook(message("N1"), tenant="shop-a_1")))
    assert only_job(door).kwargs["tenant_id"] == "shop-a_1"
    assert only_job(door).kwargs["business_id"] is None


@pytest.mark.parametrize("first", ["1", 1, "business_1"])
def test_the_spellings_of_a_tenant_are_one_tenant(door, first):
    for tenant in (first, "1", 1, "business_1"):
        assert accepted(door.api.post(webhook(message("T1"), tenant=tenant)))
    assert only_job(door).kwargs["tenant_id"] == "1"
    assert list(door.lock("T1")) == [f"1|{CHAT}|0"]


ODD = {
    "a lone surrogate": r'{"key":{"id":"O","remoteJid":"1@x"},"message":{"conversation":"a\ud800b"}}',
    "surrogates swapped": r'{"key":{"id":"O","remoteJid":"1@x"},"message":{"conversation":"\udc00\ud800"}}',
    "a pair": r'{"key":{"id":"O","remoteJid":"1@x"},"message":{"conversation":"\ud83d\ude00"}}',
    "a NUL": r'{"key":{"id":"O","remoteJid":"1@x"},"message":{"conversation":"a\u0000b"}}',
    "a huge integer": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":' + "9" * 400 + "}}",
    "a huge negative": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":-' + "9" * 100 + "}}",
    "a huge exponent": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":1e400,"m":1e-400}}',
    "minus zero": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":-0.0,"m":-0}}',
    "many digits": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":0.1234567890123456789012345}}',
    "blanks": '{ "key" : {"id" :"O","remoteJid": "1@x" } , "message":{ } }'.replace("{ }", '{"a":1}'),
    "deep, but not too deep": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":' + "[" * 50 + "]" * 50 + "}}",
    "a duplicate key inside": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"a":1,"a":2}}',
    "an unknown kind": '{"key":{"id":"O","remoteJid":"1@x"},"message":{"newMessage":{"x":1}}}',
    "a stub": '{"key":{"id":"O","remoteJid":"1@x"},"messageStubType":2,"messageStubParameters":["x"]}',
}


@pytest.mark.parametrize("serializer", ["pickle", "json"])
@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_odd_but_legal_messages_pass_unchanged(door, text, serializer):
    if serializer == "json":
        if not hasattr(door, "api_json"):
            door.api_json = door.start("api", RQ_SERIALIZER="json")
        api = door.api_json
    else:
        api = door.api
    assert accepted(api.post('{"tenantId":"1","payload":{"messages":[' + text + "]}}"))
    job = only_job(door, json=serializer == "json")
    assert job.get_status() == "queued"
    assert repr(job.kwargs["messages"]) == repr([json.loads(text)])


def test_an_integer_longer_than_any_reader_takes_is_not_lost(door):
    text = '{"key":{"id":"O","remoteJid":"1@x"},"message":{"n":' + "9" * 20000 + "}}"
    assert accepted(door.api.post('{"tenantId":"1","payload":{"messages":[' + text + "]}}"))
    assert len(door.job_ids()) == 1


IDS = ["3EB0C431C26A1916EA9F", "שלום-π-😀", "a b\tc\nd", "a:b|c*?[x]", "\u0000", "..", "x" * 128,
       "x" * 129, "x" * 500, "π" * 250, '"\\/']


@pytest.mark.parametrize("id", IDS, ids=range(len(IDS)))
def test_any_id_is_a_key_and_its_repeat_a_duplicate(door, id):
    for _ in range(2):
        assert accepted(door.api.post(webhook(message(id))))
    [job] = door.queued()
    assert re.fullmatch(r"[A-Za-z0-9_-]{1,100}", job)
    locks = list(door.redis.bytes.scan_iter("job_lock:*"))
    assert len(locks) == 1
    if len(id.encode()) <= 128:
        assert locks[0] == b"job_lock:webhook:baileys:" + id.encode()
    else:
        assert len(locks[0]) < 100, "a long id is hashed"
    assert door.job(job).kwargs["messages"][0]["key"]["id"] == id
    assert not re.search(r"[\x00-\x08\x0b-\x1f]", door.news())
    assert len(door.news().splitlines()) == 2, "one event, one line"


def test_long_ids_that_share_a_beginning_are_different(door):
    for last in "abc":
        door.api.post(webhook(message("x" * 499 + last)))
    assert len(door.queued()) == 3


def test_an_escaped_id_is_the_same_id(door):
    plain = encode(webhook(message("TEST é/1")))
    escaped = plain.replace(rb"TEST", rb"\u0054E\u0053T").replace(b"/", rb"\/")
    assert accepted(door.api.post(plain)) and accepted(door.api.post(escaped))
    assert len(door.queued()) == 1
    assert "Skipped duplicate" in wait_until(lambda: "Skipped" in door.news() and door.news(), 5)


def without_id(text="hello"):
    m = message("x", text)
    del m["key"]["id"]
    return m


@pytest.mark.parametrize("id", [None, 5, "", "absent"])
def test_a_message_without_an_id_is_a_duplicate_when_it_is_delivered_again(door, id):
    m = without_id()
    if id != "absent":
        m["key"]["id"] = id
    for _ in range(2):
        assert accepted(door.api.post(webhook(m)))
    assert len(door.job_ids()) == 1
    m["message"]["conversation"] = "another"
    assert accepted(door.api.post(webhook(m)))
    assert len(door.job_ids()) == 2


def test_one_id_in_other_tenants_chats_and_directions_is_another_message(door):
    posts = [webhook(message("SAME")), webhook(message("SAME"), tenant="2"),
             webhook(message("SAME", chat=chat_of(2))), webhook(message("SAME", fromMe=True)),
             webhook(message("SAME", fromMe=False))]  # as the first: a duplicate
    for body in posts:
        assert accepted(door.api.post(body))
    assert len(door.queued()) == 4
    assert sorted(door.lock("SAME")) == sorted([
        f"1|{CHAT}|0", f"2|{CHAT}|0", f"1|{chat_of(2)}|0", f"1|{CHAT}|1"])
    assert sorted(door.lock("SAME").values()) == sorted(door.queued())


def test_a_batch_makes_a_job_each_in_order(door):
    many = [message(f"M{i}", f"text {i}") for i in range(200)]
    assert accepted(door.api.post(webhook(*many, many[3], many[7])))
    jobs = [door.job(id) for id in door.queued()]
    assert [j.kwargs["messages"] for j in jobs] == [[m] for m in many]
    assert door.news().count("Skipped duplicate") == 2 or \
        wait_until(lambda: door.news().count("Skipped duplicate") == 2, 5)


def test_a_hundred_at_once_with_repeats_make_no_duplicate(door):
    ids = [f"H{i % 70}" for i in range(100)]
    answers = storm(door.api.port, [webhook(message(id)) for id in ids], connections=50)
    assert statuses(answers) == {200: 100}
    assert len(door.queued()) == len(set(door.queued())) == 70


# --- duplicates --------------------------------------------------------------

def test_a_job_that_exists_is_a_duplicate_whatever_became_of_the_lock(door):
    body = webhook(message("K1"))
    door.api.post(body)
    [id] = door.queued()
    r = door.redis.text
    for status in ("queued", "started", "finished", "failed", "scheduled"):
        r.hset(f"rq:job:{id}", "status", status)
        r.delete("job_lock:webhook:baileys:K1", "rq:queue:default")
        assert accepted(door.api.post(body))
        assert door.queued() == []
        assert r.hget(f"rq:job:{id}", "status") == status, "nothing is overwritten"
        assert r.ttl("job_lock:webhook:baileys:K1") > 0, "the lock is refreshed"


def test_dedupe_ttl_is_obeyed(door):
    api = door.start("api", DEDUPE_TTL="100")
    api.post(webhook(message("V1")))
    assert 90 <= door.redis.text.ttl("job_lock:webhook:baileys:V1") <= 100
    api.stop()


@pytest.mark.parametrize("alive", [True, False])
def test_the_originals_string_lock_counts_while_its_job_exists(door, alive):
    r = door.redis.text
    r.set("job_lock:webhook:baileys:OLD", "1", ex=600)
    if alive:
        r.hset("rq:job:deduped:webhook:baileys:OLD", mapping={"status": "queued", "data": "x"})
    assert accepted(door.api.post(webhook(message("OLD"))))
    assert len(door.queued()) == (0 if alive else 1)
    if alive:
        assert r.type("job_lock:webhook:baileys:OLD") == "string"
        wait_until(lambda: "Skipped duplicate" in door.news(), 5, "the skip is logged")
    else:
        assert door.lock("OLD") == {f"1|{CHAT}|0": door.queued()[0]}


# --- dead letters ------------------------------------------------------------

UNFIT = {
    "the guide's": {"key": {"id": "TEST123"}},
    "no chat": {"key": {"id": "U1"}, "message": {"conversation": "x"}},
    "no content": {"key": {"id": "U2", "remoteJid": CHAT}},
    "content null": {"key": {"id": "U3", "remoteJid": CHAT}, "message": None},
    "no key": {"message": {"conversation": "x"}},
    "key not an object": {"key": "x", "message": {"conversation": "x"}},
    "an empty object": {},
    "a number": 5,
    "a text": "x",
    "null": None,
    "a list": [1, [2]],
}


@pytest.mark.parametrize("m", UNFIT.values(), ids=UNFIT.keys())
def test_a_message_that_cant_be_processed_is_kept_as_a_dead_letter(door, m):
    for _ in range(3):
        assert accepted(door.api.post(webhook(m)))
    assert door.queued() == []
    [job] = door.failed()
    assert job.get_status() == "failed"
    assert job.kwargs["messages"] == [m]
    assert "unprocessable" in why_of(job)
    assert job.ended_at and job.origin == "default"
    assert re.fullmatch(r"[A-Za-z0-9_-]+", job.id)
    assert door.redis.text.zscore("rq:failed:default", job.id) > time.time()
    wait_until(lambda: "☠️ Dead-lettered webhook" in door.news(), 5, "the dead letter is logged")


@pytest.mark.parametrize("serializer", ["pickle", "json"])
def test_a_message_that_no_worker_could_read_is_a_dead_letter_at_the_door(door, serializer):
    api = door.start("api", MAX_BODY_BYTES=40 << 20, RQ_SERIALIZER=serializer,
                     ENQUEUE_DEADLINE_MS=60000)  # 16 MiB take a sanitizer and a busy disk their time
    many = message("MANY")
    many["message"]["x"] = [0] * 1000000
    long = message("LONG", "x" * (16 << 20))
    good = message("GOOD", "y" * (15 << 20))
    for m in (many, long, good):
        accepted(api.post(webhook(m)))
    dead = door.failed()
    assert len(dead) == 2 and len(door.queued()) == 1
    raws = set()
    for job in dead:
        assert why_of(job) == "unprocessable: limits"
        assert door.job(job.id, json=serializer == "json").kwargs["messages"] == [None]
        raws.add(door.redis.bytes.hget(f"rq:job:{job.id}", "prosaas_raw"))
    assert raws == {json.dumps(many).encode(), json.dumps(long).encode()}


def test_a_dead_letter_does_not_harm_its_neighbours(door):
    assert accepted(door.api.post(webhook(message("G1"), {"key": {"id": "TEST123"}}, 7, message("G2"))))
    assert [door.job(id).kwargs["messages"][0]["key"]["id"] for id in door.queued()] == ["G1", "G2"]
    assert len(door.failed()) == 2


def test_dead_letters_are_not_in_the_job_failure_ratio(door):
    before = door.api.metric('prosaas_jobs_finished_total{result="failed"}')
    door.api.post(webhook({"key": {"id": "TEST123"}}))
    assert door.api.metric('prosaas_jobs_finished_total{result="failed"}') == before
    assert door.api.metric('prosaas_webhook_messages_total{outcome="dead_lettered"}') > 0


# --- the limit of the queue --------------------------------------------------

def test_a_full_queue_sheds_load(door):
    api = door.start("api", MAX_QUEUE_DEPTH="3")
    assert [api.post(webhook(message(f"F{i}"))).status for i in range(3)] == [200] * 3
    a = api.post(webhook(message("F3")))
    assert a.status == 503 and a.json()["error"] == "service_unavailable"
    assert int(a.headers["Retry-After"]) >= 1
    assert len(door.queued()) == 3 and not door.lock("F3")
    assert api.post(webhook(message("F0"))).status == 200, "a known duplicate needs no room"
    door.redis.text.lpop("rq:queue:default")
    wait_until(lambda: api.post(webhook(message("F3"))).status == 200, 5, "there is room again")
    api.stop()


# --- the status webhook ------------------------------------------------------

@pytest.mark.parametrize("path", [STATUS, STATUS_ALIAS])
def test_the_status_webhook(door, path):
    for connection in ("disconnected", "connected"):
        a = door.api.post({"tenantId": "1", "connection": connection, "pushName": "Shop"}, path=path)
        assert accepted(a)
    for wrong in ("", "[]", "{}", '{"tenantId":"a b","connection":"connected"}'):
        assert door.api.post(wrong, path=path).json()["error"] == "bad_request"
    assert door.queued() == []
