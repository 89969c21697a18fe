# SPDX-License-Identifier: Apache-2.0
"""What leaves a sandbox is what its policy allows: proxy, direct, DNS."""

import json
import subprocess

import pytest

from shell import FULL, REST, TREE, WORLD, allow, origin_log, policy, wait_until

ZEN = "Keep it logically awesome.\n"
API = "https://api.github.com"


def github(extra=REST, binary="/usr/bin/curl"):
    return policy(allow("api.github.com", 443, extra, binary, "github_api"))


def test_everything_is_denied_at_first(sandbox):
    r = sandbox.curl(f"{API}/zen")
    assert r.rc == 56 and "403" in r.err, r
    assert sandbox.has_log(message="CONNECT", action="deny",
                           dst_host="api.github.com", dst_port="443",
                           binary="/usr/bin/curl")


def test_the_main_job(sandbox):
    """Denied, a policy set, allowed; a write denied with its reason."""
    assert sandbox.curl(f"{API}/zen").rc == 56
    sandbox.set_policy((TREE / "policies/examples/quickstart.yaml"
                        ).read_text())
    assert sandbox.curl(f"{API}/zen").out == ZEN
    r = sandbox.curl("-X", "POST", f"{API}/repos/octocat/hello-world/issues",
                     "-d", "{}")
    body = json.loads(r.out)
    assert body["error"] == "policy_denied", r
    assert body["detail"] == ("POST /repos/octocat/hello-world/issues not "
                              "permitted by policy")
    assert sandbox.has_log(message="CONNECT_L7", action="allow",
                           dst_host="api.github.com")
    assert sandbox.has_log(message="L7_REQUEST", l7_decision="deny",
                           l7_action="POST")


def test_policy_set_takes_effect_at_once_and_back(sandbox):
    for _ in range(3):
        sandbox.set_policy(github())
        assert sandbox.curl(f"{API}/zen").out == ZEN
        sandbox.set_policy(policy())
        assert sandbox.curl(f"{API}/zen").rc == 56


def test_another_binary_is_denied(sandbox_with):
    s = sandbox_with(github())
    assert s.curl(f"{API}/zen").out == ZEN
    r = s.python("import urllib.request as u\n"
                 f"print(u.urlopen('{API}/zen').read())")
    assert r.rc != 0 and "403" in r.err, r
    assert s.has_log(message="CONNECT", action="deny",
                     dst_host="api.github.com")


def test_direct_connections_are_governed_by_the_same_policy(sandbox_with):
    s = sandbox_with(policy())
    r = s.direct(f"{API}/zen")
    assert r.rc != 0 and r.out == "", r
    s.set_policy(github())
    assert s.direct(f"{API}/zen").out == ZEN
    r = s.direct("-X", "POST", "-d", "{}", f"{API}/repos/a/b/issues")
    assert json.loads(r.out)["error"] == "policy_denied"


RAW = """
import socket, ssl, sys
s = socket.create_connection(("api.github.com", 443), 10)
s = ssl.create_default_context().wrap_socket(s, server_hostname="api.github.com")
s.sendall(b"GET /zen HTTP/1.1\\r\\nHost: api.github.com\\r\\n\\r\\n")
print(s.recv(4096).decode())
"""


def test_a_raw_python_socket(sandbox_with):
    s = sandbox_with(policy())
    assert s.python(RAW).rc != 0
    s.set_policy(github(binary="/usr/bin/python3"))
    r = s.python(RAW)
    assert "200 OK" in r.out, r


FETCH = (f"fetch('{API}/zen').then(r => r.text()).then(console.log, "
         "e => { console.error(e.cause || e); process.exit(1) })")


def test_node_s_fetch(sandbox_with):
    s = sandbox_with(policy())
    node = s.sh("readlink -f $(command -v node)").out.strip()
    if not node.startswith(("/usr/", "/opt/")):
        pytest.skip("node is not among the host's programs")
    assert s.run("node", "-e", FETCH).rc != 0
    s.set_policy(github(binary=node))
    r = s.run("node", "-e", FETCH)
    assert ZEN in r.out, r


def test_git_clone_over_https(sandbox_with):
    s = sandbox_with(policy())
    url = "https://github.com/git/hello.git"
    assert s.run("git", "clone", "-q", url, "no").rc != 0
    s.set_policy(policy(allow("github.com", 443, REST, "/usr/lib/git-core/**",
                              "git")))
    for flags in ((), ("-c", "http.proxy=")):
        r = s.sh(f"rm -rf hello; git {' '.join(flags)} clone -q {url} hello "
                 "&& cat hello/README")
        assert r.out == "hello, world\n", r


def test_openssl_s_client_sees_our_leaf_and_its_chain(sandbox_with):
    s = sandbox_with(github(binary="/usr/bin/openssl"))
    r = s.sh("printf 'GET /zen HTTP/1.0\\r\\nHost: api.github.com\\r\\n\\r\\n'"
             " | openssl s_client -quiet -verify_return_error -connect "
             "api.github.com:443 -servername api.github.com "
             "-CAfile $SSL_CERT_FILE")
    assert ZEN in r.out, r


def test_plain_http_is_forwarded_and_judged(sandbox_with):
    s = sandbox_with(policy(allow("api.github.com", 80, REST)))
    url = "http://api.github.com"
    assert s.curl(f"{url}/zen").out == ZEN
    assert s.direct(f"{url}/zen").out == ZEN
    for get in (s.curl, s.direct):
        r = get("-X", "POST", "-d", "x", f"{url}/repos/a")
        assert json.loads(r.out)["error"] == "policy_denied", r


def test_upstream_certificates_are_verified(sandbox_with):
    s = sandbox_with(policy(
        allow("self-signed.example.com", 443, REST, name="a"),
        allow("wrong-name.example.com", 443, REST, name="b")))
    for host in ("self-signed", "wrong-name"):
        r = s.curl(f"https://{host}.example.com/zen")
        assert ZEN not in r.out, r
        r = s.direct("-k", f"https://{host}.example.com/zen")
        assert ZEN not in r.out, r


def test_tls_skip_is_spliced_and_end_to_end(sandbox_with):
    """The client sees the server's own certificate, not one of ours."""
    s = sandbox_with(policy(allow("api.github.com", 443, "tls: skip")))
    s.run("sh", "-c", "cat >ca.pem", input=(WORLD / "ca.pem").read_text())
    for get in (s.curl, s.direct):
        assert get("--cacert", "ca.pem", f"{API}/zen").out == ZEN
        assert get(f"{API}/zen", agrees=False).rc == 60


def test_tcp_to_an_echo_server(sandbox_with):
    s = sandbox_with(policy(allow("echo.example.com", 7000, "protocol: tcp",
                                  "/usr/bin/python3")))
    r = s.python("import socket\n"
                 "s = socket.create_connection(('echo.example.com', 7000), 10)\n"
                 "s.sendall(b'ping'); print(s.recv(10))\n"
                 "s.shutdown(1); print(s.recv(10))")
    assert r.out == "b'ping'\nb''\n", r


def test_connect_host_and_sni_must_agree(sandbox_with):
    s = sandbox_with(policy(
        allow("api.github.com", 443, REST, "/usr/bin/openssl", "a"),
        allow("origin.example.com", 443, REST, "/usr/bin/openssl", "b")))
    get = ("printf 'GET /zen HTTP/1.0\\r\\nHost: %s\\r\\n\\r\\n' | "
           "openssl s_client -quiet -connect %s:443 -servername %s "
           "-proxy 127.0.0.1:3128")
    ok = get % ("api.github.com", "api.github.com", "api.github.com")
    assert ZEN in s.sh(ok).out
    bad = get % ("api.github.com", "origin.example.com", "api.github.com")
    r = s.sh(bad)
    assert ZEN not in r.out and "origin\n" not in r.out, r


def test_host_header_must_agree(sandbox_with):
    s = sandbox_with(github())
    r = s.curl("-H", "Host: origin.example.com", f"{API}/zen")
    assert ZEN not in r.out, r


@pytest.mark.parametrize("host, port, extra", [
    ("private.example.com", 443, ""),
    ("*.example.com", 443, ""),
])
def test_private_addresses_need_the_policy_s_word(sandbox_with, host, port,
                                                 extra):
    wild = sandbox_with(policy(allow("*.example.com", 443, REST)))
    r = wild.curl("https://private.example.com/zen")
    assert ZEN not in r.out, r
    r = wild.curl("https://mixed.example.com/zen")
    assert ZEN not in r.out, r
    wild.set_policy(policy(allow("*.example.com", 443,
                                 REST + ', allowed_ips: ["10.20.0.0/16"]')))
    assert wild.curl("https://private.example.com/zen").out == ZEN


@pytest.mark.parametrize("name", [
    "metadata.example.com", "rebind.example.com", "mapped.example.com",
    "169.254.169.254", "127.0.0.1", "0.0.0.0", "[::1]",
    "[::ffff:169.254.169.254]", "2130706433", "0x7f.1", "localhost",
])
def test_no_policy_reaches_loopback_or_metadata(sandbox_with, name):
    s = sandbox_with(policy(
        allow("*.example.com", 80, "access: full", name="a"),
        allow("169.254.169.254", 80, "access: full", name="b"),
        allow("127.0.0.1", 8088, "access: full", name="c")))
    for port in (80, 8088):
        # Of the mapped address our resolver makes nothing at all.
        r = s.curl(f"http://{name}:{port}/",
                   agrees=name != "mapped.example.com")
        assert "secret" not in r.out and "loopback" not in r.out, r


def test_the_host_is_reached_when_and_only_when_named(sandbox_with):
    s = sandbox_with(policy())
    url = "http://host.openshell.internal"
    assert "loopback" not in s.curl(f"{url}:8088/").out
    s.set_policy(policy(allow("host.openshell.internal", 8088)))
    assert s.curl(f"{url}:8088/").out == "the host's loopback\n"
    assert s.direct(f"{url}:8088/").out == "the host's loopback\n"
    assert "another" not in s.curl(f"{url}:8089/").out
    s.set_policy(policy(allow("*.openshell.internal", 8088)))
    assert "loopback" not in s.curl(f"{url}:8088/").out


def test_dns_answers_every_name_and_asks_nobody(sandbox):
    r = sandbox.python(
        "import socket\n"
        "for n in ('api.github.com', 'exfil-0123456789.example.com'):\n"
        "    print(socket.gethostbyname(n))")
    a, b = r.out.split()
    assert a.startswith("198.18.") and b.startswith("198.18.") and a != b, r
    assert "exfil-0123456789" not in (WORLD / "dns.log").read_text()


ORIGIN = "https://origin.example.com"


@pytest.fixture
def origin(sandbox_with):
    return sandbox_with(policy(allow("origin.example.com", 443, FULL)))


def test_keep_alive_chunks_interim_and_endless_answers(origin):
    r = origin.curl(*[f"{ORIGIN}{p}" for p in
                      ("/", "/chunked", "/interim", "/close", "/")])
    assert r.out == ("origin\none two three\nafter the hints\nto the end\n"
                     "origin\n"), r


def test_bodies_of_both_kinds_arrive_whole(origin):
    data = "0123456789" * 50000
    origin.run("sh", "-c", "cat >f", input=data)
    r = origin.curl("--data-binary", "@f", f"{ORIGIN}/echo")
    assert r.out == data
    r = origin.curl("-H", "Transfer-Encoding: chunked", "--data-binary", "@f",
                    f"{ORIGIN}/echo")
    assert r.out == data


def test_answers_stream_as_they_come(origin):
    r = origin.python(
        "import subprocess, time\n"
        "p = subprocess.Popen(['curl', '-sN', '%s/stream'], "
        "stdout=subprocess.PIPE)\n"
        "t = [time.monotonic() for l in p.stdout if l.strip()]\n"
        "print(t[-1] - t[0] > 0.5, len(t))" % ORIGIN)
    assert r.out == "True 5\n", r


def test_the_path_goes_upstream_in_its_one_spelling(origin):
    origin.curl("--path-as-is", f"{ORIGIN}/a/../b/./%7Ec?x=%41#f")
    assert origin_log()[-1]["target"] == "/b/~c?x=%41"


def test_a_response_that_smuggles_is_refused(origin):
    r = origin.curl(f"{ORIGIN}/smuggle", f"{ORIGIN}/")
    assert "forged" not in r.out, r


RAW_HTTP = """
import socket, ssl, sys
request = sys.argv[1].encode().decode("unicode_escape").encode("latin-1")
s = socket.create_connection(("origin.example.com", 443), 10)
s = ssl.create_default_context().wrap_socket(s, server_hostname="origin.example.com")
s.sendall(request)
data = b""
s.settimeout(3)
try:
    while True:
        more = s.recv(65536)
        if not more: break
        data += more
except OSError:
    pass
sys.stdout.buffer.write(data)
"""


@pytest.mark.parametrize("why, request_text", [
    ("both lengths", "POST /echo HTTP/1.1\\r\\nHost: origin.example.com\\r\\n"
     "Content-Length: 4\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\n"
     "GET /smuggled HTTP/1.1\\r\\nHost: origin.example.com\\r\\n\\r\\n"),
    ("two lengths", "POST /echo HTTP/1.1\\r\\nHost: origin.example.com\\r\\n"
     "Content-Length: 4\\r\\nContent-Length: 5\\r\\n\\r\\nabcdeGET /smuggled"),
    ("space before colon", "GET / HTTP/1.1\\r\\nHost: origin.example.com\\r\\n"
     "Transfer-Encoding : chunked\\r\\n\\r\\n"),
    ("obsolete folding", "GET / HTTP/1.1\\r\\nHost: origin.example.com\\r\\n"
     "X: a\\r\\n b\\r\\n\\r\\n"),
    ("two hosts", "GET / HTTP/1.1\\r\\nHost: origin.example.com\\r\\n"
     "Host: api.github.com\\r\\n\\r\\n"),
    ("no host", "GET /smuggled HTTP/1.1\\r\\n\\r\\n"),
    ("bare line feeds", "GET /smuggled HTTP/1.1\\nHost: origin.example.com\\n\\n"),
    ("climbing", "GET /../../smuggled HTTP/1.1\\r\\nHost: origin.example.com"
     "\\r\\n\\r\\n"),
])
def test_ambiguous_requests_are_refused_not_repaired(sandbox_with, why,
                                                    request_text):
    s = sandbox_with(policy(allow("origin.example.com", 443, FULL,
                                  "/usr/bin/python3")))
    before = len(origin_log())
    r = s.run("python3", "-c", RAW_HTTP, request_text)
    assert "HTTP/1.1 4" in r.out, (why, r)
    assert "200 OK" not in r.out, (why, r)
    assert not any("smuggled" in e["target"]
                   for e in origin_log()[before:]), why


WEBSOCKET = """
import base64, os, socket, ssl, struct, time
s = socket.create_connection(("origin.example.com", 443), 10)
s = ssl.create_default_context().wrap_socket(s, server_hostname="origin.example.com")
s.sendall(b"GET /ws HTTP/1.1\\r\\nHost: origin.example.com\\r\\nUpgrade: websocket\\r\\n"
          b"Connection: Upgrade\\r\\nSec-WebSocket-Version: 13\\r\\n"
          b"Sec-WebSocket-Key: " + base64.b64encode(os.urandom(16)) + b"\\r\\n\\r\\n")
head = s.recv(4096)
assert b" 101 " in head, head
for word in (b"one", b"two"):
    s.sendall(bytes([0x81, 0x80 | len(word)]) + b"\\0\\0\\0\\0" + word)
    print(s.recv(100)[2:].decode())
    time.sleep(1)
"""


def test_websockets_are_relayed(sandbox_with):
    s = sandbox_with(policy(allow("origin.example.com", 443, FULL,
                                  "/usr/bin/python3")))
    r = s.python(WEBSOCKET)
    assert r.out == "one\ntwo\n", r


def test_64_mib_arrive_whole_both_ways_of_relaying(sandbox_with):
    for extra in (FULL, "tls: skip"):
        s = sandbox_with(policy(allow("files.example.com", 443, extra)))
        r = s.sh("curl -sSk https://files.example.com/64M | sha256sum")
        want = subprocess.run(["sha256sum", WORLD / "site/64M"], text=True,
                              capture_output=True).stdout.split()[0]
        assert r.out.split()[0] == want, r


TUNNEL = """
import socket, sys, time
s = socket.create_connection(("echo.example.com", 7000), 10)
print("open", flush=True)
while True:
    time.sleep(0.1)
    try:
        s.sendall(b"x")
        if not s.recv(1): break
    except OSError: break
print("closed", flush=True)
"""


def test_a_new_policy_closes_only_what_it_no_longer_allows(sandbox_with):
    def rules(port):
        return policy(allow("echo.example.com", port, "protocol: tcp",
                            "/usr/bin/python3", "e"),
                      allow("api.github.com", 443, REST, name="g"))
    s = sandbox_with(rules(7000))
    p = s.gateway.popen("sandbox", "exec", "-n", s.name, "--", "python3", "-c",
                        TUNNEL, stdout=subprocess.PIPE, text=True,
                        stdin=subprocess.DEVNULL)
    assert p.stdout.readline() == "open\n"
    s.set_policy(rules(7000).replace("name", "name"))
    s.set_policy(policy(allow("echo.example.com", 7000, "protocol: tcp",
                              "/usr/bin/python3", "e")))
    try:
        p.wait(timeout=1)
        raise AssertionError("a tunnel that is still allowed was closed")
    except subprocess.TimeoutExpired:
        pass
    s.set_policy(policy())
    assert p.stdout.readline() == "closed\n"
    p.wait(timeout=10)


def test_enforcement_audit_lets_pass_and_says_so(sandbox_with):
    s = sandbox_with(policy(allow(
        "api.github.com", 443,
        "protocol: rest, enforcement: audit, access: read-only")))
    r = s.curl("-X", "POST", "-d", "x", f"{API}/repos/a")
    assert "policy_denied" not in r.out, r
    assert s.has_log(message="L7_REQUEST", l7_decision="audit")


def test_logs_hold_no_query_and_no_secret(origin):
    origin.curl("-H", "Authorization: Bearer s3cr3t",
                f"{ORIGIN}/headers?token=s3cr3t")
    assert origin.has_log(message="L7_REQUEST", l7_target="/headers")
    text = json.dumps(origin.logs("--level", "trace"))
    assert "s3cr3t" not in text


def test_logs_survive_a_restart_of_the_gateway(sandbox):
    sandbox.curl(f"{API}/zen")
    wait_until(lambda: sandbox.has_log(action="deny"), "the denial is logged")
    sandbox.gateway.ok("gateway", "stop")
    assert sandbox.has_log(action="deny", dst_host="api.github.com")
