#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The model vendors' servers, as far as agents and client libraries notice:
HTTPS under their own names, one script in place of a model.

What arrives is checked as the vendor would: the key in the vendor's header,
the media type, the fields that must be there, tools and what answers to their
calls; the vendor's own error is the answer if something is wrong.  Nothing is
remembered between two requests: what a model says next follows from the
conversation that it is sent.

A conversation that asks to

    write the text 'TEXT' into the file 'PATH' and run the command 'COMMAND'

gets a call of the client's tool that writes files, then one of the tool that
runs commands, then a text that starts with "All done." and quotes what the
command said.  Other conversations get SAYINGS' answer, else "ok".  What asks
to "answer with error NUMBER" gets that error, what asks to "count to NUMBER"
gets a number each 20 ms where it streams.

$WORLD/models.keys (a JSON object, vendor to key) is what it takes for a key;
every request is a line of $WORLD/models.log.
"""

import base64
import hashlib
import http.server
import json
import os
import re
import secrets
import socketserver
import ssl
import struct
import sys
import threading
import time

# Who asks under which name.  A name that is missing here serves nobody.
VENDORS = {
    "api.anthropic.com": "anthropic",
    "api.openai.com": "openai",
    "api.githubcopilot.com": "copilot",
    "api.individual.githubcopilot.com": "copilot",
    "api.github.com": "github",
}
# Served too, with 404 for everything: what agents call besides.
SIDE_NAMES = ["auth.openai.com", "chatgpt.com", "ab.chatgpt.com",
              "models.dev", "models.opencode.ai", "opencode.ai",
              "mcp-proxy.anthropic.com"]
NAMES = [n for n in VENDORS if n != "api.github.com"] + SIDE_NAMES

TASK = re.compile(r"write the text '([^']*)' into the file '([^']*)' and "
                  r"run the command '([^']*)'")
SAYINGS = [(re.compile(r"say the word '(\w+)'"), "{}")]
ERROR = re.compile(r"answer with error (\d+)")
COUNT = re.compile(r"count to (\d+)")
BODY_MAX = 64 << 20


class Refusal(Exception):
    """What the vendor says no with."""

    def __init__(self, status, kind, message):
        super().__init__(message)
        self.status, self.kind, self.message = status, kind, message


def bad(message):
    return Refusal(400, "invalid_request_error", message)


def require(condition, message):
    if not condition:
        raise bad(message)


#
# The script.
#

class Conversation:
    """One request, whatever the vendor's form: what people and tools said,
    and which tools there are."""

    def __init__(self):
        self.said = []      # texts of the user
        self.results = []   # texts of tools, since the task was given
        self.tools = {}     # name -> JSON schema, or None: takes a text
        self.spaces = {}    # name -> the namespace that it is in

    def user(self, text):
        self.said.append(text)

    def result(self, text):
        self.results.append(text)


def patch(path, text):
    return f"*** Begin Patch\n*** Add File: {path}\n+{text}\n*** End Patch\n"


def script(tool, argument):
    """For a tool that takes a program which calls the other tools."""
    return f"text(await tools.{tool}({json.dumps(argument)}));"


# How clients call what writes a file, and what runs a command: the first row
# whose name the request offers.  A text stands for a tool that takes one.
WRITERS = [
    ("Write", lambda p, t: {"file_path": p, "content": t}),
    ("write", lambda p, t: {"filePath": p, "content": t}),
    ("create", lambda p, t: {"path": p, "file_text": t}),
    ("apply_patch", patch),
    ("exec", lambda p, t: script("apply_patch", patch(p, t))),
    ("exec_command", lambda p, t: {"cmd": f"echo '{t}' >'{p}'"}),
]
RUNNERS = [
    ("Bash", lambda c: {"command": c, "description": "Run it"}),
    ("bash", lambda c: {"command": c, "description": "Run it"}),
    ("exec_command", lambda c: {"cmd": c, "yield_time_ms": 60000}),
    ("shell_command", lambda c: {"command": c}),
    ("shell", lambda c: {"command": ["sh", "-c", c]}),
    ("exec", lambda c: script("exec_command", {"cmd": c,
                                              "yield_time_ms": 60000})),
]


def call_of(rows, conversation, *args):
    for name, make in rows:
        if name in conversation.tools:
            return name, fit_arguments(conversation.tools[name], make(*args))
    raise bad("none of the tools does it: " + " ".join(conversation.tools))


def fit_arguments(schema, arguments):
    """As the client's own schema wants them: nothing missing, nothing more."""
    if isinstance(arguments, str):
        return arguments if schema is None else {
            schema["required"][0]: arguments}
    known = (schema or {}).get("properties", {})
    for field in (schema or {}).get("required", []):
        if field not in arguments:
            kind = known.get(field, {}).get("type")
            arguments[field] = {"integer": 0, "number": 0, "boolean": False,
                                "array": []}.get(kind, "unspecified")
    for field in list(arguments):
        if known and field not in known:
            del arguments[field]
    return arguments


def next_step(c):
    """("text", text, pause between its words) or ("call", name, arguments)."""
    text = "\n".join(c.said)
    error = ERROR.search(text)
    if error:
        status = int(error[1])
        raise Refusal(status, {400: "invalid_request_error",
                               401: "authentication_error",
                               403: "permission_error",
                               404: "not_found_error",
                               429: "rate_limit_error"}.get(
                                   status, "api_error"), "as you wished")
    count = COUNT.search(text)
    if count:
        return "text", " ".join(map(str, range(1, int(count[1]) + 1))), 0.02
    task = TASK.search(text)
    if task and c.tools:
        content, path, command = task.groups()
        if not c.results:
            return ("call", *call_of(WRITERS, c, path, content))
        if len(c.results) == 1:
            return ("call", *call_of(RUNNERS, c, command))
        return "text", f"All done. The command said: {c.results[-1]}", 0
    for pattern, answer in SAYINGS:
        found = pattern.search(text)
        if found:
            return "text", answer.format(*found.groups()), 0
    return "text", "ok", 0


def words(text):
    """As tokens come: pieces that make the text again."""
    return re.findall(r"\S*\s*", text)[:-1] or [text]


def pieces(arguments):
    text = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return [text[i:i + 17] for i in range(0, len(text), 17)]


def new_id(prefix):
    return f"{prefix}_{secrets.token_hex(12)}"


#
# Anthropic.
#

def texts_of(content):
    """The texts of a content that is a text or a list of blocks."""
    if isinstance(content, str):
        return content
    require(isinstance(content, list), "content: a text or a list of blocks")
    return "\n".join(b.get("text", "") for b in content
                     if b.get("type") in ("text", "input_text", "output_text"))


def anthropic_conversation(body, needs=("model", "max_tokens", "messages")):
    for field in needs:
        require(field in body, f"{field}: Field required")
    require(isinstance(body["messages"], list) and body["messages"],
            "messages: at least one message is required")
    c, waiting = Conversation(), set()
    for m in body["messages"]:
        require(m.get("role") in ("user", "assistant", "system"),
                f"messages.role: {m.get('role')}")
        blocks = m["content"] if isinstance(m["content"], list) else []
        if m["role"] == "assistant":
            waiting = {b["id"] for b in blocks if b["type"] == "tool_use"}
            continue
        answers = [b for b in blocks if b["type"] == "tool_result"]
        for b in answers:
            require(b["tool_use_id"] in waiting,
                    f"unexpected tool_use_id: {b['tool_use_id']}")
            waiting.discard(b["tool_use_id"])
            c.result(texts_of(b.get("content", "")))
        if m["role"] == "user":
            require(not waiting, "tool_use without tool_result")
            c.user(texts_of(m["content"]))
    for t in body.get("tools", []):
        require("name" in t, "tools.name: Field required")
        if t.get("type", "custom") == "custom":
            schema = t.get("input_schema", {})
            require(schema.get("type") == "object",
                    f"tools.{t['name']}.input_schema.type: object expected")
            c.tools[t["name"]] = schema
    return c


def anthropic_message(body, step):
    usage = {"input_tokens": 11, "output_tokens": 7,
             "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    if step[0] == "text":
        content = [{"type": "text", "text": step[1]}]
    else:
        content = [{"type": "tool_use", "id": new_id("toolu"),
                    "name": step[1], "input": step[2]}]
    return {"id": new_id("msg"), "type": "message", "role": "assistant",
            "model": body["model"], "content": content,
            "stop_reason": "end_turn" if step[0] == "text" else "tool_use",
            "stop_sequence": None, "usage": usage}


def anthropic_events(body, step):
    """(name, data, pause before it)"""
    whole = anthropic_message(body, step)
    block, = whole["content"]
    start = {**whole, "content": [], "stop_reason": None,
             "usage": {**whole["usage"], "output_tokens": 1}}
    yield "message_start", {"message": start}, 0
    if step[0] == "text":
        empty, parts, pause = {**block, "text": ""}, words(step[1]), step[2]
        deltas = [{"type": "text_delta", "text": p} for p in parts]
    else:
        empty, pause = {**block, "input": {}}, 0
        deltas = [{"type": "input_json_delta", "partial_json": p}
                  for p in ["", *pieces(step[2])]]
    yield "content_block_start", {"index": 0, "content_block": empty}, 0
    yield "ping", {}, 0
    for d in deltas:
        yield "content_block_delta", {"index": 0, "delta": d}, pause
    yield "content_block_stop", {"index": 0}, 0
    yield "message_delta", {
        "delta": {"stop_reason": whole["stop_reason"], "stop_sequence": None},
        "usage": {"output_tokens": 7}}, 0
    yield "message_stop", {}, 0


def anthropic_messages(h, body):
    step = next_step(anthropic_conversation(body))
    h.note(step=step[:2])
    if not body.get("stream"):
        return h.answer(anthropic_message(body, step))
    h.stream((f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n",
              pause) for name, data, pause in anthropic_events(body, step))


def anthropic_count(h, body):
    anthropic_conversation(body, ("model", "messages"))
    h.answer({"input_tokens": 11})


def anthropic_model(name):
    return {"type": "model", "id": name, "display_name": name,
            "created_at": "2025-01-01T00:00:00Z"}


def anthropic_models(h, body):
    h.answer({"data": [anthropic_model("claude-test-1")], "has_more": False,
              "first_id": "claude-test-1", "last_id": "claude-test-1"})


def anthropic_one_model(h, body, name):
    h.answer(anthropic_model(name))


#
# OpenAI.
#

def chat_conversation(body):
    for field in ("model", "messages"):
        require(field in body, f"Missing required parameter: '{field}'.")
    require(body["messages"], "Invalid 'messages': empty array.")
    c, waiting = Conversation(), set()
    for m in body["messages"]:
        require(m.get("role") in ("system", "developer", "user", "assistant",
                                  "tool"), f"Invalid role: {m.get('role')}")
        if m["role"] == "assistant":
            require(not waiting, f"no answer to tool calls: {waiting}")
            waiting = {t["id"] for t in m.get("tool_calls") or []}
        elif m["role"] == "tool":
            require(m["tool_call_id"] in waiting,
                    "a tool message must answer a preceding tool call")
            waiting.discard(m["tool_call_id"])
            c.result(texts_of(m["content"]))
        elif m["role"] == "user":
            require(not waiting, f"no answer to tool calls: {waiting}")
            c.user(texts_of(m["content"]))
    for t in body.get("tools") or []:
        kind = t.get("type")
        require(kind in ("function", "custom"), f"Invalid tool type: {kind}")
        require("name" in t.get(kind, {}), "Missing tools.function.name")
        c.tools[t[kind]["name"]] = t[kind].get("parameters")
    return c


USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}


def chat_call(step, **more):
    text = step[2] if isinstance(step[2], str) else json.dumps(step[2])
    return {**more, "id": new_id("call"), "type": "function",
            "function": {"name": step[1], "arguments": text}}


def chat_completion(body, step):
    message = {"role": "assistant", "content": None, "refusal": None}
    if step[0] == "text":
        message["content"] = step[1]
    else:
        message["tool_calls"] = [chat_call(step)]
    return {"id": new_id("chatcmpl"), "object": "chat.completion",
            "created": int(time.time()), "model": body["model"],
            "choices": [{"index": 0, "message": message, "logprobs": None,
                         "finish_reason": "stop" if step[0] == "text"
                         else "tool_calls"}], "usage": USAGE}


def chat_chunks(body, step):
    whole = chat_completion(body, step)
    head = {k: whole[k] for k in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk"

    def chunk(delta, reason=None):
        return {**head, "choices": [{"index": 0, "delta": delta,
                                     "finish_reason": reason}]}
    if step[0] == "text":
        yield chunk({"role": "assistant", "content": ""}), 0
        for w in words(step[1]):
            yield chunk({"content": w}), step[2]
    else:
        call = chat_call(step, index=0)
        text = call["function"]["arguments"]
        call["function"]["arguments"] = ""
        yield chunk({"role": "assistant", "content": None,
                     "tool_calls": [call]}), 0
        for p in pieces(text):
            yield chunk({"tool_calls": [
                {"index": 0, "function": {"arguments": p}}]}), 0
    yield chunk({}, whole["choices"][0]["finish_reason"]), 0
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**head, "choices": [], "usage": USAGE}, 0


def data_lines(chunks):
    for data, pause in chunks:
        yield f"data: {json.dumps(data)}\n\n", pause
    yield "data: [DONE]\n\n", 0


def openai_chat(h, body):
    step = next_step(chat_conversation(body))
    h.note(step=step[:2])
    if body.get("stream"):
        return h.stream(data_lines(chat_chunks(body, step)))
    h.answer(chat_completion(body, step))


def openai_completions(h, body):
    for field in ("model", "prompt"):
        require(field in body, f"Missing required parameter: '{field}'.")
    c = Conversation()
    c.user(body["prompt"])
    step = next_step(c)
    head = {"id": new_id("cmpl"), "object": "text_completion",
            "created": int(time.time()), "model": body["model"]}

    def choice(text, reason):
        return {**head, "choices": [{"index": 0, "text": text,
                                     "logprobs": None,
                                     "finish_reason": reason}]}
    if not body.get("stream"):
        return h.answer({**choice(step[1], "stop"), "usage": USAGE})
    parts = [(choice(w, None), step[2]) for w in words(step[1])]
    h.stream(data_lines([*parts, (choice("", "stop"), 0)]))


def responses_conversation(body):
    for field in ("model", "input"):
        require(field in body, f"Missing required parameter: '{field}'.")
    c, waiting = Conversation(), set()
    items = body["input"]
    if isinstance(items, str):
        items = [{"role": "user", "content": items}]
    for i in items:
        kind = i.get("type", "message")
        if kind in ("function_call", "custom_tool_call"):
            waiting.add(i["call_id"])
        elif kind in ("function_call_output", "custom_tool_call_output"):
            require(i["call_id"] in waiting,
                    f"No tool call found for call_id {i['call_id']}.")
            waiting.discard(i["call_id"])
            c.result(texts_of(i["output"]))
        elif kind == "message" and i.get("role") == "user":
            c.user(texts_of(i["content"]))
        elif kind == "additional_tools":
            response_tools(c, i["tools"])
    require(not waiting, f"No tool output found for {waiting}.")
    response_tools(c, body.get("tools") or [])
    return c


def response_tools(c, tools, space=None):
    for t in tools:
        require("type" in t, "Missing required parameter: 'tools[0].type'.")
        if t["type"] == "namespace":
            response_tools(c, t["tools"], t["name"])
        elif t["type"] in ("function", "custom"):
            require("name" in t, "Missing tools.name")
            c.tools[t["name"]] = t.get("parameters")
            c.spaces[t["name"]] = space


def response_item(c, step):
    if step[0] == "text":
        return {"id": new_id("msg"), "type": "message", "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": step[1],
                             "annotations": []}]}
    call = {"status": "completed", "call_id": new_id("call"),
            "name": step[1]}
    if c.spaces[step[1]] is not None:
        call["namespace"] = c.spaces[step[1]]
    if isinstance(step[2], str):
        return {"id": new_id("ctc"), "type": "custom_tool_call", **call,
                "input": step[2]}
    return {"id": new_id("fc"), "type": "function_call", **call,
            "arguments": json.dumps(step[2])}


def response_object(body, output, status):
    done = status == "completed"
    return {"id": new_id("resp"), "object": "response",
            "created_at": int(time.time()), "status": status,
            "error": None, "incomplete_details": None, "instructions": None,
            "model": body["model"], "output": output, "tools": [],
            "parallel_tool_calls": False, "tool_choice": "auto",
            "temperature": 1, "top_p": 1, "metadata": {},
            "usage": {"input_tokens": 11, "output_tokens": 7,
                      "input_tokens_details": {"cached_tokens": 0},
                      "output_tokens_details": {"reasoning_tokens": 0},
                      "total_tokens": 18} if done else None}


def response_deltas(item, step):
    """The events between an item's birth and its end."""
    at = {"item_id": item["id"], "output_index": 0}
    if item["type"] != "message":
        field, kind = {
            "function_call": ("arguments", "function_call_arguments"),
            "custom_tool_call": ("input", "custom_tool_call_input"),
        }[item["type"]]
        for p in pieces(item[field]):
            yield f"response.{kind}.delta", {**at, "delta": p}, 0
        yield f"response.{kind}.done", {**at, field: item[field]}, 0
        return
    part, = item["content"]
    at["content_index"] = 0
    yield ("response.content_part.added",
           {**at, "part": {**part, "text": ""}}, 0)
    for w in words(step[1]):
        yield ("response.output_text.delta",
               {**at, "delta": w, "logprobs": []}, step[2])
    yield ("response.output_text.done",
           {**at, "text": step[1], "logprobs": []}, 0)
    yield "response.content_part.done", {**at, "part": part}, 0


def response_events(c, body, step):
    item = response_item(c, step)
    whole = response_object(body, [item], "completed")
    begun = {**response_object(body, [], "in_progress"), "id": whole["id"]}
    empty = {**item, "status": "in_progress"}
    for field, nothing in (("content", []), ("arguments", ""), ("input", "")):
        if field in item:
            empty[field] = nothing
    yield "response.created", {"response": begun}, 0
    yield "response.in_progress", {"response": begun}, 0
    yield ("response.output_item.added",
           {"output_index": 0, "item": empty}, 0)
    yield from response_deltas(item, step)
    yield "response.output_item.done", {"output_index": 0, "item": item}, 0
    yield "response.completed", {"response": whole}, 0


def numbered(events):
    for i, (name, data, pause) in enumerate(events):
        yield {"type": name, "sequence_number": i, **data}, pause


def openai_responses(h, body):
    c = responses_conversation(body)
    step = next_step(c)
    h.note(step=step[:2])
    if not body.get("stream"):
        return h.answer(response_object(
            body, [response_item(c, step)], "completed"))
    h.stream((f"event: {data['type']}\ndata: {json.dumps(data)}\n\n", pause)
             for data, pause in numbered(response_events(c, body, step)))


def openai_responses_socket(h, body):
    """The same over a WebSocket: a request is a message, each event is one.
    A request may go on from a response of this connection."""
    h.upgrade()
    past = {}
    while (text := h.receive()) is not None:
        body = json.loads(text)
        before = past.get(body.get("previous_response_id"), [])
        whole = {**body, "input": [*before, *body["input"]]}
        try:
            require(body.pop("type") == "response.create", "unknown type")
            c = responses_conversation(whole)
            step = next_step(c)
        except Refusal as r:
            h.send_text(json.dumps({"type": "error", "status": r.status,
                                    **openai_error(r)}))
            continue
        h.note(step=step[:2])
        for data, pause in numbered(response_events(c, body, step)):
            time.sleep(pause)
            h.send_text(json.dumps(data))
        past[data["response"]["id"]] = [
            *whole["input"], *data["response"]["output"]]
        h.server.log(h.line)
    h.note(step=None)


def openai_embeddings(h, body):
    for field in ("model", "input"):
        require(field in body, f"Missing required parameter: '{field}'.")
    many = body["input"] if isinstance(body["input"], list) else [
        body["input"]]
    numbers = [0.25, -0.5, 1.0]
    # The client libraries ask for base64 and decode it.
    if body.get("encoding_format") == "base64":
        numbers = base64.b64encode(struct.pack("<3f", *numbers)).decode()
    h.answer({"object": "list", "model": body["model"], "data": [
        {"object": "embedding", "index": i, "embedding": numbers}
        for i in range(len(many))],
        "usage": {"prompt_tokens": 3, "total_tokens": 3}})


def openai_model(name):
    return {"id": name, "object": "model", "created": 1700000000,
            "owned_by": "test"}


def openai_models(h, body):
    h.answer({"object": "list", "data": [openai_model("gpt-test-1")]})


def openai_one_model(h, body, name):
    h.answer(openai_model(name))


#
# GitHub, for Copilot.
#

def github_user(h, body):
    h.answer({"login": "octocat", "id": 1, "type": "User"})


def github_copilot_user(h, body):
    h.answer({
        "login": "octocat", "access_type_sku": "free_educational",
        "copilot_plan": "individual", "chat_enabled": True,
        "cli_enabled": True, "endpoints": {
            "api": "https://api.individual.githubcopilot.com",
            "telemetry": "https://telemetry.individual.githubcopilot.com"}})


def copilot_models(h, body):
    h.answer({"object": "list", "data": [{
        "id": n, "name": n, "object": "model", "vendor": "test",
        "version": n, "model_picker_enabled": True, "preview": False,
        "policy": {"state": "enabled", "terms": ""},
        "supported_endpoints": ["/chat/completions"],
        "capabilities": {
            "family": n, "object": "model_capabilities", "type": "chat",
            "tokenizer": "o200k_base",
            "limits": {"max_context_window_tokens": 128000,
                       "max_prompt_tokens": 128000,
                       "max_output_tokens": 16000},
            "supports": {"streaming": True, "tool_calls": True,
                         "parallel_tool_calls": True}},
    } for n in ("gpt-5-mini", "gpt-4.1", "claude-sonnet-4.5")]})


#
# HTTP.
#

def row(vendor, method, path, serve):
    return vendor, method, re.compile(path), serve


ROUTES = [
    row("anthropic", "POST", r"/v1/messages", anthropic_messages),
    row("anthropic", "POST", r"/v1/messages/count_tokens", anthropic_count),
    row("anthropic", "GET", r"/v1/models", anthropic_models),
    row("anthropic", "GET", r"/v1/models/([\w.-]+)", anthropic_one_model),
    row("openai", "POST", r"/v1/chat/completions", openai_chat),
    row("openai", "POST", r"/v1/completions", openai_completions),
    row("openai", "POST", r"/v1/responses", openai_responses),
    row("openai", "GET", r"/v1/responses", openai_responses_socket),
    row("openai", "POST", r"/v1/embeddings", openai_embeddings),
    row("openai", "GET", r"/v1/models", openai_models),
    row("openai", "GET", r"/v1/models/([\w.-]+)", openai_one_model),
    row("copilot", "POST", r"/chat/completions", openai_chat),
    row("copilot", "GET", r"/models", copilot_models),
    row("github", "GET", r"/user", github_user),
    row("github", "GET", r"/copilot_internal/user", github_copilot_user),
]


def anthropic_error(r):
    return {"type": "error", "error": {"type": r.kind, "message": r.message},
            "request_id": new_id("req")}


def openai_error(r):
    code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(r.status)
    return {"error": {"message": r.message, "type": r.kind, "param": None,
                      "code": code}}


ERRORS = {"anthropic": anthropic_error, "openai": openai_error,
          "copilot": openai_error,
          "github": lambda r: {"message": r.message, "status": r.status}}


def bearer(headers):
    scheme, _, value = headers.get("authorization", "").partition(" ")
    return value if scheme.lower() in ("bearer", "token") else None


# Where each vendor looks for the key, and no other place will do.
KEY_OF = {"anthropic": lambda h: h.get("x-api-key") or bearer(h),
          "openai": bearer, "copilot": bearer, "github": bearer}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "models"

    def note(self, **more):
        self.line.update(more)

    def answer(self, tree, status=200, **headers):
        body = json.dumps(tree).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json",
                            "Content-Length": len(body), "request-id":
                            new_id("req"), **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(body)
        self.note(status=status)

    def stream(self, parts):
        """(text, pause before it): an event stream, a chunk each."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("request-id", new_id("req"))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.note(status=200, stream="cut")
        for text, pause in parts:
            time.sleep(pause)
            data = text.encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")
        self.note(stream="whole")

    def upgrade(self):
        key = self.headers.get("Sec-WebSocket-Key")
        if key is None:
            raise Refusal(426, "invalid_request_error", "Upgrade Required")
        digest = hashlib.sha1(
            (key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept",
                         base64.b64encode(digest).decode())
        self.end_headers()
        self.close_connection = True
        self.note(status=101)

    def receive_frame(self):
        """(opcode, is it the last, data); None: the end."""
        head = self.rfile.read(2)
        if len(head) < 2 or head[0] & 15 == 8:
            return None
        n = head[1] & 127
        if n >= 126:
            n = int.from_bytes(self.rfile.read(2 if n == 126 else 8), "big")
        mask = self.rfile.read(4) * (n // 4 + 1)
        data = int.from_bytes(self.rfile.read(n), "big") ^ int.from_bytes(
            mask[:n], "big")
        return head[0] & 15, head[0] & 128, data.to_bytes(n, "big")

    def receive(self):
        """A whole message; None: the end."""
        message = b""
        while (frame := self.receive_frame()) is not None:
            code, last, data = frame
            if code == 9:
                self.send_frame(10, data)
            elif code in (0, 1, 2):
                message += data
                if last:
                    return message
        return None

    def send_frame(self, code, data):
        n = len(data)
        size = (bytes([n]) if n < 126 else b"\x7e" + struct.pack("!H", n)
                if n < 65536 else b"\x7f" + struct.pack("!Q", n))
        self.wfile.write(bytes([128 | code]) + size + data)
        self.wfile.flush()

    def send_text(self, text):
        self.send_frame(1, text.encode())

    def read_chunks(self):
        body = b""
        while True:
            n = int(self.rfile.readline(100).split(b";")[0], 16)
            body += self.rfile.read(n)
            self.rfile.readline(100)
            if n == 0:
                return body
            if len(body) > BODY_MAX:
                raise Refusal(413, "request_too_large", "too large")

    def read_body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return self.read_chunks()
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def check(self, vendor, headers, body):
        """What is wrong with it before anybody looks at what it asks."""
        key = KEY_OF[vendor](headers)
        if key != self.server.keys[vendor]:
            self.note(key="none" if key is None else "wrong")
            raise Refusal(401, "authentication_error",
                          "Incorrect API key provided.")
        self.note(key="right")
        if b"openshell:resolve" in body or any(
                "openshell:resolve" in v.lower() for v in headers.values()):
            raise bad("a placeholder came this far")
        if vendor == "anthropic":
            require("anthropic-version" in headers,
                    "anthropic-version: header is required")
        if body:
            require(headers.get("content-type", "").split(";")[0]
                    == "application/json", "unsupported media type")

    def serve(self, vendor, headers, body):
        path = self.path.split("?")[0]
        for who, method, pattern, serve in ROUTES:
            found = pattern.fullmatch(path)
            if who == vendor and method == self.command and found:
                self.check(vendor, headers, body)
                try:
                    tree = json.loads(body) if body else None
                except ValueError:
                    raise bad("We could not parse the JSON body.") from None
                return serve(self, tree, *found.groups())
        raise Refusal(404, "not_found_error", f"no such thing: {path}")

    def one(self):
        headers = {k.lower(): v for k, v in self.headers.items()}
        host = headers.get("host", "").split(":")[0]
        vendor = VENDORS.get(host, "openai")
        self.line = {"host": host, "method": self.command, "path": self.path,
                     "agent": headers.get("user-agent")}
        body = self.read_body()
        self.note(bytes=len(body), body=body[:self.server.keep].decode(
            "utf-8", "replace"), headers=sorted(headers))
        try:
            if host not in VENDORS:
                raise Refusal(404, "not_found_error", "nothing here")
            self.serve(vendor, headers, body)
        except Refusal as r:
            self.answer(ERRORS[vendor](r), r.status,
                        **({"retry-after": 0} if r.status == 429 else {}))
        finally:
            self.server.log(self.line)

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = one

    def log_message(self, *_):
        pass


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128
    keep = 20000  # bytes of each body, for the log

    def __init__(self, world, address):
        super().__init__((address, 443), Handler)
        self.world, self.lock = world, threading.Lock()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(f"{world}/good.pem", f"{world}/good.key")
        with open(f"{world}/models.keys", encoding="utf-8") as f:
            self.keys = json.load(f)

    def log(self, line):
        with self.lock, open(f"{self.world}/models.log", "a",
                             encoding="utf-8") as f:
            f.write(json.dumps(line) + "\n")

    def finish_request(self, request, client_address):
        try:
            with self.context.wrap_socket(request, server_side=True) as s:
                super().finish_request(s, client_address)
        except (OSError, ValueError):
            pass  # whoever asked went away


def make_keys(world):
    """Of the shape that each vendor's have."""
    keys = {"anthropic": f"sk-ant-api03-{secrets.token_hex(40)}-AA",
            "openai": f"sk-proj-{secrets.token_hex(40)}",
            "github": f"github_pat_{secrets.token_hex(40)}"}
    keys["copilot"] = keys["github"]
    with open(f"{world}/models.keys", "w", encoding="utf-8") as f:
        json.dump(keys, f)
    open(f"{world}/models.log", "w", encoding="utf-8").close()


if __name__ == "__main__":
    Server(sys.argv[1], sys.argv[2]).serve_forever()
