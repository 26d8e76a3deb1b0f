//! Compares a session's title, pin, status, and read position with the last acknowledged changes.
//!
//! A change may have been the last one if no acknowledged change of the same setting started after its acknowledgment.
//! A change that got no response may take effect at any time, so it may always have been the last one.

use serde_json::Value;

use crate::history::{Action, ChangeRecord, OperationResult};

/// Describes each setting of the session that none of these changes can explain. `texts` contains every text that the
/// session's messages may have had.
pub(super) fn check(session: &Value, messages: &[Value], changes: &[ChangeRecord], texts: &[&str]) -> Vec<String> {
    let titles = of(changes, |action| if let Action::Rename(title) = action { Some(title.clone()) } else { None });
    let pins = of(changes, |action| if let Action::Pin(pinned) = action { Some(*pinned) } else { None });
    let archives = of(changes, |action| if let Action::Archive(archived) = action { Some(*archived) } else { None });
    let title = session["title"].as_str().unwrap_or_default();
    let is_automatic = title.is_empty() || texts.contains(&title);
    let mut wrong = Vec::new();
    if !titles.allow(&title.to_owned(), is_automatic) {
        wrong.push(format!("the title is {title:?} after {titles:?}"));
    }
    let is_pinned = !session["pinned_at"].is_null();
    if !pins.allow(&is_pinned, !is_pinned) {
        wrong.push(format!("pinned is {is_pinned} after {pins:?}"));
    }
    let is_archived = session["status"] == "archived";
    if !archives.allow(&is_archived, !is_archived) {
        wrong.push(format!("archived is {is_archived} after {archives:?}"));
    }
    wrong.extend(read_position(session, messages, changes));
    wrong
}

/// The values that the last change may have set.
#[derive(Debug)]
struct Last<T> {
    values: Vec<T>,
    /// Whether the initial value may still be in effect.
    is_untouched: bool,
}

impl<T: PartialEq> Last<T> {
    fn allow(&self, value: &T, is_first_value: bool) -> bool {
        self.values.contains(value) || (self.is_untouched && is_first_value)
    }
}

/// Returns the changes of the given kind that may have been the last one.
fn last_of(changes: &[ChangeRecord], is_of_kind: impl Fn(&ChangeRecord) -> bool) -> Vec<&ChangeRecord> {
    let tried: Vec<&ChangeRecord> =
        changes.iter().filter(|it| it.result != OperationResult::Rejected && is_of_kind(it)).collect();
    let is_followed = |change: &ChangeRecord| {
        let ended = change.result.acknowledged_at();
        ended.is_some_and(|ended| tried.iter().any(|it| it.result.acknowledged_at().is_some() && it.started > ended))
    };
    tried.iter().filter(|change| !is_followed(change)).copied().collect()
}

fn of<T>(changes: &[ChangeRecord], value_of: impl Fn(&Action) -> Option<T>) -> Last<T> {
    let last = last_of(changes, |change| value_of(&change.action).is_some());
    let is_untouched = last.iter().all(|change| change.result.acknowledged_at().is_none());
    Last { values: last.iter().filter_map(|change| value_of(&change.action)).collect(), is_untouched }
}

fn read_position(session: &Value, messages: &[Value], changes: &[ChangeRecord]) -> Vec<String> {
    let number = |field: &str| session[field].as_i64().unwrap_or(-1);
    let (position, unread, last) = (number("last_read_seq"), number("unread_count"), number("last_seq"));
    let mut wrong = Vec::new();
    if !(0..=last).contains(&position) {
        wrong.push(format!("read up to {position} of {last}"));
    }
    let is_unread = |message: &&Value| message["role"] == "assistant" && message["seq"].as_i64() > Some(position);
    let counted = if session["status"] == "archived" { 0 } else { messages.iter().filter(is_unread).count() };
    if i64::try_from(counted) != Ok(unread) {
        wrong.push(format!("unread_count is {unread}, but {counted} answers follow {position}"));
    }
    let candidates = last_of(changes, |change| matches!(change.action, Action::Read(_) | Action::Unread));
    let is_untouched = candidates.iter().all(|change| change.result.acknowledged_at().is_none());
    let explains = |change: &&ChangeRecord| match (change.position, &change.action) {
        (Some(acknowledged), _) => acknowledged == position,
        // There was no response. `Read` limits the position to the messages that exist at the time. `Unread` moves it
        // to just before an answer, which may since have been deleted.
        (None, Action::Read(seq)) => position <= *seq,
        (None, _) => true,
    };
    if !(candidates.iter().any(explains) || (is_untouched && position == 0)) {
        wrong.push(format!("read up to {position} after {candidates:?}"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use serde_json::{Value, json};

    use super::check;
    use crate::history::{Action, ChangeRecord, OperationResult};

    /// Creates a change that started and was acknowledged at these times, in seconds. If `answered` is `None`, there
    /// was no response.
    fn change(action: Action, started: u64, answered: Option<u64>, position: Option<i64>) -> ChangeRecord {
        let zero = Instant::now();
        let at = |seconds| zero + Duration::from_secs(seconds);
        let result = answered.map_or(OperationResult::Unknown, |answered| OperationResult::Acknowledged(at(answered)));
        ChangeRecord { action, started: at(started), result, position }
    }

    fn session(pinned: bool, title: &str, read: i64) -> Value {
        let pinned_at = if pinned { json!("2026-01-01T00:00:00.000Z") } else { Value::Null };
        json!({"title": title, "pinned_at": pinned_at, "status": "active", "last_seq": 9, "last_read_seq": read, "unread_count": 0})
    }

    fn violations(session: &Value, changes: &[ChangeRecord]) -> usize {
        check(session, &[], changes, &["first"]).len()
    }

    #[test]
    fn the_last_acknowledged_change_wins() {
        let pins = [change(Action::Pin(false), 0, Some(1), None), change(Action::Pin(true), 2, Some(3), None)];

        assert_eq!(violations(&session(true, "", 0), &pins), 0);
        assert_eq!(violations(&session(false, "", 0), &pins), 1);
    }

    #[test]
    fn either_of_two_concurrent_changes_may_win_and_so_may_an_unanswered_one() {
        let both = [change(Action::Pin(true), 0, Some(3), None), change(Action::Pin(false), 2, Some(4), None)];
        let open = [change(Action::Pin(true), 0, None, None), change(Action::Pin(false), 2, Some(4), None)];
        let not = [change(Action::Pin(false), 0, None, None)];

        for changes in [&both, &open] {
            assert_eq!(violations(&session(true, "", 0), changes), 0);
            assert_eq!(violations(&session(false, "", 0), changes), 0);
        }
        assert_eq!(violations(&session(true, "", 0), &not), 1);
    }

    #[test]
    fn a_title_is_set_by_a_user_or_by_the_first_message() {
        let renamed = [change(Action::Rename("mine".into()), 0, Some(1), None)];

        assert_eq!(violations(&session(false, "first", 0), &[]), 0);
        assert_eq!(violations(&session(false, "other", 0), &[]), 1);
        assert_eq!(violations(&session(false, "mine", 0), &renamed), 0);
        assert_eq!(violations(&session(false, "first", 0), &renamed), 1);
    }

    #[test]
    fn the_read_position_is_the_last_acknowledged_one() {
        let reads = [change(Action::Read(5), 0, Some(1), Some(5)), change(Action::Unread, 2, Some(3), Some(4))];
        let open = [change(Action::Read(5), 0, Some(1), Some(5)), change(Action::Read(7), 2, None, None)];

        assert_eq!(violations(&session(false, "", 4), &reads), 0);
        assert_eq!(violations(&session(false, "", 5), &reads), 1);
        assert_eq!(violations(&session(false, "", 7), &open), 0);
        assert_eq!(violations(&session(false, "", 8), &open), 1);
    }
}
