# SPDX-License-Identifier: Apache-2.0
"""A command that only its user has comes into the sandbox that is made for it,
with its package and nothing else of the home."""

import os
import pathlib
import shutil

import pytest

from shell import Sandbox, varlink


@pytest.fixture
def home(gateway):
    """As npm and a vendor's installer leave one; gone at the end."""
    top = pathlib.Path.home() / f"{gateway.dir.name}.home"
    package = top / "npm/lib/node_modules/@v/agent"
    for d in (package / "bin", package / "node_modules/dep", top / "npm/bin",
              top / "npm/lib/node_modules/other", top / ".local/bin",
              top / ".ssh"):
        d.mkdir(parents=True)
    script = package / "bin/agent.sh"
    script.write_text("#!/usr/bin/env our-shell\n"
                      "cat $(dirname $(readlink -f $0))/../data; pwd\n")
    (package / "data").write_text("of the package\n")
    (package / "node_modules/dep/data").write_text("nested\n")
    (top / "npm/bin/agent").symlink_to("../lib/node_modules/@v/agent/bin/"
                                       "agent.sh")
    shutil.copy("/bin/sh", top / ".local/bin/our-shell")
    (top / ".local/bin/mine").write_text("#!/bin/sh\necho other\n")
    (top / ".ssh/id").write_text("a secret\n")
    for path in (script, top / ".local/bin/mine"):
        path.chmod(0o755)
    gateway.env["PATH"] = (f"{top}/npm/bin:{top}/.local/bin:"
                           + os.environ["PATH"])
    yield top
    gateway.env["PATH"] = os.environ["PATH"]
    shutil.rmtree(top)


@pytest.fixture
def made(gateway, home):
    r = gateway.ok("sandbox", "create", "--name", "packages", "--", "agent")
    assert r.out == "of the package\n/sandbox\n", r
    s = Sandbox(gateway, "packages")
    yield s
    s.delete()


def test_the_command_runs_by_its_name_also_later(made):
    assert made.run("agent").out.startswith("of the package")
    for shell in ("sh", "bash"):
        assert made.run(shell, "-lc", "command -v our-shell").rc == 0


def test_its_own_package_is_there_and_nothing_else_of_the_home(made, home):
    there = ["npm/bin/agent", "npm/lib/node_modules/@v/agent/data",
             "npm/lib/node_modules/@v/agent/node_modules/dep/data",
             ".local/bin/our-shell"]
    not_there = [".ssh", ".ssh/id", ".local/bin/mine", "npm/lib/node_modules/"
                 "other"]
    for path in there:
        assert made.run("test", "-e", home / path).rc == 0, path
    for path in not_there:
        assert made.run("ls", home / path).rc == 2, path
        assert (home / path).exists()


def test_it_can_be_read_only(made, home):
    package = home / "npm/lib/node_modules/@v/agent"
    for script in (f"echo x >{package}/data", f"touch {package}/new",
                   f"rm {package}/data", f"chmod 777 {package}/data",
                   f"mv {package} /tmp", f"touch {home}/new",
                   f"ln -sf /etc/passwd {home}/npm/bin/agent",
                   f"echo x >{home}/.local/bin/our-shell"):
        assert made.sh(script).rc != 0, script
    assert (package / "data").read_text() == "of the package\n"


def test_a_restart_shows_it_again_and_goes_without_what_is_gone(made, home):
    made.gateway.ok("sandbox", "stop", made.name)
    made.gateway.ok("sandbox", "start", made.name)
    assert made.run("agent").out.startswith("of the package")
    made.gateway.ok("sandbox", "stop", made.name)
    shutil.rmtree(home / "npm/lib/node_modules/@v")
    made.gateway.ok("sandbox", "start", made.name)
    assert made.run("agent").rc == 127
    assert made.run("echo", "fine").out == "fine\n"


def test_a_command_of_the_host_shows_nothing(gateway, home):
    r = gateway.run("sandbox", "create", "--no-keep", "--", "sh", "-c",
                    f"echo $PATH; ls {home}")
    assert str(home) not in r.out and "No such file" in r.err, r


@pytest.mark.parametrize("path, text", [
    ("{state}", "gateway's own files"), ("{state}/..", "no absolute path"),
    ("{state}/key", "gateway's own files"), ("/tmp", "gateway's own files"),
    ("etc", "no absolute path"), ("/", "no absolute path"),
    ("/proc/1", "/proc/1"), ("/etc/shadow", "/etc/shadow"),
    ("/dev/null", "/dev/null"), ("/var/tmp", "/var/tmp"), ("/sys/kernel", "/sys/kernel")])
def test_what_nobody_may_show(gateway, path, text):
    gateway.ok("status")
    path = path.format(state=gateway.dir / "state")
    r = varlink(gateway.socket, "io.openshell.Gateway.CreateSandbox",
                {"shown": [path]})
    assert text in str(r["parameters"]), r
    assert "error" in r
