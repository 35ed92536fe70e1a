//! What is wrong with a policy.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    line: usize,
    member: String,
    reason: String,
}

impl Fault {
    pub(super) fn new(line: usize, member: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            line,
            member: member.into(),
            reason: reason.into(),
        }
    }

    /// The line of the document, counted from 1.
    pub fn line(&self) -> usize {
        self.line
    }

    /// The path of the member, such as `purposes.offers.idle_months` or `senders[2].label`, where lists count from 1; empty
    /// for the document as a whole.
    pub fn member(&self) -> &str {
        &self.member
    }

    /// What is wrong and what would be right.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.member.is_empty() {
            write!(f, "{}: ", self.member)?;
        }
        f.write_str(&self.reason)
    }
}

/// All that is wrong with a policy, at least one fault, in the order of the lines. Displays one fault a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFaults(Vec<Fault>);

impl PolicyFaults {
    pub(super) fn from_faults(mut faults: Vec<Fault>) -> Self {
        if faults.is_empty() {
            // Nobody gives up on a document without a reason; should it happen, it is still no policy.
            faults.push(Fault::new(1, "", "cannot be read"));
        }
        faults.sort();
        faults.dedup();
        Self(faults)
    }

    /// The faults in the order of the lines.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl fmt::Display for PolicyFaults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyFaults {}
