//! Positions in a user's log.

/// A position in the user's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The log's epoch.
    pub epoch: String,
    /// The sequence number of the last event.
    pub seq: u64,
}

impl Position {
    /// Parses `<epoch>-<seq>`.
    ///
    /// # Errors
    /// Fails if the text has a different format.
    pub fn parse(text: &str) -> Result<Self, String> {
        let broken = || format!("not a cursor: {text:?}");
        let (epoch, seq) = text.split_once('-').ok_or_else(broken)?;
        let is_epoch = !epoch.is_empty() && epoch.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
        if !is_epoch {
            return Err(broken());
        }
        Ok(Self { epoch: epoch.to_owned(), seq: seq.parse().map_err(|_| broken())? })
    }

    /// Formats the position as `<epoch>-<seq>`.
    pub fn text(&self) -> String {
        format!("{}-{}", self.epoch, self.seq)
    }

    /// Checks that this position immediately follows another one.
    ///
    /// # Errors
    /// Fails if the epochs differ or the sequence numbers are not consecutive.
    pub fn check_follows(&self, before: &Self) -> Result<(), String> {
        self.check(before, self.seq == before.seq + 1)
    }

    /// Checks that this position comes after another one in the same log.
    ///
    /// # Errors
    /// Fails if the epochs differ or the sequence number is not higher.
    pub fn check_after(&self, before: &Self) -> Result<(), String> {
        self.check(before, self.seq > before.seq)
    }

    fn check(&self, before: &Self, has_order: bool) -> Result<(), String> {
        if self.epoch == before.epoch && has_order {
            return Ok(());
        }
        Err(format!("{} does not follow {}", self.text(), before.text()))
    }
}
