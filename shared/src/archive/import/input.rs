//! Reads the conversations of a file: a zip file, a JSON document, or the log of a session.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use serde_json::Value;
use tokio_util::sync::CancellationToken;
use zip::ZipArchive;

use super::{
    conversation::ImportedConversation,
    elements::{Element, Elements, MAX_VALUES, count_values, peek, read_line},
    entries::Entries,
    native,
    products::{Product, SessionLog},
};
use crate::{
    archive::format::{FORMAT_NAME, FORMAT_VERSION},
    lenient_json::{LoneSurrogates, parse},
};

/// The maximum length of another product's conversation, in bytes. Parsing it takes several times as much memory.
const MAX_CONVERSATION: usize = 64 * 1024 * 1024;
/// The maximum length of a conversation in this product's format, in bytes.
const MAX_NATIVE: usize = 512 * 1024 * 1024;
/// The maximum length of the log of a session, in bytes.
const MAX_LOG: usize = 256 * 1024 * 1024;
/// The maximum decompressed length of a JSON entry of a zip file, in bytes. A longer entry is cut off.
const MAX_ENTRY: u64 = 8 * 1024 * 1024 * 1024;
/// The maximum number of elements that are not conversations, before the first one that is.
const MAX_UNKNOWN: usize = 100;
/// The reason for an element that is not a conversation.
const UNKNOWN: &str = "it is not a conversation in a supported format";
/// The maximum length of the text before the conversations of a document, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A conversation, or the reason why it cannot be imported.
pub(super) type Found = Result<Box<ImportedConversation>, (String, String)>;

/// Receives conversations one by one. Returns false to stop.
pub(super) type Receiver<'a> = dyn FnMut(Found) -> bool + 'a;

/// Returns whether a file is a zip file.
fn is_zip(path: &Path) -> io::Result<bool> {
    let mut start = [0; 4];
    let mut file = File::open(path)?;
    Ok(file.read_exact(&mut start).is_ok() && (start == *b"PK\x03\x04" || start == *b"PK\x05\x06"))
}

/// Returns the number of conversations, if it is known without reading them.
pub(super) fn count(path: &Path) -> Option<usize> {
    let archive = open_zip(path).ok()??;
    let count = list_entries(&archive).iter().filter(|name| is_native_entry(name)).count();
    (count > 0).then_some(count)
}

/// Returns the names of all entries, in their order. A name that is not valid is empty.
fn list_entries(archive: &ZipArchive<File>) -> Vec<String> {
    archive.file_names().map(|name| name.map(std::borrow::Cow::into_owned).unwrap_or_default()).collect()
}

/// Returns whether an entry contains a conversation that this product exported.
fn is_native_entry(name: &str) -> bool {
    let path = Path::new(name);
    path.parent() == Some(Path::new("conversations")) && path.extension().is_some_and(|extension| extension == "json")
}

/// A reader that fails as soon as the import has been stopped.
struct Stoppable<'a, R> {
    input: R,
    stop: &'a CancellationToken,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other("the import was stopped"));
        }
        self.input.read(buffer)
    }
}

/// Reads all conversations of a file, in order. `name` is its name in reports. Fails soon after `stop` is cancelled.
///
/// # Errors
/// Returns an error if the file cannot be read. Conversations before the error are received.
pub(super) fn read(path: &Path, name: &str, stop: &CancellationToken, receive: &mut Receiver<'_>) -> io::Result<()> {
    let Some(mut archive) = open_zip(path)? else {
        let input = BufReader::with_capacity(MAX_HEAD, Stoppable { input: File::open(path)?, stop });
        return Source { name, entries: &Entries::default() }.read(input, receive).map(drop);
    };
    let entries = Entries::new(list_entries(&archive));
    for (index, name) in entries.names().iter().enumerate() {
        let is_json = [".json", ".jsonl"].iter().any(|end| name.to_ascii_lowercase().ends_with(end));
        if !is_json || name == "manifest.json" {
            continue;
        }
        let entry = match archive.by_index(index) {
            Ok(entry) => entry,
            Err(error) => {
                receive(Err((name.clone(), invalid_zip(error).to_string())));
                continue;
            }
        };
        let input = BufReader::with_capacity(MAX_HEAD, Stoppable { input: entry.take(MAX_ENTRY), stop });
        match (Source { name, entries: &entries }).read(input, receive) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) if stop.is_cancelled() => return Err(error),
            Err(error) => {
                if !receive(Err((name.clone(), error.to_string()))) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Opens a zip file; `None` if it is not a zip file.
pub(super) fn open_zip(path: &Path) -> io::Result<Option<ZipArchive<File>>> {
    if !is_zip(path)? {
        return Ok(None);
    }
    ZipArchive::new(File::open(path)?).map(Some).map_err(invalid_zip)
}

/// Reads an entry of a zip file; `None` if there is no such entry, or if it is longer than the limit.
pub(super) fn read_entry(archive: &mut ZipArchive<File>, entry: &str, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let found = match archive.by_name(entry) {
        Ok(found) => found,
        Err(zip::result::ZipError::FileNotFound) => return Ok(None),
        Err(error) => return Err(invalid_zip(error)),
    };
    let mut content = Vec::new();
    found.take(max_bytes.saturating_add(1)).read_to_end(&mut content)?;
    Ok(u64::try_from(content.len()).is_ok_and(|length| length <= max_bytes).then_some(content))
}

fn invalid_zip(error: zip::result::ZipError) -> io::Error {
    match error {
        zip::result::ZipError::Io(error) => error,
        other => io::Error::new(io::ErrorKind::InvalidData, format!("the zip file is damaged: {other}")),
    }
}

/// A JSON file.
struct Source<'a> {
    /// Its name, or that of the entry.
    name: &'a str,
    /// The names of all entries of the zip file.
    entries: &'a Entries,
}

impl Source<'_> {
    /// Reads the conversations. Returns false if the receiver has stopped.
    fn read(&self, mut input: impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
        if input.fill_buf()?.starts_with("\u{feff}".as_bytes()) {
            input.consume(3);
        }
        while peek(&mut input)?.is_some_and(|byte| byte.is_ascii_whitespace()) {
            input.consume(1);
        }
        match peek(&mut input)? {
            Some(b'[') => {
                input.consume(1);
                self.read_array(Elements::of_array(input, MAX_CONVERSATION), receive)
            }
            Some(b'{') if is_native(input.fill_buf()?) => self.read_documents(input, receive),
            Some(b'{') => self.read_objects(input, receive),
            _ => Ok(true),
        }
    }

    /// Reads an array of conversations of another product.
    fn read_array(&self, mut elements: Elements<impl BufRead>, receive: &mut Receiver<'_>) -> io::Result<bool> {
        let mut index = 0;
        // The elements that are not conversations. They are reported if others are, because files such as a list of users
        // have none.
        let mut unknown = Vec::new();
        let mut has_conversations = false;
        while let Some(element) = elements.next()? {
            index += 1;
            let source = format!("{}[{index}]", self.name);
            let value = match element {
                Element::TooLong => Err(too_long(MAX_CONVERSATION)),
                Element::Text(text) => parse::<Value>(&text, LoneSurrogates::Replace)
                    .map_err(|error| format!("it is not valid JSON: {error}")),
            };
            let found = match value.map(|value| self.convert(source.clone(), &value)) {
                Err(reason) => Err((source, reason)),
                Ok(Some(found)) => {
                    has_conversations = true;
                    found
                }
                Ok(None) if has_conversations => Err((source, UNKNOWN.into())),
                Ok(None) => {
                    if unknown.len() < MAX_UNKNOWN {
                        unknown.push(source);
                    }
                    continue;
                }
            };
            let earlier = if has_conversations { std::mem::take(&mut unknown) } else { Vec::new() };
            let earlier = earlier.into_iter().map(|source| Err((source, UNKNOWN.into())));
            if !earlier.chain([found]).all(&mut *receive) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Converts an object; `None` if it is not a conversation.
    fn convert(&self, source: String, value: &Value) -> Option<Found> {
        let product = Product::detect(value)?;
        let title = value["title"].as_str().or_else(|| value["name"].as_str()).unwrap_or_default();
        let source = if title.is_empty() { source } else { format!("{source} {title}") };
        Some(product.convert(value, self.entries).map(Box::new).map_err(|reason| (source, reason)))
    }

    /// Reads documents of this product that follow each other.
    fn read_documents(&self, mut input: impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
        loop {
            if !self.read_native(&mut input, receive)? {
                return Ok(false);
            }
            // The other fields of the document contain no objects.
            while peek(&mut input)?.is_some_and(|byte| byte != b'{') {
                input.consume(1);
            }
            if peek(&mut input)?.is_none() {
                return Ok(true);
            }
        }
    }

    /// Reads a document of this product, up to the end of its conversations.
    fn read_native(&self, mut input: &mut impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
        let mut head = Vec::new();
        while !head.ends_with(b"\"conversations\"") && head.len() < MAX_HEAD {
            let Some(byte) = peek(&mut input)? else { break };
            head.push(byte);
            input.consume(1);
        }
        if let Some(reason) = version_in(&head).and_then(unsupported) {
            return Ok(receive(Err((self.name.to_owned(), reason))));
        }
        loop {
            match peek(&mut input)? {
                Some(b'[') => break,
                Some(b':' | b' ' | b'\n' | b'\r' | b'\t') => input.consume(1),
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "the field `conversations` is missing")),
            }
        }
        input.consume(1);
        let mut elements = Elements::of_array(input, MAX_NATIVE);
        while let Some(element) = elements.next()? {
            let read = match element {
                Element::TooLong => Err(too_long(MAX_NATIVE)),
                Element::Text(text) => native::read(&text).map(Box::new),
            };
            if !receive(read.map_err(|reason| (self.name.to_owned(), reason))) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the document of this product whose fields were reordered, for example by a program that sorts them. Returns
    /// false if the receiver has stopped.
    fn read_reordered(&self, document: &Value, receive: &mut Receiver<'_>) -> bool {
        let fail = |reason| Err((self.name.to_owned(), reason));
        if let Some(reason) = document["version"].as_u64().and_then(unsupported) {
            return receive(fail(reason));
        }
        let Some(conversations) = document["conversations"].as_array() else {
            return receive(fail("the field `conversations` is missing".into()));
        };
        conversations.iter().all(|conversation| {
            let read = native::read(conversation.to_string().as_bytes());
            receive(read.map(Box::new).or_else(fail))
        })
    }

    /// Reads a conversation of another product, or the lines of a session. A line that cannot be read is null, unless it
    /// is the last one, which may be incomplete.
    fn read_objects(&self, mut input: impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
        // A log has a value on each line. The values of other files may extend over several lines.
        let Some(first) = read_line(&mut input, MAX_CONVERSATION)? else { return Ok(true) };
        let mut lines: Vec<Value> = Vec::new();
        let (start, is_log) = match &first {
            Element::TooLong => {
                lines.push(Value::Null);
                (&[][..], true)
            }
            Element::Text(text) => (text.as_slice(), parse::<Value>(text, LoneSurrogates::Replace).is_ok()),
        };
        let input = start.chain(&b"\n"[..]).chain(&mut input);
        let mut elements = if is_log {
            Elements::of_lines(input, MAX_CONVERSATION)
        } else {
            Elements::of_sequence(input, MAX_CONVERSATION)
        };
        let (mut bytes, mut values) = (0, 0);
        while let Some(element) = elements.next()? {
            let line = match element {
                Element::TooLong => Value::Null,
                Element::Text(text) => {
                    bytes += text.len();
                    values += count_values(&text);
                    if bytes > MAX_LOG || values > MAX_VALUES {
                        return Ok(receive(Err((self.name.to_owned(), too_long(MAX_LOG)))));
                    }
                    parse(&text, LoneSurrogates::Replace).unwrap_or_default()
                }
            };
            lines.push(line);
        }
        if lines.iter().all(Value::is_null) && !lines.is_empty() {
            return Ok(receive(Err((self.name.to_owned(), "it is not valid JSON".into()))));
        }
        lines.pop_if(|line| line.is_null());
        if let [document] = lines.as_slice()
            && document["format"] == FORMAT_NAME
        {
            return Ok(self.read_reordered(document, receive));
        }
        if let [value] = lines.as_slice()
            && let Some(read) = self.convert(self.name.to_owned(), value)
        {
            return Ok(receive(read));
        }
        if let Some(product) = lines.iter().find_map(SessionLog::detect) {
            return Ok(receive(product.convert(&lines).map(Box::new).map_err(|reason| (self.name.to_owned(), reason))));
        }
        Ok(true)
    }
}

/// Returns the reason for a conversation that exceeds a limit.
fn too_long(max_bytes: usize) -> String {
    format!("it exceeds {} MiB or {MAX_VALUES} JSON values", max_bytes / 1024 / 1024)
}

/// Returns whether a document begins like one of this product.
fn is_native(start: &[u8]) -> bool {
    let text: String =
        String::from_utf8_lossy(&start[..start.len().min(100)]).chars().filter(|c| !c.is_whitespace()).collect();
    text.starts_with(&format!("{{\"format\":\"{FORMAT_NAME}\""))
}

/// Returns the reason why a version of the format cannot be read, if it cannot.
fn unsupported(version: u64) -> Option<String> {
    (version > u64::from(FORMAT_VERSION)).then(|| {
        format!("format version {version} is not supported; this release supports versions up to {FORMAT_VERSION}")
    })
}

/// Returns the version of the format in the beginning of a document.
fn version_in(head: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(head);
    let (_, rest) = text.split_once("\"version\"")?;
    let digits = rest.trim_start_matches([':', ' ', '\n', '\r', '\t']);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}
