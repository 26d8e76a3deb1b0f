//! Event streams: connecting, replay, live events, and dropped connections.

mod connect;
mod live;
mod reconnect;
mod replay;
mod restart;
mod session_stream;
mod stalled_readers;
mod steps;
