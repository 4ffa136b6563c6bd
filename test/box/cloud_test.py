# SPDX-License-Identifier: MIT
"""The webhook of WhatsApp's Cloud API: who may speak, whose it is, what is understood."""
import hashlib
import hmac
import json
import subprocess
import time

import pytest

from harness import ADMIN, ask, wait_until, webhook, why_of
from npm import npm_install

PATH = "/webhook/meta"
APP = "app-secret-of-the-operator"
PHONE, OTHER = "106540352242922", "106540352242999"
CUSTOMER = "16505551234"
CHAT = f"{CUSTOMER}@s.whatsapp.net"
KEY = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
BSUID = "US.13491208655302741918"


# --- what Meta sends ----------------------------------------------------------

def wrap(*changes):
    """One entry for each."""
    return {"object": "whatsapp_business_account",
            "entry": [{"id": "102290129340398", "changes": [c]} for c in changes]}


def change(phone=PHONE, field="messages", **value):
    return {"field": field, "value": {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": phone}, **value}}


def message(id, body=None, who=CUSTOMER, **more):
    m = {"from": who, "id": f"wamid.{id}", "timestamp": str(int(time.time()))}
    return m | ({"type": "text", "text": {"body": body}} if body else {}) | more


def says(*messages, phone=PHONE):
    return wrap(change(phone, contacts=[{"profile": {"name": "Ana"}, "wa_id": CUSTOMER}], messages=list(messages)))


def status(id, word, at, **more):
    return {"id": id, "status": word, "timestamp": str(at), "recipient_id": CUSTOMER, **more}


def sign(body, secret=APP):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def post(api, what, secret=APP):
    body = what if isinstance(what, bytes) else json.dumps(what).encode()
    return api.post(body, secret=None, path=PATH, X_Hub_Signature_256=sign(body, secret))


@pytest.fixture
def cloud(stage):
    """Tenant 1 has the phone; replies go to the fake gateway."""
    stage.settings |= {"META_WA_APP_SECRET": APP, "SECRETS_KEY": KEY}
    return stage.pipeline(tenant={"default_text": "Thank you!", "meta_phone_number_id": PHONE})


def told(stage):
    stage.cli("jobs", "enqueue", "prosaas.directory", "--queue", "prosaas")
    wait_until(lambda: stage.redis.text.exists("prosaas:meta"), 10, "the directory")


# --- who may speak ------------------------------------------------------------

def test_meta_asks_whether_the_webhook_is_ours(stage):
    stage.settings |= {"META_WA_VERIFY_TOKEN": "token-of-all", "SECRETS_KEY": KEY}
    stage.start_redis()
    stage.prepare(meta_phone_number_id=PHONE, meta_verify_token="token-of-1")
    api = stage.start("api")

    def challenge(token, mode="subscribe", challenge="1158201444"):
        return api.get(f"{PATH}?hub.mode={mode}&hub.challenge={challenge}&hub.verify_token={token}")

    for token in ("token-of-all", "token-of-1"):
        answer = challenge(token)
        assert (answer.status, answer.body, answer.headers["Content-Type"]) == (200, b"1158201444", "text/plain")
    for answer in (challenge("wrong"), challenge(""), challenge("token-of-all", mode="unsubscribe"), api.get(PATH)):
        assert answer.status == 403 and answer.json()["error"] == "forbidden"
    assert challenge("token-of-all", challenge="").status == 400
    stage.cli("tenant", "set", "1", "meta_verify_token=a-new-one")
    wait_until(lambda: challenge("a-new-one").status == 200, 10, "the new token is known")
    assert challenge("token-of-1").status == 403


def test_one_flipped_byte_is_401(cloud, stage):
    api, _ = cloud
    body = json.dumps(says(message("F1", "hello"))).encode()
    good = sign(body)
    flipped = bytes([body[40] ^ 1])
    for text, signature in ((body[:40] + flipped + body[41:], good), (body + b" ", good), (body, good[:-1] + "g"),
                            (body, good[7:]), (body, "sha1=" + good[7:]), (body, "sha256="), (body, None),
                            (body, sign(body, "wrong")), (body, good.upper())):
        headers = {"X_Hub_Signature_256": signature} if signature else {}
        answer = api.post(text, secret=None, path=PATH, **headers)
        assert (answer.status, answer.json()) == (401, {"error": "unauthorized"}), (text[:60], signature)
    assert stage.job_ids() == []
    assert post(api, body).status == 200


def test_an_app_secret_is_rotated(stage):
    stage.settings |= {"META_WA_APP_SECRET": f"the-new-one, {APP}", "SECRETS_KEY": KEY}
    stage.start_redis()
    stage.prepare(meta_phone_number_id=PHONE)
    stage.cli("tenant", "add", "2", f"meta_phone_number_id={OTHER}", "meta_app_secret=own-new,own-old")
    api = stage.start("api")
    for secret in ("the-new-one", APP):
        assert post(api, says(message("R1", "hello")), secret).status == 200
    for secret in ("own-new", "own-old"):
        assert post(api, says(message("R2", "hello"), phone=OTHER), secret).status == 200
    assert post(api, says(message("R3", "hello"), phone=OTHER), APP).status == 401, "it has secrets of its own"
    assert post(api, says(message("R3", "hello")), "own-new").status == 401
    stage.cli("tenant", "set", "2", "meta_app_secret=own-new")
    wait_until(lambda: post(api, says(message("R4", "hello"), phone=OTHER), "own-third").status == 401, 10)
    stage.cli("tenant", "set", "2", "meta_app_secret=own-third")
    wait_until(lambda: post(api, says(message("R4", "hello"), phone=OTHER), "own-third").status == 200, 10,
               "a secret that is missed is looked for")


def test_a_tenant_cannot_speak_for_another(stage):
    stage.settings |= {"META_WA_APP_SECRET": APP, "SECRETS_KEY": KEY}
    stage.start_redis()
    stage.prepare(meta_phone_number_id=PHONE)
    stage.cli("tenant", "add", "2", f"meta_phone_number_id={OTHER}", "meta_app_secret=own-secret")
    api = stage.start("api")
    both = wrap(change(OTHER, messages=[message("T1", "mine")]), change(PHONE, messages=[message("T2", "not mine")]))
    assert post(api, both, "own-secret").status == 401
    twice = json.dumps(both).replace('"phone_number_id": "%s"' % PHONE,
                                     '"phone_number_id": "%s", "phone_number_id": "%s"' % (PHONE, OTHER))
    assert post(api, twice.encode(), "own-secret").status == 401
    hidden = json.dumps(both).replace('"phone_number_id": "%s"' % PHONE, '"phone_number\\u005fid": "%s"' % PHONE)
    assert post(api, hidden.encode(), "own-secret").status == 401
    assert stage.job_ids() == []


def test_secrets_do_not_open_without_their_key(stage):
    stage.start_redis()
    stage.prepare()
    answer = stage.cli("tenant", "set", "1", "meta_app_secret=own-secret", code=1)
    assert "meta_app_secret: SECRETS_KEY is not set" in answer.stderr
    answer = stage.cli("config", code=1, SECRETS_KEY="short")
    assert "SECRETS_KEY=***: allowed are 32 bytes" in answer.stderr and "short" not in answer.stderr

    stage.cli("tenant", "set", "1", "ai_api_key=sk-plain-once", f"meta_phone_number_id={PHONE}")
    assert stage.rows("SELECT ai_api_key FROM tenants") == [{"ai_api_key": "sk-plain-once"}]
    stage.cli("tenant", "set", "1", "meta_app_secret=own-secret", SECRETS_KEY=KEY)
    [row] = stage.rows("SELECT ai_api_key, meta_app_secret FROM tenants")
    assert all(v.startswith("sealed:1:") for v in row.values()), "what lay open is sealed with the next change"
    assert "own-secret" not in str(stage.redis.text.hgetall("prosaas:meta"))
    assert "ai_api_key=***" in stage.cli("tenant", "show", "1", SECRETS_KEY=KEY).stdout
    assert "tenant 1: sealed with another SECRETS_KEY" in stage.cli("tenant", "show", "1", code=1).stderr
    assert "1" in stage.cli("tenant", "list").stdout
    new = {"SECRETS_KEY": "ee" * 32}
    assert "0 of 1 tenants" in stage.cli("tenant", "seal", code=1, **new).stdout
    assert "1 of 1 tenants" in stage.cli("tenant", "seal", **new, SECRETS_KEY_PREVIOUS=KEY).stdout
    assert "ai_api_key=***" in stage.cli("tenant", "show", "1", **new).stdout
    assert "SECRETS_KEY is not set" in stage.cli("tenant", "seal", code=1).stderr
    assert "1 of 1 tenants" in stage.cli("tenant", "seal", SECRETS_KEY=KEY, SECRETS_KEY_PREVIOUS="ee" * 32).stdout

    api = stage.start("api", META_WA_APP_SECRET=APP, SECRETS_KEY="ff" * 32)
    for secret in ("own-secret", APP):
        assert post(api, says(message("K1", "hello")), secret).status == 401
    api.wait_log("the secrets of tenant 1 do not open")
    opens = stage.start("api", META_WA_APP_SECRET=APP, SECRETS_KEY="ff" * 32, SECRETS_KEY_PREVIOUS=KEY)
    assert post(opens, says(message("K1", "hello")), "own-secret").status == 200


def test_what_is_not_its_shape_is_said(cloud):
    api, _ = cloud
    for body, words in ((b"{", "at byte"), (b"[]", "entry must be a list"), (b'{"entry":{}}', "entry must be a list")):
        answer = post(api, body)
        assert answer.status == 400 and words in answer.json()["message"], body
    for body in (b'{"entry":[]}', json.dumps(says()).encode()):
        assert (post(api, body).status, post(api, body).body) == (200, b"")


def accounts(size=0):
    """What names no phone: an account's event."""
    return {"entry": [{"id": "1", "changes": [{"field": "account_alerts", "value": {"about": "x" * size}}]}]}


def test_the_search_for_who_signed_what_names_no_phone_is_rationed(cloud, stage):
    """It costs a hash for each tenant's secret, and anybody may ask for it."""
    api, _ = cloud
    stage.write("WITH RECURSIVE n(i) AS (SELECT 10 UNION SELECT i + 1 FROM n WHERE i < 1500) INSERT INTO tenants (id, created_us,"
                " meta_phone_number_id, meta_app_secret) SELECT 't' || i, 1, 99000 + i, 'secret-of-' || i FROM n")
    told(stage)
    wait_until(lambda: post(api, accounts(), "secret-of-1500").status == 200, 10, "each of them may say it")
    answers = [post(api, accounts(8000), "nobody's").status for _ in range(30)]
    assert 401 in answers and answers.count(503) > answers.count(401), answers
    api.wait_log("faster than")
    assert post(api, says(message("N1", "hello"))).status == 200, "who names his phone is in nobody's way"
    assert post(api, accounts(8000)).status == 200, "nor is the operator's own app"
    wait_until(lambda: post(api, accounts(), "secret-of-1500").status == 200, 20, "and Meta tries again")


def test_what_names_no_phone_is_short_or_the_operator_s(cloud, stage):
    api, _ = cloud
    stage.cli("tenant", "add", "2", f"meta_phone_number_id={OTHER}", "meta_app_secret=own-secret")
    assert post(api, accounts(1000), "own-secret").status == 200
    assert post(api, accounts(9000), "own-secret").status == 401
    assert post(api, accounts(9000)).status == 200


def test_without_redis_it_comes_again(cloud, stage):
    api, _ = cloud
    assert post(api, says(message("D1", "hello"))).status == 200
    stage.wait_at_rest()
    stage.redis.kill()
    wait_until(lambda: post(api, says(message("D2", "hello"))).status == 503, 10, "503")
    other = stage.start("api", ready=False)
    assert post(other, says(message("D2", "hello"))).status == 503, "and by one that never had a directory"
    assert post(other, says(message("D2", "hello")), "wrong").status == 503, "it can't know whose secret that is"
    stage.redis.restart()
    wait_until(lambda: post(api, says(message("D2", "hello"))).status == 200, 10, "200")
    wait_until(lambda: len(stage.inbound()) == 2, 10, "both are there")


# --- whose it is ---------------------------------------------------------------

def test_a_batch_of_several_entries_is_taken_apart(cloud, stage):
    api, worker = cloud
    stage.cli("tenant", "add", "2", "default_text=Two!", f"meta_phone_number_id={OTHER}")
    batch = wrap(change(PHONE, messages=[message("B1", "one"), message("B2", "two", who="16505559999")]),
                 change(OTHER, messages=[message("B3", "three")]),
                 change(PHONE, messages=[message("B4", "four")]))
    for _ in range(2):
        assert (post(api, batch).status, post(api, batch).body) == (200, b"")
    wait_until(lambda: len(stage.gateway.sent()) == 4, 20, "each is answered")
    stage.wait_at_rest()
    rows = stage.rows("SELECT tenant_id AS t, provider_message_id AS id, provider AS p, body FROM messages"
                      " WHERE direction = 'in' ORDER BY 2")
    assert [(r["t"], r["id"], r["p"], r["body"]) for r in rows] == [
        ("1", "wamid.B1", "meta", "one"), ("1", "wamid.B2", "meta", "two"),
        ("2", "wamid.B3", "meta", "three"), ("1", "wamid.B4", "meta", "four")]
    assert {r["provider"] for r in stage.replies()} == {"meta"}
    assert stage.redis.text.hkeys("job_lock:webhook:meta:wamid.B1") == [f"1|{CHAT}|0"]
    assert stage.redis.text.keys("job_lock:webhook:baileys:*") == []


def test_a_phone_that_is_nobody_s_is_kept_until_it_is_somebody_s(cloud, stage):
    api, worker = cloud
    assert post(api, says(message("U1", "hello"), phone=OTHER)).status == 200
    [dead] = wait_until(stage.failed, 10, "a dead letter")
    assert why_of(dead).startswith(f"unknown_tenant: meta-{OTHER}")
    api.wait_log(f"phone_number_id {OTHER} is no tenant's")
    assert api.metric("prosaas_cloud_unknown_phones_total") == 1
    assert stage.inbound() == []

    stage.cli("tenant", "add", "2", "default_text=Two!", f"meta_phone_number_id={OTHER}")
    stage.cli("jobs", "retry", dead.id)
    wait_until(lambda: [s["text"] for s in stage.gateway.sent()] == ["Two!"], 10, "it is answered")
    assert [r["tenant_id"] for r in stage.inbound()] == ["2"]


def test_the_setting_s_phone_is_the_tenant_s_that_names_none(stage):
    stage.settings |= {"META_WA_APP_SECRET": APP, "META_WA_PHONE_NUMBER_ID": PHONE}
    api, worker = stage.pipeline(tenant={"default_text": "One!"})
    stage.write("INSERT INTO tenants (id, gateway, default_text, created_us) VALUES ('7', 'meta', 'Seven!', 1)")
    assert post(api, says(message("S1", "hello"))).status == 200  # nobody has told the api
    wait_until(lambda: [r["tenant_id"] for r in stage.inbound()] == ["7"], 10, "the worker knows it")
    told(stage)
    assert json.loads(stage.redis.text.hget("prosaas:meta", PHONE)) == {"tenant": "7"}
    wait_until(lambda: post(api, says(message("S2", "hello"))).status == 200
               and "tenant=7 msg_id=wamid.S2" in api.log(), 10, "the api knows it")


def test_a_phone_is_one_tenant_s(stage):
    stage.start_redis()
    stage.prepare(meta_phone_number_id=PHONE)
    answer = stage.cli("tenant", "add", "2", f"meta_phone_number_id={PHONE}", code=1)
    assert "meta_phone_number_id is that of tenant 1" in answer.stderr
    assert "allowed is digits" in stage.cli("tenant", "set", "1", "meta_phone_number_id=+1", code=1).stderr


def test_the_directory_follows_every_change(stage):
    stage.start_redis()
    stage.prepare(meta_phone_number_id=PHONE)
    phones = lambda: set(stage.redis.text.hkeys("prosaas:meta"))
    assert phones() == {PHONE}
    stage.cli("tenant", "set", "1", f"meta_phone_number_id={OTHER}")
    assert phones() == {OTHER}
    admin = stage.start("admin", ADMIN_TOKEN=ADMIN)
    bearer = {"Authorization": f"Bearer {ADMIN}"}
    assert ask(admin.port, "PATCH", "/api/tenants/1", {"meta_phone_number_id": PHONE}, bearer).status == 200
    assert phones() == {PHONE}
    assert ask(admin.port, "DELETE", "/api/tenants/1", None, bearer).status == 200
    assert phones() == set()
    stage.cli("tenant", "add", "2", f"meta_phone_number_id={OTHER}")
    stage.cli("tenant", "remove", "2")
    assert phones() == set()
    stage.redis.kill()
    answer = stage.cli("tenant", "add", "3", f"meta_phone_number_id={OTHER}")
    assert "the api hears of it within a minute" in answer.stderr


# --- what is understood ---------------------------------------------------------

MEDIA = {"id": "1013859600285441", "mime_type": "image/jpeg", "sha256": "Xh+/0Q="}
SHAPES = [  # type, its object, kind, canonical text, answered
    ("text", {"body": "hi"}, "text", "hi", True),
    ("image", MEDIA, "image", "[image]", False),
    ("image", MEDIA | {"caption": "the boat"}, "image", "the boat", True),
    ("video", MEDIA | {"caption": "look"}, "video", "look", True),
    ("audio", MEDIA, "audio", "[audio]", False),
    ("audio", MEDIA | {"voice": True}, "voice", "[voice]", False),
    ("document", MEDIA | {"filename": "a.pdf"}, "document", "[document: a.pdf]", False),
    ("document", MEDIA | {"filename": "a.pdf", "caption": "the offer"}, "document", "[document: a.pdf] the offer", True),
    ("sticker", MEDIA | {"animated": False}, "sticker", "[sticker]", False),
    ("location", {"latitude": 32.08, "longitude": 34.78, "name": "Port", "address": "Quay 1"}, "location",
     "[location: Port, Quay 1 (32.08, 34.78)]", False),
    ("contacts", [{"name": {"formatted_name": "Bo Li", "first_name": "Bo"},
                   "phones": [{"phone": "+1 650-555-0000", "wa_id": "16505550000"}]}], "contact",
     "[contact: Bo Li, +16505550000]", False),
    ("contacts", [{"name": {"first_name": "A"}, "phones": [{"phone": "1"}]}, {"name": {"formatted_name": "B"}}],
     "contacts", "[contacts: A, 1; B]", False),
    ("button", {"text": "Yes", "payload": "yes-1"}, "template_reply", "Yes", True),
    ("interactive", {"type": "button_reply", "button_reply": {"id": "b1", "title": "Book"}}, "buttons_reply", "Book",
     True),
    ("interactive", {"type": "list_reply", "list_reply": {"id": "r1", "title": "Haircut", "description": "30 min"}},
     "list_reply", "Haircut", True),
    ("interactive", {"type": "nfm_reply", "nfm_reply": {"name": "flow", "body": "Sent", "response_json": "{\"a\":1}"}},
     "interactive_reply", "Sent", True),
    ("interactive", {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}}, "unknown", None,
     False),
    ("reaction", {"message_id": "wamid.X", "emoji": "👍"}, "reaction", "[reaction: 👍]", False),
    ("reaction", {"message_id": "wamid.X"}, "reaction", None, False),
    ("order", {"catalog_id": "7", "text": "by Friday", "product_items": [
        {"product_retailer_id": "sku-1", "quantity": 2, "item_price": 5, "currency": "EUR"},
        {"product_retailer_id": "sku-2", "quantity": "1"}]}, "order", "[order: 2 x sku-1, 1 x sku-2] by Friday", True),
    ("system", {"type": "user_changed_number", "body": "Ana changed", "wa_id": "16505550001"}, "system",
     "[number changed]", False),
    ("system", {"type": "customer_identity_changed", "body": "?"}, "system", None, False),
    ("unsupported", None, "unknown", None, False),
    ("request_welcome", None, "unknown", None, False),
    ("hologram", {"id": "9"}, "unknown", None, False),
]


def test_every_shape_has_its_canonical_text(cloud, stage):
    api, worker = cloud
    for i, (type, what, _, _, _) in enumerate(SHAPES):
        shape = {"type": type} | ({type: what} if what is not None else {"errors": [{"code": 131051, "title": "Unknown"}]})
        assert post(api, says(message(f"{i:02}", who=f"1650555{i:04}", **shape))).status == 200
    stage.wait_at_rest()
    got = {r["provider_message_id"]: r for r in stage.inbound()}
    for i, (type, what, kind, text, answered) in enumerate(SHAPES):
        row = got[f"wamid.{i:02}"]
        assert (row["kind"], row["body"]) == (kind, text), (type, what)
        assert json.loads(row["raw"])["cloud"]["type"] == type
        if what is not None:
            assert json.loads(row["raw"])["cloud"][type] == what, "nothing is lost"
    answered = {f"1650555{i:04}@s.whatsapp.net" for i, s in enumerate(SHAPES) if s[4]}
    assert {s["to"] for s in stage.gateway.sent()} == answered
    assert stage.failed() == []


def test_quotes_edits_and_revokes_find_their_message(cloud, stage):
    api, worker = cloud
    post(api, says(message("Q1", "the red one?")))
    stage.wait_at_rest()
    post(api, says(message("Q2", "still free?", context={"from": CUSTOMER, "id": "wamid.Q1"}),
                   message("Q3", type="edit", edit={"original_message_id": "wamid.Q1", "message": {
                       "type": "text", "text": {"body": "the blue one?"}}}),
                   message("Q4", "never mind"), message("Q5", type="revoke", revoke={"original_message_id": "wamid.Q4"})))
    stage.wait_at_rest()
    rows = {r["provider_message_id"]: r for r in stage.inbound()}
    assert rows["wamid.Q2"]["reply_to"] == rows["wamid.Q1"]["id"]
    assert rows["wamid.Q1"]["body"] == "the blue one?" and rows["wamid.Q1"]["edited_us"]
    assert rows["wamid.Q4"]["body"] is None and rows["wamid.Q4"]["revoked_us"]


def test_statuses_in_any_order_end_right(cloud, stage):
    api, worker = cloud
    post(api, says(message("O1", "hello"), message("O2", "hello?", who="16505559999")))
    wait_until(lambda: len(stage.gateway.sent()) == 2, 10, "two replies")
    stage.wait_at_rest()
    one, two = stage.replies()
    for word, at in (("read", 1795514409), ("sent", 1795514401), ("delivered", 1795514405), ("read", 1795514411),
                     ("dozing", 1795514412)):
        assert post(api, wrap(change(statuses=[status(
            "wamid.OUT1", word, at, biz_opaque_callback_data=one["outbound_key"])]))).status == 200
    failed = {"code": 131026, "title": "Message undeliverable", "error_data": {"details": "about +1 650"}}
    post(api, wrap(change(statuses=[status("wamid.OUT2", "failed", 1795514403, errors=[failed],
                                           biz_opaque_callback_data=two["outbound_key"], recipient_id="1650")])))
    post(api, wrap(change(statuses=[status("wamid.OUT2", "sent", 1795514402, recipient_id="16505559999")])))
    stage.wait_at_rest()
    one, two = stage.replies()
    assert (one["status"], one["delivered_us"], one["read_us"]) == ("read", 1795514405000000, 1795514409000000)
    assert (two["status"], two["reason"]) == ("failed", "whatsapp: error 131026")
    assert api.metric('prosaas_cloud_notes_total{kind="error"}') == 1
    api.wait_log("Cloud API: error code=131026")
    assert "650" not in api.log().split("error code=131026")[1].splitlines()[0]


def test_who_answers_in_the_app_silences_the_bot(cloud, stage):
    api, worker = cloud
    echo = {"from": "15550783881", "to": f"+{CUSTOMER}", "id": "wamid.E1", "timestamp": str(int(time.time())),
            "type": "text", "text": {"body": "I'll call you"}}
    assert post(api, wrap(change(field="smb_message_echoes", message_echoes=[echo]))).status == 200
    stage.wait_at_rest()
    assert post(api, says(message("E2", "thanks"))).status == 200
    stage.wait_at_rest()
    rows = stage.rows("SELECT direction, source, body FROM messages ORDER BY id")
    assert rows == [{"direction": "out", "source": "human", "body": "I'll call you"},
                    {"direction": "in", "source": "customer", "body": "thanks"}]
    assert stage.gateway.sent() == []


def test_a_customer_who_hides_the_phone_is_known_by_an_id(cloud, stage):
    api, worker = cloud
    hidden = message("H1", "hello") | {"from_user_id": BSUID}
    del hidden["from"]
    contact = {"profile": {"name": "Ana", "username": "@ana"}, "user_id": BSUID}
    assert post(api, wrap(change(contacts=[contact], messages=[hidden]))).status == 200
    stage.wait_at_rest()
    assert [s["to"] for s in stage.gateway.sent()] == [f"{BSUID}@bsuid"]
    shown = message("H2", "it is me")
    assert post(api, wrap(change(contacts=[contact | {"wa_id": CUSTOMER}], messages=[shown]))).status == 200
    stage.wait_at_rest()
    assert [s["to"] for s in stage.gateway.sent()] == [f"{BSUID}@bsuid", CHAT]
    assert len({r["conversation_id"] for r in stage.inbound()}) == 1, "it is one person"
    assert stage.rows("SELECT name FROM contacts") == [{"name": "Ana"}]


def test_a_customer_keeps_the_conversation_when_the_business_changes_its_way(cloud, stage):
    api, worker = cloud
    assert api.post(webhook({"key": {"id": "W1", "remoteJid": CHAT, "senderLid": "7123@lid"},
                             "message": {"conversation": "hello"}})).status == 200
    stage.wait_at_rest()
    contact = {"profile": {"name": "Ana"}, "wa_id": CUSTOMER, "user_id": BSUID}
    for id in ("W2", "W3"):
        post(api, wrap(change(contacts=[contact], messages=[message(id, "hello again")])))
        stage.wait_at_rest()
    assert len({r["conversation_id"] for r in stage.inbound()}) == 1
    post(api, wrap(change(contacts=[contact | {"user_id": "US.999"}], messages=[message("W4", "who am I?")])))
    stage.wait_at_rest()
    assert len({r["conversation_id"] for r in stage.inbound()}) == 2, "another account has the phone now"


def test_what_is_no_message_is_counted(cloud, stage):
    api, worker = cloud
    assert post(api, wrap({"field": "account_update", "value": {"event": "VERIFIED_ACCOUNT"}},
                          change(errors=[{"code": 130429, "title": "Rate limit hit"}]))).status == 200
    api.wait_log("Cloud API: event account_update")
    api.wait_log("Cloud API: error code=130429")
    assert api.metric('prosaas_cloud_notes_total{kind="event"}') == 1
    unfit = says(5, None, {"id": "wamid.N1", "type": "text", "text": {"body": "from nobody"}})
    assert post(api, unfit).status == 200
    wait_until(lambda: len(stage.failed()) == 3, 10, "what can't be processed is kept")


# --- as others understand it ------------------------------------------------------

@pytest.fixture(scope="module")
def npm():
    return npm_install("meta")


def test_samples_signed_by_a_program_that_is_not_ours(npm, cloud, stage):
    api, worker = cloud
    bodies = [json.dumps(b) for b in (
        says(message("P1", "grüß Gott 👋")), says(message("P2", type="image", image=MEDIA | {"caption": "a/b"})),
        wrap(change(statuses=[status("wamid.P3", "delivered", 1795514405)])))]
    done = subprocess.run(["node", "sign.js", APP], cwd=npm, input=json.dumps(bodies), capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    signed = json.loads(done.stdout)
    assert [s["read"]["id"] for s in signed] == ["wamid.P1", "wamid.P2", "wamid.P3"], "it takes them for Meta's"
    for body, s in zip(bodies, signed):
        assert api.post(body, secret=None, path=PATH, X_Hub_Signature_256=s["signature"]).status == 200
        assert api.post(body + " ", secret=None, path=PATH, X_Hub_Signature_256=s["signature"]).status == 401
    stage.wait_at_rest()
    assert [r["body"] for r in stage.inbound()] == ["grüß Gott 👋", "a/b"]


# --- and back ---------------------------------------------------------------------

def test_a_question_is_answered_where_it_came_from_and_read(stage):
    stage.start_cloud()
    stage.settings |= {"META_WA_APP_SECRET": APP, "SECRETS_KEY": KEY}
    api, worker = stage.pipeline(tenant={"default_text": "Thank you!", "gateway": "meta", "meta_access_token": "EAAbox",
                                         "meta_phone_number_id": PHONE})
    hidden = message("L2", "and I?") | {"from_user_id": BSUID}
    del hidden["from"]
    assert post(api, says(message("L1", "hello"), hidden)).status == 200
    sent = wait_until(lambda: len(stage.cloud.sent()) == 2 and stage.cloud.sent(), 10, "two answers")
    stage.wait_at_rest()
    assert {s.get("to") or s.get("recipient") for s in sent} == {CUSTOMER, BSUID}
    for s in sent:
        word = status(s["wamid"], "read", 1795514409)
        if s.get("recipient"):
            word["recipient_user_id"] = s["recipient"]
            del word["recipient_id"]
        assert post(api, wrap(change(statuses=[word]))).status == 200
    wait_until(lambda: [r["status"] for r in stage.replies()] == ["read", "read"], 10, "both are read")
    [token] = stage.rows("SELECT meta_access_token FROM tenants")
    assert token["meta_access_token"].startswith("sealed:1:") and sent[0]["token"] == "EAAbox"


def test_a_status_settles_what_a_lost_answer_left_open(stage):
    stage.start_cloud()
    stage.settings |= {"META_WA_APP_SECRET": APP, "SECRETS_KEY": KEY}
    api, worker = stage.pipeline(scheduler=True, tenant={
        "default_text": "Thank you!", "gateway": "meta", "meta_access_token": "EAAbox", "meta_phone_number_id": PHONE})
    stage.cloud.faults("lost", 1)
    post(api, says(message("Z1", "hello")))
    [s] = wait_until(stage.cloud.sent, 10, "it was taken, and the answer lost")
    word = status(s["wamid"], "delivered", 1795514405, biz_opaque_callback_data=s["biz_opaque_callback_data"])
    assert post(api, wrap(change(statuses=[word]))).status == 200
    wait_until(lambda: stage.replies()[0]["status"] == "delivered", 10, "the status settles it")
    stage.wait_at_rest(30)
    [row] = stage.replies()
    assert (row["status"], row["provider_message_id"]) == ("delivered", s["wamid"])
    assert len(stage.cloud.sent()) == 1 and stage.failed() == []
