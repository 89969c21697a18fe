# SPDX-License-Identifier: Apache-2.0
"""See run.  Every figure is a median over rounds in which product and peer
take turns; "ratio" is the median of the rounds' ratios."""

import json
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from figures import (BIN, ROUNDS, TOOL, children, in_sandbox, measured, median,
                     memory, named, print_table, quantity, rss, run_load)
from router import routers
from shell import Gateway, Sandbox, WORLD, policy

API = "api.github.com"
rows = []


def row(what, ours, peer=None, peer_name="", unit="", pairs=None, better="less",
        aim=""):
    ratio = ""
    if pairs:
        ratio = f"{median(a / b for a, b in pairs):.2f}"
    ours, theirs = quantity(ours, unit), "-"
    if peer is not None:
        theirs = f"{peer_name} {quantity(peer, unit)}"
    rows.append((what, ours, theirs, ratio, aim))
    print(f"  {what}: {ours}"
          + (f", {theirs}, ratio {ratio}" if peer is not None else ""),
          flush=True)


def hyperfine(commands, env, runs=40):
    """Medians in ms, one a command; hyperfine from Debian."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run(
            ["hyperfine", "-N", "--style", "none", "--warmup", "5", "--runs",
             str(runs), "--export-json", out.name, *commands], check=True,
            env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results = json.load(open(out.name))["results"]
    return [r["median"] * 1000 for r in results]


def launchers(g, s):
    print("Launchers", flush=True)
    openshell = BIN / "openshell"
    create = f"{openshell} sandbox create --no-keep --no-tty -- /bin/true"
    inside = f"{openshell} sandbox exec -n {s.name} --no-tty -- /bin/true"
    bwrap = ("bwrap --ro-bind /usr /usr --symlink usr/bin /bin --symlink "
             "usr/lib /lib --symlink usr/lib64 /lib64 --proc /proc --dev /dev "
             "--tmpfs /tmp --unshare-all --die-with-parent /bin/true")
    a, b, c = [], [], []
    for _ in range(ROUNDS):
        x, y, z = hyperfine([create, bwrap, inside], g.env)
        a.append(x)
        b.append(y)
        c.append(z)
    row("create, run /bin/true, delete", median(a), median(b), "bubblewrap",
        "ms", list(zip(a, b)), aim="under 15 ms, ratio under 3")
    row("exec of /bin/true in a live sandbox", median(c), unit="ms",
        aim="under 5 ms")


SQUID = """
http_port 127.0.0.1:3129
http_port 127.0.0.1:3130 ssl-bump cert={d}/ca.pem key={d}/ca.key \
 generate-host-certificates=on dynamic_cert_mem_cache_size=4MB
sslcrtd_program /usr/lib/squid/security_file_certgen -s {d}/certs -M 4MB
sslproxy_session_cache_size 4 MB
tls_outgoing_options cafile={world}/ca.pem
acl step1 at_step SslBump1
acl bumped myportname 3130 127.0.0.1:3130
ssl_bump peek step1
ssl_bump bump all
acl allowed dstdomain api.github.com
acl reading method GET HEAD OPTIONS CONNECT
http_access allow allowed reading
http_access deny all
dns_nameservers 127.0.0.53
cache deny all
access_log stdio:{d}/access.log
cache_log {d}/cache.log
pid_filename {d}/squid.pid
coredump_dir {d}
workers 1
cache_effective_user proxy
"""


class Squid:
    def __init__(self):
        self.d = pathlib.Path(tempfile.mkdtemp(prefix="openshell-squid."))
        d = self.d
        shutil.copy(WORLD / "ca.pem", d / "ca.pem")
        shutil.copy(WORLD / "ca.key", d / "ca.key")
        subprocess.run(["/usr/lib/squid/security_file_certgen", "-c", "-s",
                        d / "certs", "-M", "4MB"], check=True,
                       stdout=subprocess.DEVNULL)
        (d / "squid.conf").write_text(SQUID.format(d=d, world=WORLD))
        subprocess.run(["chown", "-R", "proxy:proxy", d], check=True)
        d.chmod(0o755)
        self.p = subprocess.Popen(
            ["squid", "-N", "-f", d / "squid.conf"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            if subprocess.run(["curl", "-s", "-o", "/dev/null", "-x",
                               "http://127.0.0.1:3129",
                               f"http://{API}/tiny"]).returncode == 0:
                return
            time.sleep(0.05)
        raise SystemExit("squid doesn't start:\n" +
                         (d / "cache.log").read_text()[-2000:])

    def load(self, port, *argv):
        return run_load([str(TOOL), "-p"], argv, f"127.0.0.1:{port}")

    def close(self):
        self.p.kill()
        self.p.wait()
        shutil.rmtree(self.d, ignore_errors=True)


def sandbox_load(g, s, *argv):
    return run_load([*in_sandbox(g, s), "-p"], argv, "127.0.0.1:3128", g.env)


def compare(g, s, squid, port, what, key, unit, argv, aim="", cpu=""):
    ours, theirs = [], []
    workers = children(g.pid("proxyd"))
    for _ in range(ROUNDS):
        a = measured(workers, lambda *v: sandbox_load(g, s, *v), *argv)
        b = measured([squid.p.pid], lambda *v: squid.load(port, *v), *argv)
        for name, r in (("openshell", a), ("squid", b)):
            if r["errors"]:
                print(f"  {name}: {r['errors']} errors in '{what}'")
        ours.append(a)
        theirs.append(b)

    def put(what, key, unit, aim=""):
        pairs = [(a[key], b[key]) for a, b in zip(ours, theirs)]
        row(what, median(a for a, _ in pairs), median(b for _, b in pairs),
            "squid", unit, pairs, aim=aim)
    put(what, key, unit, aim)
    if cpu:
        put(cpu, "cpu_us", "us")


def set_rules(s, extra, port):
    s.set_policy(policy(
        f"b:\n  endpoints:\n    - {{host: {API}, port: {port}, {extra}}}\n"
        "  binaries: [{path: /sandbox/load}]"))


def proxies(g, s):
    print("Proxies", flush=True)
    squid = Squid()
    try:
        set_rules(s, "tls: skip", 80)
        compare(g, s, squid, 3129, "new CONNECT tunnels with a request each",
                "per_second", "/s", ["-c", "8", f"{API}:80", "/tiny"],
                cpu="CPU time for each of these tunnels")
        compare(g, s, squid, 3129, "64 MiB body, uninspected",
                "mb_per_second", "MB/s", ["-k", f"{API}:80", "/64M"])
        set_rules(s, "protocol: rest, enforcement: enforce, "
                  "access: read-only", 443)
        compare(g, s, squid, 3130, "inspected requests, 64 kept TLS "
                "connections", "per_second", "/s",
                ["-c", "64", "-k", "-s", f"{API}:443", "/tiny"],
                aim="ratio over 2", cpu="CPU time for each of these requests")
        compare(g, s, squid, 3130, "inspected requests, 1 connection, p50",
                "p50_us", "us", ["-c", "1", "-k", "-s", f"{API}:443", "/tiny"])
        compare(g, s, squid, 3130, "64 MiB body, inspected", "mb_per_second",
                "MB/s", ["-k", "-s", f"{API}:443", "/64M"])
    finally:
        squid.close()


def connects(g, s):
    print("connect(2)", flush=True)
    listener = subprocess.Popen(
        ["/usr/bin/python3", "-c",
         "import socket\ns = socket.create_server(('127.0.0.1', 3199), "
         "backlog=4096)\nprint(1, flush=True)\n"
         "while True: s.accept()[0].close()"],
        stdout=subprocess.PIPE)
    listener.stdout.readline()
    ours, native = [], []
    for _ in range(ROUNDS):
        a = subprocess.run(
            [BIN / "openshell", "sandbox", "exec", "-n", s.name, "--no-tty",
             "--", "/sandbox/load", "-n", "2000", "127.0.0.1:3128"],
            capture_output=True, text=True, env=g.env)
        b = subprocess.run([TOOL, "-n", "2000", "127.0.0.1:3199"],
                           capture_output=True, text=True)
        ours.append(json.loads(a.stdout)["p50_us"] / 10)
        native.append(json.loads(b.stdout)["p50_us"] / 10)
    listener.kill()
    row("connect(2), p50", median(ours), median(native), "without a sandbox",
        "us", list(zip(ours, native)))


def sizes(g):
    print("Memory", flush=True)
    idle = Sandbox(g, "idle")
    before = set(named("supervisord"))
    g.ok("sandbox", "create", "--name", "idle", "--detach")
    idle.run("true")
    time.sleep(1)
    pid = (set(named("supervisord")) - before).pop()
    row("gatewayd, RSS", rss(g.pid()), unit="MiB")
    proxyd = g.pid("proxyd")
    row("proxyd, RSS of its parent", rss(proxyd), unit="MiB")
    row("proxyd, RSS of a worker", median(rss(p) for p in children(proxyd)),
        unit="MiB")
    row("an idle sandbox, private memory",
        memory(pid, "Private_Dirty") + memory(pid, "Private_Clean"),
        unit="MiB", aim="at most 1 MiB")
    idle.delete()


def main():
    parts = sys.argv[1:] or ["system", "router"]
    g = Gateway()
    try:
        g.ok("sandbox", "create", "--name", "bench", "--detach")
        s = Sandbox(g, "bench")
        s.run("sh", "-c", "cat >/sandbox/load && chmod 755 /sandbox/load",
              input=TOOL.read_bytes(), text=False)
        if "system" in parts:
            sizes(g)
            launchers(g, s)
            connects(g, s)
            proxies(g, s)
            print_table(("what", "openshell", "peer", "ratio", "aim"), rows)
        if "router" in parts:
            routers(g, s)
    finally:
        g.close()


if __name__ == "__main__":
    main()
