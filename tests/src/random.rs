//! Seeded random numbers. A test that uses them prints its seed, which can be used to replay the test.

use rand::SeedableRng as _;

/// A generator that produces the same sequence for the same seed on all platforms.
pub type TestRng = rand_pcg::Pcg64;

/// Creates a generator from `BANTER_TEST_SEED`, or from a random seed, and prints the seed.
pub fn from_environment() -> TestRng {
    let seed = std::env::var("BANTER_TEST_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or_else(rand::random);
    println!("BANTER_TEST_SEED={seed}");
    TestRng::seed_from_u64(seed)
}
