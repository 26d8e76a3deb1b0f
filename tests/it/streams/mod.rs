//! Event streams: connecting, replaying, following live, and being cut.

mod connect;
mod cuts;
mod live;
mod replay;
mod restart;
mod session;
mod stalled;
mod steps;
