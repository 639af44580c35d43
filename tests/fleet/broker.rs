//! A Mosquitto that publishes its log, and clients of it that leave in every way there is.
//!
//! Never leaves a broker behind: it is killed with its test.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::support::eventually;

pub(crate) struct Mosquitto {
    child: Child,
    address: SocketAddr,
    _files: tempfile::TempDir,
}

impl Mosquitto {
    /// On a free port, for everybody.
    pub(crate) async fn start() -> Self {
        let files = tempfile::tempdir().unwrap();
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let file = files.path().join("mosquitto.conf");
        let text = format!(
            "listener {} 127.0.0.1\nallow_anonymous true\nlog_dest topic\nlog_type error\nlog_type notice\n",
            address.port()
        );
        std::fs::write(&file, text).unwrap();
        let mut command = Command::new("mosquitto");
        command.arg("-c").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().expect("mosquitto is installed");
        let broker = Self { child, address, _files: files };
        eventually("the broker listens", async || TcpStream::connect(address).await.ok()).await;
        broker
    }

    /// As the configuration has it.
    pub(crate) fn url(&self) -> String {
        format!("mqtt://{}", self.address)
    }

    /// A client with this id and keep-alive (seconds), once the broker has accepted it.
    pub(crate) async fn client(&self, id: &str, keep_alive: u8) -> Client {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let mut connect = vec![0x10, u8::try_from(12 + id.len()).unwrap()];
        connect.extend_from_slice(b"\0\x04MQTT\x04\x02\0");
        connect.extend([keep_alive, 0, u8::try_from(id.len()).unwrap()]);
        connect.extend_from_slice(id.as_bytes());
        stream.write_all(&connect).await.unwrap();
        let mut answer = [0; 4];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, [0x20, 2, 0, 0]);
        Client(stream)
    }

    /// Somebody who looks whether the port is open, and goes.
    pub(crate) async fn is_probed(&self) {
        drop(TcpStream::connect(self.address).await.unwrap());
    }

    /// The broker is gone, without a word.
    pub(crate) fn dies(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client that is connected, and does nothing by itself.
pub(crate) struct Client(TcpStream);

impl Client {
    /// DISCONNECT, then the end.
    pub(crate) async fn says_goodbye(mut self) {
        self.0.write_all(&[0xe0, 0]).await.unwrap();
        self.0.shutdown().await.unwrap();
    }

    /// The end without a word.
    pub(crate) async fn closes(mut self) {
        self.0.shutdown().await.unwrap();
    }

    /// As when its process is killed with bytes under way.
    pub(crate) fn resets(self) {
        self.0.set_zero_linger().unwrap();
    }

    /// PUBLISH of QoS 0.
    pub(crate) async fn publishes(&mut self, topic: &str, payload: &str) {
        let length = 2 + topic.len() + payload.len();
        let mut packet = vec![0x30];
        let (low, high) = (u8::try_from(length % 128).unwrap(), u8::try_from(length / 128).unwrap());
        packet.extend(if high == 0 { vec![low] } else { vec![low | 0x80, high] });
        packet.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        packet.extend_from_slice(topic.as_bytes());
        packet.extend_from_slice(payload.as_bytes());
        self.0.write_all(&packet).await.unwrap();
    }
}
