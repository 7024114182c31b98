//! [`Leaves`]: the parameters on a tape.

use crate::parameter::{ParameterId, ParameterMap};

/// The parameters on a tape. A parameter whose value an optimizer has changed since it was put on
/// the tape has a second leaf, with the new value.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    /// The place of each leaf on the tape, in order, and its parameter.
    all: Vec<(u32, ParameterId)>,
    /// Which of them is the last one of a parameter. An entry is of a step that has ended if it is
    /// not the parameter's in `all`: the next step has the same parameters, and finds its entries.
    last: ParameterMap<u32>,
}

impl Leaves {
    /// All leaves, and which of them is the last one of a parameter: to be set if one is added.
    #[inline]
    pub(crate) fn last_mut(&mut self, id: ParameterId) -> (&mut Vec<(u32, ParameterId)>, &mut u32) {
        (&mut self.all, self.last.entry(id).or_insert(u32::MAX))
    }

    /// The place of a leaf on the tape.
    #[inline]
    pub(crate) fn place(&self, leaf: u32) -> u32 {
        self.all[leaf as usize].0
    }

    /// The places and the parameters of all leaves.
    #[inline]
    pub(crate) fn all(&self) -> &[(u32, ParameterId)] {
        &self.all
    }

    /// Which leaf is at a place, and its parameter.
    pub(crate) fn at(&self, place: u32) -> Option<(u32, ParameterId)> {
        let leaf = self.all.binary_search_by_key(&place, |&(place, _)| place).ok()?;
        Some((leaf as u32, self.all[leaf].1))
    }

    /// Moves a leaf to another place. The order of the leaves stays the same.
    pub(crate) fn moved(&mut self, from: u32, to: u32) {
        if let Some((leaf, _)) = self.at(from) {
            self.all[leaf as usize].0 = to;
        }
    }

    /// Removes the leaves at the places from `first` on, and returns the number of the others.
    pub(crate) fn truncate(&mut self, first: u32) -> u32 {
        let stay = self.all.partition_point(|&(place, _)| place < first);
        self.all.truncate(stay);
        stay as u32
    }

    #[inline]
    pub(crate) fn clear(&mut self) {
        // Otherwise parameters that are no longer used would stay forever.
        if self.last.len() > 2 * self.all.len() {
            self.last.clear();
        }
        self.all.clear();
    }
}
