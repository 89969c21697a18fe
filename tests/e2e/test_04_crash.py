# SPDX-License-Identifier: Apache-2.0
"""Daemons die; sandboxes, their processes and what was acknowledged don't."""

import os
import signal
import socket
import struct
import subprocess
import time

import pytest

from fixtures import make
from shell import REST, allow, is_zombie, policy, varlink, wait_until

API = "https://api.github.com"
ALLOWED = policy(allow("api.github.com", 443, REST))
ZEN = "Keep it logically awesome.\n"

# Prints a line for each connection: ok, refused (ECONNREFUSED, curl 7) or
# the exit code; and for each that must be denied, whether it was let through.
TRAFFIC = """
while :; do
    out=$(curl -s --noproxy '*' --max-time 15 %s/zen) && echo "ok $out" || echo "rc $?"
    out=$(curl -s --max-time 15 https://github.com/zen) && echo "LEAK" || :
    out=$(curl -s -X POST -d x --max-time 15 %s/repos/a)
    case $out in *made*) echo "LEAK $out" ;; esac
done
""" % (API, API)


@pytest.mark.parametrize("victims", [
    ("proxyd",), ("gatewayd",), ("gatewayd", "proxyd")])
def test_kill_9_with_traffic_flowing(own_gateway, victims):
    g = own_gateway
    s = make(g, ALLOWED)
    alive = g.popen("sandbox", "exec", "-n", s.name, "--", "sleep", "1000",
                    stdin=subprocess.DEVNULL)
    wait_until(lambda: "1000" in s.sh("cat /proc/[0-9]*/cmdline").out,
               "the sleeper runs")
    s.run("sh", "-c", f"cat >t.sh", input=TRAFFIC)
    s.sh("(setsid sh t.sh >t.log 2>&1 </dev/null &)")
    wait_until(lambda: s.sh("cat t.log").out.count("ok") >= 2, "traffic flows")
    pids = {v: int(g.pid(v)) for v in victims}
    for v in victims:
        subprocess.run(["kill", "-9", str(pids[v])], check=True)
    time.sleep(0.2)
    g.ok("status")  # starts a gateway where there is none
    g.ok("sandbox", "list")
    seen = s.sh("cat t.log").out.count("ok")
    wait_until(lambda: s.sh("cat t.log").out.count("ok") > seen + 2,
               "traffic flows again", 30)
    log = s.sh("cat t.log").out
    assert "LEAK" not in log, log
    assert "rc 7" not in log.split(), log  # connection refused
    assert "rc 7\n" not in log, log
    # At most what was in flight at the moment of death.
    assert log.count("rc ") <= 2 * len(victims), log
    # The sleeper lives, and policies work.
    assert "1000" in s.sh("cat /proc/[0-9]*/cmdline").out
    s.set_policy(policy())
    assert s.curl(f"{API}/zen").rc == 56
    alive.kill()
    s.delete()


def test_nothing_acknowledged_is_lost(own_gateway):
    g = own_gateway
    s = make(g, policy())
    for i in range(5):
        s.set_policy(policy(allow("api.github.com", 443, REST,
                                  name=f"rev{i}")))
        g.kill("gatewayd")
        got = g.ok("policy", "get", s.name, "-o", "json").json()
        assert got["version"] == i + 2 and got["status"] == "loaded", got
        assert f"rev{i}" in got["policy"]["network_policies"]
    assert s.curl(f"{API}/zen").out == ZEN
    history = g.ok("policy", "list", s.name, "-o", "json").json()
    assert [r["version"] for r in history] == [6, 5, 4, 3, 2, 1]
    assert {r["status"] for r in history[1:]} == {"superseded"}
    s.delete()


def test_a_dead_supervisor_is_a_dead_sandbox_that_says_so(own_gateway):
    g = own_gateway
    s = make(g, policy())
    pid = s.sh("cat /proc/1/status").out
    assert "supervisord" in pid
    out = subprocess.run(["pgrep", "-f", "supervisord"], text=True,
                         capture_output=True).stdout.split()
    for p in out:
        subprocess.run(["kill", "-9", p])
    wait_until(lambda: g.ok("sandbox", "get", s.name, "-o", "json").json()[
        "phase"] in ("Stopped", "Error"), "the sandbox says so")
    assert "reason" in g.ok("sandbox", "get", s.name, "-o", "json").json()
    g.ok("sandbox", "start", s.name)
    assert s.sh("echo back").out == "back\n"
    s.delete()


def peer_pid(path):
    with socket.socket(socket.AF_UNIX) as c:
        c.connect(str(path))
        return struct.unpack("3i", c.getsockopt(
            socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]


def attached(g):
    """The ids that proxyd serves."""
    status = varlink(g.dir / "runtime/proxy.sock",
                     "io.openshell.Proxy.GetStatus")
    return status["parameters"].get("attached", [])


def test_proxyd_forgets_a_sandbox_that_died_with_gatewayd(own_gateway):
    g = own_gateway
    s, other = make(g, policy()), make(g, ALLOWED)
    ids = {x.name: g.ok("sandbox", "get", x.name, "-o", "json").json()["id"]
           for x in (s, other)}
    assert sorted(attached(g)) == sorted(ids.values())
    pid = peer_pid(g.dir / f"runtime/sandboxes/{ids[s.name]}.sock")
    gatewayd = int(g.pid())
    os.kill(gatewayd, signal.SIGSTOP)  # it isn't to see this
    os.kill(pid, signal.SIGKILL)
    os.kill(gatewayd, signal.SIGKILL)
    wait_until(lambda: is_zombie(gatewayd) and is_zombie(pid), "both are dead")
    g.ok("sandbox", "list")
    wait_until(lambda: attached(g) == [ids[other.name]], "it is forgotten")
    assert other.curl(f"{API}/zen").out == ZEN
    other.delete()
    wait_until(lambda: attached(g) == [], "both are")


def test_one_that_is_deleted_while_it_starts_is_not_left(own_gateway):
    g = own_gateway
    g.ok("status")
    for i in range(16):
        start = g.popen("sandbox", "create", "--name", f"brief{i}",
                        "--detach", stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
        time.sleep(0.02 * i)
        g.run("sandbox", "delete", f"brief{i}")
        start.wait()
    g.run("sandbox", "delete", "--all")
    wait_until(lambda: attached(g) == [], "none is left")


def test_whoever_makes_one_hears_that_it_was_deleted(own_gateway):
    g = own_gateway
    make(g).delete()
    proxyd = int(g.pid("proxyd"))
    os.kill(proxyd, signal.SIGSTOP)  # it can't become ready
    start = g.popen("sandbox", "create", "--name", "brief", "--detach",
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: "Provisioning" in g.ok("sandbox", "list").out,
               "it is being made")
    end = g.popen("sandbox", "delete", "brief")
    out, err = start.communicate(timeout=30)
    os.kill(proxyd, signal.SIGCONT)
    assert start.returncode == 1 and "'brief' was deleted" in err, (out, err)
    assert end.wait() == 0
    assert g.ok("sandbox", "list", "--names").out == ""


def test_connections_wait_while_proxyd_is_away(own_gateway):
    """With the gateway gone nobody restarts proxyd: clients wait."""
    g = own_gateway
    s = make(g, ALLOWED)
    proxyd, gatewayd = int(g.pid("proxyd")), int(g.pid("gatewayd"))
    # The command goes on without its caller's connection to the gateway.
    s.sh(f"(setsid sh -c 'sleep 1; curl -s --noproxy \"*\" --max-time 30 "
         f"{API}/zen >z 2>&1; echo rc $? >>z' </dev/null >/dev/null 2>&1 &)")
    subprocess.run(["kill", "-9", str(gatewayd), str(proxyd)], check=True)
    time.sleep(3)
    g.ok("sandbox", "list")
    wait_until(lambda: "rc" in s.sh("cat z").out, "the client has ended", 30)
    assert s.sh("cat z").out == ZEN + "rc 0\n"
    s.delete()
