//! Tests for permission requests and their answers.

use serde_json::{Value, json};

use super::{steps::permission, *};
use crate::{
    chat::{
        DecidedBy, PermissionAnswer, PermissionDecision, PermissionDetail, PermissionKind, PermissionOption,
        PermissionOutcome, StepDetail, StepKind, StepStatus,
    },
    id::PermissionId,
};

#[tokio::test]
async fn answers_a_permission_request_once() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    f.write(&claim, &[permission(1, "a", id)]).await.unwrap();
    assert_eq!(f.store.find_permission_outcome(id).await.unwrap(), None);

    f.permit(&claim, id, PermissionDecision::Allow).await.unwrap();

    let allowed = PermissionOutcome {
        decision: PermissionDecision::Allow,
        chosen: Some("once".into()),
        decided_by: DecidedBy::User,
    };
    assert_eq!(f.store.find_permission_outcome(id).await.unwrap(), Some(allowed.clone()));
    let again = f.permit(&claim, id, PermissionDecision::Reject).await;
    assert!(matches!(again, Err(StoreError::PermissionAnswered)));
    // Neither the time limit nor a repeated write of the step reverses the answer.
    assert_eq!(f.store.close_permission(&f.user, id, DecidedBy::TimeLimit).await.unwrap().value, allowed);
    f.write(&claim, &[permission(1, "a", id)]).await.unwrap();
    assert_eq!(f.statuses(&claim).await, [(StepKind::Permission, StepStatus::Succeeded)]);
    let stranger = UserRef { user_id: "bob".into(), ..f.user.clone() };
    let theirs = f
        .store
        .answer_permission(
            &stranger,
            claim.session_id,
            claim.task_id,
            id,
            &PermissionAnswer::Decision(PermissionDecision::Allow),
        )
        .await;
    assert!(matches!(theirs, Err(StoreError::NotFound)));
    let unknown = f.permit(&claim, PermissionId::generate(), PermissionDecision::Allow).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
}

#[tokio::test]
async fn rejects_an_answer_to_an_expired_permission_request() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let (late, open) = (PermissionId::generate(), PermissionId::generate());
    f.write(&claim, &[permission(1, "a", late), permission(2, "b", open)]).await.unwrap();

    let given_up = f.store.close_permission(&f.user, late, DecidedBy::TimeLimit).await.unwrap().value;

    assert_eq!(given_up.decided_by, DecidedBy::TimeLimit);
    let answer = f.permit(&claim, late, PermissionDecision::Allow).await;
    assert!(matches!(answer, Err(StoreError::PermissionExpired)));
    f.end(&claim, AttemptEnd::HandedBack { text: String::new() }).await;
    let answer = f.permit(&claim, open, PermissionDecision::Allow).await;
    assert!(matches!(answer, Err(StoreError::PermissionExpired)), "the attempt has ended");
    let again = f.claim().await;
    for past in [late, open] {
        assert!(f.store.has_permission(claim.task_id, past).await.unwrap());
        let answer = f.permit(&claim, past, PermissionDecision::Allow).await;
        assert!(matches!(answer, Err(StoreError::PermissionExpired)), "the request belongs to an earlier attempt");
    }
    let fresh = PermissionId::generate();
    f.write(&again, &[permission(1, "b", fresh)]).await.unwrap();
    f.end(&again, answered("r")).await;
    for ended in [open, fresh] {
        let answer = f.permit(&claim, ended, PermissionDecision::Allow).await;
        assert!(matches!(answer, Err(StoreError::TaskEnded)));
    }
    let other = f.running().await;
    assert!(!f.store.has_permission(other.task_id, open).await.unwrap(), "the request belongs to another task");
    let answer = f.permit(&other, open, PermissionDecision::Allow).await;
    assert!(matches!(answer, Err(StoreError::NotFound)));
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn rejects_an_answer_without_a_matching_option() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    let option = |id: &str| PermissionOption {
        option_id: id.into(),
        name: format!("Use {id}"),
        kind: PermissionKind::AllowOnce,
    };
    let detail = PermissionDetail::pending(
        id,
        vec![option("sqlite"), option("postgresql")],
        Some("2026-01-31T12:01:00Z".parse().unwrap()),
    );
    let step = StepState { detail: StepDetail::Permission(detail.clone()), ..permission(1, "a", id) };
    f.write(&claim, &[step]).await.unwrap();

    let unknown = f.permit_with(&claim, id, PermissionAnswer::Option("mysql".into())).await;
    let unclear = f.permit(&claim, id, PermissionDecision::Allow).await;

    let both = ["sqlite", "postgresql"];
    assert!(matches!(unknown, Err(StoreError::PermissionOptionUnknown { offered }) if offered == both));
    assert!(matches!(unclear, Err(StoreError::PermissionOptionRequired { offered }) if offered == both));
    assert_eq!(f.store.find_permission_outcome(id).await.unwrap(), None, "an invalid answer was stored");
    f.permit_with(&claim, id, PermissionAnswer::Option("postgresql".into())).await.unwrap();
    let step = &f.steps(&claim).await[0];
    let fields = step.detail.to_value();
    assert_eq!((step.status, &fields["chosen"]), (StepStatus::Succeeded, &json!("postgresql")));
    assert_eq!(fields["options"], serde_json::to_value(&detail.options).unwrap());
}

#[tokio::test]
async fn stores_a_request_without_expiry_as_the_previous_version_can_read_it() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    let detail = PermissionDetail::pending(id, Vec::new(), None);
    let step = StepState { detail: StepDetail::Permission(detail), ..permission(1, "a", id) };

    f.write(&claim, &[step]).await.unwrap();

    let mut connection = f.store.connect().await.unwrap();
    let stored: String = sqlx::query_scalar("SELECT detail FROM task_step").fetch_one(&mut connection).await.unwrap();
    let stored: Value = serde_json::from_str(&stored).unwrap();
    assert!(stored["expires_at"].as_str().unwrap().parse::<Timestamp>().is_ok(), "{stored}");
    assert_eq!(f.steps(&claim).await[0].detail.to_value()["expires_at"], Value::Null);
    f.permit(&claim, id, PermissionDecision::Reject).await.unwrap();
    let step = &f.steps(&claim).await[0];
    assert!(step.ended_at.is_some() && step.detail.to_value()["expires_at"] == Value::Null);
}

#[tokio::test]
async fn reads_and_answers_a_request_from_the_previous_version() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    let options = json!([{"decision": "reject", "name": "No"}, {"decision": "allow", "name": "Yes"}]);
    let detail = json!({"request_id": id, "options": options, "expires_at": "2026-01-31T12:01:00.000Z"});
    f.write(&claim, &[permission(1, "a", id)]).await.unwrap();
    sqlx::query("UPDATE task_step SET detail = $1")
        .bind(detail.to_string())
        .execute(&mut f.store.connect().await.unwrap())
        .await
        .unwrap();
    let shown = json!([
        {"option_id": "reject_once", "name": "No", "kind": "reject_once"},
        {"option_id": "allow_once", "name": "Yes", "kind": "allow_once"},
    ]);
    assert_eq!(f.steps(&claim).await[0].detail.to_value()["options"], shown);

    f.permit(&claim, id, PermissionDecision::Allow).await.unwrap();

    let step = &f.steps(&claim).await[0];
    let fields = step.detail.to_value();
    assert_eq!((step.status, &fields["options"]), (StepStatus::Succeeded, &shown));
    assert_eq!(json!([fields["decision"], fields["decided_by"]]), json!(["allow", "user"]));
    // A worker running the previous version reads the options in the older format.
    let mut connection = f.store.connect().await.unwrap();
    let stored: String = sqlx::query_scalar("SELECT detail FROM task_step").fetch_one(&mut connection).await.unwrap();
    assert_eq!(serde_json::from_str::<Value>(&stored).unwrap()["options"], options);
    f.end(&claim, answered("r")).await;
    assert_eq!(f.findings().await, [""; 0]);
}

#[tokio::test]
async fn a_fork_has_its_own_permission_requests() {
    let f = Fixture::new().await;
    let claim = f.running().await;
    let id = PermissionId::generate();
    f.write(&claim, &[permission(1, "a", id)]).await.unwrap();
    f.permit(&claim, id, PermissionDecision::Allow).await.unwrap();
    f.answer(&claim, "done").await.unwrap();

    let fork = f.store.fork_session(&f.user, claim.session_id, &NewFork::default(), None).await.unwrap().value;

    assert_eq!(f.findings().await, Vec::<&str>::new());
    let message = f.store.list_messages(&f.user, fork.id, TurnBound::Newest, 1).await.unwrap().items.remove(0);
    let steps = f.store.find_task(fork.id, message.task_id).await.unwrap().unwrap().steps;
    assert_ne!(steps[0].detail.permission_id(), Some(id));
}
