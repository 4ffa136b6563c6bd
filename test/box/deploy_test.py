# SPDX-License-Identifier: MIT
"""deploy/: what it says is what the guide asks for, and what it names exists."""
import os
import pathlib
import re
import shutil
import socketserver
import subprocess
import threading

import pytest
import yaml

from harness import BIN, PATIENCE, Proc, Role, wait_until
from rolling import ROOT

DEPLOY = ROOT / "deploy"
ROLES = {"prosaas-api": "api", "worker": "worker", "scheduler": "scheduler", "admin": "admin"}
GUIDES_WEBHOOK = {"tenantId": "1", "payload": {"messages": [
    {"key": {"id": "TEST123", "remoteJid": "972501234567@s.whatsapp.net"}, "message": {"conversation": "Test message"}}]}}


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load((DEPLOY / "docker-compose.yml").read_text())


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(s|m)", text).groups()
    return int(number) * {"s": 1, "m": 60}[unit]


def filled(text, **given):
    """As compose does: ${NAME:-default}, ${NAME:?words}."""
    def value(m):
        name, how, rest = m.groups()
        assert how == "-" or name in given, f"{name}: {rest}"
        return given.get(name, rest)
    return re.sub(r"\$\{(\w+):([-?])([^}]*)\}", value, str(text))


def settings():
    out = subprocess.run([BIN, "config"], stdout=subprocess.PIPE, text=True, check=True,
                         env={"PATH": os.environ["PATH"]}).stdout
    return set(re.findall(r"^([A-Z_]+)=", out, re.M))


def test_compose_has_the_guides_services_each_alone_in_its_role(compose):
    services = compose["services"]
    assert {"prosaas-api", "worker", "scheduler", "redis", "baileys", "migrate"} <= set(services)
    for name, role in ROLES.items():
        s = services[name]
        assert s["environment"]["SERVICE_ROLE"] == role
        assert s["healthcheck"]["test"] == ["CMD", "prosaas", "probe"]
        assert s["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert s["depends_on"]["redis"]["condition"] == "service_healthy"
        assert seconds(s["stop_grace_period"]) > int(filled(s["environment"]["DRAIN_TIMEOUT"]))
        assert s["restart"] == "unless-stopped" and s["cap_drop"] == ["ALL"] and s["read_only"]
        assert "no-new-privileges:true" in s["security_opt"]
    assert services["migrate"]["command"] == ["migrate"] and services["migrate"]["restart"] == "no"
    assert {n for n, s in services.items() if s.get("profiles")} == {"prometheus", "grafana"}


def test_compose_keeps_what_was_accepted(compose):
    redis = compose["services"]["redis"]
    words = redis["command"]
    assert words[words.index("--maxmemory-policy") + 1] == "noeviction"
    assert words[words.index("--appendonly") + 1] == "yes" and words[words.index("--appendfsync") + 1] == "always"
    kept = {v.split(":")[0] for s in compose["services"].values() for v in s.get("volumes", []) if not v.startswith(".")}
    assert kept == set(compose["volumes"])
    assert "redis-data:/data" in redis["volumes"] and "ports" not in redis


@pytest.mark.parametrize("says, healthy", [(b"+PONG\r\n", True), (b"-LOADING Redis is loading the dataset in memory\r\n", False)])
def test_composes_redis_is_not_healthy_while_it_reads_its_log(compose, says, healthy):
    words = compose["services"]["redis"]["healthcheck"]["test"][1:]

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            while self.request.recv(4096):
                self.wfile.write(says)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}).start()
        done = subprocess.run([words[0], "-p", str(server.server_address[1]), *words[1:]], stdout=subprocess.DEVNULL, check=False)
        server.shutdown()
    assert (done.returncode == 0) == healthy


def test_compose_is_published_on_this_machine_only(compose):
    ports = [p for s in compose["services"].values() for p in s.get("ports", [])]
    assert ports and all(p.startswith("127.0.0.1:") for p in ports)
    net = compose["networks"]["prosaas"]["ipam"]["config"][0]["subnet"]
    assert compose["services"]["worker"]["environment"]["STATS_NETWORKS"] == net


def test_compose_lets_two_apis_share_the_port(compose):
    api, door = compose["services"]["prosaas-api"], compose["services"]["door"]
    assert api["network_mode"] == "service:door" and api["environment"]["REUSE_PORT"] == "on"
    assert door["sysctls"]["net.ipv4.tcp_migrate_req"] == 1
    assert "prosaas-api" in door["networks"]["prosaas"]["aliases"]
    assert "build" not in door and "prosaas" not in door["image"], "a release does not replace it"
    assert not [s for s in compose["services"].values() if "container_name" in s], "two of a service can't share a name"


def test_every_name_in_the_environments_means_something(compose):
    known = settings()
    for name in [*ROLES, "migrate"]:
        unknown = set(compose["services"][name]["environment"]) - known
        assert not unknown, f"{name}: {unknown}"
    used = set(re.findall(r"\$\{(\w+):", (DEPLOY / "docker-compose.yml").read_text()))
    named = set(re.findall(r"^([A-Z_]+)=", (DEPLOY / ".env.example").read_text(), re.M))
    assert named <= known | used, named - known - used
    assert used <= named, f"not in .env.example: {used - named}"
    assert set(re.findall(r"^([A-Z_]+)=", (DEPLOY / "systemd/prosaas.env").read_text(), re.M)) <= known


def test_compose_itself_accepts_the_file(tmp_path):
    if subprocess.run(["docker", "compose", "version"], stdout=subprocess.DEVNULL,
                      stderr=subprocess.DEVNULL, check=False).returncode != 0 if shutil.which("docker") else True:
        pytest.skip("no docker compose client here")
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    (tmp_path / "deploy/.env").write_text((DEPLOY / ".env.example").read_text() + "INTERNAL_SECRET=x\n")
    subprocess.run(["docker", "compose", "config", "--quiet"], cwd=tmp_path / "deploy", check=True)


def test_composes_topology_answers_the_guides_webhook(stage, compose):
    """The services as processes, each with its own environment and command."""
    services = compose["services"]
    words = services["redis"]["command"]
    stage.start_redis(*words[1:])
    stage.start_gateway()
    moved = [("redis://redis:6379", f"redis://127.0.0.1:{stage.redis.port}"), ("http://baileys:3300", stage.gateway.url),
             ("/var/lib/prosaas", str(stage.data)), ("/run/prosaas/", f"{stage.dir}/NAME-")]

    def environment(name):
        env = {}
        for key, text in services[name]["environment"].items():
            text = filled(text, INTERNAL_SECRET="a-secret-of-compose")
            for there, here in moved:
                text = text.replace(there, here.replace("NAME", name))
            env[key] = text
        more = {"PORT": 0, "ADMIN_PORT": 0, "METRICS_PORT": 0, "REPLY_DEBOUNCE_MS": 0}
        return {"PATH": os.environ["PATH"], **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")},
                **{k: str(v) for k, v in {**env, **more}.items()}}

    stage.data.mkdir()
    migrate = Proc(stage, "migrate", [BIN, *services["migrate"]["command"]], environment("migrate"))
    assert migrate.wait() == 0
    live = {}
    for name in ROLES:
        env = environment(name)
        live[name] = Role(stage, name, env, False, [BIN])  # by SERVICE_ROLE
        test = [BIN if w == "prosaas" else w for w in services[name]["healthcheck"]["test"][1:]]
        wait_until(lambda t=test, e=env: subprocess.run(t, env=e, stdout=subprocess.DEVNULL, check=False).returncode == 0,
                   10, f"{name} is healthy")
    stage.settings |= {"DATABASE_URL": environment("worker")["DATABASE_URL"]}
    stage.cli("tenant", "add", "1", "default_text=Thank you!")
    answer = live["prosaas-api"].post(GUIDES_WEBHOOK, secret="a-secret-of-compose")
    assert answer.status == 200 and answer.body == b""
    wait_until(lambda: stage.gateway.sent(), 10, "the reply")
    assert "[WEBHOOK_JOB]" not in live["prosaas-api"].log() and "[WEBHOOK_JOB]" in live["worker"].log()


def packages(text):
    """Of each apt-get install of a Dockerfile."""
    flat = text.replace("\\\n", " ")
    return [set(m.split()) for m in re.findall(r"--no-install-recommends ([^&]*)&&", flat)]


def test_the_image_is_small_and_not_roots(compose):
    text = (DEPLOY / "Dockerfile").read_text()
    stages = text.split("\nFROM ")[1:]
    assert [name.split()[0] for name in stages] == ["debian:12-slim", "redis:7.4-bookworm", "debian:12-slim"]
    assert stages[1].split()[0] == compose["services"]["redis"]["image"], "what restore reads a backup with"
    del stages[1]
    assert "gcc" not in stages[1]
    assert re.search(r"^USER prosaas$", stages[1], re.M) and re.search(r"^HEALTHCHECK .*\[\"prosaas\", \"probe\"\]$", stages[1], re.M)
    assert re.search(r"^USER node$", (ROOT / "gateway/Dockerfile").read_text(), re.M)
    build, run = packages(text)
    wanted = re.search(r'^build="([^"]*)"', (ROOT / "dev").read_text(), re.M)[1].split()
    assert set(wanted) - {"git"} == build, "what ./dev builds with"
    if not shutil.which("dpkg") or os.environ.get("SAN"):
        return
    needed = re.findall(r"NEEDED.*\[(.*)\]", subprocess.run(["readelf", "-d", BIN], stdout=subprocess.PIPE, text=True, check=True).stdout)
    for library in needed:
        owner = subprocess.run(["dpkg", "-S", f"*/{library}"], stdout=subprocess.PIPE, text=True, check=True).stdout.split(":")[0]
        assert owner in run | {"libc6", "libgcc-s1"}, f"{library} is in {owner}"


@pytest.fixture
def installed(tmp_path):
    """`make install`, with what of the system the units name."""
    root = tmp_path / "root"
    done = subprocess.run(["make", "-s", "-o", "build/prosaas", "install", f"DESTDIR={root}", "PREFIX=/usr"], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={k: v for k, v in os.environ.items() if k not in ("SAN", "MAKEFLAGS", "MAKELEVEL")})
    assert done.returncode == 0, done.stdout
    return root


def test_make_install_puts_everything_in_its_place(installed):
    files = {str(f.relative_to(installed)) for f in installed.rglob("*") if f.is_file()}
    lib = "usr/lib/"
    assert {"usr/bin/prosaas", "usr/share/man/man1/prosaas.1", "etc/prosaas/prosaas.env", lib + "sysusers.d/prosaas.conf",
            lib + "tmpfiles.d/prosaas.conf", lib + "prosaas/roll.sh", lib + "prosaas/door-systemd",
            lib + "systemd/system/prosaas-api@.service", lib + "systemd/system/prosaas-api.socket",
            lib + "systemd/system/prosaas-.service.d/hardening.conf"} <= files
    texts = [(installed / f).read_text() for f in files if "systemd" in f and "door" not in f]
    assert not any("/usr/local" in t for t in texts)
    env = installed / "etc/prosaas/prosaas.env"
    assert env.stat().st_mode & 0o777 == 0o640
    env.write_text("MINE=1\n")
    subprocess.run(["make", "-s", "-o", "build/prosaas", "install", f"DESTDIR={installed}", "PREFIX=/usr"], cwd=ROOT, check=True,
                   env={k: v for k, v in os.environ.items() if k not in ("SAN", "MAKEFLAGS", "MAKELEVEL")})
    assert env.read_text() == "MINE=1\n", "a prosaas.env that is there stays"


def unit_names(root):
    found = sorted(p.name for p in (root / "usr/lib/systemd/system").glob("prosaas*.*") if p.is_file())
    return [n.replace("@.", "@1.") for n in found]


def test_systemd_has_nothing_to_say_against_the_units(installed):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    system = installed / "usr/lib/systemd/system"
    for other in ("sysinit", "basic", "shutdown", "network-online", "sockets", "multi-user"):
        (system / f"{other}.target").write_text("[Unit]\nDescription=x\n")
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={installed}",
                           *[f"/usr/lib/systemd/system/{n}" for n in unit_names(installed)]],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60 * PATIENCE)
    assert done.returncode == 0 and not done.stdout.strip(), done.stdout


def test_the_units_are_hardened(installed):
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for name in unit_names(installed):
        if not name.endswith(".service"):
            continue
        done = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--threshold=20", "--no-pager", f"--root={installed}", name],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60 * PATIENCE)
        assert done.returncode == 0, done.stdout[-400:]


def test_the_units_tell_systemd_the_truth():
    for name, role in (("api@", "api"), ("worker@", "worker"), ("scheduler", "scheduler"), ("admin", "admin")):
        text = (DEPLOY / f"systemd/prosaas-{name}.service").read_text()
        assert re.search(r"^Type=notify$", text, re.M) and re.search(r"^WatchdogSec=\d+$", text, re.M)
        assert f"ExecStart=/usr/local/bin/prosaas {role}\n" in text
        drain = int(re.search(r"^DRAIN_TIMEOUT=(\d+)$", (DEPLOY / "systemd/prosaas.env").read_text(), re.M)[1])
        assert int(re.search(r"^TimeoutStopSec=(\d+)$", text, re.M)[1]) > drain
        assert re.search(r"^Wants=.*prosaas-migrate.service$", text, re.M) and "Requires=prosaas-migrate" not in text
    assert "Sockets=prosaas-api.socket" in (DEPLOY / "systemd/prosaas-api@.service").read_text()
    assert "TriggerLimitIntervalSec=0" in (DEPLOY / "systemd/prosaas-api.socket").read_text()
    assert pathlib.Path(DEPLOY / "door-systemd").read_text().count("/run/$name/probe.sock") == 1


# --- the doors, with systemctl and docker played by a script ------------------

def play(folder, name, text):
    """A program that writes down how it was called, and then does what text says."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f'#!/bin/sh\necho "$@" >>{folder}/calls\n{text}\n')
    (folder / name).chmod(0o755)


def knock(door, *words, code=0, **env):
    done = subprocess.run([DEPLOY / door, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          env={"PATH": os.environ["PATH"], **{k: str(v) for k, v in env.items()}})
    assert done.returncode == code, done.stdout
    return done.stdout.split()


def release(path, version):
    path.write_text(f"#!/bin/sh\necho 'prosaas {version}'\n")
    path.chmod(0o755)
    return path


def test_the_door_of_systemd_keeps_what_was_in_use(tmp_path):
    prefix, played = tmp_path / "usr", tmp_path / "played"
    (prefix / "bin").mkdir(parents=True)
    release(prefix / "bin/prosaas", "1.0 (aaa)")  # as `make install` leaves it
    env = {"PREFIX": prefix}
    [old] = knock("door-systemd", "target", **env)
    knock("door-systemd", "use", release(tmp_path / "new", "1.1 (bbb)"), **env)
    [new] = knock("door-systemd", "target", **env)
    assert [re.sub("-[0-9a-f]{8}$", "", pathlib.Path(kept).name) for kept in (old, new)] == ["prosaas-1.0--aaa", "prosaas-1.1--bbb"]
    assert subprocess.run([prefix / "bin/prosaas"], stdout=subprocess.PIPE, text=True, check=True).stdout == "prosaas 1.1 (bbb)\n"
    knock("door-systemd", "use", old, **env)
    assert subprocess.run([prefix / "bin/prosaas"], stdout=subprocess.PIPE, text=True, check=True).stdout == "prosaas 1.0 (aaa)\n"
    knock("door-systemd", "use", release(tmp_path / "broken", "") and "/nowhere", code=1, **env)
    assert knock("door-systemd", "target", **env) == [old], "a release that is none changes nothing"

    play(played, "systemctl", """case $1 in
list-units) echo "prosaas-api@1.service loaded active running x" ;;
show) echo "prosaas-worker@1.service prosaas-api@2.service prosaas-scheduler.service prosaas-api@1.service" ;;
esac""")
    path = {"PATH": f"{played}:{os.environ['PATH']}", **env}
    assert knock("door-systemd", "list", "api", **path) == ["prosaas-api@1.service", "prosaas-api@2.service"]
    assert knock("door-systemd", "list", "scheduler", **path) == ["prosaas-scheduler.service"], "stopped, but the target wants it"
    assert not knock("door-systemd", "list", "admin", **path)
    knock("door-systemd", "replace", "prosaas-api@1.service", **path)
    knock("door-systemd", "nonsense", code=2, **path)
    assert (played / "calls").read_text().splitlines()[-1] == "restart prosaas-api@1.service"


def test_the_door_of_systemd_loses_no_release_to_one_of_the_same_name(tmp_path):
    """Built twice from a dirty checkout: the version is the same, the program is not."""
    (tmp_path / "bin").mkdir()
    program = release(tmp_path / "bin/prosaas", "1.0 (aaa-dirty)")
    [old] = knock("door-systemd", "target", PREFIX=tmp_path)
    before = pathlib.Path(old).read_text()
    release(tmp_path / "new", "1.0 (aaa-dirty)").open("a").write("# another\n")
    knock("door-systemd", "use", tmp_path / "new", PREFIX=tmp_path)
    assert pathlib.Path(old).read_text() == before
    assert program.read_text() == before + "# another\n"


def test_the_door_of_systemd_goes_on_where_it_was_killed(tmp_path):
    (tmp_path / "bin").mkdir()
    release(tmp_path / "bin/prosaas", "1.0 (aaa)")
    (tmp_path / "bin/prosaas.new").symlink_to("/left/over")
    knock("door-systemd", "use", release(tmp_path / "new", "1.1 (bbb)"), PREFIX=tmp_path)
    assert (tmp_path / "bin/prosaas").read_text() == (tmp_path / "new").read_text()


def test_the_installed_door_opens_where_it_was_installed(installed):
    text = (installed / "usr/lib/prosaas/door-systemd").read_text()
    assert "PREFIX=${PREFIX:-/usr}\n" in text and "/usr/local" not in text
    assert "/etc/prosaas/prosaas.env" in text


DOCKER = r"""
case "$*" in
"image inspect"*) [ -e "{dir}/image-${{3#*:}}" ] ;;
*" build "*) : >"{dir}/image-$PROSAAS_TAG"; echo "built $PROSAAS_TAG of ${{COMMIT:-}}" >>{dir}/calls ;;
*" up "*) {up} ;;
*"compose "*" ps "*) cat {dir}/running ;;
"rm "*) for last; do :; done; grep -v "$last" {dir}/running >{dir}/left; mv {dir}/left {dir}/running ;;
inspect*) [ "$2" != -f ] || echo "{service}" ;;
esac
"""


class Yard:
    """A docker that is played: containers are lines, images are files."""

    def __init__(self, folder, service="worker", up=None):
        self.played = folder / "played"
        up = up or f"echo new1 >>{self.played}/running"
        play(self.played, "docker", DOCKER.format(dir=self.played, up=up, service=service))
        (self.played / "running").write_text("old1\n")
        self.file = folder / ".env"
        self.file.write_text("PROSAAS_TAG=v1\nINTERNAL_SECRET=x\n")

    def knock(self, *words, **more):
        return knock("door-compose", *words, PATH=f"{self.played}:{os.environ['PATH']}", ENV_FILE=self.file, **more)

    def calls(self):
        return (self.played / "calls").read_text()


@pytest.mark.parametrize("well", [True, False])
def test_the_door_of_compose_starts_the_next_beside_the_last(tmp_path, well):
    yard = Yard(tmp_path, up=None if well else f"echo new1 >>{tmp_path}/played/running; exit 1")
    assert yard.knock("target") == ["v1"]
    yard.knock("use", "v2")
    assert sorted(yard.file.read_text().splitlines()) == ["INTERNAL_SECRET=x", "PROSAAS_TAG=v2"]
    yard.knock("replace", "old1", code=0 if well else 1)
    assert (yard.played / "running").read_text() == ("new1\n" if well else "old1\n"), "one is left, and which"
    assert "--no-recreate --scale worker=2 --wait worker" in yard.calls()
    assert ("stop old1" in yard.calls()) == well, "the old one goes only after the new one is well"


def test_the_door_of_compose_goes_back_to_the_image_not_to_a_new_one_of_that_name(tmp_path):
    yard = Yard(tmp_path)
    (yard.played / "image-v1").touch()  # the release in use
    yard.knock("use", "v2")
    yard.knock("use", "v1")  # the way back: the checkout is v2's
    built = [c for c in yard.calls().splitlines() if c.startswith("built")]
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], stdout=subprocess.PIPE, text=True, check=False).stdout.strip()
    assert len(built) == 1 and built[0].startswith(f"built v2 of {commit}"), built


def test_the_door_of_compose_keeps_the_env_file_to_itself(tmp_path):
    yard = Yard(tmp_path)
    yard.file.write_text("INTERNAL_SECRET=x|&\\")  # no tag yet, no end of line
    yard.file.chmod(0o600)
    assert yard.knock("target") == ["latest"], "as docker-compose.yml has it"
    yard.knock("use", "v2|&")
    assert yard.file.read_text().splitlines() == ["INTERNAL_SECRET=x|&\\", "PROSAAS_TAG=v2|&"]
    assert yard.file.stat().st_mode & 0o777 == 0o600, "there are secrets in it"
    assert yard.knock("target", PROSAAS_TAG="v1") == ["v2|&"]


def test_the_door_of_compose_starts_no_second_admin_on_the_published_port(tmp_path):
    yard = Yard(tmp_path, service="admin", up=f"echo new1 >{tmp_path}/played/running")
    yard.knock("replace", "old1")
    assert "--scale" not in yard.calls() and "--force-recreate --wait admin" in yard.calls()
    assert (yard.played / "running").read_text() == "new1\n"


def test_the_door_of_compose_takes_no_trouble_for_readiness(tmp_path):
    """A container that was replaced has gone; but where docker does not answer nobody is ready."""
    yard = Yard(tmp_path)
    (yard.played / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon' >&2; exit 1\n")
    yard.knock("probe", "old1", code=1)
