# SPDX-License-Identifier: Apache-2.0
"""The key that all secrets are sealed with: kept, missed, and changed."""

import fcntl
import os
import random
import resource
import secrets
import signal
import subprocess
import threading
import time

import pytest

from fixtures import make
from shell import BIN, FULL, allow, is_zombie, origin_log, policy, wait_until

pytestmark = pytest.mark.independent_of_ids

HOST = "origin.example.com"
GOLD = "g0lden." + secrets.token_hex(12)
ASK = f'curl -sS -m 10 https://{HOST}/ -H "X-Key: $K"'


def key(g):
    return g.dir / "state/key"


def stop(g):
    """... and with it the children that have its lock until they exec."""
    g.run("gateway", "stop")
    with open(g.dir / "state/gateway.lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)


def put(g, data, path=None):
    path = path or key(g)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(data)


def refuses(g, *texts):
    """gatewayd doesn't start, and says why."""
    p = subprocess.run([BIN / "gatewayd"], env=g.env, capture_output=True,
                       text=True, timeout=20, cwd=g.dir)
    assert p.returncode == 1, p
    for text in texts:
        assert str(text) in p.stderr, p.stderr


@pytest.fixture
def sealed(own_gateway):
    """A gateway with a provider, and a sandbox that uses it."""
    g = own_gateway
    g.ok("provider", "create", "--name", "p", "--type", "generic",
         "--credential", "K", env={"K": GOLD})
    s = make(g, policy(allow(
        HOST, 443, FULL + ", credential_binding: {provider: p}",
        "/usr/bin/curl")))
    g.ok("sandbox", "provider", "attach", s.name, "p")
    return g, s


def works(s):
    """The secret is sent, under a certificate of the sandbox's own CA."""
    r = s.sh(ASK)
    assert r.out == "origin\n", r
    assert origin_log()[-1]["headers"]["x-key"] == GOLD


def works_from_scratch(g, s):
    """... also when proxyd must be given everything again."""
    g.ok("gateway", "start")
    wait_until(lambda: g.pid("proxyd") > 0, "proxyd runs")
    g.kill("proxyd")
    wait_until(lambda: s.sh(ASK).rc == 0, "proxyd is back")
    works(s)


def test_a_new_key_opens_everything_and_the_old_one_nothing(sealed):
    g, s = sealed
    old = key(g).read_bytes()
    r = g.ok("gateway", "rotate-key")
    assert "Sealed 2 secrets with a new key" in r.err
    new = key(g).read_bytes()
    assert len(new) == 32 and new != old
    assert key(g).stat().st_mode & 0o777 == 0o600
    # Without a restart: what is in memory is sealed anew, too.
    works_from_scratch(g, s)
    g.ok("provider", "update", "p", "--credential", "K", env={"K": GOLD})
    works(s)
    g.kill("gatewayd")
    assert g.ok("provider", "list", "--names").out == "p\n"
    assert not [p for p in g.dir.rglob("*") if p.is_file() and
                old in p.read_bytes()]
    stop(g)
    put(g, old)
    refuses(g, key(g), "not the one that the secrets")
    put(g, new)
    works_from_scratch(g, s)


def test_a_key_is_changed_again_and_again(sealed):
    g, s = sealed
    seen = {key(g).read_bytes()}
    for _ in range(3):
        g.ok("gateway", "rotate-key")
        seen.add(key(g).read_bytes())
    assert len(seen) == 4
    works_from_scratch(g, s)


def test_a_gateway_without_secrets_changes_its_key(own_gateway):
    g = own_gateway
    assert "Sealed 0 secrets" in g.ok("gateway", "rotate-key").err


WRONG = [
    # why, what is done to the key, what is said
    ("missing", lambda k: k.unlink(), "is missing"),
    ("another", lambda k: k.write_bytes(os.urandom(32)), "not the one"),
    ("two others", lambda k: k.write_bytes(os.urandom(64)), "not the one"),
    ("short", lambda k: k.write_bytes(k.read_bytes()[:31]), "hasn't 32"),
    ("long", lambda k: k.write_bytes(k.read_bytes() + b"\n"), "hasn't 32"),
    ("empty", lambda k: k.write_bytes(b""), "hasn't 32"),
    ("open to others", lambda k: k.chmod(0o640), "mode 0600"),
    ("a link", lambda k: k.rename(k.with_name("k2")) and
     k.symlink_to("k2"), "cannot open key"),
    ("a directory", lambda k: (k.unlink(), k.mkdir()), "key"),
]


@pytest.mark.parametrize("why, spoil, text", WRONG, ids=[w[0] for w in WRONG])
def test_a_wrong_key_is_refused_and_nothing_is_lost(own_gateway, why, spoil,
                                                    text):
    g = own_gateway
    g.ok("provider", "create", "--name", "p", "--type", "generic",
         "--credential", "K=v")
    stop(g)
    good = key(g).read_bytes()
    spoil(key(g))
    spoiled = key(g).is_file() and key(g).read_bytes()
    refuses(g, key(g), text)
    # No other was made over it.
    assert (key(g).is_file() and key(g).read_bytes()) == spoiled
    if key(g).is_dir():
        key(g).rmdir()
    put(g, good)
    assert g.ok("provider", "list", "--names").out == "p\n"


def test_a_missing_key_that_sealed_nothing_is_made(own_gateway):
    g = own_gateway
    g.ok("provider", "list")
    stop(g)
    key(g).unlink()
    g.ok("provider", "list")
    assert len(key(g).read_bytes()) == 32


def test_a_change_that_was_interrupted_goes_on(sealed):
    g, s = sealed
    first = key(g).read_bytes()
    second, third = os.urandom(32), os.urandom(32)
    # The new key was written, and nothing was sealed with it.
    stop(g)
    put(g, first + second)
    works_from_scratch(g, s)
    assert key(g).read_bytes() == second
    # All was sealed with the new key, and the old one was still there.
    stop(g)
    put(g, first + second)
    assert g.ok("provider", "list", "--names").out == "p\n"
    assert key(g).read_bytes() == second
    # One that can't be ended: both stay.
    stop(g)
    put(g, second + third)
    (g.dir / "state/.key.new").mkdir()
    assert g.ok("provider", "list", "--names").out == "p\n"
    assert key(g).read_bytes() == second + third
    r = g.run("gateway", "rotate-key")
    assert r.rc == 1 and ".key.new" in r.err
    (g.dir / "state/.key.new").rmdir()
    g.ok("gateway", "rotate-key")
    assert key(g).read_bytes() == third
    works_from_scratch(g, s)


def test_killed_at_any_point_one_of_the_keys_works(sealed):
    g, s = sealed
    seen = set()
    for i in range(15):
        pid = g.pid()
        t = threading.Thread(target=g.run, args=("gateway", "rotate-key"))
        t.start()
        time.sleep(random.uniform(0.002, 0.03))
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: is_zombie(pid), "it is dead")
        seen.add(key(g).stat().st_size)
        t.join()
        assert g.ok("provider", "list", "--names").out == "p\n", i
        assert len(key(g).read_bytes()) == 32
        assert "change of key goes on" not in \
            (g.dir / "state/gateway.log").read_text()
        assert not (g.dir / "state/.key.new").exists(), i
    print("sizes of the key file after the kills:", seen)
    assert seen <= {32, 64}
    works_from_scratch(g, s)


def write_half_a_key(g, left):
    """Have the kernel kill gatewayd at the 41st byte of a file, until that is
    the one with the new key, left.  The key before is returned."""
    for _ in range(10):
        old, pid = key(g).read_bytes(), g.pid()
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (40, 40))
        if g.run("gateway", "rotate-key").rc == 1 and left.exists():
            wait_until(lambda: is_zombie(pid), "it is dead")
            return old
    raise AssertionError("always killed elsewhere")


def test_a_key_that_was_half_written_leaves_nothing(sealed):
    g, s = sealed
    left = g.dir / "state/.key.new"
    old = write_half_a_key(g, left)
    assert left.read_bytes()[:32] == old
    os.link(left, g.dir / "kept")
    assert g.ok("provider", "list", "--names").out == "p\n"
    assert not left.exists()
    assert (g.dir / "kept").read_bytes() == bytes(40)
    works_from_scratch(g, s)
    g.ok("gateway", "rotate-key")
    assert key(g).read_bytes() != old
    works_from_scratch(g, s)


#
# A key that systemd gives
#

def test_a_given_key_is_changed_by_whoever_gives_it(sealed):
    g, s = sealed
    g.ok("gateway", "stop")
    given = g.dir / "credentials"
    given.mkdir(mode=0o700)
    file = given / "openshell-key"
    first, second = key(g).read_bytes(), os.urandom(32)
    key(g).unlink()
    put(g, first, file)
    file.chmod(0o400)
    g.env["CREDENTIALS_DIRECTORY"] = str(given)
    works_from_scratch(g, s)
    r = g.run("gateway", "rotate-key")
    assert r.rc == 1 and str(file) in r.err
    assert "append 32 random bytes" in r.err and "restart" in r.err
    assert file.read_bytes() == first and not key(g).exists()
    stop(g)
    put(g, first + second, file)
    works_from_scratch(g, s)
    assert "take its first 32 bytes away" in \
        (g.dir / "state/gateway.log").read_text()
    assert file.read_bytes() == first + second
    stop(g)
    put(g, first, file)
    refuses(g, file, "not the one")
    put(g, second, file)
    assert g.ok("provider", "list", "--names").out == "p\n"
    # One that is there and can't be read isn't passed over.
    stop(g)
    file.unlink()
    file.mkdir()
    refuses(g, file)
    assert not key(g).exists()
    file.rmdir()
    refuses(g, key(g), "is missing")
    put(g, second, file)


def test_a_given_key_may_be_granted_by_an_acl(own_gateway):
    g = own_gateway
    given = g.dir / "credentials"
    given.mkdir(mode=0o700)
    file = given / "openshell-key"
    put(g, os.urandom(32), file)
    g.env["CREDENTIALS_DIRECTORY"] = str(given)
    file.chmod(0o444)
    refuses(g, file, "mode 0600")
    file.chmod(0o440)
    g.ok("provider", "list")
    assert not key(g).exists()
