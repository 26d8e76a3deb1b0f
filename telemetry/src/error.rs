//! Reports panics and the errors with which processes exit.

use std::{
    panic,
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether stderr contains only JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Reports the error with which a program exits: as a log line if the log format is JSON, otherwise as plain text for
/// the person who ran the program.
pub fn report_exit(program: &str, error: &anyhow::Error) {
    if IS_JSON.load(Ordering::Relaxed) {
        tracing::error!(program, error = format!("{error:#}"), "exiting with an error");
    } else {
        eprintln!("{program}: {error:#}");
    }
}

/// Installs a panic hook that logs each panic as one line instead of printing several.
pub(super) fn log_panics() {
    IS_JSON.store(true, Ordering::Relaxed);
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        let thread = std::thread::current();
        tracing::error!(
            location,
            thread = thread.name(),
            error = panic.payload_as_str().unwrap_or("no message"),
            "panicked"
        );
    }));
}
