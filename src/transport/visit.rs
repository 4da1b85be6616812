//! The reference client over TCP: connects, carries bytes between the socket and a [`Client`], closes as it asks for.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::line::{HANDSHAKE, failure};
use super::serve::carry;
use crate::framing::Unencodable;
use crate::peer::{Client, Ending, Farewell, Task};
use crate::session::Failure;

/// Why there was no session.
#[derive(Debug, thiserror::Error)]
pub enum NoVisit {
    /// The framing cannot carry the message.
    #[error(transparent)]
    Unencodable(#[from] Unencodable),
    /// No connection could be had, and what the client makes of it; `None`: it does not end.
    #[error("{0}")]
    Refused(Failure, Option<Farewell>),
}

/// Plays one session with the server at the first of these addresses that can be connected to.
pub async fn visit(addresses: &[SocketAddr], task: Task) -> Result<Farewell, NoVisit> {
    let mut client = Client::new(task.clone())?;
    let tried = if Client::tries_all(&task) { addresses } else { addresses.get(..1).unwrap_or_default() };
    let connecting = timeout(HANDSHAKE, TcpStream::connect(tried)).await;
    let refused = |why| NoVisit::Refused(why, Client::refused(&task));
    let mut stream = match connecting {
        Err(_) => return Err(refused(Failure::Timeout)),
        Ok(Err(error)) => return Err(refused(failure(&error))),
        Ok(Ok(stream)) => stream,
    };
    // What goes wrong on the way is told to the client, and stands in its farewell.
    let ending = match stream.set_nodelay(true) {
        Ok(()) => carry(&mut stream, &mut client, Instant::now()).await.unwrap_or(Ending::Close),
        Err(error) => return Err(refused(failure(&error))),
    };
    if ending == Ending::Reset {
        let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // else it ends with FIN
    }
    drop(stream);
    Ok(client.leave_taken())
}
