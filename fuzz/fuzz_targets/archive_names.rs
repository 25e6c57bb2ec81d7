#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| glacier_engine::fuzzing::archive_names(bytes));
