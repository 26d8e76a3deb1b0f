//! What an agent reports about itself in its response to `initialize`.

use serde_json::Value;

/// The supported protocol version.
pub(super) const PROTOCOL_VERSION: i64 = 1;

/// The result of `initialize`. Missing or malformed capabilities are treated as unsupported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the capabilities are independent of each other")]
pub(super) struct AgentInfo {
    /// The protocol version chosen by the agent, if it reports one.
    pub version: Option<i64>,
    /// The agent's name.
    pub name: Option<String>,
    /// The agent's name and, if reported, its version, for display.
    pub display_name: Option<String>,
    /// The names of the agent's authentication methods, or the IDs of methods without a name.
    pub sign_in_methods: Vec<String>,
    /// Whether prompts may contain images.
    pub accepts_images: bool,
    /// Whether prompts may contain the contents of files.
    pub accepts_resources: bool,
    /// Whether the agent supports `session/load`.
    pub can_load: bool,
    /// Whether the agent supports `session/resume`.
    pub can_resume: bool,
    /// Whether the agent supports `session/close`.
    pub can_close: bool,
    /// Whether the agent supports `session/delete`.
    pub can_delete: bool,
}

impl AgentInfo {
    pub fn parse(result: &Value) -> Self {
        let capabilities = &result["agentCapabilities"];
        // `{}` means supported; some agents send `true`.
        let supports = |value: &Value| value.is_object() || *value == Value::Bool(true);
        let session = |name: &str| supports(&capabilities["sessionCapabilities"][name]);
        let info = &result["agentInfo"];
        let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text(&info["name"]);
        let display_name = name.as_ref().map(|name| match text(&info["version"]) {
            Some(version) => format!("{name} {version}"),
            None => name.clone(),
        });
        let methods = result["authMethods"].as_array().into_iter().flatten();
        Self {
            version: super::message::integer(&result["protocolVersion"]),
            name,
            display_name,
            sign_in_methods: methods
                .filter_map(|method| text(&method["name"]).or_else(|| text(&method["id"])))
                .collect(),
            accepts_images: supports(&capabilities["promptCapabilities"]["image"]),
            accepts_resources: supports(&capabilities["promptCapabilities"]["embeddedContext"]),
            can_load: supports(&capabilities["loadSession"]),
            can_resume: session("resume"),
            can_close: session("close"),
            can_delete: session("delete"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parses_the_result_of_initialize_and_ignores_malformed_fields() {
        let agent_info = AgentInfo::parse(&json!({
            "protocolVersion": 1, "agentInfo": {"name": "fake", "version": "1.2"},
            "agentCapabilities": {
                "loadSession": true,
                "promptCapabilities": {"image": true, "embeddedContext": false},
                "sessionCapabilities": {"resume": {}, "close": null, "delete": {}},
            },
            "authMethods": [{"id": "key", "name": "An API key"}, 5, {"id": "login"}],
        }));
        assert_eq!((agent_info.version, agent_info.display_name.as_deref()), (Some(1), Some("fake 1.2")));
        assert_eq!(
            (agent_info.can_load, agent_info.can_resume, agent_info.can_close, agent_info.can_delete),
            (true, true, false, true)
        );
        assert_eq!((agent_info.accepts_images, agent_info.accepts_resources), (true, false));
        assert_eq!(agent_info.sign_in_methods, ["An API key", "login"]);

        for odd in [json!(null), json!([]), json!({"agentInfo": 5, "agentCapabilities": "all", "authMethods": {}})] {
            assert_eq!(AgentInfo::parse(&odd), AgentInfo::default(), "{odd}");
        }
        assert_eq!(AgentInfo::parse(&json!({"protocolVersion": "1", "agentInfo": {"name": "x"}})).version, Some(1));
    }
}
