//! The steps of a client under test: what it is started for, what it sends, what it gets back.

use std::time::Duration;

use bytes::Bytes;

use super::super::file::{Ending, Expect, Launch, Payload, Server, Size, Slot, What};
use super::super::material::Setting;
use super::super::wire::Wire;
use super::connections::FIRST;
use super::{Compiler, describe};
use crate::profile::{ClientProfile, Told};
use crate::session::{Duty, Errand, Promise, Report, Step as Action, Until};

/// What a client is told where the scenario does not say.
const PLAIN: &str = "echospec";

/// A client may take so many reply deadlines to leave: runtimes take their time to come down.
const LEAVING: u32 = 3;

/// A client whom nobody listens to may take so long, its start included (CLI-02).
const REFUSED: Duration = Duration::from_secs(5);

impl<'a> Compiler<'a> {
    pub(super) fn launch(&mut self, launch: &Launch) -> Result<(), String> {
        let client = self.client()?;
        let wire = self.wire(|compiler, setting| compiler.told(launch, client, setting), 1)?;
        let message = if launch.unsendable { wire.bytes.clone() } else { payload(&wire)? };
        if let Some(objection) = client.told.objection(&message) {
            return Err(objection.to_owned());
        }
        let given =
            |slot: &Option<Slot<Ending>>| slot.as_ref().map_or(Ok(Ending::Success), |slot| slot.given().copied());
        let report = Report::from(given(&launch.exit)?);
        let server = launch.server.as_ref().map_or(Ok(Server::Listening), |slot| slot.given().copied())?;
        if server == Server::SecondFamily && !client.two_addresses {
            return Err("no name here has an address of either family".to_owned());
        }
        if client.told == Told::Nothing && (server != Server::Listening || report == Report::Failure) {
            return Err("not observable where somebody else starts the client".to_owned());
        }
        let is_printed = report != Report::Failure && !launch.any_output;
        let grown = |usual: Option<u64>, by: Option<u32>| Some(usual? + u64::from(by?) * 1024 * 1024);
        self.errand = Some(Errand {
            message: message.clone(),
            host: server.into(),
            report,
            prints: client.prints.as_ref().filter(|_| is_printed).map(|behind| followed(&message, behind)),
            half_closes: client.half_closes,
            leaves_within: if server == Server::Refusing {
                self.scaled(REFUSED)
            } else {
                self.variant.context.tempo.reply * LEAVING
            },
            memory: grown(client.memory, launch.memory),
            space: grown(client.space, launch.space),
            cpu: client.cpu.zip(launch.cpu).map(|(usual, more)| usual + u64::from(more)),
            patient: launch.patient,
        });
        if self.is_habit("still-running")
            && report == Report::Success
            && let Some(errand) = &mut self.errand
        {
            errand.leaves_within = Duration::from_millis(50); // waiting for it longer would be in vain
        }
        let what = launch.message.as_ref().map(|slot| describe::payload(slot.given()?)).transpose()?;
        self.say(&format!("start the client with {}", what.unwrap_or_else(|| "a plain message".to_owned())));
        self.receive(launch, server, message)
    }

    /// Opens the connection that the client makes, and owes its message.
    fn receive(&mut self, launch: &Launch, server: Server, message: Bytes) -> Result<(), String> {
        if server == Server::Refusing {
            self.say("nobody listens");
            return Ok(());
        }
        let buffer = launch.receive_buffer.as_ref().map(|size| size.given()).transpose()?;
        let receive_buffer = match buffer {
            Some(Size::Bytes(bytes)) => u32::try_from(*bytes).ok(),
            _ => None,
        };
        self.weight += message.len();
        self.open_group(FIRST, 1, receive_buffer)?;
        let lives = self.open_or_find(FIRST)?;
        let conn = self.connections.live(lives[0]).conn;
        if launch.unsendable {
            return Ok(());
        }
        let promises = vec![Promise::once(message, Duty::Echo)];
        self.act(Action::Send { conn, promises, segments: Vec::new(), within: None })
    }

    /// The frame of what the client is told to send, as its server sends it back.
    fn told(&self, launch: &Launch, client: &ClientProfile, setting: Setting<'_>) -> Result<Wire, String> {
        if launch.unsendable {
            let told = launch.message.as_ref().map(|slot| setting.bytes(slot.given()?)).transpose()?;
            let told = told.ok_or("`unsendable` without `message`")?;
            if client.own.is_some() {
                return Err(OWN.to_owned());
            }
            if client.requests.carries(&told) {
                return Err("the framing carries this message".to_owned());
            }
            return Ok(Wire::raw(told));
        }
        let plain = Slot::Given(Payload::Text(PLAIN.to_owned()));
        match (&launch.message, &client.own) {
            (Some(_), Some(_)) => Err(OWN.to_owned()),
            (None, Some(own)) => Wire::messages(self.variant.context, vec![own.to_vec()], false),
            (message, None) => {
                let wire = self.parted(message.as_ref().unwrap_or(&plain), setting, false)?;
                if wire.messages.iter().all(|message| client.requests.carries(&message.payload)) {
                    return Ok(wire);
                }
                Err("the client's framing cannot carry this message".to_owned())
            }
        }
    }

    /// The client's message back, with what the step puts behind it.
    pub(super) fn echo(&self) -> Result<Wire, String> {
        let errand = self.errand.as_ref().ok_or("`echo` without a `launch` before it")?;
        Wire::messages(self.variant.context, vec![errand.message.to_vec()], false)
    }

    /// Whether a client that has to report a failure would be sent its message back: as much of another as fits may be the same.
    pub(super) fn is_right_reply(&self, wire: &Wire) -> bool {
        let fails = self.errand.as_ref().filter(|errand| errand.report == Report::Failure);
        fails.zip(wire.messages.first()).is_some_and(|(errand, reply)| errand.message == reply.payload)
    }

    /// The client's message; where its end is a FIN, that too.
    pub(super) fn expect_message(&mut self, expect: &Expect) -> Result<(), String> {
        let half_closes = self.client()?.half_closes;
        let within = expect.within.as_ref().map(|span| span.given().copied()).transpose()?;
        let end = if half_closes { " and its FIN" } else { "" };
        self.say(&format!("{FIRST}: expect the client's message{end}"));
        let lives = self.open_or_find(FIRST)?;
        self.await_all(&lives, vec![Until::Echo], within)?;
        if half_closes { self.await_all(&lives, vec![Until::End], within) } else { Ok(()) }
    }

    /// Whether this waits for a client to close that never does, in a case that is not about that.
    pub(super) fn is_never_closed(&self, any: &[What]) -> bool {
        matches!(any, [What::End | What::Closed]) && self.is_habit("not-closed")
    }

    /// Whether every session of the client breaks this rule, in a case that is not about how sessions end.
    fn is_habit(&self, rule: &str) -> bool {
        let client = self.variant.context.profile.client.as_ref().filter(|_| self.errand.is_some());
        let is_about_end = self.variant.scenario.requirements.iter().any(|id| id == "CLI-07");
        client.is_some_and(|client| client.habitual.iter().any(|habit| habit == rule)) && !is_about_end
    }

    fn client(&self) -> Result<&'a ClientProfile, String> {
        self.variant.context.profile.client.as_deref().ok_or_else(|| "is about clients".to_owned())
    }
}

const OWN: &str = "the client sends a message of its own choice";

/// The message with what the client prints behind each.
fn followed(message: &Bytes, behind: &[u8]) -> Bytes {
    if behind.is_empty() { message.clone() } else { [message, behind].concat().into() }
}

fn payload(wire: &Wire) -> Result<Bytes, String> {
    match wire.messages.as_slice() {
        [message] => Ok(message.payload.clone()),
        _ => Err("a client sends one message".to_owned()),
    }
}
