//! The names of the entries of a zip file.

/// The names, and an index to find an entry by the beginning of its name.
#[derive(Debug, Default)]
pub(super) struct Entries {
    names: Vec<String>,
    /// The indexes of the names, sorted by the names without folders.
    by_base: Vec<usize>,
}

impl Entries {
    /// Creates the index.
    pub(super) fn new(names: Vec<String>) -> Self {
        let mut by_base: Vec<usize> = (0..names.len()).collect();
        by_base.sort_by_key(|index| base_of(&names[*index]));
        Self { names, by_base }
    }

    /// Returns the names, in the order of the entries.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns the first entry whose name, without its folders, begins with an ID that no letter or digit follows.
    pub(super) fn find(&self, id: &str) -> Option<&str> {
        if id.is_empty() {
            return None;
        }
        let start = self.by_base.partition_point(|index| base_of(&self.names[*index]) < id);
        self.by_base[start..]
            .iter()
            .copied()
            .take_while(|index| base_of(&self.names[*index]).starts_with(id))
            .filter(|index| !base_of(&self.names[*index])[id.len()..].starts_with(|c: char| c.is_ascii_alphanumeric()))
            .min()
            .map(|index| self.names[index].as_str())
    }
}

/// Returns a name without its folders.
pub(super) fn base_of(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or_default()
}

impl<const N: usize> From<[&str; N]> for Entries {
    fn from(names: [&str; N]) -> Self {
        Self::new(names.map(str::to_owned).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_first_entry_that_begins_with_an_id() {
        let entries = Entries::from(["b/file-12.png", "a/file-1.txt", "file-1", "x/other", "file-1-photo.png"]);
        assert_eq!(entries.find("file-1"), Some("a/file-1.txt"));
        assert_eq!(entries.find("file-12"), Some("b/file-12.png"));
        assert_eq!(entries.find("file"), Some("b/file-12.png"));
        assert_eq!((entries.find("fil"), entries.find(""), entries.find("z")), (None, None, None));
    }
}
