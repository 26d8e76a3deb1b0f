//! What an agent reports about itself in `initialize`.

use serde_json::Value;

/// The supported version of the protocol.
pub(super) const PROTOCOL_VERSION: i64 = 1;

/// The result of `initialize`. Anything missing or malformed counts as not supported.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "the capabilities are independent of each other")]
pub(super) struct About {
    /// The protocol version that the agent chose, if it states one.
    pub version: Option<i64>,
    /// Its name.
    pub name: Option<String>,
    /// Its name and version, for display.
    pub introduction: Option<String>,
    /// The names of its sign-in methods.
    pub sign_in: Vec<String>,
    /// Whether it supports `session/load`.
    pub loads: bool,
    /// Whether it supports `session/resume`.
    pub resumes: bool,
    /// Whether it supports `session/close`.
    pub closes: bool,
    /// Whether it supports `session/delete`.
    pub deletes: bool,
}

impl About {
    pub fn parse(result: &Value) -> Self {
        let capabilities = &result["agentCapabilities"];
        // `{}` means supported; some agents send `true`.
        let supports = |value: &Value| value.is_object() || *value == Value::Bool(true);
        let session = |name: &str| supports(&capabilities["sessionCapabilities"][name]);
        let info = &result["agentInfo"];
        let text = |value: &Value| value.as_str().map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text(&info["name"]);
        let introduction = name.as_ref().map(|name| match text(&info["version"]) {
            Some(version) => format!("{name} {version}"),
            None => name.clone(),
        });
        let methods = result["authMethods"].as_array().into_iter().flatten();
        Self {
            version: super::message::integer(&result["protocolVersion"]),
            name,
            introduction,
            sign_in: methods.filter_map(|method| text(&method["name"]).or_else(|| text(&method["id"]))).collect(),
            loads: supports(&capabilities["loadSession"]),
            resumes: session("resume"),
            closes: session("close"),
            deletes: session("delete"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parses_the_result_of_initialize_and_ignores_malformed_fields() {
        let about = About::parse(&json!({
            "protocolVersion": 1, "agentInfo": {"name": "fake", "version": "1.2"},
            "agentCapabilities": {"loadSession": true, "sessionCapabilities": {"resume": {}, "close": null, "delete": {}}},
            "authMethods": [{"id": "key", "name": "An API key"}, 5, {"id": "login"}],
        }));
        assert_eq!((about.version, about.introduction.as_deref()), (Some(1), Some("fake 1.2")));
        assert_eq!((about.loads, about.resumes, about.closes, about.deletes), (true, true, false, true));
        assert_eq!(about.sign_in, ["An API key", "login"]);

        for odd in [json!(null), json!([]), json!({"agentInfo": 5, "agentCapabilities": "all", "authMethods": {}})] {
            assert_eq!(About::parse(&odd), About::default(), "{odd}");
        }
        assert_eq!(About::parse(&json!({"protocolVersion": "1", "agentInfo": {"name": "x"}})).version, Some(1));
    }
}
