//! The JSON schema of the language, for editors: draft 7, which their YAML plugins know.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::written::Workload;

/// The JSON schema of a workload file.
pub fn workload() -> Value {
    SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<Workload>()
        .to_value()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::workload::yaml::{self, Content, Node};
    use crate::workload::{Overrides, load};

    const REFERENCE: &str = include_str!("../../workloads/reference.yaml");

    /// A node as JSON, as an editor's YAML plugin sees it.
    fn json_of(node: &Node) -> Value {
        match &node.content {
            Content::Nothing => Value::Null,
            Content::Scalar(text) => match serde_json::from_str(text) {
                Ok(number @ (Value::Number(_) | Value::Bool(_))) => number,
                _ => json!(text),
            },
            Content::List(items) => items.iter().map(json_of).collect(),
            Content::Map(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, value)| (key.text().unwrap().to_owned(), json_of(value)))
                    .collect(),
            ),
        }
    }

    /// Every key that the schema knows, wherever it stands.
    fn keys(schema: &Value, found: &mut BTreeSet<String>) {
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            found.extend(properties.keys().cloned());
        }
        match schema {
            Value::Object(map) => map.values().for_each(|value| keys(value, found)),
            Value::Array(list) => list.iter().for_each(|value| keys(value, found)),
            _ => {}
        }
    }

    #[test]
    fn schema_json_is_current() {
        let shipped = include_str!("../../workloads/schema.json");
        let current = serde_json::to_string_pretty(&workload()).unwrap();
        assert!(
            shipped.trim_end() == current,
            "write it anew: cargo run -- schema workload > workloads/schema.json"
        );
    }

    #[test]
    fn the_reference_names_every_key() {
        let mut known = BTreeSet::new();
        keys(&workload(), &mut known);
        assert!(known.len() > 40, "{known:?}");
        let missing: Vec<&String> = known
            .iter()
            .filter(|key| !REFERENCE.contains(&format!("{key}:")))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }

    /// Without a line that says `(default…)` the reference means the same.
    #[test]
    fn the_defaults_of_the_reference_are_the_defaults() {
        let whole = load("workloads/reference.yaml", REFERENCE, &Overrides::default()).unwrap();
        let lines: Vec<&str> = REFERENCE.lines().collect();
        let is_default = |line: &str| {
            line.split_once('#').is_some_and(|(key, comment)| {
                key.contains(':') && comment.trim().starts_with("(default")
            })
        };
        let defaults: Vec<usize> = (0..lines.len())
            .filter(|index| is_default(lines[*index]))
            .collect();
        assert!(defaults.len() >= 16, "{defaults:?}");
        for index in defaults {
            let rest: Vec<&str> = lines
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, line)| *line)
                .collect();
            let without = load(
                "workloads/reference.yaml",
                &rest.join("\n"),
                &Overrides::default(),
            )
            .unwrap();
            assert_eq!(without, whole, "left out: {}", lines[index]);
        }
    }

    /// What the schema tells an editor as a default is what the reference shows as one.
    #[test]
    fn the_defaults_of_the_schema_are_those_of_the_reference() {
        let reference = json_of(&yaml::read(REFERENCE, 0).unwrap());
        let schema = workload();
        let pairs = [
            (&reference, &schema),
            (
                &reference["phases"][0]["save"],
                &schema["definitions"]["load"],
            ),
        ];
        let mut compared = 0;
        for (written, definition) in pairs {
            for (key, property) in definition["properties"].as_object().unwrap() {
                let Some(default) = property.get("default") else {
                    continue;
                };
                // These two show more than their default.
                if ["target", "expect"].contains(&key.as_str()) {
                    continue;
                }
                assert_eq!(&written[key], default, "{key}");
                compared += 1;
            }
        }
        assert!(compared >= 13, "{compared}");
    }

    #[test]
    fn shipped_workloads_fit_the_schema() {
        let validator = jsonschema::validator_for(&workload()).unwrap();
        let folders =
            ["workloads", "workloads/ycsb"].map(|folder| std::fs::read_dir(folder).unwrap());
        for entry in folders.into_iter().flatten() {
            let path = entry.unwrap().path();
            if path
                .extension()
                .is_some_and(|extension| extension == "yaml")
            {
                let document =
                    json_of(&yaml::read(&std::fs::read_to_string(&path).unwrap(), 0).unwrap());
                let errors: Vec<String> = validator
                    .iter_errors(&document)
                    .map(|error| format!("{}: {error}", error.instance_path()))
                    .collect();
                assert!(errors.is_empty(), "{}: {errors:?}", path.display());
            }
        }
    }

    /// Where the checker refuses a key or a shape, an editor should have shown it.
    #[test]
    fn the_schema_refuses_what_an_editor_should_underline() {
        let validator = jsonschema::validator_for(&workload()).unwrap();
        for text in [
            "keys: { count: 1 }\nphases: [ save ]\nkyes: 1",
            "keys: { count: 1 }",
            "keys: { count: 1 }\nphases: []",
            "keys: { count: ten }\nphases: [ save ]",
            "keys: { count: 1 }\nphases: [ sav ]",
            "keys: { count: 1 }\nphases: [ save: { keys: 0-5 } ]",
            "keys: { count: 1 }\nphases: [ mix: { rate: 5 } ]",
            "keys: { count: 1 }\nphases: [ mix: { keys: { zipfain: {} } } ]",
            "keys: { count: 1 }\nphases: [ save ]\ncapacity: { kyes: 5 }",
        ] {
            assert!(
                !validator.is_valid(&json_of(&yaml::read(text, 0).unwrap())),
                "{text}"
            );
        }
        for text in [
            "keys: { count: 1 }\nphases: [ save ]",
            "keys: { count: 10k }\nphases: [ read: { order: zipfian, keys: uniform }, pause: 5s ]",
        ] {
            assert!(
                validator.is_valid(&json_of(&yaml::read(text, 0).unwrap())),
                "{text}"
            );
        }
    }
}
