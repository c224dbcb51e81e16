//! libFuzzer's way into [`cachebench_fuzz::trace`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::trace(data));
