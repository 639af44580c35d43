//! `hangup health` of the real binary against servers that answer well, badly and not at all.
//!
//! Never waits for a limit: a port that is closed says so at once.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at what it did not expect")]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Output};
use std::thread::JoinHandle;

fn health(arguments: &[&str], listen: Option<&str>) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hangup"));
    command.arg("health").args(arguments).env_remove("HANGUP_LISTEN");
    if let Some(listen) = listen {
        command.env("HANGUP_LISTEN", listen);
    }
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

/// Gives this answer once, and then the first line of the request.
fn server(answer: &'static str) -> (SocketAddr, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let request = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(client.try_clone().unwrap()).lines().map(Result::unwrap);
        let first = lines.next().unwrap();
        // The rest is read first: closing with unread bytes would reset the connection before the answer is read.
        lines.by_ref().take_while(|line| !line.is_empty()).for_each(drop);
        client.write_all(answer.as_bytes()).unwrap();
        first
    });
    (address, request)
}

#[test]
fn a_server_that_answers_200_is_healthy() {
    let (address, request) = server("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
    assert_eq!(health(&[], Some(&address.to_string())), (Some(0), "healthy\n".to_owned()));
    assert_eq!(request.join().unwrap(), "GET /-/healthy HTTP/1.1");
}

#[test]
fn any_other_answer_is_told_and_not_healthy() {
    let (address, request) = server("HTTP/1.1 503 Service Unavailable\r\n\r\n");
    let url = format!("http://{address}/other");
    assert_eq!(
        health(&["--url", &url], Some("127.0.0.1:1")),
        (Some(1), format!("hangup: {url} answered 503\n"))
    );
    assert_eq!(request.join().unwrap(), "GET /other HTTP/1.1");
}

#[test]
fn a_page_that_speaks_no_http_may_have_tls() {
    let (address, request) = server("\u{15}\u{3}\u{3}\0\u{2}\u{2}\n");
    let (code, text) = health(&["--url", &format!("http://{address}/")], None);
    assert_eq!(code, Some(1));
    assert!(text.contains("not HTTP; a page with TLS is asked with `hangup report https://"), "{text}");
    request.join().unwrap();
}

#[test]
fn a_closed_port_is_not_healthy() {
    // The port was free a moment ago and nobody listens on it now.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (code, text) = health(&["--listen", &address.to_string()], None);
    assert_eq!(code, Some(1));
    assert!(text.contains("did not answer: Connection refused"), "{text}");
}

#[test]
fn an_address_that_is_none_is_a_wrong_command_line() {
    let (code, text) = health(&["--url", "https://localhost:9883/-/healthy"], None);
    assert_eq!(code, Some(2));
    assert!(text.contains("http://127.0.0.1:9883/-/healthy"), "{text}");
}
