//! ZeroMQ: a PAIR over TCP, libzmq through the zmq crate. A socket belongs to one thread. libzmq's own
//! defaults: NODELAY, and at most 1,000 messages in either queue, of which more make nothing faster.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow};
use zmq::{Context, DONTWAIT, Message, PAIR, POLLIN, POLLOUT, Socket};

use crate::check::{self, Check, Span};
use crate::contender::{Contender, Name};
use crate::cores::{Cores, Side};
use crate::load::{self, Load};
use crate::threads::{self, Job};

#[derive(Debug)]
pub(crate) struct ZeroMq {
    pub(crate) cores: Cores,
}

type Sent = Option<Span>;

impl Contender for ZeroMq {
    fn name(&self) -> Name {
        Name::Zmq
    }

    fn throughput(&self, load: &Load) -> Result<f64> {
        let (load, (a, b)) = (*load, pair(&self.cores)?);
        let jobs: Vec<Job<(Node, Sent)>> = if load.both_ways {
            vec![
                (Side::A, Box::new(move || exchange_all(a, &load))),
                (Side::B, Box::new(move || exchange_all(b, &load))),
            ]
        } else {
            vec![(Side::A, Box::new(move || send_all(a, &load))), (Side::B, Box::new(move || receive_all(b, &load)))]
        };
        let (_nodes, spans): (Vec<_>, Vec<Sent>) = threads::run(self.cores, jobs, &load)?.into_iter().unzip();
        let spans: Vec<Span> = spans.into_iter().flatten().collect();
        check::rate(&spans).context("nothing was received")
    }

    fn round_trips(&self, load: &Load) -> Result<Vec<Duration>> {
        let (load, (a, b)) = (*load, pair(&self.cores)?);
        let jobs: Vec<Job<(Node, Vec<Duration>)>> =
            vec![(Side::A, Box::new(move || ask_all(a, &load))), (Side::B, Box::new(move || answer_all(b, &load)))];
        let (_nodes, times): (Vec<_>, Vec<_>) = threads::run(self.cores, jobs, &load)?.into_iter().unzip();
        Ok(times.concat())
    }
}

/// Each node has a context, and with it an I/O thread, of its own. The socket goes first.
struct Node {
    socket: Socket,
    _context: Context,
}

/// The I/O thread begins with the first socket, on the cores of the thread that makes it.
fn node(cores: &Cores, side: Side) -> Result<Node> {
    let make = || {
        cores.keep(side)?;
        let context = Context::new();
        let socket = context.socket(PAIR)?;
        socket.set_linger(0)?;
        Ok(Node { socket, _context: context })
    };
    thread::scope(|scope| scope.spawn(make).join()).map_err(|_| anyhow!("a thread ended without a result"))?
}

fn pair(cores: &Cores) -> Result<(Node, Node)> {
    let (a, b) = (node(cores, Side::A)?, node(cores, Side::B)?);
    b.socket.bind("tcp://127.0.0.1:*")?;
    let address = b.socket.get_last_endpoint()?.map_err(|_| anyhow!("an endpoint that is no text"))?;
    a.socket.connect(&address)?;
    Ok((a, b))
}

// What was sent may still be on its way when a sender is done: its node lives on until all are done.
fn send_all(node: Node, load: &Load) -> Result<(Node, Sent)> {
    let mut message = load::message(load.len)?;
    for number in 0..load.messages {
        load::set_number(&mut message, number);
        node.socket.send(message.as_slice(), 0)?;
    }
    Ok((node, None))
}

fn receive_all(node: Node, load: &Load) -> Result<(Node, Sent)> {
    let (mut check, mut message) = (Check::new(load), Message::new());
    while !check.is_done() {
        node.socket.recv(&mut message, 0)?;
        check.see(&message)?;
    }
    Ok((node, check.span().map(Some)?))
}

/// Sends and receives in turns, as much as goes at a time.
fn exchange_all(node: Node, load: &Load) -> Result<(Node, Sent)> {
    let (mut check, mut received, mut message) = (Check::new(load), Message::new(), load::message(load.len)?);
    let mut number = 0;
    while number < load.messages || !check.is_done() {
        let before = (number, check.seen());
        number = send_burst(&node.socket, &mut message, number, load)?;
        receive_burst(&node.socket, &mut received, &mut check)?;
        if before == (number, check.seen()) {
            let wanted = if number < load.messages { POLLIN | POLLOUT } else { POLLIN };
            node.socket.poll(wanted, -1)?;
        }
    }
    Ok((node, check.span().map(Some)?))
}

/// Messages sent, or received, before it is the turn of the other direction.
const BURST: u32 = 256;

fn send_burst(socket: &Socket, message: &mut [u8], from: u32, load: &Load) -> Result<u32> {
    let until = load.messages.min(from + BURST);
    for number in from..until {
        load::set_number(message, number);
        match socket.send(&*message, DONTWAIT) {
            Err(zmq::Error::EAGAIN) => return Ok(number),
            sent => sent?,
        }
    }
    Ok(until)
}

fn receive_burst(socket: &Socket, message: &mut Message, check: &mut Check) -> Result<()> {
    for _ in 0..BURST {
        match socket.recv(message, DONTWAIT) {
            Err(zmq::Error::EAGAIN) => return Ok(()),
            received => received?,
        }
        check.see(message)?;
    }
    Ok(())
}

fn ask_all(node: Node, load: &Load) -> Result<(Node, Vec<Duration>)> {
    let (mut check, mut received, mut message) = (Check::new(load), Message::new(), load::message(load.len)?);
    let mut times = Vec::with_capacity((load.messages - load.warm_up) as usize);
    for number in 0..load.messages {
        load::set_number(&mut message, number);
        let began = Instant::now();
        node.socket.send(message.as_slice(), 0)?;
        node.socket.recv(&mut received, 0)?;
        check.see(&received)?;
        if number >= load.warm_up {
            times.push(began.elapsed());
        }
    }
    Ok((node, times))
}

fn answer_all(node: Node, load: &Load) -> Result<(Node, Vec<Duration>)> {
    let (mut check, mut received, mut message) = (Check::new(load), Message::new(), load::message(load.len)?);
    for number in 0..load.messages {
        node.socket.recv(&mut received, 0)?;
        check.see(&received)?;
        load::set_number(&mut message, number);
        node.socket.send(message.as_slice(), 0)?;
    }
    Ok((node, Vec::new()))
}
