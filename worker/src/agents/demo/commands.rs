//! Handles messages that start with `/`. Each command demonstrates one kind of answer.

use std::time::Duration;

use banter_shared::count::count;

use super::{AnswerEnd, DemoAnswer, Prelude, texts, words};

/// Maximum duration of `/slow`, in seconds.
const MAX_SLOW_S: f64 = 3600.0;
/// Duration, in seconds, of `/slow` if no number is given.
const DEFAULT_SLOW_S: f64 = 5.0;
/// Chunks per second in a `/slow` answer.
const SLOW_PARTS_PER_S: f64 = 8.0;
/// Number of words in each chunk of a `/long` answer.
const LONG_PART_WORDS: usize = 10;
const LONG_DURATION: Duration = Duration::from_secs(3);

/// Returns the answer to a command, or `None` if the message is not a command.
pub(super) fn answer(message: &str) -> Option<DemoAnswer> {
    let command = message.trim_start();
    if !command.starts_with('/') {
        return None;
    }
    let (name, rest) = match command.find(char::is_whitespace) {
        Some(end) => {
            let (name, rest) = command.split_at(end);
            // A single whitespace character after the name belongs to neither the name nor the argument.
            (name, rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default())
        }
        None => (command, ""),
    };
    let argument = rest.trim();
    Some(match name {
        "/help" => DemoAnswer::typed(texts::HELP),
        "/echo" => DemoAnswer::at_once(rest),
        "/empty" => DemoAnswer::at_once(""),
        "/markdown" => DemoAnswer::typed(texts::MARKDOWN),
        "/long" => long(),
        "/slow" => slow(argument),
        "/think" => DemoAnswer::typed(texts::AFTER_THOUGHT).preceded_by(Prelude::Thought),
        "/plan" => DemoAnswer::typed(texts::AFTER_PLAN).preceded_by(Prelude::Plan),
        "/tool" => DemoAnswer::typed(texts::AFTER_TOOL).preceded_by(Prelude::Tool),
        "/picture" => DemoAnswer::typed(texts::AFTER_PICTURE).preceded_by(Prelude::Picture),
        "/file" => DemoAnswer::typed(texts::AFTER_FILE).preceded_by(Prelude::File),
        "/crash" => crash(argument),
        "/fail" => fail(argument),
        _ => DemoAnswer::typed(&format!("Unknown command: {name}\n\n{}", texts::HELP)),
    })
}

fn long() -> DemoAnswer {
    let parts = words(&texts::long()).chunks(LONG_PART_WORDS).map(<[String]>::concat).collect();
    DemoAnswer { parts, duration: LONG_DURATION, ..DemoAnswer::at_once("") }
}

/// Returns an answer that counts upward, which makes a lost or repeated word easy to notice.
fn slow(argument: &str) -> DemoAnswer {
    let seconds = if argument.is_empty() { Ok(DEFAULT_SLOW_S) } else { argument.parse() };
    let Some(seconds) = seconds.ok().filter(|seconds| (0.0..=MAX_SLOW_S).contains(seconds)) else {
        return DemoAnswer::typed(texts::SLOW_USAGE);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 28 800, never negative")]
    let part_count = (seconds * SLOW_PARTS_PER_S).ceil() as u32;
    let numbers = (1..=part_count.max(5)).map(|number| format!(" {number}"));
    let duration = count(seconds, "second");
    let parts = [format!("Counting for about {duration}:")].into_iter().chain(numbers).chain([" – done.".to_owned()]);
    DemoAnswer { parts: parts.collect(), duration: Duration::from_secs_f64(seconds), ..DemoAnswer::at_once("") }
}

fn fail(argument: &str) -> DemoAnswer {
    match argument {
        "" => DemoAnswer::at_once("").ending_with(AnswerEnd::Refusal(texts::FAILURE)),
        "retry" => DemoAnswer::at_once("").ending_with(AnswerEnd::Failure(texts::FAILURE_RETRIED)),
        "late" => DemoAnswer::typed(texts::BEFORE_FAILURE).ending_with(AnswerEnd::Refusal(texts::FAILURE)),
        _ => DemoAnswer::typed(texts::FAIL_USAGE),
    }
}

fn crash(argument: &str) -> DemoAnswer {
    let crash = DemoAnswer::typed(texts::BEFORE_FAILURE).ending_with(AnswerEnd::Crash);
    match argument {
        "" => crash,
        "tool" => crash.preceded_by(Prelude::Tool),
        _ => DemoAnswer::typed(texts::CRASH_USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        answer(message).unwrap().parts.concat()
    }

    #[test]
    fn accepts_only_messages_that_start_with_a_slash() {
        assert_eq!(answer("Hello"), None);
        assert_eq!(answer("and/or"), None);
        assert_eq!(text(" \n/echo x"), "x");
    }

    #[test]
    fn echo_keeps_every_character_after_the_first_space() {
        assert_eq!(text("/echo é 🎭\n\n  x "), "é 🎭\n\n  x ");
        assert_eq!(text("/echo\na"), "a");
        assert_eq!(text("/echo"), "");
    }

    #[test]
    fn answers_an_unknown_command_with_the_list() {
        for message in ["/", "/slowly 3", "/HELP"] {
            assert!(text(message).starts_with("Unknown command: /") && text(message).ends_with(texts::HELP));
        }
    }

    #[test]
    fn slow_counts_steadily() {
        let slow = answer("/slow 2.5").unwrap();

        assert_eq!(slow.duration, Duration::from_millis(2500));
        assert!(slow.parts.concat().ends_with(" 19 20 – done."), "{slow:?}");
        assert_eq!(answer("/slow").unwrap().duration, Duration::from_secs(5));
        assert_eq!(answer("/slow 0").unwrap().duration, Duration::ZERO);
    }

    #[test]
    fn explains_invalid_arguments() {
        for message in ["/slow -1", "/slow soon", "/slow nan", "/slow inf", "/slow 3601"] {
            assert_eq!(text(message), texts::SLOW_USAGE, "{message}");
        }
        assert_eq!(text("/fail never"), texts::FAIL_USAGE);
        assert_eq!(text("/crash never"), texts::CRASH_USAGE);
    }

    #[test]
    fn fails_after_the_preceding_text() {
        assert_eq!(answer("/fail").unwrap(), DemoAnswer::at_once("").ending_with(AnswerEnd::Refusal(texts::FAILURE)));
        let retried = AnswerEnd::Failure(texts::FAILURE_RETRIED);
        assert_eq!(answer("/fail retry").unwrap(), DemoAnswer::at_once("").ending_with(retried));
        assert_eq!(text("/fail late"), texts::BEFORE_FAILURE);
        assert_eq!(answer("/crash tool").unwrap().end, AnswerEnd::Crash);
    }

    #[test]
    fn long_sends_about_20_kilobytes() {
        let long = answer("/long").unwrap();

        assert!((18_000..24_000).contains(&long.parts.concat().len()), "{}", long.parts.concat().len());
        assert!(long.parts.len() > 100);
    }
}
