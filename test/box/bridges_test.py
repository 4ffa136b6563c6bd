# SPDX-License-Identifier: MIT
"""Webhooks of other bridges: Evolution, WAHA, wuzapi."""
import hashlib
import hmac
import json

import pytest

from harness import SECRET, chat_of, wait_until

CHAT = chat_of(7)
PHONE = CHAT.split("@")[0]


def evolution(id, text):
    return {"event": "messages.upsert", "instance": "shop", "apikey": "KEY-OF-INSTANCE", "data": {
        "key": {"id": id, "remoteJid": CHAT, "fromMe": False}, "pushName": "Ana", "messageType": "conversation",
        "message": {"conversation": text}, "messageTimestamp": 1795514400}}


def waha(id, text):
    return {"event": "message", "session": "default", "engine": "WEBJS", "payload": {
        "id": f"false_{PHONE}@c.us_{id}", "timestamp": 1795514400, "from": f"{PHONE}@c.us", "fromMe": False,
        "body": text, "hasMedia": False}}


def wuzapi(id, text):
    return {"type": "Message", "token": "TOKEN-OF-USER", "event": {
        "Info": {"ID": id, "Chat": CHAT, "Sender": CHAT, "IsFromMe": False, "IsGroup": False, "PushName": "Ana",
                 "Timestamp": "2026-11-24T10:00:00Z"}, "Message": {"conversation": text}}}


def receipt(bridge, id):
    return {"evolution": {"event": "messages.update", "data": {"keyId": id, "remoteJid": CHAT, "fromMe": True,
                                                               "status": "READ"}},
            "waha": {"event": "message.ack", "payload": {"id": f"true_{PHONE}@c.us_{id}", "fromMe": True, "ack": 3}},
            "wuzapi": {"type": "ReadReceipt", "state": "Read", "event": {
                "Chat": CHAT, "MessageIDs": [id], "Timestamp": "2026-11-24T10:00:09Z", "Type": "read"}}}[bridge]


def session(bridge):
    return {"evolution": {"event": "connection.update", "data": {"state": "open"}},
            "waha": {"event": "session.status", "payload": {"status": "WORKING"}},
            "wuzapi": {"type": "Connected", "event": {}}}[bridge]


MESSAGES = {"evolution": evolution, "waha": waha, "wuzapi": wuzapi}


@pytest.mark.parametrize("bridge", MESSAGES)
def test_a_message_is_answered_once_and_its_receipt_is_read(stage, bridge):
    api, worker = stage.pipeline(scheduler=True, tenant={"default_text": "Thank you"}, ANSWER_MAX_AGE_MIN=0)
    path = f"/webhook/{bridge}/business_1"
    for _ in range(2):
        answer = api.post(MESSAGES[bridge]("Q1", "hello"), path=path)
        assert (answer.status, answer.body) == (200, b"")
    stage.wait_at_rest()
    [sent] = stage.gateway.sent()
    assert (sent["to"], sent["text"]) == (CHAT, "Thank you")
    [row] = stage.inbound()
    assert (row["body"], row["provider_message_id"]) == ("hello", "Q1")
    assert "KEY-OF" not in row["raw"] and "TOKEN-OF" not in row["raw"]

    assert api.post(receipt(bridge, sent["messageId"]), path=path).status == 200
    wait_until(lambda: stage.replies()[0]["status"] == "read", 10, "the receipt is known")
    assert api.post(session(bridge), path=path).status == 200
    assert stage.redis.text.hget("prosaas:session:1", "state") == "connected"


@pytest.mark.parametrize("bridge, header, algorithm", [("waha", "X_Webhook_Hmac", hashlib.sha512),
                                                       ("wuzapi", "x_hmac_signature", hashlib.sha256)])
def test_a_signature_proves_the_body(stage, bridge, header, algorithm):
    stage.start_redis()
    api = stage.start("api", INTERNAL_SECRET_PREVIOUS="the-old-one")
    body = json.dumps(MESSAGES[bridge]("S1", "hello")).encode()

    def post(key, text=body):
        sign = hmac.new(key.encode(), body, algorithm).hexdigest()
        return api.post(text, secret=None, path=f"/webhook/{bridge}/1", **{header: sign})

    assert post("a-wrong-one").status == 401
    assert post(SECRET, body.replace(b"hello", b"hullo")).status == 401
    assert stage.redis.text.llen("rq:queue:default") == 0
    assert post("the-old-one").status == 200 and post(SECRET).status == 200
    assert stage.redis.text.llen("rq:queue:default") == 1


def test_who_does_not_prove_himself_is_refused(stage):
    stage.start_redis()
    api = stage.start("api")
    for bridge, message in MESSAGES.items():
        for secret in (None, "", "wrong"):
            assert api.post(message("X1", "hello"), secret=secret, path=f"/webhook/{bridge}/1").status == 401
    sign = hmac.new(SECRET.encode(), b"{}", hashlib.sha512).hexdigest()
    assert api.post(b"{}", secret=None, path="/webhook/evolution/1", X_Webhook_Hmac=sign).status == 401
    assert stage.redis.text.llen("rq:queue:default") == 0


@pytest.mark.parametrize("path, body, status, words", [
    ("/webhook/evolution/1/presence-update", b'{"event":"presence.update","data":{}}', 200, ""),
    ("/webhook/waha/1", b'{"event":"chat.archive","payload":{}}', 200, ""),
    ("/webhook/wuzapi/1", b"jsonData=%7B%7D", 400, "no value at byte 0"),
    ("/webhook/waha/1", b'{"payload":{}}', 400, "waha: no event"),
    ("/webhook/wuzapi/1", b'{"type":"Message","event":{}}', 400, "wuzapi: Message without what it is about"),
    ("/webhook/evolution/", b"{}", 400, "the tenant in the path"),
    ("/webhook/evolution/a%20b", b"{}", 400, "the tenant in the path"),
    ("/webhook/telegram/1", b"{}", 404, "")])
def test_what_is_of_no_use_or_wrong_is_said(stage, path, body, status, words):
    stage.start_redis()
    api = stage.start("api")
    answer = api.post(body, path=path)
    assert answer.status == status and words in answer.body.decode()
    assert stage.redis.text.llen("rq:queue:default") == 0


def test_without_redis_it_comes_again(stage):
    stage.start_redis()
    api = stage.start("api")
    stage.redis.kill()
    assert wait_until(lambda: api.post(waha("R1", "hello"), path="/webhook/waha/1").status == 503, 10, "503")
