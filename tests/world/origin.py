#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The server that tells what reached it: HTTP on 80, HTTPS on 443, raw bytes
echoed on 7000.

Every request is a line of origin.log.  Paths ask for an answer's shape:
/chunked, /interim (103 before 200), /slow (a line each 0.2 s), /stream (an
event stream), /close (no length, ended by the end), /echo (the body back),
/headers (what arrived), /reflect (Authorization in a field
and, in every spelling, byte by byte in the body, of the type that X-Type
says), /smuggle (an answer with both kinds of length),
/ws (WebSocket: echoes frames).
"""

import base64
import hashlib
import json
import os
import socket
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

WORLD, ADDRESS = sys.argv[1], sys.argv[2]
LOG_LOCK = threading.Lock()


def log(**what):
    with LOG_LOCK, open(f"{WORLD}/origin.log", "a") as f:
        f.write(json.dumps(what) + "\n")


def read_head(f):
    head = []
    while True:
        line = f.readline(65537)
        if not line:
            return None
        if line in (b"\r\n", b"\n"):
            return head
        head.append(line.rstrip(b"\r\n").decode("latin-1"))


def read_body(f, headers):
    if "chunked" in headers.get("transfer-encoding", ""):
        body = b""
        while True:
            n = int(f.readline().split(b";")[0], 16)
            if n == 0:
                while f.readline() not in (b"\r\n", b"\n", b""):
                    pass
                return body
            body += f.read(n)
            f.readline()
    return f.read(int(headers.get("content-length", 0)))


class Http(socketserver.StreamRequestHandler):
    def say(self, text):
        self.wfile.write(text if isinstance(text, bytes) else text.encode())
        self.wfile.flush()

    def chunk(self, text):
        self.say(f"{len(text):x}\r\n{text}\r\n")

    def answer(self, body, status="200 OK", extra=""):
        self.say(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\n"
                 f"{extra}Content-Length: {len(body)}\r\n\r\n")
        self.say(body)

    def reflect(self, headers):
        value = headers.get("authorization", "").split(" ")[-1]
        quoted = urllib.parse.quote(value, safe="")
        text = json.dumps({"raw": value, "quoted": [quoted, quoted.lower()]})
        self.say(f"HTTP/1.1 200 {value}\r\nX-Echo: <{value}>\r\n"
                 f"X-{value if value.isalnum() else 'No-Token'}: 1\r\n"
                 f"X-Length: {len(text)}\r\nContent-Type: "
                 f"{headers.get('x-type', 'text/plain')}\r\n")
        if "x-length" in headers:
            self.say(f"Content-Length: {len(text)}\r\n\r\n")
            for c in text:
                self.say(c)
                time.sleep(0.001)
            return
        self.say("Transfer-Encoding: chunked\r\n\r\n")
        for c in text:
            self.chunk(c)
        self.chunk("")

    def websocket(self, headers):
        key = headers["sec-websocket-key"]
        magic = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(magic.encode()).digest())
        self.say("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                 "Connection: Upgrade\r\nSec-WebSocket-Accept: "
                 f"{accept.decode()}\r\n\r\n")
        while True:
            head = self.rfile.read(2)
            if len(head) < 2 or head[0] & 15 == 8:
                return
            n = head[1] & 127
            mask = self.rfile.read(4)
            data = bytes(b ^ mask[i % 4]
                         for i, b in enumerate(self.rfile.read(n)))
            self.say(bytes([0x81, len(data)]) + data)

    def one(self):
        head = read_head(self.rfile)
        if not head:
            return False
        method, target, _ = head[0].split(" ", 2)
        pairs = [h.split(":", 1) for h in head[1:]]
        headers = {k.lower(): v.strip() for k, v in pairs}
        if headers.get("expect") == "100-continue":
            self.say("HTTP/1.1 100 Continue\r\n\r\n")
        body = read_body(self.rfile, headers)
        log(method=method, target=target, headers=headers, bytes=len(body),
            body=body[:200].decode("latin-1"), tls=self.server.tls)
        path = target.split("?")[0]
        if path == "/ws":
            self.websocket(headers)
            return False
        if path == "/chunked":
            self.say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for part in ("one ", "two ", "three\n"):
                self.chunk(part)
            self.chunk("")
        elif path == "/interim":
            self.say("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
            self.answer("after the hints\n")
        elif path in ("/slow", "/stream"):
            kind = "text/event-stream" if path == "/stream" else "text/plain"
            self.say(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n")
            for i in range(5):
                self.chunk(f"data: {i}\n\n")
                time.sleep(0.2)
            self.chunk("")
        elif path == "/close":
            self.say("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nto the end\n")
            return False
        elif path == "/echo":
            self.answer(body)
        elif path == "/headers":
            self.answer("\n".join(head) + "\n")
        elif path == "/reflect":
            self.reflect(headers)
        elif path == "/smuggle":
            self.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n"
                     "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 "
                     "OK\r\nContent-Length: 6\r\n\r\nforged")
            return False
        else:
            self.answer("origin\n")
        return True

    def handle(self):
        try:
            while self.one():
                pass
        except (OSError, ValueError, ssl.SSLError):
            pass


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        while True:
            data = self.request.recv(65536)
            if not data:
                return
            self.request.sendall(data)


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 1024
    tls = False
    context = None

    def get_request(self):
        s, a = super().get_request()
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s, a

    def finish_request(self, request, address):
        if self.context:
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except (OSError, ssl.SSLError):
                return
        super().finish_request(request, address)


def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{WORLD}/good.pem", f"{WORLD}/good.key")
    tls = Server((ADDRESS, 443), Http)
    tls.tls, tls.context = True, context
    servers = [Server((ADDRESS, 80), Http), Server((ADDRESS, 7000), Echo), tls]
    for s in servers[:-1]:
        threading.Thread(target=s.serve_forever, daemon=True).start()
    servers[-1].serve_forever()


if __name__ == "__main__":
    main()
