//! Faults on purpose, for tests of those who talk to a node: errors, delays, lost connections, replies cut short.
//!
//! A [`Rule`] says what goes wrong, with which command, and how often. A node without rules looks once per batch of
//! commands whether there are any, and that is all they cost.

use std::hint::black_box;
use std::time::Duration;

use crate::clock::{self, Stopwatch};
use crate::command::table::{Command, table};

/// What goes wrong with a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It is not carried out, and this error answered: `OOM no room`, its code first.
    Error(String),
    /// The node sleeps for so long before it carries it out; nobody else is served meanwhile.
    Delay(Duration),
    /// The same, but awake: the processor time of the command grows by so much, exact to some nanoseconds.
    Work(Duration),
    /// It is not carried out, and the connection is closed without a word.
    Drop,
    /// It is carried out, but no more than so many bytes of the reply are sent, and the connection is closed.
    Cut(usize),
}

/// A fault, and when it strikes. Of several rules, every delay strikes that fits, and the first of the others.
///
/// ```
/// use embedded_server::fault::{Fault, Rule};
///
/// // The third GET and the two behind it are refused.
/// Rule::from(Fault::Error("LOADING dataset".into())).on("get").after(2).times(3);
/// ```
#[derive(Debug, Clone)]
pub struct Rule {
    fault: Fault,
    command: Option<String>,
    skipped: u64,
    left: Option<u64>,
}

impl From<Fault> for Rule {
    /// Strikes every command, always.
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            command: None,
            skipped: 0,
            left: None,
        }
    }
}

impl Rule {
    /// Strikes commands of this name alone (`get`, `client|list`).
    #[must_use]
    pub fn on(mut self, command: &str) -> Self {
        self.command = Some(command.to_ascii_lowercase());
        self
    }

    /// Lets the first `commands` of them pass.
    #[must_use]
    pub fn after(mut self, commands: u64) -> Self {
        self.skipped = commands;
        self
    }

    /// Ends after so many strikes.
    #[must_use]
    pub fn times(mut self, strikes: u64) -> Self {
        self.left = Some(strikes);
        self
    }
}

/// No command has the name that a rule is for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no command '{0}'; a subcommand is named with its container, as client|list")]
pub struct NoSuchCommand(pub String);

/// A rule in force.
#[derive(Debug)]
struct Armed {
    rule: Rule,
    command: Option<&'static Command>,
    /// Turns of the idle loop that make up [`Fault::Work`].
    turns: u64,
}

impl Armed {
    fn new(rule: Rule) -> Result<Self, NoSuchCommand> {
        let command = match &rule.command {
            Some(name) => Some(find(name).ok_or_else(|| NoSuchCommand(name.clone()))?),
            None => None,
        };
        let turns = match rule.fault {
            Fault::Work(length) => turns(length),
            _ => 0,
        };
        Ok(Self {
            rule,
            command,
            turns,
        })
    }

    /// Whether the rule strikes this command; counts it if it fits.
    fn strikes(&mut self, command: Option<&'static Command>) -> bool {
        let fits = match (self.command, command) {
            (None, _) => true,
            (Some(own), Some(other)) => std::ptr::eq(own, other),
            (Some(_), None) => false,
        };
        if !fits || self.rule.left == Some(0) {
            return false;
        }
        if self.rule.skipped > 0 {
            self.rule.skipped -= 1;
            return false;
        }
        if let Some(left) = &mut self.rule.left {
            *left -= 1;
        }
        true
    }
}

fn find(name: &str) -> Option<&'static Command> {
    table()
        .all()
        .iter()
        .find(|command| command.full_name == name)
}

/// The rules of a node.
#[derive(Debug, Default)]
pub struct Faults {
    armed: Vec<Armed>,
    struck: u64,
}

/// What remains to be done about a command once its delays are over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing.
    CarryOut,
    /// See [`Fault::Error`].
    Refuse(String),
    /// See [`Fault::Drop`].
    Drop,
    /// See [`Fault::Cut`].
    Cut(usize),
}

impl Faults {
    /// Adds a rule.
    ///
    /// # Errors
    /// [`NoSuchCommand`] when it is for a command that is not there.
    pub fn add(&mut self, rule: Rule) -> Result<(), NoSuchCommand> {
        self.armed.push(Armed::new(rule)?);
        Ok(())
    }

    /// Ends all rules.
    pub fn clear(&mut self) {
        self.armed.clear();
    }

    /// How often a rule has struck.
    #[must_use]
    pub fn struck(&self) -> u64 {
        self.struck
    }

    /// Whether there are rules.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        !self.armed.is_empty()
    }

    /// Goes through the rules for a command that is about to be carried out, and through its delays.
    pub(crate) fn strike(&mut self, command: Option<&'static Command>) -> Verdict {
        let mut verdict = Verdict::CarryOut;
        for armed in &mut self.armed {
            let delays = matches!(armed.rule.fault, Fault::Delay(_) | Fault::Work(_));
            if (!delays && verdict != Verdict::CarryOut) || !armed.strikes(command) {
                continue;
            }
            self.struck += 1;
            match &armed.rule.fault {
                Fault::Delay(length) => clock::sleep(*length),
                Fault::Work(_) => idle(armed.turns),
                Fault::Error(text) => verdict = Verdict::Refuse(text.clone()),
                Fault::Drop => verdict = Verdict::Drop,
                Fault::Cut(bytes) => verdict = Verdict::Cut(*bytes),
            }
        }
        verdict
    }
}

/// Turns of the idle loop that are timed to learn what one takes.
const TRIAL_TURNS: u64 = 1 << 20;
const TRIALS: usize = 5;

/// How many turns of the idle loop take so long. Reading a clock would take longer than what is to be waited for.
fn turns(length: Duration) -> u64 {
    let trial_ns = || {
        let watch = Stopwatch::start();
        idle(TRIAL_TURNS);
        watch.elapsed_ns().max(1)
    };
    // The fastest trial is the one that nothing else held up.
    let fastest_ns = (0..TRIALS).map(|_| trial_ns()).min().unwrap_or(1);
    let turns = length.as_nanos() * u128::from(TRIAL_TURNS) / u128::from(fastest_ns);
    u64::try_from(turns).unwrap_or(u64::MAX)
}

/// Keeps the processor busy, each step waiting for the one before.
fn idle(turns: u64) {
    let mut state = 1_u64;
    for _ in 0..turns {
        state = black_box(state.wrapping_mul(6_364_136_223_846_793_005));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(rules: Vec<Rule>) -> Faults {
        let mut faults = Faults::default();
        rules.into_iter().for_each(|rule| faults.add(rule).unwrap());
        faults
    }

    #[test]
    fn a_rule_strikes_its_command_as_often_as_it_says() {
        let (get, set) = (find("get"), find("set"));
        let rule = Rule::from(Fault::Drop).on("GET").after(1).times(2);
        let mut faults = faults(vec![rule]);
        let seen = [get, set, get, get, get, None].map(|command| faults.strike(command));
        let (drop, pass) = (Verdict::Drop, Verdict::CarryOut);
        assert_eq!(
            seen,
            [&pass, &pass, &drop, &drop, &pass, &pass].map(Clone::clone)
        );
        assert_eq!(faults.struck(), 2);
    }

    #[test]
    fn delays_strike_beside_others_and_the_first_of_those_wins() {
        let mut faults = faults(vec![
            Fault::Cut(3).into(),
            Fault::Drop.into(),
            Fault::Work(Duration::from_nanos(1)).into(),
        ]);
        assert_eq!(faults.strike(find("get")), Verdict::Cut(3));
        assert_eq!(faults.struck(), 2);
    }

    #[test]
    fn an_unknown_command_is_refused() {
        let refused = Faults::default().add(Rule::from(Fault::Drop).on("nix"));
        assert_eq!(refused, Err(NoSuchCommand("nix".into())));
    }
}
