//! `cachebench gate`: a verdict that a pull request can be blocked on.
//!
//! Everything that the command line demands is read before anything is started. Then, in this order: figures that one seed
//! fixes are held against a stored run, objectives against what was measured, and the times of two targets against each
//! other while they take turns.

mod contest;
mod output;

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::exit::BadInput;
use super::progress::Progress;
use super::workload::Changes;
use super::{Exit, password, run};
use crate::gate::identity::{self, Aspect};
use crate::gate::{self, Contested, exact};
use crate::recording::model::{Outcome, Recording};
use crate::recording::read;
use crate::report::gate::{GateFigures, Parts, Passage};
use crate::runner::RunError;
use crate::workload::criteria::{self, Tolerance};
use crate::workload::plan::{Expectation, Plan};

/// Arguments of `cachebench gate`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// A workload, which is run, or the recording of a run that was
    #[arg(value_name = "WORKLOAD.yaml|RECORDING")]
    subject: PathBuf,
    #[command(flatten)]
    changes: Changes,
    /// What to hold it against: a recording, or with --candidate a target
    #[arg(long, value_name = "RECORDING|TARGET")]
    baseline: Option<String>,
    /// A target to be judged, in turns with the baseline
    ///
    /// Both get the load of one phase as a closed loop, whatever its rate is: what is compared is how fast they answer. Of a
    /// workload with `compare`, one cell is in force: the first, unless --cell names another.
    #[arg(
        long,
        value_name = "TARGET",
        requires = "baseline",
        conflicts_with = "target"
    )]
    candidate: Option<String>,
    /// What must hold, as in "p99 < 2ms" in every phase or "mix.hit_ratio >= 92%" in one; may be repeated
    #[arg(long, value_name = "EXPRESSION")]
    objective: Vec<String>,
    /// How far a figure may be from the baseline's: hit_ratio, survivors, evicted_keys, bytes_per_key; may be repeated
    #[arg(long, value_name = "FIGURE=AMOUNT")]
    tolerance: Vec<String>,
    #[command(flatten)]
    turns: contest::Turns,
    /// End with 4 where something cannot be told, instead of 0
    #[arg(long)]
    strict: bool,
    /// Folder for what the gate leaves [default: reports/NAME-TIME; nowhere for a recording]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    output: output::Output,
    /// Show neither plan nor progress
    #[arg(long)]
    quiet: bool,
}

/// What is to be judged, with every demand read.
enum Subject {
    /// A run that was.
    Stored(Box<Recording>),
    /// A run that is to be.
    Run(Box<Plan>),
    /// Two targets.
    Pair(Box<contest::Pair>),
}

/// What was judged.
struct Judged {
    recording: Option<Recording>,
    contested: Option<Contested>,
    folder: Option<PathBuf>,
}

/// Reads, runs, decides, tells.
pub(super) fn run(arguments: &Arguments) -> anyhow::Result<Exit> {
    let tolerances = tolerances(&arguments.tolerance)?;
    let subject = subject(arguments)?;
    let baseline = stored_baseline(arguments)?;
    if let Some(baseline) = &baseline {
        let plan = match &subject {
            Subject::Stored(recording) => &recording.plan,
            Subject::Run(plan) => plan,
            Subject::Pair(pair) => &pair.candidate,
        };
        refuse_other_workload(baseline, plan)?;
    }
    refuse_to_gate_nothing(&subject, baseline.as_ref(), &tolerances)?;
    let judged = match judge(arguments, subject) {
        Ok(judged) => judged,
        Err(RunError::NotAllowed(why)) => return Err(BadInput(why).into()),
        Err(RunError::Interrupted) => return Ok(Exit::Interrupted),
        Err(error) => return Err(error.into()),
    };
    conclude(arguments, &judged, baseline.as_ref(), &tolerances)
}

fn tolerances(texts: &[String]) -> anyhow::Result<Vec<Tolerance>> {
    let read = |text: &String| criteria::tolerance("--tolerance", text);
    Ok(texts.iter().map(read).collect::<Result<_, _>>()?)
}

fn objectives(texts: &[String], plan: &Plan) -> anyhow::Result<Vec<Expectation>> {
    let mut all = Vec::new();
    for text in texts {
        all.extend(criteria::objective("--objective", text, plan)?);
    }
    Ok(all)
}

fn subject(arguments: &Arguments) -> anyhow::Result<Subject> {
    let file = &arguments.subject;
    let is_recording = file.is_dir() || file.extension().is_some_and(|ending| ending == "json");
    if is_recording {
        if arguments.candidate.is_some() || arguments.changes.is_any() {
            let message = "a recording was made already: --target, --candidate, --seed, --set and --allow need a workload";
            return Err(BadInput(message.to_owned()).into());
        }
        let mut recording = stored(file)?;
        let objectives = objectives(&arguments.objective, &recording.plan)?;
        gate::demand(&mut recording, &objectives);
        return Ok(Subject::Stored(Box::new(recording)));
    }
    let (Some(baseline), Some(candidate)) = (&arguments.baseline, &arguments.candidate) else {
        let mut plan = arguments.changes.load(file)?;
        password::fill(&mut plan)?;
        let objectives = objectives(&arguments.objective, &plan)?;
        criteria::demand(&mut plan, objectives);
        return Ok(Subject::Run(Box::new(plan)));
    };
    let mut pair = arguments
        .turns
        .pair(&arguments.changes, file, (baseline, candidate))?;
    let objectives = objectives(&arguments.objective, &pair.candidate)?;
    criteria::demand(&mut pair.candidate, objectives);
    Ok(Subject::Pair(Box::new(pair)))
}

fn stored(file: &Path) -> anyhow::Result<Recording> {
    Ok(read::read(file).map_err(|error| BadInput(error.to_string()))?)
}

/// The recording given as the baseline; with a candidate the baseline is a target.
fn stored_baseline(arguments: &Arguments) -> anyhow::Result<Option<Recording>> {
    match (&arguments.baseline, &arguments.candidate) {
        (Some(file), None) if !Path::new(file).exists() => {
            let message = format!(
                "there is no recording {file}; name one, or give the target to be judged with --candidate where {file} is a target"
            );
            Err(BadInput(message).into())
        }
        (Some(file), None) => Ok(Some(stored(Path::new(file))?)),
        _ => Ok(None),
    }
}

/// What was asked of two servers must be the same, or their figures say nothing of them.
fn refuse_other_workload(baseline: &Recording, plan: &Plan) -> anyhow::Result<()> {
    let differing: Vec<String> = identity::plan_differences(&baseline.plan, plan)
        .into_iter()
        .filter(|one| one.aspect.forbids())
        .map(|one| {
            let what = if one.aspect == Aspect::Seed {
                String::new()
            } else {
                format!(": {}", one.what)
            };
            format!(
                "another {}{what} ({} there, {} here)",
                one.aspect.name(),
                one.first,
                one.other
            )
        })
        .collect();
    if differing.is_empty() {
        return Ok(());
    }
    let message = format!(
        "the baseline is no recording of this workload: {}; record it anew with `cachebench run`",
        differing.join("; ")
    );
    Err(BadInput(message).into())
}

/// A gate that checks nothing would always open.
fn refuse_to_gate_nothing(
    subject: &Subject,
    baseline: Option<&Recording>,
    tolerances: &[Tolerance],
) -> anyhow::Result<()> {
    let demands = match subject {
        Subject::Stored(recording) => &recording.plan.expect,
        Subject::Run(plan) => &plan.expect,
        Subject::Pair(_) => return Ok(()),
    };
    let why = match baseline {
        _ if !demands.is_empty() => return Ok(()),
        None => "give --objective, --baseline, or `expect` in the workload".to_owned(),
        Some(_) if !tolerances.is_empty() => return Ok(()),
        Some(stored) => match exact::why_not_exact(stored) {
            None => return Ok(()),
            Some(chance) => format!(
                "of the baseline no figure repeats exactly, since {chance}; give --tolerance or --objective, or let both targets \
                 take turns with --baseline TARGET --candidate TARGET"
            ),
        },
    };
    Err(BadInput(format!("nothing would be gated: {why}")).into())
}

fn judge(arguments: &Arguments, subject: Subject) -> Result<Judged, RunError> {
    match subject {
        Subject::Stored(recording) => Ok(Judged {
            recording: Some(*recording),
            folder: arguments.out.clone(),
            contested: None,
        }),
        Subject::Run(plan) => Ok(Judged {
            recording: Some(run::drive(
                &plan,
                &mut Progress::new(&plan, arguments.quiet),
            )?),
            folder: Some(run::folder(arguments.out.as_deref(), &plan.name)),
            contested: None,
        }),
        Subject::Pair(pair) => {
            // Whole repetitions are needed only where something is demanded of them.
            let recording = match pair.candidate.expect.as_slice() {
                [] => None,
                _ => Some(run::drive(
                    &pair.candidate,
                    &mut Progress::new(&pair.candidate, arguments.quiet),
                )?),
            };
            Ok(Judged {
                recording,
                contested: Some(contest::drive(&pair, arguments.quiet)?),
                folder: Some(run::folder(arguments.out.as_deref(), &pair.candidate.name)),
            })
        }
    }
}

fn conclude(
    arguments: &Arguments,
    judged: &Judged,
    baseline: Option<&Recording>,
    tolerances: &[Tolerance],
) -> anyhow::Result<Exit> {
    let exact = match (baseline, &judged.recording) {
        (Some(baseline), Some(recording)) => exact::decide(baseline, recording, tolerances),
        _ => Vec::new(),
    };
    let mut figures = GateFigures::of(&Parts {
        recording: judged.recording.as_ref(),
        baseline,
        exact: &exact,
        contest: judged.contested.as_ref(),
    });
    if figures.workload.is_empty() {
        figures.workload = arguments
            .subject
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
    }
    if let (Some(recording), Some(folder)) = (&judged.recording, &judged.folder) {
        let written = run::write(recording, folder)?;
        figures
            .files
            .extend(written.iter().map(|file| file.display().to_string()));
    }
    arguments
        .output
        .tell(&mut figures, judged.folder.as_deref(), arguments.strict)?;
    Ok(exit(
        judged.recording.as_ref(),
        figures.verdict,
        arguments.strict,
    ))
}

/// A run that was cut short opens no gate.
fn exit(recording: Option<&Recording>, verdict: Passage, is_strict: bool) -> Exit {
    match (recording.map(|one| &one.outcome), verdict) {
        (Some(Outcome::Interrupted), _) => Exit::Interrupted,
        (Some(Outcome::Failed(_)), _) => Exit::CouldNot,
        (_, Passage::Failed) => Exit::ExpectationFailed,
        (_, Passage::CannotTell) if is_strict => Exit::CannotTell,
        _ => Exit::Done,
    }
}

/// A length of time as the command line takes it.
fn length(text: &str) -> Result<Duration, String> {
    criteria::length(text)
}
