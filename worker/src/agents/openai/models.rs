//! Reads a server's model list.

use banter_shared::lenient_json::{self, LoneSurrogates};
use serde_json::Value;

use super::{
    errors::{self, Context, Failure},
    reader,
};

/// A server's models.
#[derive(Debug, Default)]
pub(super) struct ModelList {
    /// The model IDs, in the server's order.
    pub ids: Vec<String>,
    /// The text of the entire response.
    pub text: String,
}

impl ModelList {
    /// Parses the body of a successful response.
    ///
    /// # Errors
    /// Returns the failure if the body reports an error instead of listing models.
    pub fn read(bytes: &[u8], context: Context<'_>) -> Result<Self, Failure> {
        let list: Value = lenient_json::parse(bytes, LoneSurrogates::Replace).unwrap_or_default();
        let ids = ids_in(&list);
        match reader::find_report(&list) {
            Some(report) if ids.is_empty() => Err(errors::from_object(report, context)),
            Some(_) | None => Ok(Self { ids, text: lenient_json::decode(bytes).into_owned() }),
        }
    }
}

/// Returns the model IDs from a list, or from an object that contains the list.
fn ids_in(list: &Value) -> Vec<String> {
    match list {
        Value::Array(models) => models.iter().filter_map(id_of).collect(),
        Value::Object(fields) => {
            let lists = ["data", "models", "result", "results"].iter().filter_map(|name| fields.get(*name));
            lists.map(ids_in).find(|ids| !ids.is_empty()).unwrap_or_default()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

fn id_of(model: &Value) -> Option<String> {
    let names = [model, &model["id"], &model["model"], &model["name"]];
    names.into_iter().filter_map(Value::as_str).find(|name| !name.trim().is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_models_in_every_shape() {
        for list in [
            json!({"object": "list", "data": [{"id": "a"}, {"id": "b"}]}),
            json!([{"id": "a"}, {"id": "b"}]),
            json!({"models": [{"name": "a", "model": "a"}, {"name": "b"}]}),
            json!({"data": ["a", "b"]}),
            json!({"data": {"models": [{"id": "a"}, {"id": "b"}]}}),
            json!({"data": [{"object": "model"}, {"id": ""}, {"id": "a"}, null, {"id": "b"}]}),
            json!({"data": [], "models": [{"id": "a"}, {"id": "b"}]}),
        ] {
            assert_eq!(ids_in(&list), ["a", "b"], "{list}");
        }
        for list in [json!(null), json!("a"), json!({}), json!({"data": null}), json!({"data": [{}]})] {
            assert_eq!(ids_in(&list), Vec::<String>::new(), "{list}");
        }
    }
}
