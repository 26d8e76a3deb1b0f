//! Tasks: cancelling, retrying, and races with the worker.

mod cancel;
mod fairness;
mod races;
mod retry;
