//! Parses the `[[folders]]` tables of `agents.toml`.

use std::path::{Component, PathBuf};

use super::{
    error::ParseError,
    folder::{FolderConfig, Isolation},
    reader::TableReader,
};

/// The fields of a folder.
const FIELDS: [&str; 5] = ["key", "name", "path", "agents", "isolation"];

/// Parses a folder. `agent_keys` are the keys of all agents.
pub(super) fn parse_folder(reader: &mut TableReader<'_>, agent_keys: &[&str]) -> Result<FolderConfig, ParseError> {
    let key = reader.key("folder")?;
    reader.allow_only(&FIELDS, |_| None)?;
    let agents = reader.texts("agents", 100, 64)?;
    if let Some(unknown) = agents.iter().flatten().find(|agent| !agent_keys.contains(&agent.as_str())) {
        return Err(reader.field_problem("agents", format!("there is no agent with the key {unknown:?}")));
    }
    let isolations = [("none", Isolation::None), ("worktree", Isolation::Worktree)];
    Ok(FolderConfig {
        name: reader.name()?.unwrap_or_else(|| key.clone()),
        path: parse_path(reader)?,
        agents,
        isolation: reader.choice("isolation", &isolations)?.unwrap_or_default(),
        key,
    })
}

fn parse_path(reader: &TableReader<'_>) -> Result<PathBuf, ParseError> {
    const EXPECTED: &str = "expected an absolute path on the worker, such as \"/home/me/project\"";
    let Some(text) = reader.text("path")? else {
        return Err(reader.problem(format!("`path` is missing; {EXPECTED}")));
    };
    let path = PathBuf::from(&text);
    let is_plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    if !path.is_absolute() || !is_plain || text.contains('\0') {
        return Err(reader.field_problem("path", format!("{EXPECTED}, without `..`")));
    }
    Ok(path)
}
