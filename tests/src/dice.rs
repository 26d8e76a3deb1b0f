//! Seeded random numbers. A test prints its seed and can be replayed with it.

use std::time::Duration;

/// A small generator (xorshift64*) that produces the same sequence for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// Creates a generator with this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// Creates a generator from `BANTER_TEST_SEED`, or from a random seed, and prints the seed.
    pub fn from_environment() -> Self {
        let seed = std::env::var("BANTER_TEST_SEED")
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0);
        println!("BANTER_TEST_SEED={seed}");
        Self::new(seed)
    }

    /// Returns an independent generator, seeded by the next number of this one.
    pub fn split(&mut self) -> Self {
        Self::new(self.below(u64::MAX))
    }

    /// Returns a number from 0 to `end`, exclusive.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % end
    }

    /// Returns an index into something of this length.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap()
    }

    /// Returns a duration from zero to `end`, exclusive, in whole microseconds.
    pub fn time_below(&mut self, end: Duration) -> Duration {
        Duration::from_micros(self.below(u64::try_from(end.as_micros()).unwrap()))
    }
}
