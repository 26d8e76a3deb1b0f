//! Tests for `agents.toml`.

mod errors;
mod fields;
mod folders;

use std::{path::Path, time::Duration};

use super::*;

fn no_env(_: &str) -> Option<String> {
    None
}

fn parse(text: &str) -> Result<AgentCatalog, String> {
    AgentCatalog::parse(Path::new("agents.toml"), text).map_err(|error| error.to_string())
}

fn error(text: &str) -> String {
    parse(text).unwrap_err()
}

fn keys(catalog: &AgentCatalog) -> Vec<&str> {
    catalog.agents().iter().map(|agent| agent.key.as_str()).collect()
}

#[test]
fn includes_the_demo_unless_it_is_disabled() {
    assert_eq!(parse("").unwrap().agents(), [AgentConfig::demo()]);
    assert!(parse("[[agents]]\nkey = 'demo'\nenabled = false").unwrap().agents().is_empty());

    let renamed = parse("[[agents]]\nkey = 'demo'\nname = 'Try me'\nstarters = []").unwrap();
    let expected = AgentConfig { name: "Try me".into(), starters: Vec::new(), ..AgentConfig::demo() };
    assert_eq!(renamed.agents(), [expected]);
}

#[test]
fn omits_a_disabled_agent_but_still_validates_it() {
    let off = "[[agents]]\nkey = 'a'\nenabled = false\ndriver = 'demo'\n";

    assert_eq!(keys(&parse(off).unwrap()), ["demo"]);
    assert_eq!(
        error(&format!("{off}colour = 1")),
        format!(
            "AGENTS_FILE=agents.toml:5: agent `a`: unknown key `colour`; expected one of: {}",
            "key, name, description, driver, enabled, avatar, starters, timeout_s, max_attempts"
        )
    );
}

#[test]
fn keeps_agents_in_file_order() {
    let catalog = parse("agents = [{key='z', driver='demo'}, {key='demo'}, {key='b', driver='demo'}]").unwrap();

    assert_eq!(keys(&catalog), ["z", "demo", "b"]);
}

#[test]
fn reads_the_environment_if_there_is_no_file() {
    let load = |variables: &'static [(&str, &str)]| {
        AgentCatalog::load(None, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
        })
    };
    let openai = |catalog: &AgentCatalog| match &catalog.find("openai").unwrap().driver {
        DriverConfig::Openai(openai) => openai.clone(),
        other => panic!("not openai: {other:?}"),
    };

    assert_eq!(keys(&load(&[]).unwrap()), ["demo"]);
    assert_eq!(keys(&load(&[("OPENAI_API_KEY", ""), ("OPENAI_MODEL", "m")]).unwrap()), ["demo"]);

    let hosted = load(&[("OPENAI_API_KEY", "k"), ("OPENAI_MODEL", "m")]).unwrap();
    assert_eq!(keys(&hosted), ["openai", "demo"]);
    assert_eq!(
        openai(&hosted),
        OpenaiConfig {
            model: Some("m".into()),
            api_key_env: Some("OPENAI_API_KEY".into()),
            ..OpenaiConfig::at("https://api.openai.com/v1".into())
        }
    );

    let own = load(&[("OPENAI_BASE_URL", "http://127.0.0.1:8081/v1/")]).unwrap();
    assert_eq!(openai(&own), OpenaiConfig::at("http://127.0.0.1:8081/v1".into()));

    let wrong = load(&[("OPENAI_BASE_URL", "127.0.0.1:8081")]).unwrap_err().to_string();
    assert!(wrong.starts_with("OPENAI_BASE_URL: expected a URL"), "{wrong}");
}

#[test]
fn lists_an_agent_with_a_missing_key_as_unavailable() {
    let text = "[[agents]]\nkey='a'\ndriver='openai'\nbase_url='http://x'\napi_key_env='A_KEY'";
    let catalog = parse(text).unwrap();
    let agent = catalog.find("a").unwrap();

    let missing = "Set the environment variable A_KEY to the API key.";
    assert_eq!(agent.unavailable_reason(no_env).as_deref(), Some(missing));
    assert_eq!(agent.unavailable_reason(|_| Some(" \n".into())).as_deref(), Some(missing));
    assert_eq!(agent.unavailable_reason(|_| Some("sk-1\n".into())), None);
    let broken = agent.unavailable_reason(|_| Some("sk\n1".into())).unwrap();
    assert!(broken.contains("A_KEY") && !broken.contains("sk"), "{broken}");
    assert_eq!(AgentConfig::demo().unavailable_reason(no_env), None);
}

#[test]
fn mentions_agents_by_key_and_by_program() {
    let catalog = parse(
        "[[agents]]\nkey = 'mine'\ndriver = 'acp'\ncommand = '/opt/bin/opencode'\n\
         [[agents]]\nkey = 'gemini'\nenabled = false\ndriver = 'acp'\ncommand = 'x'",
    )
    .unwrap();

    let mentioned: Vec<bool> = detectable()
        .iter()
        .map(|agent| match &agent.driver {
            DriverConfig::Acp(acp) => catalog.mentions(&agent.key, &acp.program.command),
            other => panic!("not acp: {other:?}"),
        })
        .collect();
    assert_eq!(mentioned, [true, false, false, true]);
}

#[test]
fn loads_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agents.toml");
    std::fs::write(&path, "[[agents]]\r\nkey = 'a'\r\ndriver = 'demo'\r\n").unwrap();

    let catalog = AgentCatalog::load(Some(&path), |_| Some("http://ignored".into())).unwrap();

    assert_eq!(keys(&catalog), ["a", "demo"]);
}

#[test]
fn accepts_the_example_file() {
    let catalog = parse(include_str!("../../../agents.example.toml")).unwrap();

    assert_eq!(keys(&catalog), ["demo", "local"]);
}
