//! The tree of a session's turns (docs/adr/0022).

use std::collections::{BTreeMap, HashMap};

/// A turn in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnNode {
    /// The number of the turn. Turns are numbered in the order of their creation.
    pub turn: i64,
    /// The turn before this one, whose number is lower; `None` for a first turn.
    pub parent: Option<i64>,
    /// The first version of the turn; `None` if this is the first one.
    pub revision_of: Option<i64>,
    /// The turn after this one that was last part of the transcript; `None` for the latest one.
    pub next: Option<i64>,
}

impl TurnNode {
    /// Returns the first version of the turn, which may be the turn itself.
    #[must_use]
    pub fn first_version(&self) -> i64 {
        self.revision_of.unwrap_or(self.turn)
    }
}

/// All turns of a session. A path through the tree starts at a first turn, and turn numbers increase along it.
#[derive(Clone, Debug, Default)]
pub struct TurnTree {
    nodes: BTreeMap<i64, TurnNode>,
    /// The latest turn after each turn.
    latest: HashMap<i64, i64>,
}

impl TurnTree {
    /// Creates a tree.
    #[must_use]
    pub fn new(nodes: impl IntoIterator<Item = TurnNode>) -> Self {
        let nodes: BTreeMap<i64, TurnNode> = nodes.into_iter().map(|node| (node.turn, node)).collect();
        let latest = nodes.values().filter_map(|node| Some((node.parent?, node.turn))).collect();
        Self { nodes, latest }
    }

    /// Returns a turn.
    #[must_use]
    pub fn get(&self, turn: i64) -> Option<&TurnNode> {
        self.nodes.get(&turn)
    }

    /// Returns the versions of a turn, oldest first, including the turn itself.
    #[must_use]
    pub fn versions(&self, turn: i64) -> Vec<i64> {
        let Some(node) = self.nodes.get(&turn) else { return Vec::new() };
        let first = node.first_version();
        self.nodes.range(first..).filter(|(_, other)| other.first_version() == first).map(|(turn, _)| *turn).collect()
    }

    /// Returns the path that contains a turn, in order: the turns before it, and after it the turns that were last part
    /// of the transcript.
    #[must_use]
    pub fn path_through(&self, turn: i64) -> Vec<i64> {
        let mut path = self.path_to(turn);
        let mut last = self.nodes.get(&turn);
        while let Some(node) = last {
            let next =
                node.next.filter(|next| self.nodes.get(next).is_some_and(|child| child.parent == Some(node.turn)));
            last = next.or_else(|| self.latest.get(&node.turn).copied()).and_then(|next| self.nodes.get(&next));
            path.extend(last.map(|node| node.turn));
        }
        path
    }

    /// Returns the path that ends with a turn, in order.
    #[must_use]
    pub fn path_to(&self, turn: i64) -> Vec<i64> {
        let mut path = Vec::new();
        let mut next = self.nodes.get(&turn);
        while let Some(node) = next {
            path.push(node.turn);
            next = node.parent.filter(|parent| *parent < node.turn).and_then(|parent| self.nodes.get(&parent));
        }
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn node(turn: i64, parent: i64, revision_of: i64, next: i64) -> TurnNode {
        let some = |turn: i64| (turn > 0).then_some(turn);
        TurnNode { turn, parent: some(parent), revision_of: some(revision_of), next: some(next) }
    }

    /// 1 ─ 2 ─ 3, with another version of 2 (4, followed by 5), and two more versions of 5 (6 and 7).
    fn tree() -> TurnTree {
        TurnTree::new([
            node(1, 0, 0, 0),
            node(2, 1, 0, 0),
            node(3, 2, 0, 0),
            node(4, 1, 2, 6),
            node(5, 4, 0, 0),
            node(6, 4, 5, 0),
            node(7, 4, 5, 0),
        ])
    }

    #[test]
    fn lists_the_versions_of_a_turn() {
        let tree = tree();
        assert_eq!(tree.versions(2), [2, 4]);
        assert_eq!(tree.versions(4), [2, 4]);
        assert_eq!(tree.versions(6), [5, 6, 7]);
        assert_eq!(tree.versions(1), [1]);
        assert_eq!(tree.versions(8), Vec::<i64>::new());
    }

    #[test]
    fn follows_the_turns_that_were_last_current_and_otherwise_the_latest_ones() {
        let tree = tree();
        assert_eq!(tree.path_through(2), [1, 2, 3]);
        assert_eq!(tree.path_through(4), [1, 4, 6]);
        assert_eq!(tree.path_through(5), [1, 4, 5]);
        assert_eq!(tree.path_through(1), [1, 4, 6]);
        assert_eq!(tree.path_to(4), [1, 4]);
    }

    #[test]
    fn ignores_a_next_turn_that_was_deleted() {
        let tree = TurnTree::new([node(1, 0, 0, 9), node(2, 1, 0, 0)]);
        assert_eq!(tree.path_through(1), [1, 2]);
    }

    proptest! {
        #[test]
        fn finds_each_turn_on_its_path_in_ascending_order(parents in vec(0_i64..40, 1..40), nexts in vec(0_i64..40, 40)) {
            let nodes: Vec<TurnNode> = (1..).zip(&parents).zip(&nexts)
                .map(|((turn, parent), next)| node(turn, parent % turn, 0, *next)).collect();
            let tree = TurnTree::new(nodes.clone());
            for node in nodes {
                let path = tree.path_through(node.turn);
                prop_assert!(path.contains(&node.turn));
                prop_assert!(path.is_sorted());
                prop_assert!(path.starts_with(&tree.path_to(node.turn)));
                prop_assert_eq!(tree.get(path[0]).and_then(|first| first.parent), None);
                let last = *path.last().unwrap();
                prop_assert!(tree.nodes.values().all(|other| other.parent != Some(last)));
            }
        }
    }
}
