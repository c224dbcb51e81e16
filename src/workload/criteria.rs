//! What a command line demands of a run: objectives (`p99 < 2ms`) and tolerances (`hit_ratio=0.5%`).
//!
//! Both are read, and refused with the place of a slip, before anything is started.

use std::time::Duration;

use super::check::{asks_for_survival, facts};
use super::expect::{self, Expression, Names, PhaseFacts};
use super::plan::{Expectation, Metric, Plan};
use super::problem::{Flaw, Place, Problem, Problems, Source};
use super::units::{Count, FromText, Portion, Size, Time, decimal};
use super::words;

/// What may differ by a tolerance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tolerated {
    /// Hits per read of a phase, a share.
    HitRatio,
    /// Keys of a group that are still there.
    Survivors,
    /// Keys that the server evicted.
    EvictedKeys,
    /// Memory in use per key, bytes.
    BytesPerKey,
}

/// How far a figure may be from that of the baseline.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// Which figure.
    pub of: Tolerated,
    /// The largest difference that is allowed, in the figure's unit.
    pub most: f64,
}

const TOLERATED: [(&str, Tolerated); 4] = [
    ("hit_ratio", Tolerated::HitRatio),
    ("survivors", Tolerated::Survivors),
    ("evicted_keys", Tolerated::EvictedKeys),
    ("bytes_per_key", Tolerated::BytesPerKey),
];

/// The expectations that the objective `text` stands for, in every cell of `plan`: one where it names its subject, one for
/// each phase that has the measure where it does not. `option` is how messages call the place.
///
/// # Errors
///
/// What is wrong with it, with the place in `text` and the nearest name.
pub fn objective(option: &str, text: &str, plan: &Plan) -> Result<Vec<Expectation>, Problems> {
    let (phases, groups) = names_of(plan);
    let parse = |unnamed| {
        let names = Names {
            phases: &phases,
            groups: &groups,
            unnamed,
        };
        expect::parse(text, &names)
    };
    if let Ok(expression) = parse(None) {
        return Ok(vec![expectation(text.to_owned(), expression, plan)]);
    }
    let loads = (0..phases.len()).filter(|index| phases.get(*index).is_some_and(|one| one.loads));
    let (mut found, mut flaw) = (Vec::new(), None);
    for index in loads {
        let name = phases.get(index).map_or("", |one| one.name.as_str());
        match parse(Some(index)) {
            Ok(expression) => {
                found.push(expectation(format!("{name}: {text}"), expression, plan));
            }
            Err(one) => flaw = flaw.or(Some(one)),
        }
    }
    match flaw.or_else(|| parse(None).err()) {
        Some(flaw) if found.is_empty() => Err(problem(option, text, flaw)),
        _ => Ok(found),
    }
}

/// What `text` measures in `plan`, as in `mix.p99`.
///
/// # Errors
///
/// What is wrong with it, with the place in `text` and the nearest name.
pub fn metric(option: &str, text: &str, plan: &Plan) -> Result<Metric, Problems> {
    let (phases, groups) = names_of(plan);
    let names = Names {
        phases: &phases,
        groups: &groups,
        unnamed: None,
    };
    expect::measured(text, &names).map_err(|flaw| problem(option, text, flaw))
}

fn names_of(plan: &Plan) -> (Vec<PhaseFacts>, Vec<String>) {
    let groups = plan.survival.groups.iter().map(|group| group.name.clone());
    let facts = |phase| facts(phase, &plan.keys.spaces, &plan.values);
    (plan.phases.iter().map(facts).collect(), groups.collect())
}

/// Adds `objectives` to what `plan` expects, and has survival probed where one asks for it.
pub fn demand(plan: &mut Plan, objectives: Vec<Expectation>) {
    plan.survival.probe |= objectives.iter().any(asks_for_survival);
    plan.expect.extend(objectives);
}

/// The length of time that `text` stands for, as in `5ms`; never none.
///
/// # Errors
///
/// What is wrong with it.
pub fn length(text: &str) -> Result<Duration, String> {
    match Time::from_text(text)?.0 {
        Duration::ZERO => Err(format!("`{text}` is no time at all; write one such as 5ms")),
        length => Ok(length),
    }
}

fn expectation(text: String, expression: Expression, plan: &Plan) -> Expectation {
    Expectation {
        text,
        cells: (0..plan.cells.len()).collect(),
        left: expression.left,
        comparison: expression.comparison,
        right: expression.right,
    }
}

/// The tolerance that `text` stands for, as in `bytes_per_key=2b`.
///
/// # Errors
///
/// What is wrong with it, with the place in `text` and the nearest name.
pub fn tolerance(option: &str, text: &str) -> Result<Tolerance, Problems> {
    let flaw = |start, length, message: String| {
        let flaw = Flaw {
            start,
            length,
            message,
        };
        problem(option, text, flaw)
    };
    let Some((name, value)) = text.split_once('=') else {
        let message = format!("`{text}` gives nothing; write FIGURE=AMOUNT, as in hit_ratio=0.5%");
        return Err(flaw(0, text.len(), message));
    };
    let Some((_, of)) = TOLERATED.iter().find(|(known, _)| *known == name.trim()) else {
        let known = TOLERATED.map(|(known, _)| known);
        let message = words::unknown("figure", name.trim(), &known);
        return Err(flaw(0, name.len(), message));
    };
    let most =
        amount(*of, value.trim()).map_err(|message| flaw(name.len() + 1, value.len(), message))?;
    Ok(Tolerance { of: *of, most })
}

fn amount(of: Tolerated, text: &str) -> Result<f64, String> {
    match of {
        Tolerated::HitRatio => Portion::from_text(text).map(|share| share.0),
        Tolerated::Survivors | Tolerated::EvictedKeys => {
            Count::from_text(text).map(|count| count.0 as f64)
        }
        Tolerated::BytesPerKey => {
            decimal(text).map_or_else(|| Size::from_text(text).map(|size| size.0 as f64), Ok)
        }
    }
}

fn problem(option: &str, text: &str, flaw: Flaw) -> Problems {
    let source = Source {
        name: option.to_owned(),
        text: text.to_owned(),
        is_file: false,
    };
    let place = Place {
        source: 0,
        start: flaw.start,
        length: flaw.length,
    };
    Problems::new(vec![source], vec![Problem::new(place, flaw.message)])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::workload::plan::{Comparison, Measure, Operand};

    fn plan() -> Plan {
        crate::workload::parse(
            "keys: { count: 100 }
phases:
  - save: {}
  - pause: 1s
  - read: { keys: 0..10 }
survival: { groups: { low: 0..10 } }
",
        )
        .unwrap()
    }

    fn parsed(text: &str) -> Vec<(String, Operand)> {
        let found = objective("--objective", text, &plan()).unwrap();
        found.into_iter().map(|one| (one.text, one.left)).collect()
    }

    fn refused(text: &str) -> String {
        objective("--objective", text, &plan())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_measure_without_a_phase_is_of_every_phase_that_has_it() {
        let p99 = |phase| Operand::Metric(Metric::Phase(phase, Measure::LatencyPercentile(99.0)));
        let expected = [
            ("save: p99 < 2ms".to_owned(), p99(0)),
            ("read: p99 < 2ms".to_owned(), p99(2)),
        ];
        assert_eq!(parsed("p99 < 2ms"), expected);
        assert_eq!(parsed("latency.p99 < 2ms").len(), 2);
        assert_eq!(parsed("p99.9 < 2ms").len(), 2);
        assert_eq!(parsed("hit_ratio >= 92%").len(), 1, "`save` reads nothing");
        assert_eq!(parsed("error_rate == 0").len(), 2);
    }

    #[test]
    fn a_measure_with_a_subject_is_of_that_alone() {
        assert_eq!(parsed("read.p99 < 2ms").len(), 1);
        assert_eq!(
            parsed("survival.low > 50%")[0].1,
            Operand::Metric(Metric::GroupSurvival(0))
        );
        assert_eq!(parsed("server.evicted_keys == 0").len(), 1);
    }

    #[test]
    fn a_slip_is_shown_with_its_place_and_the_nearest_name() {
        let told = refused("hitratio >= 92%");
        assert!(
            told.starts_with("--objective: unknown measure `hitratio`; known: ")
                && told.contains("did you mean `hit_ratio`?")
                && told.ends_with("1 | hitratio >= 92%\n  | ^^^^^^^^"),
            "{told}"
        );
        assert!(refused("raed.p99 < 2ms").contains("did you mean `read`?"));
        assert!(refused("p99 < 2").ends_with("1 | p99 < 2\n  |       ^"));
        assert!(refused("p99 = 2ms").contains("unknown comparison `=`"));
    }

    #[test]
    fn tolerances() {
        let read = |text| tolerance("--tolerance", text).map_err(|error| error.to_string());
        let most = |text| read(text).map(|one| (one.of, one.most));
        assert_eq!(most("hit_ratio=0.5%"), Ok((Tolerated::HitRatio, 0.005)));
        assert_eq!(most("survivors=10"), Ok((Tolerated::Survivors, 10.0)));
        assert_eq!(most("bytes_per_key=1.5"), Ok((Tolerated::BytesPerKey, 1.5)));
        assert!(
            read("survivor=1")
                .unwrap_err()
                .contains("did you mean `survivors`?")
        );
        assert!(
            read("survivors=lots")
                .unwrap_err()
                .ends_with("  |           ^^^^")
        );
    }

    #[test]
    fn the_comparison_is_kept() {
        let found = objective("--objective", "p99 <= 2ms", &plan()).unwrap();
        assert_eq!(found[0].comparison, Comparison::AtMost);
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "(read|p99|hit_ratio|ü|1)?[.<>=! a-z0-9%/ü]{0,30}") {
            let _ = objective("--objective", &text, &plan());
            let _ = tolerance("--tolerance", &text);
        }
    }
}
