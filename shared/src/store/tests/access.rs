//! Tests for the expiry of logins and tickets.

use super::*;
use crate::chat::UserRole;

#[tokio::test]
async fn expires_and_prunes_a_login_after_thirty_days() {
    let f = Fixture::new().await;
    let key = f.store.create_key(&f.user, UserRole::Member, None).await.unwrap();
    let (principal, login) = f.store.log_in(&key.secret).await.unwrap().unwrap();
    let ticket = f.store.issue_ticket(&principal).await.unwrap();

    f.clock.advance(Duration::from_hours(30 * 24) - Duration::from_secs(1));
    assert_eq!(f.store.authenticate_login(&login.token).await.unwrap(), Some(principal.clone()));
    assert!(f.store.is_still_valid(&principal).await.unwrap());
    f.clock.advance(Duration::from_secs(2));

    assert_eq!(f.store.authenticate_login(&login.token).await.unwrap(), None);
    assert!(!f.store.is_still_valid(&principal).await.unwrap());
    assert_eq!(f.store.authenticate_ticket(&ticket.token).await.unwrap(), None);
    let retention = Retention { events: Duration::from_hours(10_000) };
    assert_eq!(f.store.prune(retention).await.unwrap(), 2);
    assert!(f.store.authenticate(&key.secret).await.unwrap().is_some(), "the key is still valid");
}

#[tokio::test]
async fn accepts_a_ticket_for_a_minute_and_keeps_its_streams_open() {
    let f = Fixture::new().await;
    let key = f.store.create_key(&f.user, UserRole::Viewer, None).await.unwrap();
    let principal = f.store.authenticate(&key.secret).await.unwrap().unwrap();
    let ticket = f.store.issue_ticket(&principal).await.unwrap();

    f.clock.advance(Duration::from_secs(59));
    let reader = f.store.authenticate_ticket(&ticket.token).await.unwrap().unwrap();
    f.clock.advance(Duration::from_secs(2));

    assert_eq!(reader, principal);
    assert_eq!(f.store.authenticate_ticket(&ticket.token).await.unwrap(), None);
    assert!(f.store.is_still_valid(&reader).await.unwrap());
}

#[tokio::test]
async fn an_expired_key_ends_its_logins_and_tickets() {
    let f = Fixture::new().await;
    let key = f.store.create_key(&f.user, UserRole::Member, Some(Duration::from_secs(30))).await.unwrap();
    let (principal, login) = f.store.log_in(&key.secret).await.unwrap().unwrap();
    let ticket = f.store.issue_ticket(&principal).await.unwrap();

    f.clock.advance(Duration::from_secs(31));

    assert_eq!(f.store.authenticate_login(&login.token).await.unwrap(), None);
    assert_eq!(f.store.authenticate_ticket(&ticket.token).await.unwrap(), None);
    assert!(!f.store.is_still_valid(&principal).await.unwrap());
    assert!(f.store.log_in(&key.secret).await.unwrap().is_none());
}
