//! TLS for the listener: with the server's certificate, and, where an authority for callers is named, only for who shows a
//! certificate of it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};
use tokio_rustls::server::TlsStream;

/// How long a caller may take to agree on TLS.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// How many callers may be agreeing on it at the same time; others wait to be taken.
const HANDSHAKES_MAX: usize = 512;

/// Why a setting of TLS cannot be used: which file, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TlsError(String);

impl TlsError {
    fn file(path: &Path, what: impl fmt::Display) -> Self {
        Self(format!("{}: {what}", path.display()))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let certificates = read.map_err(|error| TlsError::file(path, error))?;
    if certificates.is_empty() {
        return Err(TlsError::file(path, "there is no certificate in it"));
    }
    Ok(certificates)
}

/// The settings of TLS from files of PEM: the server's certificate with those between it and its authority, its key, and
/// the authorities that callers' certificates come from. Without the last, callers need none.
///
/// # Errors
///
/// [`TlsError`] if a file cannot be read, has not in it what it is for, or the key is not the certificate's.
pub fn settings(
    certificate: &Path,
    key: &Path,
    client_ca: Option<&Path>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(certificate)?;
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| TlsError::file(key, error))?;
    let provider = Arc::new(default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder =
        builder.with_safe_default_protocol_versions().map_err(|error| TlsError(error.to_string()))?;
    let builder = match client_ca {
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for root in certificates(path)? {
                roots.add(root).map_err(|error| TlsError::file(path, error))?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|error| TlsError::file(path, error))?)
        }
        None => builder.with_no_client_auth(),
    };
    let settings = builder.with_single_cert(chain, secret);
    let mut settings = settings.map_err(|error| TlsError::file(certificate, error))?;
    settings.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(settings))
}

/// A listener whose connections speak TLS. Each agrees on it by itself: who is slow keeps nobody waiting.
#[derive(Debug)]
pub(crate) struct TlsListener {
    address: SocketAddr,
    agreed: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl TlsListener {
    pub(crate) fn new(listener: TcpListener, settings: Arc<ServerConfig>) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let (send, agreed) = mpsc::channel(1);
        tokio::spawn(take(listener, TlsAcceptor::from(settings), send));
        Ok(Self { address, agreed })
    }
}

/// Takes connections until nobody wants them.
async fn take(
    mut listener: TcpListener,
    acceptor: TlsAcceptor,
    send: mpsc::Sender<(TlsStream<TcpStream>, SocketAddr)>,
) {
    let room = Arc::new(Semaphore::new(HANDSHAKES_MAX));
    loop {
        let next = async {
            let permit = Arc::clone(&room).acquire_owned().await;
            let (stream, address) = Listener::accept(&mut listener).await;
            (permit, stream, address)
        };
        let (permit, stream, address) = tokio::select! {
            () = send.closed() => return,
            next = next => next,
        };
        let (acceptor, send) = (acceptor.clone(), send.clone());
        tokio::spawn(async move {
            let agreed = tokio::time::timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await;
            drop(permit);
            match agreed {
                // Who listens may have ended.
                Ok(Ok(stream)) => drop(send.send((stream, address)).await),
                Ok(Err(error)) => {
                    metrics::counter!("casino_tls_refused_total").increment(1);
                    tracing::debug!(%error, "a caller does not agree on TLS");
                }
                Err(_) => metrics::counter!("casino_tls_refused_total").increment(1),
            }
        });
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.agreed.recv().await {
            Some(agreed) => agreed,
            // What takes connections does not end before this does.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
