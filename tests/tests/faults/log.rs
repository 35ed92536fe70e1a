//! What the functions log, case by case.

use std::io::Write;
use std::sync::{Arc, Mutex, OnceLock};

use serde_json::Value;
use tracing::level_filters::LevelFilter;
use tracing::{Instrument, info_span};

/// Everything that was logged in this process.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn of_this_process() -> &'static Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        LOG.get_or_init(|| {
            let log = Self::default();
            let writer = log.clone();
            let subscriber = platform::logs::subscriber(LevelFilter::TRACE, move || writer.clone());
            tracing::subscriber::set_global_default(subscriber).expect("nobody else has set a subscriber");
            log
        })
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Does the work of a case, and is what it came to with every line that was logged meanwhile.
pub(crate) async fn logged<T>(case: &str, work: impl Future<Output = T>) -> (T, Vec<Value>) {
    let log = Log::of_this_process();
    let done = work.instrument(info_span!("faulty", case)).await;
    let bytes = log.0.lock().unwrap();
    let lines = std::str::from_utf8(&bytes).unwrap().lines();
    let of_case = lines.filter(|line| line.contains(case));
    (done, of_case.map(|line| serde_json::from_str(line).unwrap()).collect())
}
