//! Tests that apply to every operation in the OpenAPI document.

mod access;
mod coverage;
mod encodings;
mod input;
mod slow_bodies;
mod table;
