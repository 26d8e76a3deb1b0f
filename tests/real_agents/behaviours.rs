//! The tests, each of which checks one behavior of an agent. `main.rs` selects the tests for each agent.

use std::time::{Duration, Instant};

use banter_tests::{app::TestApp, attachments::RED_PNG, process_table::processes_with, wait::within};
use serde_json::json;

use crate::{
    agents::RealAgent,
    model::ModelServer,
    processes::{below, resident_mib, supervisor, survivors},
    stage::{Stage, Turn, soon, unique_seconds},
};

/// Time limit for an agent to exit. Stopping takes at most 14 s; the rest is headroom for a busy machine.
const GONE_WITHIN: Duration = Duration::from_secs(45);

const GREETING: &str = "Hello, I am called Ada.";
const QUESTION: &str = "What is my name?";

fn assert_answered(turn: &Turn, expected: &str) {
    assert_eq!((turn.status(), turn.content.trim()), ("succeeded", expected), "{}", turn.task);
}

/// `worker doctor` finds the agent, initializes it, and opens a session.
pub async fn it_introduces_itself(agent: RealAgent) {
    let stage = Stage::start(agent, "").await;

    let output = stage.app.run_worker(&["doctor"]).await;

    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.contains(&format!("{} (acp): ok", stage.agent.key)) && text.contains("opened a session");
    assert!(found, "{text}");
    let line = text.lines().find_map(|line| line.split_once("initialized ")).unwrap().1;
    stage.saw(&format!("initialized {line}"));
}

/// Runs two turns in one process. The second request includes the first turn.
pub async fn a_conversation_goes_on_in_one_process(agent: RealAgent) {
    let stage = Stage::start(agent, "").await;
    let begun = Instant::now();

    let first = stage.ask(GREETING).await;
    let (first_answer, process) = (begun.elapsed(), supervisor(&stage.session).expect("the process is kept"));
    let begun = Instant::now();
    let second = stage.ask(QUESTION).await;
    let next_answer = begun.elapsed();

    assert_answered(&first, &format!("You said: {GREETING}"));
    assert_answered(&second, "Your name is Ada.");
    assert_eq!(supervisor(&stage.session), Some(process), "the same process");
    let asked = stage.model.request_about(QUESTION);
    assert_eq!((asked.count(GREETING), asked.count(QUESTION)), (1, 1), "{asked:?}");
    stage.saw(&format!(
        "first answer after {:.1} s, the next after {:.1} s; {} MiB in {} processes",
        first_answer.as_secs_f64(),
        next_answer.as_secs_f64(),
        resident_mib(&below(process)),
        below(process).len()
    ));
}

/// The agent requests permission, waits for the decision, and then runs the tool.
pub async fn an_allowed_tool_runs(agent: RealAgent) {
    let stage = Stage::start(agent, "").await;
    let made = stage.work().join("made-by-tool");

    let task = stage.send("run: touch made-by-tool && expr 40 + 2").await;
    let wanted = stage.permission(&task).await;
    let was_made_before = made.exists();
    stage.decide(&task, "allow").await;
    let turn = stage.end_of(&task).await;

    assert!(!was_made_before, "the agent waited for the decision");
    assert!(made.exists(), "{}", turn.task);
    assert!(turn.content.contains("The tool said: ") && turn.content.contains("42"), "{}", turn.content);
    assert_eq!(turn.status(), "succeeded", "{}", turn.task);
    assert!(wanted["title"].as_str().unwrap().contains("touch made-by-tool"), "{wanted}");
    let (tools, permissions) = (turn.steps("tool"), turn.steps("permission"));
    assert_eq!((tools.len(), permissions.len()), (1, 1), "{}", turn.task);
    assert_eq!(json!([tools[0]["status"], permissions[0]["status"]]), json!(["succeeded", "succeeded"]));
    assert!(tools[0]["title"].as_str().unwrap().contains("touch made-by-tool"), "{}", tools[0]);
    stage.saw(&format!("a tool's step: {}", json!([tools[0]["title"], tools[0]["detail"]])));
}

/// A rejected tool does not run, and the conversation continues.
pub async fn a_rejected_tool_does_not_run(agent: RealAgent) {
    let stage = Stage::start(agent, "").await;

    let turn = stage.ask_and_decide("run: touch made-by-tool && expr 40 + 2", "reject").await;
    let next = stage.ask(GREETING).await;

    assert!(!stage.work().join("made-by-tool").exists());
    assert_eq!(turn.status(), "succeeded", "{}", turn.task);
    assert_eq!(turn.steps("tool")[0]["status"], "rejected", "{}", turn.task);
    assert_eq!(turn.steps("permission")[0]["status"], "rejected", "{}", turn.task);
    assert_answered(&next, &format!("You said: {GREETING}"));
    stage.saw(&format!("after a rejected tool it says {:?} ({})", turn.content, turn.finish_reason));
}

/// Starts a tool that sleeps. Returns the task and the number of seconds.
async fn asleep(stage: &Stage) -> (String, String) {
    let seconds = unique_seconds();
    let task = stage.send(&format!("run: touch begun && sleep {seconds}")).await;
    stage.decide(&task, "allow").await;
    soon("a sleeping tool", async || (!processes_with(&format!("sleep {seconds}")).is_empty()).then_some(())).await;
    (task, seconds)
}

/// Cancelling ends the answer and the tool, and the conversation continues.
pub async fn a_stop_in_mid_tool_leaves_nothing_running(agent: RealAgent) {
    let stage = Stage::start(agent, "").await;
    stage.ask(GREETING).await;
    let (task, seconds) = asleep(&stage).await;
    let (process, begun) = (supervisor(&stage.session), Instant::now());

    stage.client.cancel(&stage.session, &task).await.ok(202);

    assert_eq!(stage.end_of(&task).await.status(), "cancelled");
    let answer_ended = begun.elapsed();
    within(GONE_WITHIN, "no tool left", async || processes_with(&seconds).is_empty().then_some(())).await;
    let tool_ended = begun.elapsed();
    assert_answered(&stage.ask(QUESTION).await, "Your name is Ada.");
    stage.saw(&format!(
        "after a Stop the answer ended in {:.1} s, the tool in {:.1} s; its process was {}",
        answer_ended.as_secs_f64(),
        tool_ended.as_secs_f64(),
        if supervisor(&stage.session) == process { "kept" } else { "ended" }
    ));
}

/// The worker is killed (`kill -9`) while a tool is running. Afterward, no process is left, the turn is not repeated,
/// and another worker continues the conversation.
pub async fn a_killed_worker_leaves_nothing_and_another_goes_on(agent: RealAgent) {
    let mut stage = Stage::start(agent, "").await;
    stage.ask(GREETING).await;
    let (task, seconds) = asleep(&stage).await;
    let supervisor = supervisor(&stage.session).unwrap();
    let mut processes = below(supervisor);
    assert!(processes.len() > 1, "{processes:?}");
    let begun = Instant::now();

    stage.app.worker(0).kill();

    within(GONE_WITHIN, "no tool left", async || processes_with(&seconds).is_empty().then_some(())).await;
    let tool_ended = begun.elapsed();
    processes.extend(below(supervisor));
    within(GONE_WITHIN, "no process left", async || survivors(&processes).is_empty().then_some(())).await;
    let all_ended = begun.elapsed();
    stage.app.replace_worker(0);
    let turn = stage.end_of(&task).await;
    assert_eq!(json!([turn.task["status"], turn.task["attempt"]]), json!(["interrupted", 1]), "{}", turn.task);
    assert_answered(&stage.ask(QUESTION).await, "Your name is Ada.");
    let asked = stage.model.request_about(QUESTION);
    assert_eq!(asked.count(GREETING), 1, "{asked:?}");
    stage.saw(&format!(
        "after kill -9 of the worker the tool ended in {:.1} s, all {} processes in {:.1} s",
        tool_ended.as_secs_f64(),
        processes.len(),
        all_ended.as_secs_f64()
    ));
}

/// Runs three turns, each in a new process. The third request includes the first turn, and no message is sent twice.
pub async fn it_remembers_when_its_process_is_gone(agent: RealAgent) {
    let stage = Stage::start(agent, "keep_warm_s = 0").await;
    let gone = async || {
        within(GONE_WITHIN, "the process to exit", async || supervisor(&stage.session).is_none().then_some(())).await;
    };

    assert_answered(&stage.ask(GREETING).await, &format!("You said: {GREETING}"));
    gone().await;
    assert_answered(&stage.ask("It rains.").await, "You said: It rains.");
    gone().await;
    assert_answered(&stage.ask(QUESTION).await, "Your name is Ada.");

    let asked = stage.model.request_about(QUESTION);
    let counts = [GREETING, "It rains.", QUESTION].map(|text| asked.count(text));
    assert_eq!(counts, [1, 1, 1], "{asked:?}");
    let how = if asked.was_told_again() { "was told the conversation again" } else { "went on in its own session" };
    stage.saw(&format!("a new process {how}"));
}

/// A message with an image. The agent passes the image on to its model.
pub async fn an_attached_image_reaches_the_model(agent: RealAgent) {
    const LOOK: &str = "Look at this picture.";
    let stage = Stage::start(agent, "").await;
    let picture = stage.client.upload("red.png", RED_PNG).await;

    let task = stage.client.send_files(&stage.session, LOOK, &[&picture]).await.task_id;
    let turn = stage.end_of(&task).await;

    assert_eq!(turn.status(), "succeeded", "{}", turn.task);
    let request = stage.model.request_about(LOOK);
    let hash = picture["sha256"].as_str().unwrap();
    // opencode passes on the image block, and also reads the file to which the link refers.
    assert!(!request.images.is_empty() && request.images.iter().all(|image| image == hash), "{request:?}");
    stage.saw(&format!("an attached image reached the model {} times", request.images.len()));
}

/// Runs two turns with a small real language model.
pub async fn a_small_real_model_answers(agent: RealAgent) {
    let address = std::env::var("SMOLLM2_URL").expect("SMOLLM2_URL: run `make test-agents`");
    let agent = RealAgent { model: "smollm2-135m-instruct", ..agent };
    let stage = Stage::with_model(agent, "", ModelServer::start().await, &address).await;

    for question in ["What is the capital of France?", "And of Italy?"] {
        let begun = Instant::now();
        let turn = stage.ask(question).await;
        assert_eq!(turn.status(), "succeeded", "{}", turn.task);
        assert!(!turn.content.is_empty(), "{}", turn.task);
        stage.saw(&format!("SmolLM2 answers after {:.1} s: {:?}", begun.elapsed().as_secs_f64(), turn.content));
    }
    assert!(stage.model.requests().is_empty(), "the other model received no request");
}

/// Asks a small real language model about a text file, without an agent in between.
pub async fn a_small_real_model_answers_from_an_attached_file(_: RealAgent) {
    let address = std::env::var("SMOLLM2_URL").expect("SMOLLM2_URL: run `make test-agents`");
    let agents = format!(
        "[[agents]]\nkey = \"smollm2\"\nname = \"SmolLM2\"\ndriver = \"openai\"\nbase_url = \"{address}/v1\"\n\
         model = \"smollm2-135m-instruct\"\nmax_tokens = 60\n"
    );
    let app = TestApp::builder().agents(&agents).start().await;
    let client = app.client();
    let session = client.create_session("smollm2").await;
    let notes = "The meeting is in the room Falkenstein on Thursday.\n";
    let file = client.upload("notes.txt", notes).await;

    let turn = client.ask_about(&session, "In which room is the meeting? Answer from the file.", &[&file]).await;

    let answer = turn["reply"]["content"].as_str().unwrap_or_default();
    assert!(answer.contains("Falkenstein"), "{turn}");
    println!("SEEN SmolLM2: asked about a file, it answers {answer:?}");
}
