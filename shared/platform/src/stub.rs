//! A stand-in for a service of AWS, for tests.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::settings::HttpUrl;

/// Serves on a free port of this machine for as long as the process runs. `answer` gets the body of a request and gives the
/// status and the body of the answer.
pub(crate) fn serve(answer: impl Fn(&str) -> (u16, String) + Clone + Send + 'static) -> HttpUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            thread::spawn(move || converse(stream.unwrap(), answer));
        }
    });
    HttpUrl::parse(&url).unwrap()
}

fn converse(mut stream: TcpStream, answer: impl Fn(&str) -> (u16, String)) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).unwrap() > 2 {
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let (status, body) = answer(std::str::from_utf8(&body).unwrap());
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all((head + &body).as_bytes()).unwrap();
}
