//! The configuration of property tests.

use proptest::{prelude::ProptestConfig, test_runner::RngSeed};

/// Returns a configuration with a fixed seed unless `PROPTEST_RNG_SEED` is set.
pub(in crate::agents::openai) fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0),
        RngSeed::Fixed(seed) => RngSeed::Fixed(seed),
    };
    println!("PROPTEST_RNG_SEED={rng_seed}");
    ProptestConfig { cases, rng_seed, failure_persistence: None, ..default }
}
