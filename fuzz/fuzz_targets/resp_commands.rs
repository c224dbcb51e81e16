//! libFuzzer's way into [`cachebench_fuzz::resp_commands`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::resp_commands(data));
