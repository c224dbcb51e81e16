//! libFuzzer's way into [`cachebench_fuzz::snapshot`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::snapshot(data));
