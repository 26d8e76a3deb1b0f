//! Tests for the conversation that an attempt receives.

use super::*;

/// Adds turns whose texts have these lengths, as (user, answer); a turn without an answer fails.
async fn add_turns(f: &Fixture, session: SessionId, turns: &[(usize, Option<usize>)]) {
    for &(user, answer) in turns {
        f.post(session, &"u".repeat(user)).await;
        let claim = f.claim().await;
        match answer {
            Some(bytes) => {
                f.answer(&claim, &"a".repeat(bytes)).await.unwrap();
            }
            None => {
                f.fail(&claim, ErrorCode::AgentAuth, "").await;
            }
        }
    }
}

/// Reads the conversation, as (turn, role, length).
async fn read(f: &Fixture, claim: &Claim, bytes: usize) -> Vec<(i64, Role, usize)> {
    let history = f.store.read_conversation(claim, bytes).await.unwrap().history;
    history.into_iter().map(|message| (message.turn, message.role, message.content.len())).collect()
}

#[tokio::test]
async fn reads_backward_until_the_limit_is_exceeded() {
    let f = Fixture::new().await;
    let session = f.session().await;
    add_turns(&f, session, &[(3, Some(4)), (5, None), (6, Some(7))]).await;
    f.post(session, "12").await;
    let claim = f.claim().await;
    let all = [
        (1, Role::User, 3),
        (1, Role::Assistant, 4),
        (2, Role::User, 5),
        (3, Role::User, 6),
        (3, Role::Assistant, 7),
        (4, Role::User, 2),
    ];

    for (bytes, first) in
        [(0, 4), (1, 4), (2, 4), (8, 4), (9, 3), (14, 3), (15, 2), (20, 1), (23, 1), (24, 0), (27, 0), (usize::MAX, 0)]
    {
        assert_eq!(read(&f, &claim, bytes).await, all[first..], "{bytes}");
    }
}

#[tokio::test]
async fn reads_a_long_conversation() {
    let f = Fixture::new().await;
    let session = f.session().await;
    add_turns(&f, session, &[(1, None)]).await;
    add_turns(&f, session, &[(1, Some(1)); 300]).await;
    f.post(session, "1").await;
    let claim = f.claim().await;

    assert_eq!(read(&f, &claim, 1000).await.len(), 602);
    for bytes in [100, 254, 255, 256, 257, 258, 509, 510, 511, 512, 600] {
        let history = read(&f, &claim, bytes).await;
        assert_eq!(history.len(), bytes + 1, "one message more than the limit allows");
        assert_eq!(history.last(), Some(&(302, Role::User, 1)));
    }
}

#[tokio::test]
async fn omits_later_turns_and_the_previous_answer_of_a_retried_turn() {
    let f = Fixture::new().await;
    let session = f.session().await;
    add_turns(&f, session, &[(1, Some(1))]).await;
    let retried = f.post(session, "22").await.task.id;
    let claim = f.claim().await;
    f.fail(&claim, ErrorCode::AgentAuth, &"p".repeat(2000)).await;
    add_turns(&f, session, &[(3, Some(3))]).await;

    f.store.retry_task(&f.user, session, retried).await.unwrap();

    let claim = f.claim().await;
    assert_eq!(read(&f, &claim, 1000).await, [(1, Role::User, 1), (1, Role::Assistant, 1), (2, Role::User, 2)]);
}

#[tokio::test]
async fn reads_every_character() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let text = "\0 \u{1}\t\r\n\"\\/'\u{7f}é\u{2028}\u{fffe}👩‍💻 \\u0000 {\"a\": [1]}";
    f.post(session, text).await;

    let history = f.store.read_conversation(&f.claim().await, 1000).await.unwrap().history;

    assert_eq!(history.last().unwrap().content, text);
}
