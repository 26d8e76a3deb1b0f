//! What the demo says at length.

use std::fmt::Write as _;

pub(super) const GREETING: &str = "Hello! I am the demo: a handful of fixed rules, not an AI. \
    Tell me something about yourself, or type `/help` to see what I can show you.";

/// Ends the first answer of a conversation that does not introduce the demo anyway.
pub(super) const INTRODUCTION: &str = "*(I am a demo, not an AI. `/help` lists what I can show.)*";

pub(super) const HELP: &str = "I am a demo, not an AI. Talk to me, or try one of these:

- `/slow 10` – an answer that takes about ten seconds: time to press Stop, to send another message, or to reload the page
- `/long` – a long answer, about 20 KB
- `/markdown` – a list, a table, code and the like
- `/think` – thoughts before the answer
- `/plan` – a plan whose steps are done one by one
- `/tool` – a tool that asks for your permission first
- `/echo some text` – exactly that text, at once
- `/empty` – an answer without a word
- `/fail` – an error that is final
- `/fail late` – the same, after some text
- `/fail retry` – an error that is tried again by itself
- `/crash` – the agent's process breaks down in mid-sentence; `/crash tool` – after it has run a tool
- `/help` – this list";

pub(super) const THOUGHTS: &str = "Somebody wants to see me think. I have nothing to think with, only rules. So I say what \
    the rules say, slowly, and call it a thought.";
pub(super) const AFTER_THOUGHT: &str =
    "That was all there is to my thinking. What a real agent thinks shows in the same place.";
pub(super) const PLAN: [&str; 3] = ["Make a plan", "Carry it out", "Tell of it"];
pub(super) const AFTER_PLAN: &str = "The plan is carried out. It had three steps, and each said so when it was done.";
pub(super) const TOOL_TITLE: &str = "Count the words of a poem";
pub(super) const TOOL_QUESTION: &str = "May I count them?";
pub(super) const TOOL_COMMAND: &str = "wc --words poem.txt";
pub(super) const TOOL_OUTPUT: &str = "14 poem.txt";
pub(super) const AFTER_TOOL: &str = "The tool has run, or so I pretend: the poem has 14 words.";
pub(super) const AFTER_REFUSED_TOOL: &str = "You did not allow it, so I did not run the tool.";
pub(super) const CRASH_USAGE: &str = "It is `/crash` or `/crash tool`.";

pub(super) const SLOW_USAGE: &str = "`/slow` takes a number of seconds from 0 to 3600, such as `/slow 2.5`.";
pub(super) const FAIL_USAGE: &str = "It is `/fail`, `/fail late` or `/fail retry`.";
pub(super) const FAILURE: &str = "The demo failed, as it was asked to.";
pub(super) const FAILURE_RETRIED: &str = "The demo failed, as it was asked to; this kind of error is tried again.";
pub(super) const BEFORE_FAILURE: &str =
    "I begin as if all were well, and in the middle of the sentence, without any warning,";

pub(super) const MARKDOWN: &str = r#"# What an answer can look like

A paragraph with **bold**, *italic*, ~~struck~~ and `inline code`, a [link](https://example.com/) and an emoji 🎭.

## Lists

1. First things first
2. Then the rest
   - a thought in between
   - and one more
3. Done

- [x] written
- [ ] read

## A table

| Language | Greeting | Letters |
|:---------|:--------:|--------:|
| English  | Hello    |       5 |
| Français | Salut    |       5 |
| 日本語    | こんにちは |       5 |

## Code

```rust
/// Greets somebody.
fn greet(name: &str) -> String {
    format!("Hello, {name}!")
}
```

```json
{ "demo": true, "ai": false }
```

> A quotation, for the road.

---

That was all of it."#;

/// About 20 KB of Markdown.
pub(super) fn long() -> String {
    const CHAPTERS: usize = 14;
    const SENTENCES: [&str; 9] = [
        "A long answer has one purpose here: there must be enough of it to scroll.",
        "You may read on, press Stop, or leave and come back; nothing of it gets lost.",
        "The words come in small portions, and the page puts them together again.",
        "Somebody with a slow connection gets the same text, only later.",
        "If a portion were missing, this paragraph would stop making sense in the middle.",
        "It was not written by a machine that learned from others, but by a loop.",
        "Loops are patient: they never ask how many chapters are still to come.",
        "Umlauts such as ä, ö and ü, a dash – like this one – and a 🎭 take more than one byte each.",
        "Here the paragraph ends, and the next one says much the same in another order.",
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
        let _ = writeln!(text, "- so far: {chapter} of {CHAPTERS}\n- still to come: {}\n", CHAPTERS - chapter);
    }
    text.push_str("*The end.*");
    text
}
