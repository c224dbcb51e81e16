//! The machine that drives, as a recording describes it.

use std::fs;
use std::thread::available_parallelism;

use crate::recording::model::Machine;

/// This machine, as far as it tells.
pub(super) fn machine() -> Machine {
    let read = |path| fs::read_to_string(path).unwrap_or_default();
    let release = read("/proc/sys/kernel/osrelease");
    Machine {
        system: format!(
            "{} {} {}",
            std::env::consts::OS,
            std::env::consts::ARCH,
            release.trim()
        )
        .trim()
        .to_owned(),
        processor: field(&read("/proc/cpuinfo"), "model name")
            .unwrap_or_else(|| "unknown".to_owned()),
        cores: available_parallelism()
            .map_or(1, |cores| u32::try_from(cores.get()).unwrap_or(u32::MAX)),
        memory_bytes: field(&read("/proc/meminfo"), "MemTotal")
            .map_or(0, |text| kilobytes(&text) * 1024),
    }
}

/// What follows `name` and a colon on the first line that begins so.
fn field(text: &str, name: &str) -> Option<String> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))?;
    Some(value.trim().to_owned())
}

fn kilobytes(text: &str) -> u64 {
    text.split_whitespace()
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name() {
        let text =
            "MemTotalOther: 1 kB\nMemTotal:       4096 kB\nmodel name\t: A Processor @ 2 GHz\n";
        assert_eq!(
            field(text, "MemTotal").map(|text| kilobytes(&text)),
            Some(4096)
        );
        assert_eq!(
            field(text, "model name").as_deref(),
            Some("A Processor @ 2 GHz")
        );
        assert_eq!(field(text, "absent"), None);
    }
}
