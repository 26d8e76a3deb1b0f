//! Stripes, which divide the users of a database on a server, so that changes for users in different stripes run at the
//! same time (docs/adr/0018).
//!
//! A change for one user holds the lock of the user's stripe. Any other change holds the lock of the entire database,
//! which excludes all stripes. Rows that readers follow in the order of their numbers are labeled with the stripe of
//! their owner: within a stripe, that is the order of the commits.

use sha2::{Digest as _, Sha256};

use crate::chat::UserRef;

/// A stripe.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stripe(u8);

impl Stripe {
    /// All stripes of a server's database. They must be the same in all processes, and the migrations create a row of
    /// counters for each one.
    pub(super) const ALL: [Self; STRIPES] = [Self(0), Self(1), Self(2), Self(3)];

    /// The only stripe of a SQLite database, which has a single writer.
    pub(super) const ONLY: Self = Self(0);

    /// Returns the stripe of a user. It must never change while processes are running.
    pub(super) fn of(user: &UserRef) -> Self {
        let hash =
            Sha256::new().chain_update(&user.workspace_id).chain_update([0]).chain_update(&user.user_id).finalize();
        Self::ALL[usize::from(hash[0]) % STRIPES]
    }

    /// Returns the number that labels the stripe's rows.
    pub(super) fn number(self) -> i64 {
        self.0.into()
    }

    /// Returns the position in [`Stripe::ALL`].
    pub(super) fn index(self) -> usize {
        self.0.into()
    }
}

/// The number of stripes.
pub(super) const STRIPES: usize = 4;

/// What a change may affect, which determines the lock that it holds on a server. SQLite has one lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything: no other change runs at the same time.
    Database,
    /// The data of users in a stripe.
    Stripe(Stripe),
    /// The registration of a worker.
    Worker,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stripe_of_a_user_is_the_same_in_every_version() {
        let of = |user_id: &str| Stripe::of(&UserRef { workspace_id: "default".into(), user_id: user_id.into() });

        let numbers = ["local", "ada", "grace", "linus", "barbara", "edsger"].map(|user| of(user).number());

        assert_eq!(numbers, [3, 3, 1, 1, 2, 3]);
    }
}
