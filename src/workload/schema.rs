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
