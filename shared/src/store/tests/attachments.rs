//! Tests for attachments and the files that they use.

use super::*;
use crate::{
    attachments::ContentInfo,
    chat::{AcceptedFiles, Attachment, FileName},
    id::{AttachmentId, FileId},
};

const MINUTE: Duration = Duration::from_mins(1);

fn content(text: &str) -> ContentInfo {
    let mut inspector = crate::attachments::Inspector::default();
    inspector.read(text.as_bytes());
    inspector.finish(&[])
}

/// Stores a file with this content and returns its attachment.
async fn upload(f: &Fixture, user: &UserRef, name: &str, text: &str) -> (Attachment, FileId) {
    let file_id = f.store.begin_file(&user.workspace_id).await.unwrap();
    let stored = f.store.store_attachment(user, &new(file_id, name, text)).await.unwrap();
    let (attachment, file) = f.store.find_attachment(user, stored.attachment.id).await.unwrap();
    assert_eq!(attachment, stored.attachment);
    (attachment, file)
}

fn new(file_id: FileId, name: &str, text: &str) -> NewAttachment {
    let name = FileName::parse(name).unwrap();
    NewAttachment { file_id, name, content: content(text), key: None, user_limit: None, lost: None }
}

fn message(ids: &[AttachmentId], accepted: AcceptedFiles) -> NewMessage {
    let content = Content::parse_with_attachments(String::new()).unwrap();
    NewMessage { attachments: ids.to_vec(), accepted, ..NewMessage::new(content, 3) }
}

async fn send(f: &Fixture, session: SessionId, ids: &[AttachmentId]) -> Result<SentMessage, StoreError> {
    Ok(f.store.post_message(&f.user, session, &message(ids, AcceptedFiles::ANY)).await?.value)
}

/// Deletes the files to collect, as the background work does. Returns them.
async fn collect(f: &Fixture) -> Vec<FileId> {
    let mut collected = Vec::new();
    loop {
        let files = f.store.collect_files().await.unwrap();
        if files.is_empty() {
            return collected;
        }
        for id in files {
            f.store.forget_file(id).await.unwrap();
            collected.push(id);
        }
    }
}

#[tokio::test]
async fn a_message_contains_its_attachments_wherever_it_is_read() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let (first, _) = upload(&f, &f.user, "b.txt", "one").await;
    let (second, _) = upload(&f, &f.user, "a.txt", "two").await;

    let sent = send(&f, session, &[second.id, first.id]).await.unwrap();

    let expected = vec![second, first];
    assert_eq!(sent.message.attachments, expected);
    let thread = f.store.get_thread(&f.user, session, 10).await.unwrap();
    assert_eq!(thread.messages[0].attachments, expected);
    assert_eq!(thread.session.title, "a.txt");
    assert_eq!(thread.session.last_message.unwrap().preview, "a.txt, b.txt");
    let claim = f.claim().await;
    let conversation = f.store.read_conversation(&claim, 1000).await.unwrap();
    assert_eq!(conversation.history[0].attachments, expected);
    assert_eq!(conversation.history[0].content, "");
}

#[tokio::test]
async fn an_attachment_is_sent_once_and_only_by_its_owner() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let other = UserRef { user_id: "other".into(), ..f.user.clone() };
    f.store.ensure_user(&other).await.unwrap();
    let (foreign, _) = upload(&f, &other, "a.txt", "one").await;
    let (sent, _) = upload(&f, &f.user, "a.txt", "one").await;
    let (own, _) = upload(&f, &f.user, "b.txt", "two").await;
    send(&f, session, &[sent.id]).await.unwrap();

    for ids in [&[own.id, foreign.id], &[own.id, sent.id], &[own.id, own.id], &[own.id, AttachmentId::generate()]] {
        let error = send(&f, session, ids).await.unwrap_err();
        assert!(matches!(error, StoreError::UnknownAttachment { index: 1 }), "{error:?}");
    }
    assert!(matches!(f.store.find_attachment(&f.user, foreign.id).await, Err(StoreError::NotFound)));
    assert!(matches!(f.store.delete_attachment(&f.user, foreign.id).await, Err(StoreError::NotFound)));
    assert!(matches!(f.store.delete_attachment(&f.user, sent.id).await, Err(StoreError::AttachmentSent)));
    send(&f, session, &[own.id]).await.unwrap();
}

#[tokio::test]
async fn a_file_that_the_agent_does_not_accept_is_named() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let (text, _) = upload(&f, &f.user, "a.txt", "text").await;
    let (other, _) = upload(&f, &f.user, "b.bin", "\0").await;
    let accepted = AcceptedFiles { images: true, text: true, other: false };

    let error = f.store.post_message(&f.user, session, &message(&[text.id, other.id], accepted)).await.unwrap_err();

    assert!(matches!(error, StoreError::AttachmentUnsupported { index: 1, ref name } if name == "b.bin"), "{error:?}");
    f.store.post_message(&f.user, session, &message(&[text.id], accepted)).await.unwrap();
}

#[tokio::test]
async fn a_content_is_stored_once_per_workspace_until_nothing_uses_it() {
    let f = Fixture::new().await;
    let (session, other_session) = (f.session().await, f.session().await);
    let (first, file) = upload(&f, &f.user, "a.txt", "same").await;
    let (second, same_file) = upload(&f, &f.user, "b.txt", "same").await;
    let elsewhere = UserRef { workspace_id: "elsewhere".into(), ..f.user.clone() };
    f.store.ensure_user(&elsewhere).await.unwrap();
    let (_, separate) = upload(&f, &elsewhere, "a.txt", "same").await;

    assert_eq!(file, same_file);
    assert_ne!(file, separate);
    assert_eq!(collect(&f).await.len(), 1, "the second copy");
    send(&f, session, &[first.id]).await.unwrap();
    send(&f, other_session, &[second.id]).await.unwrap();
    f.store.delete_session(&f.user, session).await.unwrap();
    assert_eq!(collect(&f).await, []);
    assert!(matches!(f.store.find_attachment(&f.user, first.id).await, Err(StoreError::NotFound)));

    f.store.delete_session(&f.user, other_session).await.unwrap();

    assert_eq!(collect(&f).await, [file]);
    let (_, again) = upload(&f, &f.user, "a.txt", "same").await;
    assert_ne!(again, file, "a deleted file is never used again");
}

#[tokio::test]
async fn a_file_that_is_being_deleted_is_not_used() {
    let f = Fixture::new().await;
    let (attachment, file) = upload(&f, &f.user, "a.txt", "same").await;
    f.store.delete_attachment(&f.user, attachment.id).await.unwrap();
    assert_eq!(f.store.collect_files().await.unwrap(), [file]);

    let (_, fresh) = upload(&f, &f.user, "a.txt", "same").await;

    assert_ne!(fresh, file);
    // The process that was deleting the object crashed, so it is deleted again.
    assert_eq!(collect(&f).await, [file]);
    assert_eq!(collect(&f).await, []);
}

#[tokio::test]
async fn unsent_attachments_and_abandoned_files_are_collected() {
    let f = Fixture::new().await;
    let (_, unsent) = upload(&f, &f.user, "a.txt", "unsent").await;
    let (sent, _) = upload(&f, &f.user, "b.txt", "sent").await;
    send(&f, f.session().await, &[sent.id]).await.unwrap();
    let abandoned = f.store.begin_file("default").await.unwrap();
    let active = f.store.begin_file("default").await.unwrap();

    f.clock.advance(MINUTE);
    f.store.touch_file(active).await.unwrap();
    f.clock.advance(Duration::from_secs(1));
    assert_eq!(collect(&f).await, [abandoned]);
    let expired = f.store.touch_file(abandoned).await.unwrap_err();
    assert!(matches!(expired, StoreError::UploadExpired), "{expired:?}");
    let late = f.store.store_attachment(&f.user, &new(abandoned, "c.txt", "late")).await.unwrap_err();
    assert!(matches!(late, StoreError::UploadExpired), "{late:?}");
    f.store.store_attachment(&f.user, &new(active, "d.txt", "active")).await.unwrap();

    f.clock.advance(25 * 60 * MINUTE);
    let collected = collect(&f).await;
    assert_eq!(collected.len(), 2);
    assert!(collected.contains(&unsent) && collected.contains(&active));
    f.store.find_attachment(&f.user, sent.id).await.unwrap();
}

#[tokio::test]
async fn a_repeated_upload_returns_the_same_attachment() {
    let f = Fixture::new().await;
    let upload = async |name: &str, text: &str| {
        let file_id = f.store.begin_file("default").await.unwrap();
        let upload = NewAttachment { key: Some("k".into()), ..new(file_id, name, text) };
        f.store.store_attachment(&f.user, &upload).await.map(|stored| stored.attachment)
    };

    let first = upload("a.txt", "one").await.unwrap();

    assert_eq!(upload("a.txt", "one").await.unwrap(), first);
    for (name, text) in [("a.txt", "two"), ("b.txt", "one")] {
        let error = upload(name, text).await.unwrap_err();
        assert!(matches!(error, StoreError::IdempotencyMismatch), "{error:?}");
    }
}

#[tokio::test]
async fn the_total_size_of_a_users_files_is_limited() {
    let f = Fixture::new().await;
    let upload = async |text: &str| {
        let file_id = f.store.begin_file("default").await.unwrap();
        let upload = NewAttachment { user_limit: Some(10), ..new(file_id, "a.txt", text) };
        f.store.store_attachment(&f.user, &upload).await
    };

    upload("12345").await.unwrap();
    let error = upload("123456").await.unwrap_err();
    assert!(matches!(error, StoreError::StorageLimit { limit: 10 }), "{error:?}");
    upload("12345").await.unwrap();
}

#[tokio::test]
async fn a_new_file_replaces_a_lost_one_in_all_attachments() {
    let f = Fixture::new().await;
    let (first, lost) = upload(&f, &f.user, "a.txt", "same").await;
    let file_id = f.store.begin_file(&f.user.workspace_id).await.unwrap();

    let again = NewAttachment { lost: Some(lost), ..new(file_id, "b.txt", "same") };
    let stored = f.store.store_attachment(&f.user, &again).await.unwrap();

    assert_eq!(stored.unneeded, None);
    for id in [first.id, stored.attachment.id] {
        assert_eq!(f.store.find_attachment(&f.user, id).await.unwrap().1, file_id);
    }
    assert_eq!(collect(&f).await, [lost]);
    let found = f.store.find_file(&f.user.workspace_id, &first.sha256).await.unwrap().unwrap();
    assert_eq!(found.id, file_id);
    assert_eq!(f.store.list_stored_files(None).await.unwrap(), [found]);
    assert_eq!(f.store.list_still_stored(&[lost, file_id]).await.unwrap(), [file_id]);
}
