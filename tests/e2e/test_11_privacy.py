# SPDX-License-Identifier: Apache-2.0
"""Privacy sections of inference routes: what leaves the machine, what comes
back, and what nobody is ever told."""

import json
import re
import secrets
import subprocess

import pytest

from shell import TREE, Gateway, Sandbox, wait_until

pytestmark = pytest.mark.independent_of_ids
from test_09_router_hostile import (  # noqa: F401
    H2, Backend, Router, ask, one, plain, quickly, read_answer, read_request,
    tls)

MAIL = "jane.doe@example.com"
LOGGED, CUSTOMER, FORBIDDEN = "Bluebird", "ACME Corp", "Project Chimera"
SECRETS = (MAIL, LOGGED, CUSTOMER, FORBIDDEN)
PLACEHOLDER = re.compile(r"\[[A-Z][A-Z0-9_]*_[0-9A-F]{8,16}\]")

SECTION = {
    "detectors": [
        {"type": "email", "action": "redact", "restore": True},
        {"type": "literal", "name": "birds", "action": "log",
         "words": [LOGGED]},
        {"type": "literal", "name": "customers", "action": "reroute",
         "words": [CUSTOMER]},
        {"type": "literal", "name": "projects", "action": "block",
         "words": [FORBIDDEN]},
    ],
    "reroute": "local",
}
MAILS = {"detectors": [SECTION["detectors"][0]]}


def words(action, *those, **more):
    return {"detectors": [{"type": "literal", "name": "those",
                           "action": action, "words": list(those)}], **more}


class Model(Backend):
    """Remembers what it was asked; answer(request) says what it says."""

    def __init__(self, answer=None, tls=None):
        self.asked = []
        self.answer = answer or (lambda body: plain())
        super().__init__(self.talk, tls)

    def talk(self, s):
        while True:
            head, body = read_request(s)
            self.asked.append((head.split()[1].decode(), body.decode()))
            text = self.answer(body.decode())
            if text is None:
                return
            s.sendall(text)

    def bodies(self):
        """What came since the last time."""
        got, self.asked = [b for _, b in self.asked], []
        return got


@pytest.fixture
def models(tmp_path):
    """models({name: (Model, {route})}) is a router with those routes; the
    first is the default."""
    made = []

    def some(routes, *options):
        rows = []
        for name, (model, row) in routes.items():
            scheme = "https" if model.tls else "http"
            rows.append({
                "name": name, "timeout": 8,
                "endpoint": f"{scheme}://127.0.0.1:{model.port}/v1", **row})
            made.append(model)
        rows[0]["name"] = "inference.local"
        made.append(Router(tmp_path, rows, *options))
        return made[-1]
    yield some
    for it in reversed(made):
        it.close()


def chat(text, **more):
    return {"model": "m", "messages": [{"role": "user", "content": text}],
            **more}


def post(router, body, path="/v1/chat/completions"):
    with router.connect() as s:
        s.sendall(ask(body, path=path.encode()))
        status, text = quickly(s, 8)
        return status, text.decode()


#
# Every action over every protocol.
#

PROTOCOLS = {
    "chat": ("openai", "/v1/chat/completions", chat),
    "completions": ("openai", "/v1/completions",
                    lambda t: {"model": "m", "prompt": t}),
    "responses": ("openai", "/v1/responses",
                  lambda t: {"model": "m", "input": t}),
    "embeddings": ("openai", "/v1/embeddings",
                   lambda t: {"model": "m", "input": ["x", t]}),
    "messages": ("anthropic", "/v1/messages", lambda t: {
        **chat("hello"), "max_tokens": 5, "system": t}),
    "count_tokens": ("anthropic", "/v1/messages/count_tokens", chat),
    "invoke": ("aws-bedrock", "/model/m/invoke", chat),
    "invoke_stream": ("aws-bedrock", "/model/m/invoke-with-response-stream",
                      chat),
}
AWS = {"access_key": "AKIAEXAMPLE", "api_key": "secret-key",
       "region": "us-east-1"}


@pytest.fixture(scope="module", params=["openai", "anthropic", "aws-bedrock"])
def pair(request, tmp_path_factory):
    """A type, its router, the remote model and the local one."""
    remote, local = Model(), Model()
    kind = {"provider_type": request.param}
    if request.param == "aws-bedrock":
        kind.update(AWS)
    router = Router(tmp_path_factory.mktemp("pair"), [
        {"endpoint": f"http://127.0.0.1:{m.port}", "name": name, **kind, **row}
        for m, name, row in ((remote, "inference.local", {"privacy": SECTION}),
                             (local, "local", {}))])
    yield request.param, router, remote, local
    router.close()
    remote.close()
    local.close()


ACTIONS = [
    ("none", "all is well", 200, "remote"),
    ("log", f"the {LOGGED} flies", 200, "remote"),
    ("redact", f"write to {MAIL} now", 200, "remote"),
    ("reroute", f"about {CUSTOMER}, {MAIL}", 200, "local"),
    ("block", f"{FORBIDDEN} and {MAIL} of {CUSTOMER}", 403, None),
]


@pytest.mark.parametrize("action, text, status, who", ACTIONS,
                         ids=[a[0] for a in ACTIONS])
def test_actions_hold_over_every_protocol(pair, action, text, status, who):
    kind, router, remote, local = pair
    for name, (of, path, make) in PROTOCOLS.items():
        if of != kind:
            continue
        got, answer = post(router, make(text), path)
        asked = {"remote": remote.bodies(), "local": local.bodies()}
        assert got == status, f"{name}: {answer}"
        assert [k for k, v in asked.items() if v] == ([who] if who else [])
        if who is None:
            answer = json.loads(answer)
            assert answer["error"] == "privacy_blocked"
            assert "projects at " in answer["detail"]
            assert not any(s in str(answer) for s in SECRETS), answer
            continue
        body, = asked[who]
        assert MAIL not in body, name
        assert (PLACEHOLDER.search(body) is not None) == (MAIL in text), name
        assert (LOGGED in body) == (action == "log")
        if action in ("none", "log"):
            sent = make(text)
            sent["model"] = json.loads(body)["model"]
            assert json.loads(body) == sent, name


PLACES = [
    ("a system prompt", {"system": "%s"}),
    ("a list of blocks", {"system": [{"type": "text", "text": "%s"}]}),
    ("a developer's message",
     {"messages": [{"role": "developer", "content": "%s"}]}),
    ("a part of a message", {"messages": [{"role": "user", "content": [
        {"type": "text", "text": "%s"}]}]}),
    ("a tool's result", {"messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t", "content": "%s"}]}]}),
    ("a tool's message",
     {"messages": [{"role": "tool", "tool_call_id": "t", "content": "%s"}]}),
    ("a tool's arguments", {"messages": [{
        "role": "assistant", "tool_calls": [{
            "id": "t", "type": "function", "function": {
                "name": "f",
                "arguments": json.dumps({"to": "%s"})}}]}]}),
    ("a tool's input", {"messages": [{"role": "assistant", "content": [
        {"type": "tool_use", "id": "t", "name": "f",
         "input": {"deep": [{"to": "%s"}]}}]}]}),
    ("JSON in a string of JSON",
     {"messages": [{"role": "tool", "content": json.dumps(
         {"x": json.dumps({"y": "%s"})})}]}),
    ("a tool's description",
     {"tools": [{"name": "f", "description": "mail %s"}]}),
    ("a member nobody knows", {"x_internal": {"owner": "%s"}}),
    ("the name of a member", {"metadata": {"%s": 1}}),
    ("where a role stands", {"messages": [{"role": "%s", "content": "x"}]}),
    ("the model", {"model": "%s", "messages": []}),
    ("the second of two", '{"system": "x", "system": "%s"}'),
    ("letters written as escapes",
     '{"system": "\\u006aane.doe\\u0040example.com"}'),
]


@pytest.mark.parametrize("why, body", PLACES, ids=[p[0] for p in PLACES])
def test_there_is_no_place_to_hide(models, why, body):
    model = Model()
    router = models({"a": (model, {"privacy": MAILS})})
    text = body if isinstance(body, str) else json.dumps(body)
    text = text.replace("%s", MAIL)
    status, answer = post(router, text.encode())
    assert status == 200, answer
    sent, = model.bodies()
    assert MAIL not in sent and MAIL not in str(json.loads(sent))
    assert "EMAIL_" in sent
    json.loads(sent)


def test_requests_without_a_body_have_nothing_to_check(models):
    model = Model()
    router = models({"a": (model, {"privacy": SECTION})})
    with router.connect() as s:
        s.sendall(b"GET /v1/models HTTP/1.1\r\nHost: x\r\n\r\n")
        assert quickly(s)[0] == 200
    assert len(model.bodies()) == 1


#
# What is refused.
#

def test_what_cannot_be_checked_does_not_leave(models):
    slow = {"detectors": [{"type": "pattern", "name": "slow",
                           "action": "redact", "regex": "(a+)+$"}]}
    model = Model()
    router = models({"a": (model, {"privacy": slow})})
    status, answer = post(router, chat("a" * 4000 + "b"))
    assert (status, json.loads(answer)["error"]) == (413, "privacy_unchecked")
    assert "aaaa" not in answer
    assert post(router, b'{"messages": ["\xff"]}')[0] == 400
    assert model.bodies() == []
    assert post(router, chat("harmless"))[0] == 200


def test_more_than_can_be_kept_apart_does_not_leave(models):
    model = Model()
    router = models({"a": (model, {"privacy": MAILS})})
    text = " ".join(f"m{i}@example.com" for i in range(70000))
    status, answer = post(router, chat(text))
    assert (status, json.loads(answer)["error"]) == (413, "privacy_unchecked")
    assert model.bodies() == []


def test_details_name_what_was_found_and_where(models):
    model = Model()
    router = models({"a": (model, {"privacy": SECTION})})
    body = {"messages": [{"role": "user", "content": "x"},
                         {"role": "user", "content": [
                             {"type": "text", "text": f"a {FORBIDDEN}"}]}]}
    status, answer = post(router, body)
    assert status == 403
    assert json.loads(answer) == {
        "error": "privacy_blocked",
        "detail": "projects at messages[1].content[0].text"}
    assert model.asked == []


#
# Rerouting.
#

NOWHERE = [
    ("no such route", {}),
    ("one of another protocol", {"local": {"provider_type": "anthropic"}}),
    ("one that reroutes again", {
        "local": {"privacy": words("reroute", CUSTOMER, reroute="third")},
        "third": {}}),
    ("one that blocks", {"local": {"privacy": words("block", CUSTOMER)}}),
]


@pytest.mark.parametrize("why, others", NOWHERE, ids=[n[0] for n in NOWHERE])
def test_what_has_nowhere_to_go_goes_nowhere(models, why, others):
    asked = [Model() for _ in range(2 + len(others))]
    router = models({
        "a": (asked[0], {"privacy": SECTION, "fallbacks": ["spare"]}),
        "spare": (asked[1], {}),
        **{n: (m, row) for (n, row), m in zip(others.items(), asked[2:])}})
    status, answer = post(router, chat(f"of {CUSTOMER}"))
    assert (status, json.loads(answer)["error"]) == (403, "privacy_blocked")
    assert CUSTOMER not in answer
    assert [m.bodies() for m in asked] == [[]] * len(asked)


def test_a_rerouted_request_is_redacted_by_both(models):
    remote, local = Model(), Model(echo)
    router = models({
        "a": (remote, {"privacy": SECTION}),
        "local": (local, {"privacy": {"detectors": [{
            "type": "literal", "name": "cities", "action": "redact",
            "restore": True, "words": ["Gotham"]}]}})})
    text = f"{CUSTOMER} in Gotham, {MAIL}"
    status, answer = post(router, chat(text))
    assert status == 200 and said(answer) == text
    body, = local.bodies()
    assert MAIL not in body and "Gotham" not in body and CUSTOMER in body
    assert remote.asked == []


def failing(_):
    return plain(b'{"error": "busy"}', b"503 Busy")


def test_a_rerouted_request_falls_back_only_where_its_target_says(models):
    remote, spare, local, other = Model(), Model(), Model(failing), Model()
    router = models({
        "a": (remote, {"privacy": SECTION, "fallbacks": ["spare"]}),
        "spare": (spare, {}),
        "local": (local, {})})
    assert post(router, chat(f"of {CUSTOMER}"))[0] == 503
    assert (len(local.bodies()), remote.asked, spare.asked) == (1, [], [])
    router = models({
        "a": (remote, {"privacy": SECTION, "fallbacks": ["spare"]}),
        "spare": (spare, {}),
        "local": (local, {"fallbacks": ["other"]}),
        "other": (other, {})})
    assert post(router, chat(f"of {CUSTOMER}, {MAIL}"))[0] == 200
    body, = other.bodies()
    assert MAIL not in body and CUSTOMER in body
    assert (remote.asked, spare.asked) == ([], [])


#
# Fallbacks and retries.
#

def test_a_fallback_gets_no_more_than_the_first(models):
    first, spare = Model(failing), Model()
    router = models({"a": (first, {"privacy": MAILS, "fallbacks": ["spare"]}),
                     "spare": (spare, {})})
    assert post(router, chat(f"to {MAIL}"))[0] == 200
    assert first.bodies() == spare.bodies() != []
    assert MAIL not in str(first.asked + spare.asked)


def test_a_backend_that_hangs_up_leaves_its_fallback_no_more(models):
    first, spare = Model(lambda _: None), Model()
    router = models({"a": (first, {"privacy": MAILS, "fallbacks": ["spare"]}),
                     "spare": (spare, {})})
    assert post(router, chat(f"to {MAIL}"))[0] == 200
    bodies = first.bodies() + spare.bodies()
    assert len(bodies) == 2 and MAIL not in str(bodies)


def test_a_fallbacks_own_section_applies_to_it_alone(models):
    first, second, third = Model(failing), Model(failing), Model(echo)
    router = models({
        "a": (first, {"fallbacks": ["second", "third"]}),
        "second": (second, {"privacy": words("redact", "Gotham")}),
        "third": (third, {"privacy": MAILS})})
    text = f"{MAIL} in Gotham"
    status, answer = post(router, chat(text))
    assert status == 200 and said(answer) == text
    assert text in first.bodies()[0]
    body, = second.bodies()
    assert MAIL in body and "Gotham" not in body
    body, = third.bodies()
    assert MAIL not in body and "Gotham" in body


def test_each_of_many_fallbacks_has_its_own(models):
    cities = [f"City{i}" for i in range(8)]
    asked = {c: Model(failing) for c in cities[:-1]} | {cities[-1]: Model(echo)}
    section = {c: {"detectors": [{
        "type": "literal", "name": "city", "action": "redact",
        "restore": True, "words": [c]}]} for c in cities}
    router = models({
        "a": (Model(failing), {"fallbacks": cities}),
        **{c: (asked[c], {"privacy": section[c]}) for c in cities}})
    text = " and ".join(cities)
    status, answer = post(router, chat(text))
    assert status == 200 and said(answer) == text
    for c in cities:
        body, = asked[c].bodies()
        assert [x in body for x in cities] == [x != c for x in cities]


@pytest.mark.parametrize("action", ["block", "reroute"])
def test_a_fallback_that_wont_have_it_is_passed_over(models, action):
    more = {"reroute": "last"} if action == "reroute" else {}
    first, second, last = Model(failing), Model(), Model()
    router = models({
        "a": (first, {"fallbacks": ["second", "last"]}),
        "second": (second, {"privacy": words(action, "Gotham", **more)}),
        "last": (last, {})})
    assert post(router, chat("in Gotham"))[0] == 200
    assert (len(first.bodies()), second.asked, len(last.bodies())) == (1, [],
                                                                       1)


def test_an_answer_is_the_first_ones_if_no_fallback_will_have_it(models):
    """... with its own placeholders put back."""
    def busy(body):
        return plain(json.dumps({"error": content(body)}).encode(),
                     b"503 Busy")
    first, second = Model(busy), Model()
    router = models({
        "a": (first, {"privacy": MAILS, "fallbacks": ["second"]}),
        "second": (second, {"privacy": words("block", "Gotham")})})
    text = f"{MAIL} in Gotham"
    status, answer = post(router, chat(text))
    assert (status, json.loads(answer)) == (503, {"error": text})
    assert second.asked == []


def test_a_request_made_again_is_redacted_again(models):
    """The kept connection ends under the second request."""
    asked = []

    def answer(body):
        asked.append(body)
        return None if len(asked) == 2 else plain()
    model = Model(answer)
    router = models({"a": (model, {"privacy": MAILS})})
    for _ in range(2):
        assert post(router, chat(f"to {MAIL}"))[0] == 200
    assert len(asked) == 3 and len(set(asked)) == 1
    assert MAIL not in asked[0]


def test_a_request_without_the_option_it_disliked_is_redacted_too(models):
    def answer(body):
        return (plain(b"{}", b"400 Bad") if "stream_options" in body
                else plain())
    model = Model(answer)
    router = models({"a": (model, {"privacy": MAILS})})
    assert post(router, chat(f"to {MAIL}", stream=True))[0] == 200
    bodies = model.bodies()
    assert ["stream_options" in b for b in bodies] == [True, False]
    assert MAIL not in str(bodies)


def test_http2_gets_the_same(models, tls, tmp_path):  # noqa: F811
    bodies = []

    def on_request(h, stream, body):
        bodies.append(body)
        h.answer(stream, json.dumps(body).encode())
    backend = Backend(lambda s: H2(s, on_request), tls)
    router = models({"a": (backend, {"privacy": MAILS})}, "--upstream-ca",
                    tmp_path / "cert.pem")
    status, answer = post(router, chat(f"to {MAIL}"))
    assert status == 200 and MAIL in answer
    assert len(bodies) == 1 and MAIL not in str(bodies)


#
# What comes back.
#

def content(body):
    return json.loads(body)["messages"][0]["content"]


def echo(body):
    return plain(json.dumps({"choices": [{"message": {
        "role": "assistant", "content": content(body)}}]}).encode())


def said(answer):
    return json.loads(answer)["choices"][0]["message"]["content"]


def events(text, size):
    """Chat's chunks of so many characters."""
    return "".join(
        "data: " + json.dumps({"choices": [{
            "index": 0, "delta": {"content": text[i:i + size]}}]}) + "\n\n"
        for i in range(0, len(text), size)) + "data: [DONE]\n\n"


def heard(answer):
    lines = [x[6:] for x in answer.splitlines() if x.startswith("data: {")]
    return "".join(json.loads(x)["choices"][0]["delta"]["content"]
                   for x in lines)


TRICKY = f'"quoted" \\ back, {MAIL}, ümlaut and {MAIL}'


@pytest.mark.parametrize("pause", [1, 7, 1000])
def test_an_answer_has_the_text_again_however_it_is_cut(models, pause):
    class Slow(Model):
        def talk(self, s):
            while True:
                text = echo(read_request(s)[1].decode())
                for i in range(0, len(text), pause):
                    s.sendall(text[i:i + pause])
    router = models({"a": (Slow(), {"privacy": MAILS})})
    status, answer = post(router, chat(TRICKY))
    assert status == 200 and said(answer) == TRICKY


@pytest.mark.parametrize("size", [1, 5, 16, 1000])
@pytest.mark.parametrize("pause", [1, 1000])
def test_a_stream_has_the_text_again_however_it_is_cut(models, size, pause):
    class Slow(Model):
        def talk(self, s):
            while True:
                body = read_request(s)[1].decode()
                text = events(content(body), size).encode()
                s.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: "
                          b"text/event-stream\r\nContent-Length: %d\r\n\r\n"
                          % len(text))
                for i in range(0, len(text), pause):
                    s.sendall(text[i:i + pause])
    router = models({"a": (Slow(), {"privacy": MAILS})})
    status, answer = post(router, chat(TRICKY, stream=True))
    assert status == 200 and heard(answer) == TRICKY
    assert "[DONE]" in answer


def test_only_what_the_section_says_is_put_back(models):
    section = {"detectors": [
        {"type": "email", "action": "redact"},
        {"type": "literal", "name": "cities", "action": "redact",
         "restore": True, "words": ["Gotham"]}]}
    router = models({"a": (Model(echo), {"privacy": section})})
    status, answer = post(router, chat(f"{MAIL} in Gotham"))
    assert status == 200
    assert re.fullmatch(r"\[EMAIL_[0-9A-F]{8}\] in Gotham", said(answer))


def test_a_placeholder_of_another_request_stays_one(models):
    seen = []

    def answer(body):
        seen.append(content(body))
        return plain(json.dumps({"choices": [{"message": {
            "content": seen[0]}}]}).encode())
    router = models({"a": (Model(answer), {"privacy": MAILS})})
    assert MAIL in post(router, chat(f"to {MAIL}"))[1]
    status, text = post(router, chat("what was it?"))
    assert status == 200 and said(text) == seen[0] and MAIL not in text


@pytest.mark.parametrize("kind", ["text/plain", "text/event-stream"])
def test_what_only_begins_like_a_placeholder_is_not_lost_at_the_end(models,
                                                                    kind):
    class Cut(Model):
        def talk(self, s):
            text = content(read_request(s)[1].decode())[:-3]
            if "stream" in kind:
                text = events(text, 1000).split("\n\n")[0]
            s.sendall(f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n\r\n{text}"
                      .encode())
    router = models({"a": (Cut(), {"privacy": MAILS})})
    status, answer = post(router, chat(f"to {MAIL}"))
    assert status == 200
    text = heard(answer) if "stream" in kind else answer
    assert re.fullmatch(r"to \[EMAIL_[0-9A-F]{6}", text)


def test_keys_are_taken_out_before_texts_are_put_back(models):
    key = "sk-" + secrets.token_hex(16)

    def answer(body):
        return plain(json.dumps({"choices": [{"message": {
            "content": content(body) + key}}]}).encode())
    router = models({"a": (Model(answer),
                           {"privacy": MAILS, "api_key": key})})
    status, text = post(router, chat(MAIL))
    assert status == 200 and said(text) == f"{MAIL}[CREDENTIAL]"


def test_compressed_answers_pass_as_they_are_and_none_is_asked_for(models):
    heads = []

    class Zipped(Model):
        def talk(self, s):
            while True:
                head, body = read_request(s)
                heads.append(head.decode().lower())
                s.sendall(plain(content(body.decode()).encode(),
                                more=b"Content-Encoding: gzip\r\n"))
    router = models({"a": (Zipped(), {"privacy": MAILS})})
    with router.connect() as s:
        s.sendall(ask(chat(MAIL), more=b"Accept-Encoding: gzip\r\n"))
        status, text = quickly(s)
    assert status == 200 and PLACEHOLDER.fullmatch(text.decode())
    assert "accept-encoding" not in heads[0]


def test_an_answer_that_grows_without_end_breaks_off(models):
    """A short placeholder may stand for a long text."""
    long = {"detectors": [{"type": "pattern", "name": "long",
                           "action": "redact", "restore": True,
                           "regex": "<[^>]{50000,}>"}]}

    def answer(body):
        text = json.dumps({"choices": [{"message": {
            "content": content(body) * 2000}}]})
        return plain(text.encode())
    router = models({"a": (Model(answer), {"privacy": long})})
    with router.connect() as s:
        s.sendall(ask(chat("<" + "x" * 200000 + ">")))
        with pytest.raises((EOFError, ConnectionError)):
            quickly(s, 20)
    assert post(router, chat("short"))[0] == 200


#
# The whole system: routes of a gateway, requests of sandboxes.
#

FILE = f"""\
privacy:
  detectors:
    - {{type: email, action: redact, restore: true}}
    - {{type: literal, name: birds, action: log, words: [{LOGGED}]}}
    - {{type: literal, name: customers, action: reroute,
       words: [{CUSTOMER}]}}
    - {{type: literal, name: projects, action: block, words: [{FORBIDDEN}]}}
  reroute: local
"""
ONLY_MAILS = "detectors: [{type: email, action: redact}]\n"


class System:
    """A gateway with two models, remote and local."""

    def __init__(self):
        self.gateway = Gateway()
        self.remote, self.local = Model(echo), Model(echo)
        for name in ("remote", "local"):
            port = getattr(self, name).port
            self.gateway.ok(
                "provider", "create", "--name", name, "--type", "openai",
                "--credential", "OPENAI_API_KEY=k-" + name, "--config",
                f"OPENAI_BASE_URL=http://127.0.0.1:{port}/v1")

    def set(self, *argv, verb="set", run=None):
        return (run or self.gateway.ok)("inference", verb, "--no-verify",
                                        *argv)

    def route(self, *argv, provider="remote", **kw):
        return self.set("--provider", provider, "--model", "m", *argv, **kw)

    def refused(self, *argv, **kw):
        r = self.route(*argv, run=self.gateway.run, **kw)
        assert r.rc == 1, r
        return r.err

    def file(self, text):
        return self.gateway.file("privacy.yaml", text)

    def routes(self):
        return {(r.get("sandbox"), r["route"]): r for r in
                self.gateway.ok("inference", "get", "-o", "json").json()}

    def forget(self):
        for _ in range(3):
            for sandbox, name in self.routes():
                self.gateway.run("inference", "delete", "--name", name, *(
                    ("--sandbox", sandbox) if sandbox else ()))
        assert self.routes() == {}

    def close(self):
        self.gateway.close()
        self.remote.close()
        self.local.close()


@pytest.fixture(scope="module")
def running():
    s = System()
    yield s
    s.close()


@pytest.fixture
def system(running):
    yield running
    running.forget()
    running.remote.bodies()
    running.local.bodies()


@pytest.fixture
def boxes(system):
    made = []
    for _ in range(2):
        name = f"p{secrets.token_hex(3)}"
        system.gateway.ok("sandbox", "create", "--name", name, "--detach")
        made.append(Sandbox(system.gateway, name))
    yield made
    for s in made:
        s.delete()


def say(sandbox, text, **more):
    r = sandbox.run("curl", "-sS", "-m", "10", "-w", "\n%{http_code}",
                    "https://inference.local/v1/chat/completions", "-d", "@-",
                    input=json.dumps(chat(text, **more)))
    assert r.rc == 0, r
    answer, _, status = r.out.rpartition("\n")
    return int(status), answer


def placeholder(model):
    body, = model.bodies()
    return PLACEHOLDER.search(body)[0]


def test_sandboxes_have_placeholders_of_their_own(system, boxes):
    system.route("--privacy", system.file(ONLY_MAILS))
    seen = []
    for box in (boxes[0], boxes[0], boxes[1]):
        assert say(box, f"to {MAIL}")[0] == 200
        seen.append(placeholder(system.remote))
    assert seen[0] == seen[1] != seen[2]
    assert say(boxes[0], "to john.roe@example.com")[0] == 200
    assert placeholder(system.remote) not in seen


def test_a_sandbox_gets_its_text_back_and_rerouted_requests_stay(system,
                                                                 boxes):
    system.route("--name", "local", provider="local")
    system.route("--privacy", system.file(FILE))
    status, answer = say(boxes[0], f"to {MAIL}")
    assert (status, said(answer)) == (200, f"to {MAIL}")
    assert MAIL not in str(system.remote.bodies())
    status, answer = say(boxes[0], f"of {CUSTOMER}")
    assert (status, said(answer)) == (200, f"of {CUSTOMER}")
    assert (system.remote.asked, len(system.local.bodies())) == ([], 1)
    status, answer = say(boxes[0], f"of {FORBIDDEN}")
    assert (status, json.loads(answer)) == (403, {
        "error": "privacy_blocked", "detail": "projects at "
        "messages[0].content"})
    assert (system.remote.asked, system.local.asked) == ([], [])


def test_events_say_what_was_found_and_never_the_text(system, boxes):
    system.route("--name", "local", provider="local")
    system.route("--privacy", system.file(FILE))
    box, _ = boxes
    say(box, "nothing")
    say(box, f"{LOGGED} {LOGGED}")
    say(box, f"{MAIL} {LOGGED}")
    say(box, f"{CUSTOMER} {MAIL}")
    say(box, f"{FORBIDDEN} {MAIL}")
    where = {"paths": "messages[0].content", "route": "inference.local",
             "provider": "remote"}
    wanted = [
        {"action": "log", "detectors": "birds=2", **where},
        {"action": "redact", "detectors": "email=1 birds=1", **where},
        {"action": "reroute", "detectors": "customers=1 email=1",
         "reroute": "local", **where},
        {"action": "block", "detectors": "projects=1 email=1", **where}]

    def told():
        return [e["fields"] for e in box.logs("--level", "trace", "-n", 1000)
                if e["message"] == "PRIVACY"]
    wait_until(lambda: len(told()) == 4, "all is logged")
    assert told() == wanted
    assert box.has_log(message="INFERENCE", status="403", action="deny",
                       reason="privacy_blocked")
    assert box.has_log(message="INFERENCE", status="200", route="local",
                       provider="local")
    everything = system.gateway.ok("logs", box.name, "--level", "trace", "-n",
                                   1000, "-o", "json").out
    for path in system.gateway.dir.rglob("*.log"):
        everything += path.read_text(errors="replace")
    assert not any(s in everything for s in SECRETS)
    assert PLACEHOLDER.search(everything) is None


def test_a_rerouted_request_spends_its_targets_budget(system, boxes):
    system.route("--name", "local", "--requests-per-minute", "1",
                 provider="local")
    system.route("--privacy", system.file(FILE))
    box, _ = boxes
    assert say(box, f"of {CUSTOMER}")[0] == 200
    assert say(box, f"of {CUSTOMER}")[0] == 429
    assert say(box, "of others")[0] == 200
    assert (len(system.local.bodies()), len(system.remote.bodies())) == (1, 1)


def test_a_section_outlives_the_router(system, boxes):
    system.route("--privacy", system.file(ONLY_MAILS))
    system.gateway.kill("routerd")
    wait_until(lambda: say(boxes[0], f"to {MAIL}")[0] == 200, "it is back")
    assert MAIL not in str(system.remote.bodies())


BAD = [
    ("an unknown key", "detectors: []\nfoo: 1\n",
     "privacy: line 1: detectors: must be a list that isn't empty"),
    ("a bad expression", "detectors:\n  - type: pattern\n    name: x\n"
     "    action: redact\n    regex: '('\n",
     "privacy: line 5: detectors[0].regex: missing closing parenthesis"),
    ("no YAML", "detectors: [\n", "privacy: line 2"),
    ("nothing", "", "privacy: line 1"),
    ("no route to go to", FILE, "privacy: reroute: there is no route 'local'"),
    ("itself", FILE.replace("reroute: local", "reroute: inference.local"),
     "leads back to route 'inference.local'"),
    ("the sandboxes' own", FILE.replace("reroute: local",
                                        "reroute: sandbox-system"),
     "'sandbox-system' is the sandboxes' own"),
]


@pytest.mark.parametrize("why, text, error", BAD, ids=[b[0] for b in BAD])
def test_a_section_is_checked_when_it_is_set(system, why, text, error):
    assert error in system.refused("--privacy", system.file(text))
    assert system.routes() == {}


def test_reroutes_do_not_go_in_circles(system):
    def to(name):
        return system.file(FILE.replace("reroute: local", f"reroute: {name}"))
    system.route("--name", "c")
    system.route("--name", "b", "--privacy", to("c"))
    system.route("--name", "a", "--privacy", to("b"))
    for name in "abc":
        assert "leads back to route 'c'" in system.refused(
            "--name", "c", "--privacy", to(name))
    assert "privacy" not in system.routes()[None, "c"]


def test_a_route_that_others_reroute_to_stays(system, boxes):
    def delete(*argv):
        return system.gateway.run("inference", "delete", *argv)
    system.route("--name", "local", provider="local")
    system.route("--privacy", system.file(FILE))
    r = delete("--name", "local")
    assert r.rc == 1
    assert "route 'inference.local' reroutes to 'local'" in r.err
    # A sandbox's route takes its own before its owner's.
    box = boxes[0].name
    system.route("--sandbox", box, "--privacy", system.file(FILE))
    system.set("--clear", "privacy", verb="update")
    assert delete("--name", "local").rc == 1
    system.route("--sandbox", box, "--name", "local", provider="local")
    assert delete("--name", "local").rc == 0
    assert delete("--sandbox", box, "--name", "local").rc == 1
    assert delete("--sandbox", box).rc == 0
    assert delete("--sandbox", box, "--name", "local").rc == 0


def test_an_owners_section_never_reroutes_to_a_sandboxs_route(system, boxes):
    system.route("--name", "local", provider="local")
    system.route("--privacy", system.file(FILE))
    system.route("--sandbox", boxes[0].name, "--name", "local")
    assert say(boxes[0], f"of {CUSTOMER}")[0] == 200
    assert (system.remote.asked, len(system.local.bodies())) == ([], 1)


def test_nobody_loses_a_section_by_chance(system):
    system.route("--privacy", system.file(ONLY_MAILS))
    assert "--clear privacy" in system.refused()
    section = system.routes()[None, "inference.local"]["privacy"]
    assert section == {"detectors": [{"action": "redact", "type": "email"}]}
    system.set("--model", "other", verb="update")
    assert system.routes()[None, "inference.local"]["privacy"] == section
    system.route("--clear", "privacy")
    assert "privacy" not in system.routes()[None, "inference.local"]


def test_an_update_takes_away_what_it_names(system):
    bounds = ("timeout", "requests-per-minute", "tokens-per-minute",
              "concurrent")
    system.route("--name", "spare")
    system.route("--fallback", "spare", "--privacy", system.file(ONLY_MAILS),
                 *(x for b in bounds for x in ("--" + b, "7")))
    members = ("timeout_s", "requests_per_minute", "tokens_per_minute",
               "concurrent", "fallbacks", "privacy")
    system.set("--model", "m2", verb="update")
    route = system.routes()[None, "inference.local"]
    assert [route[m] for m in members[:4]] == [7] * 4
    assert (route["fallbacks"], route["model"]) == (["spare"], "m2")
    system.set(*(x for m in members for x in ("--clear", m)), verb="update")
    route = system.routes()[None, "inference.local"]
    assert [route.get(m) for m in members] == [60, 0, 0, 0, [], None]
    r = system.set("--clear", "model", verb="update",
                   run=system.gateway.run)
    assert r.rc == 1 and "'model' can't be cleared" in r.err


#
# inference check
#

CHECKS = [
    ("none", chat("hello"), 0),
    ("log", chat(LOGGED), 0),
    ("redact", chat(MAIL), 0),
    ("reroute", chat(f"{CUSTOMER} {MAIL}"), 0),
    ("block", chat(f"{FORBIDDEN} {MAIL}"), 1),
]


def check(gateway, body, *argv, **kw):
    path = gateway.file("prompt.json", body if isinstance(body, str)
                        else json.dumps(body))
    return gateway.run("inference", "check", "--file", path, *argv, **kw)


@pytest.mark.parametrize("action, body, rc", CHECKS,
                         ids=[c[0] for c in CHECKS])
def test_check_says_what_would_happen(gateway, action, body, rc):
    section = gateway.file("section.yaml", FILE)
    r = check(gateway, body, "--privacy", section)
    assert r.rc == rc
    assert r.out.startswith(f"Action: {action}")
    assert not any(s in r.out + r.err for s in SECRETS)
    tree = check(gateway, body, "--privacy", section, "-o", "json").json()
    assert (tree["action"], tree["sent"]) == (action, rc == 0)
    assert tree.get("reroute") == ("local" if action == "reroute" else None)
    assert ("body" in tree) == (rc == 0)
    assert MAIL not in str(tree)
    text = content(json.dumps(body))
    found = {f["type"]: text[f["offset"]:f["offset"] + f["length"]]
             for f in tree["findings"]}
    assert all(v in SECRETS for v in found.values())
    assert len(found) == sum(s in text for s in SECRETS)


def test_check_takes_plain_text_and_standard_input(gateway):
    section = gateway.file("section.yaml", FILE)
    r = check(gateway, f"to {MAIL}\n", "--privacy", section)
    assert r.rc == 0 and "Action: redact" in r.out and "no JSON" in r.err
    r = gateway.run("inference", "check", "--file", "-", "--privacy", section,
                    "-v", input=json.dumps(chat(f"to {MAIL}")))
    assert r.rc == 0 and PLACEHOLDER.search(r.out) and MAIL not in r.out
    r = gateway.run("inference", "check", "--file", "-", "--privacy", section,
                    input=f"about {FORBIDDEN}")
    assert r.rc == 1


REFUSED = [
    ("no file", ["--file", "/nonexistent"], "cannot open"),
    ("no --file", [], "--file FILE is missing"),
    ("two sections", ["--file", "-", "--privacy", "x", "--name", "y"],
     "exclude each other"),
    ("no section", ["--file", "-", "--privacy", "/dev/null"], "privacy: "),
    ("no route", ["--file", "-", "--name", "nobody"], "'nobody'"),
]


@pytest.mark.parametrize("why, argv, text", REFUSED,
                         ids=[r[0] for r in REFUSED])
def test_check_says_why_it_cannot(gateway, why, argv, text):
    r = gateway.run("inference", "check", *argv, input="{}")
    assert r.rc == 2 and text in r.err and r.out == ""


def test_check_takes_a_routes_section_the_sandboxs_first(system, boxes):
    box = boxes[0].name
    body = chat(f"to {MAIL}, {FORBIDDEN}")
    system.route("--name", "local", provider="local")
    system.route("--privacy", system.file(ONLY_MAILS))
    system.route("--sandbox", box, "--privacy", system.file(FILE))
    g = system.gateway
    assert "Action: redact" in check(g, body).out
    assert check(g, body, "--sandbox", box).rc == 1
    assert "Action: redact" in check(g, body, "--sandbox", boxes[1].name).out
    r = check(g, body, "--name", "local")
    assert r.rc == 0 and "no privacy section" in r.err


#
# What we ship.
#

def test_the_example_can_be_set_and_finds_what_it_says(system, boxes):
    example = TREE / "policies/examples/privacy.yaml"
    system.route("--name", "local-model", provider="local")
    system.route("--privacy", example)
    box, _ = boxes
    status, answer = say(box, f"to {MAIL}")
    assert (status, said(answer)) == (200, f"to {MAIL}")
    assert MAIL not in str(system.remote.bodies())
    key = subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519"],
                         capture_output=True, text=True, check=True).stdout
    assert say(box, key)[0] == 403
    assert (system.remote.asked, system.local.asked) == ([], [])
