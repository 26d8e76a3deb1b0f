//! Layers that apply to every request. [`crate::router`] shows their order.

pub mod counting;
pub mod headers;
pub mod keyless;
pub mod lingering;
pub mod origin;
pub mod own_task;
pub mod request_id;
