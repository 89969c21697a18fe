# SPDX-License-Identifier: Apache-2.0
"""A sandbox lives: made, used, stopped, started, deleted."""

import os
import pathlib
import pty
import resource
import select
import signal
import struct
import subprocess
import termios
import time
import fcntl

import pytest

from shell import policy, wait_until


def test_a_command_runs_and_its_exit_code_comes_back(gateway):
    r = gateway.run("sandbox", "create", "--name", "seven", "--", "sh", "-c",
                    "echo out; echo err >&2; exit 7")
    assert r.rc == 7, r
    assert r.out == "out\n"
    assert "err\n" in r.err
    assert gateway.ok("sandbox", "get", "seven", "-o",
                      "json").json()["phase"] == "Ready"
    gateway.ok("sandbox", "delete", "seven")


@pytest.mark.parametrize("script, code", [
    ("exit 0", 0), ("exit 255", 255), ("kill -9 $$", 137),
    ("kill -TERM $$", 143), ("exec /nonexistent", 127),
])
def test_exit_codes_are_exact(sandbox, script, code):
    assert sandbox.sh(script).rc == code


def test_a_command_that_is_not_there_is_127(sandbox):
    r = sandbox.run("no-such-program")
    assert r.rc == 127 and "no-such-program" in r.err, r


def test_a_command_that_is_no_program_is_126(sandbox):
    assert sandbox.run("/etc/passwd").rc == 126


def test_a_timeout_is_124(sandbox):
    start = time.monotonic()
    r = sandbox.run("sleep", "60", options=("--timeout", "1"))
    assert r.rc == 124, r
    assert time.monotonic() - start < 10


def test_whoever_waits_for_a_command_takes_no_processor(sandbox):
    def used():
        r = resource.getrusage(resource.RUSAGE_CHILDREN)
        return r.ru_utime + r.ru_stime

    before = used()
    assert sandbox.run("sleep", "2").rc == 0
    assert used() - before < 0.5


def test_stderr_is_apart_from_stdout(sandbox):
    r = sandbox.sh("echo a; echo b >&2; echo c")
    assert (r.out, r.err) == ("a\nc\n", "b\n")


def test_100_mb_go_through_standard_input(sandbox):
    data = os.urandom(1 << 20) * 100
    r = sandbox.sh("wc -c; true", input=data, text=False)
    assert r.out.strip() == str(len(data)).encode(), r
    r = sandbox.run("cat", input=data, text=False)
    assert r.out == data


def test_environment_is_the_sandbox_s_own(sandbox):
    r = sandbox.run("env", env={"MY_SECRET": "s3cret"}).out
    assert "s3cret" not in r
    for line in ("HOME=/sandbox", "USER=sandbox", "OPENSHELL_SANDBOX=1",
                 "HTTPS_PROXY=http://127.0.0.1:3128"):
        assert line in r.splitlines(), r
    r = sandbox.run("env", options=("--env", "GREETING=hello"))
    assert "GREETING=hello" in r.out.splitlines()


def test_create_takes_environment_for_every_command(gateway):
    gateway.ok("sandbox", "create", "--name", "env1", "--env", "A=1",
               "--detach")
    r = gateway.ok("sandbox", "exec", "-n", "env1", "--", "sh", "-c",
                   "echo $A")
    assert r.out == "1\n"
    gateway.ok("sandbox", "delete", "env1")


def test_files_of_home_stay_and_tmp_is_private(sandbox):
    sandbox.sh("echo kept >/sandbox/kept; echo t >/tmp/openshell-private")
    assert sandbox.sh("cat /sandbox/kept").out == "kept\n"
    assert not pathlib.Path("/tmp/openshell-private").exists()


def test_stop_and_start_keep_the_files(sandbox):
    sandbox.sh("echo kept >/sandbox/kept")
    sandbox.gateway.ok("sandbox", "stop", sandbox.name)
    r = sandbox.run("true")
    assert r.rc == 1 and "Stopped" in r.err, r
    sandbox.gateway.ok("sandbox", "start", sandbox.name)
    assert sandbox.sh("cat kept").out == "kept\n"


class Terminal:
    """openshell on a pty of ours."""

    def __init__(self, gateway, *argv):
        self.master, slave = pty.openpty()
        self.resize(30, 100)
        self.p = gateway.popen(*argv, stdin=slave, stdout=slave, stderr=slave,
                               start_new_session=True,
                               preexec_fn=lambda: fcntl.ioctl(
                                   0, termios.TIOCSCTTY, 0))
        os.close(slave)
        self.seen = b""

    def resize(self, rows, cols):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, cols, 0, 0))

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, seconds=10):
        end = time.monotonic() + seconds
        while text.encode() not in self.seen:
            left = end - time.monotonic()
            assert left > 0, f"no {text!r} in {self.seen!r}"
            if select.select([self.master], [], [], left)[0]:
                try:
                    self.seen += os.read(self.master, 65536)
                except OSError:
                    break
        assert text.encode() in self.seen, self.seen
        self.seen = self.seen.split(text.encode(), 1)[1]

    def close(self):
        rc = self.p.wait(timeout=10)
        os.close(self.master)
        return rc


def test_connect_gives_a_terminal_with_size_and_ctrl_c(sandbox):
    t = Terminal(sandbox.gateway, "sandbox", "connect", sandbox.name)
    t.type("stty size; echo size-$?\n")
    t.expect("30 100")
    t.resize(44, 133)
    os.kill(t.p.pid, signal.SIGWINCH)
    t.type("sleep 0.2; stty size\n")
    t.expect("44 133")
    t.type("tty; sleep 1000; echo after\n")
    t.expect("/dev/pts/")
    time.sleep(0.3)
    t.type("\x03")
    t.type("echo alive-$((6*7))\n")
    t.expect("alive-42")
    t.type("exit 9\n")
    assert t.close() == 9


def test_ctrl_z_and_job_control_work(sandbox):
    t = Terminal(sandbox.gateway, "sandbox", "connect", sandbox.name)
    t.type("sleep 1000\n")
    time.sleep(0.5)
    t.type("\x1a")
    t.expect("Stopped")
    t.type("kill -9 %1; sleep 0.3; exit 0\n")
    assert t.close() == 0


def test_a_command_ends_with_its_caller(sandbox):
    p = sandbox.gateway.popen("sandbox", "exec", "-n", sandbox.name, "--",
                              "sleep", "7777", stdin=subprocess.DEVNULL)
    wait_until(lambda: "7777" in sandbox.sh("cat /proc/[0-9]*/cmdline").out,
               "the command runs")
    p.kill()
    p.wait()
    wait_until(lambda: "7777" not in sandbox.sh(
        "cat /proc/[0-9]*/cmdline | tr '\\0' ' '").out.replace(
            "cat", ""), "the command is gone", 15)


def test_orphans_are_reaped(sandbox):
    sandbox.sh("for i in $(seq 50); do (sleep 0.01 &) ; done")
    wait_until(lambda: " Z" not in sandbox.sh(
        "cat /proc/[0-9]*/stat | cut -d')' -f2 | cut -c1-2").out,
        "no zombie is left")


def test_list_get_and_selectors(gateway):
    gateway.ok("sandbox", "create", "--name", "l1", "--label", "team=a",
               "--detach")
    gateway.ok("sandbox", "create", "--name", "l2", "--label", "team=b",
               "--detach")
    assert "l1" in gateway.ok("sandbox", "list").out
    names = gateway.ok("sandbox", "list", "--names", "--selector", "team=b")
    assert names.out == "l2\n"
    one = gateway.ok("sandbox", "get", "l1", "-o", "json").json()
    assert one["labels"] == {"team": "a"} and one["policy"]["version"] == 1
    r = gateway.run("sandbox", "create", "--name", "l1", "--detach")
    assert r.rc == 1 and "l1" in r.err and "hint:" in r.err, r
    gateway.ok("sandbox", "delete", "l1", "l2")
    r = gateway.ok("sandbox", "delete", "l1")
    assert "not found" in r.err


def test_no_keep_deletes_after_the_command(gateway):
    r = gateway.run("sandbox", "create", "--name", "brief", "--no-keep", "--",
                    "sh", "-c", "exit 3")
    assert r.rc == 3, r
    assert "brief" not in gateway.ok("sandbox", "list", "--names").out


def test_a_gateway_is_started_and_said_so(own_gateway):
    r = own_gateway.ok("sandbox", "list")
    assert "starting one" in r.err and "No sandboxes found." in r.out
    assert "starting one" not in own_gateway.ok("sandbox", "list").err
    r = own_gateway.ok("gateway", "stop")
    assert own_gateway.ok("status", "-o",
                          "json").json()["status"] == "not_configured"


def groups_of(ids):
    """Control groups of these sandboxes; others may be made meanwhile."""
    return {str(p) for root in pathlib.Path("/sys/fs/cgroup").glob("*")
            for p in root.rglob("openshell-*")
            if p.name.removeprefix("openshell-") in ids}


def everything(ids=()):
    """What sandboxes could leave behind in this PID and mount namespace."""
    processes = set()
    for p in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if b"supervisord" in (p / "cmdline").read_bytes():
                processes.add(p.name)
        except OSError:
            pass
    return (pathlib.Path("/proc/self/mountinfo").read_text(), processes,
            groups_of(ids))


def test_deletion_leaves_nothing(own_gateway):
    g = own_gateway
    g.ok("sandbox", "create", "--name", "first", "--detach")
    g.ok("sandbox", "delete", "first")
    before = everything()
    files = {p for p in g.dir.rglob("*")}
    for i in range(5):
        g.ok("sandbox", "create", "--name", f"gone{i}", "--policy",
             g.file("p.yaml", policy()), "--", "sh", "-c",
             "mkdir -p a/b; echo x >a/b/c; chmod 0 a; (sleep 100 &)")
    ids = g.ok("sandbox", "list", "--ids").out.split()
    seen = everything(ids)
    assert len(ids) == 5 and len(seen[1] - before[1]) == 5
    assert seen[2] or os.getuid() != 0, "nothing to see: the test is blind"
    g.ok("sandbox", "delete", "--all")
    wait_until(lambda: everything(ids) == before, "nothing is left")
    left = {p for p in g.dir.rglob("*")} - files
    assert left <= {g.dir / "p.yaml", g.dir / "state/last_sandbox",
                    g.dir / "state/openshell.db-wal",
                    g.dir / "state/openshell.db-shm"}, left
