//! Tests for each driver's fields and their defaults.

use super::*;

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
        images = true
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
        driver: DriverConfig::Openai(OpenaiConfig {
            base_url: "https://api.example.com/v1".into(),
            model: Some("m-1".into()),
            api_key_env: Some("EXAMPLE_KEY".into()),
            system_prompt: Some("Be brief.".into()),
            temperature: Some(0.0),
            max_tokens: Some(1000),
            seed: Some(-7),
            history_bytes: 4096,
            images: true,
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
        permission_timeout: Some(Duration::from_secs(30)),
        history_bytes: 2048,
        idle_timeout: Duration::from_mins(1),
        keep_warm: Duration::ZERO,
        max_processes: 2,
        max_memory_mb: 2000,
    };
    let agent = catalog.find("code").unwrap();
    assert_eq!(agent.driver, DriverConfig::Acp(expected));
    let missing = agent.unavailable_reason(no_env).unwrap();
    assert!(missing.contains("EXAMPLE_KEY"), "{missing}");
    assert_eq!(agent.unavailable_reason(|_| Some("k".into())), None);
}

#[test]
fn reads_every_field_of_a_command() {
    let catalog = parse("[[agents]]\nkey = 'c'\ndriver = 'command'\ncommand = '/bin/cat'\ninput = 'json'").unwrap();

    let program = ProgramConfig { command: "/bin/cat".into(), ..ProgramConfig::default() };
    let expected = CommandConfig { input: CommandInput::Json, ..CommandConfig::new(program) };
    assert_eq!(catalog.find("c").unwrap().driver, DriverConfig::Command(expected));
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
fn omitted_fields_have_defaults() {
    let catalog = parse("[[agents]]\nkey = 'a'\ndriver = 'openai'\nbase_url = 'http://[::1]:8081'").unwrap();

    let agent = catalog.find("a").unwrap();
    assert_eq!(
        *agent,
        AgentConfig::new("a".into(), DriverConfig::Openai(OpenaiConfig::at("http://[::1]:8081".into())))
    );
    assert_eq!(agent.name, "a");
    assert_eq!(agent.timeout, Duration::from_mins(15));
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
