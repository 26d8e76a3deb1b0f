//! Fixed texts that the demo sends.

use std::fmt::Write as _;

pub(super) const GREETING: &str = "Hello! I'm the demo: a handful of fixed rules, not an AI. \
    Tell me something about yourself, or type `/help` to see what I can do.";

/// Appended to the first answer in a conversation, unless it already introduces the demo or answers a command.
pub(super) const INTRODUCTION: &str = "*(I'm a demo, not an AI. Type `/help` for a list of commands.)*";

pub(super) const HELP: &str = "I'm a demo, not an AI. Chat with me, or try a command:

- `/slow 10` – an answer that takes about ten seconds, so you can press Stop, send another message, or reload the page
- `/long` – a long answer, about 20 KB
- `/markdown` – a list, a table, code, and more
- `/think` – reasoning before the answer
- `/plan` – a plan, completed step by step
- `/tool` – a tool call that needs your permission
- `/picture` – an answer with an image
- `/file` – an answer with a file
- `/echo some text` – repeats the text verbatim
- `/empty` – an answer without text
- `/fail` – a permanent error
- `/fail late` – a permanent error after some text
- `/fail retry` – an error that is retried automatically
- `/crash` – the agent's process crashes mid-sentence; `/crash tool` – after a tool call
- `/help` – this list";

pub(super) const THOUGHTS: &str = "The user wants to see me think. I can't think; I only follow rules. So I recite the \
    rules slowly and call it reasoning.";
pub(super) const AFTER_THOUGHT: &str = "That was my reasoning. A real agent's reasoning appears in the same place.";
pub(super) const PLAN: [&str; 3] = ["Make a plan", "Carry it out", "Report the result"];
pub(super) const AFTER_PLAN: &str = "The plan is complete. Each of its three steps was checked off as it finished.";
pub(super) const TOOL_TITLE: &str = "Count the words in a poem";
pub(super) const TOOL_QUESTION: &str = "May I count them?";
pub(super) const TOOL_COMMAND: &str = "wc --words poem.txt";
pub(super) const TOOL_OUTPUT: &str = "14 poem.txt";
pub(super) const AFTER_TOOL: &str = "I pretended to run the tool: the poem has 14 words.";
pub(super) const AFTER_REFUSED_TOOL: &str = "The request wasn’t approved, so I didn’t run the tool.";
pub(super) const AFTER_PICTURE: &str = "I painted a sunset: 24 bands of color, chosen by a formula.";
pub(super) const AFTER_FILE: &str = "Here is a file with the squares of the numbers from 1 to 100.";
pub(super) const CRASH_USAGE: &str = "Use `/crash` or `/crash tool`.";

pub(super) const SLOW_USAGE: &str = "`/slow` takes a number of seconds from 0 to 3600, such as `/slow 2.5`.";
pub(super) const FAIL_USAGE: &str = "Use `/fail`, `/fail late`, or `/fail retry`.";
pub(super) const FAILURE: &str = "The demo failed, as requested.";
pub(super) const FAILURE_RETRIED: &str = "The demo failed, as requested. Failures like this are retried automatically.";
pub(super) const BEFORE_FAILURE: &str = "This answer starts out fine, and then, mid-sentence and without any warning,";

pub(super) const MARKDOWN: &str = r#"# What an answer can contain

A paragraph with **bold**, *italic*, ~~strikethrough~~, and `inline code`, a [link](https://example.com/), and an emoji 🎭.

## Lists

1. First things first
2. Then the rest
   - with a nested item
   - and one more
3. Done

- [x] write
- [ ] read

## A table

| Language | Greeting | Letters |
|:---------|:--------:|--------:|
| English  | Hello    |       5 |
| Français | Salut    |       5 |
| 日本語    | こんにちは |       5 |

## Code

```rust
/// Returns a greeting.
fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}
```

```json
{ "demo": true, "ai": false }
```

> And a quotation.

---

That's everything."#;

/// Returns about 20 KB of Markdown.
pub(super) fn long() -> String {
    const CHAPTERS: usize = 14;
    const SENTENCES: [&str; 9] = [
        "This answer is long so that there is something to scroll.",
        "You can keep reading, press Stop, or leave and come back; nothing is lost.",
        "The text arrives in small chunks, and the page puts them back together.",
        "On a slow connection, you get the same text, only later.",
        "If a chunk were missing, this paragraph would stop making sense halfway through.",
        "No language model wrote this; a loop did.",
        "A loop never gets tired, no matter how many chapters are left to write.",
        "An umlaut (ä, ö, ü), a dash – like this one – and a 🎭 each take more than one byte.",
        "This is one of nine sentences, and the next paragraph has the same ones in a different order.",
    ];

    let mut text = String::from("# A long answer\n\n");
    for chapter in 1..=CHAPTERS {
        let _ = writeln!(text, "## Chapter {chapter} of {CHAPTERS}\n");
        for paragraph in 0..2 {
            let sentences: Vec<&str> = (0..SENTENCES.len())
                .map(|index| SENTENCES[(index * (paragraph + 1) + chapter) % SENTENCES.len()])
                .collect();
            let _ = writeln!(text, "{}\n", sentences.join(" "));
        }
        let _ = writeln!(text, "- so far: {chapter} of {CHAPTERS}\n- remaining: {}\n", CHAPTERS - chapter);
    }
    text.push_str("*The end.*");
    text
}
