#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A small Internet in a network namespace, and a command that runs in it.

    world.py [--as USER] -- COMMAND...

Needs root: it unshares network, mounts and processes, gives the loopback the
addresses below, starts a DNS server (dnsmasq), TLS and plain web servers
(nginx, origin.py, tokens.py) under a CA of its own, and runs COMMAND as USER.
All of it is gone when COMMAND has ended.  $WORLD is the directory of what it
made:

    ca.pem      the CA that every good server's certificate is from
    origin.log  what origin.py was asked, a JSON object a line
    models.log  what model_server.py was asked, likewise
    models.keys the keys that it takes

The agents that tests/agents/install made are at /srv, as if their users had
told npm to install there, if $OPENSHELL_TEST_AGENTS says where they are.

The names and who answers behind them are the table HOSTS.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))

# Root leaves no files in the tree of whoever called sudo.
sys.dont_write_bytecode = True
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"

import model_server  # noqa: E402  (it lies beside)

# Addresses that belong to other people, so that the guard takes them for
# public ones; here they are all on the loopback of a namespace.
WEB = "140.82.112.5"
OTHER = "93.184.216.34"
ORIGIN = "151.101.1.140"
MODELS = "160.79.104.10"
PRIVATE = "10.20.30.40"
METADATA = "169.254.169.254"
TOKENS = "151.101.1.141"

HOSTS = {
    "api.github.com": [WEB],
    "github.com": [WEB],
    "files.example.com": [WEB],
    "self-signed.example.com": [OTHER],
    "wrong-name.example.com": [OTHER],
    "origin.example.com": [ORIGIN],
    "echo.example.com": [ORIGIN],
    "tokens.example.com": [TOKENS],
    "private.example.com": [PRIVATE],
    "metadata.example.com": [METADATA],
    "mixed.example.com": [WEB, PRIVATE],
    "rebind.example.com": ["127.0.0.1"],
    "mapped.example.com": ["::ffff:127.0.0.1"],
    "nobody.example.com": ["93.184.216.99"],
    **{n: [MODELS] for n in model_server.NAMES},
}
ADDRESSES = sorted(
    {a for many in HOSTS.values() for a in many if ":" not in a}
    - {"127.0.0.1", "93.184.216.99"}
)
GOOD_NAMES = [
    "api.github.com",
    "github.com",
    "files.example.com",
    "origin.example.com",
    "tokens.example.com",
    "private.example.com",
    "mixed.example.com",
    "host.openshell.internal",
    *model_server.NAMES,
]


def run(*argv, **kw):
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **kw)


def openssl(*argv):
    run("openssl", *argv, stderr=subprocess.DEVNULL)


def make_certificate(world, name, names, ca=None):
    """A key and a certificate for names, from the CA or self-signed."""
    key, cert = f"{world}/{name}.key", f"{world}/{name}.pem"
    alt = "subjectAltName=" + ",".join(f"DNS:{n}" for n in names)
    signer = ["-CA", f"{world}/ca.pem", "-CAkey", f"{world}/ca.key"] if ca else []
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
            cert, "-days", "30", "-subj", f"/CN={names[0]}", "-addext", alt,
            "-addext", "basicConstraints=critical,CA:FALSE", *signer)


def make_ca(world):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
            f"{world}/ca.key", "-out", f"{world}/ca.pem", "-days", "30",
            "-subj", "/CN=The world's CA", "-addext",
            "keyUsage=critical,keyCertSign,cRLSign")


def make_site(world):
    site = f"{world}/site"
    os.mkdir(site)
    for name, text in {
        "zen": "Keep it logically awesome.\n",
        "octocat": "MMM.           .MMM\n",
        "index.html": "hello\n",
    }.items():
        with open(f"{site}/{name}", "w") as f:
            f.write(text)
    os.makedirs(f"{site}/repos/octocat/hello-world")
    with open(f"{site}/repos/octocat/hello-world/issues", "w") as f:
        f.write("[]\n")
    with open(f"{site}/64M", "wb") as f:
        f.truncate(64 << 20)
    work, bare = f"{world}/work", f"{site}/git/hello.git"
    git = ["git", "-c", "user.name=o", "-c", "user.email=o@example.com",
           "-c", "init.defaultBranch=main"]
    run(*git, "init", "-q", work)
    with open(f"{work}/README", "w") as f:
        f.write("hello, world\n")
    run(*git, "-C", work, "add", "README")
    run(*git, "-C", work, "commit", "-q", "-m", "hello")
    os.makedirs(os.path.dirname(bare))
    run(*git, "clone", "-q", "--bare", work, bare)
    run("git", "-C", bare, "update-server-info")


NGINX = """
daemon off; worker_processes 2; pid {world}/nginx.pid;
error_log {world}/nginx.error;
{user}
events {{ worker_connections 4096; }}
http {{
  access_log off; root {world}/site; default_type text/plain;
  client_body_temp_path {world}/nginx.body; proxy_temp_path {world}/nginx.p;
  fastcgi_temp_path {world}/nginx.f; uwsgi_temp_path {world}/nginx.u;
  scgi_temp_path {world}/nginx.s;
  keepalive_requests 1000000;
  sendfile on; tcp_nopush on;
  ssl_certificate {world}/good.pem; ssl_certificate_key {world}/good.key;
  server {{ listen {web}:443 ssl; listen {web}:80; listen {private}:443 ssl;
    listen {web}:8443 ssl;
    listen {private}:80; server_name _;
    location /repos {{ if ($request_method = POST) {{ return 201 "made\\n"; }} }}
    location /tiny {{ return 200 "ok\\n"; }}
    location = /user {{ {models} }}
    location /copilot_internal/ {{ {models} }} }}
  server {{ listen {metadata}:80; return 200 "the-metadata-secret\\n"; }}
  server {{ listen {other}:443 ssl; server_name self-signed.example.com;
    ssl_certificate {world}/self.pem; ssl_certificate_key {world}/self.key; }}
  server {{ listen {other}:443 ssl; server_name wrong-name.example.com; }}
  server {{ listen 127.0.0.1:8088; return 200 "the host's loopback\\n"; }}
  server {{ listen 127.0.0.1:8089; return 200 "another one\\n"; }}
}}
"""


# What GitHub's API has for Copilot is the model server's.
TO_MODELS = (f"proxy_pass https://{MODELS}; proxy_ssl_server_name on; "
             "proxy_set_header Host api.github.com;")


def start_servers(world):
    with open(f"{world}/nginx.conf", "w") as f:
        f.write(NGINX.format(world=world, web=WEB, other=OTHER,
                             private=PRIVATE, metadata=METADATA,
                             models=TO_MODELS, user="user root;"))
    open(f"{world}/dns.log", "w").close()  # readable by everybody
    hosts = [f"--host-record={n},{','.join(a)}" for n, a in HOSTS.items()]
    quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    return [
        subprocess.Popen(["nginx", "-e", f"{world}/nginx.error", "-c",
                          f"{world}/nginx.conf"], **quiet),
        subprocess.Popen(["dnsmasq", "--keep-in-foreground", "--no-resolv",
                          "--no-hosts", "--listen-address=127.0.0.53",
                          "--bind-interfaces", "--user=root", "--conf-file",
                          f"--pid-file={world}/dnsmasq.pid", "--log-queries",
                          f"--log-facility={world}/dns.log",
                          "--local=/#/", *hosts], **quiet),
        subprocess.Popen(["/usr/bin/python3", f"{HERE}/origin.py", world, ORIGIN],
                         **quiet),
        subprocess.Popen(["/usr/bin/python3", f"{HERE}/tokens.py", world, TOKENS],
                         **quiet),
        subprocess.Popen(["/usr/bin/python3", f"{HERE}/model_server.py", world,
                          MODELS], **quiet),
    ]


def wait_for(address, port, seconds=20):
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise SystemExit(f"world: nobody listens at {address}:{port}")
            time.sleep(0.02)


def own_resolv_conf(world):
    with open(f"{world}/resolv.conf", "w") as f:
        f.write("nameserver 127.0.0.53\n")
    target = os.path.realpath("/etc/resolv.conf")
    if not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "a").close()
    run("mount", "--bind", f"{world}/resolv.conf", target)


# What would make a client trust or use other things than the tests say.
FOREIGN = ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO",
           "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "PIP_CERT")


def clean_environment():
    for name in list(os.environ):
        if name in FOREIGN or name.lower().endswith("_proxy"):
            del os.environ[name]
    # The system's programs, whatever else is installed.
    os.environ["PATH"] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def become(user):
    p = pwd.getpwnam(user)
    os.initgroups(user, p.pw_gid)
    os.setresgid(p.pw_gid, p.pw_gid, p.pw_gid)
    os.setresuid(p.pw_uid, p.pw_uid, p.pw_uid)
    os.environ.update(HOME=p.pw_dir, USER=user, LOGNAME=user)


def build(world):
    """Everything but the command; the servers."""
    os.chmod(world, 0o755)
    run("ip", "link", "set", "lo", "up")
    # Anybody may ping here, so that it means something where nobody may.
    with open("/proc/sys/net/ipv4/ping_group_range", "w") as f:
        f.write("0 2147483647")
    for a in ADDRESSES:
        run("ip", "address", "add", f"{a}/32", "dev", "lo")
    own_resolv_conf(world)
    make_ca(world)
    make_certificate(world, "good", GOOD_NAMES, ca=True)
    make_certificate(world, "self", ["self-signed.example.com"])
    make_site(world)
    model_server.make_keys(world)
    return start_servers(world)


def show_agents():
    """When the servers have been read: this tree may be below /srv, too."""
    if "OPENSHELL_TEST_AGENTS" in os.environ:
        run("mount", "--bind", os.environ["OPENSHELL_TEST_AGENTS"], "/srv")


def reap_until(pid):
    """We are the first process here: orphans are ours."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def inside(user, command):
    # Processes, mounts and network end with us: only files stay to be removed.
    world = tempfile.mkdtemp(prefix="openshell-world.")
    try:
        build(world)
        for address, port in ((WEB, 443), ("127.0.0.53", 53), (ORIGIN, 443),
                              (MODELS, 443), (TOKENS, 443)):
            wait_for(address, port)
        show_agents()
        clean_environment()
        os.environ["WORLD"] = world
        child = subprocess.Popen(
            command, preexec_fn=(lambda: become(user)) if user else None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        rc = reap_until(child.pid)
    finally:
        shutil.rmtree(world, ignore_errors=True)
    return rc if rc >= 0 else 128 - rc


def main(argv):
    user = None
    if argv[:1] == ["--inside"]:
        return inside(argv[1] or None, argv[2:])
    if argv[:1] == ["--as"]:
        user, argv = argv[1], argv[2:]
    if argv[:1] != ["--"] or len(argv) < 2:
        raise SystemExit(__doc__)
    if os.getuid() != 0:
        raise SystemExit("world.py needs root: sudo tests/world/world.py ...")
    os.execvp("unshare", [
        "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
        "--mount-proc", "/usr/bin/python3", os.path.abspath(__file__), "--inside",
        user or "", *argv[1:]])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
