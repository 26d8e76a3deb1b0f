//! The process itself: whether it lives, whether it can work, what it offers.

pub mod live;
pub mod metrics;
pub mod openapi;
pub mod ready;
