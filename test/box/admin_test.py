# SPDX-License-Identifier: MIT
"""The admin API: who may, and what it shows."""
import pytest

from harness import ADMIN, ask, message, wait_until, webhook


@pytest.fixture
def admin(stage):
    stage.start_redis()
    stage.migrate()
    return stage.start("admin", ADMIN_TOKEN=ADMIN)


def call(admin, method, path, body=None, token=ADMIN, **fields):
    fields = {k.replace("_", "-"): v for k, v in fields.items()}
    if token is not None:
        fields["Authorization"] = f"Bearer {token}"
    return ask(admin.port, method, path, body, fields)


@pytest.mark.parametrize("token", [None, "", "guess", ADMIN + "x"])
def test_without_the_token_it_is_401(admin, token):
    a = call(admin, "GET", "/api/tenants", token=token)
    assert a.status == 401 and a.json() == {"error": "unauthorized"}


def test_with_no_token_set_all_is_401(stage):
    stage.start_redis()
    stage.migrate()
    admin = stage.start("admin")
    assert call(admin, "GET", "/api/tenants", token="").status == 401


@pytest.mark.parametrize("fields, status", [
    ({"Host": "evil.example"}, 403), ({"Host": "127.0.0.1.evil.example"}, 403), ({"Host": "localhost:1"}, 200),
    ({"Host": "10.1.2.3:5050"}, 200), ({"Host": "[::1]:5050"}, 200),
    ({"Host": "localhost", "Origin": "http://localhost"}, 200), ({"Host": "localhost", "Origin": "https://evil.example"}, 403),
    ({"Host": "localhost", "Origin": "null"}, 403)])
def test_host_and_origin_must_be_ours(admin, fields, status):
    assert call(admin, "GET", "/api/tenants", **fields).status == status


def test_a_name_of_admin_hosts_is_ours(stage):
    stage.start_redis()
    stage.migrate()
    admin = stage.start("admin", ADMIN_TOKEN=ADMIN, ADMIN_HOSTS="a.example, admin.example")
    assert call(admin, "GET", "/api/tenants", Host="admin.example").status == 200
    assert call(admin, "GET", "/api/tenants", Host="b.example").status == 403


def test_the_life_of_a_tenant(admin):
    assert call(admin, "POST", "/api/tenants", {"id": "1", "name": "Shop", "ai_temperature": 0.5}).status == 201
    assert call(admin, "POST", "/api/tenants", {"id": "1"}).status == 409
    assert call(admin, "PATCH", "/api/tenants/1", {"status": "paused", "rules": [{"match": "a", "reply": "b"}]}).status == 200
    shown = call(admin, "GET", "/api/tenants/1").json()
    assert shown["status"] == "paused" and shown["name"] == "Shop" and shown["rules"] == '[{"match":"a","reply":"b"}]'
    assert [t["id"] for t in call(admin, "GET", "/api/tenants").json()["tenants"]] == ["1"]
    assert call(admin, "DELETE", "/api/tenants/1").status == 200
    assert call(admin, "GET", "/api/tenants/1").status == 404


@pytest.mark.parametrize("method, path, body, status", [
    ("POST", "/api/tenants", "{", 400), ("POST", "/api/tenants", "[]", 400), ("POST", "/api/tenants", {"id": "a b"}, 400),
    ("POST", "/api/tenants", {"name": "no id"}, 400), ("POST", "/api/tenants", {"id": "3", "colour": "red"}, 400),
    ("PATCH", "/api/tenants/9", {"name": "x"}, 404), ("DELETE", "/api/tenants/9", None, 404),
    ("GET", "/api/messages", None, 400), ("GET", "/api/messages?tenant=1&limit=0", None, 400),
    ("GET", "/api/messages?tenant=1&limit=x", None, 400), ("GET", "/api/dead-letters?limit=9999", None, 400),
    ("GET", "/api/dead-letters/none", None, 404), ("GET", "/api/nothing", None, 404)])
def test_wrong_requests_get_their_answer(admin, method, path, body, status):
    a = call(admin, method, path, body)
    assert a.status == status and a.json()["error"]


def test_alerts_and_sessions_are_shown_to_whom_the_token_lets_in(admin):
    for path, shown in (("/api/alerts", {"alerts": [], "recent": []}), ("/api/sessions", {"down": []})):
        assert call(admin, "GET", path, token=None).status == 401
        a = call(admin, "GET", path)
        assert a.status == 200 and a.json().items() >= shown.items()


def test_messages_are_listed_newest_first(stage):
    api, _ = stage.pipeline()
    for i in range(3):
        assert api.post(webhook(message(f"M{i}"))).status == 200
        wait_until(lambda: len(stage.gateway.sent()) == i + 1, 10, "a reply")
    stage.wait_at_rest(10)
    admin = stage.start("admin", ADMIN_TOKEN=ADMIN)
    all_ = call(admin, "GET", "/api/messages?tenant=1").json()["messages"]
    assert [m["direction"] for m in all_] == ["out", "in"] * 3
    assert all_[0]["status"] == "sent" and all_[0]["reply_to"] == all_[1]["id"] and all_[1]["provider_message_id"] == "M2"
    older = call(admin, "GET", f"/api/messages?tenant=1&before={all_[3]['id']}&limit=1").json()["messages"]
    assert [m["id"] for m in older] == [all_[4]["id"]]
    assert call(admin, "GET", "/api/messages?tenant=2").json()["messages"] == []


def test_dead_letters_are_listed_with_reason_and_bytes(stage):
    stage.start_redis()
    stage.migrate()
    api, admin = stage.start("api"), stage.start("admin", ADMIN_TOKEN=ADMIN)
    assert api.post('{"tenantId":"1","payload":{"messages":[{"key":{"id":"TEST123"} }]}}').status == 200
    listed, = call(admin, "GET", "/api/dead-letters").json()["dead_letters"]
    assert listed["queue"] == "default" and listed["tenant"] == "1" and listed["reason"].startswith("unprocessable")
    assert listed["description"] == "webhook_process_job tenant=1 msg_id=TEST123" and listed["ended_at"]
    one = call(admin, "GET", f"/api/dead-letters/{listed['id']}").json()
    assert one["raw"] == '{"key":{"id":"TEST123"} }' and one["kwargs"]["messages"] == [{"key": {"id": "TEST123"}}]
    assert one["status"] == "failed"


def test_without_redis_tenants_go_on_and_dead_letters_are_503(stage, admin):
    stage.redis.kill()
    wait_until(lambda: admin.get("/readyz").status == 503, 10, "not ready")
    assert call(admin, "GET", "/api/tenants").status == 200
    assert call(admin, "GET", "/api/dead-letters").status == 503
