//! What the kernel knows of one TCP connection (`TCP_INFO`).
//!
//! Unknown (`None`) on systems other than Linux and wherever the kernel does not tell.

use tokio::net::TcpStream;

use super::TcpInfo;

/// Asks the kernel.
#[cfg(target_os = "linux")]
#[must_use]
#[expect(unsafe_code, reason = "no safe wrapper of TCP_INFO exists among our dependencies")]
pub fn tcp_info(stream: &TcpStream) -> Option<TcpInfo> {
    use std::mem::MaybeUninit;
    use std::os::fd::AsRawFd;
    use std::time::Duration;

    let mut info = MaybeUninit::<libc::tcp_info>::zeroed();
    let mut length = libc::socklen_t::try_from(size_of::<libc::tcp_info>()).ok()?;
    // SAFETY: the descriptor is open as long as `stream` is borrowed; `info` is writable for `length` bytes; all
    // its fields are integers, so that the zeroes that an older kernel leaves in its tail are valid values.
    let info = unsafe {
        let asked = libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        );
        if asked != 0 {
            return None;
        }
        info.assume_init()
    };
    Some(TcpInfo {
        state: info.tcpi_state,
        unacked: info.tcpi_unacked,
        retransmits: info.tcpi_retransmits,
        probes: info.tcpi_probes,
        backoff: info.tcpi_backoff,
        rtt: Duration::from_micros(info.tcpi_rtt.into()),
        total_retransmits: info.tcpi_total_retrans,
        last_data_received: Duration::from_millis(info.tcpi_last_data_recv.into()),
        last_ack_received: Duration::from_millis(info.tcpi_last_ack_recv.into()),
    })
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn tcp_info(_stream: &TcpStream) -> Option<TcpInfo> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn an_open_connection_is_established_and_owes_nothing() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let info = tcp_info(&stream).unwrap();
        assert_eq!((info.state, info.unacked, info.total_retransmits), (1, 0, 0));
    }
}
