//! A tokio TCP stream with tokio-util's length-delimited codec.

use anyhow::{Context, Result};
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};

use crate::check::Check;
use crate::contender::Name;
use crate::link::{End, Ends, Link, Nodes, Rx, Tx, tcp_pair};
use crate::load;
use crate::raw::BATCH_LEN;

#[derive(Debug)]
pub(crate) struct Codec;

impl Link for Codec {
    type Tx = FramedTx<OwnedWriteHalf>;
    type Rx = FramedRx<OwnedReadHalf>;

    fn name(&self) -> Name {
        Name::Codec
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let (a, b) = tcp_pair(nodes).await?;
        Ok((end(a, len)?, end(b, len)?))
    }
}

fn end(stream: TcpStream, len: usize) -> Result<End<FramedTx<OwnedWriteHalf>, FramedRx<OwnedReadHalf>>> {
    let (rx, tx) = stream.into_split();
    Ok(End { tx: FramedTx::new(tx, len)?, rx: FramedRx::new(rx) })
}

/// Feeds a codec that writes when it holds 64 KiB.
#[derive(Debug)]
pub(crate) struct FramedTx<W> {
    framed: FramedWrite<W, LengthDelimitedCodec>,
    template: Vec<u8>,
}

impl<W: AsyncWrite> FramedTx<W> {
    pub(crate) fn new(stream: W, len: usize) -> Result<Self> {
        let mut framed = FramedWrite::new(stream, LengthDelimitedCodec::new());
        framed.set_backpressure_boundary(BATCH_LEN);
        Ok(Self { framed, template: load::message(len)? })
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Tx for FramedTx<W> {
    async fn feed(&mut self, number: u32) -> Result<()> {
        load::set_number(&mut self.template, number);
        Ok(self.framed.feed(self.template.as_slice()).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(SinkExt::<&[u8]>::flush(&mut self.framed).await?)
    }
}

#[derive(Debug)]
pub(crate) struct FramedRx<R> {
    framed: FramedRead<R, LengthDelimitedCodec>,
}

impl<R: AsyncRead> FramedRx<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { framed: FramedRead::with_capacity(stream, LengthDelimitedCodec::new(), BATCH_LEN) }
    }
}

impl<R: AsyncRead + Send + Unpin + 'static> Rx for FramedRx<R> {
    async fn receive(&mut self, check: &mut Check) -> Result<()> {
        let message = self.framed.next().await.context("the connection ended")??;
        check.see(&message)
    }
}
