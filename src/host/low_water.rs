//! From how many bytes on the kernel tells that a TCP connection has something to read (`SO_RCVLOWAT`).
//!
//! Never hides an end: a FIN and a reset are told at once. Without effect on systems other than Linux.

use tokio::net::TcpStream;

/// Asks the kernel to tell only of so many bytes, or of an end. Lowering it tells at once of what is there (Linux 4.18).
/// What the kernel does not do costs nothing but more wake-ups.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no safe wrapper of SO_RCVLOWAT exists among our dependencies")]
pub fn set_low_water(stream: &TcpStream, bytes: u32) {
    use std::os::fd::AsRawFd;

    let value = libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    let Ok(length) = libc::socklen_t::try_from(size_of::<libc::c_int>()) else { return };
    // SAFETY: the descriptor is open as long as `stream` is borrowed, and `value` is readable for `length` bytes.
    let _ = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVLOWAT,
            (&raw const value).cast(),
            length,
        )
    };
}

/// Not known on this system.
#[cfg(not(target_os = "linux"))]
pub fn set_low_water(_stream: &TcpStream, _bytes: u32) {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn pair() -> (TcpStream, TcpStream) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (ours, listener.accept().await.unwrap().0)
    }

    #[tokio::test]
    #[cfg(target_os = "linux")]
    async fn less_is_told_when_the_mark_is_lowered() {
        let (mut ours, mut theirs) = pair().await;
        set_low_water(&ours, 1000);
        theirs.write_all(&[7; 10]).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(300), ours.readable()).await;
        if early.is_ok() {
            // A kernel that does not do it: nothing is lost.
            return;
        }
        set_low_water(&ours, 1);
        let mut bytes = [0; 20];
        let count =
            tokio::time::timeout(Duration::from_secs(20), ours.read(&mut bytes)).await.unwrap().unwrap();
        assert_eq!(count, 10);
    }

    #[tokio::test]
    async fn an_end_is_told_at_once() {
        let (mut ours, theirs) = pair().await;
        set_low_water(&ours, 1000);
        drop(theirs);
        let mut bytes = [0; 20];
        let count =
            tokio::time::timeout(Duration::from_secs(20), ours.read(&mut bytes)).await.unwrap().unwrap();
        assert_eq!(count, 0);
    }
}
