//! quinn: one stream of one QUIC connection, which is also encrypted. quinn's own defaults, and the codec on top, for a
//! stream knows no messages.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use quinn::{ClientConfig, Connection, Endpoint, RecvStream, SendStream, ServerConfig};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::try_join;

use crate::codec::{FramedRx, FramedTx};
use crate::contender::Name;
use crate::link::{End, Ends, Link, Nodes, Tx, on};

const HOST: &str = "localhost";
/// A stream exists for the peer when something was sent in it.
const GREETING: &[u8] = &[1];

#[derive(Debug)]
pub(crate) struct Quinn;

#[derive(Debug)]
pub(crate) struct QuinnTx {
    framed: FramedTx<SendStream>,
    connection: Connection,
    endpoint: Endpoint,
}

type QuinnEnd = End<QuinnTx, FramedRx<RecvStream>>;

impl Link for Quinn {
    type Tx = QuinnTx;
    type Rx = FramedRx<RecvStream>;

    fn name(&self) -> Name {
        Name::Quinn
    }

    async fn open(&self, nodes: &Nodes, len: usize) -> Result<Ends<Self>> {
        let (server_config, client_config) = configs()?;
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = on(nodes.b(), async move { Ok(Endpoint::server(server_config, any)?) }).await?;
        let address = server.local_addr()?;
        let mut client = Endpoint::client(any)?;
        client.set_default_client_config(client_config);
        try_join!(connect(client, address, len), on(nodes.b(), accept(server, len)))
    }

    async fn close(end: QuinnEnd) -> Result<()> {
        end.tx.connection.close(0u32.into(), b"done");
        end.tx.endpoint.wait_idle().await;
        Ok(())
    }
}

/// For a certificate made for this run alone, which the client trusts.
fn configs() -> Result<(ServerConfig, ClientConfig)> {
    let made = rcgen::generate_simple_self_signed(vec![HOST.to_owned()])?;
    let certificate = CertificateDer::from(made.cert);
    let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone())?;
    let server = ServerConfig::with_single_cert(vec![certificate], key)?;
    Ok((server, ClientConfig::with_root_certificates(Arc::new(roots))?))
}

async fn connect(endpoint: Endpoint, address: SocketAddr, len: usize) -> Result<QuinnEnd> {
    let connection = endpoint.connect(address, HOST)?.await?;
    let (mut tx, rx) = connection.open_bi().await?;
    tx.write_all(GREETING).await?;
    end(endpoint, connection, tx, rx, len)
}

async fn accept(endpoint: Endpoint, len: usize) -> Result<QuinnEnd> {
    let connection = endpoint.accept().await.context("the endpoint is closed")?.await?;
    let (tx, mut rx) = connection.accept_bi().await?;
    rx.read_exact(&mut [0; GREETING.len()]).await?;
    end(endpoint, connection, tx, rx, len)
}

fn end(endpoint: Endpoint, connection: Connection, tx: SendStream, rx: RecvStream, len: usize) -> Result<QuinnEnd> {
    Ok(End { tx: QuinnTx { framed: FramedTx::new(tx, len)?, connection, endpoint }, rx: FramedRx::new(rx) })
}

impl Tx for QuinnTx {
    async fn feed(&mut self, number: u32) -> Result<()> {
        self.framed.feed(number).await
    }

    async fn flush(&mut self) -> Result<()> {
        self.framed.flush().await
    }
}
