//! A value that is loaded from elsewhere and kept for a while.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::logs;

/// Why a value could not be loaded.
pub type LoadError = Box<dyn Error + Send + Sync>;

type Load<T> = dyn Fn(Option<Arc<T>>) -> Pin<Box<dyn Future<Output = Result<Arc<T>, LoadError>> + Send>> + Send + Sync;

/// How long an old value is served before the source is asked again after it failed. A source that fails by not answering
/// would otherwise hold up every request for as long as a call may take.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(15);

/// A value that is loaded when it is first asked for and again when it has grown old.
///
/// - However many ask at once, the source is asked once: the others wait for its answer.
/// - If the source fails, the old value is served, however old, and the failure is logged; but not to whom only a new one is of use.
/// - The time is the caller's, so that a test need not wait.
pub struct Cached<T> {
    what: &'static str,
    lifetime: Duration,
    load: Box<Load<T>>,
    kept: Mutex<Option<Kept<T>>>,
}

struct Kept<T> {
    value: Arc<T>,
    /// From when on the source is asked again.
    stale: Instant,
    renewed: Option<Instant>,
    /// When the source failed last, if it has not answered since.
    failed: Option<Instant>,
}

/// The value is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum Unavailable {
    /// The source failed.
    #[error("{what} could not be loaded")]
    Failed {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The source failed before, so it is left alone for a while.
    #[error("{what} could not be loaded a moment ago")]
    LeftAlone {
        /// What it is.
        what: &'static str,
    },
}

impl<T> Cached<T> {
    /// A value that `load` gets. It is given the old one, which it may hand back if that is still what the source has. `what` says in logs
    /// and errors what it is, such as "the policy".
    pub fn new<F, L>(what: &'static str, lifetime: Duration, load: L) -> Self
    where
        L: Fn(Option<Arc<T>>) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Arc<T>, LoadError>> + Send + 'static,
    {
        Self {
            what,
            lifetime,
            load: Box::new(move |old| Box::pin(load(old))),
            kept: Mutex::new(None),
        }
    }

    /// The value; loaded, if there is none yet or it has grown old.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], if it has never been loaded and cannot be now.
    pub async fn get(&self, now: Instant) -> Result<Arc<T>, Unavailable> {
        let mut kept = self.kept.lock().await;
        let old = match &*kept {
            Some(kept) if now < kept.stale => return Ok(Arc::clone(&kept.value)),
            old => old.as_ref().map(|old| Arc::clone(&old.value)),
        };
        match (self.load_into(&mut kept, now).await, old) {
            (Err(error), Some(old)) => {
                tracing::warn!(error = %logs::chain(&error), "the old value is served");
                Ok(old)
            }
            (loaded, _) => loaded,
        }
    }

    /// The value, loaded again even if it has not grown old; but if that was done less than `at_most_every` ago, the value that is there.
    ///
    /// # Errors
    ///
    /// [`Unavailable`], if it cannot be loaded now, or could not a moment ago: an old value is not what is asked for.
    pub async fn renew(&self, now: Instant, at_most_every: Duration) -> Result<Arc<T>, Unavailable> {
        let mut kept = self.kept.lock().await;
        if let Some(kept) = &*kept {
            let within =
                |since: Option<Instant>, pause| since.is_some_and(|since| now.saturating_duration_since(since) < pause);
            if within(kept.renewed, at_most_every) {
                return Ok(Arc::clone(&kept.value));
            }
            if within(kept.failed, PAUSE_AFTER_FAILURE) {
                return Err(Unavailable::LeftAlone { what: self.what });
            }
        }
        let value = self.load_into(&mut kept, now).await?;
        if let Some(kept) = &mut *kept {
            kept.renewed = Some(now);
        }
        Ok(value)
    }

    /// The value as the source has it now. If the source fails, the old one is kept for a while longer.
    async fn load_into(&self, kept: &mut Option<Kept<T>>, now: Instant) -> Result<Arc<T>, Unavailable> {
        let old = kept.as_ref().map(|kept| Arc::clone(&kept.value));
        match (self.load)(old).await {
            Ok(value) => {
                *kept = Some(Kept {
                    value: Arc::clone(&value),
                    stale: now + self.lifetime,
                    renewed: kept.as_ref().and_then(|old| old.renewed),
                    failed: None,
                });
                Ok(value)
            }
            Err(source) => {
                if let Some(old) = kept {
                    old.stale = old.stale.max(now + PAUSE_AFTER_FAILURE);
                    old.failed = Some(now);
                }
                Err(Unavailable::Failed {
                    what: self.what,
                    source,
                })
            }
        }
    }
}

impl<T> fmt::Debug for Cached<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cached")
            .field("what", &self.what)
            .field("lifetime", &self.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    /// A source that counts how often it is asked, answers with the count, and fails at the counts given.
    struct Source {
        asked: Arc<AtomicUsize>,
        cached: Cached<usize>,
    }

    fn source(failures: &'static [usize]) -> Source {
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let cached = Cached::new("the count", 5 * MINUTE, move |_| {
            let counter = Arc::clone(&counter);
            async move {
                // Gives way in the middle, so that others get to ask while this one is on its way.
                tokio::task::yield_now().await;
                let count = counter.fetch_add(1, Ordering::SeqCst) + 1;
                if failures.contains(&count) {
                    Err("out of order".into())
                } else {
                    Ok(Arc::new(count))
                }
            }
        });
        Source { asked, cached }
    }

    impl Source {
        async fn get(&self, now: Instant) -> usize {
            *self.cached.get(now).await.unwrap()
        }

        async fn renew(&self, now: Instant) -> Option<usize> {
            self.cached.renew(now, MINUTE).await.ok().map(|value| *value)
        }
    }

    #[tokio::test]
    async fn a_value_is_kept_until_it_has_grown_old() {
        let (source, start) = (source(&[]), Instant::now());
        assert_eq!(source.get(start).await, 1);
        assert_eq!(source.get(start + 5 * MINUTE - Duration::from_nanos(1)).await, 1);
        assert_eq!(source.get(start + 5 * MINUTE).await, 2);
    }

    #[tokio::test]
    async fn however_many_ask_at_once_the_source_is_asked_once() {
        let (source, start) = (source(&[]), Instant::now());
        let answers = tokio::join!(source.get(start), source.get(start), source.get(start));
        assert_eq!(answers, (1, 1, 1));
        assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn while_the_source_fails_the_old_value_is_served_and_the_source_is_left_alone_for_a_while() {
        let (source, start) = (source(&[2, 3]), Instant::now());
        assert_eq!(source.get(start).await, 1);
        let old = start + 60 * MINUTE;
        assert_eq!(source.get(old).await, 1);
        assert_eq!(source.get(old + PAUSE_AFTER_FAILURE / 2).await, 1);
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
        assert_eq!(source.get(old + PAUSE_AFTER_FAILURE).await, 1);
        assert_eq!(source.get(old + 2 * PAUSE_AFTER_FAILURE).await, 4);
    }

    #[tokio::test]
    async fn without_an_old_value_a_failure_is_told_and_the_next_one_asks_again() {
        let (source, start) = (source(&[1]), Instant::now());
        let error = source.cached.get(start).await.unwrap_err();
        assert_eq!(
            logs::chain(&error).to_string(),
            "the count could not be loaded: out of order"
        );
        assert_eq!(source.get(start).await, 2);
    }

    #[tokio::test]
    async fn a_value_can_be_renewed_but_not_too_often() {
        let (source, start) = (source(&[]), Instant::now());
        assert_eq!(source.get(start).await, 1);
        assert_eq!(source.renew(start).await, Some(2));
        assert_eq!(source.renew(start + MINUTE / 2).await, Some(2));
        assert_eq!(source.renew(start + MINUTE).await, Some(3));
        assert_eq!(source.get(start + 6 * MINUTE - Duration::from_nanos(1)).await, 3);
    }

    #[tokio::test]
    async fn who_needs_a_new_value_is_not_given_an_old_one_and_the_source_that_failed_is_left_alone_for_a_while() {
        let (source, start) = (source(&[2]), Instant::now());
        assert_eq!(source.get(start).await, 1);
        assert_eq!(source.renew(start).await, None);
        assert_eq!(source.renew(start + PAUSE_AFTER_FAILURE / 2).await, None);
        assert_eq!(source.get(start + PAUSE_AFTER_FAILURE / 2).await, 1);
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
        assert_eq!(source.renew(start + PAUSE_AFTER_FAILURE).await, Some(3));
    }

    #[tokio::test]
    async fn a_source_that_failed_when_the_value_had_grown_old_is_not_asked_for_a_new_one_at_once() {
        let (source, start) = (source(&[2]), Instant::now());
        assert_eq!(source.get(start).await, 1);
        let old = start + 5 * MINUTE;
        assert_eq!(source.get(old).await, 1);
        assert_eq!(source.renew(old).await, None);
        assert_eq!(source.asked.load(Ordering::SeqCst), 2);
    }
}
