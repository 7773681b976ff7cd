//! The two ends of a connection: a link for the primary, a server for the standby.

use std::sync::Arc;

use async_trait::async_trait;
use casino_ledger::replica::{Hello, LinkError, Shipment, Standby, StandbyLink};
use casino_ledger::store::Head;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

use crate::home::Home;
use crate::wire::{Answer, Call, decode_answer, encode_answer, receive, send};

/// A standby at an address. One connection, made again after a failure.
#[derive(Debug)]
pub struct TcpLink {
    address: String,
    connection: Mutex<Option<TcpStream>>,
}

impl TcpLink {
    /// A standby that listens there.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), connection: Mutex::default() }
    }

    async fn call(&self, call: &Call) -> Result<Vec<Head>, LinkError> {
        let mut kept = self.connection.lock().await;
        // Taken out while it is used: a call that is dropped half way leaves no half answer for the next.
        let mut stream = match kept.take() {
            Some(stream) => stream,
            None => self.connect().await?,
        };
        send(&mut stream, &call.encode()).await.map_err(LinkError::away)?;
        let answer = receive(&mut stream).await.map_err(LinkError::away)?;
        let answer = answer.ok_or_else(|| LinkError::away("it hung up"))?;
        let answer = decode_answer(&answer).map_err(LinkError::refused)?;
        *kept = Some(stream);
        answer
    }

    async fn connect(&self) -> Result<TcpStream, LinkError> {
        let stream = TcpStream::connect(&self.address).await.map_err(LinkError::away)?;
        // A shipment waits for its answer; waiting for more to send would only delay it.
        stream.set_nodelay(true).map_err(LinkError::away)?;
        Ok(stream)
    }
}

#[async_trait]
impl StandbyLink for TcpLink {
    async fn greet(&self, hello: Hello) -> Result<Vec<Head>, LinkError> {
        self.call(&Call::Greet(hello)).await
    }

    async fn ship(&self, shipment: Shipment) -> Result<Vec<Head>, LinkError> {
        self.call(&Call::Ship(shipment)).await
    }
}

/// A standby behind a port. An empty home becomes a copy of the first ledger that greets it.
#[derive(Debug)]
pub struct Served {
    home: Home,
    standby: Mutex<Option<Arc<Standby>>>,
}

impl Served {
    /// The standby of a home.
    ///
    /// # Errors
    ///
    /// What its store or fence says.
    pub async fn new(home: Home) -> anyhow::Result<Arc<Self>> {
        let standby = if home.has_log()? { Some(Arc::new(home.standby(None).await?)) } else { None };
        Ok(Arc::new(Self { home, standby: Mutex::new(standby) }))
    }

    async fn greeted(&self, hello: &Hello) -> anyhow::Result<Arc<Standby>> {
        let mut standby = self.standby.lock().await;
        if let Some(standby) = &*standby {
            return Ok(Arc::clone(standby));
        }
        let new = Arc::new(self.home.standby(Some(hello.identity)).await?);
        *standby = Some(Arc::clone(&new));
        Ok(new)
    }

    async fn answer(&self, call: Call) -> Answer {
        match call {
            Call::Greet(hello) => {
                let standby =
                    self.greeted(&hello).await.map_err(|error| LinkError::refused(format!("{error:#}")))?;
                standby.greet(hello).await
            }
            Call::Ship(shipment) => {
                let standby = self.standby.lock().await.clone();
                standby.ok_or_else(|| LinkError::refused("it was not greeted"))?.ship(shipment).await
            }
        }
    }

    async fn answer_all(&self, mut stream: TcpStream) -> anyhow::Result<()> {
        stream.set_nodelay(true)?;
        while let Some(message) = receive(&mut stream).await? {
            let answer = self.answer(Call::decode(&message)?).await;
            send(&mut stream, &encode_answer(&answer)).await?;
        }
        Ok(())
    }

    /// Answers every primary that connects, for as long as the process lives.
    ///
    /// # Errors
    ///
    /// What the listener says.
    pub async fn serve(self: Arc<Self>, listener: TcpListener) -> anyhow::Result<()> {
        loop {
            let (stream, from) = listener.accept().await?;
            let served = Arc::clone(&self);
            tokio::spawn(async move {
                if let Err(error) = served.answer_all(stream).await {
                    eprintln!("{from}: {error:#}");
                }
            });
        }
    }
}
