//! Where a target is: `PORT`, `HOST:PORT` or `[v6]:PORT`.

use std::fmt;
use std::net::{Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use thiserror::Error;

use super::exit::Failure;

/// What a target is, for help.
pub(super) const PLACES: &str = "PORT, HOST:PORT or [IPv6]:PORT; a bare port means loopback";

/// A host and a port; a bare port means loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    host: String,
    /// 0 only where something is to listen.
    port: u16,
}

/// A text that names no target.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum TargetError {
    /// Nothing there.
    #[error("a target is PORT, HOST:PORT or [IPv6]:PORT")]
    Empty,
    /// `http://…`.
    #[error("a target is no URL; write `{0}`")]
    Url(String),
    /// A host and nothing else.
    #[error("the port is missing; write `{0}:PORT`")]
    NoPort(String),
    /// A colon with nothing before it.
    #[error("the host is missing; for this machine write just the port, `{0}`")]
    NoHost(String),
    /// `::1:7000`.
    #[error("an IPv6 address stands in brackets, as in `[::1]:7000`")]
    NoBrackets,
    /// `[::1`, `[localhost]:1`.
    #[error("`{0}` is no IPv6 address in brackets")]
    NoAddress(String),
    /// Not a number from 1 to 65535.
    #[error("`{0}` is no port; a port is a number from 1 to 65535")]
    NoNumber(String),
    /// Port 0.
    #[error("nothing listens on port 0")]
    Zero,
    /// Blanks or control characters in the host.
    #[error("`{0}` is no host")]
    BadHost(String),
}

impl Target {
    /// A place to connect to.
    pub(super) fn to_connect(text: &str) -> Result<Self, TargetError> {
        let target: Self = text.parse()?;
        if target.port == 0 { Err(TargetError::Zero) } else { Ok(target) }
    }

    /// The first address that the host has.
    pub(super) fn resolve(&self) -> Result<SocketAddr, Failure> {
        self.addresses().map(|addresses| addresses[0])
    }

    /// All addresses that the host has, at least one.
    pub(super) fn addresses(&self) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = (self.host.as_str(), self.port).to_socket_addrs();
        let unknown = |why: String| Failure::Untested(format!("`{}` has no address: {why}", self.host));
        let addresses: Vec<_> = addresses.map_err(|error| unknown(error.to_string()))?.collect();
        if addresses.is_empty() { Err(unknown("none is known".into())) } else { Ok(addresses) }
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        if text.is_empty() {
            return Err(TargetError::Empty);
        }
        if let Some((_, rest)) = text.split_once("://") {
            return Err(TargetError::Url(rest.split('/').next().unwrap_or_default().to_owned()));
        }
        if let Some(rest) = text.strip_prefix('[') {
            return bracketed(text, rest);
        }
        match text.rsplit_once(':') {
            None if text.bytes().all(|byte| byte.is_ascii_digit()) => loopback(text),
            None => Err(TargetError::NoPort(text.into())),
            Some((host, _)) if host.contains(':') => Err(TargetError::NoBrackets),
            Some(("", port)) => Err(TargetError::NoHost(port.into())),
            Some((host, "")) => Err(TargetError::NoPort(host.into())),
            Some((host, _)) if host.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                Err(TargetError::BadHost(host.into()))
            }
            Some((host, port)) => Ok(Self { host: host.into(), port: number(port)? }),
        }
    }
}

fn loopback(port: &str) -> Result<Target, TargetError> {
    Ok(Target { host: "127.0.0.1".into(), port: number(port)? })
}

/// What follows the opening bracket.
fn bracketed(text: &str, rest: &str) -> Result<Target, TargetError> {
    let no_address = || TargetError::NoAddress(text.into());
    let (host, after) = rest.split_once(']').ok_or_else(no_address)?;
    host.parse::<Ipv6Addr>().map_err(|_| no_address())?;
    match after.strip_prefix(':') {
        Some(port) if !port.is_empty() => Ok(Target { host: host.into(), port: number(port)? }),
        _ if after.is_empty() || after == ":" => Err(TargetError::NoPort(format!("[{host}]"))),
        _ => Err(no_address()),
    }
}

/// Digits only: `parse` alone would take a sign.
fn number(port: &str) -> Result<u16, TargetError> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|_| digits).ok_or_else(|| TargetError::NoNumber(port.into()))
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(text: &str) -> String {
        Target::to_connect(text).expect("a target").to_string()
    }

    fn err(text: &str) -> String {
        Target::to_connect(text).expect_err("no target").to_string()
    }

    #[test]
    fn ok_a_port_a_host_an_address() {
        assert_eq!(ok("7000"), "127.0.0.1:7000");
        assert_eq!(ok("localhost:7"), "localhost:7");
        assert_eq!(ok("10.0.0.1:65535"), "10.0.0.1:65535");
        assert_eq!(ok("[::1]:7000"), "[::1]:7000");
        assert_eq!(ok("echo.example.org:7"), "echo.example.org:7");
    }

    #[test]
    fn err_says_what_to_write_instead() {
        insta::assert_snapshot!(err(""), @"a target is PORT, HOST:PORT or [IPv6]:PORT");
        insta::assert_snapshot!(err("localhost"), @"the port is missing; write `localhost:PORT`");
        insta::assert_snapshot!(err("localhost:"), @"the port is missing; write `localhost:PORT`");
        insta::assert_snapshot!(err(":7000"), @"the host is missing; for this machine write just the port, `7000`");
        insta::assert_snapshot!(err("0"), @"nothing listens on port 0");
        insta::assert_snapshot!(err("65536"), @"`65536` is no port; a port is a number from 1 to 65535");
        insta::assert_snapshot!(err("localhost:+7"), @"`+7` is no port; a port is a number from 1 to 65535");
        insta::assert_snapshot!(err("::1:7000"), @"an IPv6 address stands in brackets, as in `[::1]:7000`");
        insta::assert_snapshot!(err("[::1]"), @"the port is missing; write `[::1]:PORT`");
        insta::assert_snapshot!(err("[::1:7000"), @"`[::1:7000` is no IPv6 address in brackets");
        insta::assert_snapshot!(err("[localhost]:7000"), @"`[localhost]:7000` is no IPv6 address in brackets");
        insta::assert_snapshot!(err("[::1]7000"), @"`[::1]7000` is no IPv6 address in brackets");
        insta::assert_snapshot!(err("http://localhost:7000/x"), @"a target is no URL; write `localhost:7000`");
        insta::assert_snapshot!(err("my host:7000"), @"`my host` is no host");
    }

    #[test]
    fn a_server_may_listen_on_any_free_port() {
        assert_eq!("0".parse::<Target>().map(|target| target.to_string()), Ok("127.0.0.1:0".into()));
    }

    #[test]
    fn loopback_resolves_without_asking_anybody() {
        let target = Target::to_connect("7000").expect("a target");
        assert_eq!(target.resolve().expect("an address").to_string(), "127.0.0.1:7000");
    }
}
