//! What happens to every request, whatever its route. [`crate::router`] shows the order.

pub mod counting;
pub mod headers;
pub mod keyless;
pub mod lingering;
pub mod origin;
pub mod own_task;
pub mod request_id;
