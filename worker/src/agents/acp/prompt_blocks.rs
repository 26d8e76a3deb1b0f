//! The content blocks of a prompt.
//!
//! Every file is placed in the work folder and linked. Agents that support it also receive images and short texts in
//! the prompt itself (<https://agentclientprotocol.com/protocol/content>).

use std::path::Path;

use agent_client_protocol::v1::schema::{
    ContentBlock, EmbeddedResource, EmbeddedResourceResource, ImageContent, ResourceLink, TextContent,
    TextResourceContents,
};
use banter_shared::chat::{Attachment, ErrorCode};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use reqwest::Url;

use super::agent_info::AgentInfo;
use crate::agents::{AgentError, Files, files::place, prompt::Block};

/// The maximum size of an image in a prompt, in bytes. Model providers reject larger ones, and some agents read each
/// message as a single line.
const MAX_IMAGE_BYTES: i64 = 5 * 1024 * 1024;
/// The maximum size of a text in a prompt, in bytes.
const MAX_TEXT_BYTES: i64 = 64 * 1024;

/// Creates the blocks of a prompt, and places its files in the work folder.
///
/// # Errors
/// Fails if a file cannot be read or written.
pub(super) async fn create(
    blocks: Vec<Block>,
    files: &dyn Files,
    work_folder: &Path,
    agent: &AgentInfo,
) -> Result<Vec<ContentBlock>, AgentError> {
    let mut created = Vec::with_capacity(blocks.len());
    for Block { text, attachments } in blocks {
        // A message may consist only of files.
        if !text.is_empty() || attachments.is_empty() {
            created.push(ContentBlock::Text(TextContent::new(text)));
        }
        for attachment in attachments {
            add_file(&mut created, &attachment, files, work_folder, agent).await?;
        }
    }
    Ok(created)
}

async fn add_file(
    blocks: &mut Vec<ContentBlock>,
    attachment: &Attachment,
    files: &dyn Files,
    work_folder: &Path,
    agent: &AgentInfo,
) -> Result<(), AgentError> {
    let path = place(files, attachment, work_folder).await?;
    let address = Url::from_file_path(&path)
        .map_err(|()| AgentError::new(ErrorCode::AgentError, "The agent's work folder has a relative path."))?;
    let media_type = attachment.media_type.clone();
    blocks.push(ContentBlock::ResourceLink(
        ResourceLink::new(attachment.name.clone(), address.to_string())
            .mime_type(media_type.clone())
            .size(attachment.size),
    ));
    if attachment.is_image() && agent.accepts_images && attachment.size <= MAX_IMAGE_BYTES {
        let data = STANDARD.encode(files.read(attachment).await?);
        blocks.push(ContentBlock::Image(ImageContent::new(data, media_type)));
    } else if attachment.is_text() && agent.accepts_resources && attachment.size <= MAX_TEXT_BYTES {
        let content = files.read(attachment).await?;
        let text = String::from_utf8_lossy(&content).into_owned();
        let resource = TextResourceContents::new(text, address.to_string()).mime_type(media_type);
        blocks.push(ContentBlock::Resource(EmbeddedResource::new(EmbeddedResourceResource::TextResourceContents(
            resource,
        ))));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::agents::files::tests::MemoryFiles;

    async fn create_for(agent: AgentInfo) -> (Vec<Value>, String) {
        let folder = tempfile::tempdir().unwrap();
        let mut files = MemoryFiles::default();
        let image = files.add("a b.png", "image/png", b"\x89PNG");
        let text = files.add("notes.txt", "text/plain", b"some notes");
        let other = files.add("x.pdf", "application/pdf", b"%PDF");
        let blocks = vec![
            Block { text: "earlier".into(), attachments: vec![other] },
            Block { text: String::new(), attachments: vec![image, text] },
        ];

        let created = create(blocks, &files, folder.path(), &agent).await.unwrap();

        assert_eq!(std::fs::read(folder.path().join("attachments/a b.png")).unwrap(), b"\x89PNG");
        let created = created.iter().map(|block| serde_json::to_value(block).unwrap()).collect();
        (created, Url::from_directory_path(folder.path()).unwrap().to_string())
    }

    fn link(name: &str, address: &str, media_type: &str, size: u64) -> Value {
        json!({"type": "resource_link", "name": name, "uri": address, "mimeType": media_type, "size": size})
    }

    #[tokio::test]
    async fn links_every_file() {
        let (blocks, folder) = create_for(AgentInfo::default()).await;

        let expected = [
            json!({"type": "text", "text": "earlier"}),
            link("x.pdf", &format!("{folder}attachments/x.pdf"), "application/pdf", 4),
            link("a b.png", &format!("{folder}attachments/a%20b.png"), "image/png", 4),
            link("notes.txt", &format!("{folder}attachments/notes.txt"), "text/plain", 10),
        ];
        assert_eq!(blocks, expected);
    }

    #[tokio::test]
    async fn embeds_what_the_agent_supports() {
        let agent = AgentInfo { accepts_images: true, accepts_resources: true, ..AgentInfo::default() };

        let (blocks, folder) = create_for(agent).await;

        assert_eq!(blocks[3], json!({"type": "image", "data": "iVBORw==", "mimeType": "image/png"}));
        let resource = json!({
            "uri": format!("{folder}attachments/notes.txt"), "text": "some notes", "mimeType": "text/plain",
        });
        assert_eq!(blocks[5], json!({"type": "resource", "resource": resource}));
        assert_eq!(blocks.len(), 6);
    }
}
