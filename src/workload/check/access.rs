//! How a server is reached: what an endpoint's settings add to its address, and how long to wait for it.

use std::path::PathBuf;
use std::time::Duration;

use super::phases::duration;
use crate::workload::plan::{
    Authority, Endpoint, Identity, Protocol, Timeouts, Tls, TlsSettings, Verification,
};
use crate::workload::problem::{Place, Problem};
use crate::workload::reader::Given;
use crate::workload::units::{Flag, Plain, Time};
use crate::workload::written;

/// Adds to `endpoint`, which its address has made, what else is written about it.
pub(super) fn complete(
    endpoint: &mut Endpoint,
    written: &written::Endpoint,
    problems: &mut Vec<Problem>,
) {
    if let Some((written::Protocol::Resp3, _)) = written.protocol.get() {
        endpoint.protocol = Protocol::Resp3;
    }
    endpoint.cluster = matches!(written.cluster.get(), Some((Flag(true), _)));
    if let Some((Plain(name), place)) = written.client_name.get() {
        if !name.chars().all(|letter| letter.is_ascii_graphic()) {
            let message =
                format!("`{name}` cannot name a connection: no spaces, plain letters only");
            problems.push(Problem::new(place, message));
        }
        endpoint.client_name.clone_from(name);
    }
    if let Some((Plain(name), place)) = written.password_env.get() {
        password_env(endpoint, name, place, problems);
    }
    if let Some((settings, place)) = written.tls.get() {
        match &mut endpoint.tls {
            Tls::On(tls) => **tls = self::tls(settings, place, problems),
            Tls::Off => {
                let message = "`tls` is about encrypted connections; write rediss:// in `url`, or leave `tls` out";
                problems.push(Problem::new(place, message));
            }
        }
    }
}

fn password_env(endpoint: &mut Endpoint, name: &str, place: Place, problems: &mut Vec<Problem>) {
    let is_name = !name.starts_with(|letter: char| letter.is_ascii_digit())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if name.is_empty() || !is_name {
        let message = format!(
            "`{name}` is no environment variable; write its name, as in password_env: CACHE_PASSWORD"
        );
        problems.push(Problem::new(place, message));
    }
    if !endpoint.password.is_empty() {
        let message = "`url` and `password_env` both say the password; leave one of them out";
        problems.push(Problem::new(place, message));
    }
    name.clone_into(&mut endpoint.password_env);
}

fn tls(written: &written::TlsSettings, place: Place, problems: &mut Vec<Problem>) -> TlsSettings {
    let text = |given: &Given<Plain>| given.get().map(|(Plain(text), _)| text.clone());
    let identity = match (text(&written.certificate), text(&written.key)) {
        (None, None) => Identity::None,
        (Some(certificate), Some(key)) => Identity::Files {
            certificate: PathBuf::from(certificate),
            key: PathBuf::from(key),
        },
        _ => {
            let message = "`certificate` and `key` belong together; write both or neither";
            problems.push(Problem::new(place, message));
            Identity::None
        }
    };
    if let (Some(place), Some((written::Verification::None, _))) =
        (written.ca.place(), written.verify.get())
    {
        let message =
            "`verify: none` checks nothing, so that `ca` means nothing; leave one of them out";
        problems.push(Problem::new(place, message));
    }
    TlsSettings {
        authority: text(&written.ca).map_or(Authority::System, |file| {
            Authority::File(PathBuf::from(file))
        }),
        identity,
        server_name: text(&written.server_name).unwrap_or_default(),
        verification: match written.verify.get() {
            Some((written::Verification::None, _)) => Verification::None,
            _ => Verification::Full,
        },
    }
}

/// How long to wait for what does not come.
pub(super) fn timeouts(
    written: &Given<written::Timeouts>,
    problems: &mut Vec<Problem>,
) -> Timeouts {
    let default = Timeouts::default();
    let Some((written, _)) = written.get() else {
        return default;
    };
    Timeouts {
        connect: timeout("connect", &written.connect, default.connect, problems),
        request: timeout("request", &written.request, default.request, problems),
        unreachable: timeout(
            "unreachable",
            &written.unreachable,
            default.unreachable,
            problems,
        ),
    }
}

fn timeout(
    key: &str,
    given: &Given<Time>,
    default: Duration,
    problems: &mut Vec<Problem>,
) -> Duration {
    let limit = duration(given, problems);
    if let (Some(Duration::ZERO), Some(place)) = (limit, given.place()) {
        let message =
            format!("`{key}` leaves no time at all; write how long to wait, as in {key}: 5s");
        problems.push(Problem::new(place, message));
    }
    limit.unwrap_or(default)
}
