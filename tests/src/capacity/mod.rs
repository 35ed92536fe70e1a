//! What requests consume at DynamoDB, computed by the rules that AWS publishes: a stand-in reports what it likes.
//!
//! | request | consumes |
//! |---|---|
//! | strongly consistent read of an item | a read unit for each 4 KB begun, one at least, also where there is none |
//! | eventually consistent read | half of that |
//! | BatchGetItem | as its items would, one by one |
//! | Query | as one item of the size of all that it went through, whatever it returns of them |
//! | write of an item | a write unit for each KB begun of the larger of the item before and after |
//! | refused write | the same for the item as it is |
//! | action of a transaction, a mere check and a cancelled one too | twice that |
//! | what an index holds of an item | a write unit for each KB begun when it is put or deleted, both when its place changes |

mod meter;
mod size;

use std::fmt;
use std::iter::Sum;
use std::ops::Add;

pub use meter::Meter;
pub use size::{Item, size};

/// How many bytes a read unit reads.
const READ: usize = 4 * 1024;

/// How many bytes a write unit writes.
const WRITE: usize = 1024;

/// Read and write units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Units {
    /// An eventually consistent read takes halves.
    half_reads: u64,
    writes: u64,
}

impl Units {
    /// How many read units these are.
    #[expect(clippy::cast_precision_loss, reason = "no test consumes so much")]
    pub fn reads(self) -> f64 {
        self.half_reads as f64 / 2.0
    }

    /// How many write units these are.
    #[expect(clippy::cast_precision_loss, reason = "no test consumes so much")]
    pub fn writes(self) -> f64 {
        self.writes as f64
    }

    /// A read of so many bytes.
    fn read(bytes: usize, consistency: Consistency) -> Self {
        let halves = match consistency {
            Consistency::Strong => 2,
            Consistency::Eventual => 1,
        };
        Self {
            half_reads: begun(bytes, READ) * halves,
            writes: 0,
        }
    }

    /// A write of so many bytes.
    fn write(bytes: usize) -> Self {
        Self {
            half_reads: 0,
            writes: begun(bytes, WRITE),
        }
    }

    /// The same in a transaction, which prepares and commits.
    fn twice(self) -> Self {
        self + self
    }
}

/// How sure a reader is to see what was written last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Consistency {
    Strong,
    Eventual,
}

fn begun(bytes: usize, unit: usize) -> u64 {
    bytes.div_ceil(unit).max(1) as u64
}

impl Add for Units {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            half_reads: self.half_reads + other.half_reads,
            writes: self.writes + other.writes,
        }
    }
}

impl Sum for Units {
    fn sum<I: Iterator<Item = Self>>(units: I) -> Self {
        units.fold(Self::default(), Add::add)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} read and {} write units", self.reads(), self.writes())
    }
}

#[cfg(test)]
mod tests {
    use super::Consistency::{Eventual, Strong};
    use super::*;

    const KB: usize = 1024;

    /// The examples of the developer guide's page on read and write operations.
    #[test]
    fn reads_cost_what_the_developer_guide_says() {
        assert_eq!(Units::read(7 * KB / 2, Strong).reads(), 1.0);
        assert_eq!(Units::read(10 * KB, Strong).reads(), 3.0);
        assert_eq!(Units::read(8 * KB, Strong).reads(), 2.0);
        assert_eq!(Units::read(8 * KB, Eventual).reads(), 1.0);
        // A batch of 1.5 and 6.5 KB is 4 and 8 KB, not 8 for both; a query of 40.8 KB is 44.
        let batch = Units::read(3 * KB / 2, Strong) + Units::read(13 * KB / 2, Strong);
        assert_eq!(batch.reads(), 3.0);
        assert_eq!(Units::read(408 * KB / 10, Strong).reads(), 11.0);
    }

    #[test]
    fn what_is_not_there_is_read_at_the_price_of_the_smallest() {
        assert_eq!(Units::read(0, Strong).reads(), 1.0);
        assert_eq!(Units::read(0, Eventual).reads(), 0.5);
    }

    #[test]
    fn writes_cost_what_the_developer_guide_says() {
        assert_eq!(Units::write(500).writes(), 1.0);
        assert_eq!(Units::write(3 * KB / 2).writes(), 2.0);
        assert_eq!(Units::write(500).twice().writes(), 2.0);
        // A batch of 500 bytes and 3.5 KB is 1 and 4 KB.
        assert_eq!((Units::write(500) + Units::write(7 * KB / 2)).writes(), 5.0);
    }
}
