//! Parses the text of `agents.toml`.

use std::collections::HashMap;

use toml::de::{DeTable, DeValue};

use super::{
    config::{AgentConfig, DEMO_KEY, DemoConfig, DriverConfig, OpenaiConfig},
    error::ParseError,
    folder::FolderConfig,
    parse_folder::parse_folder,
    parse_program::{ACP_FIELDS, COMMAND_FIELDS, PROGRAM_FIELDS, is_variable_name, parse_acp, parse_command},
    reader::{DAY_S, Source, TableReader},
};

/// Fields supported by all agents.
const COMMON_FIELDS: [&str; 9] =
    ["key", "name", "description", "driver", "enabled", "avatar", "starters", "timeout_s", "max_attempts"];
/// Fields of the `openai` driver.
const OPENAI_FIELDS: [&str; 11] = [
    "base_url",
    "model",
    "api_key_env",
    "system_prompt",
    "temperature",
    "max_tokens",
    "seed",
    "history_bytes",
    "images",
    "first_byte_timeout_s",
    "idle_timeout_s",
];
/// The part of an error message that lists the drivers.
const EXPECTED_DRIVER: &str = "expected \"acp\", \"openai\", \"command\", or \"demo\"";

/// One `[[agents]]` table.
#[derive(Debug)]
pub(super) struct AgentTable {
    pub config: AgentConfig,
    pub enabled: bool,
}

/// The tables of a file.
#[derive(Debug)]
pub(super) struct AgentsFile {
    pub agents: Vec<AgentTable>,
    pub folders: Vec<FolderConfig>,
}

/// Parses the whole file.
pub(super) fn parse(text: &str) -> Result<AgentsFile, ParseError> {
    let source = Source(text);
    let document = DeTable::parse(text).map_err(|error| {
        source.problem(error.span().map_or(0, |span| span.start), format!("not valid TOML: {}", error.message()))
    })?;
    let root = TableReader::new(source, document.get_ref(), 0, "agents file".to_owned());
    root.allow_only(&["agents", "folders"], |_| None)?;
    let agents = parse_tables(source, &root, "agents", "agent", parse_agent, |table| &table.config.key)?;
    let keys: Vec<&str> = agents.iter().map(|table| table.config.key.as_str()).chain([DEMO_KEY]).collect();
    let folders =
        parse_tables(source, &root, "folders", "folder", |reader| parse_folder(reader, &keys), |folder| &folder.key)?;
    Ok(AgentsFile { agents, folders })
}

/// Parses an array of tables, each of which has another key.
fn parse_tables<T>(
    source: Source<'_>,
    root: &TableReader<'_>,
    field: &str,
    name: &str,
    parse: impl Fn(&mut TableReader<'_>) -> Result<T, ParseError>,
    key: impl Fn(&T) -> &String,
) -> Result<Vec<T>, ParseError> {
    let problem = || root.field_problem(field, format!("expected [[{field}]] tables (with double brackets)"));
    let Some(tables) = root.value(field) else { return Ok(Vec::new()) };
    let DeValue::Array(tables) = tables else { return Err(problem()) };

    let mut entries = Vec::new();
    let mut lines = HashMap::new();
    for table in tables {
        let offset = table.span().start;
        let DeValue::Table(fields) = table.get_ref() else { return Err(problem()) };
        let mut reader = TableReader::new(source, fields, offset, name.to_owned());
        let entry = parse(&mut reader)?;
        if let Some(line) = lines.insert(key(&entry).clone(), source.line(offset)) {
            return Err(reader.field_problem("key", format!("must be unique; line {line} already uses it")));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn parse_agent(reader: &mut TableReader<'_>) -> Result<AgentTable, ParseError> {
    let key = reader.key("agent")?;
    let driver = parse_driver(reader, &key)?;
    let default = if key == DEMO_KEY { AgentConfig::demo() } else { AgentConfig::new(key, driver.clone()) };
    let config = AgentConfig {
        name: reader.name()?.unwrap_or(default.name),
        description: reader.short_text("description", 500)?.unwrap_or(default.description),
        avatar: parse_avatar(reader)?.or(default.avatar),
        starters: reader.texts("starters", 12, 1000)?.unwrap_or(default.starters),
        timeout: reader.seconds("timeout_s", 1..=DAY_S)?.unwrap_or(default.timeout),
        max_attempts: reader.whole("max_attempts", 1..=20)?.or(default.max_attempts),
        key: default.key,
        driver,
    };
    Ok(AgentTable { config, enabled: reader.flag("enabled")?.unwrap_or(true) })
}

fn parse_driver(reader: &TableReader<'_>, key: &str) -> Result<DriverConfig, ParseError> {
    let driver = match reader.text("driver")? {
        Some(driver) => driver,
        None if key == DEMO_KEY => "demo".to_owned(),
        None => return Err(reader.problem(format!("`driver` is missing; {EXPECTED_DRIVER}"))),
    };
    if key == DEMO_KEY && driver != "demo" {
        let text =
            "the key `demo` is reserved for the built-in agent, which uses the `demo` driver; choose another key";
        return Err(reader.field_problem("driver", text));
    }
    let allow_only = |lists: &[&[&str]]| {
        let known = [&[COMMON_FIELDS.as_slice()], lists].concat().concat();
        reader.allow_only(&known, |field| foreign_field(field, &driver))
    };
    match driver.as_str() {
        "demo" => {
            allow_only(&[])?;
            Ok(DriverConfig::Demo(DemoConfig))
        }
        "openai" => {
            allow_only(&[&OPENAI_FIELDS])?;
            Ok(DriverConfig::Openai(parse_openai(reader)?))
        }
        "acp" => {
            allow_only(&[&PROGRAM_FIELDS, &ACP_FIELDS])?;
            Ok(DriverConfig::Acp(parse_acp(reader)?))
        }
        "command" => {
            allow_only(&[&PROGRAM_FIELDS, &COMMAND_FIELDS])?;
            Ok(DriverConfig::Command(parse_command(reader)?))
        }
        other => Err(reader.field_problem("driver", format!("{EXPECTED_DRIVER}, found {other:?}"))),
    }
}

/// Returns the reason why a known field is not allowed for this driver; `None` for an unknown field.
fn foreign_field(field: &str, driver: &str) -> Option<String> {
    if field == "api_key" {
        return Some("`api_key` is not allowed: set an environment variable and name it in `api_key_env`".to_owned());
    }
    let owners: Vec<String> = [
        ("openai", OPENAI_FIELDS.contains(&field)),
        ("acp", PROGRAM_FIELDS.contains(&field) || ACP_FIELDS.contains(&field)),
        ("command", PROGRAM_FIELDS.contains(&field) || COMMAND_FIELDS.contains(&field)),
    ]
    .into_iter()
    .filter(|(_, has_it)| *has_it)
    .map(|(owner, _)| format!("`{owner}`"))
    .collect();
    let drivers = if owners.len() == 1 { "driver" } else { "drivers" };
    (!owners.is_empty()).then(|| {
        format!(
            "`{field}` applies only to the {} {drivers}, but this agent uses the `{driver}` driver",
            owners.join(" and ")
        )
    })
}

fn parse_openai(reader: &TableReader<'_>) -> Result<OpenaiConfig, ParseError> {
    let Some(address) = reader.text("base_url")? else {
        return Err(reader.problem("`base_url` is missing; expected a URL such as \"http://127.0.0.1:8081/v1\""));
    };
    let base_url = base_url(&address).map_err(|problem| reader.field_problem("base_url", problem))?;
    let default = OpenaiConfig::at(base_url);
    Ok(OpenaiConfig {
        model: reader.text("model")?,
        api_key_env: parse_variable_name(reader)?,
        system_prompt: reader.text("system_prompt")?,
        temperature: reader.number("temperature", 0.0..=2.0)?,
        max_tokens: reader.whole("max_tokens", 1..=10_000_000)?,
        seed: reader.whole("seed", i64::MIN..=i64::MAX)?,
        history_bytes: reader.history_bytes()?.unwrap_or(default.history_bytes),
        images: reader.flag("images")?.unwrap_or(default.images),
        first_byte_timeout: reader.seconds("first_byte_timeout_s", 1..=DAY_S)?.unwrap_or(default.first_byte_timeout),
        idle_timeout: reader.seconds("idle_timeout_s", 1..=DAY_S)?.unwrap_or(default.idle_timeout),
        ..default
    })
}

/// Returns the URL without trailing slashes, or a description of the problem.
pub(super) fn base_url(text: &str) -> Result<String, String> {
    let expected = "expected a URL such as \"http://127.0.0.1:8081/v1\"";
    let lower = text.to_ascii_lowercase();
    let Some(rest) = ["http://", "https://"].iter().find_map(|scheme| lower.strip_prefix(scheme)) else {
        return Err(format!("{expected}, starting with http:// or https://"));
    };
    if text.chars().any(|c| c.is_whitespace() || c.is_control()) || rest.contains(['?', '#']) {
        return Err(format!("{expected}, without whitespace, `?`, or `#`"));
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err("must not contain a username or password; use `api_key_env` instead".to_owned());
    }
    if authority.is_empty() || authority.starts_with(':') {
        return Err(format!("{expected}, with a hostname"));
    }
    if rest.trim_end_matches('/').ends_with("/chat/completions") {
        return Err(format!("{expected}, without `/chat/completions` at the end"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

fn parse_variable_name(reader: &TableReader<'_>) -> Result<Option<String>, ParseError> {
    let name = reader.text("api_key_env")?;
    match name {
        Some(name) if !is_variable_name(&name) => Err(reader.field_problem(
            "api_key_env",
            "expected the name of an environment variable (A-Z, 0-9, and `_`), not the key itself",
        )),
        name => Ok(name),
    }
}

fn parse_avatar(reader: &TableReader<'_>) -> Result<Option<String>, ParseError> {
    match reader.text("avatar")? {
        Some(avatar) if !is_avatar(&avatar) => Err(reader.field_problem(
            "avatar",
            format!("expected an emoji, a color such as \"#3b82f6\", or a CSS color name, found {avatar:?}"),
        )),
        avatar => Ok(avatar),
    }
}

fn is_avatar(text: &str) -> bool {
    if let Some(digits) = text.strip_prefix('#') {
        return matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    }
    let is_color_name = (3..=24).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase());
    // An emoji can consist of several characters, such as eleven for a family with skin tones.
    let is_emoji = text.chars().count() <= 12
        && !text.is_ascii()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || c.is_alphabetic());
    is_color_name || is_emoji
}
