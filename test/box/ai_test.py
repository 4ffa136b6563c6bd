# SPDX-License-Identifier: MIT
"""What the AI is told, what becomes of its errors, and what it costs."""
import json
import re
import time

import pytest

from harness import FAILED, SCHEDULED, chat_of, message, wait_until, webhook, why_of

PROMPT = "You sell boats."


def house(stage, tenant=None, **settings):
    stage.start_ai()
    settings.setdefault("REPLY_DEBOUNCE_MS", 0)
    return stage.pipeline(scheduler=True, tenant={"prompt": PROMPT, **(tenant or {})}, **settings)


def say(api, id, text="hello", chat=1, tenant="1"):
    assert api.post(webhook(message(id, text, chat_of(chat)), tenant=tenant)).status == 200


def wait_sent(stage, n, seconds=20):
    wait_until(lambda: len(stage.gateway.sent()) >= n, seconds, f"{n} replies")
    stage.wait_at_rest(seconds)
    sent = [s["text"] for s in stage.gateway.sent()]
    assert len(sent) == n, sent
    return sent


def wait_failed(stage, n=1, seconds=20):
    wait_until(lambda: stage.redis.text.zcard(FAILED) >= n, seconds, f"{n} dead letters")
    return [why_of(job) for job in stage.failed()]


def usage(stage, tenant="1"):
    return stage.rows("SELECT model, requests, estimated, tokens_in, tokens_out, cost_micros FROM ai_usage"
                      f" WHERE tenant_id = '{tenant}' ORDER BY model")


# --- what it is told ---------------------------------------------------------

def test_the_model_is_told_who_it_is_then_both_sides_then_the_question_once(stage):
    api, _ = house(stage, {"time_zone": "Asia/Jerusalem", "language": "Hebrew"})
    for i in range(3):
        say(api, f"Q{i}", f"question {i}")
        wait_sent(stage, i + 1)
    last = stage.ai.requests()[-1]["messages"]
    system = last[0]
    assert system["role"] == "system" and [m["role"] for m in last].count("system") == 1
    order = [r"^Now it is \w+day, \d+ \w+ \d{4}, \d\d:\d\d \(Asia/Jerusalem\)", re.escape(PROMPT), "Rules of the house",
             "Do not repeat yourself", "Answer in this language: Hebrew"]
    at = [re.search(part, system["content"]).start() for part in order]
    assert at == sorted(at)
    assert [(m["role"], m["content"]) for m in last[1:]] == [
        ("user", "question 0"), ("assistant", "Echo: question 0"), ("user", "question 1"),
        ("assistant", "Echo: question 1"), ("user", "question 2")]


def test_a_person_who_answered_speaks_for_the_business(stage):
    api, _ = house(stage, {"human_pause_min": 0})
    mine = message("H1", "we open at nine", chat_of(1), fromMe=True)
    assert api.post(webhook(mine)).status == 200
    wait_until(lambda: stage.rows("SELECT 1 FROM messages WHERE source = 'human'"), 10, "it is stored")
    say(api, "Q1", "and on Sunday?")
    wait_sent(stage, 1)
    said = [(m["role"], m["content"]) for m in stage.ai.requests()[-1]["messages"][1:]]
    assert said == [("assistant", "we open at nine"), ("user", "and on Sunday?")]


def test_the_history_is_as_long_as_the_tenant_says_and_as_the_budget_allows(stage):
    api, _ = house(stage, {"ai_history": 4})
    for i in range(4):
        say(api, f"Q{i}", f"question {i}")
        wait_sent(stage, i + 1)
    assert len(stage.ai.requests()[-1]["messages"]) == 1 + 4 + 1
    stage.cli("tenant", "set", "1", "ai_history=-1", "ai_input_tokens=1")
    say(api, "Q4", "question 4")
    wait_sent(stage, 5)
    assert [m["role"] for m in stage.ai.requests()[-1]["messages"]] == ["system", "user"]


def test_a_tenants_own_history_counts_where_the_setting_has_none(stage):
    api, _ = house(stage, {"ai_history": 4}, AI_HISTORY=0)
    for i in range(4):
        say(api, f"Q{i}", f"question {i}")
        wait_sent(stage, i + 1)
    assert len(stage.ai.requests()[-1]["messages"]) == 1 + 4 + 1


def test_the_model_is_asked_with_the_settings_and_with_the_tenants_own(stage):
    api, _ = house(stage)
    say(api, "Q1")
    wait_sent(stage, 1)
    stage.cli("tenant", "set", "1", "ai_temperature=0.7", "ai_max_tokens=99", "ai_model=own")
    say(api, "Q2")
    wait_sent(stage, 2)
    asked = [(r["model"], r["temperature"], r["max_tokens"]) for r in stage.ai.requests()]
    assert asked == [("gpt-4o-mini", 0.3, 350), ("own", 0.7, 99)]


def test_a_new_prompt_counts_from_the_next_message_on_and_has_a_number(stage):
    api, _ = house(stage)
    say(api, "Q1")
    wait_sent(stage, 1)
    stage.cli("tenant", "set", "1", "prompt=You sell kites.")
    stage.cli("tenant", "set", "1", "name=Kites")
    say(api, "Q2")
    wait_sent(stage, 2)
    systems = [r["messages"][0]["content"] for r in stage.ai.requests()]
    assert PROMPT in systems[0] and "You sell kites." in systems[1] and PROMPT not in systems[1]
    assert [r["version"] for r in stage.rows("SELECT version FROM prompts ORDER BY version")] == [1, 2]
    turns = stage.rows("SELECT prompt_version, model FROM turns ORDER BY id")
    assert [(t["prompt_version"], t["model"]) for t in turns] == [(1, "gpt-4o-mini"), (2, "gpt-4o-mini")]


def test_without_a_prompt_nobody_is_asked_and_it_is_said_once_an_hour(stage):
    api, worker = house(stage, {"prompt": ""})
    for i in range(3):
        say(api, f"Q{i}", chat=i)
    wait_until(lambda: worker.metric("prosaas_ai_unprompted_total") == 3, 10, "all are looked at")
    stage.wait_at_rest(10)
    assert stage.ai.requests() == [] and stage.gateway.sent() == [] and len(stage.inbound()) == 3
    assert worker.log().count("has no prompt") == 1
    stage.cli("tenant", "set", "1", "default_text=We call you back.")
    say(api, "Q9")
    assert wait_sent(stage, 1) == ["We call you back."]
    assert stage.ai.requests() == []


def test_an_ai_that_repeats_itself_is_named(stage):
    api, worker = house(stage)
    stage.ai.put("/say", text="Yes.")
    for i in range(2):
        say(api, f"SHORT{i}")
        wait_sent(stage, i + 1)
    assert worker.metric("prosaas_ai_repeats_total") == 0, "a short answer may come twice"
    for i, end in enumerate(("of the blue one.", "of the red one.")):
        stage.ai.put("/say", text="We have a great many boats, for instance " + end)
        say(api, f"LONG{i}")
        wait_sent(stage, 3 + i)
    assert worker.metric("prosaas_ai_repeats_total") == 1
    assert worker.log().count("the AI repeats itself tenant=1 model=gpt-4o-mini") == 1
    assert "a great many" not in worker.log()


# --- its errors --------------------------------------------------------------

FAULTS = [  # mode, what it costs, words of the dead letter (None: answered when it has passed)
    ("429", {"retry_after": 1}, None),
    ("quota", {}, None),
    ("500", {}, None),
    ("503", {"retry_after": 1}, None),
    ("hang", {}, None),
    ("lost", {}, None),
    ("garbage", {}, None),
    ("html", {}, None),
    ("empty", {}, None),
    ("stream", {}, None),
    ("trickle", {}, None),
    ("400", {}, "unsupported_parameter"),
    ("big", {}, "too large"),
    ("filter", {}, "withheld"),
    ("refusal", {}, "withheld"),
    ("nomodel", {}, "model_not_found"),
]


@pytest.mark.parametrize("mode, more, why", FAULTS, ids=[f[0] for f in FAULTS])
def test_each_fault_does_what_docs_ai_says_and_no_other_tenant_feels_it(stage, mode, more, why):
    api, worker = house(stage, AI_TIMEOUT=10 if mode == "big" else 1, JOB_RETRIES=3)
    good = stage.start_fake("ai")
    stage.cli("tenant", "add", "2", "prompt=You sell kites.", f"ai_base_url={good.url}/v1", "ai_api_key=key-2")
    stage.ai.faults(mode, **more)
    say(api, "BAD")
    wait_until(lambda: stage.ai.requests(), 10, "it is asked")
    for i in range(5):
        say(api, f"GOOD{i}", f"other {i}", chat=10 + i, tenant="2")
    wait_until(lambda: len(stage.gateway.sent()) >= 5, 10, "the other tenant is answered meanwhile")
    assert {s["tenantId"] for s in stage.gateway.sent()} == {"business_2"}
    assert {r["authorization"] for r in good.requests()} == {"Bearer key-2"}
    if why:
        [words] = wait_failed(stage)
        assert re.search(why, words), words
        assert stage.ai.requests()[1:] == [], "asked once"
    else:
        wait_until(lambda: stage.redis.text.zcard(SCHEDULED) or stage.redis.text.zcard(FAILED), 10, "it waits")
        assert stage.redis.text.zcard(FAILED) == 0
    stage.ai.faults("ok")
    say(api, "AFTER", "after", chat=2)
    wait_until(lambda: "Echo: after" in [s["text"] for s in stage.gateway.sent()], 30, "the queue is healthy")
    if not why:
        assert "Echo: hello" in wait_sent(stage, 7, 40)
    assert worker.alive()


def test_the_next_model_is_asked_when_the_first_fails(stage):
    api, worker = house(stage, {"ai_model": "best", "ai_fallbacks": "good, cheap"}, AI_PRICES="good=1/2")
    stage.ai.faults("nomodel", model="best")
    say(api, "Q1")
    wait_sent(stage, 1)
    assert [r["model"] for r in stage.ai.requests()] == ["best", "good"]
    worker.wait_log("model best fails, good is asked")
    assert stage.rows("SELECT model FROM turns")[0]["model"] == "good"
    [row] = usage(stage)
    assert row["model"] == "good" and row["cost_micros"] == row["tokens_in"] + 2 * row["tokens_out"] > 0


@pytest.mark.parametrize("mode", ["500", "429", "quota", "garbage", "lost"])
def test_what_may_pass_goes_to_the_next_model_at_once(stage, mode):
    api, _ = house(stage, OPENAI_MODEL_FALLBACKS="second")
    stage.ai.faults(mode, model="gpt-4o-mini")
    say(api, "Q1")
    assert wait_sent(stage, 1, 10) == ["Echo: hello"]


def test_parameters_that_a_model_refuses_are_left_out_from_then_on(stage):
    api, _ = house(stage)
    stage.ai.faults("newer")
    say(api, "Q1")
    wait_sent(stage, 1)
    say(api, "Q2")
    wait_sent(stage, 2)
    requests = stage.ai.requests()
    assert len(requests) == 4, "two refusals, an answer, and an answer at once"
    assert "max_completion_tokens" in requests[-1] and not {"max_tokens", "temperature"} & requests[-1].keys()


def test_a_conversation_too_long_for_the_model_is_asked_shorter(stage):
    api, _ = house(stage, AI_INPUT_TOKENS=600)
    for i in range(4):
        say(api, f"Q{i}", f"question {i} " + "x" * 200)
        wait_sent(stage, i + 1)
    stage.ai.faults("context")
    say(api, "LAST", "the last")
    assert wait_sent(stage, 5)[-1] == "Echo: the last"


def test_a_model_that_thinks_until_its_tokens_are_used_up_gets_more(stage):
    api, _ = house(stage)
    stage.ai.faults("thinking")
    say(api, "Q1")
    assert wait_sent(stage, 1) == ["Echo: hello"]
    assert [r["max_tokens"] for r in stage.ai.requests()] == [350, 1400]
    assert usage(stage)[0]["requests"] == 2


def test_a_dead_letter_names_the_request_for_the_providers_support(stage):
    api, _ = house(stage)
    stage.ai.faults("400")
    say(api, "Q1")
    [words] = wait_failed(stage)
    assert "ai: HTTP 400 unsupported_parameter request req_fake" in words


def test_half_a_sentence_at_the_end_is_left_out(stage):
    api, _ = house(stage)
    stage.ai.faults("length", 1)
    say(api, "Q1")
    assert wait_sent(stage, 1) == ["A whole sentence."]


def test_the_fallback_text_is_said_once_until_the_ai_has_answered_again(stage):
    api, _ = house(stage, {"fallback_text": "We will call you."})
    stage.ai.faults("400")
    for i in range(3):
        say(api, f"Q{i}")
        assert len(wait_failed(stage, i + 1)) == i + 1, "each job says why it failed"
    assert wait_sent(stage, 1) == ["We will call you."]
    stage.ai.faults("ok")
    say(api, "GOOD", "good")
    assert wait_sent(stage, 2)[-1] == "Echo: good"
    stage.ai.faults("400")
    say(api, "Q9")
    assert wait_sent(stage, 3)[-1] == "We will call you."
    stage.ai.faults("ok")
    [first] = stage.rows("SELECT t.job_id FROM turns AS t JOIN messages AS m ON m.turn_id = t.id"
                         " WHERE m.provider_message_id = 'Q0'")
    stage.cli("jobs", "retry", first["job_id"])
    stage.wait_at_rest(10)
    assert len(stage.gateway.sent()) == 3, "a replay of what was told the fallback text asks nobody"


@pytest.mark.parametrize("mode", ["500", "garbage", "lost"])
def test_who_is_given_up_after_the_last_retry_is_told_the_fallback_text_once(stage, mode):
    api, worker = house(stage, {"fallback_text": "We will call you."}, JOB_RETRIES=1)
    stage.ai.faults(mode)
    say(api, "Q0")
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED), 10, "it waits for its retry")
    assert stage.gateway.sent() == [], "nothing is said while there is hope"
    [words] = wait_failed(stage, 1)
    assert words.startswith("ai: ") and len(stage.ai.requests()) == 2
    assert wait_sent(stage, 1) == ["We will call you."]
    say(api, "Q1")
    wait_failed(stage, 2)
    assert wait_sent(stage, 1) == ["We will call you."]
    assert worker.metric("prosaas_ai_fallback_texts_total") == 1
    stage.ai.faults("ok")
    say(api, "GOOD", "good")
    assert wait_sent(stage, 2)[-1] == "Echo: good"


@pytest.mark.parametrize("mode", ["quota", "401", "429"])
def test_who_has_waited_for_a_day_is_told_the_fallback_text(stage, mode):
    api, _ = house(stage, {"fallback_text": "We will call you."})
    stage.ai.faults(mode, retry_after=1)
    say(api, "Q0")
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED), 10, "it waits")
    [id] = stage.job_ids()
    stage.redis.text.hset(f"rq:job:{id}", "prosaas_waiting_since", int(time.time()) - 86401)
    [words] = wait_failed(stage, 1, 40)
    assert words.startswith("ai: ") and wait_sent(stage, 1) == ["We will call you."]


def test_a_job_that_runs_alone_knows_its_last_try_as_well(stage):
    api, worker = house(stage, {"fallback_text": "We will call you."}, JOB_RETRIES=1)
    stage.ai.faults("500")
    say(api, "Q0")
    wait_until(lambda: stage.redis.text.zcard(SCHEDULED), 10, "it waits for its retry")
    [id] = stage.job_ids()
    stage.redis.text.hset(f"rq:job:{id}", "prosaas_crashes", 2)
    wait_failed(stage, 1)
    assert wait_sent(stage, 1) == ["We will call you."]


# --- what it costs -----------------------------------------------------------

def test_each_request_is_counted_and_a_spent_budget_is_spent(stage):
    api, worker = house(stage, {"ai_daily_budget": "0.001", "default_text": "Later!"}, AI_PRICES="gpt-4o-mini=4/4")
    said = []
    for i in range(12):
        say(api, f"Q{i}", chat=i)
        said = wait_sent(stage, i + 1)
    asked = len(stage.ai.requests())
    assert 1 <= asked < 12 and said[asked:] == ["Later!"] * (12 - asked)
    [row] = usage(stage)
    assert row["requests"] == asked and row["cost_micros"] == 4 * (row["tokens_in"] + row["tokens_out"]) >= 1000
    assert worker.log().count("has spent 100 %") == 1
    turns = stage.rows("SELECT sum(tokens_in) AS i, sum(tokens_out) AS o FROM turns")
    assert (turns[0]["i"], turns[0]["o"]) == (row["tokens_in"], row["tokens_out"])


def test_what_the_server_does_not_count_is_estimated(stage):
    api, _ = house(stage)
    stage.ai.faults("nousage")
    say(api, "Q1")
    wait_sent(stage, 1)
    [row] = usage(stage)
    assert row["estimated"] == row["requests"] == 1 and row["tokens_in"] > 50 and row["tokens_out"] > 0


def test_an_answer_that_is_of_no_use_is_paid_all_the_same(stage):
    api, _ = house(stage, JOB_RETRIES=0)
    stage.ai.faults("filter")
    say(api, "Q1")
    wait_failed(stage)
    [row] = usage(stage)
    assert row["requests"] == 1 and row["tokens_in"] > 50 and not row["estimated"]
    stage.ai.faults("garbage")
    say(api, "Q2", chat=2)
    wait_failed(stage, 2)
    [row] = usage(stage)
    assert row["requests"] == 2 and row["estimated"] == 1
    stage.ai.faults("400")
    say(api, "Q3", chat=3)
    wait_failed(stage, 3)
    assert usage(stage)[0]["requests"] == 2, "a refusal costs nothing"


def test_what_was_paid_for_an_answer_that_can_not_be_kept_is_counted(stage):
    api, _ = house(stage, JOB_RETRIES=0)
    stage.write("CREATE TRIGGER full BEFORE INSERT ON messages WHEN new.source = 'bot'"
                " BEGIN SELECT raise(ABORT, 'no room'); END")
    say(api, "Q1")
    wait_failed(stage)
    assert [(r["requests"], r["tokens_out"]) for r in usage(stage)] == [(1, 2)]


def test_the_command_line_shows_what_it_costs_and_is_told(stage):
    house(stage, {"ai_fallbacks": "second", "language": "Hebrew"}, AI_PRICES="second=1/100000")
    stage.ai.faults("nomodel", model="gpt-4o-mini")
    told = stage.cli("ai", "try", "1", "do you sell boats?", "--show").stdout
    assert told.index("--- system") < told.index(PROMPT) < told.index("Hebrew") < told.index("--- user\ndo you sell boats?")
    assert told.endswith("Echo: do you sell boats?\n") and stage.gateway.sent() == []
    [row] = [json.loads(line) for line in stage.cli("ai", "usage", "1", "--json").stdout.splitlines()]
    assert (row["model"], row["requests"], row["tokens_out"]) == ("second", 1, 5)
    assert row["cost_micros"] == row["tokens_in"] + 500000
    assert re.search(r"second +1 +\d+ +5 +0\.500\d\d\d", stage.cli("ai", "usage", "1").stdout)

    stage.ai.faults("401")
    assert "invalid_api_key" in stage.cli("ai", "try", "1", "hello", code=1).stderr
    stage.cli("tenant", "set", "1", "prompt=You sell kites.\nOnly kites.")
    assert re.search(r"2 .* You sell kites\.\n1 .* You sell boats", stage.cli("ai", "prompts", "1").stdout)
    assert stage.cli("ai", "prompts", "1", "1").stdout == PROMPT + "\n"
    versions = [json.loads(line)["version"] for line in stage.cli("ai", "prompts", "1", "--json").stdout.splitlines()]
    assert versions == [2, 1]
    stage.cli("ai", "prompts", "1", "7", code=1)
    stage.cli("ai", "usage", "9", code=1)


def test_a_try_that_reaches_a_share_of_the_budget_says_so(stage):
    house(stage, {"ai_daily_budget": "0.001"}, AI_PRICES="gpt-4o-mini=1/1")
    said = []
    for _ in range(12):
        said += re.findall(r"has spent (\d+) %", stage.cli("ai", "try", "1", "hello").stderr)
        if "100" in said:
            break
    assert said in (["80", "100"], ["100"])


def test_a_key_is_never_shown(stage):
    stage.start_redis()
    stage.prepare(ai_api_key="sk-very-secret")
    for words in (("tenant", "show", "1"), ("tenant", "list"), ("tenant", "show", "1", "--json")):
        done = stage.cli(*words, code=None)
        assert "sk-very-secret" not in done.stdout + done.stderr
    assert "ai_api_key=***" in stage.cli("tenant", "show", "1").stdout
    for bad in ("sk-1\r\nX-Evil: 1", "sk 1", "sk-\u05d0"):
        refused = stage.cli("tenant", "set", "1", f"ai_api_key={bad}", code=None)
        assert refused.returncode != 0 and "printable ASCII" in refused.stderr and bad not in refused.stderr


@pytest.mark.parametrize("prices", ["gpt-4o", "a=1", "a=1/x", "=1/2", "a=-1/2"])
def test_prices_that_are_none_stop_the_start(stage, prices):
    stage.start_redis()
    stage.prepare()
    done = stage.cli("worker", AI_PRICES=prices, code=1)
    assert f'AI_PRICES: "{prices}" is not like' in done.stderr
