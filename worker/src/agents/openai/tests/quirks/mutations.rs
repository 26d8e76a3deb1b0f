//! Fixed and random mutations of typical streams. They must not cause a panic or a hang, or make an incomplete answer
//! count as a success.
//!
//! If a property test fails, it prints its seed. To reproduce the failure, set `PROPTEST_RNG_SEED` to the seed.

use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select},
};
use tokio::runtime::Builder;

use super::*;
use crate::agents::openai::tests::properties::config;

/// A way to damage the frames in a stream.
#[derive(Clone, Debug)]
enum Damage {
    Insert(&'static str),
    Repeat,
    Remove,
}

/// Frames that are not part of an answer.
const UNKNOWN_FRAMES: [&str; 11] = [
    "data: {oops\n\n",
    "\u{0}\n",
    "data: \n\n",
    "event: x\n",
    "\n\n",
    "{\n",
    "]\n",
    ": x\n",
    "data: [DON\n\n",
    "<html>\n",
    "data: \"\\ud83d\"\n\n",
];

/// Runs a future with tokio's time paused.
fn run<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// Returns typical streams, as lists of frames. The last two frames end the stream.
fn streams() -> Vec<Vec<String>> {
    let thought = |text: &str| delta(&json!({"reasoning_content": text}));
    let done = DONE.to_owned();
    vec![
        vec![
            delta(&json!({"role": "assistant", "content": null})),
            text("Hé"),
            text("llo 🎉"),
            end("stop"),
            done.clone(),
        ],
        vec![text("<think>"), text("hm"), text("</think>\n"), text("a"), text("b"), end("stop"), done.clone()],
        vec![thought("h"), ": ping\n\n".to_owned(), thought("m"), text("a"), end("length"), done.clone()],
        vec![
            r#"data: {"choices":[{"delta":{"content":"\ud83c"}}]}"#.to_owned() + "\n\n",
            r#"data: {"choices":[{"delta":{"content":"\udf89"}}]}"#.to_owned() + "\n\n",
            end("stop"),
            done,
        ],
    ]
}

/// Generates up to 12 positions at which to split a stream.
fn cuts() -> impl Strategy<Value = Vec<Index>> {
    vec(any::<Index>(), 0..=12)
}

/// Splits bytes at these positions.
fn split(bytes: &[u8], cuts: &[Index]) -> Vec<Action> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).chain([bytes.len()]).collect();
    ends.sort_unstable();
    ends.dedup();
    let starts = [0].into_iter().chain(ends.clone());
    starts
        .zip(ends)
        .filter(|(start, end)| start < end)
        .map(|(start, end)| Action::Bytes(bytes[start..end].to_vec()))
        .collect()
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![select(&UNKNOWN_FRAMES[..]).prop_map(Damage::Insert), Just(Damage::Repeat), Just(Damage::Remove)]
}

prop_compose! {
    /// Generates a stream with damaged frames and bytes, cut off at a random position.
    fn damaged_stream()(
        stream in select(streams()),
        frames in vec((any::<Index>(), damage()), 1..4),
        bytes in vec((any::<Index>(), any::<u8>()), 0..6),
        length in any::<Index>(),
        cuts in cuts(),
        end in select(vec![Action::Break, Action::Silence, Action::Pause(1)]),
    ) -> Vec<Action> {
        let mut stream = stream;
        for (at, damage) in frames {
            let at = at.index(stream.len() + 1);
            match damage {
                Damage::Insert(frame) => stream.insert(at, frame.to_owned()),
                Damage::Repeat if at < stream.len() => stream.insert(at, stream[at].clone()),
                Damage::Remove if at < stream.len() => {
                    stream.remove(at);
                }
                Damage::Repeat | Damage::Remove => {}
            }
        }
        let mut damaged = stream.concat().into_bytes();
        for (at, byte) in bytes {
            if !damaged.is_empty() {
                let at = at.index(damaged.len());
                damaged[at] = byte;
            }
        }
        damaged.truncate(length.index(damaged.len() + 1));
        let mut sends = split(&damaged, &cuts);
        sends.push(end);
        sends
    }
}

proptest! {
    #![proptest_config(config(1_200))]

    #[test]
    fn reads_the_same_answer_at_any_split(stream in select(streams()), cuts in cuts()) {
        let whole = stream.concat().into_bytes();

        let expected = run(read("", vec![Action::Bytes(whole.clone())])).read;
        let found = run(read("", split(&whole, &cuts))).read;

        prop_assert_eq!(found, expected);
    }

    #[test]
    fn always_finishes_despite_random_damage(sends in damaged_stream()) {
        let found = run(read("", sends));

        prop_assert!(found.took <= 2 * IDLE, "took {:?}", found.took);
    }
}

#[tokio::test(start_paused = true)]
async fn never_succeeds_if_cut_before_the_end() {
    for stream in streams() {
        let end = stream.len() - 2;
        let before_end = stream[..end].concat().into_bytes();
        for cut in 0..=before_end.len() {
            for how in [None, Some(Action::Break), Some(Action::Silence)] {
                let sends = std::iter::once(Action::Bytes(before_end[..cut].to_vec())).chain(how).collect();
                let found = read("", sends).await.read;
                assert!(found.outcome.is_err(), "cut at {cut}: {found:?}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn never_succeeds_with_an_error() {
    let errors = [
        "error: {\"message\":\"slot lost\"}\n",
        "event: error\ndata: slot lost\n\n",
        "data: {\"error\":\"slot lost\"}\n\n",
        "{\"detail\":\"slot lost\"}\n",
    ];
    for stream in streams() {
        // Insert the error before the last frame, because nothing after [DONE] is read.
        for at in 0..stream.len() {
            for error in errors {
                let mut damaged = stream.clone();
                damaged.insert(at, error.to_owned());
                let sends = damaged.concat().as_bytes().chunks(7).map(|bytes| Action::Bytes(bytes.to_vec())).collect();

                let message = read("", sends).await.read.outcome.unwrap_err().1;

                assert!(message.contains("slot lost"), "{message}");
            }
        }
    }
}
