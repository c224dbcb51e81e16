//! A gate as JUnit XML, which CI systems show as a list of tests.

use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::{Check, GateFigures, Kind, Passage};

/// A suite per kind of check, a case per check. What cannot be told is a case that was skipped, or one that failed where
/// `is_strict`.
///
/// # Errors
/// Where the XML cannot be written, which would be a fault of ours.
pub fn report(figures: &GateFigures, is_strict: bool) -> Result<String, SerializeError> {
    let mut report = Report::new("cachebench gate");
    for kind in Kind::ALL {
        let mut suite = TestSuite::new(kind.name());
        for check in figures.of_kind(kind) {
            suite.add_test_case(case(check, &figures.workload, is_strict));
        }
        if suite.tests > 0 {
            report.add_test_suite(suite);
        }
    }
    report.to_string()
}

fn case(check: &Check, workload: &str, is_strict: bool) -> TestCase {
    let mut status = match check.outcome {
        Passage::Passed => TestCaseStatus::success(),
        Passage::CannotTell if !is_strict => TestCaseStatus::skipped(),
        Passage::Failed | Passage::CannotTell => {
            TestCaseStatus::non_success(NonSuccessKind::Failure)
        }
    };
    status.set_message(check.detail.as_str());
    let mut case = TestCase::new(check.name.as_str(), status);
    case.set_classname(format!("cachebench.{workload}"));
    if check.outcome == Passage::Passed {
        case.set_system_out(check.detail.as_str());
    }
    case
}
