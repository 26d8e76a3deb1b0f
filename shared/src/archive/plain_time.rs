//! Times and sizes in documents for people.

use crate::clock::Timestamp;

/// Formats a time in minutes, such as `2026-01-31 12:00 UTC`.
pub fn minute(at: Timestamp) -> String {
    // The text is `2026-01-31T12:00:00.000Z`.
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    format!("{date} {} UTC", time.get(..5).unwrap_or(time))
}

/// Formats a number of bytes, such as `12 KiB`.
pub fn size(bytes: i64) -> String {
    const KIB: i64 = 1024;
    const MIB: i64 = 1024 * KIB;
    match bytes {
        ..KIB => crate::count::count(bytes, "byte"),
        KIB..MIB => format!("{} KiB", bytes / KIB),
        MIB.. => format!("{}.{} MiB", bytes / MIB, bytes % MIB * 10 / MIB),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_times_and_sizes() {
        assert_eq!(minute("2026-01-31T12:34:56.789Z".parse().unwrap()), "2026-01-31 12:34 UTC");
        assert_eq!([0, 1, 1023, 1024, 1_572_864].map(size), ["0 bytes", "1 byte", "1023 bytes", "1 KiB", "1.5 MiB"]);
    }
}
