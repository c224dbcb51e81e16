//! As much of an HTTP/1.1 server as `GET /metrics` needs: one exchange a connection, few connections at a time, little
//! patience, and nothing that a client sends is kept.

use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections served at a time; others wait in the system's queue.
const CONNECTIONS_MAX: usize = 16;
/// A request line and its headers are shorter.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// For a whole exchange.
const PATIENCE: Duration = Duration::from_secs(5);
/// After a connection could not be accepted, because descriptors have run out.
const RESPITE: Duration = Duration::from_millis(100);

/// Serves `page` as `/metrics` on a thread of its own, which ends with the process.
pub(super) fn serve(
    listener: TcpListener,
    page: impl Fn() -> String + Send + 'static,
) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let runtime = || {
        Builder::new_current_thread()
            .enable_all()
            .build_local(LocalOptions::default())
    };
    // Whether a runtime can be had is told by the thread that asks for it.
    drop(runtime()?);
    thread::Builder::new()
        .name("metrics".to_owned())
        .spawn(move || {
            let Ok(runtime) = runtime() else { return };
            runtime.block_on(async {
                if let Ok(listener) = tokio::net::TcpListener::from_std(listener) {
                    accept(&listener, Rc::new(page)).await;
                }
            });
        })?;
    Ok(())
}

async fn accept(listener: &tokio::net::TcpListener, page: Rc<impl Fn() -> String + 'static>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            sleep(RESPITE).await;
            continue;
        };
        let page = Rc::clone(&page);
        tokio::task::spawn_local(async move {
            // A client that is too slow or has gone is no loss.
            let _ = timeout(PATIENCE, exchange(stream, &*page)).await;
            drop(place);
        });
    }
}

async fn exchange(mut stream: TcpStream, page: &impl Fn() -> String) -> io::Result<()> {
    let mut head = Vec::with_capacity(1024);
    let answer = loop {
        if let Some(answer) = answer(&head, page) {
            break answer;
        }
        if stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    };
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    // A connection closed over unread bytes is reset, which may cost the client its answer.
    let mut rest = [0; 1024];
    while stream.read(&mut rest).await? > 0 {}
    Ok(())
}

/// The answer to a request whose first bytes are `head`; none while it is not complete.
fn answer(head: &[u8], page: &impl Fn() -> String) -> Option<String> {
    let is_complete = head.windows(4).any(|bytes| bytes == b"\r\n\r\n");
    if !is_complete && head.len() < HEAD_BYTES_MAX {
        return None;
    }
    if !is_complete {
        return Some(plain(
            "431 Request Header Fields Too Large",
            "",
            "the request is too long\n",
        ));
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = String::from_utf8_lossy(line);
    let words: Vec<&str> = line.split(' ').collect();
    Some(match words.as_slice() {
        [method, target, version] if version.starts_with("HTTP/1.") => {
            to(method, target.split('?').next().unwrap_or_default(), page)
        }
        _ => plain("400 Bad Request", "", "this is no HTTP/1.1 request\n"),
    })
}

fn to(method: &str, path: &str, page: &impl Fn() -> String) -> String {
    match (method, path) {
        ("GET", "/metrics") => response(
            "200 OK",
            "",
            "text/plain; version=0.0.4; charset=utf-8",
            &page(),
        ),
        ("GET", _) => plain("404 Not Found", "", "metrics are at /metrics\n"),
        _ => plain(
            "405 Method Not Allowed",
            "Allow: GET\r\n",
            "only GET is served\n",
        ),
    }
}

fn plain(status: &str, headers: &str, body: &str) -> String {
    response(status, headers, "text/plain; charset=utf-8", body)
}

fn response(status: &str, headers: &str, kind: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::SocketAddr;

    use super::*;

    fn served() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        serve(listener, || "figures\n".to_owned()).unwrap();
        address
    }

    /// The first line of the answer and its last.
    fn asked(address: SocketAddr, request: &[u8]) -> (String, String) {
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        // A request that is too long is answered before it has been read.
        let _ = stream.write_all(request);
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let line = |line: Option<&str>| line.unwrap_or_default().to_owned();
        (line(answer.lines().next()), line(answer.lines().last()))
    }

    #[test]
    fn metrics_are_served_and_nothing_else() {
        let address = served();
        let status = |request: &str| asked(address, request.as_bytes()).0;
        let ok = asked(address, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(ok, ("HTTP/1.1 200 OK".to_owned(), "figures".to_owned()));
        assert_eq!(status("GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
        assert_eq!(
            status("POST /metrics HTTP/1.1\r\n\r\n"),
            "HTTP/1.1 405 Method Not Allowed"
        );
        assert_eq!(status("PING\r\n\r\n"), "HTTP/1.1 400 Bad Request");
        let long = format!("GET /{} HTTP/1.1", "x".repeat(HEAD_BYTES_MAX));
        assert_eq!(
            status(&long),
            "HTTP/1.1 431 Request Header Fields Too Large"
        );
    }

    #[test]
    fn clients_that_say_nothing_do_not_keep_others_out() {
        let address = served();
        let silent: Vec<_> = (1..CONNECTIONS_MAX)
            .map(|_| std::net::TcpStream::connect(address).unwrap())
            .collect();
        let mut garbage = std::net::TcpStream::connect(address).unwrap();
        garbage.write_all(&[0xff; 100]).unwrap();
        drop(garbage);
        let ok = asked(address, b"GET /metrics HTTP/1.0\r\n\r\n");
        assert_eq!(ok.1, "figures");
        drop(silent);
    }
}
