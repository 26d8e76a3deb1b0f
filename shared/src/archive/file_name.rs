//! The file name of an exported chat.

use crate::{chat::clean_line, clock::Timestamp};

/// The maximum length of a name without its extension, in bytes, which leaves room for a suffix such as ` (2)`.
const MAX_BYTES: usize = 120;

/// Returns a file name that is valid on Windows, macOS, and Linux. It consists of the title, or `chat` without one, and
/// the extension.
#[must_use]
pub fn file_name(title: &str, extension: &str) -> String {
    let allowed = |c: char| if matches!(c, '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|') { ' ' } else { c };
    let line: String = clean_line(title).chars().map(allowed).collect();
    let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let short = &words[..words.floor_char_boundary(MAX_BYTES)];
    // A leading dot hides a file, and Windows removes trailing dots.
    let stem = short.trim_matches(|c: char| c == '.' || c.is_whitespace());
    let stem = if stem.is_empty() { "chat" } else { stem };
    let prefix = if is_device(stem) { "_" } else { "" };
    format!("{prefix}{stem}.{extension}")
}

/// Returns the file name of a zip file that is exported at this time, such as `banter-2026-01-31.zip`.
#[must_use]
pub fn bundle_name(now: Timestamp) -> String {
    let text = now.to_string();
    format!("banter-{}.zip", text.split('T').next().unwrap_or(&text))
}

/// Returns whether Windows reserves the name for a device, whatever its extension
/// (<https://learn.microsoft.com/windows/win32/fileio/naming-a-file>).
fn is_device(stem: &str) -> bool {
    let first = stem.split('.').next().unwrap_or(stem).trim_end().to_ascii_uppercase();
    let port = first.strip_prefix("COM").or_else(|| first.strip_prefix("LPT"));
    matches!(first.as_str(), "CON" | "PRN" | "AUX" | "NUL")
        || port.is_some_and(|number| {
            matches!(number, "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_a_safe_name_from_the_title() {
        for (title, expected) in [
            ("Trip to Rome", "Trip to Rome.md"),
            ("", "chat.md"),
            ("..", "chat.md"),
            ("../../etc/passwd", "etc passwd.md"),
            ("a<b>: \"c\"?", "a b c.md"),
            (".profile", "profile.md"),
            ("con", "_con.md"),
            ("COM1.backup", "_COM1.backup.md"),
            ("Console", "Console.md"),
            ("旅行の計画", "旅行の計画.md"),
            ("invoice\u{202e}fdp", "invoicefdp.md"),
            ("a\r\nSet-Cookie: b", "a Set-Cookie b.md"),
        ] {
            assert_eq!(file_name(title, "md"), expected, "{title:?}");
        }
        assert_eq!(bundle_name("2026-01-31T12:00:00Z".parse().unwrap()), "banter-2026-01-31.zip");
        assert!(file_name(&"é".repeat(200), "json").len() <= MAX_BYTES + 5);
    }
}
