//! Passwords from the environment: a workload names the variable, and its value goes nowhere but to the server.

use super::exit::BadInput;
use crate::workload::plan::{Plan, Target};

/// Gives the plan's endpoint the password that is in the environment variable it names, if it names one.
///
/// # Errors
///
/// [`BadInput`] where the variable is not set.
pub(super) fn fill(plan: &mut Plan) -> anyhow::Result<()> {
    let Target::Endpoint(endpoint) = &mut plan.target else {
        return Ok(());
    };
    if endpoint.password_env.is_empty() {
        return Ok(());
    }
    let name = &endpoint.password_env;
    endpoint.password = std::env::var(name).map_err(|_| {
        BadInput(format!(
            "`password_env: {name}`: there is no such environment variable; export {name}='…' before running"
        ))
    })?;
    Ok(())
}
