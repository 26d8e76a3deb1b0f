//! Tests for rejected files.

use super::*;

#[test]
fn rejects_banters_own_variables_and_invalid_program_fields() {
    let agent = "[[agents]]\nkey = 'a'\ndriver = 'acp'\ncommand = 'x'\n";
    let cases = [
        ("secrets = ['REDIS_URL']", "5: agent `a`: `secrets`: `REDIS_URL` must not be passed to an agent; remove it"),
        (
            "env = { DATABASE_URL = 'x' }",
            "5: agent `a`: `env`: `DATABASE_URL` must not be passed to an agent; remove it",
        ),
        (
            "secrets = ['sk-1']",
            "5: agent `a`: `secrets`: expected names of environment variables (A-Z, 0-9, and `_`), not the secrets themselves; found an invalid name of length 4",
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
fn errors_name_the_line_agent_and_field() {
    let agent = "# first line\n[[agents]]\nkey = 'a'\ndriver = 'openai'\nbase_url = 'http://localhost'\n";
    let cases = [
        ("name = 3", "6: agent `a`: `name`: expected a one-line string of at most 80 characters, found the number 3"),
        ("name = ' '", "6: agent `a`: `name`: must not be empty or contain only whitespace"),
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
            "6: agent `a`: `permission` applies only to the `acp` driver, but this agent uses the `openai` driver",
        ),
        (
            "command = 'x'",
            "6: agent `a`: `command` applies only to the `acp` and `command` drivers, but this agent uses the `openai` driver",
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
            "4: agent `x`: `model` applies only to the `openai` and `acp` drivers, but this agent uses the `demo` driver",
        ),
        (
            "[[agents]]\nkey = 'demo'\ndriver = 'openai'",
            "3: agent `demo`: `driver`: the key `demo` is reserved for the built-in agent, which uses the `demo` driver; choose another key",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'openai'",
            "1: agent `x`: `base_url` is missing; expected a URL such as \"http://127.0.0.1:8081/v1\"",
        ),
        (
            "[[agents]]\nkey = 'x'\ndriver = 'demo'\n[[agents]]\nkey = 'x'\ndriver = 'demo'",
            "5: agent `x`: `key`: must be unique; line 1 already uses it",
        ),
        ("[agents]\nkey = 'x'", "1: agents file: `agents`: expected [[agents]] tables (with double brackets)"),
        ("agents = [1]", "1: agents file: `agents`: expected [[agents]] tables (with double brackets)"),
        ("port = 1", "1: agents file: unknown key `port`; expected one of: agents, folders"),
    ];

    for (text, expected) in cases {
        assert_eq!(error(text), format!("AGENTS_FILE=agents.toml:{expected}"));
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
fn rejects_an_unreadable_file() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("none.toml");

    let error = AgentCatalog::load(Some(&missing), no_env).unwrap_err();

    assert_eq!(error.to_string(), format!("AGENTS_FILE={}: cannot read the file", missing.display()));
    assert!(std::error::Error::source(&error).is_some());
}
