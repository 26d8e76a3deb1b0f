/**
 * An api that only plays a part: one chat with a long history, whose running answer grows by so
 * many deltas a second, for as long as somebody listens. For measurements, not for tests.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = fileURLToPath(new URL("../dist", import.meta.url));
const kinds = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
};
const id = "0190a000-0000-7000-8000-000000000001";
const begun = Date.now();
const at = (turn) => new Date(begun - (6000 - turn) * 60_000).toISOString();

const words =
  "The answer goes on with **words**, `code` and more words, some of them *leaning*, until there are enough. ".split(
    /(?<= )/,
  );
/** What the n-th delta says: mostly words, now and then a new paragraph, a list or code. */
function textOf(number) {
  if (number % 400 === 399) return "\n\n```rust\nlet answer = 42;\n```\n\n";
  if (number % 150 === 149) return "\n\n- one\n- two\n\n";
  if (number % 60 === 59) return "\n\n";
  return words[number % words.length];
}

function task(turn, over = {}) {
  return {
    id: `task-${turn}`,
    chat_session_id: id,
    status: "succeeded",
    attempt: 1,
    failures: 0,
    max_attempts: 3,
    next_attempt_at: null,
    error: null,
    usage: null,
    created_at: at(turn),
    started_at: at(turn),
    finished_at: at(turn),
    ...over,
  };
}

function message(turn, role, over) {
  return {
    id: `${role}-${turn}`,
    chat_session_id: id,
    turn,
    seq: 2 * turn - (role === "user" ? 1 : 0),
    role,
    task_id: `task-${turn}`,
    task: null,
    finish_reason: null,
    elapsed_ms: null,
    usage: null,
    created_at: at(turn),
    edited_at: null,
    ...over,
  };
}

function exchange(turn) {
  const code = turn % 5 === 0 ? "\n\n```rust\nlet answer = 42;\n```" : "";
  const content = `Answer ${turn}. ${"Some more words to read. ".repeat(turn % 13)}${code}`;
  return [
    message(turn, "user", { content: `Question ${turn}`, task: task(turn) }),
    message(turn, "assistant", { content, finish_reason: "stop", elapsed_ms: 1200 }),
  ];
}

/** Its address, how to stop it, and how many deltas it has sent. */
export async function playApi({ turns, deltasPerSecond }) {
  const newest = turns + 1;
  const open = { status: "running", finished_at: null, started_at: new Date().toISOString() };
  const running = task(newest, open);
  const history = Array.from({ length: turns }, (_, index) => exchange(index + 1)).flat();
  const session = {
    id,
    workspace_id: "default",
    agent_key: "demo",
    creator_id: "local",
    title: "A long history",
    status: "active",
    pinned_at: null,
    created_at: at(1),
    updated_at: at(newest),
    last_activity_at: at(newest),
    last_message: { role: "user", preview: "Go on", created_at: at(newest) },
    last_seq: 2 * turns + 1,
    last_read_seq: 2 * turns,
    unread_count: 0,
    active_task: running,
    queued_count: 0,
  };
  const messages = [...history, message(newest, "user", { content: "Go on", task: running })];
  const agent = {
    key: "demo",
    name: "Demo",
    description: "",
    driver: "demo",
    avatar: null,
    starters: [],
    available: true,
    reason: null,
  };
  const answers = {
    "/v1/auth/me": { user_id: "local", workspace_id: "default", role: "admin" },
    "/v1/agents": { items: [agent] },
    "/v1/chat": { items: [session], next_cursor: null, as_of: "a-1" },
    [`/v1/chat/${id}`]: { session, messages, has_more: false, partial: null, as_of: "a-1" },
    [`/v1/chat/${id}/read`]: { last_read_seq: session.last_seq, unread_count: 0 },
  };
  let sent = 0;

  function stream(outgoing) {
    outgoing.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    const tell = (type, data) =>
      outgoing.write(
        `event: ${type}\ndata: ${JSON.stringify({ type, at: new Date().toISOString(), ...data })}\n\n`,
      );
    tell("hello", { cursor: "a-1", heartbeat_ms: 15_000, retry_ms: 1000 });
    const about = { chat_session_id: id, task_id: running.id };
    const signOfLife = () => {
      const expires_at = new Date(Date.now() + 10_000).toISOString();
      tell("typing", { ...about, agent_key: "demo", is_typing: true, expires_at });
    };
    signOfLife();
    const first = Date.now();
    let number = 0;
    let offset = 0;
    const timer = setInterval(() => {
      // As many as the time since the beginning asks for, however late this timer comes.
      for (; number < ((Date.now() - first) / 1000) * deltasPerSecond; number += 1) {
        const text = textOf(number);
        const next_offset = offset + Buffer.byteLength(text);
        const place = { attempt: 1, message_id: `assistant-${newest}`, offset, next_offset };
        tell("message.delta", { ...about, ...place, text });
        offset = next_offset;
        sent += 1;
        if (number % 300 === 299) signOfLife();
      }
    }, 1000 / deltasPerSecond);
    outgoing.on("close", () => clearInterval(timer));
  }

  const server = createServer((incoming, outgoing) => {
    const { pathname } = new URL(incoming.url ?? "/", "http://localhost");
    if (pathname === "/v1/events") return stream(outgoing);
    if (pathname.startsWith("/v1/")) {
      const answer = pathname.includes("/tasks/")
        ? { ...task(1), id: pathname.split("/").at(-1), steps: [] }
        : answers[pathname];
      outgoing.writeHead(answer ? 200 : 404, { "content-type": "application/json" });
      return outgoing.end(JSON.stringify(answer ?? { code: "not_found", title: pathname }));
    }
    const name = extname(pathname) === "" ? "/index.html" : pathname;
    const isCompressed = /\.(js|css)$/.test(name);
    const file = readFileSync(join(dist, isCompressed ? `${name}.br` : name));
    outgoing.writeHead(200, {
      "content-type": kinds[extname(name)] ?? "application/octet-stream",
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
