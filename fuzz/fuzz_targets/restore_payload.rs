//! libFuzzer's way into [`cachebench_fuzz::restore_payload`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::restore_payload(data));
