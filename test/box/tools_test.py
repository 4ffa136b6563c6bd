# SPDX-License-Identifier: MIT
"""What the AI may have done while it answers."""
import hashlib
import hmac
import json

import pytest

from harness import message, wait_until, webhook

SECRET = "tools-secret"
PARAMETERS = {"type": "object", "properties": {"boat": {"type": "string"}}}


def shop(stage, hosts=None, base=None, **settings):
    stage.start_ai()
    stage.tool = stage.start_fake("tool")
    base = (base or "http://127.0.0.1:%d") % stage.tool.port
    tools = [{"name": name, "description": f"Does {name}", "parameters": PARAMETERS, "url": f"{base}/{name}",
              "timeout_ms": 300 if name == "slow" else 5000} for name in ("stock", "broken", "moved", "long", "slow")]
    tools.append({"name": "elsewhere", "url": "http://127.0.0.2/stock"})
    if hosts is None:
        hosts = base.removeprefix("http://")
    return stage.pipeline(scheduler=True, tenant={"prompt": "You sell boats.", "tools": json.dumps(tools),
                                                  "tools_secret": SECRET}, TOOLS_ALLOWED_HOSTS=hosts, **settings)


def ask_with(stage, api, *calls, times=1, id="Q1"):
    """What the customer is told when the model asks for the calls first: their results."""
    stage.ai.faults("tools", times, body=calls)
    before = len(stage.gateway.sent())
    assert api.post(webhook(message(id, "is it free?"))).status == 200
    wait_until(lambda: len(stage.gateway.sent()) > before, 20, "the reply")
    stage.wait_at_rest()
    return stage.gateway.sent()[-1]["text"]


def test_the_model_gets_what_it_asked_for(stage):
    api, worker = shop(stage)
    assert ask_with(stage, api, ["stock", '{"boat":"red"}'], ["stock", '{"boat":"blue one"}']) == \
        '{"free": 3} | {"free": 8}'
    first, second = stage.ai.requests()
    names = [t["function"]["name"] for t in first["tools"]]
    assert names == ["stock", "broken", "moved", "long", "slow", "elsewhere"]
    assert first["tools"][0] == {"type": "function", "function": {
        "name": "stock", "description": "Does stock", "parameters": PARAMETERS}}
    asked, *results = second["messages"][len(first["messages"]):]
    assert asked["role"] == "assistant" and [c["id"] for c in asked["tool_calls"]] == ["call-0", "call-1"]
    assert [(r["role"], r["tool_call_id"]) for r in results] == [("tool", "call-0"), ("tool", "call-1")]

    calls = stage.tool.get("/calls")
    for call, boat in zip(calls, ("red", "blue one"), strict=True):
        body = json.loads(call["body"])
        assert (body["tool"], body["arguments"], body["tenant"]) == ("stock", {"boat": boat}, "1")
        assert body["message_id"] == "Q1" and body["conversation_id"] == stage.inbound()[0]["conversation_id"]
        signed = hmac.new(SECRET.encode(), call["body"].encode(), hashlib.sha256).hexdigest()
        assert call["headers"]["x-prosaas-signature"] == "sha256=" + signed
    assert stage.rows("SELECT requests FROM ai_usage") == [{"requests": 2}]
    assert worker.metric('prosaas_tool_calls_total{outcome="ok"}') == 2
    assert SECRET not in stage.cli("tenant", "show", "1").stdout


@pytest.mark.parametrize("name, arguments, told", [
    ("nothing", "{}", "there is no such tool"), ("stock", "{boat", "the arguments are no JSON object"),
    ("stock", "[1]", "the arguments are no JSON object"), ("broken", "{}", "HTTP 500"), ("moved", "{}", "HTTP 302"),
    ("long", "{}", "larger than"), ("slow", "{}", "the tool failed"), ("elsewhere", "{}", "not available")])
def test_what_goes_wrong_is_told_to_the_model_alone(stage, name, arguments, told):
    api, worker = shop(stage)
    said = ask_with(stage, api, [name, arguments], ["stock", '{"boat":"red"}'])
    error, result = said.split(" | ")
    assert told in json.loads(error)["error"] and result == '{"free": 3}'
    assert "trace" not in said
    assert len(stage.tool.get("/calls")) <= 2, "nothing is tried twice, no redirect followed"
    worker.wait_log("tool fails")


def test_a_model_that_asks_on_and_on_is_stopped(stage):
    api, _ = shop(stage)
    said = ask_with(stage, api, *[["stock", json.dumps({"boat": "x" * i})] for i in range(3)], times=-1)
    requests = stage.ai.requests()
    assert len(requests) == 5 and [r.get("tool_choice") for r in requests] == [None] * 4 + ["none"]
    assert len(stage.tool.get("/calls")) == 8 and said.count("too many calls") == 4


def test_the_same_call_has_the_same_key(stage):
    api, _ = shop(stage)
    ask_with(stage, api, ["stock", '{"boat":"red"}'], ["stock", '{"boat":"blue"}'], times=2)
    ask_with(stage, api, ["stock", '{"boat":"red"}'], id="Q2")
    keys = [json.loads(c["body"])["idempotency_key"] for c in stage.tool.get("/calls")]
    assert keys[0] == keys[2] and keys[1] == keys[3] and len(set(keys)) == 3


def test_a_name_of_the_internet_that_leads_home_is_not_followed(stage):
    api, worker = shop(stage, base="http://tool.localhost:%d")
    assert "the tool failed" in ask_with(stage, api, ["stock", '{"boat":"red"}'])
    assert stage.tool.get("/calls") == []
    worker.wait_log("tool fails .* reason=its address is private")


def test_without_allowed_hosts_there_are_no_tools(stage):
    api, _ = shop(stage, hosts="")
    assert ask_with(stage, api, ["stock", "{}"]) == "Echo: is it free?"
    assert "tools" not in stage.ai.requests()[0] and stage.tool.get("/calls") == []


@pytest.mark.parametrize("tools", ['{}', '[1]', '[{"url":"http://a/"}]', '[{"name":"a b","url":"http://a/"}]',
                                   '[{"name":"a","url":"file:///etc"}]', 'no', '[{"name":"a"}]',
                                   '[{"name":"a","url":"http://a/","parameters":[]}]'])
def test_tools_that_are_none_are_refused(stage, tools):
    stage.prepare()
    assert "tools=" in stage.cli("tenant", "set", "1", f"tools={tools}", code=1).stderr
