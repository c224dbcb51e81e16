//! Slots that go with their keys from one node to another while a cluster serves, by the commands that an operator has.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use redis::Cmd;

use super::TargetError;
use super::control::Control;
use super::hand::Wait;

/// Keys that go at a time, as many as with redis-cli.
const KEYS: &str = "10";
/// Milliseconds that these may take.
const PATIENCE_MS: &str = "5000";
/// How often an atomic migration is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A node on either end.
pub(super) struct End {
    pub(super) address: SocketAddr,
    pub(super) control: Control,
    id: String,
}

impl End {
    pub(super) fn new(address: SocketAddr, mut control: Control) -> Result<Self, TargetError> {
        let id = control.ask(&["CLUSTER", "MYID"])?;
        Ok(Self {
            address,
            control,
            id,
        })
    }
}

/// A way from one node to another.
pub(super) struct Reshard<'a> {
    pub(super) source: End,
    pub(super) target: End,
    /// What the source must say to the target before it is let in, as MIGRATE takes it.
    pub(super) login: &'a [String],
}

impl Reshard<'_> {
    /// Slot after slot, as redis-cli does it: both nodes are told, the keys go a few at a time, both are told again.
    pub(super) fn one_by_one(
        &mut self,
        slots: &Range<u16>,
        wait: &mut Wait<'_>,
    ) -> Result<(), String> {
        for slot in slots.clone() {
            if !wait(Duration::ZERO) {
                let (gone, all) = (slot - slots.start, slots.len());
                return Err(format!(
                    "the phase ended when {gone} of {all} slots had gone"
                ));
            }
            self.one(&slot.to_string())
                .map_err(|error| format!("slot {slot}: {error}"))?;
        }
        Ok(())
    }

    fn one(&mut self, slot: &str) -> Result<(), TargetError> {
        let (source, target) = (&mut self.source, &mut self.target);
        let import = ["CLUSTER", "SETSLOT", slot, "IMPORTING", &source.id];
        target.control.ask::<()>(&import)?;
        let migrate = ["CLUSTER", "SETSLOT", slot, "MIGRATING", &target.id];
        source.control.ask::<()>(&migrate)?;
        while self.some_keys(slot)? {}
        // The target first, as the source sends its clients there. The others hear of it from the target.
        let give = ["CLUSTER", "SETSLOT", slot, "NODE", &self.target.id];
        self.target.control.ask::<()>(&give)?;
        self.source.control.ask(&give)
    }

    /// Sends some of the keys of a slot on; whether there were any.
    fn some_keys(&mut self, slot: &str) -> Result<bool, TargetError> {
        let look = ["CLUSTER", "GETKEYSINSLOT", slot, KEYS];
        let keys: Vec<Vec<u8>> = self.source.control.ask(&look)?;
        if keys.is_empty() {
            return Ok(false);
        }
        let (host, port) = (self.target.address.ip(), self.target.address.port());
        let mut migrate = Cmd::new();
        migrate.arg("MIGRATE").arg(host.to_string()).arg(port);
        migrate.arg("").arg(0).arg(PATIENCE_MS).arg(self.login);
        migrate.arg("KEYS").arg(keys);
        self.source.control.send::<()>(&migrate, "MIGRATE")?;
        Ok(true)
    }

    /// All slots in one step.
    pub(super) fn at_once(
        &mut self,
        slots: &Range<u16>,
        wait: &mut Wait<'_>,
    ) -> Result<(), String> {
        let (first, last) = (slots.start.to_string(), (slots.end - 1).to_string());
        let begin = [
            "CLUSTER",
            "MIGRATESLOTS",
            "SLOTSRANGE",
            &first,
            &last,
            "NODE",
            &self.target.id,
        ];
        let source = &mut self.source.control;
        source
            .ask::<()>(&begin)
            .map_err(|error| error.to_string())?;
        while !has_gone(source)? {
            if !wait(LOOK_EVERY) {
                // Where it has gone meanwhile, there is nothing to be called off.
                let _ = source.ask::<()>(&["CLUSTER", "CANCELSLOTMIGRATIONS"]);
                return Err(
                    "the phase ended before the slots had gone, which was called off".to_owned(),
                );
            }
        }
        Ok(())
    }
}

/// Whether the latest migration has come to its end; why it has not succeeded, where it has not.
fn has_gone(source: &mut Control) -> Result<bool, String> {
    let told: Vec<HashMap<String, String>> = source
        .ask(&["CLUSTER", "GETSLOTMIGRATIONS"])
        .map_err(|error| error.to_string())?;
    let latest = told.first().ok_or("the node knows of no migration")?;
    let field = |name| latest.get(name).map_or("", String::as_str);
    match field("state") {
        "success" => Ok(true),
        "failed" | "canceled" => Err(format!("{}: {}", field("state"), field("message"))),
        _ => Ok(false),
    }
}
