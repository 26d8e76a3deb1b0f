//! The messages of a request, with the contents of their attachments.

use banter_shared::chat::{Attachment, HistoryMessage, Role};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::agents::{AgentError, Files};

/// The maximum total size of the images in a request, in bytes. The newest images take precedence.
const MAX_IMAGE_BYTES: i64 = 20 * 1024 * 1024;

/// A message of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PromptMessage {
    /// The author.
    pub role: Role,
    /// The text, including the contents of text files.
    pub text: String,
    /// The images, as data URLs.
    pub images: Vec<String>,
}

/// Adds the contents of the attachments to the messages. Text files are limited to `budget_bytes`, newest first. What
/// is left out is mentioned by its name.
///
/// # Errors
/// Fails if a file cannot be read.
pub(super) async fn load(
    history: Vec<HistoryMessage>,
    files: &dyn Files,
    accepts_images: bool,
    budget_bytes: usize,
) -> Result<Vec<PromptMessage>, AgentError> {
    let mut image_room = if accepts_images { MAX_IMAGE_BYTES } else { 0 };
    let used: usize = history.iter().map(|message| message.content.len()).sum();
    let mut text_room = i64::try_from(budget_bytes.saturating_sub(used)).unwrap_or(i64::MAX);
    let last = history.len().saturating_sub(1);
    let mut messages = Vec::with_capacity(history.len());
    for (index, HistoryMessage { role, content, attachments, .. }) in history.into_iter().enumerate().rev() {
        let mut message = PromptMessage { role, text: content, images: Vec::new() };
        // Servers accept images only in user messages, so the images of an answer are added to the next message.
        let mut images = Vec::new();
        // What the user has just sent is never left out.
        let is_new = index == last;
        for attachment in &attachments {
            let is_image = attachment.is_image() && accepts_images;
            let room = if is_image { &mut image_room } else { &mut text_room };
            let is_wanted = (is_image || attachment.is_text()) && (is_new || attachment.size <= *room);
            let content = if is_wanted {
                match files.read(attachment).await {
                    Err(error) if is_new => return Err(error),
                    // A file that was lost does not prevent later turns.
                    read => read.ok(),
                }
            } else {
                None
            };
            let Some(content) = content else {
                add_paragraph(&mut message.text, &format!("[File not included: {}]", attachment.name));
                continue;
            };
            *room -= attachment.size;
            if is_image {
                images.push(format!("data:{};base64,{}", attachment.media_type, STANDARD.encode(content)));
                if role == Role::Assistant {
                    add_paragraph(&mut message.text, &format!("[Image: {}]", attachment.name));
                }
            } else {
                add_paragraph(&mut message.text, &fenced(attachment, &String::from_utf8_lossy(&content)));
            }
        }
        match (role, messages.last_mut()) {
            (Role::Assistant, Some(PromptMessage { role: Role::User, images: next, .. })) => {
                next.splice(0..0, images);
            }
            _ => message.images = images,
        }
        messages.push(message);
    }
    messages.reverse();
    Ok(messages)
}

fn add_paragraph(text: &mut String, paragraph: &str) {
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str(paragraph);
}

/// Returns the name and the content of a text file, in a code block whose fence does not occur in the content.
fn fenced(attachment: &Attachment, content: &str) -> String {
    let longest = content.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(3.max(longest + 1));
    let end = if content.ends_with('\n') { "" } else { "\n" };
    format!("{}:\n{fence}\n{content}{end}{fence}", attachment.name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::files::tests::MemoryFiles;

    fn message(role: Role, content: &str, attachments: Vec<Attachment>) -> HistoryMessage {
        HistoryMessage { turn: 1, role, content: content.into(), attachments }
    }

    #[tokio::test]
    async fn adds_texts_in_fences_and_images_as_data_urls() {
        let mut files = MemoryFiles::default();
        let image = files.add("a.png", "image/png", b"\x89PNG");
        let text = files.add("a.md", "text/markdown", b"```\nx\n```");
        let history = vec![message(Role::User, "Look", vec![image, text])];

        let loaded = load(history, &files, true, 1000).await.unwrap();

        assert_eq!(loaded[0].text, "Look\n\na.md:\n````\n```\nx\n```\n````");
        assert_eq!(loaded[0].images, ["data:image/png;base64,iVBORw=="]);
    }

    #[tokio::test]
    async fn adds_the_images_of_an_answer_to_the_next_message() {
        let mut files = MemoryFiles::default();
        let answer = files.add("drawn.png", "image/png", b"\x89PNG");
        let user = files.add("photo.jpg", "image/jpeg", b"\xff\xd8\xff");
        let history = vec![
            message(Role::User, "Draw", Vec::new()),
            message(Role::Assistant, "Here", vec![answer]),
            message(Role::User, "Like this", vec![user]),
        ];

        let loaded = load(history, &files, true, 1000).await.unwrap();

        assert_eq!((loaded[1].text.as_str(), &loaded[1].images), ("Here\n\n[Image: drawn.png]", &Vec::new()));
        assert_eq!(loaded[2].images, ["data:image/png;base64,iVBORw==", "data:image/jpeg;base64,/9j/"]);
    }

    #[tokio::test]
    async fn mentions_what_is_left_out() {
        let mut files = MemoryFiles::default();
        let image = files.add("a.png", "image/png", b"\x89PNG");
        let old = files.add("old.txt", "text/plain", b"a long text");
        let new = files.add("new.txt", "text/plain", b"another long text\n");
        let history = vec![
            message(Role::User, "", vec![image, old]),
            message(Role::Assistant, "answer", Vec::new()),
            message(Role::User, "", vec![new]),
        ];

        let loaded = load(history, &files, false, 10).await.unwrap();

        let texts: Vec<&str> = loaded.iter().map(|message| message.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "[File not included: a.png]\n\n[File not included: old.txt]",
                "answer",
                "new.txt:\n```\nanother long text\n```",
            ]
        );
        assert!(loaded.iter().all(|message| message.images.is_empty()));
    }
}
