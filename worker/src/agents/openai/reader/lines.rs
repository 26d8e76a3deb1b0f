//! Splits text into lines, using bounded memory.
//!
//! If a line exceeds the limit, long runs of base64 in the line are shortened first. They usually represent images, of
//! which only the start is needed. The text next to a large image is therefore kept. If the line is still too long, it
//! is truncated.

/// Maximum length of a line, in bytes. The longest possible answer fits, even if every character is written as a
/// six-character escape (`\uXXXX`).
pub(super) const MAX_LINE_BYTES: usize = 8 * 1024 * 1024;
/// Maximum length, in bytes, of a base64 run that is not shortened in an overlong line.
const LONG_RUN_BYTES: usize = 4 * 1024;
/// Maximum number of bytes that are kept from the start of a longer run. This is enough to recognize the format.
const KEPT_RUN_BYTES: usize = 64;
/// The marker between the start of a shortened run and the number of omitted bytes.
pub(super) const OMITTED: &str = ";omitted=";

/// A line in a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The text, without its line ending.
    pub text: String,
    /// Whether the line was truncated.
    pub is_cut: bool,
}

/// Splits text into lines that end with LF, CRLF, or CR.
#[derive(Debug, Default)]
pub(super) struct LineSplitter {
    line: String,
    /// Whether base64 runs in the current line are being shortened.
    is_compact: bool,
    is_cut: bool,
    run: Base64Run,
    /// Whether the last character was a CR. An LF that follows it belongs to the same line ending.
    after_cr: bool,
}

/// A base64 run at the end of the current line, inside a string that may contain escapes.
#[derive(Debug, Default)]
struct Base64Run {
    /// The length of the run so far, in bytes.
    bytes: usize,
    /// The number of bytes removed from the run.
    omitted: usize,
    /// Whether the run ends with an odd number of backslashes, in which case the next character is escaped.
    is_escaping: bool,
}

impl LineSplitter {
    /// Processes the next piece of text and returns the lines that it completes.
    pub fn push(&mut self, mut text: &str) -> Vec<Line> {
        let mut lines = Vec::new();
        while let Some(first) = text.bytes().next() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                text = &text[1..];
                continue;
            }
            let end = text.bytes().position(|byte| matches!(byte, b'\n' | b'\r'));
            self.append(&text[..end.unwrap_or(text.len())]);
            let Some(end) = end else { break };
            self.after_cr = text.as_bytes()[end] == b'\r';
            text = &text[end + 1..];
            lines.push(self.take());
        }
        lines
    }

    /// Returns the text after the last line ending, which may be empty.
    pub fn finish(&mut self) -> Line {
        self.take()
    }

    fn take(&mut self) -> Line {
        self.end_run();
        let line = Line { text: std::mem::take(&mut self.line), is_cut: self.is_cut };
        (self.is_compact, self.is_cut, self.run) = (false, false, Base64Run::default());
        line
    }

    fn append(&mut self, part: &str) {
        if !self.is_compact {
            if self.line.len() + part.len() <= MAX_LINE_BYTES {
                self.line.push_str(part);
                return;
            }
            self.is_compact = true;
            let whole = std::mem::take(&mut self.line);
            self.append_compact(&whole);
        }
        self.append_compact(part);
    }

    fn append_compact(&mut self, part: &str) {
        let mut rest = part;
        while !rest.is_empty() {
            let run = rest.bytes().position(|byte| !is_base64(byte)).unwrap_or(rest.len());
            self.extend_run(&rest[..run]);
            rest = &rest[run..];
            if rest.is_empty() {
                return;
            }
            self.end_run();
            let other = rest.bytes().position(is_base64).unwrap_or(rest.len());
            self.push_within_limit(&rest[..other]);
            rest = &rest[other..];
        }
    }

    /// Appends part of a run. If the run becomes too long, keeps only its start.
    fn extend_run(&mut self, part: &str) {
        for byte in part.bytes() {
            self.run.is_escaping = byte == b'\\' && !self.run.is_escaping;
        }
        let room = LONG_RUN_BYTES.saturating_sub(self.run.bytes).min(part.len());
        self.run.bytes += part.len();
        if self.run.omitted > 0 {
            self.run.omitted += part.len();
            return;
        }
        self.push_within_limit(&part[..room]);
        if self.run.bytes > LONG_RUN_BYTES && !self.is_cut {
            let start = self.line.len() - LONG_RUN_BYTES;
            let kept = &self.line[start..start + KEPT_RUN_BYTES];
            // Avoid splitting an escape sequence.
            let kept = kept.find('\\').unwrap_or(KEPT_RUN_BYTES);
            self.run.omitted = self.run.bytes - kept;
            self.line.truncate(start + kept);
        }
    }

    fn end_run(&mut self) {
        let Base64Run { omitted, is_escaping, .. } = std::mem::take(&mut self.run);
        if omitted > 0 {
            let escape = if is_escaping { "\\" } else { "" };
            self.push_within_limit(&format!("{OMITTED}{omitted}{escape}"));
        }
    }

    fn push_within_limit(&mut self, part: &str) {
        let room = MAX_LINE_BYTES.saturating_sub(self.line.len());
        let fitting = part.floor_char_boundary(room.min(part.len()));
        self.line.push_str(&part[..fitting]);
        self.is_cut |= fitting < part.len();
    }
}

/// Returns whether a byte may be part of base64 in a JSON string, including escapes (`\/`, `\n`).
fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_' | b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&str]) -> Vec<Line> {
        let mut splitter = LineSplitter::default();
        let mut lines: Vec<Line> = parts.iter().flat_map(|part| splitter.push(part)).collect();
        lines.push(splitter.finish());
        lines
    }

    #[test]
    fn ends_lines_at_lf_crlf_and_cr_in_any_chunks() {
        let text = "a\nbé\r\n\r\nc\rd\r\re";
        let expected: Vec<Line> =
            ["a", "bé", "", "c", "d", "", "e"].map(|text| Line { text: text.into(), is_cut: false }).into();

        assert_eq!(lines(&[text]), expected);
        for cut in (0..text.len()).filter(|cut| text.is_char_boundary(*cut)) {
            assert_eq!(lines(&[&text[..cut], &text[cut..]]), expected, "cut at {cut}");
        }
    }

    #[test]
    fn removes_an_image_from_an_overlong_line() {
        let image = r"iVBOR\/w0".to_owned() + &"A".repeat(32 * 1024 * 1024) + r#"=\""#;
        let line = format!(r#"data: {{"text":"before","url":"data:image/png;base64,{image}","more":"after"}}"#);
        let pieces: Vec<&str> =
            (0..line.len()).step_by(100_000).map(|at| &line[at..line.len().min(at + 100_000)]).collect();

        let lines = lines(&pieces);

        let omitted = image.len() - 1 - "iVBOR".len();
        let expected = format!(
            r#"data: {{"text":"before","url":"data:image/png;base64,iVBOR;omitted={omitted}\"","more":"after"}}"#
        );
        assert_eq!(lines[0].text, expected);
        assert!(!lines[0].is_cut);
    }

    #[test]
    fn keeps_a_line_of_the_maximum_length() {
        let text = "A".repeat(MAX_LINE_BYTES);

        assert_eq!(lines(&[&text]), [Line { text, is_cut: false }]);
    }

    #[test]
    fn truncates_an_overlong_line_without_images() {
        let part = "é ".repeat(100_000);
        let mut splitter = LineSplitter::default();

        for _ in 0..40 {
            assert_eq!(splitter.push(&part), []);
            assert!(splitter.line.len() <= MAX_LINE_BYTES);
        }

        assert!(splitter.finish().is_cut);
        assert_eq!(splitter.push("b\n"), [Line { text: "b".into(), is_cut: false }]);
    }
}
