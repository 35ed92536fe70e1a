//! A proxy on the network between a client and a service of this machine, which fails as the test tells it to.
//!
//! What is tested through it are the real clients: their pools of connections, their time-outs, and what they try again.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use whatsapp::compose::refusal;
use whatsapp::graph::GraphError;

/// How long a dripping answer waits between two bytes: no answer is through before a client has lost its patience.
const DRIP: Duration = Duration::from_millis(100);

/// What happens to one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// Nothing: it is answered.
    Nothing,
    /// It waits until the gate is opened, and is carried out then, whether or not anybody still waits for the answer.
    Held(Gate),
    /// The connection is reset before it is forwarded.
    NotSent,
    /// It is carried out, and the connection is reset before the answer.
    AnswerLost,
    /// It is carried out, and the connection is reset in the middle of the answer.
    AnswerTorn,
    /// It is read, and that is all that ever happens.
    Silence,
    /// It is carried out, and nobody ever hears of it.
    AnswerSilent,
    /// It is carried out, and the answer comes a byte at a time.
    Drip,
    /// The proxy answers in the service's place.
    Answer(Answer),
    /// DynamoDB cancels a transaction with that reason for its first action; other requests are answered.
    Cancelled(&'static str),
}

/// What the proxy answers in a service's place.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    /// An error of DynamoDB or Secrets Manager for which the caller is to blame, a throttle among them.
    pub fn aws(error: &str) -> Self {
        Self {
            status: 400,
            body: json!({"__type": format!("com.amazonaws#{error}"), "message": "-"}).to_string(),
        }
    }

    /// An error of Meta's.
    pub fn graph(code: u32) -> Self {
        let (status, body) = refusal(GraphError::of(code));
        Self { status, body }
    }

    /// A status by whatever stands before the service, which explains nothing.
    pub fn unexplained(status: u16) -> Self {
        Self {
            status,
            body: "<html>-</html>".to_owned(),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let Self { status, body } = self;
        let length = body.len();
        format!("HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
            .into()
    }
}

/// Holds requests back until it is opened.
#[derive(Debug, Clone)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that is shut.
    pub fn shut() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets through whatever waits, and whatever comes.
    pub fn open(&self) {
        self.0.close();
    }

    async fn pass(&self) {
        // That the semaphore is closed is what is waited for.
        let _ = self.0.acquire().await;
    }
}

/// A request as the test tells it from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// The operation of AWS, or else the last part of the path.
    pub operation: String,
}

impl Asked {
    /// Whether DynamoDB is to change something.
    pub fn is_write(&self) -> bool {
        matches!(
            &*self.operation,
            "TransactWriteItems" | "UpdateItem" | "PutItem" | "DeleteItem" | "BatchWriteItem"
        )
    }
}

type Script = Box<dyn FnMut(&Asked) -> Fault + Send>;

/// The proxy. It ends when it is dropped.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Mutex<Option<JoinHandle<()>>>,
    /// Keeps the port while nobody listens on it.
    _reserved: TcpSocket,
}

struct Shared {
    upstream: SocketAddr,
    script: Mutex<Script>,
    asked: Mutex<BTreeMap<String, usize>>,
    connections: AtomicUsize,
    /// The connections with smaller numbers say nothing more.
    hushed: AtomicUsize,
    /// The connections with smaller numbers are reset.
    cut: watch::Sender<usize>,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stop_listening();
        self.cut();
    }
}

impl Proxy {
    /// A proxy before the service at that address, through which everything passes until the test says otherwise.
    pub fn before(upstream: SocketAddr) -> Self {
        let reserved = socket(SocketAddr::from(([127, 0, 0, 1], 0)));
        let proxy = Self {
            address: reserved.local_addr().unwrap(),
            shared: Arc::new(Shared {
                upstream,
                script: Mutex::new(Box::new(|_| Fault::Nothing)),
                asked: Mutex::default(),
                connections: AtomicUsize::new(0),
                hushed: AtomicUsize::new(0),
                cut: watch::Sender::new(0),
            }),
            accepting: Mutex::default(),
            _reserved: reserved,
        };
        proxy.listen();
        proxy
    }

    /// Where clients find it, `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks the script what happens to each request from now on.
    pub fn by(&self, script: impl FnMut(&Asked) -> Fault + Send + 'static) {
        *self.shared.script.lock().unwrap() = Box::new(script);
    }

    /// The same happens to every request from now on.
    pub fn always(&self, fault: Fault) {
        self.by(move |_| fault.clone());
    }

    /// That happens to the next requests, one after the other, and nothing to any after them.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        let mut faults: VecDeque<_> = faults.into_iter().collect();
        self.by(move |_| faults.pop_front().unwrap_or(Fault::Nothing));
    }

    /// Nothing happens to any request from now on, and there are connections to be had.
    pub fn heal(&self) {
        self.always(Fault::Nothing);
        self.listen();
    }

    /// From now on no connection is to be had, and those that were are reset.
    pub async fn refuse(&self) {
        if let Some(accepting) = self.stop_listening() {
            // The port is open until the task has ended.
            let _ = accepting.await;
        }
        self.cut();
    }

    /// Resets the connections that are there.
    pub fn cut(&self) {
        let so_far = self.shared.connections.load(Ordering::SeqCst);
        self.shared.cut.send_replace(so_far);
    }

    /// The connections that are there say nothing more, and do not end either.
    pub fn hush(&self) {
        let so_far = self.shared.connections.load(Ordering::SeqCst);
        self.shared.hushed.store(so_far, Ordering::SeqCst);
    }

    /// How often that operation was asked for so far.
    pub fn asked(&self, operation: &str) -> usize {
        self.shared.asked.lock().unwrap().get(operation).copied().unwrap_or(0)
    }

    /// How many connections there have been so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    fn listen(&self) {
        let mut accepting = self.accepting.lock().unwrap();
        if accepting.is_none() {
            let listener = socket(self.address).listen(1_024).unwrap();
            *accepting = Some(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        }
    }

    fn stop_listening(&self) -> Option<JoinHandle<()>> {
        let accepting = self.accepting.lock().unwrap().take();
        accepting.inspect(JoinHandle::abort)
    }
}

/// A socket at an address that other sockets may have too.
fn socket(address: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseport(true).unwrap();
    socket.bind(address).unwrap();
    socket
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    while let Ok((client, _)) = listener.accept().await {
        let number = shared.connections.fetch_add(1, Ordering::SeqCst);
        tokio::spawn(connection(client, number, Arc::clone(&shared)));
    }
}

async fn connection(client: TcpStream, number: usize, shared: Arc<Shared>) {
    let mut cut = shared.cut.subscribe();
    let mut client = BufReader::new(client);
    let end = tokio::select! {
        end = converse(&mut client, number, &shared) => end,
        _ = cut.wait_for(|cut| number < *cut) => Some(End::Reset),
    };
    match end {
        Some(End::Reset) => client.get_ref().set_zero_linger().unwrap(),
        Some(End::Silence) => {
            // Read, so that the client has the impression of being listened to, until it goes away.
            let mut ignored = [0; 1_024];
            while client.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
        }
        None => {}
    }
}

/// How a connection ends before its client ends it.
enum End {
    Reset,
    Silence,
}

/// Answers one request after the other. None if the client or the service has gone away.
async fn converse(client: &mut BufReader<TcpStream>, number: usize, shared: &Shared) -> Option<End> {
    let mut service = None;
    loop {
        let request = Message::read(client).await?;
        let asked = request.asked();
        *shared.asked.lock().unwrap().entry(asked.operation.clone()).or_default() += 1;
        if number < shared.hushed.load(Ordering::SeqCst) {
            return Some(End::Silence);
        }
        let fault = (shared.script.lock().unwrap())(&asked);
        match &fault {
            Fault::NotSent => return Some(End::Reset),
            Fault::Silence => return Some(End::Silence),
            Fault::Answer(answer) => {
                client.write_all(&answer.bytes()).await.ok()?;
                continue;
            }
            Fault::Cancelled(reason) if asked.operation == "TransactWriteItems" => {
                client.write_all(&cancelled(&request, reason).bytes()).await.ok()?;
                continue;
            }
            Fault::Held(gate) => gate.pass().await,
            _ => {}
        }
        let answer = forward(&request, &mut service, shared.upstream).await?;
        match fault {
            Fault::AnswerLost => return Some(End::Reset),
            Fault::AnswerSilent => return Some(End::Silence),
            Fault::AnswerTorn => {
                let (half, _) = answer.split_at(answer.len() / 2);
                client.write_all(half).await.ok()?;
                return Some(End::Reset);
            }
            Fault::Drip => {
                for byte in answer {
                    client.write_all(&[byte]).await.ok()?;
                    tokio::time::sleep(DRIP).await;
                }
            }
            _ => client.write_all(&answer).await.ok()?,
        }
    }
}

/// The service's answer, byte for byte.
async fn forward(
    request: &Message,
    service: &mut Option<BufReader<TcpStream>>,
    address: SocketAddr,
) -> Option<Vec<u8>> {
    let connection = match service {
        Some(connection) => connection,
        none => none.insert(BufReader::new(TcpStream::connect(address).await.ok()?)),
    };
    connection.write_all(&request.bytes()).await.ok()?;
    Some(Message::read(connection).await?.bytes())
}

/// A transaction of which the first action had to give way.
fn cancelled(request: &Message, reason: &str) -> Answer {
    let asked: Value = serde_json::from_slice(&request.body).unwrap();
    let actions = asked["TransactItems"].as_array().map_or(1, Vec::len);
    let mut reasons = vec![json!({"Code": "None"}); actions];
    reasons[0] = json!({ "Code": reason });
    let body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "Message": "-", "CancellationReasons": reasons,
    });
    Answer {
        status: 400,
        body: body.to_string(),
    }
}

/// A request or an answer, as much of HTTP/1.1 as the clients and services here speak.
struct Message {
    head: String,
    body: Vec<u8>,
}

impl Message {
    /// The next message; none if the connection ends before it does.
    async fn read(from: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if from.read_line(&mut head).await.ok()? == 0 {
                return None;
            }
        }
        assert!(
            header(&head, "transfer-encoding").is_none(),
            "a length is needed: {head}"
        );
        let length = header(&head, "content-length").map_or(0, |length| length.parse().unwrap());
        let mut body = vec![0; length];
        from.read_exact(&mut body).await.ok()?;
        Some(Self { head, body })
    }

    fn bytes(&self) -> Vec<u8> {
        [self.head.as_bytes(), &self.body].concat()
    }

    fn asked(&self) -> Asked {
        let target = header(&self.head, "x-amz-target").and_then(|target| target.rsplit('.').next());
        let path = || {
            let path = self.head.split([' ', '?']).nth(1)?;
            path.rsplit('/').next()
        };
        Asked {
            operation: target.or_else(path).unwrap_or_default().to_owned(),
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
