//! Unique texts and the scripted answers to them: valid, slow, failing, or missing.

use std::time::Duration;

use banter_tests::{
    fake_openai::{Answer, FakeOpenAi},
    random::TestRng,
};
use rand::RngExt as _;

use crate::history::History;

/// The time after which a silent scripted agent times out, in seconds.
const SILENCE_LIMIT: u32 = 3;

/// Approximate size, in bytes, of each long word in a huge answer.
const HUGE_WORD: usize = 16 * 1024;

/// Returns the `agents.toml` table for the scripted agent.
pub fn agents(model: &FakeOpenAi) -> String {
    model.agent(&format!("first_byte_timeout_s = {SILENCE_LIMIT}\nidle_timeout_s = {SILENCE_LIMIT}\n"))
}

/// Returns the tag that identifies the nth text of this client.
pub fn tag(client: usize, number: usize) -> String {
    format!("p{client}n{number}")
}

/// Returns the number of the client that wrote a message, given its text or the start of its text, such as a title or a
/// preview. Returns `None` for any other text.
pub fn author(text: &str) -> Option<usize> {
    let (client, number) = text.strip_prefix("/echo ").unwrap_or(text).strip_prefix('p')?.split_once('n')?;
    number.chars().next().filter(char::is_ascii_digit)?;
    client.parse().ok()
}

/// Creates a new text for an agent and scripts the answer to it.
pub fn create(rng: &mut TestRng, model: &FakeOpenAi, history: &History, agent: &str, tag: &str) -> String {
    if agent == "demo" {
        let text = format!("/echo {tag}");
        history.expect_answer(&text, tag);
        return text;
    }
    let beginning = format!("re {tag}");
    let count = rng.random_range(0..20);
    let pause = Duration::from_millis(rng.random_range(0..80));
    let mut words: Vec<String> = vec![beginning.clone()];
    words.extend((0..count).map(|word| format!(" wörd{word}")));
    let answers = match rng.random_range(0..36) {
        0 | 32 | 33 => vec![Answer::error(500, "server_error", "try again"), whole(&words, pause)],
        1 | 2 => vec![Answer::cut_after(&beginning), whole(&words, pause)],
        3 => vec![Answer::error(400, "bad_request", "no")],
        4 => vec![Answer::rate_limited(1), whole(&words, pause)],
        5 => vec![Answer::SilentAfter(vec![beginning]), whole(&words, pause)],
        6 => vec![Answer::SilentFromTheStart, whole(&words, pause)],
        7 => vec![Answer::bytes_after(&beginning, b"data: {this is no json\n\n")],
        8 | 34 | 35 => {
            vec![Answer::error(503, "overloaded", "later"), Answer::cut_after(&beginning), whole(&words, pause)]
        }
        9 => {
            words.extend((0..=rng.random_range(0..12)).map(|word| format!(" {word}{}", "x".repeat(HUGE_WORD))));
            vec![whole(&words, Duration::from_millis(5))]
        }
        10 => {
            words.clear();
            vec![Answer::empty()]
        }
        11..15 => vec![whole(&words, Duration::from_millis(250))],
        _ => vec![whole(&words, pause)],
    };
    model.script(tag, answers);
    history.expect_answer(tag, &words.concat());
    tag.to_owned()
}

fn whole(words: &[String], pause: Duration) -> Answer {
    Answer::words(words.iter().map(String::as_str), pause)
}
