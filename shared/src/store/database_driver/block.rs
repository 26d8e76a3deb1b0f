//! Blocking calls within asynchronous code.

use std::{future::poll_fn, pin::pin};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task::block_in_place,
};

/// Polls a future that may block its thread, such as one that waits for a lock or a disk. The runtime moves the
/// thread's other tasks to another thread in the meantime.
pub(in crate::store) async fn block<F: Future>(future: F) -> F::Output {
    block_if(true, future).await
}

/// Like [`block`] if `may_block` is true. Otherwise, polls the future as usual.
pub(in crate::store) async fn block_if<F: Future>(may_block: bool, future: F) -> F::Output {
    let mut future = pin!(future);
    // A single-threaded runtime has no other thread for the other tasks. Only tests use such a runtime.
    let blocks = may_block && Handle::current().runtime_flavor() != RuntimeFlavor::CurrentThread;
    poll_fn(
        move |context| {
            if blocks { block_in_place(|| future.as_mut().poll(context)) } else { future.as_mut().poll(context) }
        },
    )
    .await
}
