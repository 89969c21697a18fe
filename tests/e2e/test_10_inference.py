# SPDX-License-Identifier: Apache-2.0
"""https://inference.local through the whole system: a client in a sandbox,
proxyd, routerd, and a backend that tells what reached it."""

import http.server
import json
import secrets
import socket
import ssl
import subprocess
import threading
import time

import pytest

from fixtures import make
from shell import BIN, Gateway, Result, wait_until

pytestmark = pytest.mark.independent_of_ids

KEY = "g0lden-" + secrets.token_hex(12)
MODEL = "the/model:1"
SEGMENT = "the%2Fmodel:1"  # the same in a path
CONTENT = {"content-type": "application/json"}


class Backend(http.server.ThreadingHTTPServer):
    """Answers with what say() was given last; requests is what arrived."""
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, context=None):
        super().__init__(("127.0.0.1", 0), Handler)
        if context is not None:
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if context is not None else "http"
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"
        self.requests = []
        self.say()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def say(self, status=200, body=None, headers=CONTENT, then=None,
            wait=0):
        """then(wfile): instead of an answer; wait: seconds before it."""
        self.status, self.headers, self.then = status, headers, then
        self.wait = wait
        self.body = body if body is not None else {
            "id": "r1", "usage": {"prompt_tokens": 7, "completion_tokens": 5,
                                  "input_tokens": 7, "output_tokens": 5}}

    @property
    def last(self):
        return self.requests[-1]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def serve(self):
        s = self.server
        n = int(self.headers.get("content-length", 0))
        s.requests.append({
            "method": self.command, "path": self.path,
            "headers": {k.lower(): v for k, v in self.headers.items()},
            "body": self.rfile.read(n)})
        time.sleep(s.wait)
        if s.then is not None:
            s.then(self.wfile)
            self.close_connection = True
            return
        body = s.body if isinstance(s.body, bytes) else \
            json.dumps(s.body).encode()
        self.send_response(s.status)
        for k, v in s.headers.items():
            self.send_header(k, v)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = serve


def openssl(*argv):
    subprocess.run(["openssl", *argv], check=True, capture_output=True)


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    """A server's TLS, and the certificate that it is trusted by."""
    d = tmp_path_factory.mktemp("tls")
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-keyout",
            f"{d}/key", "-out", f"{d}/cert", "-subj", "/CN=backend",
            "-addext", "subjectAltName=IP:127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(f"{d}/cert", f"{d}/key")
    tls.trusted = (d / "cert").read_text()
    return tls


@pytest.fixture(scope="module")
def backend(context):
    b = Backend(context)
    yield b
    b.shutdown()


@pytest.fixture(scope="module")
def gateway(context):
    g = Gateway()
    with open(g.dir / "config/upstream-ca.pem", "a") as f:
        f.write(context.trusted)
    yield g
    g.close()


@pytest.fixture(scope="module")
def box(gateway):
    b = make(gateway)
    yield b
    b.delete()


@pytest.fixture(autouse=True)
def nothing_is_left(gateway, backend):
    backend.say()
    backend.requests.clear()
    yield
    for r in gateway.ok("inference", "get", "-o", "json").json():
        argv = ["--sandbox", r["sandbox"]] if "sandbox" in r else []
        argv += ["--system"] if r["route"] == "sandbox-system" else \
            ["--name", r["route"]]
        gateway.ok("inference", "delete", *argv)
    names = gateway.ok("provider", "list", "--names").out.split()
    if names:
        gateway.ok("provider", "delete", *names)
    for r in gateway.ok("provider", "list-profiles", "-o", "json").json():
        if not r["built_in"]:
            gateway.ok("provider", "profile", "delete", r["id"])


# The variable with the key, and the config that says where the backend is.
TYPES = {
    "openai": ("OPENAI_API_KEY", "OPENAI_BASE_URL", "/v1"),
    "anthropic": ("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "/v1"),
    "nvidia": ("NVIDIA_API_KEY", "NVIDIA_BASE_URL", "/v1"),
    "deepinfra": ("DEEPINFRA_API_KEY", "DEEPINFRA_BASE_URL", "/v1/openai"),
    "google-vertex-ai": ("VERTEX_AI_TOKEN", "VERTEX_AI_BASE_URL",
                         "/v1/projects/p/locations/l"),
    "aws-bedrock": ("AWS_SECRET_ACCESS_KEY", "BEDROCK_BASE_URL", ""),
}


def provider(gateway, name, kind="openai", url=None, key=KEY):
    variable, config, base = TYPES[kind]
    more = ["--credential", "AWS_ACCESS_KEY_ID"] if "bedrock" in kind else []
    gateway.ok("provider", "create", "--name", name, "--type", kind,
               "--credential", variable, "--config", f"{config}={url}{base}",
               *more, env={variable: key, "AWS_ACCESS_KEY_ID": "AKID"})


def route(gateway, backend, kind="openai", *argv):
    provider(gateway, kind, kind, backend.url)
    r = gateway.ok("inference", "set", "--provider", kind, "--model", MODEL,
                   *argv)
    backend.requests.clear()
    return r


# In the sandbox for as long as it lives: runs curl as often as it is told to.
DRIVER = """
import json, subprocess, sys
for line in sys.stdin:
    argv, text = json.loads(line)
    r = subprocess.run(argv, input=text, capture_output=True, text=True)
    print(json.dumps([r.returncode, r.stdout, r.stderr]), flush=True)
"""


def curl(box, *argv, text=""):
    """One curl, and no new command for it unless the last one has ended."""
    p = getattr(box, "driver", None)
    if p is None or p.poll() is not None:
        p = box.driver = box.gateway.popen(
            "sandbox", "exec", "-n", box.name, "--no-tty", "--", "python3",
            "-c", DRIVER, stdin=-1, stdout=-1, text=True)
    p.stdin.write(json.dumps([["curl", "-sS", "-m", "15", *argv],
                              text]) + "\n")
    p.stdin.flush()
    return Result(*json.loads(p.stdout.readline()))


def ask(box, path, body=None, *argv, method=None):
    """Status, headers and text."""
    argv = ["-D", "/dev/stderr", *argv]
    if method is not None:
        argv += ["-X", method]
    if body is not None:
        argv += ["--data-binary", "@-"]
        if not any(str(a).startswith("Content-Type") for a in argv):
            argv += ["-H", "Content-Type: application/json"]
        body = body if isinstance(body, str) else json.dumps(body)
    r = curl(box, *argv, "https://inference.local" + path, text=body or "")
    heads = [h for h in r.err.replace("\r", "").split("\n\n")
             if h.startswith("HTTP/1.1 ")
             and "100 Continue" not in h and "established" not in h.lower()]
    assert heads, r
    lines = heads[-1].splitlines()
    return int(lines[0].split()[1]), {
        k.lower(): v for k, v in (x.split(": ", 1) for x in lines[1:])}, r.out


CHAT = {"model": "whatever", "messages": [{"role": "user", "content": "hi"}]}


def chat(box, *argv, path="/v1/chat/completions", **more):
    return ask(box, path, {**CHAT, **more}, *argv)


LONG = [
    ("openai", ["VERTEX_AI_REGION=" + "a" * 64], None),
    ("openai", ["OPENAI_BASE_URL=https://h.example.com/" + "a" * 5000],
     "longer than 4096"),
    ("google-vertex-ai", ["VERTEX_AI_REGION=" + "a" * 64],
     "VERTEX_AI_REGION"),
    ("google-vertex-ai", ["VERTEX_AI_REGION=evil.example.com/"],
     "VERTEX_AI_REGION"),
    ("aws-bedrock", ["AWS_REGION=Eu_west"], "AWS_REGION"),
]


@pytest.mark.parametrize("kind, config, says", LONG)
def test_what_routerd_would_not_read_keeps_no_other_route_away(
        gateway, backend, box, kind, config, says):
    provider(gateway, "bad", kind, backend.url)
    gateway.ok("inference", "set", "--provider", "bad", "--model", MODEL,
               "--name", "bad", "--no-verify")
    gateway.ok("provider", "update", "bad",
               *(a for c in config for a in ("--config", c)))
    route(gateway, backend)
    status, _, _ = chat(box)
    assert status == 200 and backend.last["path"] == "/v1/chat/completions"
    r = gateway.run("inference", "set", "--provider", "bad", "--model", MODEL,
                    "--name", "worse", "--no-verify")
    assert (r.rc, says or "") == (1 if says else 0, says or "")
    assert says is None or says in r.err


def test_one_owner_has_128_routes_at_most(own_gateway, backend):
    g = own_gateway
    provider(g, "p", "openai", backend.url)
    argv = ("inference", "set", "--provider", "p", "--model", MODEL,
            "--no-verify", "--name")
    for i in range(128):
        g.ok(*argv, f"r{i}")
    r = g.run(*argv, "more")
    assert r.rc == 1 and "at most 128" in r.err
    g.ok(*argv, "r5")


def test_routes_longer_than_a_message_keep_no_other_away(own_gateway):
    g = own_gateway
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    g.ok("provider", "create", "--name", "long", "--type", "aws-bedrock",
         *(a for k in keys for a in ("--credential", k)),
         env={k: '"' * 8192 for k in keys})  # each is two bytes on the wire
    for i in range(90):
        g.ok("inference", "set", "--provider", "long", "--model", MODEL,
             "--name", f"r{i}", "--no-verify")
    box = make(g)
    provider(g, "mock", url="mock://short")
    g.ok("inference", "set", "--provider", "mock", "--model", MODEL)
    wait_until(lambda: chat(box)[0] == 200, "it answers", 30)


# A routerd that keeps what it is given, and answers when it may.
ROUTERD = """
import json, os, socket, sys, threading, time
path, seen, hold = sys.argv[1:]
def answer(method, text):
    if method == "GetStatus":
        return {"pid": os.getpid(), "workers": 1, "connections": 0}
    if method == "SetRoutes":
        with open(seen, "a") as f:
            f.write(text + "\\n")
        while os.path.exists(hold):
            time.sleep(0.01)
    return {}
def serve(c):
    data = b""
    while piece := c.recv(65536):
        data += piece
        while b"\\0" in data:
            text, data = data.split(b"\\0", 1)
            method = json.loads(text)["method"].rsplit(".")[-1]
            if method != "Events":
                c.sendall(json.dumps({"parameters": answer(
                    method, text.decode())}).encode() + b"\\0")
s = socket.socket(socket.AF_UNIX)
s.bind(path)
s.listen()
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
"""


def test_changes_while_routerd_is_busy_go_together(own_gateway):
    g = own_gateway
    path, seen, hold = (g.dir / name for name in (
        "runtime/router.sock", "seen", "hold"))
    hold.touch()
    routerd = subprocess.Popen(
        ["/usr/bin/python3", "-c", ROUTERD, path, seen, hold])
    try:
        wait_until(path.exists, "routerd listens")
        g.ok("sandbox", "list")
        wait_until(seen.exists, "routerd was given the routes")
        provider(g, "p", url="mock://m")
        for i in range(20):
            g.ok("inference", "set", "--provider", "p", "--model", MODEL,
                 "--name", f"r{i}", "--no-verify")
        hold.unlink()
        pushed = lambda: [
            [r["name"] for r in json.loads(line)["parameters"]["routes"]]
            for line in seen.read_text().split("\n")[:-1]]  # whole ones
        wait_until(lambda: len(pushed()[-1]) == 20, "it has all of them")
        assert pushed() == [[], [f"r{i}" for i in range(20)]]
        g.ok("inference", "delete", "--name", "r0")
        wait_until(lambda: len(pushed()[-1]) == 19, "the next goes at once")
    finally:
        routerd.kill()
        routerd.wait()


#
# What arrives
#

A = {"messages": [], "max_tokens": 1}
VERTEX = "/v1/projects/p/locations/l"

ARRIVES = [
    # type, method and path, body; path and body that arrive
    ("openai", "POST /v1/chat/completions", {"model": "x", "n": 1},
     "/v1/chat/completions", {"model": MODEL, "n": 1}),
    ("openai", "POST /v1/chat/completions", {"messages": []},
     "/v1/chat/completions", {"model": MODEL, "messages": []}),
    ("openai", "POST /v1/completions", {"model": "x", "prompt": "é\n"},
     "/v1/completions", {"model": MODEL, "prompt": "é\n"}),
    ("openai", "POST /v1/responses", {"model": "x", "input": "a"},
     "/v1/responses", {"model": MODEL, "input": "a"}),
    ("openai", "POST /v1/embeddings", {"model": "x", "input": ["a"]},
     "/v1/embeddings", {"model": MODEL, "input": ["a"]}),
    ("openai", "GET /v1/models", None, "/v1/models", None),
    ("openai", "GET /v1/models/gpt-4.1", None, "/v1/models/gpt-4.1", None),
    ("openai", "GET /v1/models?limit=5&key=mine&api_key=m", None,
     "/v1/models?limit=5", None),
    ("openai", "POST /v1/chat/completions?x=1", {}, "/v1/chat/completions?x=1",
     {"model": MODEL}),
    ("openai", "POST /v1/chat/completions",
     {"model": "x", "stream": True}, "/v1/chat/completions",
     {"model": MODEL, "stream": True,
      "stream_options": {"include_usage": True}}),
    ("nvidia", "POST /v1/chat/completions", {"model": "x"},
     "/v1/chat/completions", {"model": MODEL}),
    ("nvidia", "POST /v1/embeddings", {"model": "x"}, "/v1/embeddings",
     {"model": MODEL}),
    ("deepinfra", "POST /v1/chat/completions", {"model": "x"},
     "/v1/openai/chat/completions", {"model": MODEL}),
    ("deepinfra", "GET /v1/models", None, "/v1/openai/models", None),
    ("anthropic", "POST /v1/messages", {"model": "x", **A}, "/v1/messages",
     {"model": MODEL, **A}),
    ("anthropic", "POST /v1/messages/count_tokens", {"model": "x", **A},
     "/v1/messages/count_tokens", {"model": MODEL, **A}),
    ("anthropic", "GET /v1/models", None, "/v1/models", None),
    ("google-vertex-ai", "POST /v1/messages",
     {"model": "x", "context_management": {}, **A},
     f"{VERTEX}/publishers/anthropic/models/{SEGMENT}:rawPredict",
     {"anthropic_version": "vertex-2023-10-16", **A}),
    ("google-vertex-ai", "POST /v1/messages",
     {"model": "x", "stream": True, **A},
     f"{VERTEX}/publishers/anthropic/models/{SEGMENT}:streamRawPredict",
     {"anthropic_version": "vertex-2023-10-16", "stream": True, **A}),
    ("google-vertex-ai", "POST /v1/chat/completions", {"model": "x"},
     f"{VERTEX}/endpoints/openapi/chat/completions", {"model": MODEL}),
    ("aws-bedrock", "POST /model/x/invoke", {"model": "kept", **A},
     f"/model/{SEGMENT}/invoke", {"model": "kept", **A}),
    ("aws-bedrock", "POST /model/x/invoke-with-response-stream", A,
     f"/model/{SEGMENT}/invoke-with-response-stream", A),
]
SECRET = {
    "openai": ("authorization", f"Bearer {KEY}"),
    "nvidia": ("authorization", f"Bearer {KEY}"),
    "deepinfra": ("authorization", f"Bearer {KEY}"),
    "google-vertex-ai": ("authorization", f"Bearer {KEY}"),
    "anthropic": ("x-api-key", KEY),
    "aws-bedrock": ("authorization", "AWS4-HMAC-SHA256 Credential=AKID/"),
}


@pytest.mark.parametrize("kind", TYPES)
def test_a_backend_is_asked_in_its_own_way(gateway, box, backend, kind):
    route(gateway, backend, kind)
    for row in (r for r in ARRIVES if r[0] == kind):
        _, line, body, path, arrives = row
        method, target = line.split(" ", 1)
        backend.requests.clear()
        status, headers, text = ask(
            box, target, body, "-H", "Authorization: Bearer of-the-agent",
            "-H", "X-Api-Key: of-the-agent", method=method)
        assert status == 200, (row, text)
        assert json.loads(text)["id"] == "r1", row
        assert headers["transfer-encoding"] == "chunked", row
        assert len(backend.requests) == 1, row
        got = backend.last
        assert (got["method"], got["path"]) == (method, path), row
        name, value = SECRET[kind]
        assert got["headers"][name].startswith(value), row
        assert "of-the-agent" not in json.dumps(got["headers"]), row
        assert got["headers"]["host"] == backend.url[8:], row
        if arrives is None:
            assert got["body"] == b"", row
        else:
            assert json.loads(got["body"]) == arrives, row


# type, header of the client, what arrives (None: it doesn't)
HEADERS = [
    ("openai", "OpenAI-Organization: org", "org"),
    ("openai", "X-Model-Id: m", MODEL),
    ("openai", "Anthropic-Beta: b", None),
    ("nvidia", "X-Model-Id: m", MODEL),
    ("nvidia", "OpenAI-Organization: org", None),
    ("anthropic", "Anthropic-Version: 2024-01-01", "2024-01-01"),
    ("anthropic", "Anthropic-Beta: b1,b2", "b1,b2"),
    ("anthropic", "X-Model-Id: m", None),
    ("openai", "Accept: text/event-stream", "text/event-stream"),
    ("openai", "User-Agent: agent/1", "agent/1"),
    # It was read as that: another charset would be another text.
    ("openai", "Content-Type: application/json; charset=utf-7",
     "application/json"),
    ("openai", "Cookie: a=b", None),
    ("openai", "X-Custom: x", None),
    ("openai", "X-Forwarded-For: 10.0.0.1", None),
    ("openai", "Proxy-Authorization: Basic x", None),
    ("openai", "Accept-Encoding: gzip", None),
    ("openai", "X-Goog-Api-Key: x", None),
]


def test_only_known_headers_reach_a_backend(gateway, box, backend):
    for kind in ("openai", "nvidia", "anthropic"):
        route(gateway, backend, kind, "--name", kind)
        path = "/v1/messages" if kind == "anthropic" else \
            "/v1/chat/completions"
        for _, header, arrives in (h for h in HEADERS if h[0] == kind):
            name = header.split(":")[0].lower()
            assert ask(box, f"/{kind}{path}", A, "-H", header)[0] == 200
            assert backend.last["headers"].get(name) == arrives, header
        ask(box, f"/{kind}{path}", A)
        assert backend.last["headers"].get("anthropic-version") == \
            ("2023-06-01" if kind == "anthropic" else None)


#
# Refusals
#

def raw(text, piece=b"", n=0):
    """Bytes to inference.local, by hand; what comes back."""
    return ["python3", "-c", f"""
import os, socket, ssl
s = socket.create_connection(("inference.local", 443))
s = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"]).wrap_socket(
    s, server_hostname="inference.local")
s.settimeout(10)
s.sendall({text!r} + {piece!r} * {n})
while data := s.recv(4096):
    print(data.decode(), end="")
"""]


NOT_ALLOWED = "connection not allowed by policy"
REFUSED = [
    # method and path, body; status, error
    ("GET /", None, 403, NOT_ALLOWED),
    ("GET /v1/chat/completions", None, 403, NOT_ALLOWED),
    ("POST /v1/models", {}, 403, NOT_ALLOWED),
    ("POST /v1/files", {}, 403, NOT_ALLOWED),
    ("DELETE /v1/models/x", None, 403, NOT_ALLOWED),
    ("GET /v1/models/x/fine_tunes", None, 403, NOT_ALLOWED),
    ("GET /v1/models/x/../../admin", None, 403, NOT_ALLOWED),
    ("GET /v1/models/x%2Ffine_tunes", None, 403, NOT_ALLOWED),
    ("GET /v1/models/x%252Fy", None, 403, NOT_ALLOWED),
    ("GET /v1/models/..%2F..%2Fadmin", None, 400, "the path is not canonical"),
    ("POST /v1/chat/completions/", {}, 403, NOT_ALLOWED),
    ("POST /a/b/v1/chat/completions", {}, 403, NOT_ALLOWED),
    ("POST /model//invoke", {}, 403, NOT_ALLOWED),
    ("POST /model/a/b/invoke", {}, 403, NOT_ALLOWED),
    ("POST /v1/messages", A, 400,
     "no compatible inference route available"),
    ("POST /model/x/invoke", A, 400,
     "no compatible inference route available"),
    ("POST /nobody/v1/chat/completions", A, 503,
     "cluster inference is not configured"),
    ("POST /v1/chat/completions", "no JSON", 400, None),
    ("POST /v1/chat/completions", "[]", 400, "the body is no JSON object"),
    ("POST /v1/chat/completions", "", 400, None),
    ("POST /v1/chat/completions", '{"model":"a","model":"b"}', 400, None),
    ("POST /v1/chat/completions", '{"a":' + "[" * 200 + "]" * 200 + "}", 400,
     None),
]


def test_what_is_no_request_for_a_model_is_refused(gateway, box, backend):
    route(gateway, backend)
    for row in REFUSED:
        line, body, expected, error = row
        method, path = line.split(" ", 1)
        status, headers, text = ask(box, path, body, "--path-as-is",
                                    method=method)
        assert status == expected, (row, text)
        assert headers["content-type"] == "application/json", row
        told = json.loads(text)["error"]
        assert told == error or (error is None and told), (row, text)
    assert backend.requests == [], "none of them went further"


RAW = [
    ("both lengths", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: inference.local\r\nContent-Length: 2\r\n"
     b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ("two lengths", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: inference.local\r\nContent-Length: 2\r\n"
     b"Content-Length: 3\r\n\r\n{}", 400),
    ("another host", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: api.openai.com\r\nContent-Length: 2\r\n\r\n{}", 403),
    ("no host", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Content-Length: 2\r\n\r\n{}", 400),
    ("11 MiB promised", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: inference.local\r\nContent-Length: 11534336\r\n\r\n", 413),
    ("a broken chunk", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: inference.local\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     400),
    ("4097 chunks", b"POST /v1/chat/completions HTTP/1.1\r\n"
     b"Host: inference.local\r\nTransfer-Encoding: chunked\r\n\r\n",
     413, (b"1\r\n \r\n", 4097)),
    ("no HTTP", b"\x16\x03\x01 hello\r\n\r\n", 400),
    ("a refused one after a good one", b"GET /v1/models HTTP/1.1\r\n"
     b"Host: inference.local\r\n\r\nGET /secret HTTP/1.1\r\n"
     b"Host: inference.local\r\n\r\n", 403),
]


def test_bad_framing_is_refused_and_closes(gateway, box, backend):
    route(gateway, backend)
    for why, text, expected, *more in RAW:
        r = box.run(*raw(text, *(more[0] if more else ())), timeout=30)
        statuses = [int(line.split()[1]) for line in r.out.splitlines()
                    if line.startswith("HTTP/1.1 ")]
        assert statuses and statuses[-1] == expected, (why, r)
    assert [r["path"] for r in backend.requests] == ["/v1/models"]


def test_a_body_over_ten_mebibytes_is_refused(gateway, box, backend):
    route(gateway, backend)
    fits = '{"a":"' + "x" * 9_000_000 + '"}'
    assert ask(box, "/v1/chat/completions", fits)[0] == 200
    assert len(backend.last["body"]) > 9_000_000
    # One that says its length is among RAW.
    big = '{"a":"' + "x" * (10 << 20) + '"}'
    status, _, text = ask(box, "/v1/chat/completions", big, "-H",
                          "Transfer-Encoding: chunked")
    assert (status, json.loads(text)["error"]) == (
        413, "the request body is too large")
    assert len(backend.requests) == 1


def test_it_is_nowhere_but_at_https(gateway, box, backend):
    route(gateway, backend)
    r = curl(box, "http://inference.local/v1/models")
    assert "policy_denied" in r.out, r
    r = curl(box, "https://inference.local:8443/v1/models")
    assert r.rc != 0, r
    assert backend.requests == []


def broken(wfile):
    wfile.write(b"this is no HTTP\r\n\r\n")


def hung_up(wfile):
    pass


def cut(wfile):
    wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")


# what the backend does; status and error, None: the backend's own
FAILURES = [
    ("refuses the key", dict(status=401, body={"error": {"code": "k"}}),
     401, None),
    ("limits", dict(status=429, body={"error": "slow"},
                    headers={"retry-after": "7", **CONTENT}), 429, None),
    ("dislikes", dict(status=400, body={"error": "bad"}), 400, None),
    ("fails", dict(status=500, body={"error": "mine"}), 500, None),
    ("is overloaded", dict(status=529, body={"error": "busy"}), 529, None),
    ("talks rubbish", dict(then=broken), 502, "inference service error"),
    ("hangs up", dict(then=hung_up), 503, "inference service unavailable"),
    ("is slow", dict(wait=3), 503, "inference service unavailable"),
]


def test_a_backend_s_failure_is_told(gateway, box, backend):
    route(gateway, backend, "openai", "--timeout", "1")
    for why, does, expected, error in FAILURES:
        backend.say(**does)
        status, headers, text = chat(box)
        assert status == expected, (why, text)
        told = json.loads(text)
        assert told == (does["body"] if error is None else
                        {"error": error}), why
        assert headers.get("retry-after") == \
            ("7" if why == "limits" else None)
    backend.say(then=cut)
    r = curl(box, "-d", "{}", "https://inference.local/v1/chat/completions")
    assert r.rc != 0, "half an answer must not look like a whole one"


def test_a_backend_that_is_not_there_is_told(gateway, box, backend):
    status, _, text = chat(box)
    assert status == 503
    told = json.loads(text)
    assert told["error"] == "cluster inference is not configured"
    assert "openshell inference set" in told["hint"]
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    for i, url in enumerate((f"http://127.0.0.1:{port}",
                             "https://nowhere.example.com")):
        provider(gateway, f"p{i}", url=url)
        gateway.ok("inference", "set", "--provider", f"p{i}", "--model", "m",
                   "--no-verify")
        status, _, text = chat(box)
        assert (status, json.loads(text)["error"]) == (
            503, "inference service unavailable"), url


def test_a_backend_under_another_name_is_not_asked(gateway, box, backend):
    """The certificate is for 127.0.0.1 alone."""
    provider(gateway, "p", url=backend.url.replace("127.0.0.1", "localhost"))
    gateway.ok("inference", "set", "--provider", "p", "--model", "m",
               "--no-verify")
    assert chat(box)[0] in (502, 503)
    assert backend.requests == []


#
# Streams
#

def sse(*events, end=True):
    def then(wfile):
        wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n")
        for e in events:
            data = f"data: {json.dumps(e)}\n\n".encode()
            wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            wfile.flush()
            time.sleep(0.2)
        if end:
            wfile.write(b"0\r\n\r\n")
    return then


def test_a_stream_comes_as_it_is_made(gateway, box, backend):
    route(gateway, backend)
    backend.say(then=sse({"n": 1}, {"n": 2}, {"choices": [], "usage": {
        "prompt_tokens": 3, "completion_tokens": 4}}))
    r = box.python("""
import json, ssl, os, time, urllib.request
t = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
r = urllib.request.urlopen(urllib.request.Request(
    "https://inference.local/v1/chat/completions", b'{"stream":true}',
    {"content-type": "application/json"}), context=t)
start = time.monotonic()
for line in r:
    if line.strip():
        print(round(time.monotonic() - start, 1), line.decode().strip())
""")
    lines = [line.split(" ", 1) for line in r.out.splitlines()]
    # The counts, which routerd asked for, are not the client's.
    assert [line[1] for line in lines] == ['data: {"n": 1}',
                                           'data: {"n": 2}'], r
    assert float(lines[1][0]) - float(lines[0][0]) >= 0.1
    wait_until(lambda: any(
        e["message"] == "INFERENCE" and
        e["fields"].get("input_tokens") == "3" and
        e["fields"].get("output_tokens") == "4" for e in box.logs()),
        "it is in the log", 2)


def test_a_stream_that_breaks_says_so(gateway, box, backend):
    route(gateway, backend)
    backend.say(then=sse({"n": 1}, end=False))
    r = curl(box, "-d", '{"stream":true}',
             "https://inference.local/v1/chat/completions")
    events = r.out.split("\n\n")
    assert events[0] == 'data: {"n": 1}'
    last = json.loads(events[1].removeprefix("data: "))["error"]
    assert last["type"] == "proxy_stream_error"
    assert last["message"].startswith("response truncated: ")


def test_one_connection_takes_many_requests(gateway, box, backend):
    route(gateway, backend)
    url = "https://inference.local/v1/models"
    r = curl(box, "-w", "%{num_connects} %{http_code}\\n", "-o", "/dev/null",
             url, "-o", "/dev/null", url, "-o", "/dev/null", url)
    assert r.out.splitlines() == ["1 200", "0 200", "0 200"], r


#
# Secrets
#

def test_the_key_is_nowhere_in_the_sandbox(gateway, box, backend):
    route(gateway, backend)
    backend.say(body={"echo": KEY, "half": f"x{KEY}y"},
                headers={"x-echo": KEY, **CONTENT})
    status, headers, text = chat(box)
    assert status == 200 and KEY not in text + json.dumps(headers)
    seen = box.sh("env; cat /proc/*/environ /proc/*/cmdline 2>/dev/null; "
                  "grep -r g0[l]den /sandbox /tmp /etc 2>/dev/null").out
    assert KEY not in seen and "g0lden" not in seen
    assert "g0lden" not in json.dumps(box.logs("--level", "trace"))
    assert backend.last["headers"]["authorization"] == f"Bearer {KEY}"


def test_a_new_key_needs_no_new_route(gateway, box, backend):
    route(gateway, backend)
    gateway.ok("provider", "update", "openai", "--credential",
               "OPENAI_API_KEY", env={"OPENAI_API_KEY": "another-key"})
    wait_until(lambda: chat(box)[0] == 200 and
               backend.last["headers"]["authorization"] ==
               "Bearer another-key", "it is used", 2)


#
# Setting routes
#

VERIFIED = [
    # type; what answers 404 before; protocol that is found
    ("openai", [], "openai_chat_completions", "/v1/chat/completions"),
    ("openai", ["/v1/chat/completions"], "openai_responses", "/v1/responses"),
    ("openai", ["/v1/chat/completions", "/v1/responses"],
     "openai_completions", "/v1/completions"),
    ("openai", ["/v1/chat/completions", "/v1/responses", "/v1/completions"],
     "openai_embeddings", "/v1/embeddings"),
    ("anthropic", [], "anthropic_messages", "/v1/messages"),
    ("aws-bedrock", [], "aws_bedrock_invoke", f"/model/{SEGMENT}/invoke"),
    ("google-vertex-ai", [], "openai_chat_completions",
     f"{VERTEX}/endpoints/openapi/chat/completions"),
]


@pytest.mark.parametrize("row", VERIFIED, ids=lambda r: f"{r[0]}-{r[2]}")
def test_an_endpoint_is_tried_before_it_is_set(gateway, backend, row):
    kind, missing, protocol, path = row

    def then(wfile):
        status = 404 if backend.last["path"] in missing else 200
        wfile.write(b"HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}" % status)
    backend.say(then=then)
    provider(gateway, "p", kind, backend.url)
    r = gateway.ok("inference", "set", "--provider", "p", "--model", MODEL)
    assert f"- {backend.url}{path} ({protocol})" in r.out, r
    assert "Gateway inference configured:" in r.out
    assert "Timeout: 60s (default)" in r.out and "Version: 1" in r.out


def test_a_key_that_has_expired_is_not_sent(gateway, box, backend):
    route(gateway, backend)
    assert chat(box)[0] == 200
    soon = int(time.time() * 1000) + 700
    gateway.ok("provider", "update", "openai", "--credential", "OPENAI_API_KEY",
               "--credential-expires-at", f"OPENAI_API_KEY={soon}",
               env={"OPENAI_API_KEY": KEY})
    time.sleep(1)
    n = len(backend.requests)
    status, _, text = chat(box)
    assert status == 503 and "expired" in text, (status, text)
    r = gateway.run("inference", "set", "--provider", "openai", "--model", "m")
    assert r.rc == 1 and "credentials have expired" in r.err, r
    assert len(backend.requests) == n


def test_no_other_credential_takes_the_key_s_place(gateway, box, backend):
    route(gateway, backend)
    gateway.ok("provider", "update", "openai", "--credential", "OTHER_TOKEN",
               "--credential", "THIRD_TOKEN",
               env={"OTHER_TOKEN": "other", "THIRD_TOKEN": "third"})
    assert chat(box)[0] == 200
    gateway.ok("provider", "update", "openai", "--credential",
               "OPENAI_API_KEY=")
    wait_until(lambda: chat(box)[0] and "authorization" not in
               backend.requests[-1]["headers"], "the key is gone")


def test_a_vendor_is_sent_no_other_credential(gateway):
    gateway.ok("provider", "create", "--name", "openai", "--type", "openai",
               "--credential", "OTHER_TOKEN", env={"OTHER_TOKEN": "other"})
    r = gateway.run("inference", "set", "--provider", "openai", "--model",
                    MODEL)
    assert r.rc == 1 and "provider 'openai' has no OPENAI_API_KEY" in r.err, r


@pytest.mark.parametrize("other", ["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN"])
def test_no_part_of_a_signature_outlives_its_time(gateway, box, backend,
                                                  other):
    route(gateway, backend, "aws-bedrock")
    argv = ("provider", "update", "aws-bedrock", "--credential", other)
    gateway.ok(*argv, env={other: "part"})
    invoke = lambda: ask(box, f"/model/{SEGMENT}/invoke", A)  # noqa: E731
    wait_until(lambda: invoke()[0] == 200, "it is asked", 2)
    gateway.ok(*argv, "--credential-expires-at",
               f"{other}={int(time.time() * 1000) + 700}", env={other: "part"})
    time.sleep(1)
    n = len(backend.requests)
    status, _, text = invoke()
    assert status == 503 and "expired" in text, (status, text)
    assert len(backend.requests) == n


def test_a_route_that_cannot_be_read_is_closed(gateway, box, backend):
    """Written by another version, say; the owner's doesn't take its place."""
    route(gateway, backend)
    gateway.ok("inference", "set", "--provider", "openai", "--model", MODEL,
               "--sandbox", box.name)
    assert chat(box)[0] == 200
    gateway.change("UPDATE inference_route SET spec = '{\"of\":\"tomorrow\"}'"
                   " WHERE sandbox != ''")
    gateway.kill("gatewayd")
    gateway.ok("inference", "get")
    wait_until(lambda: chat(box)[0] == 503, "it is closed", 5)
    n = len(backend.requests)
    argv = ["--sandbox", box.name, "--provider", "openai", "--model", MODEL]
    r = gateway.run("inference", "update", *argv)
    assert r.rc == 1 and "can't be read: set it anew" in r.err, r
    r = gateway.run("inference", "set", *argv)
    assert r.rc == 1 and "may have a privacy section" in r.err, r
    assert chat(box)[0] == 503 and len(backend.requests) == n
    gateway.ok("inference", "set", *argv, "--clear", "privacy")
    wait_until(lambda: chat(box)[0] == 200, "it is asked again", 2)


def test_a_config_that_cannot_be_read_is_no_other(gateway, box, backend):
    """The key doesn't go where a provider without one would send it."""
    route(gateway, backend)
    stored = '{"of":"tomorrow"}'
    gateway.change(f"UPDATE provider SET config = '{stored}'")
    gateway.kill("gatewayd")
    r = gateway.run("inference", "set", "--provider", "openai", "--model", "m")
    assert r.rc == 1 and "config of provider 'openai' can't be read" in r.err
    wait_until(lambda: chat(box)[0] == 503, "it is closed", 5)
    # What else is changed keeps it.
    gateway.ok("provider", "update", "openai", "--credential",
               "OPENAI_API_KEY", env={"OPENAI_API_KEY": KEY})
    with gateway.database() as db:
        assert db.execute("SELECT config FROM provider").fetchall() == [
            (stored,)]
    gateway.ok("provider", "update", "openai", "--config",
               f"OPENAI_BASE_URL={backend.url}/v1")
    wait_until(lambda: chat(box)[0] == 200, "it is asked again", 2)
    gateway.kill("gatewayd")
    gateway.ok("inference", "get")
    assert chat(box)[0] == 200


UNVERIFIED = [
    (dict(status=401, body={"error": {"message": f"bad key {KEY}"}}),
     "refuses the credentials (status 401: bad key "),
    (dict(status=403, body={}), "refuses the credentials"),
    (dict(status=429, body={}), "limits the rate"),
    (dict(status=503, body={}), "isn't healthy"),
    (dict(status=404, body={"error": "no \x1b[31m such"}),
     "answered none of the protocols"),
    (dict(then=hung_up), ""),
    (dict(then=broken), ""),
]


def test_what_cannot_be_verified_is_not_set(gateway, box, backend):
    provider(gateway, "p", url=backend.url)
    base = ["inference", "set", "--provider", "p", "--model", "m"]
    for does, why in UNVERIFIED:
        backend.say(**does)
        r = gateway.run(*base)
        assert r.rc == 1 and why in r.err, r
        assert "failed to verify inference endpoint for provider 'p'" in \
            r.err and "--no-verify" in r.err
        assert KEY not in r.err and "\x1b" not in r.err
        assert gateway.ok("inference", "get", "-o", "json").json() == []
    n = len(backend.requests)
    r = gateway.ok(*base, "--no-verify")
    assert "Validated" not in r.out and len(backend.requests) == n
    backend.say()
    assert chat(box)[0] == 200


BAD = [
    (["set", "--model", "m"], 2, "--provider NAME"),
    (["set", "--provider", "p"], 2, "--model ID"),
    (["set", "--provider", "p", "--model", ""], 1, "needs a model"),
    (["set", "--provider", "no", "--model", "m"], 1, "'no' not found"),
    (["set", "--provider", "g", "--model", "m"], 1, "has no models"),
    (["set", "--provider", "p", "--model", "m", "--name", "a/b"], 1,
     "route name 'a/b'"),
    (["set", "--provider", "p", "--model", "m", "--fallback", "a\tb"], 1,
     "fallback: route name"),
    (["set", "--provider", "p", "--model", "m", "--fallback", "a" * 300], 1,
     "fallback: route name"),
    (["set", "--provider", "p", "--model", "m\r\nX-A: b"], 1, "line breaks"),
    (["set", "--provider", "p", "--model", "m", "--system", "--name", "x"],
     2, "exclude each other"),
    (["set", "--provider", "p", "--model", "m", "--sandbox", "nobody"], 1,
     "'nobody' not found"),
    (["set", "--provider", "p", "--model", "m", "--timeout", "x"], 2,
     "needs a number"),
    (["update", "--model", "m"], 1, "no inference route"),
    (["update"], 2, "nothing to update"),
    (["delete", "--sandbox", "nobody"], 1, "'nobody' not found"),
    (["usage", "--sandbox", "nobody"], 1, "'nobody' not found"),
    (["get", "-o", "xml"], 2, "xml"),
    (["set", "--provider", "u", "--model", "m", "--no-verify"], 1,
     "OPENAI_BASE_URL of provider 'u'"),
    (["set", "--provider", "q", "--model", "m", "--no-verify"], 1,
     "without a query"),
    (["set", "--provider", "r", "--model", "m", "--no-verify"], 1,
     "a space or another byte"),
    (["set", "--provider", "v", "--model", "m", "--no-verify"], 1,
     "VERTEX_AI_PROJECT_ID"),
]


def test_bad_input_is_named(gateway, backend):
    provider(gateway, "p", url=backend.url)
    gateway.ok("provider", "create", "--name", "g", "--type", "github",
               "--credential", "GH_TOKEN=x")
    provider(gateway, "u", url="not a URL")
    provider(gateway, "q", url="https://a.example/?x=")
    provider(gateway, "r", url="https://a.example/ HTTP/1.1\r\nX-A: b")
    gateway.ok("provider", "create", "--name", "v", "--type", "vertex",
               "--credential", "VERTEX_AI_TOKEN=x")
    for argv, rc, text in BAD:
        r = gateway.run("inference", *argv)
        assert r.rc == rc and text in r.err, (argv, r)
    assert gateway.ok("inference", "get", "-o", "json").json() == []


def test_one_broken_endpoint_leaves_the_other_routes_alone(gateway, box,
                                                           backend):
    provider(gateway, "p", url=backend.url)
    gateway.ok("inference", "set", "--provider", "p", "--model", "m",
               "--name", "aside")
    gateway.ok("provider", "update", "p", "--config",
               "OPENAI_BASE_URL=nonsense")
    route(gateway, backend)
    assert chat(box)[0] == 200
    assert chat(box, path="/aside/v1/chat/completions")[0] == 503


def test_a_route_is_updated_shown_and_deleted(gateway, box, backend):
    assert gateway.ok("inference", "get").out.count("Not configured") == 2
    route(gateway, backend, "openai", "--timeout", "7", "--concurrent", "3")
    r = gateway.ok("inference", "update", "--model", "m2")
    assert "Gateway inference updated:" in r.out and "Version: 2" in r.out
    shown = gateway.ok("inference", "get", "-o", "json").json()
    assert shown == [{
        "route": "inference.local", "provider": "openai", "type": "openai",
        "model": "m2", "endpoint": backend.url + "/v1", "version": 2,
        "timeout_s": 7, "fallbacks": [], "requests_per_minute": 0,
        "tokens_per_minute": 0, "concurrent": 3}]
    chat(box)
    assert json.loads(backend.last["body"])["model"] == "m2"
    r = gateway.run("provider", "delete", "openai")
    assert r.rc == 1 and "inference route" in r.err
    gateway.kill("gatewayd")
    gateway.ok("inference", "set", "--provider", "openai", "--model", "m3",
               "--system")
    text = gateway.ok("inference", "get").out
    assert "Model: m2" in text and "Model: m3" in text
    assert chat(box)[0] == 200
    assert "Deleted inference route" in gateway.ok("inference", "delete").err
    wait_until(lambda: chat(box)[0] == 503, "it is gone", 2)
    assert "not found" in gateway.ok("inference", "delete").err


def test_the_system_s_route_is_not_the_agent_s(gateway, box, backend):
    route(gateway, backend, "openai", "--system")
    assert chat(box)[0] == 503
    assert chat(box, model="sandbox-system")[0] == 503
    assert chat(box, path="/sandbox-system/v1/chat/completions")[0] == 503
    assert backend.requests == []


#
# Several routes
#

def model_of(backend):
    return json.loads(backend.last["body"])["model"]


def test_a_route_is_chosen_by_prefix_and_by_alias(gateway, box, backend):
    provider(gateway, "one", url=backend.url)
    provider(gateway, "two", url=backend.url)
    provider(gateway, "claude", "anthropic", backend.url)
    for name, p, model in ((None, "one", "default"), ("fast", "two", "small"),
                           ("smart", "claude", "big")):
        gateway.ok("inference", "set", "--provider", p, "--model", model,
                   *(["--name", name] if name else []))
    rows = [
        # path; model that is asked for; model that arrives, or status
        ("/v1/chat/completions", "fast", "small"),
        ("/v1/chat/completions", "gpt", "default"),
        ("/fast/v1/chat/completions", "gpt", "small"),
        ("/one/v1/chat/completions", "fast", "default"),
        ("/two/v1/chat/completions", "gpt", "small"),
        ("/smart/v1/messages", "x", "big"),
        ("/claude/v1/messages", "x", "big"),
        ("/v1/messages", "smart", "big"),
        ("/v1/messages", "x", 400),
        ("/smart/v1/chat/completions", "x", 400),
        ("/none/v1/chat/completions", "x", 503),
    ]
    for row in rows:
        path, model, expected = row
        backend.requests.clear()
        status, _, text = chat(box, path=path, model=model)
        if isinstance(expected, int):
            assert (status, backend.requests) == (expected, []), row
        else:
            assert (status, model_of(backend)) == (200, expected), (row, text)


def test_a_sandbox_has_routes_of_its_own(gateway, box, backend):
    other = make(gateway)
    route(gateway, backend)
    gateway.ok("inference", "set", "--provider", "openai", "--model", "own",
               "--sandbox", other.name)
    assert chat(box)[0] == 200 and model_of(backend) == MODEL
    assert chat(other)[0] == 200 and model_of(backend) == "own"
    gateway.ok("inference", "delete", "--sandbox", other.name)

    def falls_back():
        return chat(other)[0] == 200 and model_of(backend) == MODEL
    wait_until(falls_back, "the owner's holds again", 2)
    gateway.ok("inference", "set", "--provider", "openai", "--model", "own",
               "--sandbox", other.name)
    other.delete()
    assert [r["model"] for r in
            gateway.ok("inference", "get", "-o", "json").json()] == [MODEL]


def test_fallbacks_are_asked_in_their_order(gateway, box, backend, context):
    second, third = Backend(context), Backend(context)
    with socket.create_server(("127.0.0.1", 0)) as s:
        dead = f"https://127.0.0.1:{s.getsockname()[1]}"
    for name, url in (("p1", backend.url), ("p2", second.url), ("p3", dead),
                      ("p4", third.url)):
        provider(gateway, name, url=url)
        more = ["--name", name] if name != "p1" else [
            "--fallback", "p2", "--fallback", "p3", "--fallback", "p4"]
        gateway.ok("inference", "set", "--provider", name, "--model", name,
                   "--no-verify", "--timeout", "1", *more)
    rows = [
        # what the first, the second and the third do; who is asked
        ({}, {}, {}, "1"),
        (dict(status=500), {}, {}, "12"),
        (dict(status=429), dict(status=503), {}, "123"),
        (dict(then=hung_up), dict(then=broken), {}, "123"),
        (dict(wait=2), {}, {}, "12"),
        (dict(status=400), {}, {}, "1"),
        (dict(status=401), {}, {}, "1"),
        (dict(status=500), dict(status=500), dict(status=500), "123"),
    ]
    backends = (backend, second, third)
    for row in rows:
        for b, does in zip(backends, row):
            b.requests.clear()
            b.say(**does)
        status, _, text = chat(box)
        asked = "".join(str(i + 1) for i, b in enumerate(backends)
                        if b.requests)
        assert asked == row[3], (row, text)
        last = row[int(row[3][-1]) - 1]
        assert status == last.get("status", 200), (row, text)
        for i, b in enumerate(backends):
            for r in b.requests:
                assert json.loads(r["body"])["model"] == ("p1", "p2",
                                                          "p4")[i]


def test_a_fallback_may_be_a_mock(gateway, box, backend):
    provider(gateway, "mock", url="mock://anything")
    gateway.ok("inference", "set", "--provider", "mock", "--model", "m",
               "--name", "spare")
    route(gateway, backend, "openai", "--fallback", "spare")
    backend.say(status=500)
    status, headers, text = chat(box)
    assert status == 200 and headers["x-openshell-mock"] == "true"
    assert len(backend.requests) == 1


#
# Budgets and usage
#

def test_a_budget_of_requests_ends_and_comes_back(gateway, box, backend):
    other = make(gateway)
    route(gateway, backend, "openai", "--requests-per-minute", "3")
    seen = [chat(box) for _ in range(5)]
    assert [s[0] for s in seen] == [200, 200, 200, 429, 429]
    assert 1 <= int(seen[-1][1]["retry-after"]) <= 60
    assert json.loads(seen[-1][2])["error"] == "the sandbox's budget is spent"
    assert len(backend.requests) == 3
    # It is each sandbox's own, and the route's.
    assert chat(other)[0] == 200
    gateway.ok("inference", "set", "--provider", "openai", "--model", "m",
               "--name", "more")
    assert chat(box, path="/more/v1/chat/completions")[0] == 200
    gateway.ok("inference", "update", "--requests-per-minute", "100")
    wait_until(lambda: chat(box)[0] == 200, "there is more", 2)
    other.delete()


def test_a_budget_of_tokens_counts_what_was_used(gateway, box, backend):
    route(gateway, backend, "openai", "--tokens-per-minute", "20")
    # Each answer says 7 + 5.
    assert [chat(box)[0] for _ in range(3)] == [200, 200, 429]
    assert len(backend.requests) == 2


def test_a_budget_of_requests_at_a_time(gateway, box, backend):
    route(gateway, backend, "openai", "--concurrent", "2")
    backend.say(wait=1)
    r = box.sh("for i in 1 2 3 4; do curl -sS -m 10 -o /dev/null "
               "-w '%{http_code}\\n' -d '{}' "
               "https://inference.local/v1/chat/completions & done; wait")
    assert sorted(r.out.split()) == ["200", "200", "429", "429"], r
    backend.say()
    assert chat(box)[0] == 200


def test_usage_is_counted_and_kept(gateway, backend):
    box = make(gateway)
    assert "Nothing was asked" in gateway.ok(
        "inference", "usage", "--sandbox", box.name).err
    route(gateway, backend)
    chat(box)
    chat(box)
    backend.say(status=400)
    chat(box)

    def usage():
        return gateway.ok("inference", "usage", "--sandbox", box.name, "-o",
                          "json").json()
    wait_until(lambda: usage() and usage()[0]["requests"] == 3,
               "all is counted", 3)
    expected = [{"sandbox": box.name, "route": "inference.local",
                 "provider": "openai", "model": MODEL, "requests": 3,
                 "failures": 1}]
    got = usage()
    assert got[0].pop("input_tokens") in (14, 21)
    assert got[0].pop("output_tokens") in (10, 15)
    assert got == expected
    event = next(e for e in box.logs() if e["message"] == "INFERENCE")
    assert {"method", "path", "provider", "model", "status",
            "latency_ms"} <= set(event["fields"])
    gateway.kill("gatewayd")
    assert usage()[0]["requests"] == 3
    table = gateway.ok("inference", "usage").out.splitlines()
    assert table[0].split()[:3] == ["SANDBOX", "ROUTE", "PROVIDER"]
    box.delete()


#
# Types that a profile describes
#

PROFILE = """\
id: my-models
display_name: Mine
category: inference
inference_capable: true
credentials:
  - {name: key, env_vars: [MY_KEY], required: true}
  - {name: other, env_vars: [AN_OTHER]}
endpoints:
  - {host: 127.0.0.1, port: 1, protocol: rest, access: full}
"""
BEARER = ("authorization", f"Bearer {KEY}")
DESCRIBED = [
    # what the profile says instead; asked; the path and key that arrive
    ({}, "/v1/chat/completions", "/v1/chat/completions", BEARER),
    ({"MY_KEY]": "MY_KEY], auth_style: bearer",
      "protocol": "path: /openai/v1/**, protocol"},
     "/v1/chat/completions", "/openai/v1/chat/completions", BEARER),
    ({"MY_KEY]": "MY_KEY], auth_style: header, header_name: X-Api-Key"},
     "/my-models/v1/messages", "/v1/messages", ("x-api-key", KEY)),
]


def described(gateway, text, *config):
    gateway.ok("provider", "profile", "import", "-f",
               gateway.file("my-models.yaml", text))
    gateway.ok("provider", "create", "--name", "my-models", "--type",
               "my-models", "--credential", "AN_OTHER", "--credential",
               "MY_KEY", *config, env={"MY_KEY": KEY, "AN_OTHER": "not-it"})


def changed(text, change):
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize("change, path, arrives, key", DESCRIBED)
def test_a_profile_is_enough_for_models(gateway, box, backend, change, path,
                                        arrives, key):
    text = changed(PROFILE, {"port: 1": f"port: {backend.server_port}",
                             **change})
    described(gateway, text)
    gateway.ok("inference", "set", "--provider", "my-models", "--model", MODEL)
    backend.requests.clear()
    status, headers, _ = ask(box, path, A)
    assert status == 200
    got = backend.last
    assert got["path"] == arrives and got["headers"][key[0]] == key[1]
    assert json.loads(got["body"])["model"] == MODEL
    assert "not-it" not in json.dumps(got["headers"])
    other = "x-api-key" if key == BEARER else "authorization"
    assert other not in got["headers"]


def test_a_profile_s_new_endpoint_reaches_its_routes(gateway, box, backend):
    text = PROFILE.replace("port: 1", f"port: {backend.server_port}")
    described(gateway, text)
    gateway.ok("inference", "set", "--provider", "my-models", "--model", MODEL)
    gateway.ok("provider", "profile", "update", "my-models", "-f",
               gateway.file("my-models.yaml", changed(
                   text, {"protocol": "path: /new/**, protocol"})))
    wait_until(lambda: chat(box)[0] == 200 and
               backend.last["path"] == "/new/chat/completions",
               "it is asked there", 2)


def test_a_profile_that_comes_back_opens_its_routes(gateway, box, backend):
    text = PROFILE.replace("port: 1", f"port: {backend.server_port}")
    described(gateway, text)
    gateway.ok("inference", "set", "--provider", "my-models", "--model", MODEL)
    assert chat(box)[0] == 200
    (gateway.dir / "config/providers/my-models.yaml").unlink()
    gateway.kill("gatewayd")
    gateway.ok("inference", "get")
    wait_until(lambda: chat(box)[0] == 503, "nobody knows how to ask", 5)
    gateway.ok("provider", "profile", "import", "-f",
               gateway.file("my-models.yaml", text))
    wait_until(lambda: chat(box)[0] == 200, "it is asked again", 2)


NOT_DESCRIBED = [
    ({"inference_capable: true": "inference_capable: false"},
     "has no models"),
    ({"MY_KEY]": "MY_KEY], auth_style: basic"}, "isn't sent as models want"),
    ({"MY_KEY]": "MY_KEY], auth_style: header, header_name: X-Mine"},
     "isn't sent as models want"),
    ({"127.0.0.1": '"*.example.com"'}, "set its config MY_MODELS_BASE_URL"),
]


@pytest.mark.parametrize("change, says", NOT_DESCRIBED)
def test_a_profile_that_does_not_say_how_gives_no_models(gateway, change,
                                                         says):
    described(gateway, changed(PROFILE, change))
    r = gateway.run("inference", "set", "--provider", "my-models", "--model",
                    MODEL)
    assert r.rc == 1 and says in r.err, r


def test_config_says_another_place_than_the_profile(gateway, box, backend):
    described(gateway, PROFILE, "--config",
              f"MY_MODELS_BASE_URL={backend.url}/there")
    gateway.ok("inference", "set", "--provider", "my-models", "--model", MODEL)
    assert chat(box)[0] == 200
    assert backend.last["path"] == "/there/chat/completions"


#
# Without a backend, without a gateway
#

MOCKS = [
    ("openai", "POST /v1/chat/completions", "chat.completion"),
    ("openai", "POST /v1/completions", "text_completion"),
    ("openai", "POST /v1/responses", "response"),
    ("openai", "POST /v1/embeddings", "list"),
    ("openai", "GET /v1/models", "list"),
    ("anthropic", "POST /v1/messages", "message"),
    ("anthropic", "POST /v1/messages/count_tokens", None),
    ("aws-bedrock", "POST /model/x/invoke", "message"),
]


def test_a_mock_answers_each_protocol(gateway, box):
    for kind in ("openai", "anthropic", "aws-bedrock"):
        provider(gateway, kind, kind, "mock://m")
        gateway.ok("inference", "set", "--provider", kind, "--model", MODEL,
                   "--name", kind)
    for kind, line, shape in MOCKS:
        method, path = line.split()
        body = A if method == "POST" else None
        status, headers, text = ask(box, f"/{kind}{path}", body,
                                    method=method)
        told = json.loads(text)
        assert status == 200 and headers["x-openshell-mock"] == "true", line
        assert told.get("object", told.get("type")) == shape, line
    status, headers, text = ask(box, "/anthropic/v1/messages",
                                {**A, "stream": True})
    assert headers["content-type"] == "text/event-stream"
    assert "event: message_stop" in text


FILE = """\
routes:
  - {{name: inference.local, endpoint: "{url}/v1", model: m1,
     api_key_env: THE_KEY, timeout: 2, fallbacks: [spare]}}
  - {{route: spare, endpoint: "mock://spare", model: m2}}
  - {{name: claude, endpoint: "{url}/v1", model: m3, api_key: in-the-file,
     provider_type: anthropic, protocols: [anthropic_messages]}}
"""
WRONG = [
    ("routes: {a: b}\n", "'routes:' and a list"),
    ("routes:\n  - {model: m, colour: red}\n", ":2: unknown key 'colour'"),
    ("routes:\n  - {model: m, api_key_env: NOT_SET}\n", "isn't set"),
    ("routes:\n  - {model: m, timeout: soon}\n", "a number"),
    ("routes:\n  - {provider_type: nope, endpoint: 'http://a'}\n", "nope"),
    ("routes:\n  - {provider_type: aws-bedrock}\n", "'endpoint' is missing"),
    ("routes:\n  - {endpoint: 'ftp://a'}\n", "no http URL"),
    ("routes:\n  - {protocols: [telepathy]}\n", "telepathy"),
    ("routes: [\n", ":2:"),
]


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


def test_a_file_of_routes_is_enough(tmp_path):
    backend = Backend()
    file, port = tmp_path / "routes.yaml", free_port()
    file.write_text(FILE.format(url=backend.url))
    p = subprocess.Popen(
        [BIN / "routerd", "--inference-routes", file, "--listen",
         f"127.0.0.1:{port}", "--workers", "1"], env={"THE_KEY": KEY})

    def curl(path, body):
        r = subprocess.run(
            ["curl", "-sS", "-w", "\n%{http_code}", "-d", json.dumps(body),
             f"http://127.0.0.1:{port}{path}"], capture_output=True,
            text=True)
        text, _, status = r.stdout.rpartition("\n")
        return r.returncode, int(status), text

    try:
        wait_until(lambda: curl("/v1/models", {})[0] == 0, "it listens")
        assert curl("/v1/chat/completions", CHAT)[1] == 200
        assert model_of(backend) == "m1"
        assert backend.last["headers"]["authorization"] == f"Bearer {KEY}"
        assert curl("/v1/messages", {"model": "claude", **A})[1] == 200
        assert model_of(backend) == "m3"
        assert backend.last["headers"]["x-api-key"] == "in-the-file"
        # What the file doesn't list isn't offered.
        assert curl("/claude/v1/messages/count_tokens", A)[1] == 400
        backend.say(status=500)
        status, text = curl("/v1/chat/completions", CHAT)[1:]
        assert status == 200 and json.loads(text)["model"] == "m2"
    finally:
        p.terminate()
        p.wait(5)


@pytest.mark.parametrize("text, why", WRONG, ids=[w[1] for w in WRONG])
def test_a_wrong_file_is_refused_with_its_line(tmp_path, text, why):
    file = tmp_path / "routes.yaml"
    file.write_text(text)
    r = subprocess.run(
        [BIN / "routerd", "--inference-routes", file, "--listen",
         f"127.0.0.1:{free_port()}"], capture_output=True, text=True,
        timeout=10)
    assert r.returncode == 1 and why in r.stderr, r
