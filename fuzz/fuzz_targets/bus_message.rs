//! libFuzzer's way into [`cachebench_fuzz::bus_message`].

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| cachebench_fuzz::bus_message(data));
