//! Where reports go: standard output, or files that are written whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Console;
use super::ending::is_asked_to_end;
use super::events::Events;
use super::exit::Failure;
use crate::report::{FORMATS, Format, Report, format, text};

/// `FORMAT` or `FORMAT=PATH`.
#[derive(Clone, Debug)]
pub(super) struct Destination {
    format: &'static Format,
    /// `None`: standard output.
    path: Option<PathBuf>,
}

/// Parses `FORMAT[=PATH]`.
pub(super) fn destination(text: &str) -> Result<Destination, String> {
    let (name, path) = match text.split_once('=') {
        Some((_, "")) => return Err("after `=` stands the path of a file".into()),
        Some((name, path)) => (name, Some(path).filter(|path| *path != "-").map(PathBuf::from)),
        None => (text, None),
    };
    let known = || FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ");
    let format = format(name).ok_or_else(|| format!("`{name}` is no format; there are {}", known()))?;
    Ok(Destination { format, path })
}

/// Every report that was asked for; the text report on standard output where no other takes its place.
#[derive(Clone, Debug)]
pub(super) struct Destinations(Vec<Destination>);

impl Destinations {
    /// Refuses, before anything is run, what could not be written after it, or not without loss.
    pub(super) fn new(asked: &[Destination], others: &Files) -> Result<Self, Failure> {
        let mut all = asked.to_vec();
        match all.iter().filter(|one| one.path.is_none()).count() {
            0 => all.push(Destination { format: &FORMATS[0], path: None }),
            1 => {}
            _ => {
                return Err(Failure::usage(
                    "only one report can go to standard output; give the others a path: FORMAT=PATH",
                ));
            }
        }
        if all.iter().filter(|one| one.is_stream()).count() > 1 {
            return Err(Failure::usage("events can be written to one place only"));
        }
        all.iter().filter_map(Destination::path).try_for_each(check_place)?;
        others.keep_apart(&all)?;
        Ok(Self(all))
    }

    /// Opens the stream of events, if one was asked for.
    pub(super) fn events(&self) -> Result<Events, Failure> {
        let asked = self.0.iter().find(|one| one.is_stream());
        asked.map_or_else(|| Ok(Events::default()), |one| Events::open(one.path.as_ref()))
    }

    /// Writes them all, the stream of events to where its beginning went.
    pub(super) fn write_beside(
        &self,
        events: &Events,
        report: &Report,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let (streams, others): (Vec<_>, Vec<_>) = self.0.iter().cloned().partition(Destination::is_stream);
        for stream in streams {
            events.write(&(stream.format.render)(report));
        }
        Self(others).write(report, console)
    }

    /// Writes them all; what cannot be written does not keep the others from being written.
    pub(super) fn write(&self, report: &Report, console: &mut Console<'_>) -> Result<(), Failure> {
        let written: Vec<_> = self.0.iter().map(|one| one.write(report, console)).collect();
        written.into_iter().collect()
    }
}

impl Destination {
    fn is_stream(&self) -> bool {
        self.format.name == "ndjson"
    }

    pub(super) fn format(&self) -> &'static str {
        self.format.name
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    fn write(&self, report: &Report, console: &mut Console<'_>) -> Result<(), Failure> {
        let Some(path) = &self.path else {
            let colored = self.format.name == "text" && console.takes_color();
            let render = if colored { text::render_colored } else { self.format.render };
            return console.print(&render(report));
        };
        let bytes = (self.format.render)(report);
        write_whole(path, &bytes).map_err(|error| Failure::Output(path.display().to_string(), error))
    }
}

/// Files that a command names besides its reports, each with the option that names it.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    pub(super) written: Vec<(&'static str, PathBuf)>,
    pub(super) read: Vec<(&'static str, PathBuf)>,
}

impl Files {
    /// Refuses what would be written over another file of the same command line.
    pub(super) fn keep_apart(&self, reports: &[Destination]) -> Result<(), Failure> {
        let reports = reports.iter().filter_map(|one| Some((format!("--report {}", one.format.name), one.path()?)));
        let others = self.written.iter().map(|(option, path)| ((*option).to_owned(), path.as_path()));
        let written: Vec<_> =
            reports.chain(others).filter_map(|(option, path)| Some((option, path, file(path)?))).collect();
        for (index, (option, path, file)) in written.iter().enumerate() {
            let read = self.read.iter().filter(|(_, path)| self::file(path).as_ref() == Some(file));
            let other = written[..index].iter().filter(|(.., other)| other == file).map(|(option, ..)| option.as_str());
            if let Some(other) = other.chain(read.map(|(option, _)| *option)).next() {
                let path = path.display();
                return Err(Failure::usage(format!(
                    "{other} and {option} name the same file, {path}: one would be lost"
                )));
            }
        }
        Ok(())
    }
}

/// The file that a path leads to, or will; `None` for a device or a pipe, of which nothing is lost.
pub(super) fn file(path: &Path) -> Option<PathBuf> {
    match fs::canonicalize(path) {
        Ok(there) => there.is_file().then_some(there),
        Err(_) => Some(fs::canonicalize(folder(path)).ok()?.join(path.file_name()?)),
    }
}

pub(super) fn check_place(path: &Path) -> Result<(), Failure> {
    let place = folder(path);
    if path.is_dir() {
        return Err(Failure::usage(format!("a report cannot be written to {}: it is a folder", path.display())));
    }
    if !place.is_dir() {
        let (path, place) = (path.display(), place.display());
        return Err(Failure::usage(format!("a report cannot be written to {path}: there is no folder {place}")));
    }
    Ok(())
}

/// The folder that a file is in.
fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Readers see the old file or the new one, never a part. A device or pipe cannot be replaced and is written to.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Through a link, the file that it points to is the one to replace.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&path).is_ok_and(|there| !there.is_file()) {
        return OpenOptions::new().write(true).open(&path)?.write_all(bytes);
    }
    let mut file = temporary(&path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    if is_asked_to_end() {
        return Err(io::Error::new(io::ErrorKind::Interrupted, "interrupted before the new one was in its place"));
    }
    file.persist(&path)?;
    Ok(())
}

/// A file beside `path`, with the permissions that a new file gets, or those of the one that it will replace.
fn temporary(path: &Path) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".echospec-");
    if let Ok(there) = fs::metadata(path) {
        return builder.permissions(there.permissions()).tempfile_in(folder(path));
    }
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // the umask takes away from it
    builder.tempfile_in(folder(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(asked: &[&str]) -> String {
        let asked: Vec<_> = asked.iter().map(|text| destination(text).expect("a destination")).collect();
        Destinations::new(&asked, &Files::default()).expect_err("refused").to_string()
    }

    #[test]
    fn ok_a_format_and_a_path() {
        let one = destination("junit=out=1.xml").expect("a destination");
        assert_eq!((one.format.name, one.path), ("junit", Some("out=1.xml".into())));
        assert_eq!(destination("json=-").expect("a destination").path, None);
    }

    #[test]
    fn err_says_what_there_is() {
        insta::assert_snapshot!(destination("pdf").expect_err("no format"), @"`pdf` is no format; there are text, json, junit, tap, html, markdown, ndjson, github, badge");
        insta::assert_snapshot!(destination("json=").expect_err("no path"), @"after `=` stands the path of a file");
        insta::assert_snapshot!(refused(&["json", "tap"]), @"only one report can go to standard output; give the others a path: FORMAT=PATH");
        insta::assert_snapshot!(refused(&["json=out", "tap=out"]), @"--report json and --report tap name the same file, out: one would be lost");
        insta::assert_snapshot!(refused(&["json=out", "tap=src/../out"]), @"--report json and --report tap name the same file, src/../out: one would be lost");
        insta::assert_snapshot!(refused(&["json=no-such-folder/out"]), @"a report cannot be written to no-such-folder/out: there is no folder no-such-folder");
        insta::assert_snapshot!(refused(&["json=src"]), @"a report cannot be written to src: it is a folder");
    }

    #[test]
    fn what_is_read_is_not_written_over_but_a_device_may_be_named_twice() {
        let asked = |text| vec![destination(text).expect("a destination")];
        let input = ("FILE", PathBuf::from("Cargo.toml"));
        let files = Files { read: vec![input.clone(), input], written: vec![("--snapshot", "/dev/null".into())] };
        assert!(files.keep_apart(&asked("json=/dev/null")).is_ok());
        let refused = files.keep_apart(&asked("json=src/../Cargo.toml")).expect_err("refused").to_string();
        insta::assert_snapshot!(refused, @"FILE and --report json name the same file, src/../Cargo.toml: one would be lost");
    }

    #[test]
    fn the_text_report_stands_on_standard_output_where_no_other_does() {
        let names = |asked: &[Destination]| {
            let all = Destinations::new(asked, &Files::default()).expect("destinations").0;
            all.iter().map(|one| (one.format.name, one.path.is_none())).collect::<Vec<_>>()
        };
        assert_eq!(names(&[]), [("text", true)]);
        assert_eq!(names(&[destination("tap").expect("tap")]), [("tap", true)]);
        assert_eq!(names(&[destination("tap=x").expect("tap")]), [("tap", false), ("text", true)]);
    }

    #[test]
    fn a_file_is_replaced_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("report.json");
        write_whole(&path, b"first").expect("written");
        write_whole(&path, b"2nd").expect("written again");
        assert_eq!(fs::read(&path).expect("read"), b"2nd");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_stays_a_link() {
        let folder = tempfile::tempdir().expect("a folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::write(&real, b"old").expect("written");
        std::os::unix::fs::symlink(&real, &link).expect("linked");
        write_whole(&link, b"new").expect("written");
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read(&real).expect("read"), b"new");
    }
}
