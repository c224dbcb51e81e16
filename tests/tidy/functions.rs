//! Functions are short enough to be seen whole.

use std::path::{Path, PathBuf};

use crate::report;
use crate::source::{Function, Source};
use crate::tree::{read, rust_files};

/// From `fn` to the closing brace.
const LINES_MAX: usize = 70;

/// Functions that may be longer: the file, the name, and why.
const EXCUSED: &[(&str, &str, &str)] = &[(
    "embedded-server/tests/keyspace_model.rs",
    "apply",
    "a model of the keyspace, one arm a step: it is read arm by arm",
)];

#[test]
fn functions_are_short() {
    let long: Vec<_> = rust_files()
        .into_iter()
        .flat_map(|file| {
            let found = long_functions(&read(&file)).into_iter();
            found.map(move |long| (file.clone(), long))
        })
        .collect();
    let is_of = |(place, name, _): &(&str, &str, &str), (file, long): &(PathBuf, Function)| {
        file.ends_with(place) && long.name == *name
    };
    let is_excused = |long: &(PathBuf, Function)| EXCUSED.iter().any(|excuse| is_of(excuse, long));
    let is_needed = |excuse: &(&str, &str, &str)| long.iter().any(|long| is_of(excuse, long));
    report(
        long.iter()
            .filter(|long| !is_excused(long))
            .map(|(file, long)| finding(file, long)),
    );
    let needless = EXCUSED.iter().filter(|excuse| !is_needed(excuse));
    report(needless.map(|(place, name, _)| format!("{place}: `{name}` needs no excuse")));
}

#[test]
fn a_long_function_is_found_wherever_it_stands() {
    let body = "x();\n".repeat(LINES_MAX);
    let text = format!(
        "fn short() {{}} trait T {{ fn declared(); }}\n\
         impl A {{ const fn long<F>(g: fn(F)) -> F where F: B {{\n{body}}} }}"
    );
    let found = long_functions(&text);
    assert_eq!(
        found,
        [Function {
            name: "long".to_owned(),
            line: 2,
            lines: LINES_MAX + 2
        }]
    );
}

fn long_functions(text: &str) -> Vec<Function> {
    Source::parse(text)
        .functions()
        .into_iter()
        .filter(|function| function.lines > LINES_MAX)
        .collect()
}

fn finding(file: &Path, long: &Function) -> String {
    let Function { name, line, lines } = long;
    format!(
        "{}:{line}: `{name}` has {lines} lines, {LINES_MAX} are allowed",
        file.display()
    )
}
