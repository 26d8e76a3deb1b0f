//! Liveness, readiness, metrics, and the OpenAPI document.

pub mod live;
pub mod metrics;
pub mod openapi;
pub mod ready;
