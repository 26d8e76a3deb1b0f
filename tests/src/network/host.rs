//! A host: a network namespace with an address and a link to the switch.

use std::{ffi::OsStr, net::Ipv4Addr, process::Command, sync::Arc};

use super::Link;

/// A host on a [`Network`](super::Network). Clones are the same host.
#[derive(Clone, Debug)]
pub struct Host {
    name: String,
    namespace: String,
    address: Ipv4Addr,
    link: Arc<Link>,
}

impl Host {
    pub(super) fn new(name: &str, namespace: &str, address: Ipv4Addr, link: &Arc<Link>) -> Self {
        Self { name: name.to_owned(), namespace: namespace.to_owned(), address, link: link.clone() }
    }

    /// Returns the name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of the namespace.
    pub(super) fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Returns the address.
    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns the link to the switch.
    pub fn link(&self) -> &Link {
        &self.link
    }

    /// Removes all connections without notifying the peers, as in a power failure. The link must be cut and the process
    /// killed: otherwise, the system notifies the peers, now or once the link is restored.
    pub fn forget_connections(&self) {
        let output = self.command("ss").args(["--kill", "--all", "--tcp"]).output().expect("ss is missing");
        assert!(output.status.success(), "ss: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns a command that runs a program on this host. The program has the process ID of the command.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace]).arg(program);
        command
    }
}

/// Returns a command that runs a program on this host, or outside of any network.
pub(crate) fn command_on(host: Option<&Host>, program: impl AsRef<OsStr>) -> Command {
    match host {
        Some(host) => host.command(program),
        None => Command::new(program),
    }
}
