"""The fake agent's behaviors in a turn. Tests select them by name."""

import json
import os
import resource
import subprocess
import sys
import threading
import time

from wire import PLAYED, Failure, answers, log, raw, sessions, write


def noise(turn, _):
    raw(b"Loading plugins...\n\xff\xfe\x00 not text\n\n[1, 2]\n17\n{\"half\": \n\x1b[31mred\x1b[0m\n{}\n")
    write({"jsonrpc": "2.0", "method": "vendor/event", "params": {"x": 1}})
    turn.say("one ")
    turn.update("hologram", content={"type": "text", "text": "WRONG"})
    turn.update("usage_update", used=1, size=2)
    turn.update("available_commands_update", availableCommands="not a list")
    turn.update("user_message_chunk", content={"type": "text", "text": "WRONG"})
    write({"jsonrpc": "2.0", "method": "session/update", "params": {"sessionId": "another", "update": {
        "sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": "WRONG"}}}})
    write({"jsonrpc": "2.0", "method": "session/update"})
    write({"jsonrpc": "2.0", "id": 4711, "result": {"nobody": "asked"}})
    # Both sides number their requests from 0.
    refused = turn.request("fs/read_text_file", {"sessionId": turn.session, "path": "/etc/passwd"}, 0)
    turn.say("two " if "error" in refused else "WRONG")
    turn.say("three", messageId="m1")


def tools(turn, _):
    turn.say("before")
    turn.update("tool_call", toolCallId="a", title="First", kind="read", rawInput={"path": "x"})
    turn.update("tool_call", toolCallId="a", title="First again")
    turn.update("tool_call_update", toolCallId="a", content=[
        {"type": "content", "content": {"type": "text", "text": "output a"}}, {"type": "unheard-of"}])
    # This update is not preceded by a `tool_call` and has an unknown status.
    turn.update("tool_call_update", toolCallId="b", title="Second", status="pondering")
    turn.update("tool_call_update", toolCallId="b", status="failed", rawOutput={"output": "y" * 100_000})
    turn.update("agent_thought_chunk", content={"type": "text", "text": "Hm, "})
    turn.update("agent_thought_chunk", content={"type": "text", "text": "so."})
    turn.update("plan", entries=[{"content": "Do it", "priority": "high", "status": "in_progress"}])
    turn.say("after")


def tool_without_status(turn, _):
    turn.update("tool_call", toolCallId="u", title="Untold", kind="read")
    turn.say("busy")
    turn.cancelled.wait()
    return "cancelled"


def pile(turn, _):
    for number in range(100):
        turn.update("tool_call", toolCallId=f"pile-{number}", title=f"Tool {number}", status="completed",
                    rawOutput="x" * 60_000)
    turn.say("done")


def huge_line(turn, _):
    turn.say("x" * (2 * 1024 * 1024))


def long_answer(turn, _):
    for _ in range(30):
        turn.say("x" * (50 * 1024))


def chatter(turn, _):
    """Writes more to stderr than any buffer can hold."""
    for _ in range(2000):
        sys.stderr.write("x" * 4095 + "\n")
    sys.stderr.flush()
    turn.say("done")


def hang_up(turn, _):
    turn.say("half")
    os.close(1)
    time.sleep(600)


def silence(turn, _):
    turn.say("one word")
    turn.cancelled.wait()
    return "cancelled"


def quiet_thinking(turn, seconds):
    turn.say("thinking")
    time.sleep(float(seconds))


def exit_early(turn, code):
    os._exit(int(code or 3))


def exit_late(turn, code):
    turn.say("half")
    os._exit(int(code or 3))


def exit_in_tool(turn, _):
    turn.update("tool_call", toolCallId="t", title="A tool", status="in_progress")
    os._exit(3)


def ignore_cancel(turn, _):
    turn.say("busy")
    time.sleep(600)


def until_cancelled(turn, _):
    turn.say("busy")
    turn.cancelled.wait()
    return "cancelled"


def sleeping_tool(turn, seconds):
    """Starts two tools in separate sessions, outside the agent's process group. The parent of one tool has exited."""
    turn.update("tool_call", toolCallId="s", title="Sleep", status="in_progress")
    subprocess.Popen(["setsid", "sleep", seconds], stdin=subprocess.DEVNULL)
    subprocess.Popen(["sh", "-c", f"setsid sh -c 'trap \"\" TERM HUP; while :; do sleep {seconds}; done' &"])
    turn.say("asleep")
    turn.cancelled.wait(600)
    return "cancelled"


def daemons(turn, seconds):
    """Starts tools that run in separate sessions, are double-forked, ignore signals, or fork continuously."""
    nowhere = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    wander = "import os, time\nwhile True:\n    if os.fork(): os._exit(0)\n    os.setsid()\n    time.sleep(0.3)"
    deaf = f"trap '' TERM HUP INT; while :; do sleep {seconds}; done"
    subprocess.Popen(["setsid", "sleep", seconds], **nowhere)
    subprocess.Popen(["setsid", "sh", "-c", f"setsid sh -c 'sleep {seconds}' & exit"], **nowhere)
    subprocess.Popen(["sh", "-c", deaf], **nowhere)
    subprocess.Popen([sys.executable, "-c", wander, seconds], **nowhere)
    turn.say("started")


def leave(turn, seconds):
    """Starts tools that outlive the turn: one in a separate session, one that is double-forked, one that forks
    continuously, and one whose parent has exited. Also starts a helper that belongs to the agent."""
    nowhere = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.Popen(["setsid", "sleep", seconds], **nowhere)
    subprocess.Popen(["setsid", "sh", "-c", f"trap '' TERM; setsid sh -c 'sleep {seconds}; true' & exit"], **nowhere).wait()
    subprocess.Popen(["sh", "-c", f"sleep {seconds} & exit"], **nowhere).wait()
    wander = "import os, time\nwhile True:\n    if os.fork(): os._exit(0)\n    os.setsid()\n    time.sleep(0.05)"
    subprocess.Popen([sys.executable, "-c", wander, seconds], **nowhere)
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", f"helper-{seconds}"], **nowhere)
    turn.say(str(os.getpid()))


def held_daemons(turn, seconds):
    turn.update("tool_call", toolCallId="d", title="Daemons", status="in_progress")
    daemons(turn, seconds)
    turn.cancelled.wait()
    return "cancelled"


def leave_files(turn, _):
    os.makedirs("closed/inner")
    with open("closed/inner/file", "w") as file:
        file.write("x")
    os.chmod("closed", 0o500)
    turn.say(os.getcwd())


def write_file(turn, argument):
    """Writes a text to a file in the folder in which the agent works, and waits if the text begins with `hold`."""
    name, _, text = argument.partition(" ")
    with open(name, "w") as file:
        file.write(text + "\n")
    turn.say(f"Wrote {name}")
    if text.startswith("hold"):
        time.sleep(60)


def ask_and_die(turn, _):
    write({"jsonrpc": "2.0", "id": 1, "method": "session/request_permission", "params": {
        "sessionId": turn.session, "options": [{"optionId": "0", "name": "Yes", "kind": "allow_once"}],
        "toolCall": {"toolCallId": "p", "title": "Delete everything"}}})
    time.sleep(1)
    os._exit(3)


def gated(turn, _):
    """Ends the turn without text if the tool is rejected."""
    answer = turn.request("session/request_permission", {
        "sessionId": turn.session, "toolCall": {"toolCallId": "g", "title": "Run", "status": "pending"},
        "options": [{"optionId": "y", "name": "Yes", "kind": "allow_once"}, {"optionId": "n", "name": "No", "kind": "reject_once"}]}, 1)
    is_allowed = answer["result"]["outcome"].get("optionId") == "y"
    turn.update("tool_call_update", toolCallId="g", status="completed" if is_allowed else "failed")
    if is_allowed:
        turn.say("done")


def ask(turn, kinds):
    kinds = (kinds or "allow_always reject_once allow_once").split()
    offered = [{"optionId": f"id-{number}", "name": kind.replace("_", " "), "kind": kind}
               for number, kind in enumerate(kinds)]
    answer = turn.request("session/request_permission", {
        "sessionId": turn.session, "options": offered,
        "toolCall": {"toolCallId": "p", "title": "Delete everything", "kind": "delete"}}, 1)
    outcome = answer.get("result", {}).get("outcome", {})
    chosen = [option["kind"] for option in offered if option["optionId"] == outcome.get("optionId")]
    turn.update("tool_call_update", toolCallId="p", status="completed" if chosen == ["allow_once"] else "failed")
    turn.say(f"outcome: {outcome.get('outcome')} {' '.join(chosen)}".strip())
    if outcome.get("outcome") == "cancelled":
        return "cancelled"


def choose(turn, options):
    """Requests permission with the given options and answers with the selected option."""
    answer = turn.request("session/request_permission", {
        "sessionId": turn.session, "options": json.loads(options),
        "toolCall": {"toolCallId": "p", "title": "Which database?", "kind": "other"}}, 1)
    outcome = answer["result"]["outcome"]
    turn.say(f"outcome: {outcome['outcome']} {outcome.get('optionId', '')}".strip())


def play(turn, script):
    """Plays a script: a list of steps, each of them an object with one of the fields handled in `play_step`. In strings, `$S`
    is replaced with the session ID. The string "$P" stands for the ID of the prompt request."""
    for step in json.loads(script):
        for _ in range(step.get("times", 1)):
            play_step(turn, step)
    return PLAYED


def filled(turn, value):
    if isinstance(value, str):
        return turn.prompt_id if value == "$P" else value.replace("$S", turn.session)
    if isinstance(value, list):
        return [filled(turn, item) for item in value]
    if isinstance(value, dict):
        return {name: filled(turn, item) for name, item in value.items()}
    return value


def play_step(turn, step):
    if "say" in step:
        turn.say(filled(turn, step["say"]))
    elif "think" in step:
        turn.update("agent_thought_chunk", content={"type": "text", "text": step["think"]})
    elif "update" in step:
        fields = dict(filled(turn, step["update"]))
        turn.update(fields.pop("sessionUpdate"), **fields)
    elif "write" in step:
        write(filled(turn, step["write"]))
    elif "line" in step:
        # Apart from the placeholders, the line is written verbatim, to test JSON escapes.
        text = step["line"].replace("$S", turn.session).replace("$P", str(turn.prompt_id)).replace("$BIG", "x" * step.get("big", 0))
        raw(text.encode("latin-1" if step.get("latin") else "utf-8") + b"\n")
    elif "end" in step:
        write({"jsonrpc": "2.0", "id": turn.prompt_id, "result": step["end"]})
    elif "fail" in step:
        write({"jsonrpc": "2.0", "id": turn.prompt_id, "error": step["fail"]})
    elif "ask" in step:
        # Waits for the response and sends its outcome or error code as text.
        request = filled(turn, step["ask"])
        id = request["id"]
        answers[id] = [threading.Event(), None]
        if "line" in request:
            raw(request["line"].encode() + b"\n")
        else:
            write(request)
        answers[id][0].wait()
        answer = answers.pop(id)[1]
        turn.say(json.dumps(answer.get("result", {}).get("outcome") or answer.get("error", {}).get("code"), sort_keys=True))
    time.sleep(step.get("pause", 0) / 1000)


def reason(turn, name):
    turn.say("so far")
    return name


def fail(_, argument):
    code, _, message = argument.partition(" ")
    raise Failure(int(code), message)


def environment(turn, _):
    turn.say(json.dumps({"env": dict(os.environ), "cwd": os.getcwd(), "mode": oct(os.stat(".").st_mode & 0o777),
                         "home_mode": oct(os.stat(os.environ["HOME"]).st_mode & 0o777),
                         "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
                         "address_space": resource.getrlimit(resource.RLIMIT_AS)[0]}))


def blocks(turn, _):
    turn.say(json.dumps(turn.blocks))


def process(turn, _):
    turn.say(str(os.getpid()))


def complain(turn, text):
    print(text, file=sys.stderr, flush=True)
    raise Failure(-32603, f"It went wrong with {text}")


def eat(turn, megabytes):
    sessions[turn.session].append("x" * (int(megabytes) * 1024 * 1024))
    turn.say("full")


def nul(turn, _):
    """Sends NUL characters, which cannot be stored, in every field."""
    turn.say("a\0b")
    turn.update("agent_thought_chunk", content={"type": "text", "text": "c\0d"})
    turn.update("tool_call", toolCallId="e\0f", title="g\0h", status="completed", rawInput={"i\0j": "k\0l"},
                content=[{"type": "content", "content": {"type": "text", "text": "m\0n"}}])
    turn.update("plan", entries=[{"content": "o\0p", "priority": "high", "status": "completed"}])
    turn.request("session/request_permission", {
        "sessionId": turn.session, "options": [{"optionId": "q\0r", "name": "s\0t", "kind": "allow_once"}],
        "toolCall": {"toolCallId": "u\0v", "title": "w\0x"}}, 1)
    raise Failure(-32602, "y\0z")


def last_words(turn, _):
    """Exits immediately after answering."""
    turn.say("goodbye")
    turn.is_last = True


def late(turn, _):
    """Sends a chunk long after the turn has ended, and logs that it was sent."""
    turn.say("in time")
    threading.Timer(1.5, lambda: (turn.say("LATE"), log({"method": "(late)"}))).start()


def stop_late(turn, pause):
    """Stops when cancelled, and sends more text `pause` seconds after the result."""
    turn.say("busy")
    turn.cancelled.wait()
    threading.Timer(float(pause), lambda: (turn.say("LATE"), log({"method": "(late)"}))).start()
    return "cancelled"


# Behavior observed in third-party agents -------------------------------------------------------------------------------


def terminal_tool(turn, _):
    """Reports the tool's output in `_meta`, as the Codex adapter does."""
    turn.update("tool_call", toolCallId="x", title="Count", status="in_progress", content=[{"type": "terminal", "terminalId": "x"}])
    for data in ["one\n", "two\n"]:
        turn.update("tool_call_update", toolCallId="x", _meta={"terminal_output_delta": {"data": data, "terminal_id": "x"}})
    turn.update("tool_call_update", toolCallId="x", status="completed", _meta={"terminal_exit": {"exit_code": 0}})


def obedient_tool(turn, seconds):
    """Kills the tool shortly after the turn is cancelled, as opencode does."""
    tool = subprocess.Popen(["sleep", seconds])
    turn.update("tool_call", toolCallId="o", title="Sleep", status="in_progress")
    turn.cancelled.wait()
    threading.Timer(0.5, lambda: (tool.kill(), tool.wait())).start()
    return "cancelled"


ACTS = {act.__name__: act for act in [
    noise, tools, tool_without_status, pile, huge_line, long_answer, chatter, hang_up, silence, quiet_thinking, exit_early,
    exit_late, exit_in_tool, ignore_cancel, until_cancelled, sleeping_tool, daemons, leave, held_daemons, leave_files, write_file,
    ask_and_die, gated, ask, choose, play, reason, fail, environment, blocks, process, complain, eat, nul, last_words, late, stop_late, terminal_tool,
    obedient_tool]}
