# SPDX-License-Identifier: Apache-2.0
"""routerd alone, between clients and backends that mean harm or are broken."""

import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import pytest

from shell import BIN, wait_until

pytestmark = pytest.mark.independent_of_ids

# A build with sanitizers may be put in its place.
ROUTERD = os.environ.get("ROUTERD", BIN / "routerd")


class Backend:
    """A listener; each connection is handler(sock) in a thread."""

    def __init__(self, handler, tls=None):
        self.handler, self.tls = handler, tls
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            threading.Thread(target=self.serve, args=(s,), daemon=True).start()

    def serve(self, s):
        try:
            if self.tls is not None:
                s = self.tls.wrap_socket(s, server_side=True)
            self.handler(s)
        except (OSError, EOFError, BrokenPipeError):
            pass
        finally:
            s.close()

    def close(self):
        self.listener.close()


def exactly(s, n):
    data = b""
    while len(data) < n:
        more = s.recv(n - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def read_request(s):
    """Head and body, or EOFError."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(s, 1)
    n = re.search(rb"(?i)content-length: (\d+)", head)
    return head, exactly(s, int(n[1])) if n else b""


def plain(text=b'{"ok":1}', status=b"200 OK", more=b""):
    return (b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n"
            + more + b"Content-Length: %d\r\n\r\n" % len(text) + text)


class H2:
    """The server's side of RFC 9113, no more than what these tests say."""

    def __init__(self, s, on_request):
        self.s, self.on_request = s, on_request
        self.bodies = {}
        self.window = {0: 65535}
        self.initial = 65535
        assert exactly(s, 24).startswith(b"PRI * HTTP/2.0")
        self.frame(4, 0, 0, b"")
        while True:
            self.step()

    def frame(self, kind, flags, stream, data):
        self.s.sendall(struct.pack("!I", len(data))[1:] + bytes([kind, flags])
                       + struct.pack("!I", stream) + data)

    def head(self, stream, fields, end=False):
        def text(t):
            n, out = len(t), b""
            if n < 127:
                return bytes([n]) + t
            n, out = n - 127, b"\x7f"
            while n > 127:
                n, out = n >> 7, out + bytes([n & 127 | 128])
            return out + bytes([n]) + t
        block = b"".join(b"\0" + text(k) + text(v) for k, v in fields)
        first, block = block[:16000], block[16000:]
        self.frame(1, (4 if not block else 0) | end, stream, first)
        while block:
            part, block = block[:16000], block[16000:]
            self.frame(9, 0 if block else 4, stream, part)

    def answer(self, stream, body, status=b"200"):
        self.head(stream, [(b":status", status),
                           (b"content-type", b"application/json")])
        self.frame(0, 1, stream, body)

    def room(self, stream):
        return min(self.window[0],
                   self.window.get(stream, self.initial))

    def fill(self, stream, n):
        """As much of n bytes as the windows let through."""
        while n > 0 and self.room(stream) > 0:
            part = min(n, 16384, self.room(stream))
            self.frame(0, 0, stream, b"x" * part)
            self.window[0] -= part
            self.window[stream] = self.window.get(stream, self.initial) - part
            n -= part
        return n

    def step(self):
        head = exactly(self.s, 9)
        data = exactly(self.s, int.from_bytes(head[:3], "big"))
        kind, flags = head[3], head[4]
        stream = int.from_bytes(head[5:], "big")
        if kind == 4 and not flags & 1:
            for i in range(0, len(data), 6):
                name, value = struct.unpack("!HI", data[i:i + 6])
                if name == 4:
                    self.initial = value
            self.frame(4, 1, 0, b"")
        elif kind == 8:
            self.window[stream] = (self.window.get(stream, self.initial)
                                   + int.from_bytes(data, "big"))
        elif kind == 0:
            self.bodies[stream] = self.bodies.get(stream, b"") + data
        if kind in (0, 1) and flags & 1:
            self.on_request(self, stream,
                            json.loads(self.bodies.pop(stream, b"{}")))


class Router:
    def __init__(self, directory, routes, *options):
        with socket.create_server(("127.0.0.1", 0)) as s:
            self.port = s.getsockname()[1]
        path = directory / "routes.yaml"
        path.write_text("routes:\n" + "".join(
            "  - {" + ", ".join(f"{k}: {json.dumps(v)}"
                                for k, v in r.items()) + "}\n"
            for r in routes))
        self.log = open(directory / "routerd.log", "w+")
        self.p = subprocess.Popen(
            [ROUTERD, "--inference-routes", path, "--workers", "1", "--listen",
             f"127.0.0.1:{self.port}", *options], stderr=self.log)
        wait_until(self.answers, "routerd listens")
        self.worker = int(subprocess.run(
            ["pgrep", "-P", str(self.p.pid)], capture_output=True,
            text=True).stdout.split()[0])

    def answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def connect(self, receive_buffer=0):
        s = socket.socket()
        if receive_buffer:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        s.settimeout(10)
        s.connect(("127.0.0.1", self.port))
        return s

    def stopped(self):
        return Stopped(self.worker)

    def close(self):
        alive = self.p.poll() is None
        self.p.terminate()
        self.p.wait()
        self.log.seek(0)
        text = self.log.read()
        assert alive and "Sanitizer" not in text, text


class Stopped:
    """Nothing is read until this is over: what came first is seen first."""

    def __init__(self, pid):
        self.pid = pid

    def __enter__(self):
        os.kill(self.pid, signal.SIGSTOP)

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGCONT)


@pytest.fixture
def tls(tmp_path):
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
         cert, "-subj", "/CN=backend", "-addext",
         "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
    ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ctx.load_cert_chain(cert, key)
    ctx.set_alpn_protocols(["h2"])
    return ctx


@pytest.fixture
def world(tmp_path):
    """world(handler, routes...) is a router and a backend for its routes;
    each route gets the backend's endpoint."""
    made = []

    def one(handler, *routes, tls=None):
        backend = Backend(handler, tls)
        scheme = "http" if tls is None else "https"
        url = f"{scheme}://127.0.0.1:{backend.port}/v1"
        more = ["--upstream-ca", tmp_path / "cert.pem"] if tls else []
        router = Router(tmp_path, [{"endpoint": url, "timeout": 8, **r}
                                   for r in routes or ({},)], *more)
        made[:] = [router, backend]
        return router, backend
    yield one
    for it in made:
        it.close()


def ask(body=b"{}", version=b"1.1", more=b"", path=b"/v1/chat/completions"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    return (b"POST " + path + b" HTTP/" + version + b"\r\nHost: x\r\n" + more
            + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def read_answer(s):
    """Status and body of one answer; chunked or with a length."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += exactly(s, 1)
    status, body = int(head.split()[1]), b""
    n = re.search(rb"(?i)content-length: (\d+)", head)
    if n:
        return status, exactly(s, int(n[1]))
    while True:
        line = b""
        while not line.endswith(b"\r\n"):
            line += exactly(s, 1)
        n = int(line, 16)
        body += exactly(s, n)
        exactly(s, 2)
        if n == 0:
            return status, body


def quickly(s, seconds=4):
    """An answer that comes before any timeout would."""
    s.settimeout(seconds)
    return read_answer(s)


def one(router, body=b"{}", seconds=4):
    with router.connect() as s:
        s.sendall(ask(body))
        return quickly(s, seconds)


#
# HTTP/2.
#

def test_a_fallback_never_takes_the_connection_that_just_died(world, tls):
    seen = []

    def on_request(h, stream, body):
        seen.append(stream)
        if len(seen) == 1:
            raise EOFError  # hangs up
        h.answer(stream, b'{"ok":1}')
    router, backend = world(
        lambda s: H2(s, on_request), {"fallbacks": ["spare"]},
        {"name": "spare"}, tls=tls)
    assert one(router) == (200, b'{"ok":1}')
    assert backend.connections == 2
    assert one(router) == (200, b'{"ok":1}')


def test_a_reset_seen_by_a_write_is_no_wait(world, tls):
    """The request goes out before the loop learns that the kept connection
    was reset."""
    live = []

    def on_request(h, stream, body):
        live.append(h.s)
        h.answer(stream, b'{"ok":1}')
    router, backend = world(lambda s: H2(s, on_request), tls=tls)
    assert one(router)[0] == 200
    with router.connect() as s:
        time.sleep(0.1)
        with router.stopped():
            s.sendall(ask())
            live[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                               struct.pack("ii", 1, 0))
            os.close(live[0].detach())
            time.sleep(0.1)
        assert quickly(s) == (200, b'{"ok":1}')
    assert backend.connections == 2


def test_a_burst_is_read_to_its_end(world, tls):
    """More records at once than are read before others have their turn."""
    def on_request(h, stream, body):
        with router.stopped():
            h.head(stream, [(b":status", b"200")])
            for _ in range(100):
                assert h.fill(stream, 10) == 0
            h.frame(0, 1, stream, b"")
            time.sleep(0.1)
    router, _ = world(lambda s: H2(s, on_request), tls=tls)
    assert one(router) == (200, b"x" * 1000)


def test_a_head_that_is_too_large_is_refused_at_once(world, tls):
    def on_request(h, stream, body):
        h.head(stream, [(b":status", b"200")]
               + [(b"x-%d" % i, b"y" * 1000) for i in range(20)])
    router, _ = world(lambda s: H2(s, on_request), tls=tls)
    start = time.monotonic()
    assert one(router)[0] in (502, 503)
    assert time.monotonic() - start < 2


def test_clients_that_dont_read_hold_up_nobody_else(world, tls):
    slow = {}

    def on_request(h, stream, body):
        if not body.get("big"):
            h.answer(stream, b'{"ok":1}')
            return
        h.head(stream, [(b":status", b"200")])
        slow[stream] = 8 << 20

    class Server(H2):
        def step(self):
            super().step()
            for stream in slow:
                slow[stream] = self.fill(stream, slow[stream])
    router, backend = world(lambda s: Server(s, on_request), tls=tls)
    one(router)
    idle = [router.connect(4096) for _ in range(24)]
    for s in idle:
        s.sendall(ask({"big": True}))
    time.sleep(1.5)
    assert one(router) == (200, b'{"ok":1}')
    assert backend.connections == 1
    for s in idle:
        s.close()
    time.sleep(0.2)
    assert one(router) == (200, b'{"ok":1}')


#
# HTTP/1.1.
#

def test_what_came_before_the_question_is_no_answer(world):
    live = []

    def serve(s):
        live.append(s)
        while True:
            read_request(s)
            s.sendall(plain())
    router, backend = world(serve)
    assert one(router)[0] == 200
    with router.connect() as s:
        time.sleep(0.1)
        with router.stopped():
            s.sendall(ask())
            live[0].sendall(plain(b'{"meant":"for another"}'))
            time.sleep(0.1)
        assert quickly(s) == (200, b'{"ok":1}')
    assert backend.connections == 2


def test_interim_answers_have_an_end(world):
    def serve(s):
        _, body = read_request(s)
        while b"flood" in body:
            s.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 2000)
        s.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n" + plain())
    router, _ = world(serve)
    with router.connect() as s:
        s.sendall(ask({"flood": 1}))
        time.sleep(0.2)
        assert one(router)[0] == 200
        assert quickly(s)[0] in (502, 503)


def test_a_slow_client_gets_the_last_bytes_too(world):
    def serve(s):
        while True:
            _, body = read_request(s)
            s.sendall(plain(b"x" * json.loads(body)["n"]))
    router, _ = world(serve)
    for n in range(2 << 20, 4 << 20, 12 << 10):
        with router.connect(4096) as s:
            s.sendall(ask({"n": n}))
            s.settimeout(4)
            time.sleep(0.02)
            data = b""
            while not data.endswith(b"\r\n0\r\n\r\n"):
                more = s.recv(65536)
                assert more
                data = data[-16:] + more


def test_a_fallback_that_cant_be_asked_is_an_answer(world):
    """Its route takes the models away, which this body names twice."""
    def serve(s):
        while True:
            read_request(s)
            s.sendall(plain(b"{}", b"500 No"))
    router, _ = world(serve, {"fallbacks": ["spare"]},
                      {"name": "spare", "model": "m"})
    assert one(router, b'{"models":["a"],"models":["b"]}')[0] == 502
    assert one(router)[0] == 500


def test_an_old_client_gets_no_chunks_when_a_stream_breaks(world):
    def serve(s):
        read_request(s)
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  b"Content-Length: 100\r\n\r\ndata: 1\n\n")
    router, _ = world(serve)
    with router.connect() as s:
        s.settimeout(8)
        s.sendall(ask(version=b"1.0"))
        data = b""
        while more := s.recv(65536):
            data += more
    body = data.split(b"\r\n\r\n", 1)[1]
    assert body.startswith(b"data: 1\n\n")
    assert b"proxy_stream_error" in body and body.endswith(b"}\n\n")


def test_a_second_answer_goes_to_nobody(world):
    """Two answers to one request: the second ends the connection."""
    def serve(s):
        while True:
            read_request(s)
            s.sendall(plain() + plain(b'{"meant":"for another"}'))
    router, _ = world(serve)
    with router.connect() as s:
        for _ in range(20):
            s.sendall(ask())
            assert quickly(s) == (200, b'{"ok":1}')


def test_credentials_of_a_client_stay_here(world):
    heads = []

    def serve(s):
        while True:
            head, _ = read_request(s)
            heads.append(head)
            s.sendall(plain())
    router, _ = world(serve, {"api_key": "the-key"})
    with router.connect() as s:
        s.sendall(ask(
            more=b"Authorization: Bearer mine\r\nCookie: mine\r\n"
            b"X-Api-Key: mine\r\nX-Goog-Api-Key: mine\r\nApi-Key: mine\r\n"
            b"Proxy-Authorization: mine\r\nX-Amz-Security-Token: mine\r\n"
            b"X-Forwarded-For: mine\r\n",
            path=b"/v1/chat/completions?a=1&key=mine&%6bey=mine&KEY=mine"
            b"&access%5Ftoken=mine&b"))
        assert quickly(s)[0] == 200
    head, = heads
    assert b"mine" not in head, head
    assert b"authorization: Bearer the-key" in head
    assert head.startswith(b"POST /v1/chat/completions?a=1&b HTTP/1.1\r\n")


SPELLINGS = [
    b'{"stream":false,"stream":true}', b'{"stream":true,"stream":true}',
    b'{"stream":1}', b'{"stream":"true"}', b'{"Stream":true}',
    b'{"\\u0053tream":true}', b'{"STREAM_OPTIONS":{}}',
    b'{"stream_options":{},"stream_options":{}}',
    b'{"model":"a","model":"b"}', b'{"Model":"b"}', b'{"model":"a","MODEL":1}',
    b'{"Models":["b"]}', b'{"model\\u0000":"b","model":"a"}',
    b'{"model\\u0000' + b"x" * 200 + b'":"b"}',
    b'{"\\u017ftream":true}', '{"\u017ftream_options":{}}'.encode(),
]


def willing():
    """What was asked of a backend that answers everything, and its serve."""
    asked = []

    def serve(s):
        while True:
            asked.append(read_request(s))
            s.sendall(plain())
    return asked, serve


@pytest.mark.parametrize("body", SPELLINGS, ids=range(len(SPELLINGS)))
def test_what_decides_here_has_one_reading(world, body):
    asked, serve = willing()
    router, _ = world(serve, {"model": "pinned"})
    status, text = one(router, body)
    assert status == 400 and b"error" in text
    assert not asked
    # What merely looks alike decides nothing.
    also = '{"stream":null,"Messages":[],"\u017fystem":1,"models\u017f":1}'
    assert one(router, also.encode())[0] == 200


def test_no_other_way_says_the_model(world):
    asked, serve = willing()
    router, _ = world(serve, {"model": "pinned"})
    with router.connect() as s:
        s.sendall(ask({"model": "mine", "models": ["mine"], "n": 1},
                      more=b"X-Model-Id: mine\r\n"
                           b"Content-Type: application/json; charset=utf-7\r\n"))
        assert quickly(s)[0] == 200
    (head, body), = asked
    assert json.loads(body) == {"model": "pinned", "n": 1}
    assert b"mine" not in head and b"x-model-id: pinned\r\n" in head, head
    assert head.count(b"content-type: application/json\r\n") == 1, head
    assert b"utf-7" not in head


def tokens_left(world, serve, spend):
    """With a budget that one such request uses up, is another admitted?"""
    router, backend = world(serve, {"tokens_per_minute": 1000})
    spend(router)
    return one(router)[0] != 429


def test_who_leaves_early_pays_for_what_was_asked(world):
    def silent(s):
        while True:
            _, body = read_request(s)
            if len(body) > 1000:
                s.recv(1)
            s.sendall(plain())

    def leave(size):
        def spend(router):
            with router.connect() as s:
                s.sendall(ask({"x": "y" * size}))
                time.sleep(0.3)
            time.sleep(0.3)
        return spend
    assert not tokens_left(world, silent, leave(8000))
    assert tokens_left(world, silent, leave(2000))


def test_who_leaves_before_the_counts_pays_for_the_events(world):
    def stream(s):
        _, body = read_request(s)
        if b"many" not in body:
            s.sendall(plain())
            return
        s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                  b"Connection: close\r\n\r\n")
        for _ in range(1500):
            s.sendall(b"data: {}\n\n")
        s.recv(1)

    def leave(router):
        with router.connect() as s:
            s.sendall(ask({"many": 1, "stream": True}))
            data = b""
            while data.count(b"data:") < 1500:
                data += s.recv(65536)
        time.sleep(0.3)
    assert not tokens_left(world, stream, leave)


def test_counts_beyond_belief_are_no_ban(world):
    def boast(s):
        while True:
            read_request(s)
            s.sendall(plain(b'{"usage":{"prompt_tokens":999999999999999,'
                            b'"completion_tokens":999999999999999}}'))
    router, _ = world(boast, {"tokens_per_minute": 1000})
    assert one(router)[0] == 200
    with router.connect() as s:
        s.sendall(ask())
        s.settimeout(4)
        head = s.recv(65536)
    assert b" 429 " in head
    wait = int(re.search(rb"Retry-After: (\d+)", head)[1])
    assert 0 < wait <= 3700, head
