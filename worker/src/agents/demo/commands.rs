//! Messages that start with `/`, each of which demonstrates one kind of answer.

use std::time::Duration;

use super::{Ending, Performance, Prelude, texts, words};

/// Maximum duration of `/slow`, in seconds.
const MAX_SLOW_S: f64 = 3600.0;
/// Duration of `/slow` without a number, in seconds.
const DEFAULT_SLOW_S: f64 = 5.0;
/// Chunks of a `/slow` answer per second.
const SLOW_PARTS_PER_S: f64 = 8.0;
/// Words in each chunk of `/long`.
const LONG_PART_WORDS: usize = 10;
const LONG_DURATION: Duration = Duration::from_secs(3);

/// Returns the answer to a command, or `None` if the message is not a command.
pub(super) fn perform(message: &str) -> Option<Performance> {
    let command = message.trim_start();
    if !command.starts_with('/') {
        return None;
    }
    let (name, rest) = match command.find(char::is_whitespace) {
        Some(end) => {
            let (name, rest) = command.split_at(end);
            // The single white space after the name belongs to neither.
            (name, rest.get(rest.chars().next().map_or(0, char::len_utf8)..).unwrap_or_default())
        }
        None => (command, ""),
    };
    let argument = rest.trim();
    Some(match name {
        "/help" => Performance::spoken(texts::HELP),
        "/echo" => Performance::at_once(rest),
        "/empty" => Performance::at_once(""),
        "/markdown" => Performance::spoken(texts::MARKDOWN),
        "/long" => long(),
        "/slow" => slow(argument),
        "/think" => Performance::spoken(texts::AFTER_THOUGHT).after(Prelude::Thought),
        "/plan" => Performance::spoken(texts::AFTER_PLAN).after(Prelude::Plan),
        "/tool" => Performance::spoken(texts::AFTER_TOOL).after(Prelude::Tool),
        "/crash" => crash(argument),
        "/fail" => fail(argument),
        _ => Performance::spoken(&format!("Unknown command: {name}\n\n{}", texts::HELP)),
    })
}

fn long() -> Performance {
    let parts = words(&texts::long()).chunks(LONG_PART_WORDS).map(<[String]>::concat).collect();
    Performance { parts, duration: LONG_DURATION, ..Performance::at_once("") }
}

/// Counts, so that a lost or repeated word is noticeable.
fn slow(argument: &str) -> Performance {
    let seconds = if argument.is_empty() { Ok(DEFAULT_SLOW_S) } else { argument.parse() };
    let Some(seconds) = seconds.ok().filter(|seconds| (0.0..=MAX_SLOW_S).contains(seconds)) else {
        return Performance::spoken(texts::SLOW_USAGE);
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most 28 800, never negative")]
    let count = (seconds * SLOW_PARTS_PER_S).ceil() as u32;
    let numbers = (1..=count.max(5)).map(|number| format!(" {number}"));
    let parts = [format!("Counting for about {seconds} s:")].into_iter().chain(numbers).chain([" – done.".to_owned()]);
    Performance { parts: parts.collect(), duration: Duration::from_secs_f64(seconds), ..Performance::at_once("") }
}

fn fail(argument: &str) -> Performance {
    match argument {
        "" => Performance::at_once("").ending(Ending::Refusal(texts::FAILURE)),
        "retry" => Performance::at_once("").ending(Ending::Failure(texts::FAILURE_RETRIED)),
        "late" => Performance::spoken(texts::BEFORE_FAILURE).ending(Ending::Refusal(texts::FAILURE)),
        _ => Performance::spoken(texts::FAIL_USAGE),
    }
}

fn crash(argument: &str) -> Performance {
    let crash = Performance::spoken(texts::BEFORE_FAILURE).ending(Ending::Crash);
    match argument {
        "" => crash,
        "tool" => crash.after(Prelude::Tool),
        _ => Performance::spoken(texts::CRASH_USAGE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(message: &str) -> String {
        perform(message).unwrap().parts.concat()
    }

    #[test]
    fn accepts_only_messages_that_start_with_a_slash() {
        assert_eq!(perform("Hello"), None);
        assert_eq!(perform("and/or"), None);
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
        let slow = perform("/slow 2.5").unwrap();

        assert_eq!(slow.duration, Duration::from_millis(2500));
        assert!(slow.parts.concat().ends_with(" 19 20 – done."), "{slow:?}");
        assert_eq!(perform("/slow").unwrap().duration, Duration::from_secs(5));
        assert_eq!(perform("/slow 0").unwrap().duration, Duration::ZERO);
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
        assert_eq!(perform("/fail").unwrap(), Performance::at_once("").ending(Ending::Refusal(texts::FAILURE)));
        let retried = Ending::Failure(texts::FAILURE_RETRIED);
        assert_eq!(perform("/fail retry").unwrap(), Performance::at_once("").ending(retried));
        assert_eq!(text("/fail late"), texts::BEFORE_FAILURE);
        assert_eq!(perform("/crash tool").unwrap().ending, Ending::Crash);
    }

    #[test]
    fn long_sends_about_20_kilobytes() {
        let long = perform("/long").unwrap();

        assert!((18_000..24_000).contains(&long.parts.concat().len()), "{}", long.parts.concat().len());
        assert!(long.parts.len() > 100);
    }
}
