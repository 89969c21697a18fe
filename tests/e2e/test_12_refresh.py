# SPDX-License-Identifier: Apache-2.0
"""Credentials are fetched anew: at endpoints that verify what they are asked
(tests/world/tokens.py), seen by programs that go on running."""

import json
import os
import re
import secrets
import signal
import ssl
import subprocess
import time
import urllib.request

import pytest

from shell import (
    WORLD, Gateway, Sandbox, is_zombie, origin_log, wait_until)

pytestmark = pytest.mark.independent_of_ids

TOKENS = "tokens.example.com"
HOST = "origin.example.com"
GOLD = "g0lden." + secrets.token_hex(12)

PROFILE = """\
id: fresh
display_name: The origin, with a token that is fetched
category: other
credentials:
  - env_vars: [TYPICAL_TOKEN]
    refresh:
      strategy: oauth2-client-credentials
      token_url: https://tokens.example.com/r/{tenant_id}/token
      material: {tenant_id: common, scope: read}
  - env_vars: [FRESH_TOKEN, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY,
               AWS_SESSION_TOKEN]
endpoints:
  - {host: origin.example.com, port: 443, protocol: rest, access: full}
binaries:
  - {path: /usr/bin/curl}
"""


class Realm:
    """One test's token endpoint."""

    def __init__(self, **what):
        self.name = "r" + secrets.token_hex(4)
        self.url = f"https://{TOKENS}/r/{self.name}"
        self.set(**what)

    def control(self, method, body=None):
        context = ssl.create_default_context(cafile=WORLD / "ca.pem")
        request = urllib.request.Request(
            f"https://{TOKENS}/control/{self.name}", method=method,
            data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, context=context) as answer:
            return json.loads(answer.read())

    def set(self, **what):
        self.control("PUT", what)

    def update(self, **what):
        self.control("PATCH", what)

    def get(self, name):
        return self.control("GET")[name]

    @property
    def issued(self):
        return self.get("issued")

    def says(self, status, body=None, **headers):
        """Its next answer."""
        self.update(answers=[{"status": status, "body": body or {},
                              "headers": headers}])


@pytest.fixture(scope="module")
def gateway():
    g = Gateway()
    (g.dir / "config/providers").mkdir()
    (g.dir / "config/providers/fresh.yaml").write_text(PROFILE)
    yield g
    g.close()


@pytest.fixture
def own_gateway():
    g = Gateway()
    (g.dir / "config/providers").mkdir()
    (g.dir / "config/providers/fresh.yaml").write_text(PROFILE)
    yield g
    g.close()


class Provider:
    def __init__(self, gateway, key="FRESH_TOKEN", type="fresh"):
        self.gateway, self.key = gateway, key
        self.name = "p" + secrets.token_hex(3)
        gateway.ok("provider", "create", "--name", self.name, "--type", type,
                   "--runtime-credentials")

    def refresh(self, what, *argv, ok=True, key=True, **kw):
        run = self.gateway.ok if ok else self.gateway.run
        return run("provider", "refresh", what, self.name,
                   *(["--credential-key", self.key] if key else []), *argv,
                   **kw)

    def configure(self, strategy, url, material=(), secret=None, ok=True,
                  args=()):
        """Secrets go by the environment."""
        secret = secret or {}
        r = self.refresh(
            "configure", "--strategy", strategy, "--token-url", url,
            *(a for k, v in dict(material).items()
              for a in ("--material", f"{k}={v}")),
            *(a for k in secret
              for a in ("--secret-material-env", f"{k}=M_{k}")), *args, ok=ok,
            env={f"M_{k}": v for k, v in secret.items()})
        return r

    @property
    def status(self):
        return self.refresh("status", "-o", "json").json()[0]

    def wait(self, status, seconds=5):
        seen = {}
        try:
            wait_until(lambda: seen.update(self.status) or
                       seen["status"] == status, "it is so", seconds)
        except AssertionError:
            raise AssertionError(f"not {status}: {seen}") from None
        return seen


def client_realm(**more):
    return Realm(client_id="me", client_secret="s3cret&=+ " + GOLD, **more)


def client(provider, realm, **kw):
    return provider.configure(
        "oauth2-client-credentials", realm.url + "/token",
        {"client_id": "me"}, {"client_secret": realm.get("client_secret")},
        **kw)


def token_realm(**more):
    return Realm(client_id="me", refresh_token="rt-" + GOLD, **more)


def refresh_token(provider, realm, **kw):
    return provider.configure(
        "oauth2-refresh-token", realm.url + "/token", {"client_id": "me"},
        {"refresh_token": realm.get("refresh_token")}, **kw)


def sandbox(gateway, *providers):
    name = "f" + secrets.token_hex(3)
    gateway.ok("sandbox", "create", "--name", name, "--detach",
               *(a for p in providers for a in ("--provider", p.name)))
    return Sandbox(gateway, name)


def last_loop():
    """The last value that LOOP sent, or None."""
    loops = [e for e in origin_log() if e["target"] == "/loop"]
    return loops[-1]["headers"]["x-key"] if loops else None


def use_each(s, placeholders):
    """Of each what reaches the server, or the error that comes instead."""
    r = s.run("sh", "-c", f"""for p; do
        curl -sS -m 10 https://{HOST}/x -H "Authorization: Bearer $p" \\
            -w '\\n' || exit
    done""", "sh", *placeholders)
    lines = [line for line in r.out.splitlines() if line]
    served = lines.count("origin")
    asked = iter(origin_log()[-served:] if served else [])
    return [next(asked)["headers"]["authorization"].split()[1]
            if line == "origin" else json.loads(line)["error"]
            for line in lines]


def use(s, placeholder):
    return use_each(s, [placeholder])[0]


def placeholder(s, key="FRESH_TOKEN"):
    return s.sh(f"echo ${key}").out.strip()


#
# Each strategy, at an endpoint that verifies.
#

def test_client_credentials_are_fetched_and_used(gateway):
    realm, p = client_realm(), Provider(gateway)
    r = client(p, realm)
    assert f"Configured refresh of FRESH_TOKEN of provider {p.name}" in r.err
    status = p.wait("refreshed")
    assert status["last_error"] is None
    now = time.time() * 1000
    assert abs(status["last_refresh_ms"] - now) < 5000
    assert abs(status["expires_at_ms"] - now - 3600e3) < 5000
    assert status["expires_at_ms"] - status["next_refresh_ms"] == 300e3
    s = sandbox(gateway, p)
    assert use(s, placeholder(s)) == realm.issued[-1]
    s.delete()


def test_a_refresh_token_that_stays_is_used_again(gateway):
    realm, p = token_realm(client_secret="x" + GOLD, scope="a b"), \
        Provider(gateway)
    p.configure("oauth2-refresh-token", realm.url + "/token",
                {"client_id": "me", "scope": "a b"},
                {"refresh_token": "rt-" + GOLD, "client_secret": "x" + GOLD})
    p.wait("refreshed")
    p.refresh("rotate")
    assert len(realm.issued) == 2


def test_a_refresh_token_that_changes_takes_the_old_ones_place(gateway):
    realm, p = token_realm(rotates=True), Provider(gateway)
    refresh_token(p, realm)
    p.wait("refreshed")
    for _ in range(3):
        p.refresh("rotate")
    assert len(realm.issued) == 4


def rsa(gateway):
    key, public = gateway.dir / "rsa.pem", gateway.dir / "rsa.pub"
    for argv in (["genrsa", "-out", key, "2048"],
                 ["rsa", "-in", key, "-pubout", "-out", public]):
        subprocess.run(["openssl", *argv], check=True, capture_output=True)
    return key, public.read_text()


@pytest.mark.parametrize("more", [{}, {"subject": "someone@example.com"}],
                         ids=["itself", "for somebody"])
def test_a_service_account_signs_a_jwt(gateway, more):
    key, public = rsa(gateway)
    claims = {"iss": "robot@example.com", "scope": "read",
              **({"sub": more["subject"]} if more else {})}
    realm = Realm(public_key=public, claims=claims)
    p = Provider(gateway)
    p.configure("google-service-account-jwt", realm.url + "/token",
                {"client_email": "robot@example.com", "scope": "read", **more},
                args=("--secret-material-key", f"private_key=@{key}"))
    p.wait("refreshed")
    s = sandbox(gateway, p)
    assert use(s, placeholder(s)) == realm.issued[-1]
    s.delete()


def test_a_key_that_signs_for_another_is_refused(gateway):
    key, public = rsa(gateway)
    other, _ = rsa(gateway)
    realm, p = Realm(public_key=public, claims={}), Provider(gateway)
    p.configure("google-service-account-jwt", realm.url + "/token",
                {"client_email": "robot@example.com"},
                args=("--secret-material-key", f"private_key=@{other}"))
    assert "invalid_grant" in p.wait("error")["last_error"]


ROLE = {"RoleArn": "arn:aws:iam::123456789012:role/demo",
        "RoleSessionName": "open-shell", "ExternalId": "ext/1=+"}
AWS = {"role_arn": ROLE["RoleArn"], "session_name": "open-shell",
       "external_id": ROLE["ExternalId"], "region": "eu-west-1",
       "access_key_id": "AKIATEST"}
AWS_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


@pytest.mark.parametrize("session", [None, "sess/ion+" + GOLD],
                         ids=["long-term keys", "a session's keys"])
def test_a_role_gives_three_credentials_at_once(gateway, session):
    realm = Realm(keys={"AKIATEST": "k/+" + GOLD}, role=ROLE,
                  **({"session_token": session} if session else {}))
    p = Provider(gateway, "AWS_ACCESS_KEY_ID")
    secret = {"secret_access_key": "k/+" + GOLD}
    if session:
        secret["session_token"] = session
    p.configure("aws-sts-assume-role", realm.url + "/sts", AWS, secret)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    made = realm.issued[-1]
    assert [use(s, placeholder(s, k)) for k in AWS_KEYS] == [
        made["AccessKeyId"], made["SecretAccessKey"], made["SessionToken"]]
    p.refresh("rotate")
    assert use(s, placeholder(s, AWS_KEYS[1])) == \
        realm.issued[-1]["SecretAccessKey"] != made["SecretAccessKey"]
    s.delete()
    shown = gateway.ok("provider", "get", p.name, "-o", "json").json()
    assert sorted(shown["credential_keys"]) == sorted(AWS_KEYS)


def test_a_wrong_secret_of_aws_is_refused_by_name(gateway):
    realm = Realm(keys={"AKIATEST": "another"}, role=ROLE)
    p = Provider(gateway, "AWS_ACCESS_KEY_ID")
    p.configure("aws-sts-assume-role", realm.url + "/sts", AWS,
                {"secret_access_key": GOLD})
    error = p.wait("error")["last_error"]
    assert "SignatureDoesNotMatch" in error and "secret_access_key" in error


def test_the_providers_type_says_strategy_url_and_material(gateway):
    realm = client_realm(scope="read")
    p = Provider(gateway, "TYPICAL_TOKEN")
    p.refresh("configure", "--material", "client_id=me", "--material",
              f"tenant_id={realm.name}", "--secret-material-key",
              "client_secret", input=realm.get("client_secret") + "\n")
    status = p.wait("refreshed")
    assert status["strategy"] == "oauth2-client-credentials"
    assert status["token_url"].endswith("/r/{tenant_id}/token")


def test_an_endpoint_on_the_loopback_may_be_plain(gateway):
    for host in ("127.0.0.1", "localhost"):
        realm, p = client_realm(), Provider(gateway)
        p.configure("oauth2-client-credentials",
                    f"http://{host}:8090/r/{realm.name}/token",
                    {"client_id": "me"},
                    {"client_secret": realm.get("client_secret")})
        p.wait("refreshed")


#
# What running programs see.
#

LOOP = """
while :; do
  curl -sS -m 10 -o /dev/null https://%s/loop -H "X-Key: $FRESH_TOKEN"
done
""" % HOST


def test_a_running_program_has_the_new_value_within_a_second(gateway):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    loop = gateway.popen("sandbox", "exec", "-n", s.name, "--", "sh", "-c",
                         LOOP, stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL)

    try:
        for _ in range(3):
            wait_until(lambda: last_loop() == realm.issued[-1], "it is used")
            p.refresh("rotate")
            new = realm.issued[-1]
            wait_until(lambda: last_loop() == new, "the new one is used", 1)
    finally:
        loop.send_signal(signal.SIGTERM)
        loop.wait()
    s.delete()


def test_twelve_rotations_survive_and_eight_generations_resolve(gateway):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    held = placeholder(s)
    assert held.startswith("openshell:resolve:env:s")
    for i in range(12):
        p.refresh("rotate")
        assert use(s, held) == realm.issued[-1], f"rotation {i}"
    assert len(set(realm.issued)) == 13
    assert placeholder(s) == held
    # Revision 1 is the configured one, 2 what was fetched first.
    now = 14
    assert use_each(s, [f"openshell:resolve:env:v{revision}_FRESH_TOKEN"
                        for revision in range(now + 2)]) == [
        realm.issued[-1] if now - 8 <= revision <= now
        else "credential_unavailable" for revision in range(now + 2)]
    s.delete()


def test_configuring_anew_ends_what_was_handed_out(gateway):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    held = placeholder(s)
    assert use(s, held) == realm.issued[-1]
    client(p, realm)
    p.wait("refreshed")
    wait_until(lambda: use(s, held) == "credential_unavailable",
               "the old handle is dead", 2)
    # Two of each: configured, fetched.
    assert use_each(s, [f"openshell:resolve:env:v{revision}_FRESH_TOKEN"
                        for revision in range(1, 5)]) == [
        "credential_unavailable"] * 2 + [realm.issued[-1]] * 2
    fresh = placeholder(s)
    assert fresh != held and use(s, fresh) == realm.issued[-1]
    s.delete()


def test_the_router_gets_the_new_key_too(gateway):
    realm, p = client_realm(), Provider(gateway, "OPENAI_API_KEY", "openai")
    gateway.ok("provider", "update", p.name, "--config",
               f"OPENAI_BASE_URL=https://{HOST}/v1")
    client(p, realm)
    p.wait("refreshed")
    gateway.ok("inference", "set", "--provider", p.name, "--model", "m",
               "--no-verify")
    s = sandbox(gateway)
    ask = ["curl", "-sS", "-m", "10",
           "https://inference.local/v1/chat/completions", "-H",
           "Content-Type: application/json", "-d",
           '{"model":"x","messages":[{"role":"user","content":"hi"}]}']

    def sent():
        s.run(*ask)
        return origin_log()[-1]["headers"].get("authorization")

    assert sent() == f"Bearer {realm.issued[-1]}"
    p.refresh("rotate")
    wait_until(lambda: sent() == f"Bearer {realm.issued[-1]}",
               "routerd has it", 1)
    realm.says(401, {"error": "invalid_client"})
    p.refresh("rotate", ok=False)
    before = len(origin_log())
    s.run(*ask)
    assert len(origin_log()) == before, "without a key nothing is asked"
    s.delete()
    gateway.ok("inference", "delete")


#
# What goes wrong.
#

REFUSALS = [
    ("invalid_grant", 400, {"error": "invalid_grant"}, "new material"),
    ("invalid_client", 401, {"error": "invalid_client"}, "client_secret"),
    ("a 400 that says nothing", 400, {}, "HTTP 400"),
    ("a 401 in HTML", 401, "<html>", "HTTP 401"),
    ("an error that is no error's status", 200,
     {"error": "bad_refresh_token"}, "bad_refresh_token"),
]


@pytest.mark.parametrize("why, status, body, says", REFUSALS,
                         ids=[r[0] for r in REFUSALS])
def test_a_refusal_takes_the_value_away(gateway, why, status, body, says):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    held = placeholder(s)
    assert use(s, held) == realm.issued[-1]
    realm.says(status, body)
    r = p.refresh("rotate", ok=False)
    assert r.rc == 1 and says in r.err and "refused" in r.err, r
    assert p.name in r.err and "FRESH_TOKEN" in r.err
    assert use(s, held) == "credential_unavailable"
    shown = p.status
    assert shown["status"] == "error" and says in shown["last_error"]
    assert shown["expires_at_ms"] == 0
    assert shown["next_refresh_ms"] - time.time() * 1000 > 3000e3
    # What is granted again resolves again, in the same program.
    p.refresh("rotate")
    assert use(s, held) == realm.issued[-1]
    s.delete()


def test_a_type_that_wants_more_keeps_no_refused_value(own_gateway):
    g = own_gateway
    realm, p = client_realm(), Provider(g)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(g, p)
    held = placeholder(s)
    (g.dir / "config/providers/fresh.yaml").write_text(PROFILE.replace(
        "endpoints:", "  - {env_vars: [OTHER_TOKEN], required: true}\n"
        "endpoints:", 1))
    g.kill("gatewayd")
    r = g.run("provider", "update", p.name, "--config", "A=b")
    assert r.rc == 1 and "requires credential 'OTHER_TOKEN'" in r.err, r
    assert use(s, held) == realm.issued[-1]
    realm.says(400, {"error": "invalid_grant"})
    p.refresh("rotate", ok=False)
    assert use(s, held) == "credential_unavailable"
    p.refresh("rotate")
    assert use(s, held) == realm.issued[-1]
    s.delete()


FAILURES = [
    ("500", 500, {}, {}, "HTTP 500"),
    ("503 in between", 503, {"error": "invalid_grant"}, {}, "HTTP 503"),
    ("too many", 429, {}, {}, "HTTP 429"),
    ("later", 400, {"error": "temporarily_unavailable"}, {},
     "temporarily_unavailable"),
    ("not there", 404, {}, {}, "check its URL"),
    ("a redirect", 302, {},
     {"Location": f"https://{HOST}/elsewhere"}, "redirect"),
    ("no JSON", 200, "access_token=" + GOLD, {}, "isn't JSON"),
    ("no token", 200, {"token_type": "Bearer"}, {}, "no access_token"),
    ("another type", 200, {"access_token": GOLD, "token_type": "mac"}, {},
     "token_type"),
    ("a token with a line break", 200, {"access_token": f"{GOLD}\nX: y"}, {},
     "no access_token"),
    ("a token that is too long", 200, {"access_token": GOLD * 500}, {},
     "no access_token"),
    ("no time", 200, {"access_token": GOLD, "expires_in": 0}, {},
     "expires_in"),
    ("two tokens", 200, '{"access_token":"a","access_token":"b"}', {},
     "no access_token"),
    ("more than 64 KiB", 200, {"x": "y" * 66000}, {}, "65536 bytes"),
    ("two lengths", 200, {}, {"Content-Length": "2, 3"}, "isn't HTTP"),
    ("half an answer", 200, {}, {"Content-Length": "9999",
                                 "Connection": "close"}, "middle"),
]


@pytest.mark.parametrize("why, status, body, headers, says", FAILURES,
                         ids=[f[0] for f in FAILURES])
def test_a_failure_leaves_the_value(gateway, why, status, body, headers, says):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    s = sandbox(gateway, p)
    value = realm.issued[-1]
    realm.says(status, body, **headers)
    before = len([e for e in origin_log() if e["target"] == "/elsewhere"])
    r = p.refresh("rotate", ok=False)
    assert r.rc == 1 and says in r.err and GOLD not in r.err, r
    shown = p.status
    assert shown["status"] == "error" and says in shown["last_error"]
    assert GOLD not in json.dumps(shown)
    assert 55e3 < shown["next_refresh_ms"] - time.time() * 1000 < 61e3
    assert use(s, placeholder(s)) == value
    assert len([e for e in origin_log() if e["target"] == "/elsewhere"]) == before
    s.delete()


UNREACHABLE = [
    ("nobody there", "https://nobody.example.com/token", "can't be reached"),
    ("no such host", "https://nowhere.invalid/token", "no such host"),
    ("another's certificate", "https://wrong-name.example.com/token",
     "TLS handshake failed"),
    ("a certificate of nobody's", "https://self-signed.example.com/token",
     "TLS handshake failed"),
    ("a closed port", "http://127.0.0.1:1/token", "can't be reached"),
]


@pytest.mark.parametrize("why, url, says", UNREACHABLE,
                         ids=[u[0] for u in UNREACHABLE])
def test_what_cannot_be_reached_or_proven_gets_nothing(gateway, why, url, says):
    p = Provider(gateway)
    p.configure("oauth2-client-credentials", url, {"client_id": "me"},
                {"client_secret": GOLD})
    error = p.wait("error", 35)["last_error"]
    assert says in error and GOLD not in error


def test_a_failure_is_tried_again_when_the_server_says(gateway):
    realm, p = client_realm(), Provider(gateway)
    realm.says(503, {}, **{"Retry-After": "1"})
    client(p, realm)
    p.wait("error")
    assert p.wait("refreshed")["last_error"] is None
    times = [a["time"] for a in realm.get("asked")]
    assert len(times) == 2 and 0.9 < times[1] - times[0] < 3


def test_a_value_is_fetched_before_it_expires(gateway):
    realm, p = client_realm(expires_in=2), Provider(gateway)
    client(p, realm)
    wait_until(lambda: len(realm.issued) >= 3, "it was fetched thrice", 10)
    times = [a["time"] for a in realm.get("asked")]
    assert all(0.9 < b - a < 3 for a, b in zip(times, times[1:]))


def test_a_value_ends_with_its_time_if_no_other_comes(gateway):
    realm, p = client_realm(expires_in=3), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    realm.update(answers=[{"status": 500}] * 9)
    s = sandbox(gateway, p)
    held = placeholder(s)
    assert use(s, held) == realm.issued[-1]
    wait_until(lambda: use(s, held) == "credential_unavailable",
               "it has expired", 5)
    shown = p.status
    assert shown["status"] == "error" and shown["expires_at_ms"] == 0
    p.refresh("rotate", ok=False)
    realm.update(answers=[])
    p.refresh("rotate")
    assert use(s, held) == realm.issued[-1]
    s.delete()


def test_nothing_waits_for_a_slow_endpoint(gateway):
    realm, p, quick = client_realm(delay_s=2), Provider(gateway), \
        Provider(gateway)
    client(p, realm)
    begin = time.monotonic()
    gateway.ok("status")
    client(quick, client_realm())
    quick.wait("refreshed")
    assert time.monotonic() - begin < 1.5
    p.wait("refreshed")


def test_one_owner_asks_two_at_once_and_the_rest_after_them(gateway):
    realm = client_realm(delay_s=0.3)
    providers = [Provider(gateway) for _ in range(6)]
    for p in providers:
        client(p, realm)
    for p in providers:
        p.wait("refreshed")
    assert realm.get("most") == 2


def pace_s(p):
    return p.status["next_refresh_ms"] / 1000 - time.time()


def test_a_server_that_wants_it_often_is_asked_at_a_pace(gateway):
    realm, p = client_realm(expires_in=20), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    assert pace_s(p) <= 10
    for _ in range(4):
        p.refresh("rotate")
    assert 20 < pace_s(p) <= 30
    realm.says(503, {}, **{"Retry-After": "1"})
    p.refresh("rotate", ok=False)
    assert 20 < pace_s(p) <= 30
    # Configured anew it is the same credential; who asks for it gets it.
    client(p, realm)
    p.wait("refreshed")
    assert 20 < pace_s(p) <= 30


#
# Status, deleting, wrong input.
#

def test_the_table_has_these_columns(gateway):
    realm, p = client_realm(), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    lines = p.refresh("status", key=False).out.splitlines()
    assert lines[0].split() == ["PROVIDER", "CREDENTIAL_KEY", "STRATEGY",
                                "STATUS", "EXPIRES_AT", "NEXT_REFRESH",
                                "LAST_REFRESH", "LAST_ERROR"]
    assert re.fullmatch(
        rf"{p.name} +FRESH_TOKEN +oauth2-client-credentials +refreshed"
        r"( +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d){3} +-", lines[1]), lines
    realm.says(400, {"error": "invalid_grant"})
    p.refresh("rotate", ok=False)
    error = p.status["last_error"]
    line = p.refresh("status").out.splitlines()[1]
    assert line.endswith(error[:72]) and " error " in line
    assert "credential_key: FRESH_TOKEN" in p.refresh(
        "status", "-o", "yaml").out


def test_a_refresh_that_is_deleted_leaves_the_value(gateway):
    realm, p = client_realm(expires_in=2), Provider(gateway)
    client(p, realm)
    p.wait("refreshed")
    r = gateway.run("provider", "update", p.name, "--credential",
                    "FRESH_TOKEN=")
    assert r.rc == 1 and "refresh delete" in r.err
    assert "Deleted refresh" in p.refresh("delete").err
    assert "not found" in p.refresh("delete").err
    assert "No refreshes found" in p.refresh("status", key=False).err
    asked = len(realm.get("asked"))
    r = p.refresh("rotate", ok=False)
    assert r.rc == 1 and "refresh configure" in r.err
    time.sleep(1.5)
    assert len(realm.get("asked")) == asked


def test_a_provider_takes_its_refreshes_with_it(gateway):
    realm, p = client_realm(delay_s=0.5), Provider(gateway)
    client(p, realm)
    gateway.ok("provider", "delete", p.name)
    r = p.refresh("status", ok=False)
    assert r.rc == 1 and f"provider '{p.name}' not found" in r.err
    time.sleep(0.5)
    gateway.ok("status")


def test_the_present_value_is_used_until_the_time_that_is_given(gateway):
    realm, p = client_realm(), Provider(gateway)
    gateway.ok("provider", "update", p.name, "--credential", "FRESH_TOKEN=-",
               input=GOLD)
    later = int(time.time() * 1000) + 7200_000
    client(p, realm, args=("--credential-expires-at", later))
    status = p.status
    assert status["status"] == "configured"
    assert status["expires_at_ms"] == later
    assert status["next_refresh_ms"] == pytest.approx(later - 300e3, abs=5000)
    s = sandbox(gateway, p)
    assert use(s, placeholder(s)) == GOLD
    assert realm.get("asked") == []
    for text in ("2096-03-24T10:15:02Z", "0"):
        client(p, realm, args=("--credential-expires-at", text))
    s.delete()


def test_a_value_that_stays_lives_no_longer_for_that(gateway):
    realm, p = client_realm(answers=[{"status": 500}]), Provider(gateway)
    gateway.ok("provider", "update", p.name, "--credential", "FRESH_TOKEN=-",
               "--credential-expires-at", "FRESH_TOKEN=1000", input=GOLD)
    client(p, realm)
    p.wait("error")
    s = sandbox(gateway, p)
    assert use(s, placeholder(s)) == "credential_unavailable"
    p.refresh("rotate")
    assert use(s, placeholder(s)) == realm.issued[-1]
    s.delete()


B = "oauth2-client-credentials"
GOOD_URL = f"https://{TOKENS}/r/x/token"
C = ("--strategy", B, "--token-url", GOOD_URL)
ID = ("--material", "client_id=me")
SECRET = ("--secret-material-env", "client_secret=M")
BAD = [
    ("no key", (), None, 2, "--credential-key"),
    ("an unknown strategy", ("--strategy", "magic"), "FRESH_TOKEN", 1,
     "unknown strategy 'magic'; there are: oauth2-refresh-token"),
    ("no strategy", (), "FRESH_TOKEN", 1, "--strategy"),
    ("no URL", ("--strategy", B, *ID, *SECRET), "FRESH_TOKEN", 1,
     "--token-url"),
    ("missing material", (*C, *ID), "FRESH_TOKEN", 1,
     "needs the material 'client_secret': --secret-material-key"),
    ("unknown material", (*C, *ID, *SECRET, "--material", "colour=red"),
     "FRESH_TOKEN", 1, "no material 'colour'; it takes client_id"),
    ("a secret that anybody sees",
     (*C, *ID, "--material", "client_secret=x"), "FRESH_TOKEN", 1,
     "'client_secret' is a secret"),
    ("a secret in the argument",
     (*C, *ID, "--secret-material-key", "client_secret=x"), "FRESH_TOKEN", 2,
     "no value"),
    ("twice", (*C, *ID, *SECRET, *SECRET), "FRESH_TOKEN", 1,
     "'client_secret' is given twice"),
    ("a variable that isn't set",
     (*C, *ID, "--secret-material-env", "client_secret=NOT_SET"),
     "FRESH_TOKEN", 1, "NOT_SET"),
    ("a file that isn't there",
     (*C, *ID, "--secret-material-key", "client_secret=@/nowhere"),
     "FRESH_TOKEN", 1, "/nowhere"),
    ("a malformed pair", (*C, "--material", "client_id"), "FRESH_TOKEN", 1,
     "--material"),
    ("plain http", ("--strategy", B, "--token-url", "http://example.com/t",
                    *ID, *SECRET), "FRESH_TOKEN", 1, "https://"),
    ("what looks like the loopback",
     ("--strategy", B, "--token-url", "http://127.0.0.1.example.com/t", *ID,
      *SECRET), "FRESH_TOKEN", 1, "https://"),
    ("credentials in the URL",
     ("--strategy", B, "--token-url", "https://a:b@example.com/t", *ID,
      *SECRET), "FRESH_TOKEN", 1, "user information"),
    ("a URL with a line break",
     ("--strategy", B, "--token-url", "https://example.com/t\r\nX: y", *ID,
      *SECRET), "FRESH_TOKEN", 1, "token URL"),
    ("a URL with a hole", ("--strategy", B, "--token-url",
                           "https://example.com/{region}", *ID, *SECRET),
     "FRESH_TOKEN", 1, "'region'"),
    ("a URL with a secret", ("--strategy", B, "--token-url",
                             "https://example.com/{client_secret}", *ID,
                             *SECRET), "FRESH_TOKEN", 1, "'client_secret'"),
    ("a tenant that is more", (*ID, *SECRET, "--material",
                               "tenant_id=../../x"), "TYPICAL_TOKEN", 1,
     "'tenant_id'"),
    ("no name", (*C, *ID, *SECRET), "a-b", 1, "a-b"),
    ("a reserved name", (*C, *ID, *SECRET), "v1_TOKEN", 1, "reserved"),
    ("a key that can't sign",
     ("--strategy", "google-service-account-jwt", "--material",
      "client_email=x", "--secret-material-env", "private_key=M"),
     "FRESH_TOKEN", 1, "'private_key'"),
    ("AWS under another name",
     ("--strategy", "aws-sts-assume-role", "--material", "role_arn=r",
      "--material", "session_name=s", "--material", "region=eu-west-1",
      "--material", "access_key_id=a", "--secret-material-env",
      "secret_access_key=M"), "FRESH_TOKEN", 1,
     "--credential-key AWS_ACCESS_KEY_ID"),
    ("no time", (*C, *ID, *SECRET, "--credential-expires-at", "soon"),
     "FRESH_TOKEN", 1, "'soon'"),
]


@pytest.mark.parametrize("why, argv, key, rc, says", BAD,
                         ids=[b[0] for b in BAD])
def test_wrong_input_is_named_and_changes_nothing(gateway, why, argv, key, rc,
                                                  says):
    p = Provider(gateway)
    r = gateway.run("provider", "refresh", "configure", p.name,
                    *(["--credential-key", key] if key else []), *argv,
                    env={"M": GOLD})
    assert r.rc == rc and says in r.err, r
    assert GOLD not in r.err
    assert "No refreshes found" in p.refresh("status", key=False).err
    assert gateway.ok("provider", "get", p.name, "-o",
                      "json").json()["credential_keys"] == []


@pytest.mark.parametrize("type, key, says", [
    ("google-vertex-ai", "VERTEX_AI_TOKEN",
     "'google-service-account-jwt' needs the material 'client_email'"),
    ("aws-bedrock", "AWS_ACCESS_KEY_ID",
     "'aws-sts-assume-role' needs the material 'role_arn'"),
])
def test_types_that_need_it_say_how(gateway, type, key, says):
    r = Provider(gateway, key, type).refresh("configure", ok=False)
    assert r.rc == 1 and says in r.err, r


def test_a_credential_of_another_attached_provider_is_not_taken(gateway):
    a, b = Provider(gateway), Provider(gateway)
    realm = client_realm()
    client(a, realm)
    s = sandbox(gateway, a, b)
    r = client(b, realm, ok=False)
    assert r.rc == 1 and a.name in r.err and "FRESH_TOKEN" in r.err
    s.delete()


#
# What is kept.
#

def test_no_secret_is_in_any_file_or_log(own_gateway):
    g = own_gateway
    realm, p = token_realm(rotates=True, client_secret="cs-" + GOLD), \
        Provider(g)
    p.configure("oauth2-refresh-token", realm.url + "/token",
                {"client_id": "me"},
                {"refresh_token": "rt-" + GOLD, "client_secret": "cs-" + GOLD})
    p.wait("refreshed")
    p.refresh("rotate")
    realm.says(400, {"error": "x" + GOLD, "error_description": GOLD})
    p.refresh("rotate", ok=False)
    p.refresh("rotate")
    s = sandbox(g, p)
    use(s, placeholder(s))
    words = [GOLD.encode(), realm.get("refresh_token").encode(),
             *(t.encode() for t in realm.issued)]
    seen = 0
    for base, _, files in os.walk(g.dir):
        for name in files:
            path = os.path.join(base, name)
            if not os.path.isfile(path):
                continue
            with open(path, "rb") as f:
                data = f.read()
            seen += 1
            assert not any(w in data for w in words), path
    assert seen > 5
    shown = "".join(
        g.run(*argv).out for argv in (
            ("provider", "get", p.name, "-o", "json"),
            ("provider", "refresh", "status", p.name, "-o", "json"),
            ("logs", s.name, "--level", "trace", "-n", 1000)))
    assert not any(w.decode() in shown for w in words)


def version(g):
    with g.database() as db:
        return db.execute("SELECT version FROM refresh").fetchone()[0]


@pytest.fixture
def forgetful(own_gateway):
    """A refresh whose next token came while the disk kept nothing."""
    g = own_gateway
    realm, p = token_realm(rotates=True), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    g.change("CREATE TRIGGER full BEFORE INSERT ON refresh"
             " WHEN NEW.status IN ('refreshed', 'error')"
             " BEGIN SELECT RAISE(ABORT, 'full'); END")
    kept = version(g)
    r = p.refresh("rotate", ok=False)
    assert r.rc == 1 and "full" in r.err
    assert version(g) == kept and len(realm.issued) == 2
    return g, p, kept


def test_another_sealing_key_keeps_what_the_disk_could_not(forgetful):
    g, p, kept = forgetful
    g.ok("gateway", "rotate-key")
    assert version(g) == kept
    g.change("DROP TRIGGER full")
    # The newest refresh token alone is good.
    p.refresh("rotate")


def test_what_the_disk_could_not_keep_is_kept_soon(forgetful):
    g, p, kept = forgetful
    g.change("DROP TRIGGER full")
    wait_until(lambda: version(g) == kept + 1, "it is kept", 5)
    assert p.status["status"] == "error"
    g.kill("gatewayd")
    p.refresh("rotate")


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_zombie(pid), "it is dead")


def test_a_refresh_goes_on_after_gatewayd_was_killed(own_gateway):
    g = own_gateway
    realm, p = token_realm(rotates=True), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    s = sandbox(g, p)
    held = placeholder(s)
    for _ in range(3):
        g.kill("gatewayd")
        assert p.status["status"] == "refreshed"
        wait_until(lambda: use(s, held) == realm.issued[-1], "it resolves")
        # The newest refresh token alone is good.
        p.refresh("rotate")
        assert use(s, held) == realm.issued[-1]


def test_the_next_refresh_token_is_kept_before_the_value_is_used(own_gateway):
    """As soon as a server sees the new value, gatewayd may die."""
    g = own_gateway
    realm, p = token_realm(rotates=True), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    s = sandbox(g, p)
    loop = g.popen("sandbox", "exec", "-n", s.name, "--", "sh", "-c", LOOP,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    for _ in range(4):
        pid, before = int(g.pid()), len(realm.issued)
        rotation = g.popen("provider", "refresh", "rotate", p.name,
                           "--credential-key", p.key,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        wait_until(lambda: last_loop() in realm.issued[before:], "it is used")
        kill(pid)
        rotation.wait()
        p.refresh("rotate")
    loop.kill()
    loop.wait()


def test_a_kill_at_any_point_loses_nothing(own_gateway):
    """At an endpoint that, as real ones do, forgives one lost answer."""
    g = own_gateway
    realm, p = token_realm(rotates=True, grace=True, delay_s=0.02), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    for i in range(12):
        pid = int(g.pid())
        rotation = g.popen("provider", "refresh", "rotate", p.name,
                           "--credential-key", p.key,
                           stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
        time.sleep(0.004 * i)
        kill(pid)
        rotation.wait()
        status = p.status
        assert status["status"] in ("refreshed", "rotation_requested"), status
        assert p.wait("refreshed")["last_error"] is None
    p.refresh("rotate")


def test_a_rotation_that_was_asked_for_is_made_up_for(own_gateway):
    g = own_gateway
    realm, p = client_realm(), Provider(g)
    client(p, realm)
    p.wait("refreshed")
    realm.update(delay_s=30)
    rotation = g.popen("provider", "refresh", "rotate", p.name,
                       "--credential-key", p.key, stderr=subprocess.DEVNULL)
    wait_until(lambda: len(realm.get("asked")) == 2, "it asks")
    assert p.status["status"] == "rotation_requested"
    g.kill("gatewayd")
    assert rotation.wait() == 1
    realm.update(delay_s=0)
    before = len(realm.issued)
    assert p.wait("refreshed")
    assert len(realm.issued) == before + 1


def test_another_sealing_key_opens_what_refreshes_need(own_gateway):
    """In memory, and from the database."""
    g = own_gateway
    realm, p = token_realm(rotates=True), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    s = sandbox(g, p)
    held = placeholder(s)
    g.ok("gateway", "rotate-key")
    p.refresh("rotate")
    assert use(s, held) == realm.issued[-1]
    g.kill("gatewayd")
    p.refresh("rotate")
    assert use(s, held) == realm.issued[-1]


def test_what_cannot_be_read_may_be_configured_anew(own_gateway):
    """Written by another version, say; the value that there was stays."""
    g = own_gateway
    realm, p = token_realm(rotates=True), Provider(g)
    refresh_token(p, realm)
    p.wait("refreshed")
    for _ in range(3):
        p.refresh("rotate")
    s = sandbox(g, p)
    held = placeholder(s)
    g.change("UPDATE refresh SET strategy = 'of-tomorrow'")
    g.kill("gatewayd")
    wait_until(lambda: use(s, held) == realm.issued[-1], "it resolves", 5)
    assert "no refresh is configured" in p.refresh("status", ok=False).err
    assert "a refresh can't be read" in \
        (g.dir / "state/gateway.log").read_text()
    refresh_token(p, realm)
    p.wait("refreshed")
    for _ in range(2):
        p.refresh("rotate")
        g.kill("gatewayd")
        assert p.status["status"] == "refreshed"
