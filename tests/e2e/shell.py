# SPDX-License-Identifier: Apache-2.0
"""One gateway of the tests' own, and how they use it: like people do."""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.parse

TREE = pathlib.Path(__file__).resolve().parents[2]
BIN = TREE / "build/debug/bin"
WORLD = pathlib.Path(os.environ.get("WORLD", "/nonexistent"))
DEFAULT_POLICY = (TREE / "policies/default.yaml").read_text()

sys.path.insert(0, str(TREE / "tests/world"))
from world import HOSTS  # noqa: E402


class Result:
    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    def __repr__(self):
        return f"rc={self.rc}\n--- out\n{self.out}\n--- err\n{self.err}"

    def json(self):
        return json.loads(self.out)


class Gateway:
    """Directories of its own; the first command starts it."""

    def __init__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="openshell-test."))
        self.env = dict(os.environ)
        for what in ("RUNTIME", "STATE", "CONFIG"):
            d = self.dir / what.lower()
            d.mkdir(mode=0o700)
            self.env[f"OPENSHELL_{what}_DIR"] = str(d)
        shutil.copy(WORLD / "ca.pem", self.dir / "config/upstream-ca.pem")

    def run(self, *argv, input=None, timeout=60, env=None, text=True):
        p = subprocess.run(
            [str(BIN / "openshell"), *map(str, argv)], input=input,
            stdin=None if input is not None else subprocess.DEVNULL,
            capture_output=True, timeout=timeout, text=text, cwd=self.dir,
            env={**self.env, **(env or {})})
        return Result(p.returncode, p.stdout, p.stderr)

    def ok(self, *argv, **kw):
        r = self.run(*argv, **kw)
        assert r.rc == 0, f"{argv}: {r}"
        return r

    def popen(self, *argv, **kw):
        return subprocess.Popen(
            [str(BIN / "openshell"), *map(str, argv)], env=self.env,
            cwd=self.dir, **kw)

    def file(self, name, text):
        path = self.dir / name
        path.write_text(text)
        return path

    @property
    def socket(self):
        return self.dir / "runtime/gateway.sock"

    def pid(self, daemon="gatewayd"):
        status = self.ok("status", "-o", "json").json()
        if daemon == "gatewayd":
            return status["pid"]
        return next(d["pid"] for d in status["daemons"] if d["name"] == daemon)

    def kill(self, daemon):
        pid = int(self.pid(daemon))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not pathlib.Path(f"/proc/{pid}").exists() or
                   is_zombie(pid), "it is dead")

    def database(self):
        return contextlib.closing(
            sqlite3.connect(self.dir / "state/openshell.db", timeout=5))

    def change(self, sql):
        """What is stored; a gatewayd that runs doesn't notice."""
        with self.database() as db, db:
            assert db.execute(sql).rowcount != 0

    def close(self):
        self.run("sandbox", "delete", "--all")
        self.run("gateway", "stop")
        shutil.rmtree(self.dir, ignore_errors=True)


def is_zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    except OSError:
        return True


def origin_log():
    """What origin.py was asked by now, oldest first."""
    path = WORLD / "origin.log"
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines()]


def wait_until(condition, what, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s until {what}"
        time.sleep(0.02)


class Request:
    """What a command line of curl asks for; url is None if it is not one
    plain request that a policy alone decides."""

    def __init__(self, argv):
        urls = [a for a in argv if str(a).startswith(("http:", "https:"))]
        self.url = urls[0] if len(urls) == 1 else None
        self.method = "GET"
        for i, a in enumerate(argv):
            if a == "-X":
                self.method = argv[i + 1]
            elif a in ("-d", "--data-binary") and "-X" not in argv:
                self.method = "POST"
            elif str(a).startswith("Host:"):
                self.url = None  # a lie about where it goes


class Sandbox:
    def __init__(self, gateway, name, policy_text=DEFAULT_POLICY):
        self.gateway, self.name = gateway, name
        self.policy = policy_text

    def run(self, *argv, **kw):
        options = kw.pop("options", ())
        return self.gateway.run("sandbox", "exec", "-n", self.name, *options,
                                "--", *argv, **kw)

    def sh(self, script, **kw):
        return self.run("sh", "-c", script, **kw)

    def python(self, script, **kw):
        return self.run("python3", "-c", script, **kw)

    def set_policy(self, text):
        path = self.gateway.file(f"{self.name}.yaml", text)
        self.policy = text
        return self.gateway.ok("policy", "set", self.name, "--policy", path,
                               "--wait")

    def check(self, url, method="GET", binary="/usr/bin/curl", ancestors=()):
        """What policy check says: allow or deny."""
        path = self.gateway.file(f"{self.name}.check.yaml", self.policy)
        u = urllib.parse.urlsplit(url)
        port = u.port or {"http": 80, "https": 443}[u.scheme]
        resolve = [f"--resolve={h}:{port}:{','.join(a)}"
                   for h, a in HOSTS.items()]
        r = self.gateway.run(
            "policy", "check", "--policy", path, "--binary", binary,
            *[f"--ancestor={a}" for a in ancestors], *resolve,
            f"--method={method}", "-o", "json", url)
        assert r.rc in (0, 1), f"{url}: {r}"
        answer = r.json()
        assert set(answer) == {"decision", "reason", "policy", "endpoint",
                               "rule", "layer"}, answer
        assert answer["decision"] == ("allow", "deny")[r.rc]
        return answer["decision"]

    def curl(self, *argv, agrees=True, **kw):
        """Whatever proxyd does with it, policy check says the same; agrees
        False where something else than the policy decides."""
        r = self.run("curl", "-sS", "--max-time", "20", *argv, **kw)
        request = Request(argv)
        if agrees and request.url is not None:
            denied = r.rc != 0 or any(
                f'"error":"{e}"' in r.out
                for e in ("policy_denied", "ssrf_denied",
                          "invalid_request_target"))
            try:
                says = self.check(request.url, request.method)
            except AssertionError:
                assert denied, f"not a URL, and yet: {argv} {r}"
                return r
            assert says == ("deny" if denied else "allow"), f"{argv}: {r}"
        return r

    def direct(self, *argv, **kw):
        """A client that ignores the proxy variables."""
        return self.curl("--noproxy", "*", *argv, **kw)

    def logs(self, *argv):
        out = self.gateway.ok("logs", self.name, "-o", "json", *argv).out
        return [json.loads(line) for line in out.splitlines()]

    def has_log(self, **want):
        """Is there an event with this message and these fields, within the
        two seconds in which people look for it?"""
        message = want.pop("message", None)
        end = time.monotonic() + 2
        while True:
            if any((message is None or e["message"] == message) and
                   all(e["fields"].get(k) == v for k, v in want.items())
                   for e in self.logs("--level", "trace", "-n", 1000)):
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.05)

    def delete(self):
        self.gateway.ok("sandbox", "delete", self.name)


STATIC = """version: 1
filesystem_policy:
  include_workdir: true
  read_only: [/usr, /lib, /proc, /dev/urandom, /app, /etc, /var/log]
  read_write: [/tmp, /dev/null]
landlock: {compatibility: best_effort}
process: {run_as_user: sandbox, run_as_group: sandbox}
"""


def policy(*blocks):
    """A policy with these network_policies, each written as YAML."""
    text = STATIC + "network_policies:"
    if not blocks:
        return text + " {}\n"
    return text + "\n" + "".join(
        "  " + line + "\n" for b in blocks for line in b.strip().splitlines())


def allow(host, port=443, extra="", binary="/usr/bin/curl", name="it"):
    """One endpoint for one binary."""
    return (f"{name}:\n  endpoints:\n    - {{host: \"{host}\", port: {port}"
            f"{', ' + extra if extra else ''}}}\n"
            f"  binaries: [{{path: \"{binary}\", ancestors: false}}]")


REST = "protocol: rest, enforcement: enforce, access: read-only"
FULL = "protocol: rest, enforcement: enforce, access: full"


def varlink(path, method, parameters=None, timeout=10):
    """One call by hand."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(str(path))
        call = {"method": method, "parameters": parameters or {}}
        s.sendall(json.dumps(call).encode() + b"\0")
        return read_reply(s)


def read_reply(s):
    data = b""
    while not data.endswith(b"\0"):
        more = s.recv(65536)
        if not more:
            return None
        data += more
    return json.loads(data[:-1])
