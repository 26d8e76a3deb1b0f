//! A TCP proxy on the loopback interface that delays all data by a fixed time, like a link to a distant host.

use std::{io, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until},
};

/// Forwards connections to `target`, in a background task, and returns the address to connect to. Data arrives `delay`
/// later in each direction, rounded up to the next millisecond of the runtime's clock.
///
/// # Panics
/// Panics if no port is free.
pub async fn start(target: String, delay: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((near, _)) = listener.accept().await {
            let target = target.clone();
            tokio::spawn(async move {
                let Ok(far) = TcpStream::connect(target).await else { return };
                near.set_nodelay(true).ok();
                far.set_nodelay(true).ok();
                let ((from_near, to_near), (from_far, to_far)) = (near.into_split(), far.into_split());
                tokio::spawn(forward(from_near, to_far, delay));
                tokio::spawn(forward(from_far, to_near, delay));
            });
        }
    });
    address
}

/// Forwards data until one side closes its connection.
async fn forward(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let (sender, mut delayed) = mpsc::unbounded_channel::<(Instant, Vec<u8>)>();
    let write = tokio::spawn(async move {
        while let Some((due, data)) = delayed.recv().await {
            sleep_until(due).await;
            to.write_all(&data).await?;
        }
        to.shutdown().await
    });
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if sender.send((Instant::now() + delay, buffer[..count].to_vec())).is_err() {
            break;
        }
    }
    drop(sender);
    let _: Result<io::Result<()>, _> = write.await;
}
