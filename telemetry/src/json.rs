//! Log lines in JSON.

use json_subscriber::JsonLayer;
use tracing::Subscriber;
use tracing_subscriber::{
    fmt::{MakeWriter, time::SystemTime},
    registry::LookupSpan,
};

use crate::traces;

/// Returns a layer that writes each event as one JSON object with the members `timestamp`, `level`, `target`,
/// `message`, and the event's fields. The object `span` contains the name of the innermost span and the fields of all
/// surrounding spans. `trace_id` is present if the current span is part of a trace.
pub(super) fn layer<S, W>(writer: W) -> JsonLayer<S, W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    let mut layer = JsonLayer::new(writer);
    layer.with_timer("timestamp", SystemTime);
    layer.with_level("level");
    layer.with_target("target");
    layer.with_flattened_event();
    layer.with_flattened_span_fields("span");
    layer.add_dynamic_field("trace_id", |_, _| traces::current_trace_id());
    layer
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::{layer::SubscriberExt as _, registry};

    use super::*;

    #[derive(Clone, Default)]
    struct Output(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Output {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn writes_one_object_per_line_with_the_fields_of_the_event_and_its_spans() {
        let output = Output::default();
        let writer = output.clone();
        let subscriber = registry().with(layer(move || writer.clone()));

        tracing::subscriber::with_default(subscriber, || {
            let request = tracing::info_span!("request", id = "r-1", path = "/v1/chat");
            let _request = request.enter();
            let attempt = tracing::info_span!("attempt", attempt = 2);
            let _attempt = attempt.enter();
            tracing::warn!(error = "two\nlines", count = 3, "failed; \"retrying\"");
        });

        let written = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let mut line: Value = serde_json::from_str(written.trim_end()).unwrap();
        assert_eq!(written.lines().count(), 1);
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().unwrap().ends_with('Z'), "{timestamp}");
        assert_eq!(
            line,
            json!({
                "level": "WARN",
                "target": "banter_telemetry::json::tests",
                "message": "failed; \"retrying\"",
                "error": "two\nlines",
                "count": 3,
                "span": {"name": "attempt", "id": "r-1", "path": "/v1/chat", "attempt": 2},
            })
        );
    }
}
