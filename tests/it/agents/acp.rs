//! Turns with an agent that uses the Agent Client Protocol.

use banter_tests::wait::eventually;
use serde_json::{Value, json};

use super::Faked;

#[tokio::test]
async fn keeps_a_conversation_in_one_agent_session_and_process() {
    let faked = Faked::start("--modes", "mode = 'default'\nmodel = 'large'", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let first = faked.client.ask(&session, "hello").await;
    let process = faked.client.ask(&session, "process").await;
    let again = faked.client.ask(&session, "process").await;

    assert_eq!(first["reply"]["content"], "You said: hello");
    assert_eq!(
        json!([first["reply"]["finish_reason"], first["task"]["usage"]]),
        json!(["stop", {"input_tokens": 3, "output_tokens": 4}])
    );
    assert_eq!(process["reply"]["content"], again["reply"]["content"], "the same process");
    let prompt = "session/prompt";
    assert_eq!(
        faked.fake.methods("fake"),
        ["initialize", "session/new", "session/set_mode", "session/set_config_option", prompt, prompt, prompt]
    );
    let received = faked.fake.received("fake");
    let capabilities = &received[0]["params"]["clientCapabilities"];
    assert_eq!(received[0]["params"]["protocolVersion"], 1);
    assert_eq!(capabilities["fs"], json!({"readTextFile": false, "writeTextFile": false}), "{capabilities}");
    assert_eq!(capabilities["terminal"], false);
    let folder = received[1]["params"]["cwd"].as_str().unwrap();
    assert!(folder.starts_with('/') && folder.ends_with(&session), "{folder}");
    assert_eq!(json!([received[2]["params"]["modeId"], received[3]["params"]["value"]]), json!(["default", "large"]));
    assert_eq!(received[4]["params"]["prompt"], json!([{"type": "text", "text": "hello"}]));
}

#[tokio::test]
async fn ignores_updates_that_do_not_belong_to_the_answer() {
    let faked = Faked::start("", "", |builder| builder).await;

    let asked = faked.ask("noise").await;

    assert_eq!(asked["reply"]["content"], "one two three", "{asked}");
    assert_eq!(asked["task"]["status"], "succeeded");
}

#[tokio::test]
async fn ignores_updates_long_after_the_result() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let first = faked.client.ask(&session, "late").await;
    eventually("the late update", async || faked.fake.methods("fake").contains(&"(late)".to_owned()).then_some(()))
        .await;
    let second = faked.client.ask(&session, "hello").await;

    assert_eq!(first["reply"]["content"], "in time");
    assert_eq!(second["reply"]["content"], "You said: hello");
    assert_eq!(faked.client.chat(&session).await["messages"][1]["content"], "in time");
}

#[tokio::test]
async fn updates_after_the_result_of_a_stopped_turn_are_not_in_the_next_answer() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let stopped = faked.client.send(&session, "stop_late 0.15").await;
    eventually("the prompt", async || faked.fake.methods("fake").contains(&"session/prompt".to_owned()).then_some(()))
        .await;

    // This turn is already queued when the running turn is cancelled, so that it starts as early as possible.
    let queued = faked.client.send(&session, "hello").await;
    faked.client.cancel(&session, &stopped.task_id).await.ok(202);
    faked.client.wait_for_status(&session, &queued.task_id, "succeeded").await;

    let chat = faked.client.chat(&session).await;
    let last = chat["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(json!([last["role"], last["content"]]), json!(["assistant", "You said: hello"]));
    assert!(faked.fake.methods("fake").contains(&"(late)".to_owned()), "the agent had sent its late text");
}

#[tokio::test]
async fn reports_stop_reasons() {
    let faked = Faked::start("", "", |builder| builder).await;

    for (reason, expected) in
        [("refusal", "refusal"), ("max_tokens", "length"), ("max_turn_requests", "length"), ("something_new", "stop")]
    {
        let asked = faked.ask(&format!("reason {reason}")).await;
        let reply = &asked["reply"];
        let found = json!([asked["task"]["status"], reply["finish_reason"], reply["content"]]);
        assert_eq!(found, json!(["succeeded", expected, "so far"]), "{reason}");
    }
}

#[tokio::test]
async fn a_tool_without_a_status_runs_until_the_end_of_its_turn() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "tool_without_status").await;

    let tool = eventually("the tool", async || {
        let task = faked.client.task(&session, &sent.task_id).await;
        task["steps"].as_array()?.first().cloned()
    })
    .await;

    assert_eq!(json!([tool["kind"], tool["title"], tool["status"]]), json!(["tool", "Untold", "running"]));
    faked.client.cancel(&session, &sent.task_id).await.ok(202);
    let ended = faked.client.wait_for_status(&session, &sent.task_id, "cancelled").await;
    assert_eq!(ended["steps"][0]["status"], "failed");
}

#[tokio::test]
async fn shows_tools_thoughts_and_plans_as_steps() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "tools").await;

    assert_eq!(asked["reply"]["content"], "before\n\nafter");
    let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
    let steps = task["steps"].as_array().unwrap();
    let outline: Vec<Value> = steps
        .iter()
        .map(|step| json!([step["seq"], step["kind"], step["tool_call_id"], step["title"], step["status"]]))
        .collect();
    assert_eq!(
        json!(outline),
        json!([
            [1, "tool", "a", "First again", "succeeded"],
            [2, "tool", "b", "Second", "failed"],
            [3, "thought", null, "Thought", "succeeded"],
            [4, "plan", null, "Plan", "succeeded"],
        ])
    );
    let first = &steps[0]["detail"];
    assert_eq!(
        json!([first["tool_kind"], first["input"], first["output"]]),
        json!(["read", {"path": "x"}, "output a"])
    );
    let second = &steps[1]["detail"];
    assert_eq!(second["is_truncated"], true);
    assert!(second["output"].as_str().unwrap().len() <= 64 * 1024);
    assert_eq!(steps[2]["detail"]["text"], "Hm, so.");
    assert_eq!(steps[3]["detail"]["entries"][0]["content"], "Do it");
}

#[tokio::test]
async fn shows_terminal_output_as_the_output_of_its_tool() {
    let faked = Faked::start("", "", |builder| builder).await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "terminal_tool").await;

    let task = faked.client.task(&session, asked["task"]["id"].as_str().unwrap()).await;
    let tool = &task["steps"][0];
    assert_eq!(json!([tool["status"], tool["detail"]["output"]]), json!(["succeeded", "one\ntwo\n"]), "{task}");
}

#[tokio::test]
async fn restricts_the_environment_of_an_agent() {
    let faked = Faked::start("", "secrets = ['FAKE_SECRET']", |builder| {
        builder.env("FAKE_SECRET", "s3cret").env("OTHER_SECRET", "x")
    })
    .await;
    let session = faked.client.create_session("fake").await;

    let asked = faked.client.ask(&session, "environment").await;

    let seen: Value = serde_json::from_str(asked["reply"]["content"].as_str().unwrap()).unwrap();
    let mut names: Vec<&String> = seen["env"].as_object().unwrap().keys().collect();
    names.retain(|name| !["LC_CTYPE", "PWD", "SHLVL", "_"].contains(&name.as_str()));
    names.sort();
    assert_eq!(names, ["FAKE_LOG", "FAKE_SECRET", "HOME", "LANG", "PATH", "TERM", "TMPDIR"]);
    let data = faked.app.folder().join("data").canonicalize().unwrap();
    assert_eq!(seen["cwd"], data.join("work").join(&session).display().to_string());
    assert_eq!(seen["env"]["HOME"], data.join("agents/fake/home").display().to_string());
    assert_eq!(json!([seen["env"]["TERM"], seen["env"]["FAKE_SECRET"]]), json!(["dumb", "s3cret"]));
    assert_eq!(json!([seen["mode"], seen["home_mode"], seen["core"]]), json!(["0o700", "0o700", 0]));
    assert_eq!(seen["address_space"], -1, "address space is not limited, because some programs reserve a lot of it");
}

#[tokio::test]
async fn removes_characters_that_cannot_be_stored() {
    let faked = Faked::start("", "permission = 'ask'\nmax_attempts = 1", |builder| builder).await;
    let session = faked.client.create_session("fake").await;
    let sent = faked.client.send(&session, "nul").await;
    let request = eventually("the request", async || {
        let task = faked.client.task(&session, &sent.task_id).await;
        let steps = task["steps"].as_array()?.clone();
        steps.into_iter().find(|step| step["kind"] == "permission")
    })
    .await;
    let detail = &request["detail"];
    assert_eq!(json!([request["title"], detail["options"][0]["name"]]), json!(["wx", "st"]));
    let path =
        format!("/v1/chat/{session}/tasks/{}/permissions/{}", sent.task_id, detail["request_id"].as_str().unwrap());
    faked.client.post(&path, &json!({"decision": "allow"})).await.ok_status(204);

    let ended = faked.client.wait_for_status(&session, &sent.task_id, "failed").await;

    assert_eq!(json!([ended["error"]["code"], ended["error"]["message"]]), json!(["agent_refused", "yz"]));
    assert_eq!(faked.client.answer_of(&session, &sent.task_id).await.unwrap()["content"], "ab");
    assert!(!ended.to_string().contains("\\u0000"), "{ended}");
    let tool = ended["steps"].as_array().unwrap().iter().find(|step| step["tool_call_id"] == "ef").unwrap().clone();
    assert_eq!(
        json!([tool["title"], tool["detail"]["input"], tool["detail"]["output"]]),
        json!(["gh", {"ij": "kl"}, "mn"])
    );
    // The agent must receive the original ID of the option.
    let received = faked.fake.received("fake");
    assert!(received.iter().any(|message| message["result"]["outcome"]["optionId"] == "q\0r"), "{received:?}");
}
