//! Builds completion requests.

use std::borrow::Cow;

use banter_shared::{agents_file::OpenaiConfig, chat::Role};
use serde::{Serialize, Serializer};

use super::{dialect::Dialect, files::PromptMessage};

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
    content: RequestContent<'a>,
}

/// The content of a message. Sent as a string if there are no images, because some servers accept nothing else.
#[derive(Debug, Default, PartialEq)]
struct RequestContent<'a> {
    text: Cow<'a, str>,
    images: Vec<&'a str>,
}

impl Serialize for RequestContent<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.images.is_empty() {
            return self.text.serialize(serializer);
        }
        let text = (!self.text.is_empty()).then_some(ContentPart::Text { text: &self.text });
        let images = self.images.iter().map(|url| ContentPart::ImageUrl { image_url: ImageUrl { url } });
        serializer.collect_seq(text.into_iter().chain(images))
    }
}

/// A part of a message with images.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Serialize)]
struct ImageUrl<'a> {
    url: &'a str,
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
    history: &'a [PromptMessage],
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
    history: &'a [PromptMessage],
    dialect: Dialect,
) -> Vec<RequestMessage<'a>> {
    let message = |role, text: &'a str, images: &'a [String]| RequestMessage {
        role,
        content: RequestContent { text: text.into(), images: images.iter().map(String::as_str).collect() },
    };
    let mut messages: Vec<RequestMessage<'a>> = Vec::with_capacity(history.len() + 1);
    for PromptMessage { role, text, images } in history {
        if dialect.no_empty_messages && text.trim().is_empty() && images.is_empty() {
            continue;
        }
        let role = RequestRole::from(*role);
        match messages.last_mut() {
            Some(last) if dialect.alternate_roles && last.role == role => {
                let joined = last.content.text.to_mut();
                joined.push_str(SEPARATOR);
                joined.push_str(text);
                last.content.images.extend(images.iter().map(String::as_str));
            }
            None if dialect.alternate_roles && role == RequestRole::Assistant => {}
            Some(_) | None => messages.push(message(role, text, images)),
        }
    }
    let Some(prompt) = system_prompt else { return messages };
    if !dialect.no_system_role {
        messages.insert(0, message(RequestRole::System, prompt, &[]));
    } else if let Some(first) = messages.iter_mut().find(|message| message.role == RequestRole::User) {
        first.content.text = format!("{prompt}{SEPARATOR}{}", first.content.text).into();
    } else {
        messages.insert(0, message(RequestRole::User, prompt, &[]));
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

    fn history(messages: &[(Role, &str)]) -> Vec<PromptMessage> {
        let message =
            |(role, text): &(Role, &str)| PromptMessage { role: *role, text: (*text).into(), images: Vec::new() };
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

    #[test]
    fn sends_images_as_parts() {
        let with_image = |role, text: &str| PromptMessage { role, text: text.into(), images: vec!["data:x".into()] };
        let history = [with_image(Role::User, "a"), with_image(Role::User, "")];
        let image = json!({"type": "image_url", "image_url": {"url": "data:x"}});
        let sent = |dialect| value(messages(None, &history, dialect));

        let text = |text: &str| json!({"type": "text", "text": text});
        assert_eq!(
            sent(Dialect { no_empty_messages: true, ..Dialect::default() }),
            json!([{"role": "user", "content": [text("a"), image]}, {"role": "user", "content": [image]}])
        );
        assert_eq!(
            sent(Dialect { alternate_roles: true, ..Dialect::default() }),
            json!([{"role": "user", "content": [text("a\n\n"), image, image]}])
        );
    }
}
