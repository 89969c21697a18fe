# SPDX-License-Identifier: Apache-2.0
"""The real agents, as their users start them, do a task in a sandbox; and the
key they work with is nowhere in it.

The task (world/model_server.py plays the model): write a file, run a command
that asks a host which the policy doesn't know, tell what came of it.  The
command then waits, so that the agent can be searched while it runs, with every
request behind it that needed the key.
"""

import json
import os
import pathlib
import resource
import secrets
import signal
import subprocess
import time

import pytest

import hunt
from shell import TREE, WORLD, Gateway, Sandbox, wait_until

pytestmark = pytest.mark.independent_of_ids

AGENTS = pathlib.Path("/srv")
PATIENCE = 150  # seconds that an agent may take on a busy machine

TEXT = f"hello-{secrets.token_hex(4)}"
COMMAND = ("curl -sS -m 20 https://denied.example.com/ 2>&1; echo said-$?; "
           "touch at-rest; until [ -e go ]; do sleep 0.1; done")
TASK = (f"Please write the text '{TEXT}' into the file '/sandbox/note.txt' "
        f"and run the command '{COMMAND}'")


class Agent:
    def __init__(self, name, vendor, variable, argv, inference=(), more=(),
                 at="openai"):
        self.name, self.vendor, self.variable = name, vendor, variable
        self.argv = [name, *argv]
        self.inference = inference  # options of create, for inference.local
        self.more = more            # arguments of the agent, likewise
        self.at = at                # the provider of inference.local

    def __repr__(self):
        return self.name

    @property
    def policy(self):
        name = {"claude": "claude-code"}.get(self.name, self.name)
        return TREE / f"policies/agents/{name}.yaml"


def env(**more):
    return [a for k, v in more.items() for a in ("--env", f"{k}={v}")]


LOCAL = "https://inference.local"
CLAUDE = Agent(
    "claude", "anthropic", "ANTHROPIC_API_KEY",
    ["-p", TASK, "--permission-mode", "acceptEdits", "--allowedTools",
     "Bash", "Write"],
    env(ANTHROPIC_BASE_URL=LOCAL, ANTHROPIC_API_KEY="unused"), at="anthropic")
CODEX = Agent(
    "codex", "openai", "CODEX_API_KEY",
    ["exec", "--dangerously-bypass-approvals-and-sandbox",
     "--skip-git-repo-check", TASK],
    more=["-c", "model_provider=local", "-c", "model_providers.local="
          f'{{name="local",base_url="{LOCAL}/v1",wire_api="responses"}}'])
OPENCODE = Agent(
    "opencode", "openai", "OPENAI_API_KEY",
    ["run", "--pure", "-m", "openai/gpt-5", TASK],
    env(OPENCODE_CONFIG_CONTENT=json.dumps({"provider": {"openai": {
        "options": {"baseURL": f"{LOCAL}/v1", "apiKey": "unused"}}}})))
COPILOT = Agent(
    "copilot", "github", "COPILOT_GITHUB_TOKEN",
    ["-p", TASK, "--allow-all-tools"],
    env(COPILOT_PROVIDER_BASE_URL=f"{LOCAL}/v1", COPILOT_OFFLINE="true",
        COPILOT_PROVIDER_API_KEY="unused", COPILOT_MODEL="gpt-5-mini"))
ALL = [CLAUDE, CODEX, OPENCODE, COPILOT]
slow = pytest.mark.skipif(os.getuid() != 0, reason="slow, and no other for an "
                          "ordinary user than the faster agents' are")
ONCE = [CLAUDE, CODEX, pytest.param(OPENCODE, marks=slow),
        pytest.param(COPILOT, marks=slow)]


def keys():
    return json.loads((WORLD / "models.keys").read_text())


def asked():
    """What the model server was asked, so far."""
    return [json.loads(line) for line in
            (WORLD / "models.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def gateway():
    assert (AGENTS / "installed").exists(), (
        "the agents are not there: tests/agents/install has them from npm's "
        "registry, and its output says why it failed")
    g = Gateway()
    g.env["PATH"] = f"{AGENTS}/bin:{g.env['PATH']}"
    yield g
    g.close()


def start(gateway, name, *options, argv, **kw):
    return gateway.popen(
        "sandbox", "create", "--name", name, "--no-tty", *options, "--",
        *argv, stdin=subprocess.DEVNULL, stdout=-1, stderr=-1, text=True,
        **kw)


def finish(process):
    try:
        out, err = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        raise AssertionError(f"it took too long\n{out}\n{err}") from None
    return out, err


class Done:
    """One agent's task: what it said and left, and where its key was."""

    def __init__(self, gateway, agent):
        self.agent, self.key = agent, keys()[agent.vendor]
        self.forms = hunt.forms_of(self.key)
        self.sandbox = Sandbox(gateway, f"agent-{agent}")
        self.before = len(asked())
        gateway.env[agent.variable] = self.key
        self.process = start(gateway, self.sandbox.name, "--auto-providers",
                             argv=agent.argv)
        del gateway.env[agent.variable]
        self.wait_until_at_rest()
        self.found = self.search(gateway)
        self.sandbox.run("touch", "/sandbox/go")
        self.out, self.err = finish(self.process)
        self.asked = asked()[self.before:]

    def wait_until_at_rest(self):
        end = time.monotonic() + PATIENCE
        while self.sandbox.run("test", "-e", "/sandbox/at-rest").rc != 0:
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                out, err = self.process.communicate()
                raise AssertionError(f"never ran the command\n{out}\n{err}")
            time.sleep(0.3)

    def search(self, gateway):
        found = {
            "arguments": hunt.in_arguments(self.forms),
            "files": hunt.in_files_of(self.sandbox, self.forms),
            "logs": hunt.in_logs_of(self.sandbox, self.forms),
            "the gateway's files": hunt.in_directory(gateway.dir, self.forms),
        }
        if os.getuid() == 0:
            daemons = [gateway.pid(), gateway.pid("proxyd"),
                       gateway.pid("routerd")]
            found |= {
                "environments": hunt.in_environments(self.forms),
                "memory": hunt.in_memory(self.forms),
                "daemons' environments": hunt.in_environments(
                    self.forms, daemons),
            }
        return found


@pytest.fixture(scope="module", params=ALL, ids=str)
def done(request, gateway):
    it = Done(gateway, request.param)
    yield it
    it.sandbox.delete()


def test_it_does_its_task(done):
    assert done.process.returncode == 0, done.out + done.err
    assert "All done. The command said:" in done.out, done.out + done.err
    r = done.sandbox.run("cat", "note.txt")
    assert r.out.strip() == TEXT, r


def test_the_host_that_the_policy_lacks_was_denied_and_logged(done):
    said = next(line["step"][1] for line in done.asked
                if line.get("step") and "All done" in line["step"][1])
    assert "403" in said and "said-56" in said, said
    assert done.sandbox.has_log(message="CONNECT", action="deny",
                                dst_host="denied.example.com")


def test_its_vendor_got_the_real_key_and_nothing_else(done):
    answered = [line for line in done.asked if "key" in line]
    assert len([line for line in answered if line.get("step")]) >= 3
    assert {line["key"] for line in answered} == {"right"}


def test_it_holds_a_placeholder(done):
    r = done.sandbox.run("printenv", done.agent.variable)
    assert r.out.startswith("openshell:resolve:env:s"), r


PLACES = ["environments", "arguments", "memory", "files", "logs",
          "the gateway's files", "daemons' environments"]


@pytest.mark.parametrize("place", PLACES)
def test_its_key_is_not_in(done, place):
    if place not in done.found:
        pytest.skip("only root may look into processes of other users")
    assert done.found[place] == []


#
# Does the search find anything?
#

@pytest.fixture(scope="module")
def planted(gateway):
    """A sandbox in which a secret is, in each of the places."""
    secret = f"planted-{secrets.token_hex(40)}"
    gateway.ok("sandbox", "create", "--name", "planted", "--detach")
    s = Sandbox(gateway, "planted")
    s.sh("umask 077; mkdir -p .deep; cat >.deep/file", input=secret)
    with s.gateway.popen(
            "sandbox", "exec", "-n", s.name, "--no-tty", "--env",
            f"PLANTED={secret}", "--", "python3", "-c",
            "import base64, os, sys; kept = base64.b64encode(b'x' + os.environ"
            "['PLANTED'].encode()); print(1, flush=True); sys.stdin.read()",
            secret, stdin=-1, stdout=-1, text=True) as p:
        p.stdout.readline()
        yield s, secret
        p.stdin.close()
    s.delete()


def test_the_search_finds_what_is_there(gateway, planted):
    s, secret = planted
    forms = hunt.forms_of(secret)
    assert len(hunt.in_arguments(forms)) >= 2, "inside, and our own client"
    assert hunt.in_files_of(s, forms) == ["planted"]
    (gateway.dir / "state/left").write_text(secret)
    assert hunt.in_directory(gateway.dir, forms)
    (gateway.dir / "state/left").unlink()
    assert hunt.in_logs_of(s, [b"POLICY_LOADED"]) == ["logs"]
    if os.getuid() != 0:
        return
    assert any("python3" in x for x in hunt.in_environments(forms))
    assert any("[heap]" in x or "anonymous" in x
               for x in hunt.in_memory(forms))
    assert hunt.in_memory(forms[2:]), "nor as base64"


#
# What it leaves when it is made to die.
#

def raise_limit(pid):
    """Allows a process a core, from outside; false where root can't either."""
    try:
        resource.prlimit(pid, resource.RLIMIT_CORE, (1 << 40, 1 << 40))
        return True
    except PermissionError:
        return False


def abort(program):
    """Every process of the sandboxes that runs the program; true if cores
    were allowed."""
    pids = [pid for pid in hunt.sandbox_processes()
            if program in hunt.read(f"/proc/{pid}/cmdline").decode()]
    assert pids
    raised = all([raise_limit(pid) for pid in pids])
    for pid in pids:
        os.kill(pid, signal.SIGABRT)
    wait_until(lambda: not any(map(hunt.is_alive, pids)), "they are dead")
    pattern = pathlib.Path("/proc/sys/kernel/core_pattern").read_text()
    return raised and not pattern.startswith(("|", "/"))


def test_an_aborted_agent_leaves_no_core_and_none_with_its_key(gateway):
    key, s = keys()["anthropic"], Sandbox(gateway, "aborted")
    gateway.env["ANTHROPIC_API_KEY"] = key
    p = start(gateway, s.name, "--auto-providers",
              argv=["claude", "-p", "Please count to 5000"])
    del gateway.env["ANTHROPIC_API_KEY"]
    wait_until(lambda: gateway.run("sandbox", "get", s.name).rc == 0 and
               s.has_log(message="L7_REQUEST", path="/v1/messages"),
               "it asks the model", PATIENCE)
    allowed = abort("claude")
    finish(p)
    assert p.returncode == 128 + signal.SIGABRT
    assert ("core" in s.sh("ls").out) == allowed
    assert hunt.in_files_of(s, hunt.forms_of(key)) == []
    if allowed:  # a core is where it is looked for
        secret = f"planted-{secrets.token_hex(40)}"
        with s.gateway.popen("sandbox", "exec", "-n", s.name, "--env",
                             f"PLANTED={secret}", "--", "sleep", "1000",
                             stdin=-3):
            wait_until(lambda: hunt.in_environments(hunt.forms_of(secret)),
                       "it runs")
            abort("sleep")
        assert hunt.in_files_of(s, hunt.forms_of(secret)) == [s.name]
    s.delete()


#
# Under its own policy, and against inference.local.
#

def test_codex_logs_in_with_a_placeholder(gateway):
    """It takes CODEX_API_KEY from its environment; of OPENAI_API_KEY it wants
    to be told, and writes down what it is told."""
    key, s = keys()["openai"], Sandbox(gateway, "login")
    gateway.ok("provider", "create", "--name", "login", "--type", "codex",
               "--credential", "OPENAI_API_KEY", env={"OPENAI_API_KEY": key})
    gateway.ok("sandbox", "create", "--name", s.name, "--provider", "login",
               "--", "codex", "--version")
    r = s.sh("printenv OPENAI_API_KEY | codex login --with-api-key",
             timeout=PATIENCE)
    assert r.rc == 0, r
    assert "openshell:resolve:env:s" in s.run("cat", ".codex/auth.json").out
    r = s.run("codex", "exec", "--skip-git-repo-check",
              "Please say the word 'hooray'", input="", timeout=PATIENCE)
    assert r.rc == 0 and "hooray" in r.out, r
    assert hunt.in_files_of(s, hunt.forms_of(key)) == []
    s.delete()
    gateway.ok("provider", "delete", "login")


@pytest.mark.parametrize("agent", ONCE, ids=str)
def test_it_works_against_inference_local(gateway, agent):
    """With the gateway's key and model, no key of its own, and a policy that
    lets it nowhere."""
    at, variable = agent.at, f"{agent.at.upper()}_API_KEY"
    gateway.ok("provider", "create", "--name", f"local-{agent}", "--type", at,
               "--credential", variable, env={variable: keys()[at]})
    gateway.ok("inference", "set", "--provider", f"local-{agent}",
               "--model", "forced-1")
    before, s = len(asked()), Sandbox(gateway, f"local-{agent}")
    argv = [a if a != TASK else TASK.replace(COMMAND, "echo said-$((6*7))")
            for a in agent.argv]
    p = start(gateway, s.name, "--no-auto-providers", *agent.inference,
              argv=[*argv, *agent.more])
    out, err = finish(p)
    assert p.returncode == 0 and "said-42" in out, out + err
    assert s.run("cat", "note.txt").out.strip() == TEXT
    steps = [line for line in asked()[before:] if line.get("step")]
    assert len(steps) >= 3
    assert all(line["key"] == "right" for line in steps)
    assert hunt.in_files_of(s, hunt.forms_of(keys()[at])) == []
    s.delete()
    gateway.ok("inference", "delete")
    gateway.ok("provider", "delete", f"local-{agent}")


@pytest.mark.parametrize("agent", [CLAUDE, CODEX], ids=str)
def test_its_policy_file_lets_it_work(gateway, agent):
    """Without a provider and the rules of one: the key is its own here.  The
    others' files say what their profiles do, and those are tried above."""
    s = Sandbox(gateway, f"own-{agent}")
    argv = [a if a != TASK else "Please say the word 'hooray'"
            for a in agent.argv]
    p = start(gateway, s.name, "--no-auto-providers", "--policy", agent.policy,
              *env(**{agent.variable: keys()[agent.vendor]}), argv=argv)
    out, err = finish(p)
    assert p.returncode == 0 and "hooray" in out, out + err
    s.delete()


@pytest.mark.parametrize("name", ["claude-code", "codex", "opencode",
                                  "copilot", "openclaw"])
def test_a_policy_file_says_what_the_profile_does(name):
    def rules(kind):
        text = (TREE / f"policies/{kind}/{name}.yaml").read_text()
        lines = text[text.index("endpoints:"):].splitlines()
        return [line.strip() for line in lines]
    assert rules("agents") == rules("providers")


POLICIES = [
    ("claude-code", "/srv/lib/node_modules/@anthropic-ai/claude-code/bin/"
     "claude.exe", "POST", "api.anthropic.com/v1/messages", True),
    ("claude-code", "/home/me/.local/share/claude/versions/2.1.332", "POST",
     "api.anthropic.com/v1/messages", True),
    ("claude-code", "/home/me/.local/share/claude/versions/2.1.332", "POST",
     "api.anthropic.com/v1/files", False),
    ("claude-code", "/home/me/.local/share/claude/versions/2.1.332", "DELETE",
     "api.anthropic.com/v1/messages", False),
    ("claude-code", "/sandbox/.local/share/claude/versions/2.1.332", "POST",
     "api.anthropic.com/v1/messages", False),
    ("claude-code", "/tmp/node_modules/@anthropic-ai/claude-code/bin/"
     "claude.exe", "POST", "api.anthropic.com/v1/messages", False),
    ("claude-code", "/usr/bin/curl", "POST", "api.anthropic.com/v1/messages",
     False),
    ("codex", "/usr/local/lib/node_modules/@openai/codex/node_modules/@openai/"
     "codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex", "POST",
     "api.openai.com/v1/responses", True),
    ("claude-code", "/home/me/.nvm/versions/node/v24.1.0/lib/node_modules/"
     "@anthropic-ai/claude-code/node_modules/@anthropic-ai/"
     "claude-code-linux-x64-musl/claude", "POST",
     "api.anthropic.com/v1/messages", True),
    ("claude-code", "/srv/lib/node_modules/evil/node_modules/@anthropic-ai/"
     "claude-code/bin/claude.exe", "POST", "api.anthropic.com/v1/messages",
     False),
    ("claude-code", "/home/me/project/node_modules/@anthropic-ai/claude-code/"
     "bin/claude.exe", "POST", "api.anthropic.com/v1/messages", False),
    ("claude-code", "/srv/lib/node_modules/@anthropic-ai/claude-code/"
     "node_modules/@anthropic-ai/claude-code-linux-evil/claude", "POST",
     "api.anthropic.com/v1/messages", False),
    ("codex", "/home/me/.npm-global/lib/node_modules/@openai/codex/vendor/"
     "x86_64-unknown-linux-musl/codex/codex", "POST",
     "api.openai.com/v1/responses", True),
    ("codex", "/usr/local/lib/node_modules/evil/node_modules/@openai/codex/"
     "vendor/x86_64-unknown-linux-musl/bin/codex", "POST",
     "api.openai.com/v1/responses", False),
    ("codex", "/usr/local/lib/node_modules/@openai/codex/node_modules/evil/"
     "vendor/x86_64-unknown-linux-musl/bin/codex", "POST",
     "api.openai.com/v1/responses", False),
    ("codex", "/home/me/.local/bin/codex", "GET",
     "api.openai.com/v1/responses", True),
    ("codex", "/home/me/.local/bin/codex", "POST", "api.openai.com/v1/files",
     False),
    ("codex", "/usr/bin/node", "POST", "api.openai.com/v1/responses", False),
    ("opencode", "/home/me/.opencode/bin/opencode", "POST",
     "api.openai.com/v1/responses", True),
    ("opencode", "/sandbox/.opencode/bin/opencode", "POST",
     "api.openai.com/v1/responses", False),
    ("opencode", "/home/me/.npm-global/lib/node_modules/opencode-ai/"
     "node_modules/opencode-linux-x64-baseline-musl/bin/opencode", "POST",
     "api.openai.com/v1/responses", True),
    ("opencode", "/srv/lib/node_modules/opencode-ai/node_modules/"
     "opencode-linux-arm64/bin/opencode", "POST",
     "api.openai.com/v1/responses", True),
    ("opencode", "/srv/lib/node_modules/opencode-ai/bin/.opencode", "POST",
     "api.openai.com/v1/responses", True),
    ("opencode", "/home/me/.npm-global/lib/node_modules/opencode-ai/"
     "node_modules/opencode-linux-evil/bin/opencode", "POST",
     "api.openai.com/v1/responses", False),
    ("opencode", "/srv/lib/node_modules/opencode-linux-evil/bin/opencode",
     "POST", "api.openai.com/v1/responses", False),
    ("opencode", "/srv/lib/node_modules/evil/node_modules/opencode-ai/bin/"
     "opencode.exe", "POST", "api.openai.com/v1/responses", False),
    ("copilot", "/root/.nvm/versions/node/v24.1.0/lib/node_modules/@github/"
     "copilot/node_modules/@github/copilot-linux-x64/copilot", "GET",
     "api.github.com/copilot_internal/user", True),
    ("copilot", "/root/.nvm/versions/node/v24.1.0/lib/node_modules/evil/"
     "node_modules/@github/copilot/node_modules/@github/copilot-linux-x64/"
     "copilot", "GET", "api.github.com/copilot_internal/user", False),
    ("copilot", "/srv/lib/node_modules/@github/copilot/node_modules/@github/"
     "copilot-linux-evil/copilot", "GET",
     "api.github.com/copilot_internal/user", False),
    ("copilot", "/root/.local/bin/copilot", "GET",
     "api.github.com/copilot_internal/user", True),
    ("copilot", "/root/.local/bin/copilot", "POST",
     "api.individual.githubcopilot.com/chat/completions", True),
    ("copilot", "/root/.local/bin/copilot", "GET",
     "api.github.com/repos/octocat/hello-world/issues", False),
    ("openclaw", "/usr/bin/node", "POST", "api.anthropic.com/v1/messages",
     True),
    ("openclaw", "/usr/bin/python3", "POST", "api.anthropic.com/v1/messages",
     False),
]


@pytest.mark.parametrize("name, binary, method, url, allowed", POLICIES)
def test_a_policy_file_says(gateway, name, binary, method, url, allowed):
    host = url.split("/")[0]
    r = gateway.run("policy", "check", "--policy",
                    TREE / f"policies/agents/{name}.yaml", "--binary", binary,
                    "--method", method, "--resolve", f"{host}:443:1.1.1.1",
                    "-o", "json", f"https://{url}")
    assert r.json()["decision"] == ("allow" if allowed else "deny"), r
    # What an agent starts has no part in it.
    r = gateway.run("policy", "check", "--policy",
                    TREE / f"policies/agents/{name}.yaml", "--binary",
                    "/usr/bin/curl", "--ancestor", binary, "--method", method,
                    "--resolve", f"{host}:443:1.1.1.1", "-o", "json",
                    f"https://{url}")
    assert r.json()["decision"] == "deny", r
