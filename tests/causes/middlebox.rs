//! A NAT between the connection and the cloud: it passes bytes on, forgets a connection that was silent for too long, and
//! answers what comes then with a reset.
//!
//! Never says anything when it forgets: that is what makes it hard to find.

use std::net::SocketAddr;
use std::time::Duration;

use hangup::clock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A running middlebox; it ends with the runtime of its test.
pub(crate) struct Middlebox {
    pub(crate) port: u16,
}

impl Middlebox {
    /// Before this address, with this memory.
    pub(crate) async fn before(address: SocketAddr, memory: Duration) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let far = TcpStream::connect(address).await.unwrap();
                    pass_on(near, far, memory).await;
                });
            }
        });
        Self { port }
    }
}

async fn pass_on(mut near: TcpStream, mut far: TcpStream, memory: Duration) {
    for side in [&near, &far] {
        side.set_nodelay(true).unwrap();
        // Whatever ends it here ends by a reset: a NAT does not take leave.
        socket2::SockRef::from(side).set_linger(Some(Duration::ZERO)).unwrap();
    }
    let (mut from_near, mut from_far) = ([0; 4096], [0; 4096]);
    let mut last = clock::now().at;
    loop {
        let (read, to_far) = tokio::select! {
            read = near.read(&mut from_near) => (read, true),
            read = far.read(&mut from_far) => (read, false),
        };
        let now = clock::now().at;
        let Ok(read @ 1..) = read else { return };
        if now.saturating_since(last) > memory {
            return;
        }
        last = now;
        let passed = if to_far {
            far.write_all(&from_near[..read]).await
        } else {
            near.write_all(&from_far[..read]).await
        };
        if passed.is_err() {
            return;
        }
    }
}
