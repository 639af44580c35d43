//! A descriptor whose readiness the runtime watches.
//!
//! Never reads: who owns it does.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Hands it to the runtime, to know when it can be read.
#[expect(unsafe_code, reason = "the runtime cannot know of each type that its descriptor stays the same")]
pub(super) fn to_read(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names one open descriptor from its creation until it is dropped, which is here after the
    // runtime has forgotten it; nothing behind `AsyncFd` replaces it.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE)? })
}
