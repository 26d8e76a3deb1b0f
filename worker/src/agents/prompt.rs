//! Selects and formats the part of a conversation that is sent to an agent. Each message is either included in full or
//! omitted.

use banter_shared::chat::{Attachment, HistoryMessage, Role};

/// Returns the newest messages whose combined text fits within the budget. The last message is always included,
/// whatever its length.
///
/// If messages are omitted, the result starts with a user message. An answer without its question is misleading, and
/// some models reject a conversation that starts with an answer.
pub fn within_budget(mut history: Vec<HistoryMessage>, budget_bytes: usize) -> Vec<HistoryMessage> {
    let Some(last) = history.len().checked_sub(1) else { return history };
    let mut used_bytes = history[last].content.len();
    let mut first = last;
    while first > 0 {
        used_bytes = used_bytes.saturating_add(history[first - 1].content.len());
        if used_bytes > budget_bytes {
            break;
        }
        first -= 1;
    }
    if first > 0 {
        while first < last && history[first].role == Role::Assistant {
            first += 1;
        }
    }
    history.drain(..first);
    history
}

/// The heading for a block that contains an earlier user message.
pub const USER_HEADING: &str = "[user]\n";
/// The heading for a block that contains an earlier answer.
pub const ASSISTANT_HEADING: &str = "[assistant]\n";
/// The first block of a prompt that includes earlier messages.
pub const INTRODUCTION: &str = "The following blocks contain the conversation so far, one message per block. The last \
    block is the new message to answer.";

/// A block of a prompt: a message and its attachments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The text.
    pub text: String,
    /// The attachments.
    pub attachments: Vec<Attachment>,
}

/// Returns the blocks of a prompt for an agent that remembers the conversation. The last block is the new message. It
/// is preceded by any earlier messages that the agent has not received, as far as they fit within the budget. `seen` is
/// the last turn that the agent has received.
pub fn blocks(history: Vec<HistoryMessage>, seen: Option<i64>, budget_bytes: usize) -> Vec<Block> {
    let last = history.len().saturating_sub(1);
    let is_new = |(index, message): &(usize, HistoryMessage)| *index == last || Some(message.turn) > seen;
    let unseen = history.into_iter().enumerate().filter(is_new).map(|(_, message)| message).collect();
    let mut unseen = within_budget(unseen, budget_bytes);
    let Some(message) = unseen.pop() else { return Vec::new() };
    let mut blocks = Vec::new();
    if !unseen.is_empty() {
        blocks.push(Block { text: INTRODUCTION.to_owned(), attachments: Vec::new() });
    }
    blocks.extend(unseen.into_iter().map(|earlier| {
        let heading = match earlier.role {
            Role::User => USER_HEADING,
            Role::Assistant => ASSISTANT_HEADING,
        };
        Block { text: format!("{heading}{}", earlier.content), attachments: earlier.attachments }
    }));
    blocks.push(Block { text: message.content, attachments: message.attachments });
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(content: &str) -> HistoryMessage {
        HistoryMessage { turn: 1, role: Role::User, content: content.into(), attachments: Vec::new() }
    }

    fn assistant(content: &str) -> HistoryMessage {
        HistoryMessage { turn: 1, role: Role::Assistant, content: content.into(), attachments: Vec::new() }
    }

    #[test]
    fn keeps_a_conversation_that_fits() {
        let history = vec![user(" a "), user("b\n"), assistant(""), user("c")];

        assert_eq!(within_budget(history.clone(), 6), history);
        assert_eq!(within_budget(history.clone(), usize::MAX), history);
        assert_eq!(within_budget(Vec::new(), 6), Vec::new());
    }

    #[test]
    fn omits_the_oldest_messages_first() {
        let history = vec![user("1234"), user("56"), assistant("78"), user("9")];

        assert_eq!(within_budget(history.clone(), 8), history[1..]);
        assert_eq!(within_budget(history.clone(), 5), history[1..]);
        assert_eq!(within_budget(history.clone(), 1), history[3..]);
    }

    #[test]
    fn never_starts_with_an_answer_after_an_omission() {
        let history = vec![user("1"), assistant("2"), assistant("3"), user("4")];

        assert_eq!(within_budget(history.clone(), 3), history[3..]);
        assert_eq!(within_budget(vec![assistant("1"), user("2")], 9), [assistant("1"), user("2")]);
    }

    #[test]
    fn keeps_the_last_message_regardless_of_the_budget() {
        let history = vec![user("1"), assistant("2"), user(&"x".repeat(100))];

        assert_eq!(within_budget(history.clone(), 0), history[2..]);
    }

    #[test]
    fn counts_bytes_not_characters() {
        let history = vec![user("éé"), user("ü")];

        assert_eq!(within_budget(history.clone(), 6), history);
        assert_eq!(within_budget(history.clone(), 5), history[1..]);
    }

    fn turn(turn: i64, role: Role, content: &str) -> HistoryMessage {
        HistoryMessage { turn, role, content: content.into(), attachments: Vec::new() }
    }

    fn conversation() -> Vec<HistoryMessage> {
        vec![
            turn(1, Role::User, "one"),
            turn(1, Role::Assistant, "1"),
            // This turn failed, so it has no answer.
            turn(2, Role::User, "two"),
            turn(3, Role::User, "three"),
        ]
    }

    fn texts(history: Vec<HistoryMessage>, seen: Option<i64>, budget_bytes: usize) -> Vec<String> {
        blocks(history, seen, budget_bytes).into_iter().map(|block| block.text).collect()
    }

    #[test]
    fn sends_only_the_new_message_if_the_rest_was_seen() {
        assert_eq!(texts(conversation(), Some(2), 1000), ["three"]);
        assert_eq!(texts(vec![turn(1, Role::User, " one\n")], None, 1000), [" one\n"]);
        assert_eq!(texts(Vec::new(), None, 1000), [""; 0]);
    }

    #[test]
    fn sends_each_unseen_message_in_a_block_and_the_new_one_last() {
        assert_eq!(texts(conversation(), Some(1), 1000), [INTRODUCTION, "[user]\ntwo", "three"]);
        assert_eq!(
            texts(conversation(), None, 1000),
            [INTRODUCTION, "[user]\none", "[assistant]\n1", "[user]\ntwo", "three"]
        );
    }

    #[test]
    fn fits_unseen_messages_into_the_budget() {
        assert_eq!(texts(conversation(), None, 8), [INTRODUCTION, "[user]\ntwo", "three"]);
        assert_eq!(texts(conversation(), None, 1), ["three"], "the new message is always included");
    }

    #[test]
    fn sends_the_new_message_even_if_later_turns_were_seen() {
        assert_eq!(texts(conversation(), Some(9), 1000), ["three"]);
    }
}
