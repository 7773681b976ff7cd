//! A proxy between a client and a server, which holds, drops or cuts what passes.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What becomes of the next message of a client that is long enough to be more than a greeting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trick {
    /// It is dropped, and the connection cut: it never arrives.
    DropRequest,
    /// It is passed on; its answer is dropped, and the connection cut.
    DropAnswer,
}

#[derive(Debug, Default)]
struct State {
    trick: Option<Trick>,
    marker: Vec<u8>,
    begins: u8,
    /// Of how many messages with the marker one meets a trick, and how many there were.
    mischief: Option<(usize, usize)>,
    is_frozen: bool,
    /// After a trick no connection is taken until told.
    is_refusing: bool,
    is_closed: bool,
    /// How often a trick was played.
    played: usize,
    connections: Vec<(TcpStream, TcpStream)>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    bell: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits while the proxy is frozen; answers whether it still is open.
    fn pass(&self) -> bool {
        let state = self.lock();
        let state = self.bell.wait_while(state, |state| state.is_frozen && !state.is_closed);
        !state.unwrap_or_else(PoisonError::into_inner).is_closed
    }
}

/// A TCP proxy on a port of its own. It ends with this value.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    port: u16,
}

impl Proxy {
    /// Listens on a free port of this machine, and passes connections on to the server.
    ///
    /// # Errors
    ///
    /// If there is no free port or thread.
    pub fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared::default());
        let own = Arc::clone(&shared);
        std::thread::Builder::new().name("proxy".to_owned()).spawn(move || {
            for client in listener.incoming() {
                if own.lock().is_closed {
                    return;
                }
                if own.lock().is_refusing {
                    continue;
                }
                // A client that cannot be connected finds its connection closed, as it would by the server.
                if let Ok(client) = client {
                    drop(connect(&own, client, server));
                }
            }
        })?;
        Ok(Self { shared, port })
    }

    /// The port it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Plays a trick on the next message of a client that holds the marker. From then on new connections are
    /// refused until [`Self::admit`].
    pub fn play(&self, trick: Trick, marker: &[u8]) {
        let mut state = self.shared.lock();
        (state.trick, state.marker) = (Some(trick), marker.to_vec());
    }

    /// Plays tricks from now on, both kinds in turn: on every so many messages that begin with this byte and hold
    /// the marker. Connections are taken all the while.
    pub fn keep_playing(&self, every: usize, begins: u8, marker: &[u8]) {
        let mut state = self.shared.lock();
        (state.mischief, state.begins) = (Some((every.max(1), 0)), begins);
        state.marker = marker.to_vec();
    }

    /// Takes connections again.
    pub fn admit(&self) {
        self.shared.lock().is_refusing = false;
    }

    /// How often a trick was played.
    pub fn played(&self) -> usize {
        self.shared.lock().played
    }

    /// Passes nothing on in either direction until [`Self::thaw`]; connections stay open.
    pub fn freeze(&self) {
        self.shared.lock().is_frozen = true;
    }

    /// Goes on after [`Self::freeze`].
    pub fn thaw(&self) {
        self.shared.lock().is_frozen = false;
        self.shared.bell.notify_all();
    }

    /// Cuts every connection there is.
    pub fn cut(&self) {
        for (client, server) in self.shared.lock().connections.drain(..) {
            shut(&client);
            shut(&server);
        }
    }

    /// Cuts every connection, and takes no new one for good.
    pub fn close(&self) {
        self.shared.lock().is_closed = true;
        self.shared.bell.notify_all();
        self.cut();
        // Wakes the thread that listens.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.close();
    }
}

fn shut(stream: &TcpStream) {
    // It may be shut already.
    drop(stream.shutdown(Shutdown::Both));
}

fn connect(shared: &Arc<Shared>, client: TcpStream, server: SocketAddr) -> io::Result<()> {
    let server = TcpStream::connect(server)?;
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
    }
    shared.lock().connections.push((client.try_clone()?, server.try_clone()?));
    let muted = Arc::new(Mutex::new(false));
    let (own, quiet) = (Arc::clone(shared), Arc::clone(&muted));
    let (from, to) = (client.try_clone()?, server.try_clone()?);
    std::thread::Builder::new().name("proxy-up".to_owned()).spawn(move || up(&own, from, to, &quiet))?;
    let own = Arc::clone(shared);
    std::thread::Builder::new()
        .name("proxy-down".to_owned())
        .spawn(move || down(&own, server, client, &muted))?;
    Ok(())
}

fn is_muted(muted: &Mutex<bool>) -> MutexGuard<'_, bool> {
    muted.lock().unwrap_or_else(PoisonError::into_inner)
}

/// From the client to the server.
fn up(shared: &Shared, mut client: TcpStream, mut server: TcpStream, muted: &Mutex<bool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = client.read(&mut buffer) {
        if !shared.pass() {
            break;
        }
        let message = buffer.get(..count).unwrap_or_default();
        match trick_for(shared, message) {
            None => {}
            Some(Trick::DropRequest) => break,
            Some(Trick::DropAnswer) => *is_muted(muted) = true,
        }
        if server.write_all(message).is_err() {
            break;
        }
    }
    shut(&client);
    if !*is_muted(muted) {
        shut(&server);
    }
}

fn trick_for(shared: &Shared, message: &[u8]) -> Option<Trick> {
    let mut state = shared.lock();
    let holds =
        !state.marker.is_empty() && message.windows(state.marker.len()).any(|part| part == state.marker);
    if holds
        && message.first() == Some(&state.begins)
        && let Some((every, count)) = &mut state.mischief
    {
        *count += 1;
        let (round, rest) = (*count / *every, *count % *every);
        if rest == 0 {
            state.played += 1;
            return Some(if round % 2 == 0 { Trick::DropAnswer } else { Trick::DropRequest });
        }
        return None;
    }
    let trick = if holds { state.trick.take() } else { None };
    if trick.is_some() {
        state.played += 1;
        state.is_refusing = true;
    }
    trick
}

/// From the server to the client.
fn down(shared: &Shared, mut server: TcpStream, mut client: TcpStream, muted: &Mutex<bool>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = server.read(&mut buffer) {
        if !shared.pass() || *is_muted(muted) {
            // What the client waits for never comes.
            break;
        }
        if client.write_all(buffer.get(..count).unwrap_or_default()).is_err() {
            break;
        }
    }
    shut(&client);
    shut(&server);
}
