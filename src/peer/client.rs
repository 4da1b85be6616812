//! The reference client: steps 2, 4, 5 and 7 of the session as a script.

use std::time::Duration;

use bytes::Bytes;

use crate::framing::{Framing, Strategy, Unencodable};
use crate::session::{Conn, Duty, Promise, Replies, Script, Segment, Step, Until};

/// A conversation is bounded by its waits; this is only so that there is a bound.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What the client says.
#[derive(Clone, Debug)]
pub struct Conversation<'a> {
    /// How messages are framed.
    pub framing: &'a Framing,
    /// The messages, each answered before the next is sent.
    pub messages: &'a [Bytes],
    /// How long nothing may move while a reply is due.
    pub within: Duration,
}

/// Connects, sends each message and listens for its reply, closes after the last (R2, R4, R5, R7). With close framing
/// the end of the message is the client's FIN, so there can be but one.
pub fn conversation(conversation: &Conversation<'_>) -> Result<Script, Unencodable> {
    let Conversation { framing, messages, within } = conversation;
    let conn = Conn(0);
    let mut steps = vec![Step::Connect { conn, receive_buffer: None }];
    for message in *messages {
        let mut frame = Vec::new();
        framing.encode(message, &mut frame)?;
        let segments = vec![Segment { bytes: frame.into(), fin: false }];
        let promises = vec![Promise::once(message.clone(), Duty::Echo)];
        steps.push(Step::Send { conn, promises, segments, within: None });
        if framing.strategy() == Strategy::Close {
            steps.push(Step::Shutdown(conn));
        }
        steps.push(Step::Await { conns: vec![conn], any: vec![Until::Echo], within: *within });
    }
    if framing.strategy() == Strategy::Close {
        steps.push(Step::Await { conns: vec![conn], any: vec![Until::End], within: *within });
    }
    steps.push(Step::Close(conn));
    Ok(Script { steps, replies: replies(framing), bound: DAY })
}

/// How the replies of a framed target compare.
pub(crate) fn replies(framing: &Framing) -> Replies {
    match framing.strategy() {
        Strategy::Raw | Strategy::Close => Replies::Stream,
        _ => Replies::Framed(Box::new(framing.reply().into_owned())),
    }
}
