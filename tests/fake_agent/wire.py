"""The fake agent's output: lines of JSON on stdout, and the log of received messages."""

import json
import os
import sys
import threading

out = threading.Lock()
sessions = {}
answers = {}


def write(message):
    with out:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def raw(data):
    with out:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def log(entry):
    path = os.environ.get("FAKE_LOG")
    if path:
        with open(path, "a") as file:
            file.write(json.dumps(entry) + "\n")


class Failure(Exception):
    def __init__(self, code, message, data=None):
        self.error = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


# Returned by a behavior that has already responded to the prompt.
PLAYED = object()


class Turn:
    def __init__(self, session, blocks, prompt_id=None):
        self.session = session
        self.prompt_id = prompt_id
        self.blocks = blocks
        self.cancelled = threading.Event()
        self.is_last = False

    def update(self, sort, **fields):
        write({"jsonrpc": "2.0", "method": "session/update",
               "params": {"sessionId": self.session, "update": {"sessionUpdate": sort, **fields}}})

    def say(self, text, **fields):
        self.update("agent_message_chunk", content={"type": "text", "text": text}, **fields)

    def request(self, method, params, id):
        """Sends a request to the client and waits for the response."""
        answers[id] = [threading.Event(), None]
        write({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
        answers[id][0].wait()
        return answers.pop(id)[1]
