//! Layers that apply to every request. [`crate::router`] shows their order.

pub mod body_drain;
pub mod disconnect;
pub mod headers;
pub mod keyless;
pub mod origin;
pub mod request_id;
pub mod request_metrics;
