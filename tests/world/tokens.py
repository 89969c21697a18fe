#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Token endpoints that believe nothing: OAuth 2.0 and AWS STS, over HTTPS on
443, and over plain HTTP on the loopback's 8090.

Each test has a realm of its own, /r/NAME/token and /r/NAME/sts.  What a realm
expects and gives is set with PUT /control/NAME, a JSON object:

    client_id, client_secret   of both OAuth grants
    refresh_token              the one that is good now; with "rotates" each
                               answer brings the next.  "grace": the one before
                               is good until the new one was used
    public_key, issuer, ...    (PEM) of a service account: its JWT is verified
    keys                       {access key: secret} that STS knows
    expires_in                 of what is given
    answers                    [{status, headers, body}] to give before that
    delay_s                    before each answer

GET /control/NAME shows it, with what was asked and issued, and how many
requests were there at one time at most.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import secrets
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

WORLD, ADDRESS = sys.argv[1], sys.argv[2]
LOCK = threading.Lock()
realms = {}


class Refused(Exception):
    def __init__(self, status, body):
        self.status, self.body = status, body


def oauth_error(code, status=400):
    return Refused(status, {"error": code, "error_description": "no: " + code})


def sts_error(code, status=403):
    return Refused(status, {"Error": {"Type": "Sender", "Code": code,
                                      "Message": "no"}, "RequestId": "1"})


def check(condition, error):
    if not condition:
        raise error


def token(kind):
    return f"{kind}-{secrets.token_urlsafe(24)}"


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def verifies(public_key, signed, signature):
    with tempfile.TemporaryDirectory() as d:
        for name, data in (("key", public_key.encode()), ("signed", signed),
                           ("signature", signature)):
            with open(f"{d}/{name}", "wb") as f:
                f.write(data)
        return subprocess.run(
            ["openssl", "dgst", "-sha256", "-verify", f"{d}/key",
             "-signature", f"{d}/signature", f"{d}/signed"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ).returncode == 0


def check_jwt(realm, jwt, url):
    bad = oauth_error("invalid_grant")
    parts = jwt.split(".")
    check(len(parts) == 3, bad)
    header, claims = (json.loads(decode(p)) for p in parts[:2])
    check(header == {"alg": "RS256", "typ": "JWT"}, bad)
    check(verifies(realm["public_key"], ".".join(parts[:2]).encode(),
                   decode(parts[2])), bad)
    now = time.time()
    check(claims.pop("aud") == url, bad)
    check(abs(claims["iat"] - now) < 60, bad)
    check(claims["exp"] - claims.pop("iat") <= 3600, bad)
    check(claims.pop("exp") > now, bad)
    check(claims == realm["claims"], bad)


def give(realm, **more):
    realm["issued"].append(token("at"))
    if realm["expires_in"] is not None:
        more["expires_in"] = realm["expires_in"]
    return {"access_token": realm["issued"][-1], "token_type": "Bearer", **more}


def next_refresh_token(realm, given):
    """What an answer brings besides; checks the one that came."""
    if given != realm["refresh_token"]:
        check(realm.get("grace") and given == realm.get("before"),
              oauth_error("invalid_grant"))
    elif realm.get("rotates"):
        realm["before"] = given
        realm["refresh_token"] = token("rt")
    if realm.get("rotates"):
        return {"refresh_token": realm["refresh_token"]}
    return {}


def grant(realm, form, url):
    kind, more = form.pop("grant_type", ""), {}
    if kind.endswith(":jwt-bearer"):
        check_jwt(realm, form.pop("assertion"), url)
    else:
        check(form.pop("client_id", None) == realm["client_id"] and
              form.pop("client_secret", None) == realm.get("client_secret"),
              oauth_error("invalid_client", 401))
        check(form.pop("scope", None) == realm.get("scope"),
              oauth_error("invalid_scope"))
        check(kind in ("client_credentials", "refresh_token"),
              oauth_error("unsupported_grant_type"))
        if kind == "refresh_token":
            more = next_refresh_token(realm, form.pop("refresh_token"))
    check(form == {}, oauth_error("invalid_request"))
    return give(realm, **more)


def sign(secret, *parts):
    key = b"AWS4" + secret.encode()
    for part in parts:
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def check_signature(realm, path, headers, body):
    """As AWS says it, of what came and nothing else."""
    text = headers["authorization"]
    check(text.startswith("AWS4-HMAC-SHA256 "), sts_error("AccessDenied"))
    fields = dict(p.strip().split("=", 1) for p in text[17:].split(","))
    access, day, region, service, end = fields["Credential"].split("/")
    check(access in realm["keys"], sts_error("InvalidClientTokenId"))
    check((service, end) == ("sts", "aws4_request") and
          region == realm.get("region", "eu-west-1"),
          sts_error("SignatureDoesNotMatch"))
    names = fields["SignedHeaders"].split(";")
    check({"host", "x-amz-date", "content-type"} <= set(names),
          sts_error("SignatureDoesNotMatch"))
    check(headers.get("x-amz-security-token") == realm.get("session_token"),
          sts_error("InvalidClientTokenId"))
    check(realm.get("session_token") is None or
          "x-amz-security-token" in names, sts_error("SignatureDoesNotMatch"))
    canonical = "\n".join(
        ["POST", path, ""] +
        [f"{n}:{' '.join(headers[n].split())}" for n in names] +
        ["", ";".join(names), hashlib.sha256(body).hexdigest()])
    date = headers["x-amz-date"]
    check(date.startswith(day), sts_error("SignatureDoesNotMatch"))
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", date, f"{day}/{region}/sts/aws4_request",
         hashlib.sha256(canonical.encode()).hexdigest()])
    key = sign(realm["keys"][access], day, region, "sts", "aws4_request")
    want = hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()
    check(want == fields["Signature"], sts_error("SignatureDoesNotMatch"))


def assume(realm, form, path, headers, body):
    check(headers.get("accept") == "application/json",
          sts_error("ValidationError", 400))
    check_signature(realm, path, headers, body)
    check(form == {"Action": "AssumeRole", "Version": "2011-06-15",
                   "DurationSeconds": "3600", **realm["role"]},
          sts_error("AccessDenied"))
    made = {"AccessKeyId": "ASIA" + secrets.token_hex(8).upper(),
            "SecretAccessKey": secrets.token_urlsafe(30),
            "SessionToken": base64.b64encode(os.urandom(300)).decode()}
    realm["issued"].append(made)
    return {"AssumeRoleResponse": {"AssumeRoleResult": {
        "AssumedRoleUser": {"Arn": realm["role"]["RoleArn"]},
        "Credentials": {**made, "Expiration":
                        float(int(time.time()) + realm["expires_in"])}},
        "ResponseMetadata": {"RequestId": "1"}}}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body, headers=None):
        text = body if isinstance(body, str) else json.dumps(body)
        try:
            self.send_response(status)
            for k, v in {"Content-Type": "application/json",
                         "Content-Length": str(len(text.encode())),
                         **(headers or {})}.items():
                if v is not None:
                    self.send_header(k, v)
            self.end_headers()
            self.wfile.write(text.encode())
        except OSError:
            self.close_connection = True

    def body(self):
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def do_PUT(self):
        with LOCK:
            realms[self.path.split("/")[2]] = {
                "expires_in": 3600, "answers": [], "asked": [], "issued": [],
                "delay_s": 0, "now": 0, "most": 0, **json.loads(self.body())}
        self.say(200, {})

    def do_PATCH(self):
        with LOCK:
            realms[self.path.split("/")[2]].update(json.loads(self.body()))
        self.say(200, {})

    def do_GET(self):
        with LOCK:
            realm = dict(realms.get(self.path.split("/")[2], {}))
        self.say(200, realm)

    def answer(self, realm, body):
        headers = {k.lower(): v for k, v in self.headers.items()}
        form = dict(urllib.parse.parse_qsl(body.decode(), True, True))
        scheme = "https" if self.server.is_tls else "http"
        if self.path.endswith("/sts"):
            return assume(realm, form, self.path, headers, body)
        check(headers["content-type"].startswith(
            "application/x-www-form-urlencoded"),
            oauth_error("invalid_request"))
        return grant(realm, form,
                     f"{scheme}://{headers['host']}{self.path}")

    def do_POST(self):
        body = self.body()
        realm = realms.get(self.path.split("/")[2])
        if realm is None:
            self.say(404, {})
            return
        with LOCK:
            realm["now"] += 1
            realm["most"] = max(realm["now"], realm["most"])
        try:
            self.post(realm, body)
        finally:
            with LOCK:
                realm["now"] -= 1

    def post(self, realm, body):
        with LOCK:
            realm["asked"].append(
                {"path": self.path, "body": body.decode(),
                 "headers": dict(self.headers.items()), "time": time.time()})
            scripted = realm["answers"].pop(0) if realm["answers"] else None
            delay_s = realm["delay_s"]
            if scripted is not None:
                status, answer = scripted["status"], scripted.get("body", "")
            else:
                try:
                    status, answer = 200, self.answer(realm, body)
                except Refused as e:
                    status, answer = e.status, e.body
        time.sleep(delay_s)
        self.say(status, answer, scripted and scripted.get("headers"))


def serve(address, port, context=None):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    server.daemon_threads = True
    server.is_tls = context is not None
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True,
                                            do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever).start()


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(f"{WORLD}/good.pem", f"{WORLD}/good.key")
serve(ADDRESS, 443, context)
serve("127.0.0.1", 8090)
