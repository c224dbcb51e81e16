//! FAILOVER, and the request by which a replica is made to take the lead.

use super::outcome::{Outcome, Refusal, handler, integer_in};
use super::table::{CommandSpec, Group, flags};
use super::{Arguments, Context, is, refusal};
use crate::log::Level;
use crate::replication::{FailoverError, FailoverRequest, Master};

pub(super) const COMMANDS: &[CommandSpec] =
    &[
        CommandSpec::new("failover", -1, Group::Server, handler!(failover))
            .flags(flags![ADMIN, NOSCRIPT, STALE])
            .about(
                "6.2.0",
                "Makes one of its replicas the master in its place, and loses nothing.",
            ),
    ];

impl From<FailoverError> for Refusal {
    fn from(error: FailoverError) -> Self {
        format!("ERR {error}").into()
    }
}

fn failover(context: &mut Context<'_>, arguments: &Arguments<'_>) -> Outcome {
    let server = &mut context.server;
    if server.cluster.is_some() {
        return Err("ERR FAILOVER not allowed in cluster mode.".into());
    }
    if arguments.len() == 2 && is(&arguments[1], "abort") {
        if server.replication.failover.is_none() {
            return Err(FailoverError::None.into());
        }
        server.abort_failover("Failover manually aborted");
    } else {
        server.begin_failover(parse(arguments)?)?;
    }
    context.reply.ok();
    Ok(())
}

fn parse(arguments: &Arguments<'_>) -> Result<FailoverRequest, Refusal> {
    let mut request = FailoverRequest::default();
    let mut at = 1;
    while let Some(word) = arguments.get(at) {
        match (arguments.get(at + 1), arguments.get(at + 2)) {
            (Some(ms), _) if is(word, "timeout") && request.timeout_ms.is_none() => {
                let ms = integer_in(ms)?;
                if ms <= 0 {
                    return Err("ERR FAILOVER timeout must be greater than 0".into());
                }
                request.timeout_ms = Some(ms);
                at += 2;
            }
            (Some(host), Some(port)) if is(word, "to") && request.target.is_none() => {
                request.target = Some(Master {
                    host: String::from_utf8_lossy(host).into_owned(),
                    // What is no port is nobody's.
                    port: u16::try_from(integer_in(port)?).unwrap_or(0),
                });
                at += 3;
            }
            _ if is(word, "force") && !request.is_forced => {
                request.is_forced = true;
                at += 1;
            }
            _ => return Err(refusal::SYNTAX.into()),
        }
    }
    Ok(request)
}

/// Its master, which is at `id`, asks this node to take the lead: PSYNC with FAILOVER.
pub(super) fn take_over(context: &mut Context<'_>, id: &[u8]) -> Outcome {
    let server = &mut context.server;
    if server.cluster.is_some() {
        return Err("ERR FAILOVER not allowed in cluster mode.".into());
    }
    if server.replication.master.is_none() {
        return Err("ERR PSYNC FAILOVER can't be sent to a master.".into());
    }
    if !id.eq_ignore_ascii_case(server.replication.id.as_bytes()) {
        return Err("ERR PSYNC FAILOVER replid must match my replid.".into());
    }
    server.lead();
    let peer = &context.client.endpoints.peer;
    let message = format!("MASTER MODE enabled (failover request from '{peer}')");
    context.server.log(Level::Notice, &message);
    Ok(())
}
