//! What a run tells while it is going on, and how it is stopped.

use crate::drive::Advance;
use crate::recording::model::{PhaseRecord, Server, SurvivalRecord};

/// Is told what happens during a run.
pub trait Observer {
    /// Something happened. Called on the thread that called [`super::run`]; the load runs on others meanwhile, so
    /// that a slow observer does not slow it.
    fn on(&mut self, event: Event<'_>);
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ignore;

impl Observer for Ignore {
    fn on(&mut self, _event: Event<'_>) {}
}

/// What happened.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// The first server is up and answers.
    Connected {
        /// What it says of itself.
        server: &'a Server,
    },
    /// `capacity: { keys: … }` is being calibrated; takes about as long as writing the keys three times.
    Calibrating {
        /// Keys that shall fit.
        keys: u64,
    },
    /// The calibration is done.
    Calibrated {
        /// The `maxmemory` found, bytes.
        maxmemory_bytes: u64,
        /// Keys that stayed when more than fit were written under this limit.
        fitting_keys: u64,
    },
    /// A repetition of a cell begins.
    RepetitionBegan {
        /// Index into the plan's cells.
        cell: usize,
        /// The cell's label.
        label: &'a str,
        /// Which repetition, from 0.
        repetition: u32,
        /// How many there will be.
        repetitions: u32,
    },
    /// A phase begins.
    PhaseBegan {
        /// Index into the plan's phases.
        phase: usize,
        /// The phase's name.
        name: &'a str,
        /// How far it goes.
        extent: Extent,
    },
    /// About ten times a second while a phase runs or is paused.
    Progress(&'a Progress),
    /// A phase ended, or was cut short.
    PhaseEnded {
        /// Index into the plan's phases.
        phase: usize,
        /// What was measured.
        record: &'a PhaseRecord,
    },
    /// Every key was probed.
    Probed {
        /// Index into the plan's cells.
        cell: usize,
        /// Which repetition, from 0.
        repetition: u32,
        /// As it goes into the recording.
        survival: &'a SurvivalRecord,
    },
    /// Something a reader must know before believing the figures; the recording keeps it too.
    Warning(&'a str),
}

/// How far a phase goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Extent {
    /// This many requests.
    Requests(u64),
    /// This many seconds of load.
    Seconds(f64),
    /// A pause of this many seconds, which a virtual clock jumps over.
    Pause(f64),
}

/// How far a phase has come, and how it went in the last second.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    /// Seconds since the phase began.
    pub elapsed_s: f64,
    /// Requests answered per second.
    pub rate: f64,
    /// Requests per second that fell due.
    pub due_rate: f64,
    /// Hits per read; absent where nothing was read.
    pub hit_ratio: Option<f64>,
    /// Median latency, to about 3 %; absent where nothing was answered.
    pub p50_s: Option<f64>,
    /// 99th percentile, to about 3 %.
    pub p99_s: Option<f64>,
    /// Deliveries to subscribers per second.
    pub delivery_rate: f64,
    /// 99th percentile of the time that they took, to about 3 %; absent where none was made.
    pub delivery_p99_s: Option<f64>,
    /// Everything since the phase began.
    pub so_far: Advance,
}
