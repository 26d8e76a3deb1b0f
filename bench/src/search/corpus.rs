//! The messages that are searched: words as frequent as those of a natural language, and some Chinese.

use banter_tests::{database::Database, random::TestRng};
use rand::{RngExt as _, SeedableRng as _};

/// The number of different words.
const WORDS: usize = 200_000;
/// The number of words of a message.
const LENGTH: usize = 40;
/// The number of messages in a session.
const SESSION: usize = 200;
/// The number of messages in a transaction.
const BATCH: usize = 2000;
/// Every tenth message contains this many Chinese characters, of this many different ones.
const CHINESE: (usize, usize) = (30, 2000);

/// A function that returns the query and further parameters of a search, given the search's number.
type QueryOf = Box<dyn Fn(usize) -> (String, String)>;

/// The messages of one user.
pub(super) struct Corpus {
    messages: usize,
}

impl Corpus {
    pub(super) const fn new(messages: usize) -> Self {
        Self { messages }
    }

    /// Inserts all sessions and messages. Every tenth session is archived, and every hundredth has another agent.
    pub(super) async fn fill(&self, database: &Database) {
        let mut random = TestRng::seed_from_u64(7);
        for start in (0..self.messages).step_by(BATCH) {
            let end = (start + BATCH).min(self.messages);
            let mut statements = Vec::new();
            for number in (start.div_ceil(SESSION) * SESSION..end).step_by(SESSION) {
                let session = number / SESSION;
                let status = if session % 10 == 9 { "archived" } else { "active" };
                let agent = if session % 100 == 50 { "seldom" } else { "demo" };
                statements.push(format!(
                    "INSERT INTO chat_session (id, workspace_id, agent_key, creator_id, title, title_folded, status) \
                     VALUES ('{}', 'default', '{agent}', 'local', 'Session {session}', 'session {session}', '{status}')",
                    session_id(session)
                ));
            }
            let rows: Vec<String> = (start..end).map(|number| row(&mut random, number)).collect();
            statements.push(format!(
                "INSERT INTO chat_message (id, chat_session_id, role, content, task_id, turn, seq, finish_reason) VALUES {}",
                rows.join(", ")
            ));
            database.execute(&statements.join("; ")).await;
        }
    }

    /// Returns the kinds of searches, each with its queries.
    pub(super) fn kinds(&self) -> Vec<(&'static str, QueryOf)> {
        let sessions = self.messages / SESSION;
        let plain = |query_of: fn(usize) -> String| -> QueryOf { Box::new(move |n| (query_of(n), String::new())) };
        let with = |query_of: fn(usize) -> String, parameters: &'static str| -> QueryOf {
            Box::new(move |n| (query_of(n), parameters.to_owned()))
        };
        let common = |n: usize| format!("{} ", word(n % 10));
        let rare = |n: usize| word(20_000 + n * 577 % 100_000);
        vec![
            ("nothing", plain(|n| format!("nothing{n}"))),
            ("a rare word", plain(rare)),
            ("a common word", plain(common)),
            ("two common words", plain(|n| format!("{} {}", word(n % 10), word(10 + n % 20)))),
            ("common and rare", plain(|n| format!("{} {}", word(n % 10), word(20_000 + n * 577 % 100_000)))),
            ("a phrase", plain(|n| format!("\"{} {}\"", word(n % 20), word(n * 3 % 23)))),
            ("a rare phrase", plain(|n| format!("\"{} {}\"", word(100 + n % 50), word(700 + n * 3 % 100)))),
            ("a prefix of two letters", plain(|n| word(n % 300)[..2].to_owned())),
            ("a prefix of four letters", plain(|n| word(1000 + n * 31 % 9000)[..4].to_owned())),
            ("one Chinese character", plain(|n| chinese(n * 7).to_string())),
            ("two Chinese characters", plain(|n| [chinese(n * 7), chinese(n * 13)].iter().collect())),
            ("three Chinese characters", plain(|n| (1..4).map(|k| chinese(n * k)).collect())),
            ("a common word, archived", with(common, "&status=archived")),
            ("a rare word, archived", with(rare, "&status=archived")),
            ("a common word, rare agent", with(common, "&agent_key=seldom")),
            ("a common word, best match", with(common, "&sort=relevance")),
            ("a rare word, best match", with(rare, "&sort=relevance")),
            (
                "a common word in a session",
                Box::new(move |n| (word(n % 10), format!("&chat_session_id={}", session_id(n * 31 % sessions)))),
            ),
        ]
    }
}

fn session_id(number: usize) -> String {
    format!("00000002-0000-7000-8001-{number:012x}")
}

/// Returns the values of a message.
fn row(random: &mut TestRng, number: usize) -> String {
    let mut words: Vec<String> = (0..LENGTH).map(|_| word(zipf(random))).collect();
    if number.is_multiple_of(10) {
        words.push((0..CHINESE.0).map(|_| chinese(random.random_range(0..CHINESE.1))).collect());
    }
    let (session, place) = (number / SESSION, number % SESSION);
    let (role, reason) = if place.is_multiple_of(2) { ("user", "NULL") } else { ("assistant", "'stop'") };
    format!(
        "('00000002-0000-7000-8002-{number:012x}', '{}', '{role}', '{}', '00000002-0000-7000-8004-{:012x}', {}, {}, {reason})",
        session_id(session),
        words.join(" "),
        number / 2,
        place / 2 + 1,
        place + 1
    )
}

/// Returns the rank of a random word: the frequency of a word is the inverse of its rank.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "ranks are small and positive")]
fn zipf(random: &mut TestRng) -> usize {
    let exponent: f64 = random.random_range(0.0..1.0);
    ((WORDS as f64).powf(exponent) as usize).saturating_sub(1)
}

/// Returns the word with a rank, which consists of syllables.
fn word(rank: usize) -> String {
    const SYLLABLES: [&str; 24] = [
        "ba", "ne", "tiu", "ro", "la", "se", "mi", "do", "ku", "va", "gen", "tor", "pel", "sin", "mar", "ho", "fe",
        "li", "su", "ra", "bel", "co", "dan", "wi",
    ];
    let mut rest = rank * 7919 % WORDS + SYLLABLES.len();
    let mut word = String::new();
    while rest > 0 {
        word.push_str(SYLLABLES[rest % SYLLABLES.len()]);
        rest /= SYLLABLES.len();
    }
    word
}

/// Returns a Chinese character.
fn chinese(number: usize) -> char {
    ('一'..).nth(number % CHINESE.1).unwrap_or('一')
}
