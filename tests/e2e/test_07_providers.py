# SPDX-License-Identifier: Apache-2.0
"""Providers: kept sealed, attached to sandboxes, never seen by them."""

import json
import os
import secrets
import signal
import time

import pytest

from fixtures import make
from shell import (
    BIN, FULL, Gateway, Sandbox, allow, origin_log, policy, wait_until)

HOST = "origin.example.com"
GOLD = "g0lden." + secrets.token_hex(12)

ORIGIN_PROFILE = """\
id: origin
aliases: [env]
display_name: The origin
category: other
credentials:
  - env_vars: [ORIGIN_TOKEN, ORIGIN_OTHER]
endpoints:
  - {host: origin.example.com, port: 443, protocol: rest, access: full}
binaries:
  - {path: /usr/bin/curl}
"""


@pytest.fixture(scope="module")
def gateway():
    """One that knows a type more."""
    g = Gateway()
    (g.dir / "config/providers").mkdir()
    (g.dir / "config/providers/origin.yaml").write_text(ORIGIN_PROFILE)
    yield g
    g.close()


@pytest.fixture
def provider(gateway):
    """provider(name, type, ...) makes one; all are gone at the end."""
    made = []

    def one(name, type="origin", env=None, args=("--from-existing",)):
        made.append(name)
        return gateway.ok("provider", "create", "--name", name, "--type",
                          type, *args, env=env or {"ORIGIN_TOKEN": GOLD})
    yield one
    for s in gateway.ok("sandbox", "list", "--names").out.split():
        gateway.run("sandbox", "delete", s)
    gateway.run("provider", "delete", *made)


def sandbox(gateway, *providers):
    name = f"p{secrets.token_hex(3)}"
    gateway.ok("sandbox", "create", "--name", name, "--detach",
               *(a for p in providers for a in ("--provider", p)))
    return Sandbox(gateway, name)


ASK = ('curl -sS -m 10 -w "%{http_code}" https://' + HOST +
       '/x -H "Authorization: Bearer $ORIGIN_TOKEN"')


def test_a_provider_is_made_shown_and_deleted_without_its_values(gateway):
    r = gateway.ok("provider", "create", "--name", "one", "--type", "openai",
                   "--from-existing", "--config",
                   "OPENAI_BASE_URL=https://api.example.com/v1",
                   env={"OPENAI_API_KEY": GOLD})
    assert "Created provider one" in r.err
    shown = gateway.ok("provider", "get", "one")
    assert "Credential keys: OPENAI_API_KEY" in shown.out
    assert "Config keys: OPENAI_BASE_URL" in shown.out
    tree = gateway.ok("provider", "get", "one", "-o", "json").json()
    assert tree["credential_keys"] == ["OPENAI_API_KEY"]
    assert tree["resource_version"] == 1
    listed = gateway.ok("provider", "list")
    assert listed.out.split()[:4] == ["NAME", "TYPE", "CREDENTIAL_KEYS",
                                      "CONFIG_KEYS"]
    assert GOLD not in shown.out + listed.out + json.dumps(tree)
    assert "Deleted provider one" in gateway.ok("provider", "delete",
                                                "one").err
    assert "Provider one not found" in gateway.ok("provider", "delete",
                                                  "one").err
    assert "No providers found" in gateway.ok("provider", "list").err


SOURCES = [
    ("environment", ["--credential", "K"], dict(env={"K": "v-env"}), "v-env"),
    ("standard input", ["--credential", "K=-"], dict(input="v-in\n"), "v-in"),
    ("a file", ["--credential", "K=@{file}"], {}, "v-file"),
    ("an argument", ["--credential", "K=v-arg"], {}, "v-arg"),
]


@pytest.mark.parametrize("why, argv, kw, value", SOURCES,
                         ids=[s[0] for s in SOURCES])
def test_values_come_from(gateway, why, argv, kw, value):
    """... and reach the server that the policy binds the provider to."""
    path = gateway.file("value", "v-file\n")
    argv = [a.format(file=path) for a in argv]
    r = gateway.ok("provider", "create", "--name", "src", "--type", "generic",
                   *argv, **kw)
    assert ("other programs could see" in r.err) == (why == "an argument")
    s = make(gateway, policy(allow(
        HOST, 443, FULL + ", credential_binding: {provider: src}",
        "/usr/bin/curl")))
    gateway.ok("sandbox", "provider", "attach", s.name, "src")
    s.sh(f'curl -sS -m 10 https://{HOST}/ -H "X-Key: $K"')
    assert origin_log()[-1]["headers"]["x-key"] == value
    s.delete()
    gateway.ok("provider", "delete", "src")


BAD = [
    ("no type", ["--name", "x"], 2, "--type TYPE"),
    ("no values", ["--name", "x", "--type", "generic"], 2, "--credential"),
    ("an unknown type", ["--name", "x", "--type", "nope", "--credential",
                         "K=v"], 1, "unknown provider type 'nope'"),
    ("an unknown type to discover",
     ["--name", "x", "--type", "nope", "--from-existing"], 1,
     "no provider type 'nope'"),
    ("nothing found", ["--name", "x", "--type", "nvidia", "--from-existing"],
     1, "set one of: NVIDIA_API_KEY"),
    ("both", ["--name", "x", "--type", "nvidia", "--from-existing",
              "--credential", "K=v"], 2, "exclude each other"),
    ("values and none", ["--name", "x", "--type", "generic", "--credential",
                         "K=v", "--runtime-credentials"], 2,
     "exclude each other"),
    ("gcloud's own", ["--name", "x", "--type", "vertex",
                      "--from-gcloud-adc"], 2, "--runtime-credentials"),
    ("expiry of another", ["--name", "x", "--type", "generic",
                           "--credential", "K=v", "--credential-expires-at",
                           "L=0"], 1, "--credential-expires-at L"),
    ("no time", ["--name", "x", "--type", "generic", "--credential", "K=v",
                 "--credential-expires-at", "K=tomorrow"], 1,
     "2026-12-31T23:59:59Z"),
    ("no such day", ["--name", "x", "--type", "generic", "--credential",
                     "K=v", "--credential-expires-at",
                     "K=2026-02-30T00:00:00Z"], 1, "milliseconds"),
    ("no file", ["--name", "x", "--type", "generic", "--credential",
                 "K=@/nonexistent"], 1, "/nonexistent"),
    ("nothing on standard input", ["--name", "x", "--type", "generic",
                                   "--credential", "K=-"], 1,
     "standard input"),
    ("an unset variable", ["--name", "x", "--type", "generic",
                           "--credential", "NOT_SET"], 1, "NOT_SET"),
    ("an empty key", ["--name", "x", "--type", "generic", "--credential",
                      "=v"], 1, "--credential"),
    ("a malformed config", ["--name", "x", "--type", "generic", "--config",
                            "novalue"], 1, "--config"),
    ("no environment name", ["--name", "x", "--type", "generic",
                             "--credential", "a-b=v"], 1, "a-b"),
    ("a revision's name", ["--name", "x", "--type", "generic",
                           "--credential", "v1_TOKEN=v"], 1, "v1_TOKEN"),
    ("a handle's name", ["--name", "x", "--type", "generic", "--credential",
                         f"s{'a' * 64}_TOKEN=v"], 1, "reserved"),
    ("a line break", ["--name", "x", "--type", "generic", "--credential",
                      "K=a\nb"], 1, "K"),
    ("too long", ["--name", "x", "--type", "generic", "--credential",
                  "K=" + "v" * 8193], 1, "8192"),
    ("a long name", ["--name", "x" * 254, "--type", "generic",
                     "--credential", "K=v"], 1, "name"),
    ("a long config", ["--name", "x", "--type", "generic", "--config",
                       "C=" + "v" * 8193], 1, "config 'C' is too long"),
    ("too much config", ["--name", "x", "--type", "generic"] +
     [a for i in range(65) for a in ("--config", f"C{i}=v")], 1, "config"),
    ("a long type", ["--name", "x", "--type", "t" * 65, "--credential",
                     "K=v"], 1, "type"),
    ("too many", ["--name", "x", "--type", "generic"] +
     [a for i in range(33) for a in ("--credential", f"K{i}=v")], 1, "32"),
]


@pytest.mark.parametrize("why, argv, rc, text", BAD, ids=[b[0] for b in BAD])
def test_bad_input_is_named(gateway, why, argv, rc, text):
    r = gateway.run("provider", "create", *argv)
    assert r.rc == rc and text in r.err, r
    assert gateway.ok("provider", "list", "--names").out == ""


def test_update_merges_and_an_empty_value_removes(gateway, provider):
    provider("u", "generic", args=("--credential", "A=1", "--credential",
                                   "B=2", "--config", "X=1"))
    gateway.ok("provider", "update", "u", "--credential", "A=3", "--config",
               "Y=2")
    t = gateway.ok("provider", "get", "u", "-o", "json").json()
    assert t["credential_keys"] == ["A", "B"]
    assert t["config_keys"] == ["X", "Y"]
    assert t["resource_version"] == 2
    gateway.ok("provider", "update", "u", "--credential", "B=", "--config",
               "X=")
    t = gateway.ok("provider", "get", "u", "-o", "json").json()
    assert (t["credential_keys"], t["config_keys"]) == (["A"], ["Y"])
    r = gateway.run("provider", "update", "nobody", "--credential", "A=1")
    assert r.rc == 1 and "'nobody' not found" in r.err
    assert gateway.run("provider", "update", "u", "--type", "x").rc == 2


def test_an_update_says_what_to_change(gateway, provider):
    provider("u", "generic", args=("--credential", "A=1"))
    for argv in ([], ["u"]):
        assert gateway.run("provider", "update", *argv).rc == 2
    r = gateway.run("provider", "update", "u", "--credential-expires-at",
                    "B=0")
    assert r.rc == 1 and "'B' has no value" in r.err
    t = gateway.ok("provider", "get", "u", "-o", "json").json()
    assert (t["resource_version"], t["credential_keys"]) == (1, ["A"])


def test_an_update_discovers_as_creation_does(gateway, provider):
    provider("d")
    r = gateway.run("provider", "update", "d", "--from-existing")
    assert r.rc == 1 and "set one of: ORIGIN_TOKEN, ORIGIN_OTHER" in r.err
    gateway.ok("provider", "update", "d", "--from-existing",
               env={"ORIGIN_OTHER": "new", "UNRELATED": "x"})
    t = gateway.ok("provider", "get", "d", "-o", "json").json()
    assert t["credential_keys"] == ["ORIGIN_TOKEN", "ORIGIN_OTHER"]


WHEN = [
    ("milliseconds", "4102444800000", 4102444800000),
    ("RFC 3339", "2100-01-01T00:00:00Z", 4102444800000),
    ("an offset", "2100-01-01T05:30:00.25+05:30", 4102444800250),
    ("never again", "0", None),
]


@pytest.mark.parametrize("why, text, expected", WHEN,
                         ids=[w[0] for w in WHEN])
def test_an_expiry_is_set_with_the_value_and_alone(gateway, provider, why,
                                                   text, expected):
    def expiry():
        t = gateway.ok("provider", "get", "w", "-o", "json").json()
        return t["credential_expires_at_ms"].get("A")
    provider("w", "generic", args=("--credential", "A=1",
                                   "--credential-expires-at", f"A={text}"))
    assert expiry() == expected
    gateway.ok("provider", "update", "w", "--credential-expires-at",
               "A=1000000000000")
    assert expiry() == 1000000000000
    gateway.ok("provider", "update", "w", "--credential-expires-at",
               f"A={text}")
    assert expiry() == expected
    # A new value has an expiry of its own.
    gateway.ok("provider", "update", "w", "--credential", "A=2")
    assert expiry() is None


LISTS = [
    (["--names"], "a\nb\nc\n"),
    (["--names", "--limit", "2"], "a\nb\n"),
    (["--names", "--offset", "1"], "b\nc\n"),
    (["--names", "--limit", "1", "--offset", "2"], "c\n"),
    (["--names", "--offset", "3"], ""),
    (["--names", "--all-workspaces"], "a\nb\nc\n"),
]


def test_a_list_has_pages_and_forms(gateway, provider):
    for name in "abc":
        provider(name, "generic", args=("--credential", "K=v", "--config",
                                        "C=d"))
    for argv, expected in LISTS:
        assert gateway.ok("provider", "list", *argv).out == expected, argv
    rows = gateway.ok("provider", "list", "-o", "json").json()
    assert [r["name"] for r in rows] == list("abc")
    assert set(rows[0]) == {
        "id", "name", "type", "credential_keys", "config_keys",
        "resource_version", "created_at", "credential_expires_at_ms"}
    assert gateway.ok("provider", "list", "-o", "yaml").out.count("\n") > 10
    table = gateway.ok("provider", "ls").out.splitlines()
    assert [line.split() for line in table[1:]] == [
        [n, "generic", "1", "1"] for n in "abc"]
    assert gateway.run("provider", "list", "--limit", "1001").rc == 1
    assert gateway.run("provider", "list", "--limit", "x").rc == 2
    assert gateway.run("provider", "list", "-o", "xml").rc == 2


def test_one_without_values_waits_for_them(gateway, provider):
    provider("later", "vertex", args=("--runtime-credentials",))
    shown = gateway.ok("provider", "get", "later").out
    assert "Type: google-vertex-ai" in shown
    assert "Credential keys: <none>" in shown


# type or alias, what it is, the variables that are looked for
TYPES = [
    ("claude", "claude-code", ["ANTHROPIC_API_KEY", "CLAUDE_API_KEY"]),
    ("claude-code", "claude-code", ["ANTHROPIC_API_KEY"]),
    ("codex", "codex", ["OPENAI_API_KEY"]),
    ("opencode", "opencode", ["OPENCODE_API_KEY", "OPENROUTER_API_KEY",
                              "OPENAI_API_KEY"]),
    ("copilot", "copilot", ["COPILOT_GITHUB_TOKEN", "GH_TOKEN",
                            "GITHUB_TOKEN"]),
    ("openclaw", "openclaw", ["OPENCLAW_API_KEY", "OPENAI_API_KEY"]),
    ("openai", "openai", ["OPENAI_API_KEY"]),
    ("anthropic", "anthropic", ["ANTHROPIC_API_KEY"]),
    ("nvidia", "nvidia", ["NVIDIA_API_KEY"]),
    ("deepinfra", "deepinfra", ["DEEPINFRA_API_KEY"]),
    ("github", "github", ["GITHUB_TOKEN", "GH_TOKEN"]),
    ("gh", "github", ["GH_TOKEN"]),
    ("gitlab", "gitlab", ["GITLAB_TOKEN", "GLAB_TOKEN", "CI_JOB_TOKEN"]),
    ("glab", "gitlab", ["CI_JOB_TOKEN"]),
    ("vertex", "google-vertex-ai", [
        "GOOGLE_VERTEX_AI_SERVICE_ACCOUNT_TOKEN",
        "VERTEX_AI_SERVICE_ACCOUNT_TOKEN", "GOOGLE_VERTEX_AI_TOKEN",
        "VERTEX_AI_TOKEN"]),
]


@pytest.mark.parametrize("name, kind, variables", TYPES,
                         ids=[t[0] for t in TYPES])
def test_a_type_finds_its_variables(gateway, provider, name, kind, variables):
    provider("t", name, env={**{v: "x" for v in variables}, "OTHER_KEY": "x",
                             "ANTHROPIC_AUTH_TOKEN": ""})
    t = gateway.ok("provider", "get", "t", "-o", "json").json()
    assert (t["type"], sorted(t["credential_keys"])) == (kind,
                                                         sorted(variables))


def test_a_name_is_taken_once(gateway, provider):
    provider("twice")
    r = gateway.run("provider", "create", "--name", "twice", "--type",
                    "generic", "--credential", "K=v")
    assert r.rc == 1 and "'twice' already exists" in r.err


def test_a_type_is_a_file(gateway):
    rows = gateway.ok("provider", "list-profiles", "-o", "json").json()
    ids = {r["id"]: r for r in rows}
    assert ids["origin"]["hosts"] == ["origin.example.com:443"]
    for known in ("claude-code", "codex", "opencode", "copilot", "openai",
                  "anthropic", "nvidia", "deepinfra", "github", "gitlab",
                  "google-vertex-ai", "aws-bedrock", "outlook", "generic"):
        assert known in ids
    assert {i for i, r in ids.items() if r["inference_capable"]} == {
        "openai", "anthropic", "nvidia", "deepinfra", "google-vertex-ai",
        "aws-bedrock"}
    assert "origin" in gateway.ok("provider", "list-profiles").out


def test_the_server_gets_the_secret_and_the_sandbox_never_has_it(gateway,
                                                                 provider):
    provider("gold")
    s = sandbox(gateway, "gold")
    seen = s.sh("echo $ORIGIN_TOKEN; env; cat /proc/*/environ").out
    assert seen.startswith("openshell:resolve:env:s")
    assert GOLD not in seen
    r = s.sh(ASK)
    assert r.out.endswith("200"), r
    assert origin_log()[-1]["headers"]["authorization"] == f"Bearer {GOLD}"
    r = s.sh(ASK.replace(HOST, "api.github.com"))
    assert r.out.endswith("000") and "403" in r.err, r


def test_its_rules_come_and_go_with_it(gateway, provider):
    provider("rules")
    s = sandbox(gateway)
    assert "403" in s.sh(f"curl -sS https://{HOST}/").err
    gateway.ok("sandbox", "provider", "attach", s.name, "rules")
    assert s.sh(f"curl -sS https://{HOST}/").out == "origin\n"
    full = gateway.ok("policy", "get", s.name, "--full").out
    assert "_provider_rules:" in full
    base = gateway.ok("policy", "get", s.name, "--base").out
    assert "_provider_rules" not in base and "version: 1" in base
    r = gateway.ok("sandbox", "provider", "list", s.name)
    assert r.out == "rules\n"
    gateway.ok("sandbox", "provider", "detach", s.name, "rules")
    assert "403" in s.sh(f"curl -sS https://{HOST}/").err
    assert gateway.ok("sandbox", "provider", "list", s.name, "-o",
                      "json").json() == []


def test_nobody_takes_the_names_of_their_rules(gateway):
    text = policy(allow(HOST, 443, FULL, "/usr/bin/curl")).replace(
        "  ", "  ", 1)
    name = text.split("network_policies:")[1].split(":")[0].strip()
    text = text.replace(f"  {name}:", "  _provider_gold:", 1)
    path = gateway.file("reserved.yaml", text)
    r = gateway.run("sandbox", "create", "--detach", "--policy", path)
    assert r.rc == 1 and "_provider_" in r.err, r


def test_an_update_reaches_programs_that_run(gateway, provider):
    provider("live")
    s = sandbox(gateway, "live")
    with s.gateway.popen("sandbox", "exec", "-n", s.name, "--no-tty", "--",
                         "sh", "-c", f"while read x; do {ASK}; echo; done",
                         stdin=-1, stdout=-1, text=True) as p:
        def ask():
            p.stdin.write("go\n")
            p.stdin.flush()
            return p.stdout.readline().strip()
        assert ask().endswith("200") or ask().endswith("200")
        p.stdout.readline()
        for i in range(10):
            value = f"{GOLD}-{i}"
            gateway.ok("provider", "update", "live", "--from-existing",
                       env={"ORIGIN_TOKEN": value})
            start = time.monotonic()
            while True:
                ask()
                p.stdout.readline()
                got = origin_log()[-1]["headers"]["authorization"]
                if got == f"Bearer {value}":
                    break
                assert time.monotonic() - start < 1, got
        p.stdin.close()


def test_what_is_detached_works_no_longer(gateway, provider):
    provider("gone")
    s = sandbox(gateway, "gone")
    held = s.sh("echo $ORIGIN_TOKEN").out.strip()
    s.set_policy(policy(allow(HOST, 443, FULL, "/usr/bin/curl")))
    ask = f'curl -sS https://{HOST}/ -H "Authorization: Bearer {held}"'
    s.sh(ask)
    assert origin_log()[-1]["headers"]["authorization"] == f"Bearer {GOLD}"
    gateway.ok("sandbox", "provider", "detach", s.name, "gone")
    before = len(origin_log())
    assert "credential_unavailable" in s.sh(ask).out
    assert len(origin_log()) == before
    assert s.sh("echo $ORIGIN_TOKEN").out == "\n"


def test_what_is_attached_is_not_deleted_and_not_twice(gateway, provider):
    provider("held")
    provider("same")
    s = sandbox(gateway, "held")
    r = gateway.run("provider", "delete", "held")
    assert r.rc == 1 and s.name in r.err, r
    r = gateway.run("sandbox", "provider", "attach", s.name, "held")
    assert r.rc == 1 and "attached" in r.err, r
    r = gateway.run("sandbox", "provider", "attach", s.name, "same")
    assert r.rc == 1 and "ORIGIN_TOKEN" in r.err, r
    r = gateway.run("sandbox", "create", "--detach", "--provider", "held",
                    "--provider", "same")
    assert r.rc == 1 and "ORIGIN_TOKEN" in r.err, r
    r = gateway.run("sandbox", "provider", "attach", s.name, "nobody")
    assert r.rc == 1 and "'nobody' not found" in r.err, r
    s.delete()
    gateway.ok("provider", "delete", "held")


def test_expired_credentials_do_not_resolve(gateway, provider):
    provider("brief")
    s = sandbox(gateway, "brief")
    assert s.sh(ASK).out.endswith("200")
    soon = int(time.time() * 1000) + 700
    gateway.ok("provider", "update", "brief", "--credential", "ORIGIN_TOKEN",
               "--credential-expires-at", f"ORIGIN_TOKEN={soon}",
               env={"ORIGIN_TOKEN": GOLD})
    time.sleep(1)
    assert "credential_unavailable" in s.sh(ASK).out


#
# Found by the command's name
#

def test_a_command_finds_its_provider(gateway, provider):
    provider("mine")
    name = "c" + secrets.token_hex(3)
    r = gateway.ok("sandbox", "create", "--name", name, "--", "env")
    assert "ORIGIN_TOKEN=openshell:resolve:env:s" in r.out
    assert "Missing provider" not in r.err
    assert gateway.ok("sandbox", "provider", "list", name).out == "mine\n"


def test_a_missing_one_is_made_if_that_is_wanted(gateway, provider):
    env = {"ORIGIN_TOKEN": GOLD}
    r = gateway.run("sandbox", "create", "--", "env", env=env)
    assert r.rc == 1 and "--auto-providers" in r.err, r
    assert "--no-auto-providers" in r.err and "provider create" in r.err
    assert gateway.ok("sandbox", "list", "--names").out == ""
    r = gateway.ok("sandbox", "create", "--no-keep", "--no-auto-providers",
                   "--", "env", env=env)
    assert "Skipping provider 'origin' (--no-auto-providers)" in r.err
    assert "ORIGIN_TOKEN" not in r.out
    r = gateway.ok("sandbox", "create", "--no-keep", "--auto-providers", "--",
                   "env", env=env)
    assert "Missing provider: origin" in r.err
    assert "Created provider origin (origin) from existing local state" in \
        r.err
    assert "ORIGIN_TOKEN=openshell:resolve:env:s" in r.out
    gateway.ok("provider", "delete", "origin")
    r = gateway.ok("sandbox", "create", "--no-keep", "--auto-providers", "--",
                   "env")
    assert "No local credentials for 'origin'" in r.err
    assert gateway.ok("provider", "list", "--names").out == ""


def test_a_type_that_is_asked_for_is_made(gateway, provider):
    gateway.ok("provider", "create", "--name", "env", "--type", "generic",
               "--credential", "UNRELATED=x")
    r = gateway.ok("sandbox", "create", "--no-keep", "--auto-providers",
                   "--provider", "origin", "--", "env",
                   env={"ORIGIN_TOKEN": GOLD})
    assert "Created provider origin" in r.err
    assert r.err.count("Created provider") == 1, "one is enough"
    gateway.ok("provider", "delete", "origin", "env")
    r = gateway.run("sandbox", "create", "--provider", "nobody", "--detach")
    assert r.rc == 1 and "provider 'nobody' not found" in r.err
    assert "openshell provider create" in r.err


def test_a_terminal_is_asked(gateway, provider):
    import pty
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.clear()
        os.environ.update(gateway.env, ORIGIN_TOKEN=GOLD)
        os.execv(BIN / "openshell", ["openshell", "sandbox", "create",
                                     "--no-keep", "--", "env"])
    text = b""
    while b"[Y/n]" not in text:
        text += os.read(fd, 1000)
    os.write(fd, b"\n")
    try:
        while more := os.read(fd, 1000):
            text += more
    except OSError:
        pass
    assert os.waitpid(pid, 0)[1] == 0, text
    assert b"Created provider origin (origin)" in text
    assert b"ORIGIN_TOKEN=openshell:resolve:env:s" in text
    gateway.ok("provider", "delete", "origin")


#
# Kept
#

def files_with(directory, needle):
    found = []
    for path in directory.rglob("*"):
        if path.is_file() and needle in path.read_bytes():
            found.append(path)
    return found


def test_they_outlive_the_gateway_sealed(own_gateway):
    g = own_gateway
    g.ok("provider", "create", "--name", "kept", "--type", "generic",
         "--credential", "K", "--config", "NOTE=plain-config",
         env={"K": GOLD})
    s = make(g, policy(allow(
        HOST, 443, FULL + ", credential_binding: {provider: kept}",
        "/usr/bin/curl")))
    g.ok("sandbox", "provider", "attach", s.name, "kept")
    ask = f'curl -sS -m 10 https://{HOST}/ -H "X-Key: $K"'
    g.kill("gatewayd")
    assert s.sh(ask).rc == 0
    assert origin_log()[-1]["headers"]["x-key"] == GOLD
    g.kill("proxyd")
    wait_until(lambda: s.sh(ask).rc == 0, "proxyd is back")
    assert origin_log()[-1]["headers"]["x-key"] == GOLD
    assert files_with(g.dir, b"plain-config"), "the search finds things"
    assert not files_with(g.dir, GOLD.encode())
