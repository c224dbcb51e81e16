//! Functions are short enough to be seen whole.

use std::path::Path;

use crate::report;
use crate::source::{Function, Source};
use crate::tree::{read, rust_files};

/// From `fn` to the closing brace.
const LINES_MAX: usize = 70;

/// Functions that may be longer, and why.
const EXCUSED: &[(&str, &str)] = &[];

#[test]
fn functions_are_short() {
    let long: Vec<_> = rust_files()
        .into_iter()
        .flat_map(|file| {
            long_functions(&read(&file))
                .into_iter()
                .map(move |long| (file.clone(), long))
        })
        .collect();
    let is_excused = |long: &Function| EXCUSED.iter().any(|(name, _)| *name == long.name);
    let is_needless = |name: &str| !long.iter().any(|(_, long)| long.name == name);
    report(
        long.iter()
            .filter(|(_, long)| !is_excused(long))
            .map(|(file, long)| finding(file, long)),
    );
    report(
        EXCUSED
            .iter()
            .filter(|(name, _)| is_needless(name))
            .map(|(name, _)| format!("`{name}` needs no excuse")),
    );
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
