//! Forwards packets between the devices of a network, in a thread of its own, so that a busy test does not delay them.

use std::{
    collections::HashMap,
    net::Ipv4Addr,
    sync::{Arc, mpsc as std_mpsc},
    thread::{self, JoinHandle},
};

use bytes::Bytes;
use tokio::{
    sync::mpsc::{self, Receiver, Sender},
    time::{Instant, sleep_until},
};
use tokio_tun::Tun;
use tokio_util::sync::CancellationToken;

use super::Link;

/// The size of the largest packet, which is that of Ethernet.
const MAX_PACKET_BYTES: usize = 1500;

/// The maximum number of packets that are on their way in one direction of a link. Further packets are lost.
const MAX_PACKETS: usize = 10_000;

/// A device to create, and its link.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) device: String,
    pub(super) address: Ipv4Addr,
    pub(super) link: Arc<Link>,
}

/// A packet on a link.
struct Packet {
    arrives_at: Instant,
    bytes: Bytes,
}

/// The link to a host, and the queue of packets that are on their way to it.
struct Outlet {
    link: Arc<Link>,
    down: Sender<Packet>,
}

/// The links by the addresses of their hosts.
type Outlets = HashMap<Ipv4Addr, Outlet>;

/// A running switch.
#[derive(Debug)]
pub(super) struct Switch {
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Switch {
    /// Creates the devices and forwards packets between them.
    pub(super) fn start(ports: Vec<Port>) -> Result<Self, String> {
        let stop = CancellationToken::new();
        let (started, is_started) = std_mpsc::channel();
        let run = {
            let stop = stop.clone();
            async move {
                let opened: Result<Vec<_>, _> =
                    ports.into_iter().map(|port| open(&port.device).map(|device| (port, device))).collect();
                match opened {
                    Ok(ports) => {
                        connect(ports);
                        let _ = started.send(Ok(()));
                        stop.cancelled().await;
                    }
                    Err(reason) => drop(started.send(Err(reason))),
                }
            }
        };
        let thread = thread::spawn(|| {
            // Dropping the runtime ends the tasks, which own the devices.
            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run);
        });
        let switch = Self { stop, thread: Some(thread) };
        is_started.recv().expect("the switch starts").map(|()| switch)
    }

    /// Stops forwarding and removes the devices.
    pub(super) fn stop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.stop();
    }
}

fn open(device: &str) -> Result<Arc<Tun>, String> {
    let built = Tun::builder().name(device).mtu(i32::try_from(MAX_PACKET_BYTES).unwrap()).build();
    let device = built.map_err(|error| format!("cannot create a TUN device: {error}"))?.pop();
    device.map(Arc::new).ok_or_else(|| "no TUN device".into())
}

/// Starts the tasks of all ports. Each direction of a link is a queue, which keeps the packets in order.
fn connect(ports: Vec<(Port, Arc<Tun>)>) {
    let mut outlets = Outlets::new();
    let mut sources = Vec::new();
    for (Port { address, link, .. }, device) in ports {
        let (down, packets) = mpsc::channel(MAX_PACKETS);
        tokio::spawn(write(device.clone(), packets));
        outlets.insert(address, Outlet { link: link.clone(), down });
        sources.push((link, device));
    }
    let outlets = Arc::new(outlets);
    for (link, device) in sources {
        let (up, packets) = mpsc::channel(MAX_PACKETS);
        tokio::spawn(read(device, link, up));
        tokio::spawn(forward(packets, outlets.clone()));
    }
}

/// Reads the packets that a host sends.
async fn read(device: Arc<Tun>, link: Arc<Link>, up: Sender<Packet>) {
    let mut buffer = vec![0; MAX_PACKET_BYTES];
    while let Ok(size) = device.recv(&mut buffer).await {
        send(&link, &up, Bytes::copy_from_slice(&buffer[..size]));
    }
}

/// Passes the packets that arrive from a host to the links of their destinations.
async fn forward(mut packets: Receiver<Packet>, outlets: Arc<Outlets>) {
    while let Some(Packet { arrives_at, bytes }) = packets.recv().await {
        sleep_until(arrives_at).await;
        if let Some(Outlet { link, down }) = destination(&bytes).and_then(|address| outlets.get(&address)) {
            send(link, down, bytes);
        }
    }
}

/// Delivers the packets that arrive at a host.
async fn write(device: Arc<Tun>, mut packets: Receiver<Packet>) {
    while let Some(Packet { arrives_at, bytes }) = packets.recv().await {
        sleep_until(arrives_at).await;
        let _ = device.send(&bytes).await;
    }
}

fn send(link: &Link, queue: &Sender<Packet>, bytes: Bytes) {
    if let Some(arrives_at) = link.arrival() {
        let _ = queue.try_send(Packet { arrives_at, bytes });
    }
}

/// Returns the destination of an IPv4 packet (RFC 791, section 3.1).
fn destination(packet: &[u8]) -> Option<Ipv4Addr> {
    let is_v4 = packet.first()? >> 4 == 4;
    let address: [u8; 4] = packet.get(16..20)?.try_into().ok()?;
    is_v4.then(|| address.into())
}
