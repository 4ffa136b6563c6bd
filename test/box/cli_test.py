# SPDX-License-Identifier: MIT
"""What the command line says and does."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from harness import BIN, SECRET

ROOT = pathlib.Path(__file__).parents[2]
MAN = ROOT / "man/prosaas.1"


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["api", "--help"], ["tenant", "--help"], ["config", "--help"]])
def test_help_is_given(stage, words):
    assert "usage: prosaas" in stage.cli(*words).stdout


def test_the_version(stage):
    shown = stage.cli("--version").stdout
    assert shown.startswith("prosaas 0.")
    if (ROOT / ".git").exists():  # built before, or not: it is of the commit that is there
        commit = subprocess.run(["git", "describe", "--always", "--dirty", "--exclude", "*"], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
        assert shown.rstrip().endswith(f"({commit.strip()})")


@pytest.mark.parametrize("words", [["--nonsense"], ["nonsense"], ["api", "--nonsense"], ["migrate", "x"], ["config", "-v"],
                                   ["tenant"], ["tenant", "nonsense"], ["tenant", "show"], ["tenant", "list", "1"],
                                   ["tenant", "set", "1"], ["tenant", "add", "1", "--nonsense"]])
def test_wrong_words_exit_2_with_a_usage_line(stage, words):
    done = stage.cli(*words, code=2)
    assert "usage: prosaas" in done.stderr and done.stdout == ""


def test_config_shows_where_values_come_from_and_masks_secrets(stage):
    (stage.dir / "token").write_text("  from-a-file\n")
    out = stage.cli("config", ADMIN_TOKEN_FILE=str(stage.dir / "token"), REDIS_URL="redis://u:hush@h/1").stdout
    assert SECRET not in out and "hush" not in out and "from-a-file" not in out
    assert "INTERNAL_SECRET=***\n    # from environment." in out
    assert f"ADMIN_TOKEN=***\n    # from {stage.dir}/token." in out
    assert "LOG_LEVEL=info\n    # from default." in out


@pytest.mark.parametrize("name, value, allowed", [
    ("PORT", "many", "a number from 0 to 65535"), ("LOG_LEVEL", "loud", "error|warn|info|debug"),
    ("AI_TEMPERATURE", "3", "a number from 0 to 2"), ("SERVICE_ROLE", "boss", "api|worker|scheduler|admin|all")])
def test_a_bad_setting_stops_the_start_with_one_line(stage, name, value, allowed):
    done = stage.cli("api", code=1, **{name: value})
    assert done.stderr == f"prosaas: {name}={value}: allowed " + (f"is {allowed}\n" if "number" in allowed else f"are {allowed}\n")


@pytest.mark.parametrize("url", ["http://h", "redis://h:99999", "unix://", "redis://h/x", "nonsense"])
def test_a_bad_redis_url_stops_the_start_with_one_line(stage, url):
    err = stage.cli("api", code=1, REDIS_URL=url).stderr
    assert err.startswith("prosaas: REDIS_URL: ") and "allowed are" in err and err.count("\n") == 1


def test_a_role_without_redis_says_so(stage):
    assert "REDIS_URL is not set" in stage.cli("api", code=1).stderr


@pytest.mark.parametrize("role", ["worker", "admin"])
def test_a_role_refuses_an_older_schema_and_names_the_command(stage, role):
    stage.start_redis()
    assert "prosaas migrate" in stage.cli(role, code=1).stderr


def test_migrate_twice(stage):
    assert "migrated from 0 to " in stage.cli("migrate").stdout
    assert "nothing to do" in stage.cli("migrate").stdout


def test_the_life_of_a_tenant(stage):
    stage.migrate()
    (stage.dir / "prompt").write_text("You sell\nflowers.\n")
    stage.cli("tenant", "add", "business_7", "name=Flowers", "prompt=@prompt", "ai_temperature=0.5")
    shown = json.loads(stage.cli("tenant", "show", "7", "--json").stdout)
    assert shown["id"] == "7" and shown["prompt"] == "You sell\nflowers." and shown["ai_temperature"] == 0.5
    assert shown["status"] == "active" and shown["default_text"] is None
    stage.cli("tenant", "set", "7", "status=paused", "default_text=Closed.")
    assert "status=paused\n" in stage.cli("tenant", "show", "7").stdout
    stage.cli("tenant", "add", "acme")
    listed = [json.loads(line) for line in stage.cli("tenant", "list", "--json").stdout.splitlines()]
    assert {t["id"] for t in listed} == {"7", "acme"}
    assert "Flowers" in stage.cli("tenant", "list").stdout
    stage.cli("tenant", "remove", "7")
    assert stage.cli("tenant", "show", "7", code=1).stderr.startswith("prosaas: ")


@pytest.mark.parametrize("words", [["add", "1"], ["add", "a b"], ["add", "2", "status=asleep"], ["add", "2", "colour=red"],
                                   ["add", "2", "rules={}"], ["add", "2", "rules=no"], ["add", "2", "ai_max_tokens=x"],
                                   ["set", "9", "name=x"], ["remove", "9"], ["show", "9"], ["add", "2", "prompt=@/nowhere"]])
def test_a_tenant_command_that_fails_says_why_and_changes_nothing(stage, words):
    stage.migrate()
    stage.cli("tenant", "add", "1")
    before = stage.cli("tenant", "list", "--json").stdout
    err = stage.cli("tenant", *words, code=1).stderr
    assert err.startswith("prosaas: ") and err.count("\n") == 1
    assert stage.cli("tenant", "list", "--json").stdout == before


# --- where it prints -------------------------------------------------------------

@pytest.mark.parametrize("words", [["config"], ["queues"], ["queues", "--json"], ["completion", "bash"]])
def test_what_could_not_be_printed_is_no_success(stage, words):
    """A disk that is full under `prosaas ... >file`."""
    stage.start_redis()
    with open("/dev/full", "w") as full:
        done = subprocess.run([BIN, *words], stdout=full, stderr=subprocess.PIPE, text=True, env=stage.environment({}))
    assert done.returncode == 1 and done.stderr.startswith("prosaas: stdout: ") and done.stderr.count("\n") == 1


def test_who_reads_no_further_is_no_failure(stage):
    stage.start_redis()
    done = subprocess.run(["bash", "-c", f'"{os.path.abspath(BIN)}" queues | true; echo ${{PIPESTATUS[0]}}'],
                          capture_output=True, text=True, env=stage.environment({}))
    assert (done.stdout, done.stderr) == ("0\n", "")


@pytest.mark.parametrize("closed, code", [("<&- >&-", 0), ("2>&-", 0), ("<&- >&- 2>&-", 1)])
def test_a_closed_descriptor_is_no_connection(stage, closed, code):
    """Else the loop's own descriptors, or Redis's, would be stdout."""
    stage.start_redis()
    words = ["queues"] if code == 0 else ["jobs", "show", "nope"]
    done = subprocess.run(["bash", "-c", f'"$@" {closed}', "bash", os.path.abspath(BIN), *words], env=stage.environment({}),
                          capture_output=True)
    assert done.returncode == code


# --- the man page, completion --------------------------------------------------

def commands(stage):
    return re.findall(r"^  ([a-z-]+) ", stage.cli("--help").stdout, re.M)


def man():
    """Its words, without the marks of roff."""
    return re.sub(r'\\f[A-Z]|\\&|"', "", MAN.read_text(encoding="utf-8")).replace("\\-", "-")


def test_the_man_page_has_each_command_and_its_options(stage):
    text, missing = man(), []
    for name in commands(stage):
        entry = "\n".join(re.findall(rf"^\.(?:B|BI|BR) {name}\b(?:.|\n)*?(?=^\.TP|^\.S[HS]|\Z)", text, re.M))
        usages = "\n".join(line for line in stage.cli(name, "--help").stdout.splitlines() if "usage:" in line)
        missing += [f"{name} {option}" for option in re.findall(r"--[a-z-]+", usages) if option not in entry]
        missing += [] if entry or name == "solo" else [name]  # nobody but a worker starts that
    assert not missing
    for status in ("0 done", "1 it failed", "2 wrong words"):
        assert status in text[text.index(".SH EXIT STATUS"):]


def test_the_man_page_is_well_formed():
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", MAN], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("typed, offered", [
    (["qu"], {"queues"}), (["jobs", ""], {"list", "show", "retry", "cancel", "discard", "enqueue"}),
    (["jobs", "list", "--re"], {"--reason"}), (["queues", "re"], {"restore"}), (["send", ""], set())])
def test_bash_completes_commands_subcommands_and_options(stage, typed, offered):
    (stage.dir / "completion").write_text(stage.cli("completion", "bash").stdout)
    script = f"""
        source ./completion
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
        _prosaas
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    out = subprocess.run(["bash", "-c", script, "bash", os.path.abspath(BIN), *typed], cwd=stage.dir, capture_output=True,
                         text=True, check=True, env=stage.environment({}))
    assert (set(out.stdout.split()), out.stderr) == (offered, "")


def test_zsh_is_told_each_command(stage):
    out = stage.cli("completion", "zsh").stdout
    assert all(f"'{name}:" in out for name in commands(stage)) and out.startswith("#compdef prosaas\n")
