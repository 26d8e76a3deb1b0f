//! Tasks: cancelling, retrying, and races with the worker.

mod cancel;
mod races;
mod retry;
