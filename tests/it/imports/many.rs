//! Many generated chats that are exported, imported, and exported again.

use std::collections::BTreeMap;

use banter_tests::{
    app::TestApp,
    attachments::RED_PNG,
    chat::id_of,
    client::Client,
    random::{self, TestRng},
};
use rand::RngExt as _;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    counts, import,
    round_trip::{contents, export, revise},
    sha256, zip,
};

/// The number of chats.
const CHATS: usize = 200;

/// The number of chats that are continued before they are exported.
const CONTINUED: usize = 4;

/// The maximum length of a user's message, in bytes.
const MAX_CONTENT: usize = 256 * 1024;

/// One in this many messages has the maximum length.
const LONG_ONE_IN: u32 = 60;

/// Parts of texts that are easily damaged.
const PARTS: &[&str] = &[
    "plain words, ",
    "引用と全角「括弧」、",
    "한국어 문장. ",
    "שלום עולם, ",
    "مرحبا \u{202e}بالعالم\u{202c} ",
    "\u{2066}isolated\u{2069} ",
    "👩‍👩‍👧‍👦🏳️‍🌈 ",
    "e\u{301}\u{323} ",
    "Ꙭ𝒳𠮷 ",
    "\u{feff}\u{200b}",
    "\u{2028}\u{2029}",
    "\r\n",
    "\n\n```rust\nfn main() {}\n```\n",
    "\t| a | b |\n",
    "\"quoted\\backslash\" ",
    "<script>alert(1)</script> &amp; ",
    "{\"format\":\"banter\"} ",
    "\u{fffd}\u{ffff}\u{10ffff} ",
];

/// Generates chats in the format of an export.
struct Generator {
    rng: TestRng,
    /// The files by their hash.
    files: BTreeMap<String, Vec<u8>>,
}

impl Generator {
    fn is_one_in(&mut self, count: u32) -> bool {
        self.rng.random_ratio(1, count)
    }

    fn pick<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.rng.random_range(0..values.len())]
    }

    fn short_text(&mut self) -> String {
        let mut text = format!("{:x} ", self.rng.random::<u64>());
        for _ in 0..self.rng.random_range(0..12) {
            text.push_str(self.pick(PARTS));
        }
        text
    }

    fn text(&mut self) -> String {
        let mut text = self.short_text();
        if self.is_one_in(LONG_ONE_IN) {
            let part = self.pick(&["a long text. ", "長い文章。", "نص طويل "]);
            while text.len() + part.len() <= MAX_CONTENT {
                text.push_str(part);
            }
            text.extend(std::iter::repeat_n('.', MAX_CONTENT - text.len()));
        }
        text
    }

    /// Returns a time in ascending order of `number`.
    fn time(&mut self, number: i64) -> String {
        let (hour, minute) = (number / 60 % 24, number % 60);
        format!("2026-03-{:02}T{hour:02}:{minute:02}:00.{:03}Z", 1 + number / 1440, self.rng.random_range(0..1000))
    }

    fn attachment(&mut self, at: &str) -> Value {
        let number = self.rng.random_range(0..40);
        let (name, media_type, content, size) = if self.is_one_in(2) {
            // Data after the end of the image makes it another file.
            let content = [RED_PNG, &[number; 3][..]].concat();
            (format!("写真 {number}.png"), "image/png", content, json!([4, 3]))
        } else {
            let content = format!("file {number} {}", "é".repeat(usize::from(number) * 100)).into_bytes();
            (format!("קובץ-{number}.txt"), "text/plain", content, json!([null, null]))
        };
        let hash = sha256(&content);
        let file = json!({"name": name, "media_type": media_type, "size": content.len(), "sha256": hash,
            "width": size[0], "height": size[1], "created_at": at});
        self.files.insert(hash, content);
        file
    }

    fn attachments(&mut self, at: &str) -> Vec<Value> {
        let count = if self.is_one_in(4) { self.rng.random_range(1..4) } else { 0 };
        (0..count).map(|_| self.attachment(at)).collect()
    }

    /// Returns a task, and the reason why its answer ended, if it has one.
    fn task(&mut self, at: &str) -> (Value, Option<&'static str>) {
        let error = json!({"code": "agent_overloaded", "message": "The agent is overloaded: 混雑", "retryable": true});
        let (status, error, reason) = match self.rng.random_range(0..12) {
            0 => ("failed", error, Some("error")),
            1 => ("failed", error, None),
            2 => ("cancelled", Value::Null, None),
            3 => ("cancelled", Value::Null, Some("cancelled")),
            4 => ("interrupted", Value::Null, Some("interrupted")),
            5 => ("succeeded", Value::Null, Some("length")),
            6 => ("succeeded", Value::Null, Some("empty")),
            _ => ("succeeded", Value::Null, Some("stop")),
        };
        let steps: Vec<Value> = (1..=self.rng.random_range(0..4))
            .map(|seq| {
                let detail = json!({"text": self.short_text()});
                json!({"seq": seq, "kind": self.pick(&["thought", "notice"]), "tool_call_id": null,
                    "parent_tool_call_id": null, "title": format!("Schritt {seq} 手順"), "status": "succeeded",
                    "text_offset": 0, "started_at": at, "ended_at": at, "detail": detail})
            })
            .collect();
        let usage = if self.is_one_in(3) { json!({"input_tokens": 12, "output_tokens": 34}) } else { Value::Null };
        let attempt = self.rng.random_range(1..4);
        let task = json!({"status": status, "attempt": attempt, "error": error, "usage": usage, "started_at": at,
            "finished_at": at, "steps": steps});
        (task, reason)
    }

    /// Returns the parents of turns, by their numbers.
    fn tree(&mut self) -> BTreeMap<i64, Option<i64>> {
        let mut parents: BTreeMap<i64, Option<i64>> = BTreeMap::new();
        for _ in 0..self.rng.random_range(0..9) {
            let known: Vec<i64> = parents.keys().copied().collect();
            let turn = known.last().map_or(0, |last| last + self.rng.random_range(0..3)) + 1;
            let parent = match known.last() {
                Some(last) if self.is_one_in(2) => Some(*last),
                _ => self.rng.random_range(0..=known.len()).checked_sub(1).map(|index| known[index]),
            };
            parents.insert(turn, parent);
        }
        parents
    }

    /// Returns the turns of a random branch.
    fn branch(&mut self, parents: &BTreeMap<i64, Option<i64>>) -> Vec<i64> {
        let (mut branch, mut last) = (Vec::new(), None);
        loop {
            let next: Vec<i64> = parents.iter().filter(|(_, parent)| **parent == last).map(|(turn, _)| *turn).collect();
            if next.is_empty() {
                return branch;
            }
            last = Some(self.pick(&next));
            branch.extend(last);
        }
    }

    fn chat(&mut self, number: i64) -> Value {
        let parents = self.tree();
        let current = self.branch(&parents);
        let mut messages = Vec::new();
        let mut seq = 0;
        for (turn, parent) in &parents {
            let at = self.time(number * 20 + turn);
            let (task, reason) = self.task(&at);
            let mut message = |role: &str, content: String, attachments: Vec<Value>| {
                seq += 1;
                json!({"id": Uuid::now_v7(), "turn": turn, "seq": seq, "parent_turn": null,
                    "current": current.contains(turn), "role": role, "agent_key": null, "content": content,
                    "attachments": attachments, "created_at": at, "edited_at": null, "task": null,
                    "finish_reason": null, "elapsed_ms": null, "usage": null})
            };
            let (text, attachments) = (self.text(), self.attachments(&at));
            let mut question = message("user", text, attachments);
            question["parent_turn"] = json!(parent);
            question["edited_at"] = if self.is_one_in(8) { json!(at) } else { Value::Null };
            let usage = task["usage"].clone();
            question["task"] = task;
            messages.push(question);
            if let Some(reason) = reason {
                let (text, attachments) =
                    if reason == "empty" { (String::new(), Vec::new()) } else { (self.text(), self.attachments(&at)) };
                let mut answer = message("assistant", text, attachments);
                answer["finish_reason"] = json!(reason);
                answer["agent_key"] = json!(self.pick(&["demo", "gpt-4o", "claude"]));
                answer["elapsed_ms"] = json!(self.rng.random_range(1..100_000));
                answer["usage"] = usage;
                messages.push(answer);
            }
        }
        let at = self.time(number * 20);
        let title = format!("{number} {}", self.pick(&["Plain", "旅行の計画", "תוכנית", "🏳️‍🌈"]));
        let is_pinned = self.is_one_in(8);
        let fork = json!({"chat_session_id": Uuid::now_v7(), "message_id": Uuid::now_v7()});
        json!({"id": Uuid::now_v7(), "title": title, "agent_key": self.pick(&["demo", "demo", "elsewhere"]),
            "status": if self.is_one_in(5) { "archived" } else { "active" },
            "pinned_at": is_pinned.then_some(&at), "created_at": at, "updated_at": at, "last_activity_at": at,
            "last_read_seq": self.rng.random_range(0..=seq),
            "forked_from": if self.is_one_in(10) { fork } else { Value::Null }, "messages": messages})
    }
}

/// Generates a zip file with all chats.
fn generate() -> Vec<u8> {
    let mut generator = Generator { rng: random::from_environment(), files: BTreeMap::new() };
    let mut entries: Vec<(String, Vec<u8>)> = (0..CHATS)
        .map(|number| {
            let chat = generator.chat(i64::try_from(number).unwrap());
            let at = &chat["created_at"];
            let document = format!(r#"{{"format":"banter","version":1,"exported_at":{at},"conversations":[{chat}]}}"#);
            (format!("conversations/{}.json", id_of(&chat)), document.into_bytes())
        })
        .collect();
    entries.extend(generator.files.into_iter().map(|(hash, content)| (format!("attachments/{hash}"), content)));
    let entries: Vec<(&str, &[u8])> = entries.iter().map(|(name, content)| (name.as_str(), &content[..])).collect();
    zip(&entries)
}

/// Revises messages of some chats, and switches to other branches.
async fn continue_chats(client: &Client) {
    let chats = client.list_all("").await;
    let is_usable = |chat: &&Value| chat["agent_key"] == "demo" && chat["last_seq"].as_i64() > Some(2);
    for chat in chats.iter().filter(is_usable).take(CONTINUED) {
        let id = id_of(chat);
        let first = client.messages(&id).await[0].clone();
        revise(client, &id, &first, &json!({"content": "/echo 改訂 שינוי"})).await;
        revise(client, &id, &first, &json!({})).await;
        client.ask(&id, "/plan").await;
        client.post(&format!("/v1/chat/{id}/branch"), &json!({"message_id": id_of(&first)})).await.ok(200);
    }
}

#[tokio::test]
async fn two_hundred_chats_survive_two_round_trips() {
    let (first, second) = (TestApp::start().await, TestApp::builder().workers(0).start().await);
    let generated = generate();

    assert_eq!(counts(&import(&first.client(), generated.clone()).await), (200, 0, 0));
    let imported = export(&first.client()).await;
    continue_chats(&first.client()).await;
    let continued = export(&first.client()).await;
    assert_eq!(counts(&import(&second.client(), continued.clone()).await), (200, 0, 0));
    let again = export(&second.client()).await;

    for (found, expected) in [(imported, generated), (again, continued)] {
        let (found, expected) = (contents(found), contents(expected));
        assert_eq!(found.0.len(), CHATS);
        for (found, expected) in found.0.iter().zip(&expected.0) {
            for (found, expected) in found.lines().zip(expected.lines()) {
                assert_eq!(found, expected);
            }
            assert_eq!(found.len(), expected.len());
        }
        assert!(found.1 == expected.1, "{:?} instead of {:?}", found.1.keys(), expected.1.keys());
    }
    first.check().await;
    second.check().await;
}
