//! Builds completion requests.

use std::borrow::Cow;

use banter_shared::{
    agents_file::OpenaiConfig,
    chat::{HistoryMessage, Role},
};
use serde_json::{Map, Value, json};

use super::dialect::Dialect;

/// The separator between the parts of a joined message.
const SEPARATOR: &str = "\n\n";

/// Returns the request for the next answer in this conversation.
pub(super) fn completion(config: &OpenaiConfig, model: &str, history: &[HistoryMessage], dialect: Dialect) -> Value {
    let mut request = Map::new();
    request.insert("model".into(), model.into());
    request.insert("messages".into(), messages(config.system_prompt.as_deref(), history, dialect));
    request.insert("stream".into(), true.into());
    if !dialect.no_stream_options {
        request.insert("stream_options".into(), json!({"include_usage": true}));
    }
    if let Some(temperature) = config.temperature {
        request.insert("temperature".into(), temperature.into());
    }
    if let Some(max_tokens) = config.max_tokens {
        let name = if dialect.completion_tokens { "max_completion_tokens" } else { "max_tokens" };
        request.insert(name.into(), max_tokens.into());
    }
    if let Some(seed) = config.seed {
        request.insert("seed".into(), seed.into());
    }
    Value::Object(request)
}

/// Returns the messages, which are neither changed nor joined unless the dialect requires it.
fn messages(system_prompt: Option<&str>, history: &[HistoryMessage], dialect: Dialect) -> Value {
    let mut messages: Vec<(Role, Cow<'_, str>)> = Vec::with_capacity(history.len());
    for HistoryMessage { role, content, .. } in history {
        if dialect.no_empty_messages && content.trim().is_empty() {
            continue;
        }
        match messages.last_mut() {
            Some((last, text)) if dialect.alternate_roles && last == role => {
                *text = format!("{text}{SEPARATOR}{content}").into();
            }
            None if dialect.alternate_roles && *role == Role::Assistant => {}
            Some(_) | None => messages.push((*role, content.into())),
        }
    }
    let mut system_prompt = system_prompt;
    if dialect.no_system_role
        && let Some(prompt) = system_prompt.take()
    {
        match messages.iter_mut().find(|(role, _)| *role == Role::User) {
            Some((_, text)) => *text = format!("{prompt}{SEPARATOR}{text}").into(),
            None => messages.insert(0, (Role::User, prompt.into())),
        }
    }
    let system = system_prompt.map(|prompt| json!({"role": "system", "content": prompt}));
    let messages = messages.iter().map(|(role, text)| {
        let role = match role {
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        json!({"role": role, "content": text})
    });
    system.into_iter().chain(messages).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(messages: &[(Role, &str)]) -> Vec<HistoryMessage> {
        let message =
            |(role, content): &(Role, &str)| HistoryMessage { turn: 1, role: *role, content: (*content).into() };
        messages.iter().map(message).collect()
    }

    #[test]
    fn sends_only_what_is_configured() {
        let history = history(&[(Role::User, " a\n"), (Role::User, "b"), (Role::Assistant, "c")]);
        let mut config = OpenaiConfig::at("http://x".into());

        let plain = json!({
            "model": "m",
            "messages": [
                {"role": "user", "content": " a\n"},
                {"role": "user", "content": "b"},
                {"role": "assistant", "content": "c"},
            ],
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        assert_eq!(completion(&config, "m", &history, Dialect::default()), plain);

        config.system_prompt = Some("Be brief.".into());
        config.temperature = Some(0.0);
        config.max_tokens = Some(9);
        config.seed = Some(1);
        let full = json!({
            "model": "m",
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " a\n"}],
            "stream": true,
            "temperature": 0.0,
            "max_completion_tokens": 9,
            "seed": 1,
        });
        let dialect = Dialect { no_stream_options: true, completion_tokens: true, ..Dialect::default() };
        assert_eq!(completion(&config, "m", &history[..1], dialect), full);
    }

    #[test]
    fn arranges_messages_as_the_dialect_requires() {
        let history = history(&[
            (Role::Assistant, "0"),
            (Role::User, "a"),
            (Role::User, "b"),
            (Role::Assistant, ""),
            (Role::User, "c "),
            (Role::Assistant, "1"),
            (Role::User, "d"),
        ]);
        let arranged = |dialect| messages(Some("Be brief."), &history, dialect);

        let dialect = Dialect { alternate_roles: true, no_empty_messages: true, ..Dialect::default() };
        let expected = json!([
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "a\n\nb\n\nc "},
            {"role": "assistant", "content": "1"},
            {"role": "user", "content": "d"},
        ]);
        assert_eq!(arranged(dialect), expected);

        let without_system = arranged(Dialect { no_system_role: true, ..dialect });
        assert_eq!(without_system[0], json!({"role": "user", "content": "Be brief.\n\na\n\nb\n\nc "}));
        assert_eq!(without_system.as_array().map(Vec::len), Some(3));

        let without_empty = arranged(Dialect { no_empty_messages: true, ..Dialect::default() });
        assert_eq!(without_empty.as_array().map(Vec::len), Some(7));
    }
}
