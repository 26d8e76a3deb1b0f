#!/usr/bin/env python3
"""An agent that uses the Agent Client Protocol and misbehaves as a test requires.

The last block of a prompt selects the behavior in that turn: the name of a function in `acts.py`, followed by its argument.
Command-line options select everything else:

  --resume                          supports session/resume
  --load                            supports session/load, which replays the messages
  --replay-after                    replays the messages after the response to session/load or session/resume
  --deletes, --closes               supports session/delete or session/close
  --broken-load                     advertises session/load but crashes on it
  --failing-load, --failing-resume  returns an error from session/load or session/resume
  --modes                           offers the modes `plan` and `default` and the models `small` and `large`
  --new-modes                       with --modes, offers the modes and models only in new sessions
  --no-start                        never responds to `initialize`
  --exit-at-start                   exits on `initialize`
  --old                             uses a different protocol version
  --no-session                      never responds to `session/new`
  --auth                            requires authentication
  --ignore-stdin-close              does not exit when stdin closes
  --ignore-sigterm                  does not exit on SIGTERM or when stdin closes
  --log-signals                     also logs the end of stdin and SIGTERM
  --rename                          reports a different name
  --numeric                         uses numbers as session IDs
  --greets                          sends text before it responds to `session/new`
  --usage                           prints its usage to stdout and exits

Every received message is appended to the file named by FAKE_LOG.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import uuid

# Do not create cache files in the source tree.
sys.dont_write_bytecode = True

from acts import ACTS
from wire import PLAYED, Failure, Turn, answers, log, sessions, write

parser = argparse.ArgumentParser()
for flag in ["resume", "load", "broken-load", "failing-load", "failing-resume", "modes", "new-modes", "no-start",
             "exit-at-start", "old", "no-session", "auth", "ignore-stdin-close", "ignore-sigterm", "log-signals",
             "rename", "replay-after", "deletes", "closes", "numeric", "greets", "usage"]:
    parser.add_argument(f"--{flag}", action="store_true")
options = parser.parse_args()

turns = {}


def store(session):
    return os.path.join(os.environ["HOME"], f"{session}.json")


def take_up(session):
    try:
        with open(store(session)) as file:
            sessions[session] = json.load(file)
    except OSError:
        raise Failure(-32002, "No such session")


def choices(is_new=True):
    if not options.modes or options.new_modes and not is_new:
        return {}
    return {
        "modes": {"currentModeId": "auto", "availableModes": [{"id": "plan", "name": "P"}, {"id": "default", "name": "D"}]},
        "configOptions": [{"id": "m", "name": "Model", "category": "model", "type": "select", "currentValue": "small",
                           "options": [{"value": "small", "name": "S"}, {"value": "large", "name": "L"}]}],
    }


def initialize(_):
    if options.exit_at_start:
        print(f"no licence found, {os.environ.get('FAKE_SECRET')}", file=sys.stderr, flush=True)
        os._exit(9)
    if options.usage:
        print("usage: fake [--stdio]\nfake: \x1b[31munknown option\x1b[0m", flush=True)
        os._exit(2)
    if options.no_start:
        print("Usage: fake [options]", flush=True)
        time.sleep(3600)
    return {"protocolVersion": 2 if options.old else 1, "agentInfo": {"name": "other" if options.rename else "fake", "version": "1.2.3"},
            "agentCapabilities": {
                "loadSession": options.load or options.broken_load or options.failing_load,
                "sessionCapabilities": {
                    **({"resume": {}} if options.resume or options.failing_resume else {}),
                    **({"close": {}} if options.closes else {}), **({"delete": {}} if options.deletes else {})}}}


def new(params):
    if options.no_session:
        time.sleep(3600)
    if options.auth:
        raise Failure(-32000, "Authentication required")
    session = uuid.uuid4().int % 10**9 if options.numeric else str(uuid.uuid4())
    sessions[session] = []
    if options.greets:
        Turn(session, []).say("WELCOME ")
    return {"sessionId": session, **choices()}


def replay(session):
    """Replays a session's messages, with pauses."""
    for text in sessions[session]:
        time.sleep(0.15)
        Turn(session, []).update("user_message_chunk", content={"type": "text", "text": text})
        Turn(session, []).say(f"HISTORY {text} ")


def load(params):
    if options.broken_load:
        os._exit(4)
    if options.failing_load:
        raise Failure(-32603, "It does not load")
    take_up(params["sessionId"])
    if options.replay_after:
        return choices(is_new=False)
    for text in sessions[params["sessionId"]]:
        Turn(params["sessionId"], []).say(f"HISTORY {text} ")
    return choices(is_new=False)


def resume(params):
    if options.failing_resume:
        raise Failure(-32603, "It does not resume")
    take_up(params["sessionId"])
    return choices(is_new=False)


def prompt(params, id):
    session, given = params["sessionId"], [block["text"] for block in params["prompt"] if block["type"] == "text"]
    sessions[session].extend(given)
    with open(store(session), "w") as file:
        json.dump(sessions[session], file)
    turn = turns[session] = Turn(session, given, id)
    name, _, argument = given[-1].partition(" ")
    if name in ACTS:
        reason = ACTS[name](turn, argument)
    elif name == "recall":
        reason = turn.say(" | ".join(sessions[session][:-1]))
    else:
        reason = turn.say(f"You said: {given[-1]}")
    if reason is PLAYED:
        return PLAYED
    return {"stopReason": reason or "end_turn", "usage": {"inputTokens": 3, "outputTokens": 4, "totalTokens": 7}}


METHODS = {"initialize": initialize, "session/new": new, "session/load": load, "session/resume": resume,
           "session/prompt": prompt, "session/close": lambda _: {}, "session/delete": lambda _: {}, "session/set_mode": lambda _: {}, "session/set_config_option": lambda _: choices()}


def handle(message):
    id = message["id"]
    try:
        if message["method"] not in METHODS:
            raise Failure(-32601, "Method not found")
        method, params = METHODS[message["method"]], message.get("params", {})
        result = method(params, id) if method is prompt else method(params)
        if result is not PLAYED:
            write({"jsonrpc": "2.0", "id": id, "result": result})
        if options.replay_after and message["method"] in ("session/load", "session/resume"):
            replay(params["sessionId"])
        if any(turn.is_last for turn in turns.values()):
            os._exit(0)
    except Failure as failure:
        write({"jsonrpc": "2.0", "id": id, "error": failure.error})
    except Exception as error:
        write({"jsonrpc": "2.0", "id": id, "error": {"code": -32603, "message": f"the fake agent failed: {error!r}"}})


def log_signal(entry):
    if options.log_signals:
        log({"method": entry})


def on_sigterm(*_):
    log_signal("(SIGTERM)")
    if not options.ignore_sigterm:
        os._exit(0)


signal.signal(signal.SIGTERM, on_sigterm)

for line in sys.stdin:
    message = json.loads(line)
    log(message)
    if "method" not in message:
        if message.get("id") in answers:
            answers[message["id"]][1] = message
            answers[message["id"]][0].set()
    elif "id" in message:
        threading.Thread(target=handle, args=(message,), daemon=True).start()
    elif message["method"] == "session/cancel":
        session = message["params"]["sessionId"]
        if session in turns:
            turns[session].cancelled.set()

log_signal("(end of stdin)")
while options.ignore_stdin_close or options.ignore_sigterm:
    time.sleep(3600)
