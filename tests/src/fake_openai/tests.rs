use std::time::Duration;

use serde_json::json;

use super::{Answer, FakeOpenAi};

async fn ask(model: &FakeOpenAi, prompt: &str) -> reqwest::Result<(u16, String)> {
    let body = json!({"stream": true, "messages": [{"role": "user", "content": prompt}]});
    let client = reqwest::Client::builder().no_proxy().build()?;
    let response = client.post(format!("{}/chat/completions", model.base_url())).json(&body).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.text().await?))
}

#[tokio::test]
async fn returns_scripted_answers_in_order_and_repeats_the_last() {
    let model = FakeOpenAi::start().await;
    model.script("go", [Answer::error(500, "server_error", "oops"), Answer::words(["a", "b"], Duration::ZERO)]);

    let first = ask(&model, "go").await.unwrap();
    let second = ask(&model, "go").await.unwrap();
    let third = ask(&model, "go").await.unwrap();

    assert_eq!(first.0, 500);
    assert_eq!(second, third);
    assert!(second.1.contains("\"content\":\"a\"") && second.1.ends_with("data: [DONE]\n\n"), "{}", second.1);
    assert_eq!(model.prompts(), ["go", "go", "go"]);
    assert!(ask(&model, "other").await.unwrap().1.contains("You said: other"));
}

#[tokio::test]
async fn drops_the_connection_after_a_cut() {
    let model = FakeOpenAi::start().await;
    model.script("go", [Answer::cut_after("half")]);

    assert!(ask(&model, "go").await.is_err());
}

#[tokio::test]
async fn a_gate_sends_on_request_and_detects_a_closed_connection() {
    let model = FakeOpenAi::start().await;
    let mut gate = model.gate("go");
    let mut held = model.gate("held");
    assert!(!gate.has_arrived());

    let (answer, ()) = tokio::join!(ask(&model, "go"), async {
        gate.arrived().await;
        gate.send("now").await;
        gate.finish().await;
    });
    assert!(answer.unwrap().1.contains("now"));

    tokio::select! {
        _ = ask(&model, "held") => panic!("nothing was sent"),
        () = held.arrived() => {}
    }
    held.hung_up().await;
    assert_eq!(model.most_at_once(), 1);
}
