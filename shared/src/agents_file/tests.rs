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
fn reads_every_field() {
    let catalog = parse(
        r##"
        [[agents]]
        key = "gpt"
        name = "GPT"
        description = "Knows much"
        driver = "openai"
        enabled = true
        avatar = "#10a37f"
        starters = ["Hi", "Tell me\nmore"]
        timeout_s = 60
        max_attempts = 5
        base_url = "https://api.example.com/v1/"
        model = "m-1"
        api_key_env = "EXAMPLE_KEY"
        system_prompt = "Be brief."
        temperature = 0
        max_tokens = 1_000
        seed = -7
        history_bytes = 4096
        first_byte_timeout_s = 9
        idle_timeout_s = 8
        "##,
    )
    .unwrap();

    let expected = AgentConfig {
        key: "gpt".into(),
        name: "GPT".into(),
        description: "Knows much".into(),
        avatar: Some("#10a37f".into()),
        starters: vec!["Hi".into(), "Tell me\nmore".into()],
        timeout: Duration::from_mins(1),
        max_attempts: Some(5),
        driver: Driver::Openai(OpenaiConfig {
            base_url: "https://api.example.com/v1".into(),
            model: Some("m-1".into()),
            api_key_env: Some("EXAMPLE_KEY".into()),
            system_prompt: Some("Be brief.".into()),
            temperature: Some(0.0),
            max_tokens: Some(1000),
            seed: Some(-7),
            history_bytes: 4096,
            first_byte_timeout: Duration::from_secs(9),
            idle_timeout: Duration::from_secs(8),
        }),
    };
    assert_eq!(catalog.agents(), [expected, AgentConfig::demo()]);
}

#[test]
fn reads_every_field_of_an_acp_agent() {
    let catalog = parse(
        r#"
        [[agents]]
        key = "code"
        driver = "acp"
        command = "opencode"
        args = ["acp", ""]
        env = { OPENCODE_DISABLE_AUTOUPDATE = "1" }
        secrets = ["EXAMPLE_KEY"]
        mode = "default"
        model = "m-1"
        permission = "ask"
        permission_timeout_s = 30
        history_bytes = 2048
        idle_timeout_s = 60
        keep_warm_s = 0
        max_processes = 2
        max_memory_mb = 2000
        "#,
    )
    .unwrap();

    let expected = AcpConfig {
        program: ProgramConfig {
            command: "opencode".into(),
            args: vec!["acp".into(), String::new()],
            env: [("OPENCODE_DISABLE_AUTOUPDATE".to_owned(), "1".to_owned())].into(),
            secrets: vec!["EXAMPLE_KEY".into()],
        },
        mode: Some("default".into()),
        model: Some("m-1".into()),
        permission: PermissionPolicy::Ask,
        permission_timeout: Duration::from_secs(30),
        history_bytes: 2048,
        idle_timeout: Duration::from_mins(1),
        keep_warm: Duration::ZERO,
        max_processes: 2,
        max_memory_mb: 2000,
    };
    let agent = catalog.find("code").unwrap();
    assert_eq!(agent.driver, Driver::Acp(expected));
    let missing = agent.unavailable_reason(no_env).unwrap();
    assert!(missing.contains("EXAMPLE_KEY"), "{missing}");
    assert_eq!(agent.unavailable_reason(|_| Some("k".into())), None);
}

#[test]
fn reads_every_field_of_a_command() {
    let catalog = parse("[[agents]]\nkey = 'c'\ndriver = 'command'\ncommand = '/bin/cat'\ninput = 'json'").unwrap();

    let program = ProgramConfig { command: "/bin/cat".into(), ..ProgramConfig::default() };
    let expected = CommandConfig { input: CommandInput::Json, ..CommandConfig::new(program) };
    assert_eq!(catalog.find("c").unwrap().driver, Driver::Command(expected));
}

#[test]
fn a_command_answers_in_text_unless_it_selects_markdown() {
    let command = "[[agents]]\nkey = 'c'\ndriver = 'command'\ncommand = '/bin/cat'\n";
    let table: [(&str, AnswerFormat); 5] = [
        (command, AnswerFormat::Text),
        (&format!("{command}format = 'text'"), AnswerFormat::Text),
        (&format!("{command}format = 'markdown'"), AnswerFormat::Markdown),
        ("[[agents]]\nkey = 'c'\ndriver = 'acp'\ncommand = 'x'", AnswerFormat::Markdown),
        ("[[agents]]\nkey = 'c'\ndriver = 'openai'\nbase_url = 'http://h/v1'", AnswerFormat::Markdown),
    ];

    for (text, expected) in table {
        assert_eq!(parse(text).unwrap().find("c").unwrap().driver.answer_format(), expected, "{text}");
    }
    let wrong = error(&format!("{command}format = 'html'"));
    assert!(wrong.contains("`format`: expected one of \"markdown\", \"text\""), "{wrong}");
}

#[test]
fn rejects_our_own_secrets_and_invalid_program_fields() {
    let agent = "[[agents]]\nkey = 'a'\ndriver = 'acp'\ncommand = 'x'\n";
    let cases = [
        ("secrets = ['REDIS_URL']", "5: agent `a`: `secrets`: `REDIS_URL` is never passed to an agent"),
        ("env = { DATABASE_URL = 'x' }", "5: agent `a`: `env`: `DATABASE_URL` is never passed to an agent"),
        (
            "secrets = ['sk-1']",
            "5: agent `a`: `secrets`: expected names of environment variables (A-Z, 0-9, and `_`), not the secrets themselves; found an invalid name with 4 characters",
        ),
        (
            "permission = 'always'",
            "5: agent `a`: `permission`: expected one of \"ask\", \"reject\", \"allow\", found the string \"always\"",
        ),
        ("args = 'acp'", "5: agent `a`: `args`: expected an array of at most 100 strings, found the string \"acp\""),
        (
            "env = ['A=1']",
            "5: agent `a`: `env`: expected a table of strings, such as { NAME = \"value\" }, found an array of length 1",
        ),
    ];

    for (line, expected) in cases {
        assert_eq!(error(&format!("{agent}{line}\n")), format!("AGENTS_FILE=agents.toml:{expected}"));
    }
}

#[test]
fn omitted_fields_have_defaults() {
    let catalog = parse("[[agents]]\nkey = 'a'\ndriver = 'openai'\nbase_url = 'http://[::1]:8081'").unwrap();

    let agent = catalog.find("a").unwrap();
    assert_eq!(*agent, AgentConfig::new("a".into(), Driver::Openai(OpenaiConfig::at("http://[::1]:8081".into()))));
    assert_eq!(agent.name, "a");
    assert_eq!(agent.timeout, Duration::from_mins(15));
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
fn errors_name_the_line_agent_and_field() {
    let agent = "# first line\n[[agents]]\nkey = 'a'\ndriver = 'openai'\nbase_url = 'http://localhost'\n";
    let cases = [
        ("name = 3", "6: agent `a`: `name`: expected a one-line string of at most 80 characters, found the number 3"),
        ("name = ' '", "6: agent `a`: `name`: expected a name"),
        ("enabled = 'yes'", "6: agent `a`: `enabled`: expected true or false, found the string \"yes\""),
        ("timeout_s = 0", "6: agent `a`: `timeout_s`: expected a whole number from 1 to 86400, found the number 0"),
        ("timeout_s = 1.5", "6: agent `a`: `timeout_s`: expected a whole number from 1 to 86400, found the number 1.5"),
        (
            "\nmax_attempts = 99",
            "7: agent `a`: `max_attempts`: expected a whole number from 1 to 20, found the number 99",
        ),
        (
            "max_tokens = -1",
            "6: agent `a`: `max_tokens`: expected a whole number from 1 to 10000000, found the number -1",
        ),
        ("temperature = 2.1", "6: agent `a`: `temperature`: expected a number from 0 to 2, found the number 2.1"),
        ("temperature = nan", "6: agent `a`: `temperature`: expected a number from 0 to 2, found the number nan"),
        ("model = ''", "6: agent `a`: `model`: expected a non-empty string, found an empty string"),
        (
            "starters = ['a', 2]",
            "6: agent `a`: `starters`: expected an array of at most 12 strings of 1 to 1000 characters each, found an array of length 2",
        ),
        (
            "avatar = 'Big Bird'",
            "6: agent `a`: `avatar`: expected an emoji, a color such as \"#3b82f6\", or a CSS color name, found \"Big Bird\"",
        ),
        (
            "permission = 'ask'",
            "6: agent `a`: `permission` is a field of the driver `acp`, but this agent's driver is `openai`",
        ),
        (
            "command = 'x'",
            "6: agent `a`: `command` is a field of the drivers `acp` and `command`, but this agent's driver is `openai`",
        ),
        ("key = 'b'", "6: not valid TOML: duplicate key"),
        ("model = 'x", "6: not valid TOML: invalid literal string, expected `'`"),
    ];

    for (line, expected) in cases {
        assert_eq!(error(&format!("{agent}{line}\n")), format!("AGENTS_FILE=agents.toml:{expected}"));
    }
}

#[test]
fn rejects_incomplete_and_misplaced_tables() {
    let cases = [
        (
            "[[agents]]\nname = 'x'",
            "1: agent: `key` is missing; expected a short, lowercase name that identifies the agent",
        ),
        (
            "\n[[agents]]\nkey = 'x'",
            "2: agent `x`: `driver` is missing; expected \"acp\", \"openai\", \"command\", or \"demo\"",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'acp'",
            "1: agent `x`: `command` is missing; expected a program such as \"opencode\" or its path",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'magic'",
            "3: agent `x`: `driver`: expected \"acp\", \"openai\", \"command\", or \"demo\", found \"magic\"",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'demo'\nmodel = 'm'",
            "4: agent `x`: `model` is a field of the drivers `openai` and `acp`, but this agent's driver is `demo`",
        ),
        (
            "[[agents]]\nkey = 'demo'\ndriver = 'openai'",
            "3: agent `demo`: `driver`: the key `demo` is reserved for the built-in agent with the driver \"demo\"; choose another key",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'openai'",
            "1: agent `x`: `base_url` is missing; expected an address such as \"http://127.0.0.1:8081/v1\"",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'demo'\n[[agents]]\nkey = 'x'\ndriver = 'demo'",
            "5: agent `x`: `key`: must be unique; line 1 already uses it",
        ),
        (
            "[agents]\nkey = 'x'",
            "1: agents file: `agents`: expected tables that begin with [[agents]], in double brackets",
        ),
        ("agents = [1]", "1: agents file: `agents`: expected tables that begin with [[agents]]"),
        ("port = 1", "1: agents file: unknown key `port`; expected one of: agents"),
    ];

    for (text, expected) in cases {
        assert_eq!(error(text), format!("AGENTS_FILE=agents.toml:{expected}"));
    }
}

#[test]
fn accepts_only_short_lowercase_keys() {
    for key in ["a", "0", "a-b_c", &"x".repeat(64)] {
        assert!(parse(&format!("[[agents]]\nkey = '{key}'\ndriver = 'demo'")).is_ok(), "{key}");
    }
    for key in ["A", "-a", "_a", "a b", "ä", "a/b", &"x".repeat(65)] {
        let error = error(&format!("[[agents]]\nkey = '{key}'\ndriver = 'demo'"));
        assert!(
            error.starts_with("AGENTS_FILE=agents.toml:2: agent: `key`: expected 1 to 64 characters (a-z"),
            "{error}"
        );
    }
}

#[test]
fn accepts_emoji_and_colors_as_avatars() {
    for avatar in ["🎭", "👩‍👩‍👧‍👦", "1️⃣", "☕", "#abc", "#A1B2C3", "teal"] {
        assert!(parse(&format!("[[agents]]\nkey = 'demo'\navatar = '{avatar}'")).is_ok(), "{avatar}");
    }
    for avatar in ["#ab", "#ggg", "Teal", "a b", "url(x)", "é", "🎭 🎭"] {
        assert!(parse(&format!("[[agents]]\nkey = 'demo'\navatar = '{avatar}'")).is_err(), "{avatar}");
    }
}

#[test]
fn rejects_a_base_url_with_credentials_or_without_a_host() {
    let with = |url: &str| parse(&format!("[[agents]]\nkey='a'\ndriver='openai'\nbase_url='{url}'"));

    for url in ["http://localhost", "HTTPS://x.example/v1/", "http://10.0.0.1:8081/a/b"] {
        assert!(with(url).is_ok(), "{url}");
    }
    for url in [
        "localhost:1",
        "ftp://x",
        "http://",
        "http://:80",
        "http://a b",
        "http://x/?k=1",
        "http://x/v1/chat/completions/",
    ] {
        assert!(with(url).is_err(), "{url}");
    }
    let error = with("http://me:secret@x/v1").unwrap_err();
    assert!(error.contains("api_key_env") && !error.contains("secret"), "{error}");
}

#[test]
fn rejects_an_api_key_in_the_file_without_showing_it() {
    for line in ["api_key_env = 'sk-secret'", "api_key_env = 'gsk_secret'", "api_key = 'sk-secret'"] {
        let error = error(&format!("[[agents]]\nkey='a'\ndriver='openai'\nbase_url='http://x'\n{line}"));

        assert!(error.starts_with("AGENTS_FILE=agents.toml:5: agent `a`: "), "{error}");
        assert!(error.contains("api_key_env") && !error.contains("secret"), "{error}");
    }
}

#[test]
fn reads_the_environment_if_there_is_no_file() {
    let load = |variables: &'static [(&str, &str)]| {
        AgentCatalog::load(None, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).into())
        })
    };
    let openai = |catalog: &AgentCatalog| match &catalog.find("openai").unwrap().driver {
        Driver::Openai(openai) => openai.clone(),
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
    assert!(wrong.starts_with("OPENAI_BASE_URL: expected an address"), "{wrong}");
}

#[test]
fn lists_an_agent_with_a_missing_key_as_unavailable() {
    let text = "[[agents]]\nkey='a'\ndriver='openai'\nbase_url='http://x'\napi_key_env='A_KEY'";
    let catalog = parse(text).unwrap();
    let agent = catalog.find("a").unwrap();

    let missing = "The environment variable A_KEY is not set. It must contain the API key.";
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
            Driver::Acp(acp) => catalog.mentions(&agent.key, &acp.program.command),
            other => panic!("not acp: {other:?}"),
        })
        .collect();
    assert_eq!(mentioned, [true, false, false, true]);
}

#[test]
fn rejects_an_unreadable_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");

    let error = AgentCatalog::load(Some(&missing), no_env).unwrap_err();

    assert_eq!(error.to_string(), format!("AGENTS_FILE={}: cannot read the file", missing.display()));
    assert!(std::error::Error::source(&error).is_some());
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
