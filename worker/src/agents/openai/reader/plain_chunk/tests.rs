//! Compares plain chunks with the objects that they replace.
//!
//! If a property test fails, it prints its seed. To reproduce the failure, set `PROPTEST_RNG_SEED` to the seed.

mod frames;

use banter_shared::clock::Timestamp;
use proptest::{collection::vec, prelude::*, sample::select};

use self::frames::{event, frame};
use super::*;
use crate::agents::openai::{
    errors::Context,
    reader::{
        answer::{Assembler, MessageEffect},
        chunk,
        message::{self, ServerMessage},
        reports,
    },
    tests::properties::config,
};

/// Frames that reveal the assembler's state.
const PROBES: [&str; 5] = [
    r#"{"choices":[{"index":1,"delta":{"content":"c"}}]}"#,
    r#"{"choices":[{"index":0,"delta":{},"message":{"content":"abc"},"finish_reason":"stop"}]}"#,
    r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#,
    r#"{"message":"slot lost"}"#,
    "upstream request timeout",
];

fn assembler(is_unopened: bool) -> Assembler<'static> {
    let now: Timestamp = "2026-01-31T12:00:00Z".parse().unwrap();
    Assembler::new(Context { key: Some("sk-test"), now }, is_unopened)
}

/// Returns the observable state of an assembler.
fn state(assembler: &mut Assembler<'_>) -> String {
    let facts = [
        assembler.is_done(),
        assembler.is_completion(),
        assembler.has_output(),
        assembler.has_only_thoughts(),
        assembler.was_contradicted(),
        assembler.is_finish_credible(),
        assembler.has_final_usage(),
    ];
    let words = (assembler.explained(), assembler.last_text().map(str::to_owned));
    let answer = (assembler.finish(), assembler.answer(), assembler.is_unopened());
    format!("{facts:?} {words:?} {answer:?} {:?}", assembler.take_updates())
}

/// Processes frames and returns the effect of each message and the state after it.
fn assemble(frames: &[Frame], read: fn(&Frame) -> Vec<ServerMessage>, is_unopened: bool) -> Vec<String> {
    let mut assembler = assembler(is_unopened);
    let mut log = Vec::new();
    for message in frames.iter().flat_map(read) {
        let effect = assembler.take(&message);
        let is_end = matches!(effect, Ok(MessageEffect::Done) | Err(_));
        log.push(format!("{effect:?} {}", state(&mut assembler)));
        if is_end {
            break;
        }
    }
    assembler.end(true);
    log.push(state(&mut assembler));
    log
}

proptest! {
    #![proptest_config(config(4_000))]

    #[test]
    fn equals_the_object_that_it_replaces(frame in frame()) {
        if let Some(plain) = PlainChunk::parse(&frame) {
            let messages = message::read_any(&frame);
            let [ServerMessage::Object { value, is_document: false }] = messages.as_slice() else {
                return Err(TestCaseError::fail(format!("not an object: {messages:?}")));
            };

            for wanted in [None, Some(0), Some(1)] {
                prop_assert_eq!(plain.to_chunk(wanted), chunk::read(value, wanted));
            }
            prop_assert_eq!(reports::find(value), None);
        }
    }

    #[test]
    fn has_the_same_effect_on_any_answer(
        frames in vec(prop_oneof![3 => frame(), 1 => select(&PROBES[..]).prop_map(event)], 1..6),
        is_unopened in any::<bool>(),
    ) {
        let found = assemble(&frames, message::read, is_unopened);
        let expected = assemble(&frames, message::read_any, is_unopened);

        prop_assert_eq!(found, expected);
    }
}

#[test]
fn parses_the_chunks_of_common_servers() {
    for data in [
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"a\n"},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"x"}"#,
        r#"{"choices":[{"finish_reason":null,"index":0,"delta":{"content":"a\n"}}],"created":1,"id":"c1","model":"m","system_fingerprint":"b1","object":"chat.completion.chunk"}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"a\n"},"logprobs":null,"finish_reason":null,"token_ids":null}]}"#,
        r#"{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":null,"content":"a\n","reasoning_content":null,"tool_calls":null},"logprobs":null,"finish_reason":null,"matched_stop":null}],"usage":null}"#,
        r#"{"id":"c1","provider":"p","model":"m","object":"chat.completion.chunk","created":1,"choices":[{"index":0,"delta":{"role":"assistant","content":"a\n"},"finish_reason":null,"native_finish_reason":null,"logprobs":null}]}"#,
        r#" { "object" : "chat.completion.chunk", "choices" : [ { "delta" : { "content" : "\u0061\n" } } ] } "#,
    ] {
        assert_eq!(PlainChunk::parse(&event(data)), Some(PlainChunk { text: "a\n".into() }), "{data}");
    }
}
