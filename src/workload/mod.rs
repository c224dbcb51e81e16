//! The workload: YAML as written (`yaml`), every rule with located errors (`check`), the plan as meant (`plan`).
//!
//! Pure: nothing here opens a socket, reads the environment or asks for the time. After `check` has passed, no
//! later code looks at a string from the YAML.

pub mod plan;
