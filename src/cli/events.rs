//! What a program reads along while a run is on its way: a line of JSON for each event, at once.

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::exit::Failure;
use crate::report::LineEvent;

/// Where lines go; nowhere, if nobody asked.
#[derive(Default)]
pub(super) struct Events(Option<Mutex<Sink>>);

struct Sink {
    out: Box<dyn Write + Send>,
    name: String,
    /// The first line that could not be written.
    failed: Option<io::Error>,
}

impl Events {
    /// To a file, which is made anew, or to standard output. A stream cannot be written whole or not at all: every line
    /// of it is whole.
    pub(super) fn open(path: Option<&PathBuf>) -> Result<Self, Failure> {
        let (out, name): (Box<dyn Write + Send>, _) = match path {
            None => (Box::new(io::stdout()), "standard output".to_owned()),
            Some(path) => {
                let name = path.display().to_string();
                let file = File::create(path).map_err(|error| Failure::Output(name.clone(), error))?;
                (Box::new(file), name)
            }
        };
        Ok(Self(Some(Mutex::new(Sink { out, name, failed: None }))))
    }

    /// Writes a line.
    pub(super) fn emit(&self, event: &LineEvent<'_>) {
        self.write(&event.line());
    }

    /// Writes whole lines.
    pub(super) fn write(&self, lines: &[u8]) {
        let Some(sink) = &self.0 else { return };
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        if sink.failed.is_none() {
            sink.failed = sink.out.write_all(lines).and_then(|()| sink.out.flush()).err();
        }
    }

    /// Says whether all could be written. A reader that has gone away has seen enough.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let Some(sink) = self.0 else { return Ok(()) };
        let sink = sink.into_inner().unwrap_or_else(PoisonError::into_inner);
        match sink.failed {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::Output(sink.name, error)),
            _ => Ok(()),
        }
    }
}
