# SPDX-License-Identifier: Apache-2.0
"""Daemons die while a model answers: a stream ends whole or says that it
didn't, the next request works, and usage is neither lost nor counted twice."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

from fixtures import make
from shell import BIN, Sandbox, origin_log, policy, wait_until

pytestmark = pytest.mark.independent_of_ids

KEY = "sk-the-first-0123456789"
NEW_KEY = "sk-the-second-0123456789"
PYTHON = "/usr/bin/python3"
ORIGIN = "origin.example.com"
EVENTS, PACE_MS = 150, 20  # a stream of three seconds

# Asks once, and keeps beside it how that is going: events, the longest
# silence between two, whether the end came, what broke.
STREAM = r"""
import json, os, sys, time, urllib.request
out, events, pace_ms = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
seen = {"events": 0, "silence": 0, "whole": False, "error": None, "over": False}
def keep():
    with open(out + ".new", "w") as f:
        json.dump(seen, f)
    os.rename(out + ".new", out)
body = {"model": "m", "stream": True, "max_tokens": events,
        "seed": pace_ms * 1000, "messages": []}
keep()
try:
    r = urllib.request.urlopen(urllib.request.Request(
        "https://inference.local/v1/chat/completions",
        json.dumps(body, separators=(",", ":")).encode()),
        timeout=20)
    last = time.monotonic()
    text = b""
    # read1() says when chunks end without the last one; readline() doesn't.
    while piece := r.read1(65536):
        now = time.monotonic()
        seen["silence"] = max(seen["silence"], now - last)
        last = now
        text += piece
        seen["events"] = text.count(b'"content"')
        keep()
    seen["whole"] = text.endswith(b"data: [DONE]\n\n")
    if b"error" in text:
        seen["error"] = text[text.index(b"error"):].decode()
    elif not seen["whole"]:
        seen["error"] = "silent end"
except Exception as e:
    seen["error"] = repr(e)
seen["over"] = True
keep()
"""


class Backend:
    """tests/tools/backend, which streams and refuses other keys."""

    def __init__(self, key):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        self.p = subprocess.Popen(
            [BIN.parent / "tools/backend", f"127.0.0.1:{self.port}", key],
            stdout=subprocess.PIPE)
        assert self.p.stdout.readline() == b"ready\n"

    def close(self):
        self.p.kill()
        self.p.wait()


@pytest.fixture
def backend():
    """backend(key) makes one."""
    made = []

    def one(key):
        made.append(Backend(key))
        return made[-1]
    yield one
    for b in made:
        b.close()


class Box:
    """A sandbox whose inference.local is a backend."""

    def __init__(self, gateway, backend, *options):
        self.g = gateway
        gateway.ok("provider", "create", "--name", "p", "--type", "openai",
                   "--credential", f"OPENAI_API_KEY={KEY}", "--config",
                   f"OPENAI_BASE_URL=http://127.0.0.1:{backend.port}/v1")
        gateway.ok("inference", "set", "--provider", "p", "--model", "m",
                   "--no-verify", *options)
        self.s = make(gateway, policy())
        self.n = 0
        self.s.run("sh", "-c", "cat >stream.py", input=STREAM)

    def start(self):
        """A stream that no command waits for; true once it flows."""
        self.n += 1
        self.s.sh(f"(setsid python3 stream.py out{self.n} {EVENTS} {PACE_MS} "
                  "</dev/null >log 2>&1 &)")
        wait_until(lambda: self.seen()["events"] >= 5, "the stream flows")

    def seen(self):
        out = self.s.sh(f"cat out{self.n}").out
        return json.loads(out) if out else {"events": 0, "over": False}

    def ended(self, seconds=20):
        wait_until(lambda: self.seen()["over"], "the stream has ended",
                   seconds)
        return self.seen()

    def ask(self):
        """The status of a small request."""
        return self.s.run(
            "curl", "-sS", "--max-time", "8", "-o", "/dev/null", "-w",
            "%{http_code}", "https://inference.local/v1/chat/completions",
            "-d", '{"model":"m","messages":[]}').out

    def works_again(self):
        """Returns how often it had to be asked until the answer was there."""
        tries = [0]

        def asked():
            tries[0] += 1
            return self.ask() == "200"
        wait_until(asked, "the next request works", 15)
        return tries[0]

    def usage(self):
        rows = self.g.ok("inference", "usage", "-o", "json").json()
        return {k: sum(r[k] for r in rows)
                for k in ("requests", "failures", "output_tokens")}

    def has_usage(self, **want):
        wait_until(lambda: want.items() <= self.usage().items(),
                   f"usage is {want}, not {self.usage()}", 5)
        time.sleep(0.5)  # and stays so
        assert want.items() <= self.usage().items(), self.usage()


def children(pid):
    return [int(p) for p in subprocess.run(
        ["pgrep", "-P", str(pid)], capture_output=True,
        text=True).stdout.split()]


def is_alive(pid):
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rsplit(")")[1].split()[0] not in "ZX"


def broke(seen):
    """It didn't end as if it were whole."""
    return (not seen["whole"] and seen["events"] < EVENTS
            and seen["error"] not in (None, "silent end"))


# A small answer's tokens, and a stream's, as the backend counts them.
SMALL, STREAMED = 17, 100


def test_routerd_killed(own_gateway, backend):
    """One request at a time is allowed: a place that isn't given back would
    refuse the next."""
    box = Box(own_gateway, backend(KEY), "--concurrent", "1")
    assert box.ask() == "200"
    box.has_usage(requests=1, failures=0, output_tokens=SMALL)
    box.start()
    own_gateway.kill("routerd")
    assert broke(box.ended())
    box.works_again()
    # What was under way died with the one who counted it, and failures while
    # nobody was there are nobody's.
    box.has_usage(output_tokens=2 * SMALL)
    box.start()
    assert box.ended()["whole"]
    box.has_usage(output_tokens=2 * SMALL + STREAMED)


@pytest.mark.parametrize("back", ["before the stream ends", "after it"])
def test_gatewayd_killed(own_gateway, backend, back):
    box = Box(own_gateway, backend(KEY))
    box.start()
    routerd = own_gateway.pid("routerd")
    own_gateway.kill("gatewayd")
    # No command may start it again meanwhile: the stream is looked at later.
    if back == "after it":
        time.sleep(EVENTS * PACE_MS / 1000 + 1)
    else:
        time.sleep(0.5)
        assert not box.seen()["over"]
    seen = box.ended()
    assert seen["whole"] and seen["events"] == EVENTS and not seen["error"]
    assert seen["silence"] < 1, seen
    assert own_gateway.pid("routerd") == routerd
    box.has_usage(requests=1, failures=0, output_tokens=STREAMED)
    assert box.ask() == "200"
    box.has_usage(requests=2, failures=0, output_tokens=STREAMED + SMALL)


def test_proxyd_killed(own_gateway, backend):
    box = Box(own_gateway, backend(KEY), "--concurrent", "1")
    box.start()
    own_gateway.kill("proxyd")
    assert broke(box.ended())
    # routerd sees that the client is gone: the place is free again.
    box.works_again()
    wait_until(lambda: box.usage()["requests"] == 2, "both are counted")
    assert box.usage()["failures"] == 1
    # What came of the stream is counted, though its counts didn't come.
    assert box.usage()["output_tokens"] > SMALL


def test_a_dead_worker_takes_routerd_along(own_gateway, backend):
    """Some of the workers would be some of the sandboxes."""
    box = Box(own_gateway, backend(KEY))
    box.start()
    before = int(own_gateway.pid("routerd"))
    workers = children(before)
    assert workers
    os.kill(workers[0], signal.SIGKILL)
    wait_until(lambda: not any(map(is_alive, [before, *workers])),
               "all of it is gone")
    assert broke(box.ended())
    box.works_again()
    after = int(own_gateway.pid("routerd"))
    assert after != before and len(children(after)) == len(workers)
    assert all(box.ask() == "200" for _ in range(4))


# Asks again and again; says when (a clock that the sandbox shares) an answer
# was another than the first.
POLL = r"""
import sys, time, urllib.request, urllib.error
def ask():
    try:
        return urllib.request.urlopen(urllib.request.Request(
            "https://inference.local/v1/chat/completions",
            b'{"model":"m","messages":[]}'), timeout=5).status
    except urllib.error.HTTPError as e:
        return e.code
first = ask()
print(first, flush=True)
while True:
    now = ask()
    if now != first:
        print(now, time.monotonic(), flush=True)
        break
"""

# The same with a placeholder: the server's log has the rest.
SEND = r"""
import os, sys, time, urllib.request
while True:
    urllib.request.urlopen(urllib.request.Request(
        "https://%s/", headers={"X-Clock": str(time.monotonic()),
        "Authorization": "Bearer " + os.environ["ORIGIN_TOKEN"]}),
        timeout=5).read()
    print("sent", flush=True)
""" % ORIGIN

PROFILE = f"""\
id: origin
display_name: The origin
category: other
credentials:
  - env_vars: [ORIGIN_TOKEN]
endpoints:
  - {{host: {ORIGIN}, port: 443, protocol: rest, access: full}}
binaries:
  - {{path: /usr/bin/python3*}}
"""


def update_key(g, name):
    """When the command began and when it was done."""
    began = time.monotonic()
    g.ok("provider", "update", "p", "--credential", f"{name}={NEW_KEY}")
    return began, time.monotonic()


def is_prompt(what, began, done, at):
    print(f"\n  the new key is in all {what} {1000 * (at - began):.0f} ms "
          f"after the command began, {1000 * (at - done):.0f} ms after it ended")
    assert at - done < 1


def popen(s, script):
    return s.gateway.popen(
        "sandbox", "exec", "-n", s.name, "--no-tty", "--", PYTHON, "-c",
        script, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)


def test_a_new_key_reaches_inference_within_a_second(own_gateway, backend):
    box = Box(own_gateway, backend(NEW_KEY))
    poll = popen(box.s, POLL)
    assert poll.stdout.readline() == "401\n"
    began, done = update_key(own_gateway, "OPENAI_API_KEY")
    status, at = poll.stdout.readline().split()
    poll.wait()
    assert status == "200"
    is_prompt("inference", began, done, float(at))


def sent_with(key):
    """When the requests were made that reached the server with this key."""
    heads = [e["headers"] for e in origin_log()]
    return [float(h["x-clock"]) for h in heads if "x-clock" in h
            and h.get("authorization") == f"Bearer {key}"]


def test_a_new_key_reaches_placeholders_within_a_second(own_gateway):
    g = own_gateway
    (g.dir / "config/providers").mkdir()
    (g.dir / "config/providers/origin.yaml").write_text(PROFILE)
    g.ok("provider", "create", "--name", "p", "--type", "origin",
         "--credential", f"ORIGIN_TOKEN={KEY}")
    g.ok("sandbox", "create", "--name", "held", "--detach", "--provider", "p")
    send = popen(Sandbox(g, "held"), SEND)
    assert send.stdout.readline() == "sent\n"
    began, done = update_key(g, "ORIGIN_TOKEN")
    wait_until(lambda: sent_with(NEW_KEY), "the server has seen the new key")
    time.sleep(1)
    send.kill()
    is_prompt("placeholders", began, done, max(sent_with(KEY)))
    assert len(sent_with(NEW_KEY)) > 1
