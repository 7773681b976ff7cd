#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| casino_ledger_fuzz::house(data));
