//! Permission requests that the policy answers.

use serde_json::json;

use super::Faked;

#[tokio::test]
async fn the_policy_selects_a_one_time_option_and_never_a_permanent_one() {
    for (policy, expected) in [
        ("permission = 'allow'", "outcome: selected allow_once"),
        ("permission = 'reject'", "outcome: selected reject_once"),
        ("", "outcome: selected reject_once"),
    ] {
        let faked = Faked::start("", policy, |builder| builder).await;

        let asked = faked.ask("ask").await;

        assert_eq!(asked["reply"]["content"], expected, "{policy}");
    }
    let faked = Faked::start("", "permission = 'reject'", |builder| builder).await;
    let cancelled = faked.ask("ask allow_always reject_always").await;
    assert_eq!(cancelled["reply"]["content"], "outcome: cancelled", "a permanent option is not selected");
}

#[tokio::test]
async fn cancels_a_request_without_options() {
    for policy in ["ask", "allow", "reject"] {
        let faked = Faked::start("", &format!("permission = '{policy}'"), |builder| builder).await;
        let session = faked.client.create_session("fake").await;

        let asked = faked.client.ask(&session, "choose []").await;

        assert_eq!(asked["reply"]["content"], "outcome: cancelled", "{asked}");
        let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
        assert_eq!(
            json!([task["steps"][0]["kind"], task["steps"][0]["status"]]),
            json!(["tool", "rejected"]),
            "{task}"
        );
    }
}
