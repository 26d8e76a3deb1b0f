//! Builds turns from the messages of other products, which form trees of their own.

use std::collections::HashMap;

use super::conversation::{ImportedFile, ImportedMessage, ImportedStep, ImportedTask, ImportedTurn};
use crate::{chat::FinishReason, clock::Timestamp};

/// The maximum size of the messages that are repeated because several versions contain them, in bytes.
const MAX_REPEATED: usize = 64 * 1024 * 1024;
/// The size of a message apart from its content, in bytes.
const NODE_BYTES: usize = 256;
/// The question of an answer without one.
const NO_QUESTION: &str = "*(no message)*";

/// The kind of a node.
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

    /// Returns the size in bytes, without files, which are not copied.
    fn size(&self) -> usize {
        let steps = self.steps.iter().map(|step| NODE_BYTES + step.detail.json_bytes());
        NODE_BYTES + self.text.len() + steps.sum::<usize>()
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

/// A position in a turn: after the first `parts` parts of its answer.
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

/// The turns under construction.
struct Drafts<'a> {
    nodes: &'a [Node],
    turns: Vec<Draft>,
    /// The size of the messages that more than one turn contains, in bytes.
    repeated: usize,
}

/// The branches repeat more than [`MAX_REPEATED`] bytes.
struct TooManyVersions;

/// Builds the turns of a tree. Returns them with the index of the last turn of the branch that ends with the node
/// `current`.
///
/// # Errors
/// Fails if the versions of messages repeat too much text.
pub(super) fn build_turns(nodes: &[Node], current: Option<&str>) -> Result<(Vec<ImportedTurn>, Option<usize>), String> {
    let mut drafts = Drafts { nodes, turns: Vec::new(), repeated: 0 };
    let places = drafts.place_nodes().map_err(|TooManyVersions| {
        format!("its versions repeat more than {} MiB of the messages that they share", MAX_REPEATED / 1024 / 1024)
    })?;
    let drafts = drafts.turns;
    let current = current
        .and_then(|id| nodes.iter().position(|node| node.id == id))
        .and_then(|index| places[index])
        .map(|place| place.turn);
    let turns = drafts.iter().map(|draft| finish(draft, nodes)).collect();
    Ok((turns, current))
}

impl Drafts<'_> {
    /// Assigns each node to a turn, parents first. Nodes of cycles and those whose parent is missing begin a branch.
    fn place_nodes(&mut self) -> Result<Vec<Option<Place>>, TooManyVersions> {
        let nodes = self.nodes;
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
                let place = self.place_node(index, before)?;
                places[index] = place;
                stack.extend(children[index].iter().rev().map(|child| (*child, place)));
            }
        }
        Ok(places)
    }

    /// Adds a node after a place. Returns the place after the node.
    fn place_node(&mut self, index: usize, before: Option<Place>) -> Result<Option<Place>, TooManyVersions> {
        let node = &self.nodes[index];
        Ok(match node.kind {
            NodeKind::Hidden => before,
            NodeKind::Answer if node.is_empty() => before,
            NodeKind::Question => {
                let parent = before.map(|place| self.exact(place)).transpose()?;
                self.turns.push(Draft { parent, question: Some(index), parts: Vec::new() });
                Some(Place { turn: self.turns.len() - 1, parts: 0 })
            }
            NodeKind::Answer => {
                let turn = if let Some(place) = before {
                    self.exact(place)?
                } else {
                    self.turns.push(Draft { parent: None, question: None, parts: Vec::new() });
                    self.turns.len() - 1
                };
                self.turns[turn].parts.push(index);
                Some(Place { turn, parts: self.turns[turn].parts.len() })
            }
        })
    }

    /// Returns a turn with exactly the parts of a place. If another branch has already extended the turn, creates another
    /// version of it.
    fn exact(&mut self, place: Place) -> Result<usize, TooManyVersions> {
        let draft = &self.turns[place.turn];
        if draft.parts.len() == place.parts {
            return Ok(place.turn);
        }
        let (parent, question) = (draft.parent, draft.question);
        for index in question.into_iter().chain(draft.parts[..place.parts].iter().copied()) {
            self.repeated += self.nodes[index].size();
            if self.repeated > MAX_REPEATED {
                return Err(TooManyVersions);
            }
        }
        let parts = draft.parts[..place.parts].to_vec();
        self.turns.push(Draft { parent, question, parts });
        Ok(self.turns.len() - 1)
    }
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
        let (turns, current) = build_turns(nodes, current).unwrap();
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
        assert_eq!(build_turns(&nodes, Some("199999")).unwrap().0.len(), 100_000);
    }

    #[test]
    fn rejects_versions_that_repeat_too_much() {
        let text = "x".repeat(20_000);
        let nodes: Vec<Node> = (0..400)
            .flat_map(|index: u32| {
                let parent = index.checked_sub(1).map_or("q".into(), |parent| format!("a{parent}"));
                [format!("a{index}"), format!("b{index}")]
                    .map(|id| Node { text: text.clone(), ..Node::new(id, Some(parent.clone()), NodeKind::Answer) })
            })
            .chain([node("q", "", NodeKind::Question)])
            .collect();
        assert!(build_turns(&nodes, None).unwrap_err().contains("versions repeat"));
    }

    proptest! {
        #[test]
        fn keeps_every_text_and_orders_parents_first(links in vec((0_usize..12, 0_u8..3), 1..12)) {
            let nodes: Vec<Node> = links.iter().enumerate().map(|(index, (parent, kind))| {
                let kind = [NodeKind::Question, NodeKind::Answer, NodeKind::Hidden][usize::from(*kind)];
                node(&format!("n{index}"), &format!("n{parent}"), kind)
            }).collect();
            let (turns, _) = build_turns(&nodes, None).unwrap();
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
