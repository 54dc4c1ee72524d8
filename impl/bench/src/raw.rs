//! The limit: the bytes of midcomms over TCP in writes of 64 KiB, parsed on the other side, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use ::midcomms::wire::{Cmd, Header, OPTS_LEN, Version};
use anyhow::{Context, Result, bail, ensure};

use crate::check::{self, Check, Span};
use crate::contender::{Contender, Name};
use crate::cores::{Cores, Side};
use crate::load::{self, Load};
use crate::threads::{self, Job};

/// Bytes of a write and of a read, at most.
pub(crate) const BATCH_LEN: usize = 64 * 1024;

/// Enveloped messages for one write.
#[derive(Debug)]
pub(crate) struct Batch {
    template: Vec<u8>,
    bytes: Vec<u8>,
}

impl Batch {
    pub(crate) fn new(len: usize) -> Result<Self> {
        Ok(Self { template: load::enveloped(len)?, bytes: Vec::with_capacity(BATCH_LEN) })
    }

    /// Appends the message with this number. Whether the batch is full with it.
    #[inline]
    pub(crate) fn push(&mut self, number: u32) -> bool {
        if let Some(seq) = self.template.get_mut(4..).and_then(<[u8]>::first_chunk_mut) {
            *seq = number.to_le_bytes();
        }
        if let Some(message) = self.template.get_mut(OPTS_LEN..) {
            load::set_number(message, number);
        }
        self.bytes.extend_from_slice(&self.template);
        self.bytes.len() + self.template.len() > BATCH_LEN
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
    }
}

/// Takes reads of up to 64 KiB apart.
#[derive(Debug)]
pub(crate) struct Parser {
    buffer: Vec<u8>,
    filled: usize,
}

impl Parser {
    pub(crate) fn new() -> Self {
        Self { buffer: vec![0; BATCH_LEN], filled: 0 }
    }

    /// Where to read into.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.filled..).unwrap_or_default()
    }

    /// Parses what was read, `read` bytes, as far as it holds whole messages.
    pub(crate) fn parse(&mut self, read: usize, check: &mut Check) -> Result<()> {
        ensure!(read > 0, "the connection ended after {} messages", check.seen());
        self.filled += read;
        let mut rest = self.buffer.get(..self.filled).unwrap_or_default();
        while let Some((message, behind)) = split(rest, check.seen())? {
            check.see(message)?;
            rest = behind;
        }
        let left = rest.len();
        self.buffer.copy_within(self.filled - left..self.filled, 0);
        self.filled = left;
        Ok(())
    }
}

/// The message inside the first envelope, which has to have this number, and the bytes behind it.
#[inline]
fn split(bytes: &[u8], seq: u32) -> Result<Option<(&[u8], &[u8])>> {
    let Some(outer) = Header::parse(bytes) else { return Ok(None) };
    let Some((message, behind)) = bytes.split_at_checked(usize::from(outer.length)) else { return Ok(None) };
    let known = outer.version == Version::V3_2.to_wire() && outer.cmd == Cmd::Opts.to_wire();
    let Some(inside) = message.get(OPTS_LEN..).filter(|_| known) else { bail!("no envelope: {outer:?}") };
    ensure!(outer.word == seq, "expected sequence number {seq}, got {}", outer.word);
    match Header::parse(inside) {
        Some(inner) if usize::from(inner.length) == inside.len() => Ok(Some((inside, behind))),
        _ => bail!("the message inside envelope {seq} does not end with it"),
    }
}

/// Blocking sockets of the standard library, a thread per node and direction.
#[derive(Debug)]
pub(crate) struct Raw {
    pub(crate) cores: Cores,
}

type Sent = Option<Span>;

impl Contender for Raw {
    fn name(&self) -> Name {
        Name::Raw
    }

    fn throughput(&self, load: &Load) -> Result<f64> {
        let (load, (a, b)) = (*load, pair()?);
        let (a_too, b_too) = (a.try_clone()?, b.try_clone()?);
        let mut jobs: Vec<Job<Sent>> =
            vec![(Side::A, Box::new(move || send_all(a, &load))), (Side::B, Box::new(move || receive_all(b, &load)))];
        if load.both_ways {
            jobs.push((Side::B, Box::new(move || send_all(b_too, &load))));
            jobs.push((Side::A, Box::new(move || receive_all(a_too, &load))));
        }
        let spans: Vec<Span> = threads::run(self.cores, jobs, &load)?.into_iter().flatten().collect();
        check::rate(&spans).context("nothing was received")
    }

    fn round_trips(&self, load: &Load) -> Result<Vec<Duration>> {
        let (load, (a, b)) = (*load, pair()?);
        let jobs: Vec<Job<Vec<Duration>>> =
            vec![(Side::A, Box::new(move || ask_all(a, &load))), (Side::B, Box::new(move || answer_all(b, &load)))];
        Ok(threads::run(self.cores, jobs, &load)?.concat())
    }
}

fn pair() -> Result<(TcpStream, TcpStream)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let a = TcpStream::connect(listener.local_addr()?)?;
    let (b, _) = listener.accept()?;
    a.set_nodelay(true)?;
    b.set_nodelay(true)?;
    Ok((a, b))
}

fn send_all(mut stream: TcpStream, load: &Load) -> Result<Sent> {
    let mut batch = Batch::new(load.len)?;
    for number in 0..load.messages {
        if batch.push(number) {
            stream.write_all(batch.bytes())?;
            batch.clear();
        }
    }
    stream.write_all(batch.bytes())?;
    Ok(None)
}

fn receive_all(mut stream: TcpStream, load: &Load) -> Result<Sent> {
    let (mut check, mut parser) = (Check::new(load), Parser::new());
    while !check.is_done() {
        receive(&mut stream, &mut parser, &mut check)?;
    }
    check.span().map(Some)
}

fn receive(stream: &mut TcpStream, parser: &mut Parser, check: &mut Check) -> Result<()> {
    match stream.read(parser.room()) {
        Ok(read) => parser.parse(read, check),
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn ask_all(mut stream: TcpStream, load: &Load) -> Result<Vec<Duration>> {
    let (mut batch, mut check, mut parser) = (Batch::new(load.len)?, Check::new(load), Parser::new());
    let mut times = Vec::with_capacity((load.messages - load.warm_up) as usize);
    for number in 0..load.messages {
        let began = Instant::now();
        send_one(&mut stream, &mut batch, number)?;
        while check.seen() <= number {
            receive(&mut stream, &mut parser, &mut check)?;
        }
        if number >= load.warm_up {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}

fn answer_all(mut stream: TcpStream, load: &Load) -> Result<Vec<Duration>> {
    let (mut batch, mut check, mut parser) = (Batch::new(load.len)?, Check::new(load), Parser::new());
    for number in 0..load.messages {
        while check.seen() <= number {
            receive(&mut stream, &mut parser, &mut check)?;
        }
        send_one(&mut stream, &mut batch, number)?;
    }
    Ok(Vec::new())
}

fn send_one(stream: &mut TcpStream, batch: &mut Batch, number: u32) -> Result<()> {
    batch.push(number);
    stream.write_all(batch.bytes())?;
    batch.clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Workload;

    fn five() -> Check {
        Check::new(&Workload::OneWay4000.load(5))
    }

    fn stream(numbers: &[u32]) -> Vec<u8> {
        let mut batch = Batch::new(4000).unwrap();
        for &number in numbers {
            batch.push(number);
        }
        batch.bytes().to_vec()
    }

    fn feed(parser: &mut Parser, bytes: &[u8], check: &mut Check) -> Result<()> {
        parser.room()[..bytes.len()].copy_from_slice(bytes);
        parser.parse(bytes.len(), check)
    }

    #[test]
    fn envelopes_are_parsed_wherever_a_read_cuts_them() {
        let stream = stream(&[0, 1, 2, 3, 4]);
        for piece in [1, 7, 4023, 4024, 4025, 20_000] {
            let (mut parser, mut check) = (Parser::new(), five());
            for bytes in stream.chunks(piece) {
                feed(&mut parser, bytes, &mut check).unwrap();
            }
            assert!(check.is_done());
        }
    }

    #[test]
    fn a_lost_envelope_is_refused() {
        let (mut parser, mut check) = (Parser::new(), five());
        assert!(feed(&mut parser, &stream(&[0, 2]), &mut check).is_err());
    }

    #[test]
    fn a_batch_is_full_before_it_exceeds_a_write() {
        let mut batch = Batch::new(88).unwrap();
        let pushed = (0..).take_while(|number| !batch.push(*number)).count();
        assert_eq!((pushed + 1, batch.bytes().len()), (585, 585 * 112));
    }
}
