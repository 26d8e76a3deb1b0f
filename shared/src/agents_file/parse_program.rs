//! Parses the tables of agents that use the `acp` or `command` driver.

use super::{
    error::ParseError,
    program::{AcpConfig, AnswerFormat, CommandConfig, CommandInput, PermissionPolicy, ProgramConfig},
    reader::{DAY_S, TableReader},
};

/// Fields supported by all agents that run as programs.
pub(super) const PROGRAM_FIELDS: [&str; 6] = ["command", "args", "env", "secrets", "history_bytes", "idle_timeout_s"];
/// Additional fields of the `acp` driver.
pub(super) const ACP_FIELDS: [&str; 7] =
    ["mode", "model", "permission", "permission_timeout_s", "keep_warm_s", "max_processes", "max_memory_mb"];
/// Additional fields of the `command` driver.
pub(super) const COMMAND_FIELDS: [&str; 2] = ["input", "format"];
/// Banter's own variables, which are never passed to an agent.
const OWN_VARIABLES: [&str; 2] = ["DATABASE_URL", "REDIS_URL"];

pub(super) fn parse_acp(reader: &TableReader<'_>) -> Result<AcpConfig, ParseError> {
    let default = AcpConfig::new(parse_program(reader)?);
    let permission = reader.choice(
        "permission",
        &[("ask", PermissionPolicy::Ask), ("reject", PermissionPolicy::Reject), ("allow", PermissionPolicy::Allow)],
    )?;
    Ok(AcpConfig {
        mode: reader.text("mode")?,
        model: reader.text("model")?,
        permission: permission.unwrap_or_default(),
        permission_timeout: reader.seconds("permission_timeout_s", 0..=DAY_S)?.filter(|limit| !limit.is_zero()),
        history_bytes: reader.history_bytes()?.unwrap_or(default.history_bytes),
        idle_timeout: reader.seconds("idle_timeout_s", 1..=DAY_S)?.unwrap_or(default.idle_timeout),
        keep_warm: reader.seconds("keep_warm_s", 0..=DAY_S)?.unwrap_or(default.keep_warm),
        max_processes: reader.whole("max_processes", 1..=1024)?.unwrap_or(default.max_processes),
        max_memory_mb: reader.whole("max_memory_mb", 16..=16 * 1024 * 1024)?.unwrap_or(default.max_memory_mb),
        ..default
    })
}

pub(super) fn parse_command(reader: &TableReader<'_>) -> Result<CommandConfig, ParseError> {
    let default = CommandConfig::new(parse_program(reader)?);
    let input = reader.choice(
        "input",
        &[("transcript", CommandInput::Transcript), ("message", CommandInput::Message), ("json", CommandInput::Json)],
    )?;
    let format = reader.choice("format", &[("markdown", AnswerFormat::Markdown), ("text", AnswerFormat::Text)])?;
    Ok(CommandConfig {
        input: input.unwrap_or_default(),
        format: format.unwrap_or(default.format),
        history_bytes: reader.history_bytes()?.unwrap_or(default.history_bytes),
        idle_timeout: reader.seconds("idle_timeout_s", 1..=DAY_S)?.unwrap_or(default.idle_timeout),
        ..default
    })
}

fn parse_program(reader: &TableReader<'_>) -> Result<ProgramConfig, ParseError> {
    let Some(command) = reader.text("command")? else {
        return Err(reader.problem("`command` is missing; expected a program such as \"opencode\" or its path"));
    };
    let env = reader.variables("env")?.unwrap_or_default();
    let secrets = reader.texts("secrets", 32, 128)?.unwrap_or_default();
    if let Some(name) = secrets.iter().find(|name| !is_variable_name(name)) {
        // The value is not shown, because it may be the secret itself.
        let hint = "expected names of environment variables (A-Z, 0-9, and `_`), not the secrets themselves";
        return Err(reader.field_problem("secrets", format!("{hint}; found an invalid name of length {}", name.len())));
    }
    let own = |name: &&String| OWN_VARIABLES.contains(&name.as_str());
    if let Some(name) = secrets.iter().find(own) {
        return Err(reader.field_problem("secrets", format!("`{name}` must not be passed to an agent; remove it")));
    }
    if let Some(name) = env.keys().find(own) {
        return Err(reader.field_problem("env", format!("`{name}` must not be passed to an agent; remove it")));
    }
    Ok(ProgramConfig { command, args: reader.arguments("args")?.unwrap_or_default(), env, secrets })
}

/// Returns whether a name consists of uppercase letters, digits, and underscores, and does not start with a digit. The
/// name is shown to users if the variable is unset, so this check also rejects most secrets entered by mistake.
pub(super) fn is_variable_name(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
}
