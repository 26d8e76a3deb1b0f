//! Steps during an attempt.

use banter_shared::chat::{Step, StepDetail, StepKind, StepStatus, TaskDetail, TaskStatus};
use serde_json::json;
use tokio::time::Instant;

use super::fixture::*;
use crate::agents::{StepUpdate, Update};

#[tokio::test]
async fn stores_steps_as_they_arrive_and_the_last_ones_with_the_outcome() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.step("plan", StepKind::Plan, StepStatus::Running, "A plan").await;
    call.step("a", StepKind::Tool, StepStatus::Running, "Read").await;
    f.steps(task_id, |steps| steps.len() == 2).await;
    call.step("a", StepKind::Tool, StepStatus::Succeeded, "Read").await;
    f.steps(task_id, |steps| steps[1].status == StepStatus::Succeeded).await;
    call.send(Update::Text("Done.".into())).await;
    call.step("plan", StepKind::Plan, StepStatus::Running, "A better plan").await;
    call.step("b", StepKind::Notice, StepStatus::Succeeded, "Goodbye").await;
    call.answer();

    let TaskDetail { task, steps } = f.ended(task_id, run).await;
    assert_eq!(task.status, TaskStatus::Succeeded);
    assert_eq!(
        shown(&steps),
        [
            (1, StepKind::Plan, StepStatus::Succeeded, "A better plan"),
            (2, StepKind::Tool, StepStatus::Succeeded, "Read"),
            (3, StepKind::Notice, StepStatus::Succeeded, "Goodbye"),
        ]
    );
}

#[tokio::test]
async fn records_where_in_the_answer_and_when_each_step_began() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.step("early", StepKind::Notice, StepStatus::Succeeded, "Loading").await;
    call.send(Update::Text("Grüße. ".into())).await;
    call.step("a", StepKind::Tool, StepStatus::Running, "Read").await;
    let live = f.steps(task_id, |steps| steps.len() == 2).await;
    call.send(Update::Text("Found it.".into())).await;
    call.step("a", StepKind::Tool, StepStatus::Succeeded, "Read").await;
    call.step("b", StepKind::Tool, StepStatus::Succeeded, "Edit").await;
    call.answer();

    let steps = f.ended(task_id, run).await.steps;
    let offsets: Vec<i64> = steps.iter().map(|step| step.text_offset).collect();
    assert_eq!(offsets, [0, "Grüße. ".len(), "Grüße. Found it.".len()].map(|bytes| i64::try_from(bytes).unwrap()));
    assert_eq!((live[1].text_offset, live[1].started_at), (steps[1].text_offset, steps[1].started_at));
    assert_eq!(live[1].ended_at, None);
    assert!(steps.iter().all(|step| step.started_at.unwrap() <= step.ended_at.unwrap()), "{steps:?}");
}

#[tokio::test]
async fn places_steps_at_the_start_of_the_answer_if_the_text_before_them_is_retracted() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;

    call.send(Update::Text("A thought".into())).await;
    call.step("a", StepKind::Notice, StepStatus::Succeeded, "Note").await;
    f.steps(task_id, |steps| steps.len() == 1).await;
    call.send(Update::Retract).await;
    call.send(Update::Text("Yes".into())).await;
    call.step("b", StepKind::Notice, StepStatus::Succeeded, "Note").await;
    call.answer();

    let steps = f.ended(task_id, run).await.steps;
    assert_eq!(steps.iter().map(|step| step.text_offset).collect::<Vec<_>>(), [0, 3]);
}

#[tokio::test]
async fn limits_the_writes_of_a_frequently_changing_step() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let begin = Instant::now();

    for count in 1..=2000 {
        call.step("t", StepKind::Thought, StepStatus::Running, &format!("Thought {count}")).await;
    }
    let steps = f.steps(task_id, |steps| steps.iter().any(|step| step.title == "Thought 2000")).await;

    let writes = u128::try_from(steps[0].revision).unwrap();
    assert!(writes <= begin.elapsed().as_millis() / 150 + 3, "{writes} writes in {:?}", begin.elapsed());
    call.answer();
    f.ended(task_id, run).await;
}

#[tokio::test]
async fn limits_the_steps_and_details_of_an_attempt() {
    let mut f = Fixture::new().await;
    let (task_id, call, run) = f.start().await;
    let step = |key: String, kind: StepKind, status: StepStatus, bytes: usize| {
        let (title, text) = (format!("Step {key}"), "x".repeat(bytes));
        let fields = if kind == StepKind::Tool { json!({"input": text}) } else { json!({"text": text}) };
        let detail = StepDetail::from_fields(kind, fields).unwrap();
        Update::Step(Box::new(StepUpdate {
            tool_call_id: Some(key.clone()),
            parent_tool_call_id: None,
            key,
            title,
            status,
            detail,
        }))
    };

    call.send(step("small".into(), StepKind::Tool, StepStatus::Running, 1000)).await;
    for number in 0..150 {
        call.send(step(format!("large {number}"), StepKind::Thought, StepStatus::Succeeded, 60_000)).await;
    }
    call.send(step("small".into(), StepKind::Tool, StepStatus::Succeeded, 60_000)).await;
    for number in 0..3000 {
        call.send(step(format!("many {number}"), StepKind::Notice, StepStatus::Succeeded, 10)).await;
    }
    call.send(step("late".into(), StepKind::Tool, StepStatus::Running, 60_000)).await;
    call.answer();

    let steps = f.ended(task_id, run).await.steps;
    let bytes: usize = steps.iter().map(|step| step.detail.json_bytes()).sum();
    assert!(
        steps.len() <= 2000 && (3 << 20..=4 << 20).contains(&(bytes - 20 * steps.len())),
        "{} {bytes}",
        steps.len()
    );
    let notices: Vec<&Step> = steps.iter().filter(|step| step.title.starts_with("Some steps were omitted")).collect();
    assert_eq!(notices.len(), 1, "there is exactly one notice");
    assert_eq!(notices[0].detail, StepDetail::notice("warning", ""));
    let of = |title: &str| steps.iter().find(|step| step.title == title).unwrap();
    let (small, large, late) = (of("Step small"), of("Step large 149"), of("Step late"));
    assert_eq!(
        (small.status, large.status, late.status),
        (StepStatus::Succeeded, StepStatus::Succeeded, StepStatus::Succeeded)
    );
    let kept = json!({"input": "x".repeat(1000), "is_truncated": true});
    assert_eq!(small.detail.to_value(), kept, "the earlier detail is kept");
    assert_eq!([large, late].map(|step| step.detail.to_value()), [(); 2].map(|()| json!({"is_truncated": true})));
    assert_eq!(
        steps.iter().map(|step| step.seq).collect::<Vec<_>>(),
        (1..=i64::try_from(steps.len()).unwrap()).collect::<Vec<_>>()
    );
}
