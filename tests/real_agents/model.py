#!/usr/bin/env python3
"""Simulates a model that calls tools on request, for testing third-party agents without a real model.

    python3 model.py [--port PORT] [--log FILE]

Listens on the loopback interface and supports OpenAI's chat completions and Responses, Anthropic's Messages, and Gemini's
generateContent, with and without streaming. Responds to the last text in the conversation:

    run: COMMAND        calls the agent's shell tool with this command, then repeats the output
    What is my name?    looks for "I am called NAME" in the whole request
    anything else       "You said: …"

The first line on stdout is the server's address. Each request is appended to FILE as a line with the dialect, the (role,
text) pairs, the SHA-256 hashes of the images, the names of the offered tools, and the answer.
"""

import argparse
import base64
import hashlib
import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# The names of the agents' shell tools. The first one that is offered is called.
SHELL_TOOLS = ["bash", "Bash", "run_shell_command", "exec_command", "shell_command", "shell"]


# Answers ---------------------------------------------------------------------------------------------------------------


class ModelRequest:
    """A request, independent of the dialect: (role, text) pairs, where a role is user, assistant, or tool."""

    def __init__(self, pairs, tools, schema=None):
        self.pairs = [(role, text) for role, text in pairs if text]
        self.tools = tools
        self.schema = schema

    def answer(self):
        """Returns the text of the answer, or the (name, arguments) of a tool call."""
        role, text = self.pairs[-1] if self.pairs else ("user", "")
        command = re.match(r"run: (.+)", text)
        shell = next((name for name in SHELL_TOOLS if name in self.tools), None)
        if self.schema:
            return json.dumps(example(self.schema))
        if role == "tool":
            return f"The tool said: {text[:300]}"
        if command and shell:
            return shell, filled(self.tools[shell], command.group(1).strip())
        if text.strip() == "What is my name?":
            names = re.findall(r"I am called (\w+)", " ".join(text for _, text in self.pairs))
            return f"Your name is {names[-1]}." if names else "I do not know your name."
        return f"You said: {text.strip()[:300]}"


def filled(schema, command):
    """Returns the arguments for a shell tool: the command and the other required fields."""
    properties = schema.get("properties", {})
    arguments = {name: example(properties.get(name, {})) for name in schema.get("required", [])}
    name = next((name for name in ["command", "cmd"] if name in properties), "command")
    is_list = properties.get(name, {}).get("type") == "array"
    arguments[name] = ["sh", "-c", command] if is_list else command
    if "sandbox_permissions" in properties:
        # Codex requests permission for a command outside the sandbox, and then waits up to 30 s for it to exit.
        arguments |= {"sandbox_permissions": "require_escalated", "justification": "It was asked for.", "yield_time_ms": 30_000}
    return arguments


def example(schema):
    """Returns a value that approximately matches a JSON schema."""
    if "enum" in schema:
        return schema["enum"][0]
    sort = str(schema.get("type", "string")).lower()
    if sort == "object":
        return {name: example(part) for name, part in schema.get("properties", {}).items()}
    return {"array": [], "number": 1, "integer": 1, "boolean": False}.get(sort, "An example")


def text_of(content):
    """Returns the texts in a message's content, which is a string or a list of parts."""
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content or [] if isinstance(part.get("text"), str)]


def images_of(part):
    """Returns the SHA-256 hashes of the images anywhere in a request, in order."""
    if isinstance(part, list):
        return [image for item in part for image in images_of(item)]
    if isinstance(part, str):
        url = re.match(r"data:image/[a-z+.-]+;base64,(.+)", part)
        return [hash_of(url.group(1))] if url else []
    if not isinstance(part, dict):
        return []
    sort = part.get("media_type") or part.get("mimeType") or ""
    if sort.startswith("image/") and isinstance(part.get("data"), str):
        return [hash_of(part["data"])]
    return images_of(list(part.values()))


def hash_of(data):
    return hashlib.sha256(base64.b64decode(data)).hexdigest()


def words(text):
    return re.findall(r"\S+\s*", text)


# Dialects: each one parses requests and produces answers as (event name or None, object) pairs -------------------------


class Chat:
    """OpenAI's chat completions."""

    path = re.compile(r"/chat/completions$")
    end = "[DONE]"

    def read(self, body, _):
        pairs = [(message["role"], text) for message in body["messages"] for text in text_of(message.get("content"))]
        tools = {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools", [])}
        return ModelRequest([pair for pair in pairs if pair[0] not in ("system", "developer")], tools)

    def write(self, answer, model):
        def chunk(delta, reason=None):
            choice = {"index": 0, "delta": delta, "finish_reason": reason}
            return None, {"id": "chat-1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]}

        if isinstance(answer, str):
            yield from (chunk({"role": "assistant", "content": word}) for word in words(answer))
            yield chunk({}, "stop")
        else:
            function = {"name": answer[0], "arguments": json.dumps(answer[1])}
            call = {"index": 0, "id": fresh("call"), "type": "function", "function": function}
            yield chunk({"role": "assistant", "tool_calls": [call]})
            yield chunk({}, "tool_calls")
        usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
        yield None, {**chunk({})[1], "choices": [], "usage": usage}

    def whole(self, answer, model):
        message = {"role": "assistant", "content": answer}
        return {"id": "chat-1", "object": "chat.completion", "created": 1, "model": model,
                "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


class Responses:
    """OpenAI's Responses API."""

    path = re.compile(r"/responses$")
    end = None

    def read(self, body, _):
        pairs = []
        for item in body["input"]:
            if item.get("type", "message") == "message" and item["role"] != "developer":
                pairs += [(item["role"], text) for text in text_of(item["content"])]
            elif item.get("type", "").endswith("_output"):
                pairs += [("tool", text) for text in text_of(item["output"])]
        tools = {tool["name"]: tool.get("parameters", {}) for tool in body.get("tools", []) if "name" in tool}
        schema = body.get("text", {}).get("format", {}).get("schema")
        return ModelRequest(pairs, tools, schema)

    def write(self, answer, model):
        def event(sort, **fields):
            return sort, {"type": sort, **fields}

        if isinstance(answer, str):
            part = {"type": "output_text", "text": answer, "annotations": []}
            item = {"type": "message", "id": fresh("msg"), "role": "assistant", "status": "completed", "content": [part]}
        else:
            item = {"type": "function_call", "id": fresh("fc"), "call_id": fresh("call"), "status": "completed",
                    "name": answer[0], "arguments": json.dumps(answer[1])}
        response = {"id": fresh("resp"), "object": "response", "created_at": 1, "model": model, "status": "in_progress", "output": []}
        yield event("response.created", response=response)
        yield event("response.output_item.added", output_index=0, item={**item, "status": "in_progress", "content": []})
        if isinstance(answer, str):
            for word in words(answer):
                yield event("response.output_text.delta", item_id=item["id"], output_index=0, content_index=0, delta=word)
        yield event("response.output_item.done", output_index=0, item=item)
        usage = {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7,
                 "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
        yield event("response.completed", response={**response, "status": "completed", "output": [item], "usage": usage})

    def whole(self, answer, model):
        return list(self.write(answer, model))[-1][1]["response"]


class Messages:
    """Anthropic's Messages API."""

    path = re.compile(r"/messages$")
    end = None

    def read(self, body, _):
        pairs = []
        for message in body["messages"]:
            content = message["content"]
            for part in content if isinstance(content, list) else [{"type": "text", "text": content}]:
                if part["type"] == "tool_result":
                    pairs += [("tool", text) for text in text_of(part.get("content"))]
                elif part["type"] == "text" and message["role"] != "system":
                    pairs.append((message["role"], part["text"]))
        tools = {tool["name"]: tool.get("input_schema", {}) for tool in body.get("tools", [])}
        schema = body.get("output_config", {}).get("format", {}).get("schema")
        return ModelRequest(pairs, tools, schema)

    def write(self, answer, model):
        def event(sort, **fields):
            return sort, {"type": sort, **fields}

        is_text = isinstance(answer, str)
        yield event("message_start", message=self.message(model, [], None))
        if is_text:
            yield event("content_block_start", index=0, content_block={"type": "text", "text": ""})
            for word in words(answer):
                yield event("content_block_delta", index=0, delta={"type": "text_delta", "text": word})
        else:
            block = {"type": "tool_use", "id": fresh("toolu"), "name": answer[0], "input": {}}
            yield event("content_block_start", index=0, content_block=block)
            delta = {"type": "input_json_delta", "partial_json": json.dumps(answer[1])}
            yield event("content_block_delta", index=0, delta=delta)
        yield event("content_block_stop", index=0)
        delta = {"stop_reason": "end_turn" if is_text else "tool_use", "stop_sequence": None}
        yield event("message_delta", delta=delta, usage={"output_tokens": 4})
        yield event("message_stop")

    def whole(self, answer, model):
        return self.message(model, [{"type": "text", "text": answer}], "end_turn")

    def message(self, model, content, reason):
        return {"id": fresh("msg"), "type": "message", "role": "assistant", "model": model, "content": content,
                "stop_reason": reason, "stop_sequence": None, "usage": {"input_tokens": 3, "output_tokens": 1}}


class Gemini:
    """The `generateContent` method of the Gemini API."""

    path = re.compile(r"/models/[^/]+:(stream)?[gG]enerateContent$")
    end = None

    def read(self, body, _):
        pairs = []
        for content in body["contents"]:
            role = "assistant" if content.get("role") == "model" else "user"
            for part in content["parts"]:
                if "functionResponse" in part:
                    pairs.append(("tool", json.dumps(part["functionResponse"]["response"])))
                elif not part.get("thought"):
                    pairs.append((role, part.get("text", "")))
        declared = [tool for group in body.get("tools", []) for tool in group.get("functionDeclarations", [])]
        tools = {tool["name"]: tool.get("parametersJsonSchema") or tool.get("parameters") or {} for tool in declared}
        wanted = body.get("generationConfig", {})
        return ModelRequest(pairs, tools, wanted.get("responseJsonSchema") or wanted.get("responseSchema"))

    def write(self, answer, model):
        if isinstance(answer, str):
            pieces = words(answer)
            for word in pieces[:-1]:
                yield None, self.response({"text": word}, model)
            yield None, self.response({"text": pieces[-1]}, model, "STOP")
        else:
            yield None, self.response({"functionCall": {"name": answer[0], "args": answer[1]}}, model, "STOP")

    def whole(self, answer, model):
        return self.response({"text": answer}, model, "STOP")

    def response(self, part, model, reason=None):
        candidate = {"index": 0, "content": {"role": "model", "parts": [part]}}
        if reason:
            candidate["finishReason"] = reason
        usage = {"promptTokenCount": 3, "candidatesTokenCount": 4, "totalTokenCount": 7}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}


DIALECTS = [Chat(), Responses(), Messages(), Gemini()]


# The server ------------------------------------------------------------------------------------------------------------

lock = threading.Lock()
counter = 0


def fresh(prefix):
    """Returns an unused ID."""
    global counter
    with lock:
        counter += 1
        return f"{prefix}_{counter}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_HEAD(self):
        self.respond(200, {})

    def do_GET(self):
        self.respond(200, {"object": "list", "data": [{"id": "scripted", "object": "model"}], "models": []})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        dialect = next((dialect for dialect in DIALECTS if dialect.path.search(path)), None)
        if dialect is None:
            self.log({"unknown": path})
            is_count = path.endswith(("count_tokens", ":countTokens"))
            return self.respond(*((200, {"input_tokens": 3, "totalTokens": 3}) if is_count else (404, {"error": {"message": "unknown"}})))
        body = json.loads(body)
        request = dialect.read(body, path)
        answer = request.answer()
        self.log({"dialect": type(dialect).__name__, "pairs": request.pairs, "images": images_of(body),
                  "tools": sorted(request.tools), "answer": answer})
        model = body.get("model", "scripted")
        if body.get("stream") or ":stream" in path:
            self.stream(dialect, dialect.write(answer, model))
        else:
            self.respond(200, dialect.whole(answer, model))

    def stream(self, dialect, events):
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        for name, data in events:
            head = f"event: {name}\n" if name else ""
            self.wfile.write(f"{head}data: {json.dumps(data)}\n\n".encode())
        if dialect.end:
            self.wfile.write(f"data: {dialect.end}\n\n".encode())

    def respond(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def log(self, entry):
        if self.server.log_file:
            with lock, open(self.server.log_file, "a") as file:
                file.write(json.dumps(entry) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="loopback port (0 picks a free one)")
    parser.add_argument("--log", help="where requests are written down")
    options = parser.parse_args()
    server = ThreadingHTTPServer(("127.0.0.1", options.port), Handler)
    server.log_file = options.log
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
