//! Random damage to usual streams: it never causes a panic, a hang, or a success for a broken answer. A failure prints
//! its seed; `QUIRKS_SEED` repeats it.

use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::*;

/// Number of damaged streams in a run.
const ROUNDS: u64 = 1_500;

/// Returns streams as servers send them, as frames. The last one or two frames are the end.
fn sessions() -> Vec<Vec<String>> {
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

fn seed() -> u64 {
    std::env::var("QUIRKS_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(0)
}

/// Splits bytes at random positions.
fn split(bytes: &[u8], random: &mut StdRng) -> Vec<Action> {
    let mut rest = bytes;
    let mut sends = Vec::new();
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(random.random_range(1..=rest.len()));
        sends.push(Action::Bytes(head.to_vec()));
        rest = tail;
    }
    sends
}

#[tokio::test(start_paused = true)]
async fn reads_the_same_answer_at_any_split() {
    for session in sessions() {
        let whole = session.concat().into_bytes();
        let expected = read("", vec![Action::Bytes(whole.clone())]).await.read;
        for round in 0..300 {
            let seed = seed() + round;
            let found = read("", split(&whole, &mut StdRng::seed_from_u64(seed))).await.read;
            assert_eq!(found, expected, "QUIRKS_SEED={seed}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn never_succeeds_if_cut_before_the_end() {
    for session in sessions() {
        let end = session.len() - 2;
        let before_end = session[..end].concat().into_bytes();
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
    for session in sessions() {
        // Before the last frame: nothing is read after [DONE].
        for at in 0..session.len() {
            for error in errors {
                let mut damaged = session.clone();
                damaged.insert(at, error.to_owned());
                let found = read("", split(damaged.concat().as_bytes(), &mut StdRng::seed_from_u64(seed()))).await.read;
                let message = found.outcome.unwrap_err().1;
                assert!(message.contains("slot lost"), "{message}");
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn always_finishes_with_random_damage() {
    let sessions = sessions();
    let unknown = [
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
    for round in 0..ROUNDS {
        let seed = seed() + round;
        let mut random = StdRng::seed_from_u64(seed);
        let mut frames = sessions[random.random_range(0..sessions.len())].clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..=frames.len());
            match random.random_range(0..3) {
                0 => frames.insert(at, unknown[random.random_range(0..unknown.len())].to_owned()),
                1 if at < frames.len() => frames.insert(at, frames[at].clone()),
                _ if at < frames.len() => {
                    frames.remove(at);
                }
                _ => {}
            }
        }
        let mut bytes = frames.concat().into_bytes();
        for _ in 0..random.random_range(0..6) {
            if !bytes.is_empty() {
                let at = random.random_range(0..bytes.len());
                bytes[at] = random.random();
            }
        }
        bytes.truncate(random.random_range(0..=bytes.len()));
        let mut sends = split(&bytes, &mut random);
        sends.extend([Action::Break, Action::Silence, Action::Pause(1)].into_iter().nth(random.random_range(0..3)));
        let found = read("", sends).await;
        assert!(found.took <= 2 * IDLE, "QUIRKS_SEED={seed}: took {:?}", found.took);
    }
}
