# SPDX-License-Identifier: MIT
"""A conversation with an OpenAI-compatible server that is not ours: mock-llm of npm, its
version and all it needs pinned by a lock.  Skipped where npm or its registry is not there."""
import os

import pytest

from harness import CHAT, Proc, free_port, message, wait_until, webhook
from npm import npm_install

@pytest.fixture(scope="module")
def installed():
    return npm_install("mock-llm")


@pytest.fixture
def mock(installed, stage):
    port = free_port()
    server = Proc(stage, "mock", ["node", installed / "node_modules/@dwmkerr/mock-llm/dist/main.js",
                                  "--config", installed / "mock-llm.yaml"],
                  {**os.environ, "HOST": "127.0.0.1", "PORT": str(port)})
    server.wait_log("server running", 20)
    return f"http://127.0.0.1:{port}/v1"


def test_a_conversation_with_a_server_that_is_not_ours(stage, mock):
    api, worker = stage.pipeline(
        scheduler=True, tenant={"prompt": "You sell boats.", "ai_model": "gone", "ai_fallbacks": "there"},
        AI_PROVIDER="openai", OPENAI_API_KEY="any", OPENAI_BASE_URL=mock, REPLY_DEBOUNCE_MS=400)

    def say(*lines):
        before = len(stage.gateway.sent())
        sent = [message(f"M{before}-{i}", line) for i, line in enumerate(lines)]
        assert api.post(webhook(*sent)).status == 200
        wait_until(lambda: len(stage.gateway.sent()) > before, 20, "the reply")
        stage.wait_at_rest()
        assert len(stage.gateway.sent()) == before + 1, "a burst has one reply"
        return stage.gateway.sent()[-1]["text"]

    assert say("hello", "who are you?") == "2 messages, the first system"
    assert say("is the red boat free?", "or the blue one?") == "Red and blue are free."
    assert say("good") == "8 messages, the first system", "each earlier line is a message, and each reply"
    assert stage.rows("SELECT DISTINCT model FROM turns") == [{"model": "there"}]
    assert stage.gateway.sent()[0]["to"] == CHAT
    [row] = stage.rows("SELECT requests, estimated, tokens_in FROM ai_usage")
    assert row["requests"] == row["estimated"] == 3 and row["tokens_in"] > 0, "the mock counts no tokens"
    worker.wait_log("model gone fails, there is asked")
