//! Tests the `acp` driver with third-party agents: opencode, Gemini CLI, fast-agent, and, through adapters, Claude and
//! Codex.
//!
//! `make test-agents` installs the agents and runs these tests, one agent at a time because the agents are large. The
//! tests require neither accounts nor internet access: each agent uses a model server on the loopback interface
//! (`model.py`) that calls a tool when instructed to. The tests are in `behaviours`, and the differences between the
//! agents are in `agents`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod agents;
mod behaviours;
mod model;
mod processes;
mod stage;

/// Defines the tests for one agent.
macro_rules! tests_of {
    ($name:ident, $($behaviour:ident),+ $(,)?) => {
        mod $name {
            $(
                #[tokio::test]
                #[ignore = "starts a real agent, which `make test-agents` installs"]
                async fn $behaviour() {
                    crate::behaviours::$behaviour(crate::agents::$name()).await;
                }
            )+
        }
    };
}

tests_of!(
    opencode,
    it_introduces_itself,
    a_conversation_goes_on_in_one_process,
    an_allowed_tool_runs,
    a_rejected_tool_does_not_run,
    a_stop_in_mid_tool_leaves_nothing_running,
    a_killed_worker_leaves_nothing_and_another_goes_on,
    it_remembers_when_its_process_is_gone,
    an_attached_image_reaches_the_model,
    a_small_real_model_answers,
    a_small_real_model_answers_from_an_attached_file,
);
tests_of!(
    gemini,
    it_introduces_itself,
    a_conversation_goes_on_in_one_process,
    an_allowed_tool_runs,
    a_rejected_tool_does_not_run,
    a_stop_in_mid_tool_leaves_nothing_running,
    a_killed_worker_leaves_nothing_and_another_goes_on,
    it_remembers_when_its_process_is_gone,
    an_attached_image_reaches_the_model,
);
tests_of!(
    codex,
    it_introduces_itself,
    a_conversation_goes_on_in_one_process,
    an_allowed_tool_runs,
    a_rejected_tool_does_not_run,
    a_stop_in_mid_tool_leaves_nothing_running,
    a_killed_worker_leaves_nothing_and_another_goes_on,
    it_remembers_when_its_process_is_gone,
    an_attached_image_reaches_the_model,
);
tests_of!(
    claude,
    it_introduces_itself,
    a_conversation_goes_on_in_one_process,
    an_allowed_tool_runs,
    a_rejected_tool_does_not_run,
    a_stop_in_mid_tool_leaves_nothing_running,
    a_killed_worker_leaves_nothing_and_another_goes_on,
    it_remembers_when_its_process_is_gone,
    an_attached_image_reaches_the_model,
);
// With the command line in `agents.example.toml`, fast-agent neither offers tools to the model nor requests permission.
tests_of!(
    fast_agent,
    it_introduces_itself,
    a_conversation_goes_on_in_one_process,
    it_remembers_when_its_process_is_gone,
);
