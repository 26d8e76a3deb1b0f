/**
 * A scripted api for measurements. It has one session with a long history and an answer in
 * progress. While a stream is open, it sends deltas of that answer at a fixed rate.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  makeAgent,
  makeMessage,
  makeSession,
  makeStep,
  makeTask,
  makeTurn,
} from "../src/test-objects.js";
import { mediaTypes } from "./media-types.mjs";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const id = "0190a000-0000-7000-8000-000000000001";
const startedAt = Date.now();
const at = (turn) => new Date(startedAt - (6000 - turn) * 60_000).toISOString();

const words =
  "The answer goes on with **words**, `code` and more words, some of them *leaning*, until there are enough. ".split(
    /(?<= )/,
  );
/** The number of deltas in a paragraph. */
const PARAGRAPH_DELTAS = 60;
/** Returns the text of the n-th delta: mostly words, sometimes a paragraph break, a list, or code. */
function textOf(number) {
  if (number % 400 === 399) return "\n\n```rust\nlet answer = 42;\n```\n\n";
  if (number % 150 === 149) return "\n\n- one\n- two\n\n";
  if (number % PARAGRAPH_DELTAS === PARAGRAPH_DELTAS - 1) return "\n\n";
  return words[number % words.length];
}

/** The number of steps after each paragraph. */
const STEPS_PER_PARAGRAPH = 12;
/** One of this many steps is an edit. */
const EDIT_INTERVAL = 10;
/** The number of lines in the diff of an edit. */
const DIFF_LINES = 2000;

/** Returns the hunk of a diff, in which every second line is added. */
function makePatch() {
  const lines = Array.from({ length: DIFF_LINES / 2 }, (_, index) => [
    ` let kept_${index} = ${index};`,
    `+let added_${index} = "${index}";`,
  ]);
  return `@@ -1,${DIFF_LINES / 2} +1,${DIFF_LINES} @@\n${lines.flat().join("\n")}\n`;
}

/** Returns the n-th step of the answer, starting at 1: a command or an edit. */
function stepOf(number, text_offset) {
  const isEdit = number % EDIT_INTERVAL === 0;
  const path = `src/part_${number}.rs`;
  const diffs = [{ path, patch: makePatch(), additions: DIFF_LINES / 2, deletions: 0 }];
  const output = `${"   Compiling a crate\n".repeat(20)}    Finished`;
  return makeStep({
    seq: number,
    tool_call_id: `call-${number}`,
    title: isEdit ? `Edit ${path}` : `cargo test part_${number}`,
    status: "succeeded",
    text_offset,
    detail: isEdit ? { tool_kind: "edit", diffs } : { tool_kind: "execute", output },
  });
}

/**
 * Starts the api. The answer has `stepCount` steps, which start one after another. Returns the
 * api's address, the chat's path, a function that returns the number of deltas sent, and a function
 * that stops the api.
 */
export async function startScriptedApi({ turns, deltasPerSecond, stepCount }) {
  const newest = turns + 1;
  const started_at = new Date().toISOString();
  const running = makeTask({
    id: `task-${newest}`,
    chat_session_id: id,
    status: "running",
    attempt: 1,
    started_at,
  });
  const past = Array.from({ length: turns }, (_, index) =>
    makeTurn(index + 1, { chat_session_id: id, at: at(index + 1) }),
  );
  const last = makeMessage({
    id: `user-${newest}`,
    chat_session_id: id,
    turn: newest,
    seq: 2 * turns + 1,
    content: "Go on",
    task_id: running.id,
    task: running,
    created_at: at(newest),
  });
  const messages = [...past.flat(), last];
  const session = makeSession({
    id,
    title: "A long history",
    created_at: at(1),
    updated_at: at(newest),
    last_activity_at: at(newest),
    last_message: { role: "user", preview: "Go on", created_at: at(newest) },
    last_seq: last.seq,
    last_read_seq: 2 * turns,
    active_task: running,
  });
  const agent = makeAgent();
  const answers = {
    "/v1/auth/me": { user_id: "local", workspace_id: "default", role: "admin" },
    "/v1/agents": { items: [agent] },
    "/v1/chat": { items: [session], next_cursor: null, as_of: "a-1" },
    [`/v1/chat/${id}`]: { session, messages, has_more: false, partial: null, as_of: "a-1" },
    [`/v1/chat/${id}/read`]: { last_read_seq: session.last_seq, unread_count: 0 },
  };
  const steps = [];
  let sent = 0;

  function stream(outgoing) {
    outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const sendEvent = (type, data) =>
      outgoing.write(
        `event: ${type}\ndata: ${JSON.stringify({ type, at: new Date().toISOString(), ...data })}\n\n`,
      );
    sendEvent("hello", { cursor: "a-1", heartbeat_ms: 15_000, retry_ms: 1000 });
    const about = { chat_session_id: id, task_id: running.id };
    const sendTyping = () => {
      const expires_at = new Date(Date.now() + 10_000).toISOString();
      sendEvent("typing", { ...about, agent_key: "demo", is_typing: true, expires_at });
    };
    sendTyping();
    const first = Date.now();
    let number = 0;
    let offset = 0;
    const timer = setInterval(() => {
      // Send as many deltas as are due, because the timer may be late.
      for (; number < ((Date.now() - first) / 1000) * deltasPerSecond; number += 1) {
        const text = textOf(number);
        const next_offset = offset + Buffer.byteLength(text);
        const place = { attempt: 1, message_id: `answer-${newest}`, offset, next_offset };
        sendEvent("message.delta", { ...about, ...place, text });
        offset = next_offset;
        sent += 1;
        const paragraphs = Math.floor((number + 1) / PARAGRAPH_DELTAS);
        const due = Math.min(stepCount, paragraphs * STEPS_PER_PARAGRAPH);
        while (steps.length < due) {
          steps.push(stepOf(steps.length + 1, offset));
          sendEvent("task.step", { ...about, attempt: 1, step: steps.at(-1) });
        }
        if (number % 300 === 299) sendTyping();
      }
    }, 1000 / deltasPerSecond);
    outgoing.on("close", () => clearInterval(timer));
  }

  const server = createServer((incoming, outgoing) => {
    const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
    if (pathname === "/v1/events") return stream(outgoing);
    if (pathname.startsWith("/v1/")) {
      const taskId = pathname.split("/tasks/")[1];
      const ended = makeTask({ id: taskId, status: "succeeded", attempt: 1 });
      const task = taskId === running.id ? { ...running, steps } : { ...ended, steps: [] };
      const answer = taskId ? task : answers[pathname];
      outgoing.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
      return outgoing.end(JSON.stringify(answer ?? { code: "not_found", title: pathname }));
    }
    const name = extname(pathname) === "" ? "/index.html" : pathname;
    const isCompressed = /\.(js|css)$/.test(name);
    const file = readFileSync(join(dist, isCompressed ? `${name}.br` : name));
    outgoing.writeHead(200, {
      "content-type": mediaTypes[extname(name)] ?? "application/octet-stream",
      ...(isCompressed ? { "content-encoding": "br" } : {}),
    });
    outgoing.end(file);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    path: `/chat/${id}`,
    url: `http://127.0.0.1:${server.address().port}`,
    countSent: () => sent,
    stop: () => {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
