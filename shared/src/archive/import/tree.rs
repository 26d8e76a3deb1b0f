//! Builds turns from the messages of other products, which form trees of their own.

use std::collections::HashMap;

use super::conversation::{ImportedFile, ImportedMessage, ImportedStep, ImportedTask, ImportedTurn};
use crate::{chat::FinishReason, clock::Timestamp};

/// The question of an answer without one.
const NO_QUESTION: &str = "*(no message)*";

/// What a node of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NodeKind {
    /// A user's message.
    Question,
    /// An agent's message, or a part of one.
    Answer,
    /// Something that is not shown.
    Hidden,
}

/// A message of another product.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// Identifies the message in its conversation.
    pub(super) id: String,
    /// The message before this one.
    pub(super) parent: Option<String>,
    pub(super) kind: NodeKind,
    pub(super) text: String,
    pub(super) files: Vec<ImportedFile>,
    /// What the agent did. Their offsets count from the start of the node's text.
    pub(super) steps: Vec<ImportedStep>,
    pub(super) created_at: Option<Timestamp>,
    /// The agent that wrote the message, if known.
    pub(super) agent_key: Option<String>,
}

impl Node {
    /// Creates an empty node.
    pub(super) fn new(id: impl Into<String>, parent: Option<String>, kind: NodeKind) -> Self {
        Self {
            id: id.into(),
            parent,
            kind,
            text: String::new(),
            files: Vec::new(),
            steps: Vec::new(),
            created_at: None,
            agent_key: None,
        }
    }

    /// Adds text as a paragraph of its own.
    pub(super) fn add_text(&mut self, text: &str) {
        push_paragraph(&mut self.text, text);
    }

    /// Adds a step after the text so far.
    pub(super) fn add_step(&mut self, mut step: ImportedStep) {
        step.text_offset = length(&self.text);
        self.steps.push(step);
    }

    const fn is_empty(&self) -> bool {
        self.text.is_empty() && self.files.is_empty() && self.steps.is_empty()
    }
}

/// Appends text as a paragraph of its own.
pub(super) fn push_paragraph(target: &mut String, text: &str) {
    if text.is_empty() {
        return;
    }
    if !target.is_empty() {
        target.push_str("\n\n");
    }
    target.push_str(text);
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX)
}

/// A turn whose answer consists of the parts so far.
#[derive(Clone, Copy, Debug)]
struct Place {
    turn: usize,
    parts: usize,
}

/// A turn under construction.
struct Draft {
    parent: Option<usize>,
    /// The node of the question.
    question: Option<usize>,
    /// The nodes of the answer, in order.
    parts: Vec<usize>,
}

/// Builds the turns of a tree. Returns them with the index of the last turn of the branch that ends with the node
/// `current`.
pub(super) fn build_turns(nodes: &[Node], current: Option<&str>) -> (Vec<ImportedTurn>, Option<usize>) {
    let mut drafts: Vec<Draft> = Vec::new();
    let places = place_nodes(nodes, &mut drafts);
    let current = current
        .and_then(|id| nodes.iter().position(|node| node.id == id))
        .and_then(|index| places[index])
        .map(|place| place.turn);
    let turns = drafts.iter().map(|draft| finish(draft, nodes)).collect();
    (turns, current)
}

/// Assigns each node to a turn, parents first. Nodes of cycles and those whose parent is missing begin a branch.
fn place_nodes(nodes: &[Node], drafts: &mut Vec<Draft>) -> Vec<Option<Place>> {
    let indexes: HashMap<&str, usize> =
        nodes.iter().enumerate().map(|(index, node)| (node.id.as_str(), index)).collect();
    let parent_of = |index: usize| nodes[index].parent.as_deref().and_then(|id| indexes.get(id).copied());
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    let mut roots = Vec::new();
    for index in 0..nodes.len() {
        match parent_of(index) {
            Some(parent) if parent != index => children[parent].push(index),
            _ => roots.push(index),
        }
    }
    let mut places: Vec<Option<Place>> = vec![None; nodes.len()];
    let mut is_placed = vec![false; nodes.len()];
    for start in roots.into_iter().chain(0..nodes.len()) {
        let mut stack = vec![(start, None)];
        while let Some((index, before)) = stack.pop() {
            if std::mem::replace(&mut is_placed[index], true) {
                continue;
            }
            let place = place_node(index, &nodes[index], before, drafts);
            places[index] = place;
            stack.extend(children[index].iter().rev().map(|child| (*child, place)));
        }
    }
    places
}

/// Adds a node after a place. Returns the place after the node.
fn place_node(index: usize, node: &Node, before: Option<Place>, drafts: &mut Vec<Draft>) -> Option<Place> {
    match node.kind {
        NodeKind::Hidden => before,
        NodeKind::Answer if node.is_empty() => before,
        NodeKind::Question => {
            let parent = before.map(|place| exact(place, drafts));
            drafts.push(Draft { parent, question: Some(index), parts: Vec::new() });
            Some(Place { turn: drafts.len() - 1, parts: 0 })
        }
        NodeKind::Answer => {
            let turn = if let Some(place) = before {
                exact(place, drafts)
            } else {
                drafts.push(Draft { parent: None, question: None, parts: Vec::new() });
                drafts.len() - 1
            };
            drafts[turn].parts.push(index);
            Some(Place { turn, parts: drafts[turn].parts.len() })
        }
    }
}

/// Returns a turn with exactly the parts of a place. If another branch has already extended the turn, creates another
/// version of it.
fn exact(place: Place, drafts: &mut Vec<Draft>) -> usize {
    let draft = &drafts[place.turn];
    if draft.parts.len() == place.parts {
        return place.turn;
    }
    let version = Draft { parent: draft.parent, question: draft.question, parts: draft.parts[..place.parts].to_vec() };
    drafts.push(version);
    drafts.len() - 1
}

fn finish(draft: &Draft, nodes: &[Node]) -> ImportedTurn {
    let question = match draft.question.map(|index| &nodes[index]) {
        Some(node) => ImportedMessage {
            text: node.text.clone(),
            files: node.files.clone(),
            created_at: node.created_at,
            ..ImportedMessage::default()
        },
        None => ImportedMessage { text: NO_QUESTION.into(), ..ImportedMessage::default() },
    };
    let mut answer = ImportedMessage { finish_reason: Some(FinishReason::Stop), ..ImportedMessage::default() };
    let mut steps = Vec::new();
    for node in draft.parts.iter().map(|index| &nodes[*index]) {
        let separator = if answer.text.is_empty() || node.text.is_empty() { 0 } else { 2 };
        let offset = length(&answer.text) + separator;
        push_paragraph(&mut answer.text, &node.text);
        answer.files.extend(node.files.iter().cloned());
        answer.created_at = node.created_at.or(answer.created_at);
        answer.agent_key = node.agent_key.clone().or(answer.agent_key);
        steps.extend(
            node.steps.iter().cloned().map(|step| ImportedStep {
                text_offset: (step.text_offset + offset).min(length(&answer.text)),
                ..step
            }),
        );
    }
    let is_answered = !draft.parts.is_empty();
    if answer.text.is_empty() && answer.files.is_empty() {
        answer.finish_reason = Some(FinishReason::Empty);
    }
    let finished_at = answer.created_at.or(question.created_at);
    ImportedTurn {
        number: None,
        parent: draft.parent,
        question,
        answer: is_answered.then_some(answer),
        task: ImportedTask::ended(is_answered, finished_at, steps),
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn node(id: &str, parent: &str, kind: NodeKind) -> Node {
        let parent = (!parent.is_empty()).then(|| parent.to_owned());
        Node { text: id.to_owned(), ..Node::new(id, parent, kind) }
    }

    /// Returns each turn as `parent: question > answer`.
    fn shown(nodes: &[Node], current: Option<&str>) -> (Vec<String>, Option<usize>) {
        let (turns, current) = build_turns(nodes, current);
        let line = |turn: &ImportedTurn| {
            let parent = turn.parent.map_or("-".into(), |parent| parent.to_string());
            let answer = turn.answer.as_ref().map_or("", |answer| &answer.text);
            format!("{parent}: {} > {}", turn.question.text, answer.replace("\n\n", "+"))
        };
        (turns.iter().map(line).collect(), current)
    }

    #[test]
    fn edited_questions_and_repeated_answers_become_versions() {
        use NodeKind::{Answer, Hidden, Question};
        let nodes = [
            node("root", "", Hidden),
            node("q1", "root", Question),
            node("a1", "q1", Answer),
            node("q2", "a1", Question),
            node("a2", "q2", Answer),
            node("a3", "q2", Answer),
            node("q3", "a3", Question),
            node("q4", "a1", Question),
        ];
        let (turns, current) = shown(&nodes, Some("q3"));
        assert_eq!(turns, ["-: q1 > a1", "0: q2 > a2", "0: q2 > a3", "2: q3 > ", "0: q4 > "]);
        assert_eq!(current, Some(3));
    }

    #[test]
    fn parts_of_an_answer_are_joined_and_branches_within_it_become_versions() {
        use NodeKind::{Answer, Question};
        let nodes = [
            node("q", "", Question),
            node("a", "q", Answer),
            node("b", "a", Answer),
            node("c", "a", Answer),
            node("d", "c", Answer),
        ];
        assert_eq!(shown(&nodes, None).0, ["-: q > a+b", "-: q > a+c+d"]);
    }

    #[test]
    fn answers_without_a_question_and_cycles_are_kept() {
        use NodeKind::{Answer, Question};
        let nodes = [
            node("a", "", Answer),
            node("q1", "q2", Question),
            node("q2", "q1", Question),
            node("own", "own", Question),
            node("lost", "nowhere", Question),
        ];
        let (turns, _) = shown(&nodes, None);
        assert_eq!(turns, ["-: *(no message)* > a", "-: own > ", "-: lost > ", "-: q1 > ", "3: q2 > "]);
    }

    #[test]
    fn a_long_conversation_needs_no_recursion() {
        let nodes: Vec<Node> = (0..200_000_u32)
            .map(|index| {
                let kind = if index % 2 == 0 { NodeKind::Question } else { NodeKind::Answer };
                let parent = index.checked_sub(1).map(|parent| parent.to_string());
                Node::new(index.to_string(), parent, kind)
            })
            .map(|node| Node { text: "x".into(), ..node })
            .collect();
        assert_eq!(build_turns(&nodes, Some("199999")).0.len(), 100_000);
    }

    proptest! {
        #[test]
        fn keeps_every_text_and_orders_parents_first(links in vec((0_usize..12, 0_u8..3), 1..12)) {
            let nodes: Vec<Node> = links.iter().enumerate().map(|(index, (parent, kind))| {
                let kind = [NodeKind::Question, NodeKind::Answer, NodeKind::Hidden][usize::from(*kind)];
                node(&format!("n{index}"), &format!("n{parent}"), kind)
            }).collect();
            let (turns, _) = build_turns(&nodes, None);
            for node in nodes.iter().filter(|node| node.kind != NodeKind::Hidden) {
                let is_shown = turns.iter().any(|turn| {
                    turn.question.text == node.text
                        || turn.answer.as_ref().is_some_and(|answer| answer.text.split("\n\n").any(|part| part == node.text))
                });
                prop_assert!(is_shown, "{}", node.text);
            }
            for (index, turn) in turns.iter().enumerate() {
                prop_assert!(turn.parent.is_none_or(|parent| parent < index));
            }
        }
    }
}
