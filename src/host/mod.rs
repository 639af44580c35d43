//! Signals of this machine. Unprivileged; everything degrades to "unknown" where the system forbids it.

#[cfg(target_os = "linux")]
mod alarm;
mod clocks;
mod low_water;
mod memory;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod network;
#[cfg(target_os = "linux")]
mod ready;
mod resolver;
mod system;
mod tcp_info;
mod timeline;
mod watcher;

use std::time::Duration;

pub use low_water::set_low_water;
pub use memory::give_back;
use serde::Serialize;
pub use tcp_info::tcp_info;
pub use timeline::{KEPT as SIGNALS, Signal, SignalKind, Timeline};
pub use watcher::Watcher;

/// The kernel's view of a TCP connection (`TCP_INFO`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TcpInfo {
    /// State number of the kernel (1 = established).
    pub state: u8,
    /// Segments sent and not acknowledged.
    pub unacked: u32,
    /// Retransmissions of the segment now waiting.
    pub retransmits: u8,
    /// Keepalive probes sent and not answered.
    pub probes: u8,
    /// Backoff steps.
    pub backoff: u8,
    /// Smoothed round trip.
    pub rtt: Duration,
    /// Retransmissions in the life of the connection.
    pub total_retransmits: u32,
    /// Since the last data arrived.
    pub last_data_received: Duration,
    /// Since the last acknowledgement arrived.
    pub last_ack_received: Duration,
}
