//! Generates frames that are in the ordinary form or deviate from it.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select, subsequence},
};

use crate::agents::openai::reader::frames::Frame;

/// The names and values of an object's members. Names have no quotes and may occur more than once. Values are JSON. An
/// empty value stands for the object or text on the next level.
type Members = Vec<(String, String)>;

/// The objects in a chunk, from the outside in.
#[derive(Clone, Copy, Debug)]
enum Level {
    Root,
    Choice,
    Delta,
}

/// A deviation from the ordinary form.
#[derive(Clone, Debug)]
enum Deviation {
    Insert(Level, Index, String, String),
    Replace(Level, Index, String),
    Remove(Level, Index),
    /// A list of the values in place of the object.
    List(Level),
    /// The choice in place of a list of choices.
    Unlisted,
    /// Another choice, either before or after the first one.
    Choice {
        is_first: bool,
        choice: String,
    },
    /// Text around the object.
    Surround(&'static str, &'static str),
    /// The end of the frame is missing.
    Truncate(Index),
    /// An event name, or another kind of frame.
    Frame {
        name: &'static str,
        is_event: bool,
        is_cut: bool,
    },
}

/// The members in the ordinary form, separated by vertical bars, for each level.
const ORDINARY: [&str; 3] = [
    r#"object:"chat.completion.chunk"|choices:|id:"c1"|created:1769860800|model:"m"|provider:"p"|service_tier:null|system_fingerprint:"fp"|obfuscation:"aB3"|usage:null"#,
    "delta:|index:0|finish_reason:null|native_finish_reason:null|stop_reason:null|matched_stop:null|logprobs:null|token_ids:null",
    r#"content:|role:"assistant"|reasoning_content:null|reasoning:null|refusal:null|tool_calls:null|function_call:null"#,
];
/// The names of inserted members, separated by spaces.
const NAMES: &str = concat!(
    "id object created model provider service_tier system_fingerprint obfuscation choices usage error errors type event ",
    "status state code message msg detail reason success index delta finish_reason native_finish_reason stop_reason ",
    "matched_stop logprobs token_ids role content text parts refusal audio images image image_url files thought thoughts ",
    "thinking reasoning reasoning_content reasoning_text reasoning_details thinking_blocks extra_content tool_calls ",
    r"function_call x 0 Content c\u006fntent err\u006fr index\u0000 \ud83d \q ",
    "$serde_json::private::RawValue $serde_json::private::Number",
);
/// Values for replaced and inserted members, separated by vertical bars.
const VALUES: &str = concat!(
    r#"null|true|false|0|1|2|-0|-1|0.0|1.5|1e0|127|128|500|01|18446744073709551615|18446744073709551616|1e999|NaN|"#,
    r#"""|"0"|"a"|" "|"é🎉"|"<think>"|"</think>"|"stop"|"length"|"content_filter"|"error"|"failed"|"new"|"assistant"|"#,
    r#""chat.completion"|"chat.completion.chunk"|"Chat.Completion.Chunk"|"slot lost"|"https://example.org/a.png"|"#,
    r#""\u0061"|"\u0000"|"\n\""|"\ud83c\udf89"|"\ud83c"|"\udf89"|"\q"|{}|[]|[{}]|[null]|["assistant","a"]|"#,
    r#"[{"type":"text","text":"a"}]|[{"index":0,"id":"c1","function":{"name":"f"}}]|"#,
    r#"{"message":"slot lost","role":"assistant","content":"ab"}|{"prompt_tokens":3,"completion_tokens":2}|"#,
    "\"\t\"|\"\u{fdd0}d83c\"",
);
/// Additional choices, separated by vertical bars.
const CHOICES: &str = concat!(
    r#"null|{}|{"index":0,"delta":{"content":"b"}}|{"index":1,"delta":{"content":"b"},"finish_reason":null}|"#,
    r#"{"index":1,"delta":{"content":""}}|[0,{"content":"b"}]"#,
);
/// Text before and after an object.
const SURROUNDINGS: [(&str, &str); 13] = [
    (" \n", "\t\r\n "),
    ("\u{a0}", ""),
    ("\u{feff}", ""),
    ("", ","),
    ("[", "]"),
    ("", "}"),
    ("", "[DONE]"),
    ("", "\n[DONE]"),
    ("", "\n{\"choices\":[{\"delta\":{\"content\":\"b\"}}]}"),
    ("error: ", ""),
    ("data: ", ""),
    ("oops\n", ""),
    ("\"", "\""),
];

/// Returns an event with this data.
pub(super) fn event(data: &str) -> Frame {
    Frame { name: String::new(), data: data.to_owned(), is_event: true, is_cut: false }
}

/// Generates one of the items in a list.
fn one_of(list: &'static str, separator: char) -> impl Strategy<Value = String> {
    select(list.split(separator).map(str::to_owned).collect::<Vec<_>>())
}

fn deviation() -> impl Strategy<Value = Deviation> {
    let level = || select(vec![Level::Root, Level::Choice, Level::Delta]);
    let at = any::<Index>;
    let name = select(vec!["", "message", "error", "ping"]);
    prop_oneof![
        6 => (level(), at(), one_of(NAMES, ' '), one_of(VALUES, '|'))
            .prop_map(|(level, at, name, value)| Deviation::Insert(level, at, name, value)),
        6 => (level(), at(), one_of(VALUES, '|')).prop_map(|(level, at, value)| Deviation::Replace(level, at, value)),
        2 => (level(), at()).prop_map(|(level, at)| Deviation::Remove(level, at)),
        1 => level().prop_map(Deviation::List),
        1 => Just(Deviation::Unlisted),
        1 => (any::<bool>(), one_of(CHOICES, '|'))
            .prop_map(|(is_first, choice)| Deviation::Choice { is_first, choice }),
        1 => select(SURROUNDINGS.to_vec()).prop_map(|(before, after)| Deviation::Surround(before, after)),
        1 => at().prop_map(Deviation::Truncate),
        1 => (name, any::<bool>(), any::<bool>())
            .prop_map(|(name, is_event, is_cut)| Deviation::Frame { name, is_event, is_cut }),
    ]
}

/// Generates the members on a level, in any order. Only `object` and the member that contains the next level are always
/// present.
fn members(level: Level) -> impl Strategy<Value = Members> {
    let ordinary = ORDINARY[level as usize].split('|').map(|member| member.split_once(':').unwrap());
    let ordinary: Members = ordinary.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (required, optional): (Members, Members) =
        ordinary.into_iter().partition(|(name, value)| value.is_empty() || name == "object");
    let count = optional.len();
    subsequence(optional, 0..=count).prop_map(move |optional| [required.clone(), optional].concat()).prop_shuffle()
}

/// Generates a JSON string, with or without escapes, or another value.
fn content() -> impl Strategy<Value = String> {
    let escaped = |text: String| text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<Vec<_>>().concat();
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::Value::from(text).to_string()),
        any::<String>().prop_map(move |text| format!("\"{}\"", escaped(text))),
        one_of(VALUES, '|'),
    ]
}

prop_compose! {
    /// Generates a frame with at most three deviations from the ordinary form.
    pub(super) fn frame()(
        root in members(Level::Root),
        choice in members(Level::Choice),
        delta in members(Level::Delta),
        content in content(),
        deviations in vec(deviation(), 0..4),
    ) -> Frame {
        let mut levels = [root, choice, delta];
        for deviation in &deviations {
            change_members(&mut levels, deviation);
        }
        let data = levels.iter().enumerate().rev().fold(content, |inner, (level, members)| {
            let is_list = |deviation: &Deviation| matches!(deviation, Deviation::List(list) if *list as usize == level);
            let text = object(members, &inner, deviations.iter().any(is_list));
            if level == Level::Choice as usize { choices(text, &deviations) } else { text }
        });
        deviations.iter().fold(event(&data), change_frame)
    }
}

fn change_members(levels: &mut [Members; 3], deviation: &Deviation) {
    match deviation {
        Deviation::Insert(level, at, name, value) => {
            let members = &mut levels[*level as usize];
            members.insert(at.index(members.len() + 1), (name.clone(), value.clone()));
        }
        Deviation::Replace(level, at, value) => {
            let members = &mut levels[*level as usize];
            let at = at.index(members.len().max(1));
            members.get_mut(at).into_iter().for_each(|(_, old)| old.clone_from(value));
        }
        Deviation::Remove(level, at) => {
            let members = &mut levels[*level as usize];
            if !members.is_empty() {
                members.remove(at.index(members.len()));
            }
        }
        Deviation::List(_)
        | Deviation::Unlisted
        | Deviation::Choice { .. }
        | Deviation::Surround(..)
        | Deviation::Truncate(_)
        | Deviation::Frame { .. } => {}
    }
}

/// Formats members as a JSON object, or only their values as a list.
fn object(members: &Members, inner: &str, is_list: bool) -> String {
    let members = members.iter().map(|(name, value)| {
        let value = if value.is_empty() { inner } else { value };
        if is_list { value.to_owned() } else { format!("\"{name}\":{value}") }
    });
    let members = members.collect::<Vec<_>>().join(",");
    if is_list { format!("[{members}]") } else { format!("{{{members}}}") }
}

fn choices(choice: String, deviations: &[Deviation]) -> String {
    if deviations.iter().any(|deviation| matches!(deviation, Deviation::Unlisted)) {
        return choice;
    }
    let mut choices = vec![choice];
    for deviation in deviations {
        if let Deviation::Choice { is_first, choice } = deviation {
            choices.insert(if *is_first { 0 } else { choices.len() }, choice.clone());
        }
    }
    format!("[{}]", choices.join(","))
}

fn change_frame(mut frame: Frame, deviation: &Deviation) -> Frame {
    match deviation {
        Deviation::Surround(before, after) => frame.data = format!("{before}{}{after}", frame.data),
        Deviation::Truncate(length) => {
            let length = length.index(frame.data.len() + 1);
            frame.data.truncate(frame.data.floor_char_boundary(length));
        }
        Deviation::Frame { name, is_event, is_cut } => {
            frame = Frame { name: (*name).to_owned(), data: frame.data, is_event: *is_event, is_cut: *is_cut };
        }
        Deviation::Insert(..)
        | Deviation::Replace(..)
        | Deviation::Remove(..)
        | Deviation::List(_)
        | Deviation::Unlisted
        | Deviation::Choice { .. } => {}
    }
    frame
}
