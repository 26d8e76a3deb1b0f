//! Small talk in the style of Weizenbaum's ELIZA (1966), which reflects the user's words.

use banter_shared::chat::{HistoryMessage, Role};

use super::texts;

/// Maximum length of a remembered name, in characters.
const MAX_NAME_CHARS: usize = 40;
/// Maximum length of a reflected phrase, in words.
const MAX_ECHO_WORDS: usize = 20;

/// Returns the answer to the user's last message.
pub(super) fn reply(history: &[HistoryMessage]) -> String {
    let messages: Vec<&str> = history.iter().filter(|m| m.role == Role::User).map(|m| m.content.as_str()).collect();
    let Some((message, earlier)) = messages.split_last() else { return texts::GREETING.to_owned() };
    let name = messages.iter().rev().find_map(|message| name_in(message));

    let answer = answer(message, name.as_deref(), earlier.len());
    if earlier.is_empty() && !answer.contains("not an AI") {
        format!("{answer}\n\n{}", texts::INTRODUCTION)
    } else {
        answer
    }
}

fn answer(message: &str, name: Option<&str>, turn: usize) -> String {
    let clauses = clauses(message);
    let all: Vec<&str> = clauses.iter().flatten().map(|word| word.lower.as_str()).collect();
    let has = |phrase: &str| contains(&all, phrase);

    if let Some(name) = name_in(message) {
        return format!("Nice to meet you, {name}. I'll remember your name for the rest of this conversation.");
    }
    if ["what is my name", "what's my name", "who am i", "know my name", "remember my name"].into_iter().any(has) {
        return match name {
            Some(name) => format!("Your name is {name}. You told me earlier."),
            None => "You have not told me your name yet. Say “My name is …”, then ask again.".to_owned(),
        };
    }
    if ["who are you", "what are you", "are you real", "are you human", "are you a", "are you an", "your name"]
        .into_iter()
        .any(has)
    {
        return "I'm the demo that ships with Banter: a handful of fixed rules, not an AI. I rephrase what you say as a \
                question. Connect a real agent, and it will answer instead of me."
            .to_owned();
    }
    if ["what can you do", "help"].into_iter().any(has) {
        return texts::HELP.to_owned();
    }
    if let Some(answer) = clauses.iter().find_map(|clause| reflect(clause, turn)) {
        return answer;
    }
    if ["hello", "hi", "hey", "good morning", "good evening"].into_iter().any(has) {
        return match name {
            Some(name) => format!("Hello again, {name}. What is on your mind?"),
            None => texts::GREETING.to_owned(),
        };
    }
    if ["thanks", "thank you"].into_iter().any(has) {
        return "You're welcome. Is there anything else?".to_owned();
    }
    if ["bye", "goodbye", "see you"].into_iter().any(has) {
        return name.map_or_else(|| "Goodbye!".to_owned(), |name| format!("Goodbye, {name}!"));
    }
    if message.trim_end().ends_with('?') {
        return pick(&QUESTIONS, turn).to_owned();
    }
    pick(&PROMPTS, turn).to_owned()
}

const QUESTIONS: [&str; 4] = [
    "What answer would you like best?",
    "Why do you ask?",
    "I only have rules, no knowledge. What do you think?",
    "Have you asked anyone else?",
];
const PROMPTS: [&str; 6] = [
    "Go on, I'm listening.",
    "I see. And what does that mean to you?",
    "Tell me more about that.",
    "Let's stay with that for a moment. What led up to it?",
    "Interesting. Is it always like that?",
    "How long has it been like that?",
];

/// Beginnings of clauses, each with two possible answers. In the answers, `…` stands for the rest of the clause. The
/// first beginning that matches is used.
const RULES: [(&str, [&str; 2]); 21] = [
    ("i feel", ["What makes you feel …?", "Do you often feel …?"]),
    ("i need", ["What would change if you got …?", "Do you really need …?"]),
    ("i want to", ["What would it mean to you to …?", "Suppose you could …. What then?"]),
    ("i want", ["What would it mean to you to have …?", "Suppose you got …. What then?"]),
    ("i would like to", ["What would happen if you were to …?", "Why do you want to … right now?"]),
    ("i would like", ["What is stopping you from having …?", "Why … right now?"]),
    ("i think", ["What makes you sure that …?", "Do other people think that …?"]),
    ("i believe", ["Was there a time before you believed that …?", "Who told you that …?"]),
    ("i like to", ["How often do you get to …?", "Would you like to … more often?"]),
    ("i like", ["What do you like most about …?", "When did you discover …?"]),
    ("i love to", ["What would it be like to … every day?", "Who else knows that you love to …?"]),
    ("i love", ["What do you love most about …?", "Who else knows about …?"]),
    ("i hate to", ["How often do you have to …?", "What if you never had to … again?"]),
    ("i hate", ["What is the worst thing about …?", "Was there ever a good side to …?"]),
    ("i can't", ["What keeps you from being able to …?", "What if you could …?"]),
    ("i am", ["How long have you been …?", "Do you like being …?"]),
    ("i'm", ["How long have you been …?", "Do you like being …?"]),
    ("because", ["Is that the only reason?", "What other reasons come to mind?"]),
    ("my", ["Tell me more about your ….", "What matters to you about your …?"]),
    ("you are", ["What makes you think that I am …?", "Would it bother you if I were …?"]),
    ("can you", ["I can only do what my rules allow. Would you like me to be able to …?", "What if I couldn't …?"]),
];

fn reflect(clause: &[Word<'_>], turn: usize) -> Option<String> {
    let words: Vec<&str> = clause.iter().map(|word| word.lower.as_str()).collect();
    let starts_with = |beginning: &str| contains(&words[..word_count(beginning).min(words.len())], beginning);
    let (beginning, answers) = RULES.iter().find(|(beginning, _)| starts_with(beginning))?;
    let rest = clause[word_count(beginning)..].iter().take(MAX_ECHO_WORDS);
    let rest: Vec<String> = rest.map(Word::reflected).collect();
    (!rest.is_empty()).then(|| pick(answers, turn).replace('…', &rest.join(" ").replace("me are", "I am")))
}

fn word_count(phrase: &str) -> usize {
    phrase.split(' ').count()
}

/// Returns the user's name, if the message contains it.
fn name_in(message: &str) -> Option<String> {
    const BEGINNINGS: [&str; 5] = ["my name is", "my name's", "i am called", "i'm called", "call me"];
    clauses(message).iter().find_map(|clause| {
        let words: Vec<&str> = clause.iter().map(|word| word.lower.as_str()).collect();
        BEGINNINGS.iter().find_map(|beginning| {
            let length = beginning.split(' ').count();
            let at = words.windows(length).position(|window| contains(window, beginning))?;
            let given = clause[at + length..].iter().take_while(|word| !["and", "but"].contains(&word.lower.as_str()));
            let name: Vec<&str> = given.take(3).map(|word| word.text).collect();
            // "Call me" is often just a request to be phoned.
            let is_name = *beginning != "call me" || name.first()?.starts_with(char::is_uppercase);
            let name: String = name.join(" ").chars().take(MAX_NAME_CHARS).collect();
            (is_name && !name.is_empty()).then_some(name)
        })
    })
}

/// A word, with surrounding punctuation removed.
struct Word<'a> {
    text: &'a str,
    lower: String,
}

impl Word<'_> {
    /// Returns the word as the other speaker would say it, such as "you" for "I".
    fn reflected(&self) -> String {
        let turned = match self.lower.as_str() {
            "i" | "me" => "you",
            "i'm" => "you're",
            "i've" => "you've",
            "am" => "are",
            "my" => "your",
            "mine" => "yours",
            "myself" => "yourself",
            "you" => "me",
            "your" => "my",
            "yours" => "mine",
            "yourself" => "myself",
            _ => self.text,
        };
        turned.to_owned()
    }
}

/// Splits a message into clauses at punctuation marks, and the clauses into words.
fn clauses(message: &str) -> Vec<Vec<Word<'_>>> {
    message
        .split(['.', '!', '?', ',', ';', ':', '\n'])
        .map(|clause| {
            let words = clause.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
            let words = words.filter(|word| !word.is_empty());
            words.map(|text| Word { text, lower: text.to_lowercase().replace('’', "'") }).collect()
        })
        .collect()
}

/// Returns whether the words contain the phrase.
fn contains(words: &[&str], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    words.windows(phrase.len()).any(|window| window == phrase)
}

fn pick<'a>(answers: &[&'a str], turn: usize) -> &'a str {
    answers[turn % answers.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the answer to the last of these messages. In this conversation, each of the earlier messages got the
    /// same fixed answer.
    fn reply_to(messages: &[&str]) -> String {
        let mut history = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            if index > 0 {
                history.push(HistoryMessage {
                    turn: 1,
                    role: Role::Assistant,
                    content: "My name is Nobody.".into(),
                    attachments: Vec::new(),
                });
            }
            history.push(HistoryMessage {
                turn: 1,
                role: Role::User,
                content: (*message).into(),
                attachments: Vec::new(),
            });
        }
        reply(&history)
    }

    #[test]
    fn remembers_a_name() {
        assert!(
            reply_to(&["Hello! My name is Ada Lovelace, by the way."]).starts_with("Nice to meet you, Ada Lovelace.")
        );
        assert_eq!(
            reply_to(&["my name is Ada and I like numbers", "Fine.", "What is my name?"]),
            "Your name is Ada. You told me earlier."
        );
        assert_eq!(
            reply_to(&["I’m called Zoë", "No, call me Ada", "Who am I?"]),
            "Your name is Ada. You told me earlier."
        );
        assert_eq!(reply_to(&["My name is Ada", "Hello"]), "Hello again, Ada. What is on your mind?");
    }

    #[test]
    fn does_not_invent_a_name() {
        for messages in [&["Please call me tomorrow", "What's my name?"][..], &["x", "What is my name"]] {
            assert!(reply_to(messages).starts_with("You have not told me your name yet."), "{messages:?}");
        }
    }

    #[test]
    fn introduces_itself_in_the_first_answer() {
        for message in ["Hello", "I like tea.", "x", "?", "Who are you?", "My name is Ada."] {
            assert!(reply_to(&[message]).contains("not an AI"), "{message}");
        }
        assert!(!reply_to(&["a", "I like tea."]).contains("not an AI"));
        assert!(reply_to(&["a", "Are you a human?"]).contains("not an AI"));
    }

    #[test]
    fn reflects_the_users_words() {
        assert_eq!(reply_to(&["a", "I like my garden."]), "When did you discover your garden?");
        assert_eq!(reply_to(&["a", "b", "Well, I think you are Right!"]), "What makes you sure that I am Right?");
        assert_eq!(reply_to(&["a", "b", "my Dog barks at me"]), "Tell me more about your Dog barks at you.");
    }

    #[test]
    fn reflects_infinitives() {
        for (message, [even, odd]) in [
            ("I want to leave.", ["What would it mean to you to leave?", "Suppose you could leave. What then?"]),
            ("I want a dog.", ["What would it mean to you to have a dog?", "Suppose you got a dog. What then?"]),
            (
                "I would like to leave.",
                ["What would happen if you were to leave?", "Why do you want to leave right now?"],
            ),
            ("I would like tea.", ["What is stopping you from having tea?", "Why tea right now?"]),
            ("I like to swim.", ["How often do you get to swim?", "Would you like to swim more often?"]),
            ("I love to swim.", ["What would it be like to swim every day?", "Who else knows that you love to swim?"]),
            ("I hate to wait.", ["How often do you have to wait?", "What if you never had to wait again?"]),
        ] {
            assert_eq!(reply_to(&["a", "b", message]), even);
            assert_eq!(reply_to(&["a", message]), odd);
        }
    }

    #[test]
    fn does_not_reflect_a_beginning_without_a_rest() {
        for message in ["I want to.", "I would like to.", "I like to.", "I love to.", "I hate to.", "I need."] {
            assert_eq!(reply_to(&["a", message]), PROMPTS[1], "{message}");
        }
    }

    #[test]
    fn gives_the_same_answer_to_the_same_conversation() {
        for messages in [&["a"][..], &["a", "b"], &["a", "why?"], &["a", "", "…"]] {
            assert_eq!(reply_to(messages), reply_to(messages));
        }
        assert_ne!(reply_to(&["a", "b"]), reply_to(&["a", "b", "c"]));
    }

    #[test]
    fn answers_any_message() {
        for message in ["", " ", "…", "🎭", "I", "my", "i am", "because", "my name is", "\0", &"I am ".repeat(1000)]
        {
            let answer = reply_to(&["a", message]);
            assert!(!answer.is_empty() && answer.len() < 2000, "{message}");
        }
    }
}
