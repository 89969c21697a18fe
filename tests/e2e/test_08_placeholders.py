# SPDX-License-Identifier: Apache-2.0
"""Sandboxes hold placeholders; servers get secrets, and only the right ones."""

import base64
import json
import secrets as random

import pytest

from shell import FULL, WORLD, allow, origin_log, policy, varlink, wait_until

pytestmark = pytest.mark.independent_of_ids

HOST = "origin.example.com"
MODES = ("connect", "connect-plain", "forward", "direct", "direct-plain")
PYTHON = "/usr/bin/python3"
HANDLE = {"TOKEN": "a" * 64, "OTHER": "b" * 64, "LOOSE": "c" * 64}
SECRET = {k: f"s3cr3t.{k.lower()}/+=\"" + random.token_hex(8) for k in HANDLE}
PATH_SECRET = "12345:AA-bb_" + random.token_hex(8)


def ref(key="TOKEN", identity=None):
    return f"openshell:resolve:env:s{identity or HANDLE[key]}_{key}"


def credential(key="TOKEN", value=None, **more):
    one = {"key": key, "value": SECRET[key] if value is None else value,
           "provider": "test", "revision": 3, "oldest": 1,
           "handle": HANDLE[key], "is_bound": True,
           "endpoints": [{"host": HOST, "port": p} for p in (80, 443)]}
    return {**one, **more}


CLIENT = r"""
import json, socket, ssl, sys
mode, host = sys.argv[1:]
requests = json.load(sys.stdin)
plain = mode.endswith("plain") or mode == "forward"
port = 80 if plain else 443
if mode.startswith("direct"):
    s = socket.create_connection((host, port), 10)
else:
    s = socket.create_connection(("127.0.0.1", 3128), 10)
if mode.startswith("connect"):
    s.sendall(b"CONNECT %s:%d HTTP/1.1\r\nHost: %s:%d\r\n\r\n"
              % (host.encode(), port, host.encode(), port))
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += s.recv(1)
    if b" 200 " not in head:
        sys.stdout.buffer.write(head + s.recv(65536))
        raise SystemExit
if not plain:
    s = ssl.create_default_context().wrap_socket(s, server_hostname=host)
s.settimeout(15)
for r in requests:
    if r.startswith("WAIT "):
        import time; time.sleep(float(r[5:]))
        continue
    try:
        s.sendall(r.encode("latin-1"))
    except OSError:
        break
try:
    while True:
        more = s.recv(65536)
        if not more: break
        sys.stdout.buffer.write(more)
        sys.stdout.buffer.flush()
except OSError:
    pass
"""


class Client:
    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.id = sandbox.gateway.ok("sandbox", "get", sandbox.name, "-o",
                                     "json").json()["id"]

    def set(self, *credentials):
        reply = varlink(self.sandbox.gateway.dir / "runtime/proxy.sock",
                        "io.openshell.Proxy.SetCredentials",
                        {"sandbox": self.id, "credentials": credentials})
        assert "error" not in reply, reply

    def raw(self, mode, *requests, host=HOST):
        r = self.sandbox.run("python3", "-c", CLIENT, mode, host,
                             input=json.dumps(requests).encode(), text=False)
        return r.out.decode("latin-1")

    def ask(self, mode, target="/", method="GET", headers=(), body=None,
            host=HOST, version="1.1", last=True):
        """One request; its answer."""
        return self.raw(mode, request(mode, target, method, headers, body,
                                      host, version, last), host=host)


def request(mode, target="/", method="GET", headers=(), body=None, host=HOST,
            version="1.1", last=True):
    if mode == "forward":
        target = f"http://{host}{target}"
    lines = [f"{method} {target} HTTP/{version}", f"Host: {host}", *headers]
    if last:
        lines.append("Connection: close")
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines) + "\r\n\r\n" + (body or "")


def both(extra=FULL, host=HOST):
    return policy(allow(host, 443, extra, PYTHON, "tls"),
                  allow(host, 80, extra, PYTHON, "plain"))


@pytest.fixture(scope="module")
def client(gateway):
    from fixtures import make
    s = make(gateway, both())
    c = Client(s)
    yield c
    s.delete()


@pytest.fixture
def fresh(client):
    """The same sandbox, with its policy and credentials as at first."""
    if client.sandbox.policy != both():
        client.sandbox.set_policy(both())
    client.set(credential(), credential("OTHER", endpoints=[
        {"host": "api.github.com", "port": 443}]),
        credential("LOOSE", is_bound=False))
    return client


def basic(user, password):
    return base64.b64encode(f"{user}:{password}".encode()).decode()


FIELDS = [
    ("the whole value", "X-Key: {}", "x-key", "{}"),
    ("behind a scheme", "Authorization: Bearer {}", "authorization",
     "Bearer {}"),
    ("behind another", "Authorization: token  {}", "authorization",
     "token  {}"),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("why, sent, name, got", FIELDS,
                         ids=[f[0] for f in FIELDS])
def test_fields(fresh, mode, why, sent, name, got):
    r = fresh.ask(mode, headers=[sent.format(ref())])
    assert "200 OK" in r, r
    assert origin_log()[-1]["headers"][name] == got.format(SECRET["TOKEN"])


@pytest.mark.parametrize("mode", MODES)
def test_basic(fresh, mode):
    for user, password in (("me", ref()), (ref(), ""), (ref(), ref("LOOSE"))):
        r = fresh.ask(mode, headers=[
            f"Authorization: Basic {basic(user, password)}"])
        assert "200 OK" in r, r
        got = origin_log()[-1]["headers"]["authorization"]
        want = [SECRET["TOKEN"] if x == ref() else
                SECRET["LOOSE"] if x == ref("LOOSE") else x
                for x in (user, password)]
        assert got == f"Basic {basic(*want)}"


@pytest.mark.parametrize("mode", MODES)
def test_path_segments(fresh, mode):
    fresh.set(credential(value=PATH_SECRET))
    r = fresh.ask(mode, f"/bot{ref()}/send")
    assert "200 OK" in r, r
    assert origin_log()[-1]["target"] == f"/bot{PATH_SECRET}/send"
    r = fresh.ask(mode, f"/{ref().replace(':', '%3a')}?x=1")
    assert origin_log()[-1]["target"] == f"/{PATH_SECRET}?x=1", r
    fresh.set(credential(value="a b\"é%"))
    fresh.ask(mode, f"/{ref()}")
    assert origin_log()[-1]["target"] == "/a%20b%22%C3%A9%25"


@pytest.mark.parametrize("mode", MODES)
def test_query_values(fresh, mode):
    quoted = "".join(c if c.isalnum() or c in "-._~" else f"%{ord(c):02X}"
                     for c in SECRET["TOKEN"])
    for spelled in (ref(), ref().replace(":", "%3A"),
                    ref().replace(":", "%3a").replace("o", "%6f")):
        r = fresh.ask(mode, f"/q?a=%41&key={spelled}&b")
        assert "200 OK" in r, r
        assert origin_log()[-1]["target"] == f"/q?a=%41&key={quoted}&b"


BODIES = [
    ("json", "application/json", '{"a": ["%s", 1],\n "b":"x \\u0041"}',
     lambda s: '{"a": [%s, 1],\n "b":"x \\u0041"}' % json.dumps(s)),
    ("json of some kind", "application/x+json; charset=utf-8", '"%s"',
     json.dumps),
    ("a form", "application/x-www-form-urlencoded", "a=%%41&k=%s&b=1+2",
     lambda s: "a=%41&k=" + "".join(
         c if c.isalnum() or c in "-._~" else f"%{ord(c):02X}" for c in s)
     + "&b=1+2"),
    ("text", "text/plain", "key: %s.", lambda s: f"key: {s}."),
]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("why, kind, text, got", BODIES,
                         ids=[b[0] for b in BODIES])
def test_bodies_where_the_policy_says_so(fresh, mode, why, kind, text, got):
    fresh.sandbox.set_policy(
        both(FULL + ", request_body_credential_rewrite: true"))
    sent = text % ref()
    want = got(SECRET["TOKEN"])
    for chunked in (False, True):
        if chunked:
            half = len(sent) // 2
            body = "".join(f"{len(p):x};x=y\r\n{p}\r\n" for p in
                           (sent[:half], sent[half:])) + "0\r\n\r\n"
            r = fresh.raw(mode, request(
                mode, "/x", "POST", [f"Content-Type: {kind}",
                                     "Transfer-Encoding: chunked"]) + body)
        else:
            r = fresh.ask(mode, "/x", "POST", [f"Content-Type: {kind}"], sent)
        assert "200 OK" in r, r
        e = origin_log()[-1]
        assert e["body"] == want
        assert e["headers"]["content-length"] == str(len(want))
        assert "transfer-encoding" not in e["headers"]


SAFE = "sk-OPENSHELL-RESOLVE-ENV-"
FORMS = [
    ("a handle", ref(), True),
    ("the newest revision", "openshell:resolve:env:v3_TOKEN", True),
    ("an older one", "openshell:resolve:env:v1_TOKEN", True),
    ("one to come", "openshell:resolve:env:v4_TOKEN", False),
    ("another's handle", ref(identity="d" * 64), False),
    ("an alias with a handle", f"{SAFE}s{HANDLE['TOKEN']}_TOKEN", True),
    ("a name of one that isn't bound", "openshell:resolve:env:LOOSE", True),
    ("its alias", f"{SAFE}LOOSE", True),
    ("no such name", "openshell:resolve:env:NOBODY", False),
]


@pytest.mark.parametrize("why, form, resolves", FORMS,
                         ids=[f[0] for f in FORMS])
def test_forms(fresh, why, form, resolves):
    before = len(origin_log())
    r = fresh.ask("connect", headers=[f"X-Key: {form}"])
    if resolves:
        key = "LOOSE" if "LOOSE" in form else "TOKEN"
        assert origin_log()[-1]["headers"]["x-key"] == SECRET[key], r
    else:
        assert "500 Internal" in r and "credential_unavailable" in r, r
        assert len(origin_log()) == before


T = ref()
TEXT = "Content-Type: text/plain"
REFUSED = [
    ("another's endpoint", dict(headers=[f"X-Key: {ref('OTHER')}"]),
     403, "credential_endpoint_mismatch"),
    ("a bound one by its name",
     dict(headers=["X-Key: openshell:resolve:env:TOKEN"]),
     403, "credential_endpoint_mismatch"),
    ("a bound one by its alias", dict(headers=[f"X-Key: {SAFE}TOKEN"]),
     403, "credential_endpoint_mismatch"),
    ("nobody's", dict(headers=["X-Key: openshell:resolve:env:NOBODY"]),
     500, None),
    ("in the middle of a value", dict(headers=[f"X-Key: a {T} b"]), 400,
     "invalid_credential_placeholder"),
    ("in a cookie", dict(headers=[f"Cookie: a={T}"]), 400,
     "invalid_credential_placeholder"),
    ("two in a value", dict(headers=[f"X-Key: {T},{T}"]), 400,
     "invalid_credential_placeholder"),
    ("encoded in a value",
     dict(headers=["X-Key: " + T.replace(":", "%3A")]), 400,
     "invalid_credential_placeholder"),
    ("in a field's name",
     dict(headers=["OPENSHELL-RESOLVE-ENV-X: 1"]), 400,
     "invalid_credential_placeholder"),
    ("in a parameter's name", dict(target=f"/?{T}=1"), 400,
     "invalid_credential_placeholder"),
    ("in a parameter without value", dict(target=f"/?a&{T}"), 400,
     "invalid_credential_placeholder"),
    ("an alias without prefix",
     dict(headers=["X-Key: OPENSHELL-RESOLVE-ENV-TOKEN"]), 400,
     "invalid_credential_placeholder"),
    ("no key", dict(target="/openshell:resolve:env:"), 400,
     "invalid_credential_placeholder"),
    ("one in a body", dict(method="POST", headers=[TEXT], body=f"x{T}"), 400,
     "invalid_credential_placeholder"),
    ("one in a body, encoded",
     dict(method="POST", body=T.replace(":", "%3a")), 400,
     "invalid_credential_placeholder"),
    ("a slash for the path", dict(target=f"/{T}"), 500, None),
    ("TRACE", dict(method="TRACE", headers=[f"X-Key: {T}"]), 400,
     "invalid_credential_placeholder"),
]


@pytest.mark.parametrize("mode", ("connect", "forward", "direct"))
@pytest.mark.parametrize("why, what, status, error", REFUSED,
                         ids=[r[0] for r in REFUSED])
def test_refusals(fresh, mode, why, what, status, error):
    before = len(origin_log())
    r = fresh.ask(mode, **what)
    head, body = r.split("\r\n\r\n", 1)
    if error is None:
        error = ("credential_injection_failed" if mode == "forward"
                 else "credential_unavailable")
    assert head.split()[1] == str(status), r
    assert "application/json" in head and "Connection: close" in head, r
    assert json.loads(body)["error"] == error
    assert len(origin_log()) == before, "nothing reaches the server"
    assert all(s not in r for s in SECRET.values())


MESSAGES = {
    "credential_endpoint_mismatch":
        "Credential is not authorized for this request endpoint",
    "credential_unavailable": "Credential placeholder could not be resolved",
}


def test_the_two_answers_of_a_tunnel_are_these(fresh):
    for key, error in (("OTHER", "credential_endpoint_mismatch"),
                       ("TOKEN", "credential_unavailable")):
        text = ref(key, "f" * 64 if key == "TOKEN" else None)
        r = fresh.ask("connect", headers=[f"X-Key: {text}"])
        assert json.loads(r.split("\r\n\r\n", 1)[1]) == {
            "error": error, "message": MESSAGES[error]}


@pytest.mark.parametrize("value", ["a/b", "a\\b", "a?b", "a#b", "..", "a..b",
                                   "a;b", ".", "a\tb"])
def test_what_would_change_a_path_is_no_part_of_one(fresh, value):
    fresh.set(credential(value=value))
    before = len(origin_log())
    r = fresh.ask("connect", f"/a/{T}/b")
    assert " 500 " in r and "credential_unavailable" in r, r
    assert len(origin_log()) == before


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\rb", ""])
def test_what_would_end_a_line_is_unusable(fresh, value):
    fresh.set(credential(value=value))
    for what in (dict(headers=[f"X-Key: {T}"]), dict(target=f"/?a={T}")):
        before = len(origin_log())
        r = fresh.ask("connect", **what)
        assert "credential_unavailable" in r, r
        assert len(origin_log()) == before


@pytest.mark.parametrize("mode", ("connect", "forward"))
def test_nobody_without_a_host_gets_one(fresh, mode):
    target = f"http://{HOST}/" if mode == "forward" else "/"
    before = len(origin_log())
    r = fresh.raw(mode, f"GET {target} HTTP/1.0\r\nX-Key: {T}\r\n\r\n")
    assert "invalid_credential_placeholder" in r, r
    assert len(origin_log()) == before
    r = fresh.raw(mode, f"GET {target} HTTP/1.0\r\nHost: {HOST}\r\n"
                  f"X-Key: {T}\r\n\r\n")
    assert origin_log()[-1]["headers"]["x-key"] == SECRET["TOKEN"], r


def test_paths_have_a_scope(fresh):
    fresh.set(credential(value="abcd", endpoints=[
        {"host": HOST, "port": 443, "path": "/v1/a/**"}]))
    r = fresh.ask("connect", "/v1/a/x", headers=[f"X-Key: {T}"])
    assert "200 OK" in r, r
    for target in ("/v1/b", "/v1/a/../b", "/v1/a/%2e%2e/b", "/v1//b",
                   "/v1/a;x/../b", "/v1/a"):
        r = fresh.ask("connect", target, headers=[f"X-Key: {T}"])
        assert "credential_endpoint_mismatch" in r, (target, r)
    r = fresh.ask("connect", "/v1/b/../a/x", headers=[f"X-Key: {T}"])
    assert "200 OK" in r and origin_log()[-1]["target"] == "/v1/a/x", r
    r = fresh.ask("connect-plain", "/v1/a/x", headers=[f"X-Key: {T}"])
    assert "credential_endpoint_mismatch" in r, r


def test_the_policy_binds_a_provider(fresh):
    fresh.set(credential(endpoints=[]))
    r = fresh.ask("connect", headers=[f"X-Key: {T}"])
    assert "credential_endpoint_mismatch" in r, r
    fresh.sandbox.set_policy(
        both(FULL + ", credential_binding: {provider: test}"))
    r = fresh.ask("connect", headers=[f"X-Key: {T}"])
    assert origin_log()[-1]["headers"]["x-key"] == SECRET["TOKEN"], r
    fresh.sandbox.set_policy(
        both(FULL + ", credential_binding: {provider: other}"))
    r = fresh.ask("connect", headers=[f"X-Key: {T}"])
    assert "credential_endpoint_mismatch" in r, r


def test_a_request_is_judged_by_what_it_is_with_and_without(fresh):
    """The path that is allowed has the placeholder, or the secret; both must
    be."""
    rule = ("protocol: rest, enforcement: enforce, rules: "
            "[{allow: {method: GET, path: \"%s\"}}]")
    fresh.set(credential(value="abcdef"))
    for path, passes in (("/bot*/x", True), (f"/bot{T}/x", False),
                         ("/botabcdef/x", False)):
        fresh.sandbox.set_policy(both(rule % path))
        before = len(origin_log())
        r = fresh.ask("connect", f"/bot{T}/x")
        assert ("200 OK" in r) == passes, (path, r)
        assert len(origin_log()) == before + passes
        assert passes or ("policy_denied" in r and "abcdef" not in r), r


def test_rotation_acts_on_the_next_request_of_an_open_connection(fresh):
    one = request("connect", "/", headers=[f"X-Key: {T}"], last=False)
    end = request("connect", "/", headers=[f"X-Key: {T}"])
    import threading

    def rotate():
        wait_until(lambda: origin_log() and origin_log()[-1]["headers"].get("x-key") ==
                   SECRET["TOKEN"], "the first has come")
        fresh.set(credential(value="the new one", revision=4))

    fresh.ask("connect", "/mark")
    thread = threading.Thread(target=rotate)
    thread.start()
    r = fresh.raw("connect", one, "WAIT 1.5", end)
    thread.join()
    assert r.count("200 OK") == 2, r
    assert [e["headers"]["x-key"] for e in origin_log()[-2:]] == [
        SECRET["TOKEN"], "the new one"]


def test_what_is_taken_away_or_expires_resolves_no_more(fresh):
    for gone in ((), (credential(expires_at_ms=1),)):
        fresh.set(credential())
        assert "200 OK" in fresh.ask("connect", headers=[f"X-Key: {T}"])
        fresh.set(*gone)
        r = fresh.ask("connect", headers=[f"X-Key: {T}"])
        assert " 500 " in r and "credential_unavailable" in r, r


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["text/plain", "application/json",
                                  "text/event-stream", "application/x+xml"])
def test_what_comes_back_is_redacted(fresh, mode, kind):
    value = "abc/+=&" + random.token_hex(6)
    fresh.set(credential(value=value))
    for more in ([], ["X-Length: 1"]):
        r = fresh.ask(mode, "/reflect", headers=[
            f"Authorization: Bearer {T}", f"X-Type: {kind}", *more])
        assert value not in r and value[8:] not in r, r
        assert "X-Echo: <[CREDENTIAL]>" in r, r
        assert "HTTP/1.1 200 [CREDENTIAL]\r\n" in r, r
        assert "Content-Length" not in r, r
        # Three of them in the body.
        body = r.split("\r\n\r\n", 1)[1]
        assert body.count("[CREDENTIAL]") == 3, r
        assert body.endswith("0\r\n\r\n"), r
    e = origin_log()[-1]["headers"]
    assert e["authorization"] == f"Bearer {value}"


def test_a_field_whose_name_is_the_secret_is_gone(fresh):
    fresh.set(credential(value="abcdef0123456789"))
    r = fresh.ask("connect", "/reflect", headers=[f"Authorization: Bearer {T}"])
    assert "X-Echo" in r and "X-abcdef" not in r and "X-[" not in r, r


def test_basic_comes_back_redacted_too(fresh):
    r = fresh.ask("connect", "/reflect", headers=[
        f"Authorization: Basic {basic('me', T)}"])
    assert basic("me", SECRET["TOKEN"]) not in r, r
    assert r.count("[CREDENTIAL]") >= 2, r


def test_answers_are_asked_for_uncompressed(fresh):
    fresh.ask("connect", headers=[f"X-Key: {T}", "Accept-Encoding: gzip"])
    assert origin_log()[-1]["headers"]["accept-encoding"] == "identity"
    fresh.ask("connect", headers=["Accept-Encoding: gzip"])
    assert origin_log()[-1]["headers"]["accept-encoding"] == "gzip"


def test_logs_show_the_name_and_no_secret(fresh):
    fresh.set(credential(value="abcdef123"))
    fresh.ask("connect", f"/bot{T}/x", headers=[f"X-Key: {T}"])
    s = fresh.sandbox
    assert s.has_log(message="L7_REQUEST", action="allow",
                     l7_target=f"/bot{T}/x", credentials="TOKEN=[CREDENTIAL]")
    fresh.ask("connect", headers=[f"X-Key: {ref('OTHER')}"])
    fresh.set(credential())
    fresh.ask("connect", headers=[f"X-Key: {ref('TOKEN', 'e' * 64)}"])
    assert s.has_log(action="deny", engine="credentials",
                     credentials="TOKEN=[CREDENTIAL]")
    text = json.dumps(s.logs("--level", "trace", "-n", 1000))
    assert "abcdef123" not in text
    assert all(v not in text for v in SECRET.values())


GUARD = "tls: skip"


def test_where_nobody_reads_no_credential_may_go(fresh):
    s = fresh.sandbox
    s.set_policy(policy(allow(HOST, 443, GUARD, PYTHON)))
    for mode in ("connect", "direct"):
        r = fresh.ask(mode)
        assert "200 OK" not in r, r
        assert mode == "direct" or "uninspected_credentials" in r, r
    assert s.has_log(action="deny", engine="credentials")
    fresh.set()
    s.run("sh", "-c", "cat >ca.pem", input=(WORLD / "ca.pem").read_text())
    get = ["curl", "-sS", "--cacert", "ca.pem", f"https://{HOST}/"]
    s.set_policy(policy(allow(HOST, 443, GUARD)))
    assert s.run(*get).out == "origin\n"
    fresh.set(credential())
    assert s.run(*get).rc != 0
    s.set_policy(policy(allow(HOST, 443, GUARD + (
        ", allow_uninspected_credentials: true"))))
    assert s.run(*get).out == "origin\n"


def test_what_is_no_http_is_not_let_through_there(fresh):
    """Without rules anything may be spoken; not where credentials may go."""
    s = fresh.sandbox
    s.set_policy(policy(allow("echo.example.com", 7000, "", PYTHON)))
    fresh.set()
    script = ("import socket; s = socket.create_connection(('echo.example.com'"
              ", 7000), 10); s.sendall(b'\\1ping\\r\\n\\r\\n'); "
              "print(s.recv(100))")
    assert "ping" in s.python(script).out
    fresh.set(credential(endpoints=[{"host": "echo.example.com",
                                     "port": 7000}]))
    assert "ping" not in s.python(script).out


def test_requests_are_signed_for_aws(fresh):
    keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
            "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLE",
            "AWS_SESSION_TOKEN": "session-token-1"}
    aws = [{**credential(value=v), "key": k} for k, v in keys.items()]
    fresh.set(*aws)
    mine = ["Authorization: AWS4-HMAC-SHA256 Credential=openshell:resolve:"
            "env:AWS_ACCESS_KEY_ID/x", "X-Amz-Date: 20000101T000000Z",
            "X-Amz-Security-Token: openshell:resolve:env:AWS_SESSION_TOKEN",
            "X-Amz-Meta-A: b"]
    empty = ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
             "b855")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    sha = "X-Amz-Content-Sha256: "
    rows = [
        ("sigv4", [], None, empty), ("sigv4", [], "abc", abc),
        ("sigv4", [sha + "UNSIGNED-PAYLOAD"], "abc", "UNSIGNED-PAYLOAD"),
        ("sigv4", [sha + "1" * 64], "abc", "1" * 64),
        ("sigv4:body", [sha + "1" * 64], "abc", abc),
        ("sigv4:body", [sha + "UNSIGNED-PAYLOAD"], "abc", abc),
        ("sigv4:no_body", [sha + "1" * 64], "abc", "UNSIGNED-PAYLOAD"),
        ("sigv4:no_body", [], None, "UNSIGNED-PAYLOAD"),
        ("sigv4:body", [sha + "STREAMING-UNSIGNED-PAYLOAD-TRAILER"], "abc",
         "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        ("sigv4:body", [sha + "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"], "abc",
         None),
        ("sigv4:no_body", [sha + "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"], "abc",
         None),
    ]
    for how in ("sigv4", "sigv4:body", "sigv4:no_body"):
        fresh.sandbox.set_policy(both(
            FULL + f", credential_signing: \"{how}\", signing_service: s3, "
            "signing_region: eu-west-1"))
        for mode, more, body, want in rows:
            if mode != how:
                continue
            before = len(origin_log())
            r = fresh.ask("connect", "/b/k?x=1", "PUT", mine + more, body)
            if want is None:
                assert "invalid_credential_placeholder" in r, r
                assert len(origin_log()) == before
                continue
            assert "200 OK" in r, (mode, more, r)
            e = origin_log()[-1]
            h = e["headers"]
            assert e["body"] == (body or "")
            assert h["x-amz-content-sha256"] == want
            assert h["x-amz-security-token"] == keys["AWS_SESSION_TOKEN"]
            assert h["x-amz-date"] != "20000101T000000Z"
            assert h["authorization"].startswith(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" +
                h["x-amz-date"][:8] + "/eu-west-1/s3/aws4_request, "
                "SignedHeaders=host;x-amz-content-sha256;x-amz-date;"
                "x-amz-meta-a;x-amz-security-token, Signature=")
    fresh.set(*aws[:1])
    r = fresh.ask("connect", "/b/k", headers=mine)
    assert "credential_unavailable" in r, r


def test_bodies_that_are_collected_have_a_limit_and_an_end(fresh):
    fresh.sandbox.set_policy(
        both(FULL + ", request_body_credential_rewrite: true"))
    kind = "Content-Type: text/plain"
    before = len(origin_log())
    r = fresh.ask("connect", "/x", "POST", [kind], "x" * 262145)
    assert " 413 " in r, r[:500]
    chunk = "1000\r\n" + "x" * 4096 + "\r\n"
    r = fresh.raw("connect", request(
        "connect", "/x", "POST", [kind, "Transfer-Encoding: chunked"]) +
        chunk * 64 + "0\r\n\r\n")
    assert " 413 " in r, r[:500]
    r = fresh.raw("connect", request(
        "connect", "/x", "POST", [kind, "Transfer-Encoding: chunked"]) +
        "1\r\nx\r\n0\r\nX: y\r\n\r\n")
    assert " 400 " in r, r
    assert len(origin_log()) == before
    r = fresh.ask("connect", "/echo", "POST", [kind], "x" * 262144)
    assert "200 OK" in r and "x" * 200000 in r, r[:500]
    r = fresh.raw("connect", request(
        "connect", "/x", "POST", [kind, "Expect: 100-continue",
                                  f"Content-Length: {len(T)}"]),
        "WAIT 0.2", T)
    assert r.startswith("HTTP/1.1 100 Continue\r\n\r\n"), r
    assert origin_log()[-1]["body"] == SECRET["TOKEN"]
    assert "expect" not in origin_log()[-1]["headers"]


REFUSED_BODIES = [
    ("a name in json", "application/json", '{"%s": 1}'),
    ("json that is none", "application/json", '{"a": "%s"'),
    ("a name in a form", "application/x-www-form-urlencoded", "%s=1"),
    ("no UTF-8", "text/plain", "\xff %s"),
    ("encoded in text", "text/plain",
     "openshell%%3Aresolve%%3Aenv%%3ATOKEN %s"),
    ("another type", "application/octet-stream", "%s"),
    ("no type", None, "%s"),
]


@pytest.mark.parametrize("why, kind, text", REFUSED_BODIES,
                         ids=[b[0] for b in REFUSED_BODIES])
def test_bodies_that_can_t_be_rewritten_are_refused(fresh, why, kind, text):
    fresh.sandbox.set_policy(
        both(FULL + ", request_body_credential_rewrite: true"))
    before = len(origin_log())
    r = fresh.ask("connect", "/x", "POST",
                  [f"Content-Type: {kind}"] if kind else [], text % T)
    assert "invalid_credential_placeholder" in r, r
    assert len(origin_log()) == before


def test_a_marker_is_found_however_a_body_is_cut(fresh):
    body = f"{{\"a\": \"{T}\"}}"
    for size in (1, 7, 22):
        parts = [body[i:i + size] for i in range(0, len(body), size)]
        chunks = "".join(f"{len(p):x}\r\n{p}\r\n" for p in parts)
        before = len(origin_log())
        r = fresh.raw("connect", request(
            "connect", "/x", "POST", ["Transfer-Encoding: chunked"]),
            "WAIT 0.1", chunks[:40], "WAIT 0.1", chunks[40:] + "0\r\n\r\n")
        assert "invalid_credential_placeholder" in r, r
        assert len(origin_log()) == before


def test_requests_in_a_row_each_have_their_own(fresh):
    """Pipelined: one with a secret, one without, one that is refused."""
    r = fresh.raw("connect", request("connect", "/1", headers=[f"X-Key: {T}"],
                                     last=False) +
                  request("connect", "/2", last=False) +
                  request("connect", "/3", headers=[f"Cookie: {T}=1"]))
    assert r.count("200 OK") == 2 and " 400 " in r, r
    one, two = origin_log()[-2:]
    assert one["headers"]["x-key"] == SECRET["TOKEN"]
    assert "x-key" not in two["headers"] and two["target"] == "/2"


def test_a_placeholder_names_no_host_and_no_length(fresh):
    before = len(origin_log())
    name = "x.OPENSHELL-RESOLVE-ENV-LOOSE.example.com"
    for mode, text in (
            ("connect", f"GET / HTTP/1.1\r\nHost: {T}\r\n\r\n"),
            ("connect", f"GET / HTTP/1.1\r\nHost: {name}\r\n\r\n"),
            ("connect", f"GET / HTTP/1.1\r\nHost: {HOST}\r\n"
             f"Content-Length: {T}\r\n\r\n"),
            ("connect", f"GET / HTTP/1.1\r\nHost: {HOST}\r\n"
             f"Transfer-Encoding: {T}\r\n\r\n"),
            ("connect", f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX: a\r\n {T}"
             "\r\n\r\n"),
            ("connect", f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Key : {T}"
             "\r\n\r\n"),
            ("connect", f"{SAFE}LOOSE / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
            ("connect", f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}\r\n"
             f"X-Key: {T}\r\n\r\n"),
            ("forward", f"GET http://{name}/ HTTP/1.1\r\nHost: {name}\r\n"
             "\r\n"),
            ("forward", f"GET http://{T}@{HOST}/ HTTP/1.1\r\nHost: {HOST}"
             "\r\n\r\n")):
        r = fresh.raw(mode, text)
        assert " 4" in r.split("\r\n")[0], (text, r)
    assert len(origin_log()) == before


def test_what_belongs_to_a_hop_carries_nothing(fresh):
    """Extensions, trailers and hop-by-hop fields end here."""
    r = fresh.raw("connect", request("connect", "/echo", "POST", [
        "Transfer-Encoding: chunked", "Connection: X-Mine",
        f"X-Mine: {T}", f"Proxy-Authorization: Bearer {T}",
        f"Keep-Alive: {T}", f"TE: {T}"]) +
        f"3;x=\"{T}\"\r\nabc\r\n0\r\nX-Trailer: {T}\r\n\r\n")
    e = origin_log()[-1]
    assert e["body"] == "abc", r
    assert "openshell" not in json.dumps(e)
    assert SECRET["TOKEN"] not in json.dumps(e)


def test_an_upgrade_carries_its_secret_and_no_more(fresh):
    r = fresh.raw("connect", "\r\n".join([
        "GET /ws HTTP/1.1", f"Host: {HOST}", "Upgrade: websocket",
        "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==",
        f"Authorization: Bearer {T}", "", ""]),
        "\x81\x82\x00\x00\x00\x00hi", "WAIT 0.3", "\x88\x80\x00\x00\x00\x00")
    assert " 101 " in r and r.endswith("\x81\x02hi"), r
    assert origin_log()[-1]["headers"]["authorization"] == (
        f"Bearer {SECRET['TOKEN']}")


def test_attach_after_a_crash_of_proxyd_fails_closed(own_gateway):
    """proxyd keeps nothing: until it is told again nothing resolves."""
    from fixtures import make
    c = Client(make(own_gateway, both()))
    c.set(credential())
    assert "200 OK" in c.ask("connect", headers=[f"X-Key: {T}"])
    own_gateway.kill("proxyd")
    wait_until(lambda: "200 OK" in c.ask("connect"), "it is back")
    before = len(origin_log())
    r = c.ask("connect", headers=[f"X-Key: {T}"])
    assert "credential_unavailable" in r, r
    assert len(origin_log()) == before
