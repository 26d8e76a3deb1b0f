//! The credentials of open streams. Each credential is checked once for all streams that were opened with it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use banter_shared::{
    chat::Principal,
    id::{KeyId, LoginId},
    store::Store,
};
use futures::{StreamExt as _, stream};
use slab::Slab;

use super::stream_handle::StreamHandle;

/// Maximum number of credentials that are checked at the same time.
const CONCURRENT_CHECKS: usize = 8;

/// A key and, for a signed-in browser, a login. Both are absent in keyless mode.
type Credential = (Option<KeyId>, Option<LoginId>);

/// The credentials of the open streams.
#[derive(Debug, Default)]
pub(super) struct Credentials {
    in_use: Mutex<HashMap<Credential, Holders>>,
}

/// The streams that were opened with a credential.
#[derive(Debug)]
struct Holders {
    principal: Principal,
    streams: Slab<Arc<StreamHandle>>,
}

impl Credentials {
    fn in_use(&self) -> MutexGuard<'_, HashMap<Credential, Holders>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a principal's stream, which is revoked together with the principal's credential.
    pub(super) fn add(self: &Arc<Self>, principal: Principal, handle: &Arc<StreamHandle>) -> CredentialUse {
        let credential = (principal.key_id, principal.login_id);
        let mut in_use = self.in_use();
        let holders = in_use.entry(credential).or_insert_with(|| Holders { principal, streams: Slab::new() });
        let key = holders.streams.insert(Arc::clone(handle));
        CredentialUse { credentials: Arc::clone(self), credential, key }
    }

    /// Checks every credential once, and revokes the streams of those that are no longer valid.
    pub(super) async fn check(&self, store: &Store) {
        let principals: Vec<Principal> = self.in_use().values().map(|holders| holders.principal.clone()).collect();
        stream::iter(principals)
            .for_each_concurrent(CONCURRENT_CHECKS, |principal| async move {
                match store.is_still_valid(&principal).await {
                    Ok(true) => {}
                    Ok(false) => self.revoke((principal.key_id, principal.login_id)),
                    Err(error) => tracing::warn!(%error, "failed to check the key of a stream; retrying"),
                }
            })
            .await;
    }

    fn revoke(&self, credential: Credential) {
        if let Some(holders) = self.in_use().get(&credential) {
            for (_, handle) in &holders.streams {
                handle.revoke();
            }
        }
    }
}

/// A stream's use of a credential. Ends when dropped.
#[derive(Debug)]
pub(super) struct CredentialUse {
    credentials: Arc<Credentials>,
    credential: Credential,
    key: usize,
}

impl Drop for CredentialUse {
    fn drop(&mut self) {
        let mut in_use = self.credentials.in_use();
        let Some(holders) = in_use.get_mut(&self.credential) else { return };
        holders.streams.try_remove(self.key);
        if holders.streams.is_empty() {
            in_use.remove(&self.credential);
        }
    }
}

#[cfg(test)]
mod tests {
    use banter_shared::chat::{UserRef, UserRole};

    use super::*;

    #[test]
    fn revokes_all_streams_of_a_credential_and_no_others() {
        let credentials = Arc::<Credentials>::default();
        let [first, second, other]: [Arc<StreamHandle>; 3] = Default::default();
        let principal = |key_id| Principal { user: UserRef::local(), role: UserRole::Member, key_id, login_id: None };
        let (revoked, kept) = (KeyId::generate(), KeyId::generate());
        let uses = [(revoked, &first), (revoked, &second), (kept, &other)]
            .map(|(key, handle)| credentials.add(principal(Some(key)), handle));
        assert_eq!(credentials.in_use().len(), 2);

        credentials.revoke((Some(revoked), None));

        assert!(first.is_revoked() && second.is_revoked() && !other.is_revoked());
        drop(uses);
        assert!(credentials.in_use().is_empty());
    }
}
