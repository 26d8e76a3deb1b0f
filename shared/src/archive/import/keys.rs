//! The keys of agents, derived from the names of models.

/// Returns the key of an agent with the name of a model; `None` without a name.
pub(super) fn agent_key(model: &str) -> Option<String> {
    let key: String = model
        .to_lowercase()
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .take(64)
        .collect();
    let key = key.trim_start_matches(['-', '_']);
    (!key.is_empty()).then(|| key.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derives_valid_keys() {
        for (model, expected) in [
            ("gpt-4o", Some("gpt-4o")),
            ("Llama 3.2:3B", Some("llama-3-2-3b")),
            ("_x", Some("x")),
            ("日本", None),
            ("", None),
        ] {
            assert_eq!(agent_key(model).as_deref(), expected, "{model}");
        }
        assert_eq!(agent_key(&"x".repeat(100)).unwrap().len(), 64);
    }
}
