# SPDX-License-Identifier: Apache-2.0
"""Bad input gets an error that names the object and the cause, and changes
nothing."""

import json
import os
import pwd
import select
import socket
import subprocess
import sys

import pytest

from shell import STATIC, allow, policy, read_reply, varlink

BAD_POLICIES = [
    ("an unknown key", STATIC + "bogus: 1\n", "bogus"),
    ("a tab", "version: 1\n\tnetwork_policies: {}\n", "2:"),
    ("a duplicate key", STATIC + "version: 1\n", "version"),
    ("a writable root", STATIC.replace("[/tmp, /dev/null]", "[/]"), "'/'"),
    ("port 70000", policy(allow("a.example.com", 70000)), "70000"),
    ("a wildcard host", policy(allow("*", 443)), "*"),
    ("a key of later", policy(allow("a.example.com", 443,
                                    "graphql_max_body_bytes: 5")),
     "not supported yet"),
    ("root as user", STATIC.replace("run_as_user: sandbox",
                                    "run_as_user: root"), "run_as_user"),
    ("nothing", "", "version"),
    ("binary junk", "\x01\x02", ""),
    ("an anchor", "version: &a 1\n", ""),
]


@pytest.mark.parametrize("why, text, named", BAD_POLICIES,
                         ids=[b[0] for b in BAD_POLICIES])
def test_bad_policies_are_refused_everywhere(gateway, sandbox, why, text,
                                             named):
    path = gateway.file("bad.yaml", text)
    before = gateway.ok("policy", "get", sandbox.name, "-o", "json").json()
    for argv, code in (
            (("policy", "check", "--policy", path), 2),
            (("policy", "set", sandbox.name, "--policy", path), 1),
            (("sandbox", "create", "--name", "never", "--policy", path), 1)):
        r = gateway.run(*argv)
        assert r.rc == code and named in r.err and "bad.yaml" in r.err, (argv,
                                                                         r)
    assert gateway.ok("policy", "get", sandbox.name, "-o",
                      "json").json() == before
    assert "never" not in gateway.ok("sandbox", "list", "--names").out


def test_static_sections_are_fixed_on_a_live_sandbox(sandbox):
    path = sandbox.gateway.file("s.yaml", policy().replace(
        "read_only: [/usr, ", "read_only: ["))
    r = sandbox.gateway.run("policy", "set", sandbox.name, "--policy", path)
    assert r.rc == 1 and "/usr" in r.err, r


@pytest.mark.parametrize("name", ["../x", "a/b", "", "-x", "UPPER", "a" * 64,
                                  "a b", "ä", "x\n"])
def test_bad_names_are_refused(gateway, name):
    r = gateway.run("sandbox", "create", f"--name={name}", "--detach")
    assert r.rc in (1, 2) and "name" in r.err, r


def test_unknown_flags_and_commands_are_usage_errors(gateway):
    for argv in (["sandbox", "create", "--bogus"], ["bogus"],
                 ["sandbox", "bogus"], ["logs", "--since", "5x"],
                 ["policy", "set"], ["sandbox", "exec", "-n", "x"],
                 ["sandbox", "create", "--gpu"]):
        r = gateway.run(*argv)
        assert r.rc == 2 and r.err.startswith("error: "), (argv, r)


def test_a_sandbox_that_is_not_there(gateway):
    for argv in (["sandbox", "get", "nope"], ["logs", "nope"],
                 ["sandbox", "exec", "-n", "nope", "--", "true"],
                 ["policy", "get", "nope"], ["sandbox", "stop", "nope"]):
        r = gateway.run(*argv)
        assert r.rc == 1 and "nope" in r.err, (argv, r)


def test_wire_a_wrong_type_names_the_field(gateway):
    gateway.ok("sandbox", "list")
    r = varlink(gateway.socket, "io.openshell.Gateway.GetSandbox",
                {"name": 5})
    assert r == {"error": "org.varlink.service.InvalidParameter",
                 "parameters": {"parameter": "name"}}, r
    r = varlink(gateway.socket, "io.openshell.Gateway.GetSandbox",
                {"name": "x", "bogus": 1})
    assert r["parameters"]["parameter"] == "bogus"
    r = varlink(gateway.socket, "io.openshell.Gateway.Nope")
    assert r["error"] == "org.varlink.service.MethodNotFound"


@pytest.mark.parametrize("why, frame", [
    ("5 MB of JSON", b'{"method":"x","parameters":{"a":"' + b"x" * 5000000 +
     b'"}}\0'),
    ("1,000 levels", b'{"a":' * 1000 + b"1" + b"}" * 1000 + b"\0"),
    ("no JSON", b"hello\0"),
    ("a truncated frame", b'{"method":"io.openshell.Gateway.Get'),
], ids=["5 MB", "1000 levels", "no JSON", "truncated"])
def test_wire_bad_frames_close_the_connection(gateway, why, frame):
    gateway.ok("sandbox", "list")
    before = gateway.pid()
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(10)
        s.connect(str(gateway.socket))
        try:
            s.sendall(frame)
            s.shutdown(socket.SHUT_WR)
            assert read_reply(s) is None
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert gateway.pid() == before
    assert "connection closed" in (gateway.dir / "state/gateway.log").read_text() or \
        why == "a truncated frame"


def test_wire_every_daemon_describes_itself(gateway, sandbox):
    run = gateway.dir / "runtime"
    sockets = {"io.openshell.Gateway": run / "gateway.sock",
               "io.openshell.Proxy": run / "proxy.sock",
               "io.openshell.Supervisor":
                   next((run / "sandboxes").glob("*.sock"))}
    for interface, path in sockets.items():
        info = varlink(path, "org.varlink.service.GetInfo")["parameters"]
        assert interface in info["interfaces"] and info["version"]
        text = varlink(path, "org.varlink.service.GetInterfaceDescription",
                       {"interface": interface})["parameters"]["description"]
        assert text.startswith("#") or f"interface {interface}" in text
        assert json.dumps(text)


LISTENER = """
import os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
os.setgid(65534)
os.setuid(int(sys.argv[2]))
s.listen(8)
print("listens", flush=True)
while True:
    peer, _ = s.accept()
    print("got", peer.recv(1 << 16), flush=True)
"""


@pytest.fixture
def impostor(own_gateway):
    """Somebody else, who made the runtime directory first and listens."""
    if os.getuid() != 0:
        pytest.skip("only root can be somebody else")
    other = pwd.getpwnam("nobody").pw_uid
    own_gateway.dir.chmod(0o755)
    os.chown(own_gateway.dir / "runtime", other, -1)
    p = subprocess.Popen(
        [sys.executable, "-c", LISTENER, own_gateway.socket, str(other)],
        stdout=subprocess.PIPE, text=True)
    assert p.stdout.readline() == "listens\n"
    yield p
    p.kill()
    p.wait()
    own_gateway.socket.unlink()
    os.chown(own_gateway.dir / "runtime", 0, -1)


@pytest.mark.parametrize("argv", [
    ("provider", "create", "--type", "generic", "--name", "p", "--credential",
     "A_SECRET"),
    ("sandbox", "create", "--detach"), ("sandbox", "list"), ("status",),
    ("gateway", "start"), ("gateway", "stop")], ids=" ".join)
def test_somebody_else_in_the_gateways_place_gets_not_one_byte(
        own_gateway, impostor, argv):
    r = own_gateway.run(*argv, env={"A_SECRET": "s3cret"})
    assert r.rc == 1, r
    assert f"'{own_gateway.dir}/runtime' belongs to user" in r.err, r
    assert not (own_gateway.dir / "state/gateway.log").exists()
    # The directory is right, but not who listens.
    os.chown(own_gateway.dir / "runtime", 0, -1)
    r = own_gateway.run(*argv, env={"A_SECRET": "s3cret"})
    assert r.rc == 1, r
    assert f"'{own_gateway.socket}' is served by user" in r.err, r
    while select.select([impostor.stdout], [], [], 0.2)[0]:
        assert impostor.stdout.readline() == "got b''\n"


def test_a_named_socket_of_somebody_else_is_refused(own_gateway, impostor):
    os.chown(own_gateway.dir / "runtime", 0, -1)
    r = own_gateway.run("sandbox", "list", env={
        "OPENSHELL_GATEWAY_SOCKET": str(own_gateway.socket)})
    assert r.rc == 1 and "is served by user" in r.err, r
