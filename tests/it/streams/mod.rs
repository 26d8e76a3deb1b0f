//! Event streams: connecting, replay, live events, and dropped connections.

mod connect;
mod cuts;
mod live;
mod replay;
mod restart;
mod session;
mod stalled;
mod steps;
