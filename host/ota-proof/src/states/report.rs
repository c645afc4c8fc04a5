//! What a search came to, and how to get to a state.

use core::fmt;
use std::sync::Arc;

/// What a search came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// States.
    pub states: u64,
    /// Edges: acts from a state, whole or cut.
    pub edges: u64,
    /// Of these, those that ended in a power cut.
    pub cuts: u64,
    /// Boots that ended in recovery, since too much had rotted.
    pub recoveries: u64,
    /// Levels until nothing new appeared.
    pub levels: u64,
    /// The most units that one act erased.
    pub erases: u64,
    /// What does not hold, each with the way to it.
    pub failures: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states, {} edges ({} power cuts), {} levels, {} recoveries, at most {} erases an act, {} failures",
            self.states,
            self.edges,
            self.cuts,
            self.levels,
            self.recoveries,
            self.erases,
            self.failures.len()
        )?;
        self.failures
            .iter()
            .try_for_each(|failure| write!(f, "\n{failure}"))
    }
}

/// Acts, shared with those that begin alike.
#[derive(Clone, Default)]
pub(crate) struct Path(Option<Arc<(Path, String)>>);

impl Path {
    pub(crate) fn then(&self, act: String) -> Self {
        Self(Some(Arc::new((self.clone(), act))))
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => f.write_str("start"),
            Some(link) => write!(f, "{} > {}", link.0, link.1),
        }
    }
}
