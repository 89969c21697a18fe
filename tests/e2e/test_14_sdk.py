# SPDX-License-Identifier: Apache-2.0
"""The vendors' own client libraries, from a sandbox: against inference.local,
and against the vendor's name with a placeholder for a key."""

import json
import pathlib
import secrets
import shutil
import subprocess

import pytest

import hunt
from shell import (
    FULL, REST, WORLD, Gateway, Sandbox, allow, policy, wait_until)

pytestmark = pytest.mark.independent_of_ids

AGENTS = pathlib.Path("/srv")
MODULES = AGENTS / "lib/node_modules"
LOCAL = "https://inference.local"

# A script is the body of a function of the client; what it returns, or how it
# failed, is its result.  One Node runs them all, one after the other.
RUNNER = """
const [path, options] = [process.argv[2], JSON.parse(process.argv[3])]
const scripts = JSON.parse(require('fs').readFileSync(0))
const Client = require(path).default
const client = new Client({maxRetries: 0, ...options})
const result = script => new Function('client', 'Client',
    `return (async () => {${script}})()`)(client, Client).catch(e => ({
        failed: Object.keys(Client).filter(k => /Error$/.test(k) &&
            Client[k] === e.constructor)[0] ?? e.constructor.name,
        status: e.status, message: e.message}))
;(async () => {
    const results = {}
    for (const [name, script] of Object.entries(scripts))
        results[name] = await result(script)
    console.log(JSON.stringify(results))
})()
"""

OPENAI = {
    "chat": ("""
        const r = await client.chat.completions.create({
            model: 'any', messages: [{role: 'user',
                                      content: "say the word 'hooray'"}]})
        return r.choices[0].message.content""", "hooray"),
    "chat, streamed": ("""
        const parts = []
        for await (const c of await client.chat.completions.create({
            model: 'any', stream: true, stream_options: {include_usage: true},
            messages: [{role: 'user', content: 'count to 5'}]}))
            parts.push(c.usage ?? c.choices[0].delta.content ?? '')
        return [parts.slice(0, -1).join(''), parts.at(-1).total_tokens]""",
                       ["1 2 3 4 5", 18]),
    "a tool's call, streamed and answered": ("""
        const tools = [{type: 'function', function: {name: 'bash', parameters: {
            type: 'object', properties: {command: {type: 'string'}},
            required: ['command']}}},
            {type: 'function', function: {name: 'write', parameters: {
            type: 'object', properties: {filePath: {type: 'string'},
            content: {type: 'string'}}, required: ['filePath', 'content']}}}]
        const messages = [{role: 'user', content: "Please write the text 'x' " +
            "into the file '/y' and run the command 'z'"}]
        const seen = []
        for (;;) {
            const s = client.chat.completions.stream(
                {model: 'any', messages, tools})
            const m = (await s.finalChatCompletion()).choices[0].message
            messages.push(m)
            if (!m.tool_calls) return [seen, m.content]
            for (const t of m.tool_calls) {
                seen.push([t.function.name, JSON.parse(t.function.arguments)])
                messages.push({role: 'tool', tool_call_id: t.id,
                               content: 'fine'})
            }
        }""", [[["write", {"filePath": "/y", "content": "x"}],
                ["bash", {"command": "z"}]],
               "All done. The command said: fine"]),
    "completions": ("""
        const r = await client.completions.create(
            {model: 'any', prompt: "say the word 'hooray'"})
        return r.choices[0].text""", "hooray"),
    "completions, streamed": ("""
        let text = ''
        for await (const c of await client.completions.create(
            {model: 'any', prompt: 'count to 4', stream: true}))
            text += c.choices[0].text
        return text""", "1 2 3 4"),
    "responses": ("""
        const r = await client.responses.create(
            {model: 'any', input: "say the word 'hooray'"})
        return r.output_text""", "hooray"),
    "responses, streamed": ("""
        const names = []
        let text = ''
        for await (const e of await client.responses.create(
            {model: 'any', input: 'count to 3', stream: true})) {
            names.push(e.type)
            text += e.type === 'response.output_text.delta' ? e.delta : ''
        }
        return [text, names[0], names.at(-1)]""",
                            ["1 2 3", "response.created",
                             "response.completed"]),
    "embeddings": ("""
        const r = await client.embeddings.create(
            {model: 'any', input: ['a', 'b']})
        return r.data.map(d => Array.from(d.embedding))""",
                   [[0.25, -0.5, 1], [0.25, -0.5, 1]]),
    "models": ("""
        const ids = []
        for await (const m of client.models.list()) ids.push(m.id)
        return [ids, (await client.models.retrieve('gpt-test-1')).object]""",
               [["gpt-test-1"], "model"]),
    "a large body": ("""
        const r = await client.chat.completions.create({
            model: 'any', messages: [{role: 'user', content:
                'x'.repeat(4 << 20) + " say the word 'hooray'"}]})
        return r.choices[0].message.content""", "hooray"),
}

ANTHROPIC = {
    "messages": ("""
        const r = await client.messages.create({
            model: 'any', max_tokens: 9, messages: [
                {role: 'user', content: "say the word 'hooray'"}]})
        return [r.content[0].text, r.stop_reason]""", ["hooray", "end_turn"]),
    "messages, streamed": ("""
        const s = client.messages.stream({
            model: 'any', max_tokens: 9,
            messages: [{role: 'user', content: 'count to 5'}]})
        let text = ''
        s.on('text', t => { text += t })
        const m = await s.finalMessage()
        return [text, m.content[0].text, m.usage.output_tokens]""",
                           ["1 2 3 4 5", "1 2 3 4 5", 7]),
    "a tool's call, streamed and answered": ("""
        const tools = [{name: 'Bash', input_schema: {type: 'object',
            properties: {command: {type: 'string'}}, required: ['command']}},
            {name: 'Write', input_schema: {type: 'object', properties: {
            file_path: {type: 'string'}, content: {type: 'string'}},
            required: ['file_path', 'content']}}]
        const messages = [{role: 'user', content: "Please write the text 'x' " +
            "into the file '/y' and run the command 'z'"}]
        const seen = []
        for (;;) {
            const m = await client.messages.stream(
                {model: 'any', max_tokens: 9, messages, tools}).finalMessage()
            messages.push({role: 'assistant', content: m.content})
            if (m.stop_reason !== 'tool_use') return [seen, m.content[0].text]
            const [t] = m.content
            seen.push([t.name, t.input])
            messages.push({role: 'user', content: [{type: 'tool_result',
                tool_use_id: t.id, content: 'fine'}]})
        }""", [[["Write", {"file_path": "/y", "content": "x"}],
                ["Bash", {"command": "z"}]],
               "All done. The command said: fine"]),
    "count of tokens": ("""
        const r = await client.messages.countTokens({
            model: 'any', messages: [{role: 'user', content: 'hi'}]})
        return r.input_tokens""", 11),
    "models": ("""
        const ids = []
        for await (const m of client.models.list()) ids.push(m.id)
        return [ids, (await client.models.retrieve('claude-test-1')).type]""",
               [["claude-test-1"], "model"]),
    "a large body": ("""
        const r = await client.messages.create({
            model: 'any', max_tokens: 9, messages: [{role: 'user', content:
                'x'.repeat(4 << 20) + " say the word 'hooray'"}]})
        return r.content[0].text""", "hooray"),
}


class Vendor:
    def __init__(self, name, package, key, calls, ask, base):
        self.name, self.package, self.variable = name, package, key
        self.calls, self.ask, self.base = calls, ask, base

    def __repr__(self):
        return self.name

    def asking(self, content, more=""):
        return self.ask % (more, content)

    @property
    def key(self):
        return json.loads((WORLD / "models.keys").read_text())[self.name]


VENDORS = [
    Vendor("openai", "openai", "OPENAI_API_KEY", OPENAI, """
        return await client.chat.completions.create({model: 'any', %s
            messages: [{role: 'user', content: '%s'}]})""",
           f"{LOCAL}/v1"),
    Vendor("anthropic", "@anthropic-ai/sdk", "ANTHROPIC_API_KEY", ANTHROPIC,
           """
        return await client.messages.create({model: 'any', max_tokens: 9, %s
            messages: [{role: 'user', content: '%s'}]})""", LOCAL),
]
CALLS = [(v, what) for v in VENDORS for what in v.calls]


def asked():
    return [json.loads(line) for line in
            (WORLD / "models.log").read_text().splitlines()]


@pytest.fixture(scope="module")
def gateway():
    assert (AGENTS / "installed").exists(), (
        "the libraries are not there: tests/agents/install has them from "
        "npm's registry, and its output says why it failed")
    g = Gateway()
    yield g
    g.close()


class Scripts:
    """A sandbox that has the library, and how scripts run in it."""

    def __init__(self, gateway, vendor, base, *options):
        self.vendor, self.base = vendor, base
        self.key = "unused"
        name = f"sdk-{vendor}-{secrets.token_hex(2)}"
        gateway.ok("sandbox", "create", "--name", name, "--detach", *options)
        self.sandbox = Sandbox(gateway, name)
        package = subprocess.run(
            ["tar", "-C", MODULES.parent, "-c",
             f"node_modules/{vendor.package}"], check=True,
            capture_output=True).stdout
        r = self.sandbox.run("tar", "x", input=package, text=False)
        assert r.rc == 0, r
        self.sandbox.sh("cat >run.js", input=RUNNER)

    def run_all(self, scripts):
        options = {"baseURL": self.base} if self.base else {}
        if self.key:
            options["apiKey"] = self.key
        r = self.sandbox.run("node", "run.js", self.vendor.package,
                             json.dumps(options), input=json.dumps(scripts))
        assert r.rc == 0 and r.out, r
        return json.loads(r.out)

    def run(self, script):
        return self.run_all({"it": script})["it"]

    def ask(self, content):
        return self.run(self.vendor.asking(content))


@pytest.fixture(scope="module")
def made(gateway):
    """made(vendor, way): each sandbox once.  At the vendor's own name the
    key is a placeholder."""
    all = {}

    def one(vendor, way):
        if (vendor, way) not in all:
            all[vendor, way] = (through_router if way == "inference.local"
                                else through_proxy)(gateway, vendor)
        return all[vendor, way]
    yield one
    for s in all.values():
        s.sandbox.delete()


def provider(gateway, vendor):
    if gateway.run("provider", "get", vendor.name).rc != 0:
        gateway.ok("provider", "create", "--name", vendor.name, "--type",
                   vendor.name, "--credential", vendor.variable,
                   env={vendor.variable: vendor.key})


def set_route(gateway, vendor):
    provider(gateway, vendor)
    gateway.ok("inference", "set", "--provider", vendor.name, "--model",
               "forced-1")


def through_router(gateway, vendor):
    return Scripts(gateway, vendor, vendor.base)


def through_proxy(gateway, vendor, extra=FULL):
    provider(gateway, vendor)
    node = pathlib.Path(shutil.which("node")).resolve()
    rules = gateway.file(f"{vendor}.yaml", policy(allow(
        f"api.{vendor}.com", 443, extra, node)))
    s = Scripts(gateway, vendor, None, "--provider", vendor.name, "--policy",
                rules)
    s.key = None  # of the environment
    return s


@pytest.fixture
def scripts(gateway, made):
    """scripts(vendor, way): the way is "inference.local" or "the vendor"."""
    def one(vendor, way):
        if way == "inference.local":
            provider(gateway, vendor)
            gateway.ok("inference", "set", "--provider", vendor.name,
                       "--model", "forced-1")
            return made(vendor, vendor.base)
        return made(vendor, None)
    return one


WAYS = ["inference.local", "the vendor"]
ERRORS = [(400, "BadRequestError"), (401, "AuthenticationError"),
          (403, "PermissionDeniedError"), (404, "NotFoundError"),
          (429, "RateLimitError"), (500, "InternalServerError")]


@pytest.fixture(scope="module")
def results(gateway, made):
    """What every script gave, by vendor and way; and what the vendor saw."""
    all = {}

    def one(vendor, way):
        if (vendor, way) in all:
            return all[vendor, way]
        set_route(gateway, vendor)
        scripts = {what: script for what, (script, _) in vendor.calls.items()}
        for status, _ in ERRORS:
            for more in ("", "stream: true,"):
                scripts[f"{status} {more}"] = vendor.asking(
                    f"answer with error {status}", more)
        before = len(asked())
        got = made(vendor, way).run_all(scripts)
        all[vendor, way] = got, asked()[before:]
        return all[vendor, way]
    return one


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vendor, what", CALLS,
                         ids=[f"{v}-{what}" for v, what in CALLS])
def test_a_call(results, vendor, what, way):
    got, _ = results(vendor, way)
    assert got[what] == vendor.calls[what][1]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_the_vendor_saw_the_key_and_the_model(results, vendor, way):
    _, lines = results(vendor, way)
    assert len(lines) > 20
    assert {line["key"] for line in lines} == {"right"}
    models = {json.loads(line["body"])["model"] for line in lines
              if line["method"] == "POST" and line["bytes"] < 10000}
    assert models == {"forced-1" if way == "inference.local" else "any"}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("status, kind", ERRORS)
@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_an_error_is_the_librarys_own(results, vendor, status, kind, way):
    for more in ("", "stream: true,"):
        r = results(vendor, way)[0][f"{status} {more}"]
        assert (r.get("status"), r.get("failed")) == (status, kind), r
        assert "as you wished" in r["message"], r


@pytest.fixture
def scripts(gateway, made):
    """scripts(vendor, way): its sandbox, for one script more."""
    def one(vendor, way):
        set_route(gateway, vendor)
        return made(vendor, way)
    return one


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_the_key_is_not_in_the_sandbox(scripts, vendor):
    s = scripts(vendor, "the vendor")
    forms = hunt.forms_of(vendor.key)
    r = s.run(f"return process.env.{vendor.variable}")
    assert r.startswith("openshell:resolve:env:s")
    assert hunt.in_files_of(s.sandbox, forms) == []


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_what_is_no_model_is_refused_by_inference_local(scripts, vendor):
    s = scripts(vendor, "inference.local")
    r = s.run("return await client.get('/v1/files')")
    assert (r["status"], r["failed"]) == (403, "PermissionDeniedError"), r
    assert "not allowed by policy" in r["message"], r


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_without_a_route_there_is_an_answer_too(gateway, scripts, vendor):
    s = scripts(vendor, "inference.local")
    gateway.ok("inference", "delete")
    r = s.ask("hi")
    assert r["status"] == 503 and "not configured" in r["message"], r


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_what_the_policy_denies_says_so(gateway, vendor):
    s = through_proxy(gateway, vendor, REST)
    before = len(asked())
    r = s.ask("hi")
    assert (r["status"], r["failed"]) == (403, "PermissionDeniedError"), r
    assert "policy_denied" in r["message"], r
    assert len(asked()) == before
    assert "data" in s.run("return await client.models.list()")
    s.sandbox.delete()


@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_a_wrong_key_of_its_own_is_the_vendors_to_refuse(gateway, scripts,
                                                         vendor):
    s = scripts(vendor, "the vendor")
    s.key = "sk-of-its-own"
    r = s.ask("hi")
    s.key = None
    assert (r["status"], r["failed"]) == (401, "AuthenticationError"), r


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("vendor", VENDORS, ids=str)
def test_a_stream_that_is_given_up_ends_at_the_vendor(scripts, vendor, way):
    before = len(asked())
    it = vendor.asking("count to 2000", "stream: true,")
    r = scripts(vendor, way).run(f"""
        const stream = await (async () => {{{it}}})()
        let n = 0
        for await (const e of stream) if (++n === 5) break
        return n""")
    assert r == 5
    wait_until(lambda: len(asked()) > before, "the vendor knows", 30)
    assert asked()[-1]["stream"] == "cut"
