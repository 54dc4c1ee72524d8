//! The raw loop on tokio's sockets: what the runtime costs.

use anyhow::Result;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::check::Check;
use crate::contender::Name;
use crate::link::{End, Ends, Link, Nodes, Rx, Tx, tcp_pair};
use crate::raw::{Batch, Parser};

#[derive(Debug)]
pub(crate) struct RawTokio;

#[derive(Debug)]
pub(crate) struct RawTx {
    stream: OwnedWriteHalf,
    batch: Batch,
}

#[derive(Debug)]
pub(crate) struct RawRx {
    stream: OwnedReadHalf,
    parser: Parser,
}

impl Link for RawTokio {
    type Tx = RawTx;
    type Rx = RawRx;

    fn name(&self) -> Name {
        Name::RawTokio
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let (a, b) = tcp_pair(nodes).await?;
        Ok((end(a, len)?, end(b, len)?))
    }
}

fn end(stream: TcpStream, len: usize) -> Result<End<RawTx, RawRx>> {
    let (rx, tx) = stream.into_split();
    Ok(End { tx: RawTx { stream: tx, batch: Batch::new(len)? }, rx: RawRx { stream: rx, parser: Parser::new() } })
}

impl Tx for RawTx {
    async fn feed(&mut self, number: u32) -> Result<()> {
        if self.batch.push(number) { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> Result<()> {
        self.stream.write_all(self.batch.bytes()).await?;
        self.batch.clear();
        Ok(())
    }
}

impl Rx for RawRx {
    async fn receive(&mut self, check: &mut Check) -> Result<()> {
        let read = self.stream.read(self.parser.room()).await?;
        self.parser.parse(read, check)
    }
}
