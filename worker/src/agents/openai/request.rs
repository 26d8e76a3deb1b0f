//! Builds completion requests.

use std::borrow::Cow;

use banter_shared::{
    agents_file::OpenaiConfig,
    chat::{HistoryMessage, Role},
};
use serde::Serialize;

use super::dialect::Dialect;

/// The separator between the parts of a joined message.
const SEPARATOR: &str = "\n\n";

/// The body of a completion request. Borrows the text of the conversation.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct CompletionRequest<'a> {
    model: &'a str,
    messages: Vec<RequestMessage<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
}

#[derive(Debug, PartialEq, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, PartialEq, Serialize)]
struct RequestMessage<'a> {
    role: RequestRole,
    content: Cow<'a, str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum RequestRole {
    System,
    User,
    Assistant,
}

impl From<Role> for RequestRole {
    fn from(role: Role) -> Self {
        match role {
            Role::User => Self::User,
            Role::Assistant => Self::Assistant,
        }
    }
}

/// Returns the request for the next answer in this conversation.
pub(super) fn completion<'a>(
    config: &'a OpenaiConfig,
    model: &'a str,
    history: &'a [HistoryMessage],
    dialect: Dialect,
) -> CompletionRequest<'a> {
    let limit = |is_sent: bool| config.max_tokens.filter(|_| is_sent);
    CompletionRequest {
        model,
        messages: messages(config.system_prompt.as_deref(), history, dialect),
        stream: true,
        stream_options: (!dialect.no_stream_options).then_some(StreamOptions { include_usage: true }),
        temperature: config.temperature,
        max_completion_tokens: limit(dialect.completion_tokens),
        max_tokens: limit(!dialect.completion_tokens),
        seed: config.seed,
    }
}

/// Returns the messages to send. Changes, joins, or omits messages only if the dialect requires it.
fn messages<'a>(
    system_prompt: Option<&'a str>,
    history: &'a [HistoryMessage],
    dialect: Dialect,
) -> Vec<RequestMessage<'a>> {
    let message = |role, content: &'a str| RequestMessage { role, content: content.into() };
    let mut messages: Vec<RequestMessage<'a>> = Vec::with_capacity(history.len() + 1);
    for HistoryMessage { role, content, .. } in history {
        if dialect.no_empty_messages && content.trim().is_empty() {
            continue;
        }
        let role = RequestRole::from(*role);
        match messages.last_mut() {
            Some(last) if dialect.alternate_roles && last.role == role => {
                let joined = last.content.to_mut();
                joined.push_str(SEPARATOR);
                joined.push_str(content);
            }
            None if dialect.alternate_roles && role == RequestRole::Assistant => {}
            Some(_) | None => messages.push(message(role, content)),
        }
    }
    let Some(prompt) = system_prompt else { return messages };
    if !dialect.no_system_role {
        messages.insert(0, message(RequestRole::System, prompt));
    } else if let Some(first) = messages.iter_mut().find(|message| message.role == RequestRole::User) {
        first.content = format!("{prompt}{SEPARATOR}{}", first.content).into();
    } else {
        messages.insert(0, message(RequestRole::User, prompt));
    }
    messages
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn value(request: impl Serialize) -> Value {
        serde_json::to_value(request).unwrap()
    }

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
        assert_eq!(value(completion(&config, "m", &history, Dialect::default())), plain);

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
        assert_eq!(value(completion(&config, "m", &history[..1], dialect)), full);
    }

    #[test]
    fn writes_the_fields_in_a_fixed_order() {
        let history = history(&[(Role::User, "é\n")]);
        let mut config = OpenaiConfig::at("http://x".into());
        (config.system_prompt, config.temperature) = (Some("Be brief.".into()), Some(0.3));
        (config.max_tokens, config.seed) = (Some(9), Some(-1));

        let request = completion(&config, "m", &history, Dialect::default());

        let expected = concat!(
            r#"{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"é\n"}],"#,
            r#""stream":true,"stream_options":{"include_usage":true},"temperature":0.3,"max_tokens":9,"seed":-1}"#,
        );
        assert_eq!(serde_json::to_string(&request).unwrap(), expected);
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
        let arranged = |dialect| value(messages(Some("Be brief."), &history, dialect));

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
