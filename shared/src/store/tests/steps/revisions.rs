//! Tests for step revisions and for pages of steps.

use super::*;

#[tokio::test]
async fn every_change_to_a_step_has_a_higher_revision() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let start = f.store.tail_position().await.unwrap();
    f.write(&claim, &[step(1, StepKind::Thought, StepStatus::Running), tool(2, "a", StepStatus::Pending)])
        .await
        .unwrap();

    let first = f.store.read_tail(start, TailScope::ALL, |_| true).await.unwrap();
    f.write(&claim, &[StepState { title: "Thought".into(), ..step(1, StepKind::Thought, StepStatus::Succeeded) }])
        .await
        .unwrap();
    let second = f.store.read_tail(first.position, TailScope::ALL, |_| true).await.unwrap();
    let third = f.store.read_tail(second.position, TailScope::ALL, |_| true).await.unwrap();

    assert_eq!(first.steps.iter().map(|row| row.step.seq).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(second.steps.len(), 1);
    let row = &second.steps[0];
    assert_eq!((row.session_id, row.task_id, row.attempt), (claim.session_id, claim.task_id, 1));
    assert_eq!((row.step.seq, row.step.title.as_str(), row.step.status), (1, "Thought", StepStatus::Succeeded));
    assert!(row.step.revision > first.steps[1].step.revision);
    assert!(third.steps.is_empty() && !third.has_more);
    assert_eq!(f.steps(&claim).await, [row.step.clone(), first.steps[1].step.clone()]);
}

#[tokio::test]
async fn never_reuses_a_revision_after_steps_were_removed() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    f.write(&claim, &[step(1, StepKind::Notice, StepStatus::Succeeded)]).await.unwrap();
    let before = f.steps(&claim).await[0].revision;
    f.store.delete_session(&f.user, claim.session_id).await.unwrap();

    let other = f.running().await;
    f.write(&other, &[step(1, StepKind::Notice, StepStatus::Succeeded)]).await.unwrap();

    assert!(f.steps(&other).await[0].revision > before);
}

#[tokio::test]
async fn reads_a_burst_of_steps_in_pages() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let mut position = f.store.tail_position().await.unwrap();
    let steps: Vec<StepState> = (1..=150).map(|seq| step(seq, StepKind::Notice, StepStatus::Succeeded)).collect();
    f.write(&claim, &steps).await.unwrap();

    let mut seen = Vec::new();
    loop {
        let tail = f.store.read_tail(position, TailScope::ALL, |_| true).await.unwrap();
        seen.extend(tail.steps.iter().map(|row| row.step.seq));
        position = tail.position;
        if !tail.has_more {
            break;
        }
    }

    assert_eq!(seen, (1..=150).collect::<Vec<_>>());
}

#[tokio::test]
async fn reads_many_steps_page_by_page() {
    const COUNT: i64 = 40;
    let f = Fixture::new().await;
    let claim = f.running().await;
    for seq in 1..=COUNT {
        f.write(&claim, &[step(seq, StepKind::Tool, StepStatus::Running)]).await.unwrap();
    }
    let log_id = f.store.start_replay(&f.user, None).await.unwrap().user_log_id;

    let (mut seqs, mut after, mut partials) = (Vec::new(), None, 0);
    loop {
        let part = f.store.read_running(claim.task_id, claim.attempt, after).await.unwrap().unwrap();
        partials += i32::from(part.partial.is_some());
        seqs.extend(part.steps.iter().map(|step| step.seq));
        after = seqs.last().copied();
        if !part.has_more {
            break;
        }
    }
    f.end(&claim, answered("r")).await;
    let (mut closed, mut revision) = (Vec::new(), 0);
    loop {
        let state = f.store.read_log(log_id, 0, 1000, None, Some(revision)).await.unwrap().state.unwrap();
        closed.extend(state.closed_steps.iter().map(|row| row.step.seq));
        revision = state.step_revision;
        if !state.has_more {
            break;
        }
    }

    assert_eq!((seqs, partials), ((1..=COUNT).collect::<Vec<_>>(), 1));
    closed.sort_unstable();
    assert_eq!(closed, (1..=COUNT).collect::<Vec<_>>());
}
