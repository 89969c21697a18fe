# SPDX-License-Identifier: Apache-2.0
"""Types of providers: files that come and go while the gateway runs."""

import json
import os
import random
import secrets
import signal
import threading
import time

import pytest

from shell import (
    TREE, Gateway, Sandbox, is_zombie, origin_log, varlink, wait_until)

pytestmark = pytest.mark.independent_of_ids

HOST = "origin.example.com"
GOLD = "g0lden." + secrets.token_hex(12)

ANVIL = """\
# Where anvils come from.
id: anvil
aliases: [anvils]
display_name: Anvils & Co
description: heavy things
category: data
credentials:
  - name: token
    env_vars: [ANVIL_TOKEN, ANVIL_KEY]
    required: true
    auth_style: bearer
  - name: region
    env_vars: [ANVIL_REGION]
discovery: {credentials: [token]}
endpoints:
  - {host: origin.example.com, port: 443, protocol: rest,
     enforcement: enforce, access: full}
binaries:
  - {path: /usr/bin/curl}
"""
ASK = ('curl -sS -m 10 -w "%{http_code}" https://' + HOST +
       '/x -H "Authorization: Bearer $ANVIL_TOKEN"')


@pytest.fixture(scope="module")
def gateway():
    g = Gateway()
    yield g
    g.close()


@pytest.fixture
def clean(gateway):
    """Afterwards there is nothing but what is built in."""
    yield gateway
    gateway.run("sandbox", "delete", "--all")
    names = gateway.ok("provider", "list", "--names").out.split()
    if names:
        gateway.ok("provider", "delete", *names)
    for row in gateway.ok("provider", "list-profiles", "-o", "json").json():
        if not row["built_in"]:
            gateway.ok("provider", "profile", "delete", row["id"])
    assert not list(directory(gateway).glob("*"))


def directory(g):
    return g.dir / "config/providers"


def profile(g, *argv, **kw):
    return g.run("provider", "profile", *argv, **kw)


def imported(g, text=ANVIL, name="anvil.yaml"):
    return g.ok("provider", "profile", "import", "-f", g.file(name, text))


def sandbox(g, *providers):
    name = f"f{secrets.token_hex(3)}"
    g.ok("sandbox", "create", "--name", name, "--detach",
         *(a for p in providers for a in ("--provider", p)))
    return Sandbox(g, name)


def ids(g):
    return [r["id"] for r in
            g.ok("provider", "list-profiles", "-o", "json").json()]


def test_a_new_type_is_only_a_file(clean):
    g = clean
    env = {"ANVIL_TOKEN": GOLD}
    r = g.run("provider", "create", "--name", "a", "--type", "anvil",
              "--from-existing", env=env)
    assert r.rc == 1 and "no provider type 'anvil'" in r.err
    assert "Imported profile anvil" in imported(g).err
    path = directory(g) / "anvil.yaml"
    assert path.read_text() == ANVIL and path.stat().st_mode & 0o777 == 0o644
    assert [p.name for p in directory(g).iterdir()] == ["anvil.yaml"]
    g.ok("provider", "create", "--name", "a", "--type", "anvils",
         "--from-existing", env={**env, "ANVIL_REGION": "not looked for"})
    tree = g.ok("provider", "get", "a", "-o", "json").json()
    assert tree["type"] == "anvil"
    assert tree["credential_keys"] == ["ANVIL_TOKEN"]
    s = sandbox(g, "a")
    assert "openshell:resolve:env:s" in s.sh("echo $ANVIL_TOKEN").out
    assert s.sh(ASK).out.endswith("200")
    assert origin_log()[-1]["headers"]["authorization"] == f"Bearer {GOLD}"
    assert "403" in s.sh(ASK.replace(HOST, "files.example.com")).err
    g.kill("gatewayd")
    assert "anvil" in ids(g)
    assert s.sh(ASK).out.endswith("200")


def test_its_row_says_what_it_is(clean):
    imported(clean)
    rows = clean.ok("provider", "list-profiles", "-o", "json").json()
    assert next(r for r in rows if r["id"] == "anvil") == {
        "id": "anvil", "aliases": ["anvils"], "display_name": "Anvils & Co",
        "description": "heavy things", "category": "data",
        "built_in": False, "inference_capable": False,
        "env_vars": ["ANVIL_TOKEN", "ANVIL_KEY"],
        "hosts": ["origin.example.com:443"]}
    assert next(r for r in rows if r["id"] == "github")["built_in"]
    table = clean.ok("provider", "list-profiles").out.splitlines()
    assert table[0].split() == ["ID", "CATEGORY", "INFERENCE", "VARIABLES",
                                "HOSTS"]
    assert any(line.startswith("anvil ") for line in table)


def test_export_gives_back_what_was_written(clean):
    imported(clean)
    assert clean.ok("provider", "profile", "export", "anvils").out == ANVIL
    text = clean.ok("provider", "profile", "export", "anvil", "-o",
                    "json").out
    tree = json.loads(text)
    assert tree["endpoints"][0]["port"] == 443
    assert tree["credentials"][0]["required"] is True
    clean.ok("provider", "profile", "delete", "anvil")
    clean.ok("provider", "profile", "import", "-f",
             clean.file("a.json", text))
    assert json.loads(clean.ok("provider", "profile", "export", "anvil",
                               "-o", "json").out) == tree
    shipped = (TREE / "policies/providers/github.yaml").read_text()
    assert clean.ok("provider", "profile", "export", "gh").out == shipped


def test_an_update_reaches_sandboxes_that_run(clean):
    g = clean
    imported(g, ANVIL.replace("access: full", "access: read-only"))
    g.ok("provider", "create", "--name", "a", "--type", "anvil",
         "--from-existing", env={"ANVIL_TOKEN": GOLD})
    s = sandbox(g, "a")
    post = ASK + " -X POST"
    assert s.sh(ASK).out.endswith("200")
    assert "policy_denied" in s.sh(post).out

    def update(text):
        r = g.ok("provider", "profile", "update", "anvil", "-f",
                 g.file("new.yaml", text))
        assert "Updated profile anvil" in r.err

    update(ANVIL)
    wait_until(lambda: s.sh(post).out.endswith("200"), "POST is allowed", 2)
    assert origin_log()[-1]["method"] == "POST"
    # Another host: the old one gets nothing any more.
    update(ANVIL.replace(HOST, "files.example.com"))
    wait_until(lambda: "403" in s.sh(ASK).err, "the host is gone", 2)
    assert directory(g).joinpath("anvil.yaml").read_text().count(HOST) == 0
    g.kill("gatewayd")
    assert "files.example.com" in g.ok(
        "provider", "profile", "export", "anvil").out


REFUSED = [
    # why, files, argv, exit code, text
    ("an id that is built in", {"f.yaml": "id: github\n"},
     ["import", "-f", "f.yaml"], 1, "built in"),
    ("an id that is a built-in's alias", {"f.yaml": "id: claude\n"},
     ["import", "-f", "f.yaml"], 1, "profile 'claude-code', which is built"),
    ("an alias that is built in", {"f.yaml": "id: x\naliases: [openai]\n"},
     ["import", "-f", "f.yaml"], 1, "'openai'"),
    ("one that is there", {"f.yaml": "id: anvil\n"},
     ["import", "-f", "f.yaml"], 1, "'anvil'"),
    ("an alias that is there", {"f.yaml": "id: x\naliases: [anvils]\n"},
     ["import", "-f", "f.yaml"], 1, "profile 'anvil'"),
    ("one file wrong", {"d/a.yaml": "id: a\n", "d/b.yaml": "id: B\n"},
     ["import", "--from", "d"], 1, "d/b.yaml:1:5: id: "),
    ("one id taken", {"d/a.yaml": "id: a\n", "d/b.yaml": "id: gitlab\n"},
     ["import", "--from", "d"], 1, "'gitlab'"),
    ("the same twice", {"d/a.yaml": "id: a\n", "d/b.yml": "id: a\n"},
     ["import", "--from", "d"], 1, "d/b.yml:1:5: id: another file"),
    ("an unknown key", {"f.yaml": "id: a\nhosts: [b]\n"},
     ["import", "-f", "f.yaml"], 1, "f.yaml:2:8: hosts: unknown key"),
    ("no file", {}, ["import"], 2, "either -f FILE or --from DIR"),
    ("file and directory", {"d/a.yaml": "id: a\n"},
     ["import", "-f", "d/a.yaml", "--from", "d"], 2, "either -f FILE"),
    ("a file that isn't there", {}, ["import", "-f", "none.yaml"], 1,
     "cannot open 'none.yaml'"),
    ("a directory that isn't there", {}, ["import", "--from", "none"], 1,
     "cannot read 'none'"),
    ("a directory without any", {"d/README": ""}, ["import", "--from", "d"],
     1, "no profile"),
    ("too many", {f"d/{i}.yaml": f"id: a{i}\n" for i in range(33)},
     ["import", "--from", "d"], 1, "at most 32"),
    ("a big one", {"f.yaml": "id: a\n" + "#" * 65536},
     ["import", "-f", "f.yaml"], 1, "65536"),
    ("too much together", {f"d/{i}.yaml": f"id: a{i}\n" + "#" * 50000
                           for i in range(3)},
     ["import", "--from", "d"], 1, "at most 131072 at a time"),
    ("update of what isn't there", {"f.yaml": "id: nothing\n"},
     ["update", "nothing", "-f", "f.yaml"], 1, "no profile 'nothing'"),
    ("update of what is built in", {"f.yaml": "id: github\n"},
     ["update", "github", "-f", "f.yaml"], 1, "built in"),
    ("update under another name", {"f.yaml": "id: x\n"},
     ["update", "anvil", "-f", "f.yaml"], 1, "describes 'x', not 'anvil'"),
    ("update with a taken alias", {"f.yaml": "id: anvil\naliases: [gh]\n"},
     ["update", "anvil", "-f", "f.yaml"], 1, "'gh'"),
    ("update without a file", {}, ["update", "anvil"], 2, "-f FILE"),
    ("update of nothing", {"f.yaml": "id: x\n"}, ["update", "-f", "f.yaml"],
     2, "ID is missing"),
    ("export of what isn't there", {}, ["export", "nothing"], 1,
     "no profile 'nothing'"),
    ("export as a table", {}, ["export", "anvil", "-o", "table"], 2, "yaml"),
    ("deletion of what is built in", {}, ["delete", "openai"], 1, "built in"),
    ("deletion of what is in use", {}, ["delete", "anvil"], 1,
     "in use: delete first its providers: a1, a2"),
    ("lint of nothing", {}, ["lint"], 2, "either -f FILE"),
]


@pytest.mark.parametrize("why, files, argv, rc, text", REFUSED,
                         ids=[r[0] for r in REFUSED])
def test_it_is_refused_and_nothing_changes(clean, why, files, argv, rc, text):
    g = clean
    imported(g)
    for name in ("a1", "a2"):
        g.ok("provider", "create", "--name", name, "--type", "anvil",
             "--credential", "ANVIL_KEY=x")
    before = ids(g)
    for name, content in files.items():
        path = g.dir / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    r = profile(g, *argv)
    assert r.rc == rc and text in r.err, r
    assert ids(g) == before
    assert (directory(g) / "anvil.yaml").read_text() == ANVIL
    assert len(list(directory(g).iterdir())) == 1
    for name in files:
        (g.dir / name).unlink()


def test_what_is_deleted_is_gone_and_gone_is_no_error(clean):
    imported(clean)
    r = profile(clean, "delete", "anvil")
    assert r.rc == 0 and "Deleted profile anvil" in r.err
    assert "anvil" not in ids(clean)
    r = profile(clean, "delete", "anvil")
    assert r.rc == 0 and "Profile anvil not found" in r.err
    clean.kill("gatewayd")
    assert "anvil" not in ids(clean)


def test_a_directory_is_imported_as_a_whole(clean):
    d = clean.dir / "many"
    d.mkdir()
    for i in range(32):
        (d / f"{i:02}.yaml").write_text(f"id: many-{i}\n")
    (d / "README.md").write_text("not a profile")
    r = clean.ok("provider", "profile", "import", "--from", d, "--global")
    assert r.err.count("Imported profile many-") == 32
    assert {f"many-{i}" for i in range(32)} <= set(ids(clean))


def test_lint_tells_everything_and_changes_nothing(clean):
    path = clean.file("wrong.yaml", """\
id: Wrong
colour: red
category: fun
credentials:
  - {env_vars: [A-B], auth_style: header}
endpoints:
  - {host: a.example, port: 0, protocl: rest}
binaries:
  - {path: curl}
""")
    r = profile(clean, "lint", "-f", path)
    assert r.rc == 1 and r.out == ""
    places = [line[len(str(path)) + 1:].split(": ")[:2]
              for line in r.err.splitlines() if line.startswith(str(path))]
    assert [(p[0].split(":")[0], p[1]) for p in places] == [
        ("1", "id"), ("2", "colour"), ("3", "category"),
        ("5", "credentials[0].env_vars"),
        ("5", "credentials[0].header_name"), ("7", "endpoints[0].port"),
        ("7", "endpoints[0].protocl"), ("9", "binaries[0]")]
    good = clean.file("good.yaml", ANVIL)
    r = profile(clean, "lint", "-f", good, "-f", path)
    assert r.rc == 1 and "good.yaml" not in r.err
    many = clean.file("many.yaml", "id: a\n" + "".join(
        f"k{i}: 1\n" for i in range(70)))
    r = profile(clean, "lint", "-f", many)
    assert r.rc == 1 and "64 or more violations" in r.err
    r = profile(clean, "lint", "-f", good)
    assert r.rc == 0 and "Valid profile anvil" in r.err
    assert "anvil" not in ids(clean)


def cpu_s(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("n", [2, 32])
@pytest.mark.parametrize("text", [
    "credentials:\n" + "".join(
        "  - {env_vars: [%s]}\n" % ",".join(f"A{i:03}_{k:04}" for k in range(64))
        for i in range(64)),
    "aliases:\n" + "-\n" * 32000,
    "endpoints:\n" + "".join(
        f"  - {{host: h{i}.example, ports: {list(range(1, 170))}}}\n"
        for i in range(64))],
    ids=["variables", "nothings", "ports"])
def test_no_check_keeps_the_gateway_busy(gateway, text, n):
    """While it reads it serves nobody else."""
    pid = gateway.pid()
    before = cpu_s(pid)
    answer = varlink(gateway.socket, "io.openshell.Gateway.CheckProfiles", {
        "profiles": [{"file": "f", "text": f"id: a{i}\n" + text}
                     for i in range(n)]})
    assert "error" in answer
    assert cpu_s(pid) - before < 0.25


def test_what_is_shipped_has_no_warning(clean):
    r = clean.ok("provider", "profile", "lint", "--from",
                 TREE / "policies/providers")
    assert "warning" not in r.err and "Valid profile github" in r.err
    loose = clean.file("loose.yaml", ANVIL.replace("enforcement: enforce,",
                                                   ""))
    r = clean.ok("provider", "profile", "lint", "-f", loose)
    assert "loose.yaml:16:5: warning: endpoints[0]: enforcement" in r.err


def test_a_profile_that_reads_only_reads_only(clean):
    g = clean
    g.ok("provider", "create", "--name", "hub", "--type", "gh",
         "--credential", "GH_TOKEN=x")
    s = sandbox(g, "hub")
    ask = "curl -sS -m 10 https://api.github.com/zen"
    assert s.sh(ask).rc == 0
    r = s.sh(ask + " -d x=1")
    assert "policy_denied" in r.out, r


def test_a_required_credential_must_be_there(clean):
    g = clean
    imported(g)
    base = ["provider", "create", "--name", "a", "--type", "anvil"]
    r = g.run(*base, "--credential", "ANVIL_REGION=x")
    assert r.rc == 1 and "requires credential 'ANVIL_TOKEN'" in r.err
    # Either of its variables will do; none at all is for later.
    g.ok(*base, "--credential", "ANVIL_KEY=x")
    r = g.run("provider", "update", "a", "--credential", "ANVIL_KEY=",
              "--credential", "ANVIL_REGION=x")
    assert r.rc == 1 and "requires" in r.err
    assert g.ok("provider", "get", "a", "-o",
                "json").json()["credential_keys"] == ["ANVIL_KEY"]
    g.ok("provider", "create", "--name", "b", "--type", "anvil",
         "--runtime-credentials")


def test_a_file_that_takes_a_built_in_name_is_passed_over():
    g = Gateway()
    try:
        directory(g).mkdir()
        evil = ANVIL.replace("id: anvil", "id: github")
        (directory(g) / "a.yaml").write_text(evil)
        (directory(g) / "b.yaml").write_text("id: [\n")
        (directory(g) / "c.yaml").write_text("id: fine\n")
        shown = g.ok("provider", "profile", "export", "github").out
        assert HOST not in shown
        assert "fine" in ids(g)
        text = (g.dir / "state/gateway.log").read_text()
        assert "a.yaml: 'github' is the name" in text
        assert "b.yaml:2:1: " in text
        # And one that was put there by hand is not written over.
        (directory(g) / "anvil.yaml").write_text("id: late\n")
        r = profile(g, "import", "-f", g.file("f.yaml", ANVIL))
        assert r.rc == 1 and "is there already" in r.err
        assert (directory(g) / "anvil.yaml").read_text() == "id: late\n"
    finally:
        g.close()


def test_a_killed_gateway_leaves_whole_files(own_gateway):
    g = own_gateway
    long = ANVIL + "#" * 60000 + "\n"
    imported(g, long)
    texts = [long, long.replace("heavy", "light")]
    path = directory(g) / "anvil.yaml"
    for i in range(12):
        pid = g.pid()
        file = g.file("next.yaml", texts[i % 2])
        t = threading.Thread(target=profile, args=(
            g, "update", "anvil", "-f", file))
        t.start()
        time.sleep(random.uniform(0.004, 0.02))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_zombie(pid), "it is dead")
        t.join()
        assert path.read_text() in texts
        r = profile(g, "export", "anvil")
        assert r.out == path.read_text(), r.err
    assert profile(g, "delete", "anvil").rc == 0
    assert "anvil" not in ids(g)
