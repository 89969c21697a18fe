# SPDX-License-Identifier: Apache-2.0
"""routerd against others that stand between clients and models, all before
one backend (tests/tools/backend.c), which answers nobody without its key:

    direct     the client brings the key itself: the floor of client and backend
    nginx      a reverse proxy that sets a header, one worker: the floor
    portkey    @portkey-ai/gateway from npm, one process as it comes
    routerd    one worker, routes from a file: no gateway, no sandbox
    sandbox    the whole path: client in a sandbox, proxyd with TLS, routerd

All take turns in each round.  Client, contestant and backend are on one core
where latency is measured, so that no wake-up of another core is in it.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time

from figures import (BIN, ROUNDS, SECONDS, TOOL, children, in_sandbox,
                     measured, median, named, print_table, quantity, rss,
                     run_load)
from shell import wait_until

KEY = "sk-bench-0123456789abcdef"
BACKEND, NGINX, PORTKEY, ROUTERD = 9401, 9402, 9403, 9404
PEERS = os.environ.get("BENCH_PEERS")
COMPLETIONS = "/v1/chat/completions"
BODY = {"model": "m", "messages": [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "Is all well with you today?"}]}
JSON = json.dumps(BODY, separators=(",", ":"))


def stream(**options):
    return json.dumps({**BODY, "stream": True, **options},
                      separators=(",", ":"))


def listens(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


class Contestant:
    """Processes with a port; what their clients must send besides."""
    host = "127.0.0.1"
    headers = ()

    def __init__(self, name, port, *argv, **kw):
        self.name, self.port = name, port
        self.p = subprocess.Popen(argv, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, **kw)
        wait_until(lambda: listens(port), f"{name} listens", 30)

    def pids(self):
        return [self.p.pid, *children(self.p.pid)]

    def helpers(self):
        """Who has a part in it, but isn't what is measured."""
        return []

    def load(self, *argv):
        more = [x for h in self.headers for x in ("-H", h)]
        return run_load([str(TOOL), "-k", *more],
                        [*argv, "inference.local:80", COMPLETIONS],
                        f"127.0.0.1:{self.port}")

    def close(self):
        self.p.terminate()
        self.p.wait()


class Direct(Contestant):
    headers = (f"Authorization: Bearer {KEY}",)

    def __init__(self):
        super().__init__("direct", BACKEND, TOOL.parent / "backend",
                         f"127.0.0.1:{BACKEND}", KEY)


class Nginx(Contestant):
    def __init__(self, d):
        conf = d / "nginx.conf"
        conf.write_text(f"""
            daemon off; worker_processes 1; pid {d}/nginx.pid; error_log stderr;
            worker_rlimit_nofile 8192;
            events {{ worker_connections 4096; }}
            http {{
                access_log off;
                keepalive_requests 100000000;
                upstream backend {{ server 127.0.0.1:{BACKEND}; keepalive 64;
                    keepalive_requests 100000000; }}
                server {{ listen 127.0.0.1:{NGINX} backlog=4096;
                    location / {{
                        proxy_pass http://backend;
                        proxy_http_version 1.1;
                        proxy_buffering off;
                        proxy_set_header Connection "";
                        proxy_set_header Authorization "Bearer {KEY}";
                    }} }}
            }}""")
        super().__init__("nginx", NGINX, "nginx", "-p", d, "-c", conf)


class Portkey(Contestant):
    headers = ("x-portkey-config: " + json.dumps({
        "provider": "openai", "api_key": KEY,
        "custom_host": f"http://127.0.0.1:{BACKEND}/v1"}),)

    def __init__(self):
        start = "node_modules/@portkey-ai/gateway/build/start-server.js"
        super().__init__("portkey", PORTKEY, "node", f"{PEERS}/{start}",
                         f"--port={PORTKEY}", "--headless",
                         env={**os.environ, "NODE_ENV": "production"})


class Routerd(Contestant):
    """With somebody who takes its events, as a gateway would."""

    def __init__(self, d):
        routes = d / "routes.yaml"
        routes.write_text(f"routes: [{{endpoint: 'http://127.0.0.1:{BACKEND}"
                          f"/v1', model: m, api_key: {KEY}}}]\n")
        self.socket = d / "routerd.sock"
        super().__init__(
            "routerd", ROUTERD, BIN / "routerd", "--inference-routes", routes,
            "--listen", f"127.0.0.1:{ROUTERD}", "--workers", "1", "--socket",
            self.socket)
        wait_until(self.socket.exists, "routerd has its socket")
        threading.Thread(target=self.take_events, daemon=True).start()

    def take_events(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.socket))
            s.sendall(b'{"method":"io.openshell.Router.Events","more":true}\0')
            while s.recv(65536):
                pass


class WholePath(Contestant):
    def __init__(self, g, s):
        self.name, self.g, self.s = "sandbox", g, s
        g.ok("provider", "create", "--name", "bench", "--type", "openai",
             "--credential", f"OPENAI_API_KEY={KEY}", "--config",
             f"OPENAI_BASE_URL=http://127.0.0.1:{BACKEND}/v1")
        g.ok("inference", "set", "--provider", "bench", "--model", "m",
             "--no-verify")

    def pids(self):
        return [p for d in ("proxyd", "routerd")
                for p in children(self.g.pid(d))]

    def helpers(self):
        return named("supervisord")  # its children are the clients

    def load(self, *argv):
        return run_load([*in_sandbox(self.g, self.s), "-p", "-s", "-k"],
                        [*argv, "inference.local:443", COMPLETIONS],
                        "127.0.0.1:3128", self.g.env)

    def close(self):
        pass


class OneCore:
    """While it is open, all that was started here is on one core."""

    def __init__(self, contestants):
        self.pids = [os.getpid()] + [
            p for c in contestants for p in c.pids() + c.helpers()]

    def place(self, cores):
        for pid in self.pids:
            subprocess.run(["taskset", "-apc", cores, str(pid)],
                           stdout=subprocess.DEVNULL, check=True)

    def __enter__(self):
        self.place("0")

    def __exit__(self, *_):
        self.place(f"0-{os.cpu_count() - 1}")


# What is asked, and what of the answers is shown: (title, key, unit, aim).
PLAIN = [(f"small completions, {n} connection{'s' * (n > 1)}",
          ["-c", str(n), "-b", JSON],
          [("a second", "per_second", "/s", "0.7 of nginx, 20 of portkey"),
           ("CPU time each", "cpu_us", "us", "")])
         for n in (1, 16, 64)]
STREAMS = [
    ("streams of 100 events, written at once, 16 connections",
     ["-c", "16", "-b", stream()],
     [("a second", "per_second", "/s", ""),
      ("CPU time each", "cpu_us", "us", "")]),
    ("streams of 100 events, 1 ms apart, 16 connections",
     ["-c", "16", "-b", stream(seed=1000)],
     [("first event, p50", "first_p50_us", "us", ""),
      ("gap between events, p50", "gap_p50_us", "us", "nothing added"),
      ("gap between events, p99", "gap_p99_us", "us", ""),
      ("written to read, p50", "delay_p50_us", "us", ""),
      ("CPU time each", "cpu_us", "us", "")])]
PINNED = [
    ("one core, 1 connection", ["-c", "1", "-b", JSON],
     [("p50", "p50_us", "us", "under 50 us more than direct"),
      ("p99", "p99_us", "us", "")]),
    ("one core, 1 stream, events 1 ms apart",
     ["-c", "1", "-b", stream(seed=1000)],
     [("first event, p50", "first_p50_us", "us", ""),
      ("written to read, p50", "delay_p50_us", "us", ""),
      ("written to read, p99", "delay_p99_us", "us", "")])]


class Results:
    def __init__(self):
        self.v = {}

    def add(self, what, contestant, r):
        if r["errors"]:
            print(f"  {contestant}: {r['errors']} errors in '{what}'")
        self.v.setdefault((what, contestant), []).append(r)

    def of(self, what, contestant, key):
        values = [r.get(key) for r in self.v.get((what, contestant), ())]
        values = [v for v in values if v is not None]
        return median(values) if values else None


    def ratio(self, what, key, ours, theirs):
        pairs = [(a.get(key), b.get(key)) for a, b in zip(
            self.v.get((what, ours), ()), self.v.get((what, theirs), ()))]
        ratios = [a / b for a, b in pairs if a is not None and b]
        return f"{median(ratios):.2f}" if ratios else "-"


def take_turns(contestants, cases, results):
    for what, argv, _ in cases:
        for c in contestants:
            results.add(what, c.name, measured(c.pids(), c.load, *argv))
        print(f"  {what}: " + ", ".join(
            f"{c.name} {quantity(results.of(what, c.name, 'per_second'), '/s')}"
            for c in contestants), flush=True)


def open_streams(c, n=1000):
    """MiB of the contestant while so many streams are open."""
    body = stream(seed=1000000)
    t = threading.Thread(target=c.load, args=("-c", str(n), "-b", body))
    t.start()
    time.sleep(SECONDS * 0.8)
    mib = sum(rss(p) for p in c.pids())
    t.join()
    return mib


def table(contestants, results):
    out = []
    for what, _, keys in PLAIN + STREAMS + PINNED:
        for title, key, unit, aim in keys:
            row = [results.of(what, c.name, key) for c in contestants]
            if key == "cpu_us":
                row[0] = None
            out.append([f"{what}: {title}", *(quantity(v, unit) for v in row),
                        results.ratio(what, key, "routerd", "nginx"),
                        results.ratio(what, key, "routerd", "portkey"), aim])
    return out


def routers(g, s):
    print("Routers", flush=True)
    d = pathlib.Path(tempfile.mkdtemp(prefix="openshell-bench."))
    makers = [lambda: Nginx(d), *([Portkey] if PEERS else []),
              lambda: Routerd(d)]
    made, memory, results = [Direct(), WholePath(g, s)], [], Results()
    try:
        # Of processes that have seen nothing else.
        for make in makers:
            c = make()
            memory.append(quantity(open_streams(c), "MiB"))
            c.close()
        memory.append(quantity(open_streams(made[1]), "MiB"))
        made[1:1] = [make() for make in makers]
        for _ in range(ROUNDS):
            take_turns(made, PLAIN + STREAMS, results)
            with OneCore(made):
                take_turns(made, PINNED, results)
        print_table(["what", *(c.name for c in made), "of nginx",
                     "of portkey", "aim"], table(made, results)
                    + [["RSS with 1,000 open streams", "-", *memory, "-", "-",
                        ""]])
    finally:
        for c in made:
            c.close()
        shutil.rmtree(d, ignore_errors=True)
