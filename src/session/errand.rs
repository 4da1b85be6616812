//! What a client under test is started for, and how it left: steps 2, 4, 5 and 7 are its own.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;

/// What a client is told, and what its end must say. With an errand the roles are turned: the script is the server's,
/// its connections are accepted, and what is promised is what the client has to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The message that it is to send.
    pub message: Bytes,
    /// Where its server is.
    pub host: Host,
    /// What its exit status must say.
    pub report: Report,
    /// What must stand on its standard output when it reports success, as it is or as a line.
    pub prints: Option<Bytes>,
    /// It ends its message with FIN, and takes the reply behind that.
    pub half_closes: bool,
    /// How long it may take to leave after the script has ended.
    pub leaves_within: Duration,
    /// So much resident memory may it have taken, in bytes.
    pub memory: Option<u64>,
    /// So much address space, in bytes.
    pub space: Option<u64>,
    /// So much processor time, in milliseconds.
    pub cpu: Option<u64>,
    /// How long it waits is its own choice: that it has not left by the end proves nothing.
    pub patient: bool,
}

/// Where the server of a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// At the address that the client is given.
    Listening,
    /// Nobody listens there.
    Refusing,
    /// The client is given a name of two addresses, and the server listens at the IPv6 one only.
    SecondFamily,
}

/// What an exit status says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Report {
    /// The echo was right.
    Success,
    /// Something went wrong.
    Failure,
    /// Either will do.
    Any,
}

/// How a client left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// How its process ended.
    pub how: Exit,
    /// Its most resident memory, in bytes, where it could be seen.
    pub memory: Option<u64>,
    /// Its most address space, in bytes, where it could be seen.
    pub space: Option<u64>,
    /// Its processor time, in milliseconds, where it could be seen.
    pub cpu: Option<u64>,
    /// For how long its server was kept from its work, in milliseconds, if it was: the client has waited for so much longer
    /// than the times of the trace say.
    pub held: Option<u64>,
}

impl Departure {
    /// Nothing is known but how it ended.
    pub fn of(how: Exit) -> Self {
        Self { how, memory: None, space: None, cpu: None, held: None }
    }
}

/// `success 0`, and then what is known: `memory 1048576 space 2097152 cpu 12 held 700`.
impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.how)?;
        self.memory.map_or(Ok(()), |bytes| write!(f, " memory {bytes}"))?;
        self.space.map_or(Ok(()), |bytes| write!(f, " space {bytes}"))?;
        self.cpu.map_or(Ok(()), |millis| write!(f, " cpu {millis}"))?;
        self.held.map_or(Ok(()), |millis| write!(f, " held {millis}"))
    }
}

impl FromStr for Departure {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.split(' ');
        let word = words.next().ok_or(())?;
        let mut number = || words.next().and_then(|word| word.parse().ok()).ok_or(());
        let how = match word {
            "success" => Exit::Success(number()?),
            "failure" => Exit::Failure(number()?),
            "unknown" => Exit::Unknown(number()?),
            "signal" => Exit::Signal(number()?),
            "ended" => Exit::Ended,
            "unseen" => Exit::Unseen,
            _ => return Err(()),
        };
        let mut departure = Self::of(how);
        while let Some(word) = words.next() {
            let number = Some(words.next().and_then(|word| word.parse().ok()).ok_or(())?);
            let Departure { memory, space, cpu, held, .. } = departure;
            match (word, memory, space, cpu, held) {
                ("memory", None, None, None, None) => departure.memory = number,
                ("space", _, None, None, None) => departure.space = number,
                ("cpu", _, _, None, None) => departure.cpu = number,
                ("held", _, _, _, None) => departure.held = number,
                _ => return Err(()),
            }
        }
        Ok(departure)
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with a status that stands for success.
    Success(i32),
    /// By itself, with a status that stands for a failure.
    Failure(i32),
    /// By itself, with a status that stands for neither.
    Unknown(i32),
    /// By a signal of this number.
    Signal(i32),
    /// It was still there when its time was up, and was ended.
    Ended,
    /// There is no process that could be seen.
    Unseen,
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Success(code) => write!(f, "success {code}"),
            Self::Failure(code) => write!(f, "failure {code}"),
            Self::Unknown(code) => write!(f, "unknown {code}"),
            Self::Signal(number) => write!(f, "signal {number}"),
            Self::Ended => f.write_str("ended"),
            Self::Unseen => f.write_str("unseen"),
        }
    }
}
