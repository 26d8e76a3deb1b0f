//! Agents that are model servers with OpenAI's chat completions.

mod failures;
mod quirks;
