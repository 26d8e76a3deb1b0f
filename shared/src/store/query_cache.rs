//! A cache that keeps query results for a short time, so that monitoring cannot overload the database.

use std::{fmt, time::Duration};

use tokio::{sync::Mutex, time::Instant};

use super::StoreError;

/// The latest result of a query.
pub(super) struct QueryCache<T> {
    last: Mutex<Option<CachedResult<T>>>,
}

struct CachedResult<T> {
    began_at: Instant,
    value: T,
}

impl<T> Default for QueryCache<T> {
    fn default() -> Self {
        Self { last: Mutex::default() }
    }
}

impl<T> fmt::Debug for QueryCache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("QueryCache")
    }
}

impl<T: Clone> QueryCache<T> {
    /// Returns a result that is at most `age` old, running `query` if necessary. Only one query runs at a time. Errors
    /// are not cached.
    pub(super) async fn get(
        &self,
        age: Duration,
        query: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.get_at(Instant::now, age, query).await
    }

    async fn get_at(
        &self,
        now: impl Fn() -> Instant,
        age: Duration,
        query: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut last = self.last.lock().await;
        if let Some(cached) = last.as_ref().filter(|last| now().duration_since(last.began_at) < age) {
            return Ok(cached.value.clone());
        }
        let began_at = now();
        *last = None;
        let value = query.await?;
        *last = Some(CachedResult { began_at, value: value.clone() });
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    const AGE: Duration = Duration::from_secs(1);

    #[tokio::test]
    async fn concurrent_calls_share_one_query() {
        let (cache, queries, start) = (QueryCache::default(), AtomicU32::new(0), Instant::now());
        let ask = |after: Duration| {
            let query = async {
                tokio::task::yield_now().await;
                Ok(queries.fetch_add(1, Ordering::Relaxed))
            };
            cache.get_at(move || start + after, AGE, query)
        };

        let answers = futures::future::join_all((0..50).map(|_| ask(AGE / 2))).await;
        let (later, last) = (ask(AGE).await, ask(AGE / 2 + AGE).await);

        assert!(answers.iter().all(|answer| matches!(answer, Ok(0))), "{answers:?}");
        assert!(matches!((later, last), (Ok(0), Ok(1))));
    }

    #[tokio::test]
    async fn does_not_cache_errors() {
        let cache = QueryCache::default();

        assert!(cache.get(AGE, async { Err::<u32, _>(StoreError::Busy) }).await.is_err());
        assert!(matches!(cache.get(AGE, async { Ok(7) }).await, Ok(7)));
    }
}
