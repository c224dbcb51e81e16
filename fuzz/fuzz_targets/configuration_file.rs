//! libFuzzer's way into [`cachebench_fuzz::configuration_file`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::configuration_file(data));
