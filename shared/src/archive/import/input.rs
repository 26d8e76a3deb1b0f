//! Reads the conversations of a file: a zip file, a JSON document, or the log of a session.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read as _},
    path::Path,
};

use serde_json::Value;
use zip::ZipArchive;

use super::{
    conversation::ImportedConversation,
    elements::{Element, Elements, peek},
    native,
    products::{Product, SessionLog},
};
use crate::archive::format::{FORMAT_NAME, FORMAT_VERSION};

/// The maximum length of another product's conversation, in bytes. Parsing it takes several times as much memory.
const MAX_CONVERSATION: usize = 64 * 1024 * 1024;
/// The maximum length of a conversation in this product's format, in bytes.
const MAX_NATIVE: usize = 512 * 1024 * 1024;
/// The maximum length of the log of a session, in bytes.
const MAX_LOG: usize = 256 * 1024 * 1024;
/// The maximum length of a file's content, and of an entry of a zip file, in bytes. Compressed entries can be much
/// longer than their zip file.
const MAX_ENTRY: u64 = 8 * 1024 * 1024 * 1024;
/// The maximum length of the text before the conversations of a document, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// A conversation, or the reason why it cannot be imported.
pub(super) type Read = Result<Box<ImportedConversation>, (String, String)>;

/// Receives conversations one by one. Returns false to stop.
pub(super) type Receiver<'a> = dyn FnMut(Read) -> bool + 'a;

/// Returns whether a file is a zip file.
pub(super) fn is_zip(path: &Path) -> io::Result<bool> {
    let mut start = [0; 4];
    let mut file = File::open(path)?;
    Ok(file.read_exact(&mut start).is_ok() && (start == *b"PK\x03\x04" || start == *b"PK\x05\x06"))
}

/// Returns the number of conversations, if it is known without reading them.
pub(super) fn count(path: &Path) -> Option<usize> {
    if !is_zip(path).ok()? {
        return None;
    }
    let archive = ZipArchive::new(File::open(path).ok()?).ok()?;
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

/// Reads all conversations of a file, in order. `name` is its name in reports.
///
/// # Errors
/// Returns an error if the file cannot be read. Conversations before the error are received.
pub(super) fn read(path: &Path, name: &str, receive: &mut Receiver<'_>) -> io::Result<()> {
    if !is_zip(path)? {
        let input = BufReader::with_capacity(MAX_HEAD, File::open(path)?);
        return Source { name, entries: &[] }.read(input, receive).map(drop);
    }
    let mut archive = ZipArchive::new(File::open(path)?).map_err(invalid_zip)?;
    let entries = list_entries(&archive);
    for (index, name) in entries.iter().enumerate() {
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
        let input = BufReader::with_capacity(MAX_HEAD, entry.take(MAX_ENTRY));
        match (Source { name, entries: &entries }).read(input, receive) {
            Ok(true) => {}
            Ok(false) => return Ok(()),
            Err(error) => {
                if !receive(Err((name.clone(), error.to_string()))) {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// Reads an entry of a zip file; `None` if there is no such entry, or if it is longer than the limit.
pub(super) fn read_entry(path: &Path, entry: &str, max_bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let mut archive = ZipArchive::new(File::open(path)?).map_err(invalid_zip)?;
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
    entries: &'a [String],
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
            Some(b'{') if is_native(input.fill_buf()?) => self.read_native(input, receive),
            Some(b'{') => self.read_objects(input, receive),
            _ => Ok(true),
        }
    }

    /// Reads an array of conversations of another product.
    fn read_array(&self, mut elements: Elements<impl BufRead>, receive: &mut Receiver<'_>) -> io::Result<bool> {
        let mut index = 0;
        while let Some(element) = elements.next()? {
            index += 1;
            let source = format!("{}[{index}]", self.name);
            let read = match element {
                Element::TooLong => Some(Err((source, format!("it is longer than {MAX_CONVERSATION} bytes")))),
                Element::Text(text) => match serde_json::from_slice::<Value>(&text) {
                    Ok(value) => self.convert(source, &value),
                    Err(error) => Some(Err((source, format!("it is not valid JSON: {error}")))),
                },
            };
            if let Some(read) = read
                && !receive(read)
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Converts an object; `None` if it is no conversation.
    fn convert(&self, source: String, value: &Value) -> Option<Read> {
        let product = Product::detect(value)?;
        let title = value["title"].as_str().or_else(|| value["name"].as_str()).unwrap_or_default();
        let source = if title.is_empty() { source } else { format!("{source} {title}") };
        Some(product.convert(value, self.entries).map(Box::new).map_err(|reason| (source, reason)))
    }

    /// Reads the document of this product.
    fn read_native(&self, mut input: impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
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
                _ => return Err(io::Error::new(io::ErrorKind::InvalidData, "it has no `conversations`")),
            }
        }
        input.consume(1);
        let mut elements = Elements::of_array(input, MAX_NATIVE);
        while let Some(element) = elements.next()? {
            let read = match element {
                Element::TooLong => Err(format!("it is longer than {MAX_NATIVE} bytes")),
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
            return receive(fail("it has no `conversations`".into()));
        };
        conversations.iter().all(|conversation| {
            let read = native::read(conversation.to_string().as_bytes());
            receive(read.map(Box::new).or_else(fail))
        })
    }

    /// Reads a conversation of another product, or the lines of a session.
    fn read_objects(&self, input: impl BufRead, receive: &mut Receiver<'_>) -> io::Result<bool> {
        let mut elements = Elements::of_sequence(input, MAX_CONVERSATION);
        let mut lines: Vec<Value> = Vec::new();
        let (mut bytes, mut is_complete) = (0, true);
        while let Some(element) = elements.next()? {
            let Element::Text(text) = element else {
                is_complete = false;
                continue;
            };
            bytes += text.len();
            if bytes > MAX_LOG {
                return Ok(receive(Err((self.name.to_owned(), format!("it is longer than {MAX_LOG} bytes")))));
            }
            match serde_json::from_slice(&text) {
                Ok(line) => lines.push(line),
                // The last line of a log may be incomplete.
                Err(_) => is_complete = false,
            }
        }
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
        if lines.is_empty() && !is_complete {
            return Ok(receive(Err((self.name.to_owned(), "it is not valid JSON".into()))));
        }
        Ok(true)
    }
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
        format!("it has version {version} of the format, and this release reads versions up to {FORMAT_VERSION}")
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
