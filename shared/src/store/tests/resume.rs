//! Tests for resuming agent sessions.

use super::*;

#[tokio::test]
async fn resumes_an_agent_session_only_after_an_answer_or_a_stop() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let known = |id: &str, turn| Some(ResumePoint { session: own(id), turn });
    let resume = async |claim: &Claim| f.store.read_conversation(claim, usize::MAX).await.unwrap().resume;
    let mut turn = 0;
    let mut next = async |finish: AttemptEnd| {
        f.post(session, "Hello").await;
        let claim = f.claim().await;
        turn += 1;
        assert_eq!(claim.turn, turn);
        let before = resume(&claim).await;
        f.end(&claim, finish).await;
        before
    };

    let stopped = |id: Option<&str>| AttemptEnd::Stopped { text: "x".into(), resume: id.map(own) };

    assert_eq!(next(answered("a")).await, None);
    assert_eq!(next(stopped(Some("b"))).await, known("a", 1));
    assert_eq!(next(failed(ErrorCode::AgentRefused)).await, known("b", 2));
    assert_eq!(next(answered("c")).await, None);
    assert_eq!(next(stopped(None)).await, known("c", 4));
    assert_eq!(next(answered("d")).await, None);
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn does_not_resume_after_a_takeover_a_shutdown_or_an_ignored_stop() {
    let f = Fixture::new().await;
    for end in [AttemptEnd::WorkerLost, AttemptEnd::HandedBack { text: String::new() }] {
        let session = f.session().await;
        f.post(session, "one").await;
        f.end(&f.claim().await, answered("a")).await;
        f.post(session, "two").await;
        f.end(&f.claim().await, end).await;

        let again = f.claim().await;

        assert_eq!(f.store.read_conversation(&again, usize::MAX).await.unwrap().resume, None);
        f.end(&again, answered("b")).await;
        let id = f.post(session, "three").await.task.id;
        f.claim().await;
        f.store.cancel_task(&f.user, session, id).await.unwrap();
        f.store.end_ignored_stop(id).await.unwrap();
        f.post(session, "four").await;
        let after_stop = f.claim().await;
        assert_eq!(f.store.read_conversation(&after_stop, usize::MAX).await.unwrap().resume, None);
        f.end(&after_stop, answered("c")).await;
    }
}

#[tokio::test]
async fn a_retried_turn_does_not_resume_a_session_with_later_turns() {
    let f = Fixture::new().await;
    let session = f.session().await;
    let first = f.post(session, "one").await.task.id;
    f.end(&f.claim().await, failed(ErrorCode::AgentRefused)).await;
    f.post(session, "two").await;
    f.end(&f.claim().await, answered("contains two")).await;

    f.store.retry_task(&f.user, session, first).await.unwrap();

    let again = f.claim().await;
    assert_eq!((again.turn, f.store.read_conversation(&again, usize::MAX).await.unwrap().resume), (1, None));
    f.end(&again, answered("contains one")).await;
    f.post(session, "three").await;
    let third = f.store.read_conversation(&f.claim().await, usize::MAX).await.unwrap();
    assert_eq!(third.resume, Some(ResumePoint { session: own("contains one"), turn: 1 }));
    assert_eq!(third.history.iter().map(|message| message.turn).collect::<Vec<_>>(), [1, 1, 2, 2, 3]);
}
